"""Read and check the folder of one embedded model: its weights' digests and what `meta.json` says of them.

Not for the pretrained encoder, which is a Python package of its own: see `package`.
"""

import hashlib
import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from classifiers.package import check_sha256, file_sha256
from warehouse.errors import MissingModelError

HERE = Path(__file__).parent
EMBEDDED = HERE / "embedded"
_RESTORE = "restore the file from the release this version came with"


@dataclass(frozen=True)
class Artefact:
    """One embedded model on disk; `meta` as written by training."""

    folder: Path
    meta: dict[str, Any]

    @property
    def version(self) -> str:
        """Twelve hex digits over weights and meta data."""
        return str(self.meta["version"])

    @property
    def measures(self) -> tuple[str, ...]:
        """Measure names in the order of the logits."""
        return tuple(self.meta["measures"])

    @property
    def size_mb(self) -> float:
        """Megabytes of all weight files."""
        return round(sum((self.folder / name).stat().st_size for name in self.meta["files"]) / 1e6, 1)

    def weights(self, name: str) -> Path:
        """The path of one weight file, after its digest was checked; raises MissingModelError."""
        path = self.folder / name
        check_sha256(path, expected=self.meta["files"][name], next_step=_RESTORE)
        return path


def load_artefact(folder: Path) -> Artefact:
    """Read `meta.json`; raises MissingModelError when it is missing, unreadable or not the one that was published."""
    path = folder / "meta.json"
    if not path.is_file():
        raise MissingModelError(
            f"model description {path} is missing; expected meta.json of a model; {_RESTORE}"
        )
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise MissingModelError(f"model description {path} is not JSON: {error}; {_RESTORE}") from error
    found = version_of(meta)
    if meta.get("version") != found:
        raise MissingModelError(
            f"model description {path} was altered: it says version {meta.get('version')}, "
            f"its content has version {found}; {_RESTORE}"
        )
    return Artefact(folder, meta)


def version_of(meta: dict[str, Any]) -> str:
    """First twelve hex digits of the digest of the canonical meta data, which names every weight file's digest."""
    content = {key: value for key, value in meta.items() if key != "version"}
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:12]


@cache
def catalogue() -> dict[str, Any]:
    """`catalogue.toml`: the tables `model` and `scorer`, each by name."""
    with (HERE / "catalogue.toml").open("rb") as handle:
        tables = tomllib.load(handle)
    return {kind: {entry["name"]: entry for entry in tables[kind]} for kind in ("model", "scorer")}


@cache
def catalogued(name: str) -> Artefact:
    """The embedded model of this catalogue name; raises MissingModelError when it is unknown or another version."""
    entries = catalogue()["model"]
    if name not in entries:
        raise MissingModelError(
            f"no model {name!r} in classifiers/catalogue.toml; expected one of {sorted(entries)}"
        )
    artefact = load_artefact(HERE / entries[name]["path"])
    if artefact.version != entries[name]["version"]:
        raise MissingModelError(
            f"model {name!r} in {artefact.folder} has version {artefact.version}, "
            f"the catalogue expects {entries[name]['version']}; {_RESTORE}"
        )
    return artefact


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of each weight file of a folder: all but its description and its card."""
    paths = sorted(p for p in folder.iterdir() if p.suffix not in {".json", ".md"})
    return {p.name: file_sha256(p, stamp=(p.stat().st_mtime_ns, p.stat().st_size)) for p in paths}
