"""Corrected prevalences: against plain loops, simulations with a known truth, and another implementation."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.quality import SHIPPED_QUALITY, measure_quality, read_quality, with_error_rates
from flows.scorers import make_scorer
from warehouse.errors import InputError
from warehouse.quantify import (
    ErrorRates,
    MeanScores,
    Missing,
    adjusted_count,
    classify_and_count,
    corrected,
    em_prior,
    probabilistic_adjusted_count,
    rates_of,
)
from warehouse.tables import TABLES, empty

Z_90 = 1.645
REPLICATES = 2_000
GOOD = ErrorRates(sensitivity=0.7, n_pos=500, specificity=0.95, n_neg=4_000)
UNIT = st.floats(0.0, 1.0)
RATE = st.tuples(UNIT, st.integers(0, 3_000), UNIT, st.integers(0, 3_000))
COLUMNS = ["value", "se", "sensitivity", "n_pos", "specificity", "n_neg"]


def cells(rows: list[tuple[float | None, ...]]) -> pl.DataFrame:
    schema = {name: pl.Int64 if name.startswith("n_") else pl.Float64 for name in COLUMNS}
    return pl.DataFrame(rows, schema=schema, orient="row")


# -------------------------------------------------------------------------- simulations with a known truth


CLASSIFIERS = [(0.6, 0.03), (0.75, 0.08), (0.85, 0.2)]
SIZES = np.array([60, 600, 6_000, 60_000])
TRUTHS = np.array([0.02, 0.05, 0.1, 0.3, 0.6])
HELD_OUT_SHARE = 0.15


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """Arrays (truths, sizes): how often an interval holds the truth, and the truth over the corrected error."""

    raw: np.ndarray
    corrected: np.ndarray
    distance: np.ndarray


def simulated(sensitivity: float, false_alarms: float, held_out: int) -> Coverage:
    """People of whom a share posts something; their shares and the classifier's rates are drawn in every replicate."""
    rng = np.random.default_rng([5, held_out, round(100 * sensitivity)])
    n_pos = round(held_out * HELD_OUT_SHARE)
    n_neg = held_out - n_pos
    rates = ErrorRates(
        sensitivity=rng.binomial(n_pos, sensitivity, REPLICATES) / n_pos, n_pos=n_pos,
        specificity=rng.binomial(n_neg, 1 - false_alarms, REPLICATES) / n_neg, n_neg=n_neg,
    )  # fmt: skip
    truth, n = TRUTHS[:, None, None], SIZES[None, :, None]
    chance = truth * sensitivity + (1 - truth) * false_alarms
    counted = classify_and_count(rng.binomial(n, chance, (len(TRUTHS), len(SIZES), REPLICATES)), n=n)
    found = adjusted_count(counted.value, se=counted.se, rates=rates)
    there = found.missing == ""
    assert there.mean(axis=2).min() > 0.98
    inside = there & (np.abs(found.value - truth) <= Z_90 * found.se)
    return Coverage(
        raw=(np.abs(counted.value - truth) <= Z_90 * counted.se).mean(axis=2),
        corrected=inside.sum(axis=2) / there.sum(axis=2),
        distance=TRUTHS[:, None] / np.nanmedian(found.se, axis=2),
    )


@pytest.mark.parametrize(("sensitivity", "false_alarms"), CLASSIFIERS)
@pytest.mark.parametrize("held_out", [600, 2_000, 6_000])
def test_the_corrected_interval_covers_the_truth_in_nine_of_ten(
    sensitivity: float, false_alarms: float, held_out: int
) -> None:
    """Where the truth is within two errors of 0 the interval may cover more, since one side cannot miss; with 60
    people, of whom five have a hit, the share's own normal interval may cover a little less."""
    found = simulated(sensitivity, false_alarms, held_out)
    clear = found.distance > 2.0
    assert clear.sum() >= 10
    assert found.corrected[clear].max() <= 0.93
    assert found.corrected[:, SIZES >= 600].min() >= 0.87
    assert found.corrected.min() >= 0.86


