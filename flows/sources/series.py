"""What there is to say of configured series before a night reads them: readable, how many rows, up to when, refusals.

Only looks. Not for bringing them into the warehouse: `warehouse/series` does that.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb

from flows.sources.state import Level, SourceState, rows_of
from warehouse.config import Config, SeriesConfig
from warehouse.series import SeriesRows, read_series

KIND = "series"


def describe_series(series: SeriesConfig) -> str:
    """What a series reads, in a line."""
    return f"{series.path} (by {series.time_type}, as {series.statistic})"


def check_series_files(config: Config, *, known: duckdb.DuckDBPyConnection | str) -> list[SourceState]:
    """Every configured series in order; `known` is the warehouse, or why it cannot be read."""
    return [_state(series, read=read_series(series), known=known) for series in config.series]


def _state(series: SeriesConfig, *, read: SeriesRows, known: duckdb.DuckDBPyConnection | str) -> SourceState:
    level: Level = "problem" if read.problems else "warning" if read.refused or read.rows.is_empty() else "ok"
    newest = read.rows["time_value"].max()
    until = f", the newest of {newest}" if isinstance(newest, dt.date) else ""
    says = f"{read.files:,} files with {read.received:,} rows, {read.rows.height:,} usable{until}"
    refused = ", ".join(f"{reason.replace('_', ' ')}: {n:,}" for reason, n in sorted(read.refused.items()))
    lines = (f"refused: {refused}",) if refused else ()
    shown, last = _issued(series, known=known)
    todo = {
        "problem": "See docs/sources.md.",
        "warning": "Correct the rows, or [[series]]; see docs/sources.md.",
    }
    return SourceState(
        source=series.name,
        kind=KIND,
        level=level,
        reached=None,
        says="; ".join([*read.problems, says]),
        read=(*lines, shown),
        last_run=last,
        do=todo.get(level, ""),
    )


def _issued(series: SeriesConfig, *, known: duckdb.DuckDBPyConnection | str) -> tuple[str, str | None]:
    """How far the warehouse has it, and the newest issue that said something new of it."""
    if isinstance(known, str):
        return known, None
    sql = "SELECT count(DISTINCT (geo_type, geo_value, time_value)), max(issue) FROM out.signals WHERE signal = ?"
    cells, last = _first(rows_of(known, sql, series.name))
    return (f"{cells:,} numbers issued", str(last)) if cells else ("nothing was issued yet", None)


def _first(rows: list[tuple[Any, ...]]) -> tuple[int, Any]:
    """A warehouse of an earlier version may have no such table."""
    return (rows[0][0] or 0, rows[0][-1] or None) if rows else (0, None)
