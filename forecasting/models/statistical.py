"""Exponential smoothing, Theta and ARIMA, one series at a time, through statsforecast.

Seasons of 7 are modelled for days; weekly series are modelled without a season, because two years
of weeks hold too few to learn one. Not for intervals: `calibrate.py` learns them from past errors.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from forecasting.matrix import Floats, Frequency
from forecasting.models.base import ModelInput, ModelOutput, after_lags, filled, guarded

MINIMUM = 14
ARIMA_PERIODS = 300
SMOOTHING_PERIODS = 365
MSTL_PERIODS, YEAR = 1_461, 365
QUIET = (
    "Stepwise search was stopped early",
    "possible convergence problem",
    "Using ZNZ|Using AAA",
)


class _Unfitted:
    """Stands in where a model cannot be fitted: NaN, which `guarded` turns into a marked flat line."""

    alias = "unfitted"

    def forecast(self, *, y: Floats, h: int, **_: Any) -> dict[str, Floats]:
        return {"mean": np.full(h, np.nan)}


@dataclass(frozen=True)
class Statistical:
    """One statsforecast model; `make` builds it for a season length. It sees a series' `newest` periods and no other
    series, so that what it says of them can be kept (`forecasting/memo.py`)."""

    name: str
    make: Callable[[int], Any]
    newest: int

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        data = data.newest(self.newest)
        lags = data.lags
        frame = _regular(data)
        model = self.make(7 if frequency == "day" else 1)
        paths = _forecast(frame, model=model, horizon=horizon + int(lags.max(initial=0)))
        full = np.full((len(data.ids), paths.shape[1]), np.nan)
        full[frame["unique_id"].unique(maintain_order=True).to_numpy()] = paths
        return guarded(after_lags(full, lags=lags, horizon=horizon), data=data)


def _regular(data: ModelInput) -> pl.DataFrame:
    """`unique_id` (position), `ds` (1, 2, …), `y`: gaps filled by straight lines on the modelling scale."""
    series = [(i, filled(row)) for i, row in enumerate(data.values) if np.sum(~np.isnan(row)) >= MINIMUM]
    frames = [pl.DataFrame({"unique_id": i, "ds": np.arange(1, y.size + 1), "y": y}) for i, y in series]
    return (
        pl.concat(frames)
        if frames
        else pl.DataFrame(schema={"unique_id": pl.Int64, "ds": pl.Int64, "y": pl.Float64})
    )


def _forecast(frame: pl.DataFrame, *, model: Any, horizon: int) -> Floats:
    from statsforecast import StatsForecast

    if frame.is_empty():
        return np.empty((0, horizon))
    with warnings.catch_warnings():
        for message in QUIET:
            warnings.filterwarnings("ignore", message=message, category=UserWarning)
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"statsforecast\.")
        engine = StatsForecast(models=[model], freq=1, n_jobs=1, fallback_model=_Unfitted())
        found = engine.forecast(df=frame, h=horizon)
    return found[model.alias].to_numpy().reshape(-1, horizon).astype(np.float64)


def auto_ets() -> Statistical:
    """Exponential smoothing with additive errors and no trend, season or none, chosen by AICc."""
    return Statistical("auto_ets", _ets, SMOOTHING_PERIODS)


def auto_theta() -> Statistical:
    """The Theta family with additive seasons, chosen by past error (Fiorucci et al. 2016)."""
    return Statistical("auto_theta", _theta, SMOOTHING_PERIODS)


def auto_arima() -> Statistical:
    """ARIMA of at most order two, six candidates by AICc, on the last `ARIMA_PERIODS` periods."""
    return Statistical("auto_arima", _arima, ARIMA_PERIODS)


def auto_ces() -> Statistical:
    """Complex exponential smoothing (Svetunkov et al. 2022), its kind of season chosen by AICc."""
    return Statistical("auto_ces", _ces, SMOOTHING_PERIODS)


def mstl() -> Statistical:
    """Weekly and yearly seasons by repeated loess (Bandara et al. 2021), smoothing of the rest; needs two years."""
    return Statistical("mstl", _mstl, MSTL_PERIODS)


def _ets(season: int) -> Any:
    from statsforecast.models import AutoETS

    return AutoETS(season_length=season, model="ANZ" if season > 1 else "ANN")


def _theta(season: int) -> Any:
    from statsforecast.models import AutoTheta

    return AutoTheta(season_length=season, decomposition_type="additive")


def _arima(season: int) -> Any:
    from statsforecast.models import AutoARIMA

    return AutoARIMA(
        season_length=season, max_p=2, max_q=2, max_P=1, max_Q=1, max_d=1, start_p=1, start_q=1,
        nmodels=6, approximation=True, allowdrift=False,
    )  # fmt: skip


def _ces(season: int) -> Any:
    from statsforecast.models import AutoCES

    return AutoCES(season_length=season)


def _mstl(season: int) -> Any:
    from statsforecast.models import MSTL, AutoETS

    seasons = [season, YEAR] if season > 1 else [52]
    return MSTL(season_length=seasons, trend_forecaster=AutoETS(model="ANN"))
