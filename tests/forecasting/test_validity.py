"""Signals against surveys: every figure again in plain Python; simulations of what intervals and p-values promise."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import spearmanr

from forecasting.validity import Pair, Spec, assess
from forecasting.validity.agreement import block_length, correlation, effective_size, resampled
from forecasting.validity.scan import Chance, scan
from warehouse.errors import InputError

Numbers = NDArray[np.float64]
DRAWN = settings(derandomize=True, deadline=None, max_examples=40)
START = dt.date(2020, 1, 5)
QUICK = Spec(resamples=200)


def series(n: int, *, phi: float, rng: np.random.Generator) -> Numbers:
    return np.asarray(lfilter([1.0], [1.0, -phi], rng.standard_normal(n + 200))[200:])


def related(n: int, *, phi: float, rho: float, rng: np.random.Generator) -> tuple[Numbers, Numbers]:
    """Two AR(1) series whose true correlation is rho."""
    noise = rng.standard_normal((2, n + 200))
    noise[1] = rho * noise[0] + math.sqrt(1 - rho**2) * noise[1]
    both = lfilter([1.0], [1.0, -phi], noise, axis=1)[:, 200:]
    return both[0], both[1]


def pair_of(survey: Numbers, signal: Numbers, *, reach: int = 0, variance: float = math.nan) -> Pair:
    days = [START + dt.timedelta(days=7 * k) for k in range(survey.size)]
    return Pair(
        days=days, survey=survey, variance=np.full(survey.size, variance), signal=signal, reach=reach,
        time_type="week",
    )  # fmt: skip


def world(n: int = 60, *, reach: int = 3, lead: int = 0, seed: int = 1, noise: float = 0.5) -> Pair:
    """A survey that repeats the signal `lead` periods later, with noise."""
    rng = np.random.default_rng(seed)
    signal = series(n + 2 * reach, phi=0.5, rng=rng)
    survey = signal[reach - lead : reach - lead + n] + noise * rng.standard_normal(n)
    return pair_of(0.3 + 0.02 * survey, signal, reach=reach, variance=(0.02 * noise) ** 2)


def figure(rows: pl.DataFrame, statistic: str, part: str = "all", of: str = "level") -> dict[str, Any]:
    return rows.filter(statistic=statistic, part=part, of=of).row(0, named=True)


def plain_r(x: Any, y: Any) -> float:
    """Pearson's r by the book."""
    n = len(x)
    mx, my = sum(x) / n, sum(y) / n
    top = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    return top / math.sqrt(sum((a - mx) ** 2 for a in x) * sum((b - my) ** 2 for b in y))


def there(*arrays: Numbers) -> list[Numbers]:
    both = np.all([np.isfinite(x) for x in arrays], axis=0)
    return [x[both] for x in arrays]


holes = st.lists(st.integers(0, 39), max_size=12)


# ------------------------------------------------------------------------------------------- correlation


@DRAWN
@given(st.integers(0, 10_000), holes, holes)
def test_both_correlations_are_the_textbooks_over_the_pairs_that_are_there(
    seed: int, in_x: list[int], in_y: list[int]
) -> None:
    x, y = related(40, phi=0.4, rho=0.5, rng=np.random.default_rng(seed))
    y = np.round(y)  # ties
    x[in_x], y[in_y] = np.nan, np.nan
    px, py = there(x, y)
    found = correlation(x, y, resamples=20)
    ranked = correlation(x, y, ranks=True, resamples=20)
    assert found is not None
    assert ranked is not None
    assert found.value == pytest.approx(plain_r(px, py))
    assert ranked.value == pytest.approx(spearmanr(px, py).statistic)
    assert found.n == ranked.n == px.size
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= found.value <= found.high <= 1


@DRAWN
@given(st.integers(0, 10_000), st.floats(0.1, 50), st.floats(-5, 5))
def test_units_do_not_matter_and_a_turned_signal_turns_the_sign(
    seed: int, scale: float, shift: float
) -> None:
    x, y = related(30, phi=0.5, rho=0.4, rng=np.random.default_rng(seed))
    plain, scaled, turned = (correlation(z, y, resamples=50) for z in (x, scale * x + shift, -x))
    assert plain is not None
    assert scaled is not None
    assert turned is not None
    assert (scaled.value, scaled.low) == pytest.approx((plain.value, plain.low), abs=1e-6)
    assert (turned.value, turned.low) == pytest.approx((-plain.value, -(plain.high or 0)), abs=1e-6)


