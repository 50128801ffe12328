"""Starts the dashboard: `python -m dashboard.launch PUBLISHED STATE PORT HEADLESS` becomes the server.

A program of its own, so that whoever calls it need not import this package.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

APP = Path(__file__).with_name("app.py")


def command(published: Path, *, state: Path, port: int, headless: bool) -> list[str]:
    """The argument vector that serves `published` on this machine only, on `port`."""
    options = {
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.headless": str(headless).lower(),
        "server.fileWatcherType": "none",
        "server.showEmailPrompt": "false",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    paths = ["--published", str(published), "--state", str(state)]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *flags, "--", *paths]


def main(published: str, state: str, port: str, headless: str) -> None:
    """Become the server."""
    argv = command(Path(published), state=Path(state), port=int(port), headless=headless == "true")
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(*sys.argv[1:5])
