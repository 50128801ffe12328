"""Opens the export that lies beside a publication and cuts rows and texts from it. Not for drawing.

Whatever the zip says about itself is checked: its names, its sizes, and that it is of this publication.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import streamlit as st
from pydantic import BaseModel

from warehouse import export_zip
from warehouse.errors import InputError
from warehouse.translation import mark, t

RECEIPT = "export.json"
DICTIONARY = "data_dictionary.csv"
BRIEFS = "briefs"
MOST_SMALL = 2_000_000
MOST_COLUMNS = 200
# A table is searched no further than this, so that a page never takes minutes.
MOST_LINES = 3_000_000


# What the files of an export say of themselves, to be translated where they do.
PURPOSES = (
    mark("forecasts of every place and signal in the hubverse format, for hubs and for scoring"),
    mark("what each target of the forecast files is: signal, population, unit"),
    mark("one row per place, signal and horizon: forecast, newest value and past skill in words"),
    mark("every published value with its error, people and day of issue, and the reason for every gap"),
    mark("the published alerts with their evidence"),
    mark("what every column of every file means"),
    mark("one page per place for reading and printing: newest values, outlook, alerts and limits"),
    mark("issue, version, model, language of the briefs, rows of every table, names of the briefs, notes"),
)


@dataclass(frozen=True, kw_only=True)
class Export:
    """What an export says of itself. `meanings`: file or folder → column → meaning; column "" is the file itself."""

    path: Path
    version: str
    model: str
    language: str
    sizes: dict[str, int]
    rows: dict[str, int]
    briefs: tuple[str, ...]
    notes: tuple[str, ...]
    meanings: dict[str, dict[str, str]]

    @property
    def files(self) -> list[str]:
        """Every file but the briefs, in order of name."""
        return [name for name in sorted(self.sizes) if name not in self.briefs]

    def purpose(self, name: str) -> str:
        """What a file is for, in a sentence of the export's own dictionary; empty where it has none."""
        return self.columns(name).get("", "")

    def columns(self, name: str) -> dict[str, str]:
        """Column → meaning of a file, by its own name or by that of the folder it lies in."""
        return self.meanings.get(name, self.meanings.get(name.partition("/")[0], {}))


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The first rows of a table that fit; `more` says whether there are others.

    `cut`: the search stopped after `MOST_LINES`, so nobody knows.
    """

    columns: list[str]
    cells: list[list[str]]
    more: bool
    cut: bool = False


class _TooLongError(InputError):
    """A table has more lines than are searched."""


def open_export(folder: Path, *, version: str) -> Export | None:
    """The export beside the publication in `folder`; None where there is none, `InputError` where it is damaged."""
    path = export_zip.beside(folder)
    if not path.exists() and not path.is_symlink():
        return None
    sizes = export_zip.sizes(path)
    facts = _receipt(path)
    if facts.version != version:
        raise InputError(
            t(
                "{file} is the export of another version. Run `affectcast publish` to write it again.",
                file=path.name,
            )
        )
    return Export(
        path=path,
        version=version,
        model=facts.model,
        language=facts.language,
        sizes=sizes,
        rows=facts.rows,
        briefs=tuple(name for name in facts.briefs if name in sizes),
        notes=facts.notes,
        meanings=_meanings(path),
    )


class _Receipt(BaseModel):
    """What `export.json` holds."""

    version: str
    model: str
    language: str
    rows: dict[str, int]
    briefs: tuple[str, ...]
    notes: tuple[str, ...]


def _receipt(path: Path) -> _Receipt:
    try:
        return _Receipt.model_validate_json(export_zip.read(path, name=RECEIPT, most=MOST_SMALL))
    except ValueError as error:
        raise InputError(
            t(
                "{file}: {part} in it is damaged. Run `affectcast publish` to write it again.",
                file=path.name,
                part=RECEIPT,
            )
        ) from error


def _meanings(path: Path) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in _records(path, name=DICTIONARY):
        found.setdefault(row.get("file", ""), {})[row.get("column", "")] = row.get("meaning", "")
    return found


def _records(path: Path, *, name: str) -> Iterator[dict[str, str]]:
    columns: list[str] = []
    for cells in _cells(path, name=name, must_hold=()):
        if columns:
            yield dict(zip(columns, cells, strict=True))
        columns = columns or cells


def _cells(path: Path, *, name: str, must_hold: tuple[str, ...]) -> Iterator[list[str]]:
    """The cells of every line, the heading first; lines that lack one of `must_hold` are passed over unread.

    Every record of an export is one line. A line with more or fewer cells than the heading is damage, and so is a
    heading that says a name twice.
    """
    width = 0
    for number, line in enumerate(export_zip.lines(path, name=name), start=1):
        if number > MOST_LINES:
            raise _TooLongError(
                t("{file}: {part} has more than {n} lines.", file=path.name, part=name, n=MOST_LINES)
            )
        if width and not all(text in line for text in must_hold):
            continue
        try:
            cells = next(csv.reader([line.removeprefix("\ufeff")], strict=True), [])
        except csv.Error as error:
            raise InputError(
                t("{file}: line {n} of {part} is not CSV.", file=path.name, n=number, part=name)
            ) from error
        if not width and len(set(cells)) < len(cells):
            raise InputError(t("{file}: {part} has two columns of one name.", file=path.name, part=name))
        width = width or len(cells)
        if len(cells) != width or width > MOST_COLUMNS:
            raise InputError(
                t(
                    "{file}: line {n} of {part} does not have {cells} cells.",
                    file=path.name,
                    n=number,
                    part=name,
                    cells=width,
                )
            )
        yield cells


def heading(export: Export, *, name: str) -> list[str]:
    """The columns of a CSV file of the export."""
    return next(_cells(export.path, name=name, must_hold=()), [])


def first_rows(export: Export, *, name: str, location: str, signal: str, most: int) -> Rows:
    """The first `most` rows of a CSV file about a place and a signal; an empty one asks for any.

    Forecast files name a signal within their target: `daily lexicon_joy_share`.
    """
    changed = export.path.stat().st_mtime_ns
    return _searched(
        str(export.path), changed=changed, name=name, location=location, signal=signal, most=most
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _searched(path: str, *, changed: int, name: str, location: str, signal: str, most: int) -> Rows:
    """Searched once for everybody: the path names the version, `changed` a zip that was written again."""
    lines = _cells(Path(path), name=name, must_hold=tuple(text for text in (location, signal) if text))
    columns = next(lines, [])
    place = columns.index("location") if location and "location" in columns else None
    subject = _subject(columns) if signal else None
    kept: list[list[str]] = []
    try:
        for cells in lines:
            if place is not None and cells[place] != location:
                continue
            if subject is not None and signal not in cells[subject].split(" "):
                continue
            if len(kept) == most:
                return Rows(columns=columns, cells=kept, more=True)
            kept.append(cells)
    except _TooLongError:
        return Rows(columns=columns, cells=kept, more=False, cut=True)
    return Rows(columns=columns, cells=kept, more=False)


def _subject(columns: list[str]) -> int | None:
    """Which column says what a row is about."""
    known = [columns.index(name) for name in ("signal", "target") if name in columns]
    return known[0] if known else None


class _Text(HTMLParser):
    """Collects the text of headings, paragraphs and list items; what runs or draws is passed over."""

    SHOWN = ("h1", "h2", "p", "li")
    HIDDEN = ("script", "style", "svg", "title")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[tuple[str, str]] = []
        self.inside: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in self.HIDDEN
        if tag in self.SHOWN:
            self.inside.append(tag)
            self.parts.append((tag, ""))

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in self.HIDDEN and self.hidden > 0
        if self.inside and tag == self.inside[-1]:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if self.inside and not self.hidden:
            tag, text = self.parts[-1]
            self.parts[-1] = (tag, text + data)


def brief_text(export: Export, *, name: str) -> list[tuple[str, str]]:
    """A brief as (kind, text): kinds are h1, h2, p and li; tables and drawings are left out."""
    reader = _Text()
    try:
        reader.feed(export_zip.read(export.path, name=name, most=MOST_SMALL).decode("utf-8"))
        reader.close()
    # The parser has no errors of its own for what is no HTML; it asserts.
    except (ValueError, AssertionError) as error:
        raise InputError(t("{file}: {part} in it is damaged.", file=export.path.name, part=name)) from error
    return [(kind, " ".join(text.split())) for kind, text in reader.parts if text.strip()]


def content(export: Export, *, name: str) -> bytes:
    """The exact bytes of one file of the export."""
    return export_zip.read(export.path, name=name, most=export.sizes[name])


def whole(export: Export) -> bytes:
    """The exact bytes of the zip."""
    return export.path.read_bytes()
