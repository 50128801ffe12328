"""Lexicons as guides of masking: which stretches of a text are words of a lexicon, shipped or a user's own.

Not for scoring: negation plays no part, because a negated emotion word is an emotion word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from classifiers.recipes.pieces import word_spans
from lexicons.catalogue import read_catalogue
from lexicons.formats import read_lexicon_file
from lexicons.load import Lexicon, load_lexicon
from lexicons.match import Matcher
from warehouse.errors import InputError, UsageError

Guide = Literal["emotion", "depression"]
Span = tuple[int, int]
# The eight emotions, two valences and affection: what the method's original word list has, and LEIA's fifth label.
EMOTIONS = (
    "joy", "trust", "fear", "surprise", "sadness", "disgust", "anger", "anticipation", "affection", "positive",
    "negative",
)  # fmt: skip
_SHIPPED: dict[Guide, str] = {"emotion": "affect", "depression": "symptoms"}
# Longer terms are not looked for.
MOST_WORDS = 6


def shipped_guide(guide: Guide, *, language: str) -> Lexicon:
    """The emotion words, or the words about symptoms of depression, of a language; UsageError where there are none."""
    catalogue = read_catalogue(None)
    name = f"{_SHIPPED[guide]}-{language}"
    if name not in catalogue.lexicons:
        spoken = sorted(
            x.removeprefix(f"{_SHIPPED[guide]}-") for x in catalogue.lexicons if x.startswith(_SHIPPED[guide])
        )
        raise UsageError(
            f"--guide {guide}: there is no word list for the language {language}; there are {', '.join(spoken)}. Bring "
            "one of your own with --lexicon FILE."
        )
    loaded = load_lexicon(name, catalogue=catalogue)
    return loaded if guide == "depression" else _only(loaded, dimensions=EMOTIONS)


def own_guide(path: Path, *, language: str) -> Lexicon:
    """All words of a user's lexicon file; raises InputError as reading it does."""
    read = read_lexicon_file(path)
    dimensions = tuple(read.terms["dimension"].unique(maintain_order=True))
    return Lexicon(path.name, language, "", dimensions, read.terms)


def guide_spans(lexicon: Lexicon) -> Callable[[Sequence[str]], list[list[Span]]]:
    """A callable: texts → for each the character spans of its lexicon terms, from left to right, longest first."""
    matcher = Matcher(lexicon)
    if not matcher.terms:
        raise InputError(f"{lexicon.name}: no term to guide by.")
    n_words = Matcher(None).match(pl.Series(matcher.terms, dtype=pl.String)).n_tokens

    def spans(texts: Sequence[str]) -> list[list[Span]]:
        words = [word_spans(text) for text in texts]
        lengths = _lengths(texts, matcher=matcher, n_words=n_words)
        stretches = {
            text[found[i][0] : found[i + n - 1][1]]
            for text, found, some in zip(texts, words, lengths, strict=True)
            for n in some
            for i in range(len(found) - n + 1)
        }
        terms = _terms(sorted(stretches), matcher=matcher, n_words=n_words)
        parts = zip(texts, words, lengths, strict=True)
        return [_found(text, found, terms=terms, lengths=some) for text, found, some in parts]

    return spans


def _lengths(texts: Sequence[str], *, matcher: Matcher, n_words: np.ndarray) -> list[list[int]]:
    """For each text how many words the terms in it have, longest first; most texts have short ones only, or none."""
    found = matcher.match(pl.Series(list(texts), dtype=pl.String), collect=True)
    pairs = np.unique(np.stack([found.rows, n_words[found.terms]], axis=1), axis=0)
    lengths: list[list[int]] = [[] for _ in texts]
    for row, n in pairs[::-1].tolist():
        if n <= MOST_WORDS:
            lengths[row].append(n)
    # A word may be a term by itself where a longer one covers it elsewhere.
    return [[*some, 1] if some and 1 not in some else some for some in lengths]


def _only(lexicon: Lexicon, *, dimensions: Sequence[str]) -> Lexicon:
    kept = lexicon.terms.filter(pl.col("dimension").is_in(list(dimensions)))
    present = tuple(name for name in lexicon.dimensions if name in dimensions)
    return Lexicon(lexicon.name, lexicon.language, lexicon.version, present, kept, lexicon.accents)


def _terms(stretches: Sequence[str], *, matcher: Matcher, n_words: np.ndarray) -> set[str]:
    """Those stretches that are one term from end to end."""
    found = matcher.match(pl.Series(stretches, dtype=pl.String), collect=True)
    once = found.n_matched[found.rows] == 1
    whole = found.n_tokens[found.rows] == n_words[found.terms]
    return {stretches[row] for row in found.rows[once & whole].tolist()}


def _found(text: str, words: Sequence[Span], *, terms: set[str], lengths: Sequence[int]) -> list[Span]:
    spans: list[Span] = []
    i = 0
    while i < len(words) and lengths:
        fits = (
            n for n in lengths if i + n <= len(words) and text[words[i][0] : words[i + n - 1][1]] in terms
        )
        n = next(fits, 0)
        if n:
            spans.append((words[i][0], words[i + n - 1][1]))
        i += n or 1
    return spans
