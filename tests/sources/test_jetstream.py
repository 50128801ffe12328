"""Jetstream over a real websocket, against a server that replays events as the platform's does."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from flows.sources import jetstream
from tests.sources.conftest import Bench
from tests.sources.platform_servers import NOW

DID = "did:plc:abcdefghijklmnopqrstuvwx"


def event(
    number: int, *, at: dt.datetime, operation: str = "create", rkey: int | None = None, **more: Any
) -> dict[str, Any]:
    body = {
        "$type": "app.bsky.feed.post",
        "text": f"post number {number}",
        "createdAt": at.isoformat(),
    } | more
    commit = {"rev": "r", "operation": operation, "collection": "app.bsky.feed.post",
              "rkey": f"3k{number if rkey is None else rkey:08d}"}  # fmt: skip
    if operation == "create":
        commit |= {"record": body, "cid": "c"}
    return {"did": DID, "time_us": int(at.timestamp() * 1_000_000), "kind": "commit", "commit": commit}


def minutes(n: float) -> dt.datetime:
    return NOW - dt.timedelta(minutes=n)


class Replay:
    """Sends every event from the cursor on, in the order it holds them, then one of now."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self.events: list[Any] = list(events)
        self.drop_after: list[int] = []
        self.refuse: list[Response] = []
        self.asked: list[dict[str, list[str]]] = []
        self.address = ""

    def __call__(self, connection: ServerConnection) -> None:
        asked = parse_qs(urlsplit(connection.request.path).query) if connection.request else {}
        self.asked.append(asked)
        since = int(asked.get("cursor", ["0"])[0])
        most = self.drop_after.pop(0) if self.drop_after else None
        last = {
            "did": DID,
            "time_us": int((NOW + dt.timedelta(hours=1)).timestamp() * 1e6),
            "kind": "identity",
        }
        for number, one in enumerate([*self.events, last]):
            if isinstance(one, dict) and one["time_us"] < since:
                continue
            if most is not None and number >= most:
                connection.socket.shutdown(2)
                return
            connection.send(one if isinstance(one, str) else json.dumps(one))
        connection.recv(timeout=5)

    def gate(self, connection: ServerConnection, request: Request) -> Response | None:
        return self.refuse.pop(0) if self.refuse else None


@contextmanager
def replayed(replay: Replay) -> Iterator[Server]:
    def handle(connection: ServerConnection) -> None:
        try:
            replay(connection)
        except Exception:  # noqa: BLE001 (the other side hangs up when it has what it wants)
            return

    with serve(handle, "127.0.0.1", 0, process_request=replay.gate) as server:
        replay.address = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def replay(bench: Bench) -> Iterator[Replay]:
    replay = Replay(*(event(n, at=minutes(70 - n)) for n in range(6)))
    with replayed(replay):
        bench.kind, bench.fetch = "jetstream", {"servers": [replay.address], "timeout_seconds": 5}
        yield replay


def test_events_up_to_now_are_read_and_the_next_run_goes_on_there(bench: Bench, replay: Replay) -> None:
    assert bench.run().rows_out == 6
    assert replay.asked[0]["wantedCollections"] == ["app.bsky.feed.post"]
    bench.clock.at += dt.timedelta(minutes=30)
    replay.events.append(event(9, at=NOW + dt.timedelta(minutes=5)))
    again = bench.run()
    assert (again.rows_in, again.problems) == (1, ())
    assert DID not in str(bench.table("raw.posts").rows())


def test_only_posts_with_a_word_that_was_asked_for_are_taken_in(bench: Bench, replay: Replay) -> None:
    assert bench.run(queries=["NUMBER 3", "number 5"]).rows_in == 2


def test_repeated_reordered_and_odd_events_change_nothing(bench: Bench, replay: Replay) -> None:
    replay.events = ["no json", "[]", '{"time_us": "soon"}', *replay.events[::-1], *replay.events]
    receipt = bench.run()
    assert (receipt.rows_out, receipt.reasons["duplicates"]) == (6, 6)


def test_a_connection_that_drops_is_taken_up_again(
    bench: Bench, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jetstream, "PAGE", 2)
    replay.drop_after = [3, 5]
    receipt = bench.run()
    assert (receipt.rows_out, receipt.problems) == (6, ())
    assert bench.clock.slept == [1.0, 1.0]


def test_a_server_that_asks_to_slow_down_or_fails_is_waited_for(bench: Bench, replay: Replay) -> None:
    from websockets.datastructures import Headers

    slow = Headers({"Retry-After": "45", "Content-Length": "0"})
    replay.refuse = [
        Response(429, "Slow", slow, b""),
        Response(503, "Busy", Headers({"Content-Length": "0"}), b""),
    ]
    assert bench.run().rows_out == 6
    assert bench.clock.slept == [45.0, 2.0]


def test_deletions_are_followed_whatever_their_order(bench: Bench, replay: Replay) -> None:
    early = event(90, at=minutes(50), operation="delete", rkey=91)
    replay.events += [early, event(91, at=minutes(49)), event(92, at=minutes(48), operation="delete", rkey=2)]
    receipt = bench.run()
    assert bench.texts == [f"post number {n}" for n in (0, 1, 3, 4, 5)]
    assert "1 posts that were deleted" in receipt.notes[0]
    replay.events.append(event(93, at=minutes(1), operation="delete", rkey=4))
    bench.store.delete(_cursors(), where="true")
    again = bench.run()
    assert bench.reasons == {"deleted": 1}
    assert again.rows_out == 0
    assert bench.texts == [f"post number {n}" for n in (0, 1, 3, 5)]


def account(did: str, *, at: dt.datetime, status: str | None) -> dict[str, Any]:
    body = {"active": status is None, "did": did} | ({"status": status} if status else {})
    return {"did": did, "time_us": int(at.timestamp() * 1_000_000), "kind": "account", "account": body}


def test_an_account_that_is_deleted_takes_all_of_its_posts_along_and_a_paused_one_none(
    bench: Bench, replay: Replay
) -> None:
    others = [event(n, at=minutes(40 - n)) | {"did": f"did:plc:other{n % 2}"} for n in (20, 21, 22)]
    replay.events += [*others, account(DID, at=minutes(15), status="deactivated")]
    assert bench.run().rows_out == 9
    late = event(30, at=NOW + dt.timedelta(minutes=3))
    replay.events += [
        account("did:plc:other0", at=NOW + dt.timedelta(minutes=1), status=None),
        account(DID, at=NOW + dt.timedelta(minutes=2), status="deleted"),
        late,
    ]
    bench.clock.at += dt.timedelta(minutes=30)
    assert "6 posts that were deleted" in bench.run().notes[0]
    assert bench.texts == [f"post number {n}" for n in (20, 21, 22)]
    bench.store.delete(_cursors(), where="true")
    replay.events = [one for one in replay.events if one["kind"] == "commit" and one is not late]
    assert bench.run().rows_out == 0
    assert bench.reasons == {"deleted": 6}


def test_what_the_server_keeps_no_more_is_said(bench: Bench, replay: Replay) -> None:
    assert bench.run().notes == ()
    bench.clock.at += dt.timedelta(minutes=61)
    assert "is kept no more" in bench.run().notes[0]


def _cursors() -> Any:
    from warehouse.tables import TABLES

    return TABLES["raw.cursors"]
