"""Hiding the words of a lexicon: words, phrases and stems in every language of it, and nothing else."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from flows.evaluation.mask_words import mask_words
from flows.scorers import make_scorer
from warehouse.errors import MissingModelError


class Named:
    """A scorer of which only the description is asked for."""

    def __init__(self, tier: str) -> None:
        self.tier = tier

    def describe(self) -> dict[str, Any]:
        return {"tier": self.tier}


def masked(*texts: str | None, lang: str | None = "en", tier: str = "words") -> list[str | None]:
    posts = pl.DataFrame(
        {"text": texts, "lang": [lang] * len(texts)}, schema={"text": pl.String, "lang": pl.String}
    )
    return mask_words(posts, scorer=Named(tier), lexicon="lexicon", folder=None).texts.to_list()  # type: ignore[arg-type]


def test_an_encoder_gets_its_mask_and_every_other_scorer_a_gap() -> None:
    assert masked("they seem happy, really!") == ["they seem , really!"]
    assert masked("they seem happy, really!", tier="encoder") == ["they seem [MASK], really!"]


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("not happy at all", "en"),
        ("#SoMuchJoy today", "en"),
        ("crying loudly at the bus stop", "en"),
        ("estoy muy triste hoy", "es"),
        ("我今天很开心", "zh"),
        ("today :) and 😂", "en"),
    ],
)
def test_no_word_of_the_lexicon_is_left(text: str, lang: str) -> None:
    scorer = make_scorer("lexicon")
    posts = pl.DataFrame({"text": [text], "lang": [lang]})
    assert scorer.score(posts)["n_matched"][0] > 0
    left = posts.with_columns(text=pl.Series(masked(text, lang=lang)))
    assert scorer.score(left)["n_matched"].fill_null(0)[0] == 0
    assert left["text"][0] != text


def test_phrases_go_as_a_whole_and_the_same_words_apart_stay() -> None:
    assert masked("she is the apple of my eye, there") == ["she is the    , there"]
    assert masked("an apple and an eye") == ["an apple and an eye"]


def test_other_languages_and_missing_texts_stay_as_they_are() -> None:
    assert masked("happy", lang="fr") == ["happy"]
    assert masked("happy", None, lang=None) == ["happy", None]
    assert masked(None, "a tree") == [None, "a tree"]


def test_what_was_hidden_is_counted() -> None:
    posts = pl.DataFrame({"text": ["happy and glad", "a tree"], "lang": ["en", "en"]})
    found = mask_words(posts, scorer=Named("words"), lexicon="lexicon", folder=None)  # type: ignore[arg-type]
    assert (found.n_texts, found.n_words) == (1, 2)
    assert set(found.languages) == {"en", "es", "zh"}


def test_an_unknown_lexicon_is_refused() -> None:
    posts = pl.DataFrame({"text": ["x"], "lang": ["en"]})
    with pytest.raises(MissingModelError, match="The nearest is lexicon"):
        mask_words(posts, scorer=Named("words"), lexicon="lexikon", folder=None)  # type: ignore[arg-type]
