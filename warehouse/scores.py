"""Posts to scores, a fixed chunk at a time, each chunk in one transaction. Not for what a scorer computes.

Chunks are cut from the unscored posts in order of post id. A run that was killed goes on at the same cut,
so every batch a model sees is the same as in an uninterrupted run, and so are its numbers.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

import polars as pl

from warehouse.engine import Alone, Engine, Round
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
    """How a night scores: posts a chunk and transaction, the issue and run that rows are marked with, and where."""

    chunk_posts: int
    issue: dt.date
    run_id: str
    engine: Engine = field(default_factory=Alone, compare=False, repr=False)


Tell = Callable[[str, int], None]


def score_posts(
    store: Store, *, scorers: Sequence[Scorer], spec: ScoreSpec, progress: Tell | None = None
) -> list[Receipt]:
    """Score every post that this version of a scorer has not scored; one receipt a scorer.

    Another version's scores are removed first: a table never mixes two versions. The scorers take turns, a chunk
    each, so that those which share a model find its numbers still at hand. Wherever the engine scores, chunks are cut
    and written here, in the same order.
    """
    tallies = [_Tally(scorer) for scorer in scorers]
    for tally in tallies:
        _prepare(store, table=tally.table, scorer=tally.scorer, spec=spec)
    waiting = [_Unscored(store, table=tally.table, size=spec.chunk_posts) for tally in tallies]
    n_rounds = max((len(chunks) for chunks in waiting), default=0)
    rounds: Iterator[Round] = zip_longest(*waiting)
    for place, posts, scores in spec.engine.score(rounds, n_rounds=n_rounds, scorers=scorers):
        tallies[place].write(store, posts=posts, scores=scores, run_id=spec.run_id)
        if progress is not None:
            progress(f"score {scorers[place].name}", posts.height)
    return [tally.receipt() for tally in tallies]


class _Tally:
    """A scorer's table, and what has been written to it."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer, self.table = scorer, table_of(scorer)
        self.rows, self.reasons = 0, dict.fromkeys(MISSING_WORDS.values(), 0)

    def write(self, store: Store, *, posts: pl.DataFrame, scores: pl.DataFrame, run_id: str) -> None:
        """One chunk, in one transaction."""
        rows = scores.with_columns(posts["post_id"], scorer_version=pl.lit(self.scorer.version))
        with store.transaction():
            self.rows += store.append(self.table, rows, run_id=run_id)
        for code, count in scores["missing"].value_counts().iter_rows():
            word = MISSING_WORDS.get(code, "other")
            self.reasons[word] = self.reasons.get(word, 0) + count

    def receipt(self) -> Receipt:
        left_out = {word: n for word, n in self.reasons.items() if word != MISSING_WORDS[0] and self.rows}
        return Receipt(
            f"score_{self.scorer.name}",
            rows_in=self.rows,
            rows_out=self.reasons[MISSING_WORDS[0]],
            reasons=left_out,
        )


def _prepare(store: Store, *, table: Table, scorer: Scorer, spec: ScoreSpec) -> None:
    store.create(table)
    row = pl.DataFrame({"scorer": [scorer.name], "version": [scorer.version], "first_issue": [spec.issue]})
    others = f"SELECT count(*) FROM {table.name} WHERE scorer_version <> ?"
    with store.transaction():
        # A version that is gone back to starts again, or its signals would stay those of the other one.
        write = store.put if store.query(others, [scorer.version]).item() else store.append_new
        write(TABLES["core.scorers"], row, run_id=spec.run_id)
        store.delete(table, where="scorer_version <> ?", parameters=[scorer.version])


class _Unscored:
    """Unscored posts in order of id, `size` at a time; what a caller writes meanwhile is not read again."""

    def __init__(self, store: Store, *, table: Table, size: int) -> None:
        self._store, self._size = store, size
        self._waiting = f"unscored_{table.name.replace('.', '_')}"
        store.connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {self._waiting} AS "
            "SELECT post_id, time_value, received_issue, row_number() OVER (ORDER BY post_id) AS place "
            f"FROM raw.posts ANTI JOIN {table.name} USING (post_id)"
        )
        self._last: int = store.query(f"SELECT count(*) FROM {self._waiting}").item()

    def __len__(self) -> int:
        return -(-self._last // self._size)

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for first in range(1, self._last + 1, self._size):
            # By day too, so that only the blocks of a chunk's days are read, however large the archive.
            yield self._store.query(
                "SELECT post_id, text, lang FROM raw.posts "
                f"JOIN {self._waiting} USING (post_id, time_value, received_issue) "
                "WHERE place BETWEEN ? AND ? ORDER BY place",
                [first, first + self._size - 1],
            )


def accounting(store: Store, *, scorer: Scorer, issue: dt.date) -> pl.DataFrame:
    """Rows of `out.accounting`: how many posts this scorer scored, and why it left out the others."""
    counts = store.query(f"SELECT missing, count(*) AS n FROM {table_of(scorer).name} GROUP BY missing")
    word = pl.col("missing").replace_strict(MISSING_WORDS, default="other", return_dtype=pl.String)
    named = counts.select(reason=word, n="n").group_by("reason").agg(pl.col("n").sum())
    return named.with_columns(issue=pl.lit(issue), stage=pl.lit("score"), subject=pl.lit(scorer.name))
