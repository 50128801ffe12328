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


def times(config: TimeConfig) -> dict[str, pl.Expr]:
    """`created` in UTC and `time_value`, the date in the source's own zone; null where unreadable."""
    created = _parse(pl.col("created_at").str.strip_chars(), config=config)
    return {"created": created, "time_value": created.dt.convert_time_zone(config.clock).dt.date()}


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
        readable = _probe(config).select(**times(config))["created"].null_count() == 0
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


def _parse(text: pl.Expr, *, config: TimeConfig) -> pl.Expr:
    if config.format in _EPOCH:
        micros = text.cast(pl.Float64, strict=False) * _EPOCH[config.format]
        sane = pl.when(micros.is_between(_FIRST, _LAST)).then(micros)
        return sane.cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    if config.format == "iso":
        return _parse_iso(text, zone=config.clock)
    if "%z" in config.format or "%:z" in config.format:
        return _bounded(text.str.strptime(pl.Datetime("us", "UTC"), config.format, strict=False))
    return _localised(_naive(text, pattern=config.format), zone=config.clock)


def _naive(text: pl.Expr, *, pattern: str) -> pl.Expr:
    if any(mark in pattern for mark in _CLOCK_MARKS):
        return text.str.strptime(pl.Datetime("us"), pattern, strict=False)
    return text.str.strptime(pl.Date, pattern, strict=False).cast(pl.Datetime("us"))


def _parse_iso(text: pl.Expr, *, zone: str) -> pl.Expr:
    spaced = text.str.replace(r"^(\d{4}-\d{2}-\d{2})[ Tt]", "${1}T").str.replace(r"[Zz]$| ?UTC$", "+00:00")
    offset = spaced.str.replace(r"(:\d{2}(?:\.\d+)?)\s?([+-]\d{2}):?(\d{2})?$", "${1}${2}:${3}")
    whole = offset.str.replace(r"([+-]\d{2}:)$", "${1}00")
    aware = whole.str.strptime(pl.Datetime("us", "UTC"), "%Y-%m-%dT%H:%M:%S%.f%:z", strict=False)
    naive = [
        _naive(spaced, pattern=pattern) for pattern in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
    ]
    return pl.coalesce(_bounded(aware), _localised(pl.coalesce(naive), zone=zone))


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
