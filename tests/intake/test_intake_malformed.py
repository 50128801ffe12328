"""Broken files: what can be read is read, what cannot is counted, and nothing is quoted."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.intake.conftest import DAY, SECRET, Workshop, csv_file, good_rows, gzipped, json_lines
from warehouse.config import parse_config
from warehouse.errors import ConfigError
from warehouse.intake import ingest_sources, source_files
from warehouse.intake.ledger import intake_accounting
from warehouse.store import open_store

NOISE = random.Random(1).randbytes(50_000)


def problem(workshop: Workshop, content: str | bytes, *, name: str = "posts.csv") -> str:
    receipt = workshop.ingest(content, name=name)
    assert receipt.rows_in == 0
    assert workshop.posts.is_empty()
    (message,) = receipt.problems
    assert name in message
    return message


@pytest.mark.parametrize("name", ["posts.csv", "posts.tsv", "posts.jsonl", "posts.parquet"])
@pytest.mark.parametrize("content", [NOISE, b"\x00" * 5_000, b"\x7fELF\x02\x01\x01\x00" + NOISE])
def test_a_binary_file_is_refused_as_a_whole(workshop: Workshop, name: str, content: bytes) -> None:
    message = problem(workshop, content, name=name)
    assert "format" in message


@pytest.mark.parametrize("name", ["posts.csv.gz", "posts.jsonl.gz", "posts.csv.zst", "posts.jsonl.zst"])
def test_a_file_that_is_not_compressed_as_its_name_says_is_refused(workshop: Workshop, name: str) -> None:
    message = problem(workshop, csv_file(good_rows(3)), name=name)
    assert "not a readable compressed file" in message


def _varied(count: int) -> list[str]:
    """Rows that do not compress away."""
    rng = random.Random(2)
    return [f"{n},u{n},2024-06-01,{rng.randbytes(90).hex('g')}" for n in range(count)]


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_a_truncated_file_keeps_every_record_before_the_cut(workshop: Workshop, suffix: str) -> None:
    whole = csv_file(_varied(5_000))
    packed = gzipped(whole) if suffix == "gz" else zstandard.compress(whole.encode())
    receipt = workshop.ingest(packed[: len(packed) // 2], name=f"posts.csv.{suffix}")
    assert workshop.reasons == {"truncated_file": 1}
    assert 1_900 < receipt.rows_out < 2_600
    kept = workshop.posts["post_id"].str.strip_prefix("made:").cast(pl.Int64).sort().to_list()
    assert kept == list(range(receipt.rows_out))


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_truncated_json_lines_keep_every_record_before_the_cut(workshop: Workshop, suffix: str) -> None:
    whole = json_lines(*({"text": row} for row in _varied(3_000)))
    packed = gzipped(whole) if suffix == "gz" else zstandard.compress(whole.encode())
    receipt = workshop.ingest(packed[: len(packed) // 2], name=f"posts.jsonl.{suffix}")
    assert workshop.reasons == {"truncated_file": 1}
    assert receipt.rows_out > 1_000


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_a_file_of_several_compressed_parts_is_read_to_the_end(workshop: Workshop, suffix: str) -> None:
    parts = [csv_file(good_rows(5)), "\n".join(good_rows(5, first=5)) + "\n"]
    packed = b"".join(gzipped(p) if suffix == "gz" else zstandard.compress(p.encode()) for p in parts)
    assert workshop.ingest(packed, name=f"posts.csv.{suffix}").rows_out == 10


def test_a_wrong_delimiter_is_named(workshop: Workshop) -> None:
    message = problem(workshop, csv_file(good_rows(3)).replace(",", ";"))
    assert "The delimiter looks like ';'" in message


def test_a_missing_column_is_named_with_those_found(workshop: Workshop) -> None:
    message = problem(workshop, "id,who,date,body\n1,a,2024-06-01,secret words\n")
    assert "missing columns: text. Found 4 columns: id, who, date, body." in message
    assert "secret" not in message


def test_a_file_without_a_header_is_not_quoted(workshop: Workshop) -> None:
    message = problem(workshop, "7,canary_author,2024-06-01,canary words\n8,b,2024-06-01,x\n")
    assert "add a header line" in message
    assert "canary" not in message


def test_a_column_named_twice_is_refused(workshop: Workshop) -> None:
    assert "text more than once" in problem(workshop, "id,who,date,text,text\n1,a,2024-06-01,x,y\n")


@pytest.mark.parametrize("content", ["", "id,who,date,text\n", "\n"])
def test_a_file_without_records_is_noted(workshop: Workshop, content: str) -> None:
    receipt = workshop.ingest(content)
    assert receipt.rows_in == 0
    said = " ".join((*receipt.notes, *receipt.problems))
    assert "posts.csv" in said
    assert workshop.ingest().rows_in == 0


@pytest.mark.parametrize("name", ["utf-9", "utf-16", "utf-7", "unicode_escape", "cp037", "rot13"])
def test_an_encoding_that_cannot_work_is_a_configuration_error(workshop: Workshop, name: str) -> None:
    workshop.source = {"encoding": name}
    with pytest.raises(ConfigError, match=rf"source 'made'.*'{name}'"):
        workshop.ingest(csv_file(good_rows(1)))


def test_latin_1_in_a_utf_8_file_costs_only_its_own_records(workshop: Workshop) -> None:
    rows = [*good_rows(3), "l,ann,2024-06-01,caf\xe9", *good_rows(3, first=3)]
    receipt = workshop.ingest(csv_file(rows).encode("latin-1"))
    assert receipt.rows_out == 6
    assert workshop.reasons == {"bad_encoding": 1}


@pytest.mark.parametrize("name", ["posts.csv", "posts.jsonl"])
def test_the_configured_encoding_is_used(workshop: Workshop, name: str) -> None:
    workshop.source = {"encoding": "latin-1"}
    plain = (
        csv_file(["1,ann,2024-06-01,café"])
        if name == "posts.csv"
        else '{"id":1,"date":"2024-06-01","text":"café"}'
    )
    workshop.ingest(plain.encode("latin-1"), name=name)
    assert workshop.texts == ["café"]


@pytest.mark.parametrize("name", ["posts.csv", "posts.jsonl"])
def test_a_byte_order_mark_and_windows_line_ends_change_nothing(workshop: Workshop, name: str) -> None:
    plain = json_lines({"text": "one"}, {"text": "two"})
    if name == "posts.csv":
        plain = '"id","who","date","text"\n1,a,2024-06-01,one\n2,a,2024-06-01,two\n'
    workshop.ingest(b"\xef\xbb\xbf" + plain.replace("\n", "\r\n").encode(), name=name)
    assert workshop.texts == ["one", "two"]


@pytest.mark.parametrize("at", [0, 5, 9, 10])
def test_a_quote_that_is_never_closed_costs_only_its_own_line(workshop: Workshop, at: int) -> None:
    rows = good_rows(10)
    rows.insert(at, 'bad,ann,2024-06-01,"no end')
    receipt = workshop.ingest(csv_file(rows))
    assert receipt.rows_out == 10
    assert workshop.reasons == {"unclosed_quote": 1}


def test_an_open_quote_does_not_swallow_the_quoted_records_behind_it(workshop: Workshop) -> None:
    quoted = [f'q{n},ann,2024-06-01,"quoted, {n}x"' for n in range(5)]
    rows = [*good_rows(3), 'bad,ann,2024-06-01,"no end', *good_rows(3, first=3), *quoted]
    assert workshop.ingest(csv_file(rows)).rows_out == 11
    assert workshop.reasons == {"unclosed_quote": 1}


def test_quotes_that_were_not_doubled_are_taken_as_written(workshop: Workshop) -> None:
    rows = ['1,ann,2024-06-01,"she said "fine" to me"', '2,ann,2024-06-01,say "hi"', *good_rows(2, first=3)]
    assert workshop.ingest(csv_file(rows)).rows_out == 4


def test_a_quoted_post_of_several_lines_is_one_record(workshop: Workshop) -> None:
    workshop.ingest(csv_file(['1,ann,2024-06-01,"first\nsecond, with ""quotes""\n\nlast"']))
    assert workshop.texts == ['first\nsecond, with "quotes"\n\nlast']


def test_null_bytes_and_stray_carriage_returns_cost_only_their_record(workshop: Workshop) -> None:
    rows = [*good_rows(2), "n,ann,2024-06-01,a\x00b", "r,ann,2024-06-01,a\rb", *good_rows(2, first=2)]
    assert workshop.ingest(csv_file(rows)).rows_out == 4
    assert workshop.reasons == {"null_byte": 1, "stray_carriage_return": 1}


def test_wrong_field_counts_are_counted(workshop: Workshop) -> None:
    assert workshop.ingest(csv_file(["1,ann", *good_rows(2), "2,a,2024-06-01,x,y"])).rows_out == 2
    assert workshop.reasons == {"wrong_field_count": 2}


@pytest.mark.parametrize("name", ["posts.csv", "posts.jsonl"])
def test_a_post_of_five_megabytes_is_refused_alone(workshop: Workshop, name: str) -> None:
    huge = "x" * 5_000_000
    content = json_lines({"text": "fine"}, {"text": huge}, {"text": "fine too"})
    if name == "posts.csv":
        content = csv_file([*good_rows(1), f"h,ann,2024-06-01,{huge}", *good_rows(1, first=1)])
    assert workshop.ingest(content, name=name).rows_out == 2
    assert workshop.reasons == {"text_too_long": 1}


def test_a_line_without_end_is_cut_and_refused(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.intake.streams.MAX_LINE_BYTES", 200)
    content = json_lines({"text": "fine"}, {"text": "y" * 300_000}, {"text": "fine too"})
    assert workshop.ingest(content, name="posts.jsonl").rows_out == 2
    assert workshop.reasons == {"bad_json": 1}


def test_formula_like_cells_are_only_text(workshop: Workshop) -> None:
    rows = ["1,=cmd(),2024-06-01,=SUM(A1)", "2,+1,2024-06-01,-x", "3,-a,2024-06-01,+y"]
    workshop.ingest(csv_file(rows))
    assert workshop.texts == ["+y", "-x", "=SUM(A1)"]


def test_one_bad_file_does_not_stop_the_others(workshop: Workshop) -> None:
    workshop.write(csv_file(good_rows(3)), "a.csv")
    workshop.write(NOISE, "b.csv")
    workshop.write(csv_file(good_rows(3, first=3)), "c.csv")
    workshop.write("half written", ".d.csv")
    receipt = workshop.ingest(name="*.csv")
    assert receipt.rows_out == 6
    assert len(receipt.problems) == 1
    assert workshop.ingest(name="").rows_out == 0


def test_a_parquet_file_of_wrong_types_is_refused_with_the_type(workshop: Workshop) -> None:
    frame = pl.DataFrame({"id": [1], "who": ["a"], "date": ["2024-06-01"], "text": [["a", "b"]]})
    frame.write_parquet(workshop.folder / "posts.parquet")
    (message,) = workshop.ingest(name="posts.parquet").problems
    assert "column text has type large_list" in message


def test_parquet_times_and_numbers_are_read(workshop: Workshop) -> None:
    when = pl.Series(["2024-06-01 10:00:00", "2024-06-02 11:00:00"]).str.to_datetime(time_zone="UTC")
    frame = pl.DataFrame({"id": [1, 2], "who": [7.0, 8.0], "date": when, "text": ["one", "t\0wo"]})
    frame.write_parquet(workshop.folder / "posts.parquet")
    assert workshop.ingest(name="posts.parquet").rows_out == 1
    assert workshop.reasons == {"null_byte": 1}
    assert str(workshop.posts["created_at"][0]) == "2024-06-01 10:00:00+00:00"
    workshop.source = {"time": {"format": "%Y"}}
    frame.head(1).write_parquet(workshop.folder / "posts.parquet")
    (message,) = workshop.ingest(name="posts.parquet").problems
    assert 'format = "iso"' in message


def test_a_parquet_file_damaged_in_the_middle_keeps_what_came_before(workshop: Workshop) -> None:
    rng = random.Random(3)
    texts = [rng.randbytes(100).hex() for _ in range(4_000)]
    frame = pl.DataFrame({"id": [*range(4_000)], "who": "a", "date": "2024-06-01", "text": texts})
    path = workshop.folder / "posts.parquet"
    frame.write_parquet(path, row_group_size=1_000, compression="zstd")
    body = bytearray(path.read_bytes())
    body[len(body) // 2 : len(body) // 2 + 50_000] = bytes(50_000)
    receipt = workshop.ingest(bytes(body), name="posts.parquet")
    assert receipt.rows_out >= 1_000
    assert workshop.reasons == {"truncated_file": 1}


PIECES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [b'"', b"\n", b"\r\n", b",", b"\x00", b"\xff", b'1,a,2024-06-01,"x\ny"\n', b"2,b,2024-06-01,ok\n"]
    ),
)


@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    pieces=st.lists(PIECES, max_size=12), name=st.sampled_from(["csv", "jsonl", "csv.gz", "csv.zst", "tsv"])
)
def test_any_bytes_are_accounted_for(workshop: Workshop, pieces: list[bytes], name: str) -> None:
    body = b"id,who,date,text\n" + b"".join(pieces)
    if name == "jsonl":
        body = b'{"id": "1", "text": "x", "date": "2024-06-01"}\n' + b"".join(pieces)
    elif name == "csv.gz":
        body = gzipped(body.decode("latin-1"))[: len(body)]
    workshop.ingest(body, name=f"posts.{name}")


def test_errors_of_libraries_never_quote_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise pl.exceptions.ComputeError("canary words")

    monkeypatch.setattr("warehouse.intake.ingest.normalise", fail)
    (tmp_path / "posts.csv").write_text(csv_file(good_rows(1)))
    source = {
        "name": "made",
        "path": str(tmp_path / "posts.csv"),
        "lang": "en",
        "columns": {"created_at": "date"},
    }
    config = parse_config({"sources": [source]}, where="test")
    with open_store(tmp_path / "w.duckdb", config=config.warehouse) as store:
        with pytest.raises(Exception, match="records 0 to 0 cannot be processed") as caught:
            ingest_sources(
                store, config=config, files=source_files(config), secret=SECRET, issue=DAY, run_id="run"
            )
        assert "canary" not in str(caught.value)
        assert caught.value.__suppress_context__
        assert intake_accounting(store, issue=DAY).is_empty()
