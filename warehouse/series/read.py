"""The files of a series to numbers, each row either usable or refused for a reason that is counted.

Nothing is repaired: a value out of range, an unknown place, two rows that contradict each other are all refused. Not
for what may be shown of a row, nor when.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from warehouse.config import SeriesConfig
from warehouse.errors import InputError
from warehouse.places import place_of
from warehouse.series.files import read_file, series_files

# `time_value` is the last day of the period, `since` its first; `said` the day of publication that the row names or is
# given, `known` the first one on which it may be used.
ROWS = pl.Schema(
    {
        "geo_type": pl.String,
        "geo_value": pl.String,
        "time_value": pl.Date,
        "day": pl.Date,
        "said": pl.Date,
        "known": pl.Date,
        "value": pl.Float64,
        "se": pl.Float64,
        "n": pl.Int64,
    }
)
_PLACE = ["geo_type", "geo_value"]
_VERSION = [*_PLACE, "time_value", "said"]
_BLANK = ["", "na", "n/a", "nan", "null", "none", "."]
_DAY = r"^\d{4}-\d{2}-\d{2}(?:[T ].*)?$"
_EARLIEST_YEAR = 1900
# More people than there are.
_MOST_PEOPLE = 10_000_000_000


@dataclass(frozen=True, kw_only=True)
class SeriesRows:
    """What the files of a series hold: usable rows by `ROWS`, those refused by reason, files that could not be used.

    `files` counts those that were read.
    """

    rows: pl.DataFrame
    refused: Counter[str] = field(default_factory=Counter)
    problems: tuple[str, ...] = ()
    files: int = 0

    @property
    def received(self) -> int:
        return self.rows.height + sum(self.refused.values())


def read_series(series: SeriesConfig) -> SeriesRows:
    """Every row of every file of a series; a file that cannot be used is a problem and loses nothing else."""
    frames, problems = [_texts(series)], []
    refused: Counter[str] = Counter()
    try:
        paths = series_files(series)
    except InputError as error:
        return SeriesRows(rows=pl.DataFrame(schema=ROWS), problems=(error.message,))
    for path in paths:
        try:
            file = read_file(path, series=series)
        except InputError as error:
            problems.append(error.message)
            continue
        frames.append(file.frame)
        refused += file.refused
    judged = _judged(pl.concat(frames), series=series)
    bad = judged.filter(pl.col("reason").is_not_null())
    refused += Counter(dict(bad.group_by("reason").len().iter_rows()))
    rows = judged.filter(pl.col("reason").is_null()).select(ROWS.names())
    return SeriesRows(
        rows=rows.sort(_VERSION), refused=refused, problems=tuple(problems), files=len(frames) - 1
    )


def _texts(series: SeriesConfig) -> pl.DataFrame:
    return pl.DataFrame(schema=dict.fromkeys(series.columns.given, pl.String))


def _judged(texts: pl.DataFrame, *, series: SeriesConfig) -> pl.DataFrame:
    """The rows in the columns of `ROWS`, with `reason`: the first thing that is wrong with each, or null."""
    parsed = _placed(_parsed(texts), series=series)
    dated = _dated(parsed, series=series)
    scaled = dated.with_columns(pl.col("value", "se") / series.scale, n=pl.col("n").floor())
    first = scaled.with_columns(reason=_first_reason())
    counted = first.with_columns(
        n=pl.when(pl.col("reason").is_null()).then("n").cast(pl.Int64, strict=False)
    ).select(*ROWS.names(), "reason")
    return _without_contradictions(counted)


# ------------------------------------------------------------------------------------- text to numbers


def _parsed(texts: pl.DataFrame) -> pl.DataFrame:
    """Numbers and days from text; `bad_<name>` where there is a text that is none."""
    every = ("time_value", "value", "se", "n", "place", "published")
    absent = [pl.lit(None, dtype=pl.String).alias(name) for name in every if name not in texts.columns]
    clean = texts.with_columns(absent).with_columns(_text(name).alias(name) for name in every)
    numbers = [_number(name).alias(f"{name}_read") for name in ("value", "se", "n")]
    days = [_day(name).alias(f"{name}_read") for name in ("time_value", "published")]
    read = clean.with_columns(*numbers, *days)
    names = ("value", "se", "n", "time_value", "published")
    bad = [
        (pl.col(name).is_not_null() & pl.col(f"{name}_read").is_null()).alias(f"bad_{name}") for name in names
    ]
    return read.with_columns(bad).select(
        "place",
        *[pl.col(f"{name}_read").alias(name) for name in names],
        *[f"bad_{name}" for name in names],
    )


def _text(name: str) -> pl.Expr:
    """The stripped text; null where it says that there is nothing."""
    stripped = pl.col(name).str.strip_chars()
    return pl.when(~stripped.str.to_lowercase().is_in(_BLANK)).then(stripped)


def _number(name: str) -> pl.Expr:
    number = pl.col(name).cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _day(name: str) -> pl.Expr:
    text = pl.when(pl.col(name).str.contains(_DAY)).then(pl.col(name).str.head(10))
    day = text.str.to_date("%Y-%m-%d", strict=False)
    return pl.when(day.dt.year() >= _EARLIEST_YEAR).then(day)


# ------------------------------------------------------------------------------------- places and days


def _placed(rows: pl.DataFrame, *, series: SeriesConfig) -> pl.DataFrame:
    """Add `geo_type` and `geo_value`: of the column of codes, each looked up once, or the configured place."""
    if series.columns.place is None:
        fixed = {"geo_type": series.geo_type, "geo_value": series.geo_value or "all"}
        return rows.with_columns(pl.lit(value).alias(name) for name, value in fixed.items())
    codes = rows["place"].drop_nulls().unique().sort()
    found = [(code, *(place_of(code) or (None, None))) for code in codes]
    schema = dict.fromkeys(("place", *_PLACE), pl.String)
    table = pl.DataFrame(found, schema=schema, orient="row")
    return rows.join(table, on="place", how="left", maintain_order="left")


def _dated(rows: pl.DataFrame, *, series: SeriesConfig) -> pl.DataFrame:
    """Add `day` (as written), the period's last day as `time_value`, its first as `since`, and `said` and `known`."""
    day = pl.col("time_value")
    monday = day.dt.truncate("1w")
    week = series.time_type == "week"
    end = monday + pl.duration(days=6) if week else day
    spanned = rows.with_columns(day=day, since=monday if week else day, time_value=end)
    said = pl.coalesce("published", pl.col("time_value") + pl.duration(days=series.lag_days))
    # What is said of a period before it is over is used once it is.
    return spanned.with_columns(said=said).with_columns(known=pl.max_horizontal("said", "time_value"))


