"""CSV and TSV to records; a broken record costs itself and not its neighbours. Not for judging content."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any

from warehouse.config import SourceConfig
from warehouse.errors import InputError
from warehouse.intake.records import NULL_BYTE, TRUNCATED, BadRecord, Item, mapped_columns, missing_columns
from warehouse.intake.streams import MAX_LINE_BYTES, BrokenStreamError, Decoder, lines

# A quoted field that goes on for longer was never closed.
MAX_RECORD_LINES = 2_000
MAX_RECORD_CHARS = MAX_LINE_BYTES
csv.field_size_limit(2 * MAX_RECORD_CHARS)
_UNDECODABLE = re.compile("[\udc80-\udcff]")
_UNCLOSED = "a quoted field is never closed"
_STRAY = "a carriage return stands outside quotes"


class _LineFeed:
    """Feeds decoded physical lines to the CSV reader and remembers the current record's, to hand back."""

    def __init__(self, path: Path, *, decode: Decoder) -> None:
        self._lines = lines(path)
        self._decode = decode
        self._waiting: list[str] = []
        self.current: list[str] = []
        self.chars = 0
        self.broken = False
        self.ended = False

    def __iter__(self) -> _LineFeed:
        return self

    def __next__(self) -> str:
        # The reader asks for a second line only inside quotes, so running out there means never closed.
        self.ended = True
        if len(self.current) >= MAX_RECORD_LINES or self.chars > MAX_RECORD_CHARS:
            raise StopIteration
        line = self._waiting.pop() if self._waiting else self._next_line()
        self.ended = False
        self.current.append(line)
        self.chars += len(line)
        return line

    def _next_line(self) -> str:
        try:
            return self._decode(next(self._lines))
        except BrokenStreamError as error:
            self.broken = True
            raise StopIteration from error

    def start_record(self) -> None:
        self.current = []
        self.chars = 0

    def give_back(self) -> None:
        """Put all but the current record's first line back, to be read again."""
        self._waiting.extend(reversed(self.current[1:]))


class _Records:
    """The fields of each record in turn, of `width` of them, or why a record is refused."""

    def __init__(self, path: Path, *, source: SourceConfig, delimiter: str) -> None:
        self.feed = _LineFeed(path, decode=Decoder(source))
        self.delimiter = delimiter
        self._renew()

    def _renew(self) -> None:
        # Strict, because that is how a quote that was never closed shows when the next one opens.
        self._reader = csv.reader(self.feed, delimiter=self.delimiter, strict=True)

    def next(self, *, width: int | None) -> list[str] | str | None:
        """Fields; [] for a blank line; a reason; None at the end."""
        self.feed.start_record()
        try:
            fields = next(self._reader, None)
        except csv.Error:
            return self._after_error(width=width)
        if fields is None:
            return None
        if width is not None and len(fields) != width and len(self.feed.current) > 1:
            return self._refuse_first_line("unclosed_quote")
        return fields

    def _after_error(self, *, width: int | None) -> list[str] | str | None:
        if self.feed.broken and self.feed.ended:
            return None
        if self.feed.ended or len(self.feed.current) > 1:
            return self._refuse_first_line("unclosed_quote")
        self._renew()
        try:
            # Quotes inside a quoted field that were not doubled.
            fields = next(csv.reader(self.feed.current, delimiter=self.delimiter))
        except csv.Error:
            return "stray_carriage_return"
        return fields if width is None or len(fields) == width else "unclosed_quote"

    def _refuse_first_line(self, reason: str) -> str:
        self.feed.give_back()
        self._renew()
        return reason


def delimited_items(path: Path, *, source: SourceConfig, kind: str) -> Iterator[Item]:
    """One item per record below the header; `InputError` when the header is not what is mapped."""
    delimiter = source.delimiter or ("\t" if kind == "tsv" else ",")
    records = _Records(path, source=source, delimiter=delimiter)
    header = _header(records, path=path, source=source)
    if header is None:
        return
    pick: Any = itemgetter(*[header.index(column) for column in mapped_columns(source).values()])
    number, width = 0, len(header)
    while (fields := records.next(width=width)) is not None:
        if fields != []:
            yield _item(fields, number=number, width=width, pick=pick)
            number += 1
    if records.feed.broken:
        yield BadRecord(number, "truncated_file", TRUNCATED)


def _header(records: _Records, *, path: Path, source: SourceConfig) -> list[str] | None:
    fields = records.next(width=None)
    if records.feed.broken and not fields:
        raise InputError(
            f"{path}: is not a readable compressed file. Expected gzip or zstd, as its name says."
        )
    if fields is None:
        return None
    if isinstance(fields, str) or any("\0" in name or _UNDECODABLE.search(name) for name in fields):
        raise InputError(
            f"{path}: the first line is not a header of text columns; the file looks binary, has other line ends "
            f"or is in another encoding than {source.encoding}. Set encoding or format in source '{source.name}'."
        )
    header = [name.strip() for name in fields]
    wanted = mapped_columns(source).values()
    if missing := [column for column in wanted if column not in header]:
        raise InputError(missing_columns(path, source=source, found=header, missing=missing))
    if twice := [column for column in wanted if header.count(column) > 1]:
        raise InputError(f"{path}: the header names {', '.join(twice)} more than once. Rename all but one.")
    return header


def _item(
    fields: list[str] | str, *, number: int, width: int, pick: Callable[[list[str]], tuple[str, ...]]
) -> Item:
    if isinstance(fields, str):
        return BadRecord(number, fields, _UNCLOSED if fields == "unclosed_quote" else _STRAY)
    if len(fields) != width:
        return BadRecord(number, "wrong_field_count", f"expected {width} fields, found {len(fields)}")
    item = pick(fields)
    joined = "".join(item)
    if not joined.isascii() and _UNDECODABLE.search(joined):
        return BadRecord(number, "bad_encoding", "a record is not in the configured encoding")
    if "\0" in joined:
        return BadRecord(number, "null_byte", NULL_BYTE)
    return item
