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
# Blocks whose symbols are emoji or are used as such; skin tones inside them are ignored.
EMOJI_RANGES = ((0x2300, 0x2400), (0x2600, 0x27C0), (0x2B00, 0x2C00))
EMOJI_PLANE = (0x1F000, 0x1FB00)
EMOJI_PUNCTUATION = frozenset("\u203c\u2049")
SKIN_TONES = (0x1F3FB, 0x1F400)
# Variation selectors and tags beyond the first plane.
IGNORED_PLANE = (0xE0000, 0xE01F0)
APOSTROPHES = frozenset("'\u2019\u2018\u02bc\uff07")
HASHES = frozenset("#\uff03")
SOFT_PUNCTUATION = frozenset("-_\u2010\u2011")
IGNORED_CATEGORIES = frozenset({"Mn", "Me", "Cf"})
TILDE = "\u0303"


class CharClass(IntEnum):
    """What a code point does to the token stream."""

    HARD = 0  # separates tokens and ends a phrase: punctuation and symbols
    SOFT = 1  # separates tokens, a phrase may cross it: white space, hyphen, underscore
    WORD = 2  # belongs to a word: letters and decimal digits
    HAN = 3  # a token on its own
    IGNORED = 4  # as if it were not there: combining marks, zero-width and other format characters
    APOSTROPHE = 5  # part of a word between two word characters, else SOFT
    HASH = 6  # SOFT, and the word right after it is a hashtag
    EMOJI = 7  # a token on its own that ends a clause


class LetterKind(IntEnum):
    """Case of a word character; hashtags are split on it, elongation applies to letters only."""

    NOT_A_LETTER = 0
    LOWER = 1
    UPPER = 2
    CASELESS = 3


class FoldTables(NamedTuple):
    """Three arrays of length 65,536 indexed by code point, and the pairs that make one letter."""

    fold: npt.NDArray[np.int32]
    char_class: npt.NDArray[np.uint8]
    kind: npt.NDArray[np.uint8]
    pairs: npt.NDArray[np.int64]  # n x 3: folded letter, combining mark, the letter they make


def fold_char(char: str, *, accents: bool = False) -> str:
    """Return the folded form of one character: lower case, normal width, and no accent unless asked for.

    Without accents ñ stays ñ, a letter of its own.
    """
    if char in "ñÑ":
        return "ñ"
    single = _composed(char) if accents else _base(char)
    lowered = single.casefold()
    return lowered if len(lowered) == 1 else single


def _base(char: str) -> str:
    base = [c for c in unicodedata.normalize("NFKD", char) if not unicodedata.combining(c)]
    return base[0] if len(base) == 1 else char


def _composed(char: str) -> str:
    whole = unicodedata.normalize("NFKC", char)
    return whole if len(whole) == 1 else char


def is_han(code: int) -> bool:
    """Tell whether a code point is a Chinese character."""
    return any(low <= code < high for low, high in (*HAN_RANGES, HAN_PLANES))


def classify(char: str) -> CharClass:
    """Return the class of one character of any plane; see `CharClass`."""
    code = ord(char)
    if char in APOSTROPHES:
        return CharClass.APOSTROPHE
    if char in HASHES:
        return CharClass.HASH
    if is_han(code):
        return CharClass.HAN
    return _classify_by_category(char) if code < PLANE_SIZE else _classify_far(code)


def _classify_far(code: int) -> CharClass:
    """Beyond the first plane only Han characters, emoji and what is invisible are told apart."""
    if SKIN_TONES[0] <= code < SKIN_TONES[1] or IGNORED_PLANE[0] <= code < IGNORED_PLANE[1]:
        return CharClass.IGNORED
    return CharClass.EMOJI if EMOJI_PLANE[0] <= code < EMOJI_PLANE[1] else CharClass.HARD


def _classify_by_category(char: str) -> CharClass:
    category = unicodedata.category(char)
    if category in IGNORED_CATEGORIES:
        return CharClass.IGNORED
    if category[0] == "L" or category in ("Nd", "Mc"):
        return CharClass.WORD
    if char.isspace() or char in SOFT_PUNCTUATION:
        return CharClass.SOFT
    if char in EMOJI_PUNCTUATION:
        return CharClass.EMOJI
    if category == "So" and any(low <= ord(char) < high for low, high in EMOJI_RANGES):
        return CharClass.EMOJI
    return CharClass.HARD


def letter_kind(char: str) -> LetterKind:
    """Return the case of one character."""
    category = unicodedata.category(char)
    if category[0] != "L":
        return LetterKind.NOT_A_LETTER
    return {"Ll": LetterKind.LOWER, "Lu": LetterKind.UPPER}.get(category, LetterKind.CASELESS)


@lru_cache(maxsize=2)
def letter_pairs(*, accents: bool) -> dict[tuple[str, str], str]:
    """A folded letter and a combining mark that make another letter: n + tilde, or all there are."""
    if not accents:
        return {("n", TILDE): "ñ"}
    pairs = {}
    for code in range(0xC0, PLANE_SIZE):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and parts[0][0] != "<" and classify(chr(int(parts[1], 16))) == CharClass.IGNORED:
            letter, mark = chr(int(parts[0], 16)), chr(int(parts[1], 16))
            pairs[fold_char(letter, accents=True), mark] = fold_char(chr(code), accents=True)
    return pairs


@lru_cache(maxsize=2)
def fold_tables(*, accents: bool = False) -> FoldTables:
    """Build the tables once per process (about 0.1 s)."""
    chars = [chr(code) for code in range(PLANE_SIZE)]
    pairs = [(ord(a), ord(b), ord(c)) for (a, b), c in letter_pairs(accents=accents).items()]
    return FoldTables(
        fold=np.array([ord(fold_char(c, accents=accents)) for c in chars], dtype=np.int32),
        char_class=np.array([classify(c) for c in chars], dtype=np.uint8),
        kind=np.array([letter_kind(c) for c in chars], dtype=np.uint8),
        pairs=np.array(sorted(pairs), dtype=np.int64),
    )
