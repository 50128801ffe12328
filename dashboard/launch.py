"""Starts the dashboard: `python -m dashboard.launch PUBLISHED STATE PORT HEADLESS [CONFIG]` becomes the server.

A program of its own, so that whoever calls it need not import this package.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from warehouse.config import load_config

APP = Path(__file__).with_name("app.py")


def command(
    published: Path, *, state: Path, port: int, headless: bool, config: Path | None = None
) -> list[str]:
    """The argument vector that serves `published` on this machine only, on `port`.

    `config` says who may read. The secrets to sign people in with stay in their file: Streamlit reads it itself.
    """
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
    if config is not None:
        options["secrets.files"] = str(load_config(config).dashboard.secrets)
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    paths = ["--published", str(published), "--state", str(state)]
    paths += ["--config", str(config)] if config is not None else []
    return [sys.executable, "-m", "streamlit", "run", str(APP), *flags, "--", *paths]


def main(published: str, state: str, port: str, headless: str, config: str = "") -> None:
    """Become the server."""
    rules = Path(config) if config else None
    argv = command(
        Path(published), state=Path(state), port=int(port), headless=headless == "true", config=rules
    )
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(*sys.argv[1:6])
