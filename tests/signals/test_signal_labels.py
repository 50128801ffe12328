"""What signals of the shipped and of added lexicons are called, what their numbers are, and which way is bad."""

from __future__ import annotations

import pytest

from flows.scorers import make_scorer, scorer_names
from warehouse.labels import direction, labels, unit
from warehouse.signals import catalogue
from warehouse.tables import TABLES


@pytest.fixture(scope="module")
def cards() -> dict[str, dict]:
    return {name: make_scorer(name).describe() for name in scorer_names()}


def card(scorer: str, *, scale: str = "presence") -> dict[str, str]:
    return {"scorer": scorer, "scale": scale}


def test_every_shipped_signal_is_described_and_named_once():
    rows = catalogue([make_scorer(name) for name in scorer_names()])
    TABLES["out.signal_catalogue"].schema.validate(rows, cast=True)
    assert rows["signal"].is_unique().all()
    # Plutchik's emotions are dimensions of the affect words, by the same name and number.
    rows = rows.filter(rows["scorer"] != "plutchik")
    for label in ("label_en", "label_es"):
        assert rows.filter(rows[label].is_duplicated()).select("signal", label).rows() == []


def test_every_shipped_measure_has_a_spanish_name_of_its_own(cards):
    same = {
        measure
        for described in cards.values()
        for measure in described["measures"]
        if labels(described, measure=measure)[1].split(" (")[0].split(": ")[-1].lower()
        == measure.replace("_", " ")
    }
    assert same <= {"social", "anhedonia"}, "words that are the same in both languages"


@pytest.mark.parametrize(
    ("described", "measure", "expected"),
    [
        (card("lexicon"), "fear", ("Fear (words", "Miedo (palabras")),
        (card("lexicon_rate", scale="rate"), "fear", ("Fear (words per token", "Miedo (palabras por token")),
        (card("loneliness"), "somatic", ("Loneliness: somatic (words", "Soledad: somático (palabras")),
        (card("emotion", scale="probability"), "joy", ("Joy (model", "Alegría (modelo")),
        (
            card("emotion_fast", scale="probability") | {"tier": "fast"},
            "joy",
            ("Joy (fast model", "Alegría (modelo rápido"),
        ),
        (
            card("mental_health", scale="probability"),
            "cause_work",
            ("Cause work (model", "Causa: trabajo (modelo"),
        ),
        (card("my_list"), "glad_words", ("My list: glad words (words", "My list: glad words (palabras")),
    ],
)
def test_a_label_names_the_scorer_where_the_measure_alone_would_not_do(described, measure, expected):
    assert labels(described, measure=measure) == expected


@pytest.mark.parametrize(
    ("scorer", "measure", "expected"),
    [
        ("lexicon", "joy", "higher_is_better"), ("lexicon", "anger", "higher_is_worse"),
        ("plutchik", "surprise", "neutral"), ("vad", "valence", "higher_is_better"), ("vad", "arousal", "neutral"),
        ("crisis", "response", "neutral"), ("wellness", "physical", "neutral"),
        ("loneliness", "physical", "higher_is_worse"),
        ("symptoms", "fatigue", "higher_is_worse"), ("style", "absolutist", "neutral"),
        ("support", "support", "higher_is_better"),
        ("mental_health", "loneliness", "higher_is_worse"),
        ("mental_health", "wellness_social", "neutral"), ("mental_health", "depression_none", "higher_is_better"),
        ("mine", "glad", "neutral"), ("mine", "category_7", "neutral"),
    ],
)  # fmt: skip
def test_a_direction_is_said_only_where_it_is_known(scorer, measure, expected):
    assert direction(card(scorer), measure=measure) == expected


def test_units_tell_shares_from_means(cards):
    assert unit(cards["emotion"], measure="joy", statistic="share") == "share of people"
    assert unit(cards["emotion"], measure="joy", statistic="mean") == "mean probability"
    assert unit(cards["emotion"], measure="valence", statistic="mean") == "mean grade, 0 to 1"
    assert unit(cards["vad"], measure="valence", statistic="mean") == "mean score, 0 to 1"
    assert unit(cards["style_rate"], measure="absolutist", statistic="mean") == "mean hits per token"
    assert unit(cards["argentina"], measure="anxiety", statistic="mean") == "mean share of markers"
