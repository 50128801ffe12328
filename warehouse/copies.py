"""Copies of files that are there whole or not at all, and the room for them. Not for what is in them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from warehouse.errors import StoreError

_PIECE = 1 << 20
# So much is left free besides what a copy takes.
_SPARE = 64 << 20


def need_space(folder: Path, *, size: int, what: str) -> None:
    """`StoreError` where a folder's disk has no room for `size` bytes and a little more."""
    free = shutil.disk_usage(folder).free
    if free < size + _SPARE:
        raise StoreError(
            f"{folder}: {what} needs {(size + _SPARE) / 1e6:,.0f} MB and {free / 1e6:,.0f} MB are free. Make room, "
            "then run the same command again; nothing was changed."
        )


def pour(source: IO[bytes], target: IO[bytes] | None) -> str:
    """Copy a stream to its end, or only read it; returns its SHA-256."""
    digest = hashlib.sha256()
    while piece := source.read(_PIECE):
        digest.update(piece)
        if target is not None:
            target.write(piece)
    return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return pour(file, None)


@contextlib.contextmanager
def appearing(target: Path, *, mode: int = 0o600) -> Iterator[Path]:
    """A path to write to, which becomes `target` when the block ends well and is removed when it does not.

    It lies in a folder that only its owner may enter, with whatever is written beside it (a database's log).
    """
    folder = target.with_name(f".{target.name}.writing")
    _remove(folder)
    folder.mkdir(mode=0o700)
    fresh = folder / target.name
    try:
        yield fresh
        fresh.chmod(mode)
        with fresh.open("rb+") as file:
            os.fsync(file.fileno())
        fresh.rename(target)
    finally:
        _remove(folder)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def copy_file(source: Path, target: Path) -> None:
    """A private copy that was read again and is the same; `StoreError` where it is not."""
    with full_disk_told(target.parent), appearing(target) as fresh:
        with source.open("rb") as old, open_private(fresh) as new:
            expected = pour(old, new)
        if sha256_of(fresh) != expected:
            raise StoreError(f"{target}: the copy is not what was written. Check the disk, then run again.")


def open_private(path: Path) -> IO[bytes]:
    """A new file that only its owner may read, open for writing."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


@contextlib.contextmanager
def full_disk_told(folder: Path) -> Iterator[None]:
    """Turn a full disk or a limit on file sizes into a `StoreError` that says so."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}:
            raise
        raise StoreError(
            f"{folder}: there is no room ({error.strerror}). Nothing half-written was kept. Make room, then run the "
            "same command again."
        ) from error


def unused(path: Path) -> Path:
    """This path, or with the first number behind it under which nothing lies."""
    number = 1
    candidate = path
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}-{number}")
    return candidate
