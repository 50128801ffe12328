"""The report as one HTML file that needs no network: the drawing library is inside. Draws and words; computes nothing.

Names of events come from a file: they are escaped, in the page and in the drawings.
"""

from __future__ import annotations

from html import escape
from typing import Any

import plotly.graph_objects as go
import polars as pl
from plotly.io import to_html
from plotly.subplots import make_subplots

from flows.retrospective.corpus import Corpus
from flows.retrospective.findings import Findings
from forecasting.events.peaks import PROTOCOLS

NOT_FOR = (
    "Not for judging, finding or treating a person, nor for ranking places. An event near a rise is not its cause: "
    "other things happened in the same days, and who writes changes with the news."
)
NOTES = {
    "heat": "Share of people with a word of the marker, as the distance from the marker's own mean over the "
    "whole span in its standard deviations; grey is a gap. Lines are events. The mean uses the whole "
    "span, so this describes the past and could not have been drawn at the time. Colours of two markers "
    "do not compare their levels.",
    "peaks": "Rise per day of the 7-day mean (per week, where weeks are shown), averaged over the markers of a "
    "dimension. Triangles: the protocol of the Argentine study (Tommasel et al. 2021), whose centred "
    "mean and 80th percentile over the whole span look ahead. Dots: trailing means and a threshold from "
    "earlier maxima only, known one day later. Hollow ones lie within twice the sampling error. Not an "
    "alarm: the table sets the peaks beside the same calendar at every other place.",
    "events": "Mean of the days from an event's start on less what the same weekdays of the weeks before let one "
    "expect, in shares, with a 90 % interval from the same figure at days before the event on which "
    "nothing is known to have happened. q is Benjamini-Hochberg over all events and markers. It is not "
    "what the event caused.",
    "tests": "Is the move at the events larger than at the same calendar shifted round the span? any_direction "
    "asks about the mean absolute move, same_direction about one common direction. It says nothing "
    "about a single event.",
    "stages": "The levels of the four crisis-stage markers (Drabek 1986) change together at unknown days. As many "
    "changes are kept as gain more than in 19 of 20 series of the same autocorrelation without one. A "
    "segment is named after the marker that lies highest above its own mean. These are not the dates of "
    "a crisis, nor how it was handled.",
    "volume": "The same search on the number of posts a day, or people a week. It is not mood: after a change "
    "here, other people are heard.",
}  # fmt: skip
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;font-size:13px}"
    "th,td{padding:.2rem .6rem;text-align:left;border-bottom:1px solid #ddd}"
    ".note{color:#444;max-width:60rem}.warn{border-left:4px solid #b35900;padding-left:.8rem}"
    ".scroll{max-height:30rem;overflow:auto}"
)
_ROWS_SHOWN = 400


def page(corpus: Corpus, *, found: Findings, title: str) -> str:
    """The whole report; tables longer than 400 rows are cut, and say so."""
    tables = found.tables
    body = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{found.first} to {found.last}</p><p class=warn>{NOT_FOR}</p>",
        "<ul>" + "".join(f"<li>{escape(note)}</li>" for note in found.notes) + "</ul>",
        _section("Markers by day", note="heat", body=_drawing(_heat(corpus, found=found), first=True)),
        _section("Peaks", note="peaks", body=_drawing(_rises(corpus, found=found))),
        _table(tables["peaks_against_calendars"]),
        "<p class=note>near: peaks 0 to 7 days after an event; shifted: the mean of that over all shifts of the "
        "calendar; evenly: as many days set evenly over the span; p: of near against the shifts, one-sided.</p>",
        _section("Calendar", note="tests", body=_table(_judged(tables["calendar_tests"]))),
        _section("Event by event", note="events", body=_table(_effects(tables["event_effects"]))),
        _section("Crisis stages", note="stages", body=_table(tables["stage_segments"])),
        _table(tables["stage_changes"]),
        _section("Changes of volume", note="volume", body=_table(tables["volume_changes"])),
    ]  # fmt: skip
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _section(title: str, *, note: str, body: str) -> str:
    return f"<h2>{title}</h2><p class=note>{NOTES[note]}</p>{body}"


def _judged(tests: pl.DataFrame) -> pl.DataFrame:
    return tests.filter(pl.col("reason").is_null()).drop("reason").sort("p_value", "marker")


def _effects(rows: pl.DataFrame) -> pl.DataFrame:
    """Those that can be told, surest first."""
    shown = rows.filter(pl.col("reason").is_null()).sort("p_value", "event_id", "marker")
    return shown.select(
        "name",
        "marker",
        "before",
        "after",
        "effect",
        "low",
        "high",
        "p_value",
        "q_value",
        "n_after",
        "sample_size",
    )


def _table(frame: pl.DataFrame) -> str:
    if frame.is_empty():
        return "<p>None.</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in frame.columns)
    rows = "".join(
        "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in row) + "</tr>"
        for row in frame.head(_ROWS_SHOWN).iter_rows()
    )
    more = frame.height - _ROWS_SHOWN
    rest = f"<p>{more:,} more rows are in the CSV file.</p>" if more > 0 else ""
    return f"<div class=scroll><table><tr>{head}</tr>{rows}</table></div>{rest}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else escape(str(value))


