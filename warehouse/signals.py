"""Post scores to signals: one person one vote, by place, population, day and ISO week. Appended only where
something changed.

The heavy part is one SQL statement per scorer, place level and population, so memory does not grow with the
archive. Not for hiding anything: `disclosure.py` does that.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from warehouse.config import Config
from warehouse.scoring import Scorer
from warehouse.scores import table_of, threshold_sql
from warehouse.store import Receipt, Store
from warehouse.tables import NOT_MISSING, TABLES
from warehouse.vintages import CELL, latest

SIGNALS = TABLES["core.signals"]
CATALOGUE = TABLES["out.signal_catalogue"]
# One side of the people floor an authorless cell is on: most of its posts name nobody.
_MOSTLY_AUTHORLESS = 0.5
_COMPARED = ["value", "se", "sample_size", "n_posts", "numerator", "people_unknown"]
_LABELS_ES = {
    "anxiety": "ansiedad", "depression": "depresión", "stress": "estrés", "loneliness": "soledad",
    "joy": "alegría", "affection": "afecto", "sadness": "tristeza", "fear": "miedo", "anger": "enojo",
    "positive": "palabras positivas", "negative": "palabras negativas", "disgust": "asco",
    "surprise": "sorpresa", "optimism": "optimismo",
}  # fmt: skip
_BETTER = {"joy", "affection", "positive", "optimism"}
_NEUTRAL = {"surprise"}


@dataclass(frozen=True, kw_only=True)
class SignalSpec:
    """What identifies a night's signals."""

    config: Config
    issue: dt.date
    assumed: bool = False

    @property
    def last_day(self) -> dt.date:
        """The newest day that is complete enough to describe on `issue`."""
        return self.issue - dt.timedelta(days=self.config.signals.reporting_lag_days)


def signal_name(scorer: str, measure: str, statistic: str) -> str:
    """The one place where a signal gets its name; nothing ever takes a name apart."""
    return f"{scorer}_{measure}_{statistic}"


def statistics_of(scorer: Scorer) -> tuple[str, ...]:
    """Lexicon measures are 0 or 1, so their mean is their share; probabilities have both."""
    return ("share",) if scorer.describe()["tier"] == "lexicon" else ("share", "mean")


def catalogue(scorers: list[Scorer]) -> pl.DataFrame:
    """`out.signal_catalogue` for these scorers."""
    rows = [
        _catalogue_row(scorer, measure=measure, statistic=statistic, smoothing=smoothing)
        for scorer in scorers
        for measure in scorer.measures
        for statistic in statistics_of(scorer)
        for smoothing in ("none", "7dav")
    ]
    return pl.DataFrame(rows)


def _catalogue_row(scorer: Scorer, *, measure: str, statistic: str, smoothing: str) -> dict[str, str]:
    smooth = smoothing == "7dav"
    spoken = measure.replace("_", " ")
    english = f"{spoken.capitalize()} ({'words' if scorer.name == 'lexicon' else 'model'}"
    spanish = f"{_LABELS_ES.get(measure, spoken).capitalize()} ({'palabras' if scorer.name == 'lexicon' else 'modelo'}"
    mean = statistic == "mean"
    direction = (
        "higher_is_better" if measure in _BETTER else "neutral" if measure in _NEUTRAL else "higher_is_worse"
    )
    return {
        "signal": signal_name(scorer.name, measure, statistic) + ("_7dav" if smooth else ""),
        "scorer": scorer.name,
        "measure": measure,
        "statistic": statistic,
        "smoothing": smoothing,
        "unit": "mean probability" if mean else "share of people",
        "label_en": english + (", mean" if mean else "") + ")" + (", 7-day average" if smooth else ""),
        "label_es": spanish + (", media" if mean else "") + ")" + (", media de 7 días" if smooth else ""),
        "direction": direction,
    }


def compute_signals(store: Store, *, scorers: list[Scorer], spec: SignalSpec, run_id: str) -> Receipt:
    """Bring `core.signals` up to `spec.issue`: only days with new posts or new scores are computed again."""
    previous = _previous_issue(store, spec=spec)
    parts = [_scorer_signals(store, scorer=scorer, spec=spec, previous=previous) for scorer in scorers]
    fresh = pl.concat(parts)
    assumed = spec.assumed or previous is None
    stamped = fresh.with_columns(
        issue=pl.lit(spec.issue), vintage=pl.lit("assumed" if assumed else "real"), value_unweighted="value",
        value_corrected=pl.lit(None, dtype=pl.Float64), corrected_se=pl.lit(None, dtype=pl.Float64),
    )  # fmt: skip
    checked = with_reliability(stamped, config=spec.config)
    with store.transaction():
        store.delete(SIGNALS, where="issue = ?", parameters=[spec.issue])
        changed = _changed(store, checked)
        store.append(SIGNALS, changed, run_id=run_id)
        store.put(CATALOGUE, catalogue(scorers), run_id=run_id)
    return Receipt("signals", rows_in=fresh.height, rows_out=changed.height)


