"""A backup put back in place: everything in it is checked before anything here is touched.

What was here is set aside, never overwritten. Killed anywhere and run again, it comes to the same. Not for writing
backups: see `backup.py`.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from warehouse.backup import BESIDE, FORMAT, MANIFEST, WAREHOUSE, File, Manifest, folders
from warehouse.config import Config
from warehouse.copies import full_disk_told, need_space, open_private, pour
from warehouse.errors import ContractError, InputError, UsageError
from warehouse.migrations import VERSION
from warehouse.restore_parts import LakePart, Part
from warehouse.upgrade import check_copy

_LARGEST_MANIFEST = 64 << 20


def read_manifest(archive: Path) -> Manifest:
    """What an archive says it holds; `InputError` for anything that is no backup of ours."""
    with _opened(archive) as tar:
        first = tar.next()
        member = tar.extractfile(first) if first and first.name == MANIFEST else None
        if member is None or first is None or first.size > _LARGEST_MANIFEST:
            raise _foreign(archive)
        try:
            body = json.loads(member.read())
            files = {name: File(**file) for name, file in body.pop("files").items()}
            manifest = Manifest(files=files, **body)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _foreign(archive) from error
    if manifest.format != FORMAT or WAREHOUSE not in files or not all(map(_is_ours, files)):
        raise _foreign(archive)
    if manifest.schema_version > VERSION:
        raise ContractError(
            f"{archive}: its tables are of version {manifest.schema_version}; this program knows versions up to "
            f"{VERSION}. Restore it with the newer program."
        )
    return manifest


def check_backup(archive: Path, *, config: Config, replace: bool) -> Manifest:
    """Read the whole archive against its manifest and see whether it may be put here; writes nothing."""
    manifest = read_manifest(archive)
    _refuse_overwriting(_parts(manifest, config=config), replace=replace)
    _read_members(archive, manifest=manifest, parts=[])
    return manifest


def restore_backup(archive: Path, *, config: Config, replace: bool) -> tuple[Manifest, list[Path]]:
    """Put a backup in place; returns what it held and where what was here before lies now.

    The caller holds the run's lock.
    """
    manifest = read_manifest(archive)
    parts = _parts(manifest, config=config)
    _refuse_overwriting(parts, replace=replace)
    missing = [part for part in parts if not part.is_here()]
    with _cleared(parts):
        for part in missing:
            part.target.parent.mkdir(parents=True, exist_ok=True)
            need_space(part.target.parent, size=manifest.size, what="what the backup holds")
        with full_disk_told(config.paths.warehouse.parent):
            _read_members(archive, manifest=manifest, parts=missing)
        for part in missing:
            if part.name == WAREHOUSE:
                found = manifest.schema_version or None
                check_copy(part.waiting, config=config, version=found, counts=manifest.tables)
        # The warehouse is the last part: while it is missing, nobody takes the rest for a whole.
        aside = [path for part in missing for path in part.put_in_place()]
    return manifest, aside


def _parts(manifest: Manifest, *, config: Config) -> list[Part]:
    targets = folders(config) | {name: config.paths.warehouse.with_name(name) for name in BESIDE}
    parts = [
        Part(name=name, target=target, files=_files_of(name, manifest=manifest))
        for name, target in targets.items()
    ]
    files, target = _files_of(WAREHOUSE, manifest=manifest), config.paths.warehouse
    if not config.warehouse.is_lake:
        return [*parts, Part(name=WAREHOUSE, target=target, files=files)]
    return [*parts, LakePart(name=WAREHOUSE, target=target, files=files, config=config)]


def _files_of(name: str, *, manifest: Manifest) -> dict[str, File]:
    return {member: file for member, file in manifest.files.items() if name in (member, member.split("/")[0])}


def _is_ours(name: str) -> bool:
    """Whether a member may be written: a file of a known name, or below a known folder."""
    pieces = PurePosixPath(name).parts
    plain = name == "/".join(pieces) and not name.startswith("/") and "\\" not in name and ".." not in pieces
    return plain and (
        name in (WAREHOUSE, *BESIDE) or (len(pieces) > 1 and pieces[0] in ("lexicons", "published"))
    )


def _refuse_overwriting(parts: list[Part], *, replace: bool) -> None:
    there = [part.label for part in parts if part.holds() and not part.is_here()]
    if there and not replace:
        raise UsageError(
            f"there already: {', '.join(there)}. Nothing was changed. With --replace they are set aside under another "
            "name; or give a configuration with other [paths]."
        )


@contextlib.contextmanager
def _cleared(parts: list[Part]) -> Iterator[None]:
    """Nothing waits before or after, whatever a killed run left behind."""
    try:
        for part in parts:
            _remove(part.waiting)
        yield
    finally:
        for part in parts:
            _remove(part.waiting)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


# --------------------------------------------------------------------------------------------- reading


def _read_members(archive: Path, *, manifest: Manifest, parts: list[Part]) -> None:
    """Read every member and compare it; those of `parts` are written where they wait."""
    homes = {
        name: part.path_of(name, root=part.waiting)
        for part in parts
        for name in manifest.files
        if name in part.files
    }
    seen: set[str] = set()
    with _opened(archive) as tar:
        for entry in tar:
            if entry.name == MANIFEST and not seen:
                continue
            expected = manifest.files.get(entry.name)
            member = tar.extractfile(entry) if entry.isfile() else None
            if expected is None or member is None or entry.name in seen or entry.size != expected.size:
                raise _damaged(archive, what=f"{entry.name!r} is not what the manifest says")
            with _home(homes.get(entry.name)) as target:
                if pour(member, target) != expected.sha256:
                    raise _damaged(archive, what=f"the content of {entry.name!r} is not what was backed up")
            seen.add(entry.name)
    missing = sorted(manifest.files.keys() - seen)
    if missing:
        raise _damaged(archive, what=f"{len(missing)} of {len(manifest.files)} files are missing")


@contextlib.contextmanager
def _home(path: Path | None) -> Iterator[IO[bytes] | None]:
    if path is None:
        yield None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_private(path) as file:
        yield file


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(archive, mode="r:") as tar:
            yield tar
    except FileNotFoundError as error:
        raise InputError(f"{archive}: no such file. Check --from.") from error
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(archive, what="it cannot be read to its end, or is no archive at all") from error


def _foreign(archive: Path) -> InputError:
    return InputError(
        f"{archive}: is not a backup made by `affectcast backup`, or of a form this version does not know. Nothing was "
        "changed."
    )


def _damaged(archive: Path, *, what: str) -> InputError:
    return InputError(f"{archive}: is damaged or cut off: {what}. Nothing was changed. Use another backup.")
