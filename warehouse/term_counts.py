"""Posts to `core.term_counts`: how often each lexicon term was used, by place and day.

Only days whose posts, kinds of post or scorer have changed are counted again, each batch of days in one transaction.
Not for which terms moved a signal, nor for what may be shown: see `word_shifts.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from warehouse.amplification import amplified_sql
from warehouse.cells import LEVELS
from warehouse.scores import table_of
from warehouse.scoring import Scorer
from warehouse.store import Receipt, Store, batched
from warehouse.tables import TABLES

COUNTS, DAYS = TABLES["core.term_counts"], TABLES["core.term_days"]
_BATCH_POSTS = 100_000
_ONE = 1_000_000_000


class TermScorer(Scorer, Protocol):
    """A scorer that gives 1 or 0 per post and measure, and can say for which terms.

    `n_matched` of its scores is above 0 where a post holds a term, negated or not. `term_hits` returns, per post
    and term of a measure: the keys, lexicon, term, dimension, negated, hits and credit, where the credits of a
    post's terms that are not negated sum to 1 per dimension.
    """

    def term_hits(self, posts: pl.DataFrame, *, keys: Sequence[str] = ()) -> pl.DataFrame: ...


@dataclass(frozen=True, kw_only=True)
class TermSpec:
    """Which posts to count: of these kinds and not amplified (`exclude`), on the days `first` to `last`, at these
    place levels; `people_kept` pseudonyms stay with each term, and `chunk_posts` texts are held in memory at a time.
    """

    kinds: tuple[str, ...]
    exclude: tuple[str, ...]
    levels: tuple[str, ...]
    first: dt.date
    last: dt.date
    people_kept: int = 50
    chunk_posts: int = 20_000
    progress: Callable[[str, int], None] | None = None

    @property
    def settings(self) -> str:
        """What makes counts of other settings out of date."""
        return f"{' '.join(self.kinds)}, without {' '.join(self.exclude)}, {self.people_kept} people"


def forget_terms(store: Store, *, scorers: Sequence[TermScorer], spec: TermSpec) -> None:
    """Remove what is counted of other days than those of `spec`, and of other scorers."""
    names = [scorer.name for scorer in scorers]
    with store.transaction():
        for table in (COUNTS, DAYS):
            where = "time_value NOT BETWEEN ? AND ? OR scorer NOT IN (SELECT unnest(?))"
            store.delete(table, where=where, parameters=[spec.first, spec.last, names])


def count_terms(store: Store, *, scorer: TermScorer, spec: TermSpec, run_id: str) -> Receipt:
    """Bring `core.term_counts` and `core.term_days` up to date for one scorer.

    Posts count as in the signals: scored, of a counted kind, and, where most posts of a place and day have an
    author, with one. A person counts once per term, place and day. Killed, it goes on with the days it had not
    reached. `rows_in` of the receipt are the posts with a term that were read, `rows_out` the rows written.
    """
    store.create(table_of(scorer))
    totals = _totals(store, scorer=scorer, spec=spec)
    rows_in = rows_out = 0
    for days in _batches(store, days=_stale(store, totals, scorer=scorer)):
        rows_in += _collect(store, scorer=scorer, spec=spec, days=days)
        with store.transaction():
            for table in (COUNTS, DAYS):
                where = "scorer = ? AND time_value IN (SELECT unnest(?))"
                store.delete(table, where=where, parameters=[scorer.name, days])
            rows_out += store.append(COUNTS, _counted(store, scorer=scorer, spec=spec), run_id=run_id)
            store.append(DAYS, totals.filter(pl.col("time_value").is_in(days)), run_id=run_id)
        if spec.progress is not None:
            spec.progress(f"words {scorer.name}", len(days))
    return Receipt(f"words_{scorer.name}", rows_in=rows_in, rows_out=rows_out)


# ------------------------------------------------------------------------------------ what to compute


def _totals(store: Store, *, scorer: TermScorer, spec: TermSpec) -> pl.DataFrame:
    """`core.term_days` as it should be: the scored posts of each place and day. Kept as the table `term_totals`.

    Posts without an author count where most of a place's posts of the day have none, and nowhere else.
    """
    levels = " UNION ALL ".join(
        f"""
        SELECT '{level}' AS geo_type, {LEVELS[level][0]} AS geo_value, p.time_value,
               sum(if(p.author_key IS NULL, 1, -1)) > 0 AS people_unknown,
               if(people_unknown, count(*), count(p.author_key)) AS n_posts
        FROM counted p WHERE {LEVELS[level][1]} GROUP BY ALL
        """
        for level in spec.levels
    )
    store.connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE term_totals AS
        WITH counted AS (
            SELECT p.author_key, p.time_value, p.geo_type, p.geo_value
            FROM raw.posts p JOIN {table_of(scorer).name} s USING (post_id)
            WHERE s.missing = 0 AND p.kind IN (SELECT unnest(?)) AND p.time_value BETWEEN ? AND ?
              AND NOT ({amplified_sql(spec.exclude)})
        )
        {levels}
        """,
        [list(spec.kinds), spec.first, spec.last],
    )
    rows = store.query("SELECT * FROM term_totals").with_columns(
        scorer=pl.lit(scorer.name), settings=pl.lit(spec.settings), scorer_version=pl.lit(scorer.version)
    )
    return DAYS.schema.cast(rows.select(DAYS.columns))


