"""Which words a masked-language model has to guess: guide words with probability k, others to make up fifteen percent.

Source: Aroyehun et al. 2023 (LEIA); a guide of depression words as in Zhai et al. 2024 (Chinese MentalBERT). Whole
words, and a guide's phrases as a whole. Not for telling what a guide word is: a callable says that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from classifiers.recipes.options import Guide, Span
from classifiers.recipes.pieces import Pieces, Worded, worded

SHARE = 0.15
# Of the chosen words most become the mask, some another piece, some stay (Devlin et al. 2019).
AS_MASK, AS_OTHER = 0.8, 0.1
IGNORED = -100
TEXTS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Maskable:
    """A text's ids without special ones; `unit_of` (ids,) numbers what is masked together, a word or a phrase.

    `words` (units,) counts a unit's words, `guided` (units,) says whether the guide named it.
    """

    ids: np.ndarray
    unit_of: np.ndarray
    words: np.ndarray
    guided: np.ndarray

    def cut(self, first: int, size: int) -> "Maskable":
        """A window of the ids, with the units that are in it."""
        inside = self.unit_of[first : first + size]
        units, unit_of = np.unique(inside, return_inverse=True)
        return Maskable(self.ids[first : first + size], unit_of, self.words[units], self.guided[units])


def other_probability(n_words: int, n_guided: int, *, k: float) -> float:
    """max(0, .15 N - n k) / (N - n), for N words of which n are guided; 0 where there are no others."""
    others = n_words - n_guided
    return max(0.0, SHARE * n_words - n_guided * k) / others if others > 0 else 0.0


def unit_probabilities(text: Maskable, *, k: float) -> np.ndarray:
    """Float64 (units,): how probable it is that a unit has to be guessed."""
    n_words, n_guided = int(text.words.sum()), int(text.words[text.guided].sum())
    other = min(1.0, other_probability(n_words, n_guided, k=k))
    return np.where(text.guided, k, other)


def maskable(pieces: Pieces, texts: Sequence[str], *, guide: Guide) -> Iterator[Maskable]:
    """Each text, ready to be masked."""
    for first in range(0, len(texts), TEXTS_AT_ONCE):
        some = texts[first : first + TEXTS_AT_ONCE]
        for text, terms in zip(worded(pieces, some), guide(some), strict=True):
            yield _united(text, terms=terms)


def _united(text: Worded, *, terms: Sequence[Span]) -> Maskable:
    """Words that one of the guide's terms covers become one unit."""
    unit_of_word = np.arange(len(text.words))
    guided = np.zeros(len(text.words), dtype=bool)
    for start, end in terms:
        covered = [i for i, (a, b) in enumerate(text.words) if a < end and b > start]
        unit_of_word[covered] = covered[0] if covered else 0
        guided[covered] = True
    units, place = np.unique(unit_of_word, return_inverse=True)
    counts = np.bincount(place, minlength=len(units))
    unit_of = place[text.word_of] if len(text.ids) else np.zeros(0, np.int64)
    return Maskable(np.array(text.ids, dtype=np.int64), unit_of, counts, guided[units])


@dataclass(frozen=True)
class Vocabulary:
    """What stands for a hidden word: the mask's id, and how many ids there are to draw another from."""

    mask_id: int
    size: int
    special: frozenset[int]


def masked(
    text: Maskable, *, k: float, vocabulary: Vocabulary, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(ids with some words hidden, labels: the true id where a word has to be guessed, else -100), both (ids,)."""
    chosen = rng.random(len(text.words)) < unit_probabilities(text, k=k)
    how = rng.random(len(text.words))
    to_guess = chosen[text.unit_of]
    hidden = to_guess & (how < AS_MASK)[text.unit_of]
    swapped = to_guess & ((how >= AS_MASK) & (how < AS_MASK + AS_OTHER))[text.unit_of]
    ids = np.where(hidden, vocabulary.mask_id, text.ids)
    ids = np.where(swapped, _others(len(ids), vocabulary=vocabulary, rng=rng), ids)
    return ids, np.where(to_guess, text.ids, IGNORED)


def _others(n: int, *, vocabulary: Vocabulary, rng: np.random.Generator) -> np.ndarray:
    """Random ids that are not special ones."""
    drawn = rng.integers(0, vocabulary.size, n)
    while vocabulary.special and (bad := np.isin(drawn, list(vocabulary.special))).any():
        drawn[bad] = rng.integers(0, vocabulary.size, int(bad.sum()))
    return drawn
