"""What forecasts cost is measured beside the scores, and joules only where the machine counts them."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from forecasting_worlds import file_series

from forecasting.costs import SCHEMA, Costs, per_answer
from forecasting.files import backtest_file
from forecasting.memo import Memo
from forecasting.tasks import read_tasks


def _processor(folder: Path, *, energy: int, zone: str = "intel-rapl:0", name: str = "package-0") -> None:
    (folder / zone).mkdir(parents=True, exist_ok=True)
    for file, text in {"name": name, "energy_uj": str(energy), "max_energy_range_uj": "1000000000"}.items():
        (folder / zone / file).write_text(f"{text}\n")


def test_seconds_add_up_per_model_and_joules_are_null_where_nothing_counts_them(tmp_path: Path) -> None:
    costs = Costs(counters=tmp_path)
    for _ in range(2):
        with costs.of("slow"):
            time.sleep(0.02)
    with costs.of("quick"):
        pass
    found = costs.frame(series=2, origins=5, kept={"slow": 6})
    assert found.schema == SCHEMA
    assert found["model_id"].to_list() == ["slow", "quick"]
    assert found["seconds"][0] >= 0.04
    assert found["cpu_seconds"][0] < found["seconds"][0]
    assert found["joules"].to_list() == [None, None]
    assert per_answer(found)["slow"] == (pytest.approx(found["seconds"][0] / 4), None)


def test_joules_are_the_sum_over_processors_also_where_a_counter_starts_again(tmp_path: Path) -> None:
    _processor(tmp_path, energy=999_000_000)
    _processor(tmp_path, energy=5, zone="intel-rapl:1", name="package-1")
    for other, name in (("intel-rapl:0:0", "core"), ("intel-rapl:2", "psys")):
        _processor(tmp_path, energy=7, zone=other, name=name)
    costs = Costs(counters=tmp_path)
    with costs.of("m"):
        _processor(tmp_path, energy=1_000_000)
        _processor(tmp_path, energy=500_005, zone="intel-rapl:1", name="package-1")
        _processor(tmp_path, energy=90_000_000, zone="intel-rapl:0:0", name="core")
    assert costs.frame(series=1, origins=1)["joules"].to_list() == [pytest.approx(2.5)]
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    with costs.of("m"):
        pass
    assert costs.frame(series=1, origins=1)["joules"].to_list() == [None]


def test_a_backtest_counts_answers_that_were_kept_apart_and_scores_do_not_know_costs(tmp_path: Path) -> None:
    series = file_series(series=2, days=130)
    plan = replace(read_tasks()["daily_7"], part=0.2, models=("window_mean", "auto_ets"))
    memo = Memo(tmp_path)
    first = backtest_file(series, plan=plan, memo=memo)
    again = backtest_file(series, plan=plan, memo=memo)
    assert again.scores.equals(first.scores)
    kept = [dict(made.costs.select("model_id", "n_kept").iter_rows()) for made in (first, again)]
    answers = first.costs["n_series"][0] * first.costs["n_origins"][0]
    assert kept[0] == {"flat_line": 0, "window_mean": 0, "auto_ets": 0}
    assert kept[1] == {"flat_line": 0, "window_mean": 0, "auto_ets": answers}
    assert "auto_ets" not in per_answer(again.costs)
    assert (first.costs["seconds"] > 0.0).all()
