"""The nightly event stage's glue: the calendar and what was known of its signals. Computes nothing."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import polars as pl

from flows.files import parse_columns
from forecasting.events.calendar import SCHEMA, Calendar, read_calendar
from warehouse.config import Config
from warehouse.signals import SignalSpec
from warehouse.store import Receipt, Store
from warehouse.tables import TABLES
from warehouse.vintages import latest

if TYPE_CHECKING:
    from flows.stages import Run
    from forecasting.events.study import StudySpec

EVENTS, EFFECTS, TESTS = (TABLES[f"out.{name}"] for name in ("events", "event_effects", "event_tests"))
MEMORY_DAYS = 60
_SERIES = ["event_id", "signal", "geo_type", "location"]
_PROBLEMS_SHOWN = 10


def calendar_of(config: Config) -> Calendar:
    """The configured calendar, an empty one where none is configured; `InputError` where it cannot be used."""
    if config.events.path is None:
        return Calendar(pl.DataFrame(schema=SCHEMA))
    return read_calendar(config.events.path, columns=parse_columns(config.events.columns))


def study_spec(config: Config) -> StudySpec:
    """The days an event is judged by."""
    from forecasting.events.study import StudySpec

    return StudySpec(window=config.events.window_days, baseline=config.events.baseline_days)


def write_events(store: Store, *, run: Run) -> Receipt:
    """Bring `out.events`, `out.event_effects` and `out.event_tests` to the run's issue.

    Effects are added where they differ from what was last said; a calendar that was taken out takes its events along.
    """
    from forecasting.events.nightly import judge_calendar

    calendar = calendar_of(run.config)
    judged = judge_calendar(
        _known(store, run=run), events=calendar.events, issue=run.issue,
        last_day=SignalSpec(config=run.config, issue=run.issue).last_day, spec=study_spec(run.config),
        seed=run.config.run.seed,
    )  # fmt: skip
    with store.transaction():
        store.delete(EVENTS, where="true")
        written = store.append(EVENTS, calendar.events, run_id=run.run_id)
        for table in (EFFECTS, TESTS):
            store.delete(table, where="issue = ?", parameters=[run.issue])
        forgotten = run.issue - dt.timedelta(days=MEMORY_DAYS)
        store.delete(TESTS, where="issue < ?", parameters=[forgotten])
        written += store.append(EFFECTS, _changed(store, judged.effects, issue=run.issue), run_id=run.run_id)
        written += store.append(TESTS, judged.tests, run_id=run.run_id)
    reasons = {"rows of the calendar": len(calendar.problems)} if calendar.problems else {}
    return Receipt(
        "events", rows_in=calendar.events.height, rows_out=written, reasons=reasons,
        notes=_notes(calendar, n_hidden=judged.n_hidden),
    )  # fmt: skip


def _notes(calendar: Calendar, *, n_hidden: int) -> tuple[str, ...]:
    more = len(calendar.problems) - _PROBLEMS_SHOWN
    rest = (f"{more} more rows of the calendar were left out",) if more > 0 else ()
    hidden = (f"{n_hidden} series have too many hidden days to be set beside events",) if n_hidden else ()
    return calendar.problems[:_PROBLEMS_SHOWN] + rest + hidden


def _known(store: Store, *, run: Run) -> pl.DataFrame:
    """The newest row by the issue of each daily cell of everybody, in the configured levels and statistics."""
    where = (
        "issue <= ? AND time_type = 'day' AND population = 'all' AND geo_type IN (SELECT unnest(?)) "
        "AND signal IN (SELECT signal FROM out.signal_catalogue "
        "WHERE smoothing = 'none' AND statistic IN (SELECT unnest(?)))"
    )
    levels, statistics = list(run.config.events.levels), list(run.config.forecast.statistics)
    return latest(store.read(TABLES["out.signals"], where=where, parameters=[run.issue, levels, statistics]))


def _changed(store: Store, fresh: pl.DataFrame, *, issue: dt.date) -> pl.DataFrame:
    """Rows that differ from the newest earlier one of their event and series."""
    earlier = store.read(EFFECTS, where="issue < ?", parameters=[issue]).sort(*_SERIES, "issue")
    known = earlier.unique(_SERIES, keep="last", maintain_order=True)
    typed = EFFECTS.schema.cast(fresh)
    return typed.join(
        known, on=[name for name in EFFECTS.columns if name != "issue"], how="anti", nulls_equal=True
    )
