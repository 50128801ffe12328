"""Every platform of the configuration, stream by stream, page by page, through the intake into the warehouse.

One platform that fails does not stop the others. Not for what a page holds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flows.sources.clock import Clock
from flows.sources.connector import Asking, Connector, asking
from flows.sources.registry import connector
from warehouse.errors import InputError
from warehouse.intake.ingest import check_source
from warehouse.intake.pages import Door, Landed, ingest_page, read_cursor, record_query
from warehouse.store import Receipt, Store

if TYPE_CHECKING:
    from flows.stages import Run


@dataclass(kw_only=True)
class _Total:
    landed: Landed = field(default_factory=Landed)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_platforms(store: Store, *, run: Run, secret: bytes, clock: Clock | None = None) -> Receipt:
    """Read on in every platform that a run's configuration names; what cannot be read is in the receipt's problems."""
    total = _Total()
    for source in run.platforms:
        check_source(source)
        door = Door(source=source, secret=secret, issue=run.issue, run_id=run.run_id, tell=run.tell)
        asked = asking(source, clock=clock or Clock())
        try:
            _fetch(store, door=door, asked=asked, total=total)
        except InputError as error:
            total.problems.append(error.message)
        total.notes += asked.notes
    counts = total.landed.counts
    return Receipt(
        "ingest", rows_in=counts.received, rows_out=counts.posts,
        reasons={"duplicates": counts.duplicates, "quarantined": counts.quarantined},
        notes=tuple(total.notes), problems=tuple(total.problems),
    )  # fmt: skip


def _fetch(store: Store, *, door: Door, asked: Asking, total: _Total) -> None:
    if record_query(store, source=door.source, issue=door.issue, run_id=door.run_id):
        asked.note("other posts are asked for than before: a break in its numbers from this issue on")
    before = total.landed
    most = before.counts.received + door.source.fetch.max_records
    with contextlib.closing(connector(asked)) as made:
        for page in _pages(store, door=door, asked=asked, made=made):
            total.landed += page
            if total.landed.counts.received >= most:
                asked.note("stopped at fetch.max_records; the next run goes on there")
                break
    removed = total.landed.removed - before.removed
    if removed:
        asked.note(f"{removed:,} posts that were deleted on the platform are removed")


def _pages(store: Store, *, door: Door, asked: Asking, made: Connector) -> Iterator[Landed]:
    """Every page of every stream, taken in."""
    for stream in made.streams():
        job = door.job(store, stream=stream)
        cursor = read_cursor(store, source=door.source.name, stream=stream)
        for page in made.pages(stream, cursor=cursor, span=asked.span(door.issue)):
            yield ingest_page(store, page=page, stream=stream, job=job)
