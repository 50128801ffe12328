"""A warehouse and what belongs to it as one archive (tar) that was read again before it got its name.

In it: a consistent copy of the warehouse (a DuckDB file, of whatever kind the warehouse is), analysts' verdicts, which
notices were sent, added lexicons and the published issues; first of all a manifest with the SHA-256 of each. Never the
key behind the pseudonyms, nor what can be computed again. Not for putting one back: `restore.py` does that.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from warehouse.acknowledgements import FILE_NAME as VERDICTS
from warehouse.config import Config
from warehouse.copies import full_disk_told, need_space, pour, sha256_of
from warehouse.errors import InputError, StoreError, UsageError
from warehouse.migrations import version_of
from warehouse.opening import connected, exists, name_of, size_of
from warehouse.upgrade import check_copy, copy_database

MANIFEST, WAREHOUSE = "manifest.json", "warehouse.duckdb"
FORMAT = 1
_SETTING = {"duckdb": "[paths] warehouse", "ducklake": "[warehouse] catalogue"}
# Small files beside the warehouse, by the name they have there.
BESIDE = (VERDICTS, "notified.txt")


@dataclass(frozen=True, kw_only=True)
class File:
    """What a member of the archive must be."""

    sha256: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What an archive holds. `tables` are rows per table of the warehouse in it."""

    made: str
    program: str
    schema_version: int
    config_sha256: str
    tables: dict[str, int]
    files: dict[str, File]
    format: int = FORMAT

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files.values())

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=1, sort_keys=True) + "\n").encode()


def folders(config: Config) -> dict[str, Path]:
    """The folders that belong to a warehouse, by the name they have in an archive."""
    return {"lexicons": config.paths.lexicons, "published": config.paths.published}


def files_beside(config: Config) -> dict[str, Path]:
    """What is archived as it lies, by its name in the archive; what is hidden is work in progress."""
    found = {name: config.paths.warehouse.with_name(name) for name in BESIDE}
    for part, folder in folders(config).items():
        found |= {
            f"{part}/{path.relative_to(folder).as_posix()}": path
            for path in sorted(folder.rglob("*"))
            if not any(piece.startswith(".") for piece in path.relative_to(folder).parts)
        }
    return {name: path for name, path in found.items() if path.is_file()}


def check_target(to: Path, *, config: Config) -> int:
    """Bytes that a backup would read; raises where there is nothing to back up, no room, or a file already."""
    path = config.paths.warehouse
    if not exists(path, config=config.warehouse):
        name, setting = name_of(path, config=config.warehouse), _SETTING[config.warehouse.kind]
        raise InputError(f"{name}: there is no warehouse here to back up. Check {setting}.")
    if to.exists():
        raise UsageError(
            f"--to {to}: is there already, and a backup is never overwritten. Choose another name."
        )
    if not to.parent.is_dir():
        raise UsageError(f"--to {to}: there is no folder {to.parent}. Make it first.")
    size = size_of(path, config=config.warehouse) + sum(
        file.stat().st_size for file in files_beside(config).values()
    )
    need_space(to.parent, size=2 * size, what="a backup and the copy it is made of")
    return size


def write_backup(to: Path, *, config: Config, made: dt.date) -> Manifest:
    """Write the archive; it appears under its name only when it was read again and holds what it should.

    The caller holds the run's lock.
    """
    check_target(to, config=config)
    with full_disk_told(to.parent), _scratch(to) as scratch:
        version_found, tables = _copy_warehouse(scratch / WAREHOUSE, config=config)
        members = {WAREHOUSE: scratch / WAREHOUSE} | files_beside(config)
        if VERDICTS in members:
            members[VERDICTS] = _copy_verdicts(members[VERDICTS], scratch / VERDICTS)
        manifest = Manifest(
            made=made.isoformat(),
            program=version("affectcast"),
            schema_version=version_found,
            config_sha256=config.sha256,
            tables=tables,
            files={
                name: File(sha256=sha256_of(path), size=path.stat().st_size) for name, path in members.items()
            },
        )
        archive = scratch / "archive.tar"
        _write_archive(archive, manifest=manifest, members=members)
        _read_again(archive, manifest=manifest)
        archive.rename(to)
    return manifest


@contextlib.contextmanager
def _scratch(to: Path) -> Iterator[Path]:
    """A private folder beside the archive to be, always the same one, so that a killed run leaves no more than it."""
    folder = to.with_name(f".{to.name}.writing")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copy_warehouse(target: Path, *, config: Config) -> tuple[int, dict[str, int]]:
    """Every table as of now; its version, and rows per table, which the copy has too."""
    with connected(config.paths.warehouse, config=config.warehouse) as connection:
        found = version_of(connection)
        tables = copy_database(connection, target=target)
    check_copy(target, config=config, version=found, counts=tables)
    return found or 0, tables


def _copy_verdicts(source: Path, target: Path) -> Path:
    """A consistent copy, whoever writes meanwhile."""
    try:
        with (
            contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=10)) as old,
            contextlib.closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"{source}: is not a readable acknowledgements file. Move it away, then run again."
        ) from error
    return target


def _write_archive(archive: Path, *, manifest: Manifest, members: dict[str, Path]) -> None:
    descriptor = os.open(archive, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            body = manifest.to_json()
            tar.addfile(_entry(MANIFEST, size=len(body)), io.BytesIO(body))
            for name, path in members.items():
                with path.open("rb") as member:
                    tar.addfile(_entry(name, size=manifest.files[name].size), member)
        file.flush()
        os.fsync(file.fileno())


def _entry(name: str, *, size: int) -> tarfile.TarInfo:
    """A member without anything of the machine it comes from."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    return entry


def _read_again(archive: Path, *, manifest: Manifest) -> None:
    with tarfile.open(archive, mode="r:") as tar:
        found = {entry.name: pour(member, None) for entry in tar if (member := tar.extractfile(entry))}
    expected = {name: file.sha256 for name, file in manifest.files.items()}
    if {name: sha256 for name, sha256 in found.items() if name != MANIFEST} != expected:
        raise StoreError(
            f"{archive.parent}: what was written cannot be read again. Check the disk, then run again."
        )
