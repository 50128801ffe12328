"""Reads a crisis calendar from CSV: a bad row is counted and named by its line, the others are kept.

Not for judging what an event did, and not for posts: a calendar is a few hundred rows that a person wrote.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import polars as pl

from warehouse.errors import InputError

FIELDS = ("event_id", "name", "start", "end", "location", "stage", "announced")
STAGES = ("preparedness", "response", "recovery", "mitigation")
SCHEMA = pl.Schema(
    {
        "event_id": pl.String(), "name": pl.String(), "start": pl.Date(), "end": pl.Date(),
        "location": pl.String(), "stage": pl.String(), "announced": pl.Date(),
    }
)  # fmt: skip
_DAY = re.compile(r"^(\d{4}-\d{2}-\d{2})(?:[T ].*)?$")
_ID_DIGITS = 12


@dataclass(frozen=True)
class Calendar:
    """`events` in the columns of `SCHEMA`, by start; `problems` has a sentence per row that was left out."""

    events: pl.DataFrame
    problems: tuple[str, ...] = field(default=())


class _BadRowError(Exception):
    """What is wrong with a row; never leaves this module."""


class _Event(NamedTuple):
    event_id: str
    name: str
    start: dt.date
    end: dt.date | None
    location: str | None
    stage: str | None
    announced: dt.date | None


def read_calendar(path: Path, *, columns: dict[str, str] | None = None) -> Calendar:
    """Read `event_id?, name, start, end?, location?, stage?, announced?`; `columns` maps our name to the file's.

    Days are written YYYY-MM-DD; a time of day behind them is ignored. `location` is a place as signals name it
    (US, US-CA); without one an event concerns every place. `announced` is the day from which it was known that the
    event would come; without one, nobody knew before it began. An event without an id gets a hash of its name, start
    and location. Cells are never repeated in a message.

    Raises:
        InputError: the file cannot be read, lacks name or start, or has no usable row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(_rows(csv.reader(file, strict=True), path=path, columns=columns or {}))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Name the file of events.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path}: is not a CSV table in UTF-8 ({type(error).__name__}). Check encoding, commas and quotes."
        ) from error
    kept, problems = _sorted_out(rows, path=path)
    if not kept:
        why = f" The first of {len(problems)}: {problems[0]}" if problems else ""
        raise InputError(f"{path}: no usable event. Expected rows with a name and a start day.{why}")
    return Calendar(pl.DataFrame(kept, schema=SCHEMA, orient="row").sort("start", "event_id"), problems)


def concerns(*, geo_type: str, place: str) -> pl.Expr:
    """Whether an event (column `location`) concerns a place: it names none, or that place, or one around it.

    Where signals are about everything (`all`), every event is inside.
    """
    named = pl.col("location")
    if geo_type == "all":
        return pl.lit(True)
    return named.is_null() | (named == place) | pl.lit(place).str.starts_with(named + "-")


def _rows(
    reader: Iterator[list[str]], *, path: Path, columns: dict[str, str]
) -> Iterator[tuple[int, dict[str, str] | None]]:
    """Line number and named cells of each row; None where the row has more cells than the header."""
    header = [name.strip() for name in next(reader, [])]
    wanted = {name: columns.get(name, name) for name in FIELDS}
    absent = [wanted[name] for name in FIELDS if (name in columns or name in ("name", "start"))]
    absent = [column for column in absent if column not in header]
    if absent:
        raise InputError(
            f"{path}: no column {', '.join(absent)}. Found: {', '.join(header)}. Expected name and start, and "
            "perhaps event_id, end, location, stage and announced. Use --columns NAME=COLUMN to say which of yours "
            "they are."
        )
    places = {name: header.index(column) for name, column in wanted.items() if column in header}
    first = reader.line_num + 1  # type: ignore[attr-defined]
    for cells in reader:
        line, first = first, reader.line_num + 1  # type: ignore[attr-defined]
        if not any(cell.strip() for cell in cells):
            continue
        named = {name: cells[at].strip() if at < len(cells) else "" for name, at in places.items()}
        yield line, named if len(cells) <= len(header) else None


def _sorted_out(
    rows: list[tuple[int, dict[str, str] | None]], *, path: Path
) -> tuple[list[_Event], tuple[str, ...]]:
    kept: dict[str, tuple[int, _Event]] = {}
    problems = []
    for line, cells in rows:
        try:
            event = _event(cells)
            if event.event_id in kept:
                raise _BadRowError(
                    f"it has the same event as line {kept[event.event_id][0]}; keep one, or give each an event_id"
                )
            kept[event.event_id] = line, event
        except _BadRowError as error:
            problems.append(f"{path}: line {line} was left out: {error}.")
    return [event for _, event in kept.values()], tuple(problems)


def _event(cells: dict[str, str] | None) -> _Event:
    if cells is None:
        raise _BadRowError("it has more cells than the header; put text with commas in quotes")
    name, location, stage = cells["name"], cells.get("location") or None, cells.get("stage", "").lower()
    start = _day(cells["start"], column="start")
    end = _day(cells["end"], column="end") if cells.get("end") else None
    announced = _day(cells["announced"], column="announced") if cells.get("announced") else None
    if not name:
        raise _BadRowError("name is empty; expected what the event is called")
    if end is not None and end < start:
        raise _BadRowError("end lies before start; expected the same day or a later one")
    if stage and stage not in STAGES:
        raise _BadRowError(f"stage is none of {', '.join(STAGES)}; leave it empty where none fits")
    digest = hashlib.sha256(f"{name}\x1f{start}\x1f{location}".encode()).hexdigest()[:_ID_DIGITS]
    return _Event(cells.get("event_id") or digest, name, start, end, location, stage or None, announced)


def _day(text: str, *, column: str) -> dt.date:
    found = _DAY.match(text)
    try:
        return dt.date.fromisoformat(found.group(1) if found else text)
    except ValueError:
        raise _BadRowError(f"{column} is not a day; expected YYYY-MM-DD") from None
