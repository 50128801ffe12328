"""How good forecasts have been, from the published scores. Not for drawing."""

from __future__ import annotations

import polars as pl

from warehouse.skill import overall, relative_wis

COVERAGE = {"coverage_50": 0.5, "coverage_80": 0.8, "coverage_90": 0.9, "coverage_95": 0.95}
TASKS = {"nightly_day": "Daily forecasts", "nightly_week": "Weekly forecasts"}


def leaderboard(scores: pl.DataFrame, *, task: str) -> pl.DataFrame:
    """Per model: geometric mean of its series' relative WIS, best first, with coverage and how much it rests on.

    Columns: model_id, relative_wis, n_series, n_judged, win_rate, coverage_50, coverage_80, coverage_90, coverage_95.
    """
    skill = overall(relative_wis(scores.filter(pl.col("task") == task)))
    return skill.join(_coverage_columns(scores, task=task), on="model_id", how="left").drop("task")


def _coverage_columns(scores: pl.DataFrame, *, task: str) -> pl.DataFrame:
    rows = scores.filter(pl.col("task") == task)
    means = [
        pl.col("value").filter(pl.col("metric") == metric).mean().alias(metric) for metric in sorted(COVERAGE)
    ]
    return rows.group_by("model_id").agg(means)


def calibration(scores: pl.DataFrame, *, task: str) -> pl.DataFrame:
    """Per model and nominal level: how often the truth fell inside. Columns: model_id, nominal, observed, n."""
    rows = scores.filter(
        pl.col("task") == task, pl.col("metric").is_in(list(COVERAGE)), pl.col("value").is_not_null()
    )
    nominal = pl.col("metric").replace_strict(COVERAGE, return_dtype=pl.Float64).alias("nominal")
    return (
        rows.with_columns(nominal)
        .group_by("model_id", "nominal")
        .agg(pl.col("value").mean().alias("observed"), pl.len().alias("n"))
        .sort("model_id", "nominal")
    )


def skill_of(
    scores: pl.DataFrame, *, task: str, model_id: str, key: tuple[str, str, str, str]
) -> float | None:
    """Relative WIS of one model on one series (target, population, geo_type, location); None if unjudged."""
    target, population, geo_type, location = key
    rows = relative_wis(scores.filter(pl.col("task") == task)).filter(
        pl.col("model_id") == model_id,
        pl.col("target") == target,
        pl.col("population") == population,
        pl.col("geo_type") == geo_type,
        pl.col("location") == location,
    )
    return float(rows.get_column("relative_wis")[0]) if rows.height else None


def task_for(time_type: str) -> str:
    """The scoring task of a time type."""
    return f"nightly_{time_type}"
