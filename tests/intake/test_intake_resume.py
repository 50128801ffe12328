"""StoppedError, repeated, grown and early files: every record ends in exactly one place."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.intake.conftest import Workshop, csv_file, good_rows, gzipped, json_lines
from warehouse.config import parse_config
from warehouse.store import open_store


class StoppedError(Exception):
    """Stands in for a kill between two batches."""


ROWS = [*good_rows(20), "x,ann", "4,a,2024-06-01,again", 'y,ann,2024-06-01,"open', *good_rows(20, first=15)]


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("stop", [1, 2, 5])
def test_a_stopped_ingest_goes_on_and_ends_as_if_never_stopped(
    workshop: Workshop, stop: int, suffix: str
) -> None:
    workshop.batch = 7
    content = csv_file(ROWS).encode() if not suffix else gzipped(csv_file(ROWS))
    name, told = f"posts.csv{suffix}", []

    def kill(_: str, count: int) -> None:
        told.append(count)
        if len(told) == stop:
            raise StoppedError

    with pytest.raises(StoppedError):
        workshop.ingest(content, name=name, progress=kill)
    assert workshop.table("raw.intake")["done"].to_list() == [False]
    workshop.ingest(name=name)
    stopped = workshop.kept
    config = parse_config({}, where="test").warehouse
    with open_store(workshop.folder / "whole.duckdb", config=config) as store:
        whole = Workshop(folder=workshop.folder, store=store, source=workshop.source, batch=7)
        whole.ingest(name=name)
        assert whole.kept == stopped


def test_a_batch_that_fails_leaves_nothing_of_itself(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    workshop.batch = 5

    def fail(*_: object, **__: object) -> None:
        raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr("warehouse.intake.ingest.write_state", fail)
        with pytest.raises(StoppedError):
            workshop.ingest(csv_file(ROWS))
    assert workshop.kept == []


def test_the_same_file_again_changes_nothing(workshop: Workshop) -> None:
    workshop.ingest(csv_file(ROWS))
    before = workshop.kept
    assert workshop.ingest(issue=dt.date(2024, 7, 5)).rows_in == 0
    assert workshop.kept == before


@pytest.mark.parametrize("columns", [{"post_id": "id"}, {}])
def test_a_file_that_grew_adds_only_what_is_new(workshop: Workshop, columns: dict[str, str]) -> None:
    workshop.source = {"columns": {"text": "text", "created_at": "date", "author": "who"} | columns}
    workshop.ingest(csv_file(good_rows(10)))
    before = workshop.posts
    grown = workshop.ingest(csv_file(good_rows(13)))
    assert (grown.rows_in, grown.rows_out, grown.reasons["duplicates"]) == (13, 3, 10)
    assert set(before["post_id"]) < set(workshop.posts["post_id"])


FUTURE = [
    *good_rows(2),
    "f1,ann,2024-07-02,early bird",
    "f2,ann,2099-01-01,clock wrong",
    "bad,ann",
    *good_rows(2, first=2),
]


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_a_post_of_tomorrow_is_held_back_and_read_when_its_day_has_come(
    workshop: Workshop, batch: int
) -> None:
    workshop.batch = batch
    first = workshop.ingest(csv_file(FUTURE), issue=dt.date(2024, 7, 1))
    assert first.rows_out == 4
    assert workshop.reasons == {"date_in_future": 2, "wrong_field_count": 1}
    assert workshop.ingest(issue=dt.date(2024, 7, 1)).rows_in == 0
    later = workshop.ingest(issue=dt.date(2024, 7, 2))
    assert (later.rows_in, later.rows_out) == (1, 1)
    assert "early bird" in workshop.texts
    assert workshop.reasons == {"date_in_future": 1, "wrong_field_count": 1}
    before = workshop.kept
    assert workshop.ingest(issue=dt.date(2024, 7, 9)).rows_in == 0
    assert workshop.kept == before


def test_the_books_show_a_held_back_post_once(workshop: Workshop) -> None:
    workshop.ingest(csv_file(FUTURE), issue=dt.date(2024, 7, 1))
    workshop.ingest(issue=dt.date(2024, 7, 2))
    (row,) = workshop.table("raw.intake").select("received", "posts", "duplicates", "quarantined").rows()
    assert row == (7, 5, 0, 2)


def test_a_held_back_post_that_came_another_way_meanwhile_is_a_duplicate(workshop: Workshop) -> None:
    early = json_lines({"id": "f", "date": "2024-07-02", "text": "early"}, {"id": "g", "text": "now"})
    workshop.ingest(early, name="a.jsonl", issue=dt.date(2024, 7, 1))
    workshop.ingest(
        early + "\n" + json_lines({"id": "h", "text": "more"}), name="b.jsonl", issue=dt.date(2024, 7, 2)
    )
    later = workshop.ingest(name="a.jsonl", issue=dt.date(2024, 7, 2))
    assert (later.rows_in, later.rows_out, later.reasons["duplicates"]) == (1, 0, 1)
    assert workshop.reasons == {}


def test_the_day_a_post_was_received_is_the_day_it_was_taken_in(workshop: Workshop) -> None:
    workshop.ingest(csv_file(FUTURE), issue=dt.date(2024, 7, 1))
    workshop.ingest(issue=dt.date(2024, 7, 4))
    days = dict(workshop.posts.select("text", "received_issue").iter_rows())
    assert days["early bird"] == dt.date(2024, 7, 4)
    assert days["happy words number 0x"] == dt.date(2024, 7, 1)
