"""Posts to scores in chunks: nothing twice, nothing lost, one version at a time."""

from __future__ import annotations

import polars as pl
import pytest
from signal_worlds import ReadOff, day, draw, lexicon, posts

from warehouse.errors import ContractError
from warehouse.scores import ScoreSpec, accounting, score_posts, table_of, threshold_sql
from warehouse.store import Store
from warehouse.tables import TABLES


def load(store: Store, n: int, *, seed: int = 1) -> pl.DataFrame:
    drawn = draw(n, seed=seed, days=range(3), received=day(3))
    store.append(TABLES["raw.posts"], drawn, run_id="test")
    return drawn


def score(store: Store, scorer: ReadOff, *, chunk: int = 7, issue: int = 3) -> tuple[int, int]:
    receipt = score_posts(
        store, scorers=[scorer], spec=ScoreSpec(chunk_posts=chunk, issue=day(issue), run_id="test")
    )[0]
    return receipt.rows_in, receipt.rows_out


@pytest.mark.parametrize("chunk", [1, 7, 50, 1000])
def test_every_post_is_scored_once_whatever_the_chunk(store: Store, chunk: int) -> None:
    drawn = load(store, 50)
    scorer = ReadOff()
    assert score(store, scorer, chunk=chunk)[0] == 50
    rows = store.read(table_of(scorer))
    expected = scorer.score(drawn.sort("post_id"))
    assert rows["post_id"].to_list() == sorted(drawn["post_id"])
    assert rows.select(scorer.measures).equals(expected.select(scorer.measures))
    assert score(store, scorer, chunk=chunk) == (0, 0)


def test_only_new_posts_are_scored(store: Store) -> None:
    load(store, 20)
    score(store, ReadOff())
    load(store, 5, seed=2)
    assert score(store, ReadOff())[0] == 5


def test_a_killed_run_goes_on_at_the_same_cut(store: Store) -> None:
    load(store, 30)
    seen: list[list[str]] = []

    class Watched(ReadOff):
        def score(self, posts: pl.DataFrame) -> pl.DataFrame:
            seen.append(posts["text"].to_list())
            if len(seen) == 3:
                raise KeyboardInterrupt
            return super().score(posts)

    with pytest.raises(KeyboardInterrupt):
        score(store, Watched())
    assert store.count(table_of(ReadOff())) == 14
    score(store, Watched())
    assert seen[2] == seen[3]
    assert store.count(table_of(ReadOff())) == 30


def test_another_version_replaces_the_scores_and_is_dated(store: Store) -> None:
    load(store, 10)
    for issue, version in ((3, "1"), (5, "2"), (7, "1"), (9, "1")):
        score(store, ReadOff(version=version), issue=issue)
        assert set(store.read(table_of(ReadOff()))["scorer_version"]) == {version}
    dates = dict(store.read(TABLES["core.scorers"]).select("version", "first_issue").iter_rows())
    assert dates == {"1": day(7), "2": day(5)}


def test_a_scorer_that_loses_a_row_is_refused(store: Store) -> None:
    class Lossy(ReadOff):
        def score(self, posts: pl.DataFrame) -> pl.DataFrame:
            return super().score(posts).head(posts.height - 2)

    load(store, 10)
    with pytest.raises((ContractError, pl.exceptions.PolarsError)):
        score(store, Lossy(), chunk=10)
    assert store.count(table_of(ReadOff())) == 0


def test_the_account_says_why_posts_have_no_score(store: Store) -> None:
    drawn = posts([{"lang": lang} for lang in ("en", "en", "zh", None)], received=day(1))
    store.append(TABLES["raw.posts"], drawn, run_id="test")
    score(store, ReadOff())
    rows = accounting(store, scorer=ReadOff(), issue=day(1))
    TABLES["out.accounting"].schema.validate(rows, cast=True)
    assert dict(rows.select("reason", "n").iter_rows()) == {"scored": 2, "language_not_supported": 2}


def test_without_posts_there_is_nothing_to_account_for(store: Store) -> None:
    assert score(store, lexicon()) == (0, 0)
    rows = accounting(store, scorer=lexicon(), issue=day(1))
    assert TABLES["out.accounting"].schema.validate(rows, cast=True).is_empty()


def test_a_threshold_is_compared_in_the_precision_of_the_scores(store: Store) -> None:
    level = 0.1234567890123456789
    scorer = ReadOff(thresholds={"en": (level, level)})
    sql = threshold_sql(scorer, measure="anger", lang="lang")
    found = store.query(
        f"SELECT {level!r}::FLOAT >= {sql} AS reached FROM (VALUES ('en'), ('fr')) AS t(lang) ORDER BY lang"
    )
    assert found["reached"].to_list() == [True, None]
