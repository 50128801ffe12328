"""Masking follows the published formula, hides whole words, and keeps a guide's phrases together."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_models
from hypothesis import given
from hypothesis import strategies as st
from recipe_worlds import sentences

from classifiers.recipes.bases import find_base, open_tokeniser
from classifiers.recipes.masking import (
    IGNORED,
    SHARE,
    Maskable,
    Vocabulary,
    maskable,
    masked,
    other_probability,
    unit_probabilities,
)
from classifiers.recipes.options import Span
from classifiers.recipes.pieces import Pieces, pieces, word_spans, worded

VOCABULARY = Vocabulary(mask_id=4, size=1_000, special=frozenset({0, 1, 2, 3, 4}))
BUILDERS: dict[str, Callable[..., Path]] = {
    "bert": lambda folder: tiny_models.bert(folder, labels=tiny_models.LEIA),
    "roberta": tiny_models.roberta,
    "xlm_roberta": tiny_models.xlm_roberta,
}


def no_guide(texts: Sequence[str]) -> list[list[Span]]:
    return [[] for _ in texts]


@pytest.fixture(scope="module", params=sorted(BUILDERS))
def cutter(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pieces:
    folder = tmp_path_factory.mktemp("base") / request.param
    return open_tokeniser(find_base(str(BUILDERS[request.param](folder))))


@given(n=st.integers(0, 200), share=st.floats(0, 1), k=st.floats(0, 1))
def test_the_probability_of_other_words_is_the_formula(n: int, share: float, k: float) -> None:
    guided = round(n * share)
    p = other_probability(n, guided, k=k)
    expected = max(0.0, 0.15 * n - guided * k) / (n - guided) if n > guided else 0.0
    assert p == pytest.approx(expected)
    assert p >= 0
    if 0 < n > guided and guided * k <= SHARE * n:
        assert guided * k + (n - guided) * p == pytest.approx(SHARE * n)


@pytest.mark.parametrize(
    ("guided", "k"), [(0, 0.5), (2, 0.5), (6, 0.5), (20, 0.5), (3, 0.9), (4, 0.0), (0, 0.0)]
)
def test_words_are_hidden_as_often_as_the_formula_says(guided: int, k: float) -> None:
    words, draws = 20, 4_000
    text = Maskable(
        np.arange(100, 160), np.repeat(np.arange(words), 3), np.ones(words, int), np.arange(words) < guided
    )
    rng = np.random.default_rng(1)
    chosen = np.stack(
        [masked(text, k=k, vocabulary=VOCABULARY, rng=rng)[1][::3] != IGNORED for _ in range(draws)]
    )
    expected = np.where(np.arange(words) < guided, k, other_probability(words, guided, k=k))
    assert unit_probabilities(text, k=k) == pytest.approx(expected)
    # Five standard errors of each mean.
    assert (
        np.abs(chosen.mean(axis=0) - expected) <= 5 * np.sqrt(expected * (1 - expected) / draws) + 1e-12
    ).all()


def test_hidden_words_are_mostly_the_mask_sometimes_another_piece_and_sometimes_themselves() -> None:
    text = Maskable(np.arange(100, 3_100), np.arange(3_000), np.ones(3_000, int), np.ones(3_000, bool))
    ids, true = masked(
        text, k=1.0, vocabulary=Vocabulary(4, 50, frozenset(range(5))), rng=np.random.default_rng(2)
    )
    assert (true == text.ids).all()
    shares = (ids == 4).mean(), ((ids != 4) & (ids != true)).mean(), (ids == true).mean()
    assert shares == pytest.approx((0.8, 0.1, 0.1), abs=0.03)
    assert not np.isin(ids[ids != 4], [0, 1, 2, 3]).any()


def test_whole_words_are_hidden_in_every_kind_of_tokeniser(cutter: Pieces) -> None:
    texts = sentences(60)
    rng = np.random.default_rng(3)
    for text in maskable(cutter, texts, guide=no_guide):
        _, true = masked(text, k=0.5, vocabulary=VOCABULARY, rng=rng)
        hidden = true != IGNORED
        for unit in range(len(text.words)):
            assert len(set(hidden[text.unit_of == unit].tolist())) == 1


def test_pieces_of_a_word_belong_to_it_in_every_kind_of_tokeniser(cutter: Pieces) -> None:
    text = "don't panic, the river's fine"
    (found,) = worded(cutter, [text])
    spelled = [text[a:b] for a, b in found.words]
    assert spelled == ["don't", "panic", ",", "the", "river's", "fine"]
    assert found.ids == cutter.ids([text])[0]
    assert (np.diff(found.word_of) >= 0).all()
    assert set(found.word_of.tolist()) == set(range(len(spelled)))


def test_chinese_characters_are_words() -> None:
    assert [("我 很好abc 12。")[a:b] for a, b in word_spans("我 很好abc 12。")] == [
        "我",
        "很",
        "好",
        "abc",
        "12",
        "。",
    ]


class WithoutOffsets:
    """A tokeniser that is not fast: it cuts what stands between blanks, and knows no offsets."""

    is_fast, pad_token_id = False, 0

    def __call__(self, text: Any, *, add_special_tokens: bool = True, verbose: bool = True) -> dict[str, Any]:
        def cut(one: str) -> list[int]:
            inner = [100 + ord(c) for word in one.split() for c in word]
            return [1, *inner, 2] if add_special_tokens else inner

        return {"input_ids": cut(text) if isinstance(text, str) else [cut(one) for one in text]}


def test_a_tokeniser_without_offsets_takes_what_stands_between_blanks() -> None:
    cutter = pieces(WithoutOffsets())
    assert (cutter.before, cutter.behind, cutter.n_special) == ((1,), (2,), 2)
    (found,) = worded(cutter, ["ab  c, d"])
    assert found.ids == cutter.ids(["ab  c, d"])[0]
    assert found.word_of.tolist() == [0, 0, 1, 1, 2]


def test_a_guides_phrase_is_hidden_as_a_whole_and_counts_its_words(cutter: Pieces) -> None:
    text = "window so very sad marble"
    start = text.index("very")
    (found,) = maskable(cutter, [text], guide=lambda _: [[(start, start + len("very sad"))]])
    assert found.words.tolist() == [1, 1, 2, 1]
    assert found.guided.tolist() == [False, False, True, False]
    (plain,) = maskable(cutter, [text], guide=no_guide)
    assert found.ids.tolist() == plain.ids.tolist()


def test_a_window_keeps_only_its_own_words() -> None:
    text = Maskable(np.arange(10), np.repeat(np.arange(5), 2), np.array([1, 2, 1, 1, 1]), np.arange(5) == 1)
    part = text.cut(3, 4)
    assert part.ids.tolist() == [3, 4, 5, 6]
    assert part.unit_of.tolist() == [0, 1, 1, 2]
    assert part.words.tolist() == [2, 1, 1]
    assert part.guided.tolist() == [True, False, False]


def test_a_text_without_pieces_is_no_trouble(cutter: Pieces) -> None:
    (found,) = maskable(cutter, [""], guide=no_guide)
    assert len(found.ids) == 0
    assert len(masked(found, k=0.5, vocabulary=VOCABULARY, rng=np.random.default_rng(0))[0]) == 0
