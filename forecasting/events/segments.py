"""Crisis stages by change points: where the levels of the stage markers change, with the evidence for it.

Not for drawing a line where a reader expects one, nor for the dates of a crisis: it dates what people wrote.

The levels of all markers change together at unknown days. For each number of changes the split with the least sum
of squares is found exactly by dynamic programming (as in Bai and Perron, "Computation and analysis of multiple
structural change models", Journal of Applied Econometrics 18:1-22, 2003). Penalties of the BIC kind suppose
independent days and find changes in any autocorrelated series; here the price of a change is the `1 - alpha`
quantile of the gain per change in series drawn without one (`noise.py`). Drawn series are fitted anew, so that what
the fit does not know counts as well; pairs of days across the most likely changes are no part of any fit. Stages
after Drabek ("Human System Responses to Disaster", 1986).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecasting.events.noise import Noise, draw_noise, fit_noise
from forecasting.matrix import Floats, Frequency, Matrix, to_model_scale

LEAST_PERIODS: dict[Frequency, int] = {"day": 42, "week": 24}
_CHANGES = {"change_day": pl.Date(), "first_day": pl.Date(), "last_day": pl.Date()}
_SEGMENTS = {
    "start": pl.Date(),
    "end": pl.Date(),
    "n_days": pl.Int64(),
    "stage": pl.String(),
    "lead": pl.Float64(),
}


@dataclass(frozen=True, kw_only=True)
class SegmentSpec:
    """`alpha`: how often a series without a change may show one; a segment has at least `least_length` days (weeks in
    weekly series); changes are looked for at `most_cuts` of them at most, evenly spaced."""

    alpha: float = 0.05
    draws: int = 199
    most_changes: int = 3
    least_length: int = 14
    most_cuts: int = 200
    seed: int = 20240101


@dataclass(frozen=True)
class Segmentation:
    """What changed and how sure that is.

    `changes`: change_day (first day of the new level), first_day and last_day of its 90 % interval. `segments`:
    start, end, observed days, the `stage` whose marker lies highest above its own mean of the whole span, `lead`
    over the next one in standard deviations of a day, and a column `level_<id>` per marker in the same unit.
    `gain` is the share of the sum of squares that the changes explain, `p_value` that of any change at all,
    `resolution` the distance, in days or weeks, at which changes are looked for. `reason` says why there is nothing.
    """

    changes: pl.DataFrame
    segments: pl.DataFrame
    gain: float | None
    p_value: float | None
    resolution: int
    reason: str | None = None


def segment(matrix: Matrix, *, spec: SegmentSpec) -> Segmentation:
    """Segment all series of the matrix together, weekdays taken off; `matrix.ids` are the stages."""
    scaled, least = to_model_scale(matrix), LEAST_PERIODS[matrix.frequency]
    usual = _without_weekdays(scaled) if matrix.frequency == "day" else scaled
    kept = (~np.isnan(usual)).sum(axis=1) >= least
    step = -(-matrix.periods // spec.most_cuts)
    if not kept.any():
        reason = f"fewer than {least} published {matrix.frequency}s"
        nothing = pl.DataFrame(schema=_CHANGES), pl.DataFrame(schema=_SEGMENTS)
        return Segmentation(*nothing, gain=None, p_value=None, resolution=step, reason=reason)
    values = usual[kept]
    rng = np.random.default_rng(spec.seed)
    noise = _noise_between(values[None], spec=spec)[0]
    drawn = draw_noise(noise, like=values, draws=spec.draws, rng=rng)
    gains, splits = _best_gains(values, noise=noise, spec=spec)
    null = _null_gains(drawn, spec=spec)
    price = float(np.quantile(null, 1.0 - spec.alpha, method="higher"))
    net = gains[1:] - price * np.arange(1, len(gains))
    n_changes = int(np.argmax(net)) + 1 if net.size and net.max() > 0.0 else 0
    observed = _per_change(gains).max()
    p_value = float((1 + (null >= observed).sum()) / (1 + spec.draws))
    days = [
        matrix.reference - dt.timedelta(days=(matrix.periods - 1 - at) * matrix.step)
        for at in range(matrix.periods)
    ]
    cuts = splits[n_changes]
    total = _costs(values, cuts=np.array([0, matrix.periods]), noise=noise)[0, 1]
    return Segmentation(
        _changes(values, cuts=cuts, days=days, noise=noise, rng=rng, spec=spec),
        _segments(values, cuts=cuts, days=days, ids=tuple(np.array(matrix.ids)[kept].tolist())),
        float(gains[n_changes] / total) if total > 0 else 0.0,
        p_value,
        step,
    )


def _without_weekdays(values: Floats) -> Floats:
    """Each series less what its weekdays differ from its mean; a description of the past, so all of it is used."""
    flat = values.copy()
    if values.shape[1] == 0:
        return flat
    for weekday in range(7):
        days = values[:, weekday::7]
        seen = ~np.isnan(days)
        all_seen = ~np.isnan(values)
        usual = np.nansum(days, axis=1) / np.maximum(seen.sum(axis=1), 1)
        mean = np.nansum(values, axis=1) / np.maximum(all_seen.sum(axis=1), 1)
        flat[:, weekday::7] = days - (usual - mean)[:, None]
    return flat


def _null_gains(drawn: Floats, *, spec: SegmentSpec) -> Floats:
    """The largest gain per change of each drawn set of series, whose noise is estimated from it alone."""
    noises = _noise_between(drawn, spec=spec)
    return np.array(
        [
            _per_change(_best_gains(one, noise=noise, spec=spec)[0]).max()
            for one, noise in zip(drawn, noises, strict=True)
        ]
    )


def _noise_between(sets: Floats, *, spec: SegmentSpec) -> list[Noise]:
    """The noise of each set of [sets, series, days], from pairs of days between which none of the most likely changes
    lies: a true one would pass for persistence."""
    plain = fit_noise(sets)
    numbered = np.zeros((len(sets), 1, sets.shape[-1]))
    for row, one in enumerate(sets):
        # Weighed by day-to-day changes alone: what is fitted to longer ones may be a change of level.
        rough = Noise(np.zeros(len(one)), plain.variance[row] * (1.0 - plain.rho[row]), plain.error[row])
        for cut in _best_gains(one, noise=rough, spec=spec)[1][-1]:
            numbered[row, 0, cut:] += 1
    fitted = fit_noise(sets, apart=numbered)
    return [Noise(*parts) for parts in zip(fitted.rho, fitted.variance, fitted.error, strict=True)]


def _per_change(gains: Floats) -> Floats:
    return np.asarray(gains[1:] / np.arange(1, len(gains))) if len(gains) > 1 else np.zeros(1)


def _best_gains(
    values: Floats, *, noise: Noise, spec: SegmentSpec, changes: int | None = None
) -> tuple[Floats, list[NDArray[np.int64]]]:
    """Gain over no change, and the cuts, of the best split with 0, 1, … changes (or `changes` at most)."""
    days = values.shape[1]
    cuts = np.append(np.arange(0, days, -(-days // spec.most_cuts)), days)
    cost = _costs(values, cuts=cuts, noise=noise)
    too_short = cuts[None, :] - cuts[:, None] < spec.least_length
    cost = np.where(too_short, np.inf, cost)
    best = cost[0]
    came: list[NDArray[np.int64]] = []
    least, splits = [best[-1]], [np.array([], dtype=np.int64)]
    for number in range(1, (spec.most_changes if changes is None else changes) + 1):
        through = best[:, None] + cost
        came.append(through.argmin(axis=0))
        best = through.min(axis=0)
        if not np.isfinite(best[-1]):
            break
        least.append(best[-1])
        splits.append(_back(came, cuts=cuts, number=number))
    return np.asarray(least[0] - np.array(least)), splits


def _back(came: list[NDArray[np.int64]], *, cuts: NDArray[np.int64], number: int) -> NDArray[np.int64]:
    at, found = len(cuts) - 1, []
    for step in range(number - 1, -1, -1):
        at = int(came[step][at])
        found.append(int(cuts[at]))
    return np.array(found[::-1], dtype=np.int64)


def _costs(values: Floats, *, cuts: NDArray[np.int64], noise: Noise) -> Floats:
    """[cuts, cuts] sum over the series of squares about the mean between two cuts, each in units of its noise."""
    seen = ~np.isnan(values)
    filled = np.where(seen, values, 0.0)
    cost = np.zeros((len(cuts), len(cuts)))
    for row, scale in enumerate(noise.long_run):
        sums = [
            np.concatenate([[0.0], np.cumsum(part)])[cuts]
            for part in (seen[row].astype(float), filled[row], filled[row] ** 2)
        ]
        n, total, squares = (part[None, :] - part[:, None] for part in sums)
        cost += np.maximum(squares - total**2 / np.maximum(n, 1.0), 0.0) / max(float(scale), 1e-12)
    return cost


def _levels(values: Floats, *, cuts: NDArray[np.int64]) -> tuple[Floats, list[tuple[int, int]]]:
    """[series, segments] means, and where the segments lie."""
    ends = [0, *cuts.tolist(), values.shape[1]]
    spans = list(pairwise(ends))
    seen = ~np.isnan(values)
    means = [
        np.nansum(values[:, a:b], axis=1)
        / np.where(seen[:, a:b].any(axis=1), seen[:, a:b].sum(axis=1), np.nan)
        for a, b in spans
    ]
    return np.stack(means, axis=1), spans


def _changes(
    values: Floats, *, cuts: NDArray[np.int64], days: list[dt.date], noise: Noise, rng: np.random.Generator,
    spec: SegmentSpec,
) -> pl.DataFrame:  # fmt: skip
    """Change days with a parametric bootstrap interval: the fitted levels plus drawn noise, split again."""
    if not len(cuts):
        return pl.DataFrame(schema=_CHANGES)
    means, spans = _levels(values, cuts=cuts)
    fitted = np.concatenate(
        [np.repeat(means[:, [k]], b - a, axis=1) for k, (a, b) in enumerate(spans)], axis=1
    )
    again = []
    for one in fitted[None] + draw_noise(noise, like=values, draws=spec.draws, rng=rng):
        splits = _best_gains(one, noise=noise, spec=spec, changes=len(cuts))[1]
        if len(splits) > len(cuts):
            again.append(splits[len(cuts)])
    low, high = np.quantile(np.array(again), [0.05, 0.95], axis=0, method="nearest").astype(int)
    rows = [(days[cut], days[a], days[b]) for cut, a, b in zip(cuts, low, high, strict=True)]
    return pl.DataFrame(rows, schema=_CHANGES, orient="row")


def _segments(
    values: Floats, *, cuts: NDArray[np.int64], days: list[dt.date], ids: tuple[str, ...]
) -> pl.DataFrame:
    means, spans = _levels(values, cuts=cuts)
    overall, _ = _levels(values, cuts=np.array([], dtype=np.int64))
    spread = np.sqrt(np.nanvar(values, axis=1))[:, None]
    levels = np.nan_to_num((means - overall) / np.where(spread > 0, spread, np.inf), nan=-np.inf)
    order = np.argsort(-levels, axis=0, kind="stable")
    rows = []
    for k, (a, b) in enumerate(spans):
        ranked = levels[order[:, k], k]
        lead = float(ranked[0] - ranked[1]) if len(ids) > 1 and np.isfinite(ranked[1]) else None
        named = ids[order[0, k]] if len(spans) > 1 and np.isfinite(ranked[0]) else None
        n_days = int((~np.isnan(values[:, a:b])).any(axis=0).sum())
        own = {f"level_{name}": float(level) for name, level in zip(ids, levels[:, k], strict=True)}
        rows.append({"start": days[a], "end": days[b - 1], "n_days": n_days, "stage": named,
                     "lead": lead if named else None} | own)  # fmt: skip
    schema = pl.Schema({**_SEGMENTS, **{f"level_{name}": pl.Float64() for name in ids}})
    return pl.DataFrame(rows, schema=schema)
