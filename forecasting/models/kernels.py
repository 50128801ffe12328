"""The compiled inside of `dynamics.py`: a Kalman filter over series and settings. Not for choosing settings."""

from pathlib import Path

import numpy as np

from forecasting.matrix import Floats
from warehouse.compiled import compilers

compiled, _ = compilers(Path(__file__).parent)
# The newest periods count most when settings are compared.
MEMORY = 0.99
OUTLIER = 3.0


@compiled
def turn_weekdays(state: Floats, cov: Floats) -> None:
    """Weekdays one on: the next day's effect is minus the sum of the six before it."""
    size = len(state)
    total = 0.0
    for i in range(3, size):
        total += state[i]
    for i in range(size - 1, 3, -1):
        state[i] = state[i - 1]
    state[3] = -total
    for j in range(size):
        total = 0.0
        for i in range(3, size):
            total += cov[i, j]
        for i in range(size - 1, 3, -1):
            cov[i, j] = cov[i - 1, j]
        cov[3, j] = -total
    for i in range(size):
        total = 0.0
        for j in range(3, size):
            total += cov[i, j]
        for j in range(size - 1, 3, -1):
            cov[i, j] = cov[i, j - 1]
        cov[i, 3] = -total


@compiled
def one_period(
    state: Floats, cov: Floats, decay: float, damping: float, drift: float, excitation: float, push: float,
    weekdays: float,
) -> None:  # fmt: skip
    """One period on, in place: baseline += momentum, deviation decays, the newest weekday moves to the end."""
    size = len(state)
    state[0] += state[2]
    state[1] *= decay
    state[2] *= damping
    # Rows, then columns, of the transition.
    for j in range(size):
        cov[0, j] += cov[2, j]
        cov[1, j] *= decay
        cov[2, j] *= damping
    for i in range(size):
        cov[i, 0] += cov[i, 2]
        cov[i, 1] *= decay
        cov[i, 2] *= damping
    if size > 3:
        turn_weekdays(state, cov)
        cov[3, 3] += weekdays
    cov[0, 0] += drift
    cov[1, 1] += excitation
    cov[2, 2] += push


@compiled
def begin(value: float, setting: Floats, state: Floats, cov: Floats) -> None:
    """The state before anything but the first value is known."""
    state[:] = 0.0
    cov[:] = 0.0
    state[0] = value
    cov[0, 0], cov[1, 1], cov[2, 2] = 4.0, setting[1], setting[3]
    for i in range(3, len(state)):
        cov[i, i] = 1.0


@compiled
def level(state: Floats) -> float:
    """What would be seen without noise: baseline, deviation, today's weekday."""
    total = state[0] + state[1]
    if len(state) > 3:
        total += state[3]
    return total


@compiled
def observe(
    value: float, noise: float, scale: float, state: Floats, cov: Floats, scratch: Floats
) -> tuple[float, float]:
    """Take in a value, in place; returns its squared error in its expected variance, and that variance over `scale`.

    An error beyond `OUTLIER` moves the state no further than one of that size.
    """
    size = len(state)
    for i in range(size):
        scratch[i] = cov[i, 0] + cov[i, 1]
        if size > 3:
            scratch[i] += cov[i, 3]
    around = level(scratch) + noise
    miss = value - level(state)
    ratio = miss * miss / (around * scale)
    damped = min(1.0, OUTLIER / np.sqrt(max(ratio, 1e-12)))
    for i in range(size):
        state[i] += scratch[i] / around * miss * damped
    for i in range(size):
        for j in range(size):
            cov[i, j] -= scratch[i] * scratch[j] / around * damped
    return ratio, around


@compiled
def log_score(ratio: float, variance: float) -> float:
    """Of a Student t with four degrees of freedom, but for a constant."""
    return -0.5 * (np.log(variance) + 5.0 * np.log(1.0 + ratio / 4.0))


@compiled
def rescaled(scale: float, ratio: float, age: int) -> float:
    """The observation noise after an error in the `age`-th period."""
    share = max(1.0 / (age + 5.0), 0.01)
    return scale + share * (min(ratio, OUTLIER**2) - 1.0) * scale


@compiled
def advance(setting: Floats, state: Floats, cov: Floats) -> None:
    """One period on, in place."""
    drift, excitation, decay, push, damping, weekdays = setting
    one_period(state, cov, decay, damping, drift, excitation, push, weekdays)


@compiled
def one_setting(
    values: Floats, noise: Floats, first: int, unit: float, setting: Floats, season: int, path: Floats, spread: Floats
) -> float:  # fmt: skip
    """Filter one series under one setting; fills its path and variances and returns its discounted log score."""
    size = 3 + (season - 1)
    state, cov, scratch = np.zeros(size), np.zeros((size, size)), np.zeros(size)
    begin(values[first], setting, state, cov)
    scale, score = unit, 0.0
    for t in range(first, len(values)):
        if t > first:
            advance(setting, state, cov)
        if not np.isnan(values[t]):
            ratio, around = observe(values[t], noise[t], scale, state, cov, scratch)
            score = MEMORY * score + log_score(ratio, around * scale)
            scale = rescaled(scale, ratio, t - first + 1)
    for h in range(len(path)):
        advance(setting, state, cov)
        path[h] = level(state)
        for i in range(size):
            scratch[i] = cov[i, 0] + cov[i, 1]
            if size > 3:
                scratch[i] += cov[i, 3]
        spread[h] = (level(scratch) + 1.0) * scale
    return score


@compiled
def filtered(
    values: Floats, noise: Floats, first: np.ndarray, unit: Floats, grid: Floats, season: int, horizon: int
) -> tuple[Floats, Floats]:
    """Means and variances [series, horizons] after the last column. `noise` [series, periods] is each observation's
    variance relative to a usual one, `unit` [series] a first guess of the latter."""
    series, settings = len(values), len(grid)
    mean, variance = np.zeros((series, horizon)), np.zeros((series, horizon))
    for row in range(series):
        score = np.zeros(settings)
        paths, spreads = np.zeros((settings, horizon)), np.zeros((settings, horizon))
        for k in range(settings):
            score[k] = one_setting(
                values[row], noise[row], first[row], unit[row], grid[k], season, paths[k], spreads[k]
            )
        weight = np.exp(score - score.max())
        weight /= weight.sum()
        for h in range(horizon):
            centre = (weight * paths[:, h]).sum()
            mean[row, h] = centre
            variance[row, h] = (weight * (spreads[:, h] + (paths[:, h] - centre) ** 2)).sum()
    return mean, variance
