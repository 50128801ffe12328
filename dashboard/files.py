"""The files of one published version: its manifest and its tables. Not for finding the version or cutting frames."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from dashboard.language import t
from warehouse.errors import ContractError, InputError
from warehouse.tables import PUBLISHED, empty

MANIFEST = "manifest.json"
ENUMS = (pl.Enum, pl.Categorical)


def damaged(path: Path) -> str:
    """What is said of a file that cannot be read."""
    return t("{file} is damaged. Run `affectcast publish` to write it again.", file=str(path))


def manifest(folder: Path) -> dict[str, object]:
    """What the version says of itself; nothing where it has no manifest."""
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(damaged(path)) from error
    return raw if isinstance(raw, dict) else {}


def path_of(folder: Path, *, name: str) -> Path:
    """Where a table lies."""
    return folder / f"{name}.parquet"


def scan(folder: Path, *, name: str) -> pl.LazyFrame:
    """A table as it is read when it is needed, all closed sets as text; empty where the file is absent."""
    path = path_of(folder, name=name)
    if not path.is_file():
        return _as_text(empty(PUBLISHED[name]).lazy())
    found = pl.scan_parquet(path, glob=False)
    wanted = PUBLISHED[name].columns
    missing = [column for column in wanted if column not in found.collect_schema().names()]
    if missing:
        named = ", ".join(missing)
        raise ContractError(
            t(
                "{file} has no column {columns}. Run `affectcast publish` again.",
                file=str(path),
                columns=named,
            )
        )
    return _as_text(found.select(wanted))


def _as_text(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Enums come back from Parquet as enums, categories or text: make them all text."""
    schema = frame.collect_schema()
    closed = [name for name, kind in schema.items() if isinstance(kind, ENUMS)]
    return frame.with_columns(pl.col(closed).cast(pl.String)) if closed else frame