def _drawing(figure: go.Figure, *, first: bool = False) -> str:
    return str(to_html(figure, full_html=False, include_plotlyjs=first, div_id=None, validate=True))


def _heat(corpus: Corpus, *, found: Findings) -> go.Figure:
    names = [*corpus.markers, *corpus.stages]
    days = found.tables["days"]
    grid = found.tables["rises"].select("time_value")
    figure = make_subplots(
        rows=3, cols=1, shared_xaxes=True, row_heights=[0.72, 0.14, 0.14], vertical_spacing=0.04,
        subplot_titles=("", f"people a {corpus.frequency}", "sampling error of a share, mean of the markers (points)"),
    )  # fmt: skip
    columns = {name: days.filter(pl.col("marker") == name) for name in names}
    aligned = {
        name: grid.join(frame, on="time_value", how="left", maintain_order="left")
        for name, frame in columns.items()
    }
    hover = [
        [_hover(*row) for row in aligned[name].select("value", "se", "sample_size").iter_rows()]
        for name in names
    ]
    figure.add_heatmap(
        x=grid["time_value"].to_list(), y=names, z=[aligned[name]["z"].to_list() for name in names], text=hover,
        hovertemplate="%{y}, %{x}<br>%{text}<extra></extra>", colorscale="RdBu", reversescale=True, zmid=0.0,
        zmin=-3, zmax=3, colorbar={"title": "sd", "len": 0.6, "y": 0.7}, row=1, col=1,
    )  # fmt: skip
    by_day = (
        days.group_by("time_value").agg(pl.col("sample_size").max(), pl.col("se").mean()).sort("time_value")
    )
    whole = grid.join(by_day, on="time_value", how="left", maintain_order="left")
    x = whole["time_value"].to_list()
    figure.add_bar(x=x, y=whole["sample_size"].to_list(), marker_color="#777", row=2, col=1)
    errors = [None if error is None else 100 * error for error in whole["se"].to_list()]
    figure.add_scatter(x=x, y=errors, mode="lines", line={"color": "#777"}, row=3, col=1)
    figure.add_shape(type="rect", x0=0, x1=1, y0=0, y1=1, xref="x domain", yref="y domain", fillcolor="#bbb",
                     line_width=0, layer="below")  # fmt: skip
    figure.update_yaxes(autorange="reversed", row=1, col=1)
    _mark_events(figure, found=found, named=True)
    figure.update_layout(
        height=260 + 24 * len(names) + 200, showlegend=False, template="plotly_white", margin={"t": 60}
    )
    return figure


def _hover(value: float | None, se: float | None, people: int | None) -> str:
    if value is None:
        return "no number: too few people, or no post"
    who = f", {people:,} people" if people is not None else ", people not known"
    return f"{value:.1%} (error {se or 0.0:.1%}){who}"


def _rises(corpus: Corpus, *, found: Findings) -> go.Figure:
    rises = found.tables["rises"]
    names = [name for name in corpus.sets if f"{name}_{PROTOCOLS[0]}" in rises.columns]
    figure = make_subplots(
        rows=max(len(names), 1), cols=1, shared_xaxes=True, subplot_titles=names, vertical_spacing=0.04
    )
    x = rises["time_value"].to_list()
    looks = {"study": ("#c0392b", "triangle-up"), "causal": ("#1f5fa8", "circle")}
    for row, name in enumerate(names, start=1):
        for protocol, (colour, symbol) in looks.items():
            y = [None if value is None else 100 * value for value in rises[f"{name}_{protocol}"].to_list()]
            figure.add_scatter(x=x, y=y, mode="lines", line={"color": colour, "width": 1}, name=protocol,
                               showlegend=row == 1, row=row, col=1)  # fmt: skip
            own = found.tables["peaks"].filter(pl.col("dimension") == name, pl.col("protocol") == protocol)
            weak = own["within_sampling_error"].fill_null(False).to_list()
            symbols = [f"{symbol}-open" if hollow else symbol for hollow in weak]
            figure.add_scatter(
                x=own["day"].to_list(), y=(own["rise"] * 100).to_list(), mode="markers", showlegend=False,
                name=protocol, marker={"color": colour, "size": 10, "symbol": symbols}, row=row, col=1,
            )  # fmt: skip
    _mark_events(figure, found=found, named=False)
    figure.update_layout(height=180 * len(names) + 80, template="plotly_white", margin={"t": 60})
    figure.update_yaxes(title_text=f"points a {corpus.frequency}")
    return figure


def _mark_events(figure: go.Figure, *, found: Findings, named: bool) -> None:
    """A line at each event's start on every panel and, where `named`, its name above the first."""
    line = {"color": "#333", "width": 1, "dash": "dot"}
    for name, start in found.tables["events"].select("name", "start").iter_rows():
        if found.first <= start <= found.last:
            day = start.isoformat()
            figure.add_vline(x=day, line=line, row="all", col=1)
            if named:
                figure.add_annotation(
                    x=day, y=1.0, yref="y domain", text=escape(str(name)[:30]), textangle=-35, showarrow=False,
                    xanchor="left", yanchor="bottom", font={"size": 9},
                )  # fmt: skip
