"""Is a signal likely to exceed, in the coming days, what it rarely exceeded in its own past?

Works from issued quantile forecasts. Not for making forecasts.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from forecasting.alerts.cells import candidates

PREFERRED_MODEL = "ensemble"
RARE_QUANTILE, HISTORY_DAYS, LEAST_HISTORY = 0.9, 365, 28
LEAST_PROBABILITY, LEAST_EXCESS = 0.5, 0.3
FORECAST_SERIES = ["target", "population", "geo_type", "location", "time_type"]


def forecast_candidates(forecasts: pl.DataFrame, *, cells: pl.DataFrame) -> pl.DataFrame:
    """One candidate per forecast series with direction higher_is_worse and enough past.

    The threshold is the 90th percentile of the last 365 days before the forecast's reference date. The
    base rate of a step is how often the past exceeded it on the same weekday (for weeks: at all). It
    fires when some step's chance is at least .5 and at least .3 above its base rate; that step's
    chance is a lower bound of the chance to exceed at any time within the horizon. Fallback forecasts
    never fire.
    """
    steps = _steps(forecasts)
    history = _history(cells, reference=_references(steps))
    joined = steps.join(history, on=FORECAST_SERIES, how="inner").filter(pl.col("n_past") >= LEAST_HISTORY)
    if joined.is_empty():
        return candidates(joined.clear())
    chance = pl.Series("probability", [exceedance(q, v, t) for q, v, t in _triples(joined)], dtype=pl.Float64)
    rated = joined.with_columns(chance).join(
        _base_rates(cells, history=history), on=[*FORECAST_SERIES, "weekday"], how="left"
    )
    rated = rated.with_columns(pl.coalesce("base_rate", "overall_rate").alias("base_rate"))
    return candidates(_decide(rated))


def exceedance(levels: list[float], values: list[float], threshold: float) -> float:
    """P(value > threshold) from quantiles, linear between them; never beyond the outermost levels."""
    order = np.argsort(levels)
    level, value = np.asarray(levels)[order], np.maximum.accumulate(np.asarray(values)[order])
    if threshold >= value[-1]:
        return float(1.0 - level[-1])
    if threshold < value[0]:
        return float(1.0 - level[0])
    return float(1.0 - np.interp(threshold, value, level))


def _steps(forecasts: pl.DataFrame) -> pl.DataFrame:
    """One row per series and step of the model to believe: the ensemble, else the first by name."""
    named = forecasts.filter(~pl.col("is_fallback")).with_columns(
        pl.col("geo_type", "time_type").cast(pl.String),
        pl.when(pl.col("model_id") == PREFERRED_MODEL).then(pl.lit("")).otherwise("model_id").alias("_rank"),
    )
    best = named.filter(pl.col("_rank") == pl.col("_rank").min().over(FORECAST_SERIES))
    newest = best.filter(pl.col("reference_date") == pl.col("reference_date").max().over(FORECAST_SERIES))
    return (
        newest.sort([*FORECAST_SERIES, "horizon", "output_type_id"])
        .group_by(
            [*FORECAST_SERIES, "model_id", "reference_date", "horizon", "target_end_date"],
            maintain_order=True,
        )
        .agg(pl.col("output_type_id").alias("levels"), pl.col("value").alias("values"))
        .with_columns(_weekday("target_end_date"))
    )


def _weekday(day: str) -> pl.Expr:
    week = pl.col("time_type") == "week"
    return pl.when(week).then(pl.lit(0)).otherwise(pl.col(day).dt.weekday()).cast(pl.Int64).alias("weekday")


def _references(steps: pl.DataFrame) -> pl.DataFrame:
    return steps.group_by(FORECAST_SERIES).agg(pl.col("reference_date").max())


def _past(cells: pl.DataFrame, *, reference: pl.DataFrame) -> pl.DataFrame:
    worse = cells.filter(pl.col("direction").cast(pl.String) == "higher_is_worse")
    named = worse.rename({"signal": "target", "geo_value": "location"})
    age = (pl.col("reference_date") - pl.col("time_value")).dt.total_days()
    return named.join(reference, on=FORECAST_SERIES, how="inner").filter(age >= 0, age < HISTORY_DAYS)


def _history(cells: pl.DataFrame, *, reference: pl.DataFrame) -> pl.DataFrame:
    threshold = pl.col("value").quantile(RARE_QUANTILE, "linear")
    return (
        _past(cells, reference=reference)
        .group_by(FORECAST_SERIES)
        .agg(
            threshold.alias("threshold"),
            (pl.col("value") > threshold).mean().alias("overall_rate"),
            pl.len().alias("n_past"),
            pl.col("people").sort_by("time_value").last().alias("sample_size"),
        )
    )


def _base_rates(cells: pl.DataFrame, *, history: pl.DataFrame) -> pl.DataFrame:
    reference = history.select(FORECAST_SERIES)
    worse = cells.rename({"signal": "target", "geo_value": "location"})
    known = worse.join(history.select([*FORECAST_SERIES, "threshold"]), on=FORECAST_SERIES, how="inner")
    recent = known.join(reference, on=FORECAST_SERIES, how="semi").with_columns(_weekday("time_value"))
    age = (pl.col("time_value").max().over(FORECAST_SERIES) - pl.col("time_value")).dt.total_days()
    return (
        recent.filter(age < HISTORY_DAYS)
        .group_by([*FORECAST_SERIES, "weekday"])
        .agg((pl.col("value") > pl.col("threshold")).mean().alias("base_rate"))
    )


def _triples(joined: pl.DataFrame) -> list[tuple[list[float], list[float], float]]:
    return list(zip(joined["levels"].to_list(), joined["values"].to_list(), joined["threshold"], strict=True))


def _decide(rated: pl.DataFrame) -> pl.DataFrame:
    likely = (pl.col("probability") >= LEAST_PROBABILITY) & (
        pl.col("probability") >= pl.col("base_rate") + LEAST_EXCESS
    )
    # The step to speak of: the first likely one, else the one furthest above its base rate.
    order = rated.with_columns(likely.alias("fires")).sort(
        [*FORECAST_SERIES, "fires", pl.when(pl.col("fires")).then("horizon")],
        descending=[False] * 5 + [True, False],
    )
    first = order.group_by(FORECAST_SERIES, maintain_order=True).first()
    return first.select(
        pl.lit("forecast_high").alias("kind"),
        pl.col("target").alias("signal"),
        "population",
        "geo_type",
        "location",
        "time_type",
        pl.col("reference_date").alias("time_value"),
        pl.col("reference_date").alias("onset"),
        pl.format("{}_exceedance_1", "model_id").alias("detector"),
        pl.col("probability").alias("observed"),
        pl.col("base_rate").alias("expected"),
        "threshold",
        "sample_size",
        pl.when(pl.col("probability") >= 0.9)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("low"))
        .alias("severity"),
        (pl.col("target_end_date") - pl.col("reference_date")).dt.total_days().alias("lead_days"),
        "fires",
        pl.col("fires").alias("exceeds"),
    )
