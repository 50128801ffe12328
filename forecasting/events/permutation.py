"""Circular-shift test of a whole calendar: do signals move at its events more than at the same calendar shifted?

Not for one event (`study.py`), and not for causes.

All events are moved together by the same number of days round the span of the series, so that the distances
between events, and the autocorrelation of the series, stay as they are; only where they meet changes. Every shift
is tried up to 2,000 days, beyond that a seeded sample. p = (1 + k) / (1 + n), k of n shifts at least as large
(Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 4.3; circular shifts as in Harris,
"Nonsense correlations in neuroscience", 2020). The ends of a series do not meet, which is the method's weak spot:
a series that drifts all the way is judged by a seam that nature never made.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecasting.alerts.fdr import q_values
from forecasting.events.study import StudySpec, column_of, moves
from forecasting.matrix import Floats, Matrix

MOST_ENUMERATED, SAMPLED = 2000, 1999
LEAST_SHIFTS, LEAST_EVENTS = 39, 2
ANY_DIRECTION, SAME_DIRECTION = "any_direction", "same_direction"
QUESTIONS = (ANY_DIRECTION, SAME_DIRECTION)
FEW_EVENTS, FEW_DAYS = "too_few_events", "too_few_days"
REASONS = (FEW_EVENTS, FEW_DAYS)
SCHEMA = pl.Schema(
    {"series_id": pl.String(), "question": pl.String(), "n_events": pl.Int64(), "n_shifts": pl.Int64(),
     "statistic": pl.Float64(), "usual": pl.Float64(), "p_value": pl.Float64(), "q_value": pl.Float64(),
     "reason": pl.String()}
)  # fmt: skip


def calendar_tests(
    matrix: Matrix, *, starts: Mapping[str, list[dt.date]], spec: StudySpec, seed: int
) -> pl.DataFrame:
    """Two rows per series of `starts` (series_id → first days of its events), in the columns of `SCHEMA`.

    `any_direction` asks about the mean absolute move (on the modelling scale, `study.moves`), `same_direction`
    about the absolute mean move, to which events that pull apart add nothing. `usual` is the mean over shifts;
    `q_value` is Benjamini-Hochberg over all rows with a p-value. `n_events` counts events with a move: inside
    the span and with enough days around them.
    """
    found = moves(matrix, spec=spec).move
    inside = slice(spec.baseline, max(matrix.periods - spec.window + 1, spec.baseline))
    rows: list[dict[str, object]] = []
    for number, series_id in enumerate(matrix.ids):
        if series_id in starts:
            at = np.array(
                [column_of(matrix, day) - spec.baseline for day in starts[series_id]], dtype=np.int64
            )
            tested = _tested(found[number, inside], at=at, seed=seed)
            rows += [{"series_id": series_id, "question": name} | row for name, row in tested.items()]
    frame = pl.DataFrame(rows, schema={name: SCHEMA[name] for name in SCHEMA.names() if name != "q_value"})
    p = frame["p_value"].fill_null(float("nan")).to_numpy()
    return frame.with_columns(q_value=pl.Series(q_values(p), dtype=pl.Float64).fill_nan(None)).select(
        SCHEMA.names()
    )


def _tested(move: Floats, *, at: NDArray[np.int64], seed: int) -> dict[str, dict[str, object]]:
    """Both questions for one series, whose moves lie on a circle; `at` are places on it."""
    days = len(move)
    at = at[(at >= 0) & (at < days)]
    n_events = int((~np.isnan(move[at])).sum())
    shifts = _shifts(days, seed=seed)
    if n_events < LEAST_EVENTS:
        return {name: _nothing(n_events, reason=FEW_EVENTS) for name in QUESTIONS}
    real, _ = _statistics(move[at][None, :])
    shifted, usable = _statistics(move[(at[None, :] + shifts[:, None]) % days])
    # A shift under which most events fall into gaps says little; one day alone would be a wild mean.
    shifted = shifted[:, 2 * usable >= n_events]
    if shifted.shape[1] < LEAST_SHIFTS:
        return {name: _nothing(n_events, reason=FEW_DAYS) for name in QUESTIONS}
    return {
        name: {
            "n_events": n_events,
            "n_shifts": shifted.shape[1],
            "statistic": float(real[row, 0]),
            "usual": float(shifted[row].mean()),
            # A hair of tolerance, so that a shift onto itself in another order of summing counts as equal.
            "p_value": float((1 + (shifted[row] >= real[row, 0] - 1e-12).sum()) / (1 + shifted.shape[1])),
            "reason": None,
        }
        for row, name in enumerate(QUESTIONS)
    }


def _statistics(move: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """[question, shift] of [shift, event], over the events with a move, and how many those are."""
    usable = (~np.isnan(move)).sum(axis=1)
    count = np.maximum(usable, 1)
    return np.stack(
        [np.nansum(np.abs(move), axis=1) / count, np.abs(np.nansum(move, axis=1)) / count]
    ), usable


def _shifts(days: int, *, seed: int) -> NDArray[np.int64]:
    if days <= MOST_ENUMERATED:
        return np.arange(1, days, dtype=np.int64)
    return np.random.default_rng(seed).choice(np.arange(1, days, dtype=np.int64), SAMPLED, replace=False)


def _nothing(n_events: int, *, reason: str) -> dict[str, object]:
    numbers = dict.fromkeys(("statistic", "usual", "p_value"), None)
    return {"n_events": n_events, "n_shifts": 0, **numbers, "reason": reason}
