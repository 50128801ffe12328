"""A plain frame of series, checked: what kind of numbers, how often, and nothing that cannot be used.

Not for forecasting it (`files.py`), nor for reading files.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from forecasting.known_days import has_holidays
from forecasting.matrix import STEP_DAYS, Frequency, Kind
from warehouse.errors import InputError

REQUIRED = ("series_id", "time_value", "value")


def checked(series: pl.DataFrame, *, as_of: dt.date | None) -> pl.DataFrame:
    """`series_id, time_value, value, n` up to `as_of` (default: the last date), NaN as null, sorted.

    `InputError` says which column is missing or how many rows are wrong. Rows after `as_of` are not looked at.
    """
    _require_columns(series)
    dated = series.with_columns(_dates(series), pl.col("series_id").cast(pl.String))
    _refuse(dated, pl.col("series_id").is_null(), "column series_id", "an id in every row")
    known = dated if as_of is None else dated.filter(pl.col("time_value") <= as_of)
    if known.is_empty():
        raise InputError(
            "series: no row is left up to the as-of date. Check --as-of and the time_value column."
        )
    clean = known.select("series_id", "time_value", _number(known, "value"), _number(known, "n"))
    _check_numbers(clean)
    return clean.with_columns(pl.col("value").fill_nan(None), pl.col("n").fill_nan(None)).sort(
        "series_id", "time_value"
    )


def _require_columns(series: pl.DataFrame) -> None:
    missing = [column for column in REQUIRED if column not in series.columns]
    if missing:
        found = ", ".join(series.columns)
        raise InputError(
            f"series: column {', '.join(missing)} is missing; found: {found}. "
            "Expected series_id, time_value, value and optionally n; name other columns with --columns."
        )


def _dates(series: pl.DataFrame) -> pl.Series:
    column = series["time_value"]
    if isinstance(column.dtype, pl.Datetime):
        column = column.cast(pl.Date)
    if column.dtype == pl.String:
        column = column.str.to_date(strict=False)
    if column.dtype != pl.Date or column.null_count():
        bad = column.null_count() if column.dtype == pl.Date else column.len()
        raise InputError(
            f"series: column time_value has {bad} of {column.len()} rows that are not dates. "
            "Expected YYYY-MM-DD in every row; correct or remove those rows."
        )
    return column


def _number(series: pl.DataFrame, name: str) -> pl.Series:
    if name not in series.columns:
        return pl.Series(name, [None] * series.height, dtype=pl.Float64)
    column = series[name]
    if not (column.dtype.is_numeric() or column.dtype == pl.Null):
        raise InputError(
            f"series: column {name} is {column.dtype}, not a number. Remove what is not numeric from it."
        )
    return column.cast(pl.Float64)


def _check_numbers(clean: pl.DataFrame) -> None:
    _refuse(
        clean, pl.col("value").is_infinite(), "column value", "finite numbers; leave unknown values empty"
    )
    _refuse(
        clean, pl.col("n") <= 0, "column n", "sample sizes above 0; leave a period without a sample empty"
    )
    again = pl.struct("series_id", "time_value").is_duplicated()
    _refuse(
        clean,
        again,
        "columns series_id and time_value",
        "one row per series and date; aggregate or remove repeats",
    )


def _refuse(series: pl.DataFrame, wrong: pl.Expr, where: str, expected: str) -> None:
    count = series.filter(wrong).height
    if count:
        raise InputError(
            f"series: {where}: {count} of {series.height} rows cannot be used. Expected {expected}."
        )


def places_of(series: pl.DataFrame, *, ids: Sequence[str]) -> dict[str, str | None]:
    """Each series' place, that its column `place` names: an ISO country (GB) or a part of one (US-CA).

    A part that its country's calendar does not know has the holidays of the whole country. `InputError` counts the
    series whose country has no calendar.
    """
    places: dict[str, str | None] = dict.fromkeys(ids)
    if "place" not in series.columns:
        return places
    place = pl.col("place").cast(pl.String).str.strip_chars().str.to_uppercase()
    named = series.select(pl.col("series_id").cast(pl.String), place=place).filter(pl.col("place") != "")
    first = named.filter(pl.col("series_id").is_in(list(ids))).unique(maintain_order=True)
    several = first.filter(pl.col("series_id").is_duplicated())["series_id"].n_unique()
    if several:
        raise InputError(
            f"series: column place: {several} of {len(places)} series name more than one place. Expected one place "
            "for all rows of a series."
        )
    unknown = first.filter(~pl.col("place").map_elements(has_holidays, return_dtype=pl.Boolean))
    if unknown.height:
        raise InputError(
            f"series: column place: {unknown.height} of {len(places)} series are in no country with a calendar of "
            "holidays. Expected an ISO 3166 code like GB, or a part of a country like US-CA; leave others empty."
        )
    return places | dict(first.iter_rows())


def kind_of(series: pl.DataFrame, *, kind: Kind | None) -> Kind:
    """The kind given, checked against the values, or: share with `n`, count if whole and ≥ 0, else index."""
    values = pl.col("value").drop_nulls()
    found = kind or _detected(series)
    if found == "share":
        outside = (pl.col("value") < 0.0) | (pl.col("value") > 1.0)
        _refuse(
            series,
            outside,
            "column value",
            "shares between 0 and 1, because of column n; or give --kind index or count",
        )
    if found == "count":
        _refuse(series, pl.col("value") < 0.0, "column value", "counts of at least 0; or give --kind index")
    if series.select(values.len()).item() == 0:
        raise InputError(
            "series: column value is empty up to the as-of date. Nothing can be forecast from it."
        )
    return found


def _detected(series: pl.DataFrame) -> Kind:
    if series["n"].null_count() < series.height:
        return "share"
    values = series["value"].drop_nulls()
    return "count" if bool(((values >= 0) & (values == values.floor())).all()) else "index"


def frequency_of(series: pl.DataFrame) -> Frequency:
    """Day or week, from the median distance between a series' dates; day where no series has two."""
    gaps = (
        series.sort("time_value")
        .select(pl.col("time_value").diff().dt.total_days().over("series_id"))
        .to_series()
    )
    median = gaps.drop_nulls().median()
    if not isinstance(median, int | float) or median <= 3:
        return "day"
    if 5 <= median <= 9:
        return "week"
    raise InputError(
        f"series: column time_value is {median:g} days apart, neither daily nor weekly. "
        "Aggregate to days or weeks, or give --frequency."
    )


