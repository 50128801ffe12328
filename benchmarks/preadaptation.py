"""Does masked-language-model adaptation before fine-tuning help? One base, three starts, the same fine-tuning each.

Not a search for the best model: few posts, few steps, one seed by default. The intervals are those of the validation
rows, paired; another seed moves the results too, which `--seeds` shows.
Run: python benchmarks/preadaptation.py LABELLED_FOLDER POSTS_FILE [--seeds N] [--adapt-steps N] [--steps N]
"""

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from classifiers.evaluate import Judged, one_of
from classifiers.hub.tokens import HubTokeniser
from classifiers.profiles import profile_series
from classifiers.recipes.adapt import adapt, take_over
from classifiers.recipes.bases import Base, find_base, open_classifier, open_tokeniser, saved
from classifiers.recipes.examples import Examples, Group, Task
from classifiers.recipes.judge import cells_of
from classifiers.recipes.loop import Checkpoint
from classifiers.recipes.options import AdaptSpec, DataSpec, TrainSpec
from classifiers.recipes.registry import make_task
from classifiers.recipes.scores import probabilities
from classifiers.recipes.trainer import Order, run_recipe
from flows.files import read_table
from flows.guides import guide_spans, shipped_guide

OUT = Path(__file__).parent / "results" / "preadaptation.md"
TOKENS = 64
POSTS = 6_000
EMOTIONS = ("anger", "joy", "optimism", "sadness")
STARTS = ("base", "emotion words", "depression words", "no guide")
RESAMPLES = 2_000


@dataclass(frozen=True)
class Run:
    """What one fine-tuning said of the validation rows, and the loss it ended with."""

    judged: Judged
    last_loss: float


def main() -> None:
    """Adapt, fine-tune, compare, write the page."""
    options = _options()
    started = time.monotonic()
    torch.set_num_threads(1)
    tasks = _tasks(options.labelled)
    texts = _texts(options.posts, n=options.n_posts)
    with tempfile.TemporaryDirectory() as folder:
        starts, facts = _starts(texts, options=options, folder=Path(folder))
        seeds = range(20_240, 20_240 + options.seeds)
        runs = {
            (name, start, seed): _run(task, base, seed=seed, options=options, folder=Path(folder))
            for name, task in tasks.items()
            for start, base in starts.items()
            for seed in seeds
        }
    minutes = (time.monotonic() - started) / 60
    page = _page(tasks, runs, facts=facts, options=options, n_posts=len(texts), minutes=minutes)
    OUT.write_text(page, encoding="utf-8")
    print(page)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labelled", type=Path)
    parser.add_argument("posts", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--adapt-steps", type=int, default=80)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch-tokens", type=int, default=1_024)
    parser.add_argument("--control", action="store_true", help="also adapt with words masked at random")
    parser.add_argument("--n-posts", type=int, default=POSTS)
    return parser.parse_args()


def _tasks(folder: Path) -> dict[str, Task]:
    """TweetEval emotion with its own validation part, MultiWD with a tenth held out."""
    parts = {
        split: pl.read_parquet(folder / f"tweeteval_emotion_en_{split}.parquet") for split in ("train", "val")
    }
    with tempfile.TemporaryDirectory() as made:
        for split, frame in parts.items():
            frame.filter(pl.col("labels").list.len() == 1).write_parquet(Path(made) / f"{split}.parquet")
        tweets = make_task(
            "labels", spec=DataSpec(path=Path(made), read=read_table, labels=EMOTIONS, exclusive=True)
        )
    wellness = make_task(
        "multiwd", spec=DataSpec(path=folder / "multiwd_wellness_en_train.parquet", read=read_table)
    )
    return {"tweeteval_emotion": tweets, "multiwd": wellness}


def _texts(path: Path, *, n: int) -> list[str]:
    """Different profiled posts, one a person, in the order of a hash of the person."""
    frame = pl.read_csv(path, columns=["author", "body"], infer_schema=False).drop_nulls().unique("body")
    drawn = frame.sort(pl.col("author").hash(seed=20_240), "body").unique(
        "author", keep="first", maintain_order=True
    )
    texts = profile_series(drawn.head(n)["body"])
    return texts.filter(texts.str.len_chars() > 0).to_list()


def _starts(
    texts: list[str], *, options: argparse.Namespace, folder: Path
) -> tuple[dict[str, Base], dict[str, dict[str, Any]]]:
    """The base, and folders of the same base after each adaptation."""
    base = find_base(None)
    guides = {
        "emotion words": (guide_spans(shipped_guide("emotion", language="en")), 0.5),
        "depression words": (guide_spans(shipped_guide("depression", language="en")), 0.5),
    }
    if options.control:
        guides["no guide"] = (lambda some: [[] for _ in some], 0.0)
    starts, facts = {"base": base}, {}
    for name, (guide, k) in guides.items():
        spec = AdaptSpec(
            texts,
            guide,
            name,
            options.posts.name,
            probability=k,
            max_steps=options.adapt_steps,
            max_tokens=TOKENS,
        )
        pieces = open_tokeniser(base)
        checkpoint = Checkpoint(folder / "adapting.pt", name, resume=False)
        made = adapt(base, pieces=pieces, spec=spec, train=TrainSpec(), device="cpu", checkpoint=checkpoint)
        model = open_classifier(base, groups=[Group("none", ("no", "yes"), "softmax")], seed=0)
        take_over(model, encoder=made.encoder)
        saved(model, pieces=pieces, folder=folder / name)
        starts[name], facts[name] = find_base(str(folder / name)), made.facts
        print(f"adapted: {name}, {made.facts}", flush=True)
    return starts, facts


