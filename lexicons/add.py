"""Add a lexicon that a user brings to a folder of theirs, where scorers find it. Not for reading its format.

The folder holds one term file per lexicon and language and a `catalogue.toml` of the same form as the shipped one.
Adding a changed file again is a new version: what was scored with the old one is scored again.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from lexicons.catalogue import (
    FILE_NAME,
    RESERVED,
    Catalogue,
    FileEntry,
    Scale,
    ScorerEntry,
    read_added,
    read_catalogue,
)
from lexicons.formats import LexiconFile
from lexicons.index import parse_term
from lexicons.load import TERM_SCHEMA
from warehouse.errors import InputError, UsageError

NAME = re.compile(r"[a-z][a-z0-9_]*")
LONGEST_NAME = 40
# Columns that stand beside the measures in a table of scores.
TAKEN = frozenset({"post_id", "scorer_version", "run_id", "n_tokens", "n_matched", "missing", "all"})


@dataclass(frozen=True, kw_only=True)
class AddSpec:
    """What a file is to become; `scale` None takes what the file suggests."""

    name: str
    language: str
    scale: Scale | None = None
    negation: bool = True
    accents: bool = False
    licence: str = "unknown"
    citation: str = ""


@dataclass(frozen=True)
class Added:
    """The scorer's entry, its term file and sentences that count what was changed."""

    scorer: ScorerEntry
    path: Path
    notes: tuple[str, ...]


def add_lexicon(source: LexiconFile, *, spec: AddSpec, folder: Path, dry_run: bool = False) -> Added:
    """Write the terms and the catalogue entry; the same name and language again replaces both.

    Raises:
        UsageError: the name or language cannot be used.
        InputError: nothing is left to add, the scale does not fit the weights, or the dimensions or scale differ
            from those of the same scorer in another language.
    """
    _check_names(spec)
    names = _dimension_names(source.dimensions)
    terms, notes = _distinct(source.terms, accents=spec.accents)
    scale = spec.scale or source.scale
    if scale == "presence":
        terms, notes = _members(terms, notes)
    terms = terms.with_columns(pl.col("dimension").replace_strict(names)).sort(
        pl.col("dimension").replace_strict({name: i for i, name in enumerate(names.values())}), "term"
    )
    _check_scale(terms, scale=scale, name=spec.name)
    text = terms.cast(TERM_SCHEMA).write_csv(separator="\t", quote_style="never")
    digest = hashlib.sha256(text.encode()).hexdigest()
    # A name by content: until the catalogue is replaced, the file that it names stays as it is.
    file = f"{spec.name}_{spec.language}-{digest[:12]}.tsv"
    theirs = read_added(folder)
    entry = _scorer(theirs, spec=spec, scale=scale, dimensions=tuple(names.values()))
    if dry_run:
        return Added(entry, folder / file, notes)
    _make_folder(folder)
    _replace(folder / file, text)
    lexicon = FileEntry(
        language=spec.language, file=Path(file), sha256=digest, accents=spec.accents,
        licence=spec.licence, citation=spec.citation,
    )  # fmt: skip
    lexicons = {
        name: kept.model_copy(update={"file": Path(kept.file.name)}) for name, kept in theirs.lexicons.items()
    }
    updated = Catalogue(
        lexicons={**lexicons, _lexicon_name(spec): lexicon}, scorers={**theirs.scorers, spec.name: entry}
    )
    _replace(folder / FILE_NAME, to_toml(updated))
    before = theirs.lexicons.get(_lexicon_name(spec))
    if before is not None and before.file != folder / file:
        before.file.unlink(missing_ok=True)
    return Added(entry, folder / file, notes)


def _lexicon_name(spec: AddSpec) -> str:
    return f"{spec.name}-{spec.language}"


def _check_names(spec: AddSpec) -> None:
    if not NAME.fullmatch(spec.name) or len(spec.name) > LONGEST_NAME or spec.name in RESERVED:
        raise UsageError(
            f"--name: '{spec.name}' cannot be used. Expected small letters, digits and underscores, a letter first, "
            f"at most {LONGEST_NAME}, and not one of {', '.join(RESERVED)}. Choose another."
        )
    if not (spec.licence + spec.citation).isprintable():
        raise UsageError("--licence, --citation: expected one line of readable text each.")
    if not re.fullmatch(r"[a-z]{2}", spec.language):
        raise UsageError(f"--language: expected an ISO 639-1 code such as en; got '{spec.language}'.")
    shipped = read_catalogue()
    if spec.name in shipped.scorers or _lexicon_name(spec) in shipped.lexicons:
        raise UsageError(
            f"--name: '{spec.name}' is a lexicon that comes with the package. Choose another name."
        )


