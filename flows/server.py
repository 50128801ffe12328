"""A Prefect server for `affectcast schedule` where none is configured: on this machine only, for as long as it runs.

Prefect's temporary server cannot schedule, so this is a whole one without its pages. Not for production with several
machines: there a server of one's own is named by PREFECT_API_URL.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from warehouse.errors import StoreError

_START_SECONDS = 120
_PAUSE_SECONDS = 5


@contextmanager
def scheduling_server(*, say: Callable[[str], None]) -> Iterator[str]:
    """The address of its API. A server that dies is started again at the same address; what it knew is on disk."""
    port, stopped = _free_port(), threading.Event()
    process = [_start(port)]
    api = f"http://127.0.0.1:{port}/api"

    def watch() -> None:
        while not stopped.is_set():
            code = process[0].wait()
            if not stopped.wait(_PAUSE_SECONDS):
                say(f"the Prefect server ended with {code}; it is started again")
                process[0] = _start(port)

    watcher = threading.Thread(target=watch, daemon=True)
    try:
        _wait(api, process=process[0])
        watcher.start()
        yield api
    finally:
        stopped.set()
        process[0].terminate()
        process[0].wait()


def _start(port: int) -> subprocess.Popen[bytes]:
    where = ["--host", "127.0.0.1", "--port", str(port)]
    command = [sys.executable, "-m", "prefect", "server", "start", *where, "--no-ui", "--log-level", "ERROR"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def _wait(api: str, *, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{api}/health", timeout=2).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise StoreError(
        f"the Prefect server at {api} did not start within {_START_SECONDS} seconds. Run `prefect server start` to see "
        "why, or run `affectcast nightly --plain` from cron, which needs none."
    )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
