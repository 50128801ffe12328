"""Which words a night shows: against plain loops, what rows sum to, and what never appears."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
import signal_worlds as worlds
import word_worlds as words
from hypothesis import given
from hypothesis import strategies as st
from signal_worlds import day

from warehouse.config import Config, DisclosureConfig, SignalsConfig, WordsConfig
from warehouse.shift import OTHER, Totals, share_shift
from warehouse.store import Store
from warehouse.term_weeks import STEPS, term_weeks
from warehouse.word_shifts import (
    NOT_PUBLISHED,
    SHORT_HISTORY,
    Shifts,
    ShiftSpec,
    Windows,
    presentable,
    word_shifts,
)

ISSUE = day(21)
SPAN = range(21)
CONFIG = Config(words=WordsConfig(window_days=7, reference_days=14))
SPEC = ShiftSpec(config=CONFIG, issue=ISSUE)
FLOOR, STEP = CONFIG.disclosure.people_floor, CONFIG.disclosure.rounding


def crowd(
    people: int,
    *,
    chances: dict[str, tuple[float, float]],
    seed: int = 1,
    days: range = SPAN,
    place: tuple[str, str] = ("region", "US-CA"),
    **given: Any,
) -> list[dict[str, Any]]:
    """A post per person and day; each word is in it with its chance before and since the window's first day."""
    rng = random.Random(seed)
    return [
        {
            "post_id": f"{place[1]}-{number}-{person}",
            "author_key": f"{place[1]}-{person}",
            "day": number,
            "place": place,
            "text": " ".join(
                ["so", *(word for word, chance in chances.items() if rng.random() < chance[number >= 14])]
            ),
        }
        | given
        for number in days
        for person in range(people)
    ]


CHANCES = {
    "dread": (0.35, 0.55),
    "gloom": (0.4, 0.3),
    "sin": (0.02, 0.08),
    "tears": (0.5, 0.5),
    "woe": (0.15, 0.15),
    "!dread": (0.1, 0.2),
}


def night(
    store: Store, rows: list[dict[str, Any]], *, config: Config = CONFIG, issue: dt.date = ISSUE
) -> Shifts:
    words.shift_night(store, worlds.posts(rows, received=issue), config=config, issue=issue)
    return made_of(store, config=config, issue=issue)


def made_of(store: Store, *, config: Config = CONFIG, issue: dt.date = ISSUE) -> Shifts:
    cells = term_weeks(store, scorers=[words.SaysItself()], config=config, issue=issue).rows
    return word_shifts(
        store, scorer=words.SaysItself(), spec=ShiftSpec(config=config, issue=issue), cells=cells
    )


def shown(
    rows: pl.DataFrame, *, signal: str = "made_fear_share", place: str = "all"
) -> dict[str, dict[str, Any]]:
    chosen = rows.filter(pl.col("signal") == signal, pl.col("geo_value") == place)
    return {row["term"]: row for row in chosen.iter_rows(named=True)}


# ------------------------------------------------------------------------------------- the reference


def rounded(count: Fraction, *, posts: int) -> set[float]:
    """A share of posts as it may be published; two where it lies half-way between two steps."""
    step = min(step / 1e4 for step in STEPS if step / 1e4 >= STEP / posts)
    exact = float(count) / posts / step
    return {round(number * step, 4) for number in (round(exact - 1e-6), round(exact + 1e-6))}


def near(value: float, allowed: set[float]) -> bool:
    return any(abs(value - one) < 1e-9 for one in allowed)


def sides(rows: list[dict[str, Any]], *, measure: str, place: str) -> dict[str, dict[str, Any]]:
    """Posts, credit per term and the people of each term, of the window and the reference."""
    spec = replace(SPEC.terms, first=SPEC.windows.reference_start)
    frame = worlds.posts(rows, received=ISSUE)
    made: dict[str, dict[str, Any]] = {
        part: {"posts": 0, "credit": {}, "people": {}} for part in ("window", "reference")
    }
    for (_, value, when), (_, members) in words.counted_posts(frame, spec=spec).items():
        if value == place:
            made["window" if when >= SPEC.windows.window_start else "reference"]["posts"] += len(members)
    for key, (_, people, _, credit) in words.users(frame, spec=spec).items():
        _, term, dimension, negated, _, value, when = key
        if (dimension, negated, value) == (measure, False, place):
            side = made["window" if when >= SPEC.windows.window_start else "reference"]
            side["credit"][term] = side["credit"].get(term, Fraction(0)) + credit
            side["people"].setdefault(term, set()).update(people or ())
    return made


