"""Selectors whose state is in the URL, so that a link shows what its sender saw. Not for reading tables.

The URL is the truth; what was chosen earlier in the session fills in when moving between pages; a value
that does not exist is answered with a note and the default, never silently.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard import glossary, words
from warehouse.translation import t

_KEPT = "kept_choices"


def choice(label: str, *, name: str, options: Mapping[str, str], default: str | None = None) -> str:
    """One of `options` (value → what to show). `name` is the query parameter. Needs at least one option."""
    chosen = default if default is not None and default in options else next(iter(options))
    wanted = st.query_params.get(name, _kept().get(name))
    if wanted is not None and wanted in options:
        chosen = _kept()[name] = wanted
    elif wanted is not None:
        _note([wanted], label=label, shown=[options[chosen]])
    key = f"choice_{name}"
    st.session_state[key] = chosen
    st.selectbox(
        label,
        list(options),
        format_func=lambda value: options.get(value, value),
        key=key,
        help=glossary.help_of(name),
        on_change=_remember,
        args=(name, key),
    )
    return chosen


def choices(label: str, *, name: str, options: Mapping[str, str], default: str, most: int) -> list[str]:
    """Between one and `most` of `options`; the query parameter is repeated."""
    wanted = st.query_params.get_all(name)
    chosen = [value for value in dict.fromkeys(wanted) if value in options][:most] or [default]
    refused = [value for value in wanted if value not in options]
    if refused:
        _note(refused, label=label, shown=[options[value] for value in chosen])
    key = f"choices_{name}"
    st.session_state[key] = chosen
    st.multiselect(
        label,
        list(options),
        format_func=lambda value: options.get(value, value),
        key=key,
        help=glossary.help_of(name),
        max_selections=most,
        on_change=_remember,
        args=(name, key),
    )
    return chosen


def _kept() -> dict[str, str]:
    kept: dict[str, str] = st.session_state.setdefault(_KEPT, {})
    return kept


def _remember(name: str, key: str) -> None:
    value = st.session_state[key]
    if not value:
        st.query_params.pop(name, None)
        return
    st.query_params[name] = value
    if isinstance(value, str):
        _kept()[name] = value


def _note(refused: list[str], *, label: str, shown: list[str]) -> None:
    asked = ", ".join(words.plain(value[:60]) for value in refused[:3])
    note = t(
        "{label}: “{asked}” is not available here. Showing {shown}.",
        label=words.plain(label),
        asked=asked,
        shown=words.plain(", ".join(shown)),
    )
    st.info(note, icon=":material/info:")
