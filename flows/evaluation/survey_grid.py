"""A survey and a signal on one grid of periods. Computes no agreement.

A signal's window ends where the survey's does, never later: nothing is centred, and nothing after a period is used
for it. Not for filling gaps: a period without a survey, or with too few days of the signal, stays empty.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from flows.evaluation.survey import ENOUGH_DAYS, Survey, spacing
from forecasting.validity import Pair
from warehouse.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """A pair on one grid, and what was done to get there."""

    pair: Pair
    notes: list[str]


def align(survey: Survey, signal: pl.DataFrame, *, reach: int | None = None) -> Aligned:
    """Both on a grid of the survey's periods; the signal `reach` (default 4 weeks, 14 days) beyond either end.

    `signal`: time_value, value, n. A daily one is averaged over the survey's window, by n where it has one; a window
    with fewer than four in five of its days is a gap. A weekly one (its date is its last day) is taken from the last
    week that had ended by the window's end. `InputError` where they cannot be compared.
    """
    step = 7 if survey.time_type == "week" else 1
    reach = reach if reach is not None else (4 if step == 7 else 14)
    known = survey.rows.drop_nulls("value")
    if known.is_empty() or signal["value"].null_count() == signal.height:
        raise InputError("the survey or the signal has no value at all. Check the file and --columns.")
    ends = known["end"].to_physical().to_numpy().astype(np.int64)
    place = (ends - ends[0]) // step
    grid = ends[0] + step * np.arange(place[-1] + 1)
    values, variances = np.full(grid.size, np.nan), np.full(grid.size, np.nan)
    values[place], variances[place] = known["value"].to_numpy(), known["variance"].cast(pl.Float64).to_numpy()
    wide = grid[0] + step * np.arange(-reach, grid.size + reach)
    found, note = _signal_at(signal, ends=wide, survey=survey)
    inside = found[reach : reach + grid.size]
    _refuse_apart(signal, grid=grid, found=inside)
    notes = [
        *survey.notes, note,
        f"{grid.size} periods; {int(np.isnan(values).sum())} without a survey, "
        f"{int(np.isnan(inside).sum())} without a signal: they stay gaps",
    ]  # fmt: skip
    pair = Pair(
        days=[_day(number) for number in grid], survey=values, variance=variances, signal=found, reach=reach,
        time_type=survey.time_type,
    )  # fmt: skip
    return Aligned(pair=pair, notes=notes)


def _refuse_apart(signal: pl.DataFrame, *, grid: NDArray[np.int64], found: NDArray[np.float64]) -> None:
    if np.isfinite(found).any():
        return
    days = signal.drop_nulls("value")["time_value"]
    raise InputError(
        f"the survey ({_day(grid[0])} to {_day(grid[-1])}) and the signal ({days.min()!s} to {days.max()!s}) have no "
        "period in common. Check the dates of both."
    )


def _day(number: int | np.int64) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(number))


def _signal_at(
    signal: pl.DataFrame, *, ends: NDArray[np.int64], survey: Survey
) -> tuple[NDArray[np.float64], str]:
    days = signal["time_value"].to_physical().to_numpy().astype(np.int64)
    if spacing(signal["time_value"], what="the signal", far=7) == "day":
        return _windowed(
            signal, days=days, ends=ends, length=survey.length
        ), "signal: mean of the days in each window"
    if survey.time_type == "day" or survey.length != 7:
        raise InputError(
            "the signal is weekly and the survey's window is not a week. Compare weeks: --every week --survey-ends "
            "WEEKDAY."
        )
    last = np.searchsorted(days, ends, side="right") - 1
    late = ends - days[np.maximum(last, 0)]
    usable = (last >= 0) & (late < 7)
    values = signal["value"].cast(pl.Float64).to_numpy()[np.maximum(last, 0)]
    offset = f"{int(np.median(late[usable]))}" if usable.any() else "no"
    note = f"signal: weekly, its date taken as a week's last day; its weeks end {offset} days before the survey's"
    return np.where(usable, values, np.nan), note


def _windowed(
    signal: pl.DataFrame, *, days: NDArray[np.int64], ends: NDArray[np.int64], length: int
) -> NDArray[np.float64]:
    """The mean of the `length` days that end on each of `ends`, by n where every value has one."""
    size = int(days[-1] - days[0]) + 1
    values, there = np.zeros(size), np.zeros(size)
    read = signal["value"].cast(pl.Float64).to_numpy()
    known = np.isfinite(read)
    has_n = signal.filter(pl.col("value").is_not_null())["n"].null_count() == 0
    weights = np.zeros(size)
    weights[days[known] - days[0]] = signal["n"].to_numpy()[known] if has_n else 1.0
    values[days[known] - days[0]], there[days[known] - days[0]] = read[known], 1.0
    stop = np.clip(ends + 1 - days[0], 0, size)
    start = np.clip(ends + 1 - length - days[0], 0, size)
    count, weight, total = (_between(x, start, stop) for x in (there, weights, weights * values))
    return np.where(count >= np.ceil(ENOUGH_DAYS * length), total / np.where(weight > 0, weight, 1.0), np.nan)


def _between(
    x: NDArray[np.float64], start: NDArray[np.int64], stop: NDArray[np.int64]
) -> NDArray[np.float64]:
    sums = np.concatenate([[0.0], np.cumsum(x)])
    return np.asarray(sums[stop] - sums[start])