def test_every_shown_row_equals_a_plain_loop_over_posts(store: Store) -> None:
    rows = crowd(150, chances=CHANCES) + crowd(200, chances=CHANCES, seed=2, place=("region", "AR-B"))
    made = night(store, rows).rows
    for measure in ("fear", "sadness"):
        for place in ("all", "US", "AR"):
            found = shown(made, signal=f"made_{measure}_share", place=place)
            _check_series(found, sides(rows, measure=measure, place=place))


def _check_series(found: dict[str, dict[str, Any]], made: dict[str, dict[str, Any]]) -> None:
    window, reference = made["window"], made["reference"]
    assert len(found) > 1
    for term, row in found.items():
        if term != OTHER:
            assert near(row["share_after"], rounded(window["credit"][term], posts=window["posts"]))
            assert near(row["share_before"], rounded(reference["credit"][term], posts=reference["posts"]))
            assert row["contribution"] == pytest.approx(row["share_after"] - row["share_before"])
            people = min(len(window["people"][term]), len(reference["people"][term]))
            assert FLOOR <= row["n_people"] <= people
            assert row["n_people"] % STEP == 0
    _check_whole(found, window=window, reference=reference)
    enough = {
        t for t, people in window["people"].items()
        if min(len(people), len(reference["people"].get(t, ()))) >= FLOOR
    }  # fmt: skip
    assert len(enough - set(found)) <= 3, "hidden are two covers, and what is rare in one week"


def _check_whole(
    found: dict[str, dict[str, Any]], *, window: dict[str, Any], reference: dict[str, Any]
) -> None:
    for side, column in ((window, "share_after"), (reference, "share_before")):
        whole = rounded(sum(side["credit"].values()), posts=side["posts"])
        assert near(sum(row[column] for row in found.values()), whole)
    change = sum(row["share_after"] - row["share_before"] for row in found.values())
    assert sum(row["contribution"] for row in found.values()) == pytest.approx(change, abs=1e-9)


def test_a_rare_word_never_appears_and_its_share_cannot_be_worked_out(store: Store) -> None:
    rows = crowd(150, chances=CHANCES)
    rows[-1]["text"] = rows[3]["text"] = "susto"
    rows[-1]["lang"] = rows[3]["lang"] = "es"
    made = night(store, rows).rows
    assert "susto" not in made["term"].to_list()
    found = shown(made)
    hidden = {"dread", "gloom", "sin", "susto"} - set(found)
    assert "susto" in hidden
    assert len(hidden) > 1, "the row of all others would be that word alone"
    assert made["n_people"].drop_nulls().min() >= FLOOR


@pytest.mark.parametrize("same", [False, True])
def test_people_of_several_days_are_counted_together_and_once(store: Store, same: bool) -> None:
    """Ten a day say `sin`: other ones every day, or always the same. Fewer say `woe`, which is the one to hide."""
    said = {word: chance for word, chance in CHANCES.items() if word not in ("sin", "woe")}
    rows = crowd(150, chances=said)
    for row in rows:
        who = int(row["post_id"].rsplit("-", 1)[1])
        if who < 10:
            row["author_key"] = f"sin-{who}" + ("" if same else f"-{row['day']}")
            row["text"] = "sin"
        elif who < 18:
            row |= {"author_key": f"woe-{who}-{row['day']}", "text": "woe"}
    assert ("sin" in shown(night(store, rows).rows)) != same


def test_only_the_row_of_all_others_has_no_lexicon_and_no_people(store: Store) -> None:
    made = night(store, crowd(150, chances=CHANCES)).rows
    other = pl.col("term") == OTHER
    assert made.filter(other)["n_people"].null_count() == made.filter(other).height > 0
    assert made.filter(other)["lexicon"].unique().to_list() == [""]
    assert made.filter(~other)["n_people"].null_count() == 0
    assert made.filter(~other)["lexicon"].unique().to_list() == ["made-en"]


