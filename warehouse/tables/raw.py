"""What was received: posts, refusals, and how far each file was read. Private."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from warehouse.tables.codes import GEO_TYPES, POST_KINDS


class Posts(dy.Schema):
    """One row per post, text masked; `post_id` is the platform's, or a content hash where it has none."""

    post_id = dy.String(primary_key=True, min_length=1)
    source = dy.String(nullable=False)
    author_key = dy.String(nullable=True)
    created_at = dy.Datetime(nullable=False, time_unit="us", time_zone="UTC")
    time_value = dy.Date(nullable=False)
    time_precision = dy.Enum(["second", "day"], nullable=False)
    lang = dy.String(nullable=True)
    lang_confidence = dy.Float32(nullable=True)
    geo_type = dy.Enum(GEO_TYPES, nullable=False)
    geo_value = dy.String(nullable=False)
    geo_source = dy.Enum(["declared", "inferred", "source", "none"], nullable=False)
    community = dy.String(nullable=True)
    kind = dy.Enum(POST_KINDS, nullable=False)
    parent_id = dy.String(nullable=True)
    thread_id = dy.String(nullable=True)
    text = dy.String(nullable=False)
    received_issue = dy.Date(nullable=False)

    @dy.rule()
    def place_has_a_level(cls) -> pl.Expr:
        """`geo_type` none goes with an empty place and nothing else does."""
        return ((pl.col("geo_type") == "none") == (pl.col("geo_value") == "")).fill_null(False)

    @dy.rule()
    def text_is_masked(cls) -> pl.Expr:
        """No link or e-mail address is left in a text."""
        private = r"(?i)https?://\S|[\w.+-]@[\w-]+\.[a-z]{2,}"
        return (~pl.col("text").str.contains(private)).fill_null(False)


class Quarantine(dy.Schema):
    """One row per record that was refused: why, never what it said. Of a record from the future, `detail`
    begins with its day, so that a later run knows when to read it again."""

    record_hash = dy.String(primary_key=True)
    source = dy.String(nullable=False)
    reason = dy.String(nullable=False)
    detail = dy.String(nullable=False)
    received_at = dy.Date(nullable=False)


class Intake(dy.Schema):
    """How far each source file has been read, and where its records went."""

    source = dy.String(primary_key=True)
    file_sha256 = dy.String(primary_key=True)
    issue = dy.Date(nullable=False)
    next_record = dy.Int64(nullable=False, min=0)
    done = dy.Bool(nullable=False)
    received = dy.Int64(nullable=False, min=0)
    posts = dy.Int64(nullable=False, min=0)
    duplicates = dy.Int64(nullable=False, min=0)
    quarantined = dy.Int64(nullable=False, min=0)

    @dy.rule()
    def conserved(cls) -> pl.Expr:
        """received = posts + duplicates + quarantined."""
        parts = pl.col("posts") + pl.col("duplicates") + pl.col("quarantined")
        return (pl.col("received") == parts).fill_null(False)


class Removals(dy.Schema):
    """How many posts of a day were removed after they were taken in, when and why; never whose.

    `erased`: at a person's wish, `deleted`: by their author or on the platform; the day's numbers are made again.
    `expired`: by age; what was said of the day stays.
    """

    source = dy.String(primary_key=True)
    time_value = dy.Date(primary_key=True)
    reason = dy.Enum(["erased", "expired", "deleted"], primary_key=True)
    issue = dy.Date(primary_key=True)
    n = dy.Int64(nullable=False, min=1)


class Erased(dy.Schema):
    """Pseudonyms of people who were erased: a file that is read again does not bring them back."""

    author_key = dy.String(primary_key=True)
    issue = dy.Date(nullable=False)


class Deleted(dy.Schema):
    """Keyed hashes of the ids of posts that were deleted on their platform: what is read again does not bring them
    back."""

    post_key = dy.String(primary_key=True)
    source = dy.String(nullable=False)
    issue = dy.Date(nullable=False)


class Cursors(dy.Schema):
    """How far each stream of a platform's posts was read; written together with the posts that lie before it.

    `position` is the time of the newest post seen, or that up to which was asked.
    """

    source = dy.String(primary_key=True)
    stream = dy.String(primary_key=True)
    cursor = dy.String(nullable=False)
    position = dy.Datetime(nullable=True, time_unit="us", time_zone="UTC")
    issue = dy.Date(nullable=False)


class Queries(dy.Schema):
    """What a platform was asked for, from which issue on: a row where that changed."""

    source = dy.String(primary_key=True)
    issue = dy.Date(primary_key=True)
    query = dy.String(nullable=False)
