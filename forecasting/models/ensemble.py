"""Quantile-wise average of the models, weighted by how well each did at earlier origins.

Not for scoring: it is handed past scores and never sees the period it forecasts.
"""

from __future__ import annotations

import numpy as np

from forecasting.matrix import Flags, Floats

SHARPNESS = 15.0
OWN_SHARE = 0.25


def weights(past_wis: Floats, *, fallback: Flags) -> Floats:
    """[models, series] weights that sum to 1 over models.

    `past_wis` is [origins, models, series] on the modelling scale (NaN = not scored); `fallback`
    [models, series] marks what must not be used now. A model's weight is the geometric mean of its
    relative WIS to the power −`SHARPNESS`, a quarter of it from the series itself and the rest from all series.
    Models without a past count as average; with no past at all the weights are equal.
    """
    skill = _log_relative(past_wis)
    raw = np.exp(-SHARPNESS * skill)
    raw = np.where(fallback, 0.0, raw)
    nobody = raw.sum(axis=0) == 0.0
    raw[:, nobody] = 1.0
    return raw / raw.sum(axis=0)


def _log_relative(past_wis: Floats) -> Floats:
    """[models, series] log of WIS against the average model, shrunk to the panel's."""
    logs = np.log(np.maximum(past_wis, 1e-12))
    against = logs - _mean(logs, axis=1)[:, None, :]
    own = _mean(against, axis=0)
    pooled = _mean(own, axis=1)
    panel = np.where(np.isnan(pooled), 0.0, pooled)[:, None]
    return np.where(np.isnan(own), panel, OWN_SHARE * np.nan_to_num(own) + (1.0 - OWN_SHARE) * panel)


def _mean(values: Floats, *, axis: int) -> Floats:
    """Mean over an axis without NaN; NaN where nothing is left."""
    seen = ~np.isnan(values)
    total, count = np.where(seen, values, 0.0).sum(axis=axis), seen.sum(axis=axis)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def combine(quantiles: Floats, *, weights: Floats) -> Floats:
    """[series, horizons, levels] from [models, series, horizons, levels] and [models, series]."""
    return np.sort(np.einsum("mshq,ms->shq", quantiles, weights), axis=2)
