"""The shipped lexicons against people's labels; writes `lexicons/data/quality.csv`, which a run publishes.

Labelled sets are not part of the project: name the folder that holds them as Parquet files of text and labels.
Sets whose name ends in `_reviewed` were looked at while terms were chosen: their numbers are optimistic.
Run: python benchmarks/lexicon_quality.py FOLDER
"""

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flows.evaluation.evaluate import EvaluateSpec, evaluate
from flows.quality import SHIPPED_QUALITY, write_quality
from flows.scorers import make_scorer

GOEMOTIONS = {
    "anger": "anger", "annoyance": "anger", "disgust": "disgust", "fear": "fear", "joy": "joy", "love": "affection",
    "sadness": "sadness", "grief": "sadness", "surprise": "surprise", "nervousness": "anxiety", "optimism": "hope",
    "gratitude": "gratitude", "relief": "calm", "embarrassment": "shame", "remorse": "shame",
    "disappointment": "disappointment", "confusion": "confusion", "amusement": "joy", "excitement": "joy",
    "pride": "joy", "caring": "affection",
}  # fmt: skip
EKMAN = {name: name for name in ("anger", "disgust", "fear", "joy", "sadness", "surprise")}
WEIBO = {"fear": "fear", "disgust": "disgust", "optimism": "hope", "surprise": "surprise",
         "gratitude": "gratitude", "sadness": "sadness", "anger": "anger"}  # fmt: skip
WELLNESS = {
    name: name for name in ("spiritual", "physical", "intellectual", "social", "vocational", "emotional")
}
FIFTH = 5


@dataclass(frozen=True, kw_only=True)
class Task:
    """A labelled file, what its labels are called here, and whether the words were chosen with it in view."""

    file: str
    language: str
    names: dict[str, str]
    scorers: tuple[str, ...] = ("lexicon", "plutchik", "feelings")
    argmax: bool = False
    otherwise: str | None = None
    reviewed: bool = False
    held_out_fifth: bool = False


TASKS = (
    Task(file="tweeteval_emotion_en_val", language="en", argmax=True, otherwise="anger",
         names={"anger": "anger", "sadness": "sadness", "joy": "joy", "optimism": "hope"}),
    Task(file="goemotions_en_dev", language="en", names=GOEMOTIONS),
    Task(file="semeval2025_emotion_eng_dev", language="en", names=EKMAN),
    Task(file="emoevent_en_dev", language="en", names=EKMAN, argmax=True, otherwise="others"),
    Task(file="imhi_depression_en_val", language="en", names={"depression": "depression"}, scorers=("lexicon",)),
    Task(file="irf_interpersonal_risk_en_val", language="en", names={"thwarted_belongingness": "loneliness"},
         scorers=("lexicon",)),
    Task(file="dreaddit_stress_en_train", language="en", names={"stress": "stress"}, scorers=("lexicon",),
         reviewed=True),
    Task(file="sdcnl_suicide_vs_depression_en_train", language="en",
         names={"suicide_watch": "suicidal_thoughts"}, scorers=("symptoms",), reviewed=True),
    Task(file="multiwd_wellness_en_train", language="en", names=WELLNESS, scorers=("wellness",), reviewed=True),
    Task(file="semeval2025_emotion_esp_dev", language="es", names=EKMAN),
    Task(file="emoevent_es_dev", language="es", names=EKMAN, argmax=True, otherwise="others"),
    Task(file="semeval2025_emotion_chn_dev", language="zh", names=EKMAN),
    Task(file="weibo_covid_emotion_zh_train", language="zh", names=WEIBO, argmax=True, otherwise="optimism",
         held_out_fifth=True),
)  # fmt: skip


def main() -> None:
    """Evaluate every task and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the labelled Parquet files")
    folder = parser.parse_args().folder
    rows = pl.concat(part for task in TASKS for part in _task_rows(task, folder=folder))
    write_quality(rows, path=SHIPPED_QUALITY)
    print(
        rows.filter(pl.col("metric") == "macro_f1").select(
            "scorer", "lang", "dataset", "value", "low", "high"
        )
    )
    print(f"{rows.height} rows -> {SHIPPED_QUALITY.name}")


def _task_rows(task: Task, *, folder: Path) -> list[pl.DataFrame]:
    frame = pl.read_parquet(folder / f"{task.file}.parquet")
    if task.held_out_fifth:
        frame = frame.filter(pl.Series([_digest(text) % FIFTH == 0 for text in frame["text"]]))
    there = set(frame["labels"].explode().drop_nulls())
    is_macro = pl.col("metric").is_in(["macro_f1", "weighted_f1", "accuracy"])
    found = []
    for scorer in task.scorers:
        made = make_scorer(scorer)
        names = {
            label: name for label, name in task.names.items() if name in made.measures and label in there
        }
        if names:
            # The highest of several zeros and ones says little: rates are compared instead, below.
            found.append(_rows(frame, task=task, scorer=scorer, names=names).filter(~is_macro))
    if task.argmax:
        found.append(_rows(frame, task=task, scorer="lexicon_rate", names=task.names).filter(is_macro))
    return found


def _rows(frame: pl.DataFrame, *, task: Task, scorer: str, names: dict[str, str]) -> pl.DataFrame:
    suffix = "_reviewed" if task.reviewed else "_held_out_fifth" if task.held_out_fifth else ""
    spec = EvaluateSpec(
        dataset=task.file + suffix, language=task.language, names=names, otherwise=task.otherwise
    )
    return evaluate(frame, scorer=make_scorer(scorer), spec=spec, tell=lambda _label, _count: None)


def _digest(text: str) -> int:
    return int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(), 16)


if __name__ == "__main__":
    main()
