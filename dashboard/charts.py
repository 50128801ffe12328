"""Figures from values: frames in, `go.Figure` out. Not for reading tables, and nothing here draws on a page.

Colours are Okabe and Ito's, which people with any kind of colour blindness can tell apart; every difference
shown by colour is also shown by shape, dash or text.
"""

from __future__ import annotations

import datetime as dt
import itertools
import textwrap

import numpy as np
import plotly.graph_objects as go
import polars as pl

from dashboard import words
from warehouse import translation
from warehouse.intervals import interval
from warehouse.translation import percent, signed, t

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8A8A8A"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, "#56B4E9", "#E69F00")
# Without `dot`, which is the line of an earlier issue.
DASHES = ("solid", "dash", "dashdot", "longdash", "longdashdot", "8px,2px")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
# Blue for down, orange for up: the ends of a scale that stays readable without red against green.
DIVERGING = [[0.0, "#0072B2"], [0.5, "#F2F2F2"], [1.0, "#D55E00"]]
BANDS = ((0.95, "0.025", "0.975", 0.16), (0.8, "0.1", "0.9", 0.22), (0.5, "0.25", "0.75", 0.30))
MARGIN = {"l": 8, "r": 8, "t": 28, "b": 8}
MAX_Z = 4.0
_DAY, _DAY_IN_NUMBERS = "%d %b %Y", "%d/%m/%Y"


