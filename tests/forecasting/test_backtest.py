"""Backtests as data: named tasks, what a model may see, rows that identify themselves, going on after a stop."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from forecasting_worlds import START, file_series

from forecasting.files import backtest_file
from forecasting.leaderboard import leaderboard
from forecasting.memo import Memo
from forecasting.models import statistical
from forecasting.tasks import SHIPPED, TaskPlan, read_tasks, task_named
from warehouse.errors import ConfigError, InputError
from warehouse.tables import TABLES

CHEAP = ("flat_line", "window_mean", "dynamics")


def plan(**changes: object) -> TaskPlan:
    base = replace(read_tasks()["daily_7"], horizon=4, every=4, part=0.1, models=CHEAP)
    return replace(base, **changes)


@pytest.fixture(scope="module")
def series() -> pl.DataFrame:
    return file_series(days=130)


def test_every_model_is_scored_against_the_flat_line(series: pl.DataFrame) -> None:
    scores = backtest_file(series, plan=plan()).scores
    TABLES["out.scores"].schema.validate(scores)
    board = leaderboard(scores)
    assert set(board["model_id"]) == {*CHEAP, "ensemble", "ensemble_median"}
    assert board.filter(pl.col("model_id") == "flat_line")["relative_wis"].item() == pytest.approx(1.0)
    assert scores["pseudo_real_time"].all()
    assert scores["reference_date"].n_unique() == 3
    assert scores.filter(pl.col("trained_through") > pl.col("reference_date")).is_empty()


def test_the_mape_is_the_mean_relative_error_of_the_median(series: pl.DataFrame) -> None:
    scores = backtest_file(series, plan=plan(models=("flat_line",))).scores
    flat = scores.filter(pl.col("model_id") == "flat_line")
    wide = flat.pivot("metric", index=["target", "reference_date", "horizon"], values="value")
    truth = series.select(target="series_id", day="time_value", truth="value")
    ahead = wide.with_columns(day=pl.col("reference_date") + pl.duration(days="horizon"))
    both = ahead.join(truth, on=["target", "day"])
    assert both.height == wide.height
    assert both["ape"].to_numpy() == pytest.approx((both["ae"] / both["truth"]).to_numpy())
    told = leaderboard(scores).filter(pl.col("model_id") == "flat_line")["mape"].item()
    assert told == pytest.approx(both["ape"].mean())


def test_a_model_sees_no_more_than_its_history(series: pl.DataFrame) -> None:
    """What is older than the window may be anything."""
    short = plan(history=21, minimum_history=7)
    mine = backtest_file(series, plan=short).scores
    first = mine.select(pl.col("reference_date").min()).item() - dt.timedelta(days=3 * 4 + 21)
    other = series.with_columns(
        value=pl.when(pl.col("time_value") <= first).then(1.0 - pl.col("value")).otherwise("value")
    )
    theirs = backtest_file(other, plan=short).scores
    names = ["model_id", "target", "reference_date", "horizon", "metric"]
    # The unit of the MASE is the whole past.
    both = [s.filter(pl.col("metric") != "mase").select(*names, "value") for s in (mine, theirs)]
    assert both[0].equals(both[1])
    assert mine["data_fingerprint"][0] != theirs["data_fingerprint"][0]
    assert mine["n_train"].max() == 21


def test_a_stopped_backtest_goes_on_and_ends_the_same(
    series: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = plan(models=(*CHEAP, "auto_ets", "nhits"))
    whole = backtest_file(series, plan=wanted).scores
    memo = Memo(tmp_path)

    def stop(label: str) -> None:
        if "origin 4 of" in label:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backtest_file(series, plan=wanted, memo=memo, progress=stop)
    kept = sorted(tmp_path.rglob("*.npz"))
    assert len(kept) == 3
    assert backtest_file(series, plan=wanted, memo=memo).scores.equals(whole)
    # Now everything is there, and nothing is fitted any more.
    monkeypatch.setattr(statistical, "_forecast", None)
    assert backtest_file(series, plan=wanted, memo=memo).scores.equals(whole)


def test_what_is_kept_belongs_to_its_values_question_and_version(
    series: pl.DataFrame, tmp_path: Path
) -> None:
    wanted, memo = plan(models=("auto_ets",)), Memo(tmp_path)
    other = series.with_columns(
        pl.when(pl.col("series_id") == "s1").then(0.5 * pl.col("value")).otherwise("value")
    )
    for frame, task in ((series, wanted), (other, wanted), (other, plan(models=("auto_ets",), horizon=5))):
        assert backtest_file(frame, plan=task, memo=memo).scores.equals(
            backtest_file(frame, plan=task).scores
        )
    newer = Memo(tmp_path, version="2")
    assert backtest_file(series, plan=wanted, memo=newer).scores.equals(
        backtest_file(series, plan=wanted).scores
    )


def test_a_damaged_or_old_file_of_a_memo_is_made_again(series: pl.DataFrame, tmp_path: Path) -> None:
    wanted, memo = plan(models=("auto_ets",)), Memo(tmp_path)
    whole = backtest_file(series, plan=wanted, memo=memo).scores
    files = sorted(tmp_path.rglob("*.npz"))
    for number, path in enumerate(files):
        path.write_bytes((b"", b"PK", path.read_bytes()[:90])[number % 3])
    assert backtest_file(series, plan=wanted, memo=memo).scores.equals(whole)
    memo.keep_since(dt.date.fromisoformat(files[-1].stem))
    assert sorted(tmp_path.rglob("*.npz")) == files[-1:]


def test_the_hash_of_a_task_covers_all_of_it() -> None:
    task = plan().on(400, warm_up=3)
    hashes = {task.sha256}
    for name, value in {
        "name": "x", "frequency": "week", "horizon": 9, "origins": 9, "every": 9, "minimum_history": 9, "history": 9,
        "models": ("nhits",), "seed": 9, "people_floor": 9, "reporting_lag_days": 9,
    }.items():  # fmt: skip
        hashes.add(replace(task, **{name: value}).sha256)
    assert len(hashes) == 12


def test_whether_peaks_are_told_is_no_part_of_what_a_score_depends_on() -> None:
    told = read_tasks()["argentina_protocol_7"]
    assert told.peaks
    assert not read_tasks()["daily_7"].peaks
    assert told.over(5).sha256 == replace(told, peaks=False).over(5).sha256 != told.over(6).sha256


def test_origins_fill_the_judged_part_and_leave_room_to_warm_up() -> None:
    weekly = plan(every=7, horizon=7, part=0.3333)
    assert weekly.on(900, warm_up=3).origins == 42
    assert weekly.on(49, warm_up=3).origins == 2
    assert weekly.on(20, warm_up=3).origins == 0


def test_series_too_short_for_a_single_origin_are_refused_with_what_is_needed() -> None:
    with pytest.raises(InputError, match=r"too few for one origin .* needs 30"):
        backtest_file(file_series(days=25), plan=plan())


@pytest.mark.parametrize(("step", "task"), [(7, "daily_7"), (1, "weekly_4")])
def test_a_task_of_another_frequency_is_refused(step: int, task: str) -> None:
    with pytest.raises(InputError, match=f"task '{task}' is by"):
        backtest_file(file_series(days=200, step=step), plan=read_tasks()[task])


def test_the_shipped_tasks_are_readable_and_one_can_be_named() -> None:
    tasks = read_tasks()
    assert {"daily_7", "daily_14", "weekly_4", "argentina_protocol_7"} <= set(tasks)
    assert all(task.about for task in tasks.values())
    with pytest.raises(ConfigError, match="Did you mean 'daily_14'"):
        task_named("dayly_14", tasks=tasks)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("horizon = 7", "horizon = 0", "horizon must be a whole number of at least 1"),
        ("part = 0.3333", "part = 1.5", "part must be a number between 0 and 1"),
        ('frequency = "day"', 'frequency = "hour"', "frequency must be day or week"),
        ("seed = 1", "sead = 1", "lacking: seed; unknown: sead"),
        ("peaks = true", "peaks = 1", "peaks must be true or false"),
        ("seed = 1", "seed = 1\npeaks = 'yes'", "peaks must be true or false"),
        ('"dynamics"', '"dynamo"', "Did you mean 'dynamics'"),
        ("[daily_7]", "[daily_7", "cannot be read as TOML"),
    ],
)
def test_a_wrong_task_file_is_refused_by_key(tmp_path: Path, old: str, new: str, told: str) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    path = tmp_path / "tasks.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=told):
        read_tasks(path)


def test_short_histories_have_intervals_that_cover() -> None:
    """Two weeks of data, a week ahead, on series that wander: SCIENCE asks for at least 85 % at 90 %."""
    rng = np.random.default_rng(2)
    days = 220
    walk = 0.85 * rng.normal(0, 0.1, (20, days))
    for t in range(1, days):
        walk[:, t] += 0.9 * walk[:, t - 1]
    dates = [START + dt.timedelta(days=day) for day in range(days)]
    frames = [
        pl.DataFrame(
            {"series_id": f"s{i}", "time_value": dates, "value": 1 / (1 + np.exp(2 - row)), "n": 3000}
        )
        for i, row in enumerate(walk)
    ]
    short = replace(read_tasks()["short_14"], part=0.4, models=("flat_line", "dynamics"))
    board = leaderboard(backtest_file(pl.concat(frames), plan=short).scores)
    held = {row["model_id"]: row["coverage_90"] for row in board.iter_rows(named=True)}
    assert held["ensemble"] >= 0.85
    assert held["flat_line"] >= 0.85
