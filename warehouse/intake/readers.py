"""Files to batches of string records, with every unreadable record counted and located.

Understands CSV, TSV, JSON lines and Parquet, plain, gzip or zstd. Memory is bounded by the batch.
Not for judging what a record says: `normalise.py` does that.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from warehouse.config import SourceConfig
from warehouse.errors import ConfigError, InputError

MAX_RECORD_LINES = 2_000
csv.field_size_limit(64 * 1024 * 1024)
_BROKEN_STREAM = (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError)
_SUFFIXES = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}


@dataclass(frozen=True)
class BadRecord:
    """One refused record: its number in the file, why, and what was expected. Never its content."""

    number: int
    reason: str
    detail: str


@dataclass
class Batch:
    """Some consecutive records. `frame` has a `record` number and one String column per mapped field."""

    first_record: int
    received: int
    frame: pl.DataFrame
    bad: list[BadRecord] = field(default_factory=list)

    @property
    def next_record(self) -> int:
        return self.first_record + self.received


Item = dict[str, str | None] | BadRecord


def mapped_columns(source: SourceConfig) -> dict[str, str]:
    """Our field name → the source's column name, for the columns the source has."""
    return {name: column for name, column in source.columns.model_dump().items() if column is not None}


def file_sha256(path: Path) -> str:
    """Hex digest of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_batches(path: Path, *, source: SourceConfig, size: int, start: int = 0) -> Iterator[Batch]:
    """Batches of `size` records from record number `start`.

    Raises `InputError` when the file as a whole is not what the configuration says.
    """
    kind = file_format(path, source=source)
    if kind == "parquet":
        yield from _parquet_batches(path, source=source, size=size, start=start)
        return
    items = (
        _jsonl_items(path, source=source) if kind == "jsonl" else _csv_items(path, source=source, kind=kind)
    )
    yield from _grouped(items, columns=list(mapped_columns(source)), size=size, start=start)


def file_format(path: Path, *, source: SourceConfig) -> str:
    """csv, tsv, jsonl or parquet: as configured, else by the file's name."""
    if source.format != "auto":
        return source.format
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in {".gz", ".zst"}]
    last = suffixes[-1] if suffixes else ""
    if last == ".parquet":
        return "parquet"
    if last in _SUFFIXES:
        return _SUFFIXES[last]
    raise InputError(
        f"{path}: cannot tell the format from the name. Expected .csv, .tsv, .jsonl or .parquet "
        f"(also .gz, .zst); or set format in source '{source.name}'."
    )


def _open_binary(path: Path) -> IO[bytes] | gzip.GzipFile | zstandard.ZstdDecompressionReader:
    try:
        raw = path.open("rb")
    except OSError as error:
        raise InputError(
            f"{path}: cannot be opened ({error.strerror}). Check path and permissions."
        ) from error
    if path.suffix.lower() == ".gz":
        return gzip.GzipFile(fileobj=raw, mode="rb")
    if path.suffix.lower() == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(raw, closefd=True)
    return raw


def _lines(path: Path) -> Iterator[bytes]:
    with _open_binary(path) as binary:
        yield from io.BufferedReader(binary, buffer_size=1 << 20)  # type: ignore[type-var]


class _Decoder:
    """Bytes to text in the configured encoding; undecodable bytes survive as lone surrogates."""

    def __init__(self, source: SourceConfig) -> None:
        self.encoding = source.encoding
        try:
            b"".decode(source.encoding)
        except LookupError as error:
            raise ConfigError(
                f"source '{source.name}': unknown encoding '{source.encoding}'. Try utf-8, latin-1 or gb18030."
            ) from error
        if "\n".encode(source.encoding) != b"\n":
            raise ConfigError(
                f"source '{source.name}': encoding '{source.encoding}' has no one-byte line ends. "
                "Convert the file to UTF-8 first."
            )

    def __call__(self, line: bytes) -> str:
        try:
            return line.decode(self.encoding)
        except UnicodeDecodeError:
            return line.decode("ascii", errors="surrogateescape")


def _undecodable(text: str) -> bool:
    return any("\udc80" <= character <= "\udcff" for character in text)


