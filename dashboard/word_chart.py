"""The word-shift graph: parts in, `go.Figure` out. Not for computing parts, nor for reading tables.

Up and down differ by side, colour and sign; parts that are not known exactly, and all other words, by pattern.
"""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from dashboard import charts, words
from dashboard.word_weeks import AT_MOST, Shift
from warehouse.translation import t

MOST_BARS = 25
UP, DOWN = "▲", "▼"
_ROOM = 2.0


def shift_figure(shift: Shift, *, most: int = MOST_BARS) -> go.Figure:
    """A bar per word, the largest part first, and all other words last; up to the right, down to the left.

    The parts that are drawn and the last bar add up to the whole change, but for those marked with `≤`.
    """
    drawn = shift.parts.head(most)
    usual = usual_list(shift)
    bars = [_bar(row, usual=usual) for row in drawn.iter_rows(named=True)]
    rest = shift.unexplained + float(
        shift.parts.tail(-most).filter(pl.col("known") != AT_MOST)["contribution"].sum()
    )
    bars.append((rest, t("all other words"), charts.GREY, "x"))
    sizes = [100 * size for size, _, _, _ in bars]
    figure = go.Figure(
        go.Bar(
            x=sizes,
            y=list(range(len(bars))),
            orientation="h",
            text=[f"{_sign(size)} {label}" for size, label, _, _ in bars],
            textposition="outside",
            textfont={"size": 12, "color": "#31333F"},
            cliponaxis=False,
            marker={
                "color": [colour for _, _, colour, _ in bars],
                "pattern": {"shape": [pattern for _, _, _, pattern in bars], "fgopacity": 0.7},
            },
            customdata=[words.difference(size, statistic="share") for size, _, _, _ in bars],
            hovertemplate="%{text}: %{customdata}<extra></extra>",
            showlegend=False,
        )
    )
    widest = max((abs(size) for size in sizes), default=0.0) or 1.0
    figure.update_xaxes(
        range=[-_ROOM * widest, _ROOM * widest], zeroline=True, zerolinecolor="#444444", zerolinewidth=1,
        title_text=t("Part of the change, in points"),
    )  # fmt: skip
    figure.update_yaxes(visible=False, autorange="reversed")
    return charts.finished(figure, height=110 + 24 * len(bars))


def usual_list(shift: Shift) -> str:
    """The list that most words are of; words of another one are marked with it."""
    names = shift.parts.group_by("lexicon").len().sort("len", "lexicon", descending=[True, False])
    return str(names["lexicon"][0]) if names.height else ""


def _bar(row: dict[str, object], *, usual: str) -> tuple[float, str, str, str]:
    """Size, label, colour and pattern."""
    size = row["contribution"]
    assert isinstance(size, float)
    label = words.chart_text(words.shortened(str(row["term"]), most=24))
    label += f" · {words.chart_text(str(row['lexicon']))}" if row["lexicon"] != usual else ""
    bound = row["known"] == AT_MOST
    colour = charts.ORANGE if size > 0 else charts.BLUE
    return size, f"≤ {label}" if bound else label, colour, "/" if bound else ""


def _sign(size: float) -> str:
    return UP if size > 0 else DOWN if size < 0 else "="
