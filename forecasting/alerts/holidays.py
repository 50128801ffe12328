"""Public holidays: taken out of values before they are judged, and put back into what is expected of such a day.

Not for events of a crisis calendar: a mood that rises in a known crisis is still worth an alert.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import cast

import numpy as np
import polars as pl
from scipy import special

from forecasting.alerts.grid import STEP_DAYS, Frequency, Grid
from forecasting.alerts.regression import Floats
from forecasting.known_days import known_days, past_effects
from forecasting.matrix import Matrix, to_model_scale


def places_of_rows(grid: Grid, *, places: pl.Series) -> list[str | None]:
    """The place of each series of the grid, from the place of each row of its frame."""
    found = np.full(grid.shape[0], None, dtype=object)
    found[grid.row] = places.to_numpy()
    return found.tolist()


def last_end(days: pl.Series, *, frequency: Frequency) -> dt.date:
    """The last day of the newest period; weeks end on Sundays."""
    newest = cast(dt.date, days.max())
    return newest if frequency == "day" else newest + dt.timedelta(days=6 - newest.weekday())


def holiday_effects(
    values: Floats,
    *,
    trials: Floats | None,
    places: Sequence[str | None],
    last: dt.date,
    frequency: Frequency,
) -> Floats:
    """(series, periods) what public holidays add on the log (counts) or logit (shares) scale, 0 on other days.

    `places` names an ISO country or a part of one for each series, None for no holidays; `last` is the last day of the
    last period. The effect of a holiday is learnt from its earlier years alone: a first one has none.
    """
    if not any(places):
        return np.zeros(values.shape)
    ids = tuple(str(k) for k in range(len(values)))
    matrix = Matrix(
        ids=ids, reference=last, frequency=frequency, kind="count" if trials is None else "share",
        values=values, n=np.full(values.shape, np.nan) if trials is None else trials,
    )  # fmt: skip
    first = last - dt.timedelta(days=STEP_DAYS[frequency] * values.shape[1])
    known = known_days(dict(zip(ids, places, strict=True)), first=first, last=last)
    if known.frame.is_empty():
        return np.zeros(values.shape)
    return past_effects(to_model_scale(matrix), matrix=matrix, known=known)


def shifted(values: Floats, *, trials: Floats | None, by: Floats) -> Floats:
    """Values moved by `by` on the log or logit scale; where that is 0 they stay as they are."""
    moved = values.copy()
    at = (by != 0.0) & np.isfinite(values)
    if trials is None:
        moved[at] = np.maximum(np.expm1(np.log1p(values[at]) + by[at]), 0.0)
    else:
        n = trials[at]
        share = special.expit(special.logit((values[at] * n + 0.5) / (n + 1.0)) + by[at])
        moved[at] = np.clip((share * (n + 1.0) - 0.5) / n, 0.0, 1.0)
    return moved


def without_holidays(values: Floats, *, trials: Floats | None, effects: Floats) -> Floats:
    """Values as they would have been on ordinary days; counts stay whole."""
    moved = shifted(values, trials=trials, by=-effects)
    return np.rint(moved) if trials is None else moved
