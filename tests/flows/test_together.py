"""An open dashboard and a running night: neither waits for the other, and the page follows the new issue."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from night_support import night, small_config, write_toml

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-sync",
]
COMMAND = str(Path(sys.executable).parent / "affectcast")
EARLY, LATE = "15 Jan 2024", "21 Jan 2024"


def _start(*arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PREFECT_HOME": str(cwd / "prefect")}
    log = (cwd / f"{arguments[0]}.log").open("wb")
    with log:
        return subprocess.Popen(
            [COMMAND, *arguments], cwd=cwd, env=environment, stdout=log, stderr=subprocess.STDOUT
        )


@pytest.fixture
def page() -> Iterator[sync_api.Page]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page()
        opened.set_default_timeout(60_000)
        yield opened
        browser.close()


def _open(page: sync_api.Page, *, address: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            page.goto(address)
        except sync_api.Error:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return


@pytest.mark.slow
def test_the_dashboard_stays_readable_while_a_night_writes(tmp_path: Path, page: sync_api.Page) -> None:
    night(small_config(tmp_path, run={"as_of": "2024-01-15", "seed": 7, "demo": True}))
    path = write_toml(small_config(tmp_path), tmp_path / "config.toml")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    server = _start("dashboard", "--config", str(path), "--headless", "--port", port, cwd=tmp_path)
    try:
        _open(page, address=f"http://127.0.0.1:{port}/timelines")
        page.get_by_text(f"Issue {EARLY}").wait_for()
        running = _start("nightly", "--plain", "--config", str(path), cwd=tmp_path)
        reads = 0
        while running.poll() is None:
            page.reload()
            page.get_by_text("Issue ").first.wait_for()
            reads += 1
        assert running.returncode == 0, (tmp_path / "nightly.log").read_text()
        assert reads > 0, "the night was over before the page was read"
        page.reload()
        page.get_by_text(f"Issue {LATE}").wait_for()
        assert page.get_by_text("Traceback").count() == 0
    finally:
        server.terminate()
        server.wait(timeout=30)
