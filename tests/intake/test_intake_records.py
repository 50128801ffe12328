"""What single records say: times, ids, kinds, edges, languages, odd JSON."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from tests.intake.conftest import COLUMNS, Workshop, csv_file, good_rows, json_lines
from warehouse.config import TimeConfig
from warehouse.errors import ConfigError, InputError

UTC = dt.UTC


def one_date(workshop: Workshop, written: str, **time: str) -> dt.datetime | str:
    """When a post with this date was made, in UTC; or why it was refused."""
    workshop.source = workshop.source | {"time": time}
    workshop.ingest(csv_file([f'1,a,"{written}",words']), issue=dt.date(2024, 12, 31))
    if workshop.posts.height:
        made: dt.datetime = workshop.posts["created_at"][0]
        return made.astimezone(UTC)
    (reason,) = workshop.reasons
    return reason


@pytest.mark.parametrize(
    ("written", "time", "expected"),
    [
        ("2024-06-01T10:20:30Z", {}, dt.datetime(2024, 6, 1, 10, 20, 30, tzinfo=UTC)),
        ("2024-06-01 10:20:30.5", {}, dt.datetime(2024, 6, 1, 10, 20, 30, 500_000, tzinfo=UTC)),
        ("2024-06-01 10:20", {"zone": "America/Mexico_City"}, dt.datetime(2024, 6, 1, 16, 20, tzinfo=UTC)),
        ("2024-06-01T10:20:30+0530", {}, dt.datetime(2024, 6, 1, 4, 50, 30, tzinfo=UTC)),
        ("2024-06-01 10:20:30+00", {}, dt.datetime(2024, 6, 1, 10, 20, 30, tzinfo=UTC)),
        ("2024-06-01 10:20:30 UTC", {}, dt.datetime(2024, 6, 1, 10, 20, 30, tzinfo=UTC)),
        ("2024-06-01", {}, dt.datetime(2024, 6, 1, tzinfo=UTC)),
        ("6/1/2024 3:04", {"format": "%m/%d/%Y %H:%M"}, dt.datetime(2024, 6, 1, 3, 4, tzinfo=UTC)),
        ("1717200000", {"format": "epoch_s"}, dt.datetime(2024, 6, 1, tzinfo=UTC)),
        ("1717200000000", {"format": "epoch_ms"}, dt.datetime(2024, 6, 1, tzinfo=UTC)),
        (
            "Sat Jun 01 10:20:30 +0200 2024",
            {"format": "%a %b %d %H:%M:%S %z %Y"},
            dt.datetime(2024, 6, 1, 8, 20, 30, tzinfo=UTC),
        ),
        # Summer time skips 02:30 in New York and midnight in Santiago, and repeats 01:30.
        ("2024-03-10 02:30", {"zone": "America/New_York"}, dt.datetime(2024, 3, 10, 7, 30, tzinfo=UTC)),
        ("2024-11-03 01:30", {"zone": "America/New_York"}, dt.datetime(2024, 11, 3, 5, 30, tzinfo=UTC)),
        (
            "2024-09-08",
            {"zone": "America/Santiago", "format": "%Y-%m-%d", "precision": "day"},
            dt.datetime(2024, 9, 8, 4, tzinfo=UTC),
        ),
        ("1970-01-01", {}, "date_too_early"),
        ("2099-01-01", {}, "date_in_future"),
        ("NaN", {"format": "epoch_s"}, "bad_date"),
        ("inf", {"format": "epoch_ms"}, "bad_date"),
        ("99999999999999", {"format": "epoch_s"}, "bad_date"),
        ("1e300", {"format": "epoch_ms"}, "bad_date"),
        ("0", {"format": "epoch_s"}, "date_too_early"),
        ("99999-01-01", {}, "bad_date"),
        ("+262142-12-31", {"format": "%Y-%m-%d", "zone": "Asia/Tokyo"}, "bad_date"),
        ("-262142-01-01", {"format": "%Y-%m-%d", "zone": "America/Lima"}, "bad_date"),
        ("2023-02-30", {}, "bad_date"),
        ("31/12/2023", {"format": "%m/%d/%Y"}, "bad_date"),
        ("yesterday", {}, "bad_date"),
    ],
)
def test_dates_are_read_as_configured_or_refused(
    workshop: Workshop, written: str, time: dict[str, str], expected: dt.datetime | str
) -> None:
    assert one_date(workshop, written, **time) == expected


def test_a_day_belongs_to_the_sources_own_zone(workshop: Workshop) -> None:
    one_date(workshop, "2024-06-01T03:00:00Z", zone="America/Mexico_City")
    assert workshop.posts["time_value"][0] == dt.date(2024, 5, 31)


@pytest.mark.parametrize("time", [{"zone": "Mars/Olympus"}, {"format": "%Q"}, {"format": "%d %b"}])
def test_a_zone_or_pattern_that_does_not_exist_is_a_configuration_error(
    workshop: Workshop, time: dict[str, str]
) -> None:
    workshop.source = {"time": time}
    with pytest.raises(ConfigError, match=r"sources\.time"):
        workshop.ingest(csv_file(good_rows(1)))


# ------------------------------------------------------------------------------------------- JSON


def test_json_of_any_shape_costs_at_most_its_own_line(workshop: Workshop) -> None:
    odd = '[1, 2]\n"text"\n7\nnull\n{"a": \n{"id": "x", "id": "dup", "date": "2024-06-01", "text": "last key wins"}\n'
    nested = json_lines({"text": "fine"}) + odd + "[" * 5_000 + "\n"
    assert workshop.ingest(nested, name="posts.jsonl").rows_out == 2
    assert workshop.reasons == {"bad_json": 2, "not_an_object": 4}
    assert "made:dup" in workshop.posts["post_id"].to_list()


def test_nested_fields_are_reached_by_a_dotted_path(workshop: Workshop) -> None:
    workshop.source = {
        "columns": {"text": "body.full", "created_at": "date", "author": "user.id", "post_id": "id"}
    }
    workshop.ingest(
        json_lines({"body": {"full": "deep"}, "user": {"id": 7}}, {"body": "flat"}), name="posts.jsonl"
    )
    assert workshop.texts == ["deep"]
    assert workshop.reasons == {"missing_text": 1}
    assert workshop.posts["author_key"].null_count() == 0


def test_numbers_keep_every_digit(workshop: Workshop) -> None:
    big = 12345678901234567890123
    records = [{"id": big, "text": "a"}, {"id": big + 1, "text": "b"}, {"id": str(big), "text": "c"}]
    receipt = workshop.ingest(json_lines(*records), name="posts.jsonl")
    assert receipt.reasons["duplicates"] == 1
    assert workshop.posts["post_id"].sort().to_list() == [f"made:{big}", f"made:{big + 1}"]


def test_half_a_surrogate_pair_and_nan_do_not_cost_the_record(workshop: Workshop) -> None:
    lines = '{"id":1,"date":"2024-06-01","text":"cut \\ud83d"}\n{"id":2,"date":"2024-06-01","text":"x","score":NaN}\n'
    workshop.ingest(lines, name="posts.jsonl")
    assert workshop.texts == ["cut \ufffd", "x"]


def test_an_escaped_null_byte_costs_its_record(workshop: Workshop) -> None:
    workshop.ingest(json_lines({"text": "a\x00b"}, {"text": "fine"}), name="posts.jsonl")
    assert workshop.reasons == {"null_byte": 1}


def test_json_lines_without_the_mapped_column_are_refused_with_the_columns_found(workshop: Workshop) -> None:
    lines = json_lines(*({"body": f"canary {n}"} for n in range(50)))
    (message,) = workshop.ingest(lines, name="posts.jsonl").problems
    assert "missing columns: text. Found 4 columns: who, date, id, body." in message
    assert "canary" not in message
    assert workshop.posts.is_empty()


def test_a_json_array_is_explained(workshop: Workshop) -> None:
    (message,) = workshop.ingest('[{"text": "x", "date": "2024-06-01"}]', name="posts.json").problems
    assert "one object per line, not one array" in message


# ------------------------------------------------------------------------------- ids and duplicates


@pytest.mark.parametrize("blank", ["", " ", None])
def test_blank_fields_say_nothing(workshop: Workshop, blank: str | None) -> None:
    workshop.source = {
        "columns": {"text": "text", "created_at": "date", "post_id": "id", "author": "who", "parent_id": "up"}
    }
    records = [{"text": "a", "who": blank, "up": blank}, {"text": "b", "id": blank}, {"text": blank}]
    workshop.ingest(json_lines(*records), name="posts.jsonl")
    assert workshop.reasons == {"missing_post_id": 1, "missing_text": 1}
    assert workshop.posts.select("author_key", "parent_id", "kind").row(0) == (None, None, "original")
    assert workshop.table("core.interactions").is_empty()


@pytest.mark.parametrize("batch", [1, 2, 1_000])
def test_an_id_counts_once_within_and_across_batches_and_files(workshop: Workshop, batch: int) -> None:
    workshop.batch = batch
    rows = [*good_rows(3), "1.0,b,2024-06-02,other words", *good_rows(1)]
    assert workshop.ingest(csv_file(rows)).reasons["duplicates"] == 2
    assert workshop.ingest(csv_file(good_rows(4))).rows_out == 1
    assert workshop.texts == [f"happy words number {n}x" for n in range(4)]


def test_ids_that_are_not_unique_do_not_merge_posts(workshop: Workshop) -> None:
    workshop.source = {"ids_unique": False}
    receipt = workshop.ingest(csv_file(["1,a,2024-06-01,x", "1,a,2024-06-01,y", "1,a,2024-06-01,x"]))
    assert (receipt.rows_out, receipt.reasons["duplicates"]) == (2, 1)


def test_posts_without_authors_are_kept_apart_by_what_they_say(workshop: Workshop) -> None:
    workshop.source = {"columns": {"text": "text", "created_at": "date"}}
    assert workshop.ingest(csv_file(good_rows(5))).rows_out == 5
    assert workshop.posts["author_key"].null_count() == 5


def test_several_files_of_a_pattern_are_read_once_each(workshop: Workshop) -> None:
    for part in range(3):
        workshop.write(csv_file(good_rows(4, first=4 * part)), f"p{part}.csv")
    workshop.write(csv_file(good_rows(4)), "p9.csv")
    assert workshop.ingest(name="p*.csv").rows_out == 12
    assert workshop.ingest(name="p*.csv").rows_in == 0
    with pytest.raises(InputError, match=r"source 'made': no file matches"):
        workshop.ingest(name="q*.csv")


# ---------------------------------------------------------------------------------- kinds and edges

TALK = {"text": "text", "created_at": "date", "post_id": "id", "author": "who", "parent_id": "up", "quoted_id": "of",
        "reply_to_author": "to", "kind": "kind"}  # fmt: skip


def talk(workshop: Workshop, *records: dict[str, object], **source: object) -> pl.DataFrame:
    workshop.source = {"columns": TALK} | source
    workshop.ingest(json_lines(*records), name="posts.jsonl")
    return workshop.posts.sort("post_id")


def test_an_unknown_kind_is_read_from_the_record_and_noted(workshop: Workshop) -> None:
    workshop.source = {"columns": TALK, "kinds": {"toot": "original"}}
    lines = json_lines(
        {"text": "a", "kind": "toot"},
        {"text": "b", "kind": "poll", "up": "j0"},
        {"text": "c", "kind": "repost"},
    )
    receipt = workshop.ingest(lines, name="posts.jsonl")
    assert workshop.posts.sort("post_id")["kind"].to_list() == ["original", "reply", "repost"]
    assert any("1 records declare a kind" in note for note in receipt.notes)
    assert not any("poll" in note for note in receipt.notes)


@pytest.mark.parametrize(
    ("text", "kind", "kept"),
    [
        ("RT @bob: fine words", "repost", "RT <user>: fine words"),
        ("rt＠bob fine", "repost", "rt<user> fine"),
        ("//@bob: fine words", "repost", "//<user>: fine words"),
        ("my word//@bob: fine //@eve: so", "quote", "my word"),
        ("my word // ＠bob: fine", "quote", "my word"),
        ("hello @bob", "original", "hello <user>"),
    ],
)
def test_passing_on_shows_in_the_text(workshop: Workshop, text: str, kind: str, kept: str) -> None:
    posts = talk(workshop, {"text": text})
    assert (posts["kind"][0], posts["text"][0]) == (kind, kept)


def test_edges_meet_their_authors_whatever_a_spreadsheet_did_to_the_ids(workshop: Workshop) -> None:
    records = [
        {"text": "start", "who": "77"},
        {"text": "answer", "who": "ann", "to": "77.0", "up": "j0.0"},
        {"text": "hi @ANN and ＠77, mail bob@ann.example", "who": "eve"},
    ]
    posts = talk(workshop, *records)
    edges = workshop.table("core.interactions").sort("post_id", "edge_no")
    first, ann, _ = posts["author_key"].to_list()
    assert edges.select("kind", "target_author_key").rows() == [
        ("reply", first),
        ("mention", ann),
        ("mention", first),
    ]
    assert edges["target_post_id"].to_list() == ["made:j0.0", None, None]


def test_reddit_names_are_mentions(workshop: Workshop) -> None:
    posts = talk(
        workshop, {"text": "start", "who": "Ann"}, {"text": "thanks (u/ann) and /u/ann!", "who": "bob"}
    )
    edges = workshop.table("core.interactions")
    assert edges["target_author_key"].to_list() == [posts["author_key"][0]] * 2


# ---------------------------------------------------------------------------------------- language


@pytest.mark.parametrize("texts", [["😀😀"], ["http://t.co/x"], ["😀", "12345"]])
def test_texts_without_words_have_no_certain_language(workshop: Workshop, texts: list[str]) -> None:
    workshop.source = {"lang": "auto", "languages": ["en", "es"]}
    workshop.ingest(json_lines(*({"text": text} for text in texts)), name="posts.jsonl")
    assert workshop.posts.height == len(texts)
    assert workshop.posts["lang_confidence"].max() < 0.6  # type: ignore[operator]


def test_a_declared_language_is_taken_and_a_missing_one_is_detected(workshop: Workshop) -> None:
    columns = {"text": "text", "created_at": "date", "post_id": "id", "lang": "lang"}
    workshop.source = {"lang": "auto", "languages": ["en", "es"], "columns": columns}
    records = [
        {"text": "hola", "lang": "es-MX"},
        {"text": "where is my old friend now"},
        {"text": "x", "lang": "english"},
    ]
    workshop.ingest(json_lines(*records), name="posts.jsonl")
    assert workshop.posts.sort("post_id")["lang"].to_list() == ["es", "en", "en"]


def test_a_language_that_does_not_exist_is_a_configuration_error(workshop: Workshop) -> None:
    workshop.source = {"lang": "auto", "languages": ["en", "qq"]}
    with pytest.raises(ConfigError, match="'qq'"):
        workshop.ingest(csv_file(good_rows(1)))


def placed(workshop: Workshop, rows: list[str]) -> dict[str, dt.date]:
    """Days by post of a source that knows places and goes by their clocks."""
    workshop.source = {"time": {"zone": "place"}, "columns": COLUMNS | {"place": "place"}}
    workshop.ingest("id,who,date,text,place\n" + "\n".join(rows), issue=dt.date(2024, 12, 31))
    return dict(workshop.posts.select("post_id", "time_value").iter_rows())


def test_a_post_belongs_to_the_day_of_its_place_not_of_the_server(workshop: Workshop) -> None:
    days = placed(
        workshop,
        [
            "1,a,2024-06-01T02:00:00Z,words,US-CA",
            "2,b,2024-06-01T02:00:00Z,words,US-NY",
            "3,c,2024-06-01T20:00:00Z,words,JP",
            "4,d,2024-06-01T02:00:00Z,words,nowhere that is known",
            "5,e,2024-06-01T04:30:00Z,words,US-NY",
        ],
    )
    found = {name.split(":")[-1]: day.isoformat() for name, day in days.items()}
    assert found == {
        "1": "2024-05-31",
        "2": "2024-05-31",
        "3": "2024-06-02",
        "4": "2024-06-01",
        "5": "2024-06-01",
    }


def test_a_source_of_whole_days_cannot_go_by_the_clocks_of_places() -> None:
    with pytest.raises(ValueError, match="zone 'place' needs clock times"):
        TimeConfig(zone="place", precision="day")


def test_what_people_declare_of_themselves_is_kept_and_silence_takes_nothing_back(workshop: Workshop) -> None:
    workshop.source = {"columns": COLUMNS | {"age_band": "age", "sex": "sex", "place": "place"}}
    head = "id,who,date,text,age,sex,place\n"
    workshop.ingest(
        head
        + "1,a,2024-06-01,x,18-24,,US-CA\n2,b,2024-06-01,x,,,\n3,a,2024-06-01,x,, f ,\n4,,2024-06-01,x,65+,m,\n",
        issue=dt.date(2024, 6, 2),
    )
    assert workshop.table("core.people").select("region", "age_band", "sex").rows() == [
        ("US-CA", "18-24", "f")
    ]
    workshop.ingest(head + "5,a,2024-06-02,x,25-34,,\n6,c,2024-06-02,x,,m,\n", issue=dt.date(2024, 6, 3))
    found = workshop.table("core.people").select("region", "age_band", "sex").rows()
    assert sorted(found, key=str) == sorted([("US-CA", "25-34", "f"), (None, None, "m")], key=str)
