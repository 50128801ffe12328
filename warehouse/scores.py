"""Posts to scores, a fixed chunk at a time, each chunk in one transaction. Not for what a scorer computes.

Chunks are cut from the unscored posts in order of post id. A run that was killed goes on at the same cut,
so every batch a model sees is the same as in an uninterrupted run, and so are its numbers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import polars as pl

from warehouse.scoring import Scorer
from warehouse.store import Receipt, Store
from warehouse.tables import TABLES, Table, score_table

MISSING_WORDS = {0: "scored", 1: "language_not_supported", 5: "no_text"}


def table_of(scorer: Scorer) -> Table:
    """The contract of a scorer's table."""
    return score_table(scorer.name, measures=scorer.measures)


def threshold_sql(scorer: Scorer, *, measure: str, lang: str) -> str:
    """SQL for a measure's threshold in the language that the column `lang` names, in the scores' precision.

    Null in a language that has none.
    """
    thresholds: dict[str, dict[str, float]] = scorer.describe()["thresholds"]
    known = sorted((code, values[measure]) for code, values in thresholds.items() if measure in values)
    cases = " ".join(f"WHEN '{code}' THEN {least!r}" for code, least in known)
    return f"(CASE {lang} {cases} END)::FLOAT" if cases else "NULL::FLOAT"


@dataclass(frozen=True, kw_only=True)
class ScoreSpec:
    """How a night scores: posts a chunk and transaction, the issue and run that rows are marked with."""

    chunk_posts: int
    issue: dt.date
    run_id: str


Tell = Callable[[str, int], None]


def score_posts(
    store: Store, *, scorers: Sequence[Scorer], spec: ScoreSpec, progress: Tell | None = None
) -> list[Receipt]:
    """Score every post that this version of a scorer has not scored; one receipt a scorer.

    Another version's scores are removed first: a table never mixes two versions. The scorers take turns, a chunk
    each, so that those which share a model find its numbers still at hand.
    """
    turns = [_turns(store, scorer=scorer, spec=spec, progress=progress) for scorer in scorers]
    receipts = [Receipt(f"score_{scorer.name}") for scorer in scorers]
    for states in zip_longest(*turns):
        receipts = [state or before for state, before in zip(states, receipts, strict=True)]
    return receipts


def _turns(store: Store, *, scorer: Scorer, spec: ScoreSpec, progress: Tell | None) -> Iterator[Receipt]:
    """Score chunk after chunk; the receipt so far after each."""
    table = table_of(scorer)
    _prepare(store, table=table, scorer=scorer, spec=spec)
    scored, reasons = 0, dict.fromkeys(MISSING_WORDS.values(), 0)
    for posts in _unscored(store, table=table, size=spec.chunk_posts):
        scores = _score_chunk(posts, scorer=scorer)
        with store.transaction():
            scored += store.append(table, scores, run_id=spec.run_id)
        for code, count in scores["missing"].value_counts().iter_rows():
            word = MISSING_WORDS.get(code, "other")
            reasons[word] = reasons.get(word, 0) + count
        if progress is not None:
            progress(f"score {scorer.name}", posts.height)
        left_out = {word: n for word, n in reasons.items() if word != MISSING_WORDS[0]}
        yield Receipt(
            f"score_{scorer.name}", rows_in=scored, rows_out=reasons[MISSING_WORDS[0]], reasons=left_out
        )


def _score_chunk(posts: pl.DataFrame, *, scorer: Scorer) -> pl.DataFrame:
    scores = scorer.score(posts.select("text", "lang"))
    named = scores.with_columns(scorer_version=pl.lit(scorer.version))
    return named.with_columns(posts["post_id"])


def _prepare(store: Store, *, table: Table, scorer: Scorer, spec: ScoreSpec) -> None:
    store.create(table)
    row = pl.DataFrame({"scorer": [scorer.name], "version": [scorer.version], "first_issue": [spec.issue]})
    others = f"SELECT count(*) FROM {table.name} WHERE scorer_version <> ?"
    with store.transaction():
        # A version that is gone back to starts again, or its signals would stay those of the other one.
        write = store.put if store.query(others, [scorer.version]).item() else store.append_new
        write(TABLES["core.scorers"], row, run_id=spec.run_id)
        store.delete(table, where="scorer_version <> ?", parameters=[scorer.version])


def _unscored(store: Store, *, table: Table, size: int) -> Iterator[pl.DataFrame]:
    """Unscored posts in order of id, `size` at a time; what a caller writes meanwhile is not read again."""
    waiting = f"unscored_{table.name.replace('.', '_')}"
    store.connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {waiting} AS SELECT post_id, row_number() OVER (ORDER BY post_id) AS place "
        f"FROM raw.posts ANTI JOIN {table.name} USING (post_id)"
    )
    last = store.query(f"SELECT count(*) FROM {waiting}").item()
    for first in range(1, last + 1, size):
        yield store.query(
            f"SELECT post_id, text, lang FROM raw.posts JOIN {waiting} USING (post_id) "
            "WHERE place BETWEEN ? AND ? ORDER BY place",
            [first, first + size - 1],
        )


def accounting(store: Store, *, scorer: Scorer, issue: dt.date) -> pl.DataFrame:
    """Rows of `out.accounting`: how many posts this scorer scored, and why it left out the others."""
    counts = store.query(f"SELECT missing, count(*) AS n FROM {table_of(scorer).name} GROUP BY missing")
    word = pl.col("missing").replace_strict(MISSING_WORDS, default="other", return_dtype=pl.String)
    named = counts.select(reason=word, n="n").group_by("reason").agg(pl.col("n").sum())
    return named.with_columns(issue=pl.lit(issue), stage=pl.lit("score"), subject=pl.lit(scorer.name))
