"""Score rolling-origin runs against what was later seen, one row per series, step and metric.

Not for running models: `rolling.py` does. Scores are on the natural scale of the series.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from forecasting.matrix import Floats
from forecasting.metrics import mase_scale, score
from forecasting.models.base import SEASON
from forecasting.rolling import Run
from forecasting.rows import quantile_rows
from forecasting.tasks import Task
from warehouse.tables import TABLES

WARM_UP = 3
METRICS = ["wis", "ae", "ape", "mase", "coverage_50", "coverage_80", "coverage_90", "coverage_95"]


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What the runs are judged on. `long`: series_id, time_value, value, issue; `keys`: series_id and the
    columns of `out.scores` that name a series; `pseudo_real_time` has one flag per run."""

    long: pl.DataFrame
    keys: pl.DataFrame
    pseudo_real_time: Sequence[bool]


def fingerprint(long: pl.DataFrame) -> str:
    """Hash of the observed values of a long frame, whatever its row order."""
    body = (
        long.select("series_id", "time_value", "value", "n")
        .drop_nulls("value")
        .sort("series_id", "time_value")
    )
    return hashlib.sha256(body.write_csv().encode()).hexdigest()


def score_runs(runs: Sequence[Run], *, task: Task, truth: Truth) -> pl.DataFrame:
    """`out.scores` rows of every run after the warm-up and before the last one (which has no truth yet).

    A series on which a model fell back to a flat line is not scored for that model.
    """
    table = TABLES["out.scores"]
    mark = fingerprint(truth.long)
    parts = [
        _score_run(run, task=task, truth=truth, pseudo=pseudo, mark=mark)
        for run, pseudo in list(zip(runs, truth.pseudo_real_time, strict=True))[WARM_UP:-1]
    ]
    found = pl.concat(parts) if parts else pl.DataFrame()
    if found.is_empty():
        return table.schema.create_empty()
    return table.schema.validate(found.select(table.columns), cast=True).sort(table.key)


def _score_run(run: Run, *, task: Task, truth: Truth, pseudo: bool, mark: str) -> pl.DataFrame:
    rows = pl.concat([_scored(run, name=name, truth=truth) for name in run.quantiles])
    long = rows.unpivot(
        on=METRICS,
        index=["series_id", "horizon", "model_id", "truth_issue"],
        variable_name="metric",
        value_name="value",
    )
    n_train = pl.DataFrame({"series_id": list(run.matrix.ids), "n_train": run.observed})
    return (
        long.filter(pl.col("value").is_not_null())
        .join(n_train, on="series_id")
        .join(truth.keys, on="series_id")
        .with_columns(
            task=pl.lit(task.name),
            reference_date=pl.lit(run.matrix.reference),
            task_hash=pl.lit(task.sha256),
            pseudo_real_time=pl.lit(pseudo),
            data_fingerprint=pl.lit(mark),
            trained_through=_trained_through(run),
        )
    )


def _trained_through(run: Run) -> pl.Expr:
    trained = {name: day for name, day in run.trained_through.items() if day is not None}
    return pl.col("model_id").replace_strict(trained, default=None, return_dtype=pl.Date)


def _scored(run: Run, *, name: str, truth: Truth) -> pl.DataFrame:
    quantiles = np.where(run.fallback[name][:, None, None], np.nan, run.quantiles[name])
    rows = quantile_rows(run, name=name, quantiles=quantiles)
    seen = truth.long.select("series_id", target_end_date="time_value", truth="value", truth_issue="issue")
    judged = rows.join(seen.drop_nulls("truth"), on=["series_id", "target_end_date"])
    scores = score(judged, by=["series_id", "horizon", "model_id", "truth_issue"])
    unit = pl.DataFrame({"series_id": list(run.matrix.ids), "unit": _units(run)}).with_columns(
        pl.col("unit").fill_nan(None)
    )
    return scores.join(unit, on="series_id").with_columns(mase=pl.col("ae") / pl.col("unit")).drop("unit")


def _units(run: Run) -> Floats:
    season = SEASON[run.matrix.frequency]
    return mase_scale(run.matrix.values, season=season if run.matrix.frequency == "day" else 1)


def origin_days(reference: dt.date, *, every: int, step: int, origins: int) -> list[dt.date]:
    """`reference`, and before it origins `every` periods apart, oldest first; the first `WARM_UP` are not scored.

    They lie on a fixed grid of the calendar, so that most are those of the night before, and their fits can be kept.
    """
    newest = (reference.toordinal() // step) % every or every
    back = [newest + k * every for k in range(origins + WARM_UP - 1, -1, -1)]
    return [*(reference - dt.timedelta(days=periods * step) for periods in back), reference]
