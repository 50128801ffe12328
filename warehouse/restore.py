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
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from warehouse.backup import BESIDE, FORMAT, MANIFEST, WAREHOUSE, File, Manifest, folders
from warehouse.config import Config
from warehouse.copies import full_disk_told, need_space, open_private, pour, sha256_of, unused
from warehouse.errors import ContractError, InputError, UsageError
from warehouse.migrations import VERSION
from warehouse.upgrade import check_copy

_LARGEST_MANIFEST = 64 << 20


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file or folder of the archive: where it belongs, and where it waits until all is checked."""

    name: str
    target: Path
    files: dict[str, File]

    @property
    def waiting(self) -> Path:
        return self.target.with_name(f".{self.target.name}.restoring")

    def path_of(self, member: str, *, root: Path) -> Path:
        """Where a member of this part lies, with the part itself at `root`."""
        return root if member == self.name else root / PurePosixPath(member).relative_to(self.name)

    def is_here(self) -> bool:
        """Whether what the archive holds lies in place already, and nothing else does."""
        wanted = {self.path_of(name, root=self.target): file.sha256 for name, file in self.files.items()}
        if not wanted or self.target.is_file() != (self.name in self.files):
            return False
        found = [self.target] if self.target.is_file() else [p for p in self.target.rglob("*") if p.is_file()]
        return set(found) == set(wanted) and all(sha256_of(path) == wanted[path] for path in found)


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
        aside = [path for part in missing for path in _put_in_place(part)]
    return manifest, aside


def _parts(manifest: Manifest, *, config: Config) -> list[Part]:
    targets = folders(config) | {name: config.paths.warehouse.with_name(name) for name in BESIDE}
    targets[WAREHOUSE] = config.paths.warehouse
    return [
        Part(
            name=name,
            target=target,
            files={
                member: file
                for member, file in manifest.files.items()
                if name in (member, member.split("/")[0])
            },
        )
        for name, target in targets.items()
    ]


def _is_ours(name: str) -> bool:
    """Whether a member may be written: a file of a known name, or below a known folder."""
    pieces = PurePosixPath(name).parts
    plain = name == "/".join(pieces) and not name.startswith("/") and "\\" not in name and ".." not in pieces
    return plain and (
        name in (WAREHOUSE, *BESIDE) or (len(pieces) > 1 and pieces[0] in ("lexicons", "published"))
    )


def _refuse_overwriting(parts: list[Part], *, replace: bool) -> None:
    there = [str(part.target) for part in parts if _holds(part.target) and not part.is_here()]
    if there and not replace:
        raise UsageError(
            f"there already: {', '.join(there)}. Nothing was changed. With --replace they are set aside under another "
            "name; or give a configuration with other [paths]."
        )


def _holds(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


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


def _put_in_place(part: Part) -> list[Path]:
    """Set aside what is here, then move the part in; the log of a database goes with the database."""
    aside = []
    for path in (part.target, part.target.with_name(f"{part.target.name}.wal")):
        if path.is_file() or (path.is_dir() and _holds(path)):
            aside.append(unused(path.with_name(f"{path.name}.replaced")))
            path.rename(aside[-1])
    if part.files:
        if part.target.is_dir():
            part.target.rmdir()
        part.waiting.rename(part.target)
    return aside


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
