"""What each character is to the n-gram models: its folded form, its class, and whether it is a capital.

Not for splitting text: the kernels do that, with this table in hand.
"""

import unicodedata
from enum import IntEnum
from functools import cache

import numpy as np

# Code points below this have a row in the table; the kernel knows the few ranges above it.
TABLE_SIZE = 0x20000
CLASS_SHIFT, UPPER_SHIFT, FOLD_MASK = 20, 24, 0xFFFFF
DIGIT = ord("0")

_HAN = (
    (0x3005, 0x3008),
    (0x3040, 0x3100),
    (0x31F0, 0x3200),
    (0x3400, 0x4DC0),
    (0x4E00, 0xA000),
    (0xF900, 0xFB00),
)
_EMOJI = ((0x2600, 0x27C0), (0x2B05, 0x2B56), (0x1F000, 0x1FB00))
_SKIN_TONES = (0x1F3FB, 0x1F400)
_APOSTROPHES = frozenset({0x27, 0x2019, 0x2BC, 0xFF07})
# What is written apart although Unicode calls it a format character.
_BLANKS = frozenset({0x200B, 0x2060, 0xFEFF})


class CharClass(IntEnum):
    """What a character does to the text around it."""

    PUNCTUATION = 0
    BLANK = 1
    WORD = 2
    HAN = 3
    EMOJI = 4
    IGNORED = 5
    APOSTROPHE = 6


@cache
def character_table() -> np.ndarray:
    """Int32 (131,072,): folded code point | class << 20 | capital << 24."""
    rows = (_row(code) for code in range(TABLE_SIZE))
    table = np.fromiter(rows, dtype=np.int32, count=TABLE_SIZE)
    table.flags.writeable = False
    return table


def _row(code: int) -> int:
    char = chr(code)
    category = unicodedata.category(char)
    kind = classify(code, category)
    upper = category in ("Lu", "Lt")
    return fold(char, category) | kind << CLASS_SHIFT | int(upper) << UPPER_SHIFT


def classify(code: int, category: str) -> CharClass:
    """The class of a code point of this Unicode category."""
    if code in _APOSTROPHES:
        return CharClass.APOSTROPHE
    if code in _BLANKS or category in ("Cc", "Zs", "Zl", "Zp"):
        return CharClass.BLANK
    if category in ("Mn", "Me", "Mc", "Cf") or _SKIN_TONES[0] <= code < _SKIN_TONES[1]:
        return CharClass.IGNORED
    if any(low <= code < high for low, high in _HAN):
        return CharClass.HAN
    if any(low <= code < high for low, high in _EMOJI):
        return CharClass.EMOJI
    return CharClass.WORD if category[0] in "LN" else CharClass.PUNCTUATION


def fold(char: str, category: str) -> int:
    """The lower-case code point without accents and width; `ñ` stays a letter, every digit is 0."""
    if category == "Nd":
        return DIGIT
    plain = unicodedata.normalize("NFKC", char).lower()
    base = plain if plain == "ñ" else unicodedata.normalize("NFD", plain)[:1]
    one = len(unicodedata.normalize("NFKC", char)) == 1 and len(base) == 1
    return ord(base) if one else code_of(char)


def code_of(char: str) -> int:
    """The code point of a character that folds to several: it stays itself, in lower case where that is one."""
    lower = char.lower()
    return ord(lower) if len(lower) == 1 else ord(char)
