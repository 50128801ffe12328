"""Linear models of many series at once: one autoregression shared by all, and vector autoregressions of one place.

Ridge regressions with closed solutions, so that they cost next to nothing. Not for intervals: `calibrate.py` learns
them from past errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.matrix import Floats, Frequency
from forecasting.models.base import ModelInput, ModelOutput, after_lags, filled, guarded

LAGS, MINIMUM, NEWEST = 14, 28, 365
RIDGE = 1.0
VAR_LAGS, VAR_SERIES = (1, 7), 24
OWN, CROSS = 3.0, 30.0


@dataclass(frozen=True)
class GlobalLinear:
    """One regression of the coming periods on the last 14, learnt from all series together: each in its own unit and
    around its own recent mean, so that a short series borrows what the others know (Montero-Manso & Hyndman 2021,
    International Journal of Forecasting 37)."""

    name: str = "global_linear"

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        steps = horizon + int(data.lags.max(initial=0))
        rows = [filled(row)[-NEWEST:] / sd for row, sd in zip(data.values, _units(data), strict=True)]
        usable = [row.size >= LAGS + 1 for row in rows]
        past = [_windows(row, steps=steps) for row in rows if row.size >= LAGS + steps]
        paths = np.full((len(rows), steps), np.nan)
        if past and sum(len(x) for x, _ in past) >= MINIMUM:
            x, y = (np.concatenate(part) for part in zip(*past, strict=True))
            weights = np.linalg.solve(x.T @ x + RIDGE * np.eye(LAGS), x.T @ y)
            for at in np.flatnonzero(usable):
                recent = rows[at][-LAGS:]
                paths[at] = recent.mean() + (recent - recent.mean()) @ weights
        paths *= _units(data)[:, None]
        return guarded(after_lags(paths, lags=data.lags, horizon=horizon), data=data)


def _units(data: ModelInput) -> Floats:
    return np.maximum(data.sd, 1e-12)


def _windows(row: Floats, *, steps: int) -> tuple[Floats, Floats]:
    """Every 14 periods of a series and the `steps` after them, both less the mean of the 14."""
    cut = np.lib.stride_tricks.sliding_window_view(row, LAGS + steps)
    centre = cut[:, :LAGS].mean(axis=1, keepdims=True)
    return cut[:, :LAGS] - centre, cut[:, LAGS:] - centre


@dataclass(frozen=True)
class RidgeVar:
    """A vector autoregression of the signals of one place on the period before and the seventh before.

    Other signals' coefficients are shrunk ten times as hard as a signal's own. A file's series are one place; places
    with more than 24 signals are cut into parts of neighbouring ones. It needs two series that end on the same day.
    """

    name: str = "ridge_var"

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        paths = np.full((len(data.ids), horizon), np.nan)
        for group in _places(data):
            paths[group] = _var_paths(data.values[group][:, -NEWEST:], horizon=horizon)
        return guarded(paths, data=data)


def _places(data: ModelInput) -> list[list[int]]:
    """Positions of series of one place (what follows the signal's name in the id) that end on the same period; too
    young ones are left out, since all of them are cut to the youngest."""
    groups: dict[tuple[str, int], list[int]] = {}
    least = MINIMUM + max(VAR_LAGS)
    old_enough = [_span(row) >= least for row in data.values[:, -NEWEST:]]
    for at, (name, lag) in enumerate(zip(data.ids, data.lags, strict=True)):
        if not old_enough[at]:
            continue
        groups.setdefault((name.partition("|")[2], int(lag)), []).append(at)
    return [
        group[start : start + VAR_SERIES]
        for group in groups.values()
        for start in range(0, len(group), VAR_SERIES)
        if len(group[start : start + VAR_SERIES]) > 1
    ]


def _span(row: Floats) -> int:
    """Periods from a series' first to its last value."""
    seen = np.flatnonzero(~np.isnan(row))
    return int(seen[-1] - seen[0] + 1) if seen.size else 0


def _var_paths(values: Floats, *, horizon: int) -> Floats:
    """[series, horizon] after the last column; NaN where the series have too little past in common."""
    lag = int(np.argmax(~np.isnan(values[0, ::-1])))
    begun = int(max(np.argmax(~np.isnan(row)) for row in values))
    known = np.stack([_between(row[begun : row.size - lag]) for row in values])
    longest = max(VAR_LAGS)
    mean, unit = known.mean(axis=1), np.maximum(known.std(axis=1), 1e-12)
    scaled = (known - mean[:, None]) / unit[:, None]
    before = np.concatenate([scaled[:, longest - back : -back] for back in VAR_LAGS])
    after = scaled[:, longest:]
    count, grams = len(values), before @ before.T
    path = scaled
    weights = np.empty((count, before.shape[0]))
    for at in range(count):
        penalty = np.full(before.shape[0], CROSS)
        penalty[at::count] = OWN
        weights[at] = np.linalg.solve(grams + np.diag(penalty), before @ after[at])
    for _ in range(horizon + lag):
        newest = np.concatenate([path[:, -back] for back in VAR_LAGS])
        path = np.concatenate([path, (weights @ newest)[:, None]], axis=1)
    return path[:, -horizon:] * unit[:, None] + mean[:, None]


def _between(row: Floats) -> Floats:
    seen = np.flatnonzero(~np.isnan(row))
    return np.asarray(np.interp(np.arange(row.size), seen, row[seen]))
