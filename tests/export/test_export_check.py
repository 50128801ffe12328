"""Broken exports, drawn at random, are caught: each breakage names the file and a line."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.export import check_export

HUB = "model-output/affectcast-main/2024-06-02-affectcast-main.csv"
TASKS, LEVELS = 3, 23
Row = list[str]
REFERENCE, TARGET, HORIZON, END, LOCATION, TYPE, LEVEL, VALUE = range(8)


def _set(column: int, text: str) -> Callable[[list[Row], int], None]:
    def change(rows: list[Row], at: int) -> None:
        rows[at][column] = text

    return change


def _drop(rows: list[Row], at: int) -> None:
    del rows[at]


def _repeat(rows: list[Row], at: int) -> None:
    rows.append(list(rows[at]))


def _swap_order(rows: list[Row], at: int) -> None:
    first = at - at % LEVELS
    rows[first][VALUE], rows[first + LEVELS - 1][VALUE] = rows[first + LEVELS - 1][VALUE], rows[first][VALUE]


def _drop_middle_horizon(rows: list[Row], at: int) -> None:
    del rows[LEVELS : 2 * LEVELS]


BREAKAGES: dict[str, tuple[Callable[[list[Row], int], None], str]] = {
    "dropped row": (_drop, "23 quantile levels"),
    "repeated row": (_repeat, "more than once"),
    "crossing quantiles": (_swap_order, "below the one before"),
    "missing horizon": (_drop_middle_horizon, "every horizon"),
    "wrong end date": (_set(END, "2024-06-30"), "reference_date + horizon"),
    "impossible date": (_set(END, "2024-02-31"), "not a date"),
    "date with time": (_set(REFERENCE, "2024-06-02 00:00:00"), "not a date"),
    "other reference date": (_set(REFERENCE, "2024-06-01"), "file's name"),
    "horizon zero": (_set(HORIZON, "0"), "horizon is not"),
    "horizon fraction": (_set(HORIZON, "1.0"), "horizon is not"),
    "output type": (_set(TYPE, "mean"), "output_type is not"),
    "level": (_set(LEVEL, "0.33"), "23 levels"),
    "level text": (_set(LEVEL, "median"), "23 levels"),
    "value text": (_set(VALUE, "NA"), "finite number"),
    "value empty": (_set(VALUE, ""), "finite number"),
    "value infinite": (_set(VALUE, "inf"), "finite number"),
    "value above one": (_set(VALUE, "1.01"), "outside 0 to 1"),
    "value below zero": (_set(VALUE, "-0.01"), "outside 0 to 1"),
    "no location": (_set(LOCATION, ""), "location is empty"),
    "formula location": (_set(LOCATION, "=1+1"), "formula"),
    "unknown target": (_set(TARGET, "daily nothing"), "not in targets.csv"),
    "target without period": (_set(TARGET, "emotion_fear_share"), "daily or weekly"),
}


def _broken(small: Path, to: Path, *, kind: str, at: int) -> list[str]:
    lines = (small / HUB).read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    BREAKAGES[kind][0](rows, at)
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(small, to)
    (to / HUB).write_text("\n".join([lines[0], *(",".join(row) for row in rows)]) + "\n")
    return check_export(to)


@pytest.mark.parametrize("kind", BREAKAGES)
def test_each_breakage_is_named(kind: str, small: Path, tmp_path: Path) -> None:
    problems = _broken(small, tmp_path / "broken", kind=kind, at=30)
    named = [problem for problem in problems if re.match(rf"{re.escape(HUB)}: line \d+", problem)]
    assert any(BREAKAGES[kind][1] in problem for problem in named)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kind=st.sampled_from(sorted(BREAKAGES)), at=st.integers(0, TASKS * LEVELS - 1))
def test_any_breakage_on_any_row_is_caught(kind: str, at: int, small: Path, tmp_path: Path) -> None:
    problems = _broken(small, tmp_path / "broken", kind=kind, at=at)
    assert any(BREAKAGES[kind][1] in problem for problem in problems)


def test_a_changed_cell_is_named_by_its_own_line(small: Path, tmp_path: Path) -> None:
    assert _broken(small, tmp_path / "broken", kind="value text", at=30) == [
        f"{HUB}: line 32: value is not a finite number."
    ]


@pytest.mark.parametrize(
    "path",
    [
        "model-output/affectcast-main/forecast.csv",
        "model-output/affectcast-main/2024-06-02-other-model.csv",
        "model-output/affectcast/2024-06-02-affectcast.csv",
        "model-output/2024-06-02-affectcast-main.csv",
        "model-output/affectcast-main/deep/2024-06-02-affectcast-main.csv",
    ],
)
def test_a_misplaced_forecast_file_is_named(path: str, small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(small, folder)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / HUB).rename(folder / path)
    assert any(problem.startswith(f"{path}: expected") for problem in check_export(folder))


def test_missing_and_reordered_columns_are_named(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(small, folder)
    text = (folder / HUB).read_text()
    (folder / HUB).write_text(text.replace("reference_date,target,", "target,reference_date,", 1))
    assert "expected reference_date, target" in check_export(folder)[0]
    (folder / HUB).write_text(text.replace(",value\n", ",value,extra\n", 1))
    assert "line 2, 3, 4, 5, 6 and 64 more: does not have 9 cells" in check_export(folder)[0]
    rows = [f"{line},{'extra' if number == 0 else 1}" for number, line in enumerate(text.splitlines())]
    (folder / HUB).write_text("\n".join(rows) + "\n")
    assert "expected reference_date, target" in check_export(folder)[0]


@pytest.mark.parametrize("name", ["targets.csv", "policy_summary.csv", "observed.csv", "alerts.csv"])
def test_a_missing_file_is_named(name: str, small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(small, folder)
    (folder / name).unlink()
    assert f"{name}: is missing or cannot be read." in check_export(folder)


def test_a_formula_in_another_file_is_named(small: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    shutil.copytree(small, folder)
    text = (folder / "alerts.csv").read_text()
    (folder / "alerts.csv").write_text(text.replace("California,", "=cmd(),", 1))
    assert check_export(folder) == ["alerts.csv: line 2: a text cell would run as a formula."]


def test_an_empty_folder_is_not_an_export(tmp_path: Path) -> None:
    assert "model-output: no forecast file." in check_export(tmp_path)
