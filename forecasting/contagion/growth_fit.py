"""Log-linear growth of counts over a window, honest about overdispersion and about a level that wanders by itself.

Not for verdicts (`growth.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Variance beyond Poisson as a share of the mean's square (1 / size of the negative binomial); the spread of a level
# that wanders (on the log scale), and how much of it is left the day after. All combinations are tried.
DISPERSIONS = (0.0, 0.01, 0.03, 0.1, 0.3)
SPREADS = (0.05, 0.1, 0.2, 0.4)
KEPT = (0.4, 0.7, 0.9, 0.97)
# How far weekdays are expected to differ (sd of the log), and standard errors on either side of a rate.
WEEKDAY_SD, WIDTH = 0.3, 2.05
_START = (0.03, 0.1, 0.7)
_ROUNDS, _CHUNK = 4, 32


@dataclass(frozen=True)
class Fitted:
    """Per series: change of the log of the expected count per day and its error; `evidence` [series, combinations]."""

    rate: Floats
    error: Floats
    evidence: Floats


def combinations() -> list[tuple[float, float, float]]:
    """(dispersion, spread, kept) of every combination that is tried."""
    still = [(dispersion, 0.0, 0.0) for dispersion in DISPERSIONS]
    return still + [(d, s, k) for d in DISPERSIONS for s in SPREADS for k in KEPT]


def fit_growth(counts: Floats, people: Floats, *, learned: Floats | None = None) -> Fitted:
    """Fit every row of `counts` [series, days] given `people` (both NaN on unknown days).

    log E(count) = level + rate x day + weekday + log(people) + a wandering level (first-order autoregression), with
    negative-binomial counts: penalised quasi-likelihood (Breslow and Clayton 1993), restricted likelihood for each
    combination, and the mean over combinations by their evidence. `learned` is evidence of earlier windows, added.
    """
    rate, error = np.zeros(len(counts)), np.zeros(len(counts))
    evidence = np.zeros((len(counts), len(combinations())))
    for start in range(0, len(counts), _CHUNK):
        at = slice(start, start + _CHUNK)
        more = None if learned is None else learned[at]
        rate[at], error[at], evidence[at] = _fit(counts[at], people[at], learned=more)
    return Fitted(rate=rate, error=error, evidence=evidence)


def _fit(counts: Floats, people: Floats, *, learned: Floats | None) -> tuple[Floats, Floats, Floats]:
    seen = np.isfinite(counts) & np.isfinite(people) & (people > 0)
    y, offset = np.where(seen, counts, 0.0), np.log(np.where(seen, people, 1.0))
    days = counts.shape[1]
    design = np.column_stack([np.ones(days), np.arange(days) - (days - 1) / 2])
    level = np.log((y.sum(axis=1) + 0.5) / np.where(seen, people, 0.0).sum(axis=1))
    log_mean = level[:, None] + offset
    start = _inverse(log_mean, seen=seen, covariances=_covariances([_START], days=days))
    for _ in range(_ROUNDS):
        working = _working(y, log_mean=log_mean, offset=offset)
        fitted = _smoothed(start, working=working, seen=seen, design=design)
        log_mean = np.clip(fitted + offset, np.log(0.05), 20.0)
        start = _inverse(log_mean, seen=seen, covariances=_covariances([_START], days=days))
    working = _working(y, log_mean=log_mean, offset=offset)
    precision = _inverse(log_mean, seen=seen, covariances=_covariances(combinations(), days=days))
    return _averaged(precision, working=working, seen=seen, design=design, learned=learned)


def _working(y: Floats, *, log_mean: Floats, offset: Floats) -> Floats:
    mean = np.exp(log_mean)
    return np.asarray(log_mean - offset + (y - mean) / mean)


def _covariances(options: list[tuple[float, float, float]], *, days: int) -> Floats:
    """[options, days, days] of all but the Poisson part."""
    apart = np.abs(np.subtract.outer(np.arange(days), np.arange(days)))
    weekday = WEEKDAY_SD**2 * (apart % 7 == 0)
    return np.stack([d * np.eye(days) + s**2 * (k if k else 0.0) ** apart + weekday for d, s, k in options])


@dataclass(frozen=True)
class _Precision:
    matrix: Floats
    log_det: Floats
    covariances: Floats


def _inverse(log_mean: Floats, *, seen: NDArray[np.bool_], covariances: Floats) -> _Precision:
    """[series, options, days, days]: days that were not observed are given no weight."""
    poisson = np.where(seen, np.exp(-log_mean), 0.0)
    both = seen[:, :, None] & seen[:, None, :]
    whole = np.where(both[:, None], covariances[None], 0.0)
    days = np.arange(log_mean.shape[1])
    whole[:, :, days, days] += np.where(seen, poisson, 1.0)[:, None]
    inverse = np.linalg.inv(whole)
    inverse[:, :, days, days] *= seen[:, None]
    return _Precision(inverse, np.linalg.slogdet(whole)[1], covariances)


def _slopes(precision: _Precision, *, working: Floats, design: Floats) -> tuple[Floats, Floats]:
    """Coefficients [series, options, 2] and their precisions [series, options, 2, 2]."""
    weighted = np.einsum("sgij,jk->sgik", precision.matrix, design, optimize=True)
    gram = np.einsum("ik,sgil->sgkl", design, weighted, optimize=True)
    right = np.einsum("sgik,si->sgk", weighted, working, optimize=True)
    return np.linalg.solve(gram, right[..., None])[..., 0], gram


def _smoothed(precision: _Precision, *, working: Floats, seen: NDArray[np.bool_], design: Floats) -> Floats:
    """[series, days]: the fitted line with weekday and wandering level, without people and without noise."""
    slopes, _ = _slopes(precision, working=working, design=design)
    line = slopes[:, 0] @ design.T
    pull = np.einsum("sij,sj->si", precision.matrix[:, 0], np.where(seen, working - line, 0.0))
    dispersion = _START[0] * np.eye(len(design))
    return np.asarray(line + pull @ (precision.covariances[0] - dispersion))


def _averaged(
    precision: _Precision, *, working: Floats, seen: NDArray[np.bool_], design: Floats, learned: Floats | None
) -> tuple[Floats, Floats, Floats]:
    slopes, gram = _slopes(precision, working=working, design=design)
    left = np.where(seen[:, None], working[:, None] - slopes @ design.T, 0.0)
    misfit = np.einsum("sgi,sgij,sgj->sg", left, precision.matrix, left, optimize=True)
    evidence = -0.5 * (precision.log_det + np.linalg.slogdet(gram)[1] + misfit)
    total = evidence if learned is None else evidence + learned
    weight = np.exp(total - total.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    rate = (weight * slopes[..., 1]).sum(axis=1)
    variance = np.linalg.inv(gram)[..., 1, 1] + (slopes[..., 1] - rate[:, None]) ** 2
    return rate, np.sqrt((weight * variance).sum(axis=1)), evidence
