"""Read lexicon files that users bring, in the formats lexicons are published in.

Not for our own lexicons (`lexicons.load`) and not for judging one (`lexicons.validate`).
"""

import difflib
from collections.abc import Callable
from pathlib import Path

from lexicons.formats.build import LexiconFile, Reading, Scale, finish
from lexicons.formats.detect import detect
from lexicons.formats.liwc import read_liwc
from lexicons.formats.nrc import read_emolex, read_vad
from lexicons.formats.plain import read_csv, read_json, read_tsv
from lexicons.formats.ratings import read_labmt, read_sel, read_vader
from lexicons.formats.source import Source, read_source
from lexicons.formats.themes import read_empath, read_sentisense
from warehouse.errors import InputError

__all__ = ["FORMATS", "LexiconFile", "Scale", "detect_format", "read_lexicon_file"]

AUTO = "auto"
_READERS: dict[str, Callable[[Source], Reading]] = {
    "liwc-dic": read_liwc,
    "nrc-emolex": read_emolex,
    "nrc-vad": read_vad,
    "empath": read_empath,
    "sentisense": read_sentisense,
    "sel": read_sel,
    "vader": read_vader,
    "labmt": read_labmt,
    "tsv": read_tsv,
    "csv": read_csv,
    "json": read_json,
}
FORMATS: tuple[str, ...] = tuple(_READERS)


def read_lexicon_file(path: Path, *, format: str = AUTO, column: str | None = None) -> LexiconFile:  # noqa: A002
    """Read a lexicon file.

    Args:
        format: one of `FORMATS`, or `auto` to tell it by the content.
        column: name of the column that holds the words, for tables with one per language.

    Raises:
        InputError: the file cannot be read, breaks the rules of its format, or holds no usable term.
    """
    if format not in (AUTO, *FORMATS):
        nearest = difflib.get_close_matches(format, FORMATS, n=1, cutoff=0.0)[0]
        raise InputError(
            f"There is no lexicon format {format!r}. Expected auto or one of {', '.join(FORMATS)}. "
            f"The nearest is {nearest}."
        )
    source = read_source(path, column=column)
    name = detect(source) if format == AUTO else format
    return finish(_READERS[name](source), source=source, format_name=name)


def detect_format(path: Path) -> str:
    """Tell the format of a file by its content: one of `FORMATS`.

    Raises:
        InputError: the file cannot be read, or looks like none of them.
    """
    return detect(read_source(path))
