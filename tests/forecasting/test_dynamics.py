"""The affect-dynamics model: against a plain filter, where the dynamics are known, and what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.calibrate import one_step_sd
from forecasting.matrix import Floats
from forecasting.models import ModelInput, create
from forecasting.models.dynamics import Setting
from forecasting.models.kernels import OUTLIER, filtered


def _input(values: Floats, sampling: Floats | None = None) -> ModelInput:
    return ModelInput(
        ids=tuple(f"s{i}" for i in range(len(values))), values=values,
        sd=one_step_sd(values, noise=np.zeros(len(values))),
        sampling=np.zeros_like(values) if sampling is None else sampling,
    )  # fmt: skip


def _points(values: Floats, *, horizon: int = 7, sampling: Floats | None = None) -> Floats:
    found = create("dynamics").fit_predict(_input(values, sampling), horizon=horizon, frequency="day", seed=1)
    assert not found.fallback.any()
    assert found.scale is not None
    assert (found.scale > 0.0).all()
    return found.points


def _plain(
    values: Floats, *, noise: Floats, unit: float, setting: Setting, season: int, horizon: int
) -> tuple[Floats, Floats]:
    """A textbook Kalman filter with dense matrices, and the same care for outliers."""
    days = season - 1
    size = 3 + days
    move = np.zeros((size, size))
    move[0, 0] = move[0, 2] = 1.0
    move[1, 1], move[2, 2] = setting.decay, setting.damping
    if days:
        move[3, 3:] = -1.0
        move[np.arange(4, size), np.arange(3, size - 1)] = 1.0
    shock = np.zeros(size)
    shock[:3] = setting.drift, setting.excitation, setting.push
    look = np.zeros(size)
    look[[0, 1]] = 1.0
    if days:
        shock[3], look[3] = setting.weekdays, 1.0
    state, cov = np.zeros(size), np.diag([4.0, setting.excitation, setting.push, *[1.0] * days])
    state[0] = values[0]
    scale = unit
    for t, value in enumerate(values):
        if t:
            state, cov = move @ state, move @ cov @ move.T + np.diag(shock)
        if np.isnan(value):
            continue
        miss, around = value - look @ state, look @ cov @ look + noise[t]
        ratio = miss**2 / (around * scale)
        damped = min(1.0, OUTLIER / np.sqrt(max(ratio, 1e-12)))
        gain = cov @ look / around
        state, cov = state + gain * miss * damped, cov - np.outer(gain, gain) * around * damped
        scale += max(1.0 / (t + 6.0), 0.01) * (min(ratio, OUTLIER**2) - 1.0) * scale
    path, spread = [], []
    for _ in range(horizon):
        state, cov = move @ state, move @ cov @ move.T + np.diag(shock)
        path.append(look @ state)
        spread.append((look @ cov @ look + 1.0) * scale)
    return np.array(path), np.array(spread)


@pytest.mark.parametrize("season", [1, 7])
@pytest.mark.parametrize(
    "setting",
    [
        Setting(drift=0.05),
        Setting(drift=0.02, excitation=1.0, decay=0.8),
        Setting(drift=0.01, push=0.05, damping=0.85, weekdays=0.01),
    ],
)
def test_the_filter_is_a_kalman_filter(season: int, setting: Setting) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0, 1, 60).cumsum() * 0.3 + np.sin(2 * np.pi * np.arange(60) / 7)
    values[[7, 8, 40]] = np.nan
    values[30] += 9.0
    noise = rng.uniform(0.5, 2.0, 60)
    weekdays = setting.weekdays if season > 1 else 0.0
    grid = np.array(
        [[setting.drift, setting.excitation, setting.decay, setting.push, setting.damping, weekdays]]
    )
    mean, variance = filtered(
        values[None], noise[None], np.zeros(1, dtype=np.int64), np.array([0.4]), grid, season, 9
    )
    path, spread = _plain(values, noise=noise, unit=0.4, setting=setting, season=season, horizon=9)
    assert mean[0] == pytest.approx(path, abs=1e-9)
    assert variance[0] == pytest.approx(spread, rel=1e-9)


def test_weekdays_and_a_decaying_shock_are_foreseen() -> None:
    rng = np.random.default_rng(4)
    ahead, days = np.arange(200, 207), np.arange(207)
    cycle = np.sin(2 * np.pi * days / 7)
    shock = np.where(days >= 197, 3.0 * 0.7 ** (days - 197.0), 0.0)
    earlier = sum(np.where(days >= at, 3.0 * 0.7 ** (days - float(at)), 0.0) for at in (30, 70, 110, 150))
    truth = cycle + shock + earlier
    seen = (truth + rng.normal(0, 0.1, 207))[:200]
    points = _points(seen[None])[0]
    flat = np.abs(seen[-1] - truth[ahead]).mean()
    assert np.abs(points - truth[ahead]).mean() < 0.4 * flat


def test_a_day_of_few_people_is_believed_less() -> None:
    rng = np.random.default_rng(5)
    values = np.tile(rng.normal(0, 0.2, 80), (2, 1))
    values[:, -1] += 1.0
    sampling = np.full_like(values, 0.01)
    sampling[1, -1] = 4.0
    moved = _points(values, sampling=sampling).mean(axis=1)
    assert moved[1] < moved[0]


@settings(max_examples=20, deadline=None)
@given(factor=st.floats(0.01, 100.0), shift=st.floats(-50.0, 50.0), seed=st.integers(0, 1000))
def test_the_unit_of_a_series_does_not_matter(factor: float, shift: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (1, 60)).cumsum(axis=1)
    expected = _points(values) * factor + shift
    assert _points(values * factor + shift) == pytest.approx(expected, rel=1e-6, abs=1e-6 * factor)


def test_what_is_before_the_first_value_or_unknown_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(0, 1, (1, 60))
    padded = np.concatenate([np.full((1, 20), np.nan), values], axis=1)
    assert _points(padded) == pytest.approx(_points(values))
    assert np.array_equal(_points(np.concatenate([values, values[::-1]]))[:1], _points(values))


def test_too_little_is_a_marked_flat_line() -> None:
    values = np.full((2, 30), np.nan)
    values[0, -9:] = np.arange(9.0) % 4
    values[1] = np.arange(30.0) % 4
    found = create("dynamics").fit_predict(_input(values), horizon=4, frequency="day", seed=1)
    assert found.fallback.tolist() == [True, False]
    assert found.points[0].tolist() == [values[0, -1]] * 4


def test_a_series_at_rest_expects_something_of_its_usual_size() -> None:
    values = np.random.default_rng(7).normal(0, 1, (1, 900))
    values[0, -450:] = values[0, -450]
    found = create("dynamics").fit_predict(_input(values), horizon=3, frequency="day", seed=1)
    assert found.scale is not None
    assert (found.scale > 0.05).all()


def test_an_origin_before_the_data_is_a_marked_flat_line() -> None:
    found = create("dynamics").fit_predict(_input(np.empty((0, 0))), horizon=3, frequency="day", seed=1)
    assert found.points.shape == (0, 3)
