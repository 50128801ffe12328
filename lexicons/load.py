"""Read lexicons named in the catalogue, and refuse a file that is missing or was altered.

Not for matching, and not for other formats: the files are tab-separated `term, dimension, weight`.
"""

import difflib
import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from warehouse.errors import InputError, MissingModelError

CATALOGUE = Path(__file__).parent / "catalogue.toml"
VERSION_DIGITS = 12
TERM_SCHEMA = pl.Schema({"term": pl.String(), "dimension": pl.String(), "weight": pl.Float32()})


@dataclass(frozen=True)
class Lexicon:
    """Words of one language and the dimensions each of them marks.

    Attributes:
        version: first 12 hexadecimal digits of the file's sha256.
        terms: one row per term and dimension: term String, dimension String, weight Float32.
    """

    name: str
    language: str
    version: str
    dimensions: tuple[str, ...]
    terms: pl.DataFrame


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_catalogue(path: Path = CATALOGUE) -> dict[str, dict[str, Any]]:
    """Return the catalogue's entries by lexicon name, each with an added `path` to its file.

    Raises:
        MissingModelError: there is no catalogue at `path`.
    """
    if not path.is_file():
        raise MissingModelError(
            f"The lexicon catalogue {path} does not exist. Expected a TOML file with one table per lexicon. "
            "Reinstall the package."
        )
    entries = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: {**entry, "path": path.parent / entry["file"]} for name, entry in entries.items()}


def list_lexicons(*, catalogue: Path = CATALOGUE) -> list[str]:
    """Return the names of all lexicons, in catalogue order."""
    return list(read_catalogue(catalogue))


def load_lexicon(name: str, *, catalogue: Path = CATALOGUE) -> Lexicon:
    """Read one lexicon, for example `affectcast-en`.

    Raises:
        MissingModelError: the name is not in the catalogue, or the file is absent or altered.
        InputError: the file does not hold what the catalogue says.
    """
    entries = read_catalogue(catalogue)
    if name not in entries:
        raise MissingModelError(_unknown_name(name, list(entries), catalogue))
    entry = entries[name]
    digest = _verified_digest(name, entry)
    terms = read_terms(entry["path"])
    dimensions = tuple(entry["dimensions"])
    _check_terms(terms, dimensions, path=entry["path"])
    return Lexicon(name, entry["language"], digest[:VERSION_DIGITS], dimensions, terms)


def read_terms(path: Path) -> pl.DataFrame:
    """Read a term file: term, dimension, weight (Float32), comment lines left out.

    Raises:
        InputError: other columns, or a weight that is not a number.
    """
    try:
        frame = pl.read_csv(
            path, separator="\t", comment_prefix="#", quote_char=None, schema_overrides={"weight": pl.Float32}
        )
    except (pl.exceptions.ComputeError, pl.exceptions.NoDataError) as error:
        raise InputError(f"{path} is not a table of terms: {error}. {_EXPECTED_FILE}") from error
    if frame.columns != list(TERM_SCHEMA):
        raise InputError(f"{path} has the columns {frame.columns}. {_EXPECTED_FILE}")
    return frame.cast(TERM_SCHEMA)


_EXPECTED_FILE = "Expected the tab-separated columns term, dimension, weight. Correct the file."


def _unknown_name(name: str, known: list[str], catalogue: Path) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    hint = f" The nearest is {nearest[0]}." if nearest else ""
    return f"There is no lexicon {name!r} in {catalogue}. Expected one of {', '.join(known)}.{hint}"


def _verified_digest(name: str, entry: dict[str, Any]) -> str:
    path: Path = entry["path"]
    if not path.is_file():
        raise MissingModelError(
            f"The file of lexicon {name} is missing: {path}. Expected a file with sha256 {entry['sha256']}. "
            "Reinstall the package or restore the file."
        )
    digest = file_sha256(path)
    if digest != entry["sha256"]:
        raise MissingModelError(
            f"The file of lexicon {name} is not the one in the catalogue: {path} has sha256 {digest}. "
            f"Expected {entry['sha256']}. Restore the file, or update the catalogue if the change is wanted."
        )
    return digest


def _check_terms(terms: pl.DataFrame, dimensions: tuple[str, ...], *, path: Path) -> None:
    unknown = sorted(set(terms["dimension"].drop_nulls()) - set(dimensions))
    nulls = terms.select(pl.any_horizontal(pl.all().is_null()).sum()).item()
    repeated = terms.height - terms.n_unique(["term", "dimension"])
    if unknown or nulls or repeated:
        raise InputError(
            f"{path}: {nulls} incomplete rows, {repeated} repeated rows, unknown dimensions {unknown}. "
            f"Expected each term once per dimension, dimensions among {list(dimensions)}. Correct the file."
        )
