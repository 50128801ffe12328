"""A heat map over time: a row per series, a column per period. Not for lines, and not for the overview's heat map."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from dashboard import charts, language, words
from dashboard.charts import DIVERGING, MAX_Z, tick_format, with_gaps
from dashboard.language import t
from dashboard.timeline_charts import Line

LEVELS = "Cividis"
NAME_WIDTH = 16


def over_time(lines: list[Line], *, relative: bool) -> go.Figure:
    """Colour is the value against the mean of its row, in standard errors of the value, or else the value itself.

    Withheld periods are `×`, missing ones `·`; every cell tells value, error, people and issue. Levels need one unit.
    """
    figure = go.Figure(_cells(lines, relative=relative))
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


def _cells(lines: list[Line], *, relative: bool) -> go.Heatmap:
    """All rows as one trace over the days that any of them has."""
    rows = [against_own_mean(with_gaps(line.frame)) for line in lines]
    days = sorted({day for row in rows for day in row["time_value"].to_list()})
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
        hovertemplate="%{y}, %{x|%d %b %Y}<br>%{customdata}<extra></extra>",
    )


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
    decimal, group = language.separators()
    return f"{value:{form}}".translate(str.maketrans(".,", decimal + group))


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
