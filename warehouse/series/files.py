"""The files of a configured series to records of text; a broken record costs itself and not its neighbours.

Understands CSV and TSV, plain, gzip or zstd, and Parquet. Not for judging what a record says.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from warehouse.config import Config, SeriesConfig
from warehouse.errors import InputError
from warehouse.intake.files import matching
from warehouse.intake.streams import BrokenStreamError, lines, read_error

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_UNDECODABLE = re.compile("[\udc80-\udcff]")
_COLUMN_NAME = re.compile(r"[^\W\d][\w .()/-]{0,39}")
# Kinds of columns that a Parquet file may have its numbers, days and places in.
_READABLE = (pl.String, pl.Date, pl.Datetime, pl.Boolean, pl.Null, pl.Categorical, pl.Enum, pl.Decimal)


@dataclass(frozen=True)
class SeriesFile:
    """The records of one file: one String column per mapped column, and how many were refused, by reason."""

    frame: pl.DataFrame
    refused: Counter[str] = field(default_factory=Counter)


def series_files(series: SeriesConfig) -> list[Path]:
    """The files of a series, sorted; `InputError` for none."""
    found = matching(series.path)
    if not found:
        raise InputError(
            f"series '{series.name}': no file matches '{series.path}' (relative paths start at the working "
            "directory). Check [[series]] path."
        )
    return found


def series_fingerprint(config: Config) -> list[list[object]]:
    """What the series are, for the run's identity: their settings but for paths, and what is in their files."""
    return [
        [series.model_dump(mode="json", exclude={"path"}), [_sha256(path) for path in matching(series.path)]]
        for series in config.series
    ]


def _sha256(path: Path) -> str:
    """Empty for a file that cannot be read: a night tells of it where it reads it."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def read_file(path: Path, *, series: SeriesConfig) -> SeriesFile:
    """The records of a file. `InputError` where the file as a whole is not what the configuration says."""
    endings = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in {".gz", ".zst"}]
    ending = endings[-1] if endings else ""
    if ending == ".parquet":
        return _parquet(path, series=series)
    if ending in _DELIMITERS:
        return _delimited(path, series=series, delimiter=_DELIMITERS[ending])
    raise InputError(
        f"{path}: cannot tell the format from the name. Expected .csv, .tsv (also .gz, .zst) or .parquet for series "
        f"'{series.name}'."
    )


# ------------------------------------------------------------------------------------------ CSV and TSV


def _delimited(path: Path, *, series: SeriesConfig, delimiter: str) -> SeriesFile:
    refused: Counter[str] = Counter()
    texts = [line.decode("utf-8", errors="surrogateescape") for line in _whole_lines(path, refused=refused)]
    if not texts:
        raise InputError(f"{path}: is empty. Expected a header and rows for series '{series.name}'.")
    rows = _records(texts, delimiter=delimiter)
    header = [name.strip() for name in next(rows) or []]
    wanted = _columns(header, path=path, series=series)
    places = [header.index(column) for column in wanted.values()]
    kept: list[list[str]] = []
    for row in rows:
        reason = _broken(row, width=len(header))
        if reason is None and row:
            kept.append([row[place] for place in places])
        elif reason is not None:
            refused[reason] += 1
    frame = pl.DataFrame(kept, schema=dict.fromkeys(wanted, pl.String), orient="row")
    return SeriesFile(frame, refused)


def _whole_lines(path: Path, *, refused: Counter[str]) -> Iterator[bytes]:
    """The lines up to where the file is damaged, which counts as one refused record."""
    try:
        yield from lines(path)
    except BrokenStreamError:
        refused["truncated_file"] += 1


def _records(texts: list[str], *, delimiter: str) -> Iterator[list[str] | None]:
    """Fields of each record, [] for a blank line, None for one that is broken.

    A quote that is never closed would swallow all rows behind it: such a file is read line by line.
    """
    try:
        rows = list(csv.reader(texts, delimiter=delimiter, strict=True))
        torn = len({len(row) for row in rows if row}) > 1 and len(rows) < len(texts)
    except csv.Error:
        torn = True
    yield from (_line(text, delimiter=delimiter) for text in texts) if torn else rows


def _line(text: str, *, delimiter: str) -> list[str] | None:
    try:
        rows = list(csv.reader([text.rstrip("\r\n")], delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if rows else []


def _broken(row: list[str] | None, *, width: int) -> str | None:
    if row is None:
        return "unclosed_quote"
    joined = "".join(row)
    if _UNDECODABLE.search(joined):
        return "bad_encoding"
    if "\0" in joined:
        return "null_byte"
    return "wrong_field_count" if row and len(row) != width else None


# ---------------------------------------------------------------------------------------------- Parquet


def _parquet(path: Path, *, series: SeriesConfig) -> SeriesFile:
    try:
        schema = pl.read_parquet_schema(path)
        wanted = _columns(list(schema), path=path, series=series)
        odd = [column for column in wanted.values() if not _is_readable(schema[column])]
        if odd:
            raise InputError(
                f"{path}: columns {', '.join(odd)} hold neither text, numbers nor days. Convert them for series "
                f"'{series.name}'."
            )
        found = pl.read_parquet(path, columns=list(wanted.values()))
        frame = found.select(pl.col(column).cast(pl.String).alias(name) for name, column in wanted.items())
    except OSError as error:
        raise read_error(path, error) from error
    except pl.exceptions.PolarsError:
        # Without the cause, which may quote what is in the file.
        raise InputError(f"{path}: is not a readable Parquet file. Get it again.") from None
    return SeriesFile(frame)


def _is_readable(kind: pl.DataType) -> bool:
    return kind.is_numeric() or isinstance(kind, _READABLE)


def _columns(header: Iterable[str], *, path: Path, series: SeriesConfig) -> dict[str, str]:
    """Our name → the file's; `InputError` for one that is missing or there twice."""
    names, wanted = list(header), series.columns.given
    missing = [column for column in wanted.values() if column not in names]
    if missing:
        # Names only where they look like names: a file without a header would be quoted.
        are_names = names and all(_COLUMN_NAME.fullmatch(name) for name in names)
        listed = f": {', '.join(names[:12])}" if are_names else ""
        raise InputError(
            f"{path}: missing columns: {', '.join(missing)}. Found {len(names)} columns{listed}. Correct "
            f"[series.columns] of series '{series.name}', or add a header line."
        )
    twice = [column for column in wanted.values() if names.count(column) > 1]
    if twice:
        raise InputError(f"{path}: the header names {', '.join(twice)} more than once. Rename all but one.")
    return wanted