# -------------------------------------------------------------------------------------------- JSON


def _jsonl_items(path: Path, *, source: SourceConfig) -> Iterator[Item]:
    columns = mapped_columns(source)
    for number, line in _numbered(_lines(path)):
        if isinstance(line, BadRecord):
            yield line
        elif line.strip():
            yield _json_item(line, number=number, columns=columns)


def _numbered(lines: Iterator[bytes]) -> Iterator[tuple[int, bytes | BadRecord]]:
    number = 0
    try:
        for line in lines:
            yield number, line
            number += 1
    except _BROKEN_STREAM:
        yield (
            number,
            BadRecord(number, "truncated_file", "the compressed stream ends early; get the file again"),
        )


def _json_item(line: bytes, *, number: int, columns: dict[str, str]) -> Item:
    if b"\x00" in line:
        return BadRecord(number, "null_byte", "a record holds a null byte; expected text")
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return _explain_json(line, number=number)
    if not isinstance(record, dict):
        return BadRecord(number, "not_an_object", "expected one JSON object per line")
    item = {name: _as_text(_dig(record, column)) for name, column in columns.items()}
    if any(value is not None and "\x00" in value for value in item.values()):
        return BadRecord(number, "null_byte", "a record holds a null byte; expected text")
    return item


def _explain_json(line: bytes, *, number: int) -> BadRecord:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return BadRecord(number, "bad_encoding", "a line is not valid UTF-8")
    return BadRecord(number, "bad_json", "a line is not valid JSON")


def _dig(record: dict[str, Any], column: str) -> Any:
    if column in record or "." not in column:
        return record.get(column)
    value: Any = record
    for part in column.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    return orjson.dumps(value).decode()


# --------------------------------------------------------------------------------------------- CSV


class _LineFeed:
    """Feeds decoded physical lines to the CSV reader and remembers the current record's, to hand back."""

    def __init__(self, lines: Iterator[bytes], *, decode: _Decoder) -> None:
        self._lines = lines
        self._decode = decode
        self._waiting: list[str] = []
        self.current: list[str] = []
        self.broken = False
        self.ended = False

    def __iter__(self) -> _LineFeed:
        return self

    def __next__(self) -> str:
        # The reader asks for a second line only inside quotes, so running out there means never closed.
        self.ended = True
        if len(self.current) >= MAX_RECORD_LINES:
            raise StopIteration
        line = self._waiting.pop() if self._waiting else self._next_line()
        self.ended = False
        self.current.append(line)
        return line

    def _next_line(self) -> str:
        try:
            return self._decode(next(self._lines))
        except _BROKEN_STREAM as error:
            self.broken = True
            raise StopIteration from error

    def give_back(self) -> None:
        """Put all but the current record's first line back, to be read again."""
        self._waiting.extend(reversed(self.current[1:]))


def _csv_items(path: Path, *, source: SourceConfig, kind: str) -> Iterator[Item]:
    delimiter = source.delimiter or ("\t" if kind == "tsv" else ",")
    feed = _LineFeed(_lines(path), decode=_Decoder(source))
    header = _csv_header(feed, path=path, source=source, delimiter=delimiter)
    if header is None:
        return
    positions = {name: header.index(column) for name, column in mapped_columns(source).items()}
    number = 0
    while (fields := _next_fields(feed, delimiter=delimiter)) is not None:
        if fields == []:
            continue
        yield _csv_item(fields, number=number, width=len(header), positions=positions)
        number += 1
    if feed.broken:
        yield BadRecord(number, "truncated_file", "the compressed stream ends early; get the file again")


def _next_fields(feed: _LineFeed, *, delimiter: str) -> list[str] | str | None:
    """The next record's fields; [] for a blank line, a reason for a broken one, None at the end."""
    feed.current = []
    fields = next(csv.reader(feed, delimiter=delimiter), None)
    if feed.ended and feed.current:
        feed.give_back()
        return "unclosed_quote"
    return fields


