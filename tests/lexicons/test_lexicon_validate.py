"""Judging a lexicon: each kind of problem is found where it is, and nowhere else."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexicons.validate import KINDS, problem_counts, validate
from warehouse.errors import InputError

SCHEMA = {"term": pl.String, "dimension": pl.String, "weight": pl.Float32}
CLEAN = [
    ("blorp", "glad", 1.0),
    ("zindel*", "glad", 1.0),
    ("quib quab", "gloomy", 1.0),
    ("don't", "gloomy", 1.0),
]


def table(*rows: tuple[str | None, str | None, float | None]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA, orient="row")


def found(*rows, language: str = "en", words: pl.DataFrame | None = None) -> list[tuple]:
    return validate(table(*rows), language=language, words=words).rows()


def test_a_clean_lexicon_has_no_problems():
    problems = validate(table(*CLEAN), language="en")
    assert problems.is_empty()
    assert problems.schema == dict.fromkeys(("kind", "term", "dimension", "detail"), pl.String)
    assert problem_counts(problems) == dict.fromkeys(KINDS, 0)


def test_a_repeated_row_is_a_duplicate_once():
    rows = found(("blorp", "glad", 1.0), ("blorp", "glad", 1.0), ("blorp", "gloomy", 1.0))
    assert rows == [("duplicate", "blorp", "glad", "listed 2 times")]


def test_spellings_that_fold_to_the_same_are_listed_together():
    rows = found(
        ("caf\u00e9", "glad", 1.0),
        ("cafe", "glad", 1.0),
        ("cafe*", "glad", 1.0),
        ("a\u00f1o", "glad", 1.0),
        ("ano", "glad", 1.0),
    )
    assert [row[:2] for row in rows] == [("same_after_folding", "cafe")]
    assert "'caf\u00e9'" in rows[0][3]


def test_different_weights_for_one_folded_term_contradict_each_other():
    rows = found(
        ("caf\u00e9", "glad", 1.0), ("cafe", "glad", -0.5), ("blorp", "glad", 1.0), ("blorp", "gloomy", 0.5)
    )
    assert ("contradictory_weights", "cafe", "glad", "the weights -0.5, 1") in rows
    assert (
        problem_counts(validate(table(("blorp", "glad", 1.0), ("blorp", "gloomy", 0.5)), language="en"))[
            "contradictory_weights"
        ]
        == 0
    )


def test_a_term_in_two_opposite_dimensions_contradicts_itself():
    rows = found(("blorp", "positive", 1.0), ("Blorp", "negative", 1.0), ("quib", "positive", 1.0))
    assert [row[:2] for row in rows if row[0] == "contradictory_weights"] == [
        ("contradictory_weights", "Blorp"),
        ("contradictory_weights", "blorp"),
    ]


@pytest.mark.parametrize("term", ["quib, quab", "and/or", "u.s", "quib (quab) zind"])
def test_punctuation_inside_a_phrase_makes_it_unreachable(term):
    assert [row[0] for row in found((term, "glad", 1.0))] == ["unreachable_phrase"]


@pytest.mark.parametrize("term", ["quib-quab", "#quib", "rock 'n' roll", "quib quab!", "don't"])
def test_signs_that_the_matcher_steps_over_are_no_problem(term):
    assert found((term, "glad", 1.0)) == []


def test_a_phrase_has_twelve_words_at_most():
    assert found((" ".join("abcdefghijkl"), "glad", 1.0)) == []
    assert found((" ".join("abcdefghijklm"), "glad", 1.0))[0][3] == "13 words, more than 12"


def test_in_chinese_any_separator_is_a_problem_and_length_is_none():
    rows = found(("\u5f00 \u5fc3", "glad", 1.0), ("\u4e00" * 14, "glad", 1.0), language="zh")
    assert [row[:2] for row in rows] == [("unreachable_phrase", "\u5f00 \u5fc3")]


@pytest.mark.parametrize("term", ["\u2026", "", None, "f*oo", "quib quab*", "*"])
def test_terms_the_matcher_refuses_are_unmatchable_and_their_dimension_empty(term):
    rows = found((term, "glad", 1.0), ("blorp", "gloomy", 1.0))
    assert [(row[0], row[2]) for row in rows] == [("empty_dimension", "glad"), ("unmatchable", None)]


def test_rows_without_a_dimension_are_counted():
    rows = found(("blorp", None, 1.0), ("quib", "glad", 1.0))
    assert rows == [("empty_dimension", None, None, "1 rows have no dimension")]


def test_a_stem_that_swallows_everyday_words_lists_them_but_not_its_own_family():
    (row,) = found(("sad*", "sad", 1.0))
    assert row[:2] == ("stem_swallows", "sad*")
    assert "'saddle'" in row[3]
    assert "'sadly'" not in row[3]
    assert found(("lonel*", "sad", 1.0)) == []


def test_an_everyday_word_that_is_a_term_itself_is_not_swallowed():
    assert found(("sad*", "sad", 1.0), ("saddle", "things", 1.0)) == []


def test_words_of_real_posts_join_the_everyday_ones_the_most_frequent_first():
    words = pl.DataFrame({"word": ["blorpatron", "blorpzilla", "blorped", "other"], "n": [3, 9, 20, 100]})
    (row,) = found(("blorp*", "glad", 1.0), words=words)
    assert row[3] == "also catches 'blorpzilla', 'blorpatron'"
    assert found(("blorp*", "glad", 1.0)) == []


def test_in_spanish_the_endings_are_spanish():
    assert found(("trist*", "sad", 1.0), language="es") == []
    (row,) = found(("sol*", "sad", 1.0), language="es")
    assert "'soldado'" in row[3]
    assert "'sola'" not in row[3]


def test_in_chinese_longer_everyday_words_around_a_term_are_listed():
    (row,) = found(("\u96be", "sad", 1.0), language="zh")
    assert row[0] == "stem_swallows"
    assert "'\u96be\u9053'" in row[3]
    covered = found(("\u96be", "sad", 1.0), ("\u96be\u9053", "other", 1.0), language="zh")
    assert "'\u96be\u9053'" not in covered[0][3]


def test_a_language_without_everyday_words_is_judged_by_the_given_ones():
    words = pl.DataFrame({"word": ["blorpatron"], "n": [1]})
    assert found(("blorp*", "glad", 1.0), language="xx") == []
    assert found(("blorp*", "glad", 1.0), language="xx", words=words)[0][0] == "stem_swallows"


@pytest.mark.parametrize(
    "term", ["caf\u00c3\u00a9", "caf\u00e3\u00a9", "don\u00e2\u20ac\u2122t", "caf\ufffd"]
)
def test_letters_damaged_by_a_wrong_encoding_are_found(term):
    assert "encoding" in [row[0] for row in found((term, "glad", 1.0))]


@pytest.mark.parametrize("term", ["caf\u00e9", "n\u00e3o", "\u00e2ge", "pingu\u00efno", "\u00bfqu\u00e9?"])
def test_sound_accents_are_not_taken_for_damage(term):
    assert "encoding" not in [row[0] for row in found((term, "glad", 1.0))]


def test_a_stem_needs_three_letters():
    assert ("short_stem", "zq*") in [row[:2] for row in found(("zq*", "glad", 1.0))]
    assert found(("zqx*", "glad", 1.0)) == []


def test_missing_columns_are_named():
    with pytest.raises(InputError, match="no column weight"):
        validate(table().drop("weight"), language="en")
    with pytest.raises(InputError, match="table words has no column n"):
        validate(table(), language="en", words=pl.DataFrame({"word": ["a"]}))


TERMS = st.text("ab\u00e9\u00c9*', -\u5f00\u2026", max_size=6)
ROWS = st.lists(
    st.tuples(TERMS, st.sampled_from(["positive", "negative", "glad"]), st.sampled_from([-1.0, 0.5, 1.0]))
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(rows=ROWS, language=st.sampled_from(["en", "es", "zh"]))
def test_the_order_of_rows_does_not_matter_and_every_kind_is_known(rows, language):
    problems = validate(table(*rows), language=language)
    assert problems.equals(validate(table(*reversed(rows)), language=language))
    assert set(problems["kind"]) <= set(KINDS)
    assert sum(problem_counts(problems).values()) == problems.height
    assert problems.equals(problems.sort("kind", "term", "dimension", "detail", nulls_last=True))
