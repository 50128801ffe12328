"""What is said in several languages: English in the code, every other one in `locale/<language>.po`.

A sentence is written as `t("{n} people in {place}", n=1234, place="Texas")`, so that the whole of it can be
translated; whole numbers and dates are written as the language does. Not for names that come with the data, nor for
choosing whose language it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from babel.dates import format_date
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES = {"en": "English", "es": "Español"}
FOLDER = Path(__file__).with_name("locale")
_DAY, _SHORT_DAY, _MONTH = "dd MMM y", "dd MMM", "MMM y"
_current: ContextVar[str] = ContextVar("language", default="en")

Value = str | int | dt.date


def speak(language: str) -> None:
    """From here on, in this thread or task: `language`, or English where it is not one of `LANGUAGES`."""
    _current.set(language if language in LANGUAGES else "en")


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """The language within the block."""
    before = _current.set(language)
    try:
        yield
    finally:
        _current.reset(before)


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


def exact(value: float) -> str:
    """The number with the decimals it has, ten at most."""
    return format_decimal(value, format="#,##0.##########", locale=_locale())


def signed(value: float, *, decimals: int = 0) -> str:
    """`+1.2`, `-0.3`, in Spanish `+1,2`; what rounds to nothing has a plus."""
    return _sign(value, decimals=decimals) + number(abs(value), decimals=decimals)


def signed_percent(share: float, *, decimals: int = 1) -> str:
    """`+3.1%`, in Spanish `+3,1 %`."""
    return _sign(share * 100, decimals=decimals) + percent(abs(share), decimals=decimals)


def _sign(value: float, *, decimals: int) -> str:
    return "-" if round(value, decimals) < 0 else "+"


def date(day: dt.date) -> str:
    """`02 Jun 2024`, `02 jun 2024`."""
    return format_date(day, format=_DAY, locale=_locale())


def short_date(day: dt.date) -> str:
    """`02 Jun`, where another date tells the year."""
    return format_date(day, format=_SHORT_DAY, locale=_locale())


def month(day: dt.date) -> str:
    """`Jun 2024`, `jun 2024`."""
    return format_date(day, format=_MONTH, locale=_locale())


def separators() -> str:
    """The decimal mark and the mark between thousands, as charts want them."""
    return number(0.5, decimals=1)[1] + number(10_000)[2]


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
    """Message → its forms, singular first, of those translated in all of them. English is the code itself."""
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
