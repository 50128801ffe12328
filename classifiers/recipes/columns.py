"""Cells → numbers and lists of labels: votes, class numbers, yes/no columns, label lists, languages, days.

Not for deciding what a label means.
"""

import ast
import json
import re
from collections.abc import Sequence

import numpy as np
import polars as pl

from classifiers.hub.labels import LEGAL, RESERVED, snake
from classifiers.recipes.examples import Examples
from classifiers.recipes.tables import Table
from warehouse.errors import InputError

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_LANGUAGE = r"^[a-z]{2}$"
SEPARATORS = (";", "|", ",")


def votes(table: Table, *, column: str, classes: Sequence[str]) -> np.ndarray:
    """Float64 (rows, classes) of a field that holds class numbers, one-hot vectors or counts of votes.

    Lists may also be text such as `[0, 2, 1]`, as exports of tables have them. A row of nulls has no votes.
    Raises InputError that says which shape was expected and which was found.
    """
    cells = [_numbers(cell) for cell in table.frame[column].to_list()]
    nested = table.frame.schema[column].is_nested() or any(len(cell) > 1 for cell in cells)
    rows = [_vector(cell, nested=nested, n=len(classes)) for cell in cells]
    wrong = [i for i, row in enumerate(rows) if row is None]
    if wrong:
        sizes = sorted({len(cells[i]) for i in wrong})
        raise InputError(
            f"{table.name}: column {column}: {len(wrong)} of {len(rows)} rows do not fit, the first is row "
            f"{wrong[0] + 1}. Expected a class number from 0 to {len(classes) - 1}, or {len(classes)} counts that "
            f"are not negative, in the order {', '.join(classes)}; found {', '.join(map(str, sizes))} numbers "
            f"({table.frame.schema[column]}). Name another column with --columns {column}=COLUMN."
        )
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(classes))


def _numbers(cell: object) -> list[float]:
    if cell is None:
        return []
    if isinstance(cell, str):
        return [float(number) for number in _NUMBER.findall(cell)]
    if isinstance(cell, list):
        return [float("nan") if value is None else float(value) for value in cell]
    return [float(str(cell))] if not isinstance(cell, bool) else [float(cell)]


def _vector(cell: list[float], *, nested: bool, n: int) -> np.ndarray | None:
    """Votes per class, zeros where there are none, None where the cell does not fit."""
    if not cell:
        return np.zeros(n)
    if nested:
        fits = len(cell) == n and all(np.isfinite(value) and value >= 0 for value in cell)
        return np.array(cell) if fits else None
    index = cell[0]
    if not (np.isfinite(index) and index == int(index) and 0 <= index < n):
        return None
    return np.eye(n)[int(index)]


def yes_no(table: Table, *, names: Sequence[str]) -> np.ndarray:
    """Float32 (rows, names) of columns that hold 0 or 1; InputError counts the cells that hold something else."""
    frame = table.frame.select(pl.col(name).cast(pl.String).str.strip_chars() for name in names)
    yes = {"1": 1.0, "1.0": 1.0, "true": 1.0, "0": 0.0, "0.0": 0.0, "false": 0.0}
    parsed = frame.select(
        pl.all().str.to_lowercase().replace_strict(yes, default=None, return_dtype=pl.Float32)
    )
    for name in names:
        wrong = parsed[name].null_count()
        if wrong:
            raise InputError(
                f"{table.name}: column {name}: {wrong} of {parsed.height} cells are not 0 or 1. Correct them."
            )
    return parsed.to_numpy()


def label_lists(table: Table, *, column: str = "labels") -> list[list[str]]:
    """Labels per row, from lists, JSON lists, or text with `;`, `|` or `,` between them; empty means none.

    The separator is the first of these that occurs in the column. Raises InputError for null cells.
    """
    cells = table.frame[column]
    if cells.null_count():
        raise InputError(
            f"{table.name}: column {column}: {cells.null_count()} of {cells.len()} rows are null. Expected labels in "
            "every row, or an empty list where none applies. Fill them in, or remove the rows."
        )
    if isinstance(cells.dtype, pl.List | pl.Array):
        return [[str(name).strip() for name in row if name is not None] for row in cells.to_list()]
    texts = [str(cell).strip() for cell in cells.to_list()]
    between = next((mark for mark in SEPARATORS if any(mark in text for text in texts)), SEPARATORS[0])
    return [_labels(text, between=between, where=f"{table.name}: column {column}") for text in texts]


def _labels(text: str, *, between: str, where: str) -> list[str]:
    if not text.startswith("["):
        return [part.strip() for part in text.split(between) if part.strip()]
    for parse in (json.loads, ast.literal_eval):
        try:
            return [str(part).strip() for part in parse(text)]
        except (ValueError, SyntaxError):
            continue
    raise InputError(f'{where}: a cell begins with [ but is no list; expected ["a", "b"].')


