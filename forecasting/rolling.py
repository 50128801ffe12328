"""Run every model at a row of origins, each calibrated and weighted by what earlier origins got wrong.

The last origin is the forecast that is asked for; the ones before it are its past. At each origin only
values that its own panel holds are used, as inputs and as truth for earlier origins. Not for scoring.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from forecasting import calibrate
from forecasting.costs import Costs
from forecasting.known_days import NO_DAYS, KnownDays, day_effects
from forecasting.matrix import (
    Flags,
    Floats,
    Matrix,
    from_model_scale,
    sampling_noise,
    sampling_variance,
    shares_to_model_scale,
    to_model_scale,
    usual_n,
)
from forecasting.memo import Memo
from forecasting.metrics import wis_array
from forecasting.models import (
    BASELINE,
    COHERENT,
    ENSEMBLE,
    FOREIGN,
    MEDIAN,
    TRAINS_ONCE,
    Forecaster,
    ModelInput,
    create_all,
)
from forecasting.models.base import ModelOutput
from forecasting.models.baselines import error_scale, flat_quantiles
from forecasting.models.ensemble import combine, median, weights
from forecasting.reconcile import Tree, reconciled
from forecasting.tasks import Task

MAX_LAG_HORIZONS = 2
Progress = Callable[[str], None]
NOTHING_KEPT = Memo(None)


@dataclass(kw_only=True)
class Run:
    """One origin's forecasts on the modelling scale; arrays are [series, horizons(, levels)].

    `scaled` [series, periods] is all that is known, `seen` what models may see of it, `effects` [series, periods +
    horizons] what days known in advance add to it. `combined` is the ensemble before
    it was calibrated on what earlier ones missed.
    """

    matrix: Matrix
    scaled: Floats
    seen: Floats
    effects: Floats
    usable: Flags
    limited: Flags
    observed: NDArray[np.int64]
    scale: Floats
    combined: Floats
    points: dict[str, Floats] = field(default_factory=dict)
    quantiles: dict[str, Floats] = field(default_factory=dict)
    fallback: dict[str, Flags] = field(default_factory=dict)
    scales: dict[str, Floats] = field(default_factory=dict)
    trained_through: dict[str, dt.date | None] = field(default_factory=dict)


def run_origins(
    matrices: Sequence[Matrix],
    *,
    task: Task,
    known: KnownDays = NO_DAYS,
    hierarchy: Sequence[Tree] = (),
    memo: Memo = NOTHING_KEPT,
    progress: Progress | None = None,
    costs: Costs | None = None,
) -> list[Run]:
    """Forecast from the last column of each panel, oldest first; all panels begin on the same day.

    Models that train (not: fit per series) are trained once for the past and once for the last origin. Every model
    is told of the `known` days. Series of a `hierarchy` are also forecast so that they fit together. What `memo`
    holds is not fitted again; what comes of it is the same. `costs` is told what each model's forecasts took.
    """
    runs: list[Run] = []
    costs = costs or Costs()
    models = create_all(task.members)
    for position, matrix in enumerate(matrices):
        if progress is not None:
            progress(f"{matrix.frequency}: origin {position + 1} of {len(matrices)}")
        if position == len(matrices) - 1:
            models = create_all(task.members)
        run = _begin(matrix, task=task, known=known)
        _forecast(run, models=models, past=runs, task=task, memo=memo, costs=costs)
        if hierarchy:
            _add_coherent(run, past=runs, hierarchy=hierarchy, seed=task.seed)
        runs.append(run)
    return runs


def _forecast(
    run: Run, *, models: Sequence[Forecaster], past: Sequence[Run], task: Task, memo: Memo, costs: Costs
) -> None:
    matrix, keep = run.matrix, np.flatnonzero(run.usable)
    plain, data = _input(run, plain=True), _input(run)
    run.scale[keep] = error_scale(plain, horizon=task.horizon, frequency=matrix.frequency)
    for model in models:
        with costs.of(model.name):
            output = memo.fit_predict(
                model,
                plain if model.name == BASELINE else data,
                horizon=task.horizon,
                frequency=matrix.frequency,
                seed=task.seed,
                reference=matrix.reference,
            )
        if model.name != BASELINE:
            output = _raised(output, by=run.effects[keep, matrix.periods :])
        run.trained_through[model.name] = _trained_through(output, name=model.name, run=run, past=past)
        quantiles = _calibrated(output, name=model.name, run=run, past=past)
        _record(run, name=model.name, output=output, quantiles=quantiles)
    _add_ensemble(run, past=past)


def _raised(output: ModelOutput, *, by: Floats) -> ModelOutput:
    """With what known days [series, horizons] add."""
    quantiles = None if output.quantiles is None else output.quantiles + by[:, :, None]
    return replace(output, points=output.points + by, quantiles=quantiles)


def _trained_through(output: ModelOutput, *, name: str, run: Run, past: Sequence[Run]) -> dt.date | None:
    """The newest day a model was fitted on: its first usable origin if it trains once, else this origin.

    None where nothing was fitted, or what was fitted elsewhere does not say until when.
    """
    if output.fallback.all() or name.startswith(FOREIGN):
        return None
    earlier = [found for r in past if name in TRAINS_ONCE and (found := r.trained_through[name]) is not None]
    return earlier[0] if earlier else run.matrix.reference


def _begin(matrix: Matrix, *, task: Task, known: KnownDays) -> Run:
    scaled = to_model_scale(matrix)
    seen = scaled.copy()
    if task.history:
        seen[:, : -task.history] = np.nan
    shape = (len(matrix.ids), task.horizon)
    observed = np.sum(~np.isnan(seen), axis=1)
    return Run(
        matrix=matrix,
        scaled=scaled,
        seen=seen,
        effects=day_effects(seen, matrix=matrix, horizon=task.horizon, known=known),
        usable=_usable(np.where(np.isnan(seen), np.nan, matrix.values), task=task),
        limited=calibrate.is_limited(observed),
        observed=observed,
        scale=np.full(shape, np.nan),
        combined=np.full((*shape, len(calibrate.LEVELS)), np.nan),
    )


def _usable(values: Floats, *, task: Task) -> Flags:
    """[series] enough observations, not constant, and not ended long ago."""
    seen = ~np.isnan(values)
    low = np.where(seen, values, np.inf).min(axis=1, initial=np.inf)
    high = np.where(seen, values, -np.inf).max(axis=1, initial=-np.inf)
    recent = seen[:, -MAX_LAG_HORIZONS * task.horizon - 1 :].any(axis=1)
    return np.asarray((seen.sum(axis=1) >= task.minimum_history) & (high > low) & recent)


def _input(run: Run, *, rows: NDArray[np.int64] | None = None, plain: bool = False) -> ModelInput:
    """What models may see of the usable series (or of those at `rows`), with known days' effects if `plain`."""
    noise = sampling_noise(run.matrix)
    values = run.seen if plain else run.seen - run.effects[:, : run.matrix.periods]
    every = ModelInput(
        ids=run.matrix.ids, values=values, sd=calibrate.one_step_sd(values, noise=noise),
        sampling=sampling_variance(run.matrix),
    )  # fmt: skip
    return every.rows(np.flatnonzero(run.usable) if rows is None else rows)


