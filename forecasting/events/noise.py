"""How a daily series moves when nothing changes: a first-order autoregression and, on top, errors of single days.

Fitted to differences, which a change of level hardly touches, and drawn from as often as wanted. Not a forecaster.

The mean square of y[t + k] - y[t] is 2 (tau^2 + sigma^2 (1 - rho^k)), with rho the autocorrelation, sigma^2 the
variance of what persists and tau^2 that of a day's own error. rho is taken from a grid, the variances by least
squares that allow no negative one. Difference-based estimation under changes of level goes back to Hall, Kay and
Titterington ("Asymptotically optimal difference-based estimation of variance", Biometrika 77:521-528, 1990).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.matrix import Floats

LAGS = 10
RHOS = np.linspace(0.0, 0.98, 50)
_BURN = 100
_LEAST_PAIRS = 5


@dataclass(frozen=True)
class Noise:
    """[...] parameters, one per series."""

    rho: Floats
    variance: Floats
    error: Floats

    @property
    def long_run(self) -> Floats:
        """The variance of a long mean, times its days."""
        return self.variance * (1.0 + self.rho) / (1.0 - self.rho) + self.error


def fit_noise(values: Floats, *, apart: Floats | None = None) -> Noise:
    """Fit [..., days] with NaN in gaps; a series that never differs has a variance of a hair.

    `apart` numbers the days' segments, of the same shape or one that broadcasts: only days of one are compared.
    """
    lags = np.arange(1, min(LAGS, values.shape[-1] - 1) + 1)
    squares = [(values[..., lag:] - values[..., :-lag]) ** 2 for lag in lags]
    if apart is not None:
        same = [apart[..., lag:] == apart[..., :-lag] for lag in lags]
        squares = [np.where(one, square, np.nan) for one, square in zip(same, squares, strict=True)]
    pairs = np.stack([(~np.isnan(square)).sum(axis=-1) for square in squares], axis=-1).astype(float)
    half = np.stack([np.nansum(square, axis=-1) for square in squares], axis=-1) / np.maximum(pairs, 1) / 2.0
    weight = np.where(pairs >= _LEAST_PAIRS, pairs, 0.0)
    best = np.full(half.shape[:-1], np.inf)
    rho, variance, error = np.zeros((3, *best.shape))
    for candidate in RHOS:
        lasting, single, loss = _variances(half, weight=weight, shape=1.0 - candidate**lags)
        better = loss < best
        best = np.where(better, loss, best)
        rho = np.where(better, candidate, rho)
        variance, error = np.where(better, lasting, variance), np.where(better, single, error)
    return Noise(rho, np.maximum(variance, 1e-12), error)


def _variances(half: Floats, *, weight: Floats, shape: Floats) -> tuple[Floats, Floats, Floats]:
    """Weighted least squares of `half` on `shape` and a constant, neither below 0, and the loss."""
    w, ws, wss = weight.sum(-1), (weight * shape).sum(-1), (weight * shape**2).sum(-1)
    wh, wsh = (weight * half).sum(-1), (weight * shape * half).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        determinant = w * wss - ws**2
        both = np.stack([(w * wsh - ws * wh) / determinant, (wss * wh - ws * wsh) / determinant])
        fine = (determinant > 1e-9 * w * wss) & (both >= 0.0).all(axis=0)
        alone = np.stack([np.nan_to_num(wsh / wss), np.zeros_like(w)])
        constant = np.stack([np.zeros_like(w), np.nan_to_num(wh / w)])
    losses = [
        (weight * (half - pair[0][..., None] * shape - pair[1][..., None]) ** 2).sum(-1)
        for pair in (alone, constant)
    ]
    single = np.where(losses[0] <= losses[1], alone, constant)
    chosen = np.where(fine, both, single)
    loss = (weight * (half - chosen[0][..., None] * shape - chosen[1][..., None]) ** 2).sum(-1)
    return chosen[0], chosen[1], loss


def draw_noise(noise: Noise, *, like: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """[draws, series, days] with the gaps of `like`; what persists shares the correlation of its day-to-day changes."""
    series, days = like.shape
    root = np.linalg.cholesky(_correlation(like))
    shocks = rng.normal(size=(_BURN + days, draws, series)) @ root.T
    scale = np.sqrt(noise.variance * (1.0 - noise.rho**2))
    state = np.zeros((draws, series))
    drawn = np.empty((draws, series, days))
    for day in range(_BURN + days):
        state = noise.rho * state + scale * shocks[day]
        if day >= _BURN:
            drawn[:, :, day - _BURN] = state
    drawn += np.sqrt(noise.error)[None, :, None] * rng.normal(size=drawn.shape)
    return np.where(np.isnan(like)[None], np.nan, drawn)


def _correlation(values: Floats) -> Floats:
    """Of first differences, pulled a little towards none, so that it can be decomposed."""
    steps = np.diff(values, axis=-1)
    seen = ~np.isnan(steps)
    centred = np.where(
        seen,
        steps - np.nansum(steps, axis=-1, keepdims=True) / np.maximum(seen.sum(-1, keepdims=True), 1),
        0.0,
    )
    cross = centred @ centred.T
    size = np.sqrt(np.maximum(np.diag(cross), 1e-12))
    return 0.9 * np.clip(cross / np.outer(size, size), -1.0, 1.0) * (1 - np.eye(len(values))) + np.eye(
        len(values)
    )
