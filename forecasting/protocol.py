"""The hit rate of peaks by the protocol of a published study, and honest figures on the same forecasts.

Only for comparison with Tommasel, Diaz-Pace, Rodriguez and Godoy (2021). Not for alerts, which `peaks/` judges.

The study joins forecasts of a week, made week after week, to one series; peaks of it and of what was observed are found
with centred means and with thresholds of the whole span (`events/peaks.py`), and a true peak counts as hit where a
predicted one lies some days before or *after* it. Beside that: peaks found on both with what was known on their day; an
alarm must come before its peak or on it, and each is matched once; and how as many alarms on a plain calendar do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecasting.calibrate import LEVELS
from forecasting.events.peaks import Protocol, peaks
from forecasting.matrix import Floats, Matrix, from_model_scale, usual_n
from forecasting.peaks.judge import calendar_f1, calendars, matched
from forecasting.rolling import Run

WINDOWS = (2, 3, 7)
Days = NDArray[np.int64]
SCHEMA = pl.Schema(
    {"target": pl.String(), "model_id": pl.String(), "window_days": pl.Int64(), "n_peaks": pl.Int64(),
     "n_alarms": pl.Int64(), "hit_rate": pl.Float64(), "calendar_hit_rate": pl.Float64(), "n_causal_peaks": pl.Int64(),
     "n_causal_alarms": pl.Int64(), "precision": pl.Float64(), "recall": pl.Float64(), "f1": pl.Float64(),
     "calendar_f1": pl.Float64()}
)  # fmt: skip


def joined(runs: Sequence[Run]) -> pl.DataFrame:
    """Medians of the runs' forecasts, end to end: target, model_id, time_value, predicted, in the series' unit.

    Steps must not overlap: as many periods between runs as each looks ahead. Days on which a model fell back to a flat
    line are absent.
    """
    frames = [_medians(run, name=name) for run in runs for name in run.quantiles]
    return pl.concat(frames).drop_nulls("predicted")


def _medians(run: Run, *, name: str) -> pl.DataFrame:
    middle = run.quantiles[name][:, :, len(LEVELS) // 2]
    middle = np.where(run.fallback[name][:, None], np.nan, middle)
    natural = from_model_scale(middle, kind=run.matrix.kind, n=usual_n(run.matrix))
    steps = range(1, natural.shape[1] + 1)
    days = [run.matrix.reference + dt.timedelta(days=step * run.matrix.step) for step in steps]
    return pl.DataFrame(
        {
            "target": [name for name in run.matrix.ids for _ in days],
            "model_id": name,
            "time_value": days * len(run.matrix.ids),
            "predicted": natural.reshape(-1),
        },
        schema_overrides={"target": pl.String(), "time_value": pl.Date()},
    ).with_columns(pl.col("predicted").fill_nan(None))


def hit_rates(forecasts: pl.DataFrame, *, truth: pl.DataFrame) -> pl.DataFrame:
    """One row per series, model and window, in the columns of `SCHEMA`.

    `forecasts`: target, model_id, time_value, predicted (`joined`); `truth`: target, time_value, value. Only days that
    have both are looked at. `n_peaks`, `n_alarms`, `hit_rate` and `calendar_hit_rate` are the study's, the others
    honest. Rates are null where there is no peak (precision: no alarm; F1: neither).
    """
    seen = truth.select("target", "time_value", "value").drop_nulls("value")
    both = forecasts.join(seen, on=["target", "time_value"]).sort("target", "model_id", "time_value")
    rows = [
        (*key, *row)
        for key, part in both.group_by("target", "model_id", maintain_order=True)
        for row in _judged(part)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(pl.selectors.float().fill_nan(None))


def _judged(part: pl.DataFrame) -> list[tuple[int | float, ...]]:
    """The rows of one series and model: window_days and what follows it."""
    tops, alarms = (_peak_days(part, column=name, protocol="study") for name in ("value", "predicted"))
    begins, raised = (_peak_days(part, column=name, protocol="causal") for name in ("value", "predicted"))
    periods = int(_places(part)[-1]) + 1
    plans = calendars(periods, count=len(alarms))
    rows: list[tuple[int | float, ...]] = []
    for within in WINDOWS:
        # From `within` days before the peak to the day itself.
        steps, lag = within + 1, -1
        hits = matched(raised, begins=begins, steps=steps, lag=lag)
        rows.append((
            within, len(tops), len(alarms), hit_rate(tops, alarms=alarms, within=within),
            float(np.mean([hit_rate(tops, alarms=plan, within=within) for plan in plans])),
            len(begins), len(raised), hits.precision, hits.recall, hits.f1,
            calendar_f1(periods, count=len(raised), begins=begins, steps=steps, lag=lag),
        ))  # fmt: skip
    return rows


def hit_rate(tops: Days, *, alarms: Days, within: int) -> float:
    """Share of the peaks with an alarm at most `within` days before or after; NaN without a peak."""
    if not len(tops):
        return np.nan
    if not len(alarms):
        return 0.0
    return float(np.mean(np.abs(tops[:, None] - alarms[None, :]).min(axis=1) <= within))


def _places(part: pl.DataFrame) -> Days:
    """Days since the first."""
    days = part["time_value"].to_physical().to_numpy().astype(np.int64)
    return np.asarray(days - days[0])


def _peak_days(part: pl.DataFrame, *, column: str, protocol: Protocol) -> Days:
    places = _places(part)
    values: Floats = np.full((1, places[-1] + 1), np.nan)
    values[0, places] = part[column].to_numpy()
    last = part["time_value"][-1]
    unknown = np.full_like(values, np.nan)
    matrix = Matrix(ids=("",), reference=last, frequency="day", kind="index", values=values, n=unknown)
    found = peaks(matrix, errors=unknown, protocol=protocol)["day"]
    return np.array([(day - last).days + places[-1] for day in found], dtype=np.int64)


def averages(rates: pl.DataFrame) -> pl.DataFrame:
    """Per model and window: means over the series that have the figure, and n_series: those with a peak."""
    numbers = ["hit_rate", "calendar_hit_rate", "precision", "recall", "f1", "calendar_f1"]
    found = rates.group_by("model_id", "window_days").agg(
        pl.col(numbers).mean(), n_series=pl.col("hit_rate").is_not_null().sum()
    )
    return found.sort("model_id", "window_days")
