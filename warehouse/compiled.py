"""How a package's kernels are compiled and where the result is kept. Not for what any of them does.

Compiled code is kept per source file, and calls are compiled into their callers: without a folder of its own per
state of all kernel files, a change in one of them would leave old code in the others.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import config, njit

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def compilers(here: Path) -> tuple[Decorator, Decorator]:
    """(compiled, inlined) for the files `kernels*.py` in the folder `here`.

    `compiled` makes a function in machine code that releases the interpreter's lock; `inlined` also copies it into its
    callers: arrays that are passed in a call cost more than most of these do.
    """
    folder = _folder(here)

    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        return _kept(function, folder=folder)

    def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
        return _kept(function, folder=folder, inline="always")

    return compiled, inlined


def _folder(here: Path) -> str:
    """Where this state of the kernels is kept; empty, numba's own choice, where nothing can be written here."""
    digest = hashlib.sha256()
    for path in sorted(here.glob("kernels*.py")):
        digest.update(path.read_bytes())
    kept = here / "__pycache__"
    writable = os.access(kept if kept.is_dir() else here, os.W_OK)
    return str(kept / f"kernels-{digest.hexdigest()[:16]}") if writable else ""


def _kept(function: Callable[..., Any], *, folder: str, **options: Any) -> Callable[..., Any]:
    before = config.CACHE_DIR
    config.CACHE_DIR = folder
    try:
        made: Callable[..., Any] = njit(cache=True, nogil=True, **options)(function)
    finally:
        config.CACHE_DIR = before
    return made
