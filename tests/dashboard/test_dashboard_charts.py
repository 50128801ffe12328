from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from dashboard import cards, charts, data, skill, skill_charts, timeline_charts, weekly

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


def test_fan_has_three_bands_around_the_median_and_the_past() -> None:
    quantiles = pl.DataFrame(
        {
            "target_end_date": [FIRST + dt.timedelta(days=3), FIRST + dt.timedelta(days=4)],
            "0.025": [0.1, 0.1],
            "0.1": [0.15, 0.14],
            "0.25": [0.2, 0.19],
            "0.5": [0.25, 0.25],
            "0.75": [0.3, 0.31],
            "0.9": [0.35, 0.36],
            "0.975": [0.4, 0.42],
        }
    )
    figure = charts.fan(_line([0.1, 0.2, 0.3]).frame, quantiles=quantiles, statistic="share", threshold=0.35)
    named = {trace.name: trace for trace in figure.data}
    assert list(named["95% interval"].y) == [0.4, 0.42, 0.1, 0.1]
    assert list(named["80% interval"].y) == [0.35, 0.36, 0.14, 0.15]
    assert list(named["50% interval"].y) == [0.3, 0.31, 0.19, 0.2]
    assert list(named["Forecast (middle)"].y) == [0.25, 0.25]
    assert list(named["Observed"].y) == [0.1, 0.2, 0.3]
    assert list(named["connector"].y) == [0.3, 0.25]
    assert figure.layout.shapes[0].y0 == 0.35


def test_heat_map_shows_changes_in_errors_and_marks_withheld_cells(opened: data.Publication) -> None:
    changes = weekly.changes(opened)
    cells = cards.heat_cells(changes, publication=opened)
    heat = charts.heat_map(cells).data[0]
    places = list(heat.y)
    assert places[0] == "All places"
    assert "Wyoming" in places
    withheld = heat.text[places.index("Wyoming")]
    assert set(withheld) == {"×"}
    row = changes.filter(pl.col("geo_value") == "us-ca", pl.col("signal") == "lexicon_joy_share").row(
        0, named=True
    )
    column = list(heat.x).index("Joy (words)")
    assert heat.z[places.index("California")][column] == pytest.approx(row["z"])
    assert "n = " in heat.customdata[places.index("California")][column]


def test_calibration_draws_the_diagonal_and_the_shown_model_boldly(opened: data.Publication) -> None:
    frame = skill.calibration(opened.tables["scores"], task="nightly_day")
    figure = skill_charts.calibration(frame, shown="ensemble")
    named = {trace.name: trace for trace in figure.data}
    assert list(named["Exactly right"].x) == list(named["Exactly right"].y)
    assert named["Ensemble"].line.width > named["NHITS"].line.width
    own = frame.filter(pl.col("model_id") == "ensemble")
    assert list(named["Ensemble"].y) == own["observed"].to_list()


def test_leaderboard_has_a_bar_per_model_and_the_line_to_beat(opened: data.Publication) -> None:
    board = skill.leaderboard(opened.tables["scores"], task="nightly_day")
    figure = skill_charts.leaderboard(board)
    assert list(figure.data[0].x) == board["relative_wis"].to_list()
    assert figure.layout.shapes[0].x0 == 1.0


def test_sparkline_is_bare() -> None:
    figure = charts.sparkline(_line([0.1, 0.2, 0.3]).frame, statistic="share")
    assert figure.layout.xaxis.visible is False
    assert list(figure.data[0].y) == [0.1, 0.2, 0.3]


@pytest.mark.parametrize(("statistic", "wanted"), [("share", ".1%"), ("mean", ".3f"), ("count", ",.0f")])
def test_axis_format_follows_the_statistic(statistic: str, wanted: str) -> None:
    assert charts.tick_format(statistic) == wanted
