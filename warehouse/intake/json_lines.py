"""JSON lines to records. Not for judging what a record says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from warehouse.config import SourceConfig
from warehouse.errors import InputError
from warehouse.intake.records import NULL_BYTE, TRUNCATED, BadRecord, Item, mapped_columns, missing_columns
from warehouse.intake.shapes import SHAPES, Shape
from warehouse.intake.streams import BrokenStreamError, Decoder, lines

# How many lines may pass without a usable object before the file as a whole is refused.
PROBE_LINES = 20_000
_TEXTS = frozenset({str, type(None)})
_SURROGATE = re.compile("[\ud800-\udfff]")
# Doubles are exact up to here; a larger whole number would lose digits, and an id with them its meaning.
_EXACT = 2.0**53
_WHY = {
    "null_byte": NULL_BYTE,
    "bad_encoding": "a line is not in the configured encoding",
    "bad_json": "a line is not valid JSON",
    "not_an_object": "expected one JSON object per line",
    "truncated_file": TRUNCATED,
}


def jsonl_items(path: Path, *, source: SourceConfig) -> Iterator[Item]:
    """One item per line that is not blank; `InputError` when the first lines have nothing of what is mapped."""
    decode = Decoder(source)
    _check_mapping(path, source=source, decode=decode)
    columns, shape = list(mapped_columns(source).values()), SHAPES.get(source.kind)
    is_plain = decode.is_utf8 and shape is None and not any("." in column for column in columns)
    for number, line in enumerate(_lines(path)):
        values = _plain_texts(line, columns=columns) if is_plain else None
        if values is not None:
            yield values
            continue
        reason, values = _read(line, columns=columns, decode=decode, shape=shape)
        yield values if values is not None else BadRecord(number, reason, _WHY[reason])


def _lines(path: Path) -> Iterator[bytes | None]:
    """The lines that are not blank; None last where the stream breaks."""
    try:
        for line in lines(path):
            if line and not line.isspace():
                yield line
    except BrokenStreamError:
        yield None


def _plain_texts(line: bytes | None, *, columns: list[str]) -> tuple[str | None, ...] | None:
    """What `_read` says of a line as most are, in a fraction of the time; None where it must be looked at closely."""
    if line is None or b"\0" in line or b"\\u0000" in line:
        return None
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if type(record) is not dict:
        return None
    values = tuple(map(record.get, columns))
    return values if _TEXTS.issuperset(map(type, values)) else None


def _read(
    line: bytes | None, *, columns: list[str], decode: Decoder, shape: Shape | None
) -> tuple[str, tuple[str | None, ...] | None]:
    """The mapped values of a line, or why there are none."""
    record = _parse(line, decode=decode)
    if isinstance(record, str):
        return record, None
    values = _values(record, columns=columns, shape=shape)
    if line is not None and any(type(value) is float and abs(value) >= _EXACT for value in values):
        exact = _parse_patiently(line, decode=decode)
        values = _values(exact, columns=columns, shape=shape) if isinstance(exact, dict) else values
    texts = tuple(as_text(value) for value in values)
    if line is not None and b"\\u0000" in line and any(text and "\0" in text for text in texts):
        return "null_byte", None
    return "", texts


def _parse(line: bytes | None, *, decode: Decoder) -> dict[str, Any] | str:
    """The object on a line, or why there is none."""
    if line is None:
        return "truncated_file"
    if b"\0" in line:
        return "null_byte"
    try:
        record = orjson.loads(line if decode.is_utf8 else decode(line))
    except orjson.JSONDecodeError:
        return _parse_patiently(line, decode=decode)
    return record if isinstance(record, dict) else "not_an_object"


def _parse_patiently(line: bytes, *, decode: Decoder) -> dict[str, Any] | str:
    """Slower, and takes what other tools write: NaN, whole numbers of any size, halves of surrogate pairs."""
    text = decode(line)
    if _SURROGATE.search(text):
        return "bad_encoding"
    try:
        record = json.loads(text, parse_int=str)
    except (ValueError, RecursionError):
        return "bad_json"
    return record if isinstance(record, dict) else "not_an_object"


def _values(record: dict[str, Any], *, columns: list[str], shape: Shape | None) -> list[Any]:
    known = record if shape is None else shape(record)
    return [_dig(known, column) for column in columns]


def _dig(record: dict[str, Any], column: str) -> Any:
    if column in record or "." not in column:
        return record.get(column)
    value: Any = record
    for part in column.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def as_text(value: Any) -> str | None:
    """A JSON value as the text that a column holds; half a surrogate pair becomes a replacement character."""
    if value is None:
        return None
    if not isinstance(value, str):
        value = str(value) if isinstance(value, bool | int | float) else json.dumps(value, ensure_ascii=False)
    return value if value.isascii() else _SURROGATE.sub("\ufffd", value)


# ---------------------------------------------------------------------------------- the file as a whole


def _check_mapping(path: Path, *, source: SourceConfig, decode: Decoder) -> None:
    """Reads no further than the first object that has text and date."""
    wanted, shape = {source.columns.text, source.columns.created_at}, SHAPES.get(source.kind)
    first: dict[str, Any] | None = None
    reason, seen = "", False
    for line in islice(_lines(path), PROBE_LINES):
        record = _parse(line, decode=decode)
        if isinstance(record, dict):
            first = record if first is None else first
            record = record if shape is None else shape(record)
            wanted -= {column for column in wanted if _dig(record, column) is not None}
        elif not seen:
            reason = record
        seen = True
        if not wanted:
            return
    if first is not None:
        raise InputError(missing_columns(path, source=source, found=list(first), missing=sorted(wanted)))
    if seen:
        raise InputError(_not_json_lines(path, reason=reason, source=source))


def _not_json_lines(path: Path, *, reason: str, source: SourceConfig) -> str:
    if reason == "truncated_file":
        return f"{path}: is not a readable compressed file. Expected gzip or zstd, as its name says."
    return (
        f"{path}: none of its first lines is a JSON object ({_WHY[reason]}). Expected JSON lines in "
        f"{source.encoding}: one object per line, not one array. Convert it, or set format or encoding in "
        f"source '{source.name}'."
    )
