"""Word shifts against plain loops over posts, and what must hold of any of them."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from math import fsum

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.errors import InputError
from warehouse.shift import OTHER, SHIFT_SCHEMA, Totals, mean_shift, rate_shift, share_shift, with_floor

WORDS = ("calm", "cheer", "gloom", "grief", "rage", "tears")
NEGATION = -0.5
HUNDRED = Totals(window=100, reference=100)


@dataclass(frozen=True)
class Hit:
    """One scored word of a post; `factor` is what a word of degree before it does to its weight."""

    term: str
    negated: bool
    factor: float

    @property
    def weight(self) -> float:
        own = (WORDS.index(self.term) - 2.2) / 3
        return own * self.factor * (NEGATION if self.negated else 1.0)


@dataclass(frozen=True)
class Post:
    person: int
    hits: tuple[Hit, ...]
    n_tokens: int


def drawn_posts(n: int, *, seed: int, words: tuple[str, ...] = WORDS) -> list[Post]:
    rng = random.Random(seed)
    return [
        Post(
            person=rng.randrange(n),
            hits=tuple(_hit(rng, words) for _ in range(rng.choice((0, 0, 1, 2, 4)))),
            n_tokens=rng.randrange(4, 30),
        )
        for _ in range(n)
    ]


def _hit(rng: random.Random, words: tuple[str, ...]) -> Hit:
    return Hit(rng.choice(words), rng.random() < 0.25, rng.choice((0.5, 1.0, 1.0, 1.4)))


def credits_of(posts: list[Post]) -> pl.DataFrame:
    credit: dict[str, float] = defaultdict(float)
    people: dict[str, set[int]] = defaultdict(set)
    for post in posts:
        distinct = {hit.term for hit in post.hits if not hit.negated}
        for term in distinct:
            credit[term] += 1 / len(distinct)
            people[term].add(post.person)
    return _credits([(term, credit[term], len(people[term])) for term in credit])


def types_of(posts: list[Post]) -> pl.DataFrame:
    weights: dict[tuple[str, bool], list[float]] = defaultdict(list)
    people: dict[tuple[str, bool], set[int]] = defaultdict(set)
    for post in posts:
        for hit in post.hits:
            weights[hit.term, hit.negated].append(hit.weight)
            people[hit.term, hit.negated].add(post.person)
    return _types(
        [(*key, len(found), fsum(found) / len(found), len(people[key])) for key, found in weights.items()]
    )


def _types(rows: list[tuple]) -> pl.DataFrame:
    weights = {"hits": pl.Int64, "weight": pl.Float64, "n_people": pl.Int64}
    return pl.DataFrame(rows, schema={"term": pl.String, "negated": pl.Boolean, **weights}, orient="row")


def _credits(rows: list[tuple]) -> pl.DataFrame:
    schema = {"term": pl.String, "credit": pl.Float64, "n_people": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def share_of(posts: list[Post]) -> float:
    return sum(any(not hit.negated for hit in post.hits) for post in posts) / len(posts)


def mean_of(posts: list[Post]) -> float:
    weights = [hit.weight for post in posts for hit in post.hits]
    return fsum(weights) / len(weights)


def rate_of(posts: list[Post]) -> float:
    return sum(len(post.hits) for post in posts) / tokens_of(posts)


def tokens_of(posts: list[Post]) -> int:
    return sum(post.n_tokens for post in posts)


def total(shift: pl.DataFrame) -> float:
    return fsum(shift["contribution"])


def by_type(shift: pl.DataFrame) -> dict[tuple[str, bool], dict[str, float]]:
    return {(row["term"], row["negated"]): row for row in shift.iter_rows(named=True)}


SEEDS = range(4)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_share_of_posts_with_a_hit_decomposes_as_a_loop_over_posts_says(seed: int) -> None:
    window, reference = drawn_posts(90, seed=seed), drawn_posts(70, seed=seed + 100)
    shift = share_shift(
        credits_of(window), credits_of(reference), totals=Totals(window=len(window), reference=len(reference))
    )
    assert total(shift) == pytest.approx(share_of(window) - share_of(reference), abs=1e-12)
    for (term, negated), row in by_type(shift).items():
        after, before = (_credit(posts, term=term) / len(posts) for posts in (window, reference))
        assert not negated
        assert row["contribution"] == pytest.approx(after - before, abs=1e-12)
        assert (row["share_after"], row["share_before"]) == pytest.approx((after, before), abs=1e-12)


def _credit(posts: list[Post], *, term: str) -> float:
    terms = [{hit.term for hit in post.hits if not hit.negated} for post in posts]
    return fsum(1 / len(distinct) for distinct in terms if term in distinct)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mean_weight_decomposes_as_a_loop_over_hits_says(seed: int) -> None:
    window, reference = drawn_posts(90, seed=seed), drawn_posts(70, seed=seed + 100, words=WORDS[1:])
    shift = mean_shift(types_of(window), types_of(reference))
    assert total(shift) == pytest.approx(mean_of(window) - mean_of(reference), abs=1e-12)
    for (term, negated), row in by_type(shift).items():
        found = [_weights(posts, term=term, negated=negated) for posts in (window, reference)]
        n1, n0 = (sum(len(post.hits) for post in posts) for posts in (window, reference))
        p1, p0 = len(found[0]) / n1, len(found[1]) / n0
        phi1, phi0 = (fsum(own or other) / len(own or other) for own, other in (found, found[::-1]))
        frequency = (p1 - p0) * ((phi1 + phi0) / 2 - mean_of(reference))
        score = (p1 + p0) / 2 * (phi1 - phi0)
        assert row["frequency"] == pytest.approx(frequency, abs=1e-12)
        assert row["score"] == pytest.approx(score, abs=1e-12)
        assert row["contribution"] == pytest.approx(frequency + score, abs=1e-12)


def _weights(posts: list[Post], *, term: str, negated: bool) -> list[float]:
    return [hit.weight for post in posts for hit in post.hits if (hit.term, hit.negated) == (term, negated)]


@pytest.mark.parametrize("seed", SEEDS)
def test_hits_per_token_decompose_as_a_loop_over_hits_says(seed: int) -> None:
    window, reference = drawn_posts(60, seed=seed), drawn_posts(80, seed=seed + 100)
    totals = Totals(window=tokens_of(window), reference=tokens_of(reference))
    shift = rate_shift(types_of(window), types_of(reference), totals=totals)
    assert total(shift) == pytest.approx(rate_of(window) - rate_of(reference), abs=1e-12)
    for (term, negated), row in by_type(shift).items():
        after, before = (
            len(_weights(posts, term=term, negated=negated)) / tokens_of(posts)
            for posts in (window, reference)
        )
        assert row["contribution"] == pytest.approx(after - before, abs=1e-12)


def test_a_negated_hit_is_a_type_of_its_own_and_pulls_a_mean_the_other_way() -> None:
    reference = _types([("cheer", False, 4, 1.0, 4), ("gloom", False, 4, -1.0, 4)])
    window = _types([("cheer", False, 2, 1.0, 2), ("cheer", True, 2, -0.5, 2), ("gloom", False, 4, -1.0, 4)])
    rows = by_type(mean_shift(window, reference))
    assert rows["cheer", False]["contribution"] == pytest.approx(-0.25)
    assert rows["cheer", True]["contribution"] == pytest.approx(-0.125)
    assert rows["gloom", False]["contribution"] == 0.0


def test_a_word_that_only_weighs_more_moves_the_score_part_alone() -> None:
    reference = _types([("cheer", False, 3, 0.4, 3), ("gloom", False, 1, -1.0, 1)])
    window = _types([("cheer", False, 3, 0.8, 3), ("gloom", False, 1, -1.0, 1)])
    row = by_type(mean_shift(window, reference))["cheer", False]
    assert (row["frequency"], row["score"]) == (0.0, pytest.approx(0.3))


def test_rows_are_sorted_by_the_size_of_their_contribution_and_then_by_term() -> None:
    window = _credits([("b", 2.0, 9), ("a", 2.0, 9), ("c", 1.0, 9)])
    reference = _credits([("d", 4.0, 9), ("c", 1.0, 9)])
    shift = share_shift(window, reference, totals=HUNDRED)
    assert shift["term"].to_list() == ["d", "a", "b", "c"]
    assert shift.schema == SHIFT_SCHEMA


def test_the_people_of_a_term_are_the_fewer_of_the_windows_in_which_it_occurs() -> None:
    window = _credits([("both", 3.0, 7), ("new", 2.0, 4), ("unknown", 1.0, None)])
    reference = _credits([("both", 3.0, 5), ("old", 2.0, 6), ("unknown", 1.0, 8), ("new", 0.0, 0)])
    shift = share_shift(window, reference, totals=HUNDRED)
    people = dict(shift.select("term", "n_people").iter_rows())
    assert people == {"both": 5, "new": 4, "old": 6, "unknown": None}


# ------------------------------------------------------------------------------------------ any shift

FINITE = st.floats(min_value=-4.0, max_value=4.0)
PEOPLE = st.one_of(st.none(), st.integers(1, 30))
TYPE = st.tuples(st.sampled_from(WORDS), st.booleans())


@st.composite
def drawn_types(draw: st.DrawFn) -> pl.DataFrame:
    kinds = draw(st.lists(TYPE, min_size=1, max_size=12, unique=True))
    rows = [(*kind, draw(st.integers(1, 500)), draw(FINITE), draw(PEOPLE)) for kind in kinds]
    return _types(rows)


@st.composite
def drawn_credits(draw: st.DrawFn) -> pl.DataFrame:
    terms = draw(st.lists(st.sampled_from(WORDS), max_size=6, unique=True))
    return _credits([(term, draw(st.floats(0.1, 50.0)), draw(PEOPLE)) for term in terms])


def change(window: pl.DataFrame, reference: pl.DataFrame) -> float:
    scores = [
        fsum(h * w for h, w in frame.select("hits", "weight").iter_rows()) / frame["hits"].sum()
        for frame in (window, reference)
    ]
    return scores[0] - scores[1]


@given(window=drawn_types(), reference=drawn_types(), people=st.integers(1, 40))
def test_contributions_add_up_to_the_change_of_a_mean_before_and_after_the_floor(
    window: pl.DataFrame, reference: pl.DataFrame, people: int
) -> None:
    shift = mean_shift(window, reference)
    floored = with_floor(shift, people=people)
    for rows in (shift, floored):
        assert total(rows) == pytest.approx(change(window, reference), abs=1e-12)
        assert fsum(rows["frequency"]) + fsum(rows["score"]) == pytest.approx(total(rows), abs=1e-12)
        assert fsum(rows["share_before"]) == pytest.approx(1.0, abs=1e-12)
        assert fsum(rows["share_after"]) == pytest.approx(1.0, abs=1e-12)


@given(window=drawn_credits(), reference=drawn_credits(), people=st.integers(1, 40))
def test_contributions_add_up_to_the_change_of_a_share_before_and_after_the_floor(
    window: pl.DataFrame, reference: pl.DataFrame, people: int
) -> None:
    shift = share_shift(window, reference, totals=Totals(window=400, reference=350))
    expected = fsum(window["credit"]) / 400 - fsum(reference["credit"]) / 350
    assert total(shift) == pytest.approx(expected, abs=1e-12)
    assert total(with_floor(shift, people=people)) == pytest.approx(expected, abs=1e-12)


@given(window=drawn_types(), reference=drawn_types())
def test_windows_that_change_places_change_the_sign(window: pl.DataFrame, reference: pl.DataFrame) -> None:
    sizes = {"window": 20_000, "reference": 10_000}
    there = rate_shift(window, reference, totals=Totals(**sizes))
    back = rate_shift(reference, window, totals=Totals(window=10_000, reference=20_000))
    turned = back.with_columns(-pl.col("contribution"))
    assert by_numbers(there) == by_numbers(turned)
    means = total(mean_shift(window, reference)), total(mean_shift(reference, window))
    assert means[0] == pytest.approx(-means[1], abs=1e-12)


def by_numbers(shift: pl.DataFrame) -> dict[tuple[str, bool], float]:
    return {key: row["contribution"] for key, row in by_type(shift).items()}


@given(frame=drawn_types())
def test_a_window_that_is_its_own_reference_shows_no_change(frame: pl.DataFrame) -> None:
    assert mean_shift(frame, frame)["contribution"].to_list() == [0.0] * frame.height


# ------------------------------------------------------------------------------------------ the floor


@given(window=drawn_types(), reference=drawn_types(), people=st.integers(1, 40))
def test_the_floor_shows_no_term_of_fewer_or_unknown_people(
    window: pl.DataFrame, reference: pl.DataFrame, people: int
) -> None:
    shown = with_floor(mean_shift(window, reference), people=people).filter(pl.col("term") != OTHER)
    for frame in (window, reference):
        used = frame.join(shown.select("term", "negated"), on=["term", "negated"], how="semi")
        assert used.filter(pl.col("n_people").is_null() | (pl.col("n_people") < people)).is_empty()


@given(window=drawn_types(), reference=drawn_types(), people=st.integers(1, 40))
def test_enough_people_stand_behind_what_is_hidden_or_it_is_the_whole_window(
    window: pl.DataFrame, reference: pl.DataFrame, people: int
) -> None:
    floored = with_floor(mean_shift(window, reference), people=people)
    shown = floored.filter(pl.col("term") != OTHER)
    for frame, share in ((window, "share_after"), (reference, "share_before")):
        hidden = frame.join(shown.select("term", "negated"), on=["term", "negated"], how="anti")
        if hidden.height and (shown[share] > 0).any():
            assert hidden["n_people"].max() >= people
            assert hidden.height >= 2 or hidden["n_people"].item() >= people


def test_a_single_hidden_term_takes_the_smallest_shown_one_with_it() -> None:
    window = _credits([("many", 9.0, 90), ("some", 5.0, 60), ("few", 1.0, 2)])
    reference = _credits([("many", 4.0, 80), ("some", 5.0, 55), ("few", 1.0, 3)])
    floored = with_floor(share_shift(window, reference, totals=HUNDRED), people=50)
    assert floored.select("term", "negated", "n_people").rows() == [("many", False, 80), (OTHER, None, None)]
    assert floored["share_after"].to_list() == pytest.approx([0.09, 0.06])


def test_each_window_of_the_hidden_terms_is_covered_by_a_term_that_occurs_in_it() -> None:
    window = _credits([("new", 9.0, 90), ("newer", 8.0, 70), ("few", 1.0, 2)])
    reference = _credits([("old", 4.0, 80), ("older", 5.0, 95), ("few", 1.0, 3)])
    floored = with_floor(share_shift(window, reference, totals=HUNDRED), people=50)
    assert set(floored["term"]) == {"new", "older", OTHER}


def test_where_every_term_is_rare_the_change_is_one_row() -> None:
    frames = _credits([("few", 1.0, 2), ("nobody knows", 1.0, None)]), _credits([("few", 3.0, 2)])
    floored = with_floor(share_shift(*frames, totals=HUNDRED), people=50)
    assert floored.select("term", "contribution").rows() == [(OTHER, pytest.approx(-0.01))]


def test_a_shift_without_rare_terms_has_no_other_row() -> None:
    frames = _credits([("a", 1.0, 50)]), _credits([("a", 3.0, 50)])
    shift = share_shift(*frames, totals=HUNDRED)
    assert with_floor(shift, people=50).equals(shift)


# --------------------------------------------------------------------------------------- what is refused

GOOD = _types([("cheer", False, 2, 1.0, 2)])
EMPTY = GOOD.clear()


def test_no_hit_in_either_window_is_no_change_of_a_share() -> None:
    empty = _credits([])
    assert share_shift(empty, empty, totals=Totals(window=5, reference=5)).is_empty()


@pytest.mark.parametrize("totals", [Totals(window=0, reference=5), Totals(window=5, reference=0)])
def test_a_window_without_posts_or_tokens_is_refused(totals: Totals) -> None:
    with pytest.raises(InputError, match="total of 0"):
        share_shift(_credits([]), _credits([]), totals=totals)
    with pytest.raises(InputError, match="total of 0"):
        rate_shift(EMPTY, EMPTY, totals=totals)


@pytest.mark.parametrize(("frames", "where"), [((EMPTY, GOOD), "window"), ((GOOD, EMPTY), "reference")])
def test_a_mean_of_no_scored_word_is_refused(frames: tuple[pl.DataFrame, pl.DataFrame], where: str) -> None:
    with pytest.raises(InputError, match=f"The {where} of a word shift has 0 hits"):
        mean_shift(*frames)


def test_more_hits_than_tokens_are_refused() -> None:
    with pytest.raises(InputError, match="has 2 hits in a total of 1"):
        rate_shift(GOOD, GOOD, totals=Totals(window=1, reference=9))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", False, 1, 1.0, 1), ("a", False, 1, 1.0, 1)], "2 rows repeat a type"),
        ([(None, False, 1, 1.0, 1)], "1 rows have no name"),
        ([(OTHER, False, 1, 1.0, 1)], "1 rows have no name"),
        ([("a", None, 1, 1.0, 1)], "whether they are negated"),
        ([("a", False, -1, 1.0, 1)], "no finite amount"),
        ([("a", False, None, 1.0, 1)], "no finite amount"),
        ([("a", False, 1, None, 1)], "no finite weight"),
        ([("a", False, 1, float("nan"), 1)], "no finite weight"),
        ([("a", False, 1, 1.0, 0)], "without a person"),
    ],
)
def test_rows_that_cannot_be_right_are_refused(rows: list[tuple], message: str) -> None:
    with pytest.raises(InputError, match=message):
        mean_shift(GOOD, _types(rows))


def test_a_type_that_does_not_occur_needs_no_weight() -> None:
    shift = mean_shift(_types([("cheer", False, 2, 1.0, 2), ("rage", False, 0, None, 0)]), GOOD)
    assert shift["term"].to_list() == ["cheer"]


@pytest.mark.parametrize("name", ["term", "negated", "hits", "weight", "n_people"])
def test_a_column_that_is_absent_or_of_another_type_is_named(name: str) -> None:
    for wrong in (GOOD.drop(name), GOOD.with_columns(pl.lit(None, dtype=pl.Date).alias(name))):
        with pytest.raises(InputError, match=rf"lacks the columns \['{name}'\]"):
            mean_shift(wrong, GOOD)


def test_a_floor_is_applied_once_and_to_at_least_one_person() -> None:
    shift = mean_shift(_types([("cheer", False, 2, 1.0, 2), ("rage", False, 2, -1.0, 9)]), GOOD)
    with pytest.raises(InputError, match="Expected 1 or more"):
        with_floor(shift, people=0)
    with pytest.raises(InputError, match="Apply it once"):
        with_floor(with_floor(shift, people=5), people=5)
    with pytest.raises(InputError, match="was given the columns"):
        with_floor(GOOD, people=5)
