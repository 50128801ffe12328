"""Whose language it is: the address's, the one chosen before, or the browser's; `warehouse.translation` speaks it."""

from __future__ import annotations

import streamlit as st

from warehouse.translation import LANGUAGES, current, speak

QUERY = "lang"
_KEPT = "language"


def choose() -> str:
    """Set the language of this run: the address's, else the one chosen before, else the browser's.

    One that was chosen is written into the address, so that it is there on the next page too.
    """
    asked, browser = st.query_params.get(QUERY), (st.context.locale or "en").partition("-")[0]
    if asked in LANGUAGES:
        st.session_state[_KEPT] = asked
    elif _KEPT in st.session_state:
        st.query_params[QUERY] = st.session_state[_KEPT]
    speak(st.session_state.get(_KEPT, browser))
    return current()


def selector() -> None:
    """A small switch between the languages."""
    key = f"choice_{QUERY}"
    st.session_state[key] = current()
    st.segmented_control(
        "Language / Idioma",
        list(LANGUAGES),
        format_func=LANGUAGES.__getitem__,
        key=key,
        label_visibility="collapsed",
        on_change=_switch,
        args=(key,),
        required=True,
    )


def _switch(key: str) -> None:
    st.session_state[_KEPT] = st.query_params[QUERY] = st.session_state[key]


def parameters() -> dict[str, str]:
    """What a link to another page needs to keep the language that was chosen."""
    return {QUERY: st.session_state[_KEPT]} if _KEPT in st.session_state else {}
