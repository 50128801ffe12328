"""What analysts said about alerts: one SQLite file beside the warehouse, appended to and never edited.

Not for deciding an alert's status for good: the next alert stage reads this file and does that.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from warehouse.acknowledgements import FILE_NAME as FILE
from warehouse.acknowledgements import read_acknowledgements
from warehouse.errors import InputError
from warehouse.tables import ALERT_STATUS
from warehouse.translation import t

MAX_NOTE = 280
BUSY_MS = 30_000
_CREATE = """
CREATE TABLE IF NOT EXISTS acknowledgements (
    alert_id TEXT NOT NULL, status TEXT NOT NULL, note TEXT NOT NULL, at TEXT NOT NULL
)"""


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """What was last said about an alert; `at` is UTC."""

    alert_id: str
    status: str
    note: str
    at: str


def append(state: Path, *, alert_id: str, status: str, note: str) -> None:
    """Add one line. `InputError` where the status does not exist or the folder cannot be written."""
    if status not in ALERT_STATUS:
        raise InputError(f"status {status!r}: expected one of {', '.join(ALERT_STATUS)}.")
    row = (alert_id, status, clean_note(note), _now())
    try:
        state.mkdir(parents=True, exist_ok=True)
        with _connection(state) as connection:
            connection.execute(_CREATE)
            connection.execute("INSERT INTO acknowledgements VALUES (?, ?, ?, ?)", row)
    except (OSError, sqlite3.Error) as error:
        message = t(
            "{file} cannot be written ({error}). Check the folder.", file=str(state / FILE), error=str(error)
        )
        raise InputError(message) from error


def latest(state: Path) -> dict[str, Acknowledgement]:
    """The last line about each alert; nothing where the file does not exist yet."""
    rows = read_acknowledgements(state).iter_rows(named=True)
    return {row["alert_id"]: Acknowledgement(**row) for row in rows}


def clean_note(note: str) -> str:
    """One line of printable characters, at most `MAX_NOTE` long."""
    line = " ".join(note.split())
    return "".join(character for character in line if character.isprintable())[:MAX_NOTE]


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


@contextmanager
def _connection(state: Path) -> Iterator[sqlite3.Connection]:
    """A connection whose writes are committed at the end, and which waits for other writers."""
    connection = sqlite3.connect(state / FILE, timeout=BUSY_MS / 1000)
    try:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        connection.execute("PRAGMA journal_mode = WAL")
        with connection:
            yield connection
    finally:
        connection.close()
