"""The nightly choice of each series' main model from its own recent backtest, slow to change. One row per series.

Not for scoring (`backtest.py`), nor for showing the choice (`warehouse/main_model.py`).
"""

from __future__ import annotations

import datetime as dt

import polars as pl
from scipy.stats import binom

from warehouse.main_model import CHANCE, DEFAULTS, MARGIN, MIN_ORIGINS, SERIES, TASKS, default_models
from warehouse.skill import BASELINE
from warehouse.tables import TABLES

_CHOICE = TABLES["out.model_choice"]
_NAMES = [name for name in SERIES if name != "time_type"]
_STEP = ["origin", "horizon"]


def choose(
    scores: pl.DataFrame, *, forecasts: pl.DataFrame, previous: pl.DataFrame, issue: dt.date
) -> pl.DataFrame:
    """Rows of `out.model_choice`, one for every series of `forecasts`, sorted by key.

    `scores` are `out.scores` of this and earlier nights, `forecasts` tonight's `out.forecasts`; `previous` holds
    `out.model_choice` of earlier issues, of which each series' newest row counts. The former choice stays while it
    forecasts and its mean WIS is below the ensemble's; otherwise the ensemble (the coherent one, where there is one) is
    back. Then the model furthest below that one takes over, if over at least `MIN_ORIGINS` origins judged for both its
    mean WIS is at least `MARGIN` lower, and lower at more origins than luck gives one of so many models with a
    probability of `CHANCE`. The ensemble needs no margin, so that no model stays by chance.
    """
    scores, forecasts, previous = (_as_text(frame) for frame in (scores, forecasts, previous))
    offered = forecasts.group_by(*SERIES, "model_id").agg(
        pl.col("reference_date").first(), usable=~pl.col("is_fallback").any()
    )
    usable = offered.filter("usable").select(*SERIES, "model_id")
    judged = _judged(scores)
    held = _held(default_models(offered), usable=usable, wis=judged, previous=previous)
    challengers = _taking_over(judged, holders=held, usable=usable)
    changed = held.join(challengers, on=SERIES, how="left").with_columns(
        model_id=pl.coalesce("challenger", "model_id"),
        reason=pl.when(pl.col("challenger").is_not_null()).then(pl.lit("better")).otherwise("reason"),
    )
    dated = changed.join(offered.select(*SERIES, "reference_date").unique(), on=SERIES)
    return _finished(dated, skill=_skill(judged), usable=usable, issue=issue)


