"""Fits are the same wherever they are done."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from forecasting_worlds import file_series

from forecasting.files import backtest_file
from forecasting.memo import CHUNK, Memo
from forecasting.tasks import TaskPlan
from warehouse.config import EngineConfig
from warehouse.engine import Alone, Engine, engine_of

PLAN = TaskPlan(
    name="few", about="", frequency="day", horizon=3, every=7, part=0.3, history=60, minimum_history=14,
    models=("flat_line", "auto_ets"), seed=1,
)  # fmt: skip


def _scores(engine: Engine, *, folder: Path | None = None) -> pl.DataFrame:
    return backtest_file(
        file_series(series=CHUNK + 2, days=90), plan=PLAN, memo=Memo(folder, engine=engine)
    ).scores


@pytest.fixture(scope="module")
def alone() -> pl.DataFrame:
    return _scores(Alone())


def test_more_series_than_a_chunk_are_all_fitted(alone: pl.DataFrame) -> None:
    assert alone.filter(pl.col("model_id") == "auto_ets")["target"].n_unique() == CHUNK + 2


def test_processes_give_the_same_scores_and_can_be_kept(alone: pl.DataFrame, tmp_path: Path) -> None:
    with engine_of(EngineConfig(workers=2)) as found:
        assert _scores(found, folder=tmp_path).equals(alone)
    assert _scores(Alone(), folder=tmp_path).equals(alone)


@pytest.mark.slow
def test_ray_gives_the_same_scores(alone: pl.DataFrame) -> None:
    with engine_of(EngineConfig(kind="ray", workers=2)) as found:
        assert _scores(found).equals(alone)
