"""`affectcast train`: puts recipes, the user's files and the lexicons together. Learns nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from classifiers.profiles import profile_text
from classifiers.recipes.bases import find_base
from classifiers.recipes.examples import Task, measures_of
from classifiers.recipes.folder import prepare_folder
from classifiers.recipes.options import AdaptSpec, DataSpec, TrainSpec
from classifiers.recipes.registry import EMBEDDED, make_task
from flows.files import read_table
from flows.guides import Guide, guide_spans, own_guide, shipped_guide
from warehouse.errors import InputError, UsageError

if TYPE_CHECKING:
    from classifiers.recipes.trainer import Tell

NEEDS_POSTS = ("leia",)
BUILD = ".build"


@dataclass(frozen=True)
class AdaptOptions:
    """Unlabelled posts to adapt on first, and the words whose masking is guided."""

    posts: Path | None = None
    column: str = "text"
    guide: Guide = "emotion"
    lexicon: Path | None = None
    probability: float = 0.5
    max_steps: int = 0
    epochs: int = 1
    max_tokens: int = 64


@dataclass(frozen=True)
class TrainOptions:
    """What the command line says."""

    recipe: str
    data: Path
    out: Path
    base: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"
    labels: tuple[str, ...] = ()
    exclusive: bool = False
    train: TrainSpec = field(default_factory=TrainSpec)
    adapt: AdaptOptions = field(default_factory=AdaptOptions)
    resume: bool = False
    force: bool = False


def plan(options: TrainOptions) -> tuple[Task, list[str]]:
    """The task, and lines that say what would be done; writes nothing.

    Raises InputError, UsageError and MissingModelError as the training itself would before its first step.
    """
    if not options.force:
        prepare_folder(options.out, resume=options.resume, force=False)
    task = _task(options)
    base = find_base(options.base)
    lines = [
        f"recipe {task.recipe}: {len(task.train):,} rows to learn from, {len(task.validation):,} to validate on "
        f"({task.data['split']})",
        "left out of training: "
        + (", ".join(f"{n:,} {why}" for why, n in task.data["dropped"].items() if n) or "none"),
        f"measures: {', '.join(measures_of(task.groups))}",
        f"base: {base.name} (licence: {base.licence}); languages: {', '.join(task.languages)}",
        *task.notes,
    ]
    adapt = _adapt_spec(options)
    if adapt is not None:
        lines.append(
            f"adapts on {len(adapt.texts):,} posts of {adapt.source} first, guided by {adapt.guide_name}"
        )
    return task, lines


def train(options: TrainOptions, *, task: Task, tell: Tell | None = None) -> dict[str, Any]:
    """Train on the planned task and write the folder; the description that was written."""
    from classifiers.recipes.trainer import Order, run_recipe

    order = Order(
        task=task,
        base=find_base(options.base),
        out=options.out,
        train=options.train,
        adapt=_adapt_spec(options),
        resume=options.resume,
        force=options.force,
    )
    return run_recipe(order, tell=tell)


def train_embedded(options: TrainOptions) -> str:
    """Retrain the shipped English model; its new version. `--data` is a folder of labelled sets, `--posts` of posts.

    Raises UsageError where a folder is not given, or what the training needs is not installed.
    """
    from classifiers.recipes.embedded import run
    from classifiers.train import Recipe

    if options.adapt.posts is None:
        raise UsageError(f"--recipe {EMBEDDED}: name the folder of community posts with --posts.")
    defaults = Recipe()
    recipe = Recipe(
        epochs=options.train.epochs, max_steps=options.train.max_steps, threads=options.train.threads
    )
    return run(
        data_dir=options.data,
        posts_dir=options.adapt.posts,
        out_dir=options.out,
        build_dir=options.out / BUILD,
        recipe=recipe if options.train != TrainSpec() else defaults,
        grades=vad_grades,
    )


def vad_grades(texts: Sequence[str]) -> np.ndarray:
    """Float64 (texts, 3): valence, arousal and dominance of English texts by our words, NaN where none is graded."""
    from lexicons.score import LexiconScorer

    posts = pl.DataFrame({"text": list(texts)}, schema={"text": pl.String}).with_columns(lang=pl.lit("en"))
    scored = LexiconScorer("vad").score(posts).select("valence", "arousal", "dominance")
    return scored.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _task(options: TrainOptions) -> Task:
    if options.recipe in NEEDS_POSTS and options.adapt.posts is None:
        raise UsageError(
            f"--recipe {options.recipe}: name unlabelled posts to adapt on with --posts FILE; without adaptation take "
            "the recipe `labels` with --exclusive."
        )
    if (options.labels or options.exclusive) and options.recipe != "labels":
        raise UsageError(
            f"--labels and --exclusive: only with --recipe labels; {options.recipe} has labels of its own."
        )
    return make_task(
        options.recipe,
        spec=DataSpec(
            path=options.data,
            read=read_table,
            columns=options.columns,
            language=options.language,
            labels=options.labels,
            exclusive=options.exclusive,
            seed=options.train.seed,
        ),
    )


def _adapt_spec(options: TrainOptions) -> AdaptSpec | None:
    chosen = options.adapt
    if chosen.posts is None:
        return None
    own = chosen.lexicon is not None
    lexicon = (
        own_guide(chosen.lexicon, language=options.language)
        if chosen.lexicon is not None
        else shipped_guide(chosen.guide, language=options.language)
    )
    return AdaptSpec(
        texts=_posts(chosen.posts, column=chosen.column).to_list(),
        guide=guide_spans(lexicon),
        guide_name=f"{lexicon.name}" if own else f"{lexicon.name} {lexicon.version}",
        source=chosen.posts.name,
        probability=chosen.probability,
        epochs=chosen.epochs,
        max_steps=chosen.max_steps,
        max_tokens=chosen.max_tokens,
    )


def _posts(path: Path, *, column: str) -> pl.Series:
    """Different profiled texts of the file's column."""
    frame = read_table(path)
    if column not in frame.columns:
        raise InputError(
            f"{path}: no column {column}. Found: {', '.join(frame.columns)}. Name it with --posts-column."
        )
    texts = frame.select(text=profile_text(pl.col(column).cast(pl.String)))["text"]
    kept = texts.drop_nulls().filter(texts.drop_nulls().str.len_chars() > 0).unique(maintain_order=True)
    if kept.is_empty():
        raise InputError(f"{path}: no row has text in column {column}. Expected unlabelled posts.")
    return kept
