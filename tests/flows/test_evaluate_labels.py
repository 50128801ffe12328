"""A scorer against labels: every number again in plain Python, and what is refused."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.evaluate import EvaluateSpec, evaluate, wilson
from warehouse.errors import InputError, UsageError
from warehouse.tables import TABLES

MEASURES = ("anger", "joy", "hope")


@dataclass
class Told:
    """A scorer that finds `measure=value` in the text; a text with `none` is not scored."""

    thresholds: dict[str, float] = field(default_factory=dict)
    name: str = "told"
    version: str = "v1"
    measures: tuple[str, ...] = MEASURES
    languages: tuple[str, ...] = ("en", "es")
    scale: str = "probability"

    def score(self, posts: pl.DataFrame) -> pl.DataFrame:
        found = {
            m: posts["text"].str.extract(rf"{m}=(-?[\d.]+)").cast(pl.Float32).fill_null(0.0)
            for m in self.measures
        }
        scores = posts.select(
            missing=pl.when(pl.col("text").str.contains("none").fill_null(True))
            .then(5)
            .otherwise(0)
            .cast(pl.Int8)
        )
        scores = scores.with_columns(n_tokens=pl.lit(1, pl.Int32), n_matched=pl.lit(1, pl.Int32), **found)
        return scores.with_columns(
            pl.when(pl.col("missing") == 0).then(pl.col(m)).alias(m) for m in self.measures
        )

    def describe(self) -> dict[str, Any]:
        return {"scale": self.scale, "thresholds": {"en": self.thresholds}}


def spec(**values: Any) -> EvaluateSpec:
    return EvaluateSpec(**({"dataset": "drawn", "language": "en", "resamples": 50} | values))


def judged(frame: pl.DataFrame, *, scorer: Told | None = None, **values: Any) -> pl.DataFrame:
    return evaluate(frame, scorer=scorer or Told(), spec=spec(**values), tell=lambda what, n: None)


def text_of(values: dict[str, float] | None) -> str:
    return "none" if values is None else " ".join(f"{m}={v}" for m, v in values.items())


def labelled(*rows: tuple[dict[str, float] | None, list[str]]) -> pl.DataFrame:
    return pl.DataFrame(
        [(text_of(values), labels) for values, labels in rows],
        schema={"text": pl.String, "labels": pl.List(pl.String)}, orient="row",
    )  # fmt: skip


def value(rows: pl.DataFrame, measure: str, metric: str) -> float | None:
    found = rows.filter(measure=measure, metric=metric)["value"]
    return found[0] if found.len() else None


# ------------------------------------------------------------------------------------- brute force

VALUES = st.none() | st.fixed_dictionaries({m: st.sampled_from([0.0, 0.25, 0.5, 0.75]) for m in MEASURES})
ROW_OF = {
    "many": st.lists(st.sampled_from(["anger", "joy", "hope", "other"]), max_size=3, unique=True),
    "one": st.sampled_from(["anger", "joy", "calm", "other"]).map(lambda label: [label]),
}


def rows_with(kind: str) -> st.SearchStrategy:
    """Texts of which at least one is scored, with labels of which at least one is a measure's."""
    rows = st.lists(st.tuples(VALUES, ROW_OF[kind]), min_size=1, max_size=25)
    return rows.filter(
        lambda drawn: (
            any(v is not None for v, _ in drawn) and any({*MEASURES} & {*labels} for _, labels in drawn)
        )
    )


def counts(rows: list, meant: set[str], said: list[bool]) -> tuple[int, int, int]:
    truth = [bool(meant & set(labels)) for _, labels in rows]
    pairs = list(zip(truth, said, strict=True))
    return pairs.count((True, True)), pairs.count((False, True)), pairs.count((True, False))


