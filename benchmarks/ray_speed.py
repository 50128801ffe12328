"""What scoring through Ray costs or gains on one machine: a lexicon and the fast classifier, here and there in turns.

`python benchmarks/ray_speed.py [--posts N] [--rounds N] [--out FILE]` (200,000 and 3). Posts are made up, and cut as a
night cuts them. A local way has as many threads as Ray has workers of one thread. Wall time, because that is what a
cluster is for; the first chunk, with which workers start and models load, is told apart.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import median

import polars as pl
from engine_speed import _processor, made_up_posts

from classifiers.score import ClassifierScorer
from lexicons.score import LexiconScorer
from warehouse.config import EngineConfig, quiet_environment
from warehouse.engine import Alone, Engine, engine_of
from warehouse.scoring import Scorer

RESULT = Path(__file__).parent / "results" / "ray_speed.md"
CHUNK = 20_000
WORKERS = (1, 2)


def scorer_of(name: str, *, threads: int) -> Scorer:
    """A scorer that has read nothing yet."""
    return (
        LexiconScorer(name, threads=threads) if name == "lexicon" else ClassifierScorer(name, threads=threads)
    )


def timed(engine: Engine, scorer: Scorer, posts: pl.DataFrame) -> tuple[float, float, pl.DataFrame]:
    """Seconds to the first chunk's scores, posts a second after it, and all scores."""
    starts = range(0, posts.height, CHUNK)

    def rounds() -> Iterator[tuple[pl.DataFrame]]:
        for start in starts:
            yield (posts.slice(start, CHUNK),)

    begun, parts, first = time.perf_counter(), [], 0.0
    for _, _, scores in engine.score(rounds(), n_rounds=len(starts), scorers=[scorer]):
        parts.append(scores)
        first = first or time.perf_counter() - begun
    return first, (posts.height - CHUNK) / (time.perf_counter() - begun - first), pl.concat(parts)


def race(posts: pl.DataFrame, *, rounds: int) -> Iterator[str]:
    """A row of the table for each scorer and way."""
    for name in ("lexicon", "emotion_fast"):
        scorer_of(name, threads=1).score(posts.head(100))
        taken: dict[tuple[str, int], list[tuple[float, float]]] = {}
        said: list[pl.DataFrame] = []
        for _ in range(rounds):
            for workers in WORKERS:
                first, rate, scores = timed(Alone(), scorer_of(name, threads=workers), posts)
                taken.setdefault(("local, threads", workers), []).append((first, rate))
                said.append(scores)
                with engine_of(EngineConfig(kind="ray", workers=workers)) as engine:
                    first, rate, scores = timed(engine, scorer_of(name, threads=1), posts)
                taken.setdefault(("Ray, workers", workers), []).append((first, rate))
                said.append(scores)
        assert all(scores.equals(said[0]) for scores in said)
        for (way, workers), times in taken.items():
            first, rate = (median(part) for part in zip(*times, strict=True))
            yield f"| {name} | {way} | {workers} | {first:.1f} | {rate:,.0f} |"


def main() -> None:
    """Race, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    quiet_environment()
    posts = pl.DataFrame({"text": made_up_posts(given.posts), "lang": ["en"] * given.posts})
    lines = [
        "# Scoring through Ray on one machine",
        "",
        f"Written by `benchmarks/ray_speed.py`: {given.rounds} rounds in turns, {given.posts:,} invented posts in "
        f"chunks of {CHUNK:,}, medians of wall time. Every way gave the same scores to the last bit. Seconds to the "
        "first chunk include the start of the workers, not that of Ray (3 to 10 seconds).",
        "",
        f"Machine: {_processor()}; Python {platform.python_version()}, ray {version('ray')}.",
        "",
        "| scorer | way | of them | seconds to the first chunk | posts/s after it |",
        "|---|---|---|---|---|",
        *race(posts, rounds=given.rounds),
    ]
    page = "\n".join(lines)
    print(page)
    given.out.write_text(page + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
