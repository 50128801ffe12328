"""The interface's languages: English in the code, every other one in `locale/<language>.po`.

A sentence is written as `t("{n} people in {place}", n=1234, place="Texas")`, so that the whole of it can be
translated; whole numbers and dates are written as the language does. Not for names that come with the data.
"""

from __future__ import annotations

import datetime as dt
from contextvars import ContextVar
from functools import cache
from pathlib import Path

import streamlit as st
from babel.dates import format_date
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES = {"en": "English", "es": "Español"}
FOLDER = Path(__file__).with_name("locale")
QUERY = "lang"
_KEPT = "language"
_DAY = "dd MMM y"
_current: ContextVar[str] = ContextVar("language", default="en")

Value = str | int | dt.date


def choose() -> str:
    """Set the language of this run: the address's, else the one chosen before, else the browser's."""
    browser = (st.context.locale or "en").partition("-")[0]
    wanted = (st.query_params.get(QUERY), st.session_state.get(_KEPT), browser)
    language = next((name for name in wanted if name in LANGUAGES), "en")
    st.session_state[_KEPT] = language
    _current.set(language)
    return language


def current() -> str:
    """The language of this run; English outside one."""
    return _current.get()


def mark(message: str) -> str:
    """The message itself: it will be translated where it is used, by `t`."""
    return message


def t(message: str, **values: Value) -> str:
    """The message in the current language with its `{names}` filled in; in English where there is no translation."""
    return _filled(_messages(current()).get(message, (message,))[0], values)


def tn(one: str, many: str, *, n: int, **values: Value) -> str:
    """`one` for a single thing and `many` otherwise; `{n}` is filled in too."""
    forms = _messages(current()).get(one, (one, many))
    return _filled(forms[0] if n == 1 else forms[-1], {"n": n, **values})


def number(value: float, *, decimals: int = 0) -> str:
    """`1,234.5` in English, `1.234,5` in Spanish."""
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    # A rounded-away minus would read as a fall.
    return format_decimal(round(value, decimals) + 0.0, format=pattern, locale=_locale())


def percent(share: float, *, decimals: int = 1) -> str:
    """`12.3%` in English, `12,3 %` in Spanish, with a space that does not break."""
    return number(share * 100, decimals=decimals) + ("%" if current() == "en" else "\u00a0%")


def date(day: dt.date) -> str:
    """`02 Jun 2024`, `02 jun 2024`."""
    return format_date(day, format=_DAY, locale=_locale())


def _locale() -> str:
    # Spain's own rules leave four digits ungrouped; `es_419` would write decimal points in some countries.
    return current()


def _filled(message: str, values: dict[str, Value]) -> str:
    return message.format(**{name: _written(value) for name, value in values.items()}) if values else message


def _written(value: Value) -> str:
    if isinstance(value, str):
        return value
    return date(value) if isinstance(value, dt.date) else number(value)


@cache
def _messages(language: str) -> dict[str, tuple[str, ...]]:
    """Message → its forms, singular first. English has none: the code is the English text."""
    path = FOLDER / f"{language}.po"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8") as file:
        catalogue = read_po(file, locale=language)
    found: dict[str, tuple[str, ...]] = {}
    for message in catalogue:
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            found[key] = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
    return {key: forms for key, forms in found.items() if forms and all(forms)}
