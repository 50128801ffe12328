"""Recipes read their published shapes, say what they found instead, and never touch test rows."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pyarrow import ipc
from recipe_worlds import (
    data_spec,
    fig_folder,
    fig_frame,
    labelled_frame,
    one_of_frame,
    redsm5_folder,
    redsm5_tables,
    save_to_disk,
    sentences,
    wellness_frame,
)

from classifiers.recipes.examples import Group, Task, measures_of
from classifiers.recipes.fig_loneliness import fig_loneliness
from classifiers.recipes.labels import WRITER_EMOTIONS, labels, leia, multiwd
from classifiers.recipes.redsm5 import redsm5
from classifiers.recipes.registry import NAMES, make_task
from warehouse.errors import InputError, UsageError


def whole(task: Task) -> dict[str, np.ndarray]:
    """Targets by text, of both sides."""
    sides = (task.train, task.validation)
    return {text: target for side in sides for text, target in zip(side.texts, side.targets, strict=True)}


# FIG-Loneliness


def test_loneliness_is_read_from_the_folder_that_the_hub_ships_and_test_rows_are_not(tmp_path: Path) -> None:
    task = fig_loneliness(data_spec(fig_folder(tmp_path / "FIG")))
    assert (len(task.train), len(task.validation)) == (160, 60)
    assert task.data["files"] == ["FIG/dev_set", "FIG/train_set"]
    assert task.data["split"] == "as given"


def test_votes_become_shares_and_are_unknown_where_nobody_is_lonely(tmp_path: Path) -> None:
    frame = fig_frame(160)
    task = fig_loneliness(data_spec(fig_folder(tmp_path / "FIG")))
    found = dict(zip(task.train.texts, zip(task.train.targets, task.train.masks, strict=True), strict=True))
    for row in frame.iter_rows(named=True):
        target, mask = found[row["text"]]
        expected = [np.array(row["lonely"], float)]
        for name in ("temporal", "context_pri", "interpersonal_pri", "interaction"):
            votes = np.array(row[name], float)
            expected.append(votes / votes.sum() if votes.sum() else votes)
        assert target == pytest.approx(np.concatenate(expected))
        assert (mask[:2] == 1).all()
        assert (mask[2:] == row["lonely"][1]).all()


def as_numbers(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(pl.List).list.arg_max())


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.col(name).map_elements(lambda v: str(v.to_list()), return_dtype=pl.String)
        for name in frame.columns
        if frame.schema[name].is_nested()
    )


@pytest.mark.parametrize(("shape", "soft"), [(as_numbers, False), (as_text, True)])
def test_a_field_may_be_class_numbers_or_lists_written_as_text(
    tmp_path: Path, shape: Callable[[pl.DataFrame], pl.DataFrame], soft: bool
) -> None:
    frame = shape(fig_frame(160))
    path = tmp_path / ("fig.csv" if soft else "fig.parquet")
    frame.write_csv(path) if soft else frame.write_parquet(path)
    targets = np.stack(list(whole(fig_loneliness(data_spec(path))).values()))
    assert ((targets > 0) & (targets < 1)).any() == soft


def test_a_saved_data_set_may_have_several_files_or_the_arrow_file_format(tmp_path: Path) -> None:
    save_to_disk(fig_frame(160), folder=tmp_path / "a" / "train", parts=3)
    assert len(whole(fig_loneliness(data_spec(tmp_path / "a")))) == 160
    table = fig_frame(160).to_arrow()
    with ipc.new_file(str(tmp_path / "b.arrow"), table.schema) as writer:
        writer.write_table(table)
    assert len(whole(fig_loneliness(data_spec(tmp_path / "b.arrow")))) == 160


def test_other_column_names_are_given_by_name(tmp_path: Path) -> None:
    path = tmp_path / "fig.parquet"
    fig_frame(160).rename({"temporal": "how_long", "text": "body"}).write_parquet(path)
    with pytest.raises(InputError, match=r"missing columns: text, duration.*Found: idx.*--columns"):
        fig_loneliness(data_spec(path))
    assert whole(fig_loneliness(data_spec(path, columns={"duration": "how_long", "text": "body"})))
    with pytest.raises(InputError, match="no column nowhere"):
        fig_loneliness(data_spec(path, columns={"duration": "nowhere"}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            pl.col("temporal").list.head(3),
            r"column duration: \d+ of 160 rows do not fit.*4 counts.*found 3 numbers",
        ),
        (pl.col("interaction").list.eval(-1 - pl.element()), "column interaction: .*not negative"),
        (pl.lit(7).alias("context_pri"), "column context: 160 of 160.*class number from 0 to 4"),
        (
            pl.lit(None, dtype=pl.List(pl.Int64)).alias("lonely"),
            "column lonely: 160 of 160 rows have no vote",
        ),
        (pl.lit(None, dtype=pl.String).alias("text"), "160 of 160 rows have no text"),
        (pl.lit("  ").alias("text"), "160 of 160 rows have no text"),
        (
            pl.lit([0, 1]).alias("lonely"),
            r"one class only: non_lonely \(0 of 160 rows\), lonely \(160 of 160",
        ),
        (pl.lit("same").alias("unique_id"), "159 of 160 rows repeat their unique_id"),
    ],
)
def test_loneliness_that_does_not_fit_is_refused_with_counts(
    tmp_path: Path, change: pl.Expr, message: str
) -> None:
    path = tmp_path / "fig.parquet"
    fig_frame(160).with_columns(change).write_parquet(path)
    with pytest.raises(InputError, match=message):
        fig_loneliness(data_spec(path))


def test_a_pointer_in_place_of_data_is_said_to_be_one(tmp_path: Path) -> None:
    folder = save_to_disk(fig_frame(60), folder=tmp_path / "FIG" / "train_set")
    (folder / "dataset.arrow").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InputError, match="git lfs pull"):
        fig_loneliness(data_spec(tmp_path / "FIG"))
    (folder / "dataset.arrow").unlink()
    with pytest.raises(InputError, match=r"missing dataset\.arrow"):
        fig_loneliness(data_spec(tmp_path / "FIG"))


# ReDSM5


def test_symptoms_are_learnt_from_sentences_and_judged_on_posts_of_which_no_sentence_was_learnt(
    tmp_path: Path,
) -> None:
    posts, annotations = redsm5_tables(200)
    task = redsm5(data_spec(redsm5_folder(tmp_path, posts=posts, annotations=annotations)))
    assert task.pooling == "max"
    learnt, judged = set(task.train.keys[0]), set(task.validation.keys[0])
    assert not learnt & judged
    assert set(task.beside["sentence"].keys[0]) <= judged
    truth = dict(zip(posts["post_id"], posts["text"], strict=True))
    for text, post, target in zip(
        task.validation.texts, task.validation.keys[0], task.validation.targets, strict=True
    ):
        symptom = annotations.filter((pl.col("post_id") == post) & (pl.col("status") == 1))["DSM5_symptom"][0]
        assert text == truth[post]
        assert target.sum() == (symptom != "SPECIAL_CASE")
        assert symptom == "SPECIAL_CASE" or target[task.groups[0].labels.index(symptom.lower())] == 1


def test_sentences_nobody_remarked_on_are_learnt_as_without_symptoms(tmp_path: Path) -> None:
    posts, annotations = redsm5_tables(200)
    task = redsm5(data_spec(redsm5_folder(tmp_path, posts=posts, annotations=annotations)))
    per_post = len(task.train) / task.data["train_posts"]
    assert per_post == pytest.approx(4, abs=0.2)
    assert (task.train.targets.sum(axis=1) == 0).mean() > 0.7


def test_a_post_that_shows_nothing_needs_no_sentence_and_a_symptom_does(tmp_path: Path) -> None:
    posts, annotations = redsm5_tables(200)
    special = pl.col("DSM5_symptom") == "SPECIAL_CASE"
    nothing = annotations.with_columns(
        DSM5_symptom=pl.when(special).then(pl.lit("NO_SYMPTOMS")).otherwise("DSM5_symptom"),
        sentence_text=pl.when(~special).then("sentence_text"),
        sentence_id=pl.when(~special).then("sentence_id"),
    )
    task = redsm5(data_spec(redsm5_folder(tmp_path, posts=posts, annotations=nothing)))
    assert (task.validation.targets.sum(axis=1) == 0).any()
    silent = annotations.with_columns(sentence_text=pl.when(special).then("sentence_text"))
    with pytest.raises(InputError, match="have no text in column sentence_text"):
        redsm5(data_spec(redsm5_folder(tmp_path, posts=posts, annotations=silent)))


@pytest.mark.parametrize(
    ("posts_change", "change", "message"),
    [
        (
            {},
            {"DSM5_symptom": pl.lit("HEADACHE")},
            r"unknown labels HEADACHE \(\d+\).*Expected: DEPRESSED_MOOD",
        ),
        ({}, {"status": pl.lit(2)}, "status: .* not 0 or 1"),
        (
            {},
            {"sentence_id": pl.lit("x"), "DSM5_symptom": pl.lit("FATIGUE"), "post_id": pl.lit("s_1")},
            "rows repeat",
        ),
        ({"post_id": pl.lit("s_1")}, {}, "119 of 120 rows repeat their post_id"),
        ({"post_id": pl.col("post_id") + "x"}, {}, "annotations are of posts that redsm5_posts.csv lacks"),
        ({}, {"DSM5_symptom": pl.lit("FATIGUE")}, "one class only: depressed_mood"),
    ],
)
def test_symptoms_that_do_not_fit_are_refused(
    tmp_path: Path, posts_change: dict[str, pl.Expr], change: dict[str, pl.Expr], message: str
) -> None:
    posts, annotations = redsm5_tables()
    folder = redsm5_folder(
        tmp_path, posts=posts.with_columns(**posts_change), annotations=annotations.with_columns(**change)
    )
    with pytest.raises(InputError, match=message):
        redsm5(data_spec(folder))


def test_both_files_are_needed(tmp_path: Path) -> None:
    posts, annotations = redsm5_tables()
    folder = redsm5_folder(tmp_path, posts=posts, annotations=annotations)
    (folder / "redsm5_annotations.csv").unlink()
    with pytest.raises(InputError, match=r"expected one file of annotations .*found: none"):
        redsm5(data_spec(folder))
    with pytest.raises(InputError, match="expected one file of posts"):
        redsm5(data_spec(folder / "redsm5_posts.csv"))


# MultiWD, labels, LEIA


def test_wellness_columns_and_a_list_of_labels_say_the_same(tmp_path: Path) -> None:
    frame = wellness_frame()
    names = frame.columns[1:]
    listed = frame.select(
        "text",
        labels=pl.concat_list(
            pl.when(pl.col(n) == 1).then(pl.lit(n.lower())) for n in names
        ).list.drop_nulls(),
    )
    frame.write_csv(tmp_path / "a.csv")
    listed.write_parquet(tmp_path / "b.parquet")
    by_columns, by_list = (whole(multiwd(data_spec(tmp_path / name))) for name in ("a.csv", "b.parquet"))
    assert all((by_columns[text] == by_list[text]).all() for text in by_list)
    task = multiwd(data_spec(tmp_path / "a.csv"))
    assert measures_of(task.groups)[0] == "wellness_spiritual"


def test_wellness_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    wellness_frame().with_columns(Social=pl.lit("maybe")).write_csv(path)
    with pytest.raises(InputError, match="column social: 120 of 120 cells are not 0 or 1"):
        multiwd(data_spec(path))
    wellness_frame().drop("Social").write_csv(path)
    with pytest.raises(InputError, match="missing columns: social"):
        multiwd(data_spec(path))
    labelled_frame(labels=("social", "financial")).write_parquet(tmp_path / "w.parquet")
    with pytest.raises(InputError, match=r"unknown labels.*financial \(\d+\).*Expected: spiritual"):
        multiwd(data_spec(tmp_path / "w.parquet"))


@pytest.mark.parametrize("between", [";", "|", ",", "json"])
def test_labels_may_be_separated_or_json(tmp_path: Path, between: str) -> None:
    frame = labelled_frame()
    form = '["{}"]' if between == "json" else "{}"
    mark = '", "' if between == "json" else f"{between} "
    text = pl.col("labels").list.join(mark)
    filled = (
        pl.when(text == "").then(pl.lit("")).otherwise(pl.format(form, text)) if between == "json" else text
    )
    frame.with_columns(labels=filled).write_csv(tmp_path / "l.csv", quote_style="always")
    frame.write_parquet(tmp_path / "l.parquet")
    ours, theirs = (whole(labels(data_spec(tmp_path / name))) for name in ("l.csv", "l.parquet"))
    assert all((ours[text] == theirs[text]).all() for text in theirs)


def test_rare_and_chosen_labels_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "l.parquet"
    frame = labelled_frame()
    rare = pl.when(pl.int_range(pl.len()) < 3).then(pl.lit(["odd"])).otherwise(pl.col("labels"))
    frame.with_columns(labels=rare).write_parquet(path)
    with pytest.raises(InputError, match=r"fewer than 10 rows: odd \(3\).*--labels calm,hurry"):
        labels(data_spec(path))
    task = labels(data_spec(path, labels=("Calm", "hurry")))
    assert task.groups == (Group("label", ("calm", "hurry"), "sigmoid"),)
    assert task.notes == ("Not learnt: odd (3 rows).",)
    with pytest.raises(InputError, match="no row has the labels peace"):
        labels(data_spec(path, labels=("peace", "hurry")))


def test_exclusive_labels_are_exactly_one_and_two_of_them_a_question(tmp_path: Path) -> None:
    path = tmp_path / "l.parquet"
    one_of_frame(labels=("no stress", "stress"), column="labels").write_parquet(path)
    with pytest.raises(UsageError, match="name the yes last, as --labels no_stress,stress"):
        labels(data_spec(path, exclusive=True))
    task = labels(data_spec(path, exclusive=True, labels=("no stress", "stress")))
    assert measures_of(task.groups) == ("stress",)
    labelled_frame(labels=("a", "b", "c")).write_parquet(path)
    with pytest.raises(InputError, match="rows do not have exactly one of a, b, c"):
        labels(data_spec(path, exclusive=True))


def test_the_writers_emotions_are_one_of_five(tmp_path: Path) -> None:
    path = tmp_path / "e.csv"
    one_of_frame(labels=("Happiness", "Affection", "Sadness", "Anger", "Fear")).write_csv(path)
    task = leia(data_spec(path))
    assert measures_of(task.groups) == tuple(f"emotion_{name}" for name in WRITER_EMOTIONS)
    one_of_frame(labels=("Happiness", "Boredom")).write_csv(path)
    with pytest.raises(InputError, match=r"unknown labels in 60 places: Boredom \(60\)"):
        leia(data_spec(path))


# What holds for all


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (labelled_frame(40), "40 usable rows; expected at least 50"),
        (
            labelled_frame().with_columns(labels=None).cast({"labels": pl.List(pl.String)}),
            "120 of 120 rows are null",
        ),
        (labelled_frame().with_columns(labels=pl.lit(["calm"])), r"one class only: calm \(120 of 120 rows\)"),
        (labelled_frame().with_columns(text=pl.lit(1)), "column text is Int32; expected text"),
        (labelled_frame().clear(), "no rows"),
        (labelled_frame().with_columns(post_id=pl.lit("p")), "119 of 120 rows repeat their post_id"),
        (
            labelled_frame().with_columns(lang=pl.lit("english")),
            "column lang: 120 of 120 rows are no ISO 639-1",
        ),
        (
            labelled_frame().with_columns(created_at=pl.lit("soon")),
            "created_at: 120 of 120 cells are no date",
        ),
        (
            labelled_frame().with_columns(created_at=pl.lit("2024-01-01")),
            "created_at is the same in all 120 rows",
        ),
        (
            labelled_frame().with_columns(split=pl.lit("holdout")),
            "column split: 120 of 120 rows are none of train",
        ),
        (labelled_frame().with_columns(author=pl.lit("me")), "0 training and 120 validation rows are left"),
        (labelled_frame(labels=("好", "calm")), "the label '好' cannot name a measure"),
    ],
)
def test_a_table_that_cannot_be_learnt_from_is_refused(
    tmp_path: Path, frame: pl.DataFrame, message: str
) -> None:
    path = tmp_path / "l.parquet"
    frame.write_parquet(path)
    with pytest.raises(InputError, match=message):
        labels(data_spec(path))


def test_folders_and_names_that_are_not_there_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        labels(data_spec(tmp_path / "none.csv"))
    (tmp_path / "test.csv").write_text("text,labels\n")
    with pytest.raises(InputError, match=r"no training part.*found: test\.csv"):
        labels(data_spec(tmp_path))
    with pytest.raises(UsageError, match="Did you mean labels"):
        make_task("label", spec=data_spec(tmp_path))
    assert set(NAMES) == {"embedded", "fig_loneliness", "labels", "leia", "multiwd", "redsm5"}


def test_test_rows_of_a_column_are_dropped_and_validation_rows_obeyed(tmp_path: Path) -> None:
    frame = labelled_frame(200).with_columns(split=pl.Series(["train"] * 120 + ["dev"] * 40 + ["test"] * 40))
    frame.write_parquet(tmp_path / "l.parquet")
    task = labels(data_spec(tmp_path / "l.parquet"))
    assert task.validation.texts == frame["text"][120:160].to_list()
    assert not set(frame["text"][160:]) & set(task.train.texts)


def test_groups_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match="several groups would have the measures a"):
        measures_of([Group("x", ("a",), "sigmoid"), Group("a", ("no", "yes"), "softmax")])


@pytest.mark.real_data
def test_the_shared_wellness_file_is_read(real_data: Path) -> None:
    task = multiwd(data_spec(real_data / "labelled" / "multiwd_wellness_en_train.parquet"))
    assert len(task.train) + len(task.validation) + sum(task.data["dropped"].values()) == 1_474
    assert (task.train.targets.sum(axis=0) > 0).all()


def test_sentences_of_the_worlds_are_all_different() -> None:
    assert len(set(sentences(500))) == 500
