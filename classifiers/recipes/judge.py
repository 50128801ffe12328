"""Probabilities of validation rows → calibration, thresholds, error rates and metrics with intervals.

Not for test rows, which no recipe reads, and nothing here is chosen on training rows.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from classifiers.calibrate import Fit, best_threshold, calibrated, error_rates, fit_platt
from classifiers.evaluate import Judged, bootstrap_f1, expected_calibration_error, macro_f1, one_of
from classifiers.recipes.examples import YES_NO, Examples, Group, measures_of, spans

# A measure with fewer positives or negatives in validation gets no threshold and no error rates.
MIN_CLASS = 5
FOLDS = 5
# Keeps log-odds finite; the same where a post is scored.
EDGE = 2.0**-12
PLAIN = Fit(slope=1.0, offset=0.0)


@dataclass(frozen=True)
class Cells:
    """What validation says: log-odds Float64, truth and known Boolean, all of shape (rows, measures)."""

    odds: np.ndarray
    truth: np.ndarray
    known: np.ndarray

    def take(self, rows: np.ndarray) -> "Cells":
        """The rows at these positions."""
        return Cells(self.odds[rows], self.truth[rows], self.known[rows])


@dataclass(frozen=True)
class Verdict:
    """Per measure: Platt scaling; per language and measure: threshold and error rates; and how good they all are.

    `unjudged` are measures too rare in validation: uncalibrated, without threshold and error rates.
    """

    calibration: dict[str, Fit]
    thresholds: dict[str, dict[str, float]]
    error_rates: dict[str, dict[str, dict[str, float | int]]]
    metrics: dict[str, Any]
    unjudged: tuple[str, ...]


def log_odds(flat: np.ndarray, *, groups: Sequence[Group]) -> np.ndarray:
    """Float64 (rows, measures): log p/(1-p) of each measure's probability before calibration, within ±8.4.

    `flat` (rows, labels) are probabilities within each group, pooled over a text's windows.
    """
    kept = [flat[:, at][:, _measured(group)] for group, at in zip(groups, spans(groups), strict=True)]
    p = np.clip(np.concatenate(kept, axis=1).astype(np.float64), EDGE, 1.0 - EDGE)
    odds: np.ndarray = np.log(p) - np.log1p(-p)
    return odds


def cells_of(flat: np.ndarray, examples: Examples, *, groups: Sequence[Group]) -> Cells:
    """Log-odds beside the truth: a label holds where most annotators chose it, and is unknown where votes tie."""
    truth, known = [], []
    for group, at in zip(groups, spans(groups), strict=True):
        target, mask = examples.targets[:, at], examples.masks[:, at] > 0
        if group.activation == "softmax":
            most = np.isclose(target, target.max(axis=1, keepdims=True))
            tied = most & (most.sum(axis=1, keepdims=True) > 1)
            target, mask = most, mask & ~tied
        else:
            target = target >= 0.5
        truth.append(target[:, _measured(group)])
        known.append(mask[:, _measured(group)])
    return Cells(log_odds(flat, groups=groups), np.concatenate(truth, axis=1), np.concatenate(known, axis=1))


def judge(flat: np.ndarray, examples: Examples, *, groups: Sequence[Group]) -> Verdict:
    """All that validation decides and says; `flat` (rows, labels) are probabilities, pooled as in production."""
    names = measures_of(groups)
    cells = cells_of(flat, examples, groups=groups)
    judged = _frequent(cells)
    fits = _fits(cells, judged)
    probabilities = _probabilities(cells, fits)
    per_language = {
        str(code): _at_language(cells, probabilities, judged, names=names, rows=examples.languages == code)
        for code in sorted(set(examples.languages.tolist()))
    }
    rates = {code: found for code, found in per_language.items() if found}
    return Verdict(
        calibration=dict(zip(names, fits, strict=True)),
        thresholds={
            code: {n: float(r["threshold"]) for n, r in found.items()} for code, found in rates.items()
        },
        error_rates=rates,
        metrics=_metrics(cells, probabilities, judged, names=names)
        | _exclusive(flat, examples, groups=groups),
        unjudged=tuple(name for name, fine in zip(names, judged, strict=True) if not fine),
    )


def _measured(group: Group) -> slice:
    """Which of a group's labels are measures: all, or of a yes/no question the yes."""
    return slice(-1, None) if group.activation == "softmax" and len(group.labels) == YES_NO else slice(None)


def _frequent(cells: Cells) -> np.ndarray:
    """Whether a measure has enough known positives and negatives."""
    positive = (cells.truth & cells.known).sum(axis=0)
    negative = (~cells.truth & cells.known).sum(axis=0)
    enough: np.ndarray = np.minimum(positive, negative) >= MIN_CLASS
    return enough


def _fits(cells: Cells, judged: np.ndarray) -> list[Fit]:
    return [
        fit_platt(cells.odds[cells.known[:, k], k], cells.truth[cells.known[:, k], k].astype(float))
        if fine and _both(cells, k)
        else PLAIN
        for k, fine in enumerate(judged)
    ]


