"""The nightly lead-lag and growth rows: which published signals they read and which tables they write.

Not a stage: `stages.py` opens the warehouse and the transaction. Nothing is read but what was published.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from warehouse.store import Receipt, Store
from warehouse.tables import TABLES

if TYPE_CHECKING:
    from flows.stages import Run

_LEAD_LAG, _GROWTH = TABLES["out.lead_lag"], TABLES["out.growth"]
_SIGNALS = (
    "issue <= ? AND time_value >= ? AND time_type = 'day' AND population = 'all' AND signal IN (SELECT signal FROM "
    "out.signal_catalogue WHERE statistic = 'share' AND smoothing = 'none')"
)


def write_comovement(store: Store, *, run: Run) -> Receipt:
    """Bring out.lead_lag and out.growth to the run's issue: published cells in, rows out.

    Daily shares of all people as they were known on the issue. Lead-lag is between regions and between nations, growth
    of every place, in people without weights. Reasons count the signals of too few places for lead-lag.
    """
    from forecasting.contagion.comovement import growth_rows, lead_lag_rows

    cells = _cells(store, run=run)
    between = cells.filter(pl.col("geo_type").is_in(["region", "nation"]))
    pairs, notes = lead_lag_rows(between, window_end=run.issue)
    last_day = run.issue - dt.timedelta(days=run.config.signals.reporting_lag_days)
    plain = cells.with_columns(value=pl.coalesce("value_unweighted", "value"))
    rows = growth_rows(plain, last_day=last_day, window_end=run.issue)
    written = 0
    for table, made in ((_LEAD_LAG, pairs), (_GROWTH, rows)):
        store.delete(table, where="window_end = ?", parameters=[run.issue])
        written += store.append(table, made.select(table.columns), run_id=run.run_id)
    reasons = {"signals of too few places for lead-lag": len(notes)} if notes else {}
    return Receipt("comovement", rows_in=cells.height, rows_out=written, reasons=reasons)


def _cells(store: Store, *, run: Run) -> pl.DataFrame:
    """One row per published daily cell, as `forecasting.contagion.comovement` takes it."""
    from forecasting.alerts.cells import usable_cells
    from forecasting.contagion.comovement import LEAD_LAG_DAYS

    config = run.config
    signals = store.read(
        TABLES["out.signals"],
        where=_SIGNALS,
        parameters=[run.issue, run.issue - dt.timedelta(days=LEAD_LAG_DAYS)],
    )
    known = usable_cells(
        signals,
        catalogue=store.read(TABLES["out.signal_catalogue"]),
        issue=run.issue,
        reporting_lag_days=config.signals.reporting_lag_days,
        people_floor=config.disclosure.people_floor,
    )
    return known.select(
        "signal",
        "population",
        "geo_type",
        pl.col("geo_value").alias("location"),
        "time_value",
        "value",
        "value_unweighted",
        pl.col("people").cast(pl.Float64).alias("n"),
        "sample_size",
        pl.lit("share").alias("kind"),
    )
