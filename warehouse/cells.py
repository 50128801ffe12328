"""Scored posts to estimates: people's means per place, population and period, with error and head count.

One SQL statement per place level, population and period type, over the posts of a few weeks. Sums run over
whole billionths: threads may add them in any order and no digit changes. Posts without an author count as a
person each in a cell where most posts have none (`people_unknown`), and are left out of other cells.
Amplified posts (`[signals] exclude`) are a population of their own and in no other.
Not for deciding what to compute, nor for what is kept: `signals.py` does both.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from warehouse.amplification import amplified_sql
from warehouse.config import SignalsConfig, WeightsConfig
from warehouse.scores import table_of, threshold_sql
from warehouse.scoring import Scorer
from warehouse.store import Store
from warehouse.weights import Margins, weighted

# What a place is called at each level, and which posts `p` are in one.
LEVELS = {
    "all": ("'all'", "true"),
    "nation": ("left(p.geo_value, 2)", "p.geo_type IN ('nation', 'region')"),
    "region": ("p.geo_value", "p.geo_type = 'region'"),
}
AMPLIFIED = "amplified"
_POPULATIONS = {"all": ("'all'", "NOT amplified"), AMPLIFIED: (f"'{AMPLIFIED}'", "amplified")} | {
    name: (f"'{name}=' || {name}", f"{name} IS NOT NULL AND NOT amplified")
    for name in ("lang", "community", "age_band", "sex")
}
_CELL = ["geo_value", "population", "time_value", "people_unknown"]
# A cell has a main language where at least this share of its posts is in one.
_MAIN_LANG = 0.95
PERIODS = {"day": "time_value", "week": "CAST(time_value + (7 - isodow(time_value))::INTEGER AS DATE)"}


@dataclass(frozen=True, kw_only=True)
class CellSpec:
    """Which posts and periods to describe: `periods` has `time_type` and `time_value`, the period's last day."""

    signals: SignalsConfig
    periods: pl.DataFrame
    received_by: dt.date
    weights: WeightsConfig
    margins: Margins | None = None

    def ends(self, time_type: str) -> list[dt.date]:
        """The last days of the periods of one type."""
        return self.periods.filter(pl.col("time_type") == time_type)["time_value"].to_list()


def signal_name(scorer: str, measure: str, statistic: str) -> str:
    """The one place where a signal gets its name; nothing ever takes a name apart."""
    return f"{scorer}_{measure}_{statistic}"


def statistics_of(scorer: Scorer) -> tuple[str, ...]:
    """What a scorer's numbers are summed up as: 0 or 1 as a share, graded ones as a mean, probabilities as both."""
    return tuple(scorer.describe()["statistics"])


def columns_of(scorer: Scorer) -> list[tuple[str, str]]:
    """(measure, statistic) of every unsmoothed signal of a scorer."""
    graded = scorer.describe().get("means_only", [])
    return [
        (measure, statistic)
        for measure in scorer.measures
        for statistic in statistics_of(scorer)
        if statistic == "mean" or measure not in graded
    ]


def partial_measures(scorer: Scorer) -> set[str]:
    """Measures that not every language of the scorer has: their people are those who were scored on them."""
    taught = scorer.describe().get("measures_by_language", {})
    return {name for name in scorer.measures if any(name not in known for known in taught.values())}


def period_end(day: pl.Expr, *, time_type: str) -> pl.Expr:
    """The last day of the period a day belongs to; weeks are ISO weeks and end on Sunday."""
    return day if time_type == "day" else day + pl.duration(days=7 - day.dt.weekday().cast(pl.Int64))


def estimates(store: Store, *, scorer: Scorer, spec: CellSpec) -> pl.DataFrame:
    """One row per signal and cell: the cell's columns, value (weighted where there are margins for its place),
    value_unweighted, se, sample_size, n_posts, numerator, design_effect, main_lang and people_unknown.

    `numerator` is the number of people with at least one hit, null for means.
    """
    _collect_votes(store, scorer=scorer, spec=spec)
    amplified = (AMPLIFIED,) if spec.signals.exclude else ()
    wide = pl.concat(
        _cells(store, scorer=scorer, spec=spec, by=(level, population, time_type))
        for level in spec.signals.levels
        for population in ("all", *amplified, *spec.signals.populations)
        for time_type in PERIODS
    )
    return pl.concat(
        _one_signal(wide, scorer=scorer, measure=measure, statistic=statistic)
        for measure, statistic in columns_of(scorer)
    )


