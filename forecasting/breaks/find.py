"""Signals and data quality to breaks, each day judged by what lay before it.

A break is declared in one place on its own evidence, or in every place that goes along when most places of a
level move as one. Not for what a mood alert or a forecast makes of it: `downstream.py`.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecasting.breaks.common import Common, agreement, common_shift
from forecasting.breaks.shifts import (
    BASE,
    RECENT,
    Floats,
    deviations,
    level_shifts,
    median,
    onset_back,
    shift_errors,
)

PLACE = ["population", "geo_type", "geo_value"]
VOLUME, PEOPLE, LENGTH = "post_volume", "people_volume", "text_length"
COVERAGE, MATCHED, SEVERAL, VERSION = "coverage", "matched_words", "several_signals", "scorer_version"
QUERY = "query"
EVERY = "all"
# The error of a median of many, in errors of a mean.
MEDIAN_SE = 1.2533


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When a series of its own has changed level: by how much on its scale, and by how many errors."""

    scale: str
    least: float
    errors: float = 4.0


RULES = {
    VOLUME: Rule(scale="log", least=math.log(1.5)),
    PEOPLE: Rule(scale="log", least=math.log(1.5)),
    LENGTH: Rule(scale="log", least=math.log(1.05)),
    COVERAGE: Rule(scale="logit", least=0.25),
    MATCHED: Rule(scale="logit", least=0.25),
}
METRICS = {"posts": VOLUME, "people": PEOPLE, "mean_tokens": LENGTH, "coverage": COVERAGE, "matched": MATCHED}


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """Of the common movement of signals: in one place alone, and of the median place where most move as one.

    `agree` and `agree_together` are the least movement, in errors, of each of the two meanings (the second
    also at least two errors of a median of so many places); `along` is that of a place that goes along.
    A level of places is judged from `places` places with `memory` days of past movements each; until it has
    as many, a place alone needs `alone_young`, because nobody knows yet how its signals usually move.
    """

    alone: float = 4.5
    alone_young: float = 5.0
    together: float = 2.5
    agree: float = 2.0
    agree_together: float = 1.0
    along: float = 0.5
    places: int = 3
    memory: int = 182


FOUND = pl.Schema(
    {
        "population": pl.String, "geo_type": pl.String, "geo_value": pl.String, "what": pl.String,
        "scorer": pl.String, "onset": pl.Date, "detected": pl.Date, "statistic": pl.Float64,
        "threshold": pl.Float64, "observed": pl.Float64, "expected": pl.Float64, "sample_size": pl.Int64,
        "platform_wide": pl.Boolean, "evidence": pl.String,
    }
)  # fmt: skip


def find_breaks(
    cells: pl.DataFrame, *, quality: pl.DataFrame | None = None, thresholds: Thresholds | None = None
) -> pl.DataFrame:
    """Every break in daily cells (`usable_cells`) and `out.data_quality`, in the columns of `FOUND`, sorted.

    A place has no second break of a kind within 35 days of the first one's onset: until then its four
    weeks of comparison hold days from before it.
    """
    daily = cells.filter(pl.col("time_type").cast(pl.String) == "day")
    series = _own_series(daily, quality=quality)
    found = [
        _own_breaks(part) for _, part in series.group_by([*PLACE, "what", "scorer"], maintain_order=True)
    ]
    found += _common_breaks(daily, thresholds=thresholds or Thresholds())
    rows = [row for part in found for row in part]
    return pl.DataFrame(rows, schema=FOUND).sort([*PLACE, "onset", "what", "scorer"])


def version_breaks(scorers: pl.DataFrame) -> pl.DataFrame:
    """Known breaks: every version of a scorer but its first, from `core.scorers`, in the columns of `FOUND`."""
    first = pl.col("first_issue").min().over("scorer")
    later = scorers.filter(pl.col("first_issue") > first).sort("scorer", "first_issue")
    return later.select(
        population=pl.lit(EVERY), geo_type=pl.lit("all"), geo_value=pl.lit("all"), what=pl.lit(VERSION),
        scorer="scorer", onset="first_issue", detected="first_issue",
        statistic=pl.lit(None, dtype=pl.Float64), threshold=pl.lit(None, dtype=pl.Float64),
        observed=pl.lit(None, dtype=pl.Float64), expected=pl.lit(None, dtype=pl.Float64),
        sample_size=pl.lit(None, dtype=pl.Int64), platform_wide=pl.lit(True),
        evidence=pl.lit("scored with another version from this issue on"),
    ).cast(FOUND)  # fmt: skip


def query_breaks(queries: pl.DataFrame) -> pl.DataFrame:
    """Known breaks: every question put to a platform but its first, from `raw.queries`, in the columns of `FOUND`."""
    first = pl.col("issue").min().over("source")
    later = (
        queries.filter(pl.col("issue") > first).group_by("issue").agg(pl.col("source").sort().str.join(", "))
    )
    none = pl.lit(None, dtype=pl.Float64)
    return later.sort("issue").select(
        population=pl.lit(EVERY), geo_type=pl.lit("all"), geo_value=pl.lit("all"), what=pl.lit(QUERY),
        scorer=pl.lit(EVERY), onset="issue", detected="issue", statistic=none, threshold=none, observed=none,
        expected=none, sample_size=pl.lit(None, dtype=pl.Int64), platform_wide=pl.lit(True),
        evidence=pl.lit("other posts are asked for from this issue on: ") + pl.col("source"),
    ).cast(FOUND)  # fmt: skip


