"""The words of each week against plain loops, what rows sum to, and what no two cells leave between them."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal

import polars as pl
import pytest
import signal_worlds as worlds
import word_worlds as words
from signal_worlds import day

import warehouse.term_floor as flooring
from warehouse.config import Config, WordsConfig
from warehouse.publish import checked
from warehouse.shift import OTHER
from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.term_floor import shown_terms
from warehouse.term_weeks import (
    NOT_COVERED,
    STEPS,
    WEEKS,
    breaches,
    changed,
    publishable,
    spans,
    term_weeks,
    unpublished,
)

LEVELS: tuple[Literal["all", "nation", "region"], ...] = ("all", "nation", "region")
CONFIG = Config(words=WordsConfig(window_days=7, reference_days=7, weeks=3, levels=LEVELS))
FLOOR, STEP = CONFIG.disclosure.people_floor, CONFIG.disclosure.rounding
ISSUE = day(22)
# Term → its dimensions, and the share of people who use it in a large place.
CHANCES = {
    "dread": 0.5, "gloom": 0.6, "sin": 0.4, "woe": 0.33, "tears": 0.5, "grief": 0.3, "awe": 0.25, "odd": 0.03,
    "wrath": 0.55,
}  # fmt: skip
FEAR = {
    "dread": ("fear",),
    "gloom": ("fear", "sadness"),
    "sin": ("fear",),
    "woe": ("fear",),
    "odd": ("fear",),
    "wrath": ("fear", "sadness"),
}
PLACES = {("region", "US-CA"): 230, ("region", "US-NY"): 120, ("region", "AR-B"): 110, ("none", ""): 25}


@pytest.fixture(autouse=True, scope="module")
def terms() -> Iterator[None]:
    sad = dict.fromkeys(("tears", "grief", "awe"), ("sadness",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(words.TERMS, "en", FEAR | sad)
        yield


@pytest.fixture(scope="module")
def known(terms: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, pl.DataFrame]]:
    """One night and its cells, kept; tests only read it."""
    with worlds.opened(tmp_path_factory.mktemp("known")) as store:
        made = cells(store, crowds(1))
        keep(store, made, issue=ISSUE)
        yield store, made


def crowds(seed: int, *, weeks: range = range(3)) -> list[dict[str, Any]]:
    """One or two posts a week of each person, on any of its days; in some places a word is a rare one."""
    rng = random.Random(seed)
    rows = []
    for place, people in PLACES.items():
        liked = {term: chance * rng.choice([0.1, 0.6, 1.0]) for term, chance in CHANCES.items()}
        for week in weeks:
            for person in range(people):
                for number in range(rng.choice([1, 1, 2])):
                    said = [term for term, chance in liked.items() if rng.random() < chance]
                    row: dict[str, Any] = {
                        "post_id": f"{place[1]}-{week}-{person}-{number}",
                        "author_key": f"{place[1]}-{person}",
                    }
                    row |= {
                        "day": 7 * week + rng.randrange(7),
                        "place": place,
                        "text": " ".join(["so", *said]),
                    }
                    rows.append(row)
    return rows


def cells(
    store: Store, rows: list[dict[str, Any]], *, config: Config = CONFIG, issue: dt.date = ISSUE
) -> pl.DataFrame:
    """One night; the rows of its cells."""
    words.shift_night(store, worlds.posts(rows, received=issue), config=config, issue=issue)
    return term_weeks(store, scorers=[words.SaysItself()], config=config, issue=issue).rows


@dataclass
class Cell:
    """What truly happened in a place and week: posts, credit by dimension and term, who used a term in which post."""

    posts: int = 0
    credit: dict[tuple[str, str], Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    users: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))


def truth(rows: list[dict[str, Any]]) -> dict[tuple[str, dt.date], Cell]:
    """(place, last day of the week) → what happened, by plain loops."""
    made: dict[tuple[str, dt.date], Cell] = defaultdict(Cell)
    for post in worlds.posts(rows, received=ISSUE).iter_rows(named=True):
        sunday = post["time_value"] + dt.timedelta(days=6 - post["time_value"].weekday())
        for _, place, _ in words.cells_of(post, levels=LEVELS):
            cell = made[place, sunday]
            cell.posts += 1
            for (term, dimension, negated), (_, credit) in words.credited(post["text"], post["lang"]).items():
                if not negated:
                    cell.credit[dimension, term] += credit
                    cell.users[term].add((post["post_id"], post["author_key"]))
    return made


def people(users: set[tuple[str, str]]) -> int:
    return len({author for _, author in users})


def near(share: float, *, credit: Fraction, posts: int, step: float) -> bool:
    """Whether a share is the credit over the posts to the nearest step, of two where it lies half-way."""
    return abs(share - float(credit) / posts) <= step / 2 + 1e-6


def small_rests(made: pl.DataFrame, *, real: dict[tuple[str, dt.date], Cell]) -> list[tuple[Any, ...]]:
    """Terms whose users in a place, less those in the smaller places that show the term too, are some but too few."""
    found = []
    named = made.filter(pl.col("term") != OTHER)
    shown = set(named.select("geo_value", "time_value", "term").iter_rows())
    for place, week, term in shown:
        inside = [p for p, w, t in shown if (w, t) == (week, term) and p != place and place in ("all", p[:2])]
        rest = set(real[place, week].users[term])
        for smaller in inside:
            rest -= real[smaller, week].users[term]
        if rest and people(rest) < FLOOR:
            found.append((place, week, term))
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_every_row_equals_a_plain_loop_and_no_row_is_of_few(
    store: Store, known: tuple[Store, pl.DataFrame], seed: int
) -> None:
    rows = crowds(seed)
    made = known[1] if seed == 1 else cells(store, rows)
    real = truth(rows)
    assert made.filter(pl.col("term") != OTHER).height > 5
    for (signal, place, week), cell in made.group_by("signal", "geo_value", "time_value"):
        dimension, there = signal.removeprefix("made_").removesuffix("_share"), real[place, week]
        step = cell["step"].unique().item()
        assert step == min(s / 1e4 for s in STEPS if s / 1e4 >= STEP / there.posts)
        whole = sum(credit for (of, _), credit in there.credit.items() if of == dimension)
        assert near(float(cell["share"].sum()), credit=Fraction(whole), posts=there.posts, step=step)
        shown = set(cell["term"]) - {OTHER}
        for row in cell.filter(pl.col("term") != OTHER).iter_rows(named=True):
            credit = there.credit[dimension, str(row["term"])]
            assert near(row["share"], credit=credit, posts=there.posts, step=step)
            assert FLOOR <= row["n_people"] <= people(there.users[row["term"]])
            assert row["n_people"] % STEP == 0
        hidden = {term for of, term in there.credit if of == dimension} - shown
        if shown:
            assert any(people(there.users[term]) >= FLOOR for term in hidden), "(other) is of the few alone"
    assert small_rests(made, real=real) == []


def test_without_the_rule_on_smaller_places_a_few_people_come_out(
    known: tuple[Store, pl.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flooring, "_without_small_rests", lambda _each, *, shown, people: shown)
    made = term_weeks(known[0], scorers=[words.SaysItself()], config=CONFIG, issue=ISSUE).rows
    assert small_rests(made, real=truth(crowds(1))), "the property above cannot fail"


def test_cells_are_there_where_the_signal_is_published_by_week_and_nowhere_else(
    known: tuple[Store, pl.DataFrame],
) -> None:
    store, made = known
    signals = store.query(
        "SELECT DISTINCT signal, geo_value, time_value FROM out.signals WHERE value IS NOT NULL "
        "AND time_type = 'week' AND population = 'all' AND signal LIKE 'made_%_share'"
    )
    cells_made, weeks = (set(rows.iter_rows()) for rows in (made.select(signals.columns).unique(), signals))
    assert cells_made <= weeks
    again = term_weeks(store, scorers=[words.SaysItself()], config=CONFIG, issue=ISSUE)
    assert again.reasons.get(NOT_COVERED, 0) == len(weeks - cells_made)
    assert unpublished(made, signals=store.read(TABLES["out.signals"])).is_empty()


def test_a_word_is_hidden_in_all_signals_of_a_place_or_in_none(known: tuple[Store, pl.DataFrame]) -> None:
    place = ["geo_value", "time_value"]
    signals = known[1].group_by(place).agg(n=pl.col("signal").n_unique())
    of_both = known[1].filter(pl.col("term").is_in(["gloom", "wrath"])).group_by(*place, "term").len("shown")
    assert of_both.height > 0
    assert of_both.join(signals, on=place).filter(pl.col("shown") != pl.col("n")).is_empty()


def test_a_signal_that_is_published_as_0_tells_of_no_few_late_posts(store: Store) -> None:
    calm = [row | {"text": "tears"} for row in crowds(1)]
    words.shift_night(store, worlds.posts(calm, received=ISSUE), config=CONFIG, issue=ISSUE)
    late = [row | {"post_id": f"late-{n}", "text": "dread"} for n, row in enumerate(calm[:9])]
    made = cells(store, late, issue=ISSUE + dt.timedelta(days=1))
    fear = made.filter(pl.col("signal") == "made_fear_share")
    assert fear.height > 0
    assert fear["share"].unique().to_list() == [0.0]
    assert fear["term"].unique().to_list() == [OTHER]


# --------------------------------------------------------------------------------------------- spans


@pytest.mark.parametrize(("weeks", "together", "expected"), [(3, 1, 3), (0, 1, 0), (8, 4, 2), (3, 4, 0)])
def test_cells_follow_each_other_and_never_overlap(weeks: int, together: int, expected: int) -> None:
    config = Config(words=WordsConfig(weeks=weeks, weeks_together=together))
    made = spans(config, issue=ISSUE)
    assert len(made) == expected
    for before, after in pairwise(made):
        assert after.first - before.last == dt.timedelta(days=1)
    assert all(span.first.weekday() == 0 and span.last.weekday() == 6 for span in made)
    assert all(len(span.sundays) == together and span.last < ISSUE for span in made)


def test_cells_of_several_weeks_are_the_same_every_night() -> None:
    config = Config(words=WordsConfig(weeks=8, weeks_together=4))
    ends = {
        span.last for night in range(60) for span in spans(config, issue=ISSUE + dt.timedelta(days=night))
    }
    assert {(b - a).days for a, b in pairwise(sorted(ends))} == {28}


def test_weeks_together_are_one_cell_of_all_of_their_posts(known: tuple[Store, pl.DataFrame]) -> None:
    config = CONFIG.model_copy(update={"words": WordsConfig(weeks=2, weeks_together=2, levels=("all",))})
    made = term_weeks(known[0], scorers=[words.SaysItself()], config=config, issue=ISSUE).rows
    assert made["time_value"].unique().to_list() == [day(20)]
    real = truth(crowds(1))
    both = [real["all", day(13)], real["all", day(20)]]
    posts = sum(cell.posts for cell in both)
    named = made.filter(pl.col("signal") == "made_fear_share", pl.col("term") != OTHER)
    assert named.height > 0
    for row in named.iter_rows(named=True):
        credit = sum((cell.credit["fear", row["term"]] for cell in both), Fraction(0))
        assert near(row["share"], credit=credit, posts=posts, step=row["step"])
        assert row["n_people"] <= people(both[0].users[row["term"]] | both[1].users[row["term"]])


def test_an_empty_warehouse_has_no_cells_and_no_error(store: Store) -> None:
    assert cells(store, []).is_empty()
    assert publishable(store, config=CONFIG, issue=ISSUE).is_empty()


# -------------------------------------------------------------------------------------------- issues


def keep(store: Store, made: pl.DataFrame, *, issue: dt.date) -> pl.DataFrame:
    fresh = changed(store, made, issue=issue)
    store.append(WEEKS, fresh, run_id="test")
    return fresh


def test_late_posts_change_the_cells_of_their_week_and_no_other(store: Store) -> None:
    rows = crowds(1)
    first = keep(store, cells(store, rows), issue=ISSUE)
    assert first["issue"].unique().to_list() == [ISSUE]
    later = ISSUE + dt.timedelta(days=1)
    assert changed(store, first.drop("issue"), issue=later).is_empty()
    late = [row | {"post_id": f"late-{n}", "text": "dread"} for n, row in enumerate(rows[:150])]
    fresh = keep(store, cells(store, late, issue=later), issue=later)
    assert fresh["time_value"].unique().to_list() == [day(6)]
    out = checked(publishable(store, config=CONFIG, issue=later), table=WEEKS)
    assert out.filter(pl.col("issue") == later).height == fresh.height
    real, named = truth(rows + late), fresh.filter(pl.col("term") != OTHER)
    assert named.height > 0
    for row in named.iter_rows(named=True):
        cell, dimension = (
            real[row["geo_value"], day(6)],
            row["signal"].removeprefix("made_").removesuffix("_share"),
        )
        assert near(
            row["share"], credit=cell.credit[dimension, row["term"]], posts=cell.posts, step=row["step"]
        )
    key = ["signal", "geo_value", "time_value", "term"]
    assert named.join(first, on=key, how="anti").is_empty(), "a word was added to those of the first issue"
    earlier = publishable(store, config=CONFIG, issue=ISSUE)
    assert earlier.sort(pl.all()).equals(first.sort(pl.all()), null_equal=True)


def test_a_cell_is_not_published_where_the_floor_is_higher_or_its_signal_withheld(
    known: tuple[Store, pl.DataFrame],
) -> None:
    store, _ = known
    strict = CONFIG.model_copy(
        update={"disclosure": CONFIG.disclosure.model_copy(update={"people_floor": 100})}
    )
    fewer = publishable(store, config=strict, issue=ISSUE)
    everything = publishable(store, config=CONFIG, issue=ISSUE)
    assert 0 < fewer.height < everything.height
    assert fewer.filter(pl.col("n_people") < 100).is_empty()
    store.connection.execute("BEGIN")
    store.connection.execute("DELETE FROM out.signals WHERE time_value = ?", [day(13)])
    left = publishable(store, config=CONFIG, issue=ISSUE)
    store.connection.execute("ROLLBACK")
    assert set(everything["time_value"]) - set(left["time_value"]) == {day(13)}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (pl.col("n_people"), None),
        (pl.lit(None, dtype=pl.Int64).alias("n_people"), "words of unknown people"),
        ((pl.col("time_value") - pl.duration(days=70)).alias("time_value"), "a week that is not published"),
        ((pl.col("share") + 0.5).alias("share"), "do not add up"),
        (pl.lit("dread").alias("term"), "do not add up"),
        (pl.when(pl.col("time_value") == day(6)).then(2).otherwise(1).alias("weeks"), "several lengths"),
    ],
)
def test_what_breaks_the_rules_is_found_before_it_is_published(
    known: tuple[Store, pl.DataFrame], spoil: pl.Expr, said: str | None
) -> None:
    rows = publishable(known[0], config=CONFIG, issue=ISSUE)
    found = breaches(rows.with_columns(spoil), signals=known[0].read(TABLES["out.signals"]))
    assert (found == []) if said is None else any(said in breach for breach in found)


# -------------------------------------------------------------------------------- what may be shown


def use(term: str, place: str, who: range, *, when: int = 0, signal: str = "s") -> dict[str, Any]:
    """A day on which these people used a term in a place, a post each."""
    kind, _, value = place.partition(":")
    return {
        "signal": signal, "geo_type": kind, "geo_value": value, "lexicon": "l", "term": term,
        "time_value": day(when), "n_posts": len(who), "n_people": len(who),
        "people": " ".join(f"p{n:04d}" for n in who[:FLOOR]),
    }  # fmt: skip


COVERED = (
    ("all:all", range(1000, 1150)),
    ("nation:US", range(1000, 1100)),
    ("region:US-CA", range(1000, 1050)),
)


def shown(*rows: dict[str, Any], before: pl.DataFrame | None = None) -> set[tuple[str, str]]:
    """What is shown beside one word that everybody may use and that is hidden for the others."""
    places = {(row["signal"], f"{row['geo_type']}:{row['geo_value']}") for row in rows}
    covers = [
        use("a cover", at, who, signal=signal)
        for at, who in COVERED
        for signal, there in places
        if at == there
    ]
    days = pl.DataFrame([*rows, *covers], infer_schema_length=None)
    nothing = days.select("signal", "geo_type", "geo_value", "lexicon", "term").clear()
    made = shown_terms(days, before=nothing if before is None else before, people=FLOOR)
    return set(made.terms.select("term", "place").iter_rows())


def test_a_rest_of_few_hides_the_smaller_place_and_a_rest_of_none_or_many_does_not() -> None:
    everywhere = use("dread", "all:all", range(200))
    for others, hides in ((200, False), (150, False), (190, True)):
        found = shown(everywhere, use("dread", "nation:US", range(others)))
        assert (("dread", "nation:US") not in found) == hides, others
        assert ("dread", "all:all") in found


def test_people_of_several_days_make_a_rest_large_enough() -> None:
    days = [
        (use("dread", "all:all", range(100 * n, 100 * n + 70), when=n),
         use("dread", "nation:US", range(100 * n + 20, 100 * n + 70), when=n))
        for n in range(4)
    ]  # fmt: skip
    assert ("dread", "nation:US") in shown(*(row for pair in days for row in pair))
    assert ("dread", "nation:US") not in shown(*(row for pair in days[:2] for row in pair))


def test_a_region_of_a_nation_that_hides_a_word_counts_in_everything() -> None:
    """With the nation hidden, everything less the region must not be about few either."""
    found = shown(
        use("dread", "all:all", range(200)), use("dread", "nation:US", range(190)),
        use("dread", "region:US-CA", range(180)),
    )  # fmt: skip
    assert found == {("dread", "all:all")}


def test_where_the_only_word_would_be_the_cover_a_place_has_no_words_and_costs_none() -> None:
    many = [use("dread", "all:all", range(200)), use("sin", "all:all", range(250))]
    small = use("sin", "nation:AR", range(55))
    assert shown(*many, small) == {("dread", "all:all"), ("sin", "all:all")}


def test_a_word_that_covers_in_one_list_is_shown_by_no_other() -> None:
    """Both lists have dread, which has the fewest people of what only the second one could show."""
    days = [
        use(term, "all:all", range(people), signal=signal)
        for term, people, of in (("dread", 60, "st"), ("sin", 90, "s"), ("woe", 80, "t"), ("tears", 95, "t"))
        for signal in of
    ]
    nothing = pl.DataFrame(days).select("signal", "geo_type", "geo_value", "lexicon", "term").clear()
    made = shown_terms(pl.DataFrame(days), before=nothing, people=FLOOR)
    assert set(made.terms["term"]) == {"sin", "tears"}, (
        "the first list hides dread, the second a word of its own"
    )


def test_what_an_earlier_form_did_not_show_is_not_added_and_what_it_showed_stays() -> None:
    days = [use(term, "all:all", range(100)) for term in ("dread", "sin", "woe")]
    other = use(OTHER, "all:all", range(1)) | {"lexicon": ""}
    before = pl.DataFrame([use("sin", "all:all", range(1)), other])
    assert shown(*days, before=before) == {("sin", "all:all")}
    elsewhere = before.with_columns(signal=pl.lit("of another list"))
    assert shown(*days, before=elsewhere) == set(), "a list that came later has words from the next span on"


def test_where_people_are_unknown_no_word_is_shown() -> None:
    unknown = use("dread", "all:all", range(200)) | {"n_people": None, "people": None}
    assert shown(unknown, use("dread", "all:all", range(90), when=1)) == set()
