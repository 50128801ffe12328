"""Files whose records we know: Reddit dumps, X's JSON and archives, Telegram's exports; and drop folders."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.intake.conftest import SECRET, Workshop
from warehouse.config import parse_config
from warehouse.errors import ConfigError, InputError
from warehouse.intake import documents, ingest_sources, source_files
from warehouse.store import Receipt

DAY = dt.date(2024, 6, 30)
WHEN = 1717243200  # 2024-06-01 12:00 UTC


def read(workshop: Workshop, *, kind: str, name: str, content: bytes | str) -> Receipt:
    workshop.write(content, name)
    source = {"name": "made", "kind": kind, "path": str(workshop.folder / name), "lang": "en"}
    config = parse_config({"sources": [source]}, where="test")
    return ingest_sources(
        workshop.store, config=config, files=source_files(config), secret=SECRET, issue=DAY, run_id="run"
    )


def said(workshop: Workshop, *names: str) -> list[tuple[Any, ...]]:
    return workshop.posts.sort("post_id").select(names).rows()


SUBMISSION = {
    "id": "aaa1", "author": "ann", "subreddit": "sadness", "created_utc": WHEN, "title": "a title",
    "selftext": "and words", "is_self": True,
}  # fmt: skip
COMMENT = {
    "id": "bbb2", "author": "[deleted]", "subreddit": "sadness", "created_utc": str(WHEN), "body": "an answer",
    "parent_id": "t3_aaa1", "link_id": "t3_aaa1", "controversiality": 0,
}  # fmt: skip


def test_a_reddit_dump_of_both_shapes(workshop: Workshop) -> None:
    gone = SUBMISSION | {"id": "ccc3", "title": "", "selftext": "[removed]"}
    lines = "\n".join(json.dumps(record) for record in (SUBMISSION, COMMENT, gone))
    receipt = read(workshop, kind="reddit_dump", name="RS.zst", content=zstandard.compress(lines.encode()))
    assert (receipt.rows_out, workshop.reasons) == (2, {"missing_text": 1})
    columns = ("post_id", "text", "kind", "parent_id", "thread_id", "community", "time_value")
    day = dt.date(2024, 6, 1)
    assert said(workshop, *columns) == [
        ("made:t1_bbb2", "an answer", "comment", "made:t3_aaa1", "made:t3_aaa1", "sadness", day),
        ("made:t3_aaa1", "a title\nand words", "original", None, "made:t3_aaa1", "sadness", day),
    ]
    assert workshop.posts.sort("post_id")["author_key"].is_null().to_list() == [True, False]


X_POST = {
    "id": "100", "text": "words of a post", "created_at": "2024-06-01T12:00:00.000Z", "author_id": "7", "lang": "en",
    "conversation_id": "90", "in_reply_to_user_id": "8", "referenced_tweets": [{"type": "replied_to", "id": "90"}],
}  # fmt: skip
X_QUOTE = {"id": "101", "text": "see this", "created_at": "2024-06-01T12:01:00.000Z", "author_id": "7", "lang": "zxx",
           "referenced_tweets": [{"type": "quoted", "id": "55"}]}  # fmt: skip
X_FORMS = {
    "a response": json.dumps({"data": [X_POST, X_QUOTE], "meta": {"result_count": 2}}, indent=2),
    "a response a line": f"{json.dumps({'data': [X_POST], 'meta': {}})}\n{json.dumps({'data': [X_QUOTE]})}\n",
    "responses in a list": json.dumps([{"data": [X_POST]}, {"data": [X_QUOTE]}]),
    "a list of posts": json.dumps([X_POST, X_QUOTE]),
    "a post a line": f"{json.dumps(X_POST)}\n{json.dumps(X_QUOTE)}\n",
}


@pytest.mark.parametrize("form", X_FORMS)
def test_posts_of_the_x_api_in_every_form_that_tools_write(workshop: Workshop, form: str) -> None:
    read(workshop, kind="x", name="x.json", content=X_FORMS[form])
    assert said(workshop, "post_id", "kind", "parent_id", "thread_id", "lang") == [
        ("made:100", "reply", "made:90", "made:90", "en"),
        ("made:101", "quote", None, None, "en"),
    ]


def test_an_archive_of_x(workshop: Workshop) -> None:
    posts = [
        {"tweet": {"id_str": "5", "full_text": "first words", "created_at": "Sat Jun 01 12:00:00 +0000 2024",
                   "lang": "en", "in_reply_to_status_id_str": "4", "in_reply_to_user_id_str": "9"}},
        {"tweet": {"id_str": "6", "full_text": "RT @other: passed on", "created_at": "Sat Jun 01 13:00:00 +0000 2024"}},
        {"tweet": {"id_str": "7", "full_text": "no date"}},
    ]  # fmt: skip
    script = f"window.YTD.tweets.part0 = {json.dumps(posts, indent=1)};\n"
    receipt = read(workshop, kind="x", name="tweets.js", content=script)
    assert (receipt.rows_out, workshop.reasons) == (2, {"bad_date": 1})
    assert said(workshop, "post_id", "kind", "author_key") == [
        ("made:5", "reply", None),
        ("made:6", "repost", None),
    ]


CHAT = {
    "name": "a channel", "type": "public_channel", "id": 77,
    "messages": [
        {"id": 1, "type": "service", "actor": "a", "action": "create_channel", "text": "", "date_unixtime": str(WHEN)},
        {"id": 2, "type": "message", "date": "2024-06-01T14:00:00", "date_unixtime": str(WHEN), "from_id": "user1",
         "text": ["some ", {"type": "bold", "text": "words"}, " here"]},
        {"id": 3, "type": "message", "date_unixtime": str(WHEN), "from_id": "user2", "text": "an answer",
         "reply_to_message_id": 2},
        {"id": 4, "type": "message", "date_unixtime": str(WHEN), "from_id": "user2", "text": "", "photo": "p.jpg"},
        {"id": 5, "type": "message", "date_unixtime": str(WHEN), "from_id": "user2", "text": "passed on",
         "forwarded_from": "somebody"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("whole", [True, False], ids=["all chats", "one chat"])
def test_an_export_of_telegram(workshop: Workshop, whole: bool) -> None:
    document = {"about": "x", "chats": {"list": [CHAT]}} if whole else CHAT
    receipt = read(workshop, kind="telegram", name="result.json", content=json.dumps(document, indent=1))
    assert (receipt.rows_out, workshop.reasons) == (3, {"missing_text": 1})
    assert said(workshop, "post_id", "text", "kind", "parent_id", "community") == [
        ("made:77/2", "some words here", "original", None, "a channel"),
        ("made:77/3", "an answer", "reply", "made:77/2", "a channel"),
        ("made:77/5", "passed on", "repost", None, "a channel"),
    ]


@pytest.mark.parametrize(
    ("kind", "content", "says"),
    [
        ("telegram", json.dumps(CHAT)[:-30], "is not whole JSON"),
        ("telegram", '{"something": "else"}', "holds no posts of kind 'telegram'"),
        ("x", '{"meta": {"result_count": 0}}', "holds no posts of kind 'x'"),
        ("x", "words, and no JSON", "is not whole JSON"),
    ],
)
def test_a_document_that_is_another_one_is_refused(
    workshop: Workshop, kind: str, content: str, says: str
) -> None:
    (problem,) = read(workshop, kind=kind, name="result.json", content=content).problems
    assert says in problem


def test_a_document_that_is_too_large_is_refused(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 100)
    (problem,) = read(workshop, kind="telegram", name="result.json", content=json.dumps(CHAT)).problems
    assert "Export it in parts" in problem


def test_a_known_shape_takes_no_columns_of_ones_own() -> None:
    source = {"name": "made", "kind": "x", "path": "a.json", "columns": {"text": "words"}}
    with pytest.raises(ConfigError, match="knows its own columns"):
        parse_config({"sources": [source]}, where="test")


# --------------------------------------------------------------------------------------- drop folders


def drop(workshop: Workshop) -> Receipt:
    source = {
        "name": "made", "kind": "drop_folder", "path": str(workshop.folder / "in"), "lang": "en",
        "columns": {"text": "text", "created_at": "date", "post_id": "id"},
    }  # fmt: skip
    config = parse_config({"sources": [source]}, where="test")
    return ingest_sources(
        workshop.store, config=config, files=source_files(config), secret=SECRET, issue=DAY, run_id="run"
    )


def put(folder: Path, name: str, *numbers: int) -> None:
    rows = [f"{n},2024-06-01,words number {n}" for n in numbers]
    (folder / name).write_text("\n".join(["id,date,text", *rows]) + "\n", encoding="utf-8")


def test_a_drop_folder_takes_each_new_or_changed_file_once(workshop: Workshop) -> None:
    folder = workshop.folder / "in"
    folder.mkdir()
    assert drop(workshop).rows_in == 0
    put(folder, "a.csv", 1, 2)
    assert drop(workshop).rows_out == 2
    assert drop(workshop).rows_in == 0
    put(folder, "a.csv", 1, 2, 3)
    put(folder, "b.csv", 4)
    changed = drop(workshop)
    assert (changed.rows_out, changed.reasons["duplicates"]) == (2, 2)
    (folder / "a.csv").rename(folder / "c.csv")
    assert drop(workshop).rows_in == 0


def test_work_in_progress_waits_in_a_drop_folder(workshop: Workshop) -> None:
    folder = workshop.folder / "in"
    folder.mkdir()
    for name in ("a.csv.part", ".b.csv", "c.csv.tmp", "d.csv~"):
        put(folder, name, 1)
    (folder / "empty.csv").touch()
    assert drop(workshop).rows_in == 0
    (folder / "a.csv.part").rename(folder / "a.csv")
    assert drop(workshop).rows_out == 1


def test_a_drop_folder_that_is_not_there_is_said(workshop: Workshop) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        drop(workshop)
