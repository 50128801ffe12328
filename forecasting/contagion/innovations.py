"""What is new each day in a place's series: not its weekday, not its own past, not what all places share.

Not for comparing places (`lead_lag.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# Own past and shared factors are taken off up to eight days back: a week and a day.
ORDER = 8
# A factor beyond the first counts where its share of the variance exceeds this times the edge of pure noise.
EDGE, MOST_FACTORS = 0.88, 3
# An innovation beyond so many typical ones (of the median) counts as that many.
LIMIT = 4.0
# Days over which it is measured how far all places move at once.
CALM = 7
_MAD = 1.4826


@dataclass(frozen=True)
class Innovations:
    """`values` [places, days], 0 where nothing was observed; `taken` regressors are the same for all places."""

    values: Floats
    taken: int


def innovations(values: Floats) -> Innovations:
    """Of `values` [places, days] on the modelling scale, NaN where unknown, at least three places that vary.

    Each place is regressed on weekdays, a trend, its own last `ORDER` days, and the factors of the same day and of
    `ORDER` days before. Factors are principal components of the places' own innovations (their weights are applied
    to the levels): they hold every place, so that what a place shares cancels instead of being fitted with error
    (Bai 2009). Days on which all places move much weigh less. A gap repeats the last known deviation, as past only.
    """
    seen = np.isfinite(values)
    filled = _carried(values - _weekday_means(values))
    weight = seen.astype(np.float64)
    alone = _residuals(filled, weight=weight)
    weight = weight / _restlessness(alone)
    alone = _residuals(filled, weight=weight)
    factors = _factors(filled, alone=alone)
    left = _residuals(filled, weight=weight, shared=factors)
    return Innovations(values=left, taken=ORDER + factors.shape[1])


def _weekday_means(values: Floats) -> Floats:
    """[places, days]: each place's mean of that weekday, and its overall mean for a weekday never seen."""
    means = np.empty_like(values)
    overall = np.nanmean(values, axis=1)
    for weekday in range(7):
        part = values[:, weekday::7]
        known = np.isfinite(part)
        total = np.where(known, part, 0.0).sum(axis=1)
        mean = np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), overall)
        means[:, weekday::7] = mean[:, None]
    return means


def _carried(values: Floats) -> Floats:
    """The last known value carried forward; the first known one before it."""
    known = np.isfinite(values)
    at = np.maximum.accumulate(np.where(known, np.arange(values.shape[1]), 0), axis=1)
    start = known.argmax(axis=1)[:, None]
    return np.asarray(np.take_along_axis(values, np.maximum(at, start), axis=1))


def _lagged(series: Floats, *, least: int) -> Floats:
    """[..., days - ORDER, lags]: the series `least` to `ORDER` days back, for the days from `ORDER` on."""
    days = series.shape[-1]
    return np.stack([series[..., ORDER - lag : days - lag] for lag in range(least, ORDER + 1)], axis=-1)


def _residuals(filled: Floats, *, weight: Floats, shared: Floats | None = None) -> Floats:
    """[places, days]: weighted residuals, extreme ones drawn in; 0 where the weight is, and on the first days."""
    places, days = filled.shape
    weekdays = (np.arange(ORDER, days)[:, None] % 7 == np.arange(7)).astype(np.float64)
    calendar = [weekdays, np.linspace(-1, 1, days - ORDER)[:, None]]
    common = np.column_stack(calendar if shared is None else [*calendar, shared])
    every = np.broadcast_to(common, (places, *common.shape))
    w = weight[:, ORDER:, None]
    basis = np.linalg.qr(np.concatenate([every, _lagged(filled, least=1)], axis=2) * w)[0]
    target = filled[:, ORDER:, None] * w
    left = (target - basis @ (basis.transpose(0, 2, 1) @ target)) * (w > 0)
    return _drawn_in(np.concatenate([np.zeros((places, ORDER)), left[:, :, 0]], axis=1))


def _drawn_in(residuals: Floats) -> Floats:
    known = np.ma.masked_equal(np.abs(residuals), 0.0)
    typical = _MAD * np.ma.median(known, axis=1).filled(0.0)[:, None]
    return np.clip(residuals, -LIMIT * typical, LIMIT * typical)


def _in_units(residuals: Floats) -> tuple[Floats, Floats]:
    """Residuals in units of their place's spread, and the spread [places, 1]."""
    count = np.maximum((residuals != 0).sum(axis=1, keepdims=True), 1)
    spread = np.maximum(np.sqrt(np.square(residuals).sum(axis=1, keepdims=True) / count), 1e-12)
    return residuals / spread, spread


def _restlessness(residuals: Floats) -> Floats:
    """[days]: how far places move around that day, about 1; drawn towards 1 by one day's worth of places."""
    units, _ = _in_units(residuals)
    window, prior = np.ones(CALM), len(residuals)
    moved = np.convolve(np.square(units).sum(axis=0), window, "same")
    observed = np.convolve((units != 0).sum(axis=0), window, "same")
    return np.asarray(np.sqrt((moved + prior) / (observed + prior)))


def _factors(filled: Floats, *, alone: Floats) -> Floats:
    """[days - ORDER, factors x lags]: as many as the innovations show, one at least."""
    places, days = filled.shape
    units, spread = _in_units(alone)
    size, vectors = np.linalg.eigh(units @ units.T / days)
    edge = EDGE * (1 + np.sqrt(places / days)) ** 2
    most = max(1, min(MOST_FACTORS, places // 2))
    number = min(max(1, int((size > edge).sum())), most)
    levels = vectors[:, ::-1][:, :number].T @ (filled / spread)
    return _lagged(levels, least=0).transpose(1, 0, 2).reshape(days - ORDER, -1)
