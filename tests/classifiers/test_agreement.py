"""Agreement of answers with labels: every number again in plain Python, resamples one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.agreement import Cells, Estimate, agreement, differences, one_answer, wilson

MEASURES = ("anger", "joy", "hope")


def drawn(seed: int, *, n: int = 50, people: int | None = None) -> Cells:
    rng = np.random.default_rng(seed)
    shape = (n, len(MEASURES))
    p = np.where(rng.random(shape) < 0.9, rng.random(shape), np.nan)
    units = np.arange(n) if people is None else rng.integers(0, people, n)
    return Cells(
        measures=MEASURES, truth=rng.random(shape) < 0.4, said=np.nan_to_num(p) >= 0.5, known=rng.random(shape) < 0.9,
        probability=p, units=units,
    )  # fmt: skip


def found(estimates: list[Estimate]) -> dict[tuple[str, str], Estimate]:
    return {(one.measure, one.metric): one for one in estimates}


def rows_of(cells: Cells, k: int) -> list[tuple[bool, bool, float]]:
    columns = (cells.truth[:, k], cells.said[:, k], cells.probability[:, k], cells.known[:, k])
    return [(bool(t), bool(s), float(p)) for t, s, p, known in zip(*columns, strict=True) if known]


def plain(cells: Cells, k: int) -> dict[str, tuple[float, int]]:
    """Metric → (value, n), cell by cell; NaN where undefined."""
    rows = rows_of(cells, k)
    hit = sum(t and s for t, s, _ in rows)
    said, positive, n = sum(s for _, s, _ in rows), sum(t for t, _, _ in rows), len(rows)
    right_no = sum(not t and not s for t, s, _ in rows)
    scored = [(t, p) for t, _, p in rows if not math.isnan(p)]
    return {
        "precision": (hit / said if said else math.nan, said),
        "recall": (hit / positive if positive else math.nan, positive),
        "f1": (2 * hit / (said + positive) if said + positive else math.nan, n),
        "base_rate": (positive / n if n else math.nan, n),
        "sensitivity": (hit / positive if positive else math.nan, positive),
        "specificity": (right_no / (n - positive) if n > positive else math.nan, n - positive),
        "brier": (sum((p - t) ** 2 for t, p in scored) / len(scored) if scored else math.nan, len(scored)),
        "calibration_error": (plain_ece(scored), len(scored)),
    }


def plain_ece(scored: list[tuple[bool, float]]) -> float:
    """Weighted mean over ten bins of |share of positives − mean probability|."""
    if not scored:
        return math.nan
    total = 0.0
    for i in range(10):
        inside = [(t, p) for t, p in scored if i <= p * 10 < i + 1 or (i == 9 and p >= 1.0)]
        if inside:
            gap = sum(t for t, _ in inside) / len(inside) - sum(p for _, p in inside) / len(inside)
            total += abs(gap) * len(inside) / len(scored)
    return total


def plain_means(cells: Cells) -> tuple[float, float]:
    """Macro- and weighted F1 over the measures with a positive."""
    parts = [(plain(cells, k)["f1"][0], plain(cells, k)["recall"][1]) for k in range(len(MEASURES))]
    parts = [(f1, support) for f1, support in parts if support]
    if not parts:
        return math.nan, math.nan
    weighted = sum(f1 * support for f1, support in parts) / sum(support for _, support in parts)
    return sum(f1 for f1, _ in parts) / len(parts), weighted


@settings(max_examples=80, derandomize=True, deadline=None, database=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 40))
def test_every_number_equals_counting_cell_by_cell(seed: int, n: int) -> None:
    cells = drawn(seed, n=n)
    got = found(agreement(cells, resamples=5))
    for k, measure in enumerate(MEASURES):
        for metric, (value, size) in plain(cells, k).items():
            if math.isnan(value):
                assert (measure, metric) not in got
                continue
            assert got[measure, metric].interval.value == pytest.approx(value), metric
            assert got[measure, metric].n == size
    macro, weighted = plain_means(cells)
    if not math.isnan(macro):
        assert got["all", "macro_f1_at_thresholds"].interval.value == pytest.approx(macro)
        assert got["all", "weighted_f1_at_thresholds"].interval.value == pytest.approx(weighted)


@pytest.mark.parametrize("people", [None, 12])
def test_intervals_equal_resampling_texts_or_people_one_by_one(people: int | None) -> None:
    cells = drawn(4, people=people)
    units = np.unique(cells.units)
    times = np.random.default_rng(3).multinomial(len(units), np.full(len(units), 1 / len(units)), size=60)
    samples = []
    for row in times:
        rows = np.concatenate(
            [np.flatnonzero(cells.units == u) for u, k in zip(units, row, strict=True) for _ in range(k)]
        )
        samples.append(plain(cells.take(rows), 1)["f1"][0])
    got = found(agreement(cells, resamples=60, seed=3))["joy", "f1"].interval
    assert (got.low, got.high) == pytest.approx(tuple(np.quantile(samples, [0.025, 0.975])))


def test_people_with_many_texts_widen_the_interval() -> None:
    cells = drawn(8, n=400)
    person = np.arange(400) // 20
    alike = Cells(**{**vars(cells), "truth": cells.truth[person * 20], "probability": cells.probability[person * 20],
                     "said": cells.said[person * 20], "known": cells.known[person * 20]})  # fmt: skip
    by_person = Cells(**{**vars(alike), "units": person})
    widths = [found(agreement(c, resamples=300))["joy", "f1"].interval for c in (alike, by_person)]
    assert widths[1].high - widths[1].low > 2 * (widths[0].high - widths[0].low)


def test_a_precision_that_no_resample_changes_has_wilsons_interval() -> None:
    truth = np.array([[True]] * 6 + [[False]] * 6)
    cells = Cells(measures=("joy",), truth=truth, said=truth, known=np.ones_like(truth),
                  probability=np.full(truth.shape, np.nan), units=np.arange(12))  # fmt: skip
    got = found(agreement(cells, resamples=200))
    assert got["joy", "precision"].interval == wilson(6, 6)
    assert got["joy", "sensitivity"].interval.low < 0.7
    assert ("joy", "brier") not in got, "no probabilities, no Brier score"


@pytest.mark.parametrize("truth", [True, False])
def test_one_class_only_leaves_out_what_it_does_not_define(truth: bool) -> None:
    cells = drawn(1, n=20)
    single = Cells(**{**vars(cells), "truth": np.full_like(cells.truth, truth)})
    got = found(agreement(single, resamples=20))
    assert (("joy", "sensitivity") in got) is truth
    assert (("joy", "specificity") in got) is not truth
    assert (("all", "macro_f1_at_thresholds") in got) is truth


def test_differences_are_paired_text_by_text() -> None:
    before = drawn(6, n=80)
    after = Cells(**{**vars(before), "said": before.said & (np.arange(80) % 2 == 0)[:, None]})
    change = found(
        differences(agreement(after, resamples=40, seed=2), agreement(before, resamples=40, seed=2))
    )
    times = np.random.default_rng(2).multinomial(80, np.full(80, 1 / 80), size=40)
    gaps = []
    for row in times:
        rows = np.repeat(np.arange(80), row)
        gaps.append(plain(after.take(rows), 0)["f1"][0] - plain(before.take(rows), 0)["f1"][0])
    got = change["anger", "f1"].interval
    assert got.value == pytest.approx(plain(after, 0)["f1"][0] - plain(before, 0)["f1"][0])
    assert (got.low, got.high) == pytest.approx(tuple(np.quantile(gaps, [0.025, 0.975])))
    assert ("anger", "sensitivity") not in change
    nothing = found(differences(agreement(before, resamples=10), agreement(before, resamples=10)))
    assert {(one.interval.value, one.interval.low, one.interval.high) for one in nothing.values()} == {
        (0.0, 0.0, 0.0)
    }


def test_one_answer_per_text_gives_accuracy_and_means_of_f1() -> None:
    truth = np.eye(3, dtype=bool)[[0, 0, 0, 1, 1, 2]]
    said = np.eye(3, dtype=bool)[[0, 0, 1, 1, 0, 2]]
    shape: Any = truth.shape
    cells = Cells(measures=MEASURES, truth=truth, said=said, known=np.ones(shape, dtype=bool),
                  probability=np.full(shape, np.nan), units=np.arange(6))  # fmt: skip
    got = {metric: one.interval.value for (_, metric), one in found(one_answer(cells, resamples=20)).items()}
    f1 = [2 * 2 / (3 + 3), 2 * 1 / (2 + 2), 1.0]
    assert got == pytest.approx(
        {"macro_f1": sum(f1) / 3, "weighted_f1": (3 * f1[0] + 2 * f1[1] + f1[2]) / 6, "accuracy": 4 / 6}
    )