# ------------------------------------------------------------------------- series that speak for themselves


def _own_series(daily: pl.DataFrame, *, quality: pl.DataFrame | None) -> pl.DataFrame:
    """Long: place, what, scorer, time_value, value, people. Volume comes from the signals where no row of
    `quality` says it."""
    volume = daily.group_by([*PLACE, "time_value"]).agg(
        value=pl.coalesce("n_posts", "people").max().cast(pl.Float64),
        people=pl.col("people").max().cast(pl.Int64),
    )
    told = volume.with_columns(pl.col("geo_type").cast(pl.String), what=pl.lit(VOLUME), scorer=pl.lit(EVERY))
    columns = [*PLACE, "what", "scorer", "time_value", "value", "people"]
    if quality is None or quality.is_empty():
        return told.select(columns).sort(columns[:-2])
    named = quality.with_columns(
        pl.col("population", "geo_type", "metric").cast(pl.String), pl.col("value").cast(pl.Float64)
    )
    heads = named.filter(pl.col("metric") == "people").select(
        *PLACE, "time_value", people=pl.col("value").cast(pl.Int64)
    )
    own = (
        named.filter(pl.col("metric").is_in(list(METRICS)))
        .with_columns(what=pl.col("metric").replace_strict(METRICS, return_dtype=pl.String))
        .join(heads, on=[*PLACE, "time_value"], how="left")
        .select(columns)
    )
    rest = told.join(own.filter(pl.col("what") == VOLUME), on=PLACE, how="anti").select(columns)
    return pl.concat([own, rest]).sort(columns[:-2])


def _own_breaks(part: pl.DataFrame) -> list[dict[str, object]]:
    """The breaks of one series; `part` holds one place, what and scorer."""
    rule = RULES[part["what"][0]]
    days, values = _gapless(part, value="value", by=None)
    scaled = np.log1p(values) if rule.scale == "log" else _logit(values)
    far, usual = deviations(scaled)
    shifts = level_shifts(far)
    z = (shifts / shift_errors(scaled, shifts=shifts))[:, 0]
    shift = shifts[:, 0]
    size = np.nan_to_num(np.abs(shift))
    flagged = (size >= rule.least) & (np.nan_to_num(np.abs(z)) >= rule.errors)
    back = onset_back(far[:, 0], sign=np.where(shift < 0, -1.0, 1.0))
    people = dict(part.select("time_value", "people").iter_rows())
    first = part.row(0, named=True)
    out: list[dict[str, object]] = []
    for day in _declared(flagged, back=back):
        before = usual[day, 0]
        after = before + float(np.nanmean(far[day, 0, RECENT - 1 - back[day] :]))
        bound = usual[day, 0] + math.copysign(rule.least, shift[day])
        observed, expected, threshold = (_plain(level, scale=rule.scale) for level in (after, before, bound))
        out.append({
            **{name: first[name] for name in (*PLACE, "what", "scorer")},
            "onset": days[day - back[day]], "detected": days[day], "statistic": round(float(z[day]), 2),
            "threshold": threshold, "observed": observed, "expected": expected,
            "sample_size": people.get(days[day]), "platform_wide": False,
            "evidence": f"level {'up' if shift[day] > 0 else 'down'} by {abs(z[day]):.1f} errors",
        })  # fmt: skip
    return out


def _plain(level: float, *, scale: str) -> float:
    return math.expm1(level) if scale == "log" else 1.0 / (1.0 + math.exp(-level))


def _logit(values: Floats) -> Floats:
    clipped = np.clip(values, 1e-4, 1.0 - 1e-4)
    return np.asarray(np.log(clipped / (1.0 - clipped)))


def _declared(flagged: NDArray[np.bool_], *, back: NDArray[np.int64]) -> list[int]:
    """Flagged days that open a break: none within 35 days of the last one's onset."""
    opened: list[int] = []
    free = -1
    for day in np.flatnonzero(flagged).tolist():
        if day >= free:
            opened.append(day)
            free = day - int(back[day]) + RECENT + BASE
    return opened


def _gapless(part: pl.DataFrame, *, value: str, by: str | None) -> tuple[list[dt.date], Floats]:
    """All days from first to last and a (days, series) matrix, NaN where nothing is known; series by name."""
    first, last = part["time_value"].min(), part["time_value"].max()
    if not isinstance(first, dt.date) or not isinstance(last, dt.date):
        return [], np.empty((0, 0))
    days = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    column = part[by].rank("dense").to_numpy().astype(np.int64) - 1 if by else np.zeros(part.height, np.int64)
    row = (part["time_value"] - first).dt.total_days().to_numpy()
    matrix = np.full((len(days), int(column.max()) + 1), np.nan)
    matrix[row, column] = part[value].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return days, matrix


