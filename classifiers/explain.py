"""Which words of a text a scorer's answer hangs on: hide one word at a time and look at what changes (occlusion).

Not a reason, and not what the writer felt: an effect says what the scorer would have answered to another text. Works
with every scorer, through `score` alone; nothing is stored.

Occlusion: Zeiler & Fergus 2014, for text Li, Monroe & Jurafsky 2016 ("Understanding neural networks through
representation erasure"). Deletion and insertion curves: Petsiuk, Das & Saenko 2018 (RISE).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from classifiers.words import Words, placeholder_of, split_words, without
from warehouse.errors import InputError, UsageError
from warehouse.scoring import Scorer

MOST_CHARACTERS = 20_000
# The middle of a graded lexicon, which has no number where it finds no word.
MIDDLE = 0.5


@dataclass(frozen=True, kw_only=True)
class ExplainSpec:
    """How a text is explained.

    Attributes:
        measure: None takes the one with the highest score.
        most_words: words looked at, from the beginning; the others always stay.
        steps: points of a deletion or insertion curve, besides its start.
        orders: random orders that the curves are compared with.
    """

    language: str
    measure: str | None = None
    most_words: int = 200
    steps: int = 20
    orders: int = 10
    seed: int = 7


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Areas under the curve of the score while words go (deletion: less is more faithful) or come (insertion: more
    is), the words with the largest effects first; and the means of the same areas in random orders."""

    deletion: float
    insertion: float
    deletion_random: float
    insertion_random: float


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """`effects` (words,) are score − score without the word: positive where the word raised the score."""

    measure: str
    language: str
    score: float
    words: Words
    effects: np.ndarray
    curves: Curves
    placeholder: str | None
    notes: tuple[str, ...] = ()

    def strongest(self, top: int) -> np.ndarray:
        """Positions of the `top` words with the largest positive effects, the largest first."""
        order = np.argsort(-self.effects, kind="stable")[:top]
        return np.asarray(order[self.effects[order] > 0])


def explain(text: str, *, scorer: Scorer, spec: ExplainSpec) -> Explanation:
    """Effects of the words of one text on one measure, and how faithful their order is.

    Two calls of `score`: one with the text and, per word, the text without it; one with all points of the curves.

    Raises:
        UsageError: no such measure, or not in this language.
        InputError: the text has no word, is too long to be a post, or cannot be scored.
    """
    words = _words_of(text, spec=spec)
    hide = placeholder_of(scorer, language=spec.language)
    masks = np.concatenate([np.zeros((1, len(words)), dtype=bool), np.eye(len(words), dtype=bool)])
    scores = _scores(words, masks=masks, scorer=scorer, spec=spec)
    measure = _measure(scores, scorer=scorer, spec=spec)
    values = _filled(scores[measure], scorer=scorer)
    effects = values[0] - values[1:]
    curves = _curves(words, effects=effects, measure=measure, scorer=scorer, spec=spec)
    notes = _notes(words, scores=scores, spec=spec)
    return Explanation(
        measure=measure,
        language=spec.language,
        score=float(values[0]),
        words=words,
        effects=effects,
        curves=curves,
        placeholder=hide,
        notes=notes,
    )


def area(values: np.ndarray, *, at: np.ndarray) -> np.ndarray:
    """Trapezoid area under curves (…, points) over positions (points,) that run from 0 to 1."""
    return np.asarray(((values[..., 1:] + values[..., :-1]) / 2.0 * np.diff(at)).sum(axis=-1))


def curve_sizes(n_words: int, *, steps: int) -> np.ndarray:
    """How many words are gone (or there) at each point of a curve: from none to all, each point another number."""
    return np.unique(np.round(np.linspace(0, n_words, min(steps, n_words) + 1)).astype(int))


def _words_of(text: str, *, spec: ExplainSpec) -> Words:
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"The text has {len(text):,} characters. Expected a post of at most {MOST_CHARACTERS:,}. Cut it, or "
            "explain its parts one by one."
        )
    words = split_words(text, most=spec.most_words)
    if not len(words):
        raise InputError("The text holds no word. Expected a post. Pass one with --text or --text-file.")
    return words


