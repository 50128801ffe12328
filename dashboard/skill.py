"""How good forecasts have been, from the published scores. Not for drawing."""

from __future__ import annotations

import polars as pl

from warehouse.main_model import nightly_skill, of_main
from warehouse.skill import overall, overall_with_range, relative_wis
from warehouse.translation import mark

COVERAGE = {"coverage_50": 0.5, "coverage_80": 0.8, "coverage_90": 0.9, "coverage_95": 0.95}
TASKS = {"nightly_day": mark("Daily forecasts"), "nightly_week": mark("Weekly forecasts")}


def leaderboard(scores: pl.DataFrame, *, task: str) -> pl.DataFrame:
    """Per model: geometric mean of its series' relative WIS, best first, with coverage and how much it rests on.

    Columns: model_id, relative_wis, n_series, n_judged, win_rate, relative_wis_low, relative_wis_high, n_origins,
    coverage_50, coverage_80, coverage_90, coverage_95.
    """
    skill = overall_with_range(scores.filter(pl.col("task") == task))
    return skill.join(_coverage_columns(scores, task=task), on="model_id", how="left").drop("task")


def shown(scores: pl.DataFrame, *, task: str, models: pl.DataFrame) -> pl.DataFrame:
    """The one row of `leaderboard`, without coverage, of the forecasts shown: each series by the model in `models`."""
    rows = of_main(nightly_skill(scores.filter(pl.col("task") == task)), models=models)
    return overall(rows, by=("task",))


def judged(per_series: pl.DataFrame, *, task: str) -> bool:
    """Whether any model was compared with the flat line."""
    return not per_series.filter(pl.col("task") == task).is_empty()


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


def per_series(scores: pl.LazyFrame) -> pl.DataFrame:
    """`relative_wis` of every task, model and series of `out.scores`."""
    return relative_wis(scores.filter(pl.col("metric") == "wis").collect())


def skill_of(
    per_series: pl.DataFrame, *, task: str, model_id: str, key: tuple[str, str, str, str]
) -> float | None:
    """Relative WIS of one model on one series (target, population, geo_type, location); None if unjudged."""
    target, population, geo_type, location = key
    rows = per_series.filter(
        pl.col("task") == task,
        pl.col("model_id") == model_id,
        pl.col("target") == target,
        pl.col("population") == population,
        pl.col("geo_type") == geo_type,
        pl.col("location") == location,
    )
    return float(rows.get_column("relative_wis")[0]) if rows.height else None


OUTLOOK = {
    "outlook_day": mark("Daily signals, seven days ahead"),
    "outlook_week": mark("Weekly signals, four weeks ahead"),
}


def outlook(scores: pl.DataFrame, *, task: str) -> pl.DataFrame:
    """How chances of a high and alarms on them did, per model: means over series of each metric of the task's newest
    scores (`alarm_lead`: the median), `n_series`, and `n_better`: of them, better in Brier score than the base rate."""
    series = ["model_id", "target", "population", "geo_type", "location"]
    rows = scores.filter(pl.col("task") == task, pl.col("value").is_not_null())
    rows = rows.filter(
        pl.col("metric").is_in(["brier", "brier_base"]).sum().over(*series, "reference_date") == 2
    )
    newest = rows.filter(pl.col("reference_date") == pl.col("reference_date").max())
    if newest.is_empty():
        return newest.select("model_id")
    wide = newest.pivot("metric", index=series, values="value")
    named = [name for name in OUTLOOK_METRICS if name in wide.columns]
    better = (pl.col("brier") < pl.col("brier_base")).sum()
    return wide.group_by("model_id").agg(
        *[pl.col(name).median() if name == "alarm_lead" else pl.col(name).mean() for name in named],
        n_series=pl.len(), n_better=better,
    )  # fmt: skip


OUTLOOK_METRICS = (
    "brier", "brier_base", "alarm_f1", "alarm_f1_random", "alarm_f1_calendar", "alarm_precision", "alarm_recall",
    "alarm_lead", "false_alarms_per_month",
)  # fmt: skip


def task_for(time_type: str) -> str:
    """The scoring task of a time type."""
    return f"nightly_{time_type}"
