"""The parts of a backup and how each is put in its place; what is there is set aside first.

Not for reading an archive or deciding whether it may be put back: `restore.py` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from warehouse import ducklake
from warehouse.backup import File
from warehouse.config import Config
from warehouse.copies import sha256_of, unused
from warehouse.opening import connected, errors_withheld, exists
from warehouse.upgrade import check_copy, copy_lake, row_counts, version_at


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

    @property
    def label(self) -> str:
        """What a message calls it."""
        return str(self.target)

    def holds(self) -> bool:
        """Whether something is there that would have to be set aside."""
        return _holds(self.target)

    def put_in_place(self) -> list[Path]:
        """Set aside what is here, then move the part in; the log of a database goes with the database."""
        aside = []
        for path in (self.target, self.target.with_name(f"{self.target.name}.wal")):
            if _holds(path):
                aside.append(unused(path.with_name(f"{path.name}.replaced")))
                path.rename(aside[-1])
        if self.files:
            if self.target.is_dir():
                self.target.rmdir()
            self.waiting.rename(self.target)
        return aside


@dataclass(frozen=True, kw_only=True)
class LakePart(Part):
    """The warehouse where it is a DuckLake: its tables are put in place of those there, in one transaction.

    What was there is set aside as a DuckDB file at `target`, with `.replaced` behind its name.
    """

    config: Config

    @property
    def label(self) -> str:
        return self.config.warehouse.name

    @property
    def sha256(self) -> str:
        return self.files[self.name].sha256

    def holds(self) -> bool:
        return exists(self.target, config=self.config.warehouse)

    def is_here(self) -> bool:
        """Whether the newest thing that happened to the lake is that this very backup was put in its place."""
        if not self.holds():
            return False
        with connected(self.target, config=self.config.warehouse, read_only=True) as connection:
            return ducklake.last_message(connection) == self._message

    def put_in_place(self) -> list[Path]:
        aside = []
        if self.holds():
            aside.append(unused(self.target.with_name(f"{self.target.name}.replaced")))
            self._copy_of_now(aside[0])
        with (
            connected(self.target, config=self.config.warehouse, alone=True) as connection,
            errors_withheld("the restored tables"),
        ):
            ducklake.replace_tables(connection, source=self.waiting, message=self._message)
        return aside

    def _copy_of_now(self, path: Path) -> None:
        config = self.config
        with connected(self.target, config=config.warehouse, read_only=True) as connection:
            counts = row_counts(connection)
        copy_lake(path, config=config)
        check_copy(path, config=config, version=version_at(self.target, config=config), counts=counts)

    @property
    def _message(self) -> str:
        return f"restored {self.sha256}"


def _holds(path: Path) -> bool:
    return path.is_file() or (path.is_dir() and any(path.iterdir()))
