"""Leaks between an evaluation and training texts: by id, by text, nearly; never by nothing."""

from __future__ import annotations

import numpy as np
import pytest

from classifiers import leakage
from classifiers.labelled import leak_key
from classifiers.leakage import find_leaks

TEXTS = [
    "The ferry was late again and everybody on the pier laughed about it",
    "Nobody told us that the bakery closes on Mondays",
    "My cat sleeps on the warm radiator all day long",
    None,
    "!!!",
]
TRAIN = [
    "the FERRY was late again, and everybody on the pier laughed about it.",
    "Nobody told us that our bakery closes on Mondays",
    "A quite different line about trains and timetables",
    "...",
    None,
]


def test_the_same_and_nearly_the_same_text_are_found_and_nothing_else() -> None:
    leaks = find_leaks(TEXTS, train=TRAIN)
    assert leaks.same_text.tolist() == [True, False, False, False, False]
    assert leaks.near.tolist()[1:] == [True, False, False, False]
    assert leaks.found.tolist() == [True, True, False, False, False]
    assert leaks.counts() == {"id": 0, "text": 1, "near text": 1}


def test_each_text_is_counted_once_under_the_first_way_that_found_it() -> None:
    leaks = find_leaks(TEXTS, train=TRAIN, ids=["7", "8", "9", "", None], train_ids=["7", "9", "", None, "1"])
    assert leaks.same_id.tolist() == [True, False, True, False, False]
    assert leaks.counts() == {"id": 2, "text": 0, "near text": 1}
    assert sum(leaks.counts().values()) == leaks.found.sum()


def test_near_duplicates_equal_comparing_every_pair_of_word_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    words = [f"word{i}" for i in range(14)]
    texts, train = (
        [" ".join(rng.choice(words, size=rng.integers(3, 9), replace=False)) for _ in range(40)]
        for _ in range(2)
    )
    monkeypatch.setattr(leakage, "BLOCK", 7)
    got = find_leaks(texts, train=train)

    def is_near(a: str, b: str) -> bool:
        left, right = set(a.split()), set(b.split())
        return len(left) >= 4 and len(left & right) / len(left | right) >= 0.8

    assert got.near.tolist() == [any(is_near(a, b) for b in train) for a in texts]
    assert got.same_text.tolist() == [leak_key(a) in {leak_key(b) for b in train} for a in texts]
    assert got.near.any()


def test_chinese_is_compared_too() -> None:
    text = "今天天气很好我们一起去公园散步吧朋友们"
    assert find_leaks([text], train=[text.replace("吧", "")]).found.tolist() == [True]
    assert find_leaks([text], train=["昨天下雨所以大家都在家里看书喝茶"]).found.tolist() == [False]


def test_no_texts_or_no_training_texts_are_no_leaks() -> None:
    assert find_leaks([], train=TRAIN).found.tolist() == []
    assert find_leaks(TEXTS, train=[]).counts() == {"id": 0, "text": 0, "near text": 0}
