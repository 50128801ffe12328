"""Forecasts, outlooks and how they did, as a publication holds them."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from warehouse.tables.codes import GEO_TYPES, TIME_TYPES, share


class Forecasts(dy.Schema):
    """Hubverse rows: one quantile of one signal, place and day ahead."""

    model_id = dy.String(primary_key=True)
    reference_date = dy.Date(primary_key=True)
    target = dy.String(primary_key=True)
    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    time_type = dy.Enum(TIME_TYPES, primary_key=True)
    horizon = dy.Int32(primary_key=True, min=1)
    output_type = dy.Enum(["quantile"], primary_key=True)
    output_type_id = dy.Float64(primary_key=True, min=0.0, max=1.0)
    target_end_date = dy.Date(nullable=False)
    value = dy.Float64(nullable=False, allow_inf=False, allow_nan=False)
    is_fallback = dy.Bool(nullable=False)
    limited_history = dy.Bool(nullable=False)

    @dy.rule()
    def ends_when_it_says(cls) -> pl.Expr:
        """target_end_date = reference_date + horizon periods."""
        days = pl.col("horizon").cast(pl.Int64) * pl.when(pl.col("time_type") == "week").then(7).otherwise(1)
        return ((pl.col("target_end_date") - pl.col("reference_date")).dt.total_days() == days).fill_null(
            False
        )


class PeakOutlook(dy.Schema):
    """The chance that a signal exceeds its past-only threshold within a number of days.

    The threshold is the 90th percentile of the last 365 days, of the 7-day mean, or of the last 104 weeks. A series
    that is above it already, or has too short a past, has no rows. `expected_first_day` is the middle of the first
    days, if it comes within `alarm_days`. `skill`: whether such chances and alarms were better than the base rate,
    random and calendar alarms on this series' past; `past_precision`: the share of alarms, raised `alarm_days` ahead
    from `alarm_from` on, that were followed by one of the `n_onsets` past highs.
    """

    model_id = dy.String(primary_key=True)
    reference_date = dy.Date(primary_key=True)
    target = dy.String(primary_key=True)
    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    time_type = dy.Enum(TIME_TYPES, primary_key=True)
    horizon_days = dy.Int32(primary_key=True, min=1)
    probability = share(nullable=False)
    expected_first_day = dy.Date(nullable=True)
    threshold = dy.Float64(nullable=False)
    baseline_probability = share(nullable=False)
    skill = dy.Enum(["yes", "no", "unknown"], nullable=False)
    alarm_days = dy.Int32(nullable=False, min=1)
    alarm_from = share(nullable=False)
    past_precision = share()
    n_onsets = dy.Int64(nullable=False, min=0)


class Scores(dy.Schema):
    """How a model did on a task, for one origin, series and step; each row names what it was judged on."""

    model_id = dy.String(primary_key=True)
    task = dy.String(primary_key=True)
    reference_date = dy.Date(primary_key=True)
    target = dy.String(primary_key=True)
    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    horizon = dy.Int32(primary_key=True, min=1)
    metric = dy.String(primary_key=True)
    value = dy.Float64(nullable=True)
    truth_issue = dy.Date(nullable=False)
    n_train = dy.Int64(nullable=False, min=0)
    task_hash = dy.String(nullable=False)
    pseudo_real_time = dy.Bool(nullable=False)
    data_fingerprint = dy.String(nullable=False)
    trained_through = dy.Date(nullable=True)
