"""Fits are the same wherever they are done."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from forecasting_worlds import file_series

from forecasting.files import backtest_file
from forecasting.memo import Memo
from forecasting.parallel import CHUNK, RAY, Alone, Workers, check_workers, workers_of
from forecasting.tasks import TaskPlan
from warehouse.errors import ConfigError

PLAN = TaskPlan(
    name="few", about="", frequency="day", horizon=3, every=7, part=0.3, history=60, minimum_history=14,
    models=("flat_line", "auto_ets"), seed=1,
)  # fmt: skip


def _scores(workers: Workers, *, folder: Path | None = None) -> pl.DataFrame:
    return backtest_file(
        file_series(series=CHUNK + 2, days=90), plan=PLAN, memo=Memo(folder, workers=workers)
    ).scores


@pytest.fixture(scope="module")
def alone() -> pl.DataFrame:
    return _scores(Alone())


def test_more_series_than_a_chunk_are_all_fitted(alone: pl.DataFrame) -> None:
    assert alone.filter(pl.col("model_id") == "auto_ets")["target"].n_unique() == CHUNK + 2


def test_processes_give_the_same_scores_and_can_be_kept(alone: pl.DataFrame, tmp_path: Path) -> None:
    with workers_of("2") as found:
        assert _scores(found, folder=tmp_path).equals(alone)
    assert _scores(Alone(), folder=tmp_path).equals(alone)


@pytest.mark.slow
def test_ray_answers_every_job_in_its_place() -> None:
    """Of a function that needs no library of ours in its processes, whose start would take longer than all else."""
    with workers_of(RAY) as found:
        assert found.map(lambda number: number**2, [3, 1, 2]) == [9, 1, 4]


@pytest.mark.parametrize("workers", ["0", "-1", "two", "", "1.5", "RAY"])
def test_other_workers_are_refused(workers: str) -> None:
    with pytest.raises(ConfigError, match="a number of processes from 1 on, or 'ray'"):
        check_workers(workers)
