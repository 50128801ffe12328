"""Emotion transitions and the weak-tie comparison: counted by hand, hidden where few people are behind them."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.contagion.branching import Floors
from forecasting.contagion.states import state_of
from forecasting.contagion.transitions import transitions
from forecasting.contagion.weak_ties import Followed, weaker_ties

FLOORS = Floors(people=50, posts=None, step=5)
OPEN = Floors(people=1, posts=None, step=1)
START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
MEASURES = ("anger", "joy")
STATES = {"anger": (0.9, 0.1), "joy": (0.2, 0.8), "none": (0.1, 0.1)}


def _posts(paths: list[list[str | None]], *, hours: float = 1.0) -> pl.DataFrame:
    """A person per path, a post per state; None has no scores."""
    rows = [
        (
            f"p{who}-{k}",
            f"a{who}",
            START + dt.timedelta(hours=hours * k),
            *(STATES[state] if state else (None, None)),
        )
        for who, path in enumerate(paths)
        for k, state in enumerate(path)
    ]
    return pl.DataFrame(rows, schema=["post_id", "author_key", "created_at", *MEASURES], orient="row")


def _cells(posts: pl.DataFrame, *, floors: Floors = FLOORS, window: int = 24) -> dict[tuple[str, str], dict]:
    made = transitions(
        posts, measures=MEASURES, thresholds=dict.fromkeys(MEASURES, 0.5), window_hours=window, floors=floors
    )
    return {(row["from_state"], row["to_state"]): row for row in made.to_dicts()}


def test_consecutive_posts_of_one_person_are_counted_within_the_window() -> None:
    posts = _posts([["anger", "joy", None, "none"], ["joy", "joy"]])
    cells = _cells(posts, floors=OPEN)
    counts = {key: row["n_transitions"] for key, row in cells.items() if row["n_transitions"]}
    assert counts == {("anger", "joy"): 1, ("joy", "none"): 1, ("joy", "joy"): 1}
    assert cells["joy", "none"]["share"] == 0.5
    far = _cells(_posts([["anger", "joy"]], hours=30), floors=OPEN)
    assert {row["n_transitions"] for row in far.values()} == {0}


def test_without_authors_there_is_no_row_rather_than_a_row_of_zeros() -> None:
    posts = _posts([["anger", "joy"]]).with_columns(author_key=pl.lit(None, dtype=pl.String))
    assert _cells(posts, floors=OPEN) == {}


def test_the_highest_score_at_its_threshold_is_the_state() -> None:
    frame = pl.DataFrame(
        {"anger": [0.6, 0.9, 0.4, 0.7, None, None], "joy": [0.7, 0.8, 0.4, 0.7, 0.9, None]},
        schema_overrides={"anger": pl.Float64, "joy": pl.Float64},
    )
    states = frame.select(state_of(MEASURES, thresholds={"anger": 0.5, "joy": 0.75}))["state"]
    assert states.to_list() == ["anger", "anger", "none", "anger", "joy", None]


def test_a_cell_of_few_people_is_hidden_and_so_is_the_smallest_other_of_its_row() -> None:
    cells = _cells(_posts([["anger", "anger"]] * 10 + [["anger", "joy"]] * 63 + [["anger", "none"]] * 88))
    assert {key[1]: row["suppressed"] for key, row in cells.items() if key[0] == "anger"} == {
        "anger": "people_floor", "joy": "complementary", "none": None,
    }  # fmt: skip
    shown = cells["anger", "none"]
    assert (shown["n_transitions"], shown["n_people"]) == (90, 90)
    assert shown["share"] == pytest.approx(90 / 160)
    assert cells["anger", "joy"]["n_transitions"] is None


def test_a_row_whose_only_large_cell_had_to_be_hidden_shows_nothing() -> None:
    cells = _cells(_posts([["joy", "anger"]] * 10 + [["joy", "joy"]] * 80))
    row = [cell for key, cell in cells.items() if key[0] == "joy"]
    assert all(cell["n_transitions"] is None and cell["suppressed"] for cell in row)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 130), min_size=3, max_size=3))
def test_what_is_hidden_in_a_row_is_never_one_small_cell(sizes: list[int]) -> None:
    paths = [["anger", to] for to, n in zip(STATES, sizes, strict=True) for _ in range(n)]
    cells = _cells(_posts([*paths, ["joy"]]))
    row = [cells["anger", to] for to in STATES]
    hidden = [n for n, cell in zip(sizes, row, strict=True) if cell["suppressed"] and n]
    small = [n for n in sizes if 0 < n < 50]
    assert all(cell["suppressed"] for n, cell in zip(sizes, row, strict=True) if 0 < n < 50)
    some_shown = any(cell["n_people"] for cell in row)
    assert not (small and some_shown) or (len(hidden) > 1 and sum(hidden) >= 50)


def _followed(rows: list[tuple[int, str, float]]) -> Followed:
    frame = [((START + dt.timedelta(days=d)).date(), pair, s) for d, pair, s in rows]
    return Followed(pl.DataFrame(frame, schema=["day", "pair", "strength"], orient="row"))


def _drawn(rng: np.random.Generator, *, mean: float, label: str) -> Followed:
    return _followed([(k % 5, f"{label}{k}\x1f{label}x{k}", float(rng.normal(mean, 0.1))) for k in range(60)])


def test_anger_along_weaker_ties_is_found_and_an_equal_mix_is_not() -> None:
    rng = np.random.default_rng(0)
    weak, strong, same = (_drawn(rng, mean=m, label=n) for m, n in ((0.2, "w"), (0.3, "s"), (0.3, "t")))
    found = weaker_ties(weak, strong, permutations=200, seed=0, floors=FLOORS).row(0, named=True)
    assert found["difference"] < -0.05
    assert found["p_value"] < 0.01
    assert found["n_first"] == 60
    assert weaker_ties(same, strong, permutations=200, seed=0, floors=FLOORS)["p_value"][0] > 0.05
    assert weaker_ties(strong, weak, permutations=200, seed=0, floors=FLOORS)["p_value"][0] > 0.95


def test_days_that_differ_in_ties_do_not_make_labels_differ() -> None:
    """Anger on a day of weak ties, joy on a day of strong ones: nothing to compare within either day."""
    first = _followed([(0, f"a{k}\x1fb{k}", 0.1) for k in range(60)])
    second = _followed([(1, f"c{k}\x1fd{k}", 0.9) for k in range(60)])
    assert weaker_ties(first, second, permutations=100, seed=0, floors=FLOORS)["p_value"].to_list() == [1.0]


def test_few_people_are_not_compared() -> None:
    few = _followed([(0, "a\x1fb", 0.1)])
    row = weaker_ties(few, few, permutations=100, seed=0, floors=FLOORS).row(0, named=True)
    assert (row["mean_first"], row["p_value"], row["n_first"]) == (None, None, None)
