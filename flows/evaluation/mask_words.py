"""Texts without the words of one of our lexicons, to see what a scorer knows beyond a word list.

Composition only: `lexicons` finds the words, `classifiers` hides them. Not for scoring.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from classifiers.words import Words, placeholder_of, split_words, without
from lexicons.catalogue import read_catalogue
from lexicons.load import Lexicon, load_scorer
from lexicons.match import Matcher
from warehouse.scoring import Scorer

# Longer terms are whole sentences; none of ours is as long.
LONGEST_TERM = 8
CHUNK = 5_000


@dataclass(frozen=True, kw_only=True)
class Masked:
    """The texts in order, how many of them held a word of the lexicon, how many words were hidden, and in which
    languages the lexicon has words."""

    texts: pl.Series
    n_texts: int
    n_words: int
    languages: tuple[str, ...]


def mask_words(posts: pl.DataFrame, *, scorer: Scorer, lexicon: str, folder: Path | None) -> Masked:
    """Hide from `text` every word and phrase of the lexicon of its `lang`, in any measure, negated or not.

    For a language that an encoder of the scorer reads its mask token stands in the place; else the word is removed.
    Texts in languages that the lexicon does not have stay as they are. Raises MissingModelError where there is no such
    lexicon.
    """
    _, loaded = load_scorer(lexicon, catalogue=read_catalogue(folder))
    texts, hidden = posts["text"], np.zeros(posts.height, dtype=np.int64)
    for one in loaded:
        rows = (posts["lang"] == one.language).fill_null(False).arg_true()
        masker = _Masker(one, placeholder=placeholder_of(scorer, language=one.language))
        for start in range(0, len(rows), CHUNK):
            some = rows.slice(start, CHUNK)
            fresh, counts = masker.mask(texts.gather(some).fill_null("").to_list())
            texts = texts.scatter(some, pl.Series(fresh, dtype=pl.String))
            hidden[some.to_numpy()] = counts
    texts = texts.set(posts["text"].is_null(), None)
    languages = tuple(one.language for one in loaded)
    return Masked(
        texts=texts, n_texts=int((hidden > 0).sum()), n_words=int(hidden.sum()), languages=languages
    )


class _Masker:
    """Finds the words of one lexicon by matching every run of words of a text by itself."""

    def __init__(self, lexicon: Lexicon, *, placeholder: str | None) -> None:
        self._matcher = Matcher(lexicon)
        self._tokens = Matcher(None).match(pl.Series(self._matcher.terms, dtype=pl.String)).n_tokens
        self._longest = min(int(self._tokens.max(initial=1)), LONGEST_TERM)
        self._placeholder = placeholder

    def mask(self, texts: Sequence[str]) -> tuple[list[str], list[int]]:
        split = [split_words(text) for text in texts]
        gone = [np.zeros(len(words), dtype=bool) for words in split]
        signs = self._signs(split)
        for size in range(1, self._longest + 1):
            found = self._terms(
                (run for words in split for _, run in _runs(words, size=size, signs=signs)), size=size
            )
            for words, mark in zip(split, gone, strict=True):
                for first, run in _runs(words, size=size, signs=signs):
                    if run in found:
                        mark[first : first + size] = True
        hidden = [
            without(words, gone=mark, placeholder=self._placeholder) if mark.any() else words.text
            for words, mark in zip(split, gone, strict=True)
        ]
        return hidden, [int(mark.sum()) for mark in gone]

    def _signs(self, split: Sequence[Words]) -> frozenset[str]:
        """Words that the lexicons see nothing in, such as a comma: no term begins or ends with one."""
        once = pl.Series(sorted({word for words in split for word in words.words}), dtype=pl.String)
        return frozenset(once.filter(pl.Series(self._matcher.match(once).n_tokens == 0)))

    def _terms(self, runs: Iterable[str], *, size: int) -> set[str]:
        """Those of the runs that are a term: a single word that holds one, or several words that are one."""
        once = pl.Series(sorted(set(runs)), dtype=pl.String)
        found = self._matcher.match(once, collect=True)
        if size == 1:
            return set(once.filter(pl.Series(found.n_matched > 0)))
        whole = self._tokens[found.terms] == found.n_tokens[found.rows]
        return set(once.gather(np.unique(found.rows[whole])))


def _runs(words: Words, *, size: int, signs: frozenset[str]) -> Iterator[tuple[int, str]]:
    """All runs of `size` words as they stand in the text, with the first position; no sign at either end."""
    is_sign = [word in signs for word in words.words]
    for first in range(len(words) - size + 1):
        last = first + size - 1
        if not is_sign[first] and not is_sign[last]:
            yield first, words.text[words.spans[first][0] : words.spans[last][1]]
