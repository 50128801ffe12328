"""A scorer against labels: every number again in plain Python, and what is refused."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from night_support import affectcast

from classifiers.agreement import wilson
from flows.evaluation import slices
from flows.evaluation.evaluate import DIFFERENCE, MASKED, PLAIN, evaluate, evaluation
from flows.evaluation.labels import EvaluateSpec
from flows.evaluation.leaks import LeakSpec, without_leaks
from flows.evaluation.report import report
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
        for row in got.filter(pl.col("metric").is_in(list(sizes)), measure=measure).iter_rows(named=True):
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
    assert set(got.filter(measure="all")["n"]) == {len(rows)}


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
    told = first.drop_nulls("low").filter(~pl.col("metric").is_in(["calibration_error"]))
    assert (
        told.filter(pl.col("low") < pl.col("value"), pl.col("value") < pl.col("high")).height == told.height
    )


# ---------------------------------------------------------------------------------- shapes of files


@pytest.mark.parametrize(
    "joined", ["joy|anger", "joy, anger", " joy;anger ;", "joy|,anger", '["joy","anger"]']
)
def test_labels_may_be_text_with_signs_between_them(joined):
    frame = pl.DataFrame({"text": ["joy=1 anger=1", "x"], "labels": [joined, None]})
    rows = judged(frame)
    assert {m: value(rows, m, "f1") for m in ("joy", "anger")} == {"joy": 1.0, "anger": 1.0}
    assert value(rows, "all", "macro_f1") is None, "a text without a label has no highest one"


@pytest.mark.parametrize("kind", [pl.List(pl.Categorical), pl.List(pl.String), pl.String])
def test_any_kind_of_label_column_is_read(kind):
    cells = ["joy", "anger"] if kind == pl.String else [["joy"], ["anger"]]
    frame = pl.DataFrame({"text": ["joy=1", "x"], "labels": pl.Series(cells).cast(kind)})
    assert value(judged(frame), "all", "macro_f1") == 0.5


def test_with_several_labels_per_text_there_is_no_macro_f1():
    frame = labelled(({"joy": 1}, ["joy", "hope"]), ({}, ["joy"]), ({}, []))
    rows = judged(frame)
    assert {"macro_f1", "weighted_f1", "accuracy"}.isdisjoint(rows["metric"])
    assert set(rows["measure"]) == {"joy", "hope", "all"}


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


def test_texts_of_which_none_is_in_a_language_of_the_scorer_are_refused():
    frame = labelled(({"joy": 1}, ["joy"]), ({}, ["other"])).with_columns(lang=pl.lit("fr"))
    with pytest.raises(
        InputError, match=r"none of the 2 texts is in a language of told \(en, es\), by the column lang"
    ):
        judged(frame, language="auto")


def test_a_measure_that_no_language_of_the_texts_has_is_refused():
    frame = labelled(({"joy": 1}, ["joy"]), ({"joy": 0.2}, ["other"]))
    with pytest.raises(UsageError, match=r"--map: told has none of joy in the languages of these texts"):
        judged(frame, scorer=Lacking())


# ------------------------------------------------------------------------- probabilities and thresholds


@dataclass
class Lacking(Told):
    """Has no joy in English."""

    def score(self, posts: pl.DataFrame) -> pl.DataFrame:
        scores = super().score(posts)
        return scores.with_columns(joy=pl.when(posts["lang"] != "en").then("joy"))


def many(n: int = 300, *, seed: int = 1, lang: str = "en", people: int | None = None) -> pl.DataFrame:
    """Texts of which the scorer says a probability of joy that is right, in words between 1 and 60."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        p = rng.random()
        filler = " ".join("word" for _ in range(rng.randrange(60)))
        author = f"person{rng.randrange(people)}" if people else f"person{i}"
        rows.append((f"joy={p:.3f} {filler}", ["joy" if rng.random() < p else "other"], lang, author))
    return pl.DataFrame(rows, schema=["text", "labels", "lang", "author"], orient="row")


