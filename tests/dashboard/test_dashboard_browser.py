"""Drives a real Chromium through every page and fails on any error it reports."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import publication as made_up
import pytest

from dashboard import launch, shell, words

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}"),
]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Streamlit asks for these below the page's own address first and tries again at the root.
PROBES = ("_stcore/health", "_stcore/host-config")
SECONDS = 60


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard, served from a made-up publication with foreign text in it."""
    folder = tmp_path_factory.mktemp("browser")
    made_up.build(folder / "published", nasty=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    argv = launch.command(folder / "published", state=folder / "state", port=port, headless=True)
    log = (folder / "log").open("wb")
    server = subprocess.Popen(argv, stdout=log, stderr=subprocess.STDOUT, cwd=Path(shell.__file__).parents[1])
    try:
        _wait(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=SECONDS)
        log.close()


def _wait(url: str) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url):
            return
        time.sleep(0.2)
    pytest.fail(f"the dashboard did not answer within {SECONDS} s")


@pytest.fixture(params=[1280, 390])
def page(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sync_api.Page]:
    """A fresh browser page of a given width, that remembers the errors it reports in `page.problems`."""
    with sync_api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=CHROMIUM,
            args=FLAGS,
            viewport={"width": request.param, "height": 900},
        )
        opened = context.pages[0]
        opened.problems = []
        opened.on("pageerror", lambda error: opened.problems.append(f"exception: {error}"))
        opened.on("console", lambda message: _note(opened, message))
        yield opened
        context.close()


def _note(page: sync_api.Page, message: sync_api.ConsoleMessage) -> None:
    where = message.location.get("url", "")
    if message.type == "error" and not where.endswith(PROBES):
        page.problems.append(f"{message.text} ({where})")


def _go(page: sync_api.Page, *, name: str) -> None:
    """Click the page's link, opening the menu first where the window is narrow."""
    link = page.get_by_role("link", name=name.capitalize(), exact=True).first
    box = link.bounding_box()
    if box is None or box["x"] < 0:
        page.get_by_test_id("stExpandSidebarButton").click()
    link.click()
    page.get_by_role("heading", name=name.capitalize(), exact=True, level=1).wait_for(timeout=SECONDS * 1000)
    _settle(page)


def _settle(page: sync_api.Page) -> None:
    page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')", timeout=SECONDS * 1000)
    page.wait_for_timeout(700)
    assert page.get_by_test_id("stException").count() == 0
    assert page.locator("a[href^='http://evil.example']").count() == 0
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert overflow <= 0, f"the page is {overflow} px wider than the window"


def test_every_page_by_clicking_and_by_address(page: sync_api.Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("heading", name="Overview", exact=True, level=1).wait_for(timeout=SECONDS * 1000)
    for name in (*shell.PAGES[1:], shell.PAGES[0]):
        _go(page, name=name)
    for name in shell.PAGES:
        page.goto(f"{address}/{name}")
        page.get_by_role("heading", name=name.capitalize(), exact=True, level=1).wait_for(
            timeout=SECONDS * 1000
        )
        _settle(page)
    assert page.problems == []


def test_a_shared_link_and_a_foreign_name_show_as_typed(page: sync_api.Page, address: str) -> None:
    page.goto(f"{address}/timelines?signal=emotion_fear_share&place=region:us-zz&period=week")
    page.get_by_role("heading", name="Fear (model)").wait_for(timeout=SECONDS * 1000)
    cell = page.get_by_test_id("stTable").get_by_text(
        words.plain(made_up.NASTY).replace("\\", ""), exact=True
    )
    cell.wait_for(timeout=SECONDS * 1000)
    _settle(page)
    assert page.problems == []


def test_answering_an_alert(page: sync_api.Page, address: str) -> None:
    page.goto(f"{address}/alerts?status=any")
    page.get_by_role("button", name="Answer").first.wait_for(timeout=SECONDS * 1000)
    page.get_by_role("button", name="Answer").first.click()
    page.get_by_label("Note").first.fill(f"seen at {page.viewport_size['width']}")
    page.get_by_role("button", name="Resolve").or_(page.get_by_role("button", name="Reopen")).first.click()
    page.get_by_text(f"seen at {page.viewport_size['width']}").first.wait_for(timeout=SECONDS * 1000)
    _settle(page)
    assert page.problems == []
