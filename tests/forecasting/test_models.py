"""Every forecaster: shape, honesty about failure, determinism."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.calibrate import one_step_sd
from forecasting.models import REGISTRY, ModelInput, create
from forecasting.models.base import after_lags, filled
from forecasting.models.baselines import trailing_mean
from warehouse.errors import ConfigError

CHEAP = [name for name in REGISTRY if name != "nhits"]


def _input(values: np.ndarray) -> ModelInput:
    ids = tuple(f"s{i}" for i in range(len(values)))
    noise = np.zeros(len(values))
    return ModelInput(
        ids=ids, values=values, sd=one_step_sd(values, noise=noise), sampling=np.zeros_like(values)
    )


def _weekly(periods: int = 70) -> np.ndarray:
    rng = np.random.default_rng(5)
    cycle = np.sin(2 * np.pi * np.arange(periods) / 7)
    return np.stack([cycle + rng.normal(0, 0.1, periods), rng.normal(0, 1, periods)])


@pytest.mark.parametrize("name", CHEAP)
def test_a_forecast_has_a_point_for_every_series_and_step_and_repeats(name: str) -> None:
    data = _input(_weekly())
    first, second = (create(name).fit_predict(data, horizon=9, frequency="day", seed=1) for _ in range(2))
    assert first.points.shape == (2, 9)
    assert not first.fallback.any()
    assert np.array_equal(first.points, second.points)


@pytest.mark.parametrize("name", CHEAP)
def test_gaps_and_a_late_end_are_handled(name: str) -> None:
    values = _weekly()
    values[0, 20:25] = np.nan
    values[1, -3:] = np.nan
    found = create(name).fit_predict(_input(values), horizon=5, frequency="day", seed=1)
    assert np.isfinite(found.points).all()


@pytest.mark.parametrize("name", ["auto_ets", "auto_theta", "auto_arima", "seasonal_naive", "nhits"])
def test_a_series_too_short_for_a_model_gets_a_marked_flat_line(name: str) -> None:
    values = np.full((1, 30), np.nan)
    values[0, -9:] = np.arange(9.0) % 4
    found = create(name).fit_predict(_input(values), horizon=4, frequency="day", seed=1)
    assert found.fallback.tolist() == [True]
    assert found.points.tolist() == [[values[0, -1]] * 4]


def test_nhits_trains_once_and_repeats() -> None:
    values = np.concatenate([_weekly(120)] * 2)
    runs = [create("nhits").fit_predict(_input(values), horizon=3, frequency="day", seed=2) for _ in range(2)]
    assert not runs[0].fallback.any()
    assert np.array_equal(runs[0].points, runs[1].points)


def test_the_season_is_learnt() -> None:
    expected = np.sin(2 * np.pi * np.arange(70, 77) / 7)
    for name in ("seasonal_naive", "auto_ets", "auto_theta"):
        found = create(name).fit_predict(_input(_weekly()), horizon=7, frequency="day", seed=1)
        assert np.abs(found.points[0] - expected).mean() < 0.25, name


def test_paths_are_counted_from_the_origin_not_from_the_last_observation() -> None:
    paths = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]])
    assert after_lags(paths, lags=np.array([0, 2]), horizon=2).tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_filling_joins_observations_by_straight_lines_only_between_them() -> None:
    assert filled(np.array([np.nan, 1.0, np.nan, 3.0, np.nan])).tolist() == [1.0, 2.0, 3.0]


def test_a_trailing_mean_skips_gaps() -> None:
    values = np.array([[2.0, np.nan, 4.0] + [1.0] * 7])
    assert trailing_mean(values)[0, [0, 1, 2, 9]].tolist() == [2.0, 2.0, 3.0, 1.0]


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'auto_ets'"):
        create("autoets")
