"""An export as one zip beside its publication: where it lies, how it is written, how it is read within limits.

Not for what an export holds: the export makes it, the dashboard shows it. A zip is judged as if a stranger had put it
there: whoever reads it learns nothing from outside it, and it cannot fill memory or disk.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from warehouse.errors import InputError

NAME = re.compile(r"((?!\.)[A-Za-z0-9_.%=~-]+/)*(?!\.)[A-Za-z0-9_.%=~-]+")
# The oldest time that a zip can say, so that the same files give the same bytes.
STAMP = (1980, 1, 1, 0, 0, 0)
LEVEL = 6
MB = 1_000_000
MOST_PACKED = 500 * MB
MOST_UNPACKED = 2_000 * MB
MOST_FILES = 10_000
MOST_INDEX = 4 * MB
# Tables of withheld values shrink to a fiftieth at most; what shrinks further was made to fill memory.
MOST_RATIO = 200
SMALL = MB
MOST_LINE = 100_000
BUFFER = 65_536
_END = struct.Struct("<4s4H2LH")
_ZIP64 = b"PK\x06\x07"
_FAULTS = (
    zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError,
)  # fmt: skip


def beside(folder: Path) -> Path:
    """Where the export of the publication in `…/issue=D/version=V` lies: `…/issue=D/export-V.zip`."""
    return folder.parent / f"export-{folder.name.removeprefix('version=')}.zip"


def write_zip(folder: Path, *, to: Path) -> None:
    """Every file below `folder` in order of name, without times, owners or permissions of this machine."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    with zipfile.ZipFile(to, "w") as packed:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, date_time=STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            packed.writestr(entry, files[name].read_bytes(), compresslevel=LEVEL)


def sizes(path: Path) -> dict[str, int]:
    """File name → bytes, in order of name. `InputError` where the zip is damaged or breaks a limit."""
    with _opened(path) as packed:
        return {entry.filename: entry.file_size for entry in packed.infolist()}


def read(path: Path, *, name: str, most: int) -> bytes:
    """One file of the zip, checked against its checksum; `InputError` where it has more than `most` bytes."""
    with _opened(path) as packed:
        entry = packed.getinfo(name)
        if entry.file_size > most:
            raise InputError(f"{path.name}: {name} has {entry.file_size:,} bytes; at most {most:,} are read.")
        return packed.read(entry)


def lines(path: Path, *, name: str) -> Iterator[str]:
    """The lines of one text file of the zip, without holding all of it."""
    with _opened(path) as packed, packed.open(name) as entry:
        # The zip's own reader is slow by lines, and takes their greatest length for a hint.
        file = io.BufferedReader(cast(io.RawIOBase, entry), BUFFER)
        while line := file.readline(MOST_LINE):
            if len(line) == MOST_LINE:
                raise InputError(f"{path.name}: a line of {name} has {MOST_LINE:,} bytes or more.")
            yield line.decode("utf-8")


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        _check_outside(path)
        with zipfile.ZipFile(path) as packed:
            _check_entries(packed.infolist(), path=path)
            yield packed
    except KeyError as error:
        raise InputError(f"{path.name}: does not hold the file that was asked for.") from error
    except _FAULTS as error:
        raise InputError(f"{path.name}: is damaged. Run `affectcast publish` to write it again.") from error


def _check_outside(path: Path) -> None:
    """A regular file with a small index, before anything parses it."""
    if path.is_symlink() or not path.is_file():
        raise InputError(
            f"{path.name}: is not a file of its own. Run `affectcast publish` to write it again."
        )
    size = path.stat().st_size
    if size > MOST_PACKED:
        raise InputError(f"{path.name}: has {size / MB:,.0f} MB; at most {MOST_PACKED / MB:,.0f} are read.")
    with path.open("rb") as file:
        file.seek(max(size - _END.size - 20, 0))
        tail = file.read()
    mark, *_, index, _, comment = _END.unpack(tail[-_END.size :])
    if mark != b"PK\x05\x06" or comment or tail.startswith(_ZIP64):
        raise zipfile.BadZipFile("no plain end record")
    if index > MOST_INDEX:
        raise InputError(f"{path.name}: holds more than {MOST_FILES:,} files.")


def _check_entries(entries: list[zipfile.ZipInfo], *, path: Path) -> None:
    names = [entry.filename for entry in entries]
    if len(names) > MOST_FILES:
        raise InputError(f"{path.name}: holds more than {MOST_FILES:,} files.")
    if len(set(names)) < len(names) or not all(_plain(entry) for entry in entries):
        raise InputError(f"{path.name}: holds names or kinds of file that no export has. It is not read.")
    if sum(entry.file_size for entry in entries) > MOST_UNPACKED:
        raise InputError(f"{path.name}: unpacks to more than {MOST_UNPACKED / MB:,.0f} MB. It is not read.")
    if any(entry.file_size > max(SMALL, MOST_RATIO * entry.compress_size) for entry in entries):
        raise InputError(
            f"{path.name}: a file unpacks to more than {MOST_RATIO} times its size. It is not read."
        )


def _plain(entry: zipfile.ZipInfo) -> bool:
    """A file with an ordinary name below the folder it is unpacked in, not encrypted, and no link."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return (
        NAME.fullmatch(entry.filename) is not None
        and entry.orig_filename == entry.filename
        and kind in (0, stat.S_IFREG)
        and not entry.flag_bits & 0x1
        and entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    )
