"""Evidence of today and the days before it in one calibrated p-value per day.

Not for making a day's own score (`detectors.py`). Works on standard normal scores of one day each.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import special

from forecasting.alerts.regression import Floats

# Weights of the last and the last but one period beside today's 1. Chosen on simulated normal scores with rises of
# two SDs over 3-7 days; for weeks on the weekly benchmark with another seed than the reported one.
Weights = tuple[float, float]
DAILY_WEIGHTS: Weights = (0.8, 0.6)
WEEKLY_WEIGHTS: Weights = (0.6, 0.0)
# Today's own score must reach this for the days before it to count: a rise that is over is no alarm.
TODAY_AT_LEAST = 1.3
# Scores of neighbouring days share the error of the estimated mean, also where the noise is independent.
USUAL_CORRELATION, CORRELATION_PRIOR = (0.08, 0.06), 42.0
WINDOW, LARGEST, STRONGEST = 84, 2.5, 0.95
NODES = 24


def pooled(scores: Floats, *, weights: Weights, alpha: float, guard: int) -> tuple[Floats, Floats]:
    """The combined p-value of each day, and the own score from which it is at most `alpha`.

    `scores` (series, days) are one-day scores (one-sided normal equivalents); NaN = not judged. The
    statistic is the larger of today's score and the weighted sum of the
    last three, scaled by the serial correlation of the scores before the guard band; the sum counts only
    where today's score is at least `TODAY_AT_LEAST`. Where both days before are unknown the one-day
    p-value remains. Under normal scores of that correlation P(p <= alpha) = alpha.
    """
    before, scale, joint = _before(scores, weights=weights, guard=guard)
    known = joint < 1.0
    counts = known & (scores >= TODAY_AT_LEAST)
    statistic = np.where(counts, np.maximum(scores, (scores + before) / scale), scores)
    p_value = np.where(known, exceedance(statistic, joint=joint), special.ndtr(-scores))
    alone = float(-special.ndtri(alpha))
    bound = np.where(known, _bounds(joint, alpha=alpha), alone)
    # Below the gate the days before do not count, and the one-day bound is the only one.
    together = np.where(known, np.maximum(bound * scale - before, TODAY_AT_LEAST), bound)
    return p_value, np.minimum(bound, together)


def exceedance(statistic: Floats, *, joint: Floats) -> Floats:
    """P(the combined statistic is at least this) for standard normal scores; `joint` is the correlation
    of today's score and the weighted sum (below 1). Gauss–Legendre over today's score; shapes broadcast."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    span = np.clip(statistic - TODAY_AT_LEAST, 0.0, 12.0)
    rest = np.sqrt(np.maximum(1.0 - joint**2, 1e-12))
    total = special.ndtr(-statistic)
    for node, weight in zip(nodes, weights, strict=True):
        own = TODAY_AT_LEAST + span * (node + 1.0) / 2.0
        density = np.exp(-0.5 * own**2) / np.sqrt(2.0 * np.pi)
        total = total + span / 2.0 * weight * density * special.ndtr(-(statistic - joint * own) / rest)
    return np.asarray(total)


def _before(scores: Floats, *, weights: Weights, guard: int) -> tuple[Floats, Floats, Floats]:
    """The weighted earlier scores, the standard deviation of the sum with today, and its correlation with today."""
    lagged = [_lag(scores, lag) for lag in (1, 2)]
    first, second = (
        weight * np.isfinite(moved).astype(np.float64) for weight, moved in zip(weights, lagged, strict=True)
    )
    one, two = (serial_correlation(scores, lag=lag, guard=guard) for lag in (1, 2))
    two = np.clip(two, 2.0 * one**2 - 1.0, None)
    before = first * np.nan_to_num(lagged[0]) + second * np.nan_to_num(lagged[1])
    variance = 1.0 + first**2 + second**2 + 2.0 * (first * one + second * two + first * second * one)
    scale = np.sqrt(variance)
    joint = np.where(first + second > 0, (1.0 + first * one + second * two) / scale, 1.0)
    return before, scale, np.minimum(joint, 1.0)


def serial_correlation(scores: Floats, *, lag: int, guard: int) -> Floats:
    """Correlation of scores `lag` days apart over the 84 days before each day's guard band.

    Shrunk towards what the shared error of the mean brings, large scores cut off, within 0 to .95.
    """
    cut = np.clip(scores, -LARGEST, LARGEST)
    products = cut * _lag(cut, lag)
    known = np.isfinite(products)
    count = trailing(known.astype(np.float64), guard=guard, window=WINDOW)
    total = trailing(np.where(known, products, 0.0), guard=guard, window=WINDOW)
    usual = USUAL_CORRELATION[lag - 1] * CORRELATION_PRIOR
    return np.clip((total + usual) / (count + CORRELATION_PRIOR), 0.0, STRONGEST)


def trailing(terms: Floats, *, guard: int, window: int) -> Floats:
    """For each period, the sum of `terms` over the `window` periods before its guard band."""
    padded = np.concatenate([np.zeros((len(terms), 1)), np.cumsum(terms, axis=1)], axis=1)
    now = np.arange(terms.shape[1])
    return padded[:, np.maximum(now - guard, 0)] - padded[:, np.maximum(now - guard - window, 0)]


def _lag(values: Floats, lag: int) -> Floats:
    moved = np.full_like(values, np.nan)
    moved[:, lag:] = values[:, : values.shape[1] - lag]
    return moved


def _bounds(joint: Floats, *, alpha: float) -> Floats:
    grid, bounds = _bound_table(alpha)
    return np.interp(joint, grid, bounds)


@lru_cache(maxsize=16)
def _bound_table(alpha: float) -> tuple[Floats, Floats]:
    """The statistic's bound at `alpha` on a grid of correlations, by bisection."""
    grid = np.linspace(0.3, 0.9999, 2000)
    low, high = np.full(len(grid), -9.0), np.full(len(grid), 9.0)
    for _ in range(60):
        middle = (low + high) / 2.0
        above = exceedance(middle, joint=grid) > alpha
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return grid, high
