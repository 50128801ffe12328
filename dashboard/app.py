"""The dashboard's entry point: `streamlit run dashboard/app.py -- --published DIR --state DIR`.

Not for content: each page is a file in `views/`, and its address is that file's name.
"""

from __future__ import annotations

import sys
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

# `streamlit run` puts this folder on the path, not the one that holds the package.
_ROOT = str(Path(__file__).resolve().parents[1])
if _ROOT not in sys.path:
    sys.path.append(_ROOT)

from dashboard import language, shell, sign_in  # noqa: E402
from warehouse.errors import ConfigError  # noqa: E402
from warehouse.translation import mark, t  # noqa: E402

# Drawn here because a named icon would be fetched from another site.
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" width="16" height="16">'
    '<path d="M1 11 L5 6 L9 9 L15 2" fill="none" stroke="#0072B2" stroke-width="2"/></svg>'
)
TITLES = {
    "overview": (mark("Overview"), ":material/dashboard:"),
    "timelines": (mark("Timelines"), ":material/show_chart:"),
    "outlook": (mark("Outlook"), ":material/trending_up:"),
    "alerts": (mark("Alerts"), ":material/notifications:"),
    "contagion": (mark("Contagion"), ":material/hub:"),
    "words": (mark("Words"), ":material/sort:"),
    "signals": (mark("Signals"), ":material/menu_book:"),
    "trust": (mark("Trust"), ":material/verified:"),
    "export": (mark("Export"), ":material/download:"),
}


def main() -> None:
    """Register the pages and run the one the address names."""
    st.set_page_config(page_title="Affectcast", page_icon=ICON, layout="wide")
    language.choose()
    pages = {name: _page(name) for name in shell.PAGES}
    shell.register(pages)
    # Each page judges for itself whom it opens for; here only whether there is a menu to show.
    st.navigation([*pages.values(), _alias("overview")], position="top" if _let_in() else "hidden").run()


def _let_in() -> bool:
    try:
        return sign_in.let_in(shell.settings().config)
    except ConfigError:
        return False


def _alias(name: str) -> Page:
    """The default page has the root address; this makes its own name an address too."""
    title, icon = TITLES[name]
    return st.Page(_file(name), title=t(title), icon=icon, url_path=name, visibility="hidden")


def _file(name: str) -> Path:
    return Path(__file__).parent / "views" / f"{name}.py"


def _page(name: str) -> Page:
    title, icon = TITLES[name]
    first = name == "overview"
    return st.Page(_file(name), title=t(title), icon=icon, url_path="start" if first else name, default=first)


if __name__ == "__main__":
    main()
