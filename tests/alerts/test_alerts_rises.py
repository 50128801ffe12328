"""Slow rises: found while they last, not called where there is none, and never told from an unseen season."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.alerts.regression import Floats
from forecasting.alerts.rises import CAP, DAILY, REFERENCE, WEEKLY, rises, run_sums


def _counts(series: int, *, days: int = 500, seed: int = 0, rise: float = 0.0) -> Floats:
    """Counts near 200 with weekdays and a season; over the last 28 days they rise to `rise` SDs above."""
    rng = np.random.default_rng(seed)
    t = np.arange(days)
    week = rng.normal(0, 0.15, (series, 7))[:, t % 7]
    season = 0.2 * np.cos(2 * np.pi * (t + rng.uniform(0, 365, (series, 1))) / 365)
    mean = 200 * np.exp(week + season)
    slope = np.zeros(days)
    slope[-28:] = np.linspace(0, 1, 28)
    mean = mean + rise * slope * np.sqrt(3 * mean)
    return rng.negative_binomial(mean / 2, 1 / 3).astype(np.float64)


def test_calm_series_rarely_have_an_unlikely_run() -> None:
    p_value = rises(_counts(200), trials=None, frame=DAILY).p_value
    assert (p_value <= 0.01).mean() <= 0.025
    assert (p_value <= 0.2).mean() == pytest.approx(0.2, abs=0.08)


def test_a_slow_rise_is_found_with_since_when_and_how_much() -> None:
    values = _counts(60, rise=2.5, seed=1)
    found = rises(values, trials=None, frame=DAILY)
    assert (found.p_value <= 0.01).mean() >= 0.85
    assert (found.observed > found.expected).mean() >= 0.95
    assert 7 <= np.median(found.periods) <= 28


def test_a_single_high_day_is_no_slow_rise() -> None:
    values = _counts(40, seed=2)
    values[:, -1] *= 5
    assert (rises(values, trials=None, frame=DAILY).p_value <= 0.01).mean() <= 0.05


def test_a_rise_that_is_over_does_not_count() -> None:
    scores = np.zeros((1, 28))
    scores[0, 5:20], scores[0, 20:] = 2.0, -1.0
    assert run_sums(scores)[0][0] == 0.0
    assert run_sums(scores[:, :20])[0][0] == pytest.approx(15 * (CAP - REFERENCE))


@pytest.mark.parametrize(("frame", "days"), [(DAILY, 300), (WEEKLY, 100)])
def test_without_a_season_that_was_seen_nothing_is_said(frame: object, days: int) -> None:
    found = rises(_counts(3, days=days), trials=None, frame=frame)  # type: ignore[arg-type]
    assert np.isnan(found.p_value).all()


def test_shares_and_weeks_are_judged_too() -> None:
    rng = np.random.default_rng(3)
    people = np.full((20, 200), 800.0)
    share = np.full((20, 200), 0.1)
    share[:10, -8:] = 0.125
    values = rng.binomial(800, share) / 800
    p_value = rises(values, trials=people, frame=WEEKLY).p_value
    assert (p_value[:10] <= 0.01).all()
    assert (p_value[10:] <= 0.01).sum() <= 1


def test_gaps_are_allowed_and_the_same_input_gives_the_same_numbers() -> None:
    values = _counts(5, rise=3.0, seed=4)
    values[:, ::9] = np.nan
    first, again = (rises(values, trials=None, frame=DAILY) for _ in range(2))
    assert np.array_equal(first.p_value, again.p_value)
    assert (first.p_value <= 0.01).all()


def test_a_series_is_judged_the_same_alone_and_among_others() -> None:
    values = _counts(8, rise=1.5, seed=5)
    together = rises(values, trials=None, frame=DAILY).p_value
    alone = [rises(row[None], trials=None, frame=DAILY).p_value[0] for row in values]
    assert together == pytest.approx(alone, rel=1e-6)


@given(st.lists(st.one_of(st.none(), st.floats(-4, 4)), min_size=4, max_size=28))
@settings(max_examples=100, deadline=None)
def test_the_sum_is_the_largest_of_all_runs_that_end_today(drawn: list[float | None]) -> None:
    scores = np.array([[np.nan if x is None else x for x in drawn]])
    steps = [0.0 if x is None else min(x, CAP) - REFERENCE for x in drawn]
    slow = max(sum(steps[-k:]) for k in range(1, len(steps) + 1))
    expected = max(slow, 0.0) if sum(steps[-3:]) >= 0 else 0.0
    assert run_sums(scores)[0][0] == pytest.approx(expected, abs=1e-9)
