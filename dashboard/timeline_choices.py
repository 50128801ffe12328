"""The selectors of the timelines page: what is compared, how it is drawn and which issue stands beside today's.

All of it is in the address. Not for drawing.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import streamlit as st

from dashboard import comparison, controls, data, shell, vintages, weekly, words
from dashboard.comparison import Shown
from warehouse.translation import date, mark, percent, t

MOST = 6
SPANS = {
    "90": mark("Last 3 months"),
    "365": mark("Last year"),
    "1826": mark("Last 5 years"),
    "all": mark("Everything"),
}
LAYOUTS = {"chart": mark("One chart"), "panels": mark("A panel each"), "heat": mark("Heat map")}
AXES = {"own": mark("Own scale"), "shared": mark("Same scale")}
COLOURS = {"relative": mark("Against its own mean"), "level": mark("Level")}
# Which query parameter is repeated where this is compared.
PARAMETERS = {"places": "place", "moods": "signal", "populations": "population", "estimates": "estimate"}
DETAILS = ("population", "period", "estimate", "span", "known")
NOT_THEN = "none"


@dataclass(frozen=True, kw_only=True)
class Page:
    """What is shown: lines, what they differ in, and how they are drawn. `then` is an earlier issue beside today's."""

    publication: data.Publication
    shown: list[Shown]
    compare: str
    layout: str
    scale: str
    span: str
    then: vintages.Held | None

    @property
    def series(self) -> list[data.Series]:
        """The series behind the lines, each once."""
        return list(dict.fromkeys(item.series for item in self.shown))


def select(publication: data.Publication, *, inventory: pl.DataFrame) -> Page:
    """Draw the selectors and return what they say."""
    columns = st.columns([1, 2, 2])
    with columns[0]:
        options = _told(comparison.COMPARE)
        compare = controls.choice(t("Compare"), name="compare", options=options, default=_repeated())
    with columns[1]:
        options = data.signals_of(inventory.get_column("signal").unique().to_list(), publication=publication)
        label = t("Moods (up to {most})", most=MOST) if compare == "moods" else t("Mood")
        moved = weekly.most_moved_signal(publication) or next(iter(options))
        signals = _chosen(label, compare=compare, of="moods", options=options, default=moved)
    rows = inventory.filter(pl.col("signal").is_in(signals))
    with columns[2]:
        options = data.places_of(rows, publication=publication)
        label = t("Places (up to {most})", most=MOST) if compare == "places" else t("Place")
        where = weekly.place_that_moved(publication, signal=signals[0])
        first = where if where in options else next(iter(options))
        places = _chosen(label, compare=compare, of="places", options=options, default=first)
    layout, scale = _layout()
    # Open where a link says something of these, so that no note about it is hidden.
    details = compare in ("populations", "estimates") or any(name in st.query_params for name in DETAILS)
    with st.expander(t("Whose posts, period, estimate, span, earlier issues"), expanded=details):
        shown, span = _details(rows, signals=signals, places=places, compare=compare)
        then = _earlier(publication)
    return Page(
        publication=publication,
        shown=shown,
        compare=compare,
        layout=layout,
        scale=scale,
        span=span,
        then=then,
    )


def _repeated() -> str:
    """What a link compares that does not say so: whatever is in it more than once, else places."""
    several = (kind for kind, name in PARAMETERS.items() if len(st.query_params.get_all(name)) > 1)
    return next(several, "places")


def _told(texts: dict[str, str]) -> dict[str, str]:
    return {key: t(text) for key, text in texts.items()}


def _chosen(label: str, *, compare: str, of: str, options: dict[str, str], default: str) -> list[str]:
    """Several where this is what is compared, else one."""
    name = PARAMETERS[of]
    if compare == of:
        return controls.choices(label, name=name, options=options, default=default, most=MOST)
    return [controls.choice(label, name=name, options=options, default=default)]


def _details(
    rows: pl.DataFrame, *, signals: list[str], places: list[str], compare: str
) -> tuple[list[Shown], str]:
    wide = {"populations": [3, 1, 1, 1], "estimates": [1, 1, 3, 1]}
    columns = st.columns(wide.get(compare, 4))
    kind, _, value = places[0].partition(":")
    here = rows.filter(pl.col("geo_type") == kind, pl.col("geo_value") == value)
    with columns[0]:
        found = sorted((here if compare == "populations" else rows).get_column("population").unique())
        options = {name: words.population(name) for name in sorted(found, key=lambda name: name != "all")}
        first = next(iter(options))
        populations = _chosen(t("Whose"), compare=compare, of="populations", options=options, default=first)
    with columns[1]:
        series = data.Series(signal=signals[0], geo_type=kind, geo_value=value, population=populations[0])
        time_type = _time_type(rows, series=series)
    with columns[2]:
        options = comparison.estimates_of(rows)
        estimates = _chosen(t("Estimate"), compare=compare, of="estimates", options=options, default="value")
    with columns[3]:
        span = controls.choice(t("Span"), name="span", options=_told(SPANS), default="365")
    shown = [
        Shown(
            series=_series(signal, place=place, population=population, time_type=time_type), estimate=estimate
        )
        for signal in signals
        for place in places
        for population in populations
        for estimate in estimates
    ]
    return shown, span


def _series(signal: str, *, place: str, population: str, time_type: str) -> data.Series:
    kind, _, value = place.partition(":")
    return data.Series(
        signal=signal, geo_type=kind, geo_value=value, population=population, time_type=time_type
    )


def _time_type(rows: pl.DataFrame, *, series: data.Series) -> str:
    available = sorted(rows.get_column("time_type").unique())
    options = {kind: words.told(words.TIME_TYPES, kind) for kind in available}
    default = data.default_time_type(rows, series=series)
    chosen = controls.choice(t("Period"), name="period", options=options, default=default)
    if default == "week" and "day" in available:
        share = percent(data.WEEKLY_BELOW, decimals=0)
        st.caption(t("By week: fewer than {share} of its days have enough people to be shown.", share=share))
    return chosen


def _layout() -> tuple[str, str]:
    """The layout, and the scale of its axes or colours."""
    columns = st.columns(4)
    with columns[0]:
        layout = controls.choice(t("Layout"), name="layout", options=_told(LAYOUTS))
    with columns[1]:
        if layout == "panels":
            return layout, controls.choice(t("Scale of each panel"), name="axis", options=_told(AXES))
        if layout == "heat":
            return layout, controls.choice(t("Colour"), name="colour", options=_told(COLOURS))
    return layout, "own"


def _earlier(publication: data.Publication) -> vintages.Held | None:
    held = vintages.held(shell.settings().published, before=publication.issue)
    none = t("Newest numbers only") if held else t("Newest only: no earlier issue is held")
    options = {NOT_THEN: none} | {item.issue.isoformat(): date(item.issue) for item in held}
    known = controls.choice(t("What was known on"), name="known", options=options)
    return next((item for item in held if item.issue.isoformat() == known), None)
