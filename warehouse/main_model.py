"""Which model is shown for each series: the night's choice, else the ensemble. The same for pages, export and summary.

Not for choosing: `forecasting/choice.py` does that, once a night.
"""

from __future__ import annotations

import polars as pl

from warehouse import skill

SERIES = [*skill.SERIES, "time_type"]
# The ensemble, made to fit together where a series has parts or is one; else as it is.
COHERENT, ENSEMBLE = "coherent", "ensemble"
DEFAULTS = (COHERENT, ENSEMBLE)
# Fewer origins say nothing, whatever they say.
MIN_ORIGINS = 6
# A change of model must be worth its unrest.
MARGIN = 0.05
# How likely any of a series' models may take over by luck, were all equally good: a sign test over origins, its level
# divided by the number of models (Bonferroni), because a mean can be lower by one lucky origin.
CHANCE = 0.1
# The nightly backtest's tasks, and the time type of the series in each.
TASKS = {"nightly_day": "day", "nightly_week": "week"}


def newest(forecasts: pl.DataFrame) -> pl.DataFrame:
    """The rows of the newest reference date of each time type; earlier forecasts are kept for comparison only."""
    return forecasts.filter(pl.col("reference_date") == pl.col("reference_date").max().over("time_type"))


def default_models(forecasts: pl.DataFrame) -> pl.DataFrame:
    """`SERIES` and model_id: coherent or else the ensemble; without both the first by name, the flat line last."""
    models = forecasts.select(*SERIES, "model_id").unique()
    name = pl.col("model_id")
    rank = (
        pl.when(name == COHERENT).then(0).when(name == ENSEMBLE).then(1)
        .when(name == skill.BASELINE).then(3).otherwise(2)
    )  # fmt: skip
    return models.sort(*SERIES, rank, name).unique(SERIES, keep="first", maintain_order=True)


def main_models(forecasts: pl.DataFrame, *, choices: pl.DataFrame) -> pl.DataFrame:
    """`SERIES` and model_id: the model shown for every series of `forecasts`.

    `choices` holds rows of one issue of `out.model_choice`. A series without a row there, as in a publication of an
    earlier version, or whose chosen model has no forecast, shows its default.
    """
    there = forecasts.select(*SERIES, "model_id").unique()
    chosen = choices.join(there, on=[*SERIES, "model_id"], how="semi").select(*SERIES, chosen="model_id")
    joined = default_models(forecasts).join(chosen, on=SERIES, how="left", maintain_order="left")
    return joined.select(*SERIES, pl.coalesce("chosen", "model_id").alias("model_id"))


def of_main(frame: pl.DataFrame, *, models: pl.DataFrame) -> pl.DataFrame:
    """The rows of `frame` that are of the model in `models` (`main_models`) for their series."""
    return frame.join(models, on=[*SERIES, "model_id"], how="semi", maintain_order="left")


def nightly_skill(scores: pl.DataFrame) -> pl.DataFrame:
    """`relative_wis` of the nightly backtests, with the series' time_type: see `warehouse/skill.py`."""
    found = skill.relative_wis(scores.filter(pl.col("task").is_in(list(TASKS))))
    return found.with_columns(time_type=pl.col("task").replace_strict(TASKS, return_dtype=pl.String))
