"""Which texts of an evaluation are looked at together: languages, the levels of a column, bands of length.

A slice of few people is hidden, and so is the smallest shown one where the hidden ones together are few: what all texts
show less what is shown must not be about a few. Not for metrics.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from lexicons.match import Matcher
from warehouse.config import DisclosureConfig
from warehouse.errors import InputError

FLOOR = DisclosureConfig().people_floor
ALL = "all"
LENGTH = "tokens"
BAND_ENDS = (10, 20, 40, 80)
MOST_LEVELS, LONGEST_LEVEL = 50, 40


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Texts at `rows` (boolean): of language `lang` (or all), at `level` of the column or band `by` (or all)."""

    lang: str
    by: str
    level: str
    rows: np.ndarray


def languages(lang: pl.Series, *, who: pl.Series | None) -> tuple[list[Slice], list[str]]:
    """One slice of all texts and, where there are several languages, one of each; and sentences on what is hidden."""
    there = sorted(lang.unique())
    whole = Slice(
        lang=there[0] if len(there) == 1 else ALL, by=ALL, level=ALL, rows=np.ones(len(lang), dtype=bool)
    )
    if len(there) == 1:
        return [whole], []
    shown, notes = _by(lang, by="lang", who=who, lang=ALL)
    single = [Slice(lang=part.level, by=ALL, level=ALL, rows=part.rows) for part in shown]
    return [*single, whole], notes


def groups(
    frame: pl.DataFrame, *, column: str, lang: str, who: pl.Series | None
) -> tuple[list[Slice], list[str]]:
    """One slice per value of a column; texts without a value are in none, and counted.

    Raises InputError where the column is missing, or its values are too many or too long to be groups.
    """
    if column not in frame.columns:
        raise InputError(
            f"--group: no column {column}. Found: {', '.join(frame.columns)}. Name one of them, or leave it out."
        )
    if frame.schema[column].is_nested():
        raise InputError(f"--group: column {column} holds lists or objects. Expected one value per row.")
    values = frame[column].cast(pl.String).str.strip_chars()
    values = values.set(values.str.len_chars().eq(0).fill_null(True), None)
    levels = values.drop_nulls().unique()
    if len(levels) > MOST_LEVELS or (levels.str.len_chars() > LONGEST_LEVEL).any():
        raise InputError(
            f"--group: column {column} has {len(levels):,} different values, or some of more than {LONGEST_LEVEL} "
            f"characters. Expected at most {MOST_LEVELS} short names of groups. Name another column, or make bands."
        )
    return _by(values, by=column, who=who, lang=lang)


def lengths(texts: pl.Series, *, lang: str, who: pl.Series | None) -> tuple[list[Slice], list[str]]:
    """One slice per band of length, in tokens as the word lists count them."""
    n_tokens = Matcher(None).match(texts).n_tokens
    names = _band_names()
    bands = pl.Series([names[i] for i in np.searchsorted(BAND_ENDS, n_tokens, side="left")], dtype=pl.String)
    shown, notes = _by(bands, by=LENGTH, who=who, lang=lang)
    return sorted(shown, key=lambda part: names.index(part.level)), notes


def _band_names() -> list[str]:
    starts = [0, *(end + 1 for end in BAND_ENDS)]
    return [*(f"{a}-{b}" for a, b in zip(starts, BAND_ENDS, strict=False)), f"{starts[-1]}+"]


def _by(values: pl.Series, *, by: str, who: pl.Series | None, lang: str) -> tuple[list[Slice], list[str]]:
    """Slices by value (nulls in none), without what the floor hides, and how many were hidden."""
    people = pl.Series(range(len(values))).cast(pl.String) if who is None else who
    rows = pl.DataFrame({"level": values, "who": people})
    # Texts without a value, and people nobody knows, are part of the whole: they count as hidden.
    sizes = rows.group_by("level").agg(n=pl.col("who").drop_nulls().n_unique()).sort("n", "level")
    hidden = _hidden(sizes)
    levels = [name for name in sizes["level"].drop_nulls().sort() if name not in hidden]
    shown = [
        Slice(lang=lang, by=by, level=name, rows=(values == name).fill_null(False).to_numpy())
        for name in levels
    ]
    return shown, _notes(values, hidden=hidden, by=by, unit="texts" if who is None else "people")


def _hidden(sizes: pl.DataFrame) -> set[str]:
    """Levels (sorted by size) below the floor, and the next ones until what is hidden reaches it."""
    hidden, n_hidden = set(), int(sizes.filter(pl.col("level").is_null())["n"].sum())
    for level, n in sizes.drop_nulls("level").iter_rows():
        if n < FLOOR or 0 < n_hidden < FLOOR:
            hidden.add(level)
            n_hidden += n
    return hidden


def _notes(values: pl.Series, *, hidden: set[str], by: str, unit: str) -> list[str]:
    notes = []
    if hidden:
        notes.append(
            f"{by}: {len(hidden)} of {values.drop_nulls().n_unique()} groups are hidden, because they or what they "
            f"would leave hold fewer than {FLOOR} {unit}."
        )
    if values.null_count():
        notes.append(f"{by}: {values.null_count():,} texts have no value and are in no group.")
    return notes
