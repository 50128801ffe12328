"""What the readers hand on: batches of string records and refusals. Not for reading or judging anything."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from warehouse.config import SourceConfig

# Names that look like a column's, so that an error message never quotes the first record of a file.
_COLUMN_NAME = re.compile(r"[^\W\d][\w .()/-]{0,39}")
TRUNCATED = "the file ends early or is damaged from here on; get it again"
NULL_BYTE = "a record holds a null byte; expected text"


@dataclass(frozen=True)
class BadRecord:
    """One refused record: its number in the file, why, and what was expected. Never its content."""

    number: int
    reason: str
    detail: str


@dataclass(frozen=True)
class Batch:
    """Some consecutive records. `frame` has a `record` number and one String column per mapped field."""

    first_record: int
    received: int
    frame: pl.DataFrame
    bad: list[BadRecord] = field(default_factory=list)

    @property
    def next_record(self) -> int:
        return self.first_record + self.received


# The mapped fields of one record, in the order of `mapped_columns`.
Item = tuple[str | None, ...] | BadRecord


def mapped_columns(source: SourceConfig) -> dict[str, str]:
    """Our field name → the source's column name, for the columns the source has."""
    return {name: column for name, column in source.columns.model_dump().items() if column is not None}


def missing_columns(path: Path, *, source: SourceConfig, found: list[str], missing: list[str]) -> str:
    """The message for a file without the mapped columns; names are listed only where they look like names."""
    hint = f"Correct [sources.columns] of source '{source.name}'."
    marks = [mark for mark in ";\t|," if len(found) == 1 and mark in found[0]]
    if marks:
        hint = f"The delimiter looks like {marks[0]!r}: set delimiter in source '{source.name}'."
    elif not _are_names(found):
        hint = f"The first line does not look like column names: add a header line, or correct {hint[8:]}"
    listed = f": {', '.join(found[:12])}" if _are_names(found) else ""
    return f"{path}: missing columns: {', '.join(missing)}. Found {len(found)} columns{listed}. {hint}"


def _are_names(found: list[str]) -> bool:
    return bool(found) and all(_COLUMN_NAME.fullmatch(name) for name in found)
