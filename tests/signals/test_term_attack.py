"""The strongest reader of words: adds up and takes away all that is published of a span, over places, lists and issues.

Everybody posts one word at a time and nothing is rounded, so that every published number is the sum of what people did
with a word in a smallest place. Whatever vector in the span of the published ones stands on few people is a leak.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_worlds import day

import warehouse.term_floor as flooring
from warehouse.shift import OTHER
from warehouse.term_floor import shown_terms

FLOOR = 50
# Smallest places: two regions, the rest of their nation, a nation without regions, and nowhere known.
PLACES = {
    "all:all": ("ca", "ny", "us", "gb", "none"), "nation:US": ("ca", "ny", "us"), "nation:GB": ("gb",),
    "region:US-CA": ("ca",), "region:US-NY": ("ny",),
}  # fmt: skip
LEAVES = PLACES["all:all"]
# The lists of two scorers, which share words.
SIGNALS = {"s": "abcd", "t": "cde"}
Atom = tuple[str, str]
NONE = pl.DataFrame(schema=dict.fromkeys(("signal", "geo_type", "geo_value", "lexicon", "term"), pl.String))


@dataclass(frozen=True)
class World:
    """Who used a word in a smallest place by the first issue, and who came late; the lexicon of each signal."""

    early: dict[Atom, set[str]]
    late: dict[Atom, set[str]]
    lexicons: dict[str, str]

    def people(self, atoms: set[Atom]) -> int:
        return len(set().union(*(self.early[atom] | self.late[atom] for atom in atoms)))

    def days(self, *, late: bool) -> pl.DataFrame:
        rows = []
        for signal, terms in SIGNALS.items():
            for place, leaves in PLACES.items():
                for term in terms:
                    users = set().union(*(self.early[term, leaf] for leaf in leaves))
                    users |= set().union(*(self.late[term, leaf] for leaf in leaves)) if late else set()
                    rows += [self._day(signal, place, term, users, when) for when in (0, 1)]
        return pl.DataFrame([row for row in rows if row["n_posts"]], schema_overrides={"n_people": pl.Int64})

    def _day(self, signal: str, place: str, term: str, users: set[str], when: int) -> dict[str, object]:
        names = sorted(name for name in users if int(name[-1]) % 2 == when)
        kind, _, value = place.partition(":")
        return {
            "signal": signal, "geo_type": kind, "geo_value": value, "lexicon": self.lexicons[signal], "term": term,
            "time_value": day(when), "n_posts": len(names), "n_people": len(names),
            "people": " ".join(names[:FLOOR]),
        }  # fmt: skip


def drawn(seed: int) -> World:
    rng = random.Random(seed)
    sizes, lates = [0, 0, 3, 20, 40, 60, 90, 150], [0, 0, 0, 2, 10, 60]
    early: dict[Atom, set[str]] = {}
    late: dict[Atom, set[str]] = {}
    for term in "abcde":
        for leaf in LEAVES:
            start = rng.choice([0, 100])
            first, more = rng.choice(sizes), rng.choice(lates)
            early[term, leaf] = {f"{leaf}{n:04d}" for n in range(start, start + first)}
            late[term, leaf] = {f"{leaf}{n:04d}" for n in range(start + first, start + first + more)}
    return World(early, late, {"s": "l", "t": rng.choice(["l", "m"])})


def published(world: World, *, late: bool, before: pl.DataFrame, signals: str = "st") -> pl.DataFrame:
    """signal, place, lexicon and term of an issue, `(other)` for the whole of a cell."""
    days = world.days(late=late).filter(pl.col("signal").is_in(list(signals)))
    may = shown_terms(days, before=before, people=FLOOR)
    uses = flooring.placed(days).join(may.cells, on=["signal", "place"], how="semi")
    named = uses.join(may.terms, on=["lexicon", "term", "place"], how="semi").select(NONE.columns)
    return pl.concat(
        [named, uses.select(NONE.columns).with_columns(lexicon=pl.lit(""), term=pl.lit(OTHER))]
    ).unique()


def vectors(world: World, issues: list[pl.DataFrame]) -> np.ndarray:
    """Each published number as which atoms are in it; those that came late have columns of their own."""
    atoms = list(world.early)
    rows = set()
    for number, shown in enumerate(issues):
        for signal, kind, value, _, term in shown.iter_rows():
            terms, leaves = (SIGNALS[signal] if term == OTHER else term), PLACES[f"{kind}:{value}"]
            inside = [word in terms and leaf in leaves for word, leaf in atoms]
            first = [here and bool(world.early[atom]) for here, atom in zip(inside, atoms, strict=True)]
            more = [
                here and number == 1 and bool(world.late[atom])
                for here, atom in zip(inside, atoms, strict=True)
            ]
            rows.add((*first, *more))
    return np.array(sorted(rows), dtype=float)


def small_sets(world: World, *, seed: int) -> list[set[Atom]]:
    """Groups of few people: every two atoms, and as many as go together in some orders."""
    used = [atom for atom, users in world.early.items() if users and world.people({atom}) < FLOOR]
    found = [set(pair) for pair in combinations(used, 2) if world.people(set(pair)) < FLOOR]
    rng = random.Random(seed)
    for _ in range(20):
        group: set[Atom] = set()
        for atom in rng.sample(used, len(used)):
            if world.people(group | {atom}) < FLOOR:
                group.add(atom)
        found.append(group)
    return [group for group in found if group]


def leaks(world: World, issues: list[pl.DataFrame], *, seed: int) -> list[set[Atom]]:
    """The groups of few people of whom something can be worked out that is not about those who came late only."""
    known, atoms = vectors(world, issues), list(world.early)
    if not known.size:
        return []
    rank = np.linalg.matrix_rank
    whole = rank(known)
    found = []
    for group in small_sets(world, seed=seed):
        late_ones = [atom in group for atom in atoms]
        outside = ~np.array([*late_ones, *late_ones])
        also_early = outside | np.array([True] * len(atoms) + [False] * len(atoms))
        # As many independent vectors stand on the group as the rank falls by where the others are looked at.
        if whole - rank(known[:, outside]) > whole - rank(known[:, also_early]):
            found.append(group)
    return found


def issues_of(world: World, *, remembered: bool = True, signals: str = "st") -> list[pl.DataFrame]:
    """Two issues; at the first one only these signals are made."""
    first = published(world, late=False, before=NONE, signals=signals)
    return [first, published(world, late=True, before=first if remembered else NONE)]


@settings(max_examples=20)
@given(st.integers(0, 10**9), st.sampled_from(["st", "st", "s", "t"]))
def test_no_group_below_the_floor_comes_out_of_places_lists_and_issues(seed: int, signals: str) -> None:
    world = drawn(seed)
    issues = issues_of(world, signals=signals)
    assert leaks(world, issues, seed=seed) == []
    for shown in issues:
        named = shown.filter(pl.col("term") != OTHER)
        for _, kind, value, _, term in named.iter_rows():
            assert world.people({(term, leaf) for leaf in PLACES[f"{kind}:{value}"]}) >= FLOOR


def test_words_are_shown_in_these_worlds() -> None:
    numbers = [
        sum(shown.filter(pl.col("term") != OTHER).height for shown in issues_of(drawn(n))) for n in range(6)
    ]
    assert sum(numbers) > 30, numbers


@pytest.mark.parametrize("left_out", ["covers", "own covers", "rests", "issues"])
def test_without_any_of_the_rules_something_comes_out(left_out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if left_out == "covers":
        monkeypatch.setattr(flooring, "_covered", lambda _uses, *, cells, **_given: ([], cells))
    if left_out == "own covers":
        monkeypatch.setattr(
            flooring,
            "_could_cover",
            lambda signals, *, enough: signals.join(enough, on=["lexicon", "term", "place"], how="semi"),
        )
    if left_out == "rests":
        monkeypatch.setattr(flooring, "_without_small_rests", lambda _each, *, shown, people: shown)
    found = (
        leaks(world, issues_of(world, remembered=left_out != "issues"), seed=n)
        for n, world in enumerate(map(drawn, range(60)))
    )
    assert any(found), "the attack above cannot fail"


def crowd(place: str, **users: int) -> dict[Atom, set[str]]:
    return {(term, place): {f"{place}{term}{n:04d}" for n in range(number)} for term, number in users.items()}


def test_what_a_nation_hides_does_not_come_out_of_the_other_nation_and_the_whole() -> None:
    """A word shown everywhere but in one of two nations is known in it too, and covers nothing there."""
    none: dict[Atom, set[str]] = {(term, leaf): set() for term in "abcde" for leaf in LEAVES}
    world = World(
        none | crowd("us", a=60, b=70, c=20) | crowd("gb", a=90, b=200, c=100), none, {"s": "l", "t": "m"}
    )
    assert leaks(world, [published(world, late=False, before=NONE)], seed=1) == []
