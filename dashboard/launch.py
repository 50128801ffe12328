"""The command line that starts the dashboard. Not for starting it: the caller decides how to run it."""

from __future__ import annotations

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
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    paths = ["--published", str(published), "--state", str(state)]
    return [sys.executable, "-m", "streamlit", "run", str(APP), *flags, "--", *paths]
