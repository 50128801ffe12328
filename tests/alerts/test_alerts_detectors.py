"""The detector holds its false-alarm rate, sees planted rises and looks at the past only."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from forecasting.alerts.detectors import daily_frame, judge, weekly_frame
from forecasting.alerts.tails import CountTail, ShareTail

WEEKDAY = np.array([0.0, 0.1, 0.1, 0.05, 0.2, -0.2, -0.3])


def _mean(series: int, *, days: int, level: float, rng: np.random.Generator) -> NDArray[np.float64]:
    t = np.arange(days)
    phase = rng.uniform(0, 365, (series, 1))
    return level + WEEKDAY[t % 7] + 0.3 * np.cos(2 * np.pi * (t + phase) / 365)


def _rate(p_value: NDArray[np.float64]) -> float:
    return float(np.mean(p_value[np.isfinite(p_value)] <= 0.01))


@pytest.mark.parametrize(("level", "dispersion"), [(2.0, 3.0), (4.0, 3.0), (6.0, 2.0)])
def test_overdispersed_daily_counts_alarm_at_the_nominal_rate(level: float, dispersion: float) -> None:
    rng = np.random.default_rng(1)
    mean = np.exp(_mean(40, days=300, level=level, rng=rng))
    counts = rng.negative_binomial(mean / (dispersion - 1), 1 / dispersion).astype(float)
    judged = judge(counts, trials=None, frame=daily_frame(84), alpha=0.01)
    assert 0.004 <= _rate(judged.p_value) <= 0.015


@pytest.mark.parametrize("level", [-4.6, -3.0, -0.8])
def test_shares_of_samples_that_vary_a_hundredfold_alarm_at_the_nominal_rate(level: float) -> None:
    rng = np.random.default_rng(2)
    n = np.exp(rng.uniform(np.log(50), np.log(5000), (30, 220))).round()
    share = 1 / (1 + np.exp(-_mean(30, days=220, level=level, rng=rng)))
    share = rng.beta(share * 200, (1 - share) * 200)
    values = rng.binomial(n.astype(int), share) / n
    judged = judge(values, trials=n, frame=daily_frame(84), alpha=0.01)
    assert 0.004 <= _rate(judged.p_value) <= 0.015


def test_a_planted_rise_of_four_standard_deviations_is_found() -> None:
    rng = np.random.default_rng(3)
    counts = rng.poisson(50.0, (40, 150)).astype(float)
    counts[:, -1] += 28
    judged = judge(counts, trials=None, frame=daily_frame(84), alpha=0.01, first=149)
    assert (judged.p_value[:, -1] <= 0.01).mean() >= 0.7


def test_a_verdict_does_not_change_when_the_future_does() -> None:
    rng = np.random.default_rng(4)
    counts = rng.poisson(20.0, (3, 120)).astype(float)
    full = judge(counts, trials=None, frame=daily_frame(84), alpha=0.01)
    cut = judge(counts[:, :90], trials=None, frame=daily_frame(84), alpha=0.01)
    np.testing.assert_allclose(full.p_value[:, :90], cut.p_value, rtol=1e-9)


def test_nothing_is_judged_before_there_is_a_baseline_and_gaps_stay_gaps() -> None:
    counts = np.random.default_rng(5).poisson(20.0, (1, 80)).astype(float)
    counts[0, 60] = np.nan
    judged = judge(counts, trials=None, frame=daily_frame(84), alpha=0.01)
    assert np.isnan(judged.p_value[0, :35]).all()
    assert np.isfinite(judged.p_value[0, 35])
    assert np.isnan(judged.p_value[0, 60])


@pytest.mark.parametrize("shares", [False, True])
def test_p_value_and_threshold_say_the_same(shares: bool) -> None:
    rng = np.random.default_rng(6)
    n = rng.integers(50, 5000, (10, 150)).astype(float)
    counts = rng.poisson(12.0, (10, 150)).astype(float)
    values, trials = (rng.binomial(n.astype(int), 0.02) / n, n) if shares else (counts, None)
    judged = judge(values, trials=trials, frame=daily_frame(84), alpha=0.05)
    known = np.isfinite(judged.p_value)
    assert ((judged.p_value <= 0.05) == (values > judged.threshold))[known].all()


def test_a_past_anomaly_barely_moves_the_baseline() -> None:
    counts = np.random.default_rng(7).poisson(50.0, (1, 120)).astype(float)
    hit = counts.copy()
    hit[0, 90:93] = 300.0
    frame = daily_frame(84)
    calm = judge(counts, trials=None, frame=frame, alpha=0.01, first=119).expected[0, -1]
    after = judge(hit, trials=None, frame=frame, alpha=0.01, first=119).expected[0, -1]
    assert after < calm * 1.05


def test_a_series_of_zeros_is_judged_without_an_alarm() -> None:
    judged = judge(np.zeros((1, 100)), trials=None, frame=daily_frame(84), alpha=0.01)
    assert (judged.p_value[0, 40:] > 0.5).all()


def test_weekly_series_with_years_of_history_use_the_season() -> None:
    rng = np.random.default_rng(8)
    t = np.arange(300)
    mean = np.exp(3 + np.cos(2 * np.pi * t / 52.18))
    counts = rng.negative_binomial(np.broadcast_to(mean, (12, 300)), 0.5).astype(float)
    judged = judge(counts, trials=None, frame=weekly_frame(84), alpha=0.01, first=160)
    assert 0.001 <= _rate(judged.p_value) <= 0.015
    assert np.nanmean(np.abs(np.log(judged.expected / mean))) < 0.12


def test_count_tail_equals_the_negative_binomial() -> None:
    mean, size = np.array([0.3, 12.0, 80.0]), np.array([1.5, 4.0, 900.0])
    counts = np.array([2.0, 30.0, 101.0])
    at_least, above = CountTail(mean=mean, size=size).above(counts)
    reference = stats.nbinom(size, size / (size + mean))
    np.testing.assert_allclose(at_least, reference.sf(counts - 1))
    np.testing.assert_allclose(above, reference.sf(counts))


def test_share_tail_of_few_events_equals_the_beta_binomial() -> None:
    mean, n, rho = np.array([0.005, 0.05, 0.01]), np.array([50, 100, 2000]), np.array([0.01, 0.001, 0.0001])
    tail = ShareTail(mean=mean, unit=(1 + (n - 1) * rho) / n, trials=n.astype(float))
    counts = np.array([2, 12, 30])
    total = 1 / rho - 1
    expected = stats.betabinom.sf(counts - 1, n, mean * total, (1 - mean) * total)
    np.testing.assert_allclose(tail.above(counts / n)[0], expected, rtol=1e-6)