def full(frame: pl.DataFrame, *, scorer: Told | None = None, **values: Any):
    return evaluation(
        frame, scorer=scorer or Told({"joy": 0.5}), spec=spec(**values), tell=lambda what, n: None
    )


def test_brier_score_and_calibration_error_equal_plain_python():
    frame = many(100).drop("author", "lang")
    rows = judged(frame, scorer=Told({"joy": 0.5}))
    pairs = [
        (float(text[4:9]), labels == ["joy"]) for text, labels in frame.select("text", "labels").iter_rows()
    ]
    brier = sum((p - y) ** 2 for p, y in pairs) / 100
    error = 0.0
    for i in range(10):
        inside = [(p, y) for p, y in pairs if min(math.floor(p * 10 + 1e-7), 9) == i]
        error += abs(sum(y for _, y in inside) - sum(p for p, _ in inside)) / 100
    assert value(rows, "joy", "brier") == pytest.approx(brier, abs=2e-6)
    assert value(rows, "joy", "calibration_error") == pytest.approx(error, abs=2e-6)


def test_only_probabilities_have_a_brier_score_and_a_curve():
    rows = judged(many(60).drop("author"), scorer=Told({"joy": 0.5}, scale="presence"))
    assert {"brier", "calibration_error", "aurc"}.isdisjoint(rows["metric"])
    assert "f1" in set(rows["metric"])


def test_error_rates_are_rows_with_their_sizes_for_whoever_corrects_a_share():
    frame = many(200).drop("author")
    rows = judged(frame, scorer=Told({"joy": 0.5}))
    pairs = [
        (float(text[4:9]) >= 0.5, labels == ["joy"])
        for text, labels in frame.select("text", "labels").iter_rows()
    ]
    n_pos, n_neg = sum(y for _, y in pairs), sum(not y for _, y in pairs)
    found = {row["metric"]: row for row in rows.filter(measure="joy").iter_rows(named=True)}
    assert found["threshold"]["value"] == 0.5
    assert (found["sensitivity"]["n"], found["specificity"]["n"]) == (n_pos, n_neg)
    assert found["sensitivity"]["value"] == pytest.approx(sum(s and y for s, y in pairs) / n_pos, abs=1e-6)
    assert found["specificity"]["value"] == pytest.approx(
        sum(not s and not y for s, y in pairs) / n_neg, abs=1e-6
    )
    for metric in ("sensitivity", "specificity"):
        assert found[metric]["low"] < found[metric]["value"] < found[metric]["high"]


def test_the_surest_answers_are_right_more_often():
    rows = full(many(400).drop("author")).rows
    accuracy = [value(rows, "joy", f"accuracy_at_{c}") for c in (100, 90, 80, 70)]
    assert accuracy == sorted(accuracy)
    assert rows.filter(metric="accuracy_at_70")["n"].to_list() == [280]
    assert value(rows, "joy", "aurc") < 1 - accuracy[0]


# --------------------------------------------------------------------------------- languages and groups


def test_each_language_is_judged_at_its_own_threshold_and_all_together():
    frame = pl.concat([many(80), many(70, seed=2, lang="es"), many(20, seed=3, lang="fr")])
    found = full(frame.drop("author"), language="auto")
    whole = found.rows.filter(by="all", metric="f1", variant=PLAIN)
    assert whole.select("lang", "n").rows() == [("en", 80), ("es", 70), ("all", 150)]
    assert found.quality()["lang"].unique().sort().to_list() == ["en", "es"]
    assert any("20 of 170 texts are in no language" in note for note in found.notes)
    # In Spanish there is no threshold: everything above 0 is said.
    assert value(whole.filter(lang="es"), "joy", "f1") == value(
        full(frame.filter(lang="es").drop("author"), language="es").rows.filter(by="all"), "joy", "f1"
    )


