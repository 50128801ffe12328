"""How far each exposure departs from what shuffling it would give.

The shuffle replaces the post that was shown by another one that could have been shown to the same
person: another post of the same writer, else what the responder answered otherwise, else another post
of the thread. Its mean is computed exactly. Not for responses: `follow.py` does that.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from forecasting.contagion.rates import Floats, Neighbourhood, group_rate, logit, shrunk

WRITER, RESPONDER, THREAD, NONE = 1, 2, 3, 0


def surprises(
    edges: pl.DataFrame, *, table: pl.DataFrame, near: Neighbourhood | None, prior: float
) -> pl.DataFrame:
    """Per row of `edges`: surprise (exposed minus what the shuffle gives on average) and tier.

    `table` holds all scored posts with author_key, day, thread and `on`; `near` is None without
    authors. Tier 0 has nothing to shuffle with and must be left out of a test.
    """
    calm = _calm(table, near=near, prior=prior)
    shown = [c for c in ("usual", "daily", "writer_rate") if c in calm.columns]
    here = edges.join(
        calm.select(
            pl.col("post_id").alias("parent_id"),
            *shown,
            pl.col("day").alias("shown_day"),
            shown_excess="excess",
        ),
        on="parent_id",
        how="left",
        maintain_order="left",
    )
    usual = here["usual"].to_numpy()
    sources = [_thread(here, calm=calm)]
    if near is not None:
        usual = _usual_without(here, near=near, usual=usual, prior=prior)
        sources += [_responder(here, usual=usual), _writer(here, calm=calm)]
    base, tier = np.zeros(len(here)), np.full(len(here), NONE)
    for found, n, rank in sources:
        base, tier = np.where(n > 0, found, base), np.where(n > 0, rank, tier)
    surprise = here["exposed"].to_numpy().astype(np.float64) - usual - base
    return pl.DataFrame({"surprise": surprise, "tier": tier})


def _calm(table: pl.DataFrame, *, near: Neighbourhood | None, prior: float) -> pl.DataFrame:
    """Every scored post with `usual`, what its day and writer lead one to expect, and its `excess`."""
    daily, _ = group_rate(table, table=table, by="day", without=("post_id",), prior=prior)
    usual = daily
    if near is not None:
        totals = table.select(pl.col("on").sum().over("author_key"), pl.len().over("author_key").alias("n"))
        writer = shrunk(totals["on"].to_numpy(), totals["n"].to_numpy(), prior=prior)
        known = table["author_key"].is_not_null().to_numpy()
        who = table["author_key"].fill_null("")
        local = np.where(known, near.rate(who, table["day"], without=None, prior=daily), daily)
        usual = _together(local, writer, prior=prior)
        table = table.with_columns(pl.Series("writer_rate", writer), pl.Series("daily", daily))
    return table.with_columns(
        pl.Series("usual", usual), (pl.col("on").cast(pl.Float64) - pl.Series("usual", usual)).alias("excess")
    )


def _together(mood: Floats, person: Floats, *, prior: float) -> Floats:
    """A person's rate on a day of a given mood, adding up on the logit scale."""
    total = logit(mood) + logit(person) - logit(np.array(prior))
    return np.asarray(1.0 / (1.0 + np.exp(-total)))


def _usual_without(here: pl.DataFrame, *, near: Neighbourhood, usual: Floats, prior: float) -> Floats:
    """The shown post's expectation, without the posts of the person it was shown to."""
    daily, writer = here["daily"].to_numpy(), here["writer_rate"].to_numpy()
    local = near.rate(here["source"].fill_null(""), here["shown_day"], without=here["responder"], prior=daily)
    known = here["source"].is_not_null().to_numpy()
    return np.where(known, _together(local, writer, prior=prior), usual)


def exact_sum(column: str) -> pl.Expr:
    """A sum in whole billionths: threads may add in any order and no digit changes."""
    return ((pl.col(column) * _BILLION).round().cast(pl.Int64).sum() / _BILLION).alias(column)


_BILLION = 1_000_000_000


def _writer(here: pl.DataFrame, *, calm: pl.DataFrame) -> tuple[Floats, Floats, int]:
    """Mean excess of the writer's other posts."""
    sums = calm.group_by("author_key").agg(exact_sum("excess"), pl.len().alias("n"))
    joined = here.select("source", "shown_excess").join(
        sums, left_on="source", right_on="author_key", how="left", maintain_order="left"
    )
    n = joined["n"].fill_null(1).to_numpy() - 1.0
    total = (joined["excess"] - joined["shown_excess"]).fill_null(0.0).to_numpy()
    return total / np.maximum(n, 1.0), n, WRITER


def _responder(here: pl.DataFrame, *, usual: Floats) -> tuple[Floats, Floats, int]:
    """Mean excess of the other posts the responder answered."""
    seen = here.select(
        "responder", "parent_id", (pl.col("exposed").cast(pl.Float64) - pl.Series(usual)).alias("e")
    )
    shown = seen.group_by("responder", "parent_id").agg(pl.col("e").min())
    sums = shown.group_by("responder").agg(exact_sum("e").alias("total"), pl.len().alias("n"))
    joined = seen.join(sums, on="responder", how="left", maintain_order="left")
    n = joined["n"].fill_null(1).to_numpy() - 1.0
    total = (joined["total"] - joined["e"]).fill_null(0.0).to_numpy()
    return total / np.maximum(n, 1.0), n, RESPONDER


def _thread(here: pl.DataFrame, *, calm: pl.DataFrame) -> tuple[Floats, Floats, int]:
    """Mean excess of the thread's posts other than the shown one and the answer."""
    sums = calm.group_by("thread").agg(exact_sum("excess").alias("total"), pl.len().alias("n"))
    joined = here.select("thread", "post_id", "parent_id").join(
        sums, on="thread", how="left", maintain_order="left"
    )
    own = calm.select("post_id", pl.col("thread").alias("group"), "excess")
    total = joined["total"].fill_null(0.0).to_numpy().copy()
    n = joined["n"].fill_null(0).to_numpy().astype(np.float64)
    for column in ("post_id", "parent_id"):
        part = joined.join(own, left_on=column, right_on="post_id", how="left", maintain_order="left")
        inside = (part["group"] == part["thread"]).fill_null(False).to_numpy()
        total -= inside * part["excess"].fill_null(0.0).to_numpy()
        n -= inside
    return total / np.maximum(n, 1.0), np.maximum(n, 0.0), THREAD
