"""A heat map over time: a row per series, a column per period. Not for lines, and not for the overview's heat map."""

from __future__ import annotations

import datetime as dt

import plotly.graph_objects as go
import polars as pl

from dashboard import charts, words
from dashboard.charts import DIVERGING, MAX_Z, hover_day, tick_format, with_gaps
from dashboard.timeline_charts import Line
from warehouse import translation
from warehouse.tables import CENSORED
from warehouse.translation import t

LEVELS = "Cividis"
NAME_WIDTH = 16
# Opaque, so that the text on them is readable in light and dark.
MISSING, WITHHELD = "#DADADA", "#B5B5B5"


def over_time(lines: list[Line], *, relative: bool) -> go.Figure:
    """Colour is the value against the mean of its row, in standard errors of the value, or else the value itself.

    Withheld periods are grey with `×`, missing ones light; every cell tells value, error, people and issue. Levels need
    one unit.
    """
    figure = go.Figure([_cells(lines, relative=relative), _unknown(lines)])
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


def _cells(lines: list[Line], *, relative: bool) -> go.Heatmap:
    """All rows as one trace over the days that any of them has."""
    rows = [against_own_mean(with_gaps(line.frame)) for line in lines]
    days = _all_days(lines)
    grid = pl.DataFrame({"time_value": days}, schema={"time_value": pl.Date})
    filled = [grid.join(row, on="time_value", how="left", maintain_order="left") for row in rows]
    return go.Heatmap(
        x=days,
        y=[_row_name(line) for line in lines],
        z=[row["z" if relative else "value"].to_list() for row in filled],
        customdata=[_notes(row, statistic=line.statistic) for row, line in zip(filled, lines, strict=True)],
        coloraxis="coloraxis",
        hoverongaps=False,
        ygap=3,
        hovertemplate=f"%{{y}}, {hover_day('x')}<br>%{{customdata}}<extra></extra>",
    )


def _all_days(lines: list[Line]) -> list[dt.date]:
    return sorted({day for line in lines for day in with_gaps(line.frame)["time_value"].to_list()})


def _notes(frame: pl.DataFrame, *, statistic: str) -> list[str]:
    """Value, error, people, issue and distance of each cell; formatted plainly, because there can be thousands."""
    scale, decimals = (100, 1) if statistic == "share" else (1, 0 if statistic == "count" else 3)
    unit, points = ("%", " " + t("points")) if statistic == "share" else ("", "")
    message = t("{value} ± {size}, n = {n}, issued {issue}") + "<br>" + t("{z} SEs from the mean of the row")
    columns = frame.select("value", "se", "sample_size", "issue", "z").iter_rows()
    return [
        ""
        if value is None
        else message.format(
            value=_written(value * scale, form=f",.{decimals}f") + unit,
            size=words.NOTHING if se is None else _written(1.96 * se * scale, form=f",.{decimals}f") + points,
            n=words.NOTHING if people is None else _written(people, form=",d"),
            issue=issue,
            z=words.NOTHING if z is None else _written(z, form="+.1f"),
        )
        for value, se, people, issue, z in columns
    ]


def _written(value: float, *, form: str) -> str:
    """A number with the marks of the current language."""
    return f"{value:{form}}".translate(str.maketrans(".,", translation.separators()))


def _unknown(lines: list[Line]) -> go.Heatmap:
    """Grey cells for periods without a number: dark with a cross where it was withheld, light where it is missing."""
    days = _all_days(lines)
    codes = [
        dict(line.frame.filter(pl.col("value").is_null()).select("time_value", "missing_value").iter_rows())
        for line in lines
    ]
    grid = [[row.get(day, 0) for day in days] for row in codes]
    return go.Heatmap(
        x=days,
        y=[_row_name(line) for line in lines],
        z=[[None if code == 0 else float(code == CENSORED) for code in row] for row in grid],
        text=[["" if code == 0 else "×" if code == CENSORED else "·" for code in row] for row in grid],
        customdata=[["" if code == 0 else words.missing(code) for code in row] for row in grid],
        texttemplate="%{text}",
        colorscale=[[0, MISSING], [1, WITHHELD]],
        zmin=0,
        zmax=1,
        showscale=False,
        hoverongaps=False,
        ygap=3,
        hovertemplate=f"%{{y}}, {hover_day('x')}: %{{customdata}}<extra></extra>",
    )
