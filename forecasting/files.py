"""Forecast and backtest a plain frame of series: no warehouse, no vintages.

Not for signals with issues; `forecast.py` handles those.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from forecasting import intake
from forecasting.backtest import WARM_UP, Truth, score_runs
from forecasting.costs import Costs
from forecasting.known_days import KnownDays, known_days
from forecasting.matrix import Frequency, Kind, Matrix, to_matrix
from forecasting.memo import Memo
from forecasting.models import DEFAULT_MEMBERS, ENSEMBLE, MEDIAN, create
from forecasting.protocol import hit_rates, joined
from forecasting.rolling import NOTHING_KEPT, Progress, Run, flat_lines, run_origins
from forecasting.rows import final_rows
from forecasting.tasks import Task, TaskPlan
from warehouse.errors import InputError

HISTORY: dict[Frequency, int] = {"day": 730, "week": 520}
# Longer than any series: a backtest reads all of it, and its task says how much of that a model may see.
EVERYTHING = 20_000
MINIMUM_HISTORY = 14
ORIGINS = 6
EVERYWHERE = "all"
COLUMNS = [
    "reference_date",
    "target",
    "horizon",
    "target_end_date",
    "location",
    "output_type",
    "output_type_id",
    "value",
    "is_fallback",
    "limited_history",
    "model_id",
]


@dataclass(frozen=True, kw_only=True)
class FileForecast:
    """`forecasts` in hubverse columns, `scores` as `out.scores`, and `warnings` that name series, never values."""

    forecasts: pl.DataFrame
    scores: pl.DataFrame
    warnings: list[str]


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """`scores` of `task` as `out.scores`; `peaks` in the columns of `protocol.SCHEMA`, None where the plan wants none;
    `costs` in those of `costs.SCHEMA`, which no two runs share."""

    task: Task
    scores: pl.DataFrame
    peaks: pl.DataFrame | None
    costs: pl.DataFrame


@dataclass(frozen=True, kw_only=True)
class _File:
    long: pl.DataFrame
    matrix: Matrix
    warnings: list[str]


def forecast_file(
    series: pl.DataFrame,
    *,
    horizon: int,
    seed: int,
    as_of: dt.date | None = None,
    frequency: Frequency | None = None,
    kind: Kind | Literal["auto"] = "auto",
    model: str = ENSEMBLE,
    origins: int = ORIGINS,
    events: pl.DataFrame | None = None,
    progress: Progress | None = None,
) -> FileForecast:
    """Forecast every series of `series_id, time_value, value[, n][, place]` for the `horizon` periods after `as_of`.

    A series that no model can forecast (too short, constant, empty, ended long ago) gets a flat line with
    `is_fallback` and a warning. `InputError` for what makes the whole file unusable, `ConfigError` for an
    unknown model. Nothing after `as_of` (default: the last date) is used.
    """
    name = model if model in (ENSEMBLE, MEDIAN) else create(model).name
    file = _read(series, as_of=as_of, frequency=frequency, kind=None if kind == "auto" else kind)
    matrix = file.matrix
    known = _known(series, matrix=matrix, horizon=horizon, events=events)
    task = Task(
        name=f"file_{matrix.frequency}", frequency=matrix.frequency, horizon=horizon, origins=origins, every=horizon,
        minimum_history=MINIMUM_HISTORY, history=0, models=DEFAULT_MEMBERS if name in (ENSEMBLE, MEDIAN) else (model,),
        seed=seed, known_days=known.sha256,
    )  # fmt: skip
    runs = run_origins(_past(matrix, task=task), task=task, known=known, progress=progress)
    rows = final_rows(runs[-1], name=name, flat=flat_lines(runs[-1], task=task))
    warnings = [*file.warnings, *_warnings(runs[-1], rows=rows)]
    return FileForecast(
        forecasts=_hubverse(rows, run=runs[-1]), scores=_scores(runs, file=file, task=task), warnings=warnings
    )


def _read(
    series: pl.DataFrame,
    *,
    as_of: dt.date | None,
    frequency: Frequency | None,
    kind: Kind | None,
    periods: int | None = None,
) -> _File:
    clean = intake.checked(series, as_of=as_of)
    found_kind = intake.kind_of(clean, kind=kind)
    found_frequency = frequency or intake.frequency_of(clean)
    last: dt.date = as_of or clean.select(pl.col("time_value").max()).item()
    reference = intake.reference_of(clean, as_of=last, frequency=found_frequency)
    long, dropped = intake.on_grid(clean, reference=reference, frequency=found_frequency)
    matrix = to_matrix(
        long, ids=tuple(long["series_id"].unique().sort().to_list()), reference=reference,
        periods=periods or HISTORY[found_frequency], frequency=found_frequency, kind=found_kind,
    )  # fmt: skip
    note = (
        [f"{dropped} rows shared a week with a newer row of their series and were left out"]
        if dropped
        else []
    )
    return _File(long=long, matrix=_trimmed(_with_old_ends(matrix, long=long)), warnings=note)


def _known(series: pl.DataFrame, *, matrix: Matrix, horizon: int, events: pl.DataFrame | None) -> KnownDays:
    """Holidays of the places that the file names in its column `place`, and events."""
    first = matrix.reference - dt.timedelta(days=matrix.periods * matrix.step)
    last = matrix.reference + dt.timedelta(days=horizon * matrix.step)
    return known_days(intake.places_of(series, ids=matrix.ids), first=first, last=last, events=events)


def _with_old_ends(matrix: Matrix, *, long: pl.DataFrame) -> Matrix:
    """Give a series that ended before the history its last value, as the history's first column."""
    empty = np.flatnonzero(np.isnan(matrix.values).all(axis=1))
    last = dict(
        long.drop_nulls("value")
        .sort("time_value")
        .group_by("series_id")
        .agg(pl.col("value").last())
        .iter_rows()
    )
    for row in empty:
        matrix.values[row, 0] = last.get(matrix.ids[row], np.nan)
    return matrix


