"""Bring `core.marks` up to the posts received: what came in is compared with the days before it.

A post is a near-duplicate where an earlier one of the last days says the same; whose it is does not matter. All posts
of an author's day are a burst where a person could hardly have written them. Not for reposts, whose kind says it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import polars as pl

from warehouse.amplification.near_duplicates import BAND_NAMES, alike, fingerprints, words_of
from warehouse.config import AmplificationConfig
from warehouse.store import Receipt, Store, batched
from warehouse.tables import TABLES

_MARKED, _PRINTS, _DONE = (
    TABLES[name] for name in ("core.marks", "core.fingerprints", "core.marked_arrivals")
)
_BATCH_POSTS = 200_000


def mark_posts(store: Store, *, config: AmplificationConfig, run_id: str) -> Receipt:
    """Mark the posts of every arrival (`received_issue`) that has not been gone through yet, or has changed since.

    A batch is a transaction; an arrival that was not gone through to its end is begun again. The cost follows the
    posts that are new and the days before them.
    """
    rows_in = 0
    for issue, n_posts in _waiting(store, config=config).select("received_issue", "n_posts").iter_rows():
        with store.transaction():
            _forget(store, issue=issue)
        for days in _batches(store, issue=issue):
            fresh = _fresh(store, issue=issue, days=days)
            rows_in += fresh.height
            with store.transaction():
                _mark_texts(store, fresh=fresh, issue=issue, config=config, run_id=run_id)
                _prune(store, where="received_issue = ?", arrival=issue, newest=days[-1], config=config)
        with store.transaction():
            _mark_bursts(store, issue=issue, config=config, run_id=run_id)
            _prune(store, where="received_issue <= ?", arrival=issue, newest=days[-1], config=config)
            done = {"received_issue": [issue], "n_posts": [n_posts], "settings": [_settings(config)]}
            store.put(_DONE, pl.DataFrame(done), run_id=run_id)
    counts = store.query("SELECT mark, count(*) AS n FROM core.marks GROUP BY mark ORDER BY mark")
    return Receipt(
        "marks", rows_in=rows_in, rows_out=int(counts["n"].sum()), reasons=dict(counts.iter_rows())
    )


def _settings(config: AmplificationConfig) -> str:
    return config.model_dump_json()


def _waiting(store: Store, *, config: AmplificationConfig) -> pl.DataFrame:
    """Arrivals in order, with their number of posts, that were not marked with this many posts and these settings."""
    return store.query(
        "WITH a AS (SELECT received_issue, count(*) AS n_posts FROM raw.posts GROUP BY received_issue) "
        "SELECT received_issue, a.n_posts FROM a LEFT JOIN core.marked_arrivals d USING (received_issue) "
        "WHERE d.n_posts IS DISTINCT FROM a.n_posts OR d.settings <> ? ORDER BY received_issue",
        [_settings(config)],
    )


def _forget(store: Store, *, issue: dt.date) -> None:
    """Remove what an earlier, smaller or other run said of this arrival; bursts are renewed by day."""
    store.delete(_PRINTS, where="received_issue = ?", parameters=[issue])
    store.delete(_MARKED, where="received_issue = ? AND mark <> 'burst'", parameters=[issue])


def _batches(store: Store, *, issue: dt.date) -> Iterator[list[dt.date]]:
    """The days of an arrival in order, so that an earlier post is always known before a later one."""
    days = store.query(
        "SELECT time_value, count(*) AS n FROM raw.posts WHERE received_issue = ? GROUP BY 1 ORDER BY 1",
        [issue],
    )
    for part in batched(days, size=_BATCH_POSTS):
        yield part["time_value"].to_list()


def _fresh(store: Store, *, issue: dt.date, days: list[dt.date]) -> pl.DataFrame:
    posts = store.query(
        "SELECT post_id, time_value, created_at, text FROM raw.posts "
        "WHERE received_issue = ? AND time_value BETWEEN ? AND ? AND kind <> 'repost' ORDER BY created_at, post_id",
        [issue, days[0], days[-1]],
    )
    return posts.select("post_id", "time_value", "created_at", words=words_of(pl.col("text")), text="text")


def _mark_texts(
    store: Store, *, fresh: pl.DataFrame, issue: dt.date, config: AmplificationConfig, run_id: str
) -> None:
    """Near-duplicates and bare links among new posts; their fingerprints are kept for the days to come."""
    stamped = {"received_issue": pl.lit(issue)}
    link_only = fresh.filter(pl.col("words") == "", ~pl.col("text").str.contains(_SOMETHING))
    printed = fresh.select("post_id", "time_value", "created_at", "words").hstack(
        fingerprints(fresh["words"])
    )
    long = printed.drop_nulls(BAND_NAMES[0])
    kept = long.drop("words").with_columns(**stamped)
    store.append(_PRINTS, kept, run_id=run_id)
    copies = _copies(store, long, issue=issue, config=config)
    for mark, rows in (("near_duplicate", copies), ("link_only", link_only)):
        marked = rows.select("post_id", "time_value", mark=pl.lit(mark), **stamped)
        store.append(_MARKED, marked, run_id=run_id)


# What a text without a word can still say: a symbol or an emoticon.
_SOMETHING = r"[\p{So}\p{Sk}\u2764]|[:;=]-?[()DPp/\\|]"


def _copies(store: Store, long: pl.DataFrame, *, issue: dt.date, config: AmplificationConfig) -> pl.DataFrame:
    """Those of `long` that are near-duplicates of an earlier post of the last days.

    Each is compared with the post before it in each of its bands, so that a crowd of copies costs no more than as
    many different posts.
    """
    if long.is_empty():
        return long
    window = config.near_duplicate_days
    pairs = _neighbours(store, long, issue=issue, days=window)
    texts = store.query(
        "SELECT post_id AS other, text FROM raw.posts "
        "WHERE time_value BETWEEN ?::DATE - ?::INTEGER AND ? AND post_id IN (SELECT unnest(?))",
        [long["time_value"].min(), window, long["time_value"].max(), pairs["other"].unique().to_list()],
    ).select("other", left=words_of(pl.col("text")))
    own = long.select("post_id", right="words")
    both = pairs.join(own, on="post_id", how="inner").join(texts, on="other", how="inner")
    found = both.filter(alike(both))["post_id"]
    return long.filter(pl.col("post_id").is_in(found.implode()))


def _neighbours(store: Store, long: pl.DataFrame, *, issue: dt.date, days: int) -> pl.DataFrame:
    """`post_id`, `other`: of each new post and band, the newest earlier post in the window with the same value.

    Posts that arrived later do not count: an arrival that is gone through again finds what it found at first.
    """
    known = store.query(
        f"SELECT post_id, time_value, {', '.join(BAND_NAMES)} FROM core.fingerprints "
        "WHERE time_value BETWEEN ?::DATE - ?::INTEGER AND ? AND received_issue <= ? ORDER BY created_at, post_id",
        [long["time_value"].min(), days, long["time_value"].max(), issue],
    )
    new = known["post_id"].is_in(long["post_id"].implode())
    numbered = known.select(
        *BAND_NAMES,
        place=pl.int_range(pl.len(), dtype=pl.UInt32),
        day=pl.col("time_value").to_physical(),
        new=new,
    )
    pairs = pl.concat(_pairs(numbered, band=band, days=days) for band in BAND_NAMES).unique()
    ids = known["post_id"]
    return pl.DataFrame({"post_id": ids.gather(pairs["place"]), "other": ids.gather(pairs["before"])})


def _pairs(numbered: pl.DataFrame, *, band: str, days: int) -> pl.DataFrame:
    """Places in order of time of posts and of the one before each with the same value of a band, not long ago."""
    ordered = numbered.select("place", "day", "new", value=band).sort("value", maintain_order=True)
    beside = ordered.with_columns(
        before=pl.col("place").shift(1), since=pl.col("day") - pl.col("day").shift(1)
    )
    same = (pl.col("value") == pl.col("value").shift(1)) & (pl.col("since") <= days) & pl.col("new")
    return beside.filter(same).select("place", "before")


def _mark_bursts(store: Store, *, issue: dt.date, config: AmplificationConfig, run_id: str) -> None:
    """All posts of an author's day with too many posts in an hour or a day, on the days that an arrival touches."""
    days = store.query("SELECT DISTINCT time_value FROM raw.posts WHERE received_issue = ?", [issue])
    touched = days["time_value"].to_list()
    store.delete(_MARKED, where="mark = 'burst' AND time_value IN (SELECT unnest(?))", parameters=[touched])
    found = store.query(
        """
        WITH hours AS (
            SELECT author_key, time_value, count(*) AS n, any_value(time_precision) AS precision
            FROM raw.posts WHERE author_key IS NOT NULL AND time_value IN (SELECT unnest(?))
            GROUP BY author_key, time_value, date_trunc('hour', created_at)
        ), loud AS (
            SELECT author_key, time_value FROM hours GROUP BY ALL
            HAVING sum(n) > ? OR max(n) FILTER (precision = 'second') > ?
        )
        SELECT p.post_id, p.time_value, p.received_issue, 'burst' AS mark
        FROM raw.posts p JOIN loud USING (author_key, time_value) ORDER BY post_id
        """,
        [touched, config.burst_posts_per_day, config.burst_posts_per_hour],
    )
    store.append(_MARKED, found, run_id=run_id)


def _prune(
    store: Store, *, where: str, arrival: dt.date, newest: dt.date, config: AmplificationConfig
) -> None:
    """Remove fingerprints of days that neither later batches nor posts that come a little late are compared with.

    Those of other arrivals go only when one is done: it may be begun again, and then needs what it had.
    """
    reach = dt.timedelta(days=2 * config.near_duplicate_days)
    store.delete(_PRINTS, where=f"{where} AND time_value < ?", parameters=[arrival, newest - reach])
