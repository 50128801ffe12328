"""Figures of numbers over time from values: lines with bands and people beneath, in one panel or several.

Not for reading tables, for heat maps or for forecasts.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import polars as pl

from dashboard import charts, words
from dashboard.charts import DASHES, GREY, ORANGE, PALETTE, SYMBOLS, band_traces, tick_format, with_gaps
from warehouse.translation import t

# The plot of a 390-pixel window and a letter of a label, in pixels: what fits there fits everywhere.
NARROW = 300
LETTER = 6.0
LANE = 15
# More labels than fit into these lanes are in the list beneath the chart only.
MOST_LANES = 6
GAP = 28
WITHHELD = "withheld"
LONGEST_LABEL = 40


@dataclass(frozen=True, kw_only=True)
class Line:
    """One timeline to draw: columns time_value, value, se, sample_size, missing_value, issue.

    `then` is the same as an earlier issue had it, and `then_name` says which.
    """

    name: str
    frame: pl.DataFrame
    statistic: str = "share"
    then: pl.DataFrame | None = None
    then_name: str = ""


def timeline(
    lines: list[Line], *, events: pl.DataFrame | None = None, breaks: pl.DataFrame | None = None
) -> go.Figure:
    """All lines in one panel: values with 95 % sampling bands above, people beneath; withheld periods are marked.

    `events` has `name`, `start` and `end`; `breaks` has `onset` and `label`: days from which the data are others.
    """
    return _drawn([lines], events=events, breaks=breaks, heights=(320, 100), same_axis=False)


def panels(
    lines: list[Line],
    *,
    events: pl.DataFrame | None = None,
    breaks: pl.DataFrame | None = None,
    same_axis: bool = False,
) -> go.Figure:
    """A panel per line under each other, people beneath each; `same_axis` only where all are of one unit."""
    return _drawn(
        [[line] for line in lines], events=events, breaks=breaks, heights=(120, 40), same_axis=same_axis
    )


def _drawn(
    stacked: list[list[Line]],
    *,
    events: pl.DataFrame | None,
    breaks: pl.DataFrame | None,
    heights: tuple[int, int],
    same_axis: bool,
) -> go.Figure:
    """Built as plain values and checked once: adding to a figure bit by bit takes several times as long."""
    several, everything = len(stacked) > 1, [line for lines in stacked for line in lines]
    traces: list[Any] = []
    axes, height = _axes(max(len(stacked), 1), heights=heights)
    titles = []
    for position, lines in enumerate(stacked):
        row = 2 * position + 1
        for index, line in enumerate(lines, start=position if several else 0):
            traces += _traces(
                line, index=index, row=row, first=not any(_is_withheld(item) for item in traces)
            )
        axes[_axis("yaxis", row)] |= {
            "tickformat": tick_format(lines[0].statistic if lines else "share"),
            "range": _range(everything if same_axis else lines),
        }
        axes[_axis("yaxis", row + 1)] |= {"nticks": 3} if several else {"title": {"text": t("People")}}
        titles += [_title(lines[0], row=row)] if several else []
    first = 18 if several else 2
    shapes, notes, lanes = _marks(everything, events=events, breaks=breaks, first=first)
    layout = axes | {"barmode": "group", "hovermode": "x unified", "showlegend": not several}
    figure = go.Figure(traces, layout | {"shapes": shapes, "annotations": titles + notes})
    above = LANE * lanes + (first if several else 0)
    finished = charts.finished(figure, height=height + 56 + above + (0 if several else 40))
    return finished.update_layout(margin={**charts.MARGIN, "t": charts.MARGIN["t"] + above})


def _axis(name: str, row: int) -> str:
    return name if row == 1 else f"{name}{row}"


def _axes(panels: int, *, heights: tuple[int, int]) -> tuple[dict[str, dict[str, Any]], int]:
    """The axes of panels from the top, values over people, and the height of all; days are below the last only."""
    height = panels * sum(heights) + (2 * panels - 1) * GAP
    axes: dict[str, dict[str, Any]] = {}
    top = height
    for row in range(1, 2 * panels + 1):
        bottom = top - heights[(row - 1) % 2]
        axes[_axis("yaxis", row)] = {
            "domain": [bottom / height, top / height],
            "anchor": _axis("x", row),
            "rangemode": "normal" if row % 2 else "tozero",
        }
        last = row == 2 * panels
        together = (
            {"showticklabels": True} if last else {"showticklabels": False, "matches": f"x{2 * panels}"}
        )
        axes[_axis("xaxis", row)] = {"anchor": _axis("y", row), "domain": [0.0, 1.0]} | together
        top = bottom - GAP
    return axes, height


def _title(line: Line, *, row: int) -> dict[str, Any]:
    return {
        "x": 0, "xref": f"{_axis('x', row)} domain", "xanchor": "left", "y": 1, "yref": f"{_axis('y', row)} domain",
        "yanchor": "bottom", "text": words.chart_text(line.name), "showarrow": False, "font": {"size": 12},
    }  # fmt: skip


def _traces(line: Line, *, index: int, row: int, first: bool) -> list[Any]:
    """Bands, value, people and what is withheld; `first`: no trace before it has a legend for what is withheld."""
    colour = PALETTE[index % len(PALETTE)]
    name = words.chart_text(line.name)
    frame = with_gaps(line.frame)
    above: list[Any] = list(band_traces(frame, colour=colour, statistic=line.statistic))
    if line.then is not None and line.then.height:
        above.append(_then_trace(line, colour=colour))
    above.append(_value_trace(frame, name=name, index=index, statistic=line.statistic))
    bars = go.Bar(
        x=frame["time_value"],
        y=frame["sample_size"],
        name=t("People: {name}", name=name),
        marker={"color": colour, "opacity": 0.55},
        showlegend=False,
        hovertemplate=t("{n} people", n="%{y:,}") + "<extra></extra>",
    )
    below = [bars, *_withheld(line.frame, name=name, colour=colour, first=first)]
    for traces, at in ((above, row), (below, row + 1)):
        for trace in traces:
            trace.xaxis, trace.yaxis = _axis("x", at), _axis("y", at)
    return [*above, *below]


def _is_withheld(trace: Any) -> bool:
    return bool(trace.legendgroup == WITHHELD)


def _then_trace(line: Line, *, colour: str) -> go.Scatter:
    """The line of an earlier issue: thin and dotted, without a band."""
    frame = with_gaps(line.then) if line.then is not None else line.frame
    name = words.chart_text(f"{line.name}, {line.then_name}")
    return go.Scatter(
        x=frame["time_value"],
        y=frame["value"],
        customdata=_extra(frame, statistic=line.statistic),
        name=name,
        mode="lines+markers",
        line={"color": colour, "dash": "dot", "width": 1.5},
        marker={"size": 5, "symbol": "circle-open"},
        opacity=0.8,
        hovertemplate=_hover(name, statistic=line.statistic),
    )


def _value_trace(frame: pl.DataFrame, *, name: str, index: int, statistic: str) -> go.Scatter:
    colour = PALETTE[index % len(PALETTE)]
    return go.Scatter(
        x=frame["time_value"],
        y=frame["value"],
        customdata=_extra(frame, statistic=statistic),
        name=name,
        mode="lines+markers",
        error_y={"type": "data", "array": _lone_errors(frame), "color": colour, "width": 0, "thickness": 1},
        line={"color": colour, "dash": DASHES[index % len(DASHES)], "width": 2},
        marker={"size": 5 if frame.height < 200 else 2, "symbol": SYMBOLS[index % len(SYMBOLS)]},
        hovertemplate=_hover(name, statistic=statistic),
    )


def _extra(frame: pl.DataFrame, *, statistic: str) -> list[tuple[object, ...]]:
    """Half a 95 % interval, people and issue of each value, for hovering."""
    scale = 100 if statistic == "share" else 1
    issue = pl.col("issue").cast(pl.String) if "issue" in frame.columns else pl.lit("")
    return frame.select(pl.col("se") * 1.96 * scale, "sample_size", issue).rows()


def _hover(name: str, *, statistic: str) -> str:
    size = t("{size} points", size="%{customdata[0]:.2f}") if statistic == "share" else "%{customdata[0]:.3g}"
    told = t(
        "{value} ± {size}, n = {n}, issued {issue}",
        value=f"%{{y:{tick_format(statistic)}}}", size=size, n="%{customdata[1]:,}", issue="%{customdata[2]}",
    )  # fmt: skip
    return f"{name}: {told}<extra></extra>"


def _lone_errors(frame: pl.DataFrame) -> list[float | None]:
    """Half a 95 % interval for a value with no neighbour, which a band cannot show; None for the others."""
    unknown = pl.col("value").is_null()
    lone = unknown.shift(1, fill_value=True) & unknown.shift(-1, fill_value=True)
    return frame.select(pl.when(lone).then(pl.col("se") * 1.96)).to_series().to_list()


def _withheld(frame: pl.DataFrame, *, name: str, colour: str, first: bool) -> list[go.Scatter]:
    withheld = frame.filter(pl.col("value").is_null())
    if withheld.is_empty():
        return []
    marks = go.Scatter(
        x=withheld["time_value"],
        y=[0] * withheld.height,
        text=[words.missing(code) for code in withheld["missing_value"]],
        mode="markers",
        cliponaxis=False,
        marker={"symbol": "x-thin", "size": 8, "line": {"width": 2, "color": colour}},
        name=t("Withheld or missing"),
        legendgroup=WITHHELD,
        showlegend=first,
        hovertemplate=f"{name}: %{{text}}<extra></extra>",
    )
    return [marks]


# ------------------------------------------------------------------------------------ events and breaks


@dataclass(frozen=True, kw_only=True)
class Label:
    """Where the words of an event stand above the chart: the day, the lane from below, and on which side of it."""

    day: dt.date
    text: str
    colour: str
    lane: int
    anchor: str


def _marks(
    lines: list[Line], *, events: pl.DataFrame | None, breaks: pl.DataFrame | None, first: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """Shapes of events and breaks through all panels, their labels above, and how many lanes these take."""
    shapes: list[dict[str, Any]] = []
    wanted: list[tuple[dt.date, str, str]] = []
    days = _days(lines)
    if days is None:
        return [], [], 0
    for name, began, ended in _rows(events, "name", "start", "end"):
        # Within the days shown, or Plotly would widen the axis to where it began.
        start, end = max(began, days[0]), None if ended is None else min(ended, days[1])
        if end is not None and end > start:
            shapes.append(
                _shape(start, end)
                | {"type": "rect", "fillcolor": GREY, "opacity": 0.15, "line": {"width": 0}}
            )
        shapes.append(_shape(start, start) | {"line": {"color": GREY, "dash": "dot", "width": 1}})
        wanted.append((start, name, GREY))
    for onset, label in _rows(breaks, "onset", "label"):
        shapes.append(_shape(onset, onset) | {"line": {"color": ORANGE, "dash": "dot", "width": 1.5}})
        wanted.append((onset, label, ORANGE))
    placed = labels(wanted, days=days)
    notes = [_note(label, first=first) for label in placed]
    return shapes, notes, max((label.lane + 1 for label in placed), default=0)


def _shape(start: dt.date, end: dt.date) -> dict[str, Any]:
    days = {"x0": start.isoformat(), "x1": end.isoformat(), "xref": "x"}
    return {"type": "line", "y0": 0, "y1": 1, "yref": "paper"} | days


def _note(label: Label, *, first: int) -> dict[str, Any]:
    colour = {"color": ORANGE} if label.colour == ORANGE else {}
    return {
        "x": label.day.isoformat(), "xref": "x", "y": 1, "yref": "y domain", "yanchor": "bottom",
        "yshift": first + LANE * label.lane, "xanchor": label.anchor, "text": words.chart_text(label.text),
        "showarrow": False, "font": {"size": 11} | colour,
    }  # fmt: skip


def _rows(frame: pl.DataFrame | None, *columns: str) -> list[tuple[Any, ...]]:
    return [] if frame is None else frame.select(columns).rows()


def _days(lines: list[Line]) -> tuple[dt.date, dt.date] | None:
    days = [day for line in lines for day in line.frame["time_value"].to_list()]
    return (min(days), max(days)) if days else None


def labels(wanted: list[tuple[dt.date, str, str]], *, days: tuple[dt.date, dt.date] | None) -> list[Label]:
    """Labels of days, texts and colours in lanes where no two overlap in a narrow window; what does not fit is out."""
    if days is None:
        return []
    length = max((days[1] - days[0]).days, 1)
    taken: list[list[tuple[float, float]]] = [[] for _ in range(MOST_LANES)]
    placed = []
    for day, text, colour in sorted(wanted, key=lambda item: (item[0], item[1])):
        short = words.shortened(text, most=LONGEST_LABEL)
        at, width = NARROW * (day - days[0]).days / length, LETTER * len(short)
        left = at + width <= NARROW or at < NARROW / 2
        span = (at, at + width) if left else (at - width, at)
        lane = next(
            (k for k, row in enumerate(taken) if all(span[1] < a or b < span[0] for a, b in row)), None
        )
        if lane is None:
            continue
        taken[lane].append(span)
        anchor = "left" if left else "right"
        placed.append(Label(day=day, text=short, colour=colour, lane=lane, anchor=anchor))
    return placed


def _range(lines: list[Line]) -> list[float] | None:
    """The values with some room; leaves out the wide band of a tiny first sample, or all else is a flat line."""
    frames = [line.frame for line in lines] + [line.then for line in lines if line.then is not None]
    if not frames:
        return None
    values = pl.concat([frame["value"] for frame in frames]).drop_nulls()
    errors = pl.concat([frame["se"] for frame in frames]).drop_nulls()
    if values.is_empty() or errors.is_empty():
        return None
    pad = 2.5 * float(errors.median() or 0.0)  # type: ignore[arg-type]
    low, high = float(values.min()) - pad, float(values.max()) + pad  # type: ignore[arg-type]
    if high <= low:
        return None
    return [max(0.0, low) if lines[0].statistic == "share" else low, high]
