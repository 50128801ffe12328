"""Invented words, a lexicon of them, and posts that hold them: the same for a seed, and nobody's.

Not for quality: what counts is that lengths, repetition and share of hits are those of short social media posts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from random import Random

import polars as pl

DIMENSIONS = tuple(f"category_{letter}" for letter in "abcdefghij")
N_FILLERS = 50_000
ONSETS = (
    *"bcdfghjklmnprstvwz",
    "bl",
    "br",
    "ch",
    "cl",
    "dr",
    "fl",
    "fr",
    "gr",
    "pl",
    "sh",
    "sl",
    "st",
    "th",
    "tr",
)
VOWELS = "aeiou"
CODAS = ("", "", "", "", "l", "m", "n", "r", "s", "t")
ENDINGS = ("a", "ed", "en", "ing", "ist", "ly", "o", "s")
ACCENTS = str.maketrans(VOWELS, "áéíóú")
EMOJI = ("🙂", "😭", "🔥", "❤️", "🤷‍♀️", "👍🏽")
CUES = (
    ("not", "negator", 1.0),
    ("never", "negator", 1.0),
    ("no", "negator", 1.0),
    ("don't", "negator", 1.0),
    ("very", "degree", 1.3),
    ("really", "degree", 1.3),
    ("but", "break", 1.0),
)
CUE_WORDS = tuple(word for word, _, _ in CUES)
# What a place in a post is taken by; the rest are words of no category.
EXACT, STEM, PHRASE, CUE = 0.14, 0.05, 0.01, 0.03
Draw = Callable[[int], list[str]]
STEM_LENGTHS = (4, 5, 5, 6, 6, 6, 7, 7, 8, 9)
PHRASE_LENGTHS = (2, 2, 2, 3, 3, 4)


@dataclass(frozen=True, kw_only=True)
class World:
    """A lexicon and posts.

    Attributes:
        terms: term (stems end in `*`), dimension, weight (Float32) and kind (`exact`, `stem` or `phrase`); one
            row per term and dimension.
        texts: one post each.
    """

    terms: pl.DataFrame
    texts: pl.Series


@dataclass(frozen=True, kw_only=True)
class _Words:
    """What posts are drawn from, each list with the most frequent first."""

    fillers: list[str]
    exact: list[str]
    stems: list[str]
    phrases: list[str]


def make_world(*, n_posts: int, n_terms: int, seed: int = 11) -> World:
    """Posts of 15 to 40 tokens and a lexicon: 70 % words, 20 % stems, 10 % phrases, a quarter in two categories."""
    rng = Random(f"{seed} {n_terms}")
    words = _words(n_terms, rng=rng)
    terms = [
        *((term, "exact") for term in words.exact),
        *((f"{stem}*", "stem") for stem in words.stems),
        *((phrase, "phrase") for phrase in words.phrases),
    ]
    rows = [(*term, d) for term in terms for d in rng.sample(DIMENSIONS, 1 + (rng.random() < 0.25))]
    frame = pl.DataFrame(rows, schema=["term", "kind", "dimension"], orient="row")
    return World(
        terms=frame.with_columns(weight=pl.lit(1.0, dtype=pl.Float32)),
        texts=pl.Series("text", _posts(words, n=n_posts, rng=rng)),
    )


def _words(n_terms: int, *, rng: Random) -> _Words:
    n_stems, n_phrases = n_terms // 5, n_terms // 10
    stems = _invented(n_stems, make=lambda: _word(rng, syllables=4)[: rng.choice(STEM_LENGTHS)])
    known, lengths = set(stems), sorted(set(STEM_LENGTHS))
    free = _invented(
        N_FILLERS + n_terms - n_stems - n_phrases,
        make=lambda: _word(rng, syllables=rng.choice((1, 2, 2, 3, 3, 4))),
        refused=lambda word: word in CUE_WORDS or any(word[:k] in known for k in lengths),
    )
    fillers = sorted(free[:N_FILLERS], key=lambda word: len(word) + rng.gauss(0, 3))
    draw = _zipf(fillers, rng=rng)
    phrases = _invented(n_phrases, make=lambda: " ".join(draw(rng.choice(PHRASE_LENGTHS))))
    return _Words(fillers=fillers, exact=free[N_FILLERS:], stems=stems, phrases=phrases)


def _invented(
    n: int, *, make: Callable[[], str], refused: Callable[[str], bool] = lambda word: False
) -> list[str]:
    """`n` different strings."""
    found: dict[str, None] = {}
    while len(found) < n:
        word = make()
        if not refused(word):
            found[word] = None
    return list(found)


def _word(rng: Random, *, syllables: int) -> str:
    return "".join(rng.choice(ONSETS) + rng.choice(VOWELS) for _ in range(syllables)) + rng.choice(CODAS)


def _zipf(items: list[str], *, rng: Random) -> Draw:
    """A function that draws k items, the first ones far more often (Zipf's law as Mandelbrot shifted it)."""
    cumulative = list(accumulate(1.0 / (rank + 2.7) for rank in range(len(items))))
    return lambda k: rng.choices(items, cum_weights=cumulative, k=k)


def _posts(words: _Words, *, n: int, rng: Random) -> list[str]:
    draws = {name: _zipf(getattr(words, name), rng=rng) for name in ("fillers", "exact", "stems", "phrases")}
    return [_post(draws, rng=rng) for _ in range(n)]


def _post(draws: dict[str, Draw], *, rng: Random) -> str:
    tokens = draws["fillers"](rng.randint(15, 40))
    for i in range(len(tokens)):
        u = rng.random()
        if u < EXACT:
            tokens[i] = draws["exact"](1)[0]
        elif u < EXACT + STEM:
            tokens[i] = draws["stems"](1)[0] + rng.choice(ENDINGS)
        elif u < EXACT + STEM + PHRASE:
            tokens[i] = draws["phrases"](1)[0]
        elif u < EXACT + STEM + PHRASE + CUE:
            tokens[i] = rng.choice(CUE_WORDS)
    return "".join(_written(token, rng=rng) + _between(rng) for token in tokens).strip()


def _between(rng: Random) -> str:
    u = rng.random()
    return "\n" if u < 0.01 else rng.choice(("/", ",", "...")) if u < 0.02 else " "


def _written(token: str, *, rng: Random) -> str:
    """The token as somebody might type it: one in six has capitals, an accent, a long vowel, a mark or an emoji."""
    u = rng.random()
    if u < 0.02:
        return token[0] + token[1:].translate(ACCENTS)
    if u < 0.03:
        return re.sub("[aeiou]$", lambda last: last[0] * rng.randint(3, 5), token)
    if u < 0.06:
        return "#" + (token.title().replace(" ", "") if rng.random() < 0.5 else token.replace(" ", ""))
    if u < 0.09:
        return token.capitalize()
    if u < 0.10:
        return token.upper()
    if u < 0.15:
        return token + rng.choice((",", ".", "!", "...", "?!"))
    if u < 0.17:
        return f"{token} {rng.choice(EMOJI)}"
    return token
