"""Makes the pictures of the README: `python docs/screenshots.py [PUBLISHED]`, by default of demo/published.

Only a publication of made-up posts is photographed. Needs /usr/bin/chromium.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from playwright.sync_api import sync_playwright

from dashboard import launch

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
FOLDER = Path(__file__).parent / "images"
# File → address, width and height of the window, and a text that shows when the page is there.
SHOTS = {
    "overview.png": ("/overview", 1280, 900, "What changed this week"),
    "outlook.png": ("/outlook", 1280, 900, "we expect"),
    "overview-es-phone.png": ("/overview?lang=es", 390, 844, "Qué cambió"),
}


def main(published: Path) -> None:
    """Serve the publication and photograph it; refuses one that is not marked as a demonstration."""
    pointer = json.loads((published / "current.json").read_text(encoding="utf-8"))
    manifest = json.loads((published / pointer["path"] / "manifest.json").read_text(encoding="utf-8"))
    if manifest.get("demo") is not True:
        sys.exit(f"{published} is not a demonstration. Run `make demo` and photograph demo/published.")
    FOLDER.mkdir(exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as state:
        argv = launch.command(published, state=Path(state), port=port, headless=True)
        server = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(f"http://127.0.0.1:{port}/_stcore/health")
            _shoot(f"http://127.0.0.1:{port}")
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url):
            return
        time.sleep(0.2)
    sys.exit("the dashboard did not answer within 60 s")


def _shoot(root: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, (address, width, height, text) in SHOTS.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(root + address)
            page.get_by_text(text).first.wait_for(timeout=60_000)
            page.wait_for_function("!document.querySelector('[data-testid=stStatusWidget]')")
            page.wait_for_timeout(2000)
            page.screenshot(path=FOLDER / name)
            page.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("demo/published"))
