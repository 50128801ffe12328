"""How far the last week's level lies from the four weeks before it, in units of how far it usually lies.

Every number of a day is made of that day and the days before it. Not for deciding what a shift means:
`common.py` and `find.py` do that.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RECENT, BASE = 7, 28
LEAST_RECENT, LEAST_BASE = 5, 20
# What a shift is measured against: the shifts of the year before, from the week before the judged one back.
MEMORY, GUARD, LEAST_MEMORY, STEP = 365, 7, 28, 7
MAD_SD = 1.4826
# Days depend on each other. A shift's error is never taken to be less than that of days with this correlation,
# which weeks of data alone cannot rule out.
LEAST_RHO, MOST_RHO = 0.3, 0.9


def deviations(values: Floats) -> tuple[Floats, Floats]:
    """Each day's last seven values less the usual value of their weekday, and the usual level: (T, S, 7), (T, S).

    `values` is (days, series) on an additive scale, NaN = unknown. Usual: the median of the four same
    weekdays before the seven days, of all 28 days where none of the four is known; NaN before day 35 and
    where fewer than 20 of the 28 days are known.
    """
    days, series = values.shape
    far = np.full((days, series, RECENT), np.nan)
    usual = np.full((days, series), np.nan)
    if days < RECENT + BASE:
        return far, usual
    windows = sliding_window_view(values, RECENT + BASE, axis=0)
    base = windows[..., :BASE]
    weeks = base.reshape(*base.shape[:2], BASE // 7, 7)
    enough = np.isfinite(base).sum(axis=-1) >= LEAST_BASE
    level = median(base)
    by_weekday = median(np.swapaxes(weeks, -1, -2))
    expected = np.where(np.isfinite(by_weekday), by_weekday, level[..., None])
    known = windows[..., BASE:] - expected
    far[RECENT + BASE - 1 :] = np.where(enough[..., None], known, np.nan)
    usual[RECENT + BASE - 1 :] = np.where(enough, level, np.nan)
    return far, usual


def median(values: Floats) -> Floats:
    """The median over the last axis of what is known; NaN where nothing is."""
    n = np.isfinite(values).sum(axis=-1)
    if values.shape[-1] == 0:
        return np.full(n.shape, np.nan)
    ordered = np.sort(values, axis=-1)
    low, high = np.maximum(n - 1, 0) // 2, np.minimum(n // 2, values.shape[-1] - 1)
    two = [np.take_along_axis(ordered, at[..., None], -1)[..., 0] for at in (low, high)]
    return np.where(n > 0, (two[0] + two[1]) / 2.0, np.nan)


def mean(values: Floats) -> Floats:
    """The mean over the last axis of what is known; NaN where nothing is."""
    n = np.isfinite(values).sum(axis=-1)
    return np.where(n > 0, np.nan_to_num(values).sum(axis=-1) / np.maximum(n, 1), np.nan)


def level_shifts(far: Floats) -> Floats:
    """The mean of each week's deviations without the highest and the lowest, so that one day moves nothing.

    (T, S, 7) → (T, S); NaN where fewer than five of the seven days are known.
    """
    ordered = np.sort(far, axis=-1)
    n = np.isfinite(far).sum(axis=-1)
    place = np.arange(RECENT)
    inner = (place >= 1) & (place < n[..., None] - 1)
    total = np.where(inner, ordered, 0.0).sum(axis=-1)
    return np.where(n >= LEAST_RECENT, total / np.maximum(n - 2, 1), np.nan)


def shift_errors(values: Floats, *, shifts: Floats) -> Floats:
    """The usual size of a shift, (T, S): the larger of two errors, both from days before the judged week.

    One is the robust spread of the last year's own shifts (as many as there are, 28 at least), which holds
    whatever the days' dependence is. The other, for short histories, is the error of the difference of two
    means of days as variable and as correlated as those of the base. NaN where the second is unknown.
    """
    parametric = _parametric_errors(values)
    empirical = np.zeros_like(shifts)
    for day in range(0, len(shifts), STEP):
        past = shifts[max(0, day - GUARD - MEMORY) : max(0, day - GUARD)]
        known = np.isfinite(past).sum(axis=0) >= LEAST_MEMORY
        spread = np.where(known, MAD_SD * median(np.abs(past).T), 0.0)
        empirical[day : day + STEP] = spread
    return np.where(np.isfinite(parametric), np.maximum(empirical, parametric), np.nan)


def _parametric_errors(values: Floats) -> Floats:
    days, series = values.shape
    out = np.full((days, series), np.nan)
    if days < RECENT + BASE:
        return out
    base = sliding_window_view(values, RECENT + BASE, axis=0)[..., :BASE]
    weeks = base.reshape(*base.shape[:2], BASE // 7, 7)
    rest = (weeks - median(np.swapaxes(weeks, -1, -2))[..., None, :]).reshape(base.shape)
    # Weekday medians of four take about a quarter of the variance with them.
    spread = MAD_SD * median(np.abs(rest)) * np.sqrt(4.0 / 3.0)
    clipped = np.clip(rest, -3.0 * spread[..., None], 3.0 * spread[..., None])
    pairs = mean(clipped[..., 1:] * clipped[..., :-1])
    rho = np.clip(pairs / np.maximum(mean(clipped**2), 1e-12), LEAST_RHO, MOST_RHO)
    inflation = np.sqrt((1.0 + rho) / (1.0 - rho))
    out[RECENT + BASE - 1 :] = spread * inflation * np.sqrt(1.0 / RECENT + 1.0 / BASE)
    return np.maximum(out, 1e-6)


def onset_back(far: Floats, *, sign: Floats) -> NDArray[np.int64]:
    """How many days before the last of seven a shift began: the start that makes sum / √length largest.

    `far` is (cells, 7) deviations of one series, `sign` (cells,) the shift's direction; at least three days
    lie between the start and the end, both counted.
    """
    directed = np.nan_to_num(far) * sign[:, None]
    lengths = np.arange(1, RECENT + 1)
    sums = np.cumsum(directed[:, ::-1], axis=1) / np.sqrt(lengths)
    return np.argmax(sums[:, 2:], axis=1) + 2
