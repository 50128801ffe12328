"""What is configured, whether it answers, how far each source was read, and what to do where something is wrong.

Only looks: asks each platform once, reads the warehouse, writes nothing. Not for reading posts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from flows.sources.clock import Clock
from flows.sources.connector import asking
from flows.sources.patience import SourceError
from flows.sources.registry import connector
from flows.sources.series import check_series_files
from flows.sources.state import Level, SourceState, rows_of
from warehouse.config import Config, SourceConfig
from warehouse.errors import AffectcastError, BusyError, ConfigError, StoreError
from warehouse.intake.files import matching
from warehouse.intake.ingest import check_source
from warehouse.opening import connected, exists


def describe_source(source: SourceConfig) -> str:
    """What a source reads or asks for, in a line."""
    if not source.is_platform:
        return source.path
    fetch = source.fetch
    asked = [
        *(f'"{query}"' for query in fetch.queries), *(f"#{tag.lstrip('#')}" for tag in fetch.hashtags),
        *(f"r/{name.removeprefix('r/')}" for name in fetch.subreddits), *(["public timeline"] * fetch.public),
    ]  # fmt: skip
    at = f" at {', '.join(fetch.servers)}" if fetch.servers else ""
    return f"{', '.join(asked) or 'everything'}{at}"


def check_sources(config: Config, *, timeout: int, clock: Clock | None = None) -> list[SourceState]:
    """Every configured source in order, then every series; each platform is given `timeout` seconds, once."""
    with _warehouse(config) as known:
        found = [
            _with_progress(_reached(source, timeout=timeout, clock=clock or Clock()), known=known)
            for source in config.sources
        ]
        return found + check_series_files(config, known=known)


def _reached(source: SourceConfig, *, timeout: int, clock: Clock) -> SourceState:
    try:
        check_source(source)
        if source.is_platform:
            return _platform(source, timeout=timeout, clock=clock)
        return _files(source)
    except AffectcastError as error:
        reached = False if isinstance(error, SourceError) else None
        return _state(source, level="problem", reached=reached, says=error.message, do="See docs/sources.md.")


def _platform(source: SourceConfig, *, timeout: int, clock: Clock) -> SourceState:
    once = source.fetch.model_copy(update={"timeout_seconds": timeout, "wait_seconds": 0})
    asked = asking(source.model_copy(update={"fetch": once}), clock=clock)
    with contextlib.closing(connector(asked)) as made:
        return _state(source, level="ok", reached=True, says=made.reach())


def _files(source: SourceConfig) -> SourceState:
    folder, files = Path(source.path).is_dir(), matching(source.path)
    if source.kind == "drop_folder" and not folder:
        return _state(
            source, level="problem", says=f"there is no folder {source.path}", do="Make it, or correct path."
        )
    if not files and source.kind != "drop_folder":
        return _state(
            source, level="problem", says=f"no file matches {source.path}",
            do="Check path; relative ones start at the working directory.",
        )  # fmt: skip
    return _state(source, level="ok", says=f"{len(files):,} files lie there")


def _state(
    source: SourceConfig, *, level: Level, says: str, reached: bool | None = None, do: str = ""
) -> SourceState:
    return SourceState(source=source.name, kind=source.kind, level=level, reached=reached, says=says, do=do)


# ------------------------------------------------------------------------------------------ how far it is


@contextlib.contextmanager
def _warehouse(config: Config) -> Iterator[duckdb.DuckDBPyConnection | str]:
    """The warehouse to read, or why it cannot be read."""
    with contextlib.ExitStack() as stack:
        try:
            if not exists(config.paths.warehouse, config=config.warehouse):
                yield "nothing was read yet"
                return
            opened = connected(config.paths.warehouse, config=config.warehouse, read_only=True)
            connection = stack.enter_context(opened)
        except BusyError:
            yield "how far it is cannot be seen while a run is at work"
            return
        except (ConfigError, StoreError) as error:
            yield f"how far it is cannot be seen: {error.message}"
            return
        yield connection


def _with_progress(state: SourceState, *, known: duckdb.DuckDBPyConnection | str) -> SourceState:
    if isinstance(known, str):
        return SourceState(**vars(state) | {"read": (known,)})
    posts, last = rows_of(
        known, "SELECT sum(posts)::BIGINT, max(issue) FROM raw.intake WHERE source = ?", state.source
    )[0]
    cursors = rows_of(
        known, "SELECT stream, position, issue FROM raw.cursors WHERE source = ? ORDER BY 1", state.source
    )
    ends = [issue for _, _, issue in cursors] + ([last] if last else [])
    read = tuple(f"{stream}: {_until(position)}" for stream, position, _ in cursors) or _of_files(
        known, state
    )
    told = {"read": read, "posts": posts, "last_run": max(map(str, ends), default=None)}
    return SourceState(**vars(state) | told)


def _until(position: Any) -> str:
    return f"read up to {position:%Y-%m-%d %H:%M} UTC" if position is not None else "asked, nothing there yet"


def _of_files(known: duckdb.DuckDBPyConnection, state: SourceState) -> tuple[str, ...]:
    if state.reached is not None:
        return ("nothing was read yet",)
    sql = "SELECT count(*) FILTER (done), count(*) FILTER (NOT done) FROM raw.intake WHERE source = ?"
    done, begun = rows_of(known, sql, state.source)[0]
    return (f"{done:,} files read" + (f", {begun:,} begun" if begun else ""),)
