"""The hubverse rules of a forecast file, one function each. Not for reading files; what a file is beside others is
judged in `check.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from flows.export.check_read import broken
from flows.export.columns import DAYS, HUB_COLUMNS
from warehouse.spreadsheet import FORMULA
from warehouse.tables import QUANTILES

TASK = ["reference_date", "target", "location", "horizon"]
FOLDER = re.compile(r"[A-Za-z0-9_]+-[A-Za-z0-9_]+")
DATE = r"^\d{4}-\d{2}-\d{2}$"
ENDINGS = ("csv", "parquet")


def path_problems(path: Path, *, folder: Path) -> list[str]:
    """Does the file lie at `model-output/<team>-<model>/<reference_date>-<team>-<model>.csv|parquet`?"""
    name = path.relative_to(folder).as_posix()
    model = path.parent.name
    wanted = re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}-{re.escape(model)}\.({'|'.join(ENDINGS)})")
    problems = []
    if path.parent.parent != folder / "model-output" or not FOLDER.fullmatch(model):
        problems.append(f"{name}: expected model-output/<team>-<model>/.")
    if not wanted.fullmatch(path.name):
        problems.append(f"{name}: expected <reference_date>-<team>-<model>.csv or .parquet.")
    return problems


def column_problems(name: str, frame: pl.DataFrame, columns: list[str]) -> list[str]:
    """Exactly these columns, in this order."""
    found = frame.columns[:-1]
    if found == columns:
        return []
    return [f"{name}: has columns {', '.join(found)}; expected {', '.join(columns)}."]


def cell_problems(name: str, frame: pl.DataFrame) -> list[str]:
    """Dates, whole horizons, levels, finite values, names: what is wrong with single cells."""
    return [problem for rule in _CELL_RULES for problem in rule(name, frame)]


def typed(frame: pl.DataFrame) -> pl.DataFrame:
    """Cells without a problem as values, and `step`: days from one horizon to the next."""
    return frame.with_columns(
        pl.col("reference_date", "target_end_date").str.to_date("%Y-%m-%d"),
        pl.col("horizon").cast(pl.Int64),
        pl.col("output_type_id", "value").cast(pl.Float64),
        step=pl.col("target").str.split(" ").list.first().replace_strict(DAYS, return_dtype=pl.Int64),
    )


def value_problems(name: str, frame: pl.DataFrame, *, bounded: dict[str, bool], path: Path) -> list[str]:
    """What is wrong between the rows of a typed file; `bounded`: target → does it lie between 0 and 1."""
    problems = [problem for rule in _VALUE_RULES for problem in rule(name, frame)]
    return [*problems, *_filename_date(name, frame, path), *_bounds(name, frame, bounded)]


def differences(name: str, frame: pl.DataFrame, *, other: pl.DataFrame, says: str) -> Iterator[str]:
    """Rows of a typed file that its twin in the other format does not have."""
    columns = list(HUB_COLUMNS)
    alone = frame.join(other, on=columns, how="anti")
    yield from broken(name, alone, pl.lit(value=True), says)


# ------------------------------------------------------------------------------------- rules on cells


def dates(name: str, frame: pl.DataFrame, columns: tuple[str, ...]) -> Iterator[str]:
    """Real days written as 2024-06-02."""
    for column in columns:
        shaped = pl.col(column).str.contains(DATE)
        real = pl.col(column).str.to_date("%Y-%m-%d", strict=False).is_not_null()
        yield from broken(name, frame, ~(shaped & real), f"{column} is not a date like 2024-06-02")


def _dates(name: str, frame: pl.DataFrame) -> Iterator[str]:
    yield from dates(name, frame, ("reference_date", "target_end_date"))


def _horizons(name: str, frame: pl.DataFrame) -> Iterator[str]:
    whole = pl.col("horizon").str.contains(r"^[1-9]\d{0,3}$")
    yield from broken(name, frame, ~whole, "horizon is not a whole number from 1")


def _types(name: str, frame: pl.DataFrame) -> Iterator[str]:
    yield from broken(name, frame, pl.col("output_type") != "quantile", "output_type is not quantile")
    level = pl.col("output_type_id").cast(pl.Float64, strict=False)
    yield from broken(
        name, frame, ~level.is_in(list(QUANTILES)), "output_type_id is not one of the 23 levels"
    )


def _values(name: str, frame: pl.DataFrame) -> Iterator[str]:
    number = pl.col("value").cast(pl.Float64, strict=False)
    yield from broken(name, frame, ~number.is_finite(), "value is not a finite number")


def _names(name: str, frame: pl.DataFrame) -> Iterator[str]:
    prefix = pl.col("target").str.split(" ").list.first()
    yield from broken(name, frame, ~prefix.is_in(list(DAYS)), "target does not start with daily or weekly")
    yield from broken(name, frame, pl.col("location").str.strip_chars() == "", "location is empty")
    formula = pl.col("target").str.contains(FORMULA) | pl.col("location").str.contains(FORMULA)
    yield from broken(name, frame, formula, "a text cell would run as a formula")


# ------------------------------------------------------------------------------------ rules on values


def _unique(name: str, frame: pl.DataFrame) -> Iterator[str]:
    again = pl.struct(*TASK, "output_type", "output_type_id").is_duplicated()
    yield from broken(name, frame, again, "the same task and level appear more than once")


def _complete_levels(name: str, frame: pl.DataFrame) -> Iterator[str]:
    short = pl.col("output_type_id").n_unique().over(TASK) != len(QUANTILES)
    yield from broken(name, frame, short, f"the task does not have all {len(QUANTILES)} quantile levels")


def _complete_horizons(name: str, frame: pl.DataFrame) -> Iterator[str]:
    most = pl.col("horizon").max().over("reference_date", "target")
    have = pl.col("horizon").n_unique().over("reference_date", "target", "location")
    yield from broken(name, frame, have != most, "the location does not have every horizon of its target")


def _ordered(name: str, frame: pl.DataFrame) -> Iterator[str]:
    ordered = frame.sort(*TASK, "output_type_id")
    falls = (pl.col("value").diff().over(TASK) < 0).fill_null(value=False)
    yield from broken(name, ordered, falls, "the quantile is below the one before it")


def _end_dates(name: str, frame: pl.DataFrame) -> Iterator[str]:
    gap = (pl.col("target_end_date") - pl.col("reference_date")).dt.total_days()
    wrong = gap != pl.col("horizon") * pl.col("step")
    yield from broken(name, frame, wrong, "target_end_date is not reference_date + horizon")


def _filename_date(name: str, frame: pl.DataFrame, path: Path) -> Iterator[str]:
    wrong = pl.col("reference_date").cast(pl.String) != path.name[:10]
    yield from broken(name, frame, wrong, "reference_date is not the date in the file's name")


def _bounds(name: str, frame: pl.DataFrame, bounded: dict[str, bool]) -> Iterator[str]:
    unknown = ~pl.col("target").is_in(list(bounded))
    yield from broken(name, frame, unknown, "target is not in targets.csv")
    shares = [target for target, between in bounded.items() if between]
    outside = pl.col("target").is_in(shares) & ~pl.col("value").is_between(0.0, 1.0)
    yield from broken(name, frame, outside, "value is outside 0 to 1")


_Rule = Callable[[str, pl.DataFrame], Iterator[str]]
_CELL_RULES: tuple[_Rule, ...] = (_dates, _horizons, _types, _values, _names)
_VALUE_RULES: tuple[_Rule, ...] = (_unique, _complete_levels, _complete_horizons, _ordered, _end_dates)
