"""Where heavy work is done: in this process, in processes beside it, or on a Ray cluster (`warehouse/on_ray.py`).

The same functions on the same pieces everywhere, so the answers are the same. Not for what the work is, and not for
models that learn from everything at once, which one process fits faster than two could share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import polars as pl

from warehouse.config import EngineConfig
from warehouse.scoring import Scorer

Job = TypeVar("Job")
Answer = TypeVar("Answer")
# A chunk of posts for each scorer, None for one that has none left.
Round = Sequence[pl.DataFrame | None]
# The scorer's place, its chunk, and what it said of it.
Scored = tuple[int, pl.DataFrame, pl.DataFrame]
READ = ("text", "lang")


class Engine(Protocol):
    """Does pieces of work and gives the answers in the order of the pieces."""

    def map(self, work: Callable[[Job], Answer], jobs: Sequence[Job]) -> list[Answer]:
        """Apply one picklable function to jobs."""
        ...

    def score(self, rounds: Iterable[Round], *, n_rounds: int, scorers: Sequence[Scorer]) -> Iterator[Scored]:
        """What the scorers say of chunks with `text` and `lang`: one answer a chunk, in order.

        Rounds are read only as they are needed. `n_rounds` is how many there are.
        """
        ...


class Alone:
    """One after the other, in this process."""

    def map(self, work: Callable[[Job], Answer], jobs: Sequence[Job]) -> list[Answer]:
        """See `Engine`."""
        return [work(job) for job in jobs]

    def score(self, rounds: Iterable[Round], *, n_rounds: int, scorers: Sequence[Scorer]) -> Iterator[Scored]:
        """See `Engine`; the scorers' own threads are all that is done at once."""
        del n_rounds
        for chunks in rounds:
            for place, (posts, scorer) in enumerate(zip(chunks, scorers, strict=True)):
                if posts is not None:
                    yield place, posts, scorer.score(posts.select(READ))


class Processes(Alone):
    """Jobs in processes beside this one. They are started anew, because forked ones may hang in other libraries."""

    def __init__(self, executor: Any) -> None:
        self._executor = executor

    def map(self, work: Callable[[Job], Answer], jobs: Sequence[Job]) -> list[Answer]:
        """See `Engine`."""
        return list(self._executor.map(work, jobs))


@contextmanager
def engine_of(settings: EngineConfig, *, cores: int = 1, gpus: int = 0) -> Iterator[Engine]:
    """The engine that `[engine]` asks for, gone when the block ends.

    On Ray a worker that scores takes so many cores and GPUs. Raises ConfigError where Ray is not installed or does not
    answer.
    """
    if settings.kind == "ray":
        from warehouse.on_ray import ray_engine

        with ray_engine(settings, cores=cores, gpus=gpus) as found:
            yield found
    elif settings.workers == 1:
        yield Alone()
    else:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        with ProcessPoolExecutor(settings.workers, mp_context=get_context("spawn")) as executor:
            yield Processes(executor)
