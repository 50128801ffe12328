"""One batch of string records to posts, interactions and refusals. Vectorised; not for storing anything."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from warehouse.config import SourceConfig, TimeConfig
from warehouse.errors import ConfigError
from warehouse import places
from warehouse.intake import language, privacy
from warehouse.intake.readers import BadRecord, Batch

_REPOST = r"^(?:RT|rt)\s+[@＠]"
_WEIBO = r"//\s?[@＠]"
_DETAILS = {
    "missing_text": "expected a text",
    "text_too_long": "the text is longer than max_text_chars",
    "bad_date": "the date does not match [sources.time] format",
    "date_too_early": "the date lies before [sources.time] earliest",
    "date_in_future": "the date lies after the day of the run (as_of)",
    "missing_post_id": "expected a post id",
}


@dataclass(frozen=True, kw_only=True)
class IntakeContext:
    """What a batch needs to know besides itself."""

    source: SourceConfig
    secret: bytes
    issue: dt.date


@dataclass(frozen=True, kw_only=True)
class Normalised:
    """Frames in the shape of `raw.posts` (text still unhashed ids) and `core.interactions`, and refusals."""

    posts: pl.DataFrame
    edges: pl.DataFrame
    bad: list[BadRecord]


def normalise(batch: Batch, *, context: IntakeContext) -> Normalised:
    """Check, date, pseudonymise, mask, place and classify a batch.

    Rows come out in the order they came in. `posts` has every column of `raw.posts`, plus `record`.
    """
    source = context.source
    frame = _with_all_columns(batch.frame)
    frame = frame.with_columns(text=privacy.clean_text(pl.col("text")), **_times(source.time))
    reasons = _refusals(frame, source=source, issue=context.issue)
    bad = batch.bad + _bad_records(frame, reasons=reasons)
    good = frame.filter(reasons.is_null())
    people = _people(good, context=context)
    kinds = people.with_columns(kind=_kind(source))
    edges = _edges(kinds, context=context)
    posts = _finish(kinds, context=context)
    return Normalised(posts=posts, edges=edges, bad=bad)


def _with_all_columns(frame: pl.DataFrame) -> pl.DataFrame:
    absent = [name for name in _FIELDS if name not in frame.columns]
    return frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in absent)


_FIELDS = (
    "text",
    "created_at",
    "post_id",
    "author",
    "parent_id",
    "thread_id",
    "reply_to_author",
    "quoted_id",
    "place",
    "community",
    "kind",
    "lang",
)


def _times(config: TimeConfig) -> dict[str, pl.Expr]:
    """`created` in UTC and `time_value`, the date in the source's own zone; null where unreadable."""
    created = _parse_time(pl.col("created_at").str.strip_chars(), config=config)
    return {"created": created, "time_value": created.dt.convert_time_zone(config.zone).dt.date()}


def _parse_time(text: pl.Expr, *, config: TimeConfig) -> pl.Expr:
    if config.format in {"epoch_ms", "epoch_s"}:
        scale = 1_000 if config.format == "epoch_ms" else 1_000_000
        number = text.cast(pl.Float64, strict=False)
        sane = pl.when(number.is_between(-1e14, 1e14)).then(number)
        return (sane * scale).cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    if config.format == "iso":
        return _parse_iso(text, zone=config.zone)
    naive = text.str.strptime(pl.Datetime("us"), _with_clock(config.format), strict=False)
    if "%z" in config.format:
        return text.str.strptime(pl.Datetime("us", "UTC"), config.format, strict=False)
    if not _has_clock(config.format):
        naive = text.str.strptime(pl.Date, config.format, strict=False).cast(pl.Datetime("us"))
    return _localised(naive, zone=config.zone)


