"""Parquet to batches of string records. Not for judging what a record says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.config import SourceConfig
from warehouse.errors import InputError
from warehouse.intake.records import NULL_BYTE, TRUNCATED, BadRecord, Batch, mapped_columns, missing_columns


def parquet_batches(path: Path, *, source: SourceConfig, size: int, start: int) -> Iterator[Batch]:
    """Batches from record `start`; a file damaged further on ends with one refused record."""
    first = 0
    wanted = list(dict.fromkeys(mapped_columns(source).values()))
    with _opened(path) as file:
        _check_columns(path, schema=file.schema_arrow, source=source)
        try:
            for part in file.iter_batches(batch_size=size, columns=wanted, use_threads=False):
                if first + part.num_rows > start:
                    yield _batch(part, first=first, start=start, source=source)
                first += part.num_rows
        except (pa.ArrowException, OSError):
            bad = [BadRecord(first, "truncated_file", TRUNCATED)]
            yield Batch(first_record=first, received=1, frame=_empty(source), bad=bad)


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: is not a readable Parquet file. Get it again, or set format.") from error


def _check_columns(path: Path, *, schema: pa.Schema, source: SourceConfig) -> None:
    columns = mapped_columns(source)
    missing = [column for column in columns.values() if column not in schema.names]
    if missing:
        raise InputError(missing_columns(path, source=source, found=schema.names, missing=missing))
    for column in columns.values():
        if schema.names.count(column) > 1:
            raise InputError(f"{path}: has more than one column {column}. Rename all but one.")
        if not _readable(schema.field(column).type):
            kind = schema.field(column).type
            raise InputError(
                f"{path}: column {column} has type {kind}; expected text, a number or a time. Convert it first."
            )
    when = schema.field(columns["created_at"]).type
    if pa.types.is_temporal(when) and source.time.format != "iso":
        raise InputError(
            f"{path}: column {columns['created_at']} has type {when}, which needs no pattern. "
            f"Set [sources.time] format = \"iso\" in source '{source.name}'."
        )


def _readable(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _readable(kind.value_type)
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_integer)
    more = (
        pa.types.is_floating,
        pa.types.is_boolean,
        pa.types.is_timestamp,
        pa.types.is_date,
        pa.types.is_null,
    )
    return any(test(kind) for test in (*tests, *more))


def _batch(part: pa.RecordBatch, *, first: int, start: int, source: SourceConfig) -> Batch:
    columns = mapped_columns(source)
    frame = pl.DataFrame(pl.from_arrow(part)).with_row_index("record", offset=first)
    texts = frame.select(
        pl.col("record").cast(pl.Int64),
        **{name: pl.col(column).cast(pl.String, strict=False) for name, column in columns.items()},
    ).filter(pl.col("record") >= start)
    null = texts.select(
        hit=pl.any_horizontal(pl.col(list(columns)).str.contains("\0", literal=True).fill_null(False))
    )
    bad = [BadRecord(number, "null_byte", NULL_BYTE) for number in texts.filter(null["hit"])["record"]]
    return Batch(
        first_record=max(first, start), received=texts.height, frame=texts.filter(~null["hit"]), bad=bad
    )


def _empty(source: SourceConfig) -> pl.DataFrame:
    return pl.DataFrame(schema={"record": pl.Int64} | dict.fromkeys(mapped_columns(source), pl.String))
