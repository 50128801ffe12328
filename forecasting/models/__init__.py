"""Every forecaster by name. Not for calibration or scoring."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from forecasting.models.base import Forecaster, ModelInput, ModelOutput
from forecasting.models.baselines import FlatLine, SeasonalNaive, WindowMean
from forecasting.models.dynamics import Dynamics
from forecasting.models.neural import Nhits
from forecasting.models.statistical import auto_arima, auto_ets, auto_theta
from warehouse.errors import ConfigError

BASELINE = "flat_line"
ENSEMBLE = "ensemble"
REGISTRY: dict[str, Callable[[], Forecaster]] = {
    BASELINE: FlatLine,
    "window_mean": WindowMean,
    "seasonal_naive": SeasonalNaive,
    "auto_ets": auto_ets,
    "auto_theta": auto_theta,
    "auto_arima": auto_arima,
    "dynamics": Dynamics,
    "nhits": Nhits,
}
TRAINS_ONCE = frozenset({"nhits"})
DEFAULT_MEMBERS = tuple(REGISTRY)

__all__ = [
    "BASELINE",
    "DEFAULT_MEMBERS",
    "ENSEMBLE",
    "REGISTRY",
    "TRAINS_ONCE",
    "Forecaster",
    "ModelInput",
    "ModelOutput",
    "create",
]


def create(name: str) -> Forecaster:
    """A new forecaster; `ConfigError` names the nearest known one."""
    if name not in REGISTRY:
        near = difflib.get_close_matches(name, [*REGISTRY, ENSEMBLE], n=1, cutoff=0.0)
        known = ", ".join([*REGISTRY, ENSEMBLE])
        raise ConfigError(
            f"unknown forecasting model '{name}'. Did you mean '{near[0]}'? Known models: {known}."
        )
    return REGISTRY[name]()
