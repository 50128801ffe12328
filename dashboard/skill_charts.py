"""Figures of how good forecasts were: frames in, `go.Figure` out. Not for the scores themselves."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from dashboard import charts, words
from warehouse.translation import number, t


def calibration(frame: pl.DataFrame, *, shown: str | None) -> go.Figure:
    """How often intervals held the truth against how often they should; on the diagonal is right.

    Columns: model_id, nominal, observed, n. `shown` is the model drawn boldly.
    """
    figure = go.Figure(
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": charts.GREY, "dash": "dot"},
            name=t("Exactly right"),
            hoverinfo="skip",
        )
    )
    for index, part in enumerate(frame.partition_by("model_id", maintain_order=True)):
        figure.add_trace(_calibration_line(part, index=index, bold=part["model_id"][0] == shown))
    figure.update_xaxes(range=[0.4, 1.02], tickformat=".0%", title_text=t("Interval should hold the truth"))
    figure.update_yaxes(range=[0, 1.05], tickformat=".0%", title_text=t("Interval held the truth"))
    return charts.finished(figure, height=420)


def _calibration_line(part: pl.DataFrame, *, index: int, bold: bool) -> go.Scatter:
    colour = charts.PALETTE[index % len(charts.PALETTE)]
    point = t(
        "{held} held at {wanted}, {n} judged", held="%{y:.0%}", wanted="%{x:.0%}", n="%{customdata[0]:,}"
    )
    return go.Scatter(
        x=part["nominal"],
        y=part["observed"],
        customdata=part.select("n").rows(),
        mode="lines+markers",
        name=words.chart_text(words.model(part["model_id"][0])),
        opacity=1.0 if bold else 0.55,
        line={"color": colour, "width": 4 if bold else 1.5},
        marker={"symbol": charts.SYMBOLS[index % len(charts.SYMBOLS)], "size": 10 if bold else 7},
        hovertemplate=point + "<extra>%{fullData.name}</extra>",
    )


def leaderboard(frame: pl.DataFrame) -> go.Figure:
    """Relative WIS per model as bars, best on top; left of the line at 1 beats the flat line.

    Columns: model_id, relative_wis, n_series, n_judged.
    """
    rests = t("{n} series, {forecasts} forecasts", n="%{customdata[0]:,}", forecasts="%{customdata[1]:,}")
    better = [value < 1 for value in frame["relative_wis"]]
    figure = go.Figure(
        go.Bar(
            x=frame["relative_wis"],
            y=[words.chart_text(words.model(name)) for name in frame["model_id"]],
            orientation="h",
            text=[number(value, decimals=2) for value in frame["relative_wis"]],
            textposition="inside",
            insidetextanchor="start",
            marker={"color": [charts.BLUE if good else charts.GREY for good in better]},
            customdata=frame.select("n_series", "n_judged").rows(),
            hovertemplate=f"%{{y}}: %{{x:.2f}}<br>{rests}<extra></extra>",
        )
    )
    figure.add_vline(x=1.0, line={"color": charts.ORANGE, "dash": "dash"})
    figure.update_yaxes(autorange="reversed")
    figure.update_xaxes(title_text=t("Flat line = 1"), range=[0, 1.1 * max([1.0, *frame["relative_wis"]])])
    return charts.finished(figure, height=110 + 38 * frame.height)
