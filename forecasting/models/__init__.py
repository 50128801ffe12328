"""Every forecaster by name. Not for calibration or scoring."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable

from forecasting.models.base import Forecaster, ModelInput, ModelOutput
from forecasting.models.baselines import FlatLine, SeasonalNaive, WindowMean
from forecasting.models.boosting import Boosting
from forecasting.models.dynamics import Dynamics
from forecasting.models.linear import GlobalLinear, RidgeVar
from forecasting.models.neural import gru, nhits, patch_tst
from forecasting.models.pretrained import PREFIX, Pretrained
from forecasting.models.statistical import auto_arima, auto_ces, auto_ets, auto_theta, mstl
from warehouse.errors import ConfigError
from warehouse.main_model import COHERENT, ENSEMBLE
from warehouse.skill import BASELINE

MEDIAN = "ensemble_median"
# The names of models that were trained elsewhere begin like this.
FOREIGN = "chronos_"
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
    "nhits": nhits,
    "auto_ces": auto_ces,
    "mstl": mstl,
    "gru": gru,
    "patch_tst": patch_tst,
    "boosting": Boosting,
}
TRAINS_ONCE = frozenset({"nhits", "gru", "patch_tst"})
# In the ensemble unless a configuration or a task says otherwise; the others cost more than they bring.
BY_NAME_ONLY = ("auto_ces", "mstl", "gru", "patch_tst", "boosting")
DEFAULT_MEMBERS = tuple(name for name in REGISTRY if name not in BY_NAME_ONLY)

__all__ = [
    "BASELINE",
    "BY_NAME_ONLY",
    "COHERENT",
    "DEFAULT_MEMBERS",
    "ENSEMBLE",
    "FOREIGN",
    "MEDIAN",
    "REGISTRY",
    "TRAINS_ONCE",
    "Forecaster",
    "ModelInput",
    "ModelOutput",
    "create",
    "create_all",
]


def create(name: str) -> Forecaster:
    """A new forecaster by name, or by `chronos:` and a folder or hub id. `ConfigError` names the nearest known one."""
    if name.startswith(PREFIX):
        return Pretrained(name.removeprefix(PREFIX))
    if name not in REGISTRY:
        near = difflib.get_close_matches(name, [*REGISTRY, ENSEMBLE], n=1, cutoff=0.0)
        known = ", ".join([*REGISTRY, ENSEMBLE])
        raise ConfigError(
            f"unknown forecasting model '{name}'. Did you mean '{near[0]}'? Known models: {known}, and "
            f"{PREFIX}<folder or hub id>."
        )
    return REGISTRY[name]()


def create_all(names: Iterable[str]) -> list[Forecaster]:
    """New forecasters; `ConfigError` where two would publish under one `model_id`."""
    made: dict[str, tuple[str, Forecaster]] = {}
    for name in names:
        model = create(name)
        if model.name in made:
            raise ConfigError(
                f"the models '{made[model.name][0]}' and '{name}' would both be published as '{model.name}'. Name "
                "one of them alone, or rename a folder."
            )
        made[model.name] = (name, model)
    return [model for _, model in made.values()]
