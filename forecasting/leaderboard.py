"""How each model compares with the flat line, from scores alone. Not for making or choosing forecasts."""

from __future__ import annotations

import polars as pl

from forecasting.metrics import COVERAGE_LEVELS, geometric_mean
from forecasting.models import BASELINE

SERIES = ["target", "population", "geo_type", "location"]
CELL = ["task", "reference_date", *SERIES, "horizon"]


def leaderboard(scores: pl.DataFrame, *, per_horizon: bool = False) -> pl.DataFrame:
    """One row per task and model (and horizon): n_series, relative_wis, win_rate, coverage_50/80/90/95.

    `relative_wis` is the geometric mean over series of a model's mean WIS divided by the flat line's on
    the same origins and steps (Cramer et al. 2022); below 1 is better than the flat line. `win_rate` is
    the share of series below 1. Series on which either is 0, or that the flat line lacks, do not enter.
    """
    by = ["task", "model_id", *(["horizon"] if per_horizon else [])]
    skill = (
        _relative(scores, by=by)
        .group_by(by)
        .agg(n_series=pl.len(), relative_wis=geometric_mean("ratio"), win_rate=(pl.col("ratio") < 1.0).mean())
    )
    return skill.join(_coverage(scores, by=by), on=by, how="left").sort(
        by[0], *by[2:], "relative_wis", "model_id"
    )


def _relative(scores: pl.DataFrame, *, by: list[str]) -> pl.DataFrame:
    wis = scores.filter((pl.col("metric") == "wis") & pl.col("value").is_not_null())
    base = wis.filter(pl.col("model_id") == BASELINE).select(*CELL, baseline="value")
    paired = (
        wis.join(base, on=CELL).group_by(*by, *SERIES).agg(pl.col("value").mean(), pl.col("baseline").mean())
    )
    both = paired.filter((pl.col("value") > 0.0) & (pl.col("baseline") > 0.0))
    return both.with_columns(ratio=pl.col("value") / pl.col("baseline"))


def _coverage(scores: pl.DataFrame, *, by: list[str]) -> pl.DataFrame:
    names = [f"coverage_{percent}" for percent in COVERAGE_LEVELS]
    means = [pl.col("value").filter(pl.col("metric") == name).mean().alias(name) for name in names]
    return scores.group_by(by).agg(means)
