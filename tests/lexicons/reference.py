"""The matching rules once more, in plain Python over strings: slow, and meant to be obviously right.

Shares only the one-character functions of `lexicons.folding` with the real matcher.
"""

import itertools
from dataclasses import dataclass

from lexicons.folding import CharClass, LetterKind, classify, fold_char, letter_kind

NONE, SOFT, HARD = 0, 1, 2


@dataclass
class Token:
    chars: list[tuple[str, LetterKind]]
    gap: int

    def cut(self, keep: int) -> str:
        out, i = "", 0
        while i < len(self.chars):
            char, kind = self.chars[i]
            j = i
            while j < len(self.chars) and self.chars[j][0] == char:
                j += 1
            long_run = j - i >= 3 and kind != LetterKind.NOT_A_LETTER
            out += char * (keep if long_run else j - i)
            i = j
        return out


def char_class(char: str) -> CharClass:
    code = ord(char)
    if code < 0x10000:
        return classify(char)
    if 0x20000 <= code < 0x40000:
        return CharClass.HAN
    return CharClass.IGNORED if 0xE0100 <= code < 0xE01F0 else CharClass.HARD


def tokens_of(text: str) -> list[Token]:
    """Split by looking at the visible characters only, one after the other."""
    visible = [c for c in text if char_class(c) != CharClass.IGNORED or c == "\u0303"]
    out: list[Token] = []
    gap, position = HARD, 0
    while position < len(visible):
        cls = char_class(visible[position])
        if cls == CharClass.WORD:
            end = word_end(visible, position)
            is_tag = previous_base(visible, position) == CharClass.HASH
            out += split_word(visible[position:end], gap, is_tag=is_tag)
            gap, position = NONE, end
            continue
        if cls == CharClass.HAN:
            out.append(Token([(fold_han(visible[position]), LetterKind.CASELESS)], gap))
            gap = NONE
        elif cls != CharClass.IGNORED:
            gap = max(gap, HARD if cls == CharClass.HARD else SOFT)
        position += 1
    return out


def fold_han(char: str) -> str:
    return fold_char(char) if ord(char) < 0x10000 else char


def previous_base(visible: list[str], position: int) -> CharClass | None:
    before = [char_class(c) for c in visible[:position] if c != "\u0303"]
    return before[-1] if before else None


def word_end(visible: list[str], start: int) -> int:
    """First position after the word; an apostrophe counts only between word characters."""
    end = start
    while end < len(visible):
        cls = char_class(visible[end])
        if cls == CharClass.APOSTROPHE:
            following = [c for c in visible[end + 1 :] if c != "\u0303"][:1]
            if not following or char_class(following[0]) != CharClass.WORD:
                return end
        elif cls not in (CharClass.WORD, CharClass.IGNORED):
            return end
        end += 1
    return end


def split_word(chars: list[str], gap: int, *, is_tag: bool) -> list[Token]:
    folded: list[tuple[str, LetterKind]] = []
    for char in chars:
        if char == "\u0303":
            if folded and folded[-1][0] == "n":
                folded[-1] = ("ñ", folded[-1][1])
        elif char_class(char) == CharClass.APOSTROPHE:
            folded.append(("'", LetterKind.NOT_A_LETTER))
        else:
            folded.append((fold_char(char), letter_kind(char)))
    starts = [0, *(i for i in range(1, len(folded)) if is_tag and is_boundary(folded, i)), len(folded)]
    parts = [folded[a:b] for a, b in itertools.pairwise(starts)]
    return [Token(part, gap if i == 0 else NONE) for i, part in enumerate(parts)]


def is_boundary(folded: list[tuple[str, LetterKind]], i: int) -> bool:
    before, here = folded[i - 1][1], folded[i][1]
    after = folded[i + 1][1] if i + 1 < len(folded) else None
    upper, lower = LetterKind.UPPER, LetterKind.LOWER
    return here == upper and (before == lower or (before == upper and after == lower))


def match(text: str, terms: list[str], *, substring: bool = False) -> tuple[int, list[str]]:
    """Return (number of tokens, matched terms in order)."""
    tokens = tokens_of(text)
    words = {t: [token.cut(2) for token in tokens_of(t.removesuffix("*"))] for t in terms}
    phrases = {tuple(w): t for t, w in words.items() if len(w) > 1}
    exact = {w[0]: t for t, w in words.items() if len(w) == 1 and not t.endswith("*")}
    stems = {w[0]: t for t, w in words.items() if t.endswith("*")}
    phrase_words = {word for phrase in phrases for word in phrase}
    found, i = [], 0
    while i < len(tokens):
        term, i = next_match(tokens, i, (phrases, exact, stems, phrase_words), NONE if substring else SOFT)
        if term is not None:
            found.append(term)
    return len(tokens), found


def next_match(tokens: list[Token], i: int, tables: tuple, max_gap: int) -> tuple[str | None, int]:
    phrases, exact, stems, phrase_words = tables
    spelled = [next((w for w in (t.cut(2), t.cut(1)) if w in phrase_words), "") for t in tokens]
    for end in range(len(tokens), i + 1, -1):
        inside = all(t.gap <= max_gap for t in tokens[i + 1 : end])
        if inside and tuple(spelled[i:end]) in phrases:
            return phrases[tuple(spelled[i:end])], end
    two, one = tokens[i].cut(2), tokens[i].cut(1)
    for word in (two, one):
        if word in exact:
            return exact[word], i + 1
    for word in (two, one):
        heads = [word[:k] for k in range(len(word), 0, -1) if word[:k] in stems]
        if heads:
            return stems[heads[0]], i + 1
    return None, i + 1
