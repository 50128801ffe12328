"""Turn a raw post into the text an encoder was trained on; one profile serves training and inference alike.

Not for privacy: masking people, links and phone numbers for storage is the intake's job. A profile only gives
the masks it meets one spelling.
"""

import html
import unicodedata
from functools import cache

import polars as pl

MAX_RAW_CHARS = 20_000
MAX_PROFILED_CHARS = 2_000
PROFILE_NAME = "social_v1"

_LINK = r"(?i)<(?:link|url)>|\bhttps?://\S*|\bwww\.\S+"
_EMAIL = r"(?i)<e-?mail>|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"
_MENTION = r"(?i)<(?:user|mention)>|@\w{1,50}"
_PHONE = r"(?i)<phone>"
_NOT_EMOJI_NAMES = ("VARIATION SELECTOR", "ZERO WIDTH", "EMOJI MODIFIER")
_INK_WORDS = frozenset({"heavy", "black", "white"})
_EMOJI_RANGES = (
    (0x2600, 0x27C0),
    (0x2B05, 0x2B56),
    (0x1F300, 0x1F650),
    (0x1F680, 0x1F700),
    (0x1F900, 0x1FB00),
)
EMOJI_CLASS = r"[\x{2600}-\x{27BF}\x{2B05}-\x{2B55}\x{1F300}-\x{1F64F}\x{1F680}-\x{1F6FF}\x{1F900}-\x{1FAFF}]"
EMOJI_NOISE = r"[\x{200D}\x{FE00}-\x{FE0F}\x{1F3FB}-\x{1F3FF}]"


def profile_text(text: pl.Expr) -> pl.Expr:
    """The profiled text: mentions `@user`, links `http`, entities unescaped, hashtags as words, emoji by name.

    Emoji are spelled out with their Unicode names because the encoder's vocabulary has almost none of them; a run
    of different emoji keeps all of them, a run of one emoji counts once. Control characters become blanks, blanks
    collapse, and the result holds at most `MAX_PROFILED_CHARS` characters. Null stays null.
    """
    cut = text.str.slice(0, MAX_RAW_CHARS)
    masked = _mask(unescape(cut))
    worded = _name_emoji(_split_hashtags(masked))
    return collapse_blanks(worded).str.slice(0, MAX_PROFILED_CHARS)


def profile_series(texts: pl.Series) -> pl.Series:
    """`profile_text` for a String series, same length and order."""
    return texts.to_frame("text").select(profile_text(pl.col("text")))["text"]


def unescape(text: pl.Expr) -> pl.Expr:
    """HTML entities as characters; written-out line breaks and control characters as blanks."""
    escaped = text.str.contains(r"&(?:#\d+|#x[0-9a-fA-F]+|\w+);")
    unescaped = (
        pl.when(escaped).then(text).map_elements(html.unescape, return_dtype=pl.String, skip_nulls=True)
    )
    spaced = pl.when(escaped).then(unescaped).otherwise(text).str.replace_all(r"\\[nrt]", " ")
    return spaced.str.replace_all(r"[\p{Cc}\x{200B}\x{2060}\x{FEFF}]", " ")


def _mask(text: pl.Expr) -> pl.Expr:
    linked = text.str.replace_all(_LINK, " http ").str.replace_all(_EMAIL, " email ")
    return linked.str.replace_all(_MENTION, " @user ").str.replace_all(_PHONE, " phone ")


def _split_hashtags(text: pl.Expr) -> pl.Expr:
    """`#StaySafe_now` → `Stay Safe now`; camel case is split in the whole post, which only adds blanks."""
    split = text.str.replace_all(r"([\p{Ll}\d])(\p{Lu}\p{Ll})", "$1 $2").str.replace_all(r"#(\w)", " $1")
    return pl.when(text.str.contains(r"#\w")).then(split.str.replace_all("_", " ")).otherwise(text)


def _name_emoji(text: pl.Expr) -> pl.Expr:
    """Only posts with an emoji are taken through Python; the others are null on that path."""
    names = emoji_names()
    bare = text.str.replace_all(EMOJI_NOISE, "")
    pictured = bare.str.contains(EMOJI_CLASS)
    named = pl.when(pictured).then(bare).str.replace_many(list(names), [f" {n} " for n in names.values()])
    return pl.when(pictured).then(_drop_repeats(named)).otherwise(bare)


def _drop_repeats(text: pl.Expr) -> pl.Expr:
    """A name wrapped in two blanks on either side that repeats is kept once."""
    return text.map_elements(_once_each, return_dtype=pl.String, skip_nulls=True)


def _once_each(text: str) -> str:
    parts = text.split("  ")
    kept = [part for i, part in enumerate(parts) if i == 0 or part.strip() != parts[i - 1].strip()]
    return "  ".join(kept)


@cache
def emoji_names() -> dict[str, str]:
    """Emoji → lower-case Unicode name, about 1,200 entries, built from Python's own character database."""
    chars = (chr(code) for low, high in _EMOJI_RANGES for code in range(low, high))
    named = {char: unicodedata.name(char, "") for char in chars}
    kept = {char: name for char, name in named.items() if name and not name.startswith(_NOT_EMOJI_NAMES)}
    return {char: _plain_name(char, name) for char, name in kept.items()}


def _plain_name(char: str, name: str) -> str:
    """Old symbols are named after their ink (`HEAVY BLACK HEART`), which would read as a mood."""
    words = name.lower().split()
    return " ".join(w for w in words if ord(char) > 0x2FFF or w not in _INK_WORDS)


def collapse_blanks(text: pl.Expr) -> pl.Expr:
    """Every run of white space as one blank, none at the ends."""
    return text.str.replace_all(r"\s+", " ").str.strip_chars()
