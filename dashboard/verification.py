"""Earlier forecasts against what happened since: rows, a sentence and a figure. Not for skill over many series.

A publication keeps the forecasts of its last nights as they were issued, so nothing here was made afterwards.
"""

from __future__ import annotations

import datetime as dt

import plotly.graph_objects as go
import polars as pl

from dashboard import charts, data
from dashboard.charts import BLUE, GREY, ORANGE, tick_format
from warehouse.translation import t, tn

LEVELS = {"low": 0.1, "middle": 0.5, "high": 0.9}
# How many periods ahead can be chosen, where there are such forecasts.
AHEAD = {"day": (1, 7, 14), "week": (1, 2, 4)}


def verified(publication: data.Publication, *, series: data.Series) -> pl.DataFrame:
    """One row per earlier forecast of a period that has a number by now, by the model shown for the series today.

    Columns: reference_date, target_end_date, horizon, low, middle, high (an 80 % range), value, sample_size; `value`
    is the newest number published for the period.
    """
    made = data.forecasts_of(publication, series=series).filter(
        pl.col("horizon").is_in(AHEAD.get(series.time_type, ())), ~pl.col("is_fallback")
    )
    index = ["reference_date", "target_end_date", "horizon"]
    wide = made.group_by(index).agg(
        pl.col("value").filter((pl.col("output_type_id") - level).abs() < 1e-9).first().alias(name)
        for name, level in LEVELS.items()
    )
    happened = data.timeline(publication, series=series).filter(pl.col("value").is_not_null())
    seen = happened.select(pl.col("time_value").alias("target_end_date"), "value", "sample_size")
    both = wide.join(seen, on="target_end_date", how="inner").drop_nulls(list(LEVELS))
    return both.sort("horizon", "target_end_date")


def steps(rows: pl.DataFrame, *, time_type: str) -> dict[str, str]:
    """Periods ahead of which there are such forecasts → what to show."""
    found = set(rows["horizon"].to_list())
    return {
        str(step): _ahead(step, time_type=time_type) for step in AHEAD.get(time_type, ()) if step in found
    }


def _ahead(step: int, *, time_type: str) -> str:
    if time_type == "week":
        return tn("{n} week ahead", "{n} weeks ahead", n=step)
    return tn("{n} day ahead", "{n} days ahead", n=step)


def sentence(rows: pl.DataFrame) -> str:
    """How often the 80 % range held, and that few cases say little."""
    inside = rows.filter(pl.col("value").is_between("low", "high")).height
    told = tn(
        "Of {n} forecast that what happened has overtaken, {k} held it within its 80% range.",
        "Of {n} forecasts that what happened has overtaken, {k} held it within their 80% range.",
        n=rows.height,
        k=inside,
    )
    few = t("Neighbouring periods resemble each other, so such a count says little before some dozens.")
    return f"{told} {few}"


def figure(rows: pl.DataFrame, *, statistic: str) -> go.Figure:
    """Each forecast's middle and 80 % range on the period it was for, and what was observed on it."""
    form = tick_format(statistic)
    days: list[dt.date] = rows["target_end_date"].to_list()
    made = go.Scatter(
        x=days,
        y=rows["middle"],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": (rows["high"] - rows["middle"]).to_list(),
            "arrayminus": (rows["middle"] - rows["low"]).to_list(),
            "color": ORANGE,
            "thickness": 1,
            "width": 3,
        },
        mode="markers",
        name=t("Forecast, 80% range"),
        marker={"color": ORANGE, "symbol": "square", "size": 6},
        customdata=rows.select("low", "high").rows(),
        hovertemplate=t(
            "Forecast {middle} ({low} to {high})",
            middle=f"%{{y:{form}}}", low=f"%{{customdata[0]:{form}}}", high=f"%{{customdata[1]:{form}}}",
        ) + "<extra></extra>",
    )  # fmt: skip
    missed = (rows["value"] < rows["low"]) | (rows["value"] > rows["high"])
    seen = go.Scatter(
        x=days,
        y=rows["value"],
        mode="lines+markers",
        name=t("Observed"),
        line={"color": GREY, "width": 1},
        marker={"color": BLUE, "size": 7, "symbol": ["x" if miss else "circle" for miss in missed]},
        customdata=rows.select("sample_size").rows(),
        hovertemplate=t("Observed: {value}, n = {n}", value=f"%{{y:{form}}}", n="%{customdata[0]:,}")
        + "<extra></extra>",
    )
    chart = go.Figure([made, seen])
    chart.update_yaxes(tickformat=form)
    chart.update_layout(hovermode="x unified")
    return charts.finished(chart, height=320)
