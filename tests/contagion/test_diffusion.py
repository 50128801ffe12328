"""Diffusion what-ifs: bounds, monotone in dampening, nothing without ties, the same seed the same numbers."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.contagion.diffusion import (
    Graph,
    Plan,
    Scenario,
    Spread,
    diffusion,
    graph_from,
    graph_of,
    simulate,
    without_weakest,
)
from forecasting.contagion.kernels import chance, pick, spread
from warehouse.errors import InputError

SMALL = Spread(replicates=3, begin_share=0.02)


def _graph(seed: int, *, people: int = 200, ties: int = 600) -> Graph:
    rng = np.random.default_rng(seed)
    i, j = rng.integers(0, people, ties), rng.integers(0, people, ties)
    return graph_from(i, j, strength=rng.choice([0.0, 0.1, 0.4, 1.0], ties), people=people)


def _communities(seed: int) -> Graph:
    """Ten groups with strong ties inside and a weak tie here and there between them."""
    rng = np.random.default_rng(seed)
    i = rng.integers(0, 1000, 8000)
    j = i // 100 * 100 + rng.integers(0, 100, 8000)
    a, b = rng.integers(0, 1000, 800), rng.integers(0, 1000, 800)
    strength = np.r_[np.full(8000, 0.5), np.full(800, 0.02)]
    return graph_from(np.r_[i, a], np.r_[j, b], strength=strength, people=1000)


def _coverage(graph: Graph, *, scenario: Scenario, alpha: float = 0.0, seed: int = 0) -> np.ndarray:
    return simulate(graph, alpha=alpha, scenario=scenario, spread_by=SMALL, seed=seed)["coverage"].to_numpy()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([-2.0, 0.0, 1.0]), st.floats(0, 1), st.floats(0, 1))
def test_coverage_is_a_share_and_never_grows_with_dampening(
    seed: int, alpha: float, one: float, other: float
) -> None:
    graph = _graph(seed)
    less, more = (
        _coverage(graph, scenario=Scenario(dampen=d), alpha=alpha, seed=seed) for d in sorted([one, other])
    )
    assert ((more >= 0) & (more <= less) & (less <= 1)).all()


def test_without_ties_or_with_full_dampening_only_those_it_began_with_are_reached() -> None:
    graph = _graph(1)
    for scenario in (Scenario(remove_weakest=1.0), Scenario(dampen=1.0)):
        made = simulate(graph, alpha=0.0, scenario=scenario, spread_by=SMALL, seed=0)
        assert made["coverage"].to_list() == [4 / 200] * 3
        assert made["velocity"].to_list() == [0.0] * 3


def test_the_same_seed_gives_the_same_numbers_and_another_does_not() -> None:
    graph = _graph(2)
    once = simulate(graph, alpha=-1.0, scenario=Scenario(), spread_by=SMALL, seed=5)
    assert once.equals(simulate(graph, alpha=-1.0, scenario=Scenario(), spread_by=SMALL, seed=5))
    assert not once.equals(simulate(graph, alpha=-1.0, scenario=Scenario(), spread_by=SMALL, seed=6))


def test_delay_slows_without_changing_who_is_reached() -> None:
    graph = _graph(3)
    quick, slow = (
        simulate(graph, alpha=0.0, scenario=Scenario(delay=d), spread_by=SMALL, seed=0) for d in (1, 3)
    )
    assert quick["coverage"].equals(slow["coverage"])
    assert (slow["velocity"] < quick["velocity"]).all()


def test_preferring_weak_ties_to_strong_ones_reaches_more_people_in_communities() -> None:
    plan = Plan(scenarios=(Scenario(),), spread=Spread(contacts=3, replicates=20))
    rows = diffusion(_communities(0), plan=plan, seed=0)
    weak, _, strong = rows.sort("alpha").select("coverage", "velocity").rows()
    assert weak[0] > 2 * strong[0]
    assert weak[1] > strong[1]


def test_the_weakest_ties_go_first() -> None:
    graph = graph_from(
        np.array([0, 1, 2, 0]), np.array([1, 2, 3, 3]), strength=np.array([0.9, 0.1, 0.5, 0.2]), people=4
    )
    left = without_weakest(graph, share=0.5)
    i = np.repeat(np.arange(4), np.diff(left.first))
    assert {(a, b) for a, b in zip(i, left.other, strict=True) if a < b} == {(0, 1), (2, 3)}
    assert left.people == 4


def test_repeated_pairs_and_loops_make_one_tie() -> None:
    graph = graph_from(np.array([0, 1, 1]), np.array([1, 0, 1]), strength=np.array([0.2, 0.4, 1.0]), people=2)
    assert graph.ties == 1
    assert graph.strength.tolist() == pytest.approx([0.6, 0.6])


def test_a_graph_of_exposures_knows_its_people() -> None:
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    edges = pl.DataFrame(
        {"responder": ["a", "b", "c", None], "source": ["b", "c", "a", "a"], "answered_at": [start] * 4}
    )
    graph = graph_of(edges)
    assert (graph.people, graph.ties) == (3, 3)
    with pytest.raises(InputError, match="no ties between people"):
        simulate(graph_of(edges.clear()), alpha=0.0, scenario=Scenario(), spread_by=SMALL, seed=0)


def test_a_step_is_picked_as_often_as_its_weight_says() -> None:
    running = np.cumsum(np.array([5.0, 1.0, 0.0, 3.0]))
    draws = [pick(running, 1, 4, chance(7, person, 0)) for person in range(4000)]
    assert np.bincount(draws, minlength=4) / 4000 == pytest.approx([0, 0.25, 0, 0.75], abs=0.03)


def test_a_scenario_out_of_bounds_is_refused() -> None:
    with pytest.raises(InputError, match="Expected shares from 0 to 1"):
        Scenario(dampen=1.5)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"catch": 1.2}, "catch from 0 to 1"),
        ({"contacts": 0}, "contacts at least 1"),
        ({"uneven": 0.6}, "below 0.50 with catch 0.5"),
        ({"uneven": -0.1}, "uneven 0, or"),
        ({"begin_share": 0.0}, "begin_share above 0"),
        ({"replicates": 1001}, "replicates from 1 to 1000"),
    ],
)
def test_assumptions_out_of_bounds_are_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        Spread(**given)


def test_uneven_chances_keep_their_mean_and_have_the_spread_that_is_asked_for() -> None:
    chances = Spread(catch=0.3, uneven=0.2).chances(200_000, rng=np.random.default_rng(0))
    assert chances.mean() == pytest.approx(0.3, abs=0.003)
    assert chances.std() == pytest.approx(0.2, abs=0.003)
    assert ((chances >= 0) & (chances <= 1)).all()
    assert set(Spread(catch=0.3).chances(5, rng=np.random.default_rng(0))) == {0.3}


def test_who_never_catches_it_is_never_reached() -> None:
    graph = _graph(5)
    catch = np.where(np.arange(graph.people) < 100, 0.0, 1.0)
    running = np.cumsum(np.ones(len(graph.other)))
    begin = np.array([150, 160])
    new = spread(graph.first, graph.other, running, begin, 4, catch, 1, 200, 7)
    assert 2 < new.sum() <= 100
