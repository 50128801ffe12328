"""Every forecaster: shape, honesty about failure, determinism."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.calibrate import one_step_sd
from forecasting.models import (
    BY_NAME_ONLY,
    DEFAULT_MEMBERS,
    REGISTRY,
    TRAINS_ONCE,
    ModelInput,
    create,
    neural,
)
from forecasting.models.base import after_lags, filled
from forecasting.models.baselines import trailing_mean
from warehouse.errors import ConfigError

CHEAP = [name for name in REGISTRY if name not in TRAINS_ONCE]


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


@pytest.mark.parametrize(
    "name", ["auto_ets", "auto_theta", "auto_arima", "seasonal_naive", "boosting", *sorted(TRAINS_ONCE)]
)
def test_a_series_too_short_for_a_model_gets_a_marked_flat_line(name: str) -> None:
    values = np.full((1, 30), np.nan)
    values[0, -9:] = np.arange(9.0) % 4
    found = create(name).fit_predict(_input(values), horizon=4, frequency="day", seed=1)
    assert found.fallback.tolist() == [True]
    assert found.points.tolist() == [[values[0, -1]] * 4]


@pytest.mark.parametrize("name", sorted(TRAINS_ONCE))
def test_a_network_trains_once_and_repeats(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neural, "STEPS", 20)
    values = np.concatenate([_weekly(120)] * 2)
    values[1, 40:44] = np.nan
    values[2, -3:] = np.nan
    first, second = create(name), create(name)
    early = first.fit_predict(_input(values[:, :110]), horizon=3, frequency="day", seed=2)
    again = second.fit_predict(_input(values[:, :110]), horizon=3, frequency="day", seed=2)
    assert not early.fallback.any()
    assert np.array_equal(early.points, again.points)
    # What came after it was trained is read, and not learnt.
    late = first.fit_predict(_input(values), horizon=3, frequency="day", seed=2)
    other = first.fit_predict(_input(values), horizon=3, frequency="day", seed=7)
    assert np.array_equal(late.points, other.points)
    assert late.points[2] != pytest.approx(early.points[2])


def test_boosting_borrows_from_all_series_and_keeps_each_ones_unit() -> None:
    expected = np.sin(2 * np.pi * np.arange(70, 77) / 7)
    wide = np.stack([50.0 + 10.0 * _weekly()[0], *(_weekly()[0] for _ in range(3))])
    found = create("boosting").fit_predict(_input(wide), horizon=7, frequency="day", seed=1)
    assert np.abs(found.points[1] - expected).mean() < 0.25
    assert found.points[0] == pytest.approx(50.0 + 10.0 * found.points[1])


def test_boosting_forecasts_weeks_and_leaves_the_young_and_the_few() -> None:
    values = _weekly(80)
    values[1, :-15] = np.nan
    found = create("boosting").fit_predict(_input(values), horizon=4, frequency="week", seed=1)
    assert found.fallback.tolist() == [False, True]
    alone = create("boosting").fit_predict(_input(values[:, -40:]), horizon=4, frequency="week", seed=1)
    assert alone.fallback.all()


def test_models_that_cost_more_than_they_bring_are_members_by_name_only() -> None:
    assert not set(BY_NAME_ONLY) & set(DEFAULT_MEMBERS)
    assert {*BY_NAME_ONLY, *DEFAULT_MEMBERS} == set(REGISTRY)
    assert set(REGISTRY) >= TRAINS_ONCE


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
