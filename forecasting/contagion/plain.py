"""A plain table of posts as the frames that contagion is measured on. Not for scoring texts."""

from __future__ import annotations

import polars as pl

from warehouse.errors import InputError

LINKS = ("parent_id", "reply_to_author")


def posts_of(posts: pl.DataFrame, *, measures: tuple[str, ...]) -> pl.DataFrame:
    """post_id, author_key, created_at (UTC), thread_id, parent_id, reply_to_author and the measures.

    A post without a parent begins its own thread; deeper answers take the thread of what they answer.
    Raises `InputError` for missing columns, repeated or empty ids, unreadable times or scores outside
    0–1.
    """
    _check_columns(posts, measures=measures)
    names = {"author_key": "author"} | {column: column for column in LINKS}
    table = posts.select(
        _name(posts, column="post_id").alias("post_id"),
        _times(posts["created_at"]),
        *(
            (_name(posts, column=given) if given in posts.columns else pl.lit(None, dtype=pl.String)).alias(
                name
            )
            for name, given in names.items()
        ),
        *(_scores(posts, measure=measure) for measure in measures),
    )
    bad = int(table["post_id"].null_count() + table["post_id"].is_duplicated().sum())
    if bad:
        raise InputError(
            f"contagion: {bad} posts have an empty post_id or share it with another post. Expected one row "
            "per post: check that the ids were not rounded by a spreadsheet."
        )
    return table.with_columns(_threads(table))


def interactions_of(table: pl.DataFrame) -> pl.DataFrame:
    """A reply edge for every post with a parent, or with an answered author."""
    replies = table.filter(pl.any_horizontal(pl.col(*LINKS).is_not_null()))
    known = table.select(pl.col("post_id").alias("parent_id")).with_columns(pl.lit(True).alias("found"))
    return replies.join(known, on="parent_id", how="left").select(
        "post_id",
        pl.lit("reply").alias("kind"),
        pl.col("author_key"),
        pl.col("reply_to_author").alias("target_author_key"),
        pl.when("found").then("parent_id").alias("target_post_id"),
        "created_at",
    )


def _check_columns(posts: pl.DataFrame, *, measures: tuple[str, ...]) -> None:
    missing = [column for column in ("post_id", "created_at", *measures) if column not in posts.columns]
    if missing:
        raise InputError(
            f"contagion: the posts have no column {', '.join(missing)} (they have {', '.join(posts.columns)}). "
            "Name your columns with --columns, and the 0–1 scores with --measures."
        )
    if not measures:
        raise InputError("contagion: no measure was named. Name at least one column of 0–1 scores.")
    if not any(column in posts.columns for column in LINKS):
        raise InputError(
            "contagion: the posts have neither a column parent_id nor reply_to_author. "
            "Without them nobody knows who answered whom."
        )
    if "parent_id" not in posts.columns and "author" not in posts.columns:
        raise InputError("contagion: reply_to_author needs a column author beside it, or use parent_id.")


def _name(posts: pl.DataFrame, *, column: str) -> pl.Expr:
    """An id as text, null where empty. `12.0`, as a spreadsheet writes a whole number, reads 12."""
    numeric = posts[column].dtype.is_float()
    text = (pl.col(column).cast(pl.Decimal(38, 1)) if numeric else pl.col(column)).cast(pl.String)
    whole = text.str.strip_chars().str.replace(r"^(\d+)\.0+$", "${1}")
    return pl.when(whole != "").then(whole)


def _times(column: pl.Series) -> pl.Series:
    if column.dtype == pl.String:
        times = column.str.strip_chars().str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
    elif column.dtype == pl.Date:
        times = column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    elif isinstance(column.dtype, pl.Datetime):
        zoned = column.dt.replace_time_zone("UTC") if column.dtype.time_zone is None else column
        times = zoned.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    else:
        raise InputError(
            f"contagion: column created_at is {column.dtype}; expected times such as 2024-03-01T12:00:00Z."
        )
    if times.null_count():
        raise InputError(
            f"contagion: column created_at has {times.null_count()} of {len(times)} cells that are not times. "
            "Expected ISO 8601, such as 2024-03-01T12:00:00Z."
        )
    return times.alias("created_at")


def _scores(posts: pl.DataFrame, *, measure: str) -> pl.Series:
    column = posts[measure]
    if not (column.dtype.is_numeric() or column.dtype in (pl.Boolean, pl.Null)):
        raise InputError(f"contagion: column {measure} is {column.dtype}; expected scores from 0 to 1.")
    values = column.cast(pl.Float64)
    outside = int(((values < 0) | (values > 1) | values.is_nan()).sum())
    if outside:
        raise InputError(
            f"contagion: column {measure} has {outside} values outside 0–1. Expected scores from 0 to 1; "
            "leave the cell empty where there is none."
        )
    return values


def _threads(table: pl.DataFrame) -> pl.Series:
    """The oldest known ancestor of each post, by following parents in doubling steps."""
    ids = table["post_id"]
    row = pl.DataFrame({"parent_id": ids}).with_row_index("row")
    up = table.join(row, on="parent_id", how="left", maintain_order="left")["row"].cast(pl.Int64)
    place = up.fill_null(pl.Series(range(len(ids)), dtype=pl.Int64)) if len(ids) else up
    root = place.to_numpy().copy()
    for _ in range(max(1, len(root).bit_length())):
        root = root[root]
    return pl.Series("thread_id", ids.gather(root), dtype=pl.String)
