"""Turn the bytes of a lexicon file into text, lines and cells, or say exactly why that is impossible.

Not for what the cells mean: each family of formats has its own module.
"""

import csv
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from warehouse.errors import InputError

MAX_BYTES = 64 * 1024 * 1024
MAX_LINE = 100_000
MAX_WEIGHT = 1e6
COMMA_DECIMALS = frozenset({";", "\t"})
SHOWN = 12

_LINE_END = re.compile(r"\r\n|\n|\r")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_COMMA_NUMBER = re.compile(r"[+-]?[0-9]*,[0-9]+")
_UTF8_SEQUENCE = re.compile(rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}")
_HIGH_RUN = re.compile(rb"[\x80-\xff]{4}")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_MAGIC = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook; unpack it, or export the sheet as tab-separated text",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file; export the sheet as tab-separated text",
    b"%PDF": "a PDF; ask the authors for a text file",
    b"\x1f\x8b": "gzip-compressed; unpack it",
}
_BOMS = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
Row = tuple[int, list[str]]


@dataclass(frozen=True)
class Source:
    """One file as text.

    Attributes:
        notes: what had to be assumed to read the bytes.
        column: the column that holds the words, where the user chose one.
    """

    path: Path
    text: str
    notes: tuple[str, ...] = ()
    column: str | None = None

    @cached_property
    def _split(self) -> list[str]:
        return _LINE_END.split(self.text)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield (line number, line) of the lines that are not blank.

        Raises:
            InputError: a line is longer than any lexicon has.
        """
        for number, line in enumerate(self._split, start=1):
            if len(line) > MAX_LINE:
                raise at_line(self.path, number, f"has {len(line)} characters", f"at most {MAX_LINE}")
            if line.strip():
                yield number, line

    def head(self, n: int) -> list[str]:
        """The first n lines that are not blank."""
        return [line for _, (_, line) in zip(range(n), self.lines(), strict=False)]


def at_line(path: Path, line: int, problem: str, expected: str, fix: str = "Correct the line.") -> InputError:
    """The error for one line: where, what is wrong, what was expected, what to do next."""
    return InputError(f"{path}, line {line}: it {problem}. Expected {expected}. {fix}")


def read_source(path: Path, *, column: str | None = None) -> Source:
    """Read and decode a file.

    Raises:
        InputError: no such file, empty, too large, not text, or in an encoding that cannot be told.
    """
    data = _read_bytes(path)
    text, notes = _decode(path, data)
    control = _CONTROL.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        raise at_line(path, line, "holds control characters, so the file is not text", "plain text", _EXPORT)
    if not text.strip():
        raise InputError(f"{path} is empty. Expected a lexicon. Check that the download is complete.")
    return Source(path, text, notes, column)


_EXPORT = "Export the lexicon as UTF-8 text and read that."


def _read_bytes(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"{path} is not a file. Expected a lexicon file. Check the path.")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(
            f"{path} has {size} bytes. Expected at most {MAX_BYTES}: no lexicon is that large. "
            "Check that this is the right file, or keep only the columns that are needed."
        )
    data = path.read_bytes()
    for magic, what in _MAGIC.items():
        if data.startswith(magic):
            raise InputError(f"{path} is not text but {what}. {_EXPORT}")
    return data


def _decode(path: Path, data: bytes) -> tuple[str, tuple[str, ...]]:
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return _strictly(path, data, encoding), () if mark == b"\xef\xbb\xbf" else (_read_as(encoding),)
    if b"\x00" in data[:4096]:
        encoding = _utf16_without_mark(path, data)
        return _strictly(path, data, encoding), (_read_as(encoding),)
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        return _western(path, data, data.count(b"\n", 0, error.start) + 1)


def _read_as(encoding: str) -> str:
    return f"The file is not UTF-8; it was read as {encoding.upper()}."


def _strictly(path: Path, data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise at_line(path, line, f"is not valid {encoding.upper()}", "intact text", _EXPORT) from error


def _utf16_without_mark(path: Path, data: bytes) -> str:
    """Text in a Western script has a zero in every second byte."""
    sample = data[:4096]
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if max(even, odd) < len(sample) // 4 or min(even, odd) > 0 or len(data) % 2:
        raise at_line(path, 1, "holds zero bytes, so the file is not text", "plain text", _EXPORT)
    return "utf-16-be" if even else "utf-16-le"


def _western(path: Path, data: bytes, line: int) -> tuple[str, tuple[str, ...]]:
    """Fall back to the Western European single-byte encodings, but only where they are believable."""
    if _UTF8_SEQUENCE.search(data):
        raise at_line(path, line, "is not UTF-8, while other parts of the file are", "one encoding", _EXPORT)
    if _HIGH_RUN.search(data):
        problem = "is neither UTF-8 nor plausible Western European text"
        raise at_line(path, line, problem, "UTF-8", _EXPORT)
    try:
        return data.decode("cp1252"), (_read_as("cp1252"),)
    except UnicodeDecodeError:
        return data.decode("latin-1"), (_read_as("latin-1"),)


def cells(source: Source, separator: str) -> list[Row]:
    """Split every line that is not blank; quotes have a meaning except between tabs.

    Raises:
        InputError: a quotation that is never closed.
    """
    lines = list(source.lines())
    if separator == "\t":
        return [(number, [cell.strip() for cell in line.split("\t")]) for number, line in lines]
    reader = csv.reader((line for _, line in lines), delimiter=separator, strict=True, skipinitialspace=True)
    rows: list[Row] = []
    while True:
        start = lines[min(reader.line_num, len(lines) - 1)][0]
        try:
            row = next(reader)
        except StopIteration:
            return rows
        except csv.Error as error:
            raise at_line(source.path, start, f"has a faulty quotation ({error})", "paired quotes") from error
        rows.append((start, [cell.strip() for cell in row]))


def padded(source: Source, row: Row, width: int) -> list[str]:
    """The cells of a row, short rows filled with blanks.

    Raises:
        InputError: more cells than the header has.
    """
    number, found = row
    if any(found[width:]):
        raise at_line(source.path, number, f"has {len(found)} cells", f"{width} as in the header")
    return [*found[:width], *[""] * (width - len(found))]


def separator_of(line: str) -> str:
    """Tab, semicolon or comma: the first of them that is in the line; tab where none is."""
    return next((mark for mark in "\t;," if mark in line), "\t")


def key(name: str) -> str:
    """A column name for comparing: lower case, without accents, other signs as underscores."""
    letters = [c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c)]
    return re.sub(r"[^\w]+", "_", "".join(letters)).strip("_")


def to_number(cell: str, *, comma: bool = False) -> float | None:
    """The number in a cell, None where there is none; `comma` also accepts a decimal comma."""
    if comma and _COMMA_NUMBER.fullmatch(cell):
        cell = cell.replace(",", ".")
    if not _NUMBER.fullmatch(cell):
        return None
    value = float(cell)
    return value if math.isfinite(value) and abs(value) <= MAX_WEIGHT else None


def number_at(source: Source, row: Row, at: int, *, comma: bool = False) -> float:
    """The number in cell `at` of a row.

    Raises:
        InputError: no such cell, or no finite number of usable size in it.
    """
    line, found = row
    value = to_number(found[at], comma=comma) if at < len(found) else None
    if value is None:
        shown = repr(found[at][:40]) if at < len(found) else "nothing"
        raise at_line(source.path, line, f"has {shown} in column {at + 1}", "a number")
    return value


def word_column(source: Source, header: Sequence[str], candidates: Sequence[int]) -> int:
    """Position of the column that holds the words: the chosen one, else the only one there can be.

    Raises:
        InputError: the chosen column does not exist, or there are several and none was chosen.
    """
    names = ", ".join(repr(header[at]) for at in candidates[:SHOWN]) + (
        f" and {len(candidates) - SHOWN} more" if len(candidates) > SHOWN else ""
    )
    if source.column is not None:
        wanted = key(source.column)
        for at in candidates:
            if key(header[at]) == wanted:
                return at
        raise InputError(
            f"{source.path} has no column {source.column!r} for the words. Expected one of {names}. "
            "Choose with --column."
        )
    if len(candidates) != 1:
        raise InputError(
            f"{source.path} has {len(candidates)} columns that could hold the words: {names or 'none'}. "
            "Expected one. Choose with --column, or name the column 'term'."
        )
    return candidates[0]
