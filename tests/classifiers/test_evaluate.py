"""Metrics against two-line versions of themselves."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.calibrate import (
    GRID,
    balanced_weights,
    best_threshold,
    calibrated,
    error_rates,
    fit_platt,
    fit_weight,
)
from classifiers.evaluate import (
    Judged,
    bootstrap_f1,
    expected_calibration_error,
    f1_per_measure,
    macro_f1,
    one_of,
)


def drawn(seed: int, *, n: int = 60, measures: int = 4) -> Judged:
    rng = np.random.default_rng(seed)
    truth, said, known = (rng.random((n, measures)) < p for p in (0.3, 0.35, 0.8))
    return Judged(truth=truth, said=said, known=known)


def brute_f1(judged: Judged, k: int) -> float:
    cells = zip(judged.truth[:, k], judged.said[:, k], judged.known[:, k], strict=True)
    pairs = [(t, s) for t, s, known in cells if known]
    hits, wrong = sum(t and s for t, s in pairs), sum(t != s for t, s in pairs)
    return 2 * hits / (2 * hits + wrong) if hits + wrong else math.nan


@given(st.integers(0, 10_000), st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_f1_equals_counting_cell_by_cell(seed: int, n: int) -> None:
    judged = drawn(seed, n=n)
    np.testing.assert_allclose(f1_per_measure(judged), [brute_f1(judged, k) for k in range(4)])


@given(st.integers(0, 10_000), st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_macro_f1_is_the_mean_over_measures_that_occur(seed: int, n: int) -> None:
    judged = drawn(seed, n=n)
    occurring = [k for k in range(4) if (judged.truth & judged.known)[:, k].any()]
    expected = np.mean([brute_f1(judged, k) for k in occurring]) if occurring else math.nan
    np.testing.assert_allclose(macro_f1(judged), expected)


def test_unknown_cells_change_nothing() -> None:
    judged = drawn(3)
    flipped = Judged(judged.truth, np.where(judged.known, judged.said, ~judged.said), judged.known)
    assert macro_f1(judged) == macro_f1(flipped)


def test_bootstrap_equals_resampling_rows_one_by_one() -> None:
    judged = drawn(5)
    per_measure, macro = bootstrap_f1(judged, resamples=50, seed=9)
    weights = np.random.default_rng(9).multinomial(60, np.full(60, 1 / 60), size=50)
    rows = [np.repeat(np.arange(60), w) for w in weights]
    values = [macro_f1(Judged(judged.truth[r], judged.said[r], judged.known[r])) for r in rows]
    assert [macro.low, macro.high] == pytest.approx(np.quantile(values, [0.025, 0.975]))
    assert all(i.low <= i.value <= i.high for i in [*per_measure, macro])


def test_one_of_says_exactly_the_most_probable_column() -> None:
    truth = np.array([[1, 0, 0], [0, 1, 0]])
    judged = one_of(truth, np.array([[0.4, 0.5, 0.1], [0.2, 0.3, 0.1]]))
    assert judged.said.tolist() == [[False, True, False], [False, True, False]]


@given(st.integers(0, 10_000), st.integers(1, 80))
@settings(max_examples=50, deadline=None)
def test_calibration_error_equals_binning_by_hand(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    p, y = rng.random(n), rng.random(n) < 0.4
    bins = [np.minimum((p * 10).astype(int), 9) == b for b in range(10)]
    expected = sum(b.mean() * abs(p[b].mean() - y[b].mean()) for b in bins if b.any())
    assert expected_calibration_error(p, y) == pytest.approx(expected)


def test_calibration_error_of_nothing_is_not_a_number() -> None:
    assert math.isnan(expected_calibration_error(np.zeros(0), np.zeros(0)))


def test_platt_recovers_the_line_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20_000)
    targets = (rng.random(20_000) < 1 / (1 + np.exp(-(0.6 * logits - 0.5)))).astype(float)
    fit = fit_platt(logits, targets)
    assert fit.slope == pytest.approx(0.6, abs=0.03)
    assert fit.offset == pytest.approx(-0.5, abs=0.06)


def test_platt_stays_finite_on_separable_data() -> None:
    fit = fit_platt(np.array([-3.0, -2.0, 2.0, 3.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    assert math.isfinite(fit.slope)
    assert fit.slope > 0


def test_platt_refuses_a_single_class() -> None:
    with pytest.raises(ValueError, match="both classes"):
        fit_platt(np.zeros(3), np.zeros(3))


def test_a_second_model_counts_as_much_as_it_adds() -> None:
    rng = np.random.default_rng(4)
    truth = (rng.random(4_000) < 0.4).astype(float)
    first = truth * 2 - 1 + rng.normal(size=4_000)
    second = truth * 2 - 1 + rng.normal(size=4_000)
    assert fit_weight(first, second, truth) == pytest.approx(1.0, abs=0.15)
    assert fit_weight(first, 2 * second, truth) == pytest.approx(0.5, abs=0.1)
    assert fit_weight(first, rng.normal(size=4_000), truth) < 0.1
    assert fit_weight(first, -second, truth) == 0.0
    assert fit_weight(first, second, np.ones(4_000)) == 0.0


def test_best_threshold_beats_every_other_of_the_grid() -> None:
    rng = np.random.default_rng(2)
    p, y = rng.random(200), (rng.random(200) < 0.3).astype(float)
    p[y > 0] = np.sqrt(p[y > 0])

    def f1(t: float) -> float:
        return float(
            f1_per_measure(Judged(y[:, None] > 0, (p >= t)[:, None], np.ones((200, 1), dtype=bool)))[0]
        )

    assert f1(best_threshold(p, y, weights=np.ones(200))) == pytest.approx(max(f1(t) for t in GRID))


def test_error_rates_count_both_classes() -> None:
    rates = error_rates(np.array([0.9, 0.2, 0.5, 0.1]), np.array([1.0, 1.0, 0.0, 0.0]), threshold=0.5)
    assert (rates.tpr, rates.fpr, rates.n_pos, rates.n_neg) == (0.5, 0.5, 2, 2)


def test_calibrated_is_a_probability_even_for_huge_logits() -> None:
    p = calibrated(np.array([[-1e6, 1e6]]), slopes=np.ones(2), offsets=np.zeros(2))
    assert p.dtype == np.float32
    assert ((p >= 0) & (p <= 1)).all()


def test_weights_of_a_data_set_sum_to_the_root_of_its_size() -> None:
    weights = balanced_weights(np.array(["a"] * 16 + ["b"] * 4))
    assert weights[:16].sum() == pytest.approx(4)
    assert weights[16:].sum() == pytest.approx(2)
