"""What words a measure hangs on over many posts: the mean change of the score where a word is hidden.

Not about any single post, and private until a floor of people has been applied: `flows.explanation.explain` does that.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from classifiers.words import Words, placeholder_of, split_words, without
from warehouse.scoring import Scorer

MOST_WORDS = 100
MOST_CHARACTERS = 5_000
CHUNK = 200
EFFECT_SCHEMA = pl.Schema({"post": pl.Int64(), "word": pl.String(), "effect": pl.Float64()})


def word_effects(posts: pl.DataFrame, *, scorer: Scorer, measure: str) -> Iterator[pl.DataFrame]:
    """Some posts at a time: `post` (position), `word` (lower case) and `effect`: the post's score less its score with
    every use of the word hidden. One row per post and different word.

    `posts` has `text` and `lang`, without nulls, of posts that have a score. Only the first 100 words of the first
    5,000 characters of a post are looked at, and the rest is not scored either.
    """
    for start in range(0, posts.height, CHUNK):
        yield _effects(posts.slice(start, CHUNK), first=start, scorer=scorer, measure=measure)


def is_cut(text: str) -> bool:
    """Whether a post is longer than what is looked at."""
    return len(text) > MOST_CHARACTERS or len(split_words(text, most=MOST_WORDS + 1)) > MOST_WORDS


def _effects(posts: pl.DataFrame, *, first: int, scorer: Scorer, measure: str) -> pl.DataFrame:
    variants: list[tuple[int, str | None, str, str]] = []
    for position, (text, lang) in enumerate(posts.select("text", "lang").iter_rows(), start=first):
        words = split_words(text[:MOST_CHARACTERS], most=MOST_WORDS)
        placeholder = placeholder_of(scorer, language=lang)
        read = Words(words.text[: words.spans[-1][1]] if len(words) else words.text, words.spans)
        variants.append((position, None, read.text, lang))
        variants += [
            (position, word, without(read, gone=gone, placeholder=placeholder), lang)
            for word, gone in _uses(read)
        ]
    schema = {"post": pl.Int64, "word": pl.String, "text": pl.String, "lang": pl.String}
    frame = pl.DataFrame(variants, schema=schema, orient="row")
    scores = scorer.score(frame.select("text", "lang"))[measure].cast(pl.Float64).fill_null(0.0)
    scored = frame.select("post", "word").with_columns(score=scores)
    whole = scored.filter(pl.col("word").is_null()).select("post", whole="score")
    parts = scored.drop_nulls("word").join(whole, on="post", how="left", maintain_order="left")
    return parts.select("post", "word", effect=pl.col("whole") - pl.col("score")).cast(EFFECT_SCHEMA)


def _uses(words: Words) -> Iterator[tuple[str, np.ndarray]]:
    """Each different word in lower case, and which words of the text it is."""
    lowered = np.array([word.lower() for word in words.words], dtype=object)
    for word in dict.fromkeys(lowered):
        yield word, lowered == word
