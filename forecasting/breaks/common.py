"""Did many signals move the same way, whatever they mean? A mood moves opposite signals apart; a change in how
the data come about moves them together.

Not for volume, length or coverage, which are series of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.breaks.shifts import (
    GUARD,
    MEMORY,
    STEP,
    Floats,
    deviations,
    level_shifts,
    mean,
    onset_back,
    shift_errors,
)

LEAST_SIGNALS = 3
# One signal, however far it went, is one voice.
LARGEST_Z = 4.0
LEAST_BALANCE = 1.0 / 3.0
# Correlation between signals' shifts where the past does not tell, and the weight of that guess in weeks.
PRIOR_RHO, PRIOR_WEEKS = 0.5, 5.0


@dataclass(frozen=True, kw_only=True)
class Common:
    """The common movement of a place's signals on every day; arrays of (T,).

    `score` is the common shift over its error (generalised least squares: signals that usually move together
    count less); `worse` and `better` are the mean movements of the signals of each meaning, NaN where there
    are none. `moved` of `signals` went at least one error in the score's direction. `back` says how many days
    before the judged one it began, `memory` how many days the past holds.
    """

    score: Floats
    worse: Floats
    better: Floats
    moved: NDArray[np.int64]
    signals: NDArray[np.int64]
    back: NDArray[np.int64]
    memory: NDArray[np.int64]


def common_shift(logits: Floats, *, meaning: NDArray[np.int64]) -> Common:
    """Judge every day of (days, signals); `meaning` is 1 worse, -1 better, 0 neither, per signal."""
    far, _ = deviations(logits)
    shifts = level_shifts(far)
    errors = shift_errors(logits, shifts=shifts)
    z = np.clip(shifts / errors, -LARGEST_Z, LARGEST_Z)
    score = _scores(z)
    sign = np.where(score < 0, -1.0, 1.0)
    known = np.isfinite(score)
    return Common(
        score=score,
        worse=mean(z[:, meaning == 1]),
        better=mean(z[:, meaning == -1]),
        moved=(z * sign[:, None] >= 1.0).sum(axis=1),
        signals=np.isfinite(z).sum(axis=1),
        back=onset_back(mean(np.swapaxes(far / errors[..., None], 1, 2)), sign=sign),
        memory=np.cumsum(known) - known,
    )


def agreement(worse: Floats, better: Floats, *, sign: Floats) -> Floats:
    """How far the less moved of the two meanings went in the direction of `sign`.

    NaN with one meaning, and 0 where it went less than `LEAST_BALANCE` of the other's way: then one meaning
    moved, and the other by chance.
    """
    less, more = np.minimum(worse * sign, better * sign), np.maximum(worse * sign, better * sign)
    return np.where(less >= LEAST_BALANCE * more, less, np.minimum(less, 0.0))


def _scores(z: Floats) -> Floats:
    """1'R⁻¹z / √(1'R⁻¹1) with R from the past year's own z; NaN where fewer than three signals are known."""
    score = np.full(len(z), np.nan)
    for first in range(0, len(z), STEP):
        block = z[first : first + STEP]
        past = z[max(0, first - GUARD - MEMORY) : max(0, first - GUARD)]
        for known in _patterns(np.isfinite(block)):
            if known.sum() < LEAST_SIGNALS:
                continue
            rows = (np.isfinite(block) == known).all(axis=1)
            weights = np.linalg.solve(_correlation(past[:, known]), np.ones(known.sum()))
            score[first : first + STEP][rows] = block[rows][:, known] @ weights / np.sqrt(weights.sum())
    return score


def _patterns(known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The different rows; nearly always one."""
    return known[:1] if (known == known[0]).all() else np.unique(known, axis=0)


def _correlation(past: Floats) -> Floats:
    """Correlation of shifts, drawn towards `PRIOR_RHO`; the diagonal is never below what was usual."""
    size = past.shape[1]
    prior = np.full((size, size), PRIOR_RHO) + (1.0 - PRIOR_RHO) * np.eye(size)
    whole = past[np.isfinite(past).all(axis=1)]
    weeks = len(whole) / 7.0
    if weeks < 1.0:
        return prior
    spread = np.sqrt(np.maximum((whole**2).mean(axis=0), 1e-9))
    own = (whole.T @ whole) / len(whole) / np.outer(spread, spread)
    mixed = (weeks * own + PRIOR_WEEKS * prior) / (weeks + PRIOR_WEEKS)
    scale = np.maximum(spread, 1.0)
    return np.asarray(mixed * np.outer(scale, scale))