def _calibrated(output: ModelOutput, *, name: str, run: Run, past: Sequence[Run]) -> Floats:
    """A model's own quantiles, else pooled ones; short and fallback series take the flat line's widths."""
    if output.quantiles is not None:
        return output.quantiles
    keep = np.flatnonzero(run.usable)
    horizon = output.points.shape[1]
    pooled = calibrate.pooled_spread(_past_ratios(name, run=run, past=past, horizon=horizon))
    unit = run.scale[keep] if output.scale is None else output.scale
    quantiles = calibrate.with_quantiles(output.points, spread=unit[:, :, None] * pooled[None, :, :])
    flat = run.quantiles[BASELINE][keep]
    short = output.fallback | run.limited[keep]
    spread = flat - flat[:, :, [len(calibrate.LEVELS) // 2]]
    quantiles[short] = calibrate.with_quantiles(output.points, spread=spread)[short]
    return quantiles


def _record(run: Run, *, name: str, output: ModelOutput, quantiles: Floats) -> None:
    shape, keep = run.scale.shape, np.flatnonzero(run.usable)
    points, all_quantiles = np.full(shape, np.nan), np.full((*shape, len(calibrate.LEVELS)), np.nan)
    fallback = np.ones(shape[0], dtype=bool)
    points[keep], all_quantiles[keep], fallback[keep] = output.points, quantiles, output.fallback
    run.scales[name] = run.scale
    if output.scale is not None:
        run.scales[name] = np.full(shape, np.nan)
        run.scales[name][keep] = output.scale
    run.points[name], run.quantiles[name], run.fallback[name] = points, all_quantiles, fallback


def truth_of(run: Run, *, at: Run) -> Floats:
    """[series, horizons] what `at`'s panel knows, on the modelling scale, of the periods `run` forecast."""
    horizon = run.scale.shape[1]
    known = at.scaled[:, run.matrix.periods : run.matrix.periods + horizon]
    return np.pad(known, ((0, 0), (0, horizon - known.shape[1])), constant_values=np.nan)


def _past_ratios(name: str, *, run: Run, past: Sequence[Run], horizon: int) -> Floats:
    """[origins, series, horizons] errors of a model's own past points, in units of the series' scale."""
    ratios = [
        np.where(
            earlier.fallback[name][:, None],
            np.nan,
            (truth_of(earlier, at=run) - earlier.points[name]) / earlier.scales[name],
        )
        for earlier in past
    ]
    return np.stack(ratios) if ratios else np.full((0, len(run.usable), horizon), np.nan)


def _add_ensemble(run: Run, *, past: Sequence[Run]) -> None:
    names = list(run.quantiles)
    fallback = np.stack([run.fallback[name] for name in names])
    share = weights(_past_wis(names, run=run, past=past), fallback=fallback)
    every = np.stack([run.quantiles[name] for name in names])
    run.combined = combine(every, weights=share)
    run.quantiles[ENSEMBLE] = calibrate.stretched(run.combined, misses=_past_misses(run, past=past))
    run.quantiles[MEDIAN] = median(every, fallback=fallback)
    for name in (ENSEMBLE, MEDIAN):
        run.fallback[name] = np.asarray(np.all(fallback, axis=0))
        run.trained_through[name] = run.matrix.reference


def _add_coherent(run: Run, *, past: Sequence[Run], hierarchy: Sequence[Tree], seed: int) -> None:
    """The ensemble's forecasts of regions, nations and the whole, made to fit together; only for shares."""
    size = usual_n(run.matrix)
    own = from_model_scale(run.quantiles[ENSEMBLE], kind=run.matrix.kind, n=size)
    found = np.full(own.shape, np.nan)
    errors = [_natural_errors(earlier, at=run) for earlier in past]
    for tree in hierarchy if errors and run.matrix.kind == "share" else ():
        fitting = reconciled(
            own,
            levels=calibrate.LEVELS,
            tree=tree,
            matrix=run.matrix,
            errors=np.concatenate(errors),
            seed=seed,
        )
        found[tree.rows] = fitting[tree.rows]
    run.quantiles[COHERENT] = shares_to_model_scale(found, n=size)
    run.fallback[COHERENT] = np.isnan(found).any(axis=(1, 2))
    run.trained_through[COHERENT] = run.matrix.reference


def _natural_errors(earlier: Run, *, at: Run) -> Floats:
    """[horizons, series] what the ensemble's medians missed, on the natural scale, as far as it is known."""
    middle = earlier.quantiles[ENSEMBLE][:, :, len(calibrate.LEVELS) // 2]
    said = from_model_scale(middle, kind=earlier.matrix.kind, n=usual_n(earlier.matrix))
    start = earlier.matrix.periods
    known = at.matrix.values[:, start : start + said.shape[1]]
    return np.asarray((known - said[:, : known.shape[1]]).T)


def _past_misses(run: Run, *, past: Sequence[Run]) -> Floats:
    """[origins, series, horizons, levels] errors of earlier averages' medians, in units of their levels' distances."""
    found = []
    for earlier in past:
        middle = earlier.combined[:, :, [len(calibrate.LEVELS) // 2]]
        distance = np.abs(earlier.combined - middle)
        miss = truth_of(earlier, at=run)[:, :, None] - middle
        found.append(np.divide(miss, distance, out=np.full(distance.shape, np.nan), where=distance > 0.0))
    return np.stack(found) if found else np.empty((0, *run.combined.shape))


def _past_wis(names: Sequence[str], *, run: Run, past: Sequence[Run]) -> Floats:
    """[origins, models, series, horizons] WIS; NaN where the truth is not known by now, or a model fell back."""
    found = [np.stack([_wis(earlier, name=name, at=run) for name in names]) for earlier in past]
    return np.stack(found) if found else np.full((0, len(names), *run.scale.shape), np.nan)


def _wis(earlier: Run, *, name: str, at: Run) -> Floats:
    truth = np.where(earlier.fallback[name][:, None], np.nan, truth_of(earlier, at=at))
    return wis_array(truth, quantiles=earlier.quantiles[name], levels=calibrate.LEVELS)


def flat_lines(run: Run, *, task: Task) -> Floats:
    """[series, horizons, levels] a flat line for every series, also those no model may be tried on.

    A series that has ended keeps widening; one without any observation gets the spread of all others' values.
    """
    anyone = np.quantile(run.scaled[~np.isnan(run.scaled)], calibrate.LEVELS)
    found = np.tile(anyone, (*run.scale.shape, 1))
    keep = np.flatnonzero(run.observed > 0)
    found[keep] = flat_quantiles(_input(run, rows=keep, plain=True), horizon=task.horizon)
    return found