def with_gaps(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the absent periods as nulls, so that a line breaks where nothing is known."""
    if frame.height < 2:
        return frame
    dates = frame["time_value"].to_list()
    step = min(7, *((later - earlier).days for earlier, later in itertools.pairwise(dates)))
    grid = pl.DataFrame({"time_value": pl.date_range(dates[0], dates[-1], interval=f"{step}d", eager=True)})
    return grid.join(frame, on="time_value", how="full", coalesce=True).sort("time_value")


def band_traces(frame: pl.DataFrame, *, colour: str, statistic: str = "share") -> list[go.Scatter]:
    """The 95 % interval as one filled shape per unbroken run, because a fill would bridge a gap."""
    value, se = pl.col("value"), pl.col("se")
    # Wilson's is of shares; a mean on another scale or a count has the plain one.
    share = interval(value=value, se=se, n=pl.col("sample_size"), level=0.95)
    ends = share if statistic == "share" else (value - 1.96 * se, value + 1.96 * se)
    known = frame.with_columns(
        low=ends[0],
        high=ends[1],
        run=(pl.col("value").is_null() | pl.col("se").is_null()).cast(pl.Int32).cum_sum(),
    ).filter(pl.col("value").is_not_null(), pl.col("se").is_not_null())
    shapes = []
    for run in known.partition_by("run", maintain_order=True):
        low, high = run["low"].to_list(), run["high"].to_list()
        shapes.append(_shape(run["time_value"].to_list(), low=low, high=high, fill=rgba(colour, 0.18)))
    return shapes


def _shape(
    dates: list[dt.date], *, low: list[float], high: list[float], fill: str, name: str = ""
) -> go.Scatter:
    return go.Scatter(
        x=dates + dates[::-1],
        y=high + low[::-1],
        fill="toself",
        fillcolor=fill,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        name=name or t("95% sampling band"),
        showlegend=bool(name),
    )


def fan(
    history: pl.DataFrame,
    *,
    quantiles: pl.DataFrame,
    statistic: str,
    threshold: float | None = None,
    of_threshold: str = "",
) -> go.Figure:
    """The observed past and 50, 80 and 95 % forecast bands. `quantiles` has one column per level.

    `of_threshold` says what is above `threshold`.
    """
    figure = go.Figure()
    for level, low, high, opacity in BANDS:
        if low in quantiles.columns and high in quantiles.columns:
            figure.add_trace(_fan_band(quantiles, level=level, low=low, high=high, opacity=opacity))
    if "0.5" in quantiles.columns:
        _add_connector(figure, history=history, quantiles=quantiles)
        figure.add_trace(_median(quantiles, statistic=statistic))
    for band in band_traces(with_gaps(history), colour=BLUE):
        figure.add_trace(band)
    figure.add_trace(_observed(history, statistic=statistic))
    if threshold is not None:
        figure.add_hline(
            y=threshold,
            line={"color": ORANGE, "dash": "dash", "width": 1},
            annotation={"text": of_threshold or t("unusually high"), "font": {"size": 11}},
            annotation_position="top left",
        )
    figure.update_yaxes(tickformat=tick_format(statistic))
    figure.update_layout(hovermode="x unified")
    return finished(figure, height=420)


def _add_connector(figure: go.Figure, *, history: pl.DataFrame, quantiles: pl.DataFrame) -> None:
    """A thin line from the last observed value to the first forecast one, so that the eye can follow."""
    known = history.filter(pl.col("value").is_not_null())
    if known.is_empty() or quantiles.is_empty():
        return
    link = go.Scatter(
        x=[known["time_value"][-1], quantiles["target_end_date"][0]],
        y=[known["value"][-1], quantiles["0.5"][0]],
        mode="lines",
        line={"color": ORANGE, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
        name="connector",
    )
    figure.add_trace(link)


def _fan_band(quantiles: pl.DataFrame, *, level: float, low: str, high: str, opacity: float) -> go.Scatter:
    return _shape(
        quantiles["target_end_date"].to_list(),
        low=quantiles[low].to_list(),
        high=quantiles[high].to_list(),
        fill=rgba(ORANGE, opacity),
        name=t("{level} interval", level=percent(level, decimals=0)),
    )


def _median(quantiles: pl.DataFrame, *, statistic: str) -> go.Scatter:
    spread = [name for name in ("0.1", "0.9") if name in quantiles.columns]
    form = tick_format(statistic)
    middle = f"%{{y:{form}}}"
    low, high = (f"%{{customdata[{end}]:{form}}}" for end in (0, 1))
    return go.Scatter(
        x=quantiles["target_end_date"],
        y=quantiles["0.5"],
        customdata=quantiles.select(spread).rows(),
        mode="lines+markers",
        name=t("Forecast (middle)"),
        line={"color": ORANGE, "width": 2, "dash": "dash"},
        marker={"size": 6, "symbol": "square"},
        hovertemplate=(
            t("Forecast: {middle} (80%: {low} to {high})", middle=middle, low=low, high=high)
            if len(spread) == 2
            else t("Forecast: {middle}", middle=middle)
        )
        + "<extra></extra>",
    )


def _observed(history: pl.DataFrame, *, statistic: str) -> go.Scatter:
    frame = with_gaps(history)
    return go.Scatter(
        x=frame["time_value"],
        y=frame["value"],
        customdata=frame.select("sample_size").rows(),
        mode="lines+markers",
        name=t("Observed"),
        line={"color": BLUE, "width": 2},
        marker={"size": 5},
        hovertemplate=t(
            "Observed: {value}, n = {n}", value=f"%{{y:{tick_format(statistic)}}}", n="%{customdata[0]:,}"
        )
        + "<extra></extra>",
    )


def heat_map(changes: pl.DataFrame) -> go.Figure:
    """Places down, signals across: this week's change in standard errors. Columns: place, label, z, note.

    `note` is the hover text of a cell. A cell without z shows `×` where it was withheld, else nothing.
    """
    places = changes["place"].unique(maintain_order=True).to_list()
    labels = changes["label"].unique(maintain_order=True).to_list()
    cells = {(row["place"], row["label"]): row for row in changes.iter_rows(named=True)}
    grid = [[cells.get((place, label)) for label in labels] for place in places]
    figure = go.Figure(
        go.Heatmap(
            z=[[cell["z"] if cell else None for cell in row] for row in grid],
            x=[wrapped(label) for label in labels],
            y=[words.chart_text(place) for place in places],
            text=[[_mark(cell) for cell in row] for row in grid],
            customdata=[
                [words.chart_text(cell["note"]) if cell else t("not measured") for cell in row]
                for row in grid
            ],
            texttemplate="%{text}",
            hovertemplate="%{y}, %{x}<br>%{customdata}<extra></extra>",
            colorscale=DIVERGING,
            zmin=-MAX_Z,
            zmax=MAX_Z,
            xgap=2,
            ygap=2,
            colorbar={"title": {"text": t("SEs")}, "thickness": 10, "len": 0.9},
        )
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(side="bottom", tickangle=-45 if len(labels) > 4 else 0)
    return finished(figure, height=170 + 34 * len(places))


def _mark(cell: dict[str, object] | None) -> str:
    if cell is None:
        return ""
    z = cell["z"]
    if isinstance(z, float):
        return signed(z, decimals=1) if abs(z) >= 0.05 else translation.number(0.0, decimals=1)
    return "×" if cell["reliability"] == "suppressed" else "·"


def sparkline(frame: pl.DataFrame, *, statistic: str) -> go.Figure:
    """The bare line of a tile: no axes, no legend."""
    figure = go.Figure(_observed(frame, statistic=statistic))
    figure.update_traces(mode="lines", hovertemplate=None)
    figure.update_layout(
        height=70, margin={"l": 0, "r": 0, "t": 0, "b": 0}, showlegend=False, hovermode=False
    )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure


def tick_format(statistic: str) -> str:
    """The d3 format of an axis."""
    return {"share": ".1%", "count": ",.0f"}.get(statistic, ".3f")


def wrapped(label: str, *, width: int = 18) -> str:
    """A label over several lines, escaped."""
    return "<br>".join(words.chart_text(part) for part in textwrap.wrap(label, width) or [label])


def rgba(colour: str, opacity: float) -> str:
    """A hex colour with an opacity."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def hover_day(axis: str) -> str:
    """A day on that axis (`x`) in a hover text."""
    return f"%{{{axis}|{_DAY if translation.current() == 'en' else _DAY_IN_NUMBERS}}}"


def _write_days(figure: go.Figure) -> None:
    """Days along x as numbers, unless in English: Plotly knows no other language's months."""
    starts = [trace.x[0] for trace in figure.data if trace.x is not None and len(trace.x)]
    if translation.current() == "en" or not any(
        isinstance(start, dt.date | np.datetime64) for start in starts
    ):
        return
    # The first that fits is taken, and ends belong to a range.
    stops = [
        {"dtickrange": ["M12", None], "value": "%Y"},
        {"dtickrange": ["M1", "M12"], "value": "%m/%Y"},
        {"dtickrange": [None, "M1"], "value": _DAY_IN_NUMBERS},
    ]
    figure.update_xaxes(tickformatstops=stops, hoverformat=_DAY_IN_NUMBERS)


def finished(figure: go.Figure, *, height: int) -> go.Figure:
    """Margins, legend, decimal mark, days and size that every chart shares."""
    _write_days(figure)
    figure.update_layout(
        height=height,
        margin=MARGIN,
        legend={"orientation": "h", "yanchor": "top", "y": -0.22, "x": 0},
        dragmode=False,
        separators=translation.separators(),
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure
