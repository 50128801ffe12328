"""The contracts of every table, in the order the data flows: `raw`, `core`, `out`. Read these first.

`raw` and `core` tables are private and live in the warehouse; a publication holds the `out` tables.
Not for reading or writing: `store.py` does that, through these schemas only.
"""

from __future__ import annotations

from dataclasses import dataclass

import dataframely as dy
import polars as pl

from warehouse.tables import alerts, contagion, core, forecasts, out, raw
from warehouse.tables.codes import (
    ALERT_STATUS,
    CENSORED,
    DELETED,
    NOT_APPLICABLE,
    NOT_MISSING,
    OTHER,
    QUANTILES,
)
from warehouse.tables.core import PrivateSignals
from warehouse.tables.forecasts import Scores

__all__ = [
    "ALERT_STATUS",
    "CENSORED",
    "DELETED",
    "NOT_APPLICABLE",
    "NOT_MISSING",
    "OTHER",
    "PUBLISHED",
    "QUANTILES",
    "TABLES",
    "PrivateSignals",
    "Scores",
    "Table",
    "empty",
    "score_table",
]


@dataclass(frozen=True, kw_only=True)
class Table:
    """Where a contract lives. `published` tables appear in a publication under their bare name; `derived` ones can
    be computed again from others."""

    name: str
    schema: type[dy.Schema]
    published: bool = False
    derived: bool = False

    @property
    def bare_name(self) -> str:
        return self.name.split(".")[-1]

    @property
    def key(self) -> list[str]:
        return self.schema.primary_key()

    @property
    def columns(self) -> list[str]:
        return list(self.schema.columns())


_ALL = (
    Table(name="raw.posts", schema=raw.Posts),
    Table(name="raw.quarantine", schema=raw.Quarantine),
    Table(name="raw.intake", schema=raw.Intake),
    Table(name="raw.removals", schema=raw.Removals),
    Table(name="raw.erased", schema=raw.Erased),
    Table(name="raw.deleted", schema=raw.Deleted),
    Table(name="raw.cursors", schema=raw.Cursors),
    Table(name="raw.queries", schema=raw.Queries),
    Table(name="core.identity", schema=core.Identity),
    Table(name="core.interactions", schema=core.Interactions),
    Table(name="core.people", schema=core.People),
    Table(name="core.marks", schema=core.Marks, derived=True),
    Table(name="core.fingerprints", schema=core.Fingerprints, derived=True),
    Table(name="core.marked_arrivals", schema=core.MarkedArrivals, derived=True),
    Table(name="core.scorers", schema=core.Scorers),
    Table(name="core.term_counts", schema=core.TermCounts, derived=True),
    Table(name="core.term_days", schema=core.TermDays, derived=True),
    Table(name="core.quality_counts", schema=core.QualityCounts, derived=True),
    Table(name="core.signals", schema=core.PrivateSignals),
    Table(name="core.error_rates", schema=core.ErrorRates),
    Table(name="core.runs", schema=core.Runs),
    Table(name="out.signals", schema=core.Signals, published=True),
    Table(name="out.signal_catalogue", schema=out.SignalCatalogue, published=True),
    Table(name="out.forecasts", schema=forecasts.Forecasts, published=True),
    Table(name="out.peak_outlook", schema=forecasts.PeakOutlook, published=True),
    Table(name="out.model_choice", schema=forecasts.ModelChoice, published=True),
    Table(name="out.scores", schema=forecasts.Scores, published=True),
    Table(name="out.alerts", schema=alerts.Alerts, published=True),
    Table(name="out.alert_tests", schema=alerts.AlertTests, published=True),
    Table(name="out.contagion", schema=contagion.Contagion, published=True),
    Table(name="out.diffusion", schema=contagion.Diffusion, published=True),
    Table(name="out.transitions", schema=contagion.Transitions, published=True),
    Table(name="out.weak_ties", schema=contagion.WeakTies, published=True),
    Table(name="out.lead_lag", schema=contagion.LeadLag, published=True),
    Table(name="out.growth", schema=contagion.Growth, published=True),
    Table(name="out.word_shifts", schema=out.WordShifts, published=True),
    Table(name="out.term_weeks", schema=out.TermWeeks, published=True, derived=True),
    Table(name="out.events", schema=out.Events, published=True),
    Table(name="out.event_effects", schema=out.EventEffects, published=True),
    Table(name="out.event_tests", schema=out.EventTests, published=True, derived=True),
    Table(name="out.measure_quality", schema=out.MeasureQuality, published=True),
    Table(name="out.survey_validity", schema=out.SurveyValidity, published=True),
    Table(name="out.data_quality", schema=out.DataQuality, published=True, derived=True),
    Table(name="out.breaks", schema=out.Breaks, published=True),
    Table(name="out.revisions", schema=out.Revisions, published=True),
    Table(name="out.signal_pages", schema=out.SignalPages, published=True, derived=True),
    Table(name="out.accounting", schema=out.Accounting, published=True),
    Table(name="out.places", schema=out.Places, published=True),
)
TABLES: dict[str, Table] = {table.name: table for table in _ALL}
PUBLISHED: dict[str, Table] = {table.bare_name: table for table in _ALL if table.published}


def score_table(scorer: str, *, measures: tuple[str, ...]) -> Table:
    """The table of one scorer's post scores: `PostScores` and a nullable Float32 column per measure."""
    columns = {measure: dy.Float32(nullable=True) for measure in measures}
    schema = type(f"Scores_{scorer}", (core.PostScores,), columns)
    return Table(name=f"core.scores_{scorer}", schema=schema, derived=True)


def empty(table: Table) -> pl.DataFrame:
    """A frame with the contract's columns and no rows."""
    return table.schema.create_empty()