def _scores(words: Words, *, masks: np.ndarray, scorer: Scorer, spec: ExplainSpec) -> pl.DataFrame:
    """The scorer's frame for the text without the words of each mask (rows, words), in one call."""
    hide = placeholder_of(scorer, language=spec.language)
    texts = pl.Series([without(words, gone=mask, placeholder=hide) for mask in masks], dtype=pl.String)
    return scorer.score(pl.DataFrame({"text": texts}).with_columns(lang=pl.lit(spec.language)))


def _measure(scores: pl.DataFrame, *, scorer: Scorer, spec: ExplainSpec) -> str:
    """The measure that is explained: the one asked for, else that of the highest score."""
    check_measure(scorer, measure=spec.measure, language=spec.language)
    whole = scores.row(0, named=True)
    if whole["missing"] != 0:
        raise InputError(
            f"{scorer.name} gives this text no score (code {whole['missing']}): it finds nothing in it to read. "
            f"Expected a text in '{spec.language}'. Check --language, or choose another scorer."
        )
    there = {name: whole[name] for name in scorer.measures if whole[name] is not None}
    if not there or (spec.measure is not None and spec.measure not in there):
        raise UsageError(
            f"--measure: {scorer.name} has no {spec.measure or 'measure'} in '{spec.language}'. It has "
            f"{', '.join(there) or 'none'} there."
        )
    return spec.measure or max(there, key=lambda name: there[name])


def check_measure(scorer: Scorer, *, measure: str | None, language: str | None = None) -> None:
    """`UsageError` unless the scorer has the measure (None: any) and reads the language (None: any)."""
    if measure is not None and measure not in scorer.measures:
        raise UsageError(f"--measure: {scorer.name} has no '{measure}'. It has {', '.join(scorer.measures)}.")
    if language is not None and language not in scorer.languages:
        raise UsageError(
            f"--language: {scorer.name} does not read '{language}'. It reads {', '.join(scorer.languages)}."
        )


def _filled(values: pl.Series, *, scorer: Scorer) -> np.ndarray:
    """Float64; a graded lexicon without a graded word stands in its middle, any other without a word at 0."""
    empty = MIDDLE if scorer.describe().get("scale") == "mean" else 0.0
    return values.cast(pl.Float64).fill_null(empty).to_numpy()


def _curves(words: Words, *, effects: np.ndarray, measure: str, scorer: Scorer, spec: ExplainSpec) -> Curves:
    rng = np.random.default_rng(spec.seed)
    best = np.argsort(-effects, kind="stable")
    orders = np.stack([best, *(rng.permutation(len(words)) for _ in range(spec.orders))])
    sizes = curve_sizes(len(words), steps=spec.steps)
    # How early each word's turn is in each order; at a point of size k the first k words have had theirs.
    turn = np.argsort(orders, axis=1)
    gone = turn[:, None, :] < sizes[None, :, None]
    masks = np.concatenate([gone, ~gone]).reshape(-1, len(words))
    scores = _scores(words, masks=masks, scorer=scorer, spec=spec)[measure]
    values = _filled(scores, scorer=scorer).reshape(2, len(orders), len(sizes))
    areas = area(values, at=sizes / len(words))
    return Curves(
        deletion=float(areas[0, 0]),
        insertion=float(areas[1, 0]),
        deletion_random=float(areas[0, 1:].mean()),
        insertion_random=float(areas[1, 1:].mean()),
    )


def _notes(words: Words, *, scores: pl.DataFrame, spec: ExplainSpec) -> tuple[str, ...]:
    found = []
    if len(split_words(words.text, most=spec.most_words + 1)) > len(words):
        found.append(f"Only the first {spec.most_words} words were looked at; the others always stayed.")
    if scores["missing"].ne(0).any():
        found.append(
            "Without some words there is nothing left to score; there the score counts as that of no word at all."
        )
    return tuple(found)
