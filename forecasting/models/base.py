"""What a forecaster is given and what it gives back.

Not for calibration: a forecaster may leave its quantiles to `calibrate.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forecasting.matrix import Flags, Floats, Frequency, last_column

SEASON: dict[Frequency, int] = {"day": 7, "week": 52}
IMPLAUSIBLE = 5.0


@dataclass(frozen=True, kw_only=True)
class ModelInput:
    """A panel on the modelling scale: `values` [series, periods], NaN for gaps, last column = the origin.

    Every series has at least one observation; `sd` [series] is the size of one random-walk step, `sampling`
    [series, periods] the variance that sampling alone gives each value (0 where it is not known).
    """

    ids: tuple[str, ...]
    values: Floats
    sd: Floats
    sampling: Floats

    @property
    def observed(self) -> NDArray[np.int64]:
        """[series] number of observed periods."""
        return np.sum(~np.isnan(self.values), axis=1)

    @property
    def lags(self) -> NDArray[np.int64]:
        """[series] periods between the last observation and the origin."""
        return self.values.shape[1] - 1 - last_column(self.values)

    def newest(self, periods: int) -> ModelInput:
        """The newest periods alone, with the step that they have by themselves.

        A series that ended before them keeps its last value, as the first of them.
        """
        values = self.values[:, -periods:].copy()
        ended = np.flatnonzero(np.isnan(values).all(axis=1))
        if values.shape[1]:
            values[ended, 0] = self.values[ended, last_column(self.values)[ended]]
        own = [_step(row) for row in values]
        sd = np.array(
            [o if o > 0.0 else before for o, before in zip(own, self.sd, strict=True)], dtype=np.float64
        )
        return replace(self, values=values, sd=sd, sampling=self.sampling[:, -periods:])

    def rows(self, keep: NDArray[np.int64]) -> ModelInput:
        """The series at the positions `keep`."""
        ids = tuple(self.ids[i] for i in keep)
        return replace(
            self, ids=ids, values=self.values[keep], sd=self.sd[keep], sampling=self.sampling[keep]
        )


@dataclass(frozen=True, kw_only=True)
class ModelOutput:
    """Points [series, horizons] from the origin on, own quantiles [series, horizons, levels] if any.

    `fallback` [series] marks series that the model could not forecast: their points are a flat line. `scale`
    [series, horizons] is the error that the model itself expects, if it does: its past errors are pooled in that unit.
    """

    points: Floats
    fallback: Flags
    quantiles: Floats | None = None
    scale: Floats | None = None


class Forecaster(Protocol):
    """A named method. Deterministic for a given input and seed."""

    @property
    def name(self) -> str: ...

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        """Forecast every series of `data` for the `horizon` periods after the last column."""
        ...


def _step(row: Floats) -> float:
    """Root mean square of a series' differences, over gaps divided by the root of their length; 0 without two."""
    seen = np.flatnonzero(~np.isnan(row))
    steps = np.diff(row[seen]) / np.sqrt(np.diff(seen))
    return float(np.sqrt(np.mean(steps**2))) if steps.size >= 2 else 0.0


def filled(row: Floats) -> Floats:
    """A series [periods] from its first to its last observation, gaps filled by straight lines.

    Only models that need a regular series see this; no output ever holds a filled value.
    """
    seen = np.flatnonzero(~np.isnan(row))
    return np.asarray(np.interp(np.arange(seen[0], seen[-1] + 1), seen, row[seen]))


def flat_points(data: ModelInput, *, horizon: int) -> Floats:
    """[series, horizons] the last observation, repeated."""
    last = data.values[np.arange(len(data.ids)), last_column(data.values)]
    return np.repeat(last[:, None], horizon, axis=1)


def after_lags(paths: Floats, *, lags: NDArray[np.int64], horizon: int) -> Floats:
    """Paths [series, horizon + longest lag] counted from each last observation → [series, horizon] from the origin."""
    columns = lags[:, None] + np.arange(horizon)[None, :]
    return np.take_along_axis(paths, columns, axis=1)


def guarded(points: Floats, *, data: ModelInput) -> ModelOutput:
    """Replace paths that are not finite, or stray far outside what was ever observed, by a marked flat line."""
    low = np.nanmin(data.values, axis=1, initial=np.inf)
    high = np.nanmax(data.values, axis=1, initial=-np.inf)
    room = IMPLAUSIBLE * np.maximum(high - low, data.sd)
    inside = (points >= (low - room)[:, None]) & (points <= (high + room)[:, None])
    bad = ~np.all(np.isfinite(points) & inside, axis=1)
    flat = flat_points(data, horizon=points.shape[1])
    return ModelOutput(points=np.where(bad[:, None], flat, points), fallback=bad)
