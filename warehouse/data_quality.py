"""What the posts of a place were like on a day: how many, of how many people, how long, how many were scored.

Private counts first (`core.quality_counts`), of days whose posts changed only; then what may leave
(`out.data_quality`). Amplified posts are left out, as they are of every signal, so that the two cannot be
subtracted. Not for finding a change in it: `forecasting/breaks` does that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from warehouse.amplification import amplified_sql
from warehouse.cells import LEVELS
from warehouse.config import Config
from warehouse.disclosure import disclose
from warehouse.removal import posts_from
from warehouse.rounding import to_step
from warehouse.scores import table_of
from warehouse.scoring import Scorer
from warehouse.signals import SERIES_SCORER
from warehouse.store import Receipt, Store, batched
from warehouse.tables import TABLES

COUNTS, QUALITY = TABLES["core.quality_counts"], TABLES["out.data_quality"]
_EVERY = "all"
_BATCH_POSTS = 500_000
_PLACE = ["geo_type", "geo_value", "time_value"]


@dataclass(frozen=True, kw_only=True)
class QualitySpec:
    """Which posts are described: those of the configured kinds up to the last complete day of `issue`.

    `received_by` is the last arrival that counts.
    """

    config: Config
    issue: dt.date
    received_by: dt.date

    @property
    def last_day(self) -> dt.date:
        return self.issue - dt.timedelta(days=self.config.signals.reporting_lag_days)


def update_quality(store: Store, *, scorers: list[Scorer], spec: QualitySpec, run_id: str) -> Receipt:
    """Bring both tables up to the issue. Run it after the signals were released: only places and days with a
    published signal are described."""
    changed: set[dt.date] = set()
    with store.transaction():
        for scorer in scorers:
            store.create(table_of(scorer))
            for days in _batches(store, scorer=scorer, spec=spec):
                counts = _counts(store, scorer=scorer, spec=spec, days=days)
                where = "scorer = ? AND time_value IN (SELECT unnest(?))"
                store.delete(COUNTS, where=where, parameters=[scorer.name, days])
                store.append(COUNTS, counts, run_id=run_id)
                changed |= set(days)
        changed |= set(_newly_released(store, issue=spec.issue))
        written = _release(store, days=sorted(changed), spec=spec, run_id=run_id)
    return Receipt("data_quality", rows_in=len(changed), rows_out=written)


# -------------------------------------------------------------------------------------------- counting


def _batches(store: Store, *, scorer: Scorer, spec: QualitySpec) -> Iterator[list[dt.date]]:
    """Days whose number of posts or scorer is not the one they were counted with, some posts at a time; days whose
    posts were removed by age stay as counted."""
    stale = store.query(
        f"""
        WITH posts AS (
            SELECT time_value, count(*) AS n FROM raw.posts p WHERE {_chosen_sql(spec)} GROUP BY ALL
        ), counted AS (
            SELECT time_value, sum(n_received) AS n FROM {COUNTS.name}
            WHERE scorer = ? AND scorer_version = ? AND geo_type = 'all' GROUP BY ALL
        )
        SELECT time_value, coalesce(posts.n, 0) AS n FROM posts FULL JOIN counted USING (time_value)
        WHERE posts.n IS DISTINCT FROM counted.n AND time_value >= ? ORDER BY time_value
        """,
        [*_chosen(spec), scorer.name, scorer.version, posts_from(store) or dt.date.min],
    )
    for part in batched(stale, size=_BATCH_POSTS):
        yield part["time_value"].to_list()


def _chosen_sql(spec: QualitySpec) -> str:
    return (
        "p.kind IN (SELECT unnest(?)) AND p.time_value <= ? AND p.received_issue <= ? "
        f"AND NOT ({amplified_sql(spec.config.signals.exclude)})"
    )


def _chosen(spec: QualitySpec) -> list[object]:
    return [list(spec.config.signals.kinds), spec.last_day, spec.received_by]


def _counts(store: Store, *, scorer: Scorer, spec: QualitySpec, days: list[dt.date]) -> pl.DataFrame:
    levels = dict.fromkeys(("all", *spec.config.signals.levels))
    frames = [
        store.query(
            f"""
            WITH chosen AS (
                SELECT {LEVELS[level][0]} AS geo_value, time_value, author_key, s.missing, s.n_tokens, s.n_matched,
                       sum(if(author_key IS NULL, 1, -1)) OVER (PARTITION BY {LEVELS[level][0]}, time_value) > 0
                           AS people_unknown
                FROM raw.posts p LEFT JOIN {table_of(scorer).name} s USING (post_id)
                WHERE {_chosen_sql(spec)} AND time_value IN (SELECT unnest(?)) AND {LEVELS[level][1]}
            )
            SELECT '{level}' AS geo_type, geo_value, time_value, count(*) AS n_received,
                   count(*) FILTER ({_COUNTS}) AS n_posts, nullif(count(DISTINCT author_key), 0)
                       * if(people_unknown, NULL, 1) AS n_people,
                   count(*) FILTER (({_COUNTS}) AND missing = 0) AS n_scored,
                   coalesce(sum(n_tokens) FILTER (({_COUNTS}) AND missing = 0), 0)::BIGINT AS n_tokens,
                   if(count(n_matched) > 0, count(*) FILTER (({_COUNTS}) AND missing = 0 AND n_matched > 0), NULL)
                       AS n_matched
            FROM chosen GROUP BY geo_value, time_value, people_unknown ORDER BY ALL
            """,
            [*_chosen(spec), days],
        )
        for level in levels
    ]
    return pl.concat(frames).with_columns(scorer=pl.lit(scorer.name), scorer_version=pl.lit(scorer.version))


_COUNTS = "people_unknown OR author_key IS NOT NULL"


# ------------------------------------------------------------------------------------------- releasing


def _newly_released(store: Store, *, issue: dt.date) -> list[dt.date]:
    """Days of which a signal came out at this issue: what may be said of them may have changed."""
    found: list[dt.date] = store.query(
        "SELECT DISTINCT time_value FROM out.signals WHERE issue = ? AND time_type = 'day'", [issue]
    )["time_value"].to_list()
    return found


def _release(store: Store, *, days: list[dt.date], spec: QualitySpec, run_id: str) -> int:
    store.delete(QUALITY, where="time_value IN (SELECT unnest(?))", parameters=[days])
    counts = store.read(COUNTS, where="time_value IN (SELECT unnest(?))", parameters=[days])
    if counts.is_empty():
        return 0
    shown = store.query(
        "SELECT DISTINCT geo_type, geo_value, time_value FROM ("
        "SELECT geo_type, geo_value, time_value, arg_max(value IS NOT NULL, issue) AS shown FROM out.signals "
        "WHERE population = 'all' AND time_type = 'day' AND issue <= ? AND time_value IN (SELECT unnest(?)) "
        f"AND signal NOT IN (SELECT signal FROM out.signal_catalogue WHERE scorer = '{SERIES_SCORER}') "
        "GROUP BY signal, geo_type, geo_value, time_value) WHERE shown",
        [spec.issue, days],
    )
    return store.append(QUALITY, released_quality(counts, shown=shown, config=spec.config), run_id=run_id)


def released_quality(counts: pl.DataFrame, *, shown: pl.DataFrame, config: Config) -> pl.DataFrame:
    """`out.data_quality` rows of whole days of `core.quality_counts`.

    A place's day is described when it passes the floors, the complementary rules of `disclosure.disclose`
    (a parent less its described children is no small cell) and stands in `shown` (geo_type, geo_value,
    time_value), the days with a published signal. Counts are rounded as everywhere, shares are taken of
    rounded counts and have no 1 to 10 posts behind them, means have three digits. Where only 1 to 10 posts
    were not scored by any scorer, they are not counted.
    """
    step, least = config.disclosure.rounding, config.disclosure.numerator_floor
    typed = counts.with_columns(pl.col("geo_type").cast(pl.String))
    open_cells = _open_cells(typed, config=config).join(
        shown.with_columns(pl.col("geo_type").cast(pl.String)), on=_PLACE, how="semi"
    )
    kept = typed.join(open_cells, on=_PLACE, how="inner", maintain_order="left")
    scored, matched = to_step(pl.col("n_scored"), step), to_step(pl.col("n_matched"), step)
    posts = pl.col("posts")
    metrics = {
        "posts": ("all", posts),
        "people": ("all", pl.col("people")),
        "mean_tokens": (None, _safe(pl.col("n_tokens") / pl.col("n_scored"), "n_scored", least)),
        "coverage": (None, _safe((scored / posts).clip(0.0, 1.0), "n_scored", least)),
        "matched": (None, _safe((matched / scored).clip(0.0, 1.0), "n_matched", least)),
    }
    parts = [
        kept.select(
            *_PLACE,
            scorer=pl.lit(scorer) if scorer else pl.col("scorer"),
            metric=pl.lit(metric),
            value=(value if scorer else value.round_sig_figs(3)).cast(pl.Float64),
        )
        for metric, (scorer, value) in metrics.items()
    ]
    rows = pl.concat(parts).filter(pl.col("value").is_finite()).unique(maintain_order=True)
    return QUALITY.schema.cast(rows.with_columns(population=pl.lit(_EVERY)).select(QUALITY.columns))


def _safe(value: pl.Expr, count: str, least: int) -> pl.Expr:
    """Nothing where 1 to `least` posts stand behind a number."""
    return pl.when((pl.col(count) == 0) | (pl.col(count) > least)).then(value)


def _open_cells(counts: pl.DataFrame, *, config: Config) -> pl.DataFrame:
    """The places and days that may be described, with rounded `posts` and `people` (null where unknown)."""
    least = config.disclosure.numerator_floor
    cells = counts.group_by(_PLACE, maintain_order=True).agg(
        n_posts=pl.col("n_posts").max(), scored=pl.col("n_scored").max(), sample_size=pl.col("n_people").max()
    )
    few = (pl.col("n_posts") - pl.col("scored")).is_between(1, least)
    cells = cells.with_columns(n_posts=pl.when(few).then("scored").otherwise("n_posts"))
    dressed = cells.with_columns(
        signal=pl.lit("data_quality"), population=pl.lit(_EVERY), time_type=pl.lit("day"), value=pl.lit(0.5),
        value_unweighted=pl.lit(0.5), numerator=pl.lit(None, dtype=pl.Int64), design_effect=pl.lit(1.0),
        people_unknown=pl.col("sample_size").is_null(), reliability=pl.lit("moderate"),
    )  # fmt: skip
    statistics = pl.DataFrame({"signal": ["data_quality"], "statistic": ["mean"]})
    disclosed = disclose(dressed, config=config.disclosure, statistics=statistics)
    return disclosed.filter(pl.col("suppressed").is_null()).select(
        *_PLACE, posts=pl.col("n_posts"), people=pl.col("sample_size")
    )
