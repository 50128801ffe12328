"""Notices: each alert once, nothing from the demo, and a failed delivery is tried again."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import polars as pl
import pytest

from flows.after_run import failures_told
from flows.notify import notify
from flows.stages import Run
from warehouse.config import NOTIFY_VARIABLE, Config, parse_config
from warehouse.errors import InputError
from warehouse.publish import Publication, current


class _Inbox(HTTPServer):
    received: list[dict[str, str]]
    answer: int


@pytest.fixture
def inbox() -> Iterator[_Inbox]:
    """A webhook on this machine that keeps what it is sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.received.append(json.loads(body))
            self.send_response(server.answer)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            return

    server = _Inbox(("127.0.0.1", 0), Handler)
    server.received, server.answer = [], 200
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def alerted(finished: Config, tmp_path: Path) -> Publication:
    """The small night's publication with one open alert in it."""
    folder = tmp_path / "publication"
    shutil.copytree(current(finished.paths.published).folder, folder)
    row = {
        "alert_id": "a1",
        "group_id": "a1",
        "status": "open",
        "severity": "high",
        "message": "Fear was higher than expected.",
    }
    pl.DataFrame([row]).write_parquet(folder / "alerts.parquet")
    return Publication(issue=current(finished.paths.published).issue, version="v", folder=folder)


def _config(tmp_path: Path, *, demo: bool = False) -> Config:
    warehouse = str(tmp_path / "w.duckdb")
    return parse_config({"paths": {"warehouse": warehouse}, "run": {"demo": demo}}, where="test")


def test_an_alert_is_sent_once(
    inbox: _Inbox, alerted: Publication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NOTIFY_VARIABLE, f"json://127.0.0.1:{inbox.server_port}/")
    assert "1 alerts sent to 1 addresses" in notify(alerted, config=_config(tmp_path))
    assert notify(alerted, config=_config(tmp_path)) == ""
    assert [body["message"] for body in inbox.received] == ["Fear was higher than expected."]


def test_a_failed_delivery_is_said_and_tried_again(
    inbox: _Inbox, alerted: Publication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NOTIFY_VARIABLE, f"json://127.0.0.1:{inbox.server_port}/")
    inbox.answer = 500
    assert "could not be delivered" in notify(alerted, config=_config(tmp_path))
    inbox.answer = 200
    assert "1 alerts sent" in notify(alerted, config=_config(tmp_path))


def test_the_demo_and_a_missing_address_send_nothing(
    inbox: _Inbox, alerted: Publication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert notify(alerted, config=_config(tmp_path)) == ""
    monkeypatch.setenv(NOTIFY_VARIABLE, f"json://127.0.0.1:{inbox.server_port}/")
    assert notify(alerted, config=_config(tmp_path, demo=True)) == ""
    assert inbox.received == []


def test_alerts_of_one_story_are_one_sentence_and_each_counts_as_sent(
    inbox: _Inbox, alerted: Publication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NOTIFY_VARIABLE, f"json://127.0.0.1:{inbox.server_port}/")
    path = alerted.folder / "alerts.parquet"
    first = pl.read_parquet(path).to_dicts()[0]
    more = [
        first | {"alert_id": "a2", "severity": "low", "message": "Fear was a little higher elsewhere."},
        first | {"alert_id": "b1", "group_id": "b1", "severity": "low", "message": "Anger was higher."},
    ]
    pl.DataFrame([first, *more]).write_parquet(path)
    assert "3 alerts sent" in notify(alerted, config=_config(tmp_path))
    assert notify(alerted, config=_config(tmp_path)) == ""
    body = inbox.received[0]
    assert body["message"].splitlines() == [
        "Fear was higher than expected. (1 more of the same story.)", "Anger was higher.",
    ]  # fmt: skip
    assert body["title"].endswith("3 new alerts in 2 stories")


def test_a_run_that_fails_sends_its_message_and_a_demo_does_not(
    inbox: _Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(NOTIFY_VARIABLE, f"json://127.0.0.1:{inbox.server_port}/")
    told: list[str] = []
    for demo in (True, False):
        run = Run(config=_config(tmp_path, demo=demo), issue=dt.date(2024, 1, 21))
        with pytest.raises(InputError), failures_told(run, log=told.append):
            raise InputError("posts.csv: missing columns: text.")
    (body,) = inbox.received
    assert body["message"] == "posts.csv: missing columns: text."
    assert body["title"] == "Affectcast nightly 2024-01-21: failed"
    assert told == ["notice of this trouble sent to 1 addresses"]