def _previous_issue(store: Store, *, spec: SignalSpec) -> dt.date | None:
    found = store.query("SELECT max(issue) AS issue FROM core.signals WHERE issue < ?", [spec.issue])
    value: dt.date | None = found["issue"][0]
    return value


def _changed(store: Store, fresh: pl.DataFrame) -> pl.DataFrame:
    """The rows that differ from the newest issue of their cell, or have none."""
    cells = store.existing_keys(SIGNALS, fresh.select("time_value").unique())
    if cells.is_empty():
        return fresh
    days = cells["time_value"].unique().to_list()
    known = latest(store.read(SIGNALS, where="time_value IN (SELECT unnest(?))", parameters=[days]))
    before = known.select(
        *CELL, *[pl.col(name).alias(f"{name}_before") for name in _COMPARED], known=pl.lit(True)
    )
    joined = fresh.join(before, on=CELL, how="left", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in _COMPARED)
    return joined.filter(pl.col("known").is_null() | ~same).select(fresh.columns)


# -------------------------------------------------------------------------------------- estimation


def _scorer_signals(
    store: Store, *, scorer: Scorer, spec: SignalSpec, previous: dt.date | None
) -> pl.DataFrame:
    days = _touched_days(store, scorer=scorer, spec=spec, previous=previous)
    parts = [
        _cells(
            store,
            scorer=scorer,
            spec=spec,
            days=_period_days(days, time_type),
            by=(level, population, time_type),
        )
        for level in spec.config.signals.levels
        for population in ("all", *spec.config.signals.populations)
        for time_type in ("day", "week")
    ]
    wide = pl.concat([part for part in parts if part.height] or [_no_cells(scorer)])
    return _long(wide, scorer=scorer)


def _touched_days(store: Store, *, scorer: Scorer, spec: SignalSpec, previous: dt.date | None) -> pl.Series:
    """Days up to the last complete one that may have changed since the previous issue."""
    every = previous is None or _is_new(store, scorer=scorer, previous=previous)
    arrived = "true" if every else "(received_issue > ? OR time_value > ?)"
    lag = dt.timedelta(days=spec.config.signals.reporting_lag_days)
    parameters = [spec.last_day] if every or previous is None else [spec.last_day, previous, previous - lag]
    sql = f"SELECT DISTINCT time_value FROM raw.posts WHERE time_value <= ? AND {arrived} ORDER BY time_value"
    return store.query(sql, list(parameters))["time_value"].cast(pl.Date)


def _is_new(store: Store, *, scorer: Scorer, previous: dt.date) -> bool:
    sql = "SELECT first_issue FROM core.scorers WHERE scorer = ? AND version = ?"
    first = store.query(sql, [scorer.name, scorer.version])["first_issue"]
    return first.is_empty() or first[0] > previous


def _period_days(days: pl.Series, time_type: str) -> list[dt.date]:
    """The period ends that these days belong to: the days themselves, or their weeks' Sundays."""
    ends = period_end(pl.col("day"), time_type=time_type)
    return pl.DataFrame({"day": days}).select(ends)["day"].unique().sort().to_list()


def period_end(day: pl.Expr, *, time_type: str) -> pl.Expr:
    """The last day of the period a day belongs to; weeks are ISO weeks and end on Sunday."""
    return day if time_type == "day" else day + pl.duration(days=7 - day.dt.weekday().cast(pl.Int64))


_LEVELS = {
    "all": ("'all'", "true"),
    "nation": ("left(geo_value, 2)", "geo_type IN ('nation', 'region')"),
    "region": ("geo_value", "geo_type = 'region'"),
}
_POPULATIONS = {
    "all": ("'all'", "true"),
    "lang": ("'lang=' || p.lang", "p.lang IS NOT NULL"),
    "community": ("'community=' || community", "community IS NOT NULL"),
}
_PERIODS = {"day": "time_value", "week": "CAST(time_value + (7 - isodow(time_value))::INTEGER AS DATE)"}


def _cells(
    store: Store, *, scorer: Scorer, spec: SignalSpec, days: list[dt.date], by: tuple[str, str, str]
) -> pl.DataFrame:
    """One row per place, population and period, with mean, variance and head count of every measure."""
    level, _, time_type = by
    ends = [day for day in days if day <= spec.last_day]
    if not ends:
        return _no_cells(scorer)
    sql = _cell_sql(scorer, by=by, kinds=spec.config.signals.kinds)
    first = min(ends) - dt.timedelta(days=6)
    frame = store.query(sql, [first, max(ends), ends])
    named = frame.with_columns(geo_type=pl.lit(level), time_type=pl.lit(time_type))
    return named.select(_no_cells(scorer).columns).cast(_no_cells(scorer).schema)