def _dimension_names(dimensions: tuple[str, ...]) -> dict[str, str]:
    """Names that can be columns, by the file's own."""
    if not all(name.strip() for name in dimensions):
        raise InputError("A dimension has no name. Expected one for each. Correct the file.")
    plain = {name: re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") for name in dimensions}
    usable = {name: made[:1].isalpha() and made not in TAKEN for name, made in plain.items()}
    # Names in other scripts cannot be columns: they are numbered.
    named = {
        name: (made if usable[name] else f"d_{made or number}")[:LONGEST_NAME]
        for number, (name, made) in enumerate(plain.items(), start=1)
    }
    if len(set(named.values())) < len(named):
        raise InputError(
            f"The dimensions {', '.join(named)} become {', '.join(named.values())} as column names, which are not "
            "distinct. Rename some in the file."
        )
    return named


def _distinct(terms: pl.DataFrame, *, accents: bool) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """One spelling per term as the matcher sees it; weights of the spellings that were merged are averaged."""
    # A term file would take a line that begins with `# ` for a comment; the matcher reads past both signs.
    terms = terms.with_columns(pl.col("term").str.replace(r"^(# )+", ""))
    first: dict[Any, str] = {}
    kept = {}
    for term in terms["term"].unique(maintain_order=True):
        parsed = parse_term(term, accents=accents)
        kept[term] = first.setdefault((parsed.words, parsed.is_stem), term)
    merged = sum(term != spelling for term, spelling in kept.items())
    one = terms.with_columns(pl.col("term").replace_strict(kept))
    one = one.group_by("term", "dimension", maintain_order=True).agg(pl.col("weight").mean())
    note = f"{merged} spellings that the matcher cannot tell apart were merged, their weights averaged."
    return one, (note,) if merged else ()


def _members(terms: pl.DataFrame, notes: tuple[str, ...]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Only membership counts on the scale presence: weight 0 is none, and any other is 1."""
    kept = terms.filter(pl.col("weight") != 0)
    none, graded = terms.height - kept.height, int((kept["weight"] != 1).sum())
    if kept.is_empty():
        raise InputError(
            "Every weight is 0, so no term is a member of anything. Expected some others. Check the file."
        )
    if none:
        notes += (f"{none} entries of weight 0 were left out: they are no members.",)
    if graded:
        notes += (f"{graded} graded weights are ignored on the scale presence.",)
    return kept.with_columns(weight=pl.lit(1.0, dtype=pl.Float32)), notes


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder}: cannot be made ({error.strerror}). Check [paths] lexicons of the configuration."
        ) from error


def _check_scale(terms: pl.DataFrame, *, scale: Scale, name: str) -> None:
    weights = terms["weight"]
    if scale == "sets":
        raise UsageError("--scale: sets are for the shipped catalogue. Choose presence, rate or mean.")
    low, high = (-1.0, 1.0) if scale == "mean" else (0.0, 1.0)
    outside = int(((weights < low) | (weights > high)).sum())
    if outside:
        raise InputError(
            f"{name}: {outside} of {terms.height} weights are outside [{low:g}, {high:g}], as the scale {scale} "
            "needs them. Choose --scale mean for graded words, or rescale the weights."
        )
    per_term = terms.group_by("term").len()["len"]
    if scale == "mean" and (per_term != terms["dimension"].n_unique()).any():
        raise InputError(
            f"{name}: {int((per_term != terms['dimension'].n_unique()).sum())} of {per_term.len()} terms lack a weight "
            "in some dimension, and a mean needs all of them. Choose --scale rate for weights of membership."
        )


def _scorer(theirs: Catalogue, *, spec: AddSpec, scale: Scale, dimensions: tuple[str, ...]) -> ScorerEntry:
    known = theirs.scorers.get(spec.name)
    others = [name for name in (known.lexicons if known else ()) if name != _lexicon_name(spec)]
    if known and others:
        was, now = (known.scale, known.negation), (scale, spec.negation)
        if was != now or set(known.dimensions) != set(dimensions):
            raise InputError(
                f"{spec.name} has the dimensions {', '.join(known.dimensions)} on the scale {known.scale} in "
                f"{', '.join(others)}, negation {_on(known.negation)}; this file has {', '.join(dimensions)} on the "
                f"scale {scale}, negation {_on(spec.negation)}. Expected the same. Choose another --name, or the same "
                "--scale and negation."
            )
        dimensions = known.dimensions
    return ScorerEntry(
        title=f"Added lexicon {spec.name}",
        lexicons=tuple(sorted([*others, _lexicon_name(spec)])),
        scale=scale,
        dimensions=dimensions,
        negation=spec.negation,
    )


def _on(negation: bool) -> str:
    return "on" if negation else "off"


def to_toml(catalogue: Catalogue) -> str:
    """A catalogue as TOML text."""
    tables = {"lexicons": catalogue.lexicons, "cues": catalogue.cues, "scorers": catalogue.scorers}
    lines = ["# Written by `affectcast lexicons add`."]
    for table, entries in tables.items():
        for name, entry in sorted(entries.items()):
            values = entry.model_dump(mode="json", exclude={"sets"})
            lines += ["", f"[{table}.{_quoted(name)}]"]
            lines += [f"{key} = {_quoted(value)}" for key, value in values.items()]
            if isinstance(entry, ScorerEntry) and entry.sets:
                lines += [f"[{table}.{_quoted(name)}.sets]"]
                lines += [f"{key} = {_quoted(value)}" for key, value in entry.sets.items()]
    return "\n".join(lines) + "\n"


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=list)


def _replace(path: Path, text: str) -> None:
    """Write beside and rename, so that a reader sees the old file or the new one."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