def _stale(store: Store, totals: pl.DataFrame, *, scorer: TermScorer) -> list[dt.date]:
    """The days of which some place was counted in other posts than `totals` says, or by another scorer."""
    known = store.read(DAYS, where="scorer = ?", parameters=[scorer.name])
    both = pl.concat([known, totals])
    return both.filter(~both.is_duplicated())["time_value"].unique().sort().to_list()


def _batches(store: Store, *, days: list[dt.date]) -> Iterator[list[dt.date]]:
    """The days in order, cut so that a batch has about `_BATCH_POSTS` posts; a day is never cut."""
    sql = (
        "SELECT time_value, count(*) AS n FROM raw.posts WHERE time_value IN (SELECT unnest(?)) GROUP BY ALL"
    )
    sizes = pl.DataFrame({"time_value": days}, schema={"time_value": pl.Date})
    counted = sizes.join(store.query(sql, [days]), on="time_value", how="left").sort("time_value")
    for part in batched(counted.with_columns(pl.col("n").fill_null(0)), size=_BATCH_POSTS):
        yield part["time_value"].to_list()


# ------------------------------------------------------------------------------------------- counting


def _collect(store: Store, *, scorer: TermScorer, spec: TermSpec, days: list[dt.date]) -> int:
    """Fill the temporary tables `term_posts` and `term_hits` from the days' posts; returns how many were read.

    Credits become whole billionths, cut off: they may be added in any order, and never exceed the posts.
    """
    store.connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE term_posts AS
        SELECT row_number() OVER (ORDER BY post_id) AS post, post_id, author_key, p.time_value, p.geo_type,
               p.geo_value
        FROM raw.posts p JOIN {table_of(scorer).name} s USING (post_id)
        WHERE s.missing = 0 AND s.n_matched > 0 AND p.kind IN (SELECT unnest(?))
          AND p.time_value IN (SELECT unnest(?)) AND NOT ({amplified_sql(spec.exclude)})
        """,
        [list(spec.kinds), days],
    )
    store.connection.execute(
        "CREATE OR REPLACE TEMP TABLE term_hits "
        "(post BIGINT, lexicon VARCHAR, term VARCHAR, dimension VARCHAR, negated BOOLEAN, hits BIGINT, credit BIGINT)"
    )
    last: int = store.query("SELECT count(*) FROM term_posts").item()
    for first in range(1, last + 1, spec.chunk_posts):
        posts = store.query(
            "SELECT post, text, lang FROM raw.posts JOIN term_posts USING (post_id, time_value) "
            "WHERE post BETWEEN ? AND ? ORDER BY post",
            [first, first + spec.chunk_posts - 1],
        )
        _keep_hits(store, scorer.term_hits(posts, keys=["post"]))
    return last


def _keep_hits(store: Store, hits: pl.DataFrame) -> None:
    billionths = hits.with_columns((pl.col("credit") * _ONE).floor().cast(pl.Int64))
    columns = ["post", "lexicon", "term", "dimension", "negated", "hits", "credit"]
    store.connection.register("found", billionths.select(columns).to_arrow())
    try:
        store.connection.execute(f"INSERT INTO term_hits SELECT {', '.join(columns)} FROM found")
    finally:
        store.connection.unregister("found")


def _counted(store: Store, *, scorer: TermScorer, spec: TermSpec) -> pl.DataFrame:
    """The rows of `core.term_counts` of the posts that were collected."""
    parts = [store.query(_count_sql(level, people_kept=spec.people_kept)) for level in spec.levels]
    rows = pl.concat(parts).with_columns(scorer=pl.lit(scorer.name), scorer_version=pl.lit(scorer.version))
    return COUNTS.schema.cast(rows.select(COUNTS.columns))


def _count_sql(level: str, *, people_kept: int) -> str:
    place, in_level = LEVELS[level]
    return f"""
        SELECT h.lexicon, h.term, h.dimension, h.negated, t.geo_type, t.geo_value, t.time_value,
               count(*) AS n_posts, if(bool_or(t.people_unknown), NULL, count(DISTINCT p.author_key)) AS n_people,
               if(bool_or(t.people_unknown), NULL,
                  array_to_string(list_sort(list(DISTINCT p.author_key))[1:{people_kept}], ' ')) AS people,
               sum(h.hits)::BIGINT AS hits, (sum(h.credit)::BIGINT)::DOUBLE / {_ONE} AS credit
        FROM term_hits h
        JOIN term_posts p USING (post)
        JOIN term_totals t ON t.geo_type = '{level}' AND t.geo_value = {place} AND t.time_value = p.time_value
        WHERE {in_level} AND (t.people_unknown OR p.author_key IS NOT NULL)
        GROUP BY ALL
    """
