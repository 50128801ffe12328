"""Figures of contagion: frames in, `go.Figure` out. Not for words about them, and nothing here draws on a page."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from dashboard import charts, words
from dashboard.contagion import TIES, interval, measure_name, preferred, scenario, with_range
from warehouse.translation import mark, percent, t

# White to blue: a share has no other end to be told from.
ONE_WAY = [[0.0, "#FFFFFF"], [1.0, "#0072B2"]]
HIDDEN = {
    "people_floor": mark("hidden: too few people"),
    "complementary": mark("hidden: would give another away"),
}
AXES = {"coverage": mark("People reached in the end"), "velocity": mark("People newly reached per step")}


def rates(rows: pl.DataFrame) -> go.Figure:
    """Follow rate and what shuffling gives, a line between them, per measure and tie bin.

    Rows of the Contagion contract in the order to draw; those without rates are left out.
    """
    shown = rows.filter(pl.col("follow_rate").is_not_null())
    labels = _labels(shown)
    figure = go.Figure()
    for label, low, high in zip(labels, shown["null_rate"], shown["follow_rate"], strict=True):
        line = {"color": charts.GREY, "width": 3}
        figure.add_trace(
            go.Scatter(
                x=[low, high], y=[label] * 2, mode="lines", line=line, hoverinfo="skip", showlegend=False
            )
        )
    kinds = (
        ("null_rate", t("Expected when shuffled"), "diamond-open", charts.GREY),
        ("follow_rate", t("Follow rate"), "circle", charts.BLUE),
    )
    for column, name, symbol, colour in kinds:
        marker = {"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2, "color": colour}}
        figure.add_trace(
            go.Scatter(
                x=shown[column], y=labels, mode="markers", name=name, marker=marker, customdata=_sizes(shown),
                hovertemplate=f"%{{y}}<br>{name}: %{{x:.1%}}<br>%{{customdata[0]}}<extra></extra>",
            )
        )  # fmt: skip
    figure.update_xaxes(tickformat=".0%", rangemode="tozero", title_text=t("Answers that were followed"))
    return _listed(figure, labels=labels)


def ratios(rows: pl.DataFrame) -> go.Figure:
    """The ratio of both rates with its 95 % interval, against 1. Filled where it was found."""
    shown = rows.filter(pl.col("ratio").is_not_null())
    labels = _labels(shown)
    is_found = (shown["q_value"] < 0.05) & (shown["ratio"] > 1)
    figure = go.Figure()
    groups = (
        (t("Found"), is_found.fill_null(value=False), "circle", charts.BLUE),
        (t("Not found"), ~is_found.fill_null(value=False), "circle-open", charts.GREY),
    )
    for name, mask, symbol, colour in groups:
        part = shown.filter(mask)
        figure.add_trace(_ratio_points(part, name=name, symbol=symbol, colour=colour))
    figure.add_vline(x=1.0, line={"color": charts.ORANGE, "dash": "dash"})
    figure.update_xaxes(title_text=t("Follow rate ÷ expected (1 = as shuffled)"))
    return _listed(figure, labels=labels)


def _ratio_points(part: pl.DataFrame, *, name: str, symbol: str, colour: str) -> go.Scatter:
    ranges = [interval(row, "ratio") for row in part.iter_rows(named=True)]
    texts = [
        [size[0], t("no interval") if ends == words.NOTHING else ends]
        for size, ends in zip(_sizes(part), ranges, strict=True)
    ]
    ratio = t("{ratio} times (95%: {interval})", ratio="%{x:.2f}", interval="%{customdata[1]}")
    return go.Scatter(
        x=part["ratio"], y=_labels(part), mode="markers", name=name, customdata=texts,
        marker={"symbol": symbol, "size": 11, "color": colour, "line": {"width": 2, "color": colour}},
        error_x=_ends(part, value="ratio", low="ratio_low", high="ratio_high", colour=colour),
        hovertemplate=f"%{{y}}<br>{ratio}<br>%{{customdata[0]}}<extra></extra>",
    )  # fmt: skip


def what_if(rows: pl.DataFrame, *, shown: str) -> go.Figure:
    """Coverage or velocity (`shown`) per scenario, a mark per alpha with the 5th and 95th percentile of the runs."""
    figure = go.Figure()
    alphas = rows["alpha"].unique().sort().to_list()
    names = rows["scenario"].unique(maintain_order=True).to_list()
    place = {name: k for k, name in enumerate(names)}
    for index, alpha in enumerate(alphas):
        part = rows.filter(pl.col("alpha") == alpha)
        colour = charts.PALETTE[index % len(charts.PALETTE)]
        # Marks of one scenario are set apart, or equal ones would hide each other.
        offset = 0.22 * (index - (len(alphas) - 1) / 2)
        ends = _ends(part, value=shown, low=f"{shown}_low", high=f"{shown}_high", colour=colour)
        figure.add_trace(
            go.Scatter(
                x=part[shown], y=[place[name] + offset for name in part["scenario"]], mode="markers", error_x=ends,
                name=t("Prefers {ties}", ties=preferred(alpha)),
                customdata=[_what_if_text(row) for row in part.to_dicts()],
                marker={"color": colour, "symbol": charts.SYMBOLS[index % len(charts.SYMBOLS)], "size": 10},
                hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
            )
        )  # fmt: skip
    ticks = [charts.wrapped(scenario(name)) for name in names]
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=ticks, range=[len(names) - 0.5, -0.5], zeroline=False
    )
    figure.update_xaxes(tickformat=".1%", rangemode="tozero", title_text=t(AXES[shown]))
    return charts.finished(figure, height=150 + 62 * len(names))


def _what_if_text(row: dict[str, Any]) -> str:
    return words.chart_text(
        t(
            "{scenario}: {reached} in the end, {speed} per step, {n} runs",
            scenario=scenario(row["scenario"]),
            reached=with_range(row, "coverage"),
            speed=with_range(row, "velocity"),
            n=row["replicates"],
        )
    )


def transitions(rows: pl.DataFrame) -> go.Figure:
    """From a state down to the next one across: the share of the row; × where a cell is hidden."""
    states = rows["from_state"].unique(maintain_order=True).to_list()
    states = [*(name for name in states if name != "none"), *(name for name in states if name == "none")]
    cells = {(row["from_state"], row["to_state"]): row for row in rows.iter_rows(named=True)}
    grid = [[cells.get((start, end)) for end in states] for start in states]
    named = [words.chart_text(_state(name)) for name in states]
    pair = t("{first}, then {second}", first="%{y}", second="%{x}")
    figure = go.Figure(
        go.Heatmap(
            z=[[cell["share"] if cell else None for cell in row] for row in grid], x=named, y=named,
            text=[[_cell_text(cell) for cell in row] for row in grid], texttemplate="%{text}",
            textfont={"size": 15}, customdata=[[_cell_note(cell) for cell in row] for row in grid],
            hovertemplate=pair + "<br>%{customdata}<extra></extra>",
            colorscale=ONE_WAY, zmin=0.0, zmax=1.0, xgap=2, ygap=2, showscale=False,
        )
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed", title_text=t("This post"))
    figure.update_xaxes(title_text=t("Next post"), side="top")
    return charts.finished(figure, height=150 + 46 * len(states))


def _state(name: str) -> str:
    return t("None of these") if name == "none" else words.capital(words.measure(name))


def _cell_text(cell: dict[str, object] | None) -> str:
    if cell is None or cell["suppressed"] is not None:
        return "×" if cell else ""
    share = cell["share"]
    return percent(share, decimals=0) if isinstance(share, float) else words.NOTHING


def _cell_note(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return t("not published")
    if cell["suppressed"] is not None:
        return words.told(HIDDEN, cell["suppressed"])
    return t("{n} times, {people} people", n=cell["n_transitions"], people=cell["n_people"])


def history(rows: pl.DataFrame) -> go.Figure:
    """The ratio of all ties per published window with its 95 % interval, a line per measure."""
    figure = go.Figure()
    point = t("To {day}: {ratio} times", day=charts.hover_day("x"), ratio="%{y:.2f}")
    for index, part in enumerate(
        rows.sort("measure", "window_end").partition_by("measure", maintain_order=True)
    ):
        colour = charts.PALETTE[index % len(charts.PALETTE)]
        figure.add_trace(
            go.Scatter(
                x=part["window_end"], y=part["ratio"], mode="lines+markers", customdata=_sizes(part),
                name=words.chart_text(measure_name(part.row(0, named=True))),
                line={"color": colour, "dash": charts.DASHES[index % len(charts.DASHES)], "width": 2},
                marker={"symbol": charts.SYMBOLS[index % len(charts.SYMBOLS)], "size": 7},
                error_y=_ends(part, value="ratio", low="ratio_low", high="ratio_high", colour=colour),
                hovertemplate=point + "<br>%{customdata[0]}<extra>%{fullData.name}</extra>",
            )
        )  # fmt: skip
    figure.add_hline(y=1.0, line={"color": charts.GREY, "width": 1})
    figure.update_yaxes(title_text=t("Ratio"))
    return charts.finished(figure, height=300)


def _ends(part: pl.DataFrame, *, value: str, low: str, high: str, colour: str) -> dict[str, object]:
    """Error bars from ends that need not lie evenly."""
    far = part.select(up=pl.col(high) - pl.col(value), down=pl.col(value) - pl.col(low))
    return {
        "type": "data", "symmetric": False, "array": far["up"].to_list(), "arrayminus": far["down"].to_list(),
        "color": colour, "thickness": 1.5, "width": 4,
    }  # fmt: skip


def _labels(rows: pl.DataFrame) -> list[str]:
    return [
        words.chart_text(f"{measure_name(row)}, {words.told(TIES, row['tie_bin'])}")
        for row in rows.iter_rows(named=True)
    ]


def _sizes(rows: pl.DataFrame) -> list[list[str]]:
    return [
        [t("{answers} answers, {people}", answers=words.count(edges), people=words.people(people))]
        for edges, people in rows.select("n_edges", "n_people").iter_rows()
    ]


def _listed(figure: go.Figure, *, labels: list[str]) -> go.Figure:
    figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1])
    finished = charts.finished(figure, height=150 + 30 * len(labels))
    # Above, where a chart of few rows has no axis title for it to cover.
    return finished.update_layout(legend={"y": 1.02, "yanchor": "bottom"}, margin={"t": 40})
