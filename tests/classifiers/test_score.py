"""The emotion scorer as a user meets it: shape, order, missing codes, and that the same text is scored once."""

import subprocess
import sys
from collections.abc import Callable
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.backends import OpenVinoBackend
from classifiers.score import ClassifierScorer, missing_code

EMOTIONS = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "affection", "optimism")
MEASURES = (*EMOTIONS, "valence", "arousal", "dominance")
Posts = Callable[..., pl.DataFrame]


def test_output_has_one_column_per_measure_and_the_three_fixed_ones(
    scorer: ClassifierScorer, make_posts: Posts
) -> None:
    result = scorer.score(make_posts(["a fine day", None]))
    assert scorer.measures == MEASURES
    fixed = {"n_tokens": pl.Int32, "n_matched": pl.Int32, "missing": pl.Int8}
    assert dict(result.schema) == dict.fromkeys(MEASURES, pl.Float32) | fixed


def test_no_rows_give_no_rows_with_the_same_columns(scorer: ClassifierScorer, make_posts: Posts) -> None:
    nothing = scorer.score(make_posts([]))
    assert nothing.height == 0
    assert nothing.schema == scorer.score(make_posts(["one"])).schema


def test_scores_are_probabilities_and_null_only_where_missing(
    scorer: ClassifierScorer, make_posts: Posts, sentences: list[str]
) -> None:
    result = scorer.score(make_posts([*sentences, None, ""]))
    inside = result.select(pl.col(MEASURES).is_between(0, 1).all()).row(0)
    assert all(inside)
    assert result.filter(pl.col("missing") == 0).select(MEASURES).null_count().sum_horizontal()[0] == 0
    assert result.filter(pl.col("missing") != 0).select(MEASURES).drop_nulls().height == 0


@pytest.mark.parametrize(
    ("text", "lang", "code"),
    [
        ("hello there", "en", 0),
        ("hola", "es", 0),
        ("ol\u00e1", "pt", 0),
        ("\u4f60\u597d", "zh", 0),
        ("bonjour", "fr", 1),
        ("hello there", None, 1),
        ("hello there", "EN", 1),
        (None, "en", 5),
        ("", "en", 5),
        (" \n\t ", "en", 5),
        ("\x00\u200b\ufeff", "en", 5),
        (None, None, 5),
        ("😂", "en", 0),
        ("@user http", "en", 0),
    ],
)
def test_missing_codes(scorer: ClassifierScorer, text: str | None, lang: str | None, code: int) -> None:
    frame = pl.DataFrame({"text": [text], "lang": [lang]}, schema={"text": pl.String, "lang": pl.String})
    row = scorer.score(frame).row(0, named=True)
    assert row["missing"] == code
    assert (row["anger"] is None) == (code != 0)
    assert code == 0 or row["n_tokens"] == 0
    assert row["n_matched"] is None


def test_rows_keep_their_order_and_their_numbers_whatever_is_beside_them(
    scorer: ClassifierScorer, make_posts: Posts, sentences: list[str]
) -> None:
    mixed = [text * (1 + i % 4) if i % 7 else None for i, text in enumerate(sentences)]
    forward = scorer.score(make_posts(mixed))
    backward = ClassifierScorer("emotion", threads=1).score(make_posts(mixed[::-1])).reverse()
    assert forward.equals(backward, null_equal=True)


def test_the_same_posts_give_the_same_bytes(
    scorer: ClassifierScorer, make_posts: Posts, sentences: list[str]
) -> None:
    frame = make_posts(sentences)
    assert scorer.score(frame).equals(scorer.score(frame), null_equal=True)


def test_the_number_of_threads_changes_nothing(
    scorer: ClassifierScorer, make_posts: Posts, sentences: list[str]
) -> None:
    two = ClassifierScorer("emotion", threads=2, backend="openvino-int8")
    assert two.score(make_posts(sentences)).equals(scorer.score(make_posts(sentences)), null_equal=True)


def test_posts_that_profile_to_the_same_text_run_once_and_never_again(make_posts: Posts) -> None:
    seen: list[int] = []
    run = OpenVinoBackend.run

    def counting(self, blocks, *, receive):
        kept = list(blocks)
        seen.extend(int((mask.sum(axis=1) > 1).sum()) for _, mask in kept)
        run(self, kept, receive=receive)

    texts = ["so very happy @ann", "so very happy @bob", "so very  happy @ann ", "so very sad"] * 50
    with patch.object(OpenVinoBackend, "run", counting):
        result = ClassifierScorer("emotion", threads=1, backend="openvino-int8").score(make_posts(texts))
        ClassifierScorer("mental_health", threads=1, backend="openvino-int8").score(make_posts(texts))
    assert sum(seen) == 2, "one pass for both scorers"
    assert result["joy"].n_unique() == 2


def test_a_long_post_is_read_in_windows_up_to_four(scorer: ClassifierScorer, make_posts: Posts) -> None:
    long = ["lovely day " * 60, "lovely day " * 100, "lovely day " * 90_000, "lovely day"]
    result = scorer.score(make_posts(long))
    assert result["n_tokens"].to_list()[0] == 120
    assert result["n_tokens"].to_list()[1] > 126
    assert result["n_tokens"].max() <= 4 * 126
    assert result["missing"].to_list() == [0, 0, 0, 0]


