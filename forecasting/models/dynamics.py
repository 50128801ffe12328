"""Explicit dynamics of a population's affect: a slow baseline, excitations that relax towards it, and weekdays.

A linear state-space model. The baseline drifts as a random walk. First order: a deviation from it decays by a constant
factor per period, as single people's affect does after an event (relaxation towards a baseline: Schweitzer & Garcia
2010, European Physical Journal B 77). Second order: the baseline has a damped momentum. Weekdays are slowly changing
effects that sum to zero. A day with few people is believed less. Several settings of the model are filtered side by
side and averaged by how well each foresaw the series so far, one step ahead, so no parameter is fitted by search.

Not for intervals on the natural scale: `calibrate.py` widens or narrows what is given here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.matrix import Frequency
from forecasting.models.base import ModelInput, ModelOutput, guarded
from forecasting.models.kernels import filtered

PERIODS = 400
MINIMUM = 14
SEASON = 7


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Variances are in units of the observation noise of a usual period; `decay` and `damping` per period."""

    drift: float
    excitation: float = 0.0
    decay: float = 0.0
    push: float = 0.0
    damping: float = 0.0
    weekdays: float = 1e-3


SETTINGS = (
    *(Setting(drift=q) for q in (1e-3, 1e-2, 0.05, 0.2, 1.0, 5.0)),
    *(
        Setting(drift=q, excitation=x, decay=d)
        for q in (1e-3, 2e-2)
        for x in (0.3, 1.0, 4.0)
        for d in (0.5, 0.8, 0.93)
    ),
    *(Setting(drift=q, push=p, damping=d) for q in (1e-2, 0.2) for p in (3e-3, 5e-2) for d in (0.6, 0.85)),
)


@dataclass(frozen=True)
class Dynamics:
    """The average of all settings, with the spread that they expect."""

    name: str = "dynamics"

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        values, sampling = data.values[:, -PERIODS:], data.sampling[:, -PERIODS:]
        season = SEASON if frequency == "day" else 1
        grid = np.array(
            [
                [s.drift, s.excitation, s.decay, s.push, s.damping, s.weekdays if season > 1 else 0.0]
                for s in SETTINGS
            ]
        )
        seen = ~np.isnan(values)
        first = np.argmax(seen, axis=1)
        unit = np.maximum(data.sd, 1e-9) ** 2 / 2.0
        usual = np.array(
            [np.median(row[known]) if known.any() else 0.0 for row, known in zip(sampling, seen, strict=True)]
        )
        noise = np.maximum(1.0 + (sampling - usual[:, None]) / unit[:, None], 0.25)
        mean, variance = filtered(values, noise, first, unit, grid, season, horizon)
        short = seen.sum(axis=1) < MINIMUM
        mean[short] = np.nan
        found = guarded(mean, data=data)
        return ModelOutput(points=found.points, fallback=found.fallback, scale=np.sqrt(variance))
