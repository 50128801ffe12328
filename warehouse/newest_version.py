"""Which version of an issue is the last one that was published. Not for writing it down: `publish.py` does that."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

NEWEST = "newest.json"


def newest_version(home: Path) -> Path | None:
    """The folder of the last version of the issue in `home`; None where it holds none.

    Where nothing says so, as an earlier version of the program left it: the youngest folder.
    """
    versions = [folder for folder in home.glob("version=*") if folder.is_dir()]
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads((home / NEWEST).read_text(encoding="utf-8"))["version"]
        versions = [folder for folder in versions if folder.name == f"version={said}"] or versions
    return max(versions, key=lambda folder: (folder.stat().st_mtime_ns, folder.name), default=None)
