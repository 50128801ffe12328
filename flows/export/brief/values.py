"""The values of a brief, as its parts hand them to each other. Not for working them out (`facts.py`)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

Verdict = Literal["noise", "unclear", "clear", "unknown"]
# The levels of a forecast that are told or drawn.
QUANTILES: Final = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)


@dataclass(frozen=True, kw_only=True)
class Point:
    """One period of a series; the numbers are None where it is withheld or missing."""

    day: dt.date
    value: float | None
    low: float | None
    high: float | None
    people: int | None
    withheld: bool


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a forecast: level → value, for `QUANTILES`."""

    day: dt.date
    values: dict[float, float]
    fallback: bool
    limited: bool


@dataclass(frozen=True, kw_only=True)
class Peak:
    """The chance of an unusual high, where such chances have been worth something on this series."""

    days: int
    chance: float
    usual: float


@dataclass(frozen=True, kw_only=True)
class Mood:
    """One signal of a place in the newest period. `change` and `verdict` are against the value a week earlier."""

    signal: str
    scorer: str
    label: str
    statistic: str
    now: Point
    posts_only: bool
    reliability: str
    change: float | None
    verdict: Verdict
    outlook: Step | None
    relative_wis: float | None
    peak: Peak | None


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert that goes on and that nobody resolved; `message` is as published, without the help line."""

    kind: str
    severity: str
    label: str
    statistic: str
    message: str
    observed: float | None
    expected: float | None
    people: int | None
    since: dt.date
    past_precision: float | None


@dataclass(frozen=True, kw_only=True)
class Brief:
    """All that one page says. `moods` is empty where all is withheld."""

    geo_type: str
    code: str
    name: str
    period: str
    newest: dt.date
    moods: tuple[Mood, ...]
    n_compared: int
    n_withheld: int
    n_moods: int
    history: tuple[Point, ...]
    forecast: tuple[Step, ...]
    reference: dt.date | None
    alerts: tuple[Alert, ...]
    n_alerts: int
    within: tuple[tuple[str, int], ...]
    breaks: tuple[dt.date, ...]
    n_cells: int
    n_revised: int
    revision: float | None
    assumed: bool
