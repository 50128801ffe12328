"""What every page shares: opening the publication, its heading, its footer and its error page.

Not for anything that only one page shows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import streamlit as st
from streamlit.navigation.page import Page

from dashboard import data, language, words
from warehouse.errors import AffectcastError

PAGES = ("overview", "timelines", "outlook", "alerts", "contagion", "signals", "trust", "export")
LIMITS = (
    "These numbers describe people who post, not everyone, and moods that are written, not felt. They must "
    "not be used to judge, diagnose, find or contact any person, to rank places against each other, or as "
    "the only reason for a decision."
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the dashboard reads and where it keeps what analysts say."""

    published: Path
    state: Path


def settings(arguments: Sequence[str] | None = None) -> Settings:
    """Read `--published` and `--state` from the arguments after `--`; other arguments are left alone."""
    parser = argparse.ArgumentParser(prog="dashboard", add_help=False, allow_abbrev=False)
    parser.add_argument("--published", type=Path, default=Path("published"))
    parser.add_argument("--state", type=Path, default=Path("state"))
    known, _ = parser.parse_known_args(sys.argv[1:] if arguments is None else arguments)
    return Settings(published=known.published, state=known.state)


@st.cache_resource(max_entries=2, show_spinner="Opening the publication …")
def _opened(folder: str, version: str, _pointer: data.Pointer) -> data.Publication:
    """One shared copy per version: frames are never changed in place."""
    return data.load(_pointer)


@st.cache_resource(max_entries=2, show_spinner=False)
def _inventory(folder: str, version: str, _publication: data.Publication) -> pl.DataFrame:
    return data.inventory(_publication)


@st.cache_resource(max_entries=2, show_spinner=False)
def _changes(folder: str, version: str, _publication: data.Publication) -> pl.DataFrame:
    return data.weekly_changes(_publication)


def inventory(publication: data.Publication) -> pl.DataFrame:
    """Which series exist, once per version."""
    pointer = publication.pointer
    return _inventory(str(pointer.folder), pointer.version, publication)


def weekly_changes(publication: data.Publication) -> pl.DataFrame:
    """The newest week against the one before, once per version."""
    pointer = publication.pointer
    return _changes(str(pointer.folder), pointer.version, publication)


def page(title: str, *, body: Callable[[data.Publication], None]) -> None:
    """Draw a page: heading, body, footer; or in words why there is nothing to draw."""
    language.choose()
    try:
        pointer = data.current(settings().published)
        publication = _opened(str(pointer.folder), pointer.version, pointer)
    except AffectcastError as error:
        _nothing_to_show(error)
        return
    _heading(publication, title=title)
    body(publication)
    _footer(publication)


def _nothing_to_show(error: AffectcastError) -> None:
    st.title("Nothing to show yet")
    st.warning(words.plain(error.message), icon=":material/inbox:")
    st.markdown("Then reload this page.")


def _heading(publication: data.Publication, *, title: str) -> None:
    st.title(title)
    if publication.demo:
        st.info("Demonstration: every post behind these numbers is made up.", icon=":material/science:")
    st.caption(words.plain(freshness(publication)))


def freshness(publication: data.Publication) -> str:
    """Which issue this is, and how recent the newest day in it is."""
    issued = f"Issue {publication.issue:%d %b %Y}, version {publication.pointer.version[:8]}"
    last = publication.newest_day
    if last is None:
        return f"{issued}. No numbers are published in it."
    lag = (publication.issue - last).days
    return f"{issued}. Newest day described: {last:%d %b %Y}, {words.plural(lag, one='day', many='days')} before."


def _footer(publication: data.Publication) -> None:
    st.divider()
    st.caption(f"**Limits.** {words.plain(LIMITS[:180])}{words.plain(LIMITS[180:])}")
    if publication.help_line:
        st.caption(f"**Need to talk to someone?** {words.plain(publication.help_line)}")


def empty(publication: data.Publication, *, table: str, what: str) -> None:
    """Say in words that a table has nothing, and whether it is absent or empty."""
    st.info(words.plain(what + _why_empty(publication, table=table)), icon=":material/inbox:")


def _why_empty(publication: data.Publication, *, table: str) -> str:
    name = table.replace("_", " ")
    if table in publication.absent:
        return f" The {name} table was not part of this publication."
    held = publication.tables.get(table)
    return f" The {name} table of this publication is empty." if held is None or held.is_empty() else ""


def rows(frame: list[dict[str, str]], *, alt: str) -> None:
    """A small table of text that wraps and scrolls; every cell is shown as typed."""
    cells = [{name: words.plain(value) for name, value in row.items()} for row in frame]
    st.table(cells, border="horizontal", hide_index=True, alt=alt)


def register(pages: dict[str, Page]) -> None:
    """Remember the pages of this session, for links between them."""
    st.session_state["pages"] = pages


def link(label: str, *, page: str, parameters: dict[str, str]) -> None:
    """A link to another page with its selectors set; nothing where a page is shown on its own."""
    pages: dict[str, Page] = st.session_state.get("pages", {})
    if page in pages:
        st.page_link(pages[page], label=label, icon=":material/arrow_forward:", query_params=parameters)
