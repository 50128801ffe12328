"""Turn what a reader found into a clean table of terms, counting everything that is changed or left out.

Not for reading files, and not for judging whether a lexicon is any good: that is `lexicons.validate`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from lexicons.formats.source import Source
from lexicons.index import parse_term
from warehouse.errors import InputError

# Single letters or digits, each beside a sign, as in emoticons; points alone make an abbreviation.
_SINGLE_SIGNS = re.compile(r"(?=.*(?:_|[^\w\s'.*]))(?:[a-zA-Z0-9](?![^\W_])|[\W_])+")

Scale = Literal["presence", "mean"]
Entry = tuple[str, str, float]
ENTRY_SCHEMA = {"term": pl.String(), "dimension": pl.String(), "weight": pl.Float64()}

# Letters of the Basic Multilingual Plane: such terms need no trial of the matcher's own parser.
_LETTERS = r"[\p{L}\p{N}&&[\x{0}-\x{FFFF}]]+"
_ORDINARY = rf"^(?:{_LETTERS}(?:'{_LETTERS})?\*?|{_LETTERS}(?:[ ']{_LETTERS})*)$"
# An emoticon means another thing in lower case (a laughing mouth), so these are kept as they are.
_EMOTICON = r"^[^\p{L}]*[:;=<>^|()\[\]{}][^\p{L}]*\p{L}?[^\p{L}]*$|^\p{L}[-']?[:;=<>^|()\[\]{}][^\p{L}]*$"


@dataclass(frozen=True)
class Reading:
    """What a reader found, before cleaning.

    Attributes:
        entries: term, dimension, weight, in file order.
        scale: None where the weights decide: only 0 and 1 is membership, anything else is graded.
        dimensions: all that the file declares, in its order; empty where it declares none.
    """

    entries: Sequence[Entry]
    scale: Scale | None = None
    notes: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class LexiconFile:
    """A lexicon that a user brought.

    Attributes:
        terms: term String, dimension String, weight Float32; one row per term and dimension.
        dimensions: those that have a term, in file order.
        format: the format it was read as.
        scale: "presence" where a weight of 1 is membership, "mean" where weights are graded.
        notes: sentences that count what was left out or changed, and say why.
    """

    terms: pl.DataFrame
    dimensions: tuple[str, ...]
    format: str
    scale: Scale
    notes: tuple[str, ...]


def counted(n: int, one: str) -> str:
    """`1 row`, `2 rows`, `2 entries`."""
    many = one[:-1] + "ies" if one.endswith("ry") else one + "s"
    return f"{n} {one if n == 1 else many}"


def was(n: int) -> str:
    """The verb for n things."""
    return "was" if n == 1 else "were"


def left_out(n: int, what: str, why: str) -> tuple[str, ...]:
    """The note for n things left out; none where nothing was."""
    return (f"{counted(n, what)} {was(n)} left out: {why}.",) if n else ()


def finish(reading: Reading, *, source: Source, format_name: str) -> LexiconFile:
    """Clean the entries: lower case, straight apostrophes, one row per term and dimension.

    Raises:
        InputError: no term is left.
    """
    frame = pl.DataFrame(list(reading.entries), schema=ENTRY_SCHEMA, orient="row").with_columns(
        tidy(pl.col("term")), pl.col("dimension").str.strip_chars()
    )
    notes = [*source.notes, *reading.notes]
    frame = _drop(frame, pl.col("term") == "", notes, "entry", "no term in them")
    frame, scale = _settle_scale(frame, reading.scale, notes)
    frame = _drop_unmatchable(frame, notes)
    frame = _merge_repeated(frame, notes)
    if frame.is_empty():
        reasons = " ".join(notes) or "It declares dimensions, but no term."
        raise InputError(
            f"{source.path} holds no usable term when read as {format_name}. {reasons} "
            "Expected at least one. Check the file, or name its format with --format."
        )
    dimensions = _used_dimensions(frame, reading.dimensions, notes)
    terms = frame.with_columns(pl.col("weight").cast(pl.Float32))
    return LexiconFile(terms, dimensions, format_name, scale, tuple(notes))


def tidy(term: pl.Expr) -> pl.Expr:
    """One spelling per term: composed letters, straight apostrophes, single spaces, lower case."""
    spaced = (
        term.str.normalize("NFC")
        .str.replace_all(r"[\u{2019}\u{2018}\u{02BC}\u{FF07}\u{00B4}\u{0060}]", "'")
        .str.replace_all(r"[\s\u{200B}\u{FEFF}]+", " ")
        .str.strip_chars()
    )
    return pl.when(spaced.str.contains(_EMOTICON)).then(spaced).otherwise(spaced.str.to_lowercase())


def _drop(frame: pl.DataFrame, gone: pl.Expr, notes: list[str], what: str, why: str) -> pl.DataFrame:
    kept = frame.filter(~gone)
    notes += left_out(frame.height - kept.height, what, why)
    return kept


def _settle_scale(frame: pl.DataFrame, scale: Scale | None, notes: list[str]) -> tuple[pl.DataFrame, Scale]:
    if scale == "mean" or (scale is None and not frame["weight"].is_in([0.0, 1.0]).all()):
        return frame, "mean"
    return _drop(
        frame, pl.col("weight") == 0, notes, "entry", "0 says that a term is not a member"
    ), "presence"


def _drop_unmatchable(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    odd = frame.filter(~pl.col("term").str.contains(_ORDINARY))["term"].unique().to_list()
    refused = [term for term in odd if not can_match(term)]
    starred = [term for term in refused if any(letter.isalnum() for letter in term) and "*" in term]
    why = "* is understood at the end of a single word only, not inside one or in a phrase"
    notes += left_out(len(starred), "term", why)
    notes += left_out(len(refused) - len(starred), "term", "no word and no known emoticon in them")
    return frame.filter(~pl.col("term").is_in(refused))


def can_match(term: str) -> bool:
    """Whether the matcher accepts a term; a face it does not know would match as a letter or a digit."""
    try:
        words = parse_term(term).words
    except InputError:
        return False
    if not _SINGLE_SIGNS.fullmatch(term) or term.isalnum():
        return True
    return any(not chr(code).isalnum() for word in words for code in word)


def _merge_repeated(frame: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    merged = frame.group_by("term", "dimension", maintain_order=True).agg(
        pl.col("weight").mean(), extra=pl.len() - 1, differs=pl.col("weight").n_unique() > 1
    )
    why = "repeats of a term of the same dimension with the same weight"
    notes += left_out(int(merged.filter(~pl.col("differs"))["extra"].sum()), "entry", why)
    differing = int(merged["differs"].sum())
    if differing:
        notes.append(
            f"{counted(differing, 'term')} {was(differing)} listed more than once in a dimension with "
            "different weights; the mean was taken."
        )
    return merged.select("term", "dimension", "weight")


def _used_dimensions(frame: pl.DataFrame, declared: tuple[str, ...], notes: list[str]) -> tuple[str, ...]:
    present = frame["dimension"].unique(maintain_order=True).to_list()
    stripped = [name.strip() for name in declared]
    used = [name for name in dict.fromkeys(stripped) if name in present]
    notes += left_out(len(set(stripped) - set(used)), "dimension", "no usable term belongs to them")
    return tuple(used or present)
