"""The chance that a signal will exceed, within so many days, what it rarely exceeded in its past.

At every origin only what was known by then is used: the threshold, the model's state, the base rate and the
recalibration. Not for judging such chances (`judge.py`), nor for alarms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from forecasting.matrix import UNKNOWN_N, Flags, Floats, Frequency, Matrix, sampling_variance, to_model_scale
from forecasting.models.baselines import trailing_mean
from forecasting.models.dynamics import EARLY, filtering
from forecasting.models.kernels_paths import COUNT, INDEX, SHARE, STATES, exceedances

RARE, LEAST_HISTORY = 0.9, 60
# A year of days, two years of weeks.
HISTORY: dict[Frequency, int] = {"day": 365, "week": 104}
WIDTH = 7
PATHS = 200
REFIT = 28
# Pairs of chance and outcome that the identity is worth when chances are recalibrated.
PRIOR = 50.0
_KINDS = {"index": INDEX, "share": SHARE, "count": COUNT}


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """Arrays [series, origins, steps] and [series, origins]; the last origin is the newest column.

    `chance`: of exceeding `threshold` within that many steps, recalibrated; `base`: how often that happened in the
    past from days like this one; `happened`: 1 or 0, NaN where not known yet. `above`: already above on the day of
    origin: nothing is foreseen there, and `chance` is NaN.
    """

    raw: Floats
    chance: Floats
    base: Floats
    happened: Floats
    threshold: Floats
    above: Flags


def outlook(matrix: Matrix, *, origins: int, steps: int, lag: int, seed: int) -> Outlook:
    """Chances at the newest `origins` columns, for the 1 … `steps` periods that follow `lag` periods after each.

    What is compared with the threshold is the mean of the seven periods up to each (weekly series: the period).
    """
    width = WIDTH if matrix.frequency == "day" else 1
    smooth = trailing_mean(matrix.values) if width > 1 else matrix.values
    threshold = np.where(
        _begun(matrix.values), past_threshold(smooth, history=HISTORY[matrix.frequency]), np.nan
    )
    above = smooth > threshold
    asked = np.where(smooth <= threshold, threshold, np.nan)
    raw = _chances(matrix, asked=asked, width=width, origins=origins, steps=steps, lag=lag, seed=seed)
    happened = _happened(smooth, threshold=asked, steps=steps, lag=lag)
    base = _base_rates(happened, steps=steps, lag=lag)[:, -origins:]
    chance = _recalibrated(raw, base=base, happened=happened[:, -origins:], lag=lag)
    return Outlook(
        raw=raw, chance=chance, base=base, happened=happened[:, -origins:], threshold=threshold[:, -origins:],
        above=above[:, -origins:],
    )  # fmt: skip


def _begun(values: Floats) -> Flags:
    """[series, periods] whether the steps that the model's first guess of the noise rests on have been seen."""
    moved = np.fmax.accumulate(values, axis=1) > np.fmin.accumulate(values, axis=1)
    return np.asarray((np.cumsum(~np.isnan(values), axis=1) > EARLY) & moved)


def past_threshold(smooth: Floats, *, history: int) -> Floats:
    """[series, periods] the `RARE` quantile of the `history` values up to and with each; NaN with too few, or where
    they are all the same."""
    return np.stack([_threshold_of(row, history=history) for row in smooth]) if len(smooth) else smooth


def _threshold_of(row: Floats, *, history: int) -> Floats:
    padded = np.concatenate([np.full(history - 1, np.nan), row])
    ordered = np.sort(np.lib.stride_tricks.sliding_window_view(padded, history), axis=1)
    count = np.sum(~np.isnan(ordered), axis=1)
    rank = np.maximum((count - 1) * RARE, 0.0)
    low = np.floor(rank).astype(np.int64)
    last = np.maximum(count - 1, 0)
    at = np.arange(len(row))
    below, upper = ordered[at, low], ordered[at, np.minimum(low + 1, last)]
    moved = ordered[at, last] > ordered[:, 0]
    return np.where((count >= LEAST_HISTORY) & moved, below + (rank - low) * (upper - below), np.nan)


def _chances(
    matrix: Matrix, *, asked: Floats, width: int, origins: int, steps: int, lag: int, seed: int
) -> Floats:
    scaled = to_model_scale(matrix)
    made = filtering(scaled, sampling=sampling_variance(matrix), frequency=matrix.frequency)
    rng = np.random.default_rng(seed)
    normals = rng.standard_normal((PATHS, lag + steps, 5))
    starts = rng.standard_normal((PATHS, STATES))
    found = np.zeros((len(matrix.ids), origins, steps))
    exceedances(
        scaled, matrix.values, _newest_n(matrix), made.noise, made.first, made.unit, made.grid, made.season,
        _KINDS[matrix.kind], asked, width, lag, normals, starts, found,
    )  # fmt: skip
    found[np.isnan(asked[:, -origins:])] = np.nan
    return found


