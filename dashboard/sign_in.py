"""The page of people who are not let in, and the line that says who is. Not for deciding it: `access.py` does."""

from __future__ import annotations

import json
import urllib.request
from http.client import HTTPException
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAuthError

from dashboard import access, language, words
from warehouse.errors import ConfigError
from warehouse.translation import mark, t

SECONDS = 5
MOST_BYTES = 1_000_000
NOT_SET_UP = mark(
    "Sign-in is switched on but is not set up correctly, so nothing is shown. Whoever runs this dashboard finds what "
    "is wrong by starting it again with `affectcast dashboard`."
)
NO_ANSWER = mark("The service that signs people in does not answer. Try again in a while.")
ROLES = {
    "viewer": mark("You may read everything here; analysts may also answer alerts."),
    "analyst": mark("You may read everything here and answer alerts."),
}


def person(config: Path | None) -> access.Person | None:
    """The person who may read on, or None after drawing why there is none."""
    try:
        found, provider = access.current(config), access.rules(config).provider
    except ConfigError:
        closed(NOT_SET_UP)
        return None
    if isinstance(found, access.Person):
        return found
    closed(found.why)
    if found.known:
        _sign_out()
    else:
        _sign_in(provider)
    return None


def closed(why: str) -> None:
    """Nothing but why nothing is shown; `why` is a marked text."""
    st.title("Affectcast")
    language.selector()
    st.info(t(why), icon=":material/lock:")


def let_in(config: Path | None) -> bool:
    """Whether this session may read, without drawing anything."""
    try:
        return isinstance(access.current(config), access.Person)
    except ConfigError:
        return False


def account(found: access.Person) -> None:
    """Who is signed in and the way out; nothing where nobody needs to sign in."""
    if not found.name and found.role == "analyst" and not st.user.to_dict().get("is_logged_in"):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        who = t("Signed in as {name}.", name=found.name) if found.name else t("Signed in.")
        st.caption(words.plain(f"{who} {t(ROLES[found.role])}"), width="content")
        _sign_out()


def _sign_out() -> None:
    if st.button(t("Sign out"), icon=":material/logout:", key="sign_out"):
        access.end(st.user.to_dict())
        st.logout()


def _sign_in(provider: str) -> None:
    if not st.button(t("Sign in"), icon=":material/login:", type="primary", key="sign_in"):
        return
    if not _answers(provider):
        st.error(t(NO_ANSWER), icon=":material/cloud_off:")
        return
    try:
        st.login()
    except StreamlitAuthError:
        st.error(t(NOT_SET_UP), icon=":material/lock:")


def _answers(provider: str) -> bool:
    """Whether the provider describes itself. Asked first: what Streamlit shows where it does not is a bare page."""
    try:
        with urllib.request.urlopen(provider, timeout=SECONDS) as answer:
            described = json.loads(answer.read(MOST_BYTES))
    except (HTTPException, OSError, ValueError):
        return False
    return isinstance(described, dict) and isinstance(described.get("authorization_endpoint"), str)
