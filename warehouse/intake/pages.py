"""Pages of a platform's posts into the warehouse, each with its cursor and deletions in one transaction.

Killed anywhere and run again, a stream goes on behind the last page that landed; a post that comes twice is a
duplicate by its id. Not for asking a platform anything: connectors do that and yield pages.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from warehouse.config import SourceConfig
from warehouse.intake.files import SourceFile
from warehouse.intake.ingest import (
    Counts,
    Job,
    Progress,
    State,
    ingest_batch,
    keys_of,
    read_state,
    write_state,
)
from warehouse.intake.json_lines import as_text
from warehouse.intake.normalise import IntakeContext
from warehouse.intake.privacy import handle, pseudonyms
from warehouse.intake.records import NULL_BYTE, BadRecord, Batch, mapped_columns
from warehouse.removal import ERASED, posts_from, remove_deleted
from warehouse.store import Store
from warehouse.tables import TABLES

CURSORS, QUERIES, DELETED = TABLES["raw.cursors"], TABLES["raw.queries"], TABLES["raw.deleted"]
RUNS = TABLES["core.runs"]
Cursor = dict[str, Any]
Record = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some posts in our field names, ids of deleted ones, who left with all of theirs, and where to go on behind them.

    `position` is how far that is in time, for people to read.
    """

    cursor: Cursor
    records: list[Record] = field(default_factory=list, repr=False)
    deleted: tuple[str, ...] = field(default=(), repr=False)
    left: tuple[str, ...] = field(default=(), repr=False)
    position: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Landed:
    """Where the records of a page went, and how many posts were removed with it."""

    counts: Counts = field(default_factory=Counts)
    removed: int = 0

    def __add__(self, other: Landed) -> Landed:
        return Landed(counts=self.counts + other.counts, removed=self.removed + other.removed)


@dataclass(frozen=True, kw_only=True)
class Door:
    """What every stream of a source is taken in with."""

    source: SourceConfig
    secret: bytes = field(repr=False)
    issue: dt.date
    run_id: str
    tell: Progress | None = field(default=None, repr=False)

    def job(self, store: Store, *, stream: str) -> Job:
        """A stream in the place of a file: its ledger row and the hashes of its refused records hang on its name."""
        name = self.source.name
        sha256 = hashlib.sha256(f"stream\x00{name}\x00{stream}".encode()).hexdigest()
        context = IntakeContext(
            source=self.source, secret=self.secret, issue=self.issue, posts_from=posts_from(store) or dt.date.min,
            erased=frozenset(store.read(ERASED)["author_key"]),
        )  # fmt: skip
        file = SourceFile(source=self.source, path=Path(f"source '{name}'"), sha256=sha256)
        return Job(file=file, context=context, batch_records=1, run_id=self.run_id, tell=self.tell)


def read_cursor(store: Store, *, source: str, stream: str) -> Cursor | None:
    """Where a stream was left; None where it was never read."""
    rows = store.read(CURSORS, where="source = ? AND stream = ?", parameters=[source, stream])
    if rows.is_empty():
        return None
    cursor: Cursor = json.loads(rows["cursor"][0])
    return cursor


def record_query(store: Store, *, source: SourceConfig, issue: dt.date, run_id: str) -> bool:
    """Keep what is asked for, where that is not what was asked last; returns whether another question came before."""
    query = source.fetch.asked(source.kind)
    known = store.read(QUERIES, where="source = ? AND issue <= ?", parameters=[source.name, issue])
    if known.height and known["query"][-1] == query:
        return False
    row = pl.DataFrame({"source": [source.name], "issue": [issue], "query": [query]})
    with store.transaction():
        store.put(QUERIES, row, run_id=run_id)
    return known.height > 0


