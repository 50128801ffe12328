"""Bluesky's Jetstream over a websocket: every new post since the last run, and every deletion.

Not a service that listens for good: a run replays what has passed since the one before, then ends. Jetstream keeps
about a day or two.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flows.sources.bluesky import post_of_record
from flows.sources.connector import Asking, Span, host_of
from flows.sources.patience import Trouble, http_trouble
from warehouse.intake.pages import Cursor, Page, Record

SERVER, POSTS = "wss://jetstream2.us-east.bsky.network", "app.bsky.feed.post"
PAGE, EVENTS = 500, 5_000
# A reconnect asks for a little that was seen already; ids take care of the rest.
OVERLAP = dt.timedelta(seconds=5)
# Something is posted every second: where the first event is so much later, what lies between is kept no more.
GAP = dt.timedelta(minutes=10)
# What the platform says of an account whose posts are there no more; one that is only paused comes back.
GONE = ("deleted", "takendown")
# Deletions remembered in a run, for posts that come after their own deletion.
REMEMBERED = 200_000
_LARGEST = 1 << 20


class Jetstream:
    """One stream. `fetch.queries` are words of which a post must hold one; without them every post is taken in."""

    def __init__(self, asking: Asking) -> None:
        self.asking = asking
        fetch = asking.source.fetch
        self.server = (fetch.servers[0] if fetch.servers else SERVER).rstrip("/")
        self.words = tuple(query.casefold() for query in fetch.queries)
        self._deleted: dict[str, None] = {}

    def streams(self) -> list[str]:
        return ["posts"]

    def close(self) -> None:
        return None

    def reach(self) -> str:
        def question() -> None:
            with self._connected(None) as socket:
                socket.recv(timeout=self.asking.source.fetch.timeout_seconds)

        self.asking.patience.ask(question, explain=explain)
        return f"{host_of(self.server)} sends events"

    def pages(self, stream: str, *, cursor: Cursor | None, span: Span) -> Iterator[Page]:
        del stream
        at = _moment(int(cursor["time_us"])) if cursor else span.first
        stop = self.asking.clock.now() + dt.timedelta(seconds=self.asking.source.fetch.listen_seconds)
        attempt, known = 0, cursor is not None
        while at < span.end:
            before = at
            try:
                for page in self._listen(at, end=span.end, known=known):
                    at, known, attempt = max(at, _moment(page.cursor["time_us"])), True, 0
                    yield page
                    if self.asking.clock.now() >= stop and at < span.end:
                        return self.asking.note("stopped at fetch.listen_seconds; the next run goes on there")
            except Exception as error:
                trouble = explain(error)
                if trouble is None:
                    raise
            else:
                return None
            self.asking.patience.bear(trouble, attempt=attempt)
            attempt = attempt + 1 if at == before else 0
        return None

    def _listen(self, at: dt.datetime, *, end: dt.datetime, known: bool) -> Iterator[Page]:
        """Pages of one connection, until an event of after the end."""
        heap, first = _Heap(), known
        with self._connected(at - OVERLAP) as socket:
            while True:
                event = _parsed(socket.recv(timeout=self.asking.source.fetch.timeout_seconds))
                when = _time_of(event)
                if when is None:
                    continue
                if first and when - at > GAP:
                    self.asking.note(
                        f"what was posted from {at:%Y-%m-%d %H:%M} to {when:%H:%M} UTC is kept no more"
                    )
                first = False
                if when >= end:
                    yield heap.page(upto=end)
                    return
                self._add(event, when=when, heap=heap)
                if len(heap.records) >= PAGE or heap.events >= EVENTS:
                    yield heap.page(upto=heap.latest)
                    heap = _Heap()

    def _add(self, event: dict[str, Any], *, when: dt.datetime, heap: _Heap) -> None:
        heap.events += 1
        heap.latest = max(heap.latest or when, when)
        commit, did, account = event.get("commit"), event.get("did"), event.get("account")
        if isinstance(account, dict) and account.get("status") in GONE and isinstance(did, str):
            heap.left.append(did)
            self._remember(did)
        if not isinstance(commit, dict) or commit.get("collection") != POSTS:
            return
        uri = f"at://{did}/{POSTS}/{commit.get('rkey')}"
        if commit.get("operation") == "delete":
            heap.deleted.append(uri)
            self._remember(uri)
        elif commit.get("operation") == "create" and not {uri, did} & self._deleted.keys():
            record = post_of_record(commit.get("record"), uri=uri, did=did, seen=when)
            if self._wanted(record["text"]):
                heap.records.append(record)

    def _remember(self, deleted: str) -> None:
        self._deleted[deleted] = None
        if len(self._deleted) > REMEMBERED:
            del self._deleted[next(iter(self._deleted))]

    def _wanted(self, text: Any) -> bool:
        folded = text.casefold() if isinstance(text, str) else ""
        return not self.words or any(word in folded for word in self.words)

    def _connected(self, at: dt.datetime | None) -> Any:
        from websockets.sync.client import connect

        asked = {"wantedCollections": POSTS} | ({"cursor": _micros(at)} if at else {})
        seconds = self.asking.source.fetch.timeout_seconds
        return connect(
            f"{self.server}/subscribe?{urlencode(asked)}",
            open_timeout=seconds,
            close_timeout=1,
            max_size=_LARGEST,
        )


@dataclass(kw_only=True)
class _Heap:
    """What a page will hold."""

    records: list[Record] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    events: int = 0
    latest: dt.datetime | None = None

    def page(self, *, upto: dt.datetime | None) -> Page:
        assert upto is not None
        return Page(
            records=self.records,
            deleted=tuple(self.deleted),
            left=tuple(self.left),
            cursor={"time_us": _micros(upto)},
            position=upto,
        )


def _micros(when: dt.datetime) -> int:
    return int(when.timestamp()) * 1_000_000 + when.microsecond


def _moment(micros: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(micros // 1_000_000, tz=dt.UTC).replace(microsecond=micros % 1_000_000)


def _parsed(frame: str | bytes) -> dict[str, Any]:
    """An event; empty where a frame is none: one that is odd must not stop all that come after it."""
    try:
        event = json.loads(frame)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _time_of(event: dict[str, Any]) -> dt.datetime | None:
    """When the server saw the event, by its own clock."""
    micros = event.get("time_us")
    return _moment(micros) if isinstance(micros, int) and 0 < micros < 1 << 52 else None


# ---------------------------------------------------------------------------------------------- errors


def explain(error: Exception) -> Trouble | None:
    """What an error of the websocket client means; None for one that is not the platform's."""
    from websockets.exceptions import InvalidStatus, WebSocketException

    if isinstance(error, InvalidStatus):
        after = str(error.response.headers.get("Retry-After", ""))
        return http_trouble(error.response.status_code, wait=float(after) if after.isdigit() else None)
    return http_trouble(None) if isinstance(error, WebSocketException | OSError | TimeoutError) else None
