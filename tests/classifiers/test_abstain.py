"""Leaving out the least sure answers: margins, curves and areas again in plain Python; ties stay together."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.abstain import COVERAGES, abstained, achieved, aurc, margin, risk_coverage
from warehouse.errors import InputError, UsageError


@dataclass
class Sure:
    """A scorer of which only the description matters."""

    thresholds: dict[str, dict[str, float]] = field(
        default_factory=lambda: {"en": {"joy": 0.3, "anger": 0.5}}
    )
    name: str = "sure"
    version: str = "v1"
    measures: tuple[str, ...] = ("joy", "anger", "valence")
    languages: tuple[str, ...] = ("en", "es")
    scale: str = "probability"

    def score(self, posts: pl.DataFrame) -> pl.DataFrame:
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        return {"scale": self.scale, "thresholds": self.thresholds}


def scores_of(joy: list[float | None], **more: list[float | None]) -> pl.DataFrame:
    columns = {"sure_joy": joy} | {f"sure_{name}": values for name, values in more.items()}
    return pl.DataFrame(
        {"row": range(len(joy))} | columns, schema_overrides=dict.fromkeys(columns, pl.Float32)
    )


def test_the_margin_is_a_distance_on_the_logit_scale() -> None:
    logit = lambda p: math.log(p / (1 - p))  # noqa: E731
    got = margin(np.array([0.2, 0.3, 0.9]), 0.3)
    assert got.tolist() == pytest.approx([abs(logit(p) - logit(0.3)) for p in (0.2, 0.3, 0.9)])
    assert np.isfinite(margin(np.array([0.0, 1.0]), 0.5)).all()
    assert np.isnan(margin(np.array([np.nan]), 0.5)).all()


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(data=st.data(), n=st.integers(1, 6))
def test_the_area_is_the_mean_over_all_orders_of_equally_sure_answers(data: st.DataObject, n: int) -> None:
    sure = data.draw(st.lists(st.sampled_from([0.1, 0.5, 2.0]), min_size=n, max_size=n))
    wrong = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    areas = []
    for order in itertools.permutations(range(n)):
        if all(sure[a] >= sure[b] for a, b in itertools.pairwise(order)):
            risks = [sum(wrong[i] for i in order[:k]) / k for k in range(1, n + 1)]
            areas.append(sum(risks) / n)
    assert aurc(np.array(sure), wrong=np.array(wrong)) == pytest.approx(sum(areas) / len(areas))


def test_the_curve_equals_sorting_and_cutting() -> None:
    rng = np.random.default_rng(2)
    p, truth = rng.random(200), rng.random(200) < 0.4
    curve, _ = risk_coverage(p, truth, thresholds=0.4)
    order = sorted(range(200), key=lambda i: -abs(math.log(p[i] / (1 - p[i])) - math.log(0.4 / 0.6)))
    for row, coverage in zip(curve.iter_rows(named=True), COVERAGES, strict=True):
        kept = order[: round(200 * coverage)]
        pairs = [(bool(truth[i]), bool(p[i] >= 0.4)) for i in kept]
        hit, wrong = pairs.count((True, True)), sum(t != s for t, s in pairs)
        assert row["n"] == len(kept)
        assert row["achieved"] == pytest.approx(coverage)
        assert row["f1"] == pytest.approx(2 * hit / (2 * hit + wrong))
        assert row["accuracy"] == pytest.approx(1 - wrong / len(kept))


def test_a_calibrated_scorer_is_more_often_right_where_it_is_surer() -> None:
    rng = np.random.default_rng(3)
    p = rng.random(4_000)
    curve, area = risk_coverage(p, rng.random(4_000) < p, thresholds=0.5)
    assert curve["accuracy"].is_sorted()
    assert area < 1 - curve["accuracy"][0]


def test_a_curve_of_nothing_or_without_positives_has_no_f1() -> None:
    empty, area = risk_coverage(np.zeros(0), np.zeros(0), thresholds=0.5)
    assert empty.is_empty()
    assert math.isnan(area)
    curve, _ = risk_coverage(np.full(10, 0.1), np.zeros(10), thresholds=0.5)
    assert curve["f1"].null_count() == len(COVERAGES)
    assert curve["accuracy"].to_list() == [1.0] * len(COVERAGES)


def test_the_least_sure_cells_of_each_measure_become_null_and_nothing_else_changes() -> None:
    before = scores_of([0.05, 0.29, 0.31, 0.9, None], anger=[0.5, 0.1, 0.95, 0.45, 0.2], valence=[0.5] * 5)
    after = abstained(before, scorer=Sure(), coverage=0.5)
    assert after["sure_joy"].is_null().to_list() == [False, True, True, False, True]
    assert after["sure_anger"].is_null().to_list() == [True, False, False, True, False]
    assert after.select("row", "sure_valence").equals(before.select("row", "sure_valence"))
    assert after.schema == before.schema
    told = achieved(before, after, scorer=Sure())
    assert told.rows() == [("joy", 4, 2, 0.5), ("anger", 5, 3, 0.6)]
    assert abstained(before, scorer=Sure(), coverage=1.0).equals(before)


def test_equally_sure_cells_stay_together() -> None:
    before = scores_of([0.8] * 6 + [0.31] * 4)
    after = abstained(before, scorer=Sure(), coverage=0.3)
    assert after["sure_joy"].count() == 6


def test_languages_have_thresholds_of_their_own() -> None:
    scorer = Sure({"en": {"joy": 0.1}, "es": {"joy": 0.9}})
    before = scores_of([0.1, 0.9, 0.1, 0.9])
    lang = pl.Series(["en", "en", "es", "es"])
    assert abstained(before, scorer=scorer, coverage=0.5, lang=lang)["sure_joy"].is_null().to_list() == [
        True, False, False, True,
    ]  # fmt: skip
    with pytest.raises(InputError, match="differ between its languages"):
        abstained(before, scorer=scorer, coverage=0.5)


def test_a_language_without_the_measure_is_left_alone() -> None:
    scorer = Sure({"en": {"joy": 0.3}, "es": {}})
    before = scores_of([0.3, 0.9, None, None])
    after = abstained(before, scorer=scorer, coverage=0.5, lang=pl.Series(["en", "en", "es", "es"]))
    assert after["sure_joy"].count() == 1


def test_nothing_to_score_is_no_error() -> None:
    empty = scores_of([None, None])
    assert abstained(empty, scorer=Sure(), coverage=0.5).equals(empty)
    assert achieved(empty, empty, scorer=Sure()).rows() == [("joy", 0, 0, None)]


@pytest.mark.parametrize("coverage", [0.0, -1.0, 1.5, float("nan")])
def test_a_coverage_that_is_no_share_is_refused(coverage: float) -> None:
    with pytest.raises(UsageError, match="expected a share above 0 and at most 1"):
        abstained(scores_of([0.5]), scorer=Sure(), coverage=coverage)


def test_other_scorers_and_other_files_are_refused() -> None:
    with pytest.raises(UsageError, match="gives no probabilities"):
        abstained(scores_of([0.5]), scorer=Sure(scale="presence"), coverage=0.5)
    with pytest.raises(InputError, match="hold no column of sure"):
        abstained(pl.DataFrame({"other": [1.0]}), scorer=Sure(), coverage=0.5)