def ingest_page(store: Store, *, page: Page, stream: str, job: Job) -> Landed:
    """Take in a page, remove what it says was deleted, and note its cursor: all of it, or nothing."""
    state = read_state(store, file=job.file)
    with store.transaction():
        added = Counts()
        if page.records:
            batch = _batch(page.records, first=state.next_record, source=job.file.source)
            added = ingest_batch(store, batch=batch, job=job)
            state = State(counts=state.counts + added, next_record=batch.next_record)
            write_state(store, job=job, state=state)
        removed = _remove(store, page=page, job=job)
        _put_cursor(store, page=page, stream=stream, job=job)
        if added.posts or removed:
            # What later stages of this very run made before is out of date.
            store.delete(RUNS, where="run_id = ? AND stage <> 'ingest'", parameters=[job.run_id])
    job.told(added.received)
    return Landed(counts=added, removed=removed)


def _batch(records: list[Record], *, first: int, source: SourceConfig) -> Batch:
    columns = list(mapped_columns(source))
    rows: list[tuple[Any, ...]] = []
    bad: list[BadRecord] = []
    for number, record in enumerate(records, first):
        values = tuple(as_text(record.get(name)) for name in columns)
        if any(value and "\0" in value for value in values):
            bad.append(BadRecord(number, "null_byte", NULL_BYTE))
        else:
            rows.append((number, *values))
    schema = {"record": pl.Int64} | dict.fromkeys(columns, pl.String)
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return Batch(first_record=first, received=len(records), frame=frame, bad=bad)


def _remove(store: Store, *, page: Page, job: Job) -> int:
    """Remove deleted posts that are here, and remember them: a page or file that comes later may still hold them."""
    source = job.file.source
    here = pl.concat(
        [_named(store, ids=page.deleted, job=job), _of_people(store, names=page.left, job=job)]
    ).unique()
    if here.is_empty():
        return 0
    kept = {"post_key": keys_of(here["post_id"], job=job)}
    marks = pl.DataFrame(kept).with_columns(source=pl.lit(source.name), issue=pl.lit(job.context.issue))
    store.put(DELETED, marks, run_id=job.run_id)
    return remove_deleted(
        store, post_ids=here["post_id"].to_list(), issue=job.context.issue, run_id=job.run_id
    )


def _named(store: Store, *, ids: tuple[str, ...], job: Job) -> pl.DataFrame:
    """`post_id` of those of these posts that are here."""
    source = job.file.source
    named = pl.Series("id", sorted(set(ids)), dtype=pl.String)
    bare = keys_of(named, job=job) if source.ids_keyed else named
    posts = pl.DataFrame({"post_id": pl.Series([f"{source.name}:{name}" for name in bare], dtype=pl.String)})
    return store.existing_keys(TABLES["raw.posts"], posts) if ids else posts


def _of_people(store: Store, *, names: tuple[str, ...], job: Job) -> pl.DataFrame:
    """`post_id` of all posts of these authors that are here."""
    spelled = pl.DataFrame({"name": sorted(set(names))}, schema={"name": pl.String}).select(
        handle(pl.col("name"))
    )
    keys = pseudonyms(spelled["name"], secret=job.context.secret, source=job.file.source.name)
    if not names:
        return pl.DataFrame(schema={"post_id": pl.String})
    return store.query(
        "SELECT post_id FROM raw.posts WHERE author_key IN (SELECT unnest(?)) ORDER BY post_id",
        [keys.to_list()],
    )


def _put_cursor(store: Store, *, page: Page, stream: str, job: Job) -> None:
    name = job.file.source.name
    known = store.read(CURSORS, where="source = ? AND stream = ?", parameters=[name, stream])
    before = known["position"][0] if known.height else None
    position = max((at for at in (before, page.position) if at is not None), default=None)
    row = {
        "source": [name], "stream": [stream], "cursor": [json.dumps(page.cursor, sort_keys=True)],
        "position": pl.Series([position], dtype=pl.Datetime("us", "UTC")), "issue": [job.context.issue],
    }  # fmt: skip
    store.put(CURSORS, pl.DataFrame(row), run_id=job.run_id)
