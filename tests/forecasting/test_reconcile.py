"""Coherent forecasts: what parts and wholes say of each other, on trees whose truth is known."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from forecasting.calibrate import LEVELS
from forecasting.matrix import Matrix
from forecasting.reconcile import Tree, reconciled, trees

PERIODS = 60
IDS = ("nation", "a", "b", "c")
TREE = Tree(rows=np.arange(4), parents=np.array([-1, 0, 0, 0]))
PEOPLE = np.array([1000.0, 500.0, 300.0, 150.0])  # 50 people are nowhere


def _matrix(values: np.ndarray, *, people: np.ndarray = PEOPLE) -> Matrix:
    n = np.repeat(people[:, None], values.shape[1], axis=1)
    return Matrix(ids=IDS, reference=dt.date(2024, 3, 1), frequency="day", kind="share", values=values, n=n)


def _world(seed: int = 1, *, gap: float = 0.01) -> np.ndarray:
    rng = np.random.default_rng(seed)
    parts = 0.2 + 0.02 * rng.standard_normal((3, PERIODS))
    nation = PEOPLE[1:] / PEOPLE[0] @ parts + gap
    return np.concatenate([nation[None], parts])


def _quantiles(medians: np.ndarray, *, sd: np.ndarray, horizon: int = 2) -> np.ndarray:
    found = medians[:, None, None] + sd[:, None, None] * norm.ppf(LEVELS)[None, None, :]
    return np.repeat(found, horizon, axis=1)


def _errors(sd: np.ndarray, *, times: int = 200, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((times, 4)) * sd


def _middle(quantiles: np.ndarray) -> np.ndarray:
    return quantiles[:, 0, len(LEVELS) // 2]


def test_medians_of_symmetric_forecasts_add_up_to_their_parent() -> None:
    sd = np.array([0.01, 0.01, 0.02, 0.02])
    base = _quantiles(np.array([0.25, 0.2, 0.2, 0.2]), sd=sd)
    matrix = _matrix(_world())
    found = _middle(reconciled(base, levels=LEVELS, tree=TREE, matrix=matrix, errors=_errors(sd), seed=1))
    assert found[0] == pytest.approx(PEOPLE[1:] / 1000 @ found[1:] + 0.01, abs=5e-4)
    assert 0.2 < found[0] < 0.25
    assert (found[1:] > 0.2).all()


def test_what_fits_together_already_is_left_alone() -> None:
    sd = np.array([0.008, 0.01, 0.01, 0.01])
    parts = np.array([0.2, 0.25, 0.15])
    base = _quantiles(np.array([PEOPLE[1:] / 1000 @ parts + 0.01, *parts]), sd=sd)
    found = reconciled(base, levels=LEVELS, tree=TREE, matrix=_matrix(_world()), errors=_errors(sd), seed=1)
    assert np.abs(_middle(found) - _middle(base)).max() < 5e-4


def test_the_one_that_is_usually_right_moves_the_others() -> None:
    sd = np.array([0.001, 0.03, 0.03, 0.03])
    base = _quantiles(np.array([0.25, 0.2, 0.2, 0.2]), sd=sd)
    found = _middle(
        reconciled(base, levels=LEVELS, tree=TREE, matrix=_matrix(_world()), errors=_errors(sd), seed=1)
    )
    assert found[0] == pytest.approx(0.25, abs=0.002)
    assert found[1] > 0.215


def test_a_region_gains_by_what_the_nation_knows() -> None:
    """Over many worlds, coherent forecasts are nearer to the truth than those made one by one."""
    rng = np.random.default_rng(8)
    sd = np.array([0.004, 0.02, 0.02, 0.02])
    before, after = [], []
    for world in range(40):
        truth = np.array([0.0, *(0.2 + 0.02 * rng.standard_normal(3))])
        truth[0] = PEOPLE[1:] / 1000 @ truth[1:] + 0.01
        base = _quantiles(truth + sd * rng.standard_normal(4), sd=sd)
        found = reconciled(
            base, levels=LEVELS, tree=TREE, matrix=_matrix(_world(world)), errors=_errors(sd), seed=1
        )
        before.append(np.abs(_middle(base) - truth).mean())
        after.append(np.abs(_middle(found) - truth).mean())
    assert np.mean(after) < 0.95 * np.mean(before)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), spread=st.floats(1e-4, 0.3))
def test_quantiles_are_shares_in_order(seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    sd = spread * rng.uniform(0.5, 2.0, 4)
    base = np.clip(_quantiles(rng.uniform(0, 1, 4), sd=sd), 0, 1)
    found = reconciled(
        base, levels=LEVELS, tree=TREE, matrix=_matrix(_world(seed)), errors=_errors(sd), seed=1
    )
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found <= 1).all()
    assert (np.diff(found, axis=2) >= 0).all()


def test_a_tree_without_enough_past_or_people_says_nothing() -> None:
    sd = np.full(4, 0.01)
    base = _quantiles(np.full(4, 0.2), sd=sd)
    few = reconciled(
        base, levels=LEVELS, tree=TREE, matrix=_matrix(_world()), errors=_errors(sd, times=5), seed=1
    )
    unknown = _matrix(_world(), people=np.full(4, np.nan))
    nobody = reconciled(base, levels=LEVELS, tree=TREE, matrix=unknown, errors=_errors(sd), seed=1)
    assert np.isnan(few).all()
    assert np.isnan(nobody).all()


def _six() -> tuple[Tree, Matrix, np.ndarray, np.ndarray]:
    """A whole, two nations, and the two regions of each; all alike."""
    tree = Tree(rows=np.arange(7), parents=np.array([-1, 0, 0, 1, 1, 2, 2]))
    rng = np.random.default_rng(9)
    values = 0.2 + 0.01 * rng.standard_normal((7, PERIODS))
    people = np.repeat(np.array([400.0, 200, 200, 100, 100, 100, 100])[:, None], PERIODS, axis=1)
    matrix = Matrix(
        ids=tuple("abcdefg"),
        reference=dt.date(2024, 3, 1),
        frequency="day",
        kind="share",
        values=values,
        n=people,
    )
    sd = np.full(7, 0.01)
    return tree, matrix, _quantiles(np.full(7, 0.2), sd=sd), 0.01 * rng.standard_normal((80, 7))


@pytest.mark.parametrize("cause", ["late", "young", "never wrong", "holes"])
def test_one_bad_region_does_not_take_the_others_along(cause: str) -> None:
    tree, matrix, base, errors = _six()
    if cause == "late":
        matrix.values[3, -22:] = np.nan
    elif cause == "young":
        errors[15:, 3] = np.nan
    elif cause == "never wrong":
        errors[:, 3] = 0.0
    else:
        rng = np.random.default_rng(3)
        matrix.values[:, -28:][rng.random((7, 28)) < 0.5] = np.nan
        errors[rng.random(errors.shape) < 0.5] = np.nan
    found = np.isfinite(reconciled(base, levels=LEVELS, tree=tree, matrix=matrix, errors=errors, seed=1))
    told = found.all(axis=(1, 2))
    assert told.tolist() == [True, True, True, cause == "holes", True, True, True]


def test_a_part_without_a_forecast_is_left_out_and_the_rest_still_fits() -> None:
    sd = np.full(4, 0.01)
    base = _quantiles(np.full(4, 0.2), sd=sd)
    base[3] = np.nan
    found = reconciled(base, levels=LEVELS, tree=TREE, matrix=_matrix(_world()), errors=_errors(sd), seed=1)
    assert np.isnan(found[3]).all()
    assert np.isfinite(found[:3]).all()


def test_trees_follow_places_and_keep_signals_and_groups_apart() -> None:
    rows = [
        ("r0", "anger", "all", "all", "all"), ("r1", "anger", "all", "nation", "US"),
        ("r2", "anger", "all", "nation", "GB"), ("r3", "anger", "all", "region", "US-CA"),
        ("r4", "anger", "all", "region", "US-NY"),
        ("r5", "fear", "all", "nation", "US"), ("r6", "fear", "all", "region", "US-CA"),
        ("r7", "anger", "young", "nation", "US"), ("r8", "anger", "all", "none", "none"),
    ]  # fmt: skip
    keys = pl.DataFrame(
        rows, schema=["series_id", "signal", "population", "geo_type", "geo_value"], orient="row"
    )
    found = trees(keys, ids=tuple(f"r{i}" for i in range(9)))
    assert len(found) == 1
    assert found[0].rows.tolist() == [0, 2, 1, 3, 4]
    assert found[0].parents.tolist() == [-1, 0, 0, 2, 2]
