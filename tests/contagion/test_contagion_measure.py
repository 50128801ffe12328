"""Contagion: no verdict without influence, a verdict with it, and exposures as drawn by hand."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from contagion_worlds import World, make_posts
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasting.contagion.api import NO_AUTHORS, contagion_file, measure_contagion
from forecasting.contagion.edges import Exposures, answers, exposures
from forecasting.contagion.follow import expected_follow, follow_test
from forecasting.contagion.ledger import HOUR_MS, Ledger
from forecasting.contagion.plain import interactions_of, posts_of
from forecasting.contagion.rates import Neighbourhood
from forecasting.contagion.ties import tie_strength
from warehouse.config import ContagionConfig
from warehouse.errors import InputError
from warehouse.tables import TABLES

THREADS = Path(__file__).parents[2].parent / "shared" / "data" / "posts" / "rumour_reply_trees_en.jsonl.gz"


def _measure(posts: pl.DataFrame, *, seed: int = 0, hours: int = 24) -> pl.DataFrame:
    result = contagion_file(posts, measures=("anger",), window_hours=hours, permutations=200, seed=seed)
    return result.rows


def _verdict(rows: pl.DataFrame) -> bool:
    whole = rows.filter(pl.col("tie_bin") == "all").row(0, named=True)
    return whole["q_value"] < 0.05 and whole["ratio"] > 1


def test_likeness_of_friends_and_a_shared_mood_alone_give_no_verdict() -> None:
    verdicts = [_verdict(_measure(make_posts(World(seed=s)), seed=s)) for s in range(30)]
    assert sum(verdicts) <= 3


def test_planted_influence_is_found_with_a_ratio_above_one() -> None:
    rows = [_measure(make_posts(World(seed=s, influence=1.5)), seed=s) for s in range(5)]
    assert all(_verdict(r) for r in rows)
    assert {len(r) for r in rows} == {3}


def test_the_interval_holds_the_ratio_and_agrees_with_the_verdict() -> None:
    rows = pl.concat([_measure(make_posts(World(seed=s, influence=1.5)), seed=s) for s in range(5)])
    assert ((rows["ratio_low"] < rows["ratio"]) & (rows["ratio"] < rows["ratio_high"])).all()
    whole = rows.filter(pl.col("tie_bin") == "all")
    assert (whole["ratio_low"] > 1).all()
    assert (whole["parts_above"] == 3).all()


def test_without_influence_the_interval_nearly_always_holds_one() -> None:
    rows = pl.concat([_measure(make_posts(World(seed=s)), seed=s) for s in range(30)])
    whole = rows.filter(pl.col("tie_bin") == "all")
    assert ((whole["ratio_low"] <= 1) & (whole["ratio_high"] >= 1)).sum() >= 26


def _exposures(rows: list[tuple[str, str, int, bool, bool, float]]) -> Exposures:
    """responder, source, day of January, exposed, followed, surprise."""
    names = ["responder", "source", "day", "exposed", "followed", "surprise"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    rates = [pl.lit(0.4).alias(name) for name in ("daily", "own", "local")]
    found = frame.with_columns(
        *rates, pl.lit(1).alias("n_posts"), pl.format("{}{}", "source", "day").alias("parent_id")
    )
    return Exposures(frame=found, has_people=True)


def test_the_interval_equals_a_loop_over_people_and_is_the_wider_one() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for on in (bool(x) for x in rng.integers(0, 2, 300)):
        follows = bool(rng.random() < 0.4 + 0.2 * on)
        people = f"r{rng.integers(12)}", f"s{rng.integers(7)}"
        rows.append((*people, int(rng.integers(9)), on, follows, on - 0.5))
    found = _exposures(rows)
    frame = found.frame
    verdict = follow_test(
        found, groups=[np.ones(300, dtype=bool)], part=frame["day"].to_numpy() // 3, permutations=100, seed=0
    )[0]
    score = (frame["followed"].cast(pl.Float64).to_numpy() - expected_follow(found)) * frame[
        "surprise"
    ].to_numpy()
    f, n0 = verdict.follow_rate, verdict.null_rate
    assert f is not None
    assert n0 is not None
    exposed, followed = frame["exposed"].to_numpy(), frame["followed"].to_numpy()
    n = exposed.sum()
    halves = []
    for name in ("responder", "source"):
        people = frame[name].unique().to_list()
        total = 0.0
        for person in people:
            mine = (frame[name] == person).to_numpy()
            of_follow = sum((followed[k] - f) / n for k in np.flatnonzero(mine & exposed))
            of_excess = score[mine].sum() / n - (f - n0) * (mine & exposed).sum() / n
            # d log(f / null) = df / f - dnull / null, with null = f - excess
            total += (of_follow / f - (of_follow - of_excess) / n0) ** 2
        halves.append(stats.t.ppf(0.975, len(people) - 1) * np.sqrt(total * len(people) / (len(people) - 1)))
    assert verdict.ratio_low == pytest.approx(f / n0 * np.exp(-max(halves)))
    assert verdict.ratio_high == pytest.approx(f / n0 * np.exp(max(halves)))
    above = sum(score[(frame["day"].to_numpy() // 3) == k].sum() > 0 for k in range(3))
    assert verdict.parts_above == above


def test_a_part_without_exposure_or_a_single_cluster_gives_no_number() -> None:
    rows = [("r", "s", k % 6, k % 2 == 0, k % 3 == 0, (k % 2 == 0) - 0.5) for k in range(60)]
    found = _exposures(rows)
    day = found.frame["day"].to_numpy()
    early = follow_test(found, groups=[day < 4], part=day // 2, permutations=100, seed=0)[0]
    assert early.parts_above is None
    assert (early.ratio_low, early.ratio_high) == (None, None)
    assert early.ratio is not None


def test_without_authors_influence_is_found_between_posts_and_the_result_says_so() -> None:
    posts = make_posts(World(seed=1, influence=1.5)).drop("author")
    result = contagion_file(posts, measures=("anger",), window_hours=24, permutations=200, seed=0)
    assert result.notes[0] == NO_AUTHORS
    assert result.rows["tie_bin"].to_list() == ["all"]
    assert result.rows["n_people"].to_list() == [None]
    assert _verdict(result.rows)


def test_the_same_seed_gives_the_same_rows_in_the_contract_whatever_the_row_order() -> None:
    posts = make_posts(World(seed=2))
    rows = _measure(posts)
    assert rows.equals(_measure(posts.sample(fraction=1.0, shuffle=True, seed=1)))
    TABLES["out.contagion"].schema.validate(rows)


def test_two_measures_share_one_false_discovery_family() -> None:
    posts = make_posts(World(seed=3)).with_columns(pl.lit(0.0).alias("calm"))
    rows = contagion_file(posts, measures=("anger", "calm"), window_hours=24, permutations=100, seed=0).rows
    calm = rows.filter(pl.col("measure") == "calm")
    assert calm["follow_rate"].null_count() == 3
    assert calm["q_value"].null_count() == 3
    anger = rows.filter(pl.col("measure") == "anger")
    assert (anger["q_value"] >= anger["p_value"]).all()


def _small(rows: list[tuple[str, str | None, float, str | None, float | None]]) -> pl.DataFrame:
    """post_id, author, hour, parent_id, anger."""
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    return pl.DataFrame(
        [(p, a, start + dt.timedelta(hours=h), up, s) for p, a, h, up, s in rows],
        schema=["post_id", "author", "created_at", "parent_id", "anger"],
        orient="row",
    )


def _exposed(posts: pl.DataFrame, *, hours: int = 24, kind: str = "reply") -> pl.DataFrame:
    table = posts_of(posts, measures=("anger",))
    links = interactions_of(table).with_columns(pl.lit(kind).alias("kind"))
    edges = answers(links, posts=table, window_hours=hours)
    on = table.select("post_id", (pl.col("anger") >= 0.5).alias("on")).drop_nulls()
    return exposures(edges, posts=table, expressed=on, window_hours=hours).frame


def test_the_answer_is_the_first_post_that_can_follow() -> None:
    posts = _small(
        [
            ("x", "A", 0, None, 1.0),
            ("y", "A", 1, None, 0.0),
            ("r", "B", 2, "x", 1.0),
            ("s", "C", 2, "y", 0.0),
            ("late", "C", 9, None, 1.0),
        ]
    )
    near = _exposed(posts, hours=3).sort("post_id")
    far = _exposed(posts, hours=24).sort("post_id")
    assert near.select("post_id", "exposed", "followed").rows() == [("r", True, True), ("s", False, False)]
    assert far["followed"].to_list() == [True, True]


def test_a_repost_repeats_its_parent_and_is_no_expression() -> None:
    posts = _small(
        [
            ("x", "A", 0, None, 1.0),
            ("y", "A", 0.5, None, 0.0),
            ("r", "B", 1, "x", 1.0),
            ("z", "B", 2, None, 0.0),
        ]
    )
    assert _exposed(posts, kind="repost").select("n_posts", "followed").rows() == [(1, False)]


def test_answers_to_oneself_and_unscored_parents_are_left_out() -> None:
    posts = _small(
        [
            ("x", "A", 0, None, 1.0),
            ("y", "A", 1, "x", 1.0),
            ("u", "A", 2, None, None),
            ("r", "B", 3, "u", 1.0),
        ]
    )
    assert _exposed(posts).is_empty()


def test_where_only_the_answered_person_is_known_their_newest_post_is_the_exposure() -> None:
    posts = _small(
        [
            ("x", "A", 0, None, 1.0),
            ("y", "A", 5, None, 0.0),
            ("z", "A", 9, None, 1.0),
            ("r", "B", 6, None, 1.0),
        ]
    ).drop("parent_id")
    posts = posts.with_columns(pl.when(pl.col("post_id") == "r").then(pl.lit("A")).alias("reply_to_author"))
    assert _exposed(posts)["parent_id"].to_list() == ["y"]


def test_ids_that_a_spreadsheet_made_decimal_still_match() -> None:
    posts = _small([("1", "7", 0, None, 1.0), ("2", "7", 1, None, 0.0), ("3", "8", 2, None, 1.0)]).drop(
        "parent_id"
    )
    link = pl.when(pl.col("post_id") == "3")
    for answered in (link.then(pl.lit("7.0")), link.then(pl.lit(7.0))):
        found = _exposed(posts.with_columns(answered.alias("reply_to_author")))
        assert found["parent_id"].to_list() == ["2"]


def test_threads_follow_parents_to_their_root() -> None:
    table = posts_of(
        _small(
            [
                ("c", "A", 2, "b", 0.0),
                ("b", "B", 1, "a", 0.0),
                ("a", "C", 0, None, 0.0),
                ("d", "D", 0, "gone", 0.0),
            ]
        ),
        measures=("anger",),
    )
    assert table["thread_id"].to_list() == ["a", "a", "a", "d"]


def test_tie_strength_of_a_triangle_with_a_tail() -> None:
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    pairs = [("A", "B"), ("B", "C"), ("C", "A"), ("D", "A"), ("A", "B"), ("B", "A")]
    edges = pl.DataFrame(pairs, schema=["responder", "source"], orient="row").with_columns(
        pl.Series("answered_at", [start + dt.timedelta(hours=k) for k in range(len(pairs))])
    )
    ties = tie_strength(edges)
    assert ties["overlap"].to_list() == pytest.approx([1 / 2, 1.0, 1 / 2, 0.0, 1 / 2, 1 / 2])
    assert ties["reciprocal"].to_list() == [True, False, False, False, True, True]
    assert ties["earlier"].to_list() == [0, 0, 0, 0, 1, 0]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 40), st.booleans()), min_size=1, max_size=20),
    st.sampled_from("ABCD"),
    st.integers(0, 40),
    st.integers(0, 20),
)
def test_window_counts_equal_a_loop(
    posts: list[tuple[str, int, bool]], who: str, start: int, length: int
) -> None:
    origin = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    table = pl.DataFrame(
        {
            "author_key": [p[0] for p in posts],
            "created_at": [origin + dt.timedelta(hours=p[1]) for p in posts],
            "on": [p[2] for p in posts],
        }
    )
    first = np.array([int(origin.timestamp() * 1000) + start * HOUR_MS])
    book = Ledger.build(table, window_hours=24)
    n, on = book.between(pl.Series([who]), start=first, end=first + length * HOUR_MS)
    inside = [p for p in posts if p[0] == who and start <= p[1] <= start + length]
    assert (n[0], on[0]) == (len(inside), sum(p[2] for p in inside))


def test_the_warehouse_entry_keeps_to_its_window() -> None:
    table = posts_of(make_posts(World(seed=4)), measures=("anger",))
    rows = measure_contagion(
        interactions_of(table),
        table.with_columns(pl.lit("none").alias("geo_type"), pl.lit("").alias("geo_value")),
        table.select("post_id", "anger"),
        measures=("anger",),
        thresholds={"anger": 0.5},
        config=ContagionConfig(permutations=100),
        window_start=dt.date(2024, 1, 3),
        window_end=dt.date(2024, 1, 9),
        seed=0,
    )
    assert rows["window_end"].unique().to_list() == [dt.date(2024, 1, 9)]
    assert 0 < rows["n_edges"].max() < len(interactions_of(table))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.drop("anger"), "no column anger"),
        (lambda t: t.drop("parent_id"), "neither a column parent_id nor reply_to_author"),
        (lambda t: pl.concat([t, t]), "share it with another post"),
        (lambda t: t.with_columns(pl.col("anger") * 9), "outside 0–1"),
        (lambda t: t.with_columns(pl.lit("high").alias("anger")), "expected scores"),
        (lambda t: t.with_columns(pl.lit("noon").alias("created_at")), "not times"),
    ],
)
def test_posts_that_cannot_be_used_say_why(change: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        _measure(change(make_posts(World(seed=5, people=20, days=2))))


def test_no_answers_is_a_note_and_no_rows() -> None:
    posts = _small([("x", "A", 0, None, 1.0), ("y", "B", 1, "gone", 1.0)])
    result = contagion_file(posts, measures=("anger",), window_hours=24, permutations=100, seed=0)
    assert result.rows.is_empty()
    assert "nothing to measure" in result.notes[0]


@pytest.mark.real_data
@pytest.mark.skipif(not THREADS.exists(), reason="the shared data folder is not beside the checkout")
def test_real_threads_without_authors_are_measured() -> None:
    with gzip.open(THREADS) as file:
        table = pl.read_ndjson(file.read())
    noise = np.random.default_rng(0).random(len(table))
    posts = table.drop("text").with_columns(pl.Series("anger", (noise < 0.3).astype(float)))
    row = _measure(posts).row(0, named=True)
    assert row["n_edges"] > 3000
    assert row["p_value"] > 0.01


def test_leaving_out_an_unknown_contact_leaves_out_nobody() -> None:
    day = dt.date(2024, 1, 1)
    table = pl.DataFrame({"author_key": ["b", "c"], "day": [day, day], "on": [True, False]})
    edges = pl.DataFrame({"responder": ["a", "a"], "source": ["b", "c"], "day": [day, day]})
    near = Neighbourhood.build(table, edges=edges)
    who, days = pl.Series(["a", "a", "nobody"]), pl.Series([day] * 3)
    unknown = pl.Series([None, "b", None], dtype=pl.String)
    prior = np.full(3, 0.5)
    rates = near.rate(who, days, without=unknown, prior=prior)
    assert rates[0] == pytest.approx(near.rate(who, days, without=None, prior=prior)[0])
    assert rates[1] < rates[0]
    assert rates[2] == pytest.approx(0.5)