def test_a_constant_or_too_few_pairs_have_no_correlation() -> None:
    x = np.arange(20.0)
    assert correlation(x, np.full(20, 0.1 + 0.2)) is None
    assert correlation(x[:3], x[:3]) is None
    assert correlation(x, np.where(x < 3, x, np.nan)) is None


@DRAWN
@given(st.integers(4, 60), st.integers(1, 9), st.integers(0, 99))
def test_resamples_are_runs_of_neighbours_around_a_circle(n: int, block: int, seed: int) -> None:
    drawn = resampled(n, block=block, count=5, seed=seed)
    assert drawn.shape == (5, n)
    for row in drawn.tolist():
        assert all(0 <= k < n for k in row)
        for k in range(1, n):
            assert k % block == 0 or row[k] == (row[k - 1] + 1) % n


def slow_effective(x: Numbers, y: Numbers) -> float:
    n = len(x)

    def rho(z: Numbers, k: int) -> float:
        m = sum(z) / n
        return float(sum((z[t] - m) * (z[t + k] - m) for t in range(n - k)) / sum((v - m) ** 2 for v in z))

    total = 1 + 2 * sum((1 - k / n) * rho(x, k) * rho(y, k) for k in range(1, n // 5 + 1))
    return n if total <= 1 else max(n / total, 3.0)


@pytest.mark.parametrize("phi", [-0.5, 0.0, 0.7, 0.95])
def test_the_effective_size_is_the_formulas(phi: float) -> None:
    x, y = related(50, phi=phi, rho=0.3, rng=np.random.default_rng(4))
    assert effective_size(x, y) == pytest.approx(slow_effective(x, y))


def test_the_effective_size_is_about_what_theory_says_of_long_series() -> None:
    x, y = related(20_000, phi=0.7, rho=0.0, rng=np.random.default_rng(2))
    assert effective_size(x[:4000], y[:4000]) == pytest.approx(4000 * (1 - 0.49) / (1 + 0.49), rel=0.2)


def test_blocks_are_longer_where_the_series_remember_longer() -> None:
    rng = np.random.default_rng(3)
    lengths = [
        block_length(series(400, phi=phi, rng=rng), series(400, phi=phi, rng=rng)) for phi in (0, 0.6, 0.95)
    ]
    assert lengths == sorted(lengths)
    assert lengths[0] <= 4 < 10 < lengths[2] <= 400 // 3


@pytest.mark.parametrize(("phi", "rho"), [(0.0, 0.0), (0.5, 0.6), (0.8, 0.0), (0.8, 0.6)])
def test_intervals_cover_the_true_correlation_of_a_year_of_weeks(phi: float, rho: float) -> None:
    rng, repeats, held, naive = np.random.default_rng(17), 150, 0, 0
    for seed in range(repeats):
        x, y = related(52, phi=phi, rho=rho, rng=rng)
        found = correlation(x, y, resamples=150, seed=seed)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= rho <= found.high
        naive += abs(math.atanh(found.value) - math.atanh(rho)) <= 1.96 / math.sqrt(52 - 3)
    assert held / repeats >= 0.9
    if phi == 0.8:
        assert naive / repeats < 0.85  # the test has something to catch


# ------------------------------------------------------------------------------------------- lags


@DRAWN
@given(st.integers(0, 10_000), holes, holes)
def test_every_lag_is_correlated_as_a_loop_would(
    seed: int, in_survey: list[int], in_signal: list[int]
) -> None:
    rng, reach = np.random.default_rng(seed), 4
    survey, signal = series(40, phi=0.5, rng=rng), series(48, phi=0.5, rng=rng)
    survey[in_survey], signal[in_signal] = np.nan, np.nan
    found = scan(survey, signal, lags=range(-4, 5), reach=reach, minimum=5, chance=Chance(surrogates=9))
    assert found is not None
    slow = {}
    for lag in range(-4, 5):
        pairs = [(survey[t], signal[reach + t - lag]) for t in range(40)]
        known = [(a, b) for a, b in pairs if math.isfinite(a) and math.isfinite(b)]
        slow[lag] = plain_r(*zip(*known, strict=True))
        assert int(found.n[lag + 4]) == len(known)
    assert found.r == pytest.approx(np.array(list(slow.values())))
    assert found.best_lag == max(slow, key=lambda lag: abs(slow[lag]))


@pytest.mark.parametrize("lead", [-3, 0, 2])
def test_a_planted_lead_is_found_and_is_no_chance(lead: int) -> None:
    pair = world(lead=lead)
    found = scan(pair.survey, pair.signal, lags=range(-3, 4), reach=3, minimum=10)
    assert found is not None
    assert found.best_lag == lead
    assert found.p_value <= 0.01


@pytest.mark.parametrize(("phi", "noise"), [(0.0, 0.0), (0.8, 0.0), (0.8, 1.0)])
def test_the_best_of_nine_lags_is_seldom_called_significant_by_chance(phi: float, noise: float) -> None:
    rng, repeats, wrong, naive = np.random.default_rng(23), 200, 0, 0
    for seed in range(repeats):
        signal, survey = series(60, phi=phi, rng=rng), series(52, phi=phi, rng=rng)
        survey = survey + noise * survey.std() * rng.standard_normal(52)
        chance = Chance(surrogates=99, seed=seed)
        found = scan(survey, signal, lags=range(-4, 5), reach=4, minimum=10, chance=chance)
        assert found is not None
        wrong += found.p_value <= 0.05
        naive += abs(found.best_r) > 0.273  # p < .05 of one lag of 52 independent pairs
    assert wrong / repeats <= 0.09
    assert naive / repeats > 0.25  # what the p-value protects from


# ------------------------------------------------------------------------------------------- all figures


def test_levels_changes_and_parts_are_those_of_the_slices() -> None:
    pair = world()
    rows = assess(pair, spec=QUICK).rows
    survey, signal = pair.survey, pair.at(0)
    assert figure(rows, "pearson")["value"] == pytest.approx(plain_r(survey, signal))
    assert figure(rows, "pearson", of="change")["value"] == pytest.approx(
        plain_r(np.diff(survey), np.diff(signal))
    )
    assert figure(rows, "pearson", "first")["value"] == pytest.approx(plain_r(survey[:30], signal[:30]))
    second = figure(rows, "pearson", "second")
    assert second["value"] == pytest.approx(plain_r(survey[30:], signal[30:]))
    assert (second["n"], second["first_day"], second["last_day"]) == (30, pair.days[30], pair.days[-1])


def test_rivals_are_the_last_value_and_a_line_and_what_is_left_beyond_them() -> None:
    pair = world()
    rows = assess(pair, spec=QUICK).rows
    survey, signal, time = pair.survey, pair.at(0), np.arange(60.0)
    assert figure(rows, "last_value")["value"] == pytest.approx(plain_r(survey[1:], survey[:-1]))
    assert figure(rows, "trend")["value"] == pytest.approx(plain_r(survey, time))
    assert figure(rows, "trend")["low"] is None
    for name, y, x, z in (
        ("last_value", survey[1:], signal[1:], survey[:-1]),
        ("trend", survey, signal, time),
    ):
        yx, yz, xz = plain_r(y, x), plain_r(y, z), plain_r(x, z)
        partial = (yx - yz * xz) / math.sqrt((1 - yz**2) * (1 - xz**2))
        assert figure(rows, f"pearson_beyond_{name}")["value"] == pytest.approx(partial)


def test_errors_in_the_second_part_are_those_of_lines_fitted_on_the_first() -> None:
    pair = world()
    rows = assess(pair, spec=QUICK).rows
    survey, signal, time = pair.survey, pair.at(0), np.arange(60.0)
    own = np.abs(np.polyval(np.polyfit(signal[:30], survey[:30], 1), signal[30:]) - survey[30:]).mean()
    rivals = {
        "first_mean": np.abs(survey[:30].mean() - survey[30:]).mean(),
        "last_value": np.abs(survey[29:-1] - survey[30:]).mean(),
        "trend": np.abs(np.polyval(np.polyfit(time[:30], survey[:30], 1), time[30:]) - survey[30:]).mean(),
    }
    for name, error in rivals.items():
        found = figure(rows, f"error_against_{name}", "second")
        assert found["value"] == pytest.approx(own / error)
        assert found["low"] < found["value"] < found["high"]


def test_the_second_part_decides_nothing() -> None:
    pair = world()
    other = replace(
        pair, survey=np.concatenate([pair.survey[:30], pair.survey[30:][::-1]]),
        signal=np.concatenate([pair.signal[:33], -pair.signal[33:]]),
    )  # fmt: skip
    first, again = (assess(p, spec=QUICK).rows.filter(part="first") for p in (pair, other))
    assert first.equals(again)
    assert figure(first, "chosen_lag", "first")["lag"] >= 0


def test_the_lag_is_chosen_among_leads_and_judged_in_the_second_part() -> None:
    pair = world(lead=2, noise=0.3)
    rows = assess(pair, spec=QUICK).rows
    assert figure(rows, "chosen_lag", "first")["lag"] == 2
    judged = figure(rows, "pearson_at_chosen_lag", "second")
    assert judged["value"] == pytest.approx(plain_r(pair.survey[30:], pair.at(2)[30:]))
    behind = assess(world(lead=-2, noise=0.3), spec=QUICK).rows
    assert figure(behind, "strongest_lag")["lag"] == -2
    assert figure(behind, "chosen_lag", "first")["lag"] >= 0


def test_a_signal_without_error_reaches_the_ceiling() -> None:
    rng, error = np.random.default_rng(5), 0.01
    truth = 0.3 + 0.02 * rng.standard_normal(2000)
    survey = truth + error * rng.standard_normal(2000)
    rows = assess(pair_of(survey, truth, variance=error**2), spec=replace(QUICK, resamples=50)).rows
    ceiling = figure(rows, "noise_ceiling")
    assert ceiling["value"] == pytest.approx(math.sqrt(0.02**2 / (0.02**2 + error**2)), abs=0.02)
    assert ceiling["low"] <= ceiling["value"] <= ceiling["high"]
    assert figure(rows, "pearson")["value"] == pytest.approx(ceiling["value"], abs=0.02)
    assert figure(rows, "pearson_corrected")["value"] == pytest.approx(1.0, abs=0.03)
    # A change carries the errors of two periods.
    by_hand = math.sqrt(1 - 2 * error**2 / np.diff(survey).var(ddof=1))
    assert figure(rows, "noise_ceiling", of="change")["value"] == pytest.approx(by_hand)


def test_without_sample_sizes_there_is_no_ceiling_and_a_note_says_so() -> None:
    found = assess(replace(world(), variance=np.full(60, np.nan)), spec=QUICK)
    assert found.rows.filter(pl.col("statistic").is_in(["noise_ceiling", "pearson_corrected"])).is_empty()
    assert any("noise ceiling" in note for note in found.notes)


def test_a_gap_stays_a_gap_and_takes_two_changes_with_it() -> None:
    pair = world()
    survey = pair.survey.copy()
    survey[20] = np.nan
    rows = assess(replace(pair, survey=survey), spec=QUICK).rows
    assert figure(rows, "pearson")["n"] == 59
    assert figure(rows, "pearson", of="change")["n"] == 59 - 2


def test_a_split_may_be_named() -> None:
    pair = world()
    rows = assess(pair, spec=replace(QUICK, split=pair.days[45])).rows
    assert figure(rows, "pearson", "first")["n"] == 45
    assert figure(rows, "pearson", "second")["first_day"] == pair.days[45]
    with pytest.raises(InputError, match="leaves one part empty"):
        assess(pair, spec=replace(QUICK, split=pair.days[0]))


def test_what_cannot_be_computed_has_no_row() -> None:
    pair = world()
    short = assess(replace(pair, survey=np.where(np.arange(60) < 45, pair.survey, np.nan)), spec=QUICK)
    assert short.rows.filter(part="second", statistic="pearson", of="level")["n"].to_list() == [15]
    tiny = assess(replace(pair, survey=np.where(np.arange(60) < 35, pair.survey, np.nan)), spec=QUICK)
    assert tiny.rows.filter(part="second", statistic="pearson").is_empty()
    assert any("second part" in note for note in tiny.notes)
    flat = assess(replace(pair, signal=np.full(66, 0.2)), spec=QUICK)
    assert flat.rows.filter(statistic="pearson").is_empty()
    assert flat.rows["value"].is_finite().all()
    with pytest.raises(InputError, match="9 periods in common; at least 10"):
        assess(replace(pair, survey=np.where(np.arange(60) < 9, pair.survey, np.nan)), spec=QUICK)


def test_the_same_seed_gives_the_same_rows() -> None:
    first, again, other = (assess(world(), spec=Spec(resamples=100, seed=seed)).rows for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)