def _newest_n(matrix: Matrix) -> Floats:
    """[series, periods] the newest sample size known by then; `UNKNOWN_N` before any is."""
    known = np.where(np.isnan(matrix.values) | ~(matrix.n > 0.0), np.nan, matrix.n)
    at = np.maximum.accumulate(np.where(np.isnan(known), 0, np.arange(known.shape[1])), axis=1)
    return np.nan_to_num(np.take_along_axis(known, at, axis=1), nan=UNKNOWN_N)


def _happened(smooth: Floats, *, threshold: Floats, steps: int, lag: int) -> Floats:
    """[series, periods, steps] whether it was exceeded within that many steps; NaN where some of them are unknown and
    none was above."""
    series, periods = smooth.shape
    found = np.full((series, periods, steps), np.nan)
    ever = np.zeros((series, periods), dtype=bool)
    known = ~np.isnan(threshold)
    for step in range(1, steps + 1):
        ahead = lag + step
        later = np.full((series, periods), np.nan)
        later[:, : max(periods - ahead, 0)] = smooth[:, ahead:]
        ever |= later > threshold
        known &= ~np.isnan(later)
        found[:, :, step - 1] = np.where(ever, 1.0, np.where(known, 0.0, np.nan))
    found[np.isnan(threshold)] = np.nan
    return found


def _base_rates(happened: Floats, *, steps: int, lag: int) -> Floats:
    """[series, periods, steps] share of earlier origins, whose outcome was known by then, that were followed by an
    exceedance; half an exceedance in ten is believed beforehand."""
    rates = np.empty_like(happened)
    for step in range(1, steps + 1):
        one = happened[:, :, step - 1]
        hits, seen = np.cumsum(np.nan_to_num(one), axis=1), np.cumsum(~np.isnan(one), axis=1)
        late = lag + step
        rates[:, :, step - 1] = (_later(hits, late) + 0.5) / (_later(seen, late) + 10.0)
    return rates


def _later(counts: np.ndarray, periods: int) -> Floats:
    moved = np.zeros(counts.shape)
    moved[:, periods:] = counts[:, : max(counts.shape[1] - periods, 0)]
    return moved


# ---------------------------------------------------------------------------------------- recalibration


def _recalibrated(raw: Floats, *, base: Floats, happened: Floats, lag: int) -> Floats:
    """Chances made honest by what chances like them came to at earlier origins of all series: a logistic regression on
    the chance and the base rate, refitted every `REFIT` origins."""
    _, origins, steps = raw.shape
    found = np.full_like(raw, np.nan)
    for step in range(steps):
        design = np.stack(
            [np.ones(raw.shape[:2]), _log_odds(raw[:, :, step]), _log_odds(base[:, :, step])], axis=2
        )
        for start in range(0, origins, REFIT):
            past = slice(0, max(start - lag - step, 0))
            x, y = design[:, past].reshape(-1, 3), happened[:, past, step].reshape(-1)
            keep = ~np.isnan(y) & np.isfinite(x).all(axis=1)
            weights = _fitted(x[keep], y[keep])
            found[:, start : start + REFIT, step] = expit(design[:, start : start + REFIT] @ weights)
    # A longer wait cannot be less likely to see it.
    return np.maximum.accumulate(found, axis=2)


def _log_odds(chance: Floats) -> Floats:
    return np.asarray(logit(np.clip(chance, 0.5 / PATHS, 1.0 - 0.5 / PATHS)))


def _fitted(x: Floats, y: Floats, *, rounds: int = 20) -> Floats:
    """Weights of a logistic regression, drawn towards half chance, half base rate."""
    start = np.array([0.0, 0.5, 0.5])
    weights = start.copy()
    if len(y) == 0:
        return weights
    for _ in range(rounds):
        expected = expit(x @ weights)
        slope = x.T @ (y - expected) - PRIOR * (weights - start)
        curve = (x * (expected * (1.0 - expected))[:, None]).T @ x + PRIOR * np.eye(3)
        change = np.linalg.solve(curve, slope)
        weights += change
        if np.abs(change).max() < 1e-6:
            break
    return weights
