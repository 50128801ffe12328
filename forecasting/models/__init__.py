"""Every forecaster by name. Not for calibration or scoring."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from forecasting.models.base import Forecaster, ModelInput, ModelOutput
from forecasting.models.baselines import FlatLine, SeasonalNaive, WindowMean
from forecasting.models.dynamics import Dynamics
from forecasting.models.linear import GlobalLinear, RidgeVar
from forecasting.models.neural import Nhits
from forecasting.models.statistical import auto_arima, auto_ces, auto_ets, auto_theta, mstl
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
    "global_linear": GlobalLinear,
    "ridge_var": RidgeVar,
    "nhits": Nhits,
    "auto_ces": auto_ces,
    "mstl": mstl,
}
TRAINS_ONCE = frozenset({"nhits"})
# In the ensemble unless a configuration or a task says otherwise; the others cost more than they bring.
DEFAULT_MEMBERS = tuple(name for name in REGISTRY if name not in ("auto_ces", "mstl"))

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