# --------------------------------------------------------------------------------------- what is refused


def _first_reason() -> pl.Expr:
    """Rules in order; each is a name and what is wrong."""
    value, se, n = pl.col("value"), pl.col("se"), pl.col("n")
    rules = {
        "bad_date": pl.col("bad_time_value") | pl.col("day").is_null(),
        "unknown_place": pl.col("geo_type").is_null(),
        "bad_value": pl.col("bad_value"),
        "missing_value": value.is_null(),
        "value_out_of_range": (value < 0.0) | (value > 1.0),
        "bad_se": pl.col("bad_se") | (se < 0.0) | (se > 1.0),
        "bad_n": pl.col("bad_n") | (n < 0.0) | (n > _MOST_PEOPLE),
        "bad_published": pl.col("bad_published"),
        "published_too_early": pl.col("said") < pl.col("since"),
    }
    return pl.coalesce(
        *[pl.when(rule.fill_null(False)).then(pl.lit(reason)) for reason, rule in rules.items()],
        pl.lit(None, dtype=pl.String),
    )


def _without_contradictions(rows: pl.DataFrame) -> pl.DataFrame:
    """Of rows that say the same of one cell on one day the first is kept; where they differ none is."""
    usable = pl.col("reason").is_null()
    good, bad = rows.filter(usable), rows.filter(~usable)
    numbers = pl.struct("value", "se", "n")
    marked = good.with_columns(
        differing=numbers.n_unique().over(_VERSION) > 1,
        again=pl.int_range(pl.len()).over(_VERSION) > 0,
    )
    reason = (
        pl.when("differing").then(pl.lit("contradiction")).when("again").then(pl.lit("duplicate_row"))
        .otherwise(pl.lit(None, dtype=pl.String))
    )  # fmt: skip
    return pl.concat([marked.with_columns(reason=reason).drop("differing", "again"), bad])
