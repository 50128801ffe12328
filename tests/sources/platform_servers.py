"""Servers on loopback that speak a platform's protocol, in a thread; and a clock that does not wait."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flows.sources.clock import Clock

NOW = dt.datetime(2024, 6, 30, 12, 0, tzinfo=dt.UTC)


class StillClock(Clock):
    """Stands at `at`; sleeping moves it on at once."""

    def __init__(self, at: dt.datetime = NOW) -> None:
        self.at = at
        self.slept: list[float] = []

    def now(self) -> dt.datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += dt.timedelta(seconds=seconds)


@dataclass(frozen=True)
class Answer:
    """What a request gets; `cut`: so many bytes of the body, and then the connection is closed."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: str

    def get(self, name: str) -> str | None:
        return self.query.get(name, [None])[0]  # type: ignore[list-item]


@dataclass
class Platform:
    """What answers: `answer` for a request, unless something was put into `before` it."""

    answer: Callable[[Request], Answer]
    address: str = ""
    before: list[Answer] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)

    def to(self, request: Request) -> Answer:
        if request.path.endswith("/instance/"):
            # Mastodon.py looks what an instance offers before it asks for the first timeline.
            return Answer({"error": "Record not found"}, status=404)
        self.seen.append(request)
        return self.before.pop(0) if self.before else self.answer(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return None

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        request = Request(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body)
        answer = self.server.platform.to(request)  # type: ignore[attr-defined]
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("content-type", "application/json; charset=utf-8")
        self.send_header("content-length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content if answer.cut is None else content[: answer.cut])
        if answer.cut is not None:
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)


@contextmanager
def served(answer: Callable[[Request], Answer]) -> Iterator[Platform]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    platform = Platform(answer, address=f"http://127.0.0.1:{server.server_port}")
    server.platform = platform  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
