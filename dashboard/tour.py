"""A guided tour: the questions of a morning's meeting in order, each on the page that answers it.

Its step is in the address, so that it can be left, come back to and shared. Not for the answers: the pages give them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl
import streamlit as st

from dashboard import data, weekly
from warehouse.translation import mark, t

QUERY = "tour"
Parameters = Mapping[str, str | list[str]]


class Link(Protocol):
    """How a link to a page is drawn: `shell.link`."""

    def __call__(self, label: str, *, page: str, parameters: Parameters) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Step:
    """A question, where it is answered, and what to look at there."""

    page: str
    question: str
    look: str


STEPS = (
    Step(
        page="overview",
        question=mark("Is anything wrong, where, since when, how sure?"),
        look=mark(
            "The coloured sentence says it; the cards below it are the evidence. “How often such alerts were right” is "
            "counted on this platform's own past."
        ),
    ),
    Step(
        page="timelines",
        question=mark("Which mood moved most last week, and is that more than noise?"),
        look=mark(
            "It opens on the mood and place that moved most against their own error, where one can be told. Compare "
            "the last points with the shaded band: a move inside it is noise. The bars below are people; few make a "
            "wide band."
        ),
    ),
    Step(
        page="words",
        question=mark("Which words drove it?"),
        look=mark(
            "Only moods counted by words have words: where the one that moved has none, another is shown, and its name "
            "says so. One word that carries most of a change often means a topic, not a mood: look before you speak of "
            "fear."
        ),
    ),
    Step(
        page="timelines",
        question=mark("Was it amplified?"),
        look=mark(
            "What people say in their own words and what is passed on are apart here. Where only the second moves, few "
            "accounts or one story may be behind it."
        ),
    ),
    Step(
        page="outlook",
        question=mark("What is expected next, and how good were such forecasts before?"),
        look=mark(
            "Read the range, not the middle, and the sentence on past forecasts: “no better than a flat line” means "
            "that you know as much without it."
        ),
    ),
    Step(
        page="alerts",
        question=mark("What was flagged, and what do we say about it?"),
        look=mark(
            "One card is one story. Acknowledge or resolve it with a note for those who come after you; nobody's post "
            "belongs in it."
        ),
    ),
    Step(
        page="contagion",
        question=mark("Does it go along with answering each other?"),
        look=mark("“Not found” is an answer. Found means going along with, never caused by."),
    ),
    Step(
        page="trust",
        question=mark("How far can this be trusted, and who must not be inferred from it?"),
        look=mark(
            "At the bottom stands what these numbers must not be used for. What was left out is counted above it."
        ),
    ),
    Step(
        page="export",
        question=mark("What does the policy team receive?"),
        look=mark(
            "The same numbers as files, checked before they are written, with one page of words per place."
        ),
    ),
)


def current(page: str) -> int | None:
    """The step the address names, counted from 1; None off the tour, or where the step is of another page."""
    asked = st.query_params.get(QUERY, "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 3 else 0
    return number if 1 <= number <= len(STEPS) and STEPS[number - 1].page == page else None


def parameters(number: int, *, publication: data.Publication) -> Parameters:
    """What the address of a step holds: the tour's place and what the page shall show."""
    step = STEPS[number - 1]
    moved = weekly.largest_change(publication)
    chosen: dict[str, str | list[str]] = {}
    if moved is not None and step.page in ("timelines", "outlook"):
        chosen = {"signal": str(moved["signal"]), "place": f"{moved['geo_type']}:{moved['geo_value']}"}
    if step.question == STEPS[3].question and moved is not None:
        chosen |= {"compare": "populations", "population": ["all", "amplified"]}
    if step.page == "words":
        return {QUERY: str(number), **_words_of(publication, moved=moved)}
    return {QUERY: str(number), **chosen}


def _words_of(publication: data.Publication, *, moved: dict[str, object] | None) -> Parameters:
    """The word lists' signal of the same mood, where its words are published."""
    known = publication.tables["term_weeks"]["signal"].unique().to_list()
    if moved is None or not known:
        return {}
    rows = publication.tables["term_weeks"].select("geo_type", "geo_value").unique().rows()
    places = {f"{kind}:{value}" for kind, value in rows}
    catalogue = publication.tables["signal_catalogue"]
    measure = catalogue.filter(pl.col("signal") == str(moved["signal"]))["measure"]
    same = catalogue.filter(pl.col("measure").is_in(measure.implode()), pl.col("signal").is_in(known))[
        "signal"
    ]
    if same.is_empty():
        return {}
    place = f"{moved['geo_type']}:{moved['geo_value']}"
    return {"signal": str(same.sort()[0])} | ({"place": place} if place in places else {})


def invitation(*, link: Link) -> None:
    """On the overview, off the tour: where it begins."""
    link(t("Guided tour: nine questions, five minutes"), page="overview", parameters={QUERY: "1"})


def guide(number: int, *, publication: data.Publication, link: Link) -> None:
    """The box of a step: its question, what to look at, and the ways on, back and out."""
    step = STEPS[number - 1]
    with st.container(border=True):
        where = t("Tour, {k} of {n}", k=number, n=len(STEPS))
        st.markdown(f"**{where}. {t(step.question)}** {t(step.look)}")
        with st.container(horizontal=True):
            if number < len(STEPS):
                _to(number + 1, label=t("Next question"), publication=publication, link=link)
            if number > 1:
                _to(number - 1, label=t("Back"), publication=publication, link=link)
            link(t("Leave the tour"), page=step.page, parameters={})


def _to(number: int, *, label: str, publication: data.Publication, link: Link) -> None:
    link(label, page=STEPS[number - 1].page, parameters=parameters(number, publication=publication))