def _collect_votes(store: Store, *, scorer: Scorer, spec: CellSpec) -> None:
    """Fill the temporary table `votes`: the scored posts of the periods, each measure as hit or as billionths."""
    votes = ", ".join(_vote_sql(scorer, measure=m, statistic=s) for m, s in columns_of(scorer))
    store.connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE votes AS
        SELECT p.author_key IS NULL AS anonymous, coalesce(p.author_key, post_id) AS person,
               time_value, geo_type, geo_value, p.lang, community, age_band, sex,
               if(geo_type = 'region', geo_value, NULL) AS region, ({amplified_sql(spec.signals.exclude)}) AS amplified,
               {votes}
        FROM raw.posts p JOIN {table_of(scorer).name} s USING (post_id)
        LEFT JOIN core.people k ON k.author_key = p.author_key
        WHERE s.missing = 0 AND (amplified OR p.kind IN (SELECT unnest(?))) AND p.received_issue <= ?
          AND (time_value IN (SELECT unnest(?)) OR {PERIODS["week"]} IN (SELECT unnest(?)))
        """,
        [list(spec.signals.kinds), spec.received_by, spec.ends("day"), spec.ends("week")],
    )


def _vote_sql(scorer: Scorer, *, measure: str, statistic: str) -> str:
    if statistic == "share":
        return (
            f's."{measure}" >= {threshold_sql(scorer, measure=measure, lang="p.lang")} AS "{measure}_share"'
        )
    return f'round(s."{measure}"::DOUBLE * 1e9)::INTEGER AS "{measure}_mean"'


def _cells(store: Store, *, scorer: Scorer, spec: CellSpec, by: tuple[str, str, str]) -> pl.DataFrame:
    level, _, time_type = by
    partial = partial_measures(scorer)
    columns = [
        _Column(f"{measure}_{statistic}", statistic, partial=measure in partial)
        for measure, statistic in columns_of(scorer)
    ]
    least = _least_posts(spec, time_type=time_type)
    frame = store.query(_cell_sql(columns, by=by, least_posts=least), [spec.ends(time_type)])
    languages = store.query(_language_sql(by), [spec.ends(time_type)])
    place = {"geo_type": pl.lit(level), "time_type": pl.lit(time_type)}
    named = frame.join(languages, on=_CELL[:3], how="left", maintain_order="left").with_columns(**place)
    if spec.margins is None:
        return named.with_columns(design_effect=pl.lit(1.0))
    cut = _cell_sql(columns, by=by, least_posts=least, strata=spec.margins.variables)
    strata = store.query(cut, [spec.ends(time_type)])
    made = weighted(
        strata.with_columns(**place), margins=spec.margins, config=spec.weights,
        cell=[*_CELL, "geo_type"], columns=[column.name for column in columns],
    )  # fmt: skip
    joined = named.join(made, on=[*_CELL, "geo_type"], how="left", maintain_order="left")
    return joined.with_columns(pl.col("design_effect").fill_null(1.0))


def _least_posts(spec: CellSpec, *, time_type: str) -> int:
    return spec.signals.minimum_posts_day if time_type == "day" else spec.signals.minimum_posts_week


def _language_sql(by: tuple[str, str, str]) -> str:
    """The language of nearly all posts of a cell; no row where they are mixed."""
    level, population, time_type = by
    place, in_level = LEVELS[level]
    group, in_population = _POPULATIONS[population]
    return f"""
        WITH spoken AS (
            SELECT {place} AS place, {group} AS population, {PERIODS[time_type]} AS period, lang, count(*) AS n
            FROM votes p WHERE {in_level} AND {in_population} AND {PERIODS[time_type]} IN (SELECT unnest(?))
            GROUP BY ALL
        )
        SELECT place AS geo_value, population, period AS time_value, lang AS main_lang FROM spoken
        QUALIFY n >= {_MAIN_LANG} * sum(n) OVER (PARTITION BY place, population, period) ORDER BY ALL
    """


@dataclass(frozen=True)
class _Column:
    """One signal's way from posts to a cell. Where `partial`, only posts that have the measure count.

    A person's own mean in billionths; its sums over a half of a cell; mean and sample variance over people.
    """

    name: str
    statistic: str
    partial: bool

    def person(self) -> str:
        posts = f'nullif(count("{self.name}"), 0)' if self.partial else "count(*)"
        total = f'1e9 * count(*) FILTER ("{self.name}")'
        if self.statistic == "mean":
            total = f'sum("{self.name}")::DOUBLE'
        own = f'round({total} / {posts})::BIGINT AS "{self.name}"'
        return f'{own}, count("{self.name}") AS "{self.name}_posts"' if self.partial else own

    def half(self) -> str:
        sums = 'sum("{0}") AS "{0}", sum("{0}" * "{0}") AS "{0}_squares", count(*) FILTER ("{0}" > 0) AS "{0}_people"'
        counts = ', count("{0}") AS "{0}_n", sum("{0}_posts") AS "{0}_posts"' if self.partial else ""
        return (sums + counts).format(self.name)

    def cell(self) -> str:
        n = f'nullif(sum("{self.name}_n"), 0)' if self.partial else "sum(people)"
        mean = f'sum("{self.name}")::DOUBLE / 1e9 / {n}'
        own = ', sum("{0}_n")::BIGINT AS "{0}_n", sum("{0}_posts")::BIGINT AS "{0}_posts"'
        counts = own.format(self.name) if self.partial else ""
        return (
            f'{mean} AS "{self.name}", sum("{self.name}_people")::BIGINT AS "{self.name}_people", '
            f'(sum("{self.name}_squares")::DOUBLE / 1e18 - {n} * ({mean}) ** 2) / nullif({n} - 1, 0) '
            f'AS "{self.name}_var"{counts}'
        )


def _cell_sql(
    columns: list[_Column], *, by: tuple[str, str, str], least_posts: int, strata: Sequence[str] = ()
) -> str:
    """Posts to people, people to the two halves of a cell (with and without an author), halves to cells; each of them
    cut by the person's `strata`, where given."""
    level, population, time_type = by
    place, in_level = LEVELS[level]
    group, in_population = _POPULATIONS[population]
    # The least, not any: a person may post from two regions of a nation, and threads would choose in turns.
    of_person = "".join(f", min({name}) AS {name}" for name in strata)
    kept = "".join(f", {name}" for name in strata)
    return f"""
        WITH people AS (
            SELECT {place} AS place, {group} AS population, {PERIODS[time_type]} AS period, anonymous, person,
                   count(*) AS posts{of_person}, {", ".join(column.person() for column in columns)}
            FROM votes p WHERE {in_level} AND {in_population} AND {PERIODS[time_type]} IN (SELECT unnest(?))
            GROUP BY place, population, period, anonymous, person HAVING count(*) >= {least_posts}
        ), halves AS (
            SELECT place, population, period, anonymous{kept}, count(*) AS people, sum(posts) AS posts,
                   {", ".join(column.half() for column in columns)}
            FROM people GROUP BY ALL
        ), sided AS (
            SELECT *, sum(if(anonymous, posts, -posts)) OVER (PARTITION BY place, population, period) > 0
                   AS people_unknown
            FROM halves
        )
        SELECT place AS geo_value, population, period AS time_value, people_unknown{kept},
               sum(people)::BIGINT AS n, sum(posts)::BIGINT AS n_posts,
               {", ".join(column.cell() for column in columns)}
        FROM sided WHERE people_unknown OR NOT anonymous GROUP BY ALL ORDER BY ALL
    """


