"""The matching rules once more, in plain Python over strings: slow, and meant to be obviously right.

Shares only the one-character functions of `lexicons.folding` with the real matcher.
"""

import functools
import itertools
import re
from dataclasses import dataclass, field

from lexicons import folding
from lexicons.folding import CharClass, LetterKind, letter_pairs

NONE, SOFT, HARD = 0, 1, 2
classify = functools.cache(folding.classify)
fold_char = functools.cache(folding.fold_char)
letter_kind = functools.cache(folding.letter_kind)
MOUTHS = {")": "🙂", "]": "🙂", "(": "🙁", "[": "🙁", "D": "😃", "P": "😛", "p": "😛", "O": "😮", "o": "😮",
          "/": "😕", "\\": "😕", "*": "😘", "|": "😐"}  # fmt: skip
EMOTICON = re.compile(
    r"<3|</3|>:(?P<angry>['-]?[(\[])|(?P<eyes>[:;=])(?P<nose>['-]?)(?P<mouth>[)(\]\[DPpOo/\\*|])"
)


@dataclass
class Token:
    chars: list[tuple[str, LetterKind]]
    gap: int
    clause: int

    def cut(self, keep: int) -> str:
        return spelled(tuple(self.chars), keep)


@functools.lru_cache(maxsize=200_000)
def spelled(chars: tuple[tuple[str, LetterKind], ...], keep: int) -> str:
    """The word, runs of three or more of a letter cut to `keep`."""
    out = ""
    for _, run in itertools.groupby(chars, key=lambda pair: pair[0]):
        pairs = list(run)
        char, kind = pairs[0][0], pairs[0][1]
        long_run = len(pairs) >= 3 and kind != LetterKind.NOT_A_LETTER
        out += char * (keep if long_run else len(pairs))
    return out


@dataclass
class Reader:
    """Goes through the visible characters one after the other."""

    text: str
    accents: bool = False
    out: list[Token] = field(default_factory=list)
    gap: int = HARD
    clause: int = 0
    face_end: int = 0  # an emoticon's letters and digits are no word

    def tokens(self) -> list[Token]:
        position = 0
        while position < len(self.text):
            position = self.step(position)
        return self.out

    def step(self, position: int) -> int:
        char = self.text[position]
        cls = classify(char)
        if cls == CharClass.WORD:
            return self.word(position)
        face = emoticon(self.text, position, self.face_end)
        self.face_end = face[1] if face else self.face_end
        if cls == CharClass.HAN or cls == CharClass.EMOJI or face:
            self.add([(fold_far(face[0] if face else char, accents=self.accents), LetterKind.CASELESS)],
                     is_emoji=cls != CharClass.HAN)  # fmt: skip
            return face[1] if face else position + 1
        if cls != CharClass.IGNORED:
            self.gap = max(self.gap, HARD if cls == CharClass.HARD else SOFT)
        return position + 1

    def add(self, chars: list[tuple[str, LetterKind]], *, is_emoji: bool = False) -> None:
        self.clause += self.gap == HARD or is_emoji
        self.out.append(Token(chars, self.gap, self.clause))
        self.clause += is_emoji
        self.gap = NONE

    def word(self, position: int) -> int:
        end = word_end(self.text, position)
        parts = split_word(
            self.text[position:end], is_tag=follows_hash(self.text, position), accents=self.accents
        )
        for part in parts:
            self.add(part)
        return end


def fold_far(char: str, *, accents: bool) -> str:
    return fold_char(char, accents=accents) if ord(char) < 0x10000 else char


def visible_before(text: str, position: int) -> str | None:
    for char in reversed(text[max(0, position - 60) : position]):
        if classify(char) != CharClass.IGNORED:
            return char
    return visible_before(text, position - 60) if position > 60 else None


def follows_hash(text: str, position: int) -> bool:
    before = visible_before(text, position)
    return before is not None and classify(before) == CharClass.HASH


def emoticon(text: str, position: int, start: int) -> tuple[str, int] | None:
    found = EMOTICON.match(text, position)
    if not found:
        return None
    before = visible_before(text[start:position], position - start)
    if before is not None and classify(before) == CharClass.WORD:
        return None
    end = found.end()
    after = text[end : end + 1]
    if text[end - 1] not in "()[]" and after and classify(after) == CharClass.WORD:
        return None
    emoji = meaning(found)
    return (emoji, end) if emoji else None


def meaning(found: re.Match[str]) -> str | None:
    if found["angry"]:
        # A face with a tear is not an angry one.
        return "😠" if "'" not in found["angry"] else None
    if not found["eyes"]:
        return "❤" if found[0] == "<3" else "💔"
    face = MOUTHS[found["mouth"]]
    if found["nose"] == "'":
        return {"🙂": "😂", "🙁": "😢"}.get(face)
    if found["eyes"] == ";":
        return {"🙂": "😉", "😃": "😉", "😛": "😉", "🙁": "😢"}.get(face)
    return face


