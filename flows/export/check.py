"""Does an exported folder keep every hubverse file rule, and do its files agree? Names the rows that do not.

Not for repairing: a folder with a problem is not handed on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from flows.export import check_forecasts as rules
from flows.export.check_read import LINE, broken, read_csv, read_parquet
from flows.export.columns import (
    BRIEFS,
    DICTIONARY,
    DICTIONARY_COLUMNS,
    FILES,
    HUB_COLUMNS,
    RECEIPT,
    WIDE_LEVELS,
)
from warehouse.spreadsheet import FORMULA

STATISTICS = ("share", "mean", "count", "not in the catalogue")
BOUNDED = ("share", "mean")
# What no two rows of a file share.
KEYS = {
    "targets.csv": ["target"],
    "policy_summary.csv": ["location", "signal", "population", "time_type", "horizon"],
    "observed.csv": ["location", "geo_type", "signal", "population", "time_type", "time_value", "issue"],
    "alerts.csv": ["alert_id"],
    DICTIONARY: ["file", "column"],
}
DATES = {
    "policy_summary.csv": ("reference_date", "target_end_date"),
    "observed.csv": ("time_value", "issue"),
    "alerts.csv": ("time_value", "since", "issue"),
}
# What would run, or load something from elsewhere, in a page that needs neither.
ACTIVE = re.compile(
    r"<(script|iframe|object|embed|link|img|form|base)\b|<[^>]*\s(src|href|on\w+)\s*=", re.IGNORECASE
)


@dataclass
class _Folder:
    """What has been read of an export, and what is wrong with it."""

    path: Path
    problems: list[str] = field(default_factory=list)
    side: dict[str, pl.DataFrame] = field(default_factory=dict)
    forecasts: dict[str, pl.DataFrame] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)


def check_export(folder: Path) -> list[str]:
    """Every broken rule of an exported folder as a sentence with file and line numbers; none means it is sound."""
    found = _Folder(folder)
    for name, columns in _side_files().items():
        found.problems += _side(found, name=name, columns=columns)
    files = sorted(path for path in (folder / "model-output").rglob("*") if path.is_file())
    if not files:
        found.problems.append("model-output: no forecast file.")
    bounded = _bounded_targets(found.side.get("targets.csv"))
    for path in files:
        found.problems += _forecast_file(found, path=path, bounded=bounded)
    found.problems += _formats_agree(found)
    found.problems += _tasks_agree(found)
    return [*found.problems, *_receipt(found)]


def _side_files() -> dict[str, list[str]]:
    return {name: list(columns) for name, columns in FILES.items()} | {DICTIONARY: list(DICTIONARY_COLUMNS)}


def _side(found: _Folder, *, name: str, columns: list[str]) -> Iterator[str]:
    frame, problems = read_csv(found.path / name, name=name)
    if frame is None:
        yield from problems
        return
    found.rows[name] = frame.height
    yield from (problems := rules.column_problems(name, frame, columns))
    if problems:
        return
    found.side[name] = frame
    text = pl.all().exclude(LINE)
    formula = text.str.contains(FORMULA) & text.cast(pl.Float64, strict=False).is_null()
    yield from broken(name, frame, pl.any_horizontal(formula), "a text cell would run as a formula")
    again = pl.struct(KEYS[name]).is_duplicated()
    yield from broken(name, frame, again, f"the same {', '.join(KEYS[name])} appear more than once")
    yield from rules.dates(name, frame, DATES.get(name, ()))
    yield from _side_values(name, frame)


def _side_values(name: str, frame: pl.DataFrame) -> Iterator[str]:
    if name == "targets.csv":
        known = pl.col("statistic").is_in(list(STATISTICS))
        yield from broken(name, frame, ~known, f"statistic is none of {', '.join(STATISTICS)}")
    if name == "observed.csv":
        value = pl.col("value").cast(pl.Float64, strict=False)
        empty = pl.col("value") == ""
        yield from broken(
            name, frame, ~empty & ~value.is_between(0.0, 1.0), "value is not a number from 0 to 1"
        )
        reason = empty == (pl.col("missing_value") != "0")
        yield from broken(
            name, frame, ~reason, "value is empty where missing_value is 0, or the other way round"
        )


def _bounded_targets(frame: pl.DataFrame | None) -> dict[str, bool]:
    """Target → does it lie between 0 and 1."""
    if frame is None:
        return {}
    return {
        target: statistic in BOUNDED for target, statistic in frame.select("target", "statistic").iter_rows()
    }


def _forecast_file(found: _Folder, *, path: Path, bounded: dict[str, bool]) -> list[str]:
    name = path.relative_to(found.path).as_posix()
    misplaced = rules.path_problems(path, folder=found.path)
    reader = read_parquet if path.suffix == ".parquet" else read_csv
    frame, problems = reader(path, name=name)
    if frame is None:
        return misplaced + problems
    found.rows[name] = frame.height
    problems = rules.column_problems(name, frame, list(HUB_COLUMNS))
    problems = misplaced + (problems or rules.cell_problems(name, frame))
    if problems:
        return problems
    found.forecasts[name] = rules.typed(frame)
    return rules.value_problems(name, found.forecasts[name], bounded=bounded, path=path)


# ---------------------------------------------------------------------------------- files together


def _formats_agree(found: _Folder) -> Iterator[str]:
    """A forecast that is there as CSV and as Parquet says the same in both."""
    for name, frame in found.forecasts.items():
        twin = found.forecasts.get(f"{name.removesuffix('.csv')}.parquet")
        if name.endswith(".csv") and twin is not None:
            other = f"{name.removesuffix('.csv')}.parquet"
            yield from rules.differences(
                name, frame, other=twin, says="the Parquet file does not say the same"
            )
            yield from rules.differences(other, twin, other=frame, says="the CSV file does not say the same")


def _tasks_agree(found: _Folder) -> Iterator[str]:
    """Every row of the summary is a task of the forecast files, with the same quantiles, and the other way round."""
    name = "policy_summary.csv"
    summary, targets = found.side.get(name), found.side.get("targets.csv")
    if summary is None or targets is None or not found.forecasts:
        return
    key = ["signal", "population", "time_type"]
    named = summary.join(targets.unique(key).select(*key, "target"), on=key, how="left").with_columns(
        pl.col("reference_date").str.to_date("%Y-%m-%d", strict=False),
        pl.col("horizon").cast(pl.Int64, strict=False),
    )
    dated = {file: Path(file).name[:10] for file in found.forecasts}
    without = ~pl.col("reference_date").cast(pl.String).is_in(list(dated.values()))
    yield from broken(name, named, without, "there is no forecast file of its reference_date")
    for file, date in dated.items():
        asked = named.filter(pl.col("reference_date").cast(pl.String) == date)
        yield from _one_file_agrees(file, found.forecasts[file], asked=asked, name=name)


def _one_file_agrees(file: str, frame: pl.DataFrame, *, asked: pl.DataFrame, name: str) -> Iterator[str]:
    missing = asked.join(frame, on=rules.TASK, how="anti")
    yield from broken(name, missing, pl.lit(value=True), f"{file} lacks this place, target and horizon")
    surplus = frame.join(asked, on=rules.TASK, how="anti")
    yield from broken(file, surplus, pl.lit(value=True), f"{name} lacks this place, target and horizon")
    columns = [f"q{level}" for level in WIDE_LEVELS]
    long = asked.unpivot(
        on=columns, index=[*rules.TASK, LINE], variable_name="level", value_name="told"
    ).select(
        *rules.TASK,
        "told",
        pl.col(LINE).alias("summary_line"),
        pl.col("level").str.strip_prefix("q").cast(pl.Float64).alias("output_type_id"),
    )
    both = long.join(frame, on=[*rules.TASK, "output_type_id"], how="inner").with_columns(
        pl.col("summary_line").alias(LINE)
    )
    other = pl.col("told").cast(pl.Float64, strict=False) != pl.col("value")
    unlike = both.filter(other.fill_null(value=True)).unique(LINE).sort(LINE)
    yield from broken(name, unlike, pl.lit(value=True), f"a quantile is not that of {file}")


def _receipt(found: _Folder) -> Iterator[str]:
    """The numbers of rows, and the briefs, that the export says it has."""
    try:
        text = (found.path / RECEIPT).read_text(encoding="utf-8")
        facts: Any = json.loads(text)
        rows, pages = dict(facts["rows"]), list(facts["briefs"])
    except (OSError, ValueError, KeyError, TypeError):
        yield f"{RECEIPT}: is missing or damaged; expected a JSON object with rows and briefs."
        return
    if not text.endswith("\n"):
        yield f"{RECEIPT}: its last line has no end; the file is cut off."
    for name, number in found.rows.items():
        if rows.get(name) != number:
            yield f"{name}: has {number} rows; {RECEIPT} says {rows.get(name, 'nothing of this file')}."
    forecasts = {name for name in rows if name.startswith("model-output/")}
    there = {name for name in forecasts if (found.path / name).is_file()}
    for name in sorted(forecasts - there):
        yield f"{name}: is missing; {RECEIPT} names it."
    briefs = {path.relative_to(found.path).as_posix() for path in (found.path / BRIEFS).rglob("*")}
    for name in sorted(briefs - set(pages)):
        yield f"{name}: is not a brief that {RECEIPT} names."
    for name in pages:
        yield from _brief(found.path / str(name), name=str(name))


def _brief(path: Path, *, name: str) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        yield f"{name}: is missing or is not UTF-8 text."
        return
    if not text.endswith("</html>\n"):
        yield f"{name}: is cut off."
    for number, line in enumerate(text.splitlines(), start=1):
        if ACTIVE.search(line):
            yield f"{name}: line {number}: would run something or load it from elsewhere."
