"""The matcher's rules one by one, and the matcher against the plain-Python reference."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lexicons.load import Lexicon
from lexicons.match import Matcher, text_buffers
from warehouse.errors import InputError


def load_reference():
    """Load by path, so that no other `reference` module can take its place."""
    spec = importlib.util.spec_from_file_location(
        "lexicons_reference", Path(__file__).with_name("reference.py")
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


reference = load_reference()

WORD_TERMS = [
    "sad", "happy", "cool", "good", "lonel*", "lon*", "lonely hearts", "no one", "no one to talk to",
    "can't cope", "niño", "año", "triste*", "so", "so good", "i love you", "hell", "émoi", "love", "x1",
]  # fmt: skip
CHINESE_TERMS = [
    "孤独",
    "孤独感",
    "孤",
    "感",
    "好难过",
    "难过",
    "emo了",
    "emo",
    "233",
    "想哭",
    "𠮷",
    "一个人",
]


def lexicon_of(terms: list[str], *, language: str = "en") -> Lexicon:
    frame = pl.DataFrame(
        {"term": terms, "dimension": ["a"] * len(terms), "weight": [1.0] * len(terms)},
        schema_overrides={"weight": pl.Float32},
    )
    return Lexicon("test", language, "0" * 12, ("a", "b"), frame)


MATCHERS = {
    "en": Matcher(lexicon_of(WORD_TERMS)),
    "zh": Matcher(lexicon_of(CHINESE_TERMS, language="zh")),
}


def found(text: str, *, language: str = "en") -> list[str]:
    matcher = MATCHERS[language]
    matches = matcher.match(pl.Series([text]), collect=True)
    assert matches.n_matched[0] == len(matches.terms)
    return [matcher.terms[i] for i in matches.terms]


def n_tokens(text: str) -> int:
    return int(MATCHERS["en"].match(pl.Series([text])).n_tokens[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SAD", ["sad"]),
        ("unsad sadly", []),
        ("sád Sàd ｓａｄ", ["sad", "sad", "sad"]),
        ("s\u0301a\u200bd", ["sad"]),
        ("nino", []),
        ("NIÑO nin\u0303o", ["niño", "niño"]),
        ("emoi", ["émoi"]),
        ("#sad ＃Sad##sad", ["sad", "sad", "sad"]),
        ("#NoOneToTalkTo", ["no one to talk to"]),
        ("#ILoveYou", ["i love you"]),
        ("#SADHappy #HAPPY", ["sad", "happy", "happy"]),
        ("SadHappy", []),
        ("saaaad", ["sad"]),
        ("coooool cool col", ["cool", "cool"]),
        ("gooood goooddd haaappyyy", ["good", "happy"]),
        ("hell he'll he’ll", ["hell"]),
        ("can't cope / can’t cope", ["can't cope", "can't cope"]),
        ("'sad' sad's", ["sad"]),
        ("lonely loneliness lonel lone", ["lonel*", "lonel*", "lonel*", "lon*"]),
        ("lonely hearts", ["lonely hearts"]),
        ("lonely, hearts", ["lonel*"]),
        ("no one to talk", ["no one"]),
        ("no  one\nto-talk_to", ["no one to talk to"]),
        ("no. one", []),
        ("so so good", ["so", "so good"]),
        ("sooo gooood", ["so good"]),
        ("so 😀 good", ["so", "good"]),
        ("so’ good", ["so good"]),
        ("tristeza tristísimo", ["triste*"]),
        ("我sad很", ["sad"]),
        ("x1 x11", ["x1"]),
        ("x111", []),
    ],
)
def test_word_rules(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("好孤独啊", ["孤独"]),
        ("孤独感", ["孤独感"]),
        ("孤独 感", ["孤独", "感"]),
        ("孤，独", ["孤"]),
        ("孤\u200b独", ["孤独"]),
        ("我emo了", ["emo了"]),
        ("remote Emo", ["emo"]),
        ("#孤独# 好难过", ["孤独", "好难过"]),
        ("233 23333", ["233"]),
        ("𠮷想哭", ["𠮷", "想哭"]),
    ],
)
def test_chinese_rules(text, expected):
    assert found(text, language="zh") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("😀 !!", 0),
        ("don't stop", 2),
        ("a-b_c d1", 4),
        ("我很sad了", 4),
        ("#SoSad", 2),
        ("''a''b", 2),
    ],
)
def test_tokens_are_counted(text, expected):
    assert n_tokens(text) == expected


FRAGMENTS = [
    *WORD_TERMS, *CHINESE_TERMS, "#", "'", "’", " ", "-", ".", "\u0303", "\u0301", "\u200b", "n", "N", "oo",
    "Ll", "😀", "\U000e0101", "É", "ß", "İ", "A", "ooo", "3", "LoveYou", "SoGood", "\n", "感", "ٱ", "한", "_",
]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join))


def agrees(text: str, terms: list[str], *, language: str) -> None:
    matches = MATCHERS[language].match(pl.Series([text]), collect=True)
    got = [terms[i] for i in matches.terms]
    assert (int(matches.n_tokens[0]), got) == reference.match(text, terms, substring=language == "zh")


@settings(max_examples=600, derandomize=True, deadline=None, database=None)
@given(text=TEXTS)
@example(text="#NoOne'sLonelyyyy hearts n\u200b\u0303o")
def test_words_equal_the_reference(text):
    agrees(text, WORD_TERMS, language="en")


@settings(max_examples=400, derandomize=True, deadline=None, database=None)
@given(text=TEXTS)
def test_chinese_equals_the_reference(text):
    agrees(text, CHINESE_TERMS, language="zh")


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(texts=st.lists(TEXTS, max_size=8))
def test_a_post_is_matched_the_same_alone_and_in_a_column(texts):
    together = MATCHERS["en"].match(pl.Series(texts, dtype=pl.String))
    alone = [MATCHERS["en"].match(pl.Series([text])) for text in texts]
    assert together.n_tokens.tolist() == [int(m.n_tokens[0]) for m in alone]
    assert together.hits.tolist() == [m.hits[0].tolist() for m in alone]


def test_hits_are_counted_per_dimension():
    frame = pl.DataFrame({"term": ["sad", "sad", "mad"], "dimension": ["a", "b", "b"], "weight": [1.0] * 3})
    matcher = Matcher(Lexicon("test", "en", "0", ("a", "b", "c"), frame))
    assert matcher.match(pl.Series(["sad mad sad", "mad", None])).hits.tolist() == [
        [2, 3, 0],
        [0, 1, 0],
        [0, 0, 0],
    ]


def test_only_the_chosen_rows_are_matched_in_the_given_order():
    texts = text_buffers(pl.Series(["sad", "so", "happy happy"]))
    matches = MATCHERS["en"].match_buffers(texts, np.array([2, 0]), collect=True)
    assert matches.n_matched.tolist() == [2, 1]
    assert matches.rows.tolist() == [0, 0, 1]


def test_slices_and_chunks_of_a_column_are_read_correctly():
    column = pl.Series(["sad", "a text well beyond the inline size", "happy"])
    chunked = pl.concat([column, pl.Series(["so good"])], rechunk=False)
    assert MATCHERS["en"].match(chunked[1:]).n_matched.tolist() == [0, 1, 1]


def test_a_very_long_text_is_matched_in_full():
    text = "sad " * 250_000 + "o" * 100_000
    matches = MATCHERS["en"].match(pl.Series([text, "happy"]))
    assert matches.n_matched.tolist() == [250_000, 1]
    assert matches.hits[0, 0] == 250_000


@pytest.mark.parametrize("texts", [[], [None], ["", ""]])
def test_columns_without_text_match_nothing(texts):
    matches = MATCHERS["en"].match(pl.Series(texts, dtype=pl.String), collect=True)
    assert matches.hits.shape == (len(texts), 2)
    assert matches.n_tokens.sum() == 0
    assert matches.terms.size == 0


@pytest.mark.parametrize("term", ["", "...", "*", "a*b", "no on*", "😀"])
def test_a_term_that_cannot_match_is_refused(term):
    with pytest.raises(InputError, match="cannot be matched"):
        Matcher(lexicon_of(["sad", term]))


def test_two_terms_that_fold_to_the_same_are_refused():
    with pytest.raises(InputError, match="the same once case and accents"):
        Matcher(lexicon_of(["ira", "irá"]))
