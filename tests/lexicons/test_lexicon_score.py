"""The scorer: shape, order, missing codes, term lists and its card."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexicons import LexiconScorer, list_lexicons
from warehouse.errors import InputError

SCORER = LexiconScorer()
NARROW = list(SCORER.measures)


def posts(*rows: tuple[str | None, str | None]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"text": pl.String, "lang": pl.String}, orient="row")


def test_columns_and_types():
    scores = SCORER.score(posts(("sad", "en")))
    expected = {**dict.fromkeys(NARROW, pl.Float32), "n_tokens": pl.Int32, "n_matched": pl.Int32}
    assert dict(scores.schema) == {**expected, "missing": pl.Int8}
    assert len(NARROW) == 11


def test_languages_are_scored_each_with_its_own_lexicon_in_input_order():
    scores = SCORER.score(posts(("好开心", "zh"), ("qué bronca", "es"), ("lonely", "en"), ("feliz", "es")))
    assert scores["joy"].to_list() == [1.0, 0.0, 0.0, 1.0]
    assert scores["anger"].to_list() == [0.0, 1.0, 0.0, 0.0]
    assert scores["loneliness"].to_list() == [0.0, 0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("text", "lang", "code", "tokens"),
    [
        ("sad", "en", 0, 1),
        ("nothing to see", "en", 0, 3),
        ("😀😀", "en", 0, 0),
        ("muito triste", "pt", 1, 2),
        ("sad", None, 1, 1),
        ("sad", "EN", 1, 1),
        (None, "en", 5, 0),
        ("", "en", 5, 0),
        (" \n", "en", 5, 0),
        (None, None, 5, 0),
        ("", "pt", 5, 0),
    ],
)
def test_missing_codes(text, lang, code, tokens):
    row = SCORER.score(posts((text, lang))).row(0, named=True)
    assert (row["missing"], row["n_tokens"]) == (code, tokens)
    assert all((row[m] is None) == (code != 0) for m in [*NARROW, "n_matched"])


def test_a_post_scores_one_however_many_hits_it_has():
    scores = SCORER.score(posts(("sad sad crying", "en")))
    assert (scores["sadness"][0], scores["n_matched"][0], scores["n_tokens"][0]) == (1.0, 3, 3)


def test_an_empty_frame_keeps_the_columns():
    scores = SCORER.score(posts())
    assert scores.height == 0
    assert scores.schema == SCORER.score(posts(("sad", "en"))).schema


def test_columns_that_are_all_null_are_missing():
    scores = SCORER.score(pl.DataFrame({"text": [None, None], "lang": [None, None]}))
    assert scores["missing"].to_list() == [5, 5]


TEXTS = st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["so happy", "好难过", "miedo", "我 sad"]))
LANGS = st.sampled_from(["en", "es", "zh", "pt", None])


@settings(max_examples=150, derandomize=True, deadline=None, database=None)
@given(rows=st.lists(st.tuples(TEXTS, LANGS), max_size=12))
def test_rows_do_not_influence_each_other(rows):
    together = SCORER.score(posts(*rows))
    assert together.height == len(rows)
    for i, row in enumerate(rows):
        assert together.row(i) == SCORER.score(posts(row)).row(0)


@settings(max_examples=100, derandomize=True, deadline=None, database=None)
@given(rows=st.lists(st.tuples(TEXTS, LANGS), max_size=12))
def test_scores_are_zero_or_one_and_matches_are_at_most_tokens(rows):
    scores = SCORER.score(posts(*rows)).filter(missing=0)
    assert set(scores.select(NARROW).to_numpy().ravel().tolist()) <= {0.0, 1.0}
    assert scores.filter(pl.col("n_matched") > pl.col("n_tokens")).height == 0


def test_terms_are_listed_once_per_post_with_its_keys():
    frame = posts(("sad sad lonely", "en"), ("sad", "en"), ("sad", "pt"), (None, "en"), ("feliz", "es"))
    terms = SCORER.term_counts(frame.with_columns(day=pl.Series([1, 1, 2, 3, 4])), keys=["day"])
    assert terms.columns == ["day", "lexicon", "term"]
    assert sorted(terms.rows()) == [
        (1, "affectcast-en", "lonel*"),
        (1, "affectcast-en", "sad"),
        (1, "affectcast-en", "sad"),
        (4, "affectcast-es", "feliz"),
    ]


@pytest.mark.parametrize("frame", [posts(), posts(("zzz", "en")), posts((None, None))])
def test_term_list_without_matches_has_its_columns(frame):
    terms = SCORER.term_counts(frame.with_columns(k=pl.lit("a")), keys=["k"])
    assert dict(terms.schema) == dict.fromkeys(["k", "lexicon", "term"], pl.String)
    assert terms.height == 0


def test_term_list_needs_no_keys():
    assert SCORER.term_counts(posts(("so sad", "en"))).rows() == [("affectcast-en", "sad")]


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(rows=st.lists(st.tuples(TEXTS, LANGS), max_size=10))
def test_a_post_lists_terms_exactly_when_it_has_matches(rows):
    frame = posts(*rows).with_row_index("row")
    listed = set(SCORER.term_counts(frame, keys=["row"])["row"])
    scores = SCORER.score(frame)
    assert listed == {i for i, n in enumerate(scores["n_matched"]) if n}


@pytest.mark.parametrize(
    "frame", [pl.DataFrame({"text": ["a"]}), pl.DataFrame({"text": [1], "lang": ["en"]})]
)
def test_absent_or_wrong_columns_are_refused(frame):
    with pytest.raises(InputError, match="String columns"):
        SCORER.score(frame)


@pytest.mark.parametrize("key", ["nowhere", "term"])
def test_unusable_keys_are_refused(key):
    with pytest.raises(InputError, match=key):
        SCORER.term_counts(posts(("sad", "en")).with_columns(term=pl.lit("x")), keys=[key])


def test_the_card_is_plain_json():
    card = SCORER.describe()
    assert json.loads(json.dumps(card)) == card == SCORER.card()
    assert card["scorer"] == "lexicon"
    assert card["measures"] == NARROW
    assert card["languages"] == ["en", "es", "zh"]
    assert card["thresholds"]["es"] == dict.fromkeys(NARROW, 0.5)
    assert 0 < card["size_mb"] < 5


def test_the_version_depends_on_the_lexicons_used():
    assert SCORER.version == LexiconScorer(list(reversed(list_lexicons()))).version
    assert SCORER.version != LexiconScorer(["affectcast-en"]).version


@pytest.mark.parametrize("names", [[], ["affectcast-en", "affectcast-en"]])
def test_lexicons_that_do_not_go_together_are_refused(names):
    with pytest.raises(InputError, match="one per language"):
        LexiconScorer(names)
