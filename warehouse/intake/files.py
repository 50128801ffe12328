"""Which files the configuration names, and what is in each as a fingerprint. Not for reading records from them."""

from __future__ import annotations

import glob
import hashlib
from dataclasses import dataclass
from pathlib import Path

from warehouse.config import Config, SourceConfig
from warehouse.errors import InputError
from warehouse.intake.streams import file_sha256

# Endings that programs give a file while they write it.
_IN_PROGRESS = (".part", ".partial", ".tmp", ".crdownload", ".download", ".filepart", "~")


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file of a source, with the fingerprint of its bytes; of a stream of a platform's posts, its name and that
    name's fingerprint."""

    source: SourceConfig
    path: Path
    sha256: str

    @property
    def tag(self) -> str:
        """The first half of the hash of each of its refused records."""
        return hashlib.sha256(f"{self.source.name}\x00{self.sha256}".encode()).hexdigest()[:16]


def source_files(config: Config) -> list[SourceFile]:
    """Every file the configuration names, sources in order and names sorted; `InputError` for none, but where a drop
    folder is empty."""
    found: list[SourceFile] = []
    for source in config.sources:
        if source.is_platform:
            continue
        files = matching(source.path)
        if source.kind == "drop_folder":
            found += _settled(source, files=files)
            continue
        if not files:
            raise InputError(
                f"source '{source.name}': no file matches '{source.path}' (relative paths start at the working "
                "directory). Check [[sources]] path."
            )
        found += [SourceFile(source=source, path=path, sha256=file_sha256(path)) for path in files]
    return found


def _settled(source: SourceConfig, *, files: list[Path]) -> list[SourceFile]:
    """The files of a drop folder that are whole: not under a name of work in progress, and not growing."""
    if not Path(source.path).is_dir():
        raise InputError(
            f"source '{source.name}': there is no folder '{source.path}'. Make it, or correct path."
        )
    whole = []
    for path in files:
        if path.name.lower().endswith(_IN_PROGRESS):
            continue
        before = path.stat()
        sha256, after = file_sha256(path), path.stat()
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns) and after.st_size:
            whole.append(SourceFile(source=source, path=path, sha256=sha256))
    return whole


def matching(pattern: str) -> list[Path]:
    """The files of a name, a pattern or a drop folder; hidden ones are somebody's work in progress."""
    folder = Path(pattern)
    names = folder.iterdir() if folder.is_dir() else map(Path, glob.glob(pattern, recursive=True))  # noqa: PTH207 (absolute patterns)
    return sorted(path for path in names if path.is_file() and not path.name.startswith("."))


def fingerprint(files: list[SourceFile]) -> list[list[str]]:
    """What the input is, for the run's identity: source names and file hashes, without paths."""
    return [[file.source.name, file.sha256] for file in files]
