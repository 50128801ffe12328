"""Where fits that need nothing but their own series are done: here, in processes beside this one, or on a Ray cluster.

The same function and the same chunks everywhere, so the answers are the same. Not for models that learn from all series
at once, which one process fits faster than two could share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from warehouse.errors import ConfigError

# Series to a chunk: large enough that sending it costs nothing, small enough that all workers finish together.
CHUNK = 25
RAY = "ray"
Job = TypeVar("Job")
Answer = TypeVar("Answer")


class Workers(Protocol):
    """Applies one picklable function to jobs, in their order."""

    def map(self, work: Callable[[Job], Answer], jobs: Sequence[Job]) -> list[Answer]: ...


class Alone:
    """One after the other, in this process."""

    def map(self, work: Callable[[Job], Answer], jobs: Sequence[Job]) -> list[Answer]:
        return [work(job) for job in jobs]


class Processes:
    """So many processes beside this one. They are started anew, because forked ones may hang in other libraries."""

    def __init__(self, executor: Any) -> None:
        self._executor = executor

    def map(self, work: Callable[[Job], Answer], jobs: Sequence[Job]) -> list[Answer]:
        return list(self._executor.map(work, jobs))


class Ray:
    """The Ray cluster that this machine belongs to or, without one, the cores of this machine."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def map(self, work: Callable[[Job], Answer], jobs: Sequence[Job]) -> list[Answer]:
        task = self._ray.remote(work)
        return list(self._ray.get([task.remote(job) for job in jobs]))


def check_workers(workers: str) -> None:
    """`ConfigError` for what is neither a number from 1 on nor `ray`."""
    if workers != RAY and not (workers.isdecimal() and int(workers) >= 1):
        raise ConfigError(
            f"workers = '{workers}': expected a number of processes from 1 on, or '{RAY}' for a Ray cluster."
        )


@contextmanager
def workers_of(workers: str) -> Iterator[Workers]:
    """Workers by number or `ray`, gone when the block ends."""
    check_workers(workers)
    if workers == RAY:
        with _ray() as found:
            yield found
    elif int(workers) == 1:
        yield Alone()
    else:
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        with ProcessPoolExecutor(int(workers), mp_context=get_context("spawn")) as executor:
            yield Processes(executor)


@contextmanager
def _ray() -> Iterator[Workers]:
    try:
        import ray
    except ImportError as error:
        raise ConfigError("workers = 'ray': the package ray is not installed. pip install ray") from error
    begun = not ray.is_initialized()
    if begun:
        try:
            ray.init(address="auto", logging_level="ERROR", log_to_driver=False)
        except ConnectionError:
            ray.init(include_dashboard=False, logging_level="ERROR", log_to_driver=False)
    try:
        yield Ray(ray)
    finally:
        if begun:
            ray.shutdown()