def test_a_language_without_the_measure_does_not_count_for_it_and_it_says_so():
    frame = pl.concat([many(80), many(70, seed=2, lang="es")]).drop("author")
    found = full(frame, scorer=Lacking(), language="auto")
    rows = found.rows.filter(metric="f1", by="all", variant=PLAIN)
    assert rows.select("lang", "n").rows() == [("es", 70), ("all", 70)]
    assert any("told has no joy in some of the languages" in note for note in found.notes)


def test_small_groups_are_hidden_and_so_is_what_they_would_leave():
    town = ["north"] * 120 + ["south"] * 90 + ["east"] * 60 + ["tiny"] * 30
    frame = many(300).with_columns(town=pl.Series(town))
    found = full(frame, group="town")
    assert found.rows.filter(by="town")["level"].unique().sort().to_list() == ["north", "south"]
    assert any("town: 2 of 4 groups are hidden" in note for note in found.notes)
    assert not any("tiny" in line or "east" in line for line in [*report(found), *found.notes])
    assert set(found.rows.filter(by="town", metric="f1")["n"]) == {120, 90}


def test_a_group_of_many_texts_by_few_people_is_hidden():
    frame = many(300, people=30).with_columns(town=pl.Series(["north"] * 200 + ["south"] * 100))
    assert full(frame, group="town").rows.filter(by="town").is_empty()
    assert full(frame.drop("author"), group="town").rows.filter(by="town")["level"].n_unique() == 2


def test_texts_without_a_group_are_in_none_and_are_counted():
    frame = many(200).with_columns(town=pl.Series(["north"] * 60 + ["south"] * 80 + [None] * 58 + [" "] * 2))
    found = full(frame, group="town")
    assert set(found.rows.filter(by="town", metric="f1")["n"]) == {60, 80}
    assert any("town: 60 texts have no value" in note for note in found.notes)


def test_bands_of_length_hold_every_text_once():
    found = full(many(600))
    bands = found.rows.filter(by="tokens", metric="f1")
    assert bands["level"].to_list() == ["0-10", "11-20", "21-40", "41-80"]
    assert bands["n"].sum() == 600


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (None, "--group: no column town"),
        (pl.Series([f"t{i}" for i in range(300)]), "300 different values"),
        (pl.Series(["secretword " * 9] * 300), "more than 40 characters"),
        (pl.Series([["a"]] * 300), "holds lists"),
    ],
    ids=["missing", "many", "long", "nested"],
)
def test_a_column_that_holds_no_groups_is_refused(column, said):
    frame = many(300) if column is None else many(300).with_columns(town=column)
    with pytest.raises(InputError) as caught:
        full(frame, group="town")
    assert said in caught.value.message
    assert "secretword" not in caught.value.message


# --------------------------------------------------------------------------------------- hidden words


def test_hidden_words_show_what_is_more_than_a_word_list():
    @dataclass
    class Reads(Told):
        """Joy where `happy` stands, or `bicycle`, which no word list has."""

        def score(self, posts: pl.DataFrame) -> pl.DataFrame:
            seen = pl.Series(posts["text"].str.contains("happy|bicycle").fill_null(False)).cast(pl.Float32)
            return super().score(posts).with_columns(joy=seen)

    rows = [
        ("seems happy today", ["joy"]),
        ("nothing but a bicycle", ["joy"]),
        ("a bus stop", ["other"]),
    ] * 20
    frame = pl.DataFrame(rows, schema=["text", "labels"], orient="row")
    found = full(frame, scorer=Reads({"joy": 0.5}), mask_lexicon="lexicon")
    f1 = {
        row["variant"]: row["value"]
        for row in found.rows.filter(measure="joy", metric="f1", by="all").iter_rows(named=True)
    }
    assert f1 == pytest.approx({PLAIN: 1.0, MASKED: 2 / 3, DIFFERENCE: -1 / 3}, abs=1e-6)
    change = found.rows.filter(measure="joy", metric="f1", by="all", variant=DIFFERENCE).row(0, named=True)
    assert change["low"] < change["value"] < change["high"] < 0
    assert any("20 words of lexicon were hidden in 20 of 60 texts" in note for note in found.notes)
    assert found.quality().filter(metric="f1")["value"].to_list() == [1.0], "what is kept is as written"


