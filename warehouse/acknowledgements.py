"""What analysts said of alerts: a small SQLite file beside the warehouse that the dashboard appends to.

Kept apart from the warehouse so that a click never waits for a nightly run. Not for anything about people.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import polars as pl

from warehouse.errors import InputError

FILE_NAME = "acknowledgements.sqlite"
_SCHEMA = {"alert_id": pl.String, "status": pl.String, "note": pl.String, "at": pl.String}


def read_acknowledgements(state: Path) -> pl.DataFrame:
    """Everything said so far, oldest first: alert_id, status, note, at. Empty when nobody has said anything."""
    path = state / FILE_NAME
    if not path.exists():
        return pl.DataFrame(schema=_SCHEMA)
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            rows = connection.execute(
                "SELECT alert_id, status, note, at FROM acknowledgements ORDER BY rowid"
            )
            return pl.DataFrame(rows.fetchall(), schema=_SCHEMA, orient="row")
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"{path}: is not a readable acknowledgements file. Move it away; alerts then start as open again."
        ) from error