def known_labels(rows: Sequence[Sequence[str]], *, expected: Sequence[str], where: str) -> list[list[str]]:
    """Labels in the spelling of `expected`, whatever their case; InputError that counts those that are none of them."""
    spelling = {_plain(name): name for name in expected}
    unknown: dict[str, int] = {}
    for row in rows:
        for name in row:
            if _plain(name) not in spelling:
                unknown[name] = unknown.get(name, 0) + 1
    if unknown:
        shown = ", ".join(f"{name} ({n})" for name, n in sorted(unknown.items())[:10])
        raise InputError(
            f"{where}: {len(unknown)} unknown labels in {sum(unknown.values())} places: {shown}. Expected: "
            f"{', '.join(expected)}. Correct the file, or take the recipe `labels`."
        )
    return [[spelling[_plain(name)] for name in row] for row in rows]


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name.strip().lower())


def slug(name: str) -> str:
    """A label as a measure's name; InputError where no small letters and digits are left of it."""
    plain = snake(name)
    if not LEGAL.fullmatch(plain) or plain in RESERVED:
        raise InputError(
            f"the label '{name}' cannot name a measure. Expected letters and digits of English (Anger, non-lonely). "
            "Rename it in the file."
        )
    return plain


def multi_hot(rows: Sequence[Sequence[str]], *, names: Sequence[str]) -> np.ndarray:
    """Float32 (rows, names): 1 where the row has the label."""
    place = {name: i for i, name in enumerate(names)}
    out = np.zeros((len(rows), len(names)), dtype=np.float32)
    for i, row in enumerate(rows):
        out[i, [place[name] for name in row]] = 1.0
    return out


def languages(table: Table, *, default: str) -> np.ndarray:
    """Codes (rows,) of the column `lang`, or `default` for all; InputError for anything but two letters."""
    if "lang" not in table.frame.columns:
        return np.full(table.frame.height, default, dtype=object)
    codes = table.frame["lang"].cast(pl.String).str.to_lowercase()
    wrong = int((~codes.str.contains(_LANGUAGE).fill_null(False)).sum())
    if wrong:
        raise InputError(
            f"{table.name}: column lang: {wrong} of {codes.len()} rows are no ISO 639-1 code such as en. Correct "
            "them, or drop the column and use --language."
        )
    return codes.to_numpy().astype(object)


def keys(table: Table, *, names: Sequence[str]) -> tuple[np.ndarray, ...]:
    """One array of objects (rows,) for each of the columns; None where a cell is empty or the column absent."""
    absent = np.full(table.frame.height, None, dtype=object)
    return tuple(
        np.array(table.frame[name].cast(pl.String).to_list(), dtype=object)
        if name in table.frame.columns
        else absent
        for name in names
    )


def times(table: Table, *, column: str = "created_at") -> np.ndarray | None:
    """Int64 (rows,) in microseconds of the column, if there is one; InputError for cells that are no date."""
    if column not in table.frame.columns:
        return None
    cells = table.frame[column]
    parsed = _parsed_times(cells)
    wrong = parsed.null_count()
    if wrong:
        raise InputError(
            f"{table.name}: column {column}: {wrong} of {cells.len()} cells are no date or time. Expected "
            "YYYY-MM-DD, with a time or without, or seconds since 1970. Correct them, or drop the column."
        )
    return parsed.to_numpy()


def _parsed_times(cells: pl.Series) -> pl.Series:
    if cells.dtype.is_temporal():
        return cells.cast(pl.Datetime("us")).to_physical()
    if cells.dtype.is_numeric():
        return (cells.cast(pl.Float64) * 1e6).cast(pl.Int64, strict=False)
    text = cells.cast(pl.String).str.strip_chars().str.replace("Z$", "").str.replace(" ", "T")
    whole = pl.when(text.str.len_chars() == len("2020-01-01")).then(text + "T00:00:00").otherwise(text)
    frame = pl.select(whole.alias("t"))
    plain = frame["t"].str.slice(0, len("2020-01-01T00:00:00"))
    return plain.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us").to_physical()


def examples_of(table: Table, *, targets: np.ndarray, masks: np.ndarray, language: str) -> Examples:
    """Examples of a profiled table's text, with the languages, keys and times that its columns give."""
    return Examples(
        texts=table.frame["text"].to_list(),
        targets=targets.astype(np.float32),
        masks=masks.astype(np.float32),
        languages=languages(table, default=language),
        keys=keys(table, names=("post_id", "author")),
        times=times(table),
    )