# --------------------------------------------------------------------------------------------- leaks

SEEN = "the ferry was late and everybody on the pier laughed about it"


def leaking() -> pl.DataFrame:
    texts = [SEEN.upper(), f"{SEEN} today", "a bus", "no connection at all with that"]
    return pl.DataFrame({"text": texts, "labels": [["joy"]] * 4, "id": ["1", "2", "3", "4"]})


def train_file(tmp_path: Path) -> Path:
    pl.DataFrame({"text": [SEEN, "words"], "id": ["9", "3"]}).write_csv(tmp_path / "t.csv")
    return tmp_path / "t.csv"


def test_leaks_are_refused_or_dropped_and_counted(tmp_path: Path):
    seen = LeakSpec(train=(train_file(tmp_path),), id_column="id")
    with pytest.raises(InputError) as caught:
        without_leaks(leaking(), spec=seen, where="l.csv")
    counts = "3 of 4 texts are also in the training data (1 by id, 1 by text, 1 by near text)"
    assert counts in caught.value.message
    assert "--drop-leaks" in caught.value.message
    assert "ferry" not in caught.value.message.lower()
    kept, note = without_leaks(
        leaking(), spec=LeakSpec(train=seen.train, id_column="id", drop=True), where="l.csv"
    )
    assert kept["id"].to_list() == ["4"]
    assert counts in note
    assert "1 are left" in note


def test_no_training_file_is_said_and_no_leak_too(tmp_path: Path):
    frame, note = without_leaks(leaking(), spec=LeakSpec(train=()), where="l.csv")
    assert (frame.height, note) == (4, "Leakage was not checked: no --train file was given.")
    clean, note = without_leaks(leaking()[3:], spec=LeakSpec(train=(train_file(tmp_path),)), where="l.csv")
    assert clean.height == 1
    assert "none of 1 texts" in note


def test_a_training_file_without_the_columns_is_refused(tmp_path: Path):
    path = tmp_path / "t.csv"
    path.write_text("body\nsecretword\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"t.csv: missing columns: text"):
        without_leaks(leaking(), spec=LeakSpec(train=(path,)), where="l.csv")
    with pytest.raises(InputError, match=r"t.csv: no column id.*--id-column"):
        without_leaks(leaking(), spec=LeakSpec(train=(path,), text="body", id_column="id"), where="l.csv")


# ------------------------------------------------------------------------------------------- command


def test_the_command_says_and_writes_it_and_shows_no_text(tmp_path: Path):
    rng = random.Random(4)
    rows = [
        (f"{rng.choice(['so happy', 'glad', 'a tree', 'so sad'])} secretword{i}", rng.choice(["joy", "other"]),
         rng.choice(["north", "south"]), f"p{i}")
        for i in range(240)
    ]  # fmt: skip
    pl.DataFrame(rows, schema=["body", "labels", "town", "id"], orient="row").write_csv(tmp_path / "l.csv")
    pl.DataFrame({"body": [rows[0][0]], "id": ["p7"]}).write_csv(tmp_path / "t.csv")
    ran = affectcast(
        "evaluate", "--scorer", "lexicon", "--data", "l.csv", "--columns", "text=body", "--language", "en",
        "--train", "t.csv", "--id-column", "id", "--drop-leaks", "--group", "town", "--mask-words", "--out", "o.csv",
        cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "2 of 240 texts are also in the training data (1 by id, 1 by text)" in ran.stderr
    for part in ("joy: f1 ", "precision", "with the words of the lexicon hidden:", "by town", "by tokens"):
        assert part in ran.stdout
    assert "secretword" not in ran.stdout + ran.stderr
    out = pl.read_csv(tmp_path / "o.csv")
    assert set(out["variant"]) == {PLAIN, MASKED, DIFFERENCE}
    assert set(out["by"]) == {slices.ALL, "town", "tokens"}
