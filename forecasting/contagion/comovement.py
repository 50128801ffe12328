"""Lead-lag between places and growth, from a long table of series: a file's, or the night's published signals.

Not for the statistics (`lead_lag.py`, `growth.py`) and not for reading files or the warehouse.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import polars as pl

from forecasting.contagion import growth as growing
from forecasting.contagion.branching import Floors
from forecasting.contagion.lead_lag import Panel, lead_lag
from forecasting.intake import checked, kind_of
from forecasting.matrix import Kind, Matrix, to_matrix, to_model_scale
from warehouse.errors import InputError

LEAD_LAG_DAYS = 365
UNNAMED = "value"
# The usual distance in days between dates of a daily series with gaps.
LONGEST_GAP = 3
_FAR = growing.HISTORY + growing.MOST_SUSTAINED


@dataclass(frozen=True)
class Comovement:
    """`lead_lag` and `growth` rows, with notes on what was left out."""

    lead_lag: pl.DataFrame
    growth: pl.DataFrame
    notes: list[str] = field(default_factory=list)


def lead_lag_rows(cells: pl.DataFrame, *, window_end: dt.date) -> tuple[pl.DataFrame, list[str]]:
    """Lead-lag between the locations of each signal and geo_type over the year up to `window_end`, and notes.

    `cells` has signal, geo_type, location, time_value, value, n (people or posts behind it), sample_size (people) and
    kind (share, count or index), one row per cell.
    """
    panels = [
        _panel(part, window_end=window_end)
        for _, part in cells.sort("signal", "geo_type").group_by("signal", "geo_type", maintain_order=True)
    ]
    found = lead_lag(panels)
    start = window_end - dt.timedelta(days=LEAD_LAG_DAYS)
    return found.rows.with_columns(window_start=pl.lit(start), window_end=pl.lit(window_end)), found.notes


def growth_rows(cells: pl.DataFrame, *, last_day: dt.date, window_end: dt.date) -> pl.DataFrame:
    """Growth of every signal, population, geo_type and location over the 28 days up to `last_day`.

    `cells` as in `lead_lag_rows`, with population; an index is left out, as it counts nothing. `last_day` is the last
    that is reported in full.
    """
    counted = cells.filter(pl.col("kind") != "index")
    keys = ["signal", "population", "geo_type", "location"]
    series = counted.select(keys).unique().sort(keys).with_row_index("series_id")
    placed = counted.join(series, on=keys).with_columns(pl.col("series_id").cast(pl.String))
    ids = tuple(str(k) for k in range(series.height))
    is_share = pl.col("kind") == "share"
    counts = placed.with_columns(
        value=pl.when(is_share).then((pl.col("value") * pl.col("n")).round()).otherwise("value"),
        n=pl.when(is_share).then("n").otherwise(1.0),
    )
    matrix = _matrix(counts, ids=ids, kind="count", last_day=last_day, periods=_FAR)
    rows = growing.growth(matrix.values, matrix.n)
    people = _matrix(
        placed.with_columns(n=pl.col("sample_size")), ids=ids, kind="count", last_day=last_day,
        periods=growing.WINDOW,
    )  # fmt: skip
    start = last_day - dt.timedelta(days=growing.WINDOW - 1)
    return pl.concat([series.drop("series_id"), rows], how="horizontal").with_columns(
        window_start=pl.lit(start),
        window_end=pl.lit(window_end),
        sample_size=_fewest(people),
    )


def comovement_file(series: pl.DataFrame, *, as_of: dt.date | None, floors: Floors) -> Comovement:
    """Both for a table with series_id (the place), time_value, value and perhaps n and signal.

    With n, values are shares; without, counts if they are whole numbers, else an index, which has lead-lag only. Rows
    of fewer than `floors.people` are left out and counted. Raises `InputError` for a table that cannot be used.
    """
    parts, notes = [], []
    for name, part in _by_signal(series):
        clean = checked(part, as_of=as_of)
        _check_usable(clean, name=name)
        parts.append(clean.with_columns(signal=pl.lit(name), kind=pl.lit(kind_of(clean, kind=None))))
    cells = pl.concat(parts).rename({"series_id": "location"})
    last = as_of or _last(cells)
    kept, hidden = _with_enough(cells, floors=floors)
    notes += [f"{hidden:,} rows with n unknown or below {floors.people} were left out."] if hidden else []
    _check_length(kept, last=last)
    named = kept.with_columns(geo_type=pl.lit(""), population=pl.lit("all"), sample_size=pl.col("n"))
    pairs, more = lead_lag_rows(named, window_end=last)
    rows = growth_rows(named, last_day=last, window_end=last)
    index = sorted(set(kept.filter(pl.col("kind") == "index")["signal"]))
    if index:
        notes.append(f"growth: {', '.join(index)} are neither counts nor shares with n, so none is given.")
    return Comovement(
        lead_lag=_as_file(pairs, floors=floors).drop("geo_type"),
        growth=_as_file(rows, floors=floors).drop("geo_type", "population"),
        notes=notes + more,
    )


def _by_signal(series: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    if "signal" not in series.columns:
        return [(UNNAMED, series)]
    empty = series["signal"].null_count()
    if empty:
        raise InputError(
            f"series: column signal is empty in {empty} of {series.height} rows. Expected a name in every row, or no "
            "such column."
        )
    named = series.with_columns(pl.col("signal").cast(pl.String)).sort("signal", maintain_order=True)
    return [(str(name), part) for (name,), part in named.group_by("signal", maintain_order=True)]


def _check_usable(part: pl.DataFrame, *, name: str) -> None:
    """Daily, with values, and shares where there is n; `InputError` otherwise."""
    gaps = part.select(pl.col("time_value").diff().dt.total_days().over("series_id")).to_series()
    median = gaps.drop_nulls().median()
    if isinstance(median, int | float) and median > LONGEST_GAP:
        raise InputError(
            f"series: the dates of {name} are {median:g} days apart. Lead-lag and growth need daily series."
        )
    if part["value"].null_count() == part.height:
        raise InputError(
            f"series: column value of {name} is empty. Expected a number for each day and place."
        )
    outside = part.filter(pl.col("n").is_not_null(), ~pl.col("value").is_between(0.0, 1.0)).height
    if outside:
        raise InputError(
            f"series: column value of {name}: {outside} of {part.height} rows lie outside 0–1. With a column n, values "
            "are shares between 0 and 1: divide percentages by 100, or leave out n where values are counts."
        )


def _last(cells: pl.DataFrame) -> dt.date:
    return cast(dt.date, cells["time_value"].max())


def _with_enough(cells: pl.DataFrame, *, floors: Floors) -> tuple[pl.DataFrame, int]:
    """Cells without few people behind them, and how many had; a share whose people are unknown is one of those."""
    few = (pl.col("n") < floors.people).fill_null(pl.col("kind") == "share")
    return cells.filter(~few), cells.filter(few).height


def _check_length(cells: pl.DataFrame, *, last: dt.date) -> None:
    since = last - dt.timedelta(days=LEAD_LAG_DAYS)
    days = cells.drop_nulls("value").filter(pl.col("time_value") > since)["time_value"].n_unique()
    if days < growing.LEAST_DAYS:
        raise InputError(
            f"series: values on {days} days in the year up to {last}; at least {growing.LEAST_DAYS} are needed for "
            "growth and many more for lead-lag. Give a longer file."
        )


def _as_file(rows: pl.DataFrame, *, floors: Floors) -> pl.DataFrame:
    """Named columns first, people rounded as every published count is."""
    first = [name for name in ("signal", "leader", "follower", "location") if name in rows.columns]
    named = [*first, "window_start", "window_end"]
    return rows.select(*named, pl.exclude(named)).with_columns(floors.rounded(pl.col("sample_size")))


def _panel(part: pl.DataFrame, *, window_end: dt.date) -> Panel:
    places = tuple(sorted(set(part["location"])))
    placed = part.rename({"location": "series_id"})
    kind: Kind = placed["kind"][0]
    matrix = _matrix(placed, ids=places, kind=kind, last_day=window_end, periods=LEAD_LAG_DAYS + 1)
    people = _matrix(
        placed.with_columns(n=pl.col("sample_size")), ids=places, kind=kind, last_day=window_end,
        periods=LEAD_LAG_DAYS + 1,
    )  # fmt: skip
    return Panel(
        signal=part["signal"][0], geo_type=part["geo_type"][0], places=places, values=to_model_scale(matrix),
        people=people.n,
    )  # fmt: skip


def _matrix(
    placed: pl.DataFrame, *, ids: tuple[str, ...], kind: Kind, last_day: dt.date, periods: int
) -> Matrix:
    return to_matrix(placed, ids=ids, reference=last_day, periods=periods, frequency="day", kind=kind)


def _fewest(matrix: Matrix) -> pl.Series:
    """Per series the fewest people behind a day that has a value; null where there is none or they are unknown."""
    seen = np.isfinite(matrix.values)
    # NaN (people unknown on some day) wins over every number.
    least = np.where(seen, matrix.n, np.inf).min(axis=1, initial=np.inf)
    return pl.Series("sample_size", np.where(np.isfinite(least), least, np.nan)).fill_nan(None).cast(pl.Int64)
