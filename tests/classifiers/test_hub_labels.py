"""Labels by name: what each becomes, what is lost on the way, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classifiers.hub.heads import Group, flat_head, grouped_head
from classifiers.hub.labels import map_labels, placeholders, snake
from classifiers.hub.spec import catalogued_specs
from classifiers.taxonomy import GOEMOTIONS, MEASURES
from tests.classifiers.tiny_models import HARTMANN, LEIA
from warehouse.errors import ConfigError, MissingModelError

GO = tuple(catalogued_specs()["goemotions_roberta"].documented)


def mapped(labels: tuple[str, ...], **own: str):
    return map_labels(labels, own=own, where="here")


def test_leia_speaks_of_five_of_our_measures_without_loss() -> None:
    found = mapped(LEIA)
    assert found.measures == ("anger", "fear", "joy", "sadness", "affection")
    assert [LEIA[i] for (i,) in found.rows] == ["Anger", "Fear", "Happiness", "Sadness", "Affection"]
    assert found.lossy == {}


@given(st.permutations(LEIA))
@settings(max_examples=30, deadline=None)
def test_the_order_of_labels_changes_no_measure(order: list[str]) -> None:
    found = mapped(tuple(order))
    assert {m: order[i] for m, (i,) in zip(found.measures, found.rows, strict=True)} == {
        "anger": "Anger",
        "fear": "Fear",
        "joy": "Happiness",
        "sadness": "Sadness",
        "affection": "Affection",
    }


def test_goemotions_are_joined_as_the_taxonomy_says_and_marked_as_lossy() -> None:
    found = mapped(GO)
    joined = {measure: {GO[i] for i in row} for measure, row in zip(found.measures, found.rows, strict=True)}
    for label, (measure,) in GOEMOTIONS.positive.items():
        assert label in joined[measure]
    assert found.labels["neutral"] is None
    assert "amusement" in found.lossy["joy"]
    assert "surprise" not in found.lossy
    assert found.labels["gratitude"] == "gratitude"


def test_every_catalogued_label_has_a_place_and_every_joined_measure_is_ours() -> None:
    for name, spec in catalogued_specs().items():
        if spec.head:
            found = mapped(spec.documented)
            assert set(found.labels) == set(spec.documented), name
            joined = [m for m, row in zip(found.measures, found.rows, strict=True) if len(row) > 1]
            assert set(joined) <= set(MEASURES), name


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("others", "joy"), {"others": None, "joy": "joy"}),
        (("neutral", "Love"), {"neutral": None, "Love": "affection"}),
        (("non-lonely", "lonely"), {"non-lonely": None, "lonely": "loneliness"}),
        (("not depression", "depression"), {"not depression": None, "depression": "depression"}),
        (("not funny", "sad"), {"not funny": "not_funny", "sad": "sadness"}),
        (("SUICIDAL_THOUGHTS", "SLEEP_ISSUES"), {"SUICIDAL_THOUGHTS": "suicidality", "SLEEP_ISSUES": "sleep_issues"}),
        (("N/A", "romantic"), {"N/A": None, "romantic": "romantic"}),
        (("愤怒", "快乐"), {"愤怒": "anger", "快乐": "joy"}),
        (("Alegría", "miedo"), {"Alegría": "joy", "miedo": "fear"}),
        (("seeking advice", "missing"), {"seeking advice": "seeking_advice", "missing": "label_missing"}),
    ],
)  # fmt: skip
def test_labels_become_measures_by_name(labels: tuple[str, ...], expected: dict[str, str | None]) -> None:
    assert mapped(labels).labels == expected


def test_a_narrower_label_alone_is_marked_too() -> None:
    found = mapped(("annoyance", "love", "happiness"))
    assert set(found.lossy) == {"anger", "affection"}


def test_a_users_word_comes_first_and_may_leave_a_label_out() -> None:
    found = mapped(("LABEL_0", "LABEL_1", "LABEL_2"), LABEL_0="anger", LABEL_1="calm", LABEL_2="")
    assert found.labels == {"LABEL_0": "anger", "LABEL_1": "calm", "LABEL_2": None}


@pytest.mark.parametrize("own", [{"LABEL_9": "anger"}, {"LABEL_0": "No Name"}, {"LABEL_0": "n_tokens"}])
def test_a_mapping_that_fits_nothing_is_refused(own: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="labels"):
        mapped(("LABEL_0",), **own)


@pytest.mark.parametrize("labels", [("LABEL_0", "joy"), ("3", "joy"), ("満足", "joy"), ("joy", "joy")])
def test_a_label_that_says_nothing_is_refused(labels: tuple[str, ...]) -> None:
    with pytest.raises(MissingModelError):
        mapped(labels)


def test_a_model_without_any_measure_is_refused() -> None:
    with pytest.raises(ConfigError, match="no label"):
        mapped(("neutral", "others"))


def test_placeholders_are_numbers_only() -> None:
    assert placeholders(["LABEL_0", "LABEL_1"])
    assert not placeholders(["LABEL_0", "joy"])


@given(st.text(max_size=30))
def test_a_snake_is_empty_or_a_legal_column(label: str) -> None:
    name = snake(label)
    assert name == "" or (name.isascii() and name == name.lower() and not name[0].isdigit())


def brute_force(logits: np.ndarray, head) -> np.ndarray:
    """Row by row, label by label."""
    result = []
    for row in logits.astype(float):
        values: list[tuple[float, str]] = []
        at = 0
        for group in head.groups:
            part = row[at : at + len(group.labels)] / group.temperature
            at += len(group.labels)
            if group.activation == "softmax":
                shares = [float(np.exp(x) / sum(np.exp(y) for y in part)) for x in part]
            else:
                shares = [float(1 / (1 + np.exp(-x))) for x in part]
            values += [(p, group.activation) for p in shares]
        measures = []
        for indices in head.mapping.rows:
            if all(values[i][1] == "softmax" for i in indices):
                measures.append(sum(values[i][0] for i in indices))
            else:
                absent = 1.0
                for i in indices:
                    absent *= 1 - values[i][0]
                measures.append(1 - absent)
        result.append(measures)
    return np.array(result)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
@pytest.mark.parametrize("labels", [LEIA, HARTMANN, GO])
def test_a_head_computes_what_brute_force_says(activation, labels: tuple[str, ...]) -> None:
    head = flat_head(labels, activation=activation, own={}, where="here")
    logits = np.random.default_rng(3).normal(0, 4, (40, len(labels))).astype(np.float32)
    found = head.apply(logits)
    assert found.shape == (40, len(head.measures))
    np.testing.assert_allclose(found, brute_force(logits, head), atol=1e-6)
    assert ((found >= 0) & (found <= 1)).all()


GROUPS = (
    Group("lonely", ("non-lonely", "lonely"), "softmax"),
    Group("duration", ("transient", "enduring", "NA"), "softmax", temperature=2.0),
    Group("symptoms", ("SLEEP_ISSUES", "FATIGUE"), "sigmoid"),
)


def test_groups_of_a_trained_model_are_named_after_them() -> None:
    head = grouped_head(GROUPS, own={}, where="here")
    assert set(head.measures) == {
        "lonely", "duration_transient", "duration_enduring", "duration_na", "sleep_issues", "fatigue"
    }  # fmt: skip
    logits = np.random.default_rng(5).normal(0, 3, (20, 7)).astype(np.float32)
    np.testing.assert_allclose(head.apply(logits), brute_force(logits, head), atol=1e-6)
    lonely = head.apply(logits)[:, head.measures.index("lonely")]
    np.testing.assert_allclose(lonely, 1 / (1 + np.exp(logits[:, 0] - logits[:, 1])), rtol=1e-5)


def test_a_users_word_overrules_the_name_of_a_group() -> None:
    head = grouped_head(GROUPS, own={"lonely": "loneliness"}, where="here")
    assert "loneliness" in head.measures
    assert "lonely" not in head.measures


def test_groups_with_one_name_twice_are_refused() -> None:
    with pytest.raises(MissingModelError, match="different legal names"):
        grouped_head((GROUPS[2], GROUPS[2]), own={}, where="here")


def test_extreme_logits_stay_probabilities() -> None:
    for activation in ("softmax", "sigmoid"):
        head = flat_head(LEIA, activation=activation, own={}, where="here")
        found = head.apply(np.array([[1e4, -1e4, 0, 500, -500]], dtype=np.float32))
        assert np.isfinite(found).all()


def test_a_close_decision_is_left_open() -> None:
    head = flat_head(("joy", "anger"), activation="softmax", own={}, where="here")
    assert head.winners(np.array([[0.0, 0.01], [3.0, 0.0]]), margin=0.05).tolist() == [[-1], [0]]
