"""Posts per second and core of the fast tier beside the encoder, whole path, interleaved, on posts made up here.

Not a quality benchmark: what the fast tier loses in quality stands in its card.
Run: python benchmarks/fast_tier_speed.py [posts] [rounds]
"""

import sys
from collections.abc import Callable
from itertools import count

import polars as pl
import torch
from engine_speed import made_up_posts, seconds

from classifiers.artefacts import EMBEDDED, load_artefact
from classifiers.ngram.model import NgramModel
from flows.scorers import make_scorer

ENCODER_POSTS = 500
Times = list[tuple[float, float]]


def main(n: int = 20_000, rounds: int = 3) -> None:
    """Print one row per way of scoring: the best round."""
    torch.set_num_threads(1)
    posts = made_up_posts(n)
    texts = pl.Series(posts, dtype=pl.String)
    few = pl.DataFrame({"text": posts[:ENCODER_POSTS], "lang": ["en"] * min(n, ENCODER_POSTS)})
    rounds_so_far = count()

    def unseen() -> pl.DataFrame:
        """The same posts with a number behind each: the scorer remembers what it has read."""
        return few.with_columns(text=pl.format("{} {}", "text", pl.lit(next(rounds_so_far))))

    model = NgramModel(load_artefact(EMBEDDED / "fast_en"))
    encoder = make_scorer("emotion", threads=1)
    ways: dict[str, tuple[int, Callable[[], object]]] = {
        "fast_en, all measures": (n, lambda: model.probabilities(texts, lang="en")),
        "encoder": (few.height, lambda: encoder.score(unseen())),
    }
    for _, work in ways.values():
        work()
    times: dict[str, Times] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, (_, work) in ways.items():
            times[name].append(seconds(work))
    _report(ways, times, words=float(texts.str.split(" ").list.len().mean() or 0))  # type: ignore[arg-type]


def _report(
    ways: dict[str, tuple[int, Callable[[], object]]], times: dict[str, Times], *, words: float
) -> None:
    rates = {
        name: [ways[name][0] / min(column) for column in zip(*taken, strict=True)]
        for name, taken in times.items()
    }
    print(f"posts of {words:.0f} words on average, one thread, best of {len(times['encoder'])} rounds")
    print(f"{'way':28}{'posts':>8}{'posts/s wall':>14}{'posts/s core':>14}")
    for name, (wall, core) in rates.items():
        print(f"{name:28}{ways[name][0]:8}{wall:14.0f}{core:14.0f}")
    print(
        f"the fast tier reads {rates['fast_en, all measures'][1] / rates['encoder'][1]:.0f} posts in the time of one"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
