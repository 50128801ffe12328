"""Finds the night's breaks and keeps them: released signals and data quality → `out.breaks`.

Not for finding them (`forecasting/breaks`), and not for what alerts and forecasts make of them.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from forecasting.alerts.cells import usable_cells
from forecasting.breaks.find import QUERY, VERSION, find_breaks, query_breaks, version_breaks
from warehouse.data_quality import QualitySpec, update_quality
from warehouse.signals import SERIES_SCORER
from warehouse.store import Store
from warehouse.tables import TABLES

if TYPE_CHECKING:
    from flows.stages import Run

BREAKS = TABLES["out.breaks"]
# As far back as a night looks for breaks that it does not know, and as the past that they are judged by reaches.
LOOK_BACK, MEMORY = 120, 420
# What was found in nearly the same days of one place, by the same kind of evidence, is one break.
SAME_DAYS = 35


def keep_quality_and_breaks(store: Store, *, run: Run) -> int:
    """Bring `out.data_quality` up to the issue, then add what is new to `out.breaks`; returns rows added.

    The first night looks at all of history. Later nights add breaks detected in the last 120 days that are not
    yet known; a break once declared is not taken back.
    """
    received_by = dt.date.max if run.assumed else run.issue
    spec = QualitySpec(config=run.config, issue=run.issue, received_by=received_by)
    update_quality(store, scorers=run.scorers(), spec=spec, run_id=run.run_id)
    with store.transaction():
        store.delete(BREAKS, where="issue = ?", parameters=[run.issue])
        known = store.read(BREAKS)
        earlier = store.query("SELECT count(*) FROM out.signals WHERE issue < ?", [run.issue]).item()
        since = run.issue - dt.timedelta(days=LOOK_BACK) if earlier else dt.date.min
        found = _found(store, run=run, since=since)
        return store.append(BREAKS, _unknown(found, known=known, run=run), run_id=run.run_id)


def _found(store: Store, *, run: Run, since: dt.date) -> pl.DataFrame:
    start = since if since == dt.date.min else since - dt.timedelta(days=MEMORY)
    signals = store.read(
        TABLES["out.signals"],
        where="issue <= ? AND time_type = 'day' AND population = 'all' AND time_value >= ? AND signal IN "
        "(SELECT signal FROM out.signal_catalogue WHERE smoothing = 'none' AND scorer <> ? "
        "AND statistic IN (SELECT unnest(?)))",
        parameters=[run.issue, start, SERIES_SCORER, list(run.config.forecast.statistics)],
    )
    cells = usable_cells(
        signals,
        catalogue=store.read(TABLES["out.signal_catalogue"]),
        issue=run.issue,
        reporting_lag_days=run.config.signals.reporting_lag_days,
        people_floor=run.config.disclosure.people_floor,
    )
    quality = store.read(TABLES["out.data_quality"], where="time_value >= ?", parameters=[start])
    versions = version_breaks(
        store.read(TABLES["core.scorers"], where="first_issue <= ?", parameters=[run.issue])
    )
    queries = query_breaks(store.read(TABLES["raw.queries"], where="issue <= ?", parameters=[run.issue]))
    return pl.concat([find_breaks(cells, quality=quality), versions, queries]).filter(
        pl.col("detected") >= since
    )


def _unknown(found: pl.DataFrame, *, known: pl.DataFrame, run: Run) -> pl.DataFrame:
    """Found breaks that lie more than 35 days from every known one of their kind and place."""
    key = ["population", "geo_type", "geo_value", "what", "scorer"]
    typed = BREAKS.schema.cast(found.with_columns(issue=pl.lit(run.issue)).select(BREAKS.columns))
    before = known.select(*key, known_onset="onset")
    apart = (pl.col("onset") - pl.col("known_onset")).dt.total_days().abs()
    same = typed.join(before, on=key).filter(
        apart <= pl.when(pl.col("what").is_in([VERSION, QUERY])).then(0).otherwise(SAME_DAYS)
    )
    return typed.join(same, on=BREAKS.key, how="anti")