@settings(max_examples=120, derandomize=True, deadline=None, database=None)
@given(rows=rows_with("many"), thresholds=st.sampled_from([{}, {"anger": 0.5, "joy": 0.25, "hope": 0.75}]))
def test_precision_recall_and_f1_equal_plain_python(rows, thresholds):
    got = judged(labelled(*rows), scorer=Told(thresholds))
    there = {label for _, labels in rows for label in labels}
    for measure in MEASURES:
        if measure not in there:
            assert got.filter(measure=measure).is_empty()
            continue
        least = thresholds.get(measure)
        said = [v is not None and (v[measure] >= least if least else v[measure] > 0) for v, _ in rows]
        hit, false, missed = counts(rows, {measure}, said)
        expected = {
            "precision": hit / (hit + false) if hit + false else None,
            "recall": hit / (hit + missed),
            "base_rate": (hit + missed) / len(rows),
            "f1": 2 * hit / (2 * hit + false + missed),
        }
        assert {m: value(got, measure, m) for m in expected} == pytest.approx(expected, abs=6e-5)
        sizes = {"precision": hit + false, "recall": hit + missed, "base_rate": len(rows), "f1": len(rows)}
        for row in got.filter(measure=measure).iter_rows(named=True):
            assert row["n"] == sizes[row["metric"]]
            assert row["low"] <= row["high"]


@settings(max_examples=120, derandomize=True, deadline=None, database=None)
@given(rows=rows_with("one"), otherwise=st.sampled_from([None, "other", "anger"]))
def test_macro_f1_of_the_highest_measure_equals_plain_python(rows, otherwise):
    there = {labels[0] for _, labels in rows}
    names = {
        label: m for label, m in {"joy": "joy", "calm": "hope", "anger": "anger"}.items() if label in there
    }
    if not names or otherwise not in {None, *there}:
        return
    got = judged(labelled(*rows), names=names, otherwise=otherwise)
    said = [answer(values, names=names, otherwise=otherwise) for values, _ in rows]
    classes = {*names, *({otherwise} if otherwise else set())}
    f1 = []
    for label in classes:
        hit, false, missed = counts(rows, {label}, [answer == label for answer in said])
        f1.append(2 * hit / (2 * hit + false + missed))
    assert value(got, "all", "macro_f1") == pytest.approx(sum(f1) / len(f1), abs=6e-5)
    assert got.filter(measure="all")["n"].to_list() == [len(rows)]


def answer(values: dict[str, float] | None, *, names: dict[str, str], otherwise: str | None) -> str | None:
    best, highest = otherwise, 0.0
    for label, measure in names.items():
        if values is not None and values[measure] > highest:
            best, highest = label, values[measure]
    return best


def test_the_order_of_the_names_decides_ties():
    frame = labelled(({"joy": 0.5, "hope": 0.5, "anger": 0.0}, ["joy"]), ({"hope": 0.1}, ["hope"]))
    assert value(judged(frame, names={"joy": "joy", "hope": "hope"}), "all", "macro_f1") == 1.0
    assert value(judged(frame, names={"hope": "hope", "joy": "joy"}), "all", "macro_f1") < 0.5


def test_labels_that_share_a_measure_are_one_class():
    frame = labelled(
        ({"joy": 1}, ["joy"]), ({"joy": 1}, ["love"]), ({}, ["other"]), ({"anger": 1}, ["anger"])
    )
    rows = judged(frame, names={"joy": "joy", "love": "joy", "anger": "anger"}, otherwise="other")
    assert rows["measure"].unique().sort().to_list() == ["all", "anger", "joy"]
    assert (value(rows, "joy", "recall"), value(rows, "joy", "precision")) == (1.0, 1.0)
    assert value(rows, "all", "macro_f1") == 1.0


# -------------------------------------------------------------------------------------- intervals


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)],
)
def test_the_interval_of_a_share_is_wilsons(hits, n, low, high):
    assert wilson(hits, n).as_list() == [hits / n, low, high]


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(n=st.integers(1, 500), data=st.data())
def test_the_interval_of_a_share_solves_wilsons_equation(n, data):
    """Its ends are the shares p that lie 1.96 of their own standard errors from what was seen (Wilson 1927)."""
    hits = data.draw(st.integers(0, n))
    interval = wilson(hits, n)
    for p in {interval.low, interval.high} - {0.0, 1.0}:
        assert (hits / n - p) ** 2 == pytest.approx(1.959964**2 * p * (1 - p) / n, abs=1e-9)


def test_the_same_file_gives_the_same_intervals():
    rng = random.Random(3)
    rows = [({m: rng.choice([0, 1]) for m in MEASURES}, [rng.choice(MEASURES)]) for _ in range(60)]
    first = judged(labelled(*rows))
    assert first.equals(judged(labelled(*rows)))
    assert not first.equals(judged(labelled(*rows), seed=8))
    spread = first.filter(pl.col("low") < pl.col("value"), pl.col("value") < pl.col("high"))
    assert spread.height == first.height


