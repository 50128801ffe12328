"""Pseudonyms and masks: what makes a post safe to keep. Not for deciding what may be published."""

from __future__ import annotations

import hashlib
import hmac

import polars as pl

USER, LINK, EMAIL, PHONE = "<user>", "<link>", "<email>", "<phone>"

_EMAIL = r"(?i)[\w.+-]+[@＠][\w-]+(?:\.[\w-]+)+"
_LINK = (
    r"(?i)(?:https?|\bftp)\s?:\s?/{0,2}[^\s\p{Han}，。！？、）】]*"
    r"|\bwww\.[^\s\p{Han}，。！？、）】]+"
    r"|\b[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.(?:com|org|net|gov|edu|info)\b(?:/[^\s\p{Han}]*)?"
    r"|\b[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.[a-z]{2,6}/[^\s\p{Han}]+"
)
MENTION = r"[@＠][\p{L}\p{N}_][\p{L}\p{N}\p{M}_·.-]{0,29}(?:[@＠][\p{L}\p{N}.-]+)?"
_REDDIT_USER = r"(?i)(^|[\s(,;:])/?u/[\w-]{3,20}"
_PHONE = (
    r"\+\s?\p{Nd}(?:[\s().\-–]{0,2}\p{Nd}){6,14}"
    r"|\(\p{Nd}{2,4}\)\s?\p{Nd}(?:[\s.\-–]?\p{Nd}){5,9}"
    r"|\b\p{Nd}{3,4}[\s.\-–]\p{Nd}{3,4}[\s.\-–]\p{Nd}{3,4}\b"
    r"|\b\p{Nd}{9,15}\b"
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


def clean_text(text: pl.Expr) -> pl.Expr:
    """Unescape HTML, compose Unicode (NFC), drop control characters, trim. String → String."""
    unescaped = text.str.replace_many(list(_ENTITIES), list(_ENTITIES.values()))
    plain = unescaped.str.replace_all(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\u2060\ufeff]", "")
    return plain.str.normalize("NFC").str.strip_chars()


def mask_text(text: pl.Expr) -> pl.Expr:
    """Replace links, e-mail addresses, mentions and phone numbers by fixed tokens. String → String."""
    masked = text.str.replace_all(_EMAIL, EMAIL).str.replace_all(_LINK, LINK)
    masked = masked.str.replace_all(_REDDIT_USER, "${1}" + USER).str.replace_all(MENTION, USER)
    return masked.str.replace_all(_PHONE, PHONE)


def mentions(text: pl.Expr) -> pl.Expr:
    """The handles a text names, without the at sign, in order. String → List(String)."""
    without_mail = text.str.replace_all(_EMAIL, " ")
    return without_mail.str.extract_all(MENTION).list.eval(pl.element().str.strip_chars_start("@＠"))


def handle(name: pl.Expr) -> pl.Expr:
    """An author name or id in one spelling: trimmed, lower case, no at sign, no spreadsheet `.0`."""
    trimmed = name.str.strip_chars().str.strip_chars_start("@＠").str.strip_chars_end(".-·")
    whole = trimmed.str.replace(r"^(\d+)\.0+$", "$1")
    return pl.when(whole != "").then(whole.str.to_lowercase())


def pseudonyms(names: pl.Series, *, secret: bytes, source: str) -> pl.Series:
    """Keyed hash (HMAC-SHA-256, 128 bits, hex) of each name within its source; null stays null.

    The work is per distinct name. The source is part of the message, so that the same handle on two
    platforms is not linked.
    """
    distinct = names.drop_nulls().unique()
    keys = [_keyed(name, secret=secret, source=source) for name in distinct.to_list()]
    table = pl.DataFrame({"name": distinct, "key": pl.Series(keys, dtype=pl.String)})
    joined = pl.DataFrame({"name": names}).join(table, on="name", how="left", maintain_order="left")
    return joined["key"]


def _keyed(name: str, *, secret: bytes, source: str) -> str:
    message = f"{source}\x00{name}".encode()
    return hmac.digest(secret, message, hashlib.sha256).hex()[:32]
