"""The overview's tile map, and whether what is shown is as new as it should be."""

from __future__ import annotations

import dataclasses
import datetime as dt
import shutil
import sys
from pathlib import Path

import polars as pl
import publication as made_up
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import data, last_run, shell, tile_map, weekly

VIEW = Path(shell.__file__).parent / "views" / "overview.py"
ANXIETY = made_up.signal("lexicon", "anxiety")


def _cells(
    publication: data.Publication, *, measure: str = "level", signal: str = ANXIETY
) -> dict[str, dict]:  # type: ignore[type-arg]
    drawn = tile_map.maps_of(publication)["US"]
    rows = weekly.changes(publication).filter(pl.col("signal") == signal)
    cells = tile_map.cells(rows, drawn=drawn, publication=publication, measure=measure)
    return {cell["code"]: cell for cell in cells.iter_rows(named=True)}


def test_a_tile_tells_value_or_change_and_when_hovered_its_error_people_and_issue(
    opened: data.Publication,
) -> None:
    row = weekly.changes(opened).row(
        by_predicate=(pl.col("signal") == ANXIETY) & (pl.col("geo_value") == "us-ca"), named=True
    )
    level, change = (_cells(opened, measure=measure)["CA"] for measure in ("level", "change"))
    assert level["text"] == f"{row['value'] * 100:.1f}"
    assert change["text"] == f"{row['change'] * 100:+.1f}"
    assert level["z"] == pytest.approx(row["z"])
    for part in ("±", "n = ", "issued 03 Jun 2024"):
        assert part in level["note"]


def test_a_withheld_place_is_a_cross_and_one_without_rows_a_dot(opened: data.Publication) -> None:
    bare = dataclasses.replace(opened, places=opened.places | {("region", "us-fl"): "Florida"})
    cells = _cells(bare)
    assert (cells["WY"]["text"], cells["WY"]["z"]) == (tile_map.WITHHELD, None)
    assert "too few people" in cells["WY"]["note"]
    assert (cells["FL"]["text"], cells["FL"]["z"]) == (tile_map.NOTHING, None)


def test_the_map_colours_changes_and_greys_what_is_not_known() -> None:
    frame = pl.DataFrame(
        {"row": [0, 0, 1], "column": [0, 1, 1], "code": ["A", "B", "<i>"], "place": ["a", "b", "<i>c</i>"],
         "z": [2.5, -0.5, None], "text": ["1.0", "2.0", "×"], "note": ["one", "two", "withheld"]}
    )  # fmt: skip
    figure = tile_map.figure(frame)
    judged, grey = figure.data
    assert [list(row) for row in judged.z] == [[2.5, -0.5], [None, None]]
    assert [list(row) for row in grey.z] == [[None, None], [None, 0.0]]
    assert judged.text[0][0] == "<b>A</b>▲<br>1.0"
    assert "▲" not in judged.text[0][1]
    assert grey.text[1][1] == "<b>&lt;i&gt;</b><br>×"
    assert "<i>" not in figure.to_json()


def test_fewer_than_three_places_have_no_map_and_unknown_ones_stand_beside(opened: data.Publication) -> None:
    def of(*codes: str) -> dict[str, tile_map.Map]:
        return tile_map.maps_of(
            dataclasses.replace(opened, places={("region", code): code for code in codes})
        )

    assert of("US-CA", "US-NY", "US-ZZ") == {}
    found = of("US-CA", "US-NY", "US-TX", "US-ZZ", "DE-BY")
    assert list(found) == ["US"]
    assert found["US"].beside == ("DE-BY", "US-ZZ")


def _issued_later(publication: data.Publication, *, days: int) -> data.Publication:
    later = dataclasses.replace(publication.pointer, issue=made_up.ISSUE + dt.timedelta(days=days))
    return dataclasses.replace(publication, pointer=later, reporting_lag_days=1)


def test_the_newest_day_is_held_against_the_day_the_issue_should_reach(
    opened: data.Publication, tmp_path: Path
) -> None:
    assert last_run.warnings(_issued_later(opened, days=0)) == []
    late = _issued_later(opened, days=3)
    (told,) = last_run.warnings(late)
    assert "02 Jun 2024, 3 days older than it should be (05 Jun 2024)" in told
    assert last_run.warnings(dataclasses.replace(late, reporting_lag_days=None)) == []
    shutil.copytree(opened.pointer.folder, tmp_path / "weekly")
    weeks = opened.signals.filter(pl.col("time_type") == "week").collect()
    weeks.write_parquet(tmp_path / "weekly" / "signals.parquet")
    weekly_only = data.load(dataclasses.replace(opened.pointer, folder=tmp_path / "weekly"))
    assert last_run.warnings(_issued_later(weekly_only, days=3)) == []
    (told,) = last_run.warnings(_issued_later(weekly_only, days=7))
    assert "7 days older than it should be (09 Jun 2024)" in told


def test_an_issue_that_nobody_followed_up_is_old_but_not_in_a_demonstration(
    opened: data.Publication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_run, "today", lambda: made_up.ISSUE + dt.timedelta(days=5))
    assert last_run.warnings(opened) == []
    (told,) = last_run.warnings(dataclasses.replace(opened, demo=False))
    assert "5 days old" in told
    monkeypatch.setattr(last_run, "today", lambda: made_up.ISSUE + dt.timedelta(days=1))
    assert last_run.warnings(dataclasses.replace(opened, demo=False)) == []


def test_the_last_run_says_what_was_kept_published_and_withheld(opened: data.Publication) -> None:
    told = last_run.summary(opened)
    assert "11,000 of 12,000 records received were kept as posts" in told
    assert "8,000 numbers published, 1,430 withheld" in told
    empty = opened.tables["accounting"].head(0)
    nothing = dataclasses.replace(opened, tables={"accounting": empty})  # type: ignore[arg-type]
    assert last_run.summary(nothing) == ""


def test_the_map_follows_the_address_and_bad_values_get_a_note(
    monkeypatch: pytest.MonkeyPatch, published: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "argv", ["app.py", "--published", str(published), "--state", str(tmp_path)])
    app = AppTest.from_file(str(VIEW), default_timeout=60)
    app.query_params["map_mood"] = made_up.signal("lexicon", "joy")
    app.query_params["map_measure"] = "nonsense"
    app.run()
    assert not app.exception
    assert app.selectbox(key="choice_map_mood").value == made_up.signal("lexicon", "joy")
    assert [note.value for note in app.info if "is not available here" in note.value]
    assert [header.value for header in app.header][:2] == ["Open alerts", "Where"]
    (table,) = [
        element.value for element in app.table if list(element.value.columns) == ["Place", "This week"]
    ]
    assert len(table) == 4
