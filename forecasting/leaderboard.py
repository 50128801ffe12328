"""How each model compares with the flat line, from scores alone. Not for making or choosing forecasts."""

from __future__ import annotations

import polars as pl

from forecasting.metrics import COVERAGE_LEVELS
from forecasting.tasks import Task
from warehouse.skill import overall_with_range

COVERAGE = [f"coverage_{percent}" for percent in COVERAGE_LEVELS]
FIGURES = ["n_series", "n_origins", "relative_wis", "relative_wis_low", "relative_wis_high", *COVERAGE]
BOARD = ["task", "task_hash", "origins", "known_days", "data_fingerprint", "model_id", *FIGURES]


def leaderboard(scores: pl.DataFrame, *, per_horizon: bool = False) -> pl.DataFrame:
    """One row per task and model (and horizon): relative_wis, n_series, n_judged, win_rate, relative_wis_low,
    relative_wis_high, n_origins, coverage_50/80/90/95, mape.

    `relative_wis` is the geometric mean over series, low to high its 95 % bootstrap interval over origins (null with
    fewer than five); see `warehouse/skill.py`. `win_rate` is the share of series below 1.
    """
    by = ("task", "horizon", "model_id") if per_horizon else ("task", "model_id")
    skill = overall_with_range(scores, by=by)
    return skill.join(_coverage(scores, by=list(by)), on=by, how="left").sort(
        *by[:-1], "relative_wis", "model_id"
    )


def board_rows(scores: pl.DataFrame, *, task: Task) -> pl.DataFrame:
    """The leaderboard as it is kept beside the code, in the columns of `BOARD`; one row per model, best first.

    With its plan, `origins` and `known_days` make the task again, whose hash is `task_hash`. No value of a series is in
    it. Empty without scores.
    """
    marks = scores.select("task", "task_hash", "data_fingerprint").unique()
    told = leaderboard(scores).join(marks, on="task", how="left")
    made = told.with_columns(origins=pl.lit(task.origins), known_days=pl.lit(task.known_days))
    return made.select(BOARD).sort("relative_wis", "model_id")


def _coverage(scores: pl.DataFrame, *, by: list[str]) -> pl.DataFrame:
    means = [pl.col("value").filter(pl.col("metric") == name).mean().alias(name) for name in COVERAGE]
    means.append(pl.col("value").filter(pl.col("metric") == "ape").mean().alias("mape"))
    return scores.group_by(by).agg(means)
