"""Forecasts that cost nothing, with the errors they would have made on each series' own past.

Not for anything fitted. The flat line is what every other model is compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecasting.calibrate import SHORT_HISTORY, random_walk_spread, symmetric_spread, with_quantiles
from forecasting.matrix import Floats, Frequency, last_column
from forecasting.models.base import SEASON, ModelInput, ModelOutput, filled, flat_points

WINDOW = 7
Errors = Callable[[Floats, int], Floats]


def flat_errors(values: Floats, steps: int) -> Floats:
    """[series, …] value minus the value `steps` periods before it."""
    return values[:, steps:] - values[:, : max(values.shape[1] - steps, 0)]


def window_errors(values: Floats, steps: int) -> Floats:
    """[series, …] value minus the mean of the seven periods that end `steps` periods before it."""
    return values[:, steps:] - trailing_mean(values)[:, : max(values.shape[1] - steps, 0)]


def seasonal_errors(values: Floats, steps: int, season: int) -> Floats:
    """[series, …] value minus the value of the newest whole season at least `steps` periods before it."""
    return flat_errors(values, season * -(-steps // season))


def trailing_mean(values: Floats) -> Floats:
    """[series, periods] mean of what was observed in the `WINDOW` periods up to each; NaN where nothing was."""
    seen = ~np.isnan(values)
    total = _trailing_sum(np.where(seen, values, 0.0))
    count = _trailing_sum(seen.astype(np.float64))
    return np.divide(total, count, out=np.full_like(values, np.nan), where=count > 0)


def _trailing_sum(values: Floats) -> Floats:
    padded = np.concatenate([np.zeros((len(values), WINDOW)), values], axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW, axis=1)[:, 1:]
    return np.asarray(windows.sum(axis=2))


def own_quantiles(data: ModelInput, points: Floats, *, errors: Errors) -> Floats:
    """[series, horizons, levels] around `points`, from the errors of the same rule on each series' past.

    Series shorter than `SHORT_HISTORY`, without any error of that many steps, or that never moved, get a
    random-walk interval.
    """
    horizon = points.shape[1]
    steps = data.lags[:, None] + np.arange(1, horizon + 1)[None, :]
    spread = random_walk_spread(data.sd, steps=steps.astype(np.float64), n=data.observed.astype(np.float64))
    long_enough = data.observed >= SHORT_HISTORY
    for ahead in np.unique(steps[long_enough]):
        rows, columns = np.nonzero((steps == ahead) & long_enough[:, None])
        found = symmetric_spread(errors(data.values[rows], int(ahead)))
        moved = np.abs(found[:, [-1]]) > 0.0
        spread[rows, columns] = np.where(moved, found, spread[rows, columns])
    return with_quantiles(points, spread=spread)


def flat_quantiles(data: ModelInput, *, horizon: int) -> Floats:
    """[series, horizons, levels] around the last observation."""
    return own_quantiles(data, flat_points(data, horizon=horizon), errors=flat_errors)


@dataclass(frozen=True)
class FlatLine:
    """The last observation; intervals from the series' own differences over as many steps, symmetrised."""

    name: str = "flat_line"

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        points = flat_points(data, horizon=horizon)
        none = np.zeros(len(data.ids), dtype=bool)
        return ModelOutput(
            points=points, fallback=none, quantiles=own_quantiles(data, points, errors=flat_errors)
        )


@dataclass(frozen=True)
class WindowMean:
    """The mean of what was observed in the seven periods up to the last observation."""

    name: str = "window_mean"

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        mean = trailing_mean(data.values)[np.arange(len(data.ids)), last_column(data.values)]
        points = np.repeat(mean[:, None], horizon, axis=1)
        none = np.zeros(len(data.ids), dtype=bool)
        return ModelOutput(
            points=points, fallback=none, quantiles=own_quantiles(data, points, errors=window_errors)
        )


@dataclass(frozen=True)
class SeasonalNaive:
    """The value one whole season earlier (7 days, 52 weeks); a flat line where two seasons are not there."""

    name: str = "seasonal_naive"

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        season = SEASON[frequency]
        usable = np.array([filled(row).size >= 2 * season for row in data.values], dtype=bool)
        points = flat_points(data, horizon=horizon)
        quantiles = flat_quantiles(data, horizon=horizon)
        if not usable.any():
            return ModelOutput(points=points, fallback=~usable, quantiles=quantiles)
        kept = data.rows(np.flatnonzero(usable))
        points[usable] = _seasonal_points(kept, horizon=horizon, season=season)
        quantiles[usable] = own_quantiles(
            kept, points[usable], errors=lambda v, k: seasonal_errors(v, k, season)
        )
        return ModelOutput(points=points, fallback=~usable, quantiles=quantiles)


def _seasonal_points(data: ModelInput, *, horizon: int, season: int) -> Floats:
    last_season = np.stack([filled(row)[-season:] for row in data.values])
    ahead = data.lags[:, None] + np.arange(horizon)[None, :]
    return np.take_along_axis(last_season, ahead % season, axis=1)


def error_scale(data: ModelInput, *, horizon: int, frequency: Frequency) -> Floats:
    """[series, horizons] the smallest mean absolute error of the three rules on each series' own past.

    The unit in which residuals are pooled across series; a random-walk step where there is no past.
    """
    season = SEASON[frequency]
    rules: list[Errors] = [flat_errors, window_errors, lambda v, k: seasonal_errors(v, k, season)]
    steps = data.lags[:, None] + np.arange(1, horizon + 1)[None, :]
    scale = np.sqrt(2.0 / np.pi) * data.sd[:, None] * np.sqrt(steps)
    for ahead in np.unique(steps):
        rows, columns = np.nonzero(steps == ahead)
        sizes = np.stack([_mean_size(rule(data.values[rows], int(ahead))) for rule in rules])
        best = np.min(np.where(np.isnan(sizes), np.inf, sizes), axis=0)
        scale[rows, columns] = np.where(np.isfinite(best) & (best > 0.0), best, scale[rows, columns])
    return scale


def _mean_size(errors: Floats) -> Floats:
    """[series] mean absolute error; NaN with fewer than `SHORT_HISTORY` of them."""
    seen = ~np.isnan(errors)
    count = seen.sum(axis=1)
    total = np.where(seen, np.abs(errors), 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(errors), np.nan), where=count >= SHORT_HISTORY)
