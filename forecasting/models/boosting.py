"""Gradient-boosted trees on lags, one model for all series together, through mlforecast and scikit-learn.

Each series is taken in its own unit and around its own mean, and predicted a step at a time. Fitted again at every
origin. Not for intervals: `calibrate.py` learns them from past errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from forecasting.matrix import Floats, Frequency
from forecasting.models.base import ModelInput, ModelOutput, after_lags, filled, guarded

NEWEST, TREES = 365, 150
LAGS: dict[Frequency, tuple[int, ...]] = {"day": (*range(1, 15), 21, 28), "week": tuple(range(1, 9))}
MEANS: dict[Frequency, tuple[int, ...]] = {"day": (7, 28), "week": (4, 8)}
MINIMUM: dict[Frequency, int] = {"day": 42, "week": 16}
ROWS = 40


@dataclass(frozen=True)
class Boosting:
    """Trees grown by histograms (Friedman 2001, Annals of Statistics 29; Ke et al. 2017, NeurIPS) on lags and rolling
    means of all series, the kind of model that won the M5 competition (Makridakis et al. 2022, International Journal
    of Forecasting 38)."""

    name: str = "boosting"

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        """Forecast; series shorter than six weeks of days, or 16 weeks, get a marked flat line."""
        steps = horizon + int(data.lags.max(initial=0))
        units = np.maximum(data.sd, 1e-12)
        rows = [filled(row)[-NEWEST:] / unit for row, unit in zip(data.values, units, strict=True)]
        usable = np.flatnonzero([row.size >= MINIMUM[frequency] for row in rows])
        paths = np.full((len(rows), steps), np.nan)
        if sum(rows[at].size - max(LAGS[frequency]) for at in usable) >= ROWS:
            frame = _frame([rows[at] for at in usable])
            paths[usable] = _paths(frame, steps=steps, frequency=frequency, seed=seed)
        paths *= units[:, None]
        return guarded(after_lags(paths, lags=data.lags, horizon=horizon), data=data)


def _frame(rows: list[Floats]) -> pl.DataFrame:
    """`unique_id` (position), `ds` (1, 2, …), `y`."""
    return pl.concat(
        [pl.DataFrame({"unique_id": i, "ds": np.arange(1, y.size + 1), "y": y}) for i, y in enumerate(rows)]
    )


def _paths(frame: pl.DataFrame, *, steps: int, frequency: Frequency, seed: int) -> Floats:
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean
    from mlforecast.target_transforms import LocalStandardScaler
    from threadpoolctl import threadpool_limits

    engine = MLForecast(
        models={"trees": _trees(seed)}, freq=1, lags=list(LAGS[frequency]),
        lag_transforms={1: [RollingMean(window) for window in MEANS[frequency]]},
        target_transforms=[LocalStandardScaler()], num_threads=1,
    )  # fmt: skip
    with threadpool_limits(1, user_api="openmp"):
        engine.fit(frame)
        found = engine.predict(steps)
    return found.sort("unique_id", "ds")["trees"].to_numpy().reshape(-1, steps).astype(np.float64)


def _trees(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=TREES, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=40,
        early_stopping=False, random_state=seed % 2**31,
    )  # fmt: skip