def test_a_word_of_two_languages_is_two_words(store: Store) -> None:
    chances = CHANCES | {"sin": (0.6, 0.6), "pena": (0.2, 0.2)}
    rows = crowd(150, chances=chances) + crowd(150, chances=chances, place=("region", "AR-B"), lang="es")
    made = night(store, rows).rows
    both = made.filter(pl.col("term") == "sin", pl.col("geo_value") == "all")
    assert both.select("signal", "lexicon").unique().sort("signal").rows() == [
        ("made_fear_share", "made-en"),
        ("made_sadness_share", "made-es"),
    ]


def test_top_terms_limits_the_rows_and_the_rest_still_sums(store: Store) -> None:
    rows = crowd(150, chances=CHANCES)
    everything = shown(night(store, rows).rows)
    config = CONFIG.model_copy(update={"words": CONFIG.words.model_copy(update={"top_terms": 1})})
    few = shown(made_of(store, config=config).rows)
    assert set(few) == {
        max(set(everything) - {OTHER}, key=lambda t: abs(everything[t]["contribution"])),
        OTHER,
    }
    for column in ("share_before", "share_after", "contribution"):
        whole = sum(row[column] for row in everything.values())
        assert sum(row[column] for row in few.values()) == pytest.approx(whole, abs=1e-9)


@pytest.mark.parametrize("later", [0, 1, 6])
def test_windows_are_whole_weeks_and_follow_each_other(later: int) -> None:
    windows = Windows.of(CONFIG, issue=ISSUE + dt.timedelta(days=later))
    assert (windows.window_start, windows.window_end) == (day(14), day(20))
    assert (windows.reference_start, windows.reference_end) == (day(0), day(13))


def test_windows_are_as_many_cells_as_they_hold_and_one_at_least() -> None:
    config = Config(words=WordsConfig(window_days=7, reference_days=60, weeks_together=4))
    windows = Windows.of(config, issue=ISSUE)
    assert (windows.window_end - windows.window_start).days + 1 == 28
    assert (windows.reference_end - windows.reference_start).days + 1 == 56
    assert windows.window_end.weekday() == 6


# ----------------------------------------------------------------------------- where nothing is shown


def test_a_place_whose_signal_is_not_published_has_no_words(store: Store) -> None:
    rows = crowd(150, chances=CHANCES) + crowd(30, chances=CHANCES, place=("region", "AR-B"))
    assert shown(night(store, rows).rows, place="AR") == {}


def few_in(rows: list[dict[str, Any]], *, days: range) -> list[dict[str, Any]]:
    """Of these days only what one person in ten posted, on one day."""
    return [
        row
        for row in rows
        if row["day"] not in days or (row["day"] == days[0] and row["post_id"].endswith("7"))
    ]


def test_a_withheld_week_in_the_window_is_enough_to_show_nothing(store: Store) -> None:
    made = night(store, few_in(crowd(150, chances=CHANCES), days=range(14, 21)))
    assert made.rows.is_empty()
    assert made.reasons == {NOT_PUBLISHED: 4}


def test_a_withheld_week_of_the_reference_is_left_out_of_it(store: Store) -> None:
    rows = crowd(150, chances=CHANCES)
    made = night(store, few_in(rows, days=range(7))).rows
    expected = sides([row for row in rows if row["day"] >= 7], measure="fear", place="all")
    assert shown(made)
    _check_whole(shown(made), window=expected["window"], reference=expected["reference"])


def test_half_of_the_reference_is_needed(store: Store) -> None:
    config = Config(words=WordsConfig(window_days=7, reference_days=28))
    made = night(store, crowd(150, chances=CHANCES, days=range(7, 21)), config=config)
    assert made.rows.is_empty()
    assert made.reasons == {SHORT_HISTORY: 4}


def test_an_empty_warehouse_and_a_first_week_have_no_words_and_no_error(store: Store) -> None:
    assert night(store, []).rows.is_empty()
    assert night(store, crowd(150, chances=CHANCES, days=range(14, 21))).reasons == {SHORT_HISTORY: 4}


