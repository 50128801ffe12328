"""Files to batches of string records, with every unreadable record counted and located.

Understands CSV, TSV, JSON lines and Parquet, plain, gzip or zstd. Memory is bounded by the batch.
Not for judging what a record says: `normalise.py` does that.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from warehouse.config import SourceConfig
from warehouse.errors import InputError
from warehouse.intake.columnar import parquet_batches
from warehouse.intake.delimited import delimited_items
from warehouse.intake.documents import document_items
from warehouse.intake.json_lines import jsonl_items
from warehouse.intake.records import BadRecord, Batch, Item, mapped_columns
from warehouse.intake.shapes import SHAPES

# A batch ends early when its records are this long together.
MAX_BATCH_CHARS = 1 << 24
# Kinds whose files are one JSON document each.
DOCUMENTS = ("x", "telegram")
_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
}


def read_batches(path: Path, *, source: SourceConfig, size: int, start: int = 0) -> Iterator[Batch]:
    """Batches of up to `size` records from record number `start`.

    Raises `InputError` when the file as a whole is not what the configuration says.
    """
    if source.kind in DOCUMENTS:
        items = document_items(path, source=source)
        return _grouped(items, columns=list(mapped_columns(source)), size=size, start=start)
    kind = "jsonl" if source.kind in SHAPES else file_format(path, source=source)
    if kind == "parquet":
        return parquet_batches(path, source=source, size=size, start=start)
    items = jsonl_items(path, source=source)
    if kind != "jsonl":
        items = delimited_items(path, source=source, kind=kind)
    return _grouped(items, columns=list(mapped_columns(source)), size=size, start=start)


def file_format(path: Path, *, source: SourceConfig) -> str:
    """csv, tsv, jsonl or parquet: as configured, else by the file's name."""
    if source.format != "auto":
        return source.format
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in {".gz", ".zst"}]
    kind = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if kind is None:
        raise InputError(
            f"{path}: cannot tell the format from the name. Expected .csv, .tsv, .jsonl or .parquet "
            f"(also .gz, .zst); or set format in source '{source.name}'."
        )
    return kind


def _grouped(items: Iterator[Item], *, columns: list[str], size: int, start: int) -> Iterator[Batch]:
    first = start
    rest = islice(items, start, None)
    while taken := _take(rest, size=size):
        yield _batch(taken, first=first, columns=columns)
        first += len(taken)


def _take(items: Iterator[Item], *, size: int) -> list[Item]:
    taken: list[Item] = []
    chars = 0
    for item in items:
        taken.append(item)
        if not isinstance(item, BadRecord):
            chars += sum(map(len, filter(None, item)))
        if len(taken) == size or chars > MAX_BATCH_CHARS:
            break
    return taken


def _batch(items: list[Item], *, first: int, columns: list[str]) -> Batch:
    good = [item for item in items if not isinstance(item, BadRecord)]
    numbers = [number for number, item in enumerate(items, first) if not isinstance(item, BadRecord)]
    values = zip(*good, strict=True)
    data: dict[str, Any] = {name: [] for name in columns} | dict(zip(columns, values, strict=False))
    schema = {"record": pl.Int64} | dict.fromkeys(columns, pl.String)
    frame = pl.DataFrame({"record": numbers} | data, schema=schema)
    bad = [item for item in items if isinstance(item, BadRecord)]
    return Batch(first_record=first, received=len(items), frame=frame, bad=bad)
