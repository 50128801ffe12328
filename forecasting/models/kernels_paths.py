"""The compiled inside of the high-prevalence outlook: paths drawn from the filter of `kernels.py` at many origins."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecasting.matrix import Floats
from forecasting.models.kernels import MEMORY, advance, begin, level, log_score, observe, rescaled
from warehouse.compiled import compilers

compiled, _ = compilers(Path(__file__).parent)
INDEX, SHARE, COUNT = 0, 1, 2
STATES = 9


@compiled
def to_natural(value: float, kind: int, n: float) -> float:
    """Undo the modelling scale, as `matrix.from_model_scale` does, for a sample of `n`; counts are whole."""
    if kind == SHARE:
        share = ((n + 1.0) / (1.0 + np.exp(-value)) - 0.5) / n
        return min(max(share, 0.0), 1.0)
    if kind == COUNT:
        return np.rint(max(np.exp(min(value, 700.0)) - 1.0, 0.0))
    return value


@compiled
def root(cov: Floats, factor: Floats) -> None:
    """Lower Cholesky factor of a covariance that may be singular."""
    size = len(cov)
    factor[:] = 0.0
    for i in range(size):
        for j in range(i + 1):
            total = cov[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = np.sqrt(max(total, 0.0))
            elif factor[j, j] > 1e-9:
                factor[i, j] = total / factor[j, j]


@compiled
def move(state: Floats, setting: Floats, sd: float, draws: Floats) -> float:
    """One drawn period on, in place; returns what would be seen."""
    drift, excitation, decay, push, damping, weekdays = setting
    state[0] += state[2] + sd * np.sqrt(drift) * draws[0]
    state[1] = state[1] * decay + sd * np.sqrt(excitation) * draws[1]
    state[2] = state[2] * damping + sd * np.sqrt(push) * draws[2]
    size = len(state)
    if size > 3:
        total = 0.0
        for i in range(3, size):
            total += state[i]
        for i in range(size - 1, 3, -1):
            state[i] = state[i - 1]
        state[3] = -total + sd * np.sqrt(weekdays) * draws[3]
    return level(state) + sd * draws[4]


@compiled
def first_day_above(
    state: Floats, setting: Floats, sd: float, draws: Floats, kind: int, n: float, newest: Floats, threshold: float,
    lag: int,
) -> int:  # fmt: skip
    """Steps after the lag until the mean of the newest `len(newest)` periods first exceeds the threshold; 0: never.

    `newest` holds the natural values up to the origin, NaN where nothing was seen, and is used up.
    """
    width = len(newest)
    for h in range(len(draws)):
        newest[h % width] = to_natural(move(state, setting, sd, draws[h]), kind, n)
        if h >= lag:
            total, count = 0.0, 0
            for value in newest:
                if not np.isnan(value):
                    total += value
                    count += 1
            if total > threshold * count:
                return h - lag + 1
    return 0


@compiled
def chances_at(
    states: Floats, covs: Floats, scales: Floats, scores: Floats, grid: Floats, normals: Floats, starts: Floats,
    kind: int, n: float, newest: Floats, threshold: float, lag: int, found: Floats,
) -> None:  # fmt: skip
    """Fill `found` [steps] with the share of paths that were above by then; paths are dealt out to the settings by
    how well each foresaw the series."""
    paths, size = len(normals), states.shape[1]
    weight = np.exp(scores - scores.max())
    bounds = np.cumsum(weight / weight.sum())
    factor, state = np.zeros((size, size)), np.zeros(size)
    buffer = np.zeros(len(newest))
    k, ready = 0, -1
    for p in range(paths):
        while k < len(bounds) - 1 and (p + 0.5) / paths > bounds[k]:
            k += 1
        if ready != k:
            root(covs[k], factor)
            ready = k
        sd = np.sqrt(scales[k])
        for i in range(size):
            state[i] = states[k, i]
            for j in range(i + 1):
                state[i] += sd * factor[i, j] * starts[p, j]
        buffer[:] = newest
        day = first_day_above(state, grid[k], sd, normals[p], kind, n, buffer, threshold, lag)
        if day > 0:
            found[day - 1 :] += 1.0
    found /= paths


@compiled
def exceedances(
    values: Floats, natural: Floats, n: Floats, noise: Floats, first: NDArray[np.int64], unit: Floats, grid: Floats,
    season: int, kind: int, thresholds: Floats, width: int, lag: int, normals: Floats, starts: Floats, chances: Floats,
) -> None:  # fmt: skip
    """Fill `chances` [series, origins, steps]: at each of the newest columns, from what is in columns up to it.

    `thresholds` [series, periods] (NaN: nothing is asked there) are compared with means of `width` natural values;
    `n` [series, periods] is the newest known sample size; `normals` [paths, lag + steps, 5] and `starts`
    [paths, STATES] are the draws, the same at every origin.
    """
    settings, size = len(grid), 3 + (season - 1)
    begun = values.shape[1] - chances.shape[1]
    for row in range(len(values)):
        states, covs = np.zeros((settings, size)), np.zeros((settings, size, size))
        scales, scores = np.full(settings, unit[row]), np.zeros(settings)
        scratch, newest = np.zeros(size), np.zeros(width)
        for k in range(settings):
            begin(values[row, first[row]], grid[k], states[k], covs[k])
        for t in range(first[row], values.shape[1]):
            for k in range(settings):
                if t > first[row]:
                    advance(grid[k], states[k], covs[k])
                if not np.isnan(values[row, t]):
                    ratio, around = observe(
                        values[row, t], noise[row, t], scales[k], states[k], covs[k], scratch
                    )
                    scores[k] = MEMORY * scores[k] + log_score(ratio, around * scales[k])
                    scales[k] = rescaled(scales[k], ratio, t - first[row] + 1)
            if t >= begun and not np.isnan(thresholds[row, t]):
                for j in range(width):
                    at = t - width + 1 + j
                    newest[j] = natural[row, at] if at >= 0 else np.nan
                chances_at(
                    states, covs, scales, scores, grid, normals, starts, kind, n[row, t], newest, thresholds[row, t],
                    lag, chances[row, t - begun],
                )  # fmt: skip
