"""What every page shares: opening the publication, its heading, its footer and its error page.

Not for anything that only one page shows.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import streamlit as st
from streamlit.navigation.page import Page

from dashboard import data, files, language, sign_in, tour, words
from warehouse.errors import AffectcastError, ConfigError, InputError
from warehouse.translation import mark, t, tn

PAGES = ("overview", "timelines", "outlook", "alerts", "contagion", "words", "signals", "trust", "export")
LIMITS = mark(
    "These numbers describe people who post, not everyone, and moods that are written, not felt. They must "
    "not be used to judge, diagnose, find or contact any person, to rank places against each other, or as "
    "the only reason for a decision."
)
WRONG_OPTIONS = mark(
    "This dashboard was started with an option that it does not know, so nothing is shown. It knows --published, "
    "--state and --config; `affectcast dashboard` sets them."
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where the dashboard reads, where it keeps what analysts say, and which file says who may do what (if any)."""

    published: Path
    state: Path
    config: Path | None = None


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)


def settings(arguments: Sequence[str] | None = None) -> Settings:
    """Read these settings from the arguments after `--`.

    `ConfigError` where there are others: without the `--config` that somebody meant, everybody could read.
    """
    parser = _Parser(prog="dashboard", add_help=False, allow_abbrev=False)
    parser.add_argument("--published", type=Path, default=Path("published"))
    parser.add_argument("--state", type=Path, default=Path("state"))
    parser.add_argument("--config", type=Path)
    known = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    return Settings(published=known.published, state=known.state, config=known.config)


@st.cache_resource(max_entries=2, show_spinner=False)
def _opened(folder: str, version: str, _pointer: data.Pointer) -> data.Publication:
    """One shared copy per version: frames are never changed in place."""
    return data.load(_pointer)


def page(title: str, *, body: Callable[[data.Publication], None]) -> None:
    """Draw a page: heading, body, footer; or in words why there is nothing to draw. `title` is a marked text.

    Nothing is opened for somebody who may not read.
    """
    language.choose()
    try:
        given = settings()
    except ConfigError:
        sign_in.closed(WRONG_OPTIONS)
        return
    reader = sign_in.person(given.config)
    if reader is None:
        return
    try:
        pointer = data.current(given.published)
        with st.spinner(t("Opening the publication …")):
            publication = _opened(str(pointer.folder), pointer.version, pointer)
    except AffectcastError as error:
        _nothing_to_show(error)
        return
    _heading(publication, title=title)
    sign_in.account(reader)
    try:
        _tour(publication, page=title.lower())
        body(publication)
    except (InputError, *files.UNREADABLE) as error:
        _cut_short(publication, error=error)
    _footer(publication)


def _cut_short(publication: data.Publication, *, error: BaseException) -> None:
    """Say that a file went or broke while the page was drawn; what no file explains is a mistake and goes on."""
    try:
        publication.tables.check()
    except InputError as found:
        st.error(
            t(
                "The rest of this page cannot be shown: a file of this publication is gone or damaged. Reload the "
                "page: a newer version may have taken its place."
            ),
            icon=":material/error:",
        )
        st.caption(words.plain(found.message))
        return
    raise error


def _tour(publication: data.Publication, *, page: str) -> None:
    step = tour.current(page)
    if step is not None:
        tour.guide(step, publication=publication, link=link)
    elif page == tour.STEPS[0].page:
        tour.invitation(link=link)


def _nothing_to_show(error: AffectcastError) -> None:
    _title(t("Nothing to show yet"))
    st.warning(words.plain(error.message), icon=":material/inbox:")
    st.markdown(t("Then reload this page."))


def _heading(publication: data.Publication, *, title: str) -> None:
    _title(t(title))
    if publication.demo:
        st.info(t("Demonstration: every post behind these numbers is made up."), icon=":material/science:")
    st.caption(words.plain(freshness(publication)))


def _title(title: str) -> None:
    """The title, and beside it (below it where the window is narrow) the switch of languages."""
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.title(title, width="content")
        language.selector()


def freshness(publication: data.Publication) -> str:
    """Which issue this is, and how recent the newest day in it is."""
    issue, last, version = publication.issue, publication.newest_day, publication.pointer.version[:8]
    if last is None:
        return t(
            "Issue {issue}, version {version}. No numbers are published in it.", issue=issue, version=version
        )
    return tn(
        "Issue {issue}, version {version}. Newest day described: {last}, {n} day before.",
        "Issue {issue}, version {version}. Newest day described: {last}, {n} days before.",
        n=(issue - last).days,
        issue=issue,
        version=version,
        last=last,
    )


def _footer(publication: data.Publication) -> None:
    st.divider()
    st.caption(f"**{t('Limits.')}** {words.plain(t(LIMITS))}")
    if publication.help_line:
        st.caption(f"**{t('Need to talk to someone?')}** {words.plain(publication.help_line)}")


def empty(publication: data.Publication, *, table: str, what: str) -> None:
    """Say in words that a table has nothing, and whether it is absent or empty."""
    why = _why_empty(publication, table=table)
    st.info(words.plain(f"{what} {why}".strip()), icon=":material/inbox:")


def _why_empty(publication: data.Publication, *, table: str) -> str:
    name = table.replace("_", " ")
    if table in publication.absent:
        return t("The {name} table was not part of this publication.", name=name)
    if publication.tables.is_empty(table):
        return t("The {name} table of this publication is empty.", name=name)
    return ""


def rows(frame: list[dict[str, str]], *, alt: str) -> None:
    """A small table of text that wraps and scrolls; every cell is shown as typed."""
    cells = [{name: words.plain(value) for name, value in row.items()} for row in frame]
    st.table(cells, border="horizontal", hide_index=True, alt=alt)


def register(pages: dict[str, Page]) -> None:
    """Remember the pages of this session, for links between them."""
    st.session_state["pages"] = pages


def link(label: str, *, page: str, parameters: Mapping[str, str | list[str]]) -> None:
    """A link to another page with its selectors set; nothing where a page is shown on its own."""
    pages: dict[str, Page] = st.session_state.get("pages", {})
    if page in pages:
        st.page_link(
            pages[page],
            label=label,
            icon=":material/arrow_forward:",
            query_params={**parameters, **language.parameters()},
        )
