"""Event study: the mean of a signal after an event less what the days before let one expect, with an interval.

For description. Not for causes: whatever else happened in the same days is in the number too.

The move at day t is the mean, over the days of the window from t on, of the value less the mean of the same
weekday in the baseline before t; in weekly series, of all weeks of the baseline. Nothing after the window is used.
Shares are worked on as logits and reported in points. The spread of the move where nothing happened is taken from
the same statistic at all placebo days before the event, which keeps the autocorrelation of the series: windows
overlap, so there are as many independent ones as whole windows fit, and that is the t distribution's degrees of
freedom. To judge an event by its own estimation period is MacKinlay's idea ("Event studies in economics and
finance", Journal of Economic Literature 35:13-39, 1997); placebo days are ours in place of independent ones.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import t as student

from forecasting.matrix import Floats, Frequency, Matrix, from_model_scale, to_model_scale, usual_n

# What repeats: weekdays in daily series, nothing in weekly ones.
CYCLE: dict[Frequency, int] = {"day": 7, "week": 1}
LEAST_SAME_WEEKDAYS = 2
LEAST_PLACEBO_WINDOWS = 3
NOT_OVER, FEW_BEFORE, FEW_AFTER, FEW_PLACEBOS = (
    "window_not_over", "too_few_days_before", "too_few_days_after", "too_few_placebo_days",
)  # fmt: skip
REASONS = (NOT_OVER, FEW_BEFORE, FEW_AFTER, FEW_PLACEBOS)
_NUMBERS = ("before", "after", "effect", "low", "high", "p_value")
SCHEMA = pl.Schema(
    {"series_id": pl.String(), "event_id": pl.String(), **dict.fromkeys(_NUMBERS, pl.Float64()),
     **dict.fromkeys(("n_before", "n_after", "n_placebo", "sample_size"), pl.Int64()), "reason": pl.String()}
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StudySpec:
    """Days 0 to `window` - 1 from the event against the `baseline` days before it; weeks in weekly series.

    `placebo`: how far back placebo days are taken; `level`: of the interval.
    """

    window: int = 7
    baseline: int = 28
    placebo: int = 365
    level: float = 0.9


WEEKLY = StudySpec(window=1, baseline=8, placebo=104)


@dataclass(frozen=True)
class Moves:
    """[series, days], for a window that begins on each day: the move and what was expected, on the modelling
    scale, NaN where there is too little; observed days of the window and the baseline."""

    move: Floats
    expected: Floats
    n_after: NDArray[np.int64]
    n_before: NDArray[np.int64]


def moves(matrix: Matrix, *, spec: StudySpec) -> Moves:
    """The statistic at every day of every series, where at least half of the window and of the baseline is observed
    and, for each day of the window that is used, two of its weekday in the baseline."""
    scaled, cycle = to_model_scale(matrix), CYCLE[matrix.frequency]
    total, expected, used = np.zeros((3, *scaled.shape))
    for day in range(spec.window):
        back = [cycle * j - day for j in range(1, (spec.baseline + day) // cycle + 1) if cycle * j > day]
        usual = _usual(np.stack([_shifted(scaled, by=-days) for days in back]))
        value = _shifted(scaled, by=day)
        seen = ~np.isnan(value) & ~np.isnan(usual)
        total += np.where(seen, value - usual, 0.0)
        expected += np.where(seen, usual, 0.0)
        used += seen
    observed = ~np.isnan(scaled)
    before = sum(
        (_shifted(observed.astype(float), by=-days) == 1.0).astype(np.int64)
        for days in range(1, spec.baseline + 1)
    )
    enough = (2 * used >= spec.window) & (2 * before >= spec.baseline)
    with np.errstate(invalid="ignore", divide="ignore"):
        move, level = (np.where(enough, sums / used, np.nan) for sums in (total, expected))
    return Moves(move, level, used.astype(np.int64), np.asarray(before))


def event_effects(matrix: Matrix, *, events: pl.DataFrame, spec: StudySpec) -> pl.DataFrame:
    """One row per series and event (`event_id`, `start`), in the columns of `SCHEMA`.

    `effect` = `after` - `before`, in the units of the series, with the interval `low` to `high` at `spec.level`
    and a two-sided `p_value`; all six are null where `reason` says why. `n_placebo` counts placebo days,
    `sample_size` is the smallest number of people behind a day that was used.
    """
    found = moves(matrix, spec=spec)
    parts = [
        _one_event(matrix, found=found, at=column_of(matrix, start), spec=spec).with_columns(
            event_id=pl.lit(event_id)
        )
        for event_id, start in events.select("event_id", "start").iter_rows()
    ]
    return pl.concat([pl.DataFrame(schema=SCHEMA), *(part.select(SCHEMA.names()) for part in parts)])


def column_of(matrix: Matrix, day: dt.date) -> int:
    """The column of the period that holds a day; a week is called by its last day."""
    first = matrix.reference - dt.timedelta(days=(matrix.periods - 1) * matrix.step)
    return -((first - day).days // matrix.step)


def _one_event(matrix: Matrix, *, found: Moves, at: int, spec: StudySpec) -> pl.DataFrame:
    inside = 0 <= at < matrix.periods
    series = len(matrix.ids)
    zeros = np.zeros(series, dtype=np.int64)
    placebo = found.move[:, max(at - spec.window + 1 - spec.placebo, 0) : max(at - spec.window + 1, 0)]
    n_placebo = (~np.isnan(placebo)).sum(axis=1)
    nothing = np.full(series, np.nan)
    move, expected = (found.move[:, at], found.expected[:, at]) if inside else (nothing, nothing)
    frame = pl.DataFrame(
        {
            "series_id": list(matrix.ids),
            **_numbers(matrix, move=move, expected=expected, placebo=placebo, spec=spec),
            "n_before": found.n_before[:, at] if inside else zeros,
            "n_after": found.n_after[:, at] if inside else zeros,
            "n_placebo": n_placebo.astype(np.int64),
            "sample_size": _fewest(matrix, at=at, spec=spec),
        }
    )
    return _with_reason(frame, over=at + spec.window <= matrix.periods, spec=spec)


def _numbers(
    matrix: Matrix, *, move: Floats, expected: Floats, placebo: Floats, spec: StudySpec
) -> dict[str, Floats]:
    n_placebo = (~np.isnan(placebo)).sum(axis=1)
    freedom = np.maximum(n_placebo / spec.window, 1.0)
    spread = np.sqrt(np.nansum(placebo**2, axis=1) / np.maximum(n_placebo, 1))
    half = student.ppf(0.5 + spec.level / 2.0, freedom) * spread
    ends = {"before": expected, "after": expected + move}
    ends |= {"low": expected + move - half, "high": expected + move + half}
    people = usual_n(matrix)
    on_scale = {name: from_model_scale(end, kind=matrix.kind, n=people) for name, end in ends.items()}
    before = on_scale["before"]
    with np.errstate(invalid="ignore", divide="ignore"):
        p_value = 2.0 * student.sf(np.abs(move) / spread, freedom)
    return {
        "before": before, "after": on_scale["after"], "effect": on_scale["after"] - before,
        "low": on_scale["low"] - before, "high": on_scale["high"] - before, "p_value": p_value,
    }  # fmt: skip


def _with_reason(frame: pl.DataFrame, *, over: bool, spec: StudySpec) -> pl.DataFrame:
    few_before = 2 * pl.col("n_before") < spec.baseline
    few_placebos = pl.col("n_placebo") < LEAST_PLACEBO_WINDOWS * spec.window
    reason = (
        pl.when(not over).then(pl.lit(NOT_OVER))
        .when(few_before).then(pl.lit(FEW_BEFORE))
        .when(pl.col("effect").is_nan()).then(pl.lit(FEW_AFTER))
        .when(few_placebos | ~pl.col("p_value").is_finite()).then(pl.lit(FEW_PLACEBOS))
    )  # fmt: skip
    marked = frame.with_columns(reason=reason)
    return marked.with_columns(pl.when(pl.col("reason").is_null()).then(pl.col(name)) for name in _NUMBERS)


def _fewest(matrix: Matrix, *, at: int, spec: StudySpec) -> pl.Series:
    span = slice(max(at - spec.baseline, 0), max(at + spec.window, 0))
    people = np.where(np.isnan(matrix.values[:, span]), np.nan, matrix.n[:, span])
    fewest = np.where(np.isnan(people), np.inf, people).min(axis=1, initial=np.inf)
    return pl.Series(np.where(np.isfinite(fewest), fewest, np.nan)).fill_nan(None).cast(pl.Int64)


def _shifted(values: Floats, *, by: int) -> Floats:
    """Column t of the result is column t + `by`; NaN where that lies outside."""
    moved = np.full(values.shape, np.nan)
    days = values.shape[1]
    if by >= 0:
        moved[:, : max(days - by, 0)] = values[:, by:]
    else:
        moved[:, -by:] = values[:, : max(days + by, 0)]
    return moved


def _usual(earlier: Floats) -> Floats:
    """[series, days] mean of the same weekdays, from two on."""
    seen = (~np.isnan(earlier)).sum(axis=0)
    return np.where(seen >= LEAST_SAME_WEEKDAYS, np.nansum(earlier, axis=0) / np.maximum(seen, 1), np.nan)
