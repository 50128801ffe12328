"""Read the NRC lexicons: word-emotion association and intensity, and valence, arousal, dominance.

Not for the one-dimension files that come beside them; read the file that holds all dimensions.
"""

from collections.abc import Sequence

from lexicons.formats.build import Entry, Reading, counted, left_out, was
from lexicons.formats.source import (
    Row,
    Source,
    at_line,
    cells,
    key,
    number_at,
    padded,
    separator_of,
    word_column,
)
from warehouse.errors import InputError

AFFECTS = (
    "anger",
    "anticipation",
    "disgust",
    "fear",
    "joy",
    "negative",
    "positive",
    "sadness",
    "surprise",
    "trust",
)
VAD = ("valence", "arousal", "dominance")
EMOTION_COLUMNS = frozenset({"emotion", "affect", "affectdimension", "affect_dimension"})
# What the translated sheets write where a word has no counterpart.
NO_TRANSLATION = "no translation"


def read_emolex(source: Source) -> Reading:
    """Read word, emotion, 0/1 (or an intensity) in rows, or one column per affect.

    Raises:
        InputError: no such columns, or a cell that is not a number.
    """
    rows = cells(source, separator_of(source.head(1)[0]))
    names = [key(cell) for cell in rows[0][1]]
    if sum(name in AFFECTS for name in names) > 1:
        affects = [at for at, name in enumerate(names) if name in AFFECTS]
        return _wide(source, rows, affects)
    emotion = next((at for at, name in enumerate(names) if name in EMOTION_COLUMNS), None)
    if emotion is not None:
        return _long(source, rows[1:], _other_two(source, rows, emotion))
    return _long(source, rows, (0, 1, 2))


def _other_two(source: Source, rows: Sequence[Row], emotion: int) -> tuple[int, int, int]:
    """Positions of word, emotion and score; the score is the column whose name says so, else the last."""
    names = [key(cell) for cell in rows[0][1]]
    others = [at for at in range(len(names)) if at != emotion]
    scores = [
        at for at in others if "score" in names[at] or "intensity" in names[at] or "association" in names[at]
    ]
    score = scores[-1] if scores else others[-1] if others else emotion
    return word_column(source, rows[0][1], [at for at in others if at != score]), emotion, score


def _long(source: Source, rows: Sequence[Row], columns: tuple[int, int, int]) -> Reading:
    word, emotion, score = columns
    entries: list[Entry] = []
    for row in rows:
        line, found = row
        if len(found) <= max(columns) or not found[emotion]:
            raise at_line(source.path, line, f"has {counted(len(found), 'cell')}", "word, emotion and number")
        entries.append((found[word], found[emotion].casefold(), number_at(source, row, score)))
    return Reading(entries)


def _wide(source: Source, rows: Sequence[Row], scored: Sequence[int]) -> Reading:
    header = rows[0][1]
    others = [at for at in range(len(header)) if at not in scored]
    word = word_column(source, header, others)
    entries: list[Entry] = []
    untranslated = 0
    for row in rows[1:]:
        line, found = row[0], padded(source, row, len(header))
        if found[word].casefold() in ("", NO_TRANSLATION):
            untranslated += 1
            continue
        values = [(at, number_at(source, (line, found), at)) for at in scored]
        entries += [(found[word], key(header[at]), value) for at, value in values]
    return Reading(entries, None, left_out(untranslated, "row", f"no word in the column {header[word]!r}"))


def read_vad(source: Source) -> Reading:
    """Read word, valence, arousal, dominance; scores from 0 to 1 are moved to -1 to 1.

    Raises:
        InputError: no such columns, a cell that is not a number, or scores on another scale.
    """
    rows = cells(source, separator_of(source.head(1)[0]))
    names = [key(cell) for cell in rows[0][1]]
    if set(VAD) <= set(names):
        reading = _wide(source, rows, [names.index(name) for name in VAD])
    elif len(names) == 4 and not set(VAD) & set(names):
        reading = _wide(source, [(0, ["word", *VAD]), *rows], [1, 2, 3])
    else:
        missing = ", ".join(name for name in VAD if name not in names)
        raise at_line(source.path, rows[0][0], f"has no column {missing}", "word, " + ", ".join(VAD))
    return _centred(source, reading)


def _centred(source: Source, reading: Reading) -> Reading:
    weights = [weight for _, _, weight in reading.entries]
    lowest, highest = min(weights, default=0.0), max(weights, default=0.0)
    if lowest < -1 or highest > 1:
        raise InputError(
            f"{source.path} has scores from {lowest:g} to {highest:g}. Expected 0 to 1 or -1 to 1. "
            "Rescale the columns, or bring the file as tsv."
        )
    if lowest < 0:
        return Reading(reading.entries, "mean", reading.notes, VAD)
    entries = [(term, dimension, 2 * weight - 1) for term, dimension, weight in reading.entries]
    n = len(entries)
    note = f"{counted(n, 'score')} from 0 to 1 {was(n)} rescaled to -1 to 1."
    return Reading(entries, "mean", (*reading.notes, note), VAD)
