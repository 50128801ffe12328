"""Migrates, backs up or restores in a process of its own and kills it, hard, at a chosen call. Tests only."""

from __future__ import annotations

import datetime as dt
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

from warehouse import backup, migrations, restore, upgrade
from warehouse.config import load_config
from warehouse.restore_parts import Part

POINTS: dict[str, tuple[Any, str]] = {
    "copied": (upgrade, "check_copy"),
    "changed": (migrations, "_apply"),
    "noted": (migrations, "_note"),
    "packed": (backup, "_write_archive"),
    "read": (backup, "_read_again"),
    "waiting": (restore, "check_copy"),
    "placed": (Part, "put_in_place"),
}


def _kill_at(point: str, *, call: int) -> None:
    """Die just before this call (1 is the first) of the function behind a point."""
    module, name = POINTS[point]
    real, calls = getattr(module, name), 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)

    setattr(module, name, counted)


def main(config_path: str, job: str, archive: str, point: str) -> None:
    """`point` is NAME:CALL, limit:BYTES (no file may grow larger) or none:0."""
    config, (where, _, number) = load_config(Path(config_path)), point.partition(":")
    if where == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(number), resource.RLIM_INFINITY))
    elif where != "none":
        _kill_at(where, call=int(number))
    if job == "migrate":
        upgrade.bring_up_to_date(config)
    elif job == "backup":
        backup.write_backup(Path(archive), config=config, made=dt.date(2024, 1, 2))
    else:
        restore.restore_backup(Path(archive), config=config, replace=False)


if __name__ == "__main__":
    main(*sys.argv[1:5])
