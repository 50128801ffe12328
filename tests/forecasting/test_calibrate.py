"""Quantiles from errors: correct ranks, tails that continue, nothing that crosses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from forecasting import calibrate
from forecasting.calibrate import LEVELS
from forecasting.matrix import from_model_scale
from forecasting.models.ensemble import combine, median, weights

FINITE = st.floats(-50, 50, allow_nan=False)


@given(errors=hnp.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 60)), elements=FINITE))
@settings(max_examples=60, deadline=None)
def test_spread_never_crosses_and_is_symmetric(errors: np.ndarray) -> None:
    found = calibrate.symmetric_spread(errors)
    assert np.all(np.diff(found, axis=1) >= -1e-9)
    assert found == pytest.approx(-found[:, ::-1])


def test_spread_takes_the_corrected_rank() -> None:
    errors = np.arange(1.0, 100.0)[None, :]
    found = calibrate.symmetric_spread(errors)[0]
    level_95 = int(np.argmin(np.abs(LEVELS - 0.975)))
    assert found[level_95] == pytest.approx(0.95 * 100)


def test_spread_ignores_gaps_and_reports_nothing_from_nothing() -> None:
    errors = np.array([[1.0, np.nan, 2.0, 3.0], [np.nan] * 4])
    found = calibrate.symmetric_spread(errors)
    assert found[0] == pytest.approx(calibrate.symmetric_spread(np.array([[1.0, 2.0, 3.0]]))[0])
    assert np.isnan(found[1]).all()


def test_few_errors_still_give_wider_tails_than_the_largest_error() -> None:
    found = calibrate.symmetric_spread(np.array([[1.0, -2.0, 3.0]]))[0]
    assert found[-1] > 3.0


def test_intervals_cover_what_they_say() -> None:
    rng = np.random.default_rng(3)
    spread = calibrate.symmetric_spread(rng.normal(size=(400, 60)))
    truth = rng.normal(size=400)
    for percent, low, high in ((50, 0.25, 0.75), (80, 0.1, 0.9), (90, 0.05, 0.95)):
        inside = (truth >= spread[:, low == LEVELS][:, 0]) & (truth <= spread[:, high == LEVELS][:, 0])
        assert inside.mean() == pytest.approx(percent / 100, abs=0.07)


def test_pooling_without_a_past_is_the_prior() -> None:
    found = calibrate.pooled_spread(np.full((0, 3, 5), np.nan))
    assert found.shape == (5, 23)
    assert np.all(np.diff(found, axis=1) > 0)


def test_one_step_sd_of_a_constant_is_its_noise_and_gaps_count_as_steps() -> None:
    values = np.array([[1.0, 1.0, 1.0, 1.0], [0.0, np.nan, np.nan, np.nan], [0.0, np.nan, np.nan, np.nan]])
    values[1] = [0.0, 1.0, 0.0, 1.0]
    found = calibrate.one_step_sd(values, noise=np.array([0.3, 0.1, 0.1]))
    assert found[0] == 0.3
    assert found[1] == pytest.approx(1.0)
    assert found[2] == pytest.approx(0.5)


@given(
    numbers=hnp.arrays(np.float64, (2, 3, 23), elements=st.floats(-800, 800)),
    kind=st.sampled_from(["share", "count"]),
)
@settings(max_examples=40, deadline=None)
def test_the_natural_scale_keeps_order_and_bounds(numbers: np.ndarray, kind: str) -> None:
    found = from_model_scale(np.sort(numbers, axis=2), kind=kind, n=np.array([50.0, 900.0]))  # type: ignore[arg-type]
    assert np.all(np.diff(found, axis=2) >= 0)
    assert np.all(found >= 0)
    assert kind == "count" or np.all(found <= 1)


def test_weights_are_equal_without_a_past_and_favour_the_better_model_with_one() -> None:
    none = weights(np.full((0, 2, 3, 4), np.nan), fallback=np.zeros((2, 3), dtype=bool))
    assert none == pytest.approx(np.full((2, 3, 4), 0.5))
    past = np.ones((2, 2, 3, 4))
    past[:, 1] = 2.0
    found = weights(past, fallback=np.array([[False, False, True], [False, False, False]]))
    assert found.sum(axis=0) == pytest.approx(np.ones((3, 4)))
    assert (found[0, 0] > 0.8).all()
    assert (found[0, 2] == 0.0).all()


def test_each_step_ahead_has_its_own_weights() -> None:
    past = np.ones((6, 2, 3, 14))
    past[:, 0, :, 7:] = 1.3
    past[:, 1, :, :7] = 1.3
    found = weights(past, fallback=np.zeros((2, 3), dtype=bool))
    assert (found[0, :, 0] > 0.75).all()
    assert (found[1, :, -1] > 0.75).all()


@given(
    past=hnp.arrays(np.float64, (3, 4, 2, 5), elements=st.floats(0.0, 1e6) | st.just(float("nan"))),
    fallback=hnp.arrays(np.bool_, (4, 2)),
)
@settings(max_examples=60, deadline=None)
def test_weights_are_shares_and_nothing_that_fell_back_has_one(
    past: np.ndarray, fallback: np.ndarray
) -> None:
    found = weights(past, fallback=fallback)
    assert found.sum(axis=0) == pytest.approx(np.ones((2, 5)))
    assert (found >= 0).all()
    somebody = ~fallback.all(axis=0)
    assert (found[fallback & somebody] == 0.0).all()


def test_combining_identical_members_changes_nothing() -> None:
    one = np.sort(np.random.default_rng(1).normal(size=(2, 4, 23)), axis=2)
    found = combine(np.stack([one, one]), weights=np.full((2, 2, 4), 0.5))
    assert found == pytest.approx(one)


def test_the_median_takes_the_middle_of_those_that_did_not_fall_back() -> None:
    every = np.sort(np.random.default_rng(2).normal(size=(4, 3, 2, 23)), axis=3)
    fallback = np.zeros((4, 3), dtype=bool)
    fallback[0, 1] = True
    fallback[:, 2] = True
    found = median(every, fallback=fallback)
    assert found[0] == pytest.approx(np.sort(np.median(every[:, 0], axis=0), axis=1))
    assert found[1] == pytest.approx(np.sort(np.median(every[1:, 1], axis=0), axis=1))
    assert found[2] == pytest.approx(np.sort(np.median(every[:, 2], axis=0), axis=1))
    every[:, 2] = np.nan
    assert np.isnan(median(every, fallback=fallback)[2]).all()


def _normal_quantiles(*, spread: float, series: int = 30, horizons: int = 3) -> np.ndarray:
    from scipy.stats import norm

    return np.tile(norm.ppf(LEVELS) * spread, (series, horizons, 1))


@pytest.mark.parametrize("claimed", [0.5, 1.0, 2.0])
def test_stretching_learns_how_wide_past_intervals_should_have_been(claimed: float) -> None:
    rng = np.random.default_rng(3)
    quantiles = _normal_quantiles(spread=claimed)
    with np.errstate(invalid="ignore", divide="ignore"):
        misses = rng.normal(0, 1, (60, 30, 3, 1)) / np.abs(quantiles - quantiles[:, :, [11]])[None]
    misses[~np.isfinite(misses)] = np.nan
    found = calibrate.stretched(quantiles, misses=misses)
    assert np.all(np.diff(found, axis=2) >= 0)
    truth = rng.normal(0, 1, (400, 30, 3))
    for low, high, wanted in ((6, 16, 0.5), (2, 20, 0.9)):
        held = np.mean((truth >= found[None, :, :, low]) & (truth <= found[None, :, :, high]))
        assert held == pytest.approx(wanted, abs=0.04)


def test_stretching_without_a_past_changes_nothing() -> None:
    quantiles = _normal_quantiles(spread=1.0)
    assert calibrate.stretched(quantiles, misses=np.empty((0, *quantiles.shape))) == pytest.approx(quantiles)
    unknown = np.full((4, *quantiles.shape), np.nan)
    assert calibrate.stretched(quantiles, misses=unknown) == pytest.approx(quantiles)


def test_stretching_pools_all_steps_where_one_has_too_few() -> None:
    quantiles = _normal_quantiles(spread=0.5, series=1, horizons=7)
    rng = np.random.default_rng(5)
    with np.errstate(invalid="ignore", divide="ignore"):
        misses = rng.normal(0, 1, (9, 1, 7, 1)) / np.abs(quantiles - quantiles[:, :, [11]])[None]
    misses[~np.isfinite(misses)] = np.nan
    width = np.diff(calibrate.stretched(quantiles, misses=misses)[0][:, [2, 20]], axis=1)[:, 0]
    assert (width > 1.2 * (quantiles[0, 0, 20] - quantiles[0, 0, 2])).all()
