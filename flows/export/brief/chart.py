"""The chart of a brief as SVG text: a line, a forecast fan, people below. Values in, text out; not for choosing values.

Drawn so that grey tones alone tell it: the line is solid, the forecast dashed, ranges get lighter as they get wider.
"""

from __future__ import annotations

import datetime as dt
import html
import math
from collections.abc import Iterable
from dataclasses import dataclass

from flows.export.brief.values import Point, Step
from flows.export.brief.words import Words

WIDTH, HEIGHT = 720, 248
LEFT, RIGHT = 62, 708
TOP, BOTTOM = 20, 158
BARS_TOP, BARS_BOTTOM = 176, 208
BANDS = ((0.025, 0.975, "#c9d8e8"), (0.1, 0.9, "#9dbbd8"), (0.25, 0.75, "#6a97c4"))
BREAK_DASH = "6 3 1 3"
INK, FAINT, SEEN_BAND, FORECAST = "#111111", "#d9d9d9", "#cfcfcf", "#123f6b"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What is drawn: one mood's past as shares of people, its forecast, days from which the data are others."""

    title: str
    description: str
    period: str
    history: tuple[Point, ...]
    forecast: tuple[Step, ...]
    breaks: tuple[dt.date, ...]


@dataclass(frozen=True, kw_only=True)
class _Scales:
    """Where days and values lie on the drawing."""

    first: dt.date
    last: dt.date
    high: float
    most: int

    def x(self, day: dt.date) -> float:
        return (
            LEFT + 6 + (RIGHT - LEFT - 12) * ((day - self.first).days / max(1, (self.last - self.first).days))
        )

    def y(self, value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * value / self.high

    def bar(self, people: int) -> float:
        return (BARS_BOTTOM - BARS_TOP) * people / max(1, self.most)


def draw(chart: Chart, *, words: Words) -> str:
    """One `<svg>` with a title and a description for those who cannot see it; empty without any value."""
    if all(point.value is None for point in chart.history):
        return ""
    scales = _scales(chart)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="chart-title chart-text" '
        'xmlns="http://www.w3.org/2000/svg">',
        f'<title id="chart-title">{html.escape(chart.title)}</title>',
        f'<desc id="chart-text">{html.escape(chart.description)}</desc>',
        *_value_axis(scales=scales, words=words),
        *_time_axis(chart, scales=scales, words=words),
        *_people(chart, scales=scales, words=words),
        *_breaks(chart, scales=scales),
        *_fan(chart, scales=scales),
        *_seen(chart, scales=scales),
        *_key(chart, words=words),
        "</svg>",
    ]
    return "\n".join(part for part in parts if part)


def _scales(chart: Chart) -> _Scales:
    days = [point.day for point in chart.history] + [step.day for step in chart.forecast]
    ends = [end for p in chart.history for end in (p.low, p.value, p.high) if end is not None]
    ends += [value for step in chart.forecast for value in step.values.values()]
    # From 0, so that small changes look small.
    return _Scales(
        first=min(days),
        last=max(days),
        high=1.06 * max(ends) or 0.01,
        most=max((point.people or 0 for point in chart.history), default=0),
    )


def ticks(high: float, *, most: int = 5) -> list[float]:
    """Round numbers from 0 to `high`, at most `most` steps: 1, 2 or 5 times a power of ten apart."""
    rough = high / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return [round(number * step, 10) for number in range(math.floor(high / step + 1e-9) + 1)]


def _value_axis(*, scales: _Scales, words: Words) -> Iterable[str]:
    marks = ticks(scales.high)
    decimals = 0 if marks[1] >= 0.01 else 1
    for mark in marks:
        y = scales.y(mark)
        yield _line(LEFT, y, RIGHT, y, stroke=FAINT)
        yield _text(LEFT - 6, y + 4, words.share(mark, decimals=decimals), anchor="end")
    yield _text(4, 12, words("axis_share"), weight="bold")


def _time_axis(chart: Chart, *, scales: _Scales, words: Words) -> Iterable[str]:
    days = sorted({point.day for point in chart.history} | {step.day for step in chart.forecast})
    newest = max(point.day for point in chart.history)
    every = max(1, math.ceil(len(days) / 9))
    shown = [day for day in days if (days.index(day) - days.index(newest)) % every == 0]
    yield _line(LEFT, BARS_BOTTOM, RIGHT, BARS_BOTTOM, stroke=INK)
    year = 0
    for day in shown:
        x = scales.x(day)
        yield _line(x, BARS_BOTTOM, x, BARS_BOTTOM + 4, stroke=INK)
        anchor = "end" if x > RIGHT - 20 else "middle"
        text = words.month(day) if day.year == year else words.day(day)
        yield _text(x, BARS_BOTTOM + 17, text, anchor=anchor)
        year = day.year
    yield _text(RIGHT, 12, words(f"axis_{chart.period}"), anchor="end")
    if chart.forecast:
        x = scales.x(newest)
        yield _line(x, TOP - 4, x, BARS_BOTTOM, stroke="#777777", dash="2 3")


def _people(chart: Chart, *, scales: _Scales, words: Words) -> Iterable[str]:
    width = max(1.0, 0.6 * (RIGHT - LEFT) / max(1, (scales.last - scales.first).days) * _gap(chart))
    for point in chart.history:
        if point.people:
            height = scales.bar(point.people)
            x = scales.x(point.day) - width / 2
            yield (
                f'<rect x="{x:.1f}" y="{BARS_BOTTOM - height:.1f}" width="{width:.1f}" height="{height:.1f}" '
                'fill="#8f8f8f"/>'
            )
    yield _text(LEFT - 6, BARS_TOP + 6, words.count(scales.most), anchor="end")
    yield _text(LEFT - 6, BARS_TOP + 20, words("axis_people"), anchor="end", weight="bold")


