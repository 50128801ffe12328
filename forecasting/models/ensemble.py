"""Averages of the models, quantile by quantile: weighted by how well each did at earlier origins, and their median.

Not for scoring: they are handed past scores and never see the period they forecast.
"""

from __future__ import annotations

import numpy as np

from forecasting.matrix import Flags, Floats

SHARPNESS = 15.0
OWN_SHARE = 0.25
STEP_SHARE = 0.5
NEIGHBOUR_STEPS = 2


def weights(past_wis: Floats, *, fallback: Flags) -> Floats:
    """[models, series, horizons] weights that sum to 1 over models.

    `past_wis` is [origins, models, series, horizons] on the modelling scale (NaN = not scored); `fallback`
    [models, series] marks what must not be used now. A model's weight is the geometric mean of its
    relative WIS to the power −`SHARPNESS`, a quarter of it from the series itself and the rest from all series, half
    of it from the step ahead with its two neighbours on either side and the rest from all steps.
    Models without a past count as average; with no past at all the weights are equal.
    """
    horizons = past_wis.shape[3]
    whole = _log_relative(_mean(past_wis, axis=3))
    raw = np.empty((*fallback.shape, horizons))
    for h in range(horizons):
        near = past_wis[..., max(h - NEIGHBOUR_STEPS, 0) : h + NEIGHBOUR_STEPS + 1]
        skill = STEP_SHARE * _log_relative(_mean(near, axis=3)) + (1.0 - STEP_SHARE) * whole
        raw[..., h] = np.where(fallback, 0.0, np.exp(-SHARPNESS * skill))
    raw = np.where(raw.sum(axis=0) == 0.0, 1.0, raw)
    return raw / raw.sum(axis=0)


def _log_relative(past_wis: Floats) -> Floats:
    """[models, series] log of WIS [origins, models, series] against the average model, shrunk to the panel's."""
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
    """[series, horizons, levels] from [models, series, horizons, levels] and [models, series, horizons]."""
    return np.sort(np.einsum("mshq,msh->shq", quantiles, weights), axis=2)


def median(quantiles: Floats, *, fallback: Flags) -> Floats:
    """[series, horizons, levels] the middle model at each level; of all where every one fell back.

    What an ensemble is whose weights nobody has to trust; `quantiles` and `fallback` as above.
    """
    left_out = fallback & ~fallback.all(axis=0)
    kept = np.ma.masked_array(quantiles, mask=np.broadcast_to(left_out[:, :, None, None], quantiles.shape))
    return np.sort(np.ma.median(kept, axis=0).filled(np.nan), axis=2)