def test_what_a_language_was_not_taught_is_null_there(scorer: ClassifierScorer, make_posts: Posts) -> None:
    described = scorer.describe()
    texts = {
        "es": "estoy muy triste hoy",
        "pt": "estou muito triste hoje",
        "zh": "\u6211\u4eca\u5929\u5f88\u96be\u8fc7",
    }
    for lang, text in texts.items():
        row = scorer.score(make_posts([text], lang=lang)).row(0, named=True)
        there = {name for name in MEASURES if row[name] is not None}
        assert there == set(described["measures_by_language"][lang])
        assert set(described["thresholds"][lang]) <= there
        assert row["missing"] == 0


@pytest.mark.parametrize("name", ["emotion", "emotion_fast", "mental_health", "mental_health_fast"])
def test_every_scorer_gives_its_measures_in_a_mixed_batch(name: str, make_posts: Posts) -> None:
    one = ClassifierScorer(name, threads=1)
    texts = ["I cannot sleep, I am so anxious", None, "hola a todos", "x" * 3_000]
    frame = make_posts(texts).with_columns(lang=pl.Series(["en", "en", "es", "en"]))
    result = one.score(frame)
    assert result.columns == [*one.measures, "n_tokens", "n_matched", "missing"]
    assert result["missing"].to_list() == [0, 5, 0 if "es" in one.languages else 1, 0]


def test_emoji_and_control_characters_are_scored(scorer: ClassifierScorer, make_posts: Posts) -> None:
    result = scorer.score(
        make_posts(["😂" * 500, "a\x00b\x1fc", "🏳️‍🌈👩‍👩‍👧", "x" * 5_000, "&#0; &bogus; #", "🇪🇸", "。"])
    )
    assert result["missing"].to_list() == [0] * 7
    assert result.select(MEASURES).null_count().sum_horizontal()[0] == 0


POSTS = st.tuples(st.text(max_size=60), st.sampled_from(["en", "es", "pt", "zh", "xx", None]))


@pytest.mark.parametrize("name", ["emotion", "emotion_fast", "mental_health", "mental_health_fast"])
@given(posts=st.lists(POSTS, max_size=5))
@settings(max_examples=25, deadline=None)
def test_any_text_in_any_language_gives_a_score_or_a_code(
    name: str, posts: list[tuple[str, str | None]]
) -> None:
    scorer = ClassifierScorer(name, threads=1)
    frame = pl.DataFrame(posts, schema={"text": pl.String, "lang": pl.String}, orient="row")
    result = scorer.score(frame).with_columns(lang=frame["lang"])
    assert result.height == len(posts)
    for row in result.iter_rows(named=True):
        taught = scorer.describe()["measures_by_language"].get(row["lang"], [])
        there = [measure for measure in scorer.measures if row[measure] is not None]
        assert there == (list(taught) if row["missing"] == 0 else [])
        assert row["missing"] in (0, 1, 5)
        assert all(0 <= row[measure] <= 1 for measure in there)


def test_plain_feelings_are_recognised(scorer: ClassifierScorer, make_posts: Posts) -> None:
    plain = {
        "anger": "I am furious, this makes me so angry I want to scream at them",
        "joy": "Best day ever, I am so happy and we had so much fun!",
        "sadness": "I feel so sad and lonely, I cried all night",
        "fear": "I am terrified and scared of what could happen tonight",
        "affection": "I love you so much my dear friend",
        "disgust": "That is disgusting, it makes me want to vomit",
        "surprise": "Wow, I was not expecting that at all, what a shock!",
        "optimism": "I am hopeful that things will get better soon",
    }
    result = scorer.score(make_posts(list(plain.values())))
    thresholds = scorer.describe()["thresholds"]["en"]
    reached = [result[m][i] >= thresholds[m] for i, m in enumerate(plain)]
    assert all(reached), dict(zip(plain, reached, strict=True))


def test_description_has_what_the_command_prints(scorer: ClassifierScorer) -> None:
    described = scorer.describe()
    assert {"scorer", "measures", "thresholds", "languages", "tier", "size_mb", "licence", "metrics"} <= set(
        described
    )
    assert set(described["thresholds"]["en"]) == set(EMOTIONS)
    assert described["means_only"] == ["valence", "arousal", "dominance"]
    assert described["size_mb"] <= 30


def test_the_missing_code_prefers_no_text_over_a_wrong_language() -> None:
    frame = pl.DataFrame({"text": ["", "x"], "lang": ["xx", "xx"]})
    assert frame.select(missing_code(languages=("en",))).to_series().to_list() == [5, 1]


def test_importing_the_scorer_loads_no_model_library() -> None:
    code = (
        "import sys, classifiers.score; classifiers.score.ClassifierScorer().describe();"
        "sys.exit(bool({'torch', 'openvino', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0