def word_end(text: str, start: int) -> int:
    """First position after the word; an apostrophe counts only between word characters."""
    end = start
    while end < len(text):
        cls = classify(text[end])
        if cls == CharClass.APOSTROPHE:
            following = next((c for c in text[end + 1 :] if classify(c) != CharClass.IGNORED), None)
            if following is None or classify(following) != CharClass.WORD:
                return end
        elif cls not in (CharClass.WORD, CharClass.IGNORED):
            return end
        end += 1
    return end


def split_word(text: str, *, is_tag: bool, accents: bool) -> list[list[tuple[str, LetterKind]]]:
    pairs = letter_pairs(accents=accents)
    folded: list[tuple[str, LetterKind]] = []
    after_apostrophe = False
    for char in text:
        cls = classify(char)
        if cls == CharClass.IGNORED:
            if folded and not after_apostrophe:
                letter = pairs.get((folded[-1][0], char), folded[-1][0])
                folded[-1] = (letter, folded[-1][1])
            continue
        after_apostrophe = cls == CharClass.APOSTROPHE
        if after_apostrophe:
            folded.append(("'", LetterKind.NOT_A_LETTER))
        else:
            folded.append((fold_char(char, accents=accents), letter_kind(char)))
    starts = [0, *(i for i in range(1, len(folded)) if is_tag and is_boundary(folded, i)), len(folded)]
    return [folded[a:b] for a, b in itertools.pairwise(starts)]


def is_boundary(folded: list[tuple[str, LetterKind]], i: int) -> bool:
    before, here = folded[i - 1][1], folded[i][1]
    after = folded[i + 1][1] if i + 1 < len(folded) else None
    upper, lower = LetterKind.UPPER, LetterKind.LOWER
    return here == upper and (before == lower or (before == upper and after == lower))


@dataclass
class Reference:
    """A lexicon and its cues: `cues` maps a cue to (role, factor)."""

    terms: list[str]
    cues: dict[str, tuple[str, float]] = field(default_factory=dict)
    substring: bool = False
    accents: bool = False
    reach: int = 3

    def tokens(self, text: str) -> list[Token]:
        return Reader(text, self.accents).tokens()

    def words(self, term: str) -> tuple[str, ...]:
        return tuple(token.cut(2) for token in self.tokens(term.removesuffix("*")))

    def __post_init__(self) -> None:
        split = {term: self.words(term) for term in self.terms}
        cues = {self.words(cue): cue for cue in self.cues}
        self.stems = {w[0]: t for t, w in split.items() if t.endswith("*")}
        self.tables = [
            {w: t for t, w in split.items() if not t.endswith("*")},
            cues,
        ]
        phrases = [w for table in self.tables for w in table if len(w) > 1]
        self.phrase_words = {word for phrase in phrases for word in phrase}

    def match(self, text: str) -> tuple[int, list[tuple[str, float]]]:
        """Return (number of tokens, matched terms in order with their factors)."""
        tokens = self.tokens(text)
        found: list[tuple[str, float]] = []
        negated_until, degree, degree_until, clause, i = 0, 1.0, 0, None, 0
        while i < len(tokens):
            if tokens[i].clause != clause:
                clause, negated_until, degree_until = tokens[i].clause, 0, 0
            term, length = self.longest(tokens, i, self.tables[0])
            cue, cue_length = self.longest(tokens, i, self.tables[1])
            if term is None:
                term, length = self.stem(tokens[i])
            after = i + max(length, cue_length, 1)
            if term is not None and length >= cue_length:
                factor = (degree if i < degree_until else 1.0) * (-0.5 if i < negated_until else 1.0)
                degree_until = 0
                found.append((term, factor))
            if cue is not None and cue_length >= length:
                role, strength = self.cues[cue]
                if role == "negator":
                    negated_until = after + self.reach
                elif role == "degree":
                    degree, degree_until = strength, after + self.reach
                elif role == "break":
                    negated_until = degree_until = 0
            i = after
        return len(tokens), found

    def longest(self, tokens: list[Token], i: int, table: dict) -> tuple[str | None, int]:
        max_gap = NONE if self.substring else SOFT
        best: tuple[str | None, int] = (None, 0)
        so_far: tuple[str, ...] = ()
        for j in range(i, len(tokens)):
            word = next((w for w in (tokens[j].cut(2), tokens[j].cut(1)) if w in self.phrase_words), None)
            if word is None or (j > i and tokens[j].gap > max_gap):
                break
            so_far += (word,)
            if j > i and so_far in table:
                best = table[so_far], j + 1 - i
        if best[0] is not None:
            return best
        for word in (tokens[i].cut(2), tokens[i].cut(1)):
            if (word,) in table:
                return table[word,], 1
        return None, 0

    def stem(self, token: Token) -> tuple[str | None, int]:
        for word in (token.cut(2), token.cut(1)):
            heads = [word[:k] for k in range(len(word), 0, -1) if word[:k] in self.stems]
            if heads:
                return self.stems[heads[0]], 1
        return None, 0