def _as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Closed sets as text, so that frames from any source can be joined."""
    return frame.with_columns(pl.col(pl.Enum).cast(pl.String))


def _judged(scores: pl.DataFrame) -> pl.DataFrame:
    """`SERIES`, model_id, origin, horizon, wis of the nightly backtest, in one order whatever that of the rows."""
    rows = scores.filter(
        pl.col("task").is_in(list(TASKS)), pl.col("metric") == "wis", pl.col("value").is_not_null()
    )
    named = rows.select(
        *_NAMES,
        pl.col("task").replace_strict(TASKS, return_dtype=pl.String).alias("time_type"),
        "model_id", "horizon", origin="reference_date", wis="value",
    )  # fmt: skip
    return named.sort(*SERIES, "model_id", *_STEP)


def _against(wis: pl.DataFrame, *, holders: pl.DataFrame) -> pl.DataFrame:
    """Every model against its series' `model_id` in `holders`, on the steps that both were judged on.

    Columns: `SERIES`, model_id, ratio of mean WIS, n_origins, n_won (origins with a lower mean than the holder's).
    """
    own = wis.join(holders.select(*SERIES, "model_id"), on=[*SERIES, "model_id"], how="semi")
    paired = wis.join(own.select(*SERIES, *_STEP, holder="wis"), on=[*SERIES, *_STEP], maintain_order="left")
    origins = paired.group_by(*SERIES, "model_id", "origin", maintain_order=True).agg(
        pl.col("wis", "holder").sum()
    )
    return origins.group_by(*SERIES, "model_id", maintain_order=True).agg(
        ratio=pl.col("wis").sum() / pl.col("holder").sum(),
        n_origins=pl.len(),
        n_won=(pl.col("wis") < pl.col("holder")).sum(),
    )


def _held(
    default: pl.DataFrame, *, usable: pl.DataFrame, wis: pl.DataFrame, previous: pl.DataFrame
) -> pl.DataFrame:
    """`SERIES`, model_id, reason, former, former_since, default: the choice before anybody may take over."""
    last = previous.sort("issue").unique(SERIES, keep="last", maintain_order=True)
    former = last.select(*SERIES, former="model_id", former_since="since")
    ahead = _against(wis, holders=default).filter(pl.col("ratio") < 1.0)
    known = (
        default.join(former, on=SERIES, how="left")
        .join(_marked(usable, name="can"), on=[*SERIES, "former"], how="left")
        .join(_marked(ahead, name="ahead"), on=[*SERIES, "former"], how="left")
    )
    # One default follows another without a contest: which of them there is depends on the places of the night.
    same = (
        pl.col("former").is_null()
        | pl.col("former").is_in(DEFAULTS)
        | (pl.col("former") == pl.col("model_id"))
    )
    holds = pl.col("can").is_not_null() & pl.col("ahead").is_not_null()
    reason = pl.when(same | holds).then(pl.lit("kept")).when(pl.col("can").is_null()).then(pl.lit("fallback"))
    return known.select(
        *SERIES,
        pl.when(~same & holds).then("former").otherwise("model_id").alias("model_id"),
        reason.otherwise(pl.lit("returned")).alias("reason"),
        "former",
        "former_since",
        default="model_id",
    )


def _marked(models: pl.DataFrame, *, name: str) -> pl.DataFrame:
    """`SERIES` and model_id, as `former`, with a column that is true."""
    return models.select(*SERIES, pl.lit(value=True).alias(name), former="model_id")


def _taking_over(wis: pl.DataFrame, *, holders: pl.DataFrame, usable: pl.DataFrame) -> pl.DataFrame:
    """`SERIES` and challenger, where a model is clearly better than the holder: the one with the lowest WIS."""
    others = usable.filter(~pl.col("model_id").is_in(DEFAULTS))
    rivals = others.group_by(SERIES).agg(n_rivals=pl.len())
    judged = _against(wis, holders=holders).join(rivals, on=SERIES, maintain_order="left")
    luck = binom.sf(judged["n_won"].to_numpy() - 1, judged["n_origins"].to_numpy(), 0.5)
    better = judged.with_columns(luck=pl.lit(pl.Series(luck, dtype=pl.Float64))).filter(
        pl.col("n_origins") >= MIN_ORIGINS,
        pl.col("ratio") <= 1.0 - MARGIN,
        pl.col("luck") * pl.col("n_rivals") <= CHANCE,
    )
    able = better.join(others, on=[*SERIES, "model_id"], how="semi")
    first = able.sort(*SERIES, "ratio", "model_id").unique(SERIES, keep="first", maintain_order=True)
    return first.select(*SERIES, challenger="model_id")


def _skill(wis: pl.DataFrame) -> pl.DataFrame:
    """relative_wis (see `warehouse/skill.py`; null where a mean is 0) and n_origins of every judged model."""
    flat = wis.select(SERIES).unique().with_columns(model_id=pl.lit(BASELINE))
    found = _against(wis, holders=flat)
    sound = pl.col("ratio").is_finite() & (pl.col("ratio") > 0.0)
    return found.select(*SERIES, "model_id", "n_origins", relative_wis=pl.when(sound).then("ratio"))


def _finished(
    chosen: pl.DataFrame, *, skill: pl.DataFrame, usable: pl.DataFrame, issue: dt.date
) -> pl.DataFrame:
    """The table: with figures, the runner-up, since when, and *default* where too little was judged."""
    able = skill.drop_nulls("relative_wis").join(usable, on=[*SERIES, "model_id"], how="semi")
    enough = able.filter(pl.col("n_origins") >= MIN_ORIGINS)
    others = enough.join(chosen.select(*SERIES, "model_id"), on=[*SERIES, "model_id"], how="anti")
    second = others.sort(*SERIES, "relative_wis", "model_id").unique(
        SERIES, keep="first", maintain_order=True
    )
    second = second.select(*SERIES, runner_up="model_id", runner_up_relative_wis="relative_wis")
    full = chosen.join(skill, on=[*SERIES, "model_id"], how="left").join(second, on=SERIES, how="left")
    full = full.with_columns(pl.col("n_origins").fill_null(0), issue=pl.lit(issue))
    stays = pl.col("former") == pl.col("model_id")
    unjudged = (pl.col("model_id") == pl.col("default")) & (pl.col("n_origins") < MIN_ORIGINS)
    alone = unjudged & (pl.col("reason") == "kept")
    rows = full.with_columns(
        since=pl.when(stays).then("former_since").otherwise("reference_date"),
        reason=pl.when(alone).then(pl.lit("default")).otherwise("reason"),
    )
    return _CHOICE.schema.validate(rows.select(_CHOICE.columns), cast=True).sort(_CHOICE.key)
