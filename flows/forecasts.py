"""The nightly forecast stage's glue: which signals it reads and which tables it writes.

Not a stage, and computes nothing: `stages.py` opens the warehouse and the transaction.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from warehouse.cells import AMPLIFIED
from warehouse.signals import SERIES_SCORER
from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.vintages import CELL

if TYPE_CHECKING:
    from flows.stages import Run
    from forecasting.forecast import ForecastResult

# The newest rows of out.forecasts and out.peak_outlook as of an issue.
THIS_WEEK = (
    "(time_type = 'day' AND reference_date = ?) OR (time_type = 'week' AND reference_date BETWEEN ? AND ?)"
)
# Forecasts that the values of the last nights are held against.
LAST_WEEKS = "reference_date BETWEEN ? AND ?"
CHECKED_DAYS = 84
# Scores of earlier nights count in the choice of a model for so long.
SCORED_DAYS = 365
# A series that was not forecast for this long is chosen a model for as if for the first time.
MEMORY_DAYS = 60
_CHOICE, _SCORES = TABLES["out.model_choice"], TABLES["out.scores"]
_CELL = ", ".join(CELL)


def this_week(issue: dt.date) -> list[object]:
    """The parameters of `THIS_WEEK`."""
    return [issue, issue - dt.timedelta(days=6), issue]


def last_weeks(issue: dt.date) -> list[object]:
    """The parameters of `LAST_WEEKS`."""
    return [issue - dt.timedelta(days=CHECKED_DAYS), issue]


def main_signals(store: Store, *, run: Run) -> pl.DataFrame:
    """All issues of the unsmoothed signals of the configured statistics, up to this one.

    A measure's share and mean tell one story, so that judging both would only spend the error budget twice.
    Cells that were never published, most cells of a fine-grained archive, are left where they are, and so are series
    made elsewhere that are no longer configured.
    """
    where = (
        f"issue <= ? AND population <> '{AMPLIFIED}' AND signal IN (SELECT signal FROM out.signal_catalogue "
        "WHERE smoothing = 'none' AND statistic IN (SELECT unnest(?)) "
        "AND (scorer <> ? OR signal IN (SELECT unnest(?::VARCHAR[])))) "
        f"AND ({_CELL}) IN (SELECT ({_CELL}) FROM out.signals WHERE value IS NOT NULL)"
    )
    statistics, series = list(run.config.forecast.statistics), [one.name for one in run.config.series]
    return store.read(
        TABLES["out.signals"], where=where, parameters=[run.issue, statistics, SERIES_SCORER, series]
    )


def write_forecasts(store: Store, *, made: ForecastResult, run: Run) -> int:
    """Bring out.forecasts, out.peak_outlook, out.scores and out.model_choice to the run's issue.

    Returns how many forecast and outlook rows there are. Models are chosen knowing what was chosen by earlier issues
    only, so that a night that is run again chooses the same.
    """
    from forecasting.choice import choose

    earlier = store.read(
        _CHOICE,
        where="issue >= ? AND issue < ?",
        parameters=[run.issue - dt.timedelta(days=MEMORY_DAYS), run.issue],
    )
    written = _replace(store, "out.forecasts", rows=made.forecasts, run=run)
    written += _replace(store, "out.peak_outlook", rows=made.outlook, run=run)
    store.put(_SCORES, made.scores, run_id=run.run_id)
    since = run.issue - dt.timedelta(days=SCORED_DAYS)
    known = store.read(
        _SCORES,
        where="metric = 'wis' AND reference_date >= ? AND truth_issue <= ?",
        parameters=[since, run.issue],
    )
    choices = choose(known, forecasts=made.forecasts, previous=earlier, issue=run.issue)
    store.delete(_CHOICE, where="issue = ?", parameters=[run.issue])
    store.append(_CHOICE, choices, run_id=run.run_id)
    return written


def _replace(store: Store, name: str, *, rows: pl.DataFrame, run: Run) -> int:
    """A weekly forecast is renewed every night of its week, so its reference date may be there already."""
    store.delete(TABLES[name], where=THIS_WEEK, parameters=this_week(run.issue))
    return store.append(TABLES[name], rows, run_id=run.run_id)
