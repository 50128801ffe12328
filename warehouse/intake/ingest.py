"""Source files into the warehouse, batch by batch, each batch with its place in the file in one transaction.

Killed anywhere and run again, it goes on where the last batch landed. Not for deciding which sources exist.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import polars as pl

from warehouse.config import Config, SourceConfig
from warehouse.errors import ContractError, InputError
from warehouse.intake.files import SourceFile
from warehouse.intake.language import check_languages
from warehouse.intake.normalise import IntakeContext, Normalised, normalise
from warehouse.intake.privacy import pseudonyms
from warehouse.intake.readers import read_batches
from warehouse.intake.records import BadRecord, Batch
from warehouse.intake.streams import Decoder
from warehouse.intake.times import check_time_config
from warehouse.removal import ERASED, posts_from
from warehouse.store import Receipt, Store
from warehouse.tables import TABLES

POSTS, QUARANTINE, INTAKE = TABLES["raw.posts"], TABLES["raw.quarantine"], TABLES["raw.intake"]
EDGES, PEOPLE = TABLES["core.interactions"], TABLES["core.people"]
Progress = Callable[[str, int], None]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Where records went: what a row of `raw.intake` adds up."""

    received: int = 0
    posts: int = 0
    duplicates: int = 0
    quarantined: int = 0
    unknown_kinds: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(**{name: getattr(self, name) + getattr(other, name) for name in vars(self)})


_LEDGER = ("received", "posts", "duplicates", "quarantined")


@dataclass(frozen=True, kw_only=True)
class State:
    """A row of `raw.intake`."""

    counts: Counts = Counts()
    next_record: int = 0
    done: bool = False


@dataclass(frozen=True, kw_only=True)
class Job:
    """One file, or stream of a platform's posts, to read under one run."""

    file: SourceFile
    context: IntakeContext
    batch_records: int
    run_id: str
    tell: Progress | None

    def batches(self, *, start: int) -> Iterator[Batch]:
        return read_batches(self.file.path, source=self.file.source, size=self.batch_records, start=start)

    def told(self, count: int) -> None:
        if self.tell is not None:
            self.tell(self.file.source.name, count)


def check_source(source: SourceConfig) -> None:
    """`ConfigError` for a time zone, date pattern, encoding or language that does not exist."""
    check_time_config(source.time)
    Decoder(source)
    if source.lang == "auto":
        check_languages(source.languages)


def ingest_sources(
    store: Store, *, config: Config, files: list[SourceFile], secret: bytes, issue: dt.date, run_id: str,
    progress: Progress | None = None,
) -> Receipt:  # fmt: skip
    """Read everything that has not been read. One bad file does not stop the others.

    The receipt counts the records of this call; why a file could not be used at all stands in its problems.
    """
    for source in config.sources:
        check_source(source)
    totals = Counts()
    problems: list[str] = []
    notes: list[str] = []
    first, erased = posts_from(store) or dt.date.min, frozenset(store.read(ERASED)["author_key"])
    for file in files:
        context = IntakeContext(
            source=file.source, secret=secret, issue=issue, posts_from=first, erased=erased
        )
        job = Job(
            file=file,
            context=context,
            batch_records=config.intake.batch_records,
            run_id=run_id,
            tell=progress,
        )
        try:
            counts = _ingest_file(store, job=job, notes=notes)
        except InputError as error:
            problems.append(error.message)
            continue
        totals += counts
    return Receipt(
        "ingest",
        rows_in=totals.received,
        rows_out=totals.posts,
        reasons={"duplicates": totals.duplicates, "quarantined": totals.quarantined},
        notes=tuple(notes),
        problems=tuple(problems),
    )


def _ingest_file(store: Store, *, job: Job, notes: list[str]) -> Counts:
    state = read_state(store, file=job.file)
    fresh = Counts()
    if not state.done:
        fresh = _read_on(store, job=job, state=state)
        if fresh.received + state.next_record == 0:
            notes.append(f"{job.file.path}: holds no records")
    fresh += _read_held_back(store, job=job)
    if fresh.unknown_kinds:
        notes.append(
            f"{job.file.path}: {fresh.unknown_kinds} records declare a kind that [sources.kinds] does not name; "
            "it was read from their text and edges"
        )
    return fresh


