"""Which lead or lag of a signal agrees best with a survey, and how often chance does as well.

Not for saying that one causes the other, and not for reporting the best lag's correlation as if it were the only one
that was looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Correlation `r` and number of pairs `n` per lag; the strongest of them and its p-value over all lags.

    Lag k > 0: the signal was k periods ahead of the survey.
    """

    lags: NDArray[np.int64]
    r: Numbers
    n: NDArray[np.int64]
    best_lag: int
    best_r: float
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Chance:
    """How many surrogates of each kind are drawn, and from which seed."""

    surrogates: int = 999
    seed: int = 0


def scan(
    survey: Numbers, signal: Numbers, *, lags: range, reach: int, minimum: int, chance: Chance | None = None
) -> Scan | None:
    """Correlate a survey of n periods with a signal of n + 2·reach (reach more at either end), at every lag.

    p is the share of surrogate surveys, made without a look at the signal, whose largest |r| over the same lags is as
    large (the maximum statistic of Westfall and Young 1993), the observed one counted. Surrogates are made in two
    ways, and the larger p counts: random phases (Ebisuzaki 1997) keep the spectrum, but find too much in a short
    series that drifts; a first-order autoregression does not, but may not fit. Circular shifts would not do: the
    largest |r| of nine lags over 52 weeks has too few shifts that differ.
    Lags with fewer than `minimum` pairs are nan; None where all are.
    """
    chance = chance or Chance()
    n = survey.size
    shifted = np.stack([signal[reach - k : reach - k + n] for k in lags])
    r, pairs = _correlations(shifted, survey[None, :], minimum=minimum)
    r, pairs = r[:, 0], pairs[:, 0]
    if not np.isfinite(r).any():
        return None
    best = int(np.nanargmax(np.abs(r)))
    usable = np.isfinite(r)
    p_values = []
    for made in _surrogates(survey, chance=chance):
        null, _ = _correlations(shifted[usable], made, minimum=minimum)
        largest = np.abs(np.nan_to_num(null)).max(axis=0)
        p_values.append((1 + int((largest >= np.abs(r[best]) - 1e-12).sum())) / (1 + chance.surrogates))
    return Scan(
        lags=np.array(lags), r=r, n=pairs, best_lag=lags[best], best_r=float(r[best]), p_value=max(p_values)
    )


def _surrogates(survey: Numbers, *, chance: Chance) -> tuple[Numbers, Numbers]:
    """Series like the survey, with its gaps, of both kinds: two of shape (surrogates, n)."""
    rng = np.random.default_rng(chance.seed)
    there = np.isfinite(survey)
    time = np.arange(survey.size)
    whole = np.interp(time, time[there], survey[there])
    centred = whole - whole.mean()
    made = (
        _random_phases(centred, count=chance.surrogates, rng=rng),
        _autoregressions(centred, count=chance.surrogates, rng=rng),
    )
    return np.where(there, made[0], np.nan), np.where(there, made[1], np.nan)


def _random_phases(x: Numbers, *, count: int, rng: np.random.Generator) -> Numbers:
    size = np.abs(np.fft.rfft(x))
    phases = rng.uniform(0.0, 2.0 * np.pi, (count, size.size))
    spectrum = size * np.exp(1j * phases)
    if x.size % 2 == 0:
        # The highest frequency of an even length is real; √2 keeps its mean square.
        spectrum[:, -1] = size[-1] * np.sqrt(2.0) * np.cos(phases[:, -1])
    return np.asarray(np.fft.irfft(spectrum, x.size, axis=1))


def _autoregressions(x: Numbers, *, count: int, rng: np.random.Generator) -> Numbers:
    """Stationary Gaussian AR(1) series; the coefficient is corrected for its small-sample bias (Kendall 1954)."""
    found = float(x[1:] @ x[:-1] / (x @ x))
    # Kendall's (1 + 3φ)/n, and φ/n for the n − 1 products over n squares.
    phi = min(found + (1.0 + 4.0 * found) / x.size, 0.99)
    noise = rng.standard_normal((count, x.size))
    noise[:, 0] /= np.sqrt(1.0 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], noise, axis=1))


def _correlations(x: Numbers, y: Numbers, *, minimum: int) -> tuple[Numbers, NDArray[np.int64]]:
    """Pearson's r and the number of pairs of every row of x with every row of y, gaps (nan) left out in pairs."""
    x0, in_x = _centred(x)
    y0, in_y = _centred(y)
    n = in_x @ in_y.T
    with np.errstate(divide="ignore", invalid="ignore"):
        sx, sy = x0 @ in_y.T, in_x @ y0.T
        top = x0 @ y0.T - sx * sy / n
        vx, vy = (x0**2) @ in_y.T - sx**2 / n, in_x @ (y0**2).T - sy**2 / n
        # A variance that is nothing but rounding error is none.
        r = np.where((vx > 1e-10 * n) & (vy > 1e-10 * n), top / np.sqrt(vx * vy), np.nan)
    return np.where(n >= minimum, np.clip(r, -1.0, 1.0), np.nan), n.astype(np.int64)


def _centred(x: Numbers) -> tuple[Numbers, Numbers]:
    """Standardised by the whole, so that sums of squares lose no digits; 0 where absent; and what is there."""
    there = np.isfinite(x)
    values = x[there]
    spread = float(values.std()) if values.size else 0.0
    centre = float(values.mean()) if values.size else 0.0
    filled = np.where(there, (x - centre) / (spread or 1.0), 0.0)
    return filled, there.astype(np.float64)
