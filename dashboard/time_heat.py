"""A heat map over time: a row per series, a column per period. Not for lines, and not for the overview's heat map."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from dashboard import charts, words
from dashboard.charts import DIVERGING, MAX_Z, tick_format, with_gaps
from dashboard.language import t
from dashboard.timeline_charts import Line

LEVELS = "Cividis"
NAME_WIDTH = 16


def over_time(lines: list[Line], *, relative: bool) -> go.Figure:
    """Colour is the value against the mean of its row, in standard errors of the value, or else the value itself.

    Withheld periods are `×`, missing ones `·`; every cell tells value, error, people and issue. Levels need one unit.
    """
    figure = go.Figure()
    for line in lines:
        _add_row(figure, line=line, relative=relative)
    _add_missing(figure, lines=lines, withheld=True, symbol="x-thin")
    _add_missing(figure, lines=lines, withheld=False, symbol="circle")
    scale = _scale(lines, relative=relative)
    figure.update_layout(coloraxis=scale, showlegend=False)
    order = [_row_name(line) for line in lines]
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=order)
    return charts.finished(figure, height=120 + 44 * len(lines))


def against_own_mean(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with `z`: value less the mean of all values, in standard errors of the value."""
    distance = pl.col("value") - pl.col("value").mean()
    return frame.with_columns(z=pl.when(pl.col("se") > 0).then(distance / pl.col("se")))


def _scale(lines: list[Line], *, relative: bool) -> dict[str, object]:
    bar = {"thickness": 10, "len": 0.9}
    if relative:
        title = {"text": t("SEs")}
        return {"colorscale": DIVERGING, "cmin": -MAX_Z, "cmax": MAX_Z, "colorbar": bar | {"title": title}}
    form = tick_format(lines[0].statistic) if lines else ""
    return {"colorscale": LEVELS, "colorbar": bar | {"tickformat": form}}


def _row_name(line: Line) -> str:
    return charts.wrapped(line.name, width=NAME_WIDTH)


def _add_row(figure: go.Figure, *, line: Line, relative: bool) -> None:
    frame = against_own_mean(with_gaps(line.frame))
    scale, unit = (100, " " + t("points")) if line.statistic == "share" else (1, "")
    extra = frame.select(
        "value", pl.col("se") * 1.96 * scale, "sample_size", pl.col("issue").cast(pl.String), "z"
    ).rows()
    told = t(
        "{value} ± {size}, n = {n}, issued {issue}",
        value=f"%{{customdata[0]:{tick_format(line.statistic)}}}", size="%{customdata[1]:.3g}" + unit,
        n="%{customdata[2]:,}", issue="%{customdata[3]}",
    )  # fmt: skip
    against = t("{z} SEs from the mean of the row", z="%{customdata[4]:+.1f}")
    figure.add_trace(
        go.Heatmap(
            x=frame["time_value"],
            y=[_row_name(line)],
            z=[frame["z" if relative else "value"].to_list()],
            customdata=[extra],
            coloraxis="coloraxis",
            hoverongaps=False,
            xgap=0,
            ygap=3,
            name=words.chart_text(line.name),
            hovertemplate=f"%{{y}}, %{{x|%d %b %Y}}<br>{told}<br>{against}<extra></extra>",
        )
    )


def _add_missing(figure: go.Figure, *, lines: list[Line], withheld: bool, symbol: str) -> None:
    cells = [
        (day, _row_name(line), words.told(words.MISSING, code or 5))
        for line in lines
        for day, code in line.frame.filter(pl.col("value").is_null())
        .select("time_value", "missing_value")
        .iter_rows()
        if (code == 3) is withheld
    ]
    if not cells:
        return
    figure.add_trace(
        go.Scatter(
            x=[day for day, _, _ in cells],
            y=[name for _, name, _ in cells],
            text=[why for _, _, why in cells],
            mode="markers",
            marker={"symbol": symbol, "size": 7 if withheld else 3, "color": charts.GREY,
                    "line": {"width": 1.5, "color": charts.GREY}},
            name=t("Withheld") if withheld else t("Missing"),
            hovertemplate="%{y}, %{x|%d %b %Y}: %{text}<extra></extra>",
        )
    )  # fmt: skip