def _read_on(store: Store, *, job: Job, state: State) -> Counts:
    """From where the last batch landed to the end."""
    fresh = Counts()
    for batch in job.batches(start=state.next_record):
        with store.transaction():
            added = ingest_batch(store, batch=batch, job=job)
            state = State(counts=state.counts + added, next_record=batch.next_record)
            write_state(store, job=job, state=state)
        fresh += added
        job.told(batch.received)
    with store.transaction():
        write_state(store, job=job, state=replace(state, done=True))
    return fresh


def _read_held_back(store: Store, *, job: Job) -> Counts:
    """Records that were refused as future and whose day has come: out of quarantine, and judged again.

    They were received once and stay received once, so that each is in exactly one place at any time.
    """
    fresh = Counts()
    due = _due(store, job=job)
    for batch in job.batches(start=0) if due else ():
        part = _only(batch, numbers=[number for number in due if number < batch.next_record])
        if part.received:
            with store.transaction():
                fresh += _move(store, part=part, job=job)
            due = due[part.received :]
        if not due:
            break
    return fresh


def _due(store: Store, *, job: Job) -> list[int]:
    """Numbers, ascending, of the file's records that were dated after their run and not after this one."""
    rows = store.query(
        "SELECT record_hash FROM raw.quarantine WHERE source = ? AND reason = 'date_in_future' "
        "AND starts_with(record_hash, ?) AND left(detail, 10) <= ? ORDER BY record_hash",
        [job.file.source.name, job.file.tag, str(job.context.issue)],
    )
    return [int(record_hash[16:], 16) for record_hash in rows["record_hash"]]


def _only(batch: Batch, *, numbers: list[int]) -> Batch:
    wanted = set(numbers)
    kept = [record for record in batch.bad if record.number in wanted]
    frame = batch.frame.filter(pl.col("record").is_in(numbers))
    return replace(batch, received=len(numbers), frame=frame, bad=kept)


def _move(store: Store, *, part: Batch, job: Job) -> Counts:
    hashes = [
        record_hash(job.file, number)
        for number in (*part.frame["record"], *(record.number for record in part.bad))
    ]
    store.delete(QUARANTINE, where="record_hash IN (SELECT unnest(?))", parameters=[hashes])
    added = ingest_batch(store, batch=part, job=job)
    state = read_state(store, file=job.file)
    moved = replace(added, received=0, quarantined=added.quarantined - part.received)
    write_state(store, job=job, state=replace(state, counts=state.counts + moved))
    return added


def ingest_batch(store: Store, *, batch: Batch, job: Job) -> Counts:
    try:
        return _ingest_records(store, batch=batch, job=job)
    except pl.exceptions.PolarsError as error:
        # Without the cause, because what the library says may quote a record.
        raise ContractError(
            f"{job.file.path}: records {batch.first_record} to {batch.next_record - 1} cannot be processed "
            f"({type(error).__name__}). Nothing of them was stored. Please report this line."
        ) from None


def _ingest_records(store: Store, *, batch: Batch, job: Job) -> Counts:
    made = normalise(_keyed(batch, job=job), context=job.context)
    made, posts = _still_there(store, made, posts=_with_ids(store, made, source=job.file.source), job=job)
    unique = posts.unique("post_id", keep="first", maintain_order=True)
    fresh, made = _forgotten(_unseen(store, unique), made, erased=job.context.erased)
    store.append(POSTS, fresh.with_columns(lang="language", created_at="created"), run_id=job.run_id)
    edges = _edges_of(made, fresh=fresh, source=job.file.source)
    if edges.height:
        store.append(EDGES, edges, run_id=job.run_id)
    _put_people(store, made.people, run_id=job.run_id)
    if made.bad:
        refused = _quarantine(made.bad, file=job.file, issue=job.context.issue)
        store.append(QUARANTINE, refused, run_id=job.run_id)
    return Counts(
        received=batch.received,
        posts=fresh.height,
        duplicates=posts.height - fresh.height,
        quarantined=len(made.bad),
        unknown_kinds=made.unknown_kinds,
    )


def _keyed(batch: Batch, *, job: Job) -> Batch:
    """Ids that name their author are replaced by keyed hashes before anything else sees them."""
    if not job.file.source.ids_keyed:
        return batch
    names = [
        name for name in ("post_id", "parent_id", "thread_id", "quoted_id") if name in batch.frame.columns
    ]
    keyed = {name: keys_of(batch.frame[name], job=job) for name in names}
    return replace(batch, frame=batch.frame.with_columns(**keyed))


