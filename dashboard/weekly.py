"""The newest week against the one before: what changed, how far beyond its own error, and what moved most.

Not for drawing, nor for opening a publication.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from dashboard import data

_CELL = ["signal", "geo_type", "geo_value"]
_NOW = [
    *_CELL,
    *["time_value", "issue", "value", "se", "sample_size", "reliability", "missing_value"],
]


def headline_signals(publication: data.Publication) -> list[str]:
    """The signals of the overview: unsmoothed shares, or whatever there is where there are none."""
    catalogue = publication.tables["signal_catalogue"].sort("signal")
    shares = catalogue.filter(data.plain_share())
    return (shares if shares.height else catalogue).get_column("signal").to_list()


def latest_week(publication: data.Publication) -> dt.date | None:
    """The last day of the newest week that has any row."""
    weeks = publication.signals.filter(pl.col("time_type") == "week", pl.col("value").is_not_null())
    last = weeks.select(pl.col("time_value").max()).collect().item()
    return last if isinstance(last, dt.date) else None


def changes(publication: data.Publication) -> pl.DataFrame:
    """The newest week of each headline series against the week before it.

    Columns: signal, geo_type, geo_value, time_value, issue, value, se, sample_size, reliability,
    missing_value, previous, change, change_se, z. `change_se` adds the two weeks' errors as if they
    were independent, which is cautious where the same people post in both.
    """
    return publication.once("weekly_changes", lambda: _changes(publication))


def _changes(publication: data.Publication) -> pl.DataFrame:
    last = latest_week(publication)
    if last is None:
        return _no_changes(publication)
    weeks = publication.signals.filter(
        pl.col("time_type") == "week",
        pl.col("population") == "all",
        pl.col("signal").is_in(headline_signals(publication)),
    )
    now = weeks.filter(pl.col("time_value") == last).select(_NOW)
    before = weeks.filter(pl.col("time_value") == last - dt.timedelta(days=7)).select(
        *_CELL, pl.col("value").alias("previous"), pl.col("se").alias("previous_se")
    )
    return now.join(before, on=_CELL, how="left").with_columns(_change()).with_columns(_z()).collect()


def most_moved(changes: pl.DataFrame, *, most: int) -> pl.DataFrame:
    """The rows of the `most` signals with the largest change in any place."""
    size = (
        changes.group_by("signal")
        .agg(pl.col("z").abs().max())
        .sort("z", "signal", descending=[True, False], nulls_last=True)
    )
    return changes.filter(pl.col("signal").is_in(size.head(most).get_column("signal").to_list()))


def _change() -> list[pl.Expr]:
    error = (pl.col("se").pow(2) + pl.col("previous_se").pow(2)).sqrt()
    return [(pl.col("value") - pl.col("previous")).alias("change"), error.alias("change_se")]


def _z() -> pl.Expr:
    usable = pl.col("change_se") > 0
    return pl.when(usable).then(pl.col("change") / pl.col("change_se")).alias("z")


def _no_changes(publication: data.Publication) -> pl.DataFrame:
    blank = [pl.lit(None, dtype=pl.Float64).alias(name) for name in ("previous", "change", "change_se", "z")]
    return publication.signals.select(*_NOW, *blank).head(0).collect()


def largest_change(publication: data.Publication) -> dict[str, object] | None:
    """The row of `changes` that is largest against its own error; None where nothing can be compared."""
    moved = changes(publication).filter(pl.col("z").is_not_null())
    ordered = moved.sort(
        pl.col("z").abs(), "signal", "geo_type", "geo_value", descending=[True, False, False, False]
    )
    return ordered.row(0, named=True) if ordered.height else None


def most_moved_signal(publication: data.Publication) -> str | None:
    """The signal that a page opens on: the one behind `largest_change`."""
    row = largest_change(publication)
    return str(row["signal"]) if row else None


def place_that_moved(publication: data.Publication, *, signal: str) -> str | None:
    """`geo_type:geo_value` of the place in which a mood moved most; None where none can be compared."""
    own = changes(publication).filter(pl.col("signal") == signal, pl.col("z").is_not_null())
    if own.is_empty():
        return None
    row = own.sort(pl.col("z").abs(), "geo_type", "geo_value", descending=[True, False, False]).row(
        0, named=True
    )
    return f"{row['geo_type']}:{row['geo_value']}"
