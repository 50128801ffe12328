"""The nightly word stage's glue: counts terms with the lexicon scorers, asks for shifts and weeks. Computes nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from warehouse.store import Receipt, Store
from warehouse.tables import empty
from warehouse.term_counts import TermScorer, count_terms, forget_terms
from warehouse.term_weeks import changed, term_weeks
from warehouse.word_shifts import SHIFTS, ShiftSpec, word_shifts

if TYPE_CHECKING:
    from flows.stages import Run


@dataclass(frozen=True)
class Words:
    """Rows of `out.word_shifts`, the last day of their window, new rows of `out.term_weeks`, and a receipt that lacks
    only how many were written."""

    rows: pl.DataFrame
    weeks: pl.DataFrame
    window_end: dt.date
    receipt: Receipt


def make_word_shifts(store: Store, *, run: Run) -> Words:
    """Bring `core.term_counts` up to date and compute `out.word_shifts` and `out.term_weeks` for the run's issue.

    Without a lexicon of yes-or-no measures, or enough published history, there are no rows and a note says so.
    """
    spec = ShiftSpec(config=run.config, issue=run.issue)
    scorers = term_scorers(run)
    terms = replace(spec.terms, progress=run.tell)
    forget_terms(store, scorers=scorers, spec=terms)
    counted = [count_terms(store, scorer=scorer, spec=terms, run_id=run.run_id) for scorer in scorers]
    cells = term_weeks(store, scorers=scorers, config=run.config, issue=run.issue)
    made = [word_shifts(store, scorer=scorer, spec=spec, cells=cells.rows) for scorer in scorers]
    rows = pl.concat([empty(SHIFTS), *(shifts.rows for shifts in made)])
    reasons = sum((Counter(shifts.reasons) for shifts in made), Counter[str]())
    notes = () if rows.height else (_why_none(reasons, any_scorer=bool(scorers)),)
    read = sum(receipt.rows_in for receipt in counted)
    reasons += Counter(cells.reasons)
    receipt = Receipt("words", rows_in=read, reasons=dict(reasons), notes=notes)
    fresh = changed(store, cells.rows, issue=run.issue)
    return Words(rows=rows, weeks=fresh, window_end=spec.windows.window_end, receipt=receipt)


def term_scorers(run: Run) -> list[TermScorer]:
    """The configured lexicons that say for each post whether a term of a measure is in it."""
    from lexicons.score import LexiconScorer

    lexicons = [scorer for scorer in run.scorers() if isinstance(scorer, LexiconScorer)]
    return [scorer for scorer in lexicons if scorer.describe()["scale"] == "presence"]


def _why_none(reasons: Counter[str], *, any_scorer: bool) -> str:
    if not any_scorer:
        return "no word shifts: none of [score] scorers is a lexicon of yes-or-no measures"
    if not reasons:
        return "no word shifts: no lexicon signal is published in these weeks"
    return "no word shifts: no lexicon signal is published for all of the window and half of the reference"
