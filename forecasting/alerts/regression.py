"""Robust quasi-likelihood regressions over many trailing windows at once.

Every window is described by how long ago each of its periods was, so that all windows share one
design matrix and a night's series are fitted in a few matrix products. Not for deciding what is
unusual: `detectors.py` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Family = Literal["count", "share"]

ITERATIONS = 9
# Noufaily et al. (2013): residuals beyond 2.58 lose weight with their square.
DOWNWEIGHT_FROM = 2.58
MAXIMUM_SHIFT = 8.0
LEVEL_SD, WEEKDAY_SD, TREND_SD, BEND_SD = 2.0, 1.0, 0.5, 0.25
# Of the two yearly harmonics: weak once a year is observed, and before that what keeps them apart from a trend.
SEASON_SD = (0.3, 0.3, 0.15, 0.15)


@dataclass(frozen=True)
class Design:
    """Columns by lag; each column is 0 at lag 0, so the intercept is the prediction for now.

    `columns` is (window, parameters), `precision` the prior precision of each parameter; the intercept's
    prior lies at the window's pooled mean.
    """

    columns: Floats
    precision: Floats


@dataclass(frozen=True)
class Fit:
    """One value per window: linear predictor now, its variance, dispersion, degrees of freedom.

    `dispersion` is the quasi-Poisson factor (at least 1) for counts, and for shares the variance
    between periods beyond sampling, as a multiple of p(1 - p) (at least 0).
    """

    predictor: Floats
    variance: Floats
    dispersion: Floats
    freedom: Floats


@dataclass(frozen=True)
class WindowFit:
    """`now`, and what other periods of the design are predicted from: coefficients (windows, parameters) and their
    covariance (windows, parameters, parameters)."""

    now: Fit
    coefficients: Floats
    covariance: Floats


def lag_design(lags: Floats, *, week: int, year: float | None, near: float) -> Design:
    """The design for periods that lie `lags` ago.

    `week` is the number of periods in a week (1 = no weekday effects), `year` the periods in a year or
    None for no season, `near` the lookback over which the recent trend may differ from the long one (0: no recent
    trend, so that a slow rise is not its own baseline).
    """
    columns: list[Floats] = [np.ones_like(lags)]
    precision = [LEVEL_SD**-2]
    for day in range(1, week):
        columns.append((lags % week == day).astype(np.float64))
        precision.append(WEEKDAY_SD**-2)
    if near:
        columns.append(np.minimum(lags, near) / near)
        precision.append(TREND_SD**-2)
    if year is None:
        columns.append((lags / near) ** 2)
        precision.append(BEND_SD**-2)
    else:
        columns += _season(lags, year=year)
        precision += [sd**-2 for sd in SEASON_SD]
        columns.append(np.maximum(lags - near, 0.0) / year)
        precision.append(TREND_SD**-2)
    return Design(columns=np.stack(columns, axis=1), precision=np.array(precision))


def _season(lags: Floats, *, year: float) -> list[Floats]:
    angles = [2 * np.pi * harmonic * lags / year for harmonic in (1, 2)]
    return [wave for angle in angles for wave in (np.cos(angle) - 1.0, np.sin(angle))]


def fit_windows(values: Floats, *, trials: Floats, design: Design, family: Family) -> WindowFit:
    """Fit every window (rows of `values`, NaN = not observed) by robust quasi-likelihood.

    `values` is (windows, lags): counts, or shares with `trials` people behind each. Past anomalies
    are down-weighted as in Noufaily et al. (2013, Statistics in Medicine 32:1206). Counts have
    variance phi mu; shares p(1 - p)(1/n + tau), tau by moments (Paule and Mandel 1982).
    """
    seen = np.isfinite(values)
    y = np.where(seen, values, 0.0)
    inverse_n = np.where(seen, 1.0 / np.where(seen, trials, 1.0), 0.0)
    start = _start(y, seen=seen, trials=trials, family=family)
    beta = np.zeros((len(y), design.columns.shape[1]))
    beta[:, 0] = start
    dispersion = np.full(len(y), 1.0 if family == "count" else 0.0)
    products = _products(design)
    for _ in range(ITERATIONS):
        eta = np.clip(beta @ design.columns.T, start[:, None] - MAXIMUM_SHIFT, start[:, None] + MAXIMUM_SHIFT)
        mean, slope, unit = moments(eta, family=family)
        scale = noise_scale(dispersion, inverse_n=inverse_n, family=family)
        robust = seen * _robust_weights(y, mean=mean, scale=scale, family=family)
        weight = robust * slope * slope / (unit * scale)
        response = eta - start[:, None] + (y - mean) / slope
        beta, covariance = _solve(weight, response, design=design, products=products)
        beta[:, 0] += start
        freedom = np.maximum(robust.sum(axis=1) - design.columns.shape[1], 3.0)
        squared = robust * (y - mean) ** 2 / unit
        dispersion = _dispersion(squared, freedom=freedom, inverse_n=inverse_n, now=dispersion, family=family)
    now = Fit(predictor=beta[:, 0], variance=covariance[:, 0, 0], dispersion=dispersion, freedom=freedom)
    return WindowFit(now=now, coefficients=beta, covariance=covariance)


def _start(y: Floats, *, seen: NDArray[np.bool_], trials: Floats, family: Family) -> Floats:
    """The link of each window's pooled mean, kept off the boundary by half an event."""
    count = np.maximum(seen.sum(axis=1), 1)
    if family == "count":
        return np.log((y.sum(axis=1) + 0.5) / (count + 0.5))
    people = np.where(seen, trials, 0.0)
    share = ((people * y).sum(axis=1) + 0.5) / (people.sum(axis=1) + 1.0)
    return np.asarray(special.logit(share))


