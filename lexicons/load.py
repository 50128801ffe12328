"""Read the term files and cue files named in the catalogue, and refuse one that is missing or was altered.

Not for matching, and not for other people's formats: `lexicons.formats` turns those into this one, the
tab-separated `term, dimension, weight`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from lexicons.catalogue import Catalogue, CueEntry, FileEntry, ScorerEntry, file_sha256
from warehouse.errors import InputError, MissingModelError

VERSION_DIGITS = 12
TERM_SCHEMA = pl.Schema({"term": pl.String(), "dimension": pl.String(), "weight": pl.Float32()})
CUE_SCHEMA = pl.Schema({"cue": pl.String(), "role": pl.String(), "factor": pl.Float32()})
CUE_ROLES = ("negator", "degree", "break", "plain")


@dataclass(frozen=True)
class Cues:
    """Words of one language that change what follows.

    Attributes:
        terms: cue String; role String: negator, degree (multiplies by `factor`), break (ends the reach of
            the cues before it), plain (a longer expression that only looks like a cue); factor Float32.
        reach: how many tokens ahead a negator or degree word reaches.
    """

    name: str
    version: str
    terms: pl.DataFrame
    reach: int = 3


@dataclass(frozen=True)
class Lexicon:
    """Words of one language and the dimensions each of them marks.

    Attributes:
        version: first 12 hexadecimal digits of the file's sha256.
        dimensions: those to count; terms of other dimensions still hide the words they cover.
        terms: one row per term and dimension: term String, dimension String, weight Float32.
        accents: whether accents tell words apart.
        cues: negators and degree words, or None to leave negation alone.
        graded: whether cues change the weights of what they reach; if not, a negated hit adds nothing to the
            weighted sum, and any other its plain weight.
    """

    name: str
    language: str
    version: str
    dimensions: tuple[str, ...]
    terms: pl.DataFrame
    accents: bool = False
    cues: Cues | None = None
    graded: bool = True
    licence: str = "unknown"


def load_lexicon(name: str, *, catalogue: Catalogue) -> Lexicon:
    """Read one term file with all its dimensions and without cues, for example `affect-en`.

    Raises:
        MissingModelError: the name is not in the catalogue, or the file is absent or altered.
        InputError: the file does not hold a table of terms.
    """
    entry = catalogue.lexicon(name)
    version = _verified(f"lexicon {name}", entry)[:VERSION_DIGITS]
    terms = read_terms(entry.file)
    dimensions = tuple(terms["dimension"].unique(maintain_order=True))
    return Lexicon(name, entry.language, version, dimensions, terms, entry.accents, licence=entry.licence)


def load_cues(language: str, *, catalogue: Catalogue) -> Cues | None:
    """Negators and degree words of a language, or None where there are none.

    Raises:
        MissingModelError: the file is absent or altered.
        InputError: the file does not hold a table of cues.
    """
    entry = catalogue.cues.get(language)
    if entry is None:
        return None
    version = _verified(f"cues {language}", entry)[:VERSION_DIGITS]
    return Cues(f"cues {language}", version, read_cues(entry.file), entry.reach)


def load_scorer(name: str, *, catalogue: Catalogue) -> tuple[ScorerEntry, list[Lexicon]]:
    """A scorer's entry and its lexicons, ready to match: its dimensions only, with cues where it negates.

    Raises:
        MissingModelError: the name is not in the catalogue, or a file is absent or altered.
        InputError: a file is not a table of terms, or lacks a dimension.
    """
    entry = catalogue.scorer(name)
    return entry, [_prepared(name, entry, lexicon, catalogue=catalogue) for lexicon in entry.lexicons]


def _prepared(scorer: str, entry: ScorerEntry, lexicon: str, *, catalogue: Catalogue) -> Lexicon:
    loaded = load_lexicon(lexicon, catalogue=catalogue)
    absent = [name for name in entry.dimensions if name not in loaded.dimensions]
    if absent:
        raise InputError(
            f"The lexicon {lexicon} has no terms for {', '.join(absent)}, which the scorer {scorer} asks for. "
            f"Expected dimensions among {', '.join(loaded.dimensions)}. Correct the catalogue or the file."
        )
    cues = load_cues(loaded.language, catalogue=catalogue) if entry.negation else None
    return replace(loaded, dimensions=entry.dimensions, cues=cues, graded=entry.scale == "mean")


def read_terms(path: Path) -> pl.DataFrame:
    """Read a term file: term, dimension, weight (Float32), comment lines left out.

    Raises:
        InputError: other columns, a weight that is not a number, or an empty or repeated row.
    """
    terms = _read_tsv(path, schema=TERM_SCHEMA)
    _check_rows(terms, path=path, key=["term", "dimension"])
    return terms


def read_cues(path: Path) -> pl.DataFrame:
    """Read a cue file: cue, role, factor (Float32).

    Raises:
        InputError: other columns, an unknown role, a factor that is not a positive number, or a repeated cue.
    """
    cues = _read_tsv(path, schema=CUE_SCHEMA)
    _check_rows(cues, path=path, key=["cue"])
    unknown = sorted(set(cues["role"]) - set(CUE_ROLES))
    if unknown or (cues["factor"] <= 0).any():
        raise InputError(
            f"{path}: unknown roles {unknown}, or factors that are not above 0. Expected one of "
            f"{', '.join(CUE_ROLES)} and a positive factor. Correct the file."
        )
    return cues


def _read_tsv(path: Path, *, schema: pl.Schema) -> pl.DataFrame:
    numbers = [name for name, kind in schema.items() if kind.is_numeric()]
    columns = f"columns {', '.join(schema)}, with numbers in {', '.join(numbers)}"
    expected = f"Expected the tab-separated {columns}. Correct the file."
    try:
        # Nothing is guessed: a term such as 007 is a word.
        frame = pl.read_csv(path, separator="\t", comment_prefix="# ", quote_char=None, infer_schema=False)
        if frame.columns == list(schema):
            return frame.cast(schema)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{path} cannot be read ({type(error).__name__}). {expected}") from error
    raise InputError(f"{path} has the columns {frame.columns}. {expected}")


def _check_rows(frame: pl.DataFrame, *, path: Path, key: list[str]) -> None:
    bad = pl.any_horizontal(pl.all().is_null()) | ~pl.any_horizontal(pl.selectors.numeric().is_finite())
    incomplete = frame.select(bad.sum()).item()
    repeated = frame.height - frame.n_unique(key)
    if incomplete or repeated or frame.is_empty():
        raise InputError(
            f"{path}: {frame.height} rows, {incomplete} of them incomplete, {repeated} repeated. Expected each "
            f"{' and '.join(key)} once, with a value in every column. Correct the file."
        )


def _verified(what: str, entry: FileEntry | CueEntry) -> str:
    """The file's sha256, which is the one in the catalogue."""
    if not entry.file.is_file():
        raise MissingModelError(
            f"The file of {what} is missing: {entry.file}. Expected a file with sha256 {entry.sha256}. "
            "Reinstall the package, restore the file, or add it again."
        )
    digest = file_sha256(entry.file)
    if digest != entry.sha256:
        raise MissingModelError(
            f"The file of {what} is not the one in the catalogue: {entry.file} has sha256 {digest}. "
            f"Expected {entry.sha256}. Restore the file, or add it again if the change is wanted."
        )
    return digest
