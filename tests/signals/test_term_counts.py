"""Terms counted by place and day against plain loops, and that only what changed is counted again."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
import signal_worlds as worlds
import word_worlds as words
from signal_worlds import day

import warehouse.term_counts as counting
from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.term_counts import COUNTS, DAYS, TermSpec, forget_terms

RECEIVED = day(20)
SPEC = words.term_spec()


def world(store: Store, *, spec: TermSpec = SPEC, seed: int = 1, authorless: float = 0.1) -> pl.DataFrame:
    posts = words.drawn(600, seed=seed, days=range(12), authorless=authorless, received=RECEIVED)
    words.count_night(store, posts, spec=spec)
    return posts


def as_keys(rows: pl.DataFrame) -> dict[words.Key, tuple[int, int | None, int, float]]:
    key = ["lexicon", "term", "dimension", "negated", "geo_type", "geo_value", "time_value"]
    return {
        tuple(row[name] for name in key): (row["n_posts"], row["n_people"], row["hits"], row["credit"])
        for row in rows.iter_rows(named=True)
    }  # type: ignore[misc]


@pytest.mark.parametrize("authorless", [0.0, 0.3, 0.55, 1.0])
@pytest.mark.parametrize("levels", [("all",), ("all", "nation", "region")])
def test_every_count_equals_a_plain_loop_over_posts(
    store: Store, authorless: float, levels: tuple[str, ...]
) -> None:
    spec = words.term_spec(levels=levels, chunk_posts=7)
    posts = world(store, spec=spec, authorless=authorless)
    got = as_keys(store.read(COUNTS))
    expected = words.reference(posts, spec=spec)
    assert got.keys() == expected.keys()
    for key, (n_posts, n_people, hits, credit) in expected.items():
        assert got[key][:3] == (n_posts, n_people, hits), key
        assert got[key][3] == pytest.approx(float(credit), abs=1e-6), key
    unknown = [value[1] is None for value in got.values()]
    assert any(unknown) >= (authorless > 0.5)
    assert all(unknown) == (authorless == 1.0)


@pytest.mark.parametrize("authorless", [0.0, 0.55])
def test_a_days_total_are_its_scored_posts_with_and_without_a_term(store: Store, authorless: float) -> None:
    posts = world(store, authorless=authorless)
    got = {
        (row["geo_type"], row["geo_value"], row["time_value"]): (row["people_unknown"], row["n_posts"])
        for row in store.read(DAYS).iter_rows(named=True)
    }
    expected = words.counted_posts(posts, spec=SPEC)
    assert got == {cell: (unknown, len(kept)) for cell, (unknown, kept) in expected.items() if kept}


def test_credits_add_up_to_the_posts_with_a_hit_and_never_to_more(store: Store) -> None:
    posts = world(store)
    cells = words.counted_posts(posts, spec=SPEC)
    for row in (
        store.read(COUNTS)
        .group_by("dimension", "geo_type", "geo_value", "time_value")
        .agg(pl.col("credit").sum())
        .iter_rows(named=True)
    ):
        _, members = cells[row["geo_type"], row["geo_value"], row["time_value"]]
        hits = sum(
            any(
                dimension == row["dimension"] and not negated
                for _, dimension, negated in words.types_of(post["text"], post["lang"])
            )
            for post in members
        )
        assert hits - 1e-6 < row["credit"] <= hits + 1e-12


@pytest.mark.parametrize("batch_posts", [1, 100, 10_000])
@pytest.mark.parametrize("chunk_posts", [1, 37])
def test_counts_do_not_depend_on_how_the_work_is_cut(
    store: Store, monkeypatch: pytest.MonkeyPatch, batch_posts: int, chunk_posts: int
) -> None:
    world(store)
    expected = words.counts(store)
    forget_terms(store, scorers=[], spec=SPEC)
    assert store.count(COUNTS) == store.count(DAYS) == 0
    monkeypatch.setattr(counting, "_BATCH_POSTS", batch_posts)
    words.count_night(store, None, spec=replace(SPEC, chunk_posts=chunk_posts))
    assert [a.equals(b) for a, b in zip(words.counts(store), expected, strict=True)] == [True, True]


def test_the_same_night_again_reads_no_post_and_a_new_post_only_its_day(store: Store) -> None:
    world(store)
    assert words.count_night(store, None, spec=SPEC) == 0
    late = worlds.posts([{"post_id": "late", "day": 3, "text": "dread"}], received=RECEIVED)
    before = store.read(COUNTS)
    sql = (
        "SELECT count(*) FROM raw.posts p JOIN core.scores_made s USING (post_id) "
        "WHERE kind <> 'repost' AND s.n_matched > 0 AND time_value = ?"
    )
    of_the_day = store.query(sql, [day(3)]).item()
    assert words.count_night(store, late, spec=SPEC) == of_the_day + 1
    after = store.read(COUNTS)
    elsewhere = pl.col("time_value") != day(3)
    assert after.filter(elsewhere).equals(before.filter(elsewhere))
    assert not after.equals(before)


def test_a_new_post_without_a_term_counts_in_the_day_it_belongs_to(store: Store) -> None:
    world(store)
    before = store.read(DAYS).filter(pl.col("geo_type") == "all", pl.col("time_value") == day(3))["n_posts"]
    words.count_night(
        store, worlds.posts([{"post_id": "late", "day": 3, "text": "so"}], received=RECEIVED), spec=SPEC
    )
    after = store.read(DAYS).filter(pl.col("geo_type") == "all", pl.col("time_value") == day(3))["n_posts"]
    assert after[0] == before[0] + 1


def test_posts_that_are_scored_after_a_night_are_counted_in_the_next(store: Store) -> None:
    posts = world(store)
    late = worlds.posts([{"post_id": "late", "day": 3, "text": "dread"}], received=RECEIVED)
    store.append_new(TABLES["raw.posts"], late, run_id="test")
    counting.count_terms(store, scorer=words.SaysItself(), spec=SPEC, run_id="test")
    assert as_keys(store.read(COUNTS)).keys() == words.reference(posts, spec=SPEC).keys()
    words.count_night(store, None, spec=SPEC)
    expected = words.reference(pl.concat([posts, late]), spec=SPEC)
    got = as_keys(store.read(COUNTS))
    key = ("made-en", "dread", "fear", False, "all", "all", day(3))
    assert got[key][:3] == expected[key][:3]


@pytest.mark.parametrize("died_at", [0, 1, 4, 9])
def test_a_killed_count_goes_on_and_leaves_what_an_uninterrupted_one_does(
    store: Store, monkeypatch: pytest.MonkeyPatch, died_at: int
) -> None:
    world(store)
    expected = words.counts(store)
    forget_terms(store, scorers=[], spec=SPEC)
    monkeypatch.setattr(counting, "_BATCH_POSTS", 1)
    with pytest.raises(KeyboardInterrupt):
        words.count_night(
            store, None, spec=replace(SPEC, chunk_posts=10_000), scorer=words.SaysItself(fails_after=died_at)
        )
    assert store.query("SELECT count(DISTINCT time_value) FROM core.term_days").item() == died_at
    words.count_night(store, None, spec=SPEC)
    assert [a.equals(b) for a, b in zip(words.counts(store), expected, strict=True)] == [True, True]


def test_a_new_version_of_the_scorer_counts_every_day_again(store: Store) -> None:
    world(store)
    words.count_night(store, None, spec=SPEC, scorer=words.SaysItself(version="2"))
    for rows in words.counts(store):
        assert rows["scorer_version"].unique().to_list() == ["2"]


@pytest.mark.parametrize(
    "other", [{"kinds": ("original",)}, {"levels": ("all", "region")}, {"levels": ("nation",)}]
)
def test_other_settings_count_as_if_there_had_been_no_others(store: Store, other: dict[str, object]) -> None:
    posts = world(store)
    spec = words.term_spec(**other)
    words.count_night(store, None, spec=spec)
    assert as_keys(store.read(COUNTS)).keys() == words.reference(posts, spec=spec).keys()


def test_days_that_have_left_the_span_and_scorers_no_longer_asked_for_are_forgotten(store: Store) -> None:
    world(store)
    forget_terms(store, scorers=[words.SaysItself()], spec=words.term_spec(first=day(4), last=day(8)))
    for rows in words.counts(store):
        assert rows["time_value"].min() == day(4)
        assert rows["time_value"].max() == day(8)
    forget_terms(store, scorers=[], spec=SPEC)
    assert [rows.height for rows in words.counts(store)] == [0, 0]


def test_without_posts_nothing_is_counted(store: Store) -> None:
    assert words.count_night(store, worlds.posts([], received=RECEIVED), spec=SPEC) == 0
    assert [rows.height for rows in words.counts(store)] == [0, 0]


def test_only_days_of_the_span_are_counted(store: Store) -> None:
    spec = words.term_spec(first=day(2), last=day(5))
    world(store, spec=spec)
    found = store.read(DAYS)["time_value"]
    assert (found.min(), found.max()) == (day(2), day(5))
