"""Tell the format of a lexicon file by what is in it.

Not for reading: a file that looks like a format may still break its rules.
"""

import re
from collections.abc import Callable, Sequence

from lexicons.formats.nrc import AFFECTS, EMOTION_COLUMNS, VAD
from lexicons.formats.plain import COMMENT, DIMENSION_COLUMNS, TERM_COLUMNS
from lexicons.formats.ratings import labmt_columns, sel_columns
from lexicons.formats.source import Source, key, separator_of, to_number
from warehouse.errors import InputError

SAMPLE = 40
_RATINGS = re.compile(r"\[[-+\d., ]*\]")
Table = Sequence[Sequence[str]]


def detect(source: Source) -> str:
    """The name of the format.

    Raises:
        InputError: the file looks like none of them.
    """
    start = source.text.lstrip()
    if start.startswith("<"):
        return "sentisense"
    if re.match(r'\{|\[\s*[\[{"\]]', start):
        return "json"
    head = source.head(SAMPLE)
    if head[0].strip().startswith("%"):
        return "liwc-dic"
    table = [[cell.strip() for cell in line.split(separator_of(line))] for line in head]
    found = _by_header(head, table) or _by_shape(table)
    if found is None:
        raise InputError(
            f"{source.path} looks like none of the known lexicon formats. Expected one of them, or a table whose "
            "first line names the columns term and dimension. Name the format with --format."
        )
    return found


def _by_header(head: Sequence[str], table: Table) -> str | None:
    if any(labmt_columns(row) for row in table[:20]):
        return "labmt"
    first = next((at for at, line in enumerate(head) if not line.startswith(COMMENT)), 0)
    names = [key(cell) for cell in table[first]]
    if names[0] == "dicterm":
        return "liwc-dic"
    if set(VAD) <= set(names):
        return "nrc-vad"
    if sel_columns(table[first]):
        return "sel"
    if sum(name in AFFECTS for name in names) >= 8 or _is_intensity(names):
        return "nrc-emolex"
    if TERM_COLUMNS & set(names) and (DIMENSION_COLUMNS & set(names) or _is_wide(table[first:])):
        return "tsv" if separator_of(head[first]) == "\t" else "csv"
    return None


def _is_intensity(names: Sequence[str]) -> bool:
    scored = any("intensity_score" in name or name == "score" for name in names)
    return scored and len(names) == 3 and bool(EMOTION_COLUMNS & set(names)) and names[-1] != "score"


def _is_wide(table: Table) -> bool:
    """Numbers, X or nothing beside the term."""
    rows = table[1:]
    cells = [cell for row in rows for cell in row[1:] if cell]
    return bool(rows) and all(to_number(cell, comma=True) is not None or cell in "xX" for cell in cells)


def _by_shape(table: Table) -> str | None:
    return next((name for name, looks_like in _SHAPES.items() if looks_like(table)), None)


def _every(table: Table, *, width: int, numbers: Sequence[int], words: Sequence[int] = ()) -> bool:
    return all(
        len(row) == width
        and all(to_number(row[at], comma=True) is not None for at in numbers)
        and all(row[at] and to_number(row[at], comma=True) is None for at in words)
        for row in table
    )


def _is_vader(table: Table) -> bool:
    return _every(table, width=4, numbers=(1, 2)) and all(_RATINGS.fullmatch(row[3]) for row in table)


def _is_emolex(table: Table) -> bool:
    return _every(table, width=3, numbers=(2,), words=(1,)) and any(
        row[1].casefold() in AFFECTS for row in table
    )


def _is_sel(table: Table) -> bool:
    return _every(table, width=7, numbers=range(1, 6), words=(0, 6)) or _every(
        table, width=3, numbers=(1,), words=(0, 2)
    )


def _is_empath(table: Table) -> bool:
    """Tabs, names first, several words each, and nothing that is a number."""
    cells = [cell for row in table for cell in row if cell]
    return len(cells) > 2 * len(table) and not any(to_number(cell) is not None for cell in cells)


_SHAPES: dict[str, Callable[[Table], bool]] = {
    "vader": _is_vader,
    "nrc-emolex": _is_emolex,
    "nrc-vad": lambda table: _every(table, width=4, numbers=(1, 2, 3)),
    "sel": _is_sel,
    "empath": _is_empath,
}
