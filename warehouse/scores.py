"""Posts to scores, a fixed chunk at a time, each chunk in one transaction. Not for what a scorer computes.

Chunks are cut from the unscored posts in order of post id. A run that was killed goes on at the same cut,
so every batch a model sees is the same as in an uninterrupted run, and so are its numbers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import polars as pl

from warehouse.scoring import Scorer
from warehouse.store import Receipt, Store
from warehouse.tables import TABLES, Table, score_table

MISSING_WORDS = {0: "scored", 1: "language_not_supported", 5: "no_text"}


def table_of(scorer: Scorer) -> Table:
    """The contract of a scorer's table."""
    return score_table(scorer.name, measures=scorer.measures)


def threshold_sql(scorer: Scorer, *, measure: str, lang: str) -> str:
    """SQL for a measure's threshold in the language that the column `lang` names."""
    thresholds: dict[str, dict[str, float]] = scorer.describe()["thresholds"]
    cases = " ".join(f"WHEN '{code}' THEN {values[measure]!r}" for code, values in sorted(thresholds.items()))
    return f"(CASE {lang} {cases} END)"


def score_posts(
    store: Store, *, scorer: Scorer, chunk_posts: int, issue: dt.date, run_id: str,
    progress: Callable[[str, int], None] | None = None,
) -> Receipt:  # fmt: skip
    """Score every post that this version of the scorer has not scored.

    Another version's scores are removed first: a table never mixes two versions.
    """
    table = table_of(scorer)
    _prepare(store, table=table, scorer=scorer, issue=issue, run_id=run_id)
    scored, reasons = 0, dict.fromkeys(MISSING_WORDS.values(), 0)
    for posts in _unscored(store, table=table, size=chunk_posts):
        scores = _score_chunk(posts, scorer=scorer)
        with store.transaction():
            scored += store.append(table, scores, run_id=run_id)
        for code, count in scores["missing"].value_counts().iter_rows():
            reasons[MISSING_WORDS.get(code, "other")] = (
                reasons.get(MISSING_WORDS.get(code, "other"), 0) + count
            )
        if progress is not None:
            progress(f"score {scorer.name}", posts.height)
    done = reasons.pop("scored")
    return Receipt(f"score_{scorer.name}", rows_in=scored, rows_out=done, reasons=reasons)


def _score_chunk(posts: pl.DataFrame, *, scorer: Scorer) -> pl.DataFrame:
    scores = scorer.score(posts.select("text", "lang"))
    named = scores.with_columns(scorer_version=pl.lit(scorer.version))
    return pl.concat([posts.select("post_id"), named], how="horizontal")


def _prepare(store: Store, *, table: Table, scorer: Scorer, issue: dt.date, run_id: str) -> None:
    store.create(table)
    row = {"scorer": [scorer.name], "version": [scorer.version], "first_issue": [issue]}
    with store.transaction():
        store.append_new(TABLES["core.scorers"], pl.DataFrame(row), run_id=run_id)
        store.delete(table, where="scorer_version <> ?", parameters=[scorer.version])


def _unscored(store: Store, *, table: Table, size: int) -> Iterator[pl.DataFrame]:
    """Unscored posts in order of id, `size` at a time; what a caller writes meanwhile is not read again."""
    after = ""
    while True:
        posts = store.query(
            f"SELECT post_id, text, lang FROM raw.posts ANTI JOIN {table.name} USING (post_id) "
            f"WHERE post_id > ? ORDER BY post_id LIMIT {size}",
            [after],
        )
        if posts.is_empty():
            return
        yield posts
        after = posts["post_id"][-1]


def accounting(store: Store, *, scorer: Scorer, issue: dt.date) -> pl.DataFrame:
    """Rows of `out.accounting`: how many posts this scorer scored, and why it left out the others."""
    counts = store.query(f"SELECT missing, count(*) AS n FROM {table_of(scorer).name} GROUP BY missing")
    word = pl.col("missing").replace_strict(MISSING_WORDS, default="other", return_dtype=pl.String)
    named = counts.select(reason=word, n="n").group_by("reason").agg(pl.col("n").sum())
    return named.with_columns(issue=pl.lit(issue), stage=pl.lit("score"), subject=pl.lit(scorer.name))
