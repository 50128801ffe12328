"""Source files into the warehouse, batch by batch, each batch with its place in the file in one transaction.

Killed anywhere and run again, it goes on where the last batch landed. Not for deciding which sources exist.
"""

from __future__ import annotations

import datetime as dt
import glob
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from warehouse.config import Config, SourceConfig
from warehouse.errors import InputError
from warehouse.intake.normalise import IntakeContext, Normalised, check_time_config, normalise
from warehouse.intake.readers import BadRecord, Batch, file_sha256, read_batches
from warehouse.store import Receipt, Store
from warehouse.tables import TABLES

POSTS, QUARANTINE, INTAKE = TABLES["raw.posts"], TABLES["raw.quarantine"], TABLES["raw.intake"]
EDGES = TABLES["core.interactions"]
Progress = Callable[[str, int], None]


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file of a source, with the fingerprint of its bytes."""

    source: SourceConfig
    path: Path
    sha256: str


@dataclass(frozen=True, kw_only=True)
class _State:
    """A row of `raw.intake`."""

    next_record: int = 0
    received: int = 0
    posts: int = 0
    duplicates: int = 0
    quarantined: int = 0
    done: bool = False


def source_files(config: Config) -> list[SourceFile]:
    """Every file the configuration names, sources in order and names sorted; `InputError` for none."""
    found: list[SourceFile] = []
    for source in config.sources:
        paths = sorted(Path(name) for name in glob.glob(source.path, recursive=True))  # noqa: PTH207 (absolute patterns)
        files = [path for path in paths if path.is_file()]
        if not files:
            raise InputError(
                f"source '{source.name}': no file matches '{source.path}' (relative paths start at the working "
                "directory). Check [[sources]] path."
            )
        found += [SourceFile(source=source, path=path, sha256=file_sha256(path)) for path in files]
    return found


def ingest_sources(
    store: Store, *, config: Config, files: list[SourceFile], secret: bytes, issue: dt.date, run_id: str,
    progress: Progress | None = None,
) -> Receipt:  # fmt: skip
    """Read everything that has not been read. One bad file does not stop the others.

    The receipt counts the records of this call; why a file could not be used at all stands in its problems.
    """
    totals = _State()
    problems: list[str] = []
    for file in files:
        context = IntakeContext(source=file.source, secret=secret, issue=issue)
        try:
            check_time_config(file.source.time)
            state = _ingest_file(
                store, file=file, context=context, config=config, run_id=run_id, tell=progress
            )
        except InputError as error:
            problems.append(error.message)
            continue
        totals = _added(totals, state)
    reasons = {"duplicates": totals.duplicates, "quarantined": totals.quarantined}
    return Receipt(
        "ingest", rows_in=totals.received, rows_out=totals.posts, reasons=reasons, problems=tuple(problems)
    )


def _ingest_file(
    store: Store,
    *,
    file: SourceFile,
    context: IntakeContext,
    config: Config,
    run_id: str,
    tell: Progress | None,
) -> _State:
    state = _read_state(store, file=file)
    fresh = _State()
    if state.done:
        return fresh
    size = config.intake.batch_records
    for batch in read_batches(file.path, source=file.source, size=size, start=state.next_record):
        with store.transaction():
            added = _ingest_batch(store, batch=batch, file=file, context=context, run_id=run_id)
            state, fresh = _added(state, added), _added(fresh, added)
            state = replace(state, next_record=batch.next_record)
            _write_state(store, file=file, state=state, context=context, run_id=run_id)
        if tell is not None:
            tell(file.source.name, batch.received)
    with store.transaction():
        _write_state(store, file=file, state=replace(state, done=True), context=context, run_id=run_id)
    return fresh


def _ingest_batch(
    store: Store, *, batch: Batch, file: SourceFile, context: IntakeContext, run_id: str
) -> _State:
    made = normalise(batch, context=context)
    posts = _with_ids(store, made, source=file.source)
    unique = posts.unique("post_id", keep="first", maintain_order=True)
    fresh = _unseen(store, unique)
    store.append(POSTS, fresh.with_columns(lang="language", created_at="created"), run_id=run_id)
    store.append(EDGES, _edges_of(made, fresh=fresh, source=file.source), run_id=run_id)
    store.append(QUARANTINE, _quarantine(made.bad, file=file, issue=context.issue), run_id=run_id)
    return _State(
        received=batch.received,
        posts=fresh.height,
        duplicates=posts.height - fresh.height,
        quarantined=len(made.bad),
    )


def _with_ids(store: Store, made: Normalised, *, source: SourceConfig) -> pl.DataFrame:
    """Prefix platform ids with the source; where there are none, hash what the record says."""
    posts = made.posts
    if source.columns.post_id is not None and source.ids_unique:
        named = [_named_id(name, source=source) for name in ("post_id", "parent_id", "thread_id")]
        return posts.with_columns(named)
    content = posts.select(
        "author_key", "raw_text", "community", "parent_id", "thread_id", "target_key", "place",
        at=pl.col("created").cast(pl.String), what="kind",
    )  # fmt: skip
    hashes = store.hash_rows(content)
    ids = pl.lit(f"{source.name}:") + hashes
    return posts.with_columns(
        post_id=ids, **{name: _named_id(name, source=source) for name in ("parent_id", "thread_id")}
    )


def _named_id(name: str, *, source: SourceConfig) -> pl.Expr:
    return (
        pl.lit(f"{source.name}:") + pl.col(name).str.strip_chars().str.replace(r"^(\d+)\.0+$", "$1")
    ).alias(name)


def _unseen(store: Store, posts: pl.DataFrame) -> pl.DataFrame:
    seen = store.existing_keys(POSTS, posts.select("post_id"))
    return posts.join(seen, on="post_id", how="anti", maintain_order="left")


def _edges_of(made: Normalised, *, fresh: pl.DataFrame, source: SourceConfig) -> pl.DataFrame:
    ids = fresh.select(post_key="record", post_id="post_id")
    joined = made.edges.join(ids, on="post_key", how="inner", maintain_order="left")
    return joined.with_columns(_named_id("target_post_id", source=source))


def _quarantine(bad: list[BadRecord], *, file: SourceFile, issue: dt.date) -> pl.DataFrame:
    rows = [(_record_hash(file, record.number, issue), record.reason, record.detail) for record in bad]
    frame = pl.DataFrame(
        rows, schema=["record_hash", "reason", "detail"], orient="row", schema_overrides=_TEXT
    )
    return frame.with_columns(source=pl.lit(file.source.name), received_at=pl.lit(issue))


_TEXT = {"record_hash": pl.String, "reason": pl.String, "detail": pl.String}


def _record_hash(file: SourceFile, number: int, issue: dt.date) -> str:
    """Of where the record stands, not of what it says, so that two equal bad lines are two."""
    return hashlib.sha256(f"{file.source.name}\x00{file.sha256}\x00{number}\x00{issue}".encode()).hexdigest()[
        :32
    ]


def _added(left: _State, right: _State) -> _State:
    return replace(
        left,
        received=left.received + right.received,
        posts=left.posts + right.posts,
        duplicates=left.duplicates + right.duplicates,
        quarantined=left.quarantined + right.quarantined,
    )


def _read_state(store: Store, *, file: SourceFile) -> _State:
    where = "source = ? AND file_sha256 = ?"
    rows = store.read(INTAKE, where=where, parameters=[file.source.name, file.sha256])
    if rows.is_empty():
        return _State()
    row = rows.row(0, named=True)
    return _State(**{name: row[name] for name in _State.__dataclass_fields__})


def _write_state(
    store: Store, *, file: SourceFile, state: _State, context: IntakeContext, run_id: str
) -> None:
    row = {name: [getattr(state, name)] for name in _State.__dataclass_fields__}
    row |= {"source": [file.source.name], "file_sha256": [file.sha256], "issue": [context.issue]}
    store.put(INTAKE, pl.DataFrame(row), run_id=run_id)


def fingerprint(files: list[SourceFile]) -> list[list[str]]:
    """What the input is, for the run's identity: source names and file hashes, without paths."""
    return [[file.source.name, file.sha256] for file in files]
