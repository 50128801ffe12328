"""What an alert says, in plain words: number, threshold, how many people, where, since when.

Not for deciding anything. No message names or quotes an individual.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from warehouse.places import label

FORBIDDEN = (
    "epidemic",
    "pandemic",
    "skyrocket",
    "soar",
    "explod",
    "explosion",
    "surge",
    "outbreak",
    "crisis",
    "alarming",
    "shocking",
    "wave of",
    "infect",
    "viral",
    "commit suicide",
    "committed suicide",
    "overdose",
    "hanging",
    "method",
    "catastroph",
    "mentally ill",
    "lunatic",
)
TEMPLATES: Mapping[str, str] = {
    "prevalence_high": (
        "{label} was {observed} in {place} {period}, above the {threshold} from which it is unusual after its "
        "own past and what came just before (expected {expected}; {people}). Higher than usual since {since}."
    ),
    "prevalence_rise": (
        "{label} in {place} has been higher than its past and the season lead one to expect since {since}: {observed} "
        "on average {run}, against {expected} ({more}; {people} {period})."
    ),
    "forecast_high": (
        "{label} in {place} may rise above {threshold}, if so around {period}: the chance is {observed}, against "
        "{expected} in its past ({people}). Outlook of {since}."
    ),
    "contagion": (
        "In {place} between {since} and {period}, replies to posts expressing {label} expressed it "
        "themselves, or their writers did soon after, in {observed} of cases, against {expected} when "
        "exposures are shuffled ({people}). Spread-like; the cause is not established."
    ),
    "data_break": (
        "{label} in {place} changed level {period}: {observed} against {expected} before ({people}). This "
        "looks like a change in the data, not in mood; read other alerts of this place with care. Since {since}."
    ),
    "data_break_several": (
        "{observed} of the signals in {place}, good moods and bad ones alike, moved the same way {period} "
        "({people}). This looks like a change in the data, not in mood; read other alerts of this place with "
        "care. Since {since}."
    ),
}
# Of something known, not measured: it has no number, place or people.
KNOWN_TEMPLATES: Mapping[str, str] = {
    "data_break_version": (
        "Posts are scored with another version of {label} since {since}. Numbers from before, where they were "
        "not scored again, are not comparable with later ones."
    ),
    "data_break_query": (
        "Other posts are asked for than before, since {since}. Numbers from before are of other people and are not "
        "comparable with later ones."
    ),
}
BREAK_NOTE = (
    "The data changed on {onset}, within the time that this is compared with: check the source before acting."
)


@dataclass(frozen=True)
class Facts:
    """The numbers of one message, already formatted."""

    label: str
    place: str
    period: str
    since: str
    observed: str
    expected: str
    threshold: str
    people: str
    more: str = ""
    run: str = ""


def message(kind: str, facts: Facts, *, help_line: str = "") -> str:
    """The message of an alert of this kind; `help_line` is appended when it is set."""
    text = {**TEMPLATES, **KNOWN_TEMPLATES}[kind].format(**vars(facts))
    return f"{text} {help_line.strip()}" if help_line.strip() else text


def forbidden_terms(text: str) -> list[str]:
    """Sensational or unsafe terms in a text, in the order of the list; empty when it is fine."""
    return [term for term in FORBIDDEN if re.search(rf"\b{re.escape(term)}", text, flags=re.IGNORECASE)]


def share_text(value: float | None, *, sample_size: int | None) -> str:
    """A share as a percentage: one decimal from 1,000 people up, none below."""
    if value is None:
        return "an unknown share"
    decimals = 1 if sample_size is not None and sample_size >= 1000 else 0
    if decimals == 0 and 0.0 < value < 0.005:
        return "under 1%"
    return f"{100 * value:.{decimals}f}%"


def people_text(sample_size: int | None) -> str:
    """How many people, rounded to 5 as in everything published."""
    if sample_size is None:
        return "number of people unknown"
    return f"about {5 * round(sample_size / 5):,} people"


def place_text(geo_type: str, location: str, *, population: str) -> str:
    """Where, and for whom when it is not everybody."""
    where = "all places together" if geo_type == "all" else (label(geo_type, location) or "an unknown place")
    return where if population == "all" else f"{where} ({population})"


def period_text(day: dt.date, *, time_type: str) -> str:
    """The day, or the week that ends on it."""
    return f"in the week to {day.isoformat()}" if time_type == "week" else f"on {day.isoformat()}"