def _one_signal(wide: pl.DataFrame, *, scorer: Scorer, measure: str, statistic: str) -> pl.DataFrame:
    column = f"{measure}_{statistic}"
    partial = f"{column}_n" in wide.columns
    n, n_posts = (f"{column}_n", f"{column}_posts") if partial else ("n", "n_posts")
    plain, variance = pl.col(column), pl.col(f"{column}_var")
    if f"{column}_weighted" in wide.columns:
        plain = pl.coalesce(pl.col(f"{column}_weighted").fill_nan(None), column)
        variance = pl.coalesce(pl.col(f"{column}_weighted_var").fill_nan(None), variance)
    return wide.filter(pl.col(n) > 0).select(
        "population", "geo_type", "geo_value", "time_type", "time_value", "people_unknown",
        n_posts=pl.col(n_posts),
        signal=pl.lit(signal_name(scorer.name, measure, statistic)),
        value=plain.clip(0.0, 1.0),
        value_unweighted=pl.col(column).clip(0.0, 1.0),
        se=standard_error(variance=variance, n=pl.col(n)),
        sample_size=pl.when(~pl.col("people_unknown")).then(pl.col(n)),
        numerator=pl.when(pl.lit(statistic == "share")).then(pl.col(f"{column}_people")),
        design_effect="design_effect", main_lang="main_lang",
    )  # fmt: skip


def standard_error(*, variance: pl.Expr, n: pl.Expr) -> pl.Expr:
    """Of a mean over `n` people with the given sample variance.

    Near 0 and 1 the sample variance vanishes while doubt does not, so it is never taken to be less than the
    variance of a share of half a person in n + 1, as in Jeffreys' interval. One person alone: 0.25.
    """
    half = 0.5 / (n + 1.0)
    between = pl.max_horizontal(variance.fill_null(0.25), half * (1.0 - half))
    return (between / n).sqrt()