def keys_of(ids: pl.Series, *, job: Job) -> pl.Series:
    """Keyed hashes of post ids, within their source."""
    return pseudonyms(ids, secret=job.context.secret, source=f"{job.file.source.name}\x00post")


def _still_there(
    store: Store, made: Normalised, *, posts: pl.DataFrame, job: Job
) -> tuple[Normalised, pl.DataFrame]:
    """Without posts that were deleted on their platform after they had been taken in: those are refused."""
    source = job.file.source
    known = store.query("SELECT post_key FROM raw.deleted WHERE source = ?", [source.name])
    if known.is_empty():
        return made, posts
    keys = keys_of(posts["post_id"], job=job)
    gone = posts.filter(keys.is_in(known["post_key"].implode()))["record"]
    refused = [BadRecord(number, "deleted", "the post was deleted on its platform") for number in gone]
    kept = posts.filter(~pl.col("record").is_in(gone.implode()))
    return replace(made, bad=made.bad + refused), kept


def _forgotten(
    posts: pl.DataFrame, made: Normalised, *, erased: frozenset[str]
) -> tuple[pl.DataFrame, Normalised]:
    """Posts and edges without whom they answer or name, where that person was erased. Ids are as they would be."""
    if not erased:
        return posts, made
    gone = pl.col("target_key").is_in(list(erased)).fill_null(False)
    kept = posts.with_columns(parent_id=pl.when(~gone).then("parent_id"))
    told = made.edges["target_author_key"].is_in(list(erased)).fill_null(False)
    names = ("target_author_key", "target_post_id")
    edges = made.edges.with_columns(pl.when(~told).then(name).alias(name) for name in names)
    return kept, replace(made, edges=edges)


def _put_people(store: Store, people: pl.DataFrame, *, run_id: str) -> None:
    """Add what authors declared; a newer word goes before an older one, silence takes nothing back."""
    if people.is_empty():
        return
    keys = people["author_key"].to_list()
    known = store.read(PEOPLE, where="author_key IN (SELECT unnest(?))", parameters=[keys])
    both = people.join(known, on="author_key", how="left", suffix="_before", maintain_order="left")
    names = ["region", "age_band", "sex"]
    store.put(
        PEOPLE,
        both.select("author_key", *(pl.coalesce(name, f"{name}_before").alias(name) for name in names)),
        run_id=run_id,
    )


def _with_ids(store: Store, made: Normalised, *, source: SourceConfig) -> pl.DataFrame:
    """Prefix platform ids with the source; where there are none, hash what the record says."""
    posts = made.posts
    if not source.ids_hashed:
        named = [_named_id(name, source=source) for name in ("post_id", "parent_id", "thread_id")]
        return posts.with_columns(named)
    content = posts.select(
        "author_key", "raw_text", "community", "parent_id", "thread_id", "target_key", "quoted_id", "place",
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
    rows = [(record_hash(file, record.number), record.reason, record.detail) for record in bad]
    frame = pl.DataFrame(
        rows, schema=dict.fromkeys(("record_hash", "reason", "detail"), pl.String), orient="row"
    )
    return frame.with_columns(source=pl.lit(file.source.name), received_at=pl.lit(issue))


def record_hash(file: SourceFile, number: int) -> str:
    """Of where the record stands, not of what it says, so that two equal bad lines are two."""
    return f"{file.tag}{number:016x}"


def read_state(store: Store, *, file: SourceFile) -> State:
    where = "source = ? AND file_sha256 = ?"
    rows = store.read(INTAKE, where=where, parameters=[file.source.name, file.sha256])
    if rows.is_empty():
        return State()
    row = rows.row(0, named=True)
    counts = Counts(**{name: row[name] for name in _LEDGER})
    return State(counts=counts, next_record=row["next_record"], done=row["done"])


def write_state(store: Store, *, job: Job, state: State) -> None:
    row = {name: getattr(state.counts, name) for name in _LEDGER}
    row |= {"next_record": state.next_record, "done": state.done, "issue": job.context.issue}
    row |= {"source": job.file.source.name, "file_sha256": job.file.sha256}
    store.put(INTAKE, pl.DataFrame([row]), run_id=job.run_id)
