"""ReDSM5: nine DSM-5 symptoms of depression, learnt from sentences and judged on whole posts by their worst window.

Source: Bao, Pérez & Parapar 2025 (arXiv 2508.03399). Not a diagnosis: a symptom somebody writes of is not a symptom
somebody has.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from classifiers.labelled import leak_key
from classifiers.recipes.columns import examples_of
from classifiers.recipes.examples import Examples, Group, Task, check_both_classes, check_rows
from classifiers.recipes.options import DataSpec
from classifiers.recipes.split import Split, apart, split
from classifiers.recipes.tables import Table, named, profiled, read_one, require_columns, unique_ids
from warehouse.errors import InputError

SYMPTOMS = (
    "DEPRESSED_MOOD",
    "ANHEDONIA",
    "APPETITE_CHANGE",
    "SLEEP_ISSUES",
    "PSYCHOMOTOR",
    "FATIGUE",
    "WORTHLESSNESS",
    "COGNITIVE_ISSUES",
    "SUICIDAL_THOUGHTS",
)
# Sentences about none of the nine: an expert's other remarks, and posts without any symptom.
NO_SYMPTOMS = "NO_SYMPTOMS"
NONE_OF_THEM = ("SPECIAL_CASE", NO_SYMPTOMS)
GROUPS = (Group("symptom", tuple(name.lower() for name in SYMPTOMS), "sigmoid"),)
POSTS, ANNOTATIONS = "posts", "annotations"
# A window about as long as a sentence, so that a post's windows look like what was learnt.
WINDOW_TOKENS = 64
MIN_SENTENCE_WORDS = 3
_SENTENCE_END = re.compile(r"(?<=[.!?…。!?])\s+")
NOTES = (
    "Learnt from sentences; a post's value is the greatest of its windows, and thresholds, calibration and error "
    "rates are those of whole posts.",
    "Sentences of a post that no expert remarked on count as showing none of the nine symptoms.",
)


def redsm5(spec: DataSpec) -> Task:
    """Task from a folder with one table of posts and one of annotations, as `*posts*` and `*annotations*`.

    Raises InputError for absent files or columns, unknown symptoms, repeated rows and annotations of unknown posts.
    """
    posts, annotations = _tables(spec)
    sentences = _sentences(posts, annotations)
    whole = _examples(Table(_post_level(posts, sentences), posts.name), spec)
    check_rows(len(whole), where=posts.name)
    check_both_classes(whole, groups=GROUPS, where=annotations.name)
    held = split(whole, seed=spec.seed, where=posts.name)
    learnt = _examples(Table(sentences, annotations.name), spec)
    found = _sentence_split(learnt, held=held, where=posts.name)
    check_both_classes(found.train, groups=GROUPS, where=f"{annotations.name}, training sentences")
    return Task(
        recipe="redsm5",
        groups=GROUPS,
        train=found.train,
        validation=held.validation,
        data=_facts(posts, annotations, held=held, found=found),
        pooling="max",
        max_tokens=WINDOW_TOKENS,
        beside={"sentence": found.validation},
        notes=NOTES,
    )


def _tables(spec: DataSpec) -> tuple[Table, Table]:
    posts = _table(spec, kind=POSTS, names=("post_id", "text"))
    annotations = _table(
        spec, kind=ANNOTATIONS, names=("post_id", "sentence_id", "sentence_text", "DSM5_symptom", "status")
    )
    unique_ids(posts, names=["post_id"])
    unique_ids(annotations, names=["post_id", "sentence_id", "DSM5_symptom"])
    _check_ids(posts, annotations)
    _check_symptoms(annotations)
    return profiled(posts), profiled(_with_sentences(annotations), text="sentence_text")


def _with_sentences(annotations: Table) -> Table:
    """Without the rows that say of a whole post that it shows nothing: they have no sentence, and add nothing."""
    says_nothing = pl.col("DSM5_symptom").cast(pl.String).str.strip_chars() == NO_SYMPTOMS
    empty = pl.col("sentence_text").cast(pl.String).fill_null("").str.strip_chars() == ""
    return Table(annotations.frame.filter(~(says_nothing & empty)), annotations.name)


def _table(spec: DataSpec, *, kind: str, names: tuple[str, ...]) -> Table:
    found = sorted(_files(spec.path, kind=kind))
    if len(found) != 1:
        shown = ", ".join(path.name for path in found) or "none"
        raise InputError(
            f"{spec.path}: expected one file of {kind} (a name with `{kind}` in it, such as redsm5_{kind}.csv) in the "
            f"folder; found: {shown}. Point --data at the folder that holds both files."
        )
    frame = read_one(found[0], read=spec.read)
    ours = {
        name: column for name, column in spec.columns.items() if name in names and column in frame.columns
    }
    table = named(Table(frame, found[0].name), columns=ours)
    require_columns(table, names=names)
    return table


def _files(folder: Path, *, kind: str) -> list[Path]:
    return [path for path in folder.iterdir() if kind in path.name.lower()] if folder.is_dir() else []


def _check_ids(posts: Table, annotations: Table) -> None:
    empty = posts.frame["post_id"].null_count() + annotations.frame["post_id"].null_count()
    known = posts.frame["post_id"].cast(pl.String)
    lost = int((~annotations.frame["post_id"].cast(pl.String).is_in(known.implode())).sum())
    if empty or lost:
        raise InputError(
            f"{annotations.name}: {lost} annotations are of posts that {posts.name} lacks, {empty} rows have no "
            "post_id. Expected every annotation's post among the posts. Get both files from the same release."
        )


def _check_symptoms(annotations: Table) -> None:
    symptoms = annotations.frame["DSM5_symptom"].cast(pl.String).str.strip_chars()
    unknown = symptoms.filter(~symptoms.is_in([*SYMPTOMS, *NONE_OF_THEM]).fill_null(False)).value_counts(
        sort=True
    )
    if unknown.height:
        shown = ", ".join(f"{name} ({n})" for name, n in unknown.head(10).iter_rows())
        raise InputError(
            f"{annotations.name}: column DSM5_symptom: unknown labels {shown}. Expected: "
            f"{', '.join((*SYMPTOMS, *NONE_OF_THEM))}. Correct the file."
        )
    status = annotations.frame["status"].cast(pl.String).str.strip_chars()
    wrong = int((~status.is_in(["0", "1"]).fill_null(False)).sum())
    if wrong:
        raise InputError(
            f"{annotations.name}: column status: {wrong} of {status.len()} cells are not 0 or 1."
        )


def _sentences(posts: Table, annotations: Table) -> pl.DataFrame:
    """post_id, text, symptoms (list) of annotated sentences, then of the posts' other sentences, without symptoms."""
    present = (pl.col("status").cast(pl.String).str.strip_chars() == "1") & ~pl.col("symptom").is_in(
        list(NONE_OF_THEM)
    )
    marked = (
        annotations.frame.with_columns(
            pl.col("post_id").cast(pl.String),
            symptom=pl.col("DSM5_symptom").cast(pl.String).str.strip_chars(),
        )
        .group_by("post_id", "sentence_id", maintain_order=True)
        .agg(
            text=pl.col("sentence_text").first(),
            symptoms=pl.col("symptom").filter(present).str.to_lowercase().unique(maintain_order=True),
        )
        .drop("sentence_id")
    )
    return pl.concat([marked, _unmarked(posts.frame, marked=marked)])


