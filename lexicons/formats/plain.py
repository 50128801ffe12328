"""Read plain tables and JSON of terms, for lexicons that people write themselves.

Not for published formats with their own conventions: those have modules of their own.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from lexicons.formats.build import Entry, Reading, counted, was
from lexicons.formats.source import (
    COMMA_DECIMALS,
    MAX_WEIGHT,
    SHOWN,
    Row,
    Source,
    at_line,
    cells,
    key,
    number_at,
    padded,
    separator_of,
    to_number,
    word_column,
)
from warehouse.errors import InputError

TERM_COLUMNS = frozenset({"term", "word", "token", "lemma", "palabra", "termino"})
DIMENSION_COLUMNS = frozenset({"dimension", "category", "emotion", "label", "categoria", "emocion"})
WEIGHT_COLUMNS = frozenset({"weight", "score", "value", "intensity", "peso"})
MEMBER_MARKS = frozenset({"x", "✓"})
COMMENT = "#"


def read_tsv(source: Source) -> Reading:
    """Read a tab-separated table of terms; see `read_table`."""
    return read_table(source, "\t")


def read_csv(source: Source) -> Reading:
    """Read a table of terms between commas or semicolons; see `read_table`."""
    first = next((line for line in source.head(1000) if not line.startswith(COMMENT)), "")
    return read_table(source, ";" if separator_of(first.replace("\t", " ")) == ";" else ",")


def read_table(source: Source, separator: str) -> Reading:
    """Read term, dimension and perhaps weight, or term and one column per dimension.

    Lines that begin with `#` are comments.

    Raises:
        InputError: no term column, a blank dimension, or a weight that is not a number.
    """
    lines = cells(source, separator)
    rows = [row for row in lines if not row[1][0].startswith(COMMENT)]
    if not rows:
        raise InputError(f"{source.path} holds comments only. Expected a table of terms. Check the file.")
    n = len(lines) - len(rows)
    notes = (f"{counted(n, 'comment line')} {was(n)} skipped.",) if n else ()
    names = [key(cell) for cell in rows[0][1]]
    word = _word_position(source, rows[0][1])
    dimension = next((at for at, name in enumerate(names) if name in DIMENSION_COLUMNS and at != word), None)
    comma = separator in COMMA_DECIMALS
    if dimension is None:
        return Reading(list(_wide(source, rows, word, comma=comma)), None, notes, _others(rows[0][1], word))
    weight = next((at for at, name in enumerate(names) if name in WEIGHT_COLUMNS), None)
    return _long(source, rows, (word, dimension, weight), notes, comma=comma)


def _word_position(source: Source, header: Sequence[str]) -> int:
    if source.column is not None:
        return word_column(source, header, range(len(header)))
    return word_column(source, header, [at for at, name in enumerate(header) if key(name) in TERM_COLUMNS])


def _others(header: Sequence[str], word: int) -> tuple[str, ...]:
    return tuple(name for at, name in enumerate(header) if at != word)


def _long(
    source: Source,
    rows: Sequence[Row],
    columns: tuple[int, int, int | None],
    notes: tuple[str, ...],
    *,
    comma: bool,
) -> Reading:
    word, dimension, weight = columns
    header = rows[0][1]
    unused = [name for at, name in enumerate(header) if at not in columns]
    entries: list[Entry] = []
    for row in rows[1:]:
        line, found = row[0], padded(source, row, len(header))
        if not found[dimension]:
            raise at_line(source.path, line, "has no dimension", "a term and its dimension")
        number = 1.0 if weight is None else number_at(source, (line, found), weight, comma=comma)
        entries.append((found[word], found[dimension], number))
    if unused:
        shown = ", ".join(map(repr, unused[:SHOWN])) + (" …" if len(unused) > SHOWN else "")
        notes = (*notes, f"{counted(len(unused), 'column')} {was(len(unused))} not read: {shown}.")
    return Reading(entries, None, notes)


def _wide(source: Source, rows: Sequence[Row], word: int, *, comma: bool) -> Iterator[Entry]:
    """Blank is not listed, X is 1, anything else is a number."""
    header = rows[0][1]
    if len(header) < 2 or len(set(header)) < len(header) or "" in header:
        problem = f"names the columns {', '.join(map(repr, header[:SHOWN]))}"
        raise at_line(source.path, rows[0][0], problem, "a term column and dimensions with distinct names")
    for row in rows[1:]:
        found = padded(source, row, len(header))
        for at, cell in enumerate(found):
            if at == word or not cell:
                continue
            value = 1.0 if cell.casefold() in MEMBER_MARKS else to_number(cell, comma=comma)
            if value is None:
                problem = f"has {cell[:40]!r} in the column {header[at]!r}"
                fix = "Correct the cell, or remove the column if it is not a dimension."
                raise at_line(source.path, row[0], problem, "a number, X or nothing", fix)
            yield found[word], header[at], value


def read_json(source: Source) -> Reading:
    """Read {dimension: [terms]}, {dimension: {term: weight}} or [{term, dimension, weight}].

    Raises:
        InputError: malformed JSON, a name used twice in one object, or another shape.
    """
    data = _parse(source)
    if isinstance(data, dict):
        entries = [entry for name, members in data.items() for entry in _members(source, name, members)]
        return Reading(entries, None, (), tuple(data))
    if isinstance(data, list):
        return Reading([_item(source, at, item) for at, item in enumerate(data)])
    raise _bad_json(source, "the top level", data, "an object or a list")


def _parse(source: Source) -> Any:
    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
            raise InputError(
                f"{source.path} names {twice[:40]!r} twice in one object. Expected once. Merge them."
            )
        return dict(pairs)

    try:
        data = json.loads(source.text, object_pairs_hook=distinct)
        json.dumps(data, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise at_line(source.path, error.lineno, f"is not JSON ({error.msg})", "valid JSON") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{source.path} is not usable JSON: {type(error).__name__}. Expected plain words and numbers, "
            "not nested deeply. Correct the file."
        ) from error
    return data


def _members(source: Source, dimension: str, members: Any) -> Iterator[Entry]:
    if isinstance(members, list):
        for at, term in enumerate(members):
            yield _text(source, f"{dimension}[{at}]", term), dimension, 1.0
    elif isinstance(members, dict):
        for term, weight in members.items():
            yield term, dimension, _weight(source, f"{dimension}.{term[:40]}", weight)
    else:
        raise _bad_json(source, dimension[:40], members, "a list of terms or an object of weights")


def _item(source: Source, at: int, item: Any) -> Entry:
    where = f"item {at}"
    if not isinstance(item, dict) or not {"term", "dimension"} <= set(item) <= {
        "term",
        "dimension",
        "weight",
    }:
        raise _bad_json(source, where, item, "an object with term, dimension and perhaps weight")
    term, dimension = _text(source, where, item["term"]), _text(source, where, item["dimension"])
    return term, dimension, _weight(source, where, item.get("weight", 1.0))


def _text(source: Source, where: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _bad_json(source, where, value, "text")
    return value


def _weight(source: Source, where: str, value: Any) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_WEIGHT
    if not usable:
        raise _bad_json(source, where, value, "a number")
    return float(value)


def _bad_json(source: Source, where: str, value: Any, expected: str) -> InputError:
    return InputError(
        f"{source.path}: {where} is {type(value).__name__} {str(value)[:40]!r}. Expected {expected}. Correct it."
    )
