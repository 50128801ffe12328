"""Evidence pooled over days: its chance, its memory, and rises that are over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtri

from benchmarks.alerts_daily import COUNTS, JUDGED, RULES, SHARES, p_values, rates, simulate
from forecasting.alerts.detectors import daily_frame, judge, lower_half
from forecasting.alerts.pooled import (
    DAILY_WEIGHTS,
    TODAY_AT_LEAST,
    WEEKLY_WEIGHTS,
    exceedance,
    pooled,
    serial_correlation,
)


def _ar(correlation: float, *, shape: tuple[int, int], seed: int) -> np.ndarray:
    draws = np.random.default_rng(seed).normal(size=shape)
    for day in range(1, shape[1]):
        draws[:, day] = correlation * draws[:, day - 1] + np.sqrt(1 - correlation**2) * draws[:, day]
    return draws


def test_the_chance_of_the_statistic_equals_a_simulated_one() -> None:
    rng = np.random.default_rng(0)
    own = rng.normal(size=400_000)
    summed = 0.75 * own + np.sqrt(1 - 0.75**2) * rng.normal(size=own.size)
    statistic = np.where(own >= TODAY_AT_LEAST, np.maximum(own, summed), own)
    for bound in (0.5, 2.0, 2.5):
        chance = float(exceedance(np.array(bound), joint=np.array(0.75)))
        assert chance == pytest.approx((statistic >= bound).mean(), rel=0.05)


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("weights", [DAILY_WEIGHTS, WEEKLY_WEIGHTS])
def test_the_rule_holds_its_rate_whatever_the_memory_of_the_scores(
    correlation: float, weights: tuple[float, float]
) -> None:
    scores = _ar(correlation, shape=(500, 200), seed=1)
    p_value, needed = pooled(scores, weights=weights, alpha=0.01, guard=7)
    assert 0.008 <= (p_value[:, 100:] <= 0.01).mean() <= 0.012
    assert ((p_value <= 0.01) == (scores >= needed)).mean() > 0.99999


def test_the_memory_of_scores_is_found_and_shrunk() -> None:
    scores = _ar(0.6, shape=(300, 150), seed=2)
    found = serial_correlation(scores, lag=1, guard=7)
    assert 0.3 <= found[:, -1].mean() <= 0.6
    assert found[:, 0] == pytest.approx(0.08)


def test_two_raised_days_alarm_where_neither_does_alone() -> None:
    scores = np.zeros((1, 120))
    scores[0, -2:] = 2.1
    p_value = pooled(scores, weights=DAILY_WEIGHTS, alpha=0.01, guard=7)[0][0]
    assert p_value[-2] > 0.01 >= p_value[-1]


def test_a_rise_that_is_over_is_no_alarm() -> None:
    scores = np.zeros((1, 120))
    scores[0, -4:-1] = 5.0
    scores[0, -1] = TODAY_AT_LEAST - 0.1
    p_value = pooled(scores, weights=DAILY_WEIGHTS, alpha=0.01, guard=7)[0][0]
    assert (p_value[-4:-1] <= 0.001).all()
    assert p_value[-1] > 0.05


def test_a_day_after_two_unknown_ones_is_judged_alone() -> None:
    scores = np.random.default_rng(3).normal(size=(1, 60))
    scores[0, -1], scores[0, -3:-1] = 2.4, np.nan
    p_value, needed = pooled(scores, weights=DAILY_WEIGHTS, alpha=0.01, guard=7)
    assert p_value[0, -1] == pytest.approx(0.0082, abs=1e-4)
    assert needed[0, -1] == pytest.approx(2.3263, abs=1e-4)
    assert np.isnan(p_value[0, -2])


def test_the_lower_half_of_a_range_of_chances_integrates_the_squared_score() -> None:
    low, high = np.array([0.1, 0.45, 0.7, 0.6]), np.array([0.4, 0.8, 0.95, 0.6])
    count, squared = lower_half(low, high)
    for k in range(3):
        grid = np.linspace(low[k], high[k], 200_001)[:-1] + (high[k] - low[k]) / 400_000
        assert count[k] == pytest.approx((grid > 0.5).mean(), abs=1e-4)
        assert squared[k] == pytest.approx(np.where(grid > 0.5, ndtri(grid) ** 2, 0).mean(), abs=1e-4)
    assert squared[3] == pytest.approx(0.0642, abs=1e-3)


def test_an_outbreak_in_the_past_does_not_widen_what_is_expected_today() -> None:
    rng = np.random.default_rng(4)
    counts = rng.poisson(100.0, (60, 200)).astype(float)
    hit = counts.copy()
    hit[:, 150:156] += 25.0
    frame = replace(daily_frame(84), pool=None)
    calm, after = (judge(x, trials=None, frame=frame, alpha=0.01, first=80) for x in (counts, hit))
    room = (after.threshold - after.expected)[:, -1] / (calm.threshold - calm.expected)[:, -1]
    assert room.mean() < 1.25


@pytest.mark.parametrize("scenario", [COUNTS[2], SHARES[1]])
def test_pooling_finds_more_at_no_more_false_alarms_than_allowed(scenario) -> None:  # type: ignore[no-untyped-def]
    data = simulate(scenario, series=30, seed=7)
    outbreak = data.outbreak[:, -JUDGED:]
    p_value = p_values(data)
    found = {rule: rates(p_value[rule], outbreak, alpha=0.01) for rule in RULES[:2]}
    assert found["pooled"][0] <= 0.014
    assert found["pooled"][1] >= found["one_day"][1]
