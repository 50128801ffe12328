"""Earlier forecasts held against what happened since."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import publication as made_up
import pytest

from dashboard import data, verification

SERIES = data.Series(signal="lexicon_joy_share", geo_type="nation", geo_value="us", time_type="day")


@pytest.fixture
def opened(tmp_path: Path) -> data.Publication:
    """The newest forecasts, and the same made 20 days earlier."""
    tables = made_up.frames()
    back = dt.timedelta(days=20)
    older = tables["forecasts"].with_columns(
        pl.col("reference_date") - back, pl.col("target_end_date") - back
    )
    both = pl.concat([tables["forecasts"], older])
    return data.load(data.current(made_up.write(tmp_path, tables=tables | {"forecasts": both})))


def test_only_forecasts_that_what_happened_has_overtaken_are_held_against_it(
    opened: data.Publication,
) -> None:
    rows = verification.verified(opened, series=SERIES)
    assert rows["horizon"].to_list() == [1, 7, 14]
    assert set(rows["reference_date"]) == {made_up.LAST_DAY - dt.timedelta(days=20)}
    happened = dict(data.timeline(opened, series=SERIES).select("time_value", "value").iter_rows())
    for row in rows.iter_rows(named=True):
        assert row["value"] == happened[row["target_end_date"]]
        assert row["low"] < row["middle"] < row["high"]
    assert verification.steps(rows, time_type="day") == {
        "1": "1 day ahead", "7": "7 days ahead", "14": "14 days ahead",
    }  # fmt: skip


def test_the_sentence_counts_and_the_figure_marks_what_lay_outside() -> None:
    rows = pl.DataFrame(
        {
            "target_end_date": [dt.date(2024, 5, day) for day in (1, 2, 3)],
            "low": [0.1, 0.1, 0.1], "middle": [0.2, 0.2, 0.2], "high": [0.3, 0.3, 0.3],
            "value": [0.3, 0.31, 0.15], "sample_size": [100, 100, 100],
        }
    )  # fmt: skip
    assert verification.sentence(rows).startswith(
        "Of 3 forecasts that what happened has overtaken, 2 held it"
    )
    made, seen = verification.figure(rows, statistic="share").data
    assert list(seen.marker.symbol) == ["circle", "x", "circle"]
    assert made.error_y.array == pytest.approx([0.1] * 3)


def test_a_first_night_has_none(tmp_path: Path) -> None:
    first = data.load(data.current(made_up.build(tmp_path)))
    rows = verification.verified(first, series=SERIES)
    assert rows.is_empty()
    assert verification.steps(rows, time_type="day") == {}
