"""The two files: bytes, fields, repeated and broken lines, and the configuration that reads them."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from warehouse.config import load_config
from warehouse.synthetic import DEMO, ENGLISH_FILE, SPANISH_FILE, TINY, SampleReceipt, write_sample

DEMO_TOML = Path(__file__).parents[2] / "flows" / "demo.toml"
EXPECTED_FIELDS = ["id", "created_at", "author", "text", "region", "reply_to_id", "reply_to_author"]


def lines(receipt: SampleReceipt, name: str) -> list[bytes]:
    return receipt.files[name].read_bytes().removesuffix(b"\n").split(b"\n")  # type: ignore[index]


def good_json(receipt: SampleReceipt) -> list[dict[str, str | None]]:
    return [orjson.loads(line) for line in lines(receipt, ENGLISH_FILE) if line.startswith(b'{"id":"en')]


def good_csv(receipt: SampleReceipt) -> list[list[str]]:
    own = [line.decode() for line in lines(receipt, SPANISH_FILE) if line.startswith(b"es")]
    return list(csv.reader(own, strict=True))


def read_all(receipt: SampleReceipt) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in receipt.files.items()}


def test_same_seed_gives_same_bytes_and_another_seed_does_not(tmp_path: Path, tiny: SampleReceipt) -> None:
    again = write_sample(tmp_path / "again", seed=20240101, spec=TINY)
    other = write_sample(tmp_path / "other", seed=7, spec=TINY)
    assert read_all(again) == read_all(tiny)
    assert again.truth.equals(tiny.truth)
    assert again.labels.equals(tiny.labels)
    assert all(read_all(other)[name] != body for name, body in read_all(tiny).items())


@pytest.mark.parametrize("sample", ["demo", "tiny"])
def test_receipt_accounts_for_every_line(sample: str, request: pytest.FixtureRequest) -> None:
    receipt: SampleReceipt = request.getfixturevalue(sample)
    assert len(lines(receipt, ENGLISH_FILE)) == receipt.records[ENGLISH_FILE]
    assert len(lines(receipt, SPANISH_FILE)) == receipt.records[SPANISH_FILE] + 1
    assert len(receipt.labels) == sum(receipt.posts.values())
    assert 40_000 < sum(receipt.posts.values()) < 50_000 or sample == "tiny"


def test_json_lines_hold_the_promised_fields(demo: SampleReceipt) -> None:
    rows = good_json(demo)
    assert len(rows) == demo.posts[ENGLISH_FILE] + demo.duplicates[ENGLISH_FILE]
    assert all(list(row) == EXPECTED_FIELDS for row in rows)
    assert {row["region"] for row in rows} == {"US-CA", "US-TX", "US-VT"}
    days = {dt.datetime.fromisoformat(str(row["created_at"])).date() for row in rows}
    assert (min(days), max(days)) == (DEMO.start, DEMO.last)


def test_csv_rows_hold_seven_fields_and_local_times_of_the_same_utc_day(demo: SampleReceipt) -> None:
    rows = good_csv(demo)
    assert {len(row) for row in rows} == {7}
    local = [dt.datetime.strptime(row[1], "%d/%m/%Y %H:%M:%S") for row in rows]
    utc = [time + dt.timedelta(hours=6) for time in local]
    assert all(a.date() == b.date() for a, b in zip(local, utc, strict=True))
    labels = dict(zip(demo.labels["post_id"], demo.labels["day"], strict=True))
    assert all(time.date() == labels[row[0]] for time, row in zip(local, rows, strict=True))


@pytest.mark.parametrize("name", [ENGLISH_FILE, SPANISH_FILE])
def test_repeated_lines_are_exact_and_no_two_posts_share_an_id(demo: SampleReceipt, name: str) -> None:
    own = [line for line in lines(demo, name) if line.startswith((b'{"id":"en', b"es"))]
    repeated = [line for line, times in Counter(own).items() if times == 2]
    assert len(repeated) == demo.duplicates[name]  # type: ignore[index]
    assert demo.labels["post_id"].is_unique().all()
    assert sum(demo.duplicates.values()) == 50


def test_every_kind_of_broken_line_is_counted(demo: SampleReceipt) -> None:
    kinds = {kind for counts in demo.malformed.values() for kind in counts}
    assert kinds == {
        "broken_json",
        "missing_text",
        "bad_date",
        "date_2099",
        "date_1970",
        "invalid_utf8",
        "null_byte",
        "long_text",
        "wrong_fields",
    }
    assert sum(sum(counts.values()) for counts in demo.malformed.values()) == 24


def test_broken_lines_are_broken_as_their_kind_says(demo: SampleReceipt) -> None:
    strange = [line for line in lines(demo, ENGLISH_FILE) if not line.startswith(b'{"id":"en')]
    foreign = [line for line in lines(demo, SPANISH_FILE)[1:] if not line.startswith(b"es")]
    assert sum(b"\x00" in line for line in strange + foreign) == 2
    assert sum(len(line) > 60_000 for line in strange + foreign) == 2
    assert sum(not _is_utf8(line) for line in strange + foreign) == 2
    unreadable = sum(not _is_json(line) for line in strange)
    counts = demo.malformed[ENGLISH_FILE]
    assert unreadable == counts["broken_json"] + counts["invalid_utf8"] + counts["null_byte"]
    uneven = [line for line in foreign if line.count(b",") != 6]
    assert len(uneven) == demo.malformed[SPANISH_FILE]["wrong_fields"]


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def test_bad_lines_can_be_left_out(tmp_path: Path) -> None:
    receipt = write_sample(tmp_path, seed=1, spec=replace(TINY, bad_lines=False, duplicates=0))
    assert receipt.records == dict(receipt.posts)


def test_texts_vary_and_carry_things_to_mask(demo: SampleReceipt) -> None:
    texts = [str(row["text"]) for row in good_json(demo)] + [row[3] for row in good_csv(demo)]
    assert len(set(texts)) > 30_000
    assert not [text for text in texts if re.search(r"\{\w+\}", text)]
    for pattern in (
        r"@made_up_handle_\d+",
        r"https://example\.org",
        r"\S@example\.com",
        r"\+1 202 555 01",
        "#",
    ):
        assert sum(bool(re.search(pattern, text)) for text in texts) > 100
    assert sum(bool(re.search("[\U0001f600-\U0001f64f]", text)) for text in texts) > 1_000


def test_demo_configuration_loads_and_fits_the_sample(demo: SampleReceipt) -> None:
    config = load_config(DEMO_TOML)
    assert config.run.demo
    assert config.run.as_of == DEMO.last
    assert [Path(source.path).name for source in config.sources] == [ENGLISH_FILE, SPANISH_FILE]
    assert config.signals.levels == ("nation", "region")
    english, spanish = (source.columns.model_dump(exclude_none=True).values() for source in config.sources)
    assert set(english) <= set(EXPECTED_FIELDS)
    assert set(spanish) <= set(lines(demo, SPANISH_FILE)[0].decode().split(","))
