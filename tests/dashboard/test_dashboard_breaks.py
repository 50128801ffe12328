"""Breaks in the data on the timelines: where they are drawn, and what they are called."""

from __future__ import annotations

import datetime as dt

import polars as pl
import publication as made_up
import pytest

from dashboard import data, marks, timeline_charts

ONSET = made_up.LAST_DAY - dt.timedelta(days=40)


def _drawn(publication: data.Publication, *, series: data.Series) -> pl.DataFrame:
    days = data.timeline(publication, series=series)["time_value"].to_list()
    return marks.breaks_of(publication, series=[series], days=(days[0], days[-1]))


def test_a_break_of_the_place_and_scorer_has_one_line_with_all_that_changed(opened: data.Publication) -> None:
    fear = data.Series(signal=made_up.signal("emotion", "fear"), time_type="day")
    assert _drawn(opened, series=fear).rows() == [(ONSET, "Data changed: all signals at once, text length")]


def test_a_break_of_another_place_is_not_drawn(opened: data.Publication) -> None:
    other = data.Series(
        signal=made_up.signal("emotion", "fear"), geo_type="nation", geo_value="us", time_type="day"
    )
    assert _drawn(opened, series=other).is_empty()


@pytest.mark.parametrize("count", [0, 1, 4])
def test_every_break_is_a_dotted_line_with_its_label(count: int) -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=k) for k in range(9)]
    frame = pl.DataFrame({"time_value": days, "value": [0.1] * 9, "se": [0.01] * 9}).with_columns(
        sample_size=pl.lit(200), missing_value=pl.lit(0)
    )
    breaks = pl.DataFrame(
        {"onset": days[:count], "label": [f"Data changed: {k}" for k in range(count)]},
        schema={"onset": pl.Date, "label": pl.String},
    )
    figure = timeline_charts.timeline([timeline_charts.Line(name="x", frame=frame)], breaks=breaks)
    dotted = {shape.x0 for shape in figure.layout.shapes if shape.line.dash == "dot"}
    assert dotted == {day.isoformat() for day in days[:count]}
    texts = [note.text for note in figure.layout.annotations]
    assert len(texts) == count
    assert all(f"Data changed: {k}" in texts[k] for k in range(count))