def _trimmed(matrix: Matrix) -> Matrix:
    """Without the leading periods in which no series was observed."""
    seen = np.flatnonzero(~np.isnan(matrix.values).all(axis=0))
    first = int(seen[0]) if seen.size else 0
    return Matrix(
        ids=matrix.ids, reference=matrix.reference, frequency=matrix.frequency, kind=matrix.kind,
        values=matrix.values[:, first:], n=matrix.n[:, first:],
    )  # fmt: skip


def _warnings(run: Run, *, rows: pl.DataFrame) -> list[str]:
    fallback = set(rows.filter(pl.col("is_fallback"))["series_id"].unique())
    return [
        f"series '{name}': {_reason(run, row=row)}; a flat line was written and marked is_fallback"
        for row, name in enumerate(run.matrix.ids)
        if name in fallback
    ]


def _reason(run: Run, *, row: int) -> str:
    values = run.matrix.values[row]
    seen = values[~np.isnan(values)]
    if seen.size == 0:
        return "no value up to the as-of date"
    if seen.size < MINIMUM_HISTORY:
        return f"fewer than {MINIMUM_HISTORY} values in the history used"
    if np.ptp(seen) == 0.0:
        return "constant"
    return "the model could not be fitted, or the series ended long before the as-of date"


def _hubverse(rows: pl.DataFrame, *, run: Run) -> pl.DataFrame:
    return rows.select(
        reference_date=pl.lit(run.matrix.reference),
        target="series_id",
        horizon="horizon",
        target_end_date="target_end_date",
        location=pl.lit(EVERYWHERE),
        output_type=pl.lit("quantile"),
        output_type_id="level",
        value="quantile",
        is_fallback="is_fallback",
        limited_history="limited_history",
        model_id="model_id",
    ).sort("target", "horizon", "output_type_id")


def _past(matrix: Matrix, *, task: Task) -> list[Matrix]:
    """The panel at every origin, oldest first, those that warm up included."""
    return [matrix.until(k * task.every) for k in range(task.origins + WARM_UP, -1, -1)]


def _scores(runs: list[Run], *, file: _File, task: Task) -> pl.DataFrame:
    keys = pl.DataFrame({"series_id": list(file.matrix.ids)}).with_columns(
        target="series_id",
        population=pl.lit(EVERYWHERE),
        geo_type=pl.lit(EVERYWHERE),
        location=pl.lit(EVERYWHERE),
    )
    truth = Truth(
        long=file.long.with_columns(issue=pl.lit(file.matrix.reference)),
        keys=keys,
        pseudo_real_time=[True] * len(runs),
    )
    return score_runs(runs, task=task, truth=truth)


def backtest_file(
    series: pl.DataFrame,
    *,
    plan: TaskPlan,
    as_of: dt.date | None = None,
    kind: Kind | Literal["auto"] = "auto",
    events: pl.DataFrame | None = None,
    memo: Memo = NOTHING_KEPT,
    progress: Progress | None = None,
) -> Backtest:
    """A task's models and their ensemble on `series_id, time_value, value[, n][, place]`: scores, peaks and costs.

    Marked `pseudo_real_time`: a plain file holds no issues, so each origin sees the values as they stand now. What
    `memo` holds is not fitted again. `InputError` where the series are too short for a single origin.
    """
    found = intake.frequency_of(intake.checked(series, as_of=as_of))
    if found != plan.frequency:
        raise InputError(
            f"the series have a value per {found}, and task '{plan.name}' is by {plan.frequency}. Choose another task "
            "(--list), or write one for them."
        )
    file = _read(
        series,
        as_of=as_of,
        frequency=plan.frequency,
        kind=None if kind == "auto" else kind,
        periods=EVERYTHING,
    )
    known = _known(series, matrix=file.matrix, horizon=plan.horizon, events=events)
    task = plan.on(file.matrix.periods, warm_up=WARM_UP, known_days=known.sha256)
    if task.origins < 1:
        raise InputError(
            f"the series have {file.matrix.periods} periods, too few for one origin of task '{plan.name}' after "
            f"{WARM_UP} that warm up: it needs {plan.minimum_history + (WARM_UP + 1) * plan.every}, and "
            f"{plan.every} in the {plan.part:.0%} that it judges."
        )
    costs, taken = Costs(), Counter(memo.taken)
    past = _past(file.matrix, task=task)
    runs = run_origins(past, task=task, known=known, memo=memo, progress=progress, costs=costs)
    return Backtest(
        task=task,
        scores=_scores(runs, file=file, task=task),
        peaks=_peaks(runs, file=file) if plan.peaks else None,
        costs=costs.frame(series=len(file.matrix.ids), origins=len(runs), kept=memo.taken - taken),
    )


def _peaks(runs: list[Run], *, file: _File) -> pl.DataFrame:
    """Of the origins that are scored."""
    return hit_rates(joined(runs[WARM_UP:-1]), truth=file.long.rename({"series_id": "target"}))
