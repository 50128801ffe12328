"""Pseudonyms and masks: what makes a post safe to keep. Not for deciding what may be published."""

from __future__ import annotations

import hashlib
import hmac

import polars as pl

USER, LINK, EMAIL, PHONE = "<user>", "<link>", "<email>", "<phone>"

AT = r"[@＠﹫]"
# Word boundaries are those of ASCII: a letter of another script ends a Latin address, and a Unicode boundary
# would keep the regex engine from its fast path on every text that is not ASCII.
_EDGE = r"(?-u:\b)"
_REST = r"[^\s\p{Han}，。！？、）】]"
_HOST = _EDGE + r"[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*"
# Not behind an at sign, where `@name@host` is a mention.
_EMAIL = rf"(^|[^\w.+\-@＠﹫])[\w.+-]+{AT}[\w-]+(?:\.[\w-]+)+"
_LINK = (
    rf"(?i)(?:https?\s?:\s?/{{0,2}}|[a-z]{{2,12}}://){_REST}*"
    rf"|{_EDGE}www\.{_REST}+"
    rf"|{_HOST}\.(?:com|org|net|gov|edu|info){_EDGE}(?:/[^\s\p{{Han}}]*)?"
    rf"|{_HOST}\.[a-z]{{2,6}}/[^\s\p{{Han}}]+"
)
# Invisible format characters (\p{Cf}) neither hide a name nor end it.
_NAME = r"\p{Cf}*[\p{L}\p{N}_][\p{L}\p{N}\p{M}\p{Cf}_·.-]*"
MENTION = rf"{AT}{_NAME}(?:{AT}{_NAME})*"
_REDDIT_USER = r"(?i)(^|[^\p{L}\p{N}_/])(?:/?u|/user)/([\w-]{2,})"
# Any run of nine digits with light punctuation; fewer after a plus sign or an area code in brackets.
_PHONE = (
    r"[+＋]\s?\p{Nd}(?:[\s().\-–]{0,2}\p{Nd}){6,}"
    r"|\(\p{Nd}{2,4}\)\s?\p{Nd}(?:[\s.\-–]?\p{Nd}){5,}"
    r"|\p{Nd}(?:[\s().\-–]{0,2}\p{Nd}){8,}"
)
_ENTITIES = {
    "&amp;": "&",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#39;": "'",
    "&apos;": "'",
    "&nbsp;": " ",
}


# What Unicode composition certainly leaves alone: Latin, punctuation, Han, Hangul syllables, full width, emoji.
_UNCOMPOSED = (
    r"[^\x00-\u02ff\u2010-\u2027\u2030-\u205e\u3001-\u3003\u4e00-\u9fff\uac00-\ud7a3\ufe0f\uff01-\uff5e"
    r"\U0001f300-\U0001faff]"
)


def clean_text(text: pl.Expr) -> pl.Expr:
    """Unescape HTML, compose Unicode (NFC), drop control characters, trim. String → String."""
    unescaped = text.str.replace_many(list(_ENTITIES), list(_ENTITIES.values()))
    plain = unescaped.str.replace_all(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u2060\ufeff]", "")
    return plain.map_batches(_composed, return_dtype=pl.String).str.strip_chars()


def _composed(texts: pl.Series) -> pl.Series:
    """NFC, worked out for the few texts that can need it."""
    rows = texts.str.contains(_UNCOMPOSED).fill_null(False).arg_true()
    return texts.scatter(rows, texts.gather(rows).str.normalize("NFC")) if rows.len() else texts


def mask_text(text: pl.Expr) -> pl.Expr:
    """Replace links, e-mail addresses, mentions and phone numbers by fixed tokens. String → String."""
    masked = text.str.replace_all(_EMAIL, "${1}" + EMAIL).str.replace_all(_LINK, LINK)
    masked = masked.str.replace_all(_REDDIT_USER, "${1}" + USER).str.replace_all(MENTION, USER)
    return masked.str.replace_all(_PHONE, PHONE)


def names_someone(text: pl.Expr) -> pl.Expr:
    """Whether a text can hold a mention at all; cheap. String → Boolean."""
    return text.str.contains(AT) | text.str.contains(_REDDIT_USER)


def mentions(text: pl.Expr) -> pl.Expr:
    """The handles a text names, in order. String → List(String)."""
    bare = text.str.replace_all(_EMAIL, "${1} ").str.replace_all(_LINK, " ")
    return bare.str.replace_all(_REDDIT_USER, "${1}@${2}").str.extract_all(MENTION)


def handle(name: pl.Expr) -> pl.Expr:
    """An author name or id in one spelling: trimmed, lower case, no at sign, no spreadsheet `.0`."""
    visible = name.str.normalize("NFKC").str.replace_all(r"[\p{Cf}\p{Cc}]", "").str.strip_chars()
    trimmed = visible.str.strip_chars_start("@").str.strip_chars_end(".-·").str.strip_chars()
    whole = trimmed.str.replace(r"^(\d+)\.0+$", "$1")
    return pl.when(whole != "").then(whole.str.to_lowercase())


def pseudonyms(names: pl.Series, *, secret: bytes, source: str) -> pl.Series:
    """Keyed hash (HMAC-SHA-256, 128 bits, hex) of each name within its source; null stays null.

    The work is per distinct name. The source is part of the message, so that the same handle on two
    platforms is not linked. `secret` is a chain of keys, one a line: each further one hashes the hash before.
    """
    distinct = names.drop_nulls().unique()
    keys = [_keyed(name, secret=secret, source=source) for name in distinct.to_list()]
    table = pl.DataFrame({"name": distinct, "key": pl.Series(keys, dtype=pl.String)})
    joined = pl.DataFrame({"name": names}).join(table, on="name", how="left", maintain_order="left")
    return joined["key"]


def _keyed(name: str, *, secret: bytes, source: str) -> str:
    first, *later = secret.splitlines()
    key = hmac.digest(first, f"{source}\x00{name}".encode(), hashlib.sha256).hex()[:32]
    for again in later:
        key = hashed_again(key, secret=again)
    return key


def hashed_again(key: str, *, secret: bytes) -> str:
    """A pseudonym under one key more."""
    return hmac.digest(secret, key.encode(), hashlib.sha256).hex()[:32]