def _run(task: Task, base: Base, *, seed: int, options: argparse.Namespace, folder: Path) -> Run:
    train = TrainSpec(
        epochs=50,
        max_steps=options.steps,
        seed=seed,
        max_tokens=TOKENS,
        device="cpu",
        batch_tokens=options.batch_tokens,
    )
    out = folder / "tuned"
    meta = run_recipe(Order(task=task, base=base, out=out, train=train, force=True))
    tuned = find_base(str(out))
    judged = _judged(task, base=tuned, meta=meta)
    print(f"tuned: {task.recipe} from {base.name}, seed {seed}: {meta['metrics']['macro_f1']}", flush=True)
    return Run(judged, meta["training"]["last_loss"])


def _judged(task: Task, *, base: Base, meta: dict[str, Any]) -> Judged:
    """What the tuned model says: its most probable label, or each label at its own threshold."""
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(base.source)
    tokeniser = HubTokeniser(open_tokeniser(base).tokenizer, window=TOKENS)
    rows: Examples = task.validation
    flat = probabilities(
        model, rows.texts, tokeniser=tokeniser, groups=task.groups, pooling=task.pooling, device="cpu"
    )
    if task.groups[0].activation == "softmax":
        return one_of(rows.targets > 0, flat)
    cells = cells_of(flat, rows, groups=task.groups)
    fits, names = meta["calibration"], meta["measures"]
    odds = cells.odds * [fits[n]["slope"] for n in names] + [fits[n]["offset"] for n in names]
    limits = np.array([meta["thresholds"]["en"].get(n, np.nan) for n in names])
    return Judged(cells.truth, odds >= np.log(limits / (1 - limits)), cells.known)


def _macro(judged: Judged, weights: np.ndarray) -> np.ndarray:
    """Macro-F1 in each resample; `weights` (resamples, rows)."""
    counts = judged.counts().astype(np.float64)
    drawn = np.tensordot(weights, counts, axes=1)
    hit, false_alarm, missed = drawn[..., 0], drawn[..., 1], drawn[..., 2]
    return (2 * hit / np.maximum(2 * hit + false_alarm + missed, 1)).mean(axis=1)


def _compared(runs: list[Run], against: list[Run]) -> tuple[np.ndarray, np.ndarray]:
    """(mean macro-F1, difference to `against`), each as value, low, high; means over seeds, rows resampled together."""
    n = len(runs[0].judged.truth)
    drawn = np.random.default_rng(7).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    weights = np.concatenate([np.ones((1, n)), drawn])
    ours, theirs = (
        np.mean([_macro(run.judged, weights) for run in some], axis=0) for some in (runs, against)
    )
    return _interval(ours), _interval(ours - theirs)


def _interval(values: np.ndarray) -> np.ndarray:
    return np.array([values[0], *np.quantile(values[1:], [0.025, 0.975])])


def _page(
    tasks: dict[str, Task],
    runs: dict[tuple[str, str, int], Run],
    *,
    facts: dict[str, dict[str, Any]],
    options: argparse.Namespace,
    n_posts: int,
    minutes: float,
) -> str:
    adapting, tuning, size = options.adapt_steps, options.steps, options.batch_tokens
    lines = [
        "# Masked-language-model adaptation before fine-tuning",
        "",
        f"`python benchmarks/preadaptation.py LABELLED POSTS --adapt-steps {adapting} --steps {tuning}`:",
        f"all-MiniLM-L6-v2; {adapting} steps of masked-language modelling on some of {n_posts:,} unlabelled posts",
        f"of English mental-health forums (one a person, at most {TOKENS} word pieces); then {tuning} steps of",
        f"fine-tuning with the same settings from each start. A step reads at most {size:,} word pieces, so",
        f"adaptation read {adapting * size:,} at most. {options.seeds} seed(s). The run took",
        f"{minutes:.0f} minutes on a core shared with other work.",
        "",
        "| start | guide words, share of all | loss, first to last steps |",
        "|---|---|---|",
        *(
            f"| {name} | {f['guide_share_of_words']:.1%} | {f['first_loss']:.2f} to {f['last_loss']:.2f} |"
            for name, f in facts.items()
        ),
        "",
        "Macro-F1 on validation, and its difference to the base, with 95 % intervals over the rows (paired):",
        "",
        "| data | validation rows | start | macro-F1 | difference to the base |",
        "|---|---|---|---|---|",
    ]
    for name, task in tasks.items():
        found = {
            start: [run for (t, s, _), run in runs.items() if (t, s) == (name, start)] for start in STARTS
        }
        by_start = {start: some for start, some in found.items() if some}
        for start, some in by_start.items():
            value, difference = _compared(some, by_start["base"])
            shown = "" if start == "base" else _shown(difference, signed=True)
            lines.append(f"| {name} | {len(task.validation)} | {start} | {_shown(value)} | {shown} |")
    return "\n".join([*lines, "", *_reading(), ""])


def _reading() -> list[str]:
    return [
        "`no guide` (with `--control`) hides 15 % of words at random: what is due to the posts, not to a guide.",
        "MultiWD is judged at thresholds chosen on the same rows, TweetEval by its most probable label. The intervals",
        "hold for these weights only: with one seed a difference between starts may be one between runs.",
    ]


def _shown(values: np.ndarray, *, signed: bool = False) -> str:
    form = "{:+.3f} [{:+.3f}, {:+.3f}]" if signed else "{:.3f} [{:.3f}, {:.3f}]"
    return form.format(*values)


if __name__ == "__main__":
    main()
