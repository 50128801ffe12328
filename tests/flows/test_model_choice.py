"""The night's choice of models: one row per series, the same when run again, knowing earlier issues only."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from night_support import small_config

from flows.forecasts import MEMORY_DAYS, write_forecasts
from flows.stages import Run
from forecasting.forecast import ForecastResult
from warehouse.config import Config
from warehouse.main_model import SERIES
from warehouse.publish import current
from warehouse.store import open_store
from warehouse.tables import TABLES, empty

CHOICE = TABLES["out.model_choice"]
TONIGHT = dt.date(2024, 1, 21)
ONE = {"target": "anger_share", "population": "all", "geo_type": "all", "location": "all"}


def test_after_a_night_every_series_forecast_has_one_choice(finished: Config) -> None:
    folder = current(finished.paths.published).folder
    chosen = pl.read_parquet(folder / "model_choice.parquet")
    forecasts = pl.read_parquet(folder / "forecasts.parquet")
    assert chosen.height > 0
    assert sorted(chosen.select(SERIES).rows()) == sorted(forecasts.select(SERIES).unique().rows())
    # Two origins are too few to choose by.
    assert set(chosen.select("model_id", "reason").rows()) == {("ensemble", "default")}
    assert (chosen["issue"] == finished.run.as_of).all()


def _choice(model: str, *, before: int) -> dict[str, Any]:
    day = TONIGHT - dt.timedelta(days=before)
    return ONE | {
        "issue": day, "time_type": "day", "reference_date": day, "model_id": model, "since": day, "reason": "kept",
        "relative_wis": None, "n_origins": 6, "runner_up": None, "runner_up_relative_wis": None,
    }  # fmt: skip


def _made(wis: dict[str, float]) -> ForecastResult:
    """A night on which x is a little better than the ensemble, too little to take over."""
    forecasts = [
        ONE | {
            "model_id": model, "reference_date": TONIGHT, "time_type": "day", "horizon": 1, "output_type": "quantile",
            "output_type_id": 0.5, "target_end_date": TONIGHT + dt.timedelta(days=1), "value": 0.1,
            "is_fallback": False, "limited_history": False,
        }
        for model in wis
    ]  # fmt: skip
    scores = [
        ONE | {
            "model_id": model, "task": "nightly_day", "reference_date": TONIGHT - dt.timedelta(days=7 * origin),
            "horizon": 1, "metric": "wis", "value": value, "truth_issue": TONIGHT, "n_train": 90, "task_hash": "t",
            "pseudo_real_time": True, "data_fingerprint": "d", "trained_through": None,
        }
        for model, value in wis.items()
        for origin in range(1, 7)
    ]  # fmt: skip
    return ForecastResult(
        forecasts=_typed("out.forecasts", forecasts),
        scores=_typed("out.scores", scores),
        outlook=empty(TABLES["out.peak_outlook"]),
        skipped=(),
    )


def _typed(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(
        TABLES[name].schema.validate(pl.DataFrame(rows).select(TABLES[name].columns), cast=True)
    )


@pytest.mark.parametrize(
    ("others", "wanted", "since"),
    [
        ([("x", 1), ("ensemble", -1)], "x", 1),
        ([("ensemble", 2), ("x", 1)], "x", 1),
        ([("x", 2), ("ensemble", 1)], "ensemble", 1),
        ([("x", MEMORY_DAYS + 1)], "ensemble", 0),
    ],
)
def test_a_choice_knows_the_newest_earlier_issue_and_no_later_one(
    others: list[tuple[str, int]], wanted: str, since: int, tmp_path: Path
) -> None:
    run = Run(config=small_config(tmp_path), issue=TONIGHT)
    made = _made({"ensemble": 1.0, "x": 0.97, "flat_line": 1.2})
    with open_store(run.config.paths.warehouse, config=run.config.warehouse) as store:
        rows = [_choice(model, before=before) for model, before in others]
        store.append(CHOICE, _typed(CHOICE.name, rows), run_id="earlier")
        found = []
        for _ in range(2):
            write_forecasts(store, made=made, run=run)
            found.append(store.read(CHOICE, where="issue = ?", parameters=[TONIGHT]))
        assert store.count(CHOICE) == len(others) + 1
    row = found[0].row(0, named=True)
    assert (row["model_id"], row["since"]) == (wanted, TONIGHT - dt.timedelta(days=since))
    assert found[0].equals(found[1])
