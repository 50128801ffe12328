"""Reads a file of an export as text cells, or says in which line it is broken. Not for rules about its content."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl

# The line (CSV) or row (Parquet) of the file that a row of a frame came from: always the last column.
LINE = "line"
SHOWN = 5
PARQUET_TYPES = {
    "reference_date": (pl.Date,),
    "target": (pl.String,),
    "horizon": (pl.Int32, pl.Int64),
    "target_end_date": (pl.Date,),
    "location": (pl.String,),
    "output_type": (pl.String,),
    "output_type_id": (pl.Float64,),
    "value": (pl.Float64,),
}


def read_csv(path: Path, *, name: str) -> tuple[pl.DataFrame | None, list[str]]:
    """All cells as text and `LINE`; or nothing and what is wrong. A byte order mark at the start is no cell."""
    try:
        content = path.read_bytes()
    except OSError:
        return None, [f"{name}: is missing or cannot be read."]
    content = content.removeprefix(codecs.BOM_UTF8)
    problems = _broken_text(content, name=name) or _broken_rows(content.decode(), name=name)
    if problems:
        return None, problems
    try:
        frame = pl.read_csv(io.BytesIO(content), infer_schema=False, empty_string_is_null=False)
    except pl.exceptions.PolarsError:
        return None, [f"{name}: is not a CSV file."]
    return frame.with_columns(pl.int_range(2, frame.height + 2, dtype=pl.Int64).alias(LINE)), []


def _broken_text(content: bytes, *, name: str) -> list[str]:
    if not content:
        return [f"{name}: is empty; expected a line with column names."]
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return [f"{name}: line {line}: is not UTF-8 text."]
    if not content.endswith(b"\n"):
        last = content.count(b"\n") + 1
        return [f"{name}: line {last}: has no line end; the file is cut off."]
    return []


def _broken_rows(text: str, *, name: str) -> list[str]:
    """Lines with more or fewer cells than there are columns."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = next(reader)
        wrong = [reader.line_num for row in reader if len(row) != len(columns)]
    except csv.Error as error:
        return [f"{name}: line {reader.line_num}: is not CSV ({error})."]
    return (
        [f"{name}: {lines(wrong)}: does not have {len(columns)} cells, one for each column."] if wrong else []
    )


def read_parquet(path: Path, *, name: str) -> tuple[pl.DataFrame | None, list[str]]:
    """All cells as text and `LINE`, where columns have the types of a forecast file; or what is wrong."""
    try:
        frame = pl.read_parquet(path, glob=False)
    # A damaged file can end a thread of the reader, which is raised as something that is no ordinary error.
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None, [f"{name}: is not a Parquet file, or is cut off."]
    wrong = [
        f"{name}: column {column} has type {frame.schema[column]}; expected {kinds[0].__name__}."
        for column, kinds in PARQUET_TYPES.items()
        if column in frame.columns and frame.schema[column] not in kinds
    ]
    if wrong:
        return None, wrong
    text = frame.with_columns(pl.all().cast(pl.String))
    return text.with_columns(pl.int_range(1, frame.height + 1, dtype=pl.Int64).alias(LINE)), []


def lines(numbers: list[int], *, unit: str = "line") -> str:
    """`line 3, 4 and 7 more`: the first few of many."""
    more = f" and {len(numbers) - SHOWN} more" if len(numbers) > SHOWN else ""
    return f"{unit} {', '.join(str(number) for number in numbers[:SHOWN])}{more}"


def broken(name: str, frame: pl.DataFrame, where: pl.Expr, says: str) -> Iterator[str]:
    """One sentence for all rows that break a rule, naming the first few; a rule that cannot be judged is broken."""
    numbers = frame.filter(where.fill_null(value=True)).get_column(LINE).to_list()
    if numbers:
        yield f"{name}: {lines(numbers, unit='row' if name.endswith('.parquet') else 'line')}: {says}."