def _products(design: Design) -> Floats:
    size = design.columns.shape[1]
    return (design.columns[:, :, None] * design.columns[:, None, :]).reshape(-1, size * size)


def moments(eta: Floats, *, family: Family) -> tuple[Floats, Floats, Floats]:
    """Mean, its slope in the predictor, and the unit variance function."""
    if family == "count":
        mean = np.exp(eta)
        return mean, mean, mean
    mean = special.expit(eta)
    slope = mean * (1.0 - mean)
    return mean, slope, slope


def noise_scale(dispersion: Floats, *, inverse_n: Floats, family: Family) -> Floats:
    """What multiplies the unit variance in each period."""
    if family == "count":
        return np.broadcast_to(dispersion[:, None], inverse_n.shape)
    return np.maximum(inverse_n + dispersion[:, None], 1e-12)


def _robust_weights(y: Floats, *, mean: Floats, scale: Floats, family: Family) -> Floats:
    """1 for ordinary periods, falling with the squared residual for unusually high ones."""
    residual = stable_residuals(y, mean=mean, scale=scale, family=family)
    return np.where(residual > DOWNWEIGHT_FROM, (DOWNWEIGHT_FROM / np.maximum(residual, 1.0)) ** 2, 1.0)


def stable_residuals(y: Floats, *, mean: Floats, scale: Floats, family: Family) -> Floats:
    """Residuals in standard deviations, on the scale on which the variance does not depend on the mean (Anscombe)."""
    if family == "count":
        return np.asarray(
            1.5 * (np.cbrt(y) ** 2 - np.cbrt(mean) ** 2) / (np.cbrt(np.sqrt(mean)) * np.sqrt(scale))
        )
    return np.asarray(2.0 * (np.arcsin(np.sqrt(y)) - np.arcsin(np.sqrt(mean))) / np.sqrt(scale))


def _solve(weight: Floats, response: Floats, *, design: Design, products: Floats) -> tuple[Floats, Floats]:
    """Penalised weighted least squares: coefficients and their covariance."""
    size = design.columns.shape[1]
    information = (weight @ products).reshape(-1, size, size) + np.diag(design.precision)
    target = (weight * response) @ design.columns
    inverse = np.linalg.inv(information)
    return np.asarray(np.einsum("nij,nj->ni", inverse, target)), np.asarray(inverse)


def _dispersion(
    squared: Floats, *, freedom: Floats, inverse_n: Floats, now: Floats, family: Family
) -> Floats:
    if family == "count":
        return np.maximum(squared.sum(axis=1) / freedom, 1.0)
    for _ in range(2):
        scale = np.maximum(inverse_n + now[:, None], 1e-12)
        excess = (squared / scale).sum(axis=1) - freedom
        slope = (squared / scale**2).sum(axis=1)
        now = np.maximum(now + excess / np.maximum(slope, 1e-300), 0.0)
    return now
