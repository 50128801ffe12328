"""Alerts on a plain table of series, with no warehouse.

Not for the nightly decision, which is made across series: `nightly.py` does that.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from forecasting.alerts.detectors import daily_frame, judge, weekly_frame
from forecasting.alerts.ears import PUBLISHED_ALPHA, Variant, ears
from forecasting.alerts.fdr import q_column
from forecasting.alerts.grid import Frequency, Grid, make_grid
from forecasting.alerts.holidays import (
    holiday_effects,
    last_end,
    places_of_rows,
    shifted,
    without_holidays,
)
from forecasting.intake import places_of
from warehouse.errors import InputError

LOOKBACK_DAYS, ALPHA = 84, 0.01
Detector = Literal["calendar", "ears_c1", "ears_c2", "ears_c3"]
OUTPUT = ["series_id", "time_value", "observed", "expected", "threshold", "p_value", "q_value", "alarm"]
ISO_DAY = r"^\d{4}-\d{2}-\d{2}([T ]00:00(:00(\.0+)?)?Z?)?$"


@dataclass(frozen=True)
class Rule:
    """Which detector judges, and at which chance of a false alarm per period."""

    detector: Detector
    alpha: float


def alerts_file(
    series: pl.DataFrame,
    *,
    as_of: dt.date | None = None,
    frequency: Frequency | None = None,
    alpha: float | None = None,
    detector: Detector = "calendar",
) -> pl.DataFrame:
    """Judge every period of every series with the periods before it only.

    `series` has series_id, time_value, value and, for proportions, n. Without n the values are counts. A column `place`
    (an ISO country, or a part of one) makes public holidays known: what they did in earlier years is expected again.
    Rows after `as_of` are ignored; `frequency` is read off the dates when not given. Out come the
    columns of `OUTPUT`, sorted by series and time, from each series' first judged period on (28 days or
    10 weeks observed before the guard band of 7 days or 3 weeks; 7 to 11 periods with EARS). A later
    period that cannot be judged has nulls and no alarm. `alarm` is p_value <= alpha; q_value is
    Benjamini–Hochberg across the series of a period. `threshold` is null where any value would alarm (C3).
    `alpha` is .01 unless given; with EARS it is what its published bounds (3, 3 and 2) come to, .00135. Raises
    `InputError` when the table cannot be used.
    """
    rule = _rule(alpha, detector=detector)
    table = _checked(series)
    if as_of is not None:
        table = table.filter(pl.col("_day") <= as_of)
    table = table.sort("series_id", "_day")
    if table.is_empty():
        return _outcome(
            table.with_columns(pl.lit(None, dtype=pl.Float64).alias(c) for c in OUTPUT[3:6]), rule.alpha
        )
    step: Frequency = frequency or _frequency(table)
    _check_spacing(table, frequency=step)
    return _outcome(_judged(table, frequency=step, rule=rule), rule.alpha)


def _rule(alpha: float | None, *, detector: Detector) -> Rule:
    usual = ALPHA if detector == "calendar" else PUBLISHED_ALPHA
    chosen = usual if alpha is None else alpha
    if not 0.0 < chosen < 1.0:
        raise InputError(f"alerts: alpha is {chosen}; expected a number between 0 and 1, such as 0.01.")
    return Rule(detector=detector, alpha=chosen)


def _judged(table: pl.DataFrame, *, frequency: Frequency, rule: Rule) -> pl.DataFrame:
    grid = make_grid(table, keys=["series_id"], day="_day", frequency=frequency)
    if rule.detector != "calendar":
        return _by_ears(table, grid=grid, variant=rule.detector, alpha=rule.alpha)
    values, trials = grid.spread(table["value"]), None
    if "n" in table.columns:
        people = grid.spread(table["n"])
        trials = np.where(people > 0, people, 1.0)
    known = places_of(table, ids=table["series_id"].unique().to_list())
    place = table["series_id"].replace_strict(known, return_dtype=pl.String)
    places = places_of_rows(grid, places=place)
    last = last_end(table["_day"], frequency=frequency)
    effects = holiday_effects(values, trials=trials, places=places, last=last, frequency=frequency)
    frame = daily_frame(LOOKBACK_DAYS) if frequency == "day" else weekly_frame(LOOKBACK_DAYS)
    plain = without_holidays(values, trials=trials, effects=effects)
    judged = judge(plain, trials=trials, frame=frame, alpha=rule.alpha)
    return table.with_columns(
        grid.gather(shifted(judged.expected, trials=trials, by=effects), name="expected"),
        grid.gather(shifted(judged.threshold, trials=trials, by=effects), name="threshold"),
        grid.gather(judged.p_value, name="p_value"),
    )


def _by_ears(table: pl.DataFrame, *, grid: Grid, variant: Variant, alpha: float) -> pl.DataFrame:
    expected, threshold, p_value = ears(grid.spread(table["value"]), variant=variant, alpha=alpha)
    # Where the days before alarm by themselves, no value of today is the bound.
    bound = np.where(np.isfinite(threshold), threshold, np.nan)
    return table.with_columns(
        grid.gather(expected, name="expected"),
        grid.gather(bound, name="threshold"),
        grid.gather(p_value, name="p_value"),
    )


def _outcome(table: pl.DataFrame, alpha: float) -> pl.DataFrame:
    started = pl.col("p_value").is_not_null().cum_sum().over("series_id", order_by="_day") > 0
    return (
        table.filter(started)
        .with_columns(
            q_column().over("_day").alias("q_value"),
            (pl.col("p_value") <= alpha).fill_null(False).alias("alarm"),
            pl.col("value").cast(pl.Float64).alias("observed"),
        )
        .select(OUTPUT)
    )


def _checked(series: pl.DataFrame) -> pl.DataFrame:
    missing = [column for column in ("series_id", "time_value", "value") if column not in series.columns]
    if missing:
        raise InputError(
            f"alerts: the series table has no column {', '.join(missing)} (it has "
            f"{', '.join(series.columns)}). Expected series_id, time_value, value and, for proportions, n."
        )
    table = series.with_columns(_day(series).alias("_day"), pl.col("series_id").cast(pl.String))
    twice = table.select("series_id", "_day").is_duplicated().sum()
    if twice:
        raise InputError(
            f"alerts: {twice} rows share their series_id and time_value with another row. "
            "Expected one row per series and period: add them up, or tell the series apart."
        )
    if table["series_id"].null_count():
        raise InputError("alerts: column series_id has empty cells. Expected a name in every row.")
    _check_values(table)
    if "n" not in table.columns:
        return table
    usable = (pl.col("n").cast(pl.Float64, strict=False) >= 1).fill_null(False)
    return table.with_columns(pl.when(usable).then("value").otherwise(None).alias("value"))


def _day(series: pl.DataFrame) -> pl.Series:
    column = series["time_value"]
    if column.dtype == pl.Date:
        days = column
    elif column.dtype == pl.Null:
        days = column.cast(pl.Date)
    elif column.dtype == pl.Datetime:
        days = column.dt.date()
    elif column.dtype == pl.String:
        stripped = column.str.strip_chars()
        good = stripped.str.contains(ISO_DAY)
        days = stripped.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
        days = days.set(~good.fill_null(False), None)
    else:
        raise InputError(f"alerts: column time_value is {column.dtype}; expected dates such as 2024-03-01.")
    if days.null_count():
        raise InputError(
            f"alerts: column time_value has {days.null_count()} of {len(days)} cells that are not dates. "
            "Expected days such as 2024-03-01 (for weeks, the same weekday each week)."
        )
    return days


def _check_values(table: pl.DataFrame) -> None:
    for column in [c for c in ("value", "n") if c in table.columns]:
        if not table[column].dtype.is_numeric() and table[column].dtype != pl.Null:
            raise InputError(f"alerts: column {column} is {table[column].dtype}; expected numbers.")
    values = table["value"].cast(pl.Float64).drop_nulls()
    if not values.is_finite().all():
        raise InputError("alerts: column value has cells that are not finite. Leave unknown cells empty.")
    if "n" in table.columns:
        outside = int(((values < 0) | (values > 1)).sum())
        if outside:
            raise InputError(
                f"alerts: {outside} values lie outside 0–1. With a column n, value is a proportion of n: "
                "divide percentages by 100, or leave out n if value is a count."
            )
        return
    odd = int(((values < 0) | (values != values.round(0))).sum())
    if odd:
        raise InputError(
            f"alerts: {odd} values are not whole numbers from 0 up. Without a column n, value is a count: "
            "for proportions add a column n with the number of people or posts behind each value."
        )


def _frequency(table: pl.DataFrame) -> Frequency:
    gaps = table.select(pl.col("_day").diff().dt.total_days().over("series_id")).to_series().drop_nulls()
    return "week" if len(gaps) and (gaps % 7 == 0).all() else "day"


def _check_spacing(table: pl.DataFrame, *, frequency: Frequency) -> None:
    if frequency not in ("day", "week"):
        raise InputError(f"alerts: frequency is '{frequency}'; expected day or week.")
    if frequency == "week" and table["_day"].dt.weekday().n_unique() > 1:
        raise InputError(
            "alerts: weekly series begin on different weekdays. Expected the same weekday in every row: "
            "use the Monday of each ISO week, or frequency day."
        )