def _unmarked(posts: pl.DataFrame, *, marked: pl.DataFrame) -> pl.DataFrame:
    taken: dict[str, list[str]] = {}
    for post, text in marked.select("post_id", "text").iter_rows():
        taken.setdefault(post, []).append(leak_key(text))
    rows = [
        (str(post), sentence)
        for post, text in posts.select("post_id", "text").iter_rows()
        for sentence in _SENTENCE_END.split(text)
        if _is_new(sentence, taken=taken.get(str(post), []))
    ]
    frame = pl.DataFrame(rows, schema={"post_id": pl.String, "text": pl.String}, orient="row")
    return frame.with_columns(symptoms=pl.lit([], dtype=pl.List(pl.String)))


def _is_new(sentence: str, *, taken: list[str]) -> bool:
    """Long enough to say something, and neither part of an annotated sentence nor around one."""
    key = leak_key(sentence)
    return len(sentence.split()) >= MIN_SENTENCE_WORDS and not any(
        key in other or other in key for other in taken
    )


def _post_level(posts: Table, sentences: pl.DataFrame) -> pl.DataFrame:
    """The posts with the symptoms of any of their sentences."""
    symptoms = sentences.group_by("post_id").agg(pl.col("symptoms").explode().drop_nulls().unique())
    frame = posts.frame.with_columns(pl.col("post_id").cast(pl.String))
    return frame.join(symptoms, on="post_id", how="left", maintain_order="left").with_columns(
        pl.coalesce("symptoms", pl.lit([], dtype=pl.List(pl.String)))
    )


def _examples(table: Table, spec: DataSpec) -> Examples:
    rows = table.frame["symptoms"].to_list()
    names = GROUPS[0].labels
    targets = np.array([[float(name in row) for name in names] for row in rows], dtype=np.float32)
    return examples_of(table, targets=targets, masks=np.ones_like(targets), language=spec.language)


def _sentence_split(learnt: Examples, *, held: Split, where: str) -> Split:
    """Sentences on the side of their post; those of posts that the split dropped are dropped too."""
    post = learnt.keys[0]
    sides = [set(side.keys[0].tolist()) for side in (held.train, held.validation)]
    train, validation = (np.flatnonzero([name in side for name in post.tolist()]) for side in sides)
    judged = replace(learnt.take(validation), times=None)
    return apart(replace(learnt.take(train), times=None), validation=judged, how=held.how, where=where)


def _facts(posts: Table, annotations: Table, *, held: Split, found: Split) -> dict[str, object]:
    return {
        "files": [posts.name, annotations.name],
        "split": held.how,
        "train_rows": len(found.train),
        "validation_rows": len(held.validation),
        "train_posts": len(held.train),
        "validation_sentences": len(found.validation),
        "dropped": {f"post: {why}": n for why, n in held.dropped.items()}
        | {f"sentence: {why}": n for why, n in found.dropped.items()},
    }
