"""The signal cells a night may judge, and the columns every alert candidate has.

Not for statistics. A candidate is a row of `CANDIDATE`: a thing that was tested tonight.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import polars as pl

from warehouse.vintages import as_of

SERIES = ["signal", "population", "geo_type", "geo_value", "time_type"]
KEY = ["kind", "signal", "population", "geo_type", "location", "time_type"]
# `fires` opens an alert; `exceeds` keeps an open one open.
CANDIDATE = pl.Schema(
    {
        "kind": pl.String,
        "signal": pl.String,
        "population": pl.String,
        "geo_type": pl.String,
        "location": pl.String,
        "time_type": pl.String,
        "time_value": pl.Date,
        "onset": pl.Date,
        "detector": pl.String,
        "observed": pl.Float64,
        "expected": pl.Float64,
        "threshold": pl.Float64,
        "sample_size": pl.Int64,
        "p_value": pl.Float64,
        "q_value": pl.Float64,
        "severity": pl.String,
        "lead_days": pl.Int32,
        "past_precision": pl.Float64,
        "forecast_p": pl.Float64,
        "forecast_issued": pl.Date,
        "fires": pl.Boolean,
        "exceeds": pl.Boolean,
        "message": pl.String,
    }
)


def candidates(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with exactly the candidate columns, cast; columns it lacks are null."""
    return frame.with_columns(
        pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in CANDIDATE.items()
        if name not in frame.columns
    ).select(pl.col(name).cast(dtype) for name, dtype in CANDIDATE.items())


def usable_cells(
    signals: pl.DataFrame,
    *,
    catalogue: pl.DataFrame,
    issue: dt.date,
    reporting_lag_days: int,
    people_floor: int,
    lags: Mapping[str, int] | None = None,
) -> pl.DataFrame:
    """What was known on `issue` of unsmoothed signals, for whole periods that are reported in full.

    Suppressed cells, cells without a value and cells of fewer than `people_floor` people are left out;
    where people are unknown the posts count (`people`). Sorted by series and time, with the
    catalogue's columns. `lags` holds the reporting lags of signals that have another one.
    """
    known = as_of(signals, issue, reporting_lag_days=reporting_lag_days, lags=lags)
    raw = catalogue.filter(pl.col("smoothing").cast(pl.String) == "none")
    named = known.with_columns(pl.col("geo_type", "time_type", "reliability").cast(pl.String))
    sunday = pl.col("time_value").dt.truncate("1w") + pl.duration(days=6)
    last_day = pl.when(pl.col("time_type") == "week").then(sunday).otherwise("time_value")
    return (
        named.join(raw, on="signal", how="inner")
        .with_columns(pl.coalesce("sample_size", "n_posts").alias("people"))
        .filter(
            pl.col("value").is_not_null(),
            pl.col("reliability") != "suppressed",
            pl.col("people") >= people_floor,
            last_day <= issue - dt.timedelta(days=reporting_lag_days),
        )
        .sort(*SERIES, "time_value")
    )
