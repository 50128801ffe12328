"""One batch of string records to posts, interactions and refusals. Vectorised; not for storing anything."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import polars as pl

from warehouse import places
from warehouse.config import ColumnsConfig, SourceConfig
from warehouse.intake import language, privacy
from warehouse.intake.records import BadRecord, Batch
from warehouse.intake.times import days_of_places, with_times
from warehouse.tables.codes import POST_KINDS

_REPOST = rf"(?i)^RT\s*{privacy.AT}"
_CHAIN = rf"//\s?{privacy.AT}"
_DETAILS = {
    "missing_text": "expected a text",
    "text_too_long": "the text is longer than max_text_chars",
    "bad_date": "the date does not match [sources.time] format",
    "date_too_early": "the date lies before [sources.time] earliest",
    "expired": "the posts of this day were removed by age ([retention])",
    "erased_author": "the author was erased",
    "date_in_future": "lies after the day of the run (as_of); read again when that day has come",
    "missing_post_id": "expected a post id",
}


@dataclass(frozen=True, kw_only=True)
class IntakeContext:
    """What a batch needs to know besides itself: no post of a day before `posts_from` or of an `erased` pseudonym is
    taken in."""

    source: SourceConfig
    secret: bytes = field(repr=False)
    issue: dt.date
    posts_from: dt.date = dt.date.min
    erased: frozenset[str] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, kw_only=True)
class Normalised:
    """Frames in the shape of `raw.posts` (text still unhashed ids), `core.interactions` and `core.people`, and
    refusals."""

    posts: pl.DataFrame
    edges: pl.DataFrame
    people: pl.DataFrame
    bad: list[BadRecord]
    unknown_kinds: int = 0


def normalise(batch: Batch, *, context: IntakeContext) -> Normalised:
    """Check, date, pseudonymise, mask, place and classify a batch.

    Rows come out in the order they came in. `posts` has every column of `raw.posts`, plus `record`.
    """
    source = context.source
    frame = _with_all_columns(batch.frame)
    frame = with_times(frame.with_columns(text=privacy.clean_text(pl.col("text"))), config=source.time)
    reasons = _refusals(frame, context=context)
    bad = batch.bad + _bad_records(frame, reasons=reasons)
    good = frame.filter(reasons.is_null())
    named = _people(good, context=context)
    erased = _of_erased(named["author_key"], context=context)
    bad = bad + _bad_records(named, reasons=erased)
    people = named.filter(erased.is_null())
    kinds = people.with_columns(kind=_kind(source))
    edges = _edges(kinds, context=context)
    posts = _finish(kinds, context=context)
    return Normalised(
        posts=posts,
        edges=edges,
        people=_declared(posts),
        bad=bad,
        unknown_kinds=_unknown_kinds(good, source=source),
    )


def _with_all_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """Every field there is, with blanks as nulls: a source that says nothing says it in many ways."""
    absent = [name for name in _FIELDS if name not in frame.columns]
    given = [pl.when(pl.col(name).str.contains(r"\S")).then(name) for name in _FIELDS if name not in absent]
    return frame.with_columns(*given, *(pl.lit(None, dtype=pl.String).alias(name) for name in absent))


_FIELDS = tuple(ColumnsConfig.model_fields)


def _refusals(frame: pl.DataFrame, *, context: IntakeContext) -> pl.Series:
    source, text, day = context.source, pl.col("text"), pl.col("time_value")
    # The day of a post's own place, known only later, may be the one before.
    expired = day <= context.posts_from if source.time.by_place else day < context.posts_from
    reason = (
        pl.when(text.is_null() | (text == ""))
        .then(pl.lit("missing_text"))
        .when(text.str.len_chars() > source.max_text_chars)
        .then(pl.lit("text_too_long"))
        .when(day.is_null())
        .then(pl.lit("bad_date"))
        .when(day < source.time.earliest)
        .then(pl.lit("date_too_early"))
        .when(expired)
        .then(pl.lit("expired"))
        .when(day > context.issue)
        .then(pl.lit("date_in_future"))
    )
    if source.columns.post_id is not None:
        reason = reason.when(pl.col("post_id").is_null()).then(pl.lit("missing_post_id"))
    return frame.select(reason.otherwise(pl.lit(None, dtype=pl.String)).alias("reason"))["reason"]


def _of_erased(keys: pl.Series, *, context: IntakeContext) -> pl.Series:
    gone = pl.Series(sorted(context.erased), dtype=pl.String).implode()
    reason = pl.when(pl.col("key").is_in(gone)).then(pl.lit("erased_author"))
    return pl.select(key=keys).select(reason=reason)["reason"]


def _bad_records(frame: pl.DataFrame, *, reasons: pl.Series) -> list[BadRecord]:
    refused = frame.select("record", "time_value", reason=reasons).drop_nulls("reason")
    return [BadRecord(number, reason, _detail(reason, day)) for number, day, reason in refused.iter_rows()]


def _detail(reason: str, day: dt.date) -> str:
    """A future day comes first in its detail, because `ingest.py` reads it there."""
    return f"{day} {_DETAILS[reason]}" if reason == "date_in_future" else _DETAILS[reason]


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
        pl.when(text.str.contains(_REPOST) | text.str.contains("^" + _CHAIN))
        .then(pl.lit("repost"))
        .when(pl.col("quoted_id").is_not_null() | text.str.contains(_CHAIN))
        .then(pl.lit("quote"))
        .when(answers)
        .then(pl.lit("reply"))
        .otherwise(pl.lit("original"))
    )
    return pl.coalesce(_declared_kind(source), read)


def _declared_kind(source: SourceConfig) -> pl.Expr:
    words = {kind: kind for kind in POST_KINDS} | source.kinds
    return pl.col("kind").str.strip_chars().replace_strict(words, default=None, return_dtype=pl.String)


def _unknown_kinds(frame: pl.DataFrame, *, source: SourceConfig) -> int:
    """How many records declare a kind that is not in `[sources.kinds]`, so that it is read from the text."""
    odd = pl.col("kind").is_not_null() & _declared_kind(source).is_null()
    return int(frame.select(odd.sum()).item())


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
        post_key="record", created_at="created", author_key="author_key", text="text",
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
    naming = base.filter(privacy.names_someone(pl.col("text")))
    lists = naming.with_columns(named=privacy.mentions(pl.col("text")))
    long = lists.explode("named", empty_as_null=False, keep_nulls=False)
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
    posts = pl.concat([masked, located, spoken], how="horizontal")
    return (days_of_places(posts) if source.time.by_place else posts).with_columns(
        source=pl.lit(source.name),
        time_precision=pl.lit(source.time.precision),
        received_issue=pl.lit(context.issue),
    )


def _declared(posts: pl.DataFrame) -> pl.DataFrame:
    """`core.people`: what each author last declared of themselves; who declared nothing is not in it."""
    said = posts.filter(
        pl.col("author_key").is_not_null(), pl.any_horizontal(pl.col("age_band", "sex").is_not_null())
    )
    own = said.with_columns(
        pl.col("age_band", "sex").str.strip_chars(),
        region=pl.when(pl.col("geo_type") == "region").then("geo_value"),
    )
    return own.group_by("author_key", maintain_order=True).agg(
        pl.col("region", "age_band", "sex").drop_nulls().last()
    )


def _own_words(frame: pl.DataFrame) -> pl.Expr:
    """What the author wrote: of a quote that carries the chain (`…//@name: …`), the part before it."""
    before = pl.col("text").str.extract(rf"(?s)^(.*?){_CHAIN}").str.strip_chars()
    return pl.when((pl.col("kind") == "quote") & (before != "")).then(before).otherwise("text")


def _languages(frame: pl.DataFrame, *, source: SourceConfig) -> pl.DataFrame:
    """`language` and `lang_confidence`: as declared (two letters), else as configured, else detected."""
    declared = pl.col("lang").str.strip_chars().str.to_lowercase().str.extract(r"^([a-z]{2})(?:[-_].*)?$")
    fixed = frame.select(language=declared, lang_confidence=pl.lit(1.0, dtype=pl.Float32))
    if source.lang != "auto":
        return fixed.with_columns(pl.col("language").fill_null(pl.lit(source.lang)))
    open_rows = fixed["language"].is_null()
    if not open_rows.any():
        return fixed
    found = language.detect(frame["text"].filter(open_rows), languages=source.languages)
    row = open_rows.cum_sum().cast(pl.Int64).clip(1) - 1
    return fixed.with_columns(
        language=pl.coalesce("language", found["lang"].gather(row)),
        lang_confidence=pl.when(open_rows)
        .then(found["lang_confidence"].gather(row))
        .otherwise("lang_confidence"),
    )