@pytest.mark.parametrize(("sensitivity", "false_alarms"), CLASSIFIERS)
def test_with_many_people_the_raw_share_is_outside_of_its_own_interval(
    sensitivity: float, false_alarms: float
) -> None:
    """But where false alarms happen to make up for what is missed."""
    found = simulated(sensitivity, false_alarms, 6_000)
    biased = np.abs(TRUTHS * (sensitivity - false_alarms - 1) + false_alarms) > 0.005
    assert biased.sum() >= 4
    assert found.raw[biased, -1].max() < 0.01
    assert found.corrected[biased, -1].min() >= 0.87


def test_people_of_very_different_diligence_are_corrected_as_posts_are() -> None:
    """One person, one vote; one in a hundred people writes half of the posts."""
    rng = np.random.default_rng(3)
    replicates, people, truth = 1_000, 2_000, 0.15
    posts = np.where(np.arange(people) < people // 100, 200, 2)
    means, errors = np.empty(replicates), np.empty(replicates)
    for k in range(replicates):
        # Each person has a share of true posts of their own.
        true_posts = rng.binomial(posts, rng.beta(0.3, 1.7, people))
        hits = rng.binomial(true_posts, 0.7) + rng.binomial(posts - true_posts, 0.05)
        own = hits / posts
        means[k], errors[k] = own.mean(), own.std(ddof=1) / people**0.5
    rates = ErrorRates(
        sensitivity=rng.binomial(500, 0.7, replicates) / 500, n_pos=500,
        specificity=rng.binomial(4_000, 0.95, replicates) / 4_000, n_neg=4_000,
    )  # fmt: skip
    found = adjusted_count(means, se=errors, rates=rates)
    assert 0.87 <= float((np.abs(found.value - truth) <= Z_90 * found.se).mean()) <= 0.93
    assert float((np.abs(means - truth) <= Z_90 * errors).mean()) < 0.87


def test_probabilistic_adjusted_count_covers_the_truth_in_nine_of_ten() -> None:
    rng = np.random.default_rng(8)
    inside, replicates, n, n_pos, n_neg, truth = 0, 1_000, 1_000, 150, 850, 0.2
    for _ in range(replicates):
        yes, no = rng.beta(4, 3, n_pos), rng.beta(1, 6, n_neg)
        n_true = rng.binomial(n, truth)
        bag = np.concatenate([rng.beta(4, 3, n_true), rng.beta(1, 6, n - n_true)])
        scores = MeanScores(
            mean_pos=yes.mean(), sd_pos=yes.std(ddof=1), n_pos=n_pos,
            mean_neg=no.mean(), sd_neg=no.std(ddof=1), n_neg=n_neg,
        )  # fmt: skip
        found = probabilistic_adjusted_count(bag.mean(), se=bag.std(ddof=1) / n**0.5, scores=scores)
        inside += bool(abs(found.value - truth) <= Z_90 * found.se)
    assert 0.87 <= inside / replicates <= 0.93


def calibrated_bags(truth: float, *, n: int, bags: int, seed: int = 4) -> np.ndarray:
    """Probabilities (bags · n,), calibrated where 3 in 10 are positive, of bags with a share `truth` of positives."""
    rng = np.random.default_rng(seed)
    score = rng.normal(2.0 * (rng.random(bags * n) < truth), 1.0)
    odds = 0.3 / 0.7 * np.exp(2.0 * score - 2.0)
    return np.asarray(odds / (1 + odds))


@pytest.mark.parametrize("truth", [0.05, 0.3, 0.6])
def test_em_covers_the_truth_where_probabilities_are_calibrated(truth: float) -> None:
    n, bags = 500, 1_000
    found = em_prior(
        calibrated_bags(truth, n=n, bags=bags), training_prevalence=0.3, cells=np.repeat(np.arange(bags), n)
    )
    assert 0.87 <= float((np.abs(found.value - truth) <= Z_90 * found.se).mean()) <= 0.93


# ----------------------------------------------------------------------------------- against references


def slow_em(p: np.ndarray, prior: float) -> float:
    """Saerens, Latinne and Decaestecker's iteration, to the letter."""
    share = prior
    for _ in range(20_000):
        yes = share / prior * p
        after = yes / (yes + (1 - share) / (1 - prior) * (1 - p))
        if abs(after.mean() - share) < 1e-13:
            break
        share = float(after.mean())
    return share


@given(st.lists(st.floats(0.01, 0.99), min_size=20, max_size=60), st.floats(0.05, 0.9))
def test_em_is_where_the_iteration_ends(p: list[float], prior: float) -> None:
    posts = np.array(p)
    found = em_prior(posts, training_prevalence=prior)
    if found.missing[0] == "":
        # The iteration creeps towards an edge: its end is judged by the likelihood, which is flat there.
        slow, fast = slow_em(posts, prior), float(found.value[0])
        likelihood = [
            float(np.log(s / prior * posts + (1 - s) / (1 - prior) * (1 - posts)).sum()) for s in (slow, fast)
        ]
        assert likelihood[1] >= likelihood[0] - 1e-9
        assert fast == pytest.approx(slow, abs=1e-6 if 0.01 < fast < 0.99 else 0.01)


def test_cells_of_em_are_independent_of_each_other() -> None:
    rng = np.random.default_rng(1)
    p, place = rng.beta(0.5, 2, 3_000), rng.integers(0, 7, 3_000)
    place[place == 4] = 5
    together = em_prior(p, training_prevalence=0.2, cells=place)
    assert together.missing.tolist() == ["", "", "", "", Missing.NO_VALUE, "", ""]
    for cell in (0, 1, 2, 3, 5, 6):
        alone = em_prior(p[place == cell], training_prevalence=0.2)
        assert together.value[cell] == pytest.approx(alone.value[0], abs=1e-12)
        assert together.se[cell] == pytest.approx(alone.se[0], rel=1e-9)


def test_em_of_certain_posts_is_their_share_and_of_empty_ones_nothing() -> None:
    certain = np.array([1.0] * 30 + [0.0] * 70)
    assert em_prior(certain, training_prevalence=0.5).value[0] == pytest.approx(0.3, abs=1e-9)
    vague = em_prior(np.full(100, 0.2), training_prevalence=0.2)
    assert vague.missing.tolist() == [Missing.NOT_IDENTIFIED]
    assert np.isnan(vague.value[0])
    assert em_prior(np.full(50, 1e-4), training_prevalence=0.3).value[0] == pytest.approx(0.0, abs=1e-9)
    assert em_prior(np.full(50, 1 - 1e-4), training_prevalence=0.3).value[0] == pytest.approx(1.0, abs=1e-9)


def monte_carlo_error(row: tuple[float, ...], *, draws: int = 200_000) -> float:
    """The bootstrap of the equation with a random number generator instead of the lattice."""
    share, se, sensitivity, n_pos, specificity, n_neg = row
    rng = np.random.default_rng(12)
    high = rng.beta(sensitivity * n_pos + 0.5, (1 - sensitivity) * n_pos + 0.5, draws)
    low = rng.beta((1 - specificity) * n_neg + 0.5, specificity * n_neg + 0.5, draws)
    contrast = sensitivity + specificity - 1
    at = min(max((share - 1 + specificity) / contrast, 0.0), 1.0)
    return float((rng.normal(share, se, draws) - (1 - at) * low - at * high).std() / contrast)


@pytest.mark.parametrize(
    "row",
    [(0.1, 0.01, 0.7, 500, 0.95, 4_000), (0.3, 0.02, 0.6, 40, 0.99, 200), (0.02, 0.004, 0.8, 25, 1.0, 300)],
)
def test_the_error_is_that_of_a_bootstrap_with_random_draws(row: tuple[float, ...]) -> None:
    found = corrected(cells([row])).row(0, named=True)
    assert found["value_corrected"] == pytest.approx((row[0] - 1 + row[4]) / (row[2] + row[4] - 1), abs=1e-12)
    assert found["corrected_se"] == pytest.approx(monte_carlo_error(row), rel=0.01)


@settings(max_examples=40)
@given(st.lists(st.tuples(UNIT, st.floats(0.0, 0.2), RATE), min_size=1, max_size=4))
def test_a_row_depends_on_itself_alone_and_stays_a_share(
    drawn: list[tuple[float, float, tuple[float, ...]]],
) -> None:
    rows = [(share, se, *rate) for share, se, rate in drawn]
    together = corrected(cells(rows))
    assert together.columns[:6] == COLUMNS
    assert together.select(COLUMNS).equals(cells(rows))
    for row, alone in zip(together.iter_rows(), rows, strict=True):
        assert corrected(cells([alone])).row(0) == row
    told = together.select(pl.col("value_corrected").is_null() == pl.col("correction_missing").is_not_null())
    assert told.to_series().all()
    assert together["value_corrected"].is_null().equals(together["corrected_se"].is_null())
    assert together.filter(~pl.col("value_corrected").is_between(0.0, 1.0)).is_empty()
    errors = together.drop_nulls("corrected_se")
    assert (errors["corrected_se"] >= errors["se"] - 1e-12).all()


@given(st.floats(0.0, 1.0), st.floats(0.3, 1.0), st.floats(0.0, 0.15))
def test_exactly_known_rates_give_the_truth_back(
    truth: float, sensitivity: float, false_alarms: float
) -> None:
    rates = ErrorRates(sensitivity=sensitivity, n_pos=100_000, specificity=1 - false_alarms, n_neg=100_000)
    found = adjusted_count(truth * sensitivity + (1 - truth) * false_alarms, se=0.01, rates=rates)
    if found.missing == "":
        assert float(found.value) == pytest.approx(truth, abs=1e-9)
    else:
        assert sensitivity - false_alarms < 0.16


def test_a_perfect_classifier_changes_nothing_but_the_error() -> None:
    shares = np.array([0.0, 0.02, 0.5, 1.0])
    perfect = ErrorRates(sensitivity=1.0, n_pos=50, specificity=1.0, n_neg=400)
    found = adjusted_count(shares, se=0.01, rates=perfect)
    assert found.value.tolist() == pytest.approx(shares.tolist(), abs=1e-12)
    assert (found.se > 0.01).all()


# ------------------------------------------------------------------------------------ where there is none


def test_every_null_has_its_reason() -> None:
    rows = [
        (None, 0.01, 0.7, 500, 0.95, 4_000),
        (0.1, None, 0.7, 500, 0.95, 4_000),
        (0.1, 0.01, None, 500, 0.95, 4_000),
        (0.1, 0.01, 0.7, 0, 0.95, 4_000),
        (0.1, 0.01, 0.15, 500, 0.95, 4_000),
        (0.1, 0.01, 0.05, 500, 0.7, 4_000),
        (0.01, 0.001, 0.7, 500, 0.95, 4_000),
        (0.9, 0.01, 0.7, 500, 0.95, 4_000),
        (0.1, 0.01, 0.7, 500, 0.95, 4_000),
    ]
    assert corrected(cells(rows))["correction_missing"].to_list() == [
        "no_value", "no_value", "no_error_rates", "no_error_rates", "not_identified", "not_identified",
        "rates_contradicted", "rates_contradicted", None,
    ]  # fmt: skip


def test_the_same_contrast_is_identified_by_many_posts_and_not_by_few() -> None:
    few = (0.1, 0.01, 0.3, 10, 0.9, 100)
    many = (0.1, 0.01, 0.3, 1_000, 0.9, 10_000)
    assert corrected(cells([few, many]))["correction_missing"].to_list() == ["not_identified", None]


def test_a_share_a_little_below_the_false_alarms_is_clipped_and_keeps_its_error() -> None:
    row = corrected(cells([(0.045, 0.01, 0.7, 500, 0.95, 4_000)])).row(0, named=True)
    assert row["value_corrected"] == 0.0
    assert row["corrected_se"] > 0.01 / 0.65


def test_no_rows_are_corrected_to_no_rows() -> None:
    found = corrected(cells([]))
    assert found.schema["value_corrected"] == found.schema["corrected_se"] == pl.Float64
    assert found.schema["correction_missing"] == pl.String
    assert found.is_empty()


def test_a_count_of_nothing_is_no_share() -> None:
    found = classify_and_count(np.array([0, 3]), n=np.array([0, 10]))
    assert found.missing.tolist() == [Missing.NO_VALUE, ""]
    assert np.isnan(found.value[0])
    assert found.value[1] == 0.3
    assert found.se[1] == pytest.approx((0.3 * 0.7 / 10) ** 0.5)
    assert classify_and_count(0, n=100).se > 0


def test_wrong_input_is_refused_with_what_was_expected() -> None:
    with pytest.raises(InputError, match="n_pos"):
        corrected(cells([(0.1, 0.01, 0.7, 500, 0.95, 4_000)]).drop("n_pos"))
    with pytest.raises(InputError, match="0 to 1"):
        adjusted_count(1.2, se=0.1, rates=GOOD)
    with pytest.raises(InputError, match="0 or more"):
        adjusted_count(0.2, se=-0.1, rates=GOOD)
    with pytest.raises(InputError, match="0 to n hits"):
        classify_and_count(11, n=10)
    with pytest.raises(InputError, match="training prevalence"):
        em_prior(np.array([0.5]), training_prevalence=1.0)
    with pytest.raises(InputError, match="probabilities"):
        em_prior(np.array([0.5, np.nan]), training_prevalence=0.5)
    with pytest.raises(InputError, match="dataset"):
        rates_of(empty(TABLES["out.measure_quality"]).drop("dataset"))


# ------------------------------------------------------------------------------- another implementation


def labelled_scores(n: int, *, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < share
    odds = np.exp(rng.normal(2.2 * truth - 1.6, 1.0))
    return odds / (1 + odds), truth


def test_all_four_methods_equal_quapy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its EM stops after 1,000 steps, which near 0 and 1 is before the end, and is let run on here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        aggregative = pytest.importorskip("quapy.method.aggregative")
        monkeypatch.setattr(aggregative.EMQ, "MAX_ITER", 100_000)
        held_out, truth = labelled_scores(2_000, share=0.3, seed=1)
        both = np.stack([1 - held_out, held_out], axis=1)
        said = held_out >= 0.5
        hard = aggregative.ACC.getPteCondEstim(np.array([0, 1]), truth.astype(int), said.astype(int))
        soft = aggregative.PACC.getPteCondEstim(np.array([0, 1]), truth.astype(int), both)
        rates = ErrorRates(
            sensitivity=said[truth].mean(),
            n_pos=truth.sum(),
            specificity=(~said[~truth]).mean(),
            n_neg=(~truth).sum(),
        )
        yes, no = held_out[truth], held_out[~truth]
        scores = MeanScores(mean_pos=yes.mean(), sd_pos=yes.std(), n_pos=len(yes),
                            mean_neg=no.mean(), sd_neg=no.std(), n_neg=len(no))  # fmt: skip
        for share in (0.1, 0.4, 0.8):
            p, _ = labelled_scores(500, share=share, seed=2)
            posteriors, hits = np.stack([1 - p, p], axis=1), p >= 0.5
            ours = classify_and_count(hits.sum(), n=len(p))
            cc = np.array([1 - hits.mean(), hits.mean()])
            assert float(ours.value) == pytest.approx(cc[1], abs=1e-12)
            expected = {
                "ACC": aggregative.ACC.solve_adjustment(hard, cc, method="inversion", solver="exact-raise")[
                    1
                ],
                "PACC": aggregative.ACC.solve_adjustment(
                    soft, posteriors.mean(axis=0), method="inversion", solver="exact-raise"
                )[1],
                "EM": aggregative.EMQ.EM(np.array([0.7, 0.3]), posteriors, epsilon=1e-12)[0][1],
            }
            found = {
                "ACC": adjusted_count(ours.value, se=ours.se, rates=rates),
                "PACC": probabilistic_adjusted_count(p.mean(), se=p.std() / len(p) ** 0.5, scores=scores),
                "EM": em_prior(p, training_prevalence=0.3),
            }
            for name, value in expected.items():
                assert float(found[name].value.ravel()[0]) == pytest.approx(value, abs=1e-6), (name, share)


# -------------------------------------------------------------------------- rates from what is published


def quality(
    rows: list[tuple[str, str, float, int]], *, measure: str = "joy", lang: str = "en"
) -> pl.DataFrame:
    """`rows` are data set, metric, value, n."""
    schema = empty(TABLES["out.measure_quality"]).schema
    return pl.DataFrame(
        [
            {"scorer": "s", "measure": measure, "lang": lang, "dataset": dataset, "metric": metric, "value": value,
             "low": None, "high": None, "n": n, "scorer_version": "1"}
            for dataset, metric, value, n in rows
        ],
        schema=schema,
    )  # fmt: skip


def test_the_cards_own_rows_go_before_pooled_data_sets() -> None:
    sets = [("b", "sensitivity", 0.5, 100), ("b", "specificity", 0.9, 1_000),
            ("a", "sensitivity", 0.8, 300), ("a", "specificity", 0.96, 500),
            ("c", "sensitivity", 0.1, 900), ("a", "f1", 0.7, 800)]  # fmt: skip
    card = [("validation", "sensitivity", 0.6, 50), ("validation", "specificity", 0.97, 800)]
    found = rates_of(
        pl.concat([quality(sets + card), quality(sets, lang="es"), quality(sets[:1], lang="zh")])
    )
    assert found.drop("scorer", "measure").rows() == [
        ("en", 0.6, 50, 0.97, 800, "validation"),
        ("es", pytest.approx(290 / 400), 400, pytest.approx(1_380 / 1_500), 1_500, "a, b"),
    ]


def test_a_card_that_saw_no_negatives_gives_way_to_data_sets_that_did() -> None:
    rows = [
        ("validation", "sensitivity", 0.6, 50),
        ("a", "sensitivity", 0.8, 300),
        ("a", "specificity", 0.96, 500),
    ]
    assert rates_of(quality(rows))["rates_from"].to_list() == ["a"]
    assert rates_of(quality(rows[:2])).is_empty()


def test_rates_join_to_cells_and_correct_them() -> None:
    rates = rates_of(
        quality([("validation", "sensitivity", 0.7, 500), ("validation", "specificity", 0.95, 4_000)])
    )
    keys = pl.DataFrame({"scorer": "s", "measure": ["joy", "anger"], "lang": "en", "value": 0.1, "se": 0.01})
    joined = keys.join(rates, on=["scorer", "measure", "lang"], how="left", maintain_order="left")
    found = corrected(joined)
    assert found["value_corrected"].to_list() == [pytest.approx(0.05 / 0.65), None]
    assert found["correction_missing"].to_list() == [None, "no_error_rates"]


@given(st.integers(0, 40), st.integers(0, 200), st.integers(1, 40), st.integers(1, 200))
def test_older_evaluations_give_the_same_rates_from_recall_and_precision(
    hits: int, false_alarms: int, more_pos: int, more_neg: int
) -> None:
    n_pos, n_neg, answers = hits + more_pos, false_alarms + more_neg, hits + false_alarms
    rows = [("a", "recall", hits / n_pos, n_pos), ("a", "base_rate", n_pos / (n_pos + n_neg), n_pos + n_neg)]
    if answers:
        rows.append(("a", "precision", hits / answers, answers))
    found = rates_of(with_error_rates(quality(rows)))
    expected = (
        [(pytest.approx(hits / n_pos), n_pos, pytest.approx(more_neg / n_neg), n_neg)] if answers else []
    )
    assert found.select("sensitivity", "n_pos", "specificity", "n_neg").rows() == expected


def test_evaluations_that_have_rates_are_left_as_they_are() -> None:
    rows = quality([("a", "recall", 0.5, 10), ("a", "precision", 0.5, 10), ("a", "base_rate", 0.1, 100),
                    ("a", "sensitivity", 0.5, 10), ("a", "specificity", 0.9, 90)])  # fmt: skip
    assert with_error_rates(rows).equals(rows)


@pytest.mark.parametrize("name", ["emotion", "emotion_fast", "mental_health", "lexicon"])
def test_shipped_scorers_have_rates_with_their_sizes(name: str) -> None:
    scorer = make_scorer(name)
    found = rates_of(measure_quality(scorer))
    assert set(found["measure"]) <= set(scorer.measures)
    assert found.height >= 5
    assert (found["n_pos"] >= 1).all()
    assert (found["n_neg"] >= 1).all()
    if name != "lexicon":
        assert set(found["rates_from"]) == {"validation"}
        told = scorer.describe()["error_rates"]["en"]
        for row in found.filter(pl.col("lang") == "en").iter_rows(named=True):
            card = told[row["measure"]]
            assert row["sensitivity"] == pytest.approx(card["tpr"], abs=1e-4)
            assert row["specificity"] == pytest.approx(1 - card["fpr"], abs=1e-4)
            assert (row["n_pos"], row["n_neg"]) == (card["n_pos"], card["n_neg"])


def test_rows_added_to_shipped_evaluations_keep_the_contract() -> None:
    rows = with_error_rates(read_quality(SHIPPED_QUALITY))
    assert rows.height > read_quality(SHIPPED_QUALITY).height
    TABLES["out.measure_quality"].schema.validate(rows)
