"""The rules of `classifiers.ngram.features` once more, slowly: what the compiled reader must agree with."""

from __future__ import annotations

import re

from classifiers.ngram.features import FeatureSpec
from classifiers.ngram.letters import CLASS_SHIFT, FOLD_MASK, UPPER_SHIFT, CharClass, character_table

WRAP = (1 << 64) - 1
BASIS, PRIME = 0xCBF29CE484222325, 0x100000001B3
GRAM, PART, MIX = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93, 0xFF51AFD7ED558CCD
USER, LINK, EMAIL, PHONE, CAPITALS, ELONGATED, BOUNDARY = (0x200001 + i for i in range(7))
MASKS = {
    "user": USER, "username": USER, "mention": USER, "link": LINK, "url": LINK, "email": EMAIL, "phone": PHONE,
}  # fmt: skip
LINK_START = re.compile(r"https?://|www\.", re.IGNORECASE | re.ASCII)
LINK_REST = re.compile(r"[\x21\x23-\x3b\x3d\x3f-\x7f]*")
ENTITY = re.compile(r"&[a-zA-Z0-9#]{1,9};")
MASK = re.compile(r"<([a-zA-Z]{0,10})>")

# (hash, letters, all capitals, elongated) of a word; (hash,) of anything else
Token = tuple[int, tuple[int, ...], bool, bool]


def step(value: int, code: int) -> int:
    return (value ^ code) * PRIME & WRAP


def hashed(codes: list[int] | tuple[int, ...], basis: int = BASIS) -> int:
    value = basis
    for code in codes:
        value = step(value, code)
    return value


def row_of(value: int, spec: FeatureSpec) -> int:
    return ((value ^ value >> 32) * MIX & WRAP) >> (64 - spec.bits)


def look(char: str) -> tuple[CharClass, int, bool]:
    code = ord(char)
    if code < 0x20000:
        info = int(character_table()[code])
        return CharClass(info >> CLASS_SHIFT & 15), info & FOLD_MASK, bool(info >> UPPER_SHIFT)
    if code < 0x40000:
        return CharClass.HAN, code, False
    return (
        (CharClass.IGNORED if 0xE0000 <= code < 0xE01F0 else CharClass.PUNCTUATION),
        code & FOLD_MASK,
        False,
    )


def plain(value: int) -> Token:
    return value, (), False, False


def word_token(chars: str) -> Token:
    """Of a word's characters, skipped ones left out already."""
    letters: list[int] = []
    cut = False
    for char in chars:
        folded = look(char)[1]
        if len(letters) >= 2 and letters[-1] == letters[-2] == folded:
            cut = True
        elif len(letters) < 48:
            letters.append(folded)
    shouts = len(chars) >= 3 and all(look(char)[2] for char in chars)
    return hashed(letters), tuple(letters), shouts, cut


def masked(text: str, at: int) -> tuple[int | None, int]:
    """(token, end) of what stands for something else at this place; token 0 is a blank, None is nothing."""
    if text[at] == "@":
        if text[at + 1 : at + 2] == "<":
            return 0, at + 1
        end = at + 1
        while (
            end < len(text)
            and end - at <= 50
            and (look(text[end])[0] in (CharClass.WORD, CharClass.HAN) or text[end] in "_-")
        ):
            end += 1
        return (USER, end) if end > at + 1 else (None, at)
    if text[at] == "<" and (found := MASK.match(text, at)):
        token = MASKS.get(found[1].lower())
        return token, found.end()
    if text[at] == "&" and (found := ENTITY.match(text, at)):
        return 0, found.end()
    return None, at


def tokens_of(text: str) -> list[Token]:
    out: list[Token] = []
    at = 0
    while at < len(text):
        kind, folded, _ = look(text[at])
        if kind == CharClass.WORD:
            link = LINK_START.match(text, at)
            # A link needs something behind its beginning.
            if link and len(text.encode()) - len(text[:at].encode()) > (7 if text[at] in "hH" else 4):
                out.append(plain(hashed([LINK])))
                at = LINK_REST.match(text, at).end()  # type: ignore[union-attr]
                continue
            word = ""
            while at < len(text) and look(text[at])[0] in (
                CharClass.WORD, CharClass.IGNORED, CharClass.APOSTROPHE,
            ):  # fmt: skip
                word += text[at] if look(text[at])[0] == CharClass.WORD else ""
                at += 1
            out.append(word_token(word))
        elif kind == CharClass.HAN:
            out.append(plain(hashed([folded])))
            at += 1
        elif kind in (CharClass.BLANK, CharClass.IGNORED):
            at += 1
        else:
            token, end = masked(text, at)
            if token is not None:
                out += [plain(hashed([token]))] if token else []
                at = end
                continue
            run, first = 0, text[at]
            while at < len(text) and (text[at] == first or look(text[at])[0] == CharClass.IGNORED):
                run += text[at] == first
                at += 1
            out.append(plain(hashed([ord(first), min(run, 3)])))
    return out


def rows_of(text: str, spec: FeatureSpec) -> tuple[set[int], int]:
    """(distinct rows, number of tokens) of a post."""
    tokens = tokens_of(text)
    values: list[int] = []
    for end in range(1, len(tokens) + 1):
        for size in range(1, min(spec.tokens, end) + 1):
            value = tokens[end - size][0]
            for token in tokens[end - size + 1 : end]:
                value = step(value * MIX & WRAP ^ GRAM, token[0])
            values.append(value)
    for _, letters, shouts, cut in tokens:
        values += [hashed([CAPITALS])] if shouts else []
        values += [hashed([ELONGATED])] if cut else []
        framed = (BOUNDARY, *letters, BOUNDARY)
        if letters and spec.longest:
            values += [
                hashed(framed[i : i + size], PART)
                for size in range(spec.shortest, spec.longest + 1)
                for i in range(len(framed) - size + 1)
            ]
    return {row_of(value, spec) for value in values}, len(tokens)