def _csv_header(feed: _LineFeed, *, path: Path, source: SourceConfig, delimiter: str) -> list[str] | None:
    fields = _next_fields(feed, delimiter=delimiter)
    if feed.broken and not isinstance(fields, list):
        raise InputError(
            f"{path}: is not a readable compressed file. Expected gzip or zstd, as its name says."
        )
    if fields is None:
        return None
    if isinstance(fields, str) or any("\x00" in name or _undecodable(name) for name in fields):
        raise InputError(
            f"{path}: the first line is not a header of text columns; the file looks binary or is in another "
            f"encoding than {source.encoding}. Set encoding or format in source '{source.name}'."
        )
    header = [name.strip().lstrip("\ufeff") for name in fields]
    missing = [column for column in mapped_columns(source).values() if column not in header]
    if missing:
        raise InputError(_missing_columns(path, source=source, header=header, missing=missing))
    return header


def _missing_columns(path: Path, *, source: SourceConfig, header: list[str], missing: list[str]) -> str:
    hint = f"Correct [sources.columns] of source '{source.name}'."
    if len(header) == 1:
        seen = [mark for mark in ";\t|," if mark in header[0]]
        if seen:
            hint = f"The delimiter looks like {seen[0]!r}: set delimiter in source '{source.name}'."
    found = ", ".join(name[:40] for name in header[:12])
    return f"{path}: missing columns: {', '.join(missing)}. Found {len(header)}: {found}. {hint}"


def _csv_item(fields: list[str] | str, *, number: int, width: int, positions: dict[str, int]) -> Item:
    if isinstance(fields, str):
        return BadRecord(number, fields, "a quoted field is never closed")
    if len(fields) != width:
        return BadRecord(number, "wrong_field_count", f"expected {width} fields, found {len(fields)}")
    item: dict[str, str | None] = {name: fields[at] or None for name, at in positions.items()}
    joined = "".join(value for value in item.values() if value)
    if not joined.isascii() and _undecodable(joined):
        return BadRecord(number, "bad_encoding", "a record is not in the configured encoding")
    if "\x00" in joined:
        return BadRecord(number, "null_byte", "a record holds a null byte; expected text")
    return item


# ----------------------------------------------------------------------------------------- batches


def _grouped(items: Iterator[Item], *, columns: list[str], size: int, start: int) -> Iterator[Batch]:
    good: list[tuple[int, dict[str, str | None]]] = []
    bad: list[BadRecord] = []
    first = number = start
    for number, item in enumerate(items):
        if number < start:
            continue
        if isinstance(item, BadRecord):
            bad.append(BadRecord(number, item.reason, item.detail))
        else:
            good.append((number, item))
        if len(good) + len(bad) == size:
            yield _batch(good, bad=bad, first=first, columns=columns)
            good, bad, first = [], [], number + 1
    if good or bad:
        yield _batch(good, bad=bad, first=first, columns=columns)


def _batch(
    good: list[tuple[int, dict[str, str | None]]], *, bad: list[BadRecord], first: int, columns: list[str]
) -> Batch:
    data: dict[str, list[Any]] = {"record": [number for number, _ in good]}
    data |= {name: [item[name] for _, item in good] for name in columns}
    frame = pl.DataFrame(data, schema={"record": pl.Int64} | dict.fromkeys(columns, pl.String))
    return Batch(first_record=first, received=len(good) + len(bad), frame=frame, bad=bad)


def _parquet_batches(path: Path, *, source: SourceConfig, size: int, start: int) -> Iterator[Batch]:
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: is not a readable Parquet file. Get it again, or set format.") from error
    columns = mapped_columns(source)
    missing = [column for column in columns.values() if column not in file.schema_arrow.names]
    if missing:
        raise InputError(
            _missing_columns(path, source=source, header=file.schema_arrow.names, missing=missing)
        )
    first = 0
    for part in file.iter_batches(batch_size=size, columns=list(dict.fromkeys(columns.values()))):
        frame = pl.DataFrame(pl.from_arrow(part)).with_row_index("record", offset=first)
        picked = frame.select(pl.col("record").cast(pl.Int64), **{n: _text_of(c) for n, c in columns.items()})
        if first + frame.height > start:
            kept = picked.filter(pl.col("record") >= start)
            yield Batch(first_record=max(first, start), received=kept.height, frame=kept)
        first += frame.height


def _text_of(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String, strict=False)
