"""Exposures: who answered which post, whether it expressed the emotion, and whether they then did.

Not for testing: `follow.py` does that.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from forecasting.contagion.ledger import HOUR_MS, Ledger, milliseconds
from forecasting.contagion.rates import Neighbourhood, group_rate, own_rate
from forecasting.contagion.surprise import NONE, surprises

ANSWERS = ["reply", "repost", "quote"]


@dataclass(frozen=True)
class Exposures:
    """One row per exposure in `frame`; the rest says whether people are known.

    `frame`: post_id (the answer), parent_id, responder, source (null without authors), day, thread,
    exposed, followed (booleans), n_posts (scored posts that could follow), the rates daily, own and local
    (the last two with authors only), surprise and tier (`surprise.py`).
    """

    frame: pl.DataFrame
    has_people: bool


def answers(interactions: pl.DataFrame, *, posts: pl.DataFrame, window_hours: int) -> pl.DataFrame:
    """Every reply, repost or quote with the post it answers: post_id, parent_id, kind.

    Where only the answered author is known, the parent is that author's newest post of the last
    `window_hours` before the answer. Answers to oneself and to posts that are not there are left out.
    """
    edges = interactions.filter(pl.col("kind").cast(pl.String).is_in(ANSWERS)).select(
        "post_id",
        pl.col("kind").cast(pl.String),
        "target_author_key",
        pl.col("target_post_id").alias("parent_id"),
    )
    direct = edges.filter(pl.col("parent_id").is_not_null())
    guessed = _newest_of_target(
        edges.filter(pl.col("parent_id").is_null()), posts=posts, window_hours=window_hours
    )
    who = posts.select(
        "post_id", pl.col("author_key").alias("responder"), pl.col("created_at").alias("answered_at")
    )
    parent = posts.select(
        pl.col("post_id").alias("parent_id"),
        pl.col("author_key").alias("source"),
        pl.col("created_at").alias("shown_at"),
    )
    joined = (
        pl.concat([direct.select("post_id", "parent_id", "kind"), guessed])
        .unique(["post_id", "parent_id"], keep="first", maintain_order=True)
        .join(who, on="post_id", how="inner")
        .join(parent, on="parent_id", how="inner")
    )
    other = (pl.col("responder") != pl.col("source")).fill_null(True)
    return joined.filter(
        other, pl.col("shown_at") <= pl.col("answered_at"), pl.col("post_id") != pl.col("parent_id")
    )


def _newest_of_target(edges: pl.DataFrame, *, posts: pl.DataFrame, window_hours: int) -> pl.DataFrame:
    when = posts.select("post_id", "created_at")
    asked = (
        edges.filter(pl.col("target_author_key").is_not_null()).join(when, on="post_id").sort("created_at")
    )
    offered = posts.select(
        pl.col("author_key").alias("target_author_key"), "created_at", pl.col("post_id").alias("found")
    ).sort("created_at")
    matched = asked.join_asof(
        offered,
        on="created_at",
        by="target_author_key",
        strategy="backward",
        tolerance=f"{window_hours}h",
        check_sortedness=False,
    )
    return matched.filter(pl.col("found").is_not_null()).select(
        "post_id", pl.col("found").alias("parent_id"), "kind"
    )


def exposures(
    edges: pl.DataFrame, *, posts: pl.DataFrame, expressed: pl.DataFrame, window_hours: int
) -> Exposures:
    """The exposures of one measure.

    `edges` come from `answers`, `expressed` has post_id and a boolean `on` for every scored post. The
    answer is the first post that can follow, except a repost, which repeats its parent; reposts never
    count as expression. Edges whose parent has no score, or whose writer has no scored post in the
    window, are left out.
    """
    reposts = edges.filter(pl.col("kind") == "repost").select("post_id").unique()
    threads = posts.with_columns(
        pl.coalesce("thread_id", "post_id").alias("thread"), pl.col("created_at").dt.date().alias("day")
    )
    table = threads.join(expressed, on="post_id", how="inner").join(reposts, on="post_id", how="anti")
    shown = table.select(pl.col("post_id").alias("parent_id"), pl.col("on").alias("exposed"))
    kept = edges.join(shown, on="parent_id", how="inner").join(
        threads.select("post_id", "thread", "day"), on="post_id", how="inner"
    )
    has_people = posts["author_key"].null_count() < len(posts)
    if not has_people:
        return _complete(_answer_only(kept, table=table), table=table, book=None, window_hours=window_hours)
    book = Ledger.build(table, window_hours=window_hours)
    counted = _followed(kept.filter(pl.col("responder").is_not_null()), book=book, window_hours=window_hours)
    return _complete(counted, table=table, book=book, window_hours=window_hours)


def _complete(
    counted: pl.DataFrame, *, table: pl.DataFrame, book: Ledger | None, window_hours: int
) -> Exposures:
    """Add background rates and surprises; leave out what has no response or nothing to shuffle with."""
    usable = counted.filter(pl.col("n_posts") > 0).sort("post_id", "parent_id")
    prior = float(table.select(pl.col("on").mean().fill_null(0.0)).item() or 0.0) if len(table) else 0.0
    near = Neighbourhood.build(table, edges=usable.filter(pl.col("source").is_not_null())) if book else None
    daily, _ = group_rate(usable, table=table, by="day", without=("post_id", "parent_id"), prior=prior)
    rates = usable.with_columns(pl.Series("daily", daily))
    if book is not None and near is not None:
        own = own_rate(usable, book=book, window_hours=window_hours, prior=prior)
        local = near.rate(usable["responder"], usable["day"], without=usable["source"], prior=daily)
        rates = rates.with_columns(pl.Series("own", own), pl.Series("local", local))
    found = surprises(usable, table=table, near=near, prior=prior)
    frame = pl.concat([rates, found], how="horizontal").filter(pl.col("tier") != NONE)
    return Exposures(frame=frame, has_people=book is not None)


def _answer_only(kept: pl.DataFrame, *, table: pl.DataFrame) -> pl.DataFrame:
    own = table.select("post_id", pl.col("on").alias("followed"))
    return kept.join(own, on="post_id", how="inner").with_columns(pl.lit(1, dtype=pl.Int64).alias("n_posts"))


def _followed(kept: pl.DataFrame, *, book: Ledger, window_hours: int) -> pl.DataFrame:
    """Count each responder's scored posts, and those that express, from the answer to the window's end."""
    start = milliseconds(kept["answered_at"])
    n, on = book.between(kept["responder"], start=start, end=start + window_hours * HOUR_MS)
    return kept.with_columns(pl.Series("followed", on > 0), pl.Series("n_posts", n))
