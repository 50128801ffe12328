"""Explicit dynamics of a population's affect: a slow baseline, excitations that relax towards it, and weekdays.

A linear state-space model. The baseline drifts as a random walk. First order: a deviation from it decays by a constant
factor per period, as single people's affect does after an event (relaxation towards a baseline: Schweitzer & Garcia
2010, European Physical Journal B 77). Second order: the baseline has a damped momentum. Weekdays are slowly changing
effects that sum to zero. A day with few people is believed less. Several settings of the model are filtered side by
side and averaged by how well each foresaw the series so far, one step ahead, so no parameter is fitted by search.

Not for intervals on the natural scale: `calibrate.py` widens or narrows what is given here.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.matrix import Floats, Frequency
from forecasting.models.base import ModelInput, ModelOutput, guarded
from forecasting.models.kernels import filtered

PERIODS = 400
MINIMUM = 14
SEASON = 7
EARLY = 60
LEAST_SCALE = 0.1


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


@dataclass(frozen=True, kw_only=True)
class Filtering:
    """What the filter needs besides values: see `kernels.filtered`."""

    noise: Floats
    first: NDArray[np.int64]
    unit: Floats
    grid: Floats
    season: int


def filtering(values: Floats, *, sampling: Floats, frequency: Frequency) -> Filtering:
    """For values [series, periods] on the modelling scale and the variance that sampling gave each.

    What is said of a period rests on periods up to it (the first guess of the noise: on the first `EARLY` steps), so
    that one pass serves all origins.
    """
    season = SEASON if frequency == "day" else 1
    seen = ~np.isnan(values)
    unit = np.array([_early_noise(row[known]) for row, known in zip(values, seen, strict=True)])
    so_far = np.cumsum(np.where(seen, sampling, 0.0), axis=1) / np.maximum(np.cumsum(seen, axis=1), 1)
    return Filtering(
        noise=np.maximum(1.0 + (sampling - so_far) / unit[:, None], 0.25),
        first=np.argmax(seen, axis=1) if seen.shape[1] else np.zeros(len(seen), dtype=np.int64),
        unit=unit,
        grid=np.array([astuple(s) if season > 1 else (*astuple(s)[:-1], 0.0) for s in SETTINGS]),
        season=season,
    )


def _early_noise(seen: Floats) -> float:
    """Half the mean square of the first steps, which are the difference of two noises; of the first that moves."""
    steps = np.diff(seen)
    moved = steps[:EARLY] if np.any(steps[:EARLY]) else steps[steps != 0.0][:1]
    return float(np.mean(moved**2)) / 2.0 if moved.size else 1e-12


@dataclass(frozen=True)
class Dynamics:
    """The average of all settings, with the spread that they expect."""

    name: str = "dynamics"

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        values = data.values[:, -PERIODS:]
        made = filtering(values, sampling=data.sampling[:, -PERIODS:], frequency=frequency)
        mean, variance = filtered(values, made.noise, made.first, made.unit, made.grid, made.season, horizon)
        mean[np.sum(~np.isnan(values), axis=1) < MINIMUM] = np.nan
        found = guarded(mean, data=data)
        # A series that has not moved for long expects nothing, and would make its next error immense.
        scale = np.maximum(np.sqrt(variance), LEAST_SCALE * data.sd[:, None])
        return ModelOutput(points=found.points, fallback=found.fallback, scale=scale)
