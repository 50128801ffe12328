"""Does an exported folder keep every hubverse file rule? Names the rows that do not.

Not for repairing: a folder with a problem is not handed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from flows.export.columns import (
    DAYS,
    DICTIONARY,
    DICTIONARY_COLUMNS,
    FILES,
    FORMULA,
    HUB_COLUMNS,
    TARGET_COLUMNS,
)
from warehouse.tables import QUANTILES

TASK = ["reference_date", "target", "location", "horizon"]
FOLDER = re.compile(r"[A-Za-z0-9_]+-[A-Za-z0-9_]+")
DATE = r"^\d{4}-\d{2}-\d{2}$"
BOUNDED = ("share", "mean")
SHOWN = 5
LINE = "line"


def check_export(folder: Path) -> list[str]:
    """Every broken rule of an exported folder as a sentence with file and line numbers; none means it is sound."""
    problems = [
        problem for name, columns in _side_files().items() for problem in _side(folder, name, columns)
    ]
    files = sorted(path for path in (folder / "model-output").rglob("*") if path.is_file())
    if not files:
        return [*problems, "model-output: no forecast file."]
    bounded = _bounded_targets(folder)
    return problems + [problem for path in files for problem in _forecast_file(path, folder, bounded)]


def _side_files() -> dict[str, list[str]]:
    return {name: list(columns) for name, columns in FILES.items()} | {DICTIONARY: list(DICTIONARY_COLUMNS)}


def _side(folder: Path, name: str, columns: list[str]) -> Iterator[str]:
    frame = _read(folder / name)
    if frame is None:
        yield f"{name}: is missing or is not a CSV file."
        return
    if frame.columns[:-1] != columns:
        yield f"{name}: has columns {', '.join(frame.columns[:-1])}; expected {', '.join(columns)}."
        return
    numeric = (
        pl.all().exclude(LINE).str.contains(FORMULA)
        & pl.all().exclude(LINE).cast(pl.Float64, strict=False).is_null()
    )
    yield from _rows(name, frame, pl.any_horizontal(numeric), "a text cell would run as a formula")


def _read(path: Path) -> pl.DataFrame | None:
    """All cells as text, with the line of the file each row came from as the last column."""
    try:
        frame = pl.read_csv(path, infer_schema=False, empty_string_is_null=False, glob=False)
    except (OSError, pl.exceptions.PolarsError):
        return None
    return frame.with_columns(pl.int_range(2, frame.height + 2, dtype=pl.Int64).alias(LINE))


def _bounded_targets(folder: Path) -> dict[str, bool]:
    """Target → does it lie between 0 and 1."""
    frame = _read(folder / "targets.csv")
    if frame is None or frame.columns[:-1] != list(TARGET_COLUMNS):
        return {}
    return {
        target: statistic in BOUNDED for target, statistic in frame.select("target", "statistic").iter_rows()
    }


def _forecast_file(path: Path, folder: Path, bounded: dict[str, bool]) -> list[str]:
    name = path.relative_to(folder).as_posix()
    frame = _read(path)
    if frame is None:
        return [*_path_problems(path, folder), f"{name}: is not a CSV file."]
    if frame.columns[:-1] != list(HUB_COLUMNS):
        found = ", ".join(frame.columns[:-1])
        return [f"{name}: has columns {found}; expected {', '.join(HUB_COLUMNS)}."]
    problems = _path_problems(path, folder)
    problems += [p for rule in _TEXT_RULES for p in rule(name, frame)]
    if problems:
        return problems
    typed = _typed(frame)
    problems = [p for rule in _VALUE_RULES for p in rule(name, typed)]
    return problems + list(_filename_date(name, typed, path)) + list(_bounds(name, typed, bounded))


def _path_problems(path: Path, folder: Path) -> list[str]:
    name = path.relative_to(folder).as_posix()
    model = path.parent.name
    wanted = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}-{re.escape(model)}\.csv")
    problems = []
    if path.parent.parent != folder / "model-output" or not FOLDER.fullmatch(model):
        problems.append(f"{name}: expected model-output/<team>-<model>/.")
    if not wanted.fullmatch(path.name):
        problems.append(f"{name}: expected <reference_date>-<team>-<model>.csv.")
    return problems


def _rows(name: str, frame: pl.DataFrame, broken: pl.Expr, says: str) -> Iterator[str]:
    """One sentence for all rows that break a rule, naming the first few lines."""
    lines = frame.filter(broken.fill_null(value=True)).get_column(LINE).to_list()
    if lines:
        shown = ", ".join(str(line) for line in lines[:SHOWN])
        more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
        yield f"{name}: line {shown}{more}: {says}."


# ------------------------------------------------------------------------------------- rules on text


def _dates(name: str, frame: pl.DataFrame) -> Iterator[str]:
    for column in ("reference_date", "target_end_date"):
        shaped = pl.col(column).str.contains(DATE)
        real = pl.col(column).str.to_date("%Y-%m-%d", strict=False).is_not_null()
        yield from _rows(name, frame, ~(shaped & real), f"{column} is not a date like 2024-06-02")


def _horizons(name: str, frame: pl.DataFrame) -> Iterator[str]:
    whole = pl.col("horizon").str.contains(r"^[1-9]\d{0,3}$")
    yield from _rows(name, frame, ~whole, "horizon is not a whole number from 1")


def _types(name: str, frame: pl.DataFrame) -> Iterator[str]:
    yield from _rows(name, frame, pl.col("output_type") != "quantile", "output_type is not quantile")
    level = pl.col("output_type_id").cast(pl.Float64, strict=False)
    yield from _rows(name, frame, ~level.is_in(list(QUANTILES)), "output_type_id is not one of the 23 levels")


def _values(name: str, frame: pl.DataFrame) -> Iterator[str]:
    number = pl.col("value").cast(pl.Float64, strict=False)
    yield from _rows(name, frame, ~number.is_finite(), "value is not a finite number")


def _names(name: str, frame: pl.DataFrame) -> Iterator[str]:
    prefix = pl.col("target").str.split(" ").list.first()
    yield from _rows(name, frame, ~prefix.is_in(list(DAYS)), "target does not start with daily or weekly")
    yield from _rows(name, frame, pl.col("location") == "", "location is empty")
    formula = pl.col("target").str.contains(FORMULA) | pl.col("location").str.contains(FORMULA)
    yield from _rows(name, frame, formula, "a text cell would run as a formula")


# ------------------------------------------------------------------------------------ rules on values


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col("reference_date", "target_end_date").str.to_date("%Y-%m-%d"),
        pl.col("horizon").cast(pl.Int64),
        pl.col("output_type_id", "value").cast(pl.Float64),
        step=pl.col("target").str.split(" ").list.first().replace_strict(DAYS, return_dtype=pl.Int64),
    )


def _unique(name: str, frame: pl.DataFrame) -> Iterator[str]:
    again = pl.struct(*TASK, "output_type", "output_type_id").is_duplicated()
    yield from _rows(name, frame, again, "the same task and level appear more than once")


def _complete_levels(name: str, frame: pl.DataFrame) -> Iterator[str]:
    short = pl.col("output_type_id").n_unique().over(TASK) != len(QUANTILES)
    yield from _rows(name, frame, short, f"the task does not have all {len(QUANTILES)} quantile levels")


def _complete_horizons(name: str, frame: pl.DataFrame) -> Iterator[str]:
    most = pl.col("horizon").max().over("reference_date", "target")
    have = pl.col("horizon").n_unique().over("reference_date", "target", "location")
    yield from _rows(name, frame, have != most, "the location does not have every horizon of its target")


def _ordered(name: str, frame: pl.DataFrame) -> Iterator[str]:
    ordered = frame.sort(*TASK, "output_type_id")
    falls = (pl.col("value").diff().over(TASK) < 0).fill_null(value=False)
    yield from _rows(name, ordered, falls, "the quantile is below the one before it")


def _end_dates(name: str, frame: pl.DataFrame) -> Iterator[str]:
    gap = (pl.col("target_end_date") - pl.col("reference_date")).dt.total_days()
    wrong = gap != pl.col("horizon") * pl.col("step")
    yield from _rows(name, frame, wrong, "target_end_date is not reference_date + horizon")


def _filename_date(name: str, frame: pl.DataFrame, path: Path) -> Iterator[str]:
    wrong = pl.col("reference_date").cast(pl.String) != path.name[:10]
    yield from _rows(name, frame, wrong, "reference_date is not the date in the file's name")


def _bounds(name: str, frame: pl.DataFrame, bounded: dict[str, bool]) -> Iterator[str]:
    unknown = ~pl.col("target").is_in(list(bounded))
    yield from _rows(name, frame, unknown, "target is not in targets.csv")
    shares = [target for target, between in bounded.items() if between]
    outside = pl.col("target").is_in(shares) & ~pl.col("value").is_between(0.0, 1.0)
    yield from _rows(name, frame, outside, "value is outside 0 to 1")


_Rule = Callable[[str, pl.DataFrame], Iterator[str]]
_TEXT_RULES: tuple[_Rule, ...] = (_dates, _horizons, _types, _values, _names)
_VALUE_RULES: tuple[_Rule, ...] = (_unique, _complete_levels, _complete_horizons, _ordered, _end_dates)
