"""From errors that were made to quantiles that hold: pooled, finite-sample corrected, monotone.

Not for making point forecasts, and not for scoring them.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import t as student_t

from forecasting.matrix import Flags, Floats
from warehouse.tables import QUANTILES

LEVELS: Floats = np.array(QUANTILES, dtype=np.float64)
SHORT_HISTORY = 28
POOL_MINIMUM = 40
NEIGHBOUR_HORIZONS = 2
PRIOR_FREEDOM = 5.0
MEAN_SIZE_OF_PRIOR = 0.949  # of a Student t with that many degrees of freedom
PRIOR_ORIGINS = 6.0
LEAST_FACTOR = 0.2


def symmetric_spread(errors: Floats, *, levels: Floats = LEVELS) -> Floats:
    """Offsets [rows, levels] around a median, from past errors [rows, sample] (NaN = none).

    A central interval of coverage c ends at the absolute error of rank (n + 1) c (split conformal:
    Lei et al. 2018, JASA 113). Ranks above n continue the largest error along a Student t tail.
    Rows without any error give NaN.
    """
    sample = np.sort(np.abs(errors), axis=1)
    n = np.sum(~np.isnan(sample), axis=1)
    padded = np.concatenate([np.zeros((len(sample), 1)), sample], axis=1)
    coverage = np.abs(2.0 * levels - 1.0)
    rank = (n[:, None] + 1.0) * coverage[None, :]
    size = _order_statistic(padded, rank=np.minimum(rank, n[:, None])) * _tail(
        n, coverage=coverage, rank=rank
    )
    return np.where(n[:, None] > 0, np.sign(levels - 0.5)[None, :] * size, np.nan)


def _order_statistic(padded: Floats, *, rank: Floats) -> Floats:
    low = np.floor(rank).astype(np.int64)
    high = np.ceil(rank).astype(np.int64)
    below, above = np.take_along_axis(padded, low, axis=1), np.take_along_axis(padded, high, axis=1)
    return below + (rank - low) * (above - below)


def _tail(n: np.ndarray, *, coverage: Floats, rank: Floats) -> Floats:
    freedom = np.maximum(n - 1.0, 3.0)[:, None]
    reached = (n / (n + 1.0))[:, None]
    stretch = student_t.ppf((1.0 + coverage[None, :]) / 2.0, freedom) / student_t.ppf(
        (1.0 + np.maximum(reached, 0.1)) / 2.0, freedom
    )
    return np.where(rank > n[:, None], np.maximum(stretch, 1.0), 1.0)


def random_walk_spread(one_step_sd: Floats, *, steps: Floats, n: Floats) -> Floats:
    """Offsets [series, horizons, levels] of a random walk with Student t steps, for short histories.

    `one_step_sd` and `n` (observations) are [series], `steps` [series, horizons] counts from the last observation.
    """
    t = student_t.ppf(LEVELS[None, :], np.maximum(n - 1.0, 2.0)[:, None])
    return one_step_sd[:, None, None] * np.sqrt(steps)[:, :, None] * t[:, None, :]


def pooled_spread(ratios: Floats) -> Floats:
    """Offsets [horizons, levels] in units of a series' scale, from past ratios [origins, series, horizons].

    Each horizon pools all series, all past origins and its two neighbours on either side; with fewer
    than `POOL_MINIMUM` it pools all horizons. Errors at one origin share its shocks, so the result is
    mixed with a Student t of unit mean size that counts as `PRIOR_ORIGINS` origins.
    """
    horizons = ratios.shape[2]
    prior = np.asarray(student_t.ppf(LEVELS, PRIOR_FREEDOM)) / MEAN_SIZE_OF_PRIOR
    spreads = np.empty((horizons, len(LEVELS)))
    seen = np.sum(np.any(~np.isnan(ratios), axis=(1, 2)))
    for h in range(horizons):
        window = ratios[:, :, max(h - NEIGHBOUR_HORIZONS, 0) : h + NEIGHBOUR_HORIZONS + 1]
        found = _spread_of(window if np.sum(~np.isnan(window)) >= POOL_MINIMUM else ratios)
        share = 0.0 if found is None else seen / (seen + PRIOR_ORIGINS)
        spreads[h] = prior if found is None else share * found + (1.0 - share) * prior
    return spreads


def stretched(quantiles: Floats, *, misses: Floats) -> Floats:
    """Quantiles [series, horizons, levels] with their distances from the median stretched by what earlier ones missed.

    `misses` [origins, series, horizons, levels] are past errors of the median in units of that distance, so that a
    level is right where a share of them as large as its central interval's coverage is at most 1 (conformalised
    quantiles: Romano et al. 2019, NeurIPS 32). Pooled like `pooled_spread`; the factor's logarithm is shrunk as if
    `PRIOR_ORIGINS` origins had found it right.
    """
    seen = np.sum(np.any(~np.isnan(misses), axis=(1, 2, 3))) if misses.size else 0
    share, middle = seen / (seen + PRIOR_ORIGINS), len(LEVELS) // 2
    factors = np.ones(quantiles.shape[1:])
    for h in range(quantiles.shape[1] if seen else 0):
        window = np.abs(misses[:, :, max(h - NEIGHBOUR_HORIZONS, 0) : h + NEIGHBOUR_HORIZONS + 1])
        if np.sum(~np.isnan(window[..., 0])) < POOL_MINIMUM:
            window = np.abs(misses)
        for level in range(len(LEVELS)):
            sample = window[..., level][~np.isnan(window[..., level])]
            if level != middle and sample.size >= POOL_MINIMUM:
                rank = min((sample.size + 1.0) * abs(2.0 * LEVELS[level] - 1.0) / sample.size, 1.0)
                factors[h, level] = max(np.quantile(sample, rank), LEAST_FACTOR) ** share
    centre = quantiles[:, :, [middle]]
    return np.sort(centre + (quantiles - centre) * factors, axis=2)


def _spread_of(ratios: Floats) -> Floats | None:
    sample = ratios[~np.isnan(ratios)]
    return None if sample.size < POOL_MINIMUM else symmetric_spread(sample[None, :])[0]


def one_step_sd(values: Floats, *, noise: Floats) -> Floats:
    """[series] standard deviation of a step, from observed values [series, periods] on the modelling scale.

    Differences across a gap are divided by the square root of its length. A constant series has the
    standard deviation of its sampling `noise` instead, and one with fewer than three values the
    panel's median (or, alone, its noise).
    """
    steps = [_steps(row) for row in values]
    spread = np.array(
        [np.sqrt(np.mean(step**2)) if step.size >= 2 else np.nan for step in steps], dtype=np.float64
    )
    others = float(np.nanmedian(spread)) if np.any(~np.isnan(spread)) else 0.0
    spread = np.where(np.isnan(spread), np.maximum(others, noise), spread)
    return np.where(spread == 0.0, noise, spread)


def _steps(row: Floats) -> Floats:
    seen = np.flatnonzero(~np.isnan(row))
    return np.asarray(np.diff(row[seen]) / np.sqrt(np.diff(seen)))


def with_quantiles(points: Floats, *, spread: Floats) -> Floats:
    """Sorted quantiles [series, horizons, levels] from points [series, horizons] and offsets."""
    return np.sort(points[:, :, None] + spread, axis=2)


def is_limited(observed: Floats) -> Flags:
    """[series] whether fewer than `SHORT_HISTORY` periods were observed, from counts [series]."""
    return np.asarray(observed < SHORT_HISTORY)
