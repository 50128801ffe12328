"""The nightly contagion stage: edges, posts and yes-or-no expressions of the last weeks in, its tables out."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from flows.scorers import make_scorer
from warehouse.config import Config
from warehouse.disclosure import disclose_contagion
from warehouse.errors import ConfigError
from warehouse.scores import table_of, threshold_sql
from warehouse.scoring import Scorer
from warehouse.store import Store
from warehouse.tables import TABLES, empty

if TYPE_CHECKING:
    from flows.stages import Run
    from forecasting.contagion.branching import Floors


def contagion_tables(store: Store, *, run: Run) -> dict[str, pl.DataFrame]:
    """`out.contagion`, `out.diffusion`, `out.transitions` and `out.weak_ties` of the configured span up to the issue.

    All of them are fit to be published.
    """
    from forecasting.contagion.api import measure_contagion
    from forecasting.contagion.extras import ExtrasSpec, along_ties, with_branching, with_what_if

    config, seed = run.config.contagion, run.config.run.seed
    scorer = check_contagion(run.config)
    start, end = run.issue - dt.timedelta(days=config.span_days - 1), run.issue
    for made in _CODES:
        store.connection.execute(made, [start, end] if "?" in made else [])
    posts, interactions = store.query(_POSTS), store.query(_INTERACTIONS, [start, end])
    expressed = _expressed(store, scorer=scorer, measures=config.measures)
    for name in ("posts", "ids", "people"):
        store.connection.execute(f"DROP TABLE contagion_{name}")
    thresholds = dict.fromkeys(config.measures, 0.5)
    rows = measure_contagion(
        interactions, posts, expressed, measures=config.measures, thresholds=thresholds, config=config,
        window_start=start, window_end=end, seed=seed,
    )  # fmt: skip
    floors = floors_of(run.config)
    rows = with_branching(
        rows, posts=posts, interactions=interactions, scores=expressed, measures=config.measures, floors=floors
    )  # fmt: skip
    spec = ExtrasSpec(
        measures=config.measures, window_hours=config.window_hours, permutations=config.permutations, floors=floors,
        seed=seed,
    )  # fmt: skip
    table = posts.join(expressed, on="post_id", how="left", maintain_order="left")
    beside = along_ties(table, interactions=interactions, spec=spec)
    rows = with_what_if(rows, diffusion=beside["diffusion"])
    dates = {"window_start": pl.lit(start), "window_end": pl.lit(end)}
    shown = disclose_contagion(rows, config=run.config.disclosure)
    return {"out.contagion": shown, "out.weak_ties": empty(TABLES["out.weak_ties"])} | {
        f"out.{name}": found.with_columns(**dates) for name, found in beside.items()
    }


def floors_of(config: Config) -> Floors:
    """What must stand behind a published number, by the configuration's `[disclosure]`."""
    from forecasting.contagion.branching import Floors

    rules = config.disclosure
    return Floors(people=rules.people_floor, posts=rules.post_floor, step=rules.rounding)


# Ids and pseudonyms of the span as numbers of twelve digits in the same order: what is joined, sorted and counted by
# them comes out the same, in a third of the memory.
_CODES = (
    "CREATE OR REPLACE TEMP TABLE contagion_posts AS SELECT post_id, author_key, created_at, lang, thread_id "
    "FROM raw.posts WHERE time_value BETWEEN ? AND ?",
    "CREATE OR REPLACE TEMP TABLE contagion_ids AS "
    "SELECT name, lpad(row_number() OVER (ORDER BY name)::VARCHAR, 12, '0') AS code FROM "
    "(SELECT post_id AS name FROM contagion_posts UNION "
    "SELECT thread_id FROM contagion_posts WHERE thread_id IS NOT NULL)",
    "CREATE OR REPLACE TEMP TABLE contagion_people AS "
    "SELECT name, lpad(row_number() OVER (ORDER BY name)::VARCHAR, 12, '0') AS code FROM "
    "(SELECT DISTINCT author_key AS name FROM contagion_posts WHERE author_key IS NOT NULL)",
)
_POSTS = """
    SELECT i.code AS post_id, a.code AS author_key, created_at, t.code AS thread_id
    FROM contagion_posts p JOIN contagion_ids i ON p.post_id = i.name
    LEFT JOIN contagion_people a ON p.author_key = a.name LEFT JOIN contagion_ids t ON p.thread_id = t.name
    ORDER BY i.code
"""
# Of whom or what was answered, but is not among the posts, only that there is somebody or something is kept.
_INTERACTIONS = """
    SELECT i.code AS post_id, e.kind, if(target_author_key IS NULL, NULL, coalesce(a.code, '-')) AS target_author_key,
           if(target_post_id IS NULL, NULL, coalesce(t.code, '-')) AS target_post_id
    FROM core.interactions e JOIN contagion_ids i ON e.post_id = i.name
    LEFT JOIN contagion_people a ON e.target_author_key = a.name LEFT JOIN contagion_ids t ON e.target_post_id = t.name
    WHERE e.created_at::DATE BETWEEN ? AND ? AND e.kind <> 'mention'
    ORDER BY i.code, list_position(['reply', 'repost', 'quote'], e.kind), e.edge_no
"""


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


def _expressed(store: Store, *, scorer: Scorer, measures: tuple[str, ...]) -> pl.DataFrame:
    """1 where a post reaches its language's threshold, else 0; posts that were not scored are left out."""
    reached = {measure: threshold_sql(scorer, measure=measure, lang="p.lang") for measure in measures}
    columns = ", ".join(
        f'(s."{measure}" >= {least})::DOUBLE AS "{measure}"' for measure, least in reached.items()
    )
    sql = (
        f"SELECT i.code AS post_id, {columns} FROM {table_of(scorer).name} s JOIN contagion_posts p USING (post_id) "
        "JOIN contagion_ids i ON p.post_id = i.name WHERE missing = 0 ORDER BY i.code"
    )
    return store.query(sql)
