"""Leaderboards kept in the repository: they belong to the tasks as they are now, and one is earned again."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from forecasting.files import backtest_file
from forecasting.leaderboard import BOARD, FIGURES, board_rows
from forecasting.tasks import TaskPlan, read_tasks

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
BOARDS = sorted((BENCHMARKS / "results" / "backtests").glob("*.csv"))
TASKS = BENCHMARKS / "backtests.toml"


def _plans() -> dict[str, TaskPlan]:
    return read_tasks() | read_tasks(TASKS)


def test_the_tasks_of_the_boards_have_names_of_their_own() -> None:
    assert not set(read_tasks()) & set(read_tasks(TASKS))
    assert len(BOARDS) >= 1


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_kept_board_belongs_to_its_task_as_it_is_now(path: Path) -> None:
    board = pl.read_csv(path)
    assert board.columns == BOARD
    marks = board.select("task", "task_hash", "origins", "known_days").unique()
    assert marks.height == board["data_fingerprint"].n_unique() == 1
    mark = marks.row(0, named=True)
    plan = _plans()[mark["task"]]
    now = plan.over(mark["origins"], known_days=mark["known_days"] or "").sha256
    assert mark["task_hash"] == now, f"{path}: its task has changed; run the backtest again"
    assert board.filter(pl.col("n_origins") > pl.col("origins")).is_empty()
    assert set(board["model_id"]) <= {*plan.models, "flat_line", "ensemble", "ensemble_median"}


@pytest.mark.real_data
def test_a_kept_board_is_earned_again(real_data: Path) -> None:
    raw = pl.read_csv(real_data / "series" / "hedonometer_daily.csv.gz", try_parse_dates=True)
    series = raw.select(series_id=pl.lit("happiness"), place=pl.lit("US"), time_value="date", value="value")
    series = series.drop_nulls("value")
    made = backtest_file(series, plan=read_tasks(TASKS)["happiness_7"], kind="index")
    found = board_rows(made.scores, task=made.task)
    kept = pl.read_csv(BENCHMARKS / "results" / "backtests" / "happiness_week_7.csv")
    for name in ("task", "task_hash", "origins", "data_fingerprint", "model_id", "n_series", "n_origins"):
        assert found[name].to_list() == kept[name].to_list(), name
    for name in FIGURES[2:]:
        assert found[name].to_list() == pytest.approx(kept[name].to_list(), rel=1e-6), name