# --------------------------------------------------------------------------------- signals moving as one


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """One place and scorer: its key, days, common movement and people by day."""

    key: dict[str, object]
    days: list[dt.date]
    common: Common
    people: dict[dt.date, int]

    def at(self, day: dt.date) -> int | None:
        place = (day - self.days[0]).days
        return place if 0 <= place < len(self.days) else None


def _common_breaks(daily: pl.DataFrame, *, thresholds: Thresholds) -> list[list[dict[str, object]]]:
    graded = daily.filter(pl.col("statistic").cast(pl.String) != "count", pl.col("value").is_not_null())
    typed = graded.with_columns(pl.col("geo_type", "direction").cast(pl.String)).sort(
        *PLACE, "scorer", "signal", "time_value"
    )
    out = []
    for _, level in typed.group_by(["population", "geo_type", "scorer"], maintain_order=True):
        places = [_judge(part) for _, part in level.group_by("geo_value", maintain_order=True)]
        first = min(place.days[0] for place in places)
        span = (max(place.days[-1] for place in places) - first).days + 1
        wide = _platform(places, first=first, span=span, thresholds=thresholds)
        out += [_place_breaks(place, wide=wide, first=first, thresholds=thresholds) for place in places]
    return out


def _judge(part: pl.DataFrame) -> _Judged:
    days, values = _gapless(part, value="value", by="signal")
    signs = {"higher_is_worse": 1, "higher_is_better": -1}
    directions = part.unique("signal", keep="first").sort("signal")["direction"]
    meaning = np.array([signs.get(str(direction), 0) for direction in directions], dtype=np.int64)
    first = part.row(0, named=True)
    people = part.group_by("time_value").agg(pl.col("people").max())
    return _Judged(
        key={name: first[name] for name in (*PLACE, "scorer")},
        days=days,
        common=common_shift(_logit(values), meaning=meaning),
        people=dict(people.select("time_value", "people").iter_rows()),
    )


@dataclass(frozen=True, kw_only=True)
class _Platform:
    """Per day: the median place's score where the level moved as one, else 0; how many places were judged."""

    score: Floats
    places: NDArray[np.int64]


def _platform(places: list[_Judged], *, first: dt.date, span: int, thresholds: Thresholds) -> _Platform:
    """Whether most places of a level moved as one. Only places with enough memory have a voice."""
    voices = np.full((3, span, len(places)), np.nan)
    for number, place in enumerate(places):
        start = (place.days[0] - first).days
        rows = slice(start, start + len(place.days))
        heard = place.common.memory >= thresholds.memory
        for layer, values in enumerate((place.common.score, place.common.worse, place.common.better)):
            voices[layer, rows, number] = np.where(heard, values, np.nan)
    score, worse, better = (median(voices[layer]) for layer in range(3))
    judged = np.isfinite(voices[0]).sum(axis=1)
    agreed = agreement(worse, better, sign=np.where(score < 0, -1.0, 1.0))
    both = np.isfinite(voices[1] + voices[2]).sum(axis=1)
    chance = 2.0 * MEDIAN_SE / np.sqrt(np.maximum(both, 1))
    moved = (
        (judged >= thresholds.places)
        & (np.nan_to_num(np.abs(score)) >= thresholds.together)
        & (np.nan_to_num(agreed) >= np.maximum(chance, thresholds.agree_together))
    )
    return _Platform(score=np.where(moved, score, 0.0), places=judged)


def _place_breaks(
    place: _Judged, *, wide: _Platform, first: dt.date, thresholds: Thresholds
) -> list[dict[str, object]]:
    common, start = place.common, (place.days[0] - first).days
    score = np.nan_to_num(common.score)
    sign = np.where(score < 0, -1.0, 1.0)
    agreed = np.nan_to_num(agreement(common.worse, common.better, sign=sign))
    needed = np.where(common.memory < thresholds.memory, thresholds.alone_young, thresholds.alone)
    alone = (np.abs(score) >= needed) & (agreed >= thresholds.agree)
    level = wide.score[start : start + len(place.days)]
    along = (level != 0.0) & (score * np.sign(level) >= thresholds.along)
    out = []
    for day in _declared(alone | along, back=common.back):
        up = "up" if score[day] > 0 else "down"
        moved, signals = int(common.moved[day]), int(common.signals[day])
        told = f"{moved} of {signals} signals {up}, common shift {abs(score[day]):.1f} errors"
        if along[day]:
            told += f"; the median of {wide.places[start + day]} places {abs(level[day]):.1f}"
        statistic, threshold = (level, thresholds.together) if along[day] else (score, float(needed[day]))
        out.append({
            **place.key, "what": SEVERAL, "onset": place.days[day - common.back[day]],
            "detected": place.days[day], "statistic": round(float(statistic[day]), 2),
            "threshold": threshold,
            "observed": moved / signals, "expected": 0.0,
            "sample_size": place.people.get(place.days[day]), "platform_wide": bool(along[day]),
            "evidence": told,
        })  # fmt: skip
    return out
