"""How well answers agree with people's labels, on any slice of the texts, with intervals from resampled texts.

Not for choosing a threshold or a calibration: whoever does that must not report these numbers on the same texts.

Everything is a function of sums over texts (right and wrong answers, squared errors, gaps per bin of probability), so a
resample costs one product of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from classifiers.evaluate import Interval, middle, resample_weights

ALL_MEASURES = "all"
BINS = 10
Z_95 = 1.959964
_TP, _FP, _FN, _TN, _SCORED, _SQUARED, _GAPS = range(7)
_SUMS = _GAPS + BINS


@dataclass(frozen=True, kw_only=True)
class Cells:
    """`n` texts by `m` measures.

    Attributes:
        truth, said, known: boolean (n, m): the label, the answer, and whether the cell counts at all.
        probability: float (n, m), NaN where the scorer gives none.
        units: integer (n,): texts of one unit (a person) are drawn together.
    """

    measures: tuple[str, ...]
    truth: np.ndarray
    said: np.ndarray
    known: np.ndarray
    probability: np.ndarray
    units: np.ndarray

    def take(self, rows: np.ndarray) -> Cells:
        """The texts at these positions, or where this mask is true."""
        parts = ("truth", "said", "known", "probability", "units")
        return replace(self, **{name: getattr(self, name)[rows] for name in parts})


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One number about one measure: its value, its draws (resamples,) or None, its interval, and how many texts it
    is about."""

    measure: str
    metric: str
    interval: Interval
    n: int
    draws: np.ndarray | None = None


def agreement(cells: Cells, *, resamples: int = 1_000, seed: int = 7) -> list[Estimate]:
    """Per measure precision, recall, F1, base rate, sensitivity and specificity and, of probabilities, Brier score
    (Brier 1950) and expected calibration error in ten bins (Naeini et al. 2015); over all measures the macro- and the
    weighted mean of F1.

    Bootstrap percentile intervals (Efron 1979), but Wilson's (1927) for the base rate, sensitivity and specificity, and
    for a precision or recall that is the same in every resample, where a bootstrap sees no doubt. What is undefined
    (the precision of what was never said) has no estimate.
    """
    sums = _sums(cells)
    drawn = _drawn(sums, resamples=resamples, seed=seed)
    whole = sums.sum(axis=0)
    found = [
        estimate
        for k, measure in enumerate(cells.measures)
        for estimate in _of_measure(whole[k], drawn[:, k], measure=measure)
    ]
    n = int(cells.known.any(axis=1).sum())
    found += _of_all(whole, drawn, names=("macro_f1_at_thresholds", "weighted_f1_at_thresholds"), n=n)
    return [estimate for estimate in found if np.isfinite(estimate.interval.value)]


def one_answer(cells: Cells, *, resamples: int = 1_000, seed: int = 7) -> list[Estimate]:
    """Macro- and weighted F1 and accuracy where every text has one label, and `said` at most one true column."""
    sums = _sums(cells)
    drawn = _drawn(sums, resamples=resamples, seed=seed)
    n = len(cells.truth)
    right = wilson(int((cells.truth & cells.said).sum()), n)
    found = _of_all(sums.sum(axis=0), drawn, names=("macro_f1", "weighted_f1"), n=n)
    found.append(Estimate(measure=ALL_MEASURES, metric="accuracy", interval=right, n=n))
    return [estimate for estimate in found if np.isfinite(estimate.interval.value)]


def differences(after: list[Estimate], before: list[Estimate]) -> list[Estimate]:
    """What both lists hold, as after − before; the draws are of the same texts, so their differences are paired."""
    known = {(estimate.measure, estimate.metric): estimate for estimate in before}
    pairs = [(estimate, known.get((estimate.measure, estimate.metric))) for estimate in after]
    return [
        replace(a, interval=_spread(a.interval.value - b.interval.value, a.draws - b.draws), n=min(a.n, b.n))
        for a, b in pairs
        if b is not None and a.draws is not None and b.draws is not None
    ]


def wilson(hits: int, n: int) -> Interval:
    """A share with its 95 % interval (Wilson 1927); NaN where n is 0."""
    if n == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    share, square = hits / n, Z_95**2
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = Z_95 / (1 + square / n) * float(np.sqrt(share * (1 - share) / n + square / (4 * n * n)))
    return Interval(share, max(centre - half, 0.0), min(centre + half, 1.0))


def _sums(cells: Cells) -> np.ndarray:
    """Float64 (units, measures, sums): per unit of resampling what all metrics are made of."""
    units, place = np.unique(cells.units, return_inverse=True)
    terms = _terms(cells)
    if len(units) == len(terms):
        return terms
    sums = np.zeros((len(units), *terms.shape[1:]))
    np.add.at(sums, place, terms)
    return sums