def _cell_sql(scorer: Scorer, *, by: tuple[str, str, str], kinds: tuple[str, ...]) -> str:
    level, population, time_type = by
    place, in_level = _LEVELS[level]
    group, in_population = _POPULATIONS[population]
    person = ", ".join(
        f'avg("{m}") AS "{m}_mean", avg(CASE WHEN "{m}" >= {threshold_sql(scorer, measure=m, lang="lang")} THEN 1.0 ELSE 0.0 END) '
        f'AS "{m}_share"'
        for m in scorer.measures
    )
    cell = ", ".join(
        f'avg("{m}_{s}") AS "{m}_{s}", var_samp("{m}_{s}") AS "{m}_{s}_var", '
        f'count(*) FILTER ("{m}_{s}" > 0) AS "{m}_{s}_people"'
        for m in scorer.measures
        for s in statistics_of(scorer)
    )
    allowed = ", ".join(f"'{kind}'" for kind in kinds)
    return f"""
        WITH posts AS (
            SELECT post_id, author_key, p.lang, {place} AS geo_value, {group} AS population,
                   {_PERIODS[time_type]} AS period, s.* EXCLUDE (post_id)
            FROM raw.posts p JOIN {table_of(scorer).name} s USING (post_id)
            WHERE time_value BETWEEN ? AND ? AND s.missing = 0 AND p.kind IN ({allowed})
              AND {in_level} AND {in_population}
        ), wanted AS (
            SELECT *, avg((author_key IS NULL)::INTEGER) OVER (PARTITION BY geo_value, population, period)
                      > {_MOSTLY_AUTHORLESS} AS people_unknown
            FROM posts WHERE period IN (SELECT unnest(?))
        ), people AS (
            SELECT geo_value, population, period, people_unknown, coalesce(author_key, post_id) AS person,
                   count(*) AS posts, {person}
            FROM wanted WHERE people_unknown OR author_key IS NOT NULL
            GROUP BY ALL
        )
        SELECT geo_value, population, period AS time_value, people_unknown, count(*) AS people,
               sum(posts)::BIGINT AS n_posts, {cell}
        FROM people GROUP BY ALL ORDER BY ALL
    """


def _no_cells(scorer: Scorer) -> pl.DataFrame:
    schema: dict[str, type[pl.DataType]] = {
        "geo_type": pl.String, "geo_value": pl.String, "population": pl.String, "time_type": pl.String,
        "time_value": pl.Date, "people_unknown": pl.Boolean, "people": pl.Int64, "n_posts": pl.Int64,
    }  # fmt: skip
    for measure in scorer.measures:
        for statistic in statistics_of(scorer):
            column = f"{measure}_{statistic}"
            schema |= {column: pl.Float64, f"{column}_var": pl.Float64, f"{column}_people": pl.Int64}
    return pl.DataFrame(schema=schema)


def _long(wide: pl.DataFrame, *, scorer: Scorer) -> pl.DataFrame:
    parts = [
        _one_signal(wide, scorer=scorer, measure=measure, statistic=statistic)
        for measure in scorer.measures
        for statistic in statistics_of(scorer)
    ]
    return pl.concat(parts)


def _one_signal(wide: pl.DataFrame, *, scorer: Scorer, measure: str, statistic: str) -> pl.DataFrame:
    column = f"{measure}_{statistic}"
    n = pl.col("people")
    value = pl.col(column).clip(0.0, 1.0)
    share = statistic == "share"
    return wide.select(
        "population", "geo_type", "geo_value", "time_type", "time_value", "people_unknown", "n_posts",
        signal=pl.lit(signal_name(scorer.name, measure, statistic)),
        value=value,
        se=standard_error(variance=pl.col(f"{column}_var"), n=n),
        sample_size=pl.when(~pl.col("people_unknown")).then(n),
        numerator=pl.when(pl.lit(share)).then(pl.col(f"{column}_people")),
    )  # fmt: skip


def standard_error(*, variance: pl.Expr, n: pl.Expr) -> pl.Expr:
    """Of a mean over `n` people with the given sample variance.

    Near 0 and 1 the sample variance vanishes while doubt does not, so it is never taken to be less than the
    variance of a share of half a person in n + 1, as in Jeffreys' interval. One person alone: 0.25.
    """
    half = 0.5 / (n + 1.0)
    between = pl.max_horizontal(variance.fill_null(0.25), half * (1.0 - half))
    return (between / n).sqrt()


def with_reliability(signals: pl.DataFrame, *, config: Config) -> pl.DataFrame:
    """Add the reliability tier from the number of people, and the codes for absent numbers."""
    floor, high = config.disclosure.people_floor, config.disclosure.high_reliability
    n = pl.col("sample_size")
    tier = (
        pl.when(pl.col("people_unknown")).then(pl.lit("low"))
        .when(n >= high).then(pl.lit("high"))
        .when(n >= floor).then(pl.lit("moderate"))
        .otherwise(pl.lit("low"))
    )  # fmt: skip
    return signals.with_columns(
        reliability=tier,
        missing_value=_code(pl.col("value")),
        missing_se=_code(pl.col("se")),
        missing_sample_size=_code(n),
    )


def _code(column: pl.Expr) -> pl.Expr:
    return pl.when(column.is_null()).then(1).otherwise(NOT_MISSING).cast(pl.Int8)
