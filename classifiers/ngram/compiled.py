"""How the kernels of this package are compiled and where the result is kept. Not for any scoring.

Compiled code is kept per source file, and calls are compiled into their callers: without a folder of its own per
state of all kernel files, a change in one of them would leave old code in the others.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import config, njit

HERE = Path(__file__).parent


def _folder() -> str:
    """Where this state of the kernels is kept; empty, numba's own choice, where nothing can be written here."""
    digest = hashlib.sha256()
    for path in sorted(HERE.glob("kernels*.py")):
        digest.update(path.read_bytes())
    kept = HERE / "__pycache__"
    writable = os.access(kept if kept.is_dir() else HERE, os.W_OK)
    return str(kept / f"kernels-{digest.hexdigest()[:16]}") if writable else ""


_FOLDER = _folder()


def _kept(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    before = config.CACHE_DIR
    config.CACHE_DIR = _FOLDER
    try:
        made: Callable[..., Any] = njit(cache=True, nogil=True, **options)(function)
    finally:
        config.CACHE_DIR = before
    return made


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function in machine code that releases the interpreter's lock."""
    return _kept(function)


def inlined(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, copied into its callers: arrays that are passed in a call cost more than most of these do."""
    return _kept(function, inline="always")
