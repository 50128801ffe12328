"""Posts out of the warehouse: of one person at their wish, deleted ones, or all by age. Call inside a transaction.

What was said of a day that is erased or deleted from is made again by the next night, as a new issue; what was said of
days that expired stays as it was. Not for whose pseudonyms they are, nor for deciding what is too old.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from warehouse.migrations import columns_of_all
from warehouse.store import Store
from warehouse.tables import TABLES

POSTS_FROM = "posts_from"
REMOVALS, ERASED = TABLES["raw.removals"], TABLES["raw.erased"]
_OF_A_POST = ("raw.posts", "core.interactions", "core.marks", "core.fingerprints")


def erase_people(store: Store, *, keys: list[str], issue: dt.date, run_id: str) -> int:
    """Remove all that is kept of these pseudonyms, and what others' posts say of theirs; returns how many posts.

    The pseudonyms themselves are kept in `raw.erased`, so that later files do not bring these people back.
    """
    _choose(store, where="author_key IN (SELECT unnest(?))", parameters=[keys])
    removed = _remove_chosen(store, reason="erased", issue=issue, run_id=run_id)
    _forget_chosen(store)
    named = "IN (SELECT unnest(?))"
    store.delete(TABLES["core.interactions"], where=f"author_key {named}", parameters=[keys])
    store.blank(
        TABLES["core.interactions"],
        column="target_author_key",
        where=f"target_author_key {named}",
        parameters=[keys],
    )
    store.delete(TABLES["core.people"], where=f"author_key {named}", parameters=[keys])
    people = pl.DataFrame({"author_key": keys}, schema={"author_key": pl.String})
    store.append_new(ERASED, people.unique().with_columns(issue=pl.lit(issue)), run_id=run_id)
    return removed


def remove_deleted(store: Store, *, post_ids: list[str], issue: dt.date, run_id: str) -> int:
    """Remove posts that were deleted on their platform, and what others' posts say of them; returns how many."""
    _choose(store, where="post_id IN (SELECT unnest(?))", parameters=[post_ids])
    if not _remove_chosen(store, reason="deleted", issue=issue, run_id=run_id):
        return 0
    _forget_chosen(store)
    return int(store.query("SELECT count(*) FROM leaving").item())


def _forget_chosen(store: Store) -> None:
    """Blank what points at the posts that left; the terms of their days hold pseudonyms and are counted again."""
    gone = "IN (SELECT post_id FROM leaving)"
    for table, column in (
        ("raw.posts", "parent_id"), ("raw.posts", "thread_id"), ("core.interactions", "target_post_id"),
    ):  # fmt: skip
        store.blank(TABLES[table], column=column, where=f"{column} {gone}")
    for name in ("core.term_counts", "core.term_days"):
        store.delete(TABLES[name], where="time_value IN (SELECT time_value FROM leaving)")


def expire_posts(store: Store, *, before: dt.date, issue: dt.date, run_id: str) -> int:
    """Remove the posts of all days before a Monday; returns how many. From then on no post of such a day is taken in:
    a week of which only some posts are left would be described wrongly."""
    known = posts_from(store)
    if known is not None and known >= before:
        return 0
    _choose(store, where="time_value < ?", parameters=[before])
    removed = _remove_chosen(store, reason="expired", issue=issue, run_id=run_id)
    store.delete(
        TABLES["core.people"],
        where="author_key NOT IN (SELECT author_key FROM raw.posts WHERE author_key IS NOT NULL)",
    )
    store.identify(POSTS_FROM, before.isoformat())
    return removed


def posts_from(store: Store) -> dt.date | None:
    """The first day whose posts were not removed by age; None where none were."""
    found = store.identity(POSTS_FROM)
    return dt.date.fromisoformat(found) if found else None


def erased_people(store: Store, keys: pl.Series) -> list[str]:
    """Those of these pseudonyms that were erased."""
    names = keys.drop_nulls().unique()
    found = store.existing_keys(ERASED, pl.DataFrame({"author_key": names}, schema={"author_key": pl.String}))
    return found["author_key"].to_list()


def _choose(store: Store, *, where: str, parameters: list[object]) -> None:
    """The temporary table `leaving`: the posts to remove."""
    store.connection.execute(
        "CREATE OR REPLACE TEMP TABLE leaving AS SELECT post_id, source, time_value, received_issue FROM raw.posts "
        f"WHERE {where}",
        parameters,
    )


def _remove_chosen(store: Store, *, reason: str, issue: dt.date, run_id: str) -> int:
    counts = store.query("SELECT source, time_value, count(*) AS n FROM leaving GROUP BY ALL ORDER BY ALL")
    stamped = counts.with_columns(reason=pl.lit(reason), issue=pl.lit(issue))
    known = store.read(REMOVALS, where="reason = ? AND issue = ?", parameters=[reason, issue])
    both = pl.concat([REMOVALS.schema.cast(stamped.select(REMOVALS.columns)), known])
    store.put(REMOVALS, both.group_by(REMOVALS.key).agg(pl.col("n").sum()), run_id=run_id)
    _correct_arrivals(store, run_id=run_id)
    scores = [name for name in columns_of_all(store.connection) if name.startswith("core.scores_")]
    for name in (*scores, *_OF_A_POST):
        store.connection.execute(f"DELETE FROM {name} WHERE post_id IN (SELECT post_id FROM leaving)")
    return int(counts["n"].sum())


def _correct_arrivals(store: Store, *, run_id: str) -> None:
    """Arrivals were gone through for marks as they are: a copy stays one although what it copies is gone."""
    table = TABLES["core.marked_arrivals"]
    rows = store.query(
        "SELECT received_issue, n_posts - n AS n_posts, settings FROM core.marked_arrivals JOIN "
        "(SELECT received_issue, count(*) AS n FROM leaving GROUP BY ALL) USING (received_issue) WHERE n_posts >= n"
    )
    store.put(table, rows, run_id=run_id)
    store.delete(table, where="n_posts = 0")
