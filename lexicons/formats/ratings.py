"""Read lexicons that hold one number per word: VADER, labMT and the Spanish Emotion Lexicon.

Not for lexicons with several columns of numbers: see `lexicons.formats.nrc` and `lexicons.formats.plain`.
"""

from collections.abc import Sequence

from lexicons.formats.build import Entry, Reading, counted, was
from lexicons.formats.source import COMMA_DECIMALS, Row, Source, at_line, cells, key, number_at, separator_of

VADER_LIMIT = 4.0
LABMT_MIDDLE, LABMT_HALF = 5.0, 4.0
LABMT_WORD = frozenset({"word", "term"})
LABMT_SCORE = frozenset({"happiness_average", "happiness_score", "happiness"})
LABMT_PREAMBLE = 20
SEL_WORD = frozenset({"palabra", "word", "term"})
SEL_SCORE = frozenset({"pfa", "fpa"})
SEL_SHAPES = {7: (0, 5, 6), 3: (0, 1, 2)}


def read_vader(source: Source) -> Reading:
    """Read token, mean rating, standard deviation, ratings; the weight is the mean divided by 4.

    Source of the scale: Hutto & Gilbert 2014, ratings from -4 to 4.

    Raises:
        InputError: a mean that is not a number or outside -4 to 4.
    """
    entries: list[Entry] = []
    for row in cells(source, "\t"):
        mean = _within(source, row, 1, (-VADER_LIMIT, VADER_LIMIT))
        entries.append((row[1][0], "valence", mean / VADER_LIMIT))
    return Reading(entries, "mean", (_rescaled(len(entries), "-4 to 4"),))


def read_labmt(source: Source) -> Reading:
    """Read word and average happiness; the weight is (happiness - 5) / 4.

    Source of the scale: Dodds et al. 2011, ratings from 1 to 9. Lines above the header are skipped.

    Raises:
        InputError: no header with a word and a happiness column, or a score outside 1 to 9.
    """
    rows = cells(source, _labmt_separator(source))
    start = next((at for at, row in enumerate(rows[:LABMT_PREAMBLE]) if labmt_columns(row[1])), None)
    columns = None if start is None else labmt_columns(rows[start][1])
    if start is None or columns is None:
        raise at_line(source.path, 1, "begins without the column names", "columns word and happiness_average")
    entries: list[Entry] = []
    for row in rows[start + 1 :]:
        happiness = _within(source, row, columns[1], (1.0, 9.0))
        word = row[1][columns[0]] if columns[0] < len(row[1]) else ""
        entries.append((word, "happiness", (happiness - LABMT_MIDDLE) / LABMT_HALF))
    above = (f"{counted(start, 'line')} above the column names {was(start)} skipped.",) if start else ()
    return Reading(entries, "mean", (*above, _rescaled(len(entries), "1 to 9")))


def _labmt_separator(source: Source) -> str:
    head = source.head(LABMT_PREAMBLE)
    return next((separator_of(line) for line in head if LABMT_SCORE & set(_keys(line))), "\t")


def _keys(line: str) -> list[str]:
    return [key(cell) for cell in line.split(separator_of(line))]


def labmt_columns(row: Sequence[str]) -> tuple[int, int] | None:
    """Positions of word and score in a header, None where it is none."""
    return _two([key(cell) for cell in row], LABMT_WORD, LABMT_SCORE)


def _two(names: Sequence[str], first: frozenset[str], second: frozenset[str]) -> tuple[int, int] | None:
    a = next((at for at, name in enumerate(names) if name in first), None)
    b = next((at for at, name in enumerate(names) if name in second), None)
    return None if a is None or b is None else (a, b)


def read_sel(source: Source) -> Reading:
    """Read word, PFA (probability factor of affective use) and category; the weight is the PFA.

    Source of the measure: Díaz Rangel, Sidorov & Suárez-Guerra 2014. With or without a header;
    without one, the seven published columns or just the three.

    Raises:
        InputError: other columns, or a PFA that is not a number from 0 to 1.
    """
    separator = separator_of(source.head(1)[0])
    rows = cells(source, separator)
    named = sel_columns(rows[0][1])
    columns = named or SEL_SHAPES.get(len(rows[0][1]))
    if columns is None:
        problem = f"has {counted(len(rows[0][1]), 'cell')} and no column names"
        raise at_line(source.path, rows[0][0], problem, "columns Palabra, PFA and Categoría")
    word, score, category = columns
    entries: list[Entry] = []
    for row in rows[1:] if named else rows:
        line, found = row
        weight = _within(source, row, score, (0.0, 1.0), comma=separator in COMMA_DECIMALS)
        if category >= len(found) or not found[category]:
            raise at_line(source.path, line, "has no category", "word, PFA and category")
        entries.append((found[word], found[category], weight))
    return Reading(entries, "mean")


def sel_columns(header: Sequence[str]) -> tuple[int, int, int] | None:
    """Positions of word, PFA and category in a header, None where it is none."""
    names = [key(cell) for cell in header]
    two = _two(names, SEL_WORD, SEL_SCORE)
    category = next((at for at, name in enumerate(names) if name.startswith("categor")), None)
    return None if two is None or category is None else (*two, category)


def _within(source: Source, row: Row, at: int, limits: tuple[float, float], *, comma: bool = False) -> float:
    value = number_at(source, row, at, comma=comma)
    if not limits[0] <= value <= limits[1]:
        expected = f"{limits[0]:g} to {limits[1]:g}"
        raise at_line(
            source.path, row[0], f"has the score {value:g}", expected, "Check the format and the file."
        )
    return value


def _rescaled(n: int, scale: str) -> str:
    return f"{counted(n, 'score')} from {scale} {was(n)} rescaled to -1 to 1."