def reference_of(series: pl.DataFrame, *, as_of: dt.date, frequency: Frequency) -> dt.date:
    """The grid date that horizons count from: `as_of`, or the newest date ≤ `as_of` on the file's usual weekday."""
    if frequency == "day":
        return as_of
    usual = (
        series.group_by(day=pl.col("time_value").dt.weekday())
        .len()
        .sort("len", "day", descending=[True, False])
    )
    return as_of - dt.timedelta(days=(as_of.isoweekday() - int(usual["day"][0])) % 7)


def on_grid(series: pl.DataFrame, *, reference: dt.date, frequency: Frequency) -> tuple[pl.DataFrame, int]:
    """Dates moved to the nearest period end of a grid through `reference`, and how many rows gave way.

    Only weekly files with an irregular weekday are moved; of two rows in one period the newer is kept.
    """
    step = STEP_DAYS[frequency]
    back = (pl.lit(reference) - pl.col("time_value")).dt.total_days()
    periods = ((back + step // 2) // step).clip(lower_bound=0)
    moved = series.sort("series_id", "time_value").with_columns(
        time_value=pl.lit(reference) - pl.duration(days=periods * step)
    )
    kept = moved.unique(subset=["series_id", "time_value"], keep="last", maintain_order=True)
    return kept, moved.height - kept.height
