"""Figures of numbers over time, by reading them."""

from __future__ import annotations

import datetime as dt

import polars as pl
import publication as made_up
import pytest

from dashboard import marks, timeline_charts

FIRST = dt.date(2024, 5, 1)


def _line(values: list[float | None], *, name: str = "California", step: int = 1) -> timeline_charts.Line:
    frame = pl.DataFrame(
        {
            "time_value": [FIRST + dt.timedelta(days=step * day) for day in range(len(values))],
            "value": values,
            "se": [None if value is None else 0.01 for value in values],
            "sample_size": [None if value is None else 200 for value in values],
            "missing_value": [3 if value is None else 0 for value in values],
        },
        schema_overrides={"value": pl.Float64, "se": pl.Float64, "sample_size": pl.Int64},
    )
    return timeline_charts.Line(name=name, frame=frame)


def test_timeline_draws_value_band_and_people() -> None:
    figure = timeline_charts.timeline([_line([0.1, 0.2, 0.3])])
    band, line, bars = figure.data
    assert list(line.y) == [0.1, 0.2, 0.3]
    assert list(bars.y) == [200, 200, 200]
    # Wilson's interval is not symmetric: its ends lean towards a half.
    assert max(band.y) == pytest.approx(0.3 + 1.96 * 0.01, abs=0.001)
    assert min(band.y) == pytest.approx(0.1 - 1.96 * 0.01, abs=0.002)
    assert min(band.y) > 0.1 - 1.96 * 0.01
    assert figure.layout.yaxis.tickformat == ".1%"


def test_timeline_breaks_at_withheld_periods_and_marks_them() -> None:
    figure = timeline_charts.timeline([_line([0.1, 0.2, None, 0.3, 0.2])])
    bands = [trace for trace in figure.data if trace.type == "scatter" and trace.fill == "toself"]
    marks = [trace for trace in figure.data if trace.legendgroup == "withheld"]
    assert [len(band.x) // 2 for band in bands] == [2, 2]
    assert list(marks[0].x) == [FIRST + dt.timedelta(days=2)]
    assert list(marks[0].text) == ["suppressed: too few people"]


def test_a_value_without_neighbours_has_its_error_drawn_as_a_bar() -> None:
    figure = timeline_charts.timeline([_line([0.1, 0.2, None, 0.3, None])])
    line = next(trace for trace in figure.data if trace.type == "scatter" and trace.mode == "lines+markers")
    assert [error is None or error != error for error in line.error_y.array] == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert line.error_y.array[3] == pytest.approx(1.96 * 0.01)


def test_timeline_breaks_where_a_period_is_absent() -> None:
    line = _line([0.1, 0.2, 0.3, 0.4], step=7)
    holey = timeline_charts.Line(name="x", frame=line.frame[[0, 1, 3]])
    figure = timeline_charts.timeline([holey])
    lines = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "lines+markers"]
    assert list(lines[0].y) == pytest.approx([0.1, 0.2, float("nan"), 0.4], nan_ok=True)


def test_lines_differ_in_more_than_colour() -> None:
    figure = timeline_charts.timeline([_line([0.1, 0.2], name="a"), _line([0.2, 0.3], name="b")])
    lines = [trace for trace in figure.data if trace.type == "scatter" and trace.mode == "lines+markers"]
    assert len({(line.line.dash, line.marker.symbol) for line in lines}) == 2


def test_timeline_of_nothing_and_of_withheld_only_still_draws() -> None:
    timeline_charts.timeline([])
    timeline_charts.timeline([_line([None, None])])


def test_foreign_text_in_a_chart_is_escaped() -> None:
    events = pl.DataFrame({"name": [made_up.NASTY], "start": [FIRST], "end": [None]})
    figure = timeline_charts.timeline([_line([0.1, 0.2], name=made_up.NASTY)], events=events)
    text = figure.to_json()
    assert "<b>Bold" not in text
    assert "\\u003cb\\u003eBold" not in text


def test_an_event_that_began_before_the_days_shown_does_not_widen_the_axis() -> None:
    line = _line([0.1] * 20)
    events = pl.DataFrame({"name": ["long"], "start": [dt.date(2020, 3, 1)], "end": [dt.date(2024, 12, 31)]})
    figure = timeline_charts.timeline([line], events=events)
    days = {str(shape[end]) for shape in figure.layout.shapes for end in ("x0", "x1")}
    assert min(days) >= FIRST.isoformat()
    assert max(days) <= (FIRST + dt.timedelta(days=19)).isoformat()
    assert {str(note.x) for note in figure.layout.annotations if note.text == "long"} == {FIRST.isoformat()}


def test_events_of_a_nation_are_marked_in_its_regions_and_all_of_them_everywhere() -> None:
    events = pl.DataFrame({"location": ["US", "US-CA", "GB", None, "U"]})

    def held(kind: str, place: str) -> list[str | None]:
        return events.filter(marks.happens_in(kind, place))["location"].to_list()

    assert held("region", "US-CA") == ["US", "US-CA", None]
    assert held("nation", "US") == ["US", None]
    assert len(held("all", "all")) == 5
