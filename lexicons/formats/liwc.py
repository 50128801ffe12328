"""Read LIWC dictionaries: the `%` block of 2001 to 2015, and the table with `DicTerm` of LIWC-22.

Not for the conditions of LIWC 2007 and 2015 ("only if the next word is ..."): the matcher has no such
thing, so they are left out and counted.
"""

import re
from collections.abc import Sequence
from itertools import islice

from lexicons.formats.build import Entry, Reading, left_out
from lexicons.formats.source import (
    Row,
    Source,
    at_line,
    cells,
    key,
    padded,
    separator_of,
    to_number,
)
from warehouse.errors import InputError

BLOCK_MARK = "%"
TABLE_TERM = "dicterm"
MEMBER_MARKS = frozenset({"x", "✓"})
Line = tuple[int, str]

_TOKEN = re.compile(r"(?:\([^()]{0,60}\)|<[^<>]{0,60}>)[\d/]*|\S+")
_CONDITIONAL_CELL = re.compile(r"(?:\([^()]*\)|<[^<>]*>)[\d/]+|\d+/\d+")
# A group of words in brackets beside a word: `(he) like`, `kind <of>`; not an emoticon such as `(:`.
_CONDITION = re.compile(r"\(\w[^()]{0,60}\)|<\w[^<>]{0,60}>")
_DESCRIPTION = re.compile(r"\s+\(.*\)$")


def read_liwc(source: Source) -> Reading:
    """Read a dictionary in either layout.

    Raises:
        InputError: the block is not closed, a category is malformed, or an entry names no category.
    """
    first = source.head(1)[0].strip()
    if first.startswith(BLOCK_MARK):
        return _read_block_layout(source)
    return _read_table_layout(source)


def _read_block_layout(source: Source) -> Reading:
    lines = list(source.lines())
    end = next((at for at, (_, line) in enumerate(lines[1:], 1) if line.strip() == BLOCK_MARK), None)
    if end is None:
        raise at_line(source.path, lines[0][0], "opens a category block that is never closed", "a second %")
    categories = dict(_category(source, line) for line in lines[1:end])
    if len(categories) < end - 1:
        raise at_line(source.path, lines[0][0], "opens a block that uses a number twice", "distinct numbers")
    return _read_entries(source, lines[end + 1 :], categories)


def _category(source: Source, numbered: Line) -> tuple[str, str]:
    """Number and name; the name ends where a description in brackets begins."""
    number, line = numbered
    parts = line.strip().split(None, 1)
    if len(parts) < 2 or not is_number(parts[0]):
        raise at_line(source.path, number, "is not a category", "a number and a name")
    return str(int(parts[0])), _DESCRIPTION.sub("", parts[1].split("\t")[0]).strip()


def _read_entries(source: Source, lines: Sequence[Line], categories: dict[str, str]) -> Reading:
    entries: list[Entry] = []
    conditional_terms = conditional_cells = unknown = 0
    for number, line in lines:
        term, tokens = _split_entry(line)
        if not tokens:
            raise at_line(source.path, number, "has a term without category numbers", "at least one number")
        if is_conditional(term):
            conditional_terms += 1
            continue
        plain = [_number(source, number, token) for token in tokens if not _CONDITIONAL_CELL.fullmatch(token)]
        conditional_cells += len(tokens) - len(plain)
        known = [categories[token] for token in plain if token in categories]
        unknown += len(plain) - len(known)
        entries += [(term, category, 1.0) for category in dict.fromkeys(known)]
    notes = (
        *left_out(
            conditional_terms, "conditional entry", "a neighbouring word decides, which is not supported"
        ),
        *left_out(
            conditional_cells, "conditional category", "a neighbouring word decides, which is not supported"
        ),
        *left_out(unknown, "category number", "the block at the top does not define them"),
    )
    return Reading(entries, "presence", notes, tuple(categories.values()))


def _split_entry(line: str) -> tuple[str, list[str]]:
    """Term and category tokens; without tabs the numbers at the end are the categories."""
    if "\t" in line.strip():
        term, rest = line.strip().split("\t", 1)
        return term.strip(), _TOKEN.findall(rest)
    tokens = _TOKEN.findall(line)
    at = len(tokens)
    while at > 1 and (is_number(tokens[at - 1]) or _CONDITIONAL_CELL.fullmatch(tokens[at - 1])):
        at -= 1
    return " ".join(tokens[:at]), tokens[at:]


def _number(source: Source, line: int, token: str) -> str:
    if not is_number(token):
        problem = f"has {token[:40]!r} where a category number should be"
        raise at_line(source.path, line, problem, "numbers after the term")
    return str(int(token))


def is_number(token: str) -> bool:
    """Whether a token is made of the digits 0 to 9."""
    return token.isascii() and token.isdigit()


def is_conditional(term: str) -> bool:
    """Whether a term is a word with a condition beside it in brackets."""
    rest = _CONDITION.sub(" ", term)
    return rest != term and any(letter.isalnum() for letter in rest)


def _read_table_layout(source: Source) -> Reading:
    rows = cells(source, separator_of(source.head(1)[0]))
    header = rows[0][1]
    if key(header[0]) != TABLE_TERM:
        raise InputError(
            f"{source.path} is not a LIWC dictionary: it begins with {header[0][:40]!r}. Expected a first line "
            "% or a first column DicTerm. Name another format with --format."
        )
    if len(set(header)) < len(header) or "" in header:
        raise at_line(source.path, rows[0][0], "names a category twice or not at all", "distinct names")
    entries: list[Entry] = []
    conditional = 0
    for row in islice(rows, 1, None):
        term, *marks = padded(source, row, len(header))
        if is_conditional(term):
            conditional += 1
            continue
        entries += _marked(source, row, term, dict(zip(header[1:], marks, strict=True)))
    notes = left_out(conditional, "conditional entry", "a neighbouring word decides, which is not supported")
    return Reading(entries, None, notes, tuple(header[1:]))


def _marked(source: Source, row: Row, term: str, marks: dict[str, str]) -> list[Entry]:
    """The categories of one row: X is membership, a number is a weight, blank is neither."""
    entries: list[Entry] = []
    for category, mark in marks.items():
        weight = 1.0 if mark.casefold() in MEMBER_MARKS else to_number(mark)
        if mark and weight is None:
            problem = f"has {mark[:40]!r} under {category!r}"
            raise at_line(source.path, row[0], problem, "X, a number or nothing")
        entries += [(term, category, weight)] if weight is not None else []
    return entries
