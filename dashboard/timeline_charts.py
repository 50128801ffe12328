"""Figures of numbers over time from values: lines with bands and people beneath, in one panel or several.

Not for reading tables, for heat maps or for forecasts.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from dashboard import charts, words
from dashboard.charts import DASHES, GREY, ORANGE, PALETTE, SYMBOLS, band_traces, tick_format, with_gaps
from dashboard.language import t

# The plot of a 390-pixel window and a letter of a label, in pixels: what fits there fits everywhere.
NARROW = 300
LETTER = 6.0
LANE = 15
# More labels than fit into these lanes are in the list beneath the chart only.
MOST_LANES = 6
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
    several = len(stacked) > 1
    count, gap = max(len(stacked), 1), 28
    inner = count * sum(heights) + (2 * count - 1) * gap
    figure = make_subplots(
        rows=2 * count,
        cols=1,
        shared_xaxes=True,
        row_heights=list(heights) * count,
        vertical_spacing=gap / inner,
    )
    everything = [line for lines in stacked for line in lines]
    for position, lines in enumerate(stacked):
        row = 2 * position + 1
        for index, line in enumerate(lines, start=position if several else 0):
            _add_line(figure, line=line, index=index, row=row)
        figure.update_yaxes(tickformat=tick_format(lines[0].statistic if lines else "share"), row=row, col=1)
        _fit_to_values(figure, lines=everything if same_axis else lines, row=row)
        if several:
            _add_title(figure, line=lines[0], row=row)
            figure.update_yaxes(nticks=3, row=row + 1, col=1)
        else:
            figure.update_yaxes(title_text=t("People"), row=2, col=1)
        figure.update_yaxes(rangemode="tozero", row=row + 1, col=1)
    above = _add_marks(figure, lines=everything, events=events, breaks=breaks, first=18 if several else 2)
    figure.update_layout(barmode="group", hovermode="x unified", showlegend=not several)
    finished = charts.finished(figure, height=inner + 56 + above + (0 if several else 40))
    return finished.update_layout(margin={**charts.MARGIN, "t": charts.MARGIN["t"] + above})


def _add_title(figure: go.Figure, *, line: Line, row: int) -> None:
    axis = "" if row == 1 else str(row)
    figure.add_annotation(
        x=0, xref=f"x{axis} domain", xanchor="left", y=1, yref=f"y{axis} domain", yanchor="bottom",
        text=words.chart_text(line.name), showarrow=False, font={"size": 12},
    )  # fmt: skip


def _add_line(figure: go.Figure, *, line: Line, index: int, row: int) -> None:
    colour = PALETTE[index % len(PALETTE)]
    name = words.chart_text(line.name)
    frame = with_gaps(line.frame)
    for trace in band_traces(frame, colour=colour, statistic=line.statistic):
        figure.add_trace(trace, row=row, col=1)
    if line.then is not None and line.then.height:
        figure.add_trace(_then_trace(line, colour=colour), row=row, col=1)
    figure.add_trace(_value_trace(frame, name=name, index=index, statistic=line.statistic), row=row, col=1)
    bars = go.Bar(
        x=frame["time_value"],
        y=frame["sample_size"],
        name=t("People: {name}", name=name),
        marker={"color": colour, "opacity": 0.55},
        showlegend=False,
        hovertemplate=t("{n} people", n="%{y:,}") + "<extra></extra>",
    )
    figure.add_trace(bars, row=row + 1, col=1)
    _add_withheld(figure, frame=line.frame, name=name, colour=colour, row=row + 1)


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
        error_y={"type": "data", "array": _lone_errors(frame), "color": colour, "width": 3, "thickness": 1},
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


def _add_withheld(figure: go.Figure, *, frame: pl.DataFrame, name: str, colour: str, row: int) -> None:
    withheld = frame.filter(pl.col("value").is_null())
    if withheld.is_empty():
        return
    marks = go.Scatter(
        x=withheld["time_value"],
        y=[0] * withheld.height,
        text=[words.told(words.MISSING, code or 5) for code in withheld["missing_value"]],
        mode="markers",
        cliponaxis=False,
        marker={"symbol": "x-thin", "size": 8, "line": {"width": 2, "color": colour}},
        name=t("Withheld or missing"),
        legendgroup="withheld",
        showlegend=not any(trace.legendgroup == "withheld" for trace in figure.data),
        hovertemplate=f"{name}: %{{text}}<extra></extra>",
    )
    figure.add_trace(marks, row=row, col=1)


# ------------------------------------------------------------------------------------ events and breaks


@dataclass(frozen=True, kw_only=True)
class Label:
    """Where the words of an event stand above the chart: the day, the lane from below, and on which side of it."""

    day: dt.date
    text: str
    colour: str
    lane: int
    anchor: str


def _add_marks(
    figure: go.Figure,
    *,
    lines: list[Line],
    events: pl.DataFrame | None,
    breaks: pl.DataFrame | None,
    first: int,
) -> int:
    """Draw events and breaks through all panels, their labels above; how many pixels these need."""
    wanted: list[tuple[dt.date, str, str]] = []
    for name, start, end in _rows(events, "name", "start", "end"):
        if end is not None and end > start:
            figure.add_vrect(
                x0=start.isoformat(), x1=end.isoformat(), fillcolor=GREY, opacity=0.15, line_width=0
            )
        figure.add_vline(x=start.isoformat(), line={"color": GREY, "dash": "dot", "width": 1})
        wanted.append((start, name, GREY))
    for onset, label in _rows(breaks, "onset", "label"):
        figure.add_vline(x=onset.isoformat(), line={"color": ORANGE, "dash": "dot", "width": 1.5})
        wanted.append((onset, label, ORANGE))
    placed = labels(wanted, days=_days(lines))
    for label in placed:
        figure.add_annotation(
            x=label.day.isoformat(), y=1, xref="x", yref="y domain", yanchor="bottom",
            yshift=first + LANE * label.lane, text=words.chart_text(label.text), showarrow=False,
            xanchor=label.anchor, font={"size": 11} | ({"color": ORANGE} if label.colour == ORANGE else {}),
        )  # fmt: skip
    lanes = max((label.lane + 1 for label in placed), default=0)
    return LANE * lanes + (first if first > 2 else 0)


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


def _fit_to_values(figure: go.Figure, *, lines: list[Line], row: int) -> None:
    """Leave the wide band of a tiny first sample out of the range, or everything else is a flat line."""
    if not lines:
        return
    frames = [line.frame for line in lines] + [line.then for line in lines if line.then is not None]
    values = pl.concat([frame["value"] for frame in frames]).drop_nulls()
    errors = pl.concat([frame["se"] for frame in frames]).drop_nulls()
    if values.is_empty() or errors.is_empty():
        return
    pad = 2.5 * float(errors.median() or 0.0)  # type: ignore[arg-type]
    low, high = float(values.min()) - pad, float(values.max()) + pad  # type: ignore[arg-type]
    if high > low:
        bounded = lines[0].statistic == "share"
        figure.update_yaxes(range=[max(0.0, low) if bounded else low, high], row=row, col=1)
