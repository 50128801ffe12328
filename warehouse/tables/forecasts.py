"""Forecasts, outlooks and how they did, as a publication holds them."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from warehouse.tables.codes import GEO_TYPES, TIME_TYPES, share

CHOICE_REASONS = ["default", "kept", "better", "returned", "fallback"]


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


class ModelChoice(dy.Schema):
    """Which model is published as the main one for a series, and why: one row per series forecast on a night.

    Chosen every night from that night's own backtest (`forecasting/choice.py`). `since` is the reference date of the
    first night on which it was the choice without interruption. `relative_wis` is its error over the flat line's on
    `n_origins` past origins; `runner_up` is the best other model judged often enough. `reason`: *default*: too few
    origins were judged to compare models, so the ensemble; *kept*: no other model was clearly better; *better*: it
    took over tonight; *returned*: the former choice was no longer better than the ensemble; *fallback*: the former
    choice could not forecast tonight, so the ensemble.
    """

    issue = dy.Date(primary_key=True)
    target = dy.String(primary_key=True)
    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    time_type = dy.Enum(TIME_TYPES, primary_key=True)
    reference_date = dy.Date(nullable=False)
    model_id = dy.String(nullable=False, min_length=1)
    since = dy.Date(nullable=False)
    reason = dy.Enum(CHOICE_REASONS, nullable=False)
    relative_wis = dy.Float64(nullable=True, min=0.0)
    n_origins = dy.Int64(nullable=False, min=0)
    runner_up = dy.String(nullable=True)
    runner_up_relative_wis = dy.Float64(nullable=True, min=0.0)

    @dy.rule()
    def began_by_now(cls) -> pl.Expr:
        """since <= reference_date <= issue."""
        return (
            (pl.col("since") <= pl.col("reference_date")) & (pl.col("reference_date") <= pl.col("issue"))
        ).fill_null(False)

    @dy.rule()
    def another_model_is_next(cls) -> pl.Expr:
        """The runner-up is another model, with a figure."""
        none = pl.col("runner_up").is_null()
        other = pl.col("runner_up") != pl.col("model_id")
        return (none | other) & (none == pl.col("runner_up_relative_wis").is_null())


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
