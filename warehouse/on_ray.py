"""Work on a Ray cluster, or on this machine through Ray. Not for what the work is: `warehouse/engine.py` says that.

Scoring runs through Ray Data. Only this process may read the warehouse, so what Ray Data streams are the numbers of
rounds; the posts of a round lie ready in Ray's memory for the worker that takes its number, and only so many rounds
ahead as keep the workers busy. Nothing that a worker raises reaches Ray's logs: it comes back as an answer.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars as pl

from warehouse.config import EngineConfig, quiet_environment
from warehouse.engine import READ, Answer, Job, Round, Scored
from warehouse.errors import AffectcastError, ConfigError, MissingModelError, UnexpectedError
from warehouse.scoring import Scorer

# Rounds under way to a worker: the one it scores, and the next.
AHEAD = 2
# Workers that may die of the same round before the run gives up.
ATTEMPTS = 4
KNOCK_SECONDS = 10
DEAD = (
    f"scoring the same chunk of posts ended {ATTEMPTS} Ray workers, most likely for want of memory. Lower [score] "
    "chunk_posts, or give the machines more memory. What was scored before is kept."
)
LOST = (
    "the Ray cluster lost work for good ({what}). Every machine of it needs this version of affectcast, its packages "
    "and models, and enough memory. Run the same command again: it goes on where it stopped."
)


@contextmanager
def ray_engine(settings: EngineConfig, *, cores: int, gpus: int) -> Iterator[OnRay]:
    """Ray as `[engine]` names it, left when the block ends; one that this process has joined already is used as it is.

    Raises ConfigError where Ray is not installed, does not answer, or no machine has `cores` cores.
    """
    quiet_environment()
    try:
        import ray.data
    except ImportError as error:
        raise ConfigError(
            f"[engine] kind = 'ray': the package {error.name} is not installed. pip install 'affectcast[ray]'"
        ) from error
    begun = not ray.is_initialized()
    if begun:
        _join(ray, settings, cores=cores, gpus=gpus)
    try:
        yield OnRay(ray, workers=settings.workers, cores=cores, gpus=gpus)
    finally:
        if begun:
            ray.shutdown()


def _join(ray: Any, settings: EngineConfig, *, cores: int, gpus: int) -> None:
    """Join the cluster at the address or, without one, start Ray on this machine for this run only."""
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    if not settings.address:
        # The processor is shared if the workers ask for more than there is; waiting for cores would be for ever.
        ray.init(address="local", num_cpus=cores * settings.workers, include_dashboard=False, **quiet)
        return
    try:
        _knock(settings.address)
        ray.init(address=settings.address, **quiet)
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(
            f"[engine] address = '{settings.address}': no Ray cluster of this version answers there "
            f"({type(error).__name__}), or this machine does not belong to it. Start it with `ray start --head`, and "
            "`ray start --address=HOST:6379` on every other machine, this one too."
        ) from error


def _knock(address: str) -> None:
    """`OSError` where nothing listens; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if host:
        socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


