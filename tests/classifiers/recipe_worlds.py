"""Made-up labelled data in the shapes that recipes read; every sentence is put together from our own words."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pyarrow import ipc

from classifiers.recipes.options import DataSpec
from classifiers.recipes.redsm5 import SYMPTOMS
from flows.files import read_table

WORDS = [
    "river", "lamp", "pencil", "gravel", "orchard", "copper", "window", "saddle", "velvet", "harbour",
    "kettle", "meadow", "ribbon", "anchor", "timber", "pebble", "lantern", "marble", "thistle", "basket",
    "cellar", "hammer", "willow", "button", "carpet", "feather", "garden", "island", "jacket", "ladder",
    "mirror", "needle", "oyster", "pillow", "quilt", "raisin", "shovel", "ticket", "uncle", "valley",
    "walnut", "yellow", "zipper", "bottle", "candle", "dragon", "engine",
]  # fmt: skip
FIG_CLASSES = {"temporal": 4, "context_pri": 5, "interpersonal_pri": 5, "interaction": 5}


def sentences(n: int, *, seed: int = 3, words: int = 9) -> list[str]:
    """Different sentences that are not nearly one another."""
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, words, replace=False)) + f" {i}" for i in range(n)]


def data_spec(path: Path, **more: Any) -> DataSpec:
    """A spec that reads plain tables as the command does."""
    return DataSpec(path=path, read=read_table, **more)


def fig_frame(n: int, *, seed: int = 5) -> pl.DataFrame:
    """FIG-Loneliness as published: one-hot `lonely`, votes of three annotators, zeros where not lonely."""
    rng = np.random.default_rng(seed)
    lonely = rng.permutation(np.arange(n) % 2)
    columns: dict[str, Any] = {
        "idx": list(range(n)),
        "unique_id": [f"id{seed}_{i}" for i in range(n)],
        "text": sentences(n, seed=seed),
        "lonely": np.eye(2, dtype=int)[lonely].tolist(),
    }
    for name, classes in FIG_CLASSES.items():
        drawn = rng.multinomial(3, np.full(classes, 1 / classes), size=n)
        columns[name] = (drawn * lonely[:, None]).tolist()
    return pl.DataFrame(columns)


def save_to_disk(frame: pl.DataFrame, *, folder: Path, parts: int = 1) -> Path:
    """The folder that `Dataset.save_to_disk` writes: Arrow streams and a state."""
    folder.mkdir(parents=True)
    size = -(-frame.height // parts)
    names = []
    for i in range(parts):
        table = frame.slice(i * size, size).to_arrow()
        names.append(f"data-{i:05d}-of-{parts:05d}.arrow" if parts > 1 else "dataset.arrow")
        with ipc.new_stream(str(folder / names[-1]), table.schema) as writer:
            writer.write_table(table)
    state = {"_data_files": [{"filename": name} for name in names], "_split": "train", "_format_type": None}
    (folder / "state.json").write_text(json.dumps(state), encoding="utf-8")
    (folder / "dataset_info.json").write_text("{}", encoding="utf-8")
    return folder


def fig_folder(folder: Path, *, train: int = 160, dev: int = 60) -> Path:
    """train_set, dev_set and a test_set whose file nothing may open."""
    save_to_disk(fig_frame(train), folder=folder / "train_set")
    save_to_disk(fig_frame(dev, seed=6), folder=folder / "dev_set")
    (folder / "test_set").mkdir()
    (folder / "test_set" / "dataset.arrow").write_bytes(b"not to be read")
    return folder


def redsm5_tables(n: int = 120, *, seed: int = 8) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Posts of four sentences; the first is annotated with one of the symptoms, or as a special case."""
    rng = np.random.default_rng(seed)
    parts = sentences(4 * n, seed=seed)
    posts, annotations = [], []
    for i in range(n):
        four = [f"{sentence.capitalize()}." for sentence in parts[4 * i : 4 * i + 4]]
        posts.append({"post_id": f"s_{i}", "text": " ".join(four)})
        kind = (*SYMPTOMS, "SPECIAL_CASE")[i % 10]
        annotations.append(_annotation(i, sentence=four[0], number=1, symptom=kind, status=1))
        if i % 3 == 0:
            absent = str(rng.choice(SYMPTOMS))
            annotations.append(_annotation(i, sentence=four[1], number=2, symptom=absent, status=0))
    return pl.DataFrame(posts), pl.DataFrame(annotations)


def _annotation(post: int, *, sentence: str, number: int, symptom: str, status: int) -> dict[str, Any]:
    return {
        "post_id": f"s_{post}", "sentence_id": f"s_{post}_{number}", "sentence_text": sentence,
        "DSM5_symptom": symptom, "status": status, "explanation": "made up",
    }  # fmt: skip


def redsm5_folder(folder: Path, *, posts: pl.DataFrame, annotations: pl.DataFrame) -> Path:
    """Both tables under their published names."""
    folder.mkdir(parents=True, exist_ok=True)
    posts.write_csv(folder / "redsm5_posts.csv")
    annotations.write_csv(folder / "redsm5_annotations.csv")
    return folder


def labelled_frame(
    n: int = 120, *, labels: tuple[str, ...] = ("calm", "hurry"), seed: int = 9
) -> pl.DataFrame:
    """text and labels (list): every label in a third of the rows, each by itself."""
    rng = np.random.default_rng(seed)
    rows = [[name for name in labels if rng.random() < 1 / 3] for _ in range(n)]
    return pl.DataFrame(
        {"text": sentences(n, seed=seed), "labels": rows}, schema_overrides={"labels": pl.List(pl.String)}
    )


def one_of_frame(
    n: int = 120, *, labels: tuple[str, ...], column: str = "label", seed: int = 10
) -> pl.DataFrame:
    """text and exactly one label, in turn."""
    return pl.DataFrame(
        {"text": sentences(n, seed=seed), column: [labels[i % len(labels)] for i in range(n)]}
    )


def wellness_frame(n: int = 120, *, seed: int = 11) -> pl.DataFrame:
    """MultiWD as published: a text and six 0/1 columns."""
    rng = np.random.default_rng(seed)
    names = ("Spiritual", "Physical", "Intellectual", "Social", "Vocational", "Emotional")
    return pl.DataFrame(
        {"text": sentences(n, seed=seed)} | {name: rng.integers(0, 2, n).tolist() for name in names}
    )