def _terms(cells: Cells) -> np.ndarray:
    """Float64 (texts, measures, sums)."""
    terms = np.zeros((*cells.truth.shape, _SUMS))
    answers = (
        cells.truth & cells.said,
        ~cells.truth & cells.said,
        cells.truth & ~cells.said,
        ~cells.truth & ~cells.said,
    )
    for place, answer in zip((_TP, _FP, _FN, _TN), answers, strict=True):
        terms[..., place] = answer & cells.known
    scored = np.isfinite(cells.probability) & cells.known
    p = np.where(scored, cells.probability, 0.0)
    terms[..., _SCORED] = scored
    terms[..., _SQUARED] = np.where(scored, (p - cells.truth) ** 2, 0.0)
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    gaps = np.where(scored, cells.truth - p, 0.0)
    np.put_along_axis(terms[..., _GAPS:], bins[..., None], gaps[..., None], axis=-1)
    return terms


def _drawn(sums: np.ndarray, *, resamples: int, seed: int) -> np.ndarray:
    """Float64 (resamples, measures, sums)."""
    units = len(sums)
    flat = sums.reshape(units, -1)
    blocks = [weights @ flat for weights in resample_weights(units, resamples=resamples, seed=seed)]
    return np.concatenate(blocks).reshape(resamples, *sums.shape[1:])


def _of_measure(whole: np.ndarray, drawn: np.ndarray, *, measure: str) -> list[Estimate]:
    hit, false_alarm, missed, right = (int(whole[place]) for place in (_TP, _FP, _FN, _TN))
    positive, negative = hit + missed, false_alarm + right
    plain = {
        "base_rate": (positive, positive + negative),
        "sensitivity": (hit, positive),
        "specificity": (right, negative),
    }
    sizes = {
        "precision": hit + false_alarm,
        "recall": positive,
        "f1": positive + negative,
        "brier": int(whole[_SCORED]),
        "calibration_error": int(whole[_SCORED]),
    }
    wide = {"precision": (hit, hit + false_alarm), "recall": (hit, positive)}
    found = [
        Estimate(measure=measure, metric=metric, interval=wilson(*counts), n=counts[1])
        for metric, counts in plain.items()
    ]
    for metric, n in sizes.items():
        value, draws = _metric(whole, metric=metric), _metric(drawn, metric=metric)
        interval = _spread(float(value), draws, counts=wide.get(metric))
        found.append(Estimate(measure=measure, metric=metric, interval=interval, n=n, draws=draws))
    return found


def _of_all(whole: np.ndarray, drawn: np.ndarray, *, names: tuple[str, str], n: int) -> list[Estimate]:
    found = []
    for metric, mean in zip(names, (_macro, _weighted), strict=True):
        draws = mean(drawn)
        interval = _spread(float(mean(whole)), draws)
        found.append(Estimate(measure=ALL_MEASURES, metric=metric, interval=interval, n=n, draws=draws))
    return found


def _metric(sums: np.ndarray, *, metric: str) -> np.ndarray:
    """One metric from sums of shape (…, sums)."""
    hit, false_alarm, missed = sums[..., _TP], sums[..., _FP], sums[..., _FN]
    if metric == "precision":
        return _ratio(hit, hit + false_alarm)
    if metric == "recall":
        return _ratio(hit, hit + missed)
    if metric == "f1":
        return _ratio(2 * hit, 2 * hit + false_alarm + missed)
    if metric == "brier":
        return _ratio(sums[..., _SQUARED], sums[..., _SCORED])
    return _ratio(np.abs(sums[..., _GAPS:]).sum(axis=-1), sums[..., _SCORED])


def _macro(sums: np.ndarray) -> np.ndarray:
    """Mean F1 over the measures that have a positive."""
    support = sums[..., _TP] + sums[..., _FN]
    f1 = np.nan_to_num(_metric(sums, metric="f1"))
    return _ratio((f1 * (support > 0)).sum(axis=-1), (support > 0).sum(axis=-1))


def _weighted(sums: np.ndarray) -> np.ndarray:
    """Mean F1, each measure weighted by its number of positives."""
    support = sums[..., _TP] + sums[..., _FN]
    f1 = np.nan_to_num(_metric(sums, metric="f1"))
    return _ratio((f1 * support).sum(axis=-1), support.sum(axis=-1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), np.nan)


def _spread(value: float, draws: np.ndarray, *, counts: tuple[int, int] | None = None) -> Interval:
    low, high = middle(draws)
    if counts is not None and low == high:
        return wilson(*counts)
    return Interval(value, low, high)
