"""How each model compares with the flat line, from scores alone. Not for making or choosing forecasts."""

from __future__ import annotations

import polars as pl

from forecasting.metrics import COVERAGE_LEVELS
from warehouse.skill import overall, relative_wis


def leaderboard(scores: pl.DataFrame, *, per_horizon: bool = False) -> pl.DataFrame:
    """One row per task and model (and horizon): n_series, relative_wis, win_rate, coverage_50/80/90/95, mape.

    `relative_wis` is the geometric mean over series; see `warehouse/skill.py`. `win_rate` is the share of
    series below 1.
    """
    by = ("task", "horizon", "model_id") if per_horizon else ("task", "model_id")
    skill = overall(relative_wis(scores, by=by), by=by)
    return skill.join(_coverage(scores, by=list(by)), on=by, how="left").sort(
        *by[:-1], "relative_wis", "model_id"
    )


def _coverage(scores: pl.DataFrame, *, by: list[str]) -> pl.DataFrame:
    names = [f"coverage_{percent}" for percent in COVERAGE_LEVELS]
    means = [pl.col("value").filter(pl.col("metric") == name).mean().alias(name) for name in names]
    means.append(pl.col("value").filter(pl.col("metric") == "ape").mean().alias("mape"))
    return scores.group_by(by).agg(means)