def _gap(chart: Chart) -> int:
    """Days from one period to the next."""
    return 7 if chart.period == "week" else 1


def _breaks(chart: Chart, *, scales: _Scales) -> Iterable[str]:
    for day in chart.breaks:
        x = scales.x(day)
        yield _line(x, TOP, x, BARS_BOTTOM, stroke=INK, dash=BREAK_DASH)


def _fan(chart: Chart, *, scales: _Scales) -> Iterable[str]:
    if not chart.forecast:
        return
    start = _last_known(chart)
    for low, high, colour in BANDS:
        below = [(step.day, step.values[low]) for step in chart.forecast]
        above = [(step.day, step.values[high]) for step in chart.forecast]
        yield _area([start, *below], [start, *above], scales=scales, fill=colour)
    middle = [start, *((step.day, step.values[0.5]) for step in chart.forecast)]
    yield _path(middle, scales=scales, stroke=FORECAST, width=2.0, dash="6 4")


def _last_known(chart: Chart) -> tuple[dt.date, float]:
    known = [(p.day, p.value) for p in chart.history if p.value is not None]
    before = [(day, value) for day, value in known if day < chart.forecast[0].day]
    return before[-1] if before else (chart.forecast[0].day, chart.forecast[0].values[0.5])


def _seen(chart: Chart, *, scales: _Scales) -> Iterable[str]:
    for run in _runs(chart):
        lows = [(p.day, p.low) for p in run if p.low is not None]
        highs = [(p.day, p.high) for p in run if p.high is not None]
        yield _area(lows, highs, scales=scales, fill=SEEN_BAND)
        values = [(p.day, p.value) for p in run if p.value is not None]
        yield _path(values, scales=scales, stroke=INK, width=2.0)
        for day, value in values if len(run) == 1 or chart.period == "week" else []:
            yield f'<circle cx="{scales.x(day):.1f}" cy="{scales.y(value):.1f}" r="2.4" fill="{INK}"/>'
    for point in chart.history:
        if point.withheld:
            yield _text(scales.x(point.day), BARS_BOTTOM - 3, "×", anchor="middle", weight="bold")


def _runs(chart: Chart) -> list[list[Point]]:
    """Known points without a gap between them, so that no line bridges what is not known."""
    runs: list[list[Point]] = []
    for point in chart.history:
        if point.value is None:
            continue
        if not runs or (point.day - runs[-1][-1].day).days > _gap(chart):
            runs.append([])
        runs[-1].append(point)
    return runs


def _key(chart: Chart, *, words: Words) -> Iterable[str]:
    """What line, bands and crosses mean, below the chart."""
    y, x = HEIGHT - 10, float(LEFT)
    yield f'<rect x="{x}" y="{y - 5}" width="26" height="10" fill="{SEEN_BAND}"/>'
    yield f'<path d="M{x} {y}h26" stroke="{INK}" stroke-width="2"/>'
    yield _text(x + 32, y + 4, words("key_seen"))
    x += 196
    if chart.forecast:
        for index, (_, _, colour) in enumerate(reversed(BANDS)):
            yield f'<rect x="{x + 12 * index}" y="{y - 5}" width="12" height="10" fill="{colour}"/>'
        yield f'<path d="M{x} {y}h36" stroke="{FORECAST}" stroke-width="2" stroke-dasharray="6 4"/>'
        yield _text(x + 42, y + 4, words("key_fan"))
        x += 235
    if any(point.withheld for point in chart.history):
        yield _text(x, y + 4, f"× {words('key_withheld')}")
        x += 80
    if chart.breaks:
        yield _line(x + 4, y - 7, x + 4, y + 7, stroke=INK, dash=BREAK_DASH)
        yield _text(x + 10, y + 4, words("key_break"))


# ------------------------------------------------------------------------------------------ strokes


def _area(
    below: list[tuple[dt.date, float]], above: list[tuple[dt.date, float]], *, scales: _Scales, fill: str
) -> str:
    if len(below) < 2 or len(above) < 2:
        return _whisker(below, above, scales=scales)
    return f'<path d="{_points([*below, *reversed(above)], scales=scales)}Z" fill="{fill}"/>'


def _whisker(
    below: list[tuple[dt.date, float]], above: list[tuple[dt.date, float]], *, scales: _Scales
) -> str:
    """The interval of a value that stands alone, where an area would have no width."""
    if not below or not above:
        return ""
    x = scales.x(below[0][0])
    return _line(x, scales.y(below[0][1]), x, scales.y(above[0][1]), stroke=INK)


def _path(
    points: list[tuple[dt.date, float]], *, scales: _Scales, stroke: str, width: float, dash: str = ""
) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<path d="{_points(points, scales=scales)}" fill="none" stroke="{stroke}" stroke-width="{width}"'
        f'{dashes} stroke-linejoin="round"/>'
    )


def _points(points: list[tuple[dt.date, float]], *, scales: _Scales) -> str:
    return "M" + "L".join(f"{scales.x(day):.1f} {scales.y(value):.1f}" for day, value in points)


def _line(x1: float, y1: float, x2: float, y2: float, *, stroke: str, dash: str = "") -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{stroke}" stroke-width="1"{dashes}/>'


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">'
        f"{html.escape(text)}</text>"
    )
