"""What was known when: pick, for each cell, the newest issue that had been published by a day.

Pure frames in, frames out. Not for choosing series: `forecasting/series.py` does that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from warehouse.tables import TABLES

CELL = [column for column in TABLES["core.signals"].key if column != "issue"]


def as_of(
    signals: pl.DataFrame, day: dt.date, *, reporting_lag_days: int, lags: Mapping[str, int] | None = None
) -> pl.DataFrame:
    """The rows known on `day`, one per cell: the newest issue by then.

    Where a cell has none, history that was loaded in bulk (`vintage` assumed) counts as known
    `reporting_lag_days` after it happened, in its first form, so that a score from it can be marked pseudo
    real time. `lags` holds other days for signals that come later or sooner.
    """
    past = signals.filter(pl.col("time_value") <= day)
    issued = latest(past.filter(pl.col("issue") <= day))
    lag = pl.col("signal").replace_strict(dict(lags or {}), default=reporting_lag_days, return_dtype=pl.Int64)
    reported = pl.col("time_value") + pl.duration(days=lag) <= pl.lit(day)
    assumed = past.filter((pl.col("issue") > day) & (pl.col("vintage") == "assumed") & reported)
    first = assumed.sort([*CELL, "issue"]).unique(subset=CELL, keep="first", maintain_order=True)
    return pl.concat([issued, first.join(issued, on=CELL, how="anti")]).sort(CELL)


def latest(signals: pl.DataFrame) -> pl.DataFrame:
    """The newest issue of every cell, sorted by cell."""
    return signals.sort([*CELL, "issue"]).unique(subset=CELL, keep="last", maintain_order=True)