# ---------------------------------------------------------------------------------- shapes of files


@pytest.mark.parametrize(
    "joined", ["joy|anger", "joy, anger", " joy;anger ;", "joy|,anger", '["joy","anger"]']
)
def test_labels_may_be_text_with_signs_between_them(joined):
    frame = pl.DataFrame({"text": ["joy=1 anger=1", "x"], "labels": [joined, None]})
    rows = judged(frame)
    assert {m: value(rows, m, "f1") for m in ("joy", "anger")} == {"joy": 1.0, "anger": 1.0}
    assert rows.filter(measure="all").is_empty(), "a text without a label has no highest one"


@pytest.mark.parametrize("kind", [pl.List(pl.Categorical), pl.List(pl.String), pl.String])
def test_any_kind_of_label_column_is_read(kind):
    cells = ["joy", "anger"] if kind == pl.String else [["joy"], ["anger"]]
    frame = pl.DataFrame({"text": ["joy=1", "x"], "labels": pl.Series(cells).cast(kind)})
    assert value(judged(frame), "all", "macro_f1") == 0.5


def test_with_several_labels_per_text_there_is_no_macro_f1():
    frame = labelled(({"joy": 1}, ["joy", "hope"]), ({}, ["joy"]), ({}, []))
    rows = judged(frame)
    assert set(rows["metric"]) == {"precision", "recall", "base_rate", "f1"}
    assert set(rows["measure"]) == {"joy", "hope"}


def test_a_measure_that_is_never_said_has_a_recall_and_no_precision():
    rows = judged(labelled(({"joy": 0}, ["joy"]), (None, ["joy"]), ({}, ["other"])))
    assert value(rows, "joy", "precision") is None
    assert value(rows, "joy", "recall") == 0.0


def test_the_rows_are_those_of_the_table_and_name_scorer_and_data():
    rows = judged(labelled(({"joy": 1}, ["joy"]), ({}, ["anger"])), dataset="mine", language="es")
    checked = TABLES["out.measure_quality"].schema.validate(rows)
    assert checked.select("scorer", "scorer_version", "lang", "dataset").unique().rows() == [
        ("told", "v1", "es", "mine")
    ]


def test_other_columns_may_hold_text_and_labels():
    frame = labelled(({"joy": 1}, ["joy"])).rename({"text": "body", "labels": "emotions"})
    assert value(judged(frame, text="body", labels="emotions"), "joy", "f1") == 1.0


# ------------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"names": {"joy": "joyy"}}, UsageError, "--map: told has no joyy. It has anger, joy, hope."),
        (
            {"names": {"glad": "joy"}},
            InputError,
            "drawn: labels joy, other; labels glad cannot be compared.",
        ),
        ({"otherwise": "others"}, InputError, "others cannot be compared."),
        ({"language": "pt"}, UsageError, "--language: told has no 'pt'. It has en, es."),
    ],
    ids=["measure", "label", "otherwise", "language"],
)
def test_what_cannot_be_compared_is_named(values, error, said):
    with pytest.raises(error) as caught:
        judged(labelled(({"joy": 1}, ["joy"]), ({}, ["other"])), **values)
    assert said in caught.value.message


def test_labels_of_which_none_is_a_measure_are_refused_with_the_way_out():
    with pytest.raises(InputError, match=r"none of them cannot be compared.*--map LABEL=MEASURE"):
        judged(labelled(({"joy": 1}, ["good"]), ({}, ["bad"])))


def test_a_label_that_may_be_a_text_is_not_repeated_in_the_message():
    long = "a whole sentence that somebody wrote in the wrong column of the file"
    with pytest.raises(InputError) as caught:
        judged(labelled(({"joy": 1}, ["good"]), ({}, [long])))
    assert "labels good and 1 others" in caught.value.message
    assert long not in caught.value.message


def test_a_scorer_of_grades_and_texts_that_cannot_be_scored_are_refused():
    frame = labelled((None, ["joy"]), (None, ["anger"]))
    with pytest.raises(UsageError, match=r"--scorer: told grades words.*presence, rate or sets"):
        judged(frame, scorer=Told(scale="mean"))
    with pytest.raises(InputError, match=r"none of the 2 texts could be scored as 'en'.*Check --language"):
        judged(frame)


def test_a_file_without_rows_is_refused():
    with pytest.raises(InputError, match=r"drawn: no rows.*Check the file"):
        judged(labelled())
