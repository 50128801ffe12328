"""What is said of one source or series, and how the warehouse is asked about it. Not for asking or judging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import duckdb

Level = Literal["ok", "warning", "problem"]
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class SourceState:
    """One source: `reached` is None for files. `read` says how far, `do` what to do where `level` is not ok."""

    source: str
    kind: str
    level: Level
    reached: bool | None
    says: str
    read: tuple[str, ...] = ()
    last_run: str | None = None
    posts: int | None = None
    do: str = ""


def rows_of(known: duckdb.DuckDBPyConnection, sql: str, source: str) -> Rows:
    """The rows of a question about one source; of nothing where its table is not there yet."""
    try:
        return known.execute(sql, [source]).fetchall()
    except duckdb.CatalogException:
        # A warehouse of an earlier version, or one that was never written to.
        return [(None, None)] if "sum(" in sql else [(0, 0)] if "count(" in sql else []