def _both(cells: Cells, k: int) -> bool:
    seen = cells.truth[cells.known[:, k], k]
    return bool(seen.any() and not seen.all())


def _probabilities(cells: Cells, fits: Sequence[Fit]) -> np.ndarray:
    slopes, offsets = np.array([fit.slope for fit in fits]), np.array([fit.offset for fit in fits])
    return calibrated(cells.odds, slopes=slopes, offsets=offsets)


def _at_language(
    cells: Cells, probabilities: np.ndarray, judged: np.ndarray, *, names: Sequence[str], rows: np.ndarray
) -> dict[str, dict[str, float | int]]:
    part = cells.take(rows)
    fine = judged & _frequent(part)
    return {name: _rates(part, probabilities[rows], k) for k, name in enumerate(names) if fine[k]}


def _rates(cells: Cells, probabilities: np.ndarray, k: int) -> dict[str, float | int]:
    known = cells.known[:, k]
    p, truth = probabilities[known, k], cells.truth[known, k]
    threshold = best_threshold(p, truth, weights=np.ones(len(p)))
    return {"threshold": threshold, **asdict(error_rates(p, truth, threshold=threshold))}


def _thresholds(cells: Cells, probabilities: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """One threshold per measure over all languages; NaN where a measure is not judged."""
    return np.array(
        [_rates(cells, probabilities, k)["threshold"] if fine else np.nan for k, fine in enumerate(judged)]
    )


def _metrics(
    cells: Cells, probabilities: np.ndarray, judged: np.ndarray, *, names: Sequence[str]
) -> dict[str, Any]:
    thresholds = _thresholds(cells, probabilities, judged)
    kept = np.flatnonzero(judged)
    found: dict[str, Any] = {"split": "validation", "rows": len(cells.odds), "measures_judged": len(kept)}
    if not len(kept):
        return found | {"f1": {}, "ece": {}, "macro_f1": None, "macro_f1_cross_fitted": None}
    said = probabilities[:, kept] >= thresholds[kept]
    per_measure, macro = bootstrap_f1(Judged(cells.truth[:, kept], said, cells.known[:, kept]))
    return found | {
        "macro_f1": macro.as_list(),
        "macro_f1_cross_fitted": round(_cross_fitted(cells, judged), 4),
        "f1": {names[k]: interval.as_list() for k, interval in zip(kept.tolist(), per_measure, strict=True)},
        "ece": {names[k]: round(_ece(cells, probabilities, k), 4) for k in kept.tolist()},
    }


def _ece(cells: Cells, probabilities: np.ndarray, k: int) -> float:
    known = cells.known[:, k]
    return expected_calibration_error(probabilities[known, k], cells.truth[known, k])


def _cross_fitted(cells: Cells, judged: np.ndarray, *, seed: int = 11) -> float:
    """Macro-F1 where each fifth of the rows is judged with what the other four fifths chose."""
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(cells.odds))
    said = np.zeros(cells.odds.shape, dtype=bool)
    for k in range(FOLDS):
        inside, outside = cells.take(fold == k), cells.take(fold != k)
        fits = _fits(outside, judged)
        thresholds = _thresholds(outside, _probabilities(outside, fits), judged)
        # A measure that is not judged has no threshold, and a comparison with NaN is never true.
        said[fold == k] = _probabilities(inside, fits) >= thresholds
    return macro_f1(Judged(cells.truth[:, judged], said[:, judged], cells.known[:, judged]))


def _exclusive(flat: np.ndarray, examples: Examples, *, groups: Sequence[Group]) -> dict[str, Any]:
    """For each softmax group: how often its most probable label is the one most annotators chose."""
    out: dict[str, Any] = {}
    for group, at in zip(groups, spans(groups), strict=True):
        if group.activation != "softmax":
            continue
        target = examples.targets[:, at]
        most = np.isclose(target, target.max(axis=1, keepdims=True))
        rows = (examples.masks[:, at][:, 0] > 0) & (most.sum(axis=1) == 1)
        if rows.sum() < MIN_CLASS:
            continue
        found = one_of(most[rows], flat[rows, at])
        right = (found.truth & found.said).any(axis=1)
        out[group.name] = {
            "rows": int(rows.sum()),
            "macro_f1": bootstrap_f1(found)[1].as_list(),
            "accuracy": _mean_interval(right),
        }
    return {"one_of": out} if out else {}


def _mean_interval(right: np.ndarray, *, resamples: int = 1_000, seed: int = 7) -> list[float]:
    """Share of true values with its 95 % bootstrap interval."""
    n = len(right)
    drawn = np.random.default_rng(seed).binomial(n, right.mean(), resamples) / n
    low, high = np.quantile(drawn, [0.025, 0.975])
    return [round(float(right.mean()), 4), round(float(low), 4), round(float(high), 4)]