def test_a_word_is_shown_where_each_week_that_has_it_shows_it(store: Store) -> None:
    """So that windows say nothing that weeks do not: nobody said `sin` before, few `gloom` in one of the weeks."""
    chances = {"dread": (0.5, 0.6), "sin": (0.0, 0.8), "gloom": (0.7, 0.7), "woe": (0.1, 0.1)}
    rows = crowd(150, chances=chances | {"!dread": (0.1, 0.1)})
    for row in rows:
        if row["day"] < 7 and int(row["author_key"].rsplit("-", 1)[1]) > 20:
            row["text"] = row["text"].replace("gloom", "so")
    made = night(store, rows)
    cells = term_weeks(store, scorers=[words.SaysItself()], config=CONFIG, issue=ISSUE).rows
    truth = {
        when: {
            term
            for row in rows
            if row["day"] // 7 == when
            for term in row["text"].split()
            if term in words.TERMS["en"]
        }
        for when in range(3)
    }
    named = made.rows.filter(pl.col("term") != OTHER, pl.col("signal") == "made_fear_share")
    assert "sin" in named["term"].to_list()
    assert "gloom" not in named["term"].to_list()
    for row in named.iter_rows(named=True):
        for when, used in truth.items():
            cell = cells.filter(
                pl.col("time_value") == day(7 * when + 6), pl.col("geo_value") == row["geo_value"]
            )
            assert row["term"] not in used or row["term"] in cell["term"].to_list()


def test_where_people_are_unknown_no_word_is_shown(store: Store) -> None:
    config = Config(words=CONFIG.words, disclosure=DisclosureConfig(post_floor=200))
    assert night(store, crowd(400, chances=CHANCES, author_key=None), config=config).rows.is_empty()
    assert night(store, [], config=CONFIG).rows.is_empty()


def test_levels_without_signals_are_left_out(store: Store) -> None:
    config = Config(words=CONFIG.words, signals=SignalsConfig(levels=("all",)))
    made = night(store, crowd(150, chances=CHANCES), config=config).rows
    assert made["geo_type"].unique().to_list() == ["all"]


def test_the_order_of_posts_changes_no_digit(tmp_path: Any) -> None:
    rows = crowd(150, chances=CHANCES)
    results = []
    for name, order in (("a", rows), ("b", rows[::-1])):
        with worlds.opened(tmp_path / name) as store:
            results.append(night(store, order).rows.sort(pl.all()))
    assert results[0].equals(results[1])


# --------------------------------------------------------------------------------- what may be shown

COUNTS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 40), st.one_of(st.none(), st.integers(1, 120))),
    min_size=1,
    max_size=9,
)


@given(COUNTS, st.integers(400, 900), st.integers(400, 900), st.integers(1, 9))
def test_what_is_shown_sums_to_the_rounded_whole_and_holds_nobody_alone(
    counts: list[tuple[int, int, int | None]], window: int, reference: int, top: int
) -> None:
    totals = Totals(window=window, reference=reference)
    frames = [
        pl.DataFrame(
            [(f"w{i}", float(row[side]), row[2]) for i, row in enumerate(counts)],
            schema={"term": pl.String, "credit": pl.Float64, "n_people": pl.Int64},
            orient="row",
        )
        for side in (0, 1)
    ]
    config = Config(words=WordsConfig(top_terms=top))
    made = presentable(share_shift(*frames, totals=totals), totals=totals, config=config)
    for column, n, side in (("share_after", window, 0), ("share_before", reference, 1)):
        whole = rounded(Fraction(sum(row[side] for row in counts)), posts=n)
        assert near(made[column].sum(), whole if made.height else {0.0})
    change = made["share_after"] - made["share_before"]
    assert (made["contribution"] - change).abs().max() in (None, pytest.approx(0.0, abs=1e-9))
    words_shown = made.filter(pl.col("term") != OTHER)
    assert words_shown.height <= top
    assert words_shown["n_people"].null_count() == 0
    assert (words_shown["n_people"] >= FLOOR).all()
    assert (words_shown["n_people"] % STEP == 0).all()
