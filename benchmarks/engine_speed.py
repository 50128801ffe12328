"""Posts per second and core: our engine beside a plain transformers loop, interleaved, on sentences made up here.

Not a quality benchmark: the plain loop runs the same sizes of network, and only time is compared.
Run: python benchmarks/engine_speed.py [posts] [rounds]
"""

import random
import sys
import time
from collections.abc import Callable

import polars as pl
import torch
from transformers import AutoModel, AutoTokenizer

from classifiers.package import encoder_folder
from classifiers.score import EmotionScorer

OPENINGS = ("honestly", "well", "so today", "this morning", "again", "back home", "after all that")
SUBJECTS = (
    "the bus",
    "my sister",
    "our street",
    "the weather",
    "the team",
    "this phone",
    "the doctor",
    "work",
)
VERBS = (
    "made us laugh",
    "was late",
    "kept us waiting",
    "surprised everyone",
    "broke down",
    "looked wonderful",
)
ENDINGS = (
    "and I cannot stop smiling",
    "which is a shame",
    "as it always does",
    "but we will manage",
    "thanks a lot",
)


def made_up_posts(n: int, *, seed: int = 5) -> list[str]:
    """Different posts of about 36 word pieces each."""
    rng = random.Random(seed)
    return [
        " ".join(_sentence(rng) for _ in range(rng.choice((1, 2, 2, 3, 4, 5)))) + f" {i}" for i in range(n)
    ]


def _sentence(rng: random.Random) -> str:
    return f"{rng.choice(OPENINGS)} {rng.choice(SUBJECTS)} {rng.choice(VERBS)} {rng.choice(ENDINGS)}!"


def plain_loop(posts: list[str], *, batch: int = 32) -> None:
    """What a first script does: fixed batches in the given order, padded, full precision."""
    tokenizer, model = _plain()
    for start in range(0, len(posts), batch):
        inputs = tokenizer(posts[start : start + batch], padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            model(**inputs).last_hidden_state.mean(1)


_LOADED: list[tuple[object, object]] = []


def _plain() -> tuple[object, object]:
    if not _LOADED:
        folder = str(encoder_folder())
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        _LOADED.append((tokenizer, AutoModel.from_pretrained(folder, local_files_only=True).eval()))
    return _LOADED[0]


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of one call; the second is the fair one on a busy machine."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def main(n: int = 2_000, rounds: int = 3) -> None:
    """Print one row per way of scoring: the best round."""
    torch.set_num_threads(1)
    posts = made_up_posts(n)
    frame = pl.DataFrame({"text": posts, "lang": ["en"] * n})
    ours, reference = EmotionScorer(threads=1), EmotionScorer(threads=1, backend="torch-fp32")
    ways: dict[str, Callable[[], object]] = {
        "ours, int8": lambda: ours.score(frame),
        "ours, torch reference": lambda: reference.score(frame),
        "plain transformers loop": lambda: plain_loop(posts),
    }
    tokens = ours.score(frame.head(500))["n_tokens"].mean()
    for work in (lambda: reference.score(frame.head(10)), lambda: plain_loop(posts[:10])):
        work()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, work in ways.items():
            times[name].append(seconds(work))
    print(f"{n} different posts of {tokens:.0f} word pieces on average, one thread, best of {rounds} rounds")
    print(f"{'way':28}{'posts/s wall':>14}{'posts/s core':>14}")
    for name, taken in times.items():
        wall, processor = (n / min(column) for column in zip(*taken, strict=True))
        print(f"{name:28}{wall:14.0f}{processor:14.0f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
