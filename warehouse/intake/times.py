"""The source's way of writing time to UTC and to the source's own day. Not for deciding which days are kept."""

from __future__ import annotations

import datetime as dt

import polars as pl

from warehouse.config import TimeConfig
from warehouse.errors import ConfigError
from warehouse.places import zone_of

_CLOCK_MARKS = ("%H", "%I", "%k", "%l", "%T", "%R", "%X", "%r", "%c", "%s")
# The first and last microsecond that every calendar function can handle: years 2 to 9998.
_FIRST, _LAST = -62_104_060_800_000_000, 253_370_764_800_000_000
_EPOCH = {"epoch_s": 1_000_000, "epoch_ms": 1_000}


def with_times(frame: pl.DataFrame, *, config: TimeConfig) -> pl.DataFrame:
    """`frame` (with `created_at`, String) with `created` in UTC and `time_value`, the date in the source's own zone;
    null where unreadable."""
    text = pl.col("created_at").str.strip_chars()
    created = _parse(frame.select(text).to_series(), config=config)
    zoned = pl.col("created").dt.convert_time_zone(config.clock)
    return frame.with_columns(created=created).with_columns(time_value=zoned.dt.date())


def days_of_places(posts: pl.DataFrame) -> pl.DataFrame:
    """`posts` with `time_value` as the day of each post's own place; that of UTC where the place is unknown.

    Needs `created` (UTC), `time_value`, `geo_type` and `geo_value`; the work is per distinct zone.
    """
    distinct = posts.select("geo_type", "geo_value").unique()
    zones = [zone_of(kind, code) for kind, code in distinct.iter_rows()]
    zoned = posts.join(
        distinct.with_columns(zone=pl.Series(zones, dtype=pl.String)),
        on=["geo_type", "geo_value"], how="left", maintain_order="left",
    )  # fmt: skip
    days = [
        pl.when(pl.col("zone") == zone).then(pl.col("created").dt.convert_time_zone(zone).dt.date())
        for zone in sorted({zone for zone in zones if zone is not None})
    ]
    return zoned.with_columns(time_value=pl.coalesce(*days, "time_value")).drop("zone")


def check_time_config(config: TimeConfig) -> None:
    """Try zone and format once, so that a wrong one is a configuration error and not a refused file."""
    try:
        readable = with_times(_probe(config), config=config)["created"].null_count() == 0
    except (pl.exceptions.PolarsError, ValueError):
        readable = False
    if not readable:
        raise ConfigError(
            f"[sources.time] format '{config.format}' or zone '{config.zone}' is not usable. Expected iso, "
            "epoch_s, epoch_ms or a strptime pattern with year, month and day, and a zone such as UTC, "
            "America/Mexico_City or place."
        )


def _probe(config: TimeConfig) -> pl.DataFrame:
    """A time written the way the configuration says."""
    if config.format in _EPOCH:
        return pl.DataFrame({"created_at": ["0"]})
    pattern = "%Y-%m-%d" if config.format == "iso" else config.format
    when = pl.Series([dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)])
    return pl.DataFrame({"created_at": when.dt.strftime(pattern)})


def _parse(texts: pl.Series, *, config: TimeConfig) -> pl.Series:
    text = pl.col("text")
    frame = texts.to_frame("text")
    if config.format in _EPOCH:
        micros = text.cast(pl.Float64, strict=False) * _EPOCH[config.format]
        sane = pl.when(micros.is_between(_FIRST, _LAST)).then(micros)
        return frame.select(sane.cast(pl.Int64).cast(pl.Datetime("us", "UTC"))).to_series()
    if config.format == "iso":
        return _parse_iso(frame, zone=config.clock)
    if "%z" in config.format or "%:z" in config.format:
        aware = text.str.strptime(pl.Datetime("us", "UTC"), config.format, strict=False)
        return frame.select(_bounded(aware)).to_series()
    return frame.select(_localised(_naive(text, pattern=config.format), zone=config.clock)).to_series()


def _naive(text: pl.Expr, *, pattern: str) -> pl.Expr:
    if any(mark in pattern for mark in _CLOCK_MARKS):
        return text.str.strptime(pl.Datetime("us"), pattern, strict=False)
    return text.str.strptime(pl.Date, pattern, strict=False).cast(pl.Datetime("us"))


def _parse_iso(frame: pl.DataFrame, *, zone: str) -> pl.Series:
    """A pattern that does not fit costs several times one that does: each is tried only on what is still unread."""
    spaced = (
        pl.col("text")
        .str.replace(r"^(\d{4}-\d{2}-\d{2})[ Tt]", "${1}T")
        .str.replace(r"[Zz]$| ?UTC$", "+00:00")
    )
    offset = pl.col("text").str.replace(r"(:\d{2}(?:\.\d+)?)\s?([+-]\d{2}):?(\d{2})?$", "${1}${2}:${3}")
    whole = offset.str.replace(r"([+-]\d{2}:)$", "${1}00")
    aware = whole.str.strptime(pl.Datetime("us", "UTC"), "%Y-%m-%dT%H:%M:%S%.f%:z", strict=False)
    read = frame.select(spaced).with_columns(aware=aware, naive=pl.lit(None, dtype=pl.Datetime("us")))
    for pattern in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d"):
        unread = pl.col("aware").is_null() & pl.col("naive").is_null()
        read = read.with_columns(left=pl.when(unread).then("text"))
        if read["left"].null_count() == read.height:
            break
        read = read.with_columns(naive=pl.coalesce("naive", _naive(pl.col("left"), pattern=pattern)))
    local = _localised(pl.col("naive"), zone=zone)
    return read.select(pl.coalesce(_bounded(pl.col("aware")), local)).to_series()


def _localised(naive: pl.Expr, *, zone: str) -> pl.Expr:
    """A clock hour that summer time repeats is read as its first pass, one that it skips as an hour later."""
    local = _bounded(naive).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    later = (
        _bounded(naive)
        .dt.offset_by("1h")
        .dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    )
    return pl.coalesce(local, later).dt.convert_time_zone("UTC")


def _bounded(when: pl.Expr) -> pl.Expr:
    return pl.when(when.dt.epoch("us").is_between(_FIRST, _LAST)).then(when)
