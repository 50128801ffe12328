"""The nightly contagion stage's input: edges, posts and yes-or-no expressions of the last weeks."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from flows.scorers import make_scorer
from warehouse.config import Config
from warehouse.errors import ConfigError
from warehouse.scores import table_of, threshold_sql
from warehouse.scoring import Scorer
from warehouse.store import Store
from warehouse.tables import TABLES

if TYPE_CHECKING:
    from flows.stages import Run
    from forecasting.contagion.branching import Floors


def contagion_rows(store: Store, *, run: Run) -> pl.DataFrame:
    """`out.contagion` before disclosure, over the configured span up to the issue."""
    from forecasting.contagion.api import measure_contagion
    from forecasting.contagion.extras import with_branching

    config = run.config.contagion
    scorer = check_contagion(run.config)
    end = run.issue
    start = end - dt.timedelta(days=config.span_days - 1)
    expressed = _expressed(store, scorer=scorer, measures=config.measures, window=(start, end))
    interactions = store.read(
        TABLES["core.interactions"], where="created_at::DATE BETWEEN ? AND ?", parameters=[start, end]
    )
    posts = store.query(_POSTS, [start, end])
    rows = measure_contagion(
        interactions,
        posts,
        expressed,
        measures=config.measures,
        thresholds=dict.fromkeys(config.measures, 0.5),
        config=config,
        window_start=start,
        window_end=end,
        seed=run.config.run.seed,
    )
    return with_branching(
        rows, posts=posts, interactions=interactions, scores=expressed, measures=config.measures,
        floors=floors_of(run.config),
    )  # fmt: skip


def floors_of(config: Config) -> Floors:
    """What must stand behind a published number, by the configuration's `[disclosure]`."""
    from forecasting.contagion.branching import Floors

    rules = config.disclosure
    return Floors(people=rules.people_floor, posts=rules.post_floor, step=rules.rounding)


_POSTS = (
    "SELECT post_id, author_key, created_at, geo_type, geo_value, thread_id FROM raw.posts "
    "WHERE time_value BETWEEN ? AND ? ORDER BY post_id"
)


def check_contagion(config: Config) -> Scorer:
    """The scorer whose measures are followed; `ConfigError` where it is not run or lacks a measure."""
    name, measures = config.contagion.scorer, config.contagion.measures
    if name not in config.score.scorers:
        raise ConfigError(
            f"[contagion] scorer '{name}' is not among [score] scorers. Add it there, or choose one."
        )
    scorer = make_scorer(name, config=config)
    if "share" not in scorer.describe()["statistics"]:
        raise ConfigError(
            f"[contagion] scorer '{name}' gives graded numbers, and contagion follows posts that have or lack a "
            "measure. Choose a scorer with shares, such as lexicon or emotion."
        )
    unknown = sorted(set(measures) - set(scorer.measures))
    if unknown:
        has = ", ".join(scorer.measures)
        raise ConfigError(f"[contagion] measures: {name} has no {', '.join(unknown)}; it has {has}.")
    return scorer


def _expressed(
    store: Store, *, scorer: Scorer, measures: tuple[str, ...], window: tuple[dt.date, dt.date]
) -> pl.DataFrame:
    """1 where a post reaches its language's threshold, else 0; posts that were not scored are left out."""
    reached = {measure: threshold_sql(scorer, measure=measure, lang="p.lang") for measure in measures}
    columns = ", ".join(
        f'(s."{measure}" >= {least})::DOUBLE AS "{measure}"' for measure, least in reached.items()
    )
    sql = (
        f"SELECT post_id, {columns} FROM {table_of(scorer).name} s JOIN raw.posts p USING (post_id) "
        "WHERE missing = 0 AND time_value BETWEEN ? AND ? ORDER BY post_id"
    )
    return store.query(sql, list(window))