def _parse_iso(text: pl.Expr, *, zone: str) -> pl.Expr:
    spaced = text.str.replace(r"^(\d{4}-\d{2}-\d{2})[ T]", "${1}T").str.replace(r"Z$", "+00:00")
    offset = spaced.str.replace(r"([+-]\d{2})(\d{2})$", "${1}:${2}")
    aware = offset.str.strptime(pl.Datetime("us", "UTC"), "%Y-%m-%dT%H:%M:%S%.f%:z", strict=False)
    naive = spaced.str.strptime(pl.Datetime("us"), "%Y-%m-%dT%H:%M:%S%.f", strict=False)
    short = spaced.str.strptime(pl.Datetime("us"), "%Y-%m-%dT%H:%M", strict=False)
    day = spaced.str.strptime(pl.Date, "%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    return pl.coalesce(aware, _localised(pl.coalesce(naive, short, day), zone=zone))


def _localised(naive: pl.Expr, *, zone: str) -> pl.Expr:
    # A clock hour that summer time repeats is read as its first pass; one that it skips is unreadable.
    local = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return local.dt.convert_time_zone("UTC")


def _has_clock(pattern: str) -> bool:
    return any(mark in pattern for mark in ("%H", "%I", "%T", "%R", "%s"))


def _with_clock(pattern: str) -> str:
    return pattern if _has_clock(pattern) else pattern + " %H:%M"


def check_time_config(config: TimeConfig) -> None:
    """Try zone and format once, so that a wrong one is a configuration error and not a refused file."""
    try:
        probe = pl.DataFrame({"created_at": ["2024-01-01"]}).select(**_times(config))
    except (pl.exceptions.PolarsError, ValueError) as error:
        raise ConfigError(
            f"[sources.time] format '{config.format}' or zone '{config.zone}' is not usable. Expected iso, "
            "epoch_s, epoch_ms or a strptime pattern, and a zone such as UTC or America/Mexico_City."
        ) from error
    del probe


def _refusals(frame: pl.DataFrame, *, source: SourceConfig, issue: dt.date) -> pl.Series:
    text, day = pl.col("text"), pl.col("time_value")
    reason = (
        pl.when(text.is_null() | (text == ""))
        .then(pl.lit("missing_text"))
        .when(text.str.len_chars() > source.max_text_chars)
        .then(pl.lit("text_too_long"))
        .when(day.is_null())
        .then(pl.lit("bad_date"))
        .when(day < source.time.earliest)
        .then(pl.lit("date_too_early"))
        .when(day > issue)
        .then(pl.lit("date_in_future"))
    )
    if source.columns.post_id is not None:
        reason = reason.when(pl.col("post_id").is_null()).then(pl.lit("missing_post_id"))
    return frame.select(reason.otherwise(pl.lit(None, dtype=pl.String)).alias("reason"))["reason"]


def _bad_records(frame: pl.DataFrame, *, reasons: pl.Series) -> list[BadRecord]:
    refused = frame.select("record", reason=reasons).drop_nulls("reason")
    return [BadRecord(number, reason, _DETAILS[reason]) for number, reason in refused.iter_rows()]


def _people(frame: pl.DataFrame, *, context: IntakeContext) -> pl.DataFrame:
    named = frame.with_columns(
        author=privacy.handle(pl.col("author")), reply_to_author=privacy.handle(pl.col("reply_to_author"))
    )
    return named.with_columns(
        author_key=_keys(named["author"], context=context),
        target_key=_keys(named["reply_to_author"], context=context),
    )


def _keys(names: pl.Series, *, context: IntakeContext) -> pl.Series:
    return privacy.pseudonyms(names, secret=context.secret, source=context.source.name)


def _kind(source: SourceConfig) -> pl.Expr:
    text = pl.col("text")
    answers = pl.col("parent_id").is_not_null() | pl.col("reply_to_author").is_not_null()
    read = (
        pl.when(text.str.contains(_REPOST) | text.str.contains("^" + _WEIBO))
        .then(pl.lit("repost"))
        .when(pl.col("quoted_id").is_not_null() | text.str.contains(_WEIBO))
        .then(pl.lit("quote"))
        .when(answers)
        .then(pl.lit("reply"))
        .otherwise(pl.lit("original"))
    )
    if not source.kinds:
        return read
    declared = pl.col("kind").replace_strict(source.kinds, default=None, return_dtype=pl.String)
    return pl.coalesce(declared, read)


# ------------------------------------------------------------------------------------------- edges

_EDGE_COLUMNS = [
    "post_key",
    "kind",
    "edge_no",
    "author_key",
    "target_author_key",
    "target_post_id",
    "created_at",
]


def _edges(frame: pl.DataFrame, *, context: IntakeContext) -> pl.DataFrame:
    """Reply, repost, quote and mention edges; `post_key` is the record number until ids are known."""
    base = frame.select(
        post_key="record", created_at="created", author_key="author_key", named=privacy.mentions(pl.col("text")),
        post_kind="kind", target_key="target_key", parent_id="parent_id", quoted_id="quoted_id",
    )  # fmt: skip
    replies = base.filter(pl.col("target_key").is_not_null() | pl.col("parent_id").is_not_null()).select(
        "post_key", "author_key", "created_at", kind=pl.lit("reply"), target_author_key="target_key",
        target_post_id="parent_id", edge_no=pl.lit(0, dtype=pl.Int32),
    )  # fmt: skip
    named = _named_edges(base, context=context)
    quotes = base.filter(pl.col("quoted_id").is_not_null()).select(
        "post_key", "author_key", "created_at", kind=pl.lit("quote"), target_post_id="quoted_id",
        target_author_key=pl.lit(None, dtype=pl.String), edge_no=pl.lit(1_000, dtype=pl.Int32),
    )  # fmt: skip
    parts = [part.select(_EDGE_COLUMNS) for part in (replies, named, quotes)]
    return pl.concat(parts).sort("post_key", "kind", "edge_no")


def _named_edges(base: pl.DataFrame, *, context: IntakeContext) -> pl.DataFrame:
    """The first name in a repost or quote is whom it passes on; all others are mentions."""
    long = base.explode("named", empty_as_null=False, keep_nulls=False)
    long = long.with_columns(place=pl.int_range(pl.len(), dtype=pl.Int32).over("post_key"))
    handles = long.select(privacy.handle(pl.col("named")).alias("named"))["named"]
    long = long.with_columns(target_author_key=_keys(handles, context=context))
    passes_on = pl.col("post_kind").is_in(["repost", "quote"]) & (pl.col("place") == 0)
    kind = pl.when(passes_on & pl.col("quoted_id").is_null()).then("post_kind").otherwise(pl.lit("mention"))
    return long.filter(pl.col("target_author_key").is_not_null()).select(
        "post_key", "author_key", "created_at", "target_author_key", kind=kind, edge_no="place",
        target_post_id=pl.lit(None, dtype=pl.String),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------ finish


def _finish(frame: pl.DataFrame, *, context: IntakeContext) -> pl.DataFrame:
    source = context.source
    own_words = _own_words(frame)
    masked = frame.with_columns(raw_text=pl.col("text"), text=privacy.mask_text(own_words))
    places_given = masked["place"] if source.columns.place else None
    located = places.resolve(places_given, height=masked.height, config=source.place)
    spoken = _languages(masked, source=source)
    return pl.concat([masked, located, spoken], how="horizontal").with_columns(
        source=pl.lit(source.name),
        time_precision=pl.lit(source.time.precision),
        received_issue=pl.lit(context.issue),
    )


def _own_words(frame: pl.DataFrame) -> pl.Expr:
    """What the author wrote: of a quote that carries the chain (`…//@name: …`), the part before it."""
    before = pl.col("text").str.split("//@").list.first().str.strip_chars()
    return pl.when((pl.col("kind") == "quote") & (before != "")).then(before).otherwise("text")


def _languages(frame: pl.DataFrame, *, source: SourceConfig) -> pl.DataFrame:
    if source.columns.lang is None and source.lang == "auto":
        return language.detect(frame["text"], languages=source.languages).rename({"lang": "language"})
    declared = pl.col("lang").str.strip_chars().str.to_lowercase().str.slice(0, 2)
    code = declared if source.columns.lang is not None else pl.lit(source.lang)
    sure = pl.lit(1.0, dtype=pl.Float32)
    return frame.with_columns(language=code, lang_confidence=sure).select("language", "lang_confidence")
