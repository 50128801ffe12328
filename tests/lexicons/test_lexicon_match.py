"""The matcher's rules one by one, and the matcher against the plain-Python reference."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lexicons.load import Cues, Lexicon
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
    "never", "wonder", "🙂", "❤🔥", "🔥", "😢", "papá", "not bad at all", "very",
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
    "🔥",
]
WORD_CUES = {
    "not": ("negator", 1.0), "never": ("negator", 1.0), "no": ("negator", 1.0), "can't": ("negator", 1.0),
    "very": ("degree", 1.5), "a bit": ("degree", 0.5), "so": ("degree", 1.25), "but": ("break", 1.0),
    "no wonder": ("plain", 1.0), "not only": ("plain", 1.0), "no one to": ("negator", 1.0),
}  # fmt: skip
CHINESE_CUES = {"不": ("negator", 1.0), "不过": ("break", 1.0), "很": ("degree", 1.5), "不但": ("plain", 1.0)}


def lexicon_of(
    terms: list[str], *, language: str = "en", cues: dict | None = None, accents: bool = False
) -> Lexicon:
    frame = pl.DataFrame(
        {"term": terms, "dimension": ["a"] * len(terms), "weight": [1.0] * len(terms)},
        schema_overrides={"weight": pl.Float32},
    )
    return Lexicon(
        "test", language, "0" * 12, ("a", "b"), frame, accents, None if cues is None else cues_of(cues)
    )


def cues_of(cues: dict) -> Cues:
    rows = [(cue, role, factor) for cue, (role, factor) in cues.items()]
    return Cues("cues", "0", pl.DataFrame(rows, schema=["cue", "role", "factor"], orient="row"))


MATCHERS = {
    "en": Matcher(lexicon_of(WORD_TERMS)),
    "zh": Matcher(lexicon_of(CHINESE_TERMS, language="zh")),
}
# The same rules with cues, with accents kept, and in Chinese with cues, each beside its reference.
PAIRS = {
    "plain": (MATCHERS["en"], reference.Reference(WORD_TERMS)),
    "cues": (Matcher(lexicon_of(WORD_TERMS, cues=WORD_CUES)), reference.Reference(WORD_TERMS, WORD_CUES)),
    "accents": (
        Matcher(lexicon_of([*WORD_TERMS, "papa"], cues=WORD_CUES, accents=True)),
        reference.Reference([*WORD_TERMS, "papa"], WORD_CUES, accents=True),
    ),
    "chinese": (
        Matcher(lexicon_of(CHINESE_TERMS, language="zh", cues=CHINESE_CUES)),
        reference.Reference(CHINESE_TERMS, CHINESE_CUES, substring=True),
    ),
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
        ("🙂🙂sad🙂", ["🙂", "🙂", "sad", "🙂"]),
        ("❤\ufe0f\u200d🔥 ❤! 🔥", ["❤🔥", "🔥"]),
        ("🙂\U0001f3fd", ["🙂"]),
        ("so:) so :) so :-) =]", ["so", "so", "🙂", "so", "🙂", "🙂"]),
        (":'( ;( :'", ["😢", "😢"]),
        (":)sad :Day :D", ["🙂", "sad"]),
        ("12:3 a:( b", []),
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
        ("😀 !!", 1),
        ("<3 <30 </3 >:( :/", 5),
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
    "Ll", "😀", "🙂", "❤", "\u200d", "\ufe0f", "🏽", ":)", ":'(", "<3", ":", ")", ">:(", ":D", "/", "not",
    "very ", "but", "no wonder", "papá", "a bit ", "不", "不过", "很", "a\u0300", "\U000e0101", "É", "ß", "İ",
    "A", "ooo", "3", "LoveYou", "SoGood", "\n", "感", "ٱ", "한", "_",
]  # fmt: skip
TEXTS = st.one_of(st.text(max_size=40), st.lists(st.sampled_from(FRAGMENTS), max_size=14).map("".join))


def agrees(text: str, kind: str) -> None:
    matcher, slow = PAIRS[kind]
    matches = matcher.match(pl.Series([text]), sums=True, collect=True)
    got = [(matcher.terms[i], factor) for i, factor in zip(matches.terms, matches.factors, strict=True)]
    n_tokens, expected = slow.match(text)
    assert (int(matches.n_tokens[0]), got) == (n_tokens, expected)
    assert matches.n_matched[0] == len(expected)
    assert matches.n_distinct[0] == len({term for term, _ in expected})
    assert matches.negated[0, 0] == sum(factor < 0 for _, factor in expected)
    assert matches.hits[0, 0] == sum(factor > 0 for _, factor in expected)
    assert matches.sums[0, 0] == pytest.approx(sum(factor for _, factor in expected))


@pytest.mark.parametrize("kind", PAIRS)
@settings(max_examples=500, derandomize=True, deadline=None, database=None)
@given(text=TEXTS)
@example(text="#NoOne'sLonelyyyy hearts n\u200b\u0303o")
@example(text="not papa\u0301 :'( very niño")
def test_the_matcher_equals_the_reference(kind, text):
    agrees(text, kind)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("not happy", [("happy", -0.5)]),
        ("not at all really happy", [("happy", 1.0)]),
        ("not so very happy", [("so", -0.5), ("very", -0.5), ("happy", -0.75)]),
        ("not. happy", [("happy", 1.0)]),
        ("not 😀 happy", [("happy", 1.0)]),
        ("not but happy", [("happy", 1.0)]),
        ("not happy sad", [("happy", -0.5), ("sad", -0.5)]),
        ("no wonder", []),
        ("wonder", [("wonder", 1.0)]),
        ("not only happy", [("happy", 1.0)]),
        ("can't cope happy", [("can't cope", 1.0), ("happy", 1.0)]),
        ("can't be happy", [("happy", -0.5)]),
        ("a bit sad sad", [("sad", 0.5), ("sad", 1.0)]),
        ("never sad", [("never", 1.0), ("sad", -0.5)]),
        ("not bad at all happy", [("not bad at all", 1.0), ("happy", 1.0)]),
    ],
)
def test_cue_rules(text, expected):
    matcher, _ = PAIRS["cues"]
    matches = matcher.match(pl.Series([text]), collect=True)
    got = [(matcher.terms[i], factor) for i, factor in zip(matches.terms, matches.factors, strict=True)]
    assert [pair for pair in got if pair[0] not in ("so", "very")] == [
        pair for pair in expected if pair[0] not in ("so", "very")
    ]


def test_accents_tell_words_apart_only_where_the_lexicon_keeps_them():
    texts = pl.Series(["papá", "PAPA", "papa\u0301", "papà"])
    terms = {kind: PAIRS[kind][0].terms for kind in ("plain", "accents")}
    for kind, expected in (("plain", [["papá"]] * 4), ("accents", [["papá"], ["papa"], ["papá"], []])):
        matches = PAIRS[kind][0].match(texts, collect=True)
        got = [[terms[kind][t] for t in matches.terms[matches.rows == row]] for row in range(4)]
        assert got == expected


def test_weights_are_summed_with_their_factors():
    frame = pl.DataFrame({"term": ["sad", "mad"], "dimension": ["v", "v"], "weight": [-0.5, -0.25]})
    matcher = Matcher(Lexicon("test", "en", "0", ("v",), frame, cues=cues_of(WORD_CUES)))
    matches = matcher.match(pl.Series(["sad mad", "not sad", "very mad", "so"]), sums=True)
    assert matches.sums[:, 0].tolist() == [-0.75, 0.25, -0.375, 0.0]


def test_terms_of_dimensions_that_are_left_out_still_hide_words():
    frame = pl.DataFrame({"term": ["alone", "leave me alone"], "dimension": ["a", "b"], "weight": [1.0, 1.0]})
    matches = Matcher(Lexicon("test", "en", "0", ("a",), frame)).match(pl.Series(["leave me alone", "alone"]))
    assert matches.hits.tolist() == [[0], [1]]


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_any_number_of_threads_finds_the_same(threads):
    texts = pl.Series(["so sad", None, "not happy lonely hearts", "", "😢 never"] * 7)
    lexicon = lexicon_of(WORD_TERMS, cues=WORD_CUES)
    one = Matcher(lexicon).match(texts, sums=True, collect=True)
    many = Matcher(lexicon, threads=threads).match(texts, sums=True, collect=True)
    assert [a.tolist() for a in one] == [b.tolist() for b in many]


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


@pytest.mark.parametrize("term", ["", "...", "*", "a*b", "no on*"])
def test_a_term_that_cannot_match_is_refused(term):
    with pytest.raises(InputError, match="cannot be matched"):
        Matcher(lexicon_of(["sad", term]))


def test_two_terms_that_fold_to_the_same_are_refused():
    with pytest.raises(InputError, match="the same once case and accents"):
        Matcher(lexicon_of(["ira", "irá"]))
