"""Days that are known in advance, public holidays and announced events: what they have done to a series so far.

Their effects are taken out of the past before any model sees it and put back on the days to come, so that every model
knows them. Not for judging what an event did (`events/`), nor for what nobody knew beforehand.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecasting.events.calendar import concerns
from forecasting.matrix import Floats, Matrix
from warehouse.errors import ConfigError

SCHEMA = pl.Schema({"place": pl.String(), "name": pl.String(), "day": pl.Date(), "since": pl.Date()})
NOWHERE = ""
# Longer events change the level of a series, which the models follow by themselves; only their first day is marked.
LONGEST_EVENT = 14
# The days before and after a holiday differ too: people have left, or prepare.
AROUND = (0, -1, 1)
# How many same weekdays on either side say what a day would have been.
NEIGHBOURS = 3
NOISE_EVERY, NOISE_WINDOW = 28, 364
# Nearer days of one name are days of the same holiday.
APART_DAYS = 63
# An effect counts from two standard errors on, and is shrunk toward nothing (positive part of James & Stein 1961).
DOUBT = 4.0
_ALWAYS = dt.date(1900, 1, 1)
_NEXT = dt.timedelta(days=max(AROUND))
_LANGUAGE = "en_US"
Marks = dict[tuple[str, int], NDArray[np.int64]]


@dataclass(frozen=True)
class KnownDays:
    """`frame` in the columns of `SCHEMA`: a day of a place by name, and since when it was known that it would come.

    `places` says where each series is, `NOWHERE` for those without a place. `sha256` covers what the days come from,
    the same whatever span they were asked for; empty where there is none.
    """

    frame: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SCHEMA))
    places: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""


NO_DAYS = KnownDays()


def known_days(
    places: Mapping[str, str | None],
    *,
    first: dt.date,
    last: dt.date,
    events: pl.DataFrame | None = None,
    holidays: bool = True,
) -> KnownDays:
    """Holidays and `events` (in the columns of `events.calendar.SCHEMA`) of series by their places.

    A place is an ISO country (GB) or a part of one (US-CA); None: no holidays, and events of every place only. Events
    count as known from `announced` on, or else day by day while they last. The days next to the span are in it too.
    """
    where = {series: (place or NOWHERE).upper() for series, place in places.items()}
    first, last = first - _NEXT, last + _NEXT
    days = []
    for place in sorted(set(where.values())):
        free = _holidays(place, first=first, last=last) if holidays else []
        days += [(place, *found) for found in (*free, *_events(events, place=place))]
    frame = pl.DataFrame(days, schema=SCHEMA, orient="row").unique().sort(SCHEMA.names())
    named = sorted(set(where.values()) - {NOWHERE}) if holidays else []
    told = [version("holidays"), *named] if named else []
    told += [events.sort("event_id").write_csv()] if events is not None and not events.is_empty() else []
    return KnownDays(frame, where, hashlib.sha256("\n".join(told).encode()).hexdigest() if told else "")


def has_holidays(place: str) -> bool:
    """Whether the calendar of this country is known."""
    return place.partition("-")[0].upper() in _countries()


def check_country(place: str) -> None:
    """`ConfigError` for a place in no country with a calendar; an empty one is none."""
    if place and not has_holidays(place):
        raise ConfigError(
            f"forecast.country_of_all = '{place}' is no country with a calendar of holidays. Expected an ISO 3166 code "
            "like GB, a part of a country like US-CA, or nothing."
        )


@cache
def _countries() -> dict[str, list[str]]:
    import holidays

    return dict(holidays.list_supported_countries())


def _holidays(place: str, *, first: dt.date, last: dt.date) -> list[tuple[str, dt.date, dt.date]]:
    """Public holidays, and the days that are kept without being free where these are known.

    By one name in past and future: days of lunar calendars are estimated until they come, and named so.
    """
    if not has_holidays(place):
        return []
    import holidays

    country, _, part = place.upper().partition("-")
    every = holidays.country_holidays(country)
    language = _LANGUAGE if _LANGUAGE in every.supported_languages else None
    kept = [c for c in ("public", "unofficial") if c in every.supported_categories]
    found = holidays.country_holidays(
        country,
        subdiv=part if part in _countries()[country] else None,
        years=range(first.year, last.year + 1),
        categories=kept,
        language=language,
    )
    estimated = found.tr(getattr(found, "estimated_label", None) or "%s").removeprefix("%s")
    both = found.tr(getattr(found, "observed_estimated_label", None) or "%s").removeprefix("%s")
    observed = found.tr(getattr(found, "observed_label", None) or "%s").removeprefix("%s")
    return [
        (_same_name(name.strip(), estimated=estimated, both=both, observed=observed), day, _ALWAYS)
        for day, names in found.items()
        if first <= day <= last
        for name in names.split(";")
    ]


def _same_name(name: str, *, estimated: str, both: str, observed: str) -> str:
    """Without the label of an estimate; labels are what stands behind a name, empty where there is none."""
    if both and name.endswith(both):
        return name.removesuffix(both) + observed
    return name.removesuffix(estimated)


def _events(events: pl.DataFrame | None, *, place: str) -> list[tuple[str, dt.date, dt.date]]:
    if events is None or events.is_empty():
        return []
    ours = events.filter(concerns(geo_type="", place=place))
    found = []
    for row in ours.iter_rows(named=True):
        length = ((row["end"] or row["start"]) - row["start"]).days + 1
        for k in range(length if length <= LONGEST_EVENT else 1):
            day = row["start"] + dt.timedelta(days=k)
            found.append((row["name"], day, row["announced"] or day))
    return found


def day_effects(values: Floats, *, matrix: Matrix, horizon: int, known: KnownDays) -> Floats:
    """[series, periods + horizon] what known days add on the modelling scale, 0 on all others.

    `values` [series, periods] is what a model may see of `matrix`. An effect is the mean distance of a name's past days
    from the same weekdays around them (for weeks: the weeks around), shrunk by its error; a name without a past has
    none. Only what was known on the last column's day is used.
    """
    periods = values.shape[1]
    effects = np.zeros((len(values), periods + horizon))
    place_of = np.array([known.places.get(series, NOWHERE) for series in matrix.ids], dtype=object)
    told = known.frame.filter(pl.col("since") <= matrix.reference)
    for (place,), days in told.group_by("place", maintain_order=True):
        rows = np.flatnonzero(place_of == place)
        marks = _marks(days, matrix=matrix, horizon=horizon)
        if rows.size and marks:
            effects[rows] = _effects(values[rows], marks=marks, matrix=matrix, horizon=horizon)
    return effects


def past_effects(values: Floats, *, matrix: Matrix, known: KnownDays) -> Floats:
    """[series, periods] like `day_effects`, but each day's effect is learnt from earlier times of that name only, and
    none where nothing is known of ordinary days' noise. The days of one holiday teach nothing about each other.

    `values` are all of `matrix` on the modelling scale. For judging days of the past as they could have been judged.
    """
    effects = np.zeros(values.shape)
    place_of = np.array([known.places.get(series, NOWHERE) for series in matrix.ids], dtype=object)
    for (place,), days in known.frame.group_by("place", maintain_order=True):
        rows = np.flatnonzero(place_of == place)
        marks = _marks(days, matrix=matrix, horizon=0)
        if rows.size and marks:
            effects[rows] = _past_effects(
                values[rows], marks=marks, season=_season(matrix), apart=APART_DAYS // matrix.step
            )
    return effects


def _past_effects(values: Floats, *, marks: Marks, season: int, apart: int) -> Floats:
    effects = np.zeros(values.shape)
    ordinary = values.copy()
    ordinary[:, np.concatenate(list(marks.values()))] = np.nan
    # How far a day lies from the same weekdays before it: the later ones are not known on the day.
    ahead = np.abs(ordinary - _expected(ordinary, season=season, sides=(-1,)))
    noise: dict[int, Floats] = {}
    for columns in map(np.sort, marks.values()):
        for now in columns.tolist():
            past = columns[columns <= now - apart]
            if not len(past):
                continue
            then = np.stack([_around(ordinary[:, :now], column=int(c), season=season) for c in past], axis=1)
            # Noise changes slowly, so that it is looked at every few weeks only.
            until = now - now % NOISE_EVERY
            if until not in noise:
                noise[until] = _middle(ahead[:, max(0, until - NOISE_WINDOW) : until])
            found = _shrunk(values[:, past] - then, noise=noise[until])
            effects[:, now] = np.where(noise[until] > 0, found, 0.0)
    return effects


def _around(ordinary: Floats, *, column: int, season: int) -> Floats:
    """[series] what `_expected` says of one column."""
    away = season * np.arange(1, NEIGHBOURS + 1)
    near = np.concatenate([column - away, column + away])
    found = ordinary[:, near[(near >= 0) & (near < ordinary.shape[1])]]
    count = np.isfinite(found).sum(axis=1)
    total = np.nan_to_num(found).sum(axis=1)
    return np.divide(total, count, out=np.full(len(ordinary), np.nan), where=count >= 2)


def _season(matrix: Matrix) -> int:
    return 7 if matrix.frequency == "day" else 1


def _effects(values: Floats, *, marks: Marks, matrix: Matrix, horizon: int) -> Floats:
    """Of series of one place."""
    periods = values.shape[1]
    effects = np.zeros((len(values), periods + horizon))
    every = np.concatenate(list(marks.values()))
    ordinary = values.copy()
    ordinary[:, every[every < periods]] = np.nan
    expected = _expected(ordinary, season=_season(matrix))
    noise = _middle(np.abs(ordinary - expected))
    distance = values - expected
    for columns in marks.values():
        effects[:, columns] = _shrunk(distance[:, columns[columns < periods]], noise=noise)[:, None]
    return effects


def _shrunk(past: Floats, *, noise: Floats) -> Floats:
    """[series] mean of past distances [series, times], nearer to 0 the less it exceeds its error; 0 without a past."""
    seen = ~np.isnan(past)
    count = seen.sum(axis=1)
    mean = np.where(seen, past, 0.0).sum(axis=1) / np.maximum(count, 1)
    error = noise / np.maximum(count, 1)
    doubt = np.divide(DOUBT * error, mean**2, out=np.ones(len(past)), where=mean != 0.0)
    return np.asarray(mean * np.maximum(1.0 - doubt, 0.0))


def _marks(days: pl.DataFrame, *, matrix: Matrix, horizon: int) -> Marks:
    """(name, days away from it) → columns; a column belongs to one name only, holidays themselves first."""
    step, end = matrix.step, matrix.periods + horizon
    back = days.select((pl.lit(matrix.reference) - pl.col("day")).dt.total_days()).to_series()
    taken: set[int] = set()
    found: dict[tuple[str, int], list[int]] = {}
    for away in AROUND if matrix.frequency == "day" else (0,):
        for name, ago in sorted(zip(days["name"], back, strict=True)):
            column = matrix.periods - 1 - ago // step + away
            if 0 <= column < end and column not in taken:
                taken.add(column)
                found.setdefault((name, away), []).append(column)
    return {key: np.array(columns, dtype=np.int64) for key, columns in found.items()}


def _expected(ordinary: Floats, *, season: int, sides: tuple[int, ...] = (-1, 1)) -> Floats:
    """[series, periods] mean of the ordinary same weekdays on the `sides` (-1 before, 1 after) of each period; NaN
    where fewer than two are known."""
    periods = ordinary.shape[1]
    total, count = np.zeros(ordinary.shape), np.zeros(ordinary.shape)
    for k in range(1, NEIGHBOURS + 1):
        away = k * season
        if away >= periods:
            break
        later, earlier = slice(away, None), slice(None, -away)
        for to, of in [(later, earlier) if side < 0 else (earlier, later) for side in sides]:
            part = ordinary[:, of]
            total[:, to] += np.nan_to_num(part)
            count[:, to] += ~np.isnan(part)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count >= 2)


def _middle(distances: Floats) -> Floats:
    """[series] variance of ordinary days from their absolute distances from what is expected, by the middle one; 0
    where unknown."""
    rows = [row[~np.isnan(row)] for row in distances]
    middle = np.array([np.median(row) if row.size else 0.0 for row in rows])
    return np.asarray((1.4826 * middle) ** 2)
