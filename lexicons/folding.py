"""Fold code points: case, accents and width, as flat tables for the Basic Multilingual Plane.

Not for whole strings: the matcher applies the tables one code point at a time.
"""

import unicodedata
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

PLANE_SIZE = 0x10000
# Supplementary and tertiary ideographic planes: every code point there is a Han character.
HAN_PLANES = (0x20000, 0x40000)
HAN_RANGES = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x3005, 0x3008))
APOSTROPHES = frozenset("'\u2019\u2018\u02bc\uff07")
HASHES = frozenset("#\uff03")
SOFT_PUNCTUATION = frozenset("-_\u2010\u2011")
IGNORED_CATEGORIES = frozenset({"Mn", "Me", "Cf"})


class CharClass(IntEnum):
    """What a code point does to the token stream."""

    HARD = 0  # separates tokens and ends a phrase: punctuation, symbols, emoji
    SOFT = 1  # separates tokens, a phrase may cross it: white space, hyphen, underscore
    WORD = 2  # belongs to a word: letters and decimal digits
    HAN = 3  # a token on its own
    IGNORED = 4  # as if it were not there: combining marks, zero-width and other format characters
    APOSTROPHE = 5  # part of a word between two word characters, else SOFT
    HASH = 6  # SOFT, and the word right after it is a hashtag


class LetterKind(IntEnum):
    """Case of a word character; hashtags are split on it, elongation applies to letters only."""

    NOT_A_LETTER = 0
    LOWER = 1
    UPPER = 2
    CASELESS = 3


class FoldTables(NamedTuple):
    """Three arrays of length 65,536 indexed by code point."""

    fold: npt.NDArray[np.int32]
    char_class: npt.NDArray[np.uint8]
    kind: npt.NDArray[np.uint8]


def fold_char(char: str) -> str:
    """Return the folded form of one character: lower case, no accent, normal width; ñ stays ñ."""
    if char in "ñÑ":
        return "ñ"
    base = [c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c)]
    single = base[0] if len(base) == 1 else char
    lowered = single.casefold()
    return lowered if len(lowered) == 1 else single


def is_han(code: int) -> bool:
    """Tell whether a code point is a Chinese character."""
    return any(low <= code < high for low, high in (*HAN_RANGES, HAN_PLANES))


def classify(char: str) -> CharClass:
    """Return the class of one character; see `CharClass`."""
    if char in APOSTROPHES:
        return CharClass.APOSTROPHE
    if char in HASHES:
        return CharClass.HASH
    if is_han(ord(char)):
        return CharClass.HAN
    return _classify_by_category(char)


def _classify_by_category(char: str) -> CharClass:
    category = unicodedata.category(char)
    if category in IGNORED_CATEGORIES:
        return CharClass.IGNORED
    if category[0] == "L" or category in ("Nd", "Mc"):
        return CharClass.WORD
    if char.isspace() or char in SOFT_PUNCTUATION:
        return CharClass.SOFT
    return CharClass.HARD


def letter_kind(char: str) -> LetterKind:
    """Return the case of one character."""
    category = unicodedata.category(char)
    if category[0] != "L":
        return LetterKind.NOT_A_LETTER
    return {"Ll": LetterKind.LOWER, "Lu": LetterKind.UPPER}.get(category, LetterKind.CASELESS)


@lru_cache(maxsize=1)
def fold_tables() -> FoldTables:
    """Build the tables once per process (about 0.1 s).

    Beyond the Basic Multilingual Plane the matcher knows only Han characters; everything else
    there (emoji, historic scripts) separates tokens.
    """
    chars = [chr(code) for code in range(PLANE_SIZE)]
    return FoldTables(
        fold=np.array([ord(fold_char(c)) for c in chars], dtype=np.int32),
        char_class=np.array([classify(c) for c in chars], dtype=np.uint8),
        kind=np.array([letter_kind(c) for c in chars], dtype=np.uint8),
    )
