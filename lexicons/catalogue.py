"""What lexicons there are: the shipped catalogue, and the one beside the lexicons a user has added.

Not for reading term files: `lexicons.load` does that, with the checksums listed here.
"""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from warehouse.errors import MissingModelError

SHIPPED = Path(__file__).parent / "catalogue.toml"
FILE_NAME = "catalogue.toml"
# A scorer that is no lexicon.
RESERVED = frozenset({"emotion"})
START_AGAIN = "Correct it, or move it away and add the lexicons again with `affectcast lexicons add`."
Scale = Literal["presence", "rate", "mean", "sets"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
LexiconName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*-[a-z]{2}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(_Entry):
    """A term file of one language.

    Attributes:
        file: path, relative to the catalogue until it is read.
        accents: whether `papá` and `papa` are different words.
    """

    language: str = Field(pattern=r"^[a-z]{2}$")
    file: Path
    sha256: Sha256
    accents: bool = False
    licence: str = "unknown"
    citation: str = ""


class CueEntry(_Entry):
    """A file of negators and degree words; `reach` counts tokens."""

    file: Path
    sha256: Sha256
    reach: int = Field(ge=1, le=20)


class ScorerEntry(_Entry):
    """How lexicons become a scorer: files of the same dimensions, one per language.

    Attributes:
        scale: presence = 1 where a post has a hit; rate = hits per token; mean = mean weight of the words
            found, moved from [-1, 1] to [0, 1]; sets = share of a set's dimensions that have a hit.
        dimensions: the dimensions of the files to use, in order.
        sets: for scale `sets`, each measure's dimensions.
        negation: whether negated hits are told apart.
    """

    title: str
    lexicons: tuple[str, ...] = Field(min_length=1)
    scale: Scale
    dimensions: tuple[Name, ...] = Field(min_length=1)
    sets: dict[Name, tuple[Name, ...]] = {}
    negation: bool = True
    card: str = ""

    @model_validator(mode="after")
    def sets_are_of_the_dimensions(self) -> ScorerEntry:
        members = {name for names in self.sets.values() for name in names}
        if bool(self.sets) != (self.scale == "sets"):
            raise ValueError("sets are for the scale sets, which needs some")
        if members - set(self.dimensions) or not all(self.sets.values()):
            raise ValueError("a set must be made of the dimensions, one at least")
        if len(set(self.dimensions)) < len(self.dimensions):
            raise ValueError("a dimension is listed twice")
        return self

    @property
    def measures(self) -> tuple[str, ...]:
        return tuple(self.sets) if self.scale == "sets" else self.dimensions


class _Document(_Entry):
    lexicons: dict[LexiconName, FileEntry] = {}
    cues: dict[str, CueEntry] = {}
    scorers: dict[Name, ScorerEntry] = {}


@dataclass(frozen=True)
class Catalogue:
    """Lexicon files by name, cues by language, scorers by name; the paths are absolute or of the caller's folder."""

    lexicons: Mapping[str, FileEntry] = field(default_factory=dict)
    cues: Mapping[str, CueEntry] = field(default_factory=dict)
    scorers: Mapping[str, ScorerEntry] = field(default_factory=dict)

    def lexicon(self, name: str) -> FileEntry:
        """The file of that name; `MissingModelError` names the nearest."""
        if name not in self.lexicons:
            raise MissingModelError(_unknown("lexicon", name, list(self.lexicons)))
        return self.lexicons[name]

    def scorer(self, name: str) -> ScorerEntry:
        """The scorer of that name; `MissingModelError` names the nearest."""
        if name not in self.scorers:
            raise MissingModelError(_unknown("lexicon scorer", name, list(self.scorers)))
        return self.scorers[name]


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_catalogue(folder: Path | None = None, *, shipped: Path = SHIPPED) -> Catalogue:
    """The shipped catalogue and, where `folder` holds one, the lexicons a user has added.

    Raises:
        MissingModelError: the shipped catalogue is not there, or one of the two cannot be read.
    """
    if not shipped.is_file():
        raise MissingModelError(
            f"The lexicon catalogue {shipped} does not exist. Expected a TOML file. Reinstall the package."
        )
    own = read_document(shipped)
    if folder is None:
        return own
    added = folder / FILE_NAME
    theirs = read_added(folder)
    taken = sorted(
        (own.lexicons.keys() & theirs.lexicons) | ({*own.scorers, *RESERVED} & theirs.scorers.keys())
    )
    if taken:
        raise MissingModelError(
            f"{added} names {', '.join(taken)}, which the package ships itself. Expected other names. Rename them."
        )
    return replace(
        own, lexicons={**own.lexicons, **theirs.lexicons}, scorers={**own.scorers, **theirs.scorers}
    )


def read_added(folder: Path) -> Catalogue:
    """The catalogue of a folder of added lexicons; an empty one where there is none.

    Raises:
        MissingModelError: it cannot be read, has cues, or names a file outside the folder.
    """
    path = folder / FILE_NAME
    if not path.exists():
        return Catalogue()
    found = read_document(path)
    outside = [name for name, entry in found.lexicons.items() if entry.file.parent != folder]
    if outside or found.cues:
        raise MissingModelError(
            f"{path}: {', '.join(outside) or 'cues'} cannot be there. Expected lexicons whose files lie beside it, and "
            f"scorers. {START_AGAIN}"
        )
    return found


def read_document(path: Path) -> Catalogue:
    """One catalogue file, its paths made relative to the caller's folder."""
    try:
        document = _Document.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError, ValidationError) as error:
        raise MissingModelError(
            f"The lexicon catalogue {path} cannot be read: {_reason(error)}. Expected the tables lexicons, cues and "
            f"scorers. {START_AGAIN}"
        ) from error
    return Catalogue(
        lexicons={name: _placed(entry, path.parent) for name, entry in document.lexicons.items()},
        cues={
            name: entry.model_copy(update={"file": path.parent / entry.file})
            for name, entry in document.cues.items()
        },
        scorers=document.scorers,
    )


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error).strip().splitlines()[0]
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _placed(entry: FileEntry, folder: Path) -> FileEntry:
    return entry.model_copy(update={"file": folder / entry.file})


def _unknown(what: str, name: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    hint = f" The nearest is {nearest[0]}." if nearest else ""
    return f"There is no {what} {name!r}. Expected one of {', '.join(known)}.{hint}"