class OnRay:
    """See `Engine`. `cores` and `gpus` are what one worker that scores takes."""

    def __init__(self, ray: Any, *, workers: int, cores: int = 1, gpus: int = 0) -> None:
        self._ray, self.workers, self.cores, self.gpus = ray, workers, cores, gpus

    def map(self, work: Callable[[Job], Answer], jobs: Sequence[Job]) -> list[Answer]:
        """See `Engine`; as many at once as there are workers. A job whose worker dies is done again."""
        task = self._ray.remote(work)
        answers: list[Any] = []
        busy: list[Any] = []
        for job in jobs:
            if len(busy) == self.workers:
                _, busy = self._ray.wait(busy, num_returns=1)
            answers.append(task.remote(job))
            busy.append(answers[-1])
        with self._losses():
            return list(self._ray.get(answers))

    def score(self, rounds: Iterable[Round], *, n_rounds: int, scorers: Sequence[Scorer]) -> Iterator[Scored]:
        """See `Engine`. Each worker is sent the scorers once and loads their models with its first posts."""
        if n_rounds == 0:
            return
        self._check_room()
        desk = self._ray.remote(num_cpus=0)(Desk).remote()
        answers = self._answers(desk, n_rounds=n_rounds, scorers=scorers)
        coming, under_way = enumerate(rounds), {}

        def lay_next() -> None:
            for number, chunks in coming:
                read = [None if posts is None else posts.select(READ) for posts in chunks]
                under_way[number] = (chunks, self._ray.put(read))
                # In a list, so that the desk is sent a reference and not the posts.
                self._ray.get(desk.lay.remote(number, [under_way[number][1]]))
                return

        try:
            with self._losses():
                for _ in range(AHEAD * self.workers):
                    lay_next()
                for number, answer in answers:
                    chunks, _ = under_way.pop(number)
                    desk.clear.remote(number)
                    lay_next()
                    yield from _told(answer, chunks=chunks)
        finally:
            answers.close()
            self._ray.kill(desk)

    def _answers(
        self, desk: Any, *, n_rounds: int, scorers: Sequence[Scorer]
    ) -> Generator[tuple[int, bytes], None, None]:
        """(number of a round, packed answer), in order of number.

        One task a worker at a time and numbers handed out in order: whoever waits for posts that do not lie ready yet
        has not taken the place of an earlier round, so the lowest number is always at work.
        """
        with warnings.catch_warnings():
            # Ray Data warns of settings that it makes itself.
            warnings.simplefilter("ignore")
            import pyarrow as pa
            from ray.data import ActorPoolStrategy, DataContext, from_arrow

            logging.getLogger("ray.data").setLevel(logging.ERROR)
            DataContext.get_current()
            numbers = from_arrow([pa.table({"round": [number]}) for number in range(n_rounds)])
            numbers.context.execution_options.preserve_order = True
            numbers.context.enable_progress_bars = False
            numbers.context.print_on_execution_start = False
            scored = numbers.map_batches(
                ScoringWorker,
                fn_constructor_kwargs={"desk": desk, "scorers": list(scorers), "of": version("affectcast")},
                batch_size=1,
                batch_format="pyarrow",
                compute=ActorPoolStrategy(size=self.workers, max_tasks_in_flight_per_actor=1),
                num_cpus=self.cores,
                num_gpus=self.gpus,
            )
        for batch in scored.iter_batches(batch_size=1, batch_format="pyarrow", prefetch_batches=0):
            yield batch["round"][0].as_py(), batch["answer"][0].as_py()

    def _check_room(self) -> None:
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if not any(m.get("CPU", 0) >= self.cores and m.get("GPU", 0) >= self.gpus for m in machines):
            raise ConfigError(
                f"[engine] kind = 'ray': no machine of the cluster has {self.cores} cores and {self.gpus} GPUs, which "
                "a worker that scores takes. Lower [score] threads, or start machines that have them."
            )

    @contextmanager
    def _losses(self) -> Iterator[None]:
        """What Ray raises as an error of ours; its own text may quote what a worker held."""
        from ray.exceptions import RayError, RayTaskError

        try:
            yield
        except RayError as error:
            cause = error.cause if isinstance(error, RayTaskError) else error
            if isinstance(cause, AffectcastError):
                raise type(cause)(cause.message) from None
            raise UnexpectedError(LOST.format(what=type(cause).__name__)) from None


def _told(answer: bytes, *, chunks: Round) -> Iterator[Scored]:
    found = pickle.loads(answer)
    if isinstance(found, AffectcastError):
        raise found
    for place, (posts, scores) in enumerate(zip(chunks, found, strict=True)):
        if posts is not None:
            yield place, posts, scores


class Desk:
    """Where the posts of rounds lie ready, as references, and where it is counted how often a round was taken."""

    def __init__(self) -> None:
        self._rounds: dict[int, list[Any]] = {}
        self._taken: dict[int, int] = {}
        self._changed = asyncio.Condition()

    async def lay(self, number: int, posts: list[Any]) -> None:
        """Lay a round ready."""
        async with self._changed:
            self._rounds[number] = posts
            self._changed.notify_all()

    async def take(self, number: int) -> list[Any] | None:
        """The round, once it lies ready; None after too many workers died of it."""
        async with self._changed:
            await self._changed.wait_for(lambda: number in self._rounds)
        self._taken[number] = self._taken.get(number, 0) + 1
        return self._rounds[number] if self._taken[number] <= ATTEMPTS else None

    async def clear(self, number: int) -> None:
        """Forget a round that is done."""
        self._rounds.pop(number, None)
        self._taken.pop(number, None)


class ScoringWorker:
    """One process of the cluster that holds the scorers, and so their models once they are loaded."""

    def __init__(self, *, desk: Any, scorers: Sequence[Scorer], of: str) -> None:
        self._desk, self._scorers, self._of = desk, scorers, of

    def __call__(self, batch: Any) -> Any:
        """A table with the number of one round → the number and the packed answer; raises nothing."""
        import pyarrow as pa

        number = batch["round"][0].as_py()
        answer = pickle.dumps(self._answer(number), protocol=5)
        return pa.table({"round": [number], "answer": pa.array([answer], type=pa.large_binary())})

    def _answer(self, number: int) -> list[pl.DataFrame | None] | AffectcastError:
        import ray

        if version("affectcast") != self._of:
            return ConfigError(
                f"a Ray worker has affectcast {version('affectcast')} and this machine {self._of}. Install the same "
                "version on every machine of the cluster."
            )
        taken = ray.get(self._desk.take.remote(number))
        if taken is None:
            return UnexpectedError(DEAD)
        chunks = ray.get(taken[0])
        try:
            return [
                None if posts is None else scorer.score(posts)
                for posts, scorer in zip(chunks, self._scorers, strict=True)
            ]
        except MissingModelError as error:
            return MissingModelError(
                f"on a Ray worker: {error.message} Every machine of the cluster needs the models at the same place."
            )
        except AffectcastError as error:
            return type(error)(f"on a Ray worker: {error.message}")
        except Exception as error:  # noqa: BLE001
            return UnexpectedError(f"scoring failed on a Ray worker: {_where(error)}. No post is shown here.")


def _where(error: Exception) -> str:
    """Kind and place of an error; never its text, which may quote a post."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
