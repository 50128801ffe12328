"""Puts the report together and writes it to a folder: the page, and a CSV file of everything it shows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flows.files import write_table
from flows.retrospective.corpus import Corpus
from flows.retrospective.findings import Findings, find
from flows.retrospective.page import page
from forecasting.events.calendar import Calendar
from forecasting.events.study import StudySpec
from warehouse.errors import InputError

PAGE = "report.html"


@dataclass(frozen=True, kw_only=True)
class ReportSpec:
    """`title` heads the page; `study` says which days an event is judged by."""

    title: str
    study: StudySpec
    seed: int


def write_report(corpus: Corpus, *, calendar: Calendar, spec: ReportSpec, folder: Path) -> Findings:
    """Find, draw and write; files of an earlier report in `folder` are replaced.

    Raises:
        InputError: no day can be shown at all.
    """
    if corpus.days["value"].drop_nulls().is_empty():
        raise InputError(
            "Nothing can be shown: on no day are there enough people (50, or 200 posts without authors) and, for a "
            "marker, enough of them with a word of it. Bring more posts, or a corpus with more people a day."
        )
    found = find(corpus, calendar=calendar, spec=spec.study, seed=spec.seed)
    for name, frame in found.tables.items():
        write_table(frame, path=folder / f"{name}.csv")
    text = page(corpus, found=found, title=spec.title)
    fresh = folder / f".{PAGE}.new"
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(folder / PAGE)
    return found
