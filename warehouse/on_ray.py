"""Work on a Ray cluster, or on this machine through Ray. Not for what the work is: `warehouse/engine.py` says that.

Scoring runs through Ray Data. Only this process may read the warehouse, so what Ray Data streams are the numbers of
rounds; the posts of a round lie ready in Ray's memory for the worker that takes its number, and only so many rounds
ahead as keep the workers busy. Nothing that a worker raises reaches Ray's logs: it comes back as an answer.

Ray Data gives a round to another worker only if the first can be started again, which it waits for without end where a
machine is gone. So a worker is never started again here: its loss ends Ray Data's run, and another one goes on with the
machines that are left, at the first round that was not answered.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import socket
import tempfile
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
# Losses of workers, with no round answered between them, before the run gives up.
ATTEMPTS = 4
KNOCK_SECONDS = 10
# After so long without an answer Ray Data gives up. A large chunk may well take a slow encoder two hours.
STILL_SECONDS = 6 * 3600
# Sockets lie in the folder, and their paths have at most 103 bytes, of which Ray's own names take 65.
LONGEST_PARENT = 24
DEAD = (
    f"scoring the same chunk of posts ended {ATTEMPTS} Ray workers ({{what}}): most likely for want of memory, or "
    "machines were lost or lack this version of affectcast or its packages. Lower [score] chunk_posts, or give the "
    "machines more memory. What was scored before is kept: the same command goes on where this one stopped."
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
    with ExitStack() as left:
        if not ray.is_initialized():
            folder = "" if settings.address else left.enter_context(_private_folder())
            left.callback(ray.shutdown)
            _join(ray, settings, cores=cores, folder=folder)
        yield OnRay(ray, workers=settings.workers, cores=cores, gpus=gpus)


@contextmanager
def _private_folder() -> Iterator[str]:
    """Where a Ray of this run's own keeps sockets, logs and what its memory cannot hold; removed in the end.

    Ray opens the folder it is given to everybody, so it is given one inside a folder that nobody else may enter.
    """
    parent = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(
        prefix="ray", dir=parent if len(parent) <= LONGEST_PARENT else "/tmp", ignore_cleanup_errors=True
    ) as folder:
        yield f"{folder}/r"


def _join(ray: Any, settings: EngineConfig, *, cores: int, folder: str) -> None:
    """Join the cluster at the address or, without one, start Ray on this machine for this run only."""
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    if not settings.address:
        # The processor is shared if the workers ask for more than there is; waiting for cores would be for ever.
        own = {"num_cpus": cores * settings.workers, "include_dashboard": False, "_temp_dir": folder}
        ray.init(address="local", **own, **quiet)
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
                busy = self._waited(busy, n_done=1)
            answers.append(task.remote(job))
            busy.append(answers[-1])
        self._waited(answers, n_done=len(answers))
        with self._losses():
            return list(self._ray.get(answers))

    def _waited(self, jobs: list[Any], *, n_done: int) -> list[Any]:
        """The jobs that are left when so many are done; an error if none of the machines that are left can do them."""
        while jobs:
            done, rest = self._ray.wait(jobs, num_returns=n_done, timeout=KNOCK_SECONDS, fetch_local=False)
            if len(done) == n_done:
                return list(rest)
            self._check_room(cores=1, gpus=0)
        return []

    def score(self, rounds: Iterable[Round], *, n_rounds: int, scorers: Sequence[Scorer]) -> Iterator[Scored]:
        """See `Engine`. Each worker is sent the scorers once and loads their models with its first posts."""
        if n_rounds == 0:
            return
        self._check_room(cores=self.cores, gpus=self.gpus)
        desk = self._desk()
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

    def _desk(self) -> Any:
        """On this machine, so that it is lost with this process and not with another machine."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        here = self._ray.get_runtime_context().get_node_id()
        place = NodeAffinitySchedulingStrategy(node_id=here, soft=False)
        return self._ray.remote(num_cpus=0, scheduling_strategy=place)(Desk).remote()

    def _answers(
        self, desk: Any, *, n_rounds: int, scorers: Sequence[Scorer]
    ) -> Generator[tuple[int, bytes], None, None]:
        """(number of a round, packed answer), in order of number, whatever workers are lost on the way.

        After a second loss one worker does the first round that was not answered alone, so that a round that ends
        workers is told from the others that were under way, and stops none of those before it.
        """
        from ray.exceptions import RayError, RayTaskError

        done = losses = 0
        while done < n_rounds:
            last, workers = (done + 1, 1) if losses > 1 else (n_rounds, min(self.workers, n_rounds - done))
            answers = self._run(desk, rounds=range(done, last), workers=workers, scorers=scorers)
            try:
                for answer in answers:
                    yield answer
                    done, losses = done + 1, 0
            except RayTaskError:
                raise
            except RayError as error:
                losses += 1
                if losses == ATTEMPTS:
                    raise UnexpectedError(DEAD.format(what=type(error).__name__)) from None
                self._check_room(cores=self.cores, gpus=self.gpus)
            finally:
                answers.close()

    def _run(
        self, desk: Any, *, rounds: Sequence[int], workers: int, scorers: Sequence[Scorer]
    ) -> Generator[tuple[int, bytes], None, None]:
        """One run of Ray Data, which ends with a RayError where a worker is lost.

        One task a worker at a time and numbers handed out in order: whoever waits for posts that do not lie ready yet
        has not taken the place of an earlier round, so the lowest number is always at work.
        """
        shift = self._ray.get(desk.shift.remote())
        with warnings.catch_warnings():
            # Ray Data warns of settings that it makes itself.
            warnings.simplefilter("ignore")
            from ray.data import ActorPoolStrategy, DataContext, from_items

            DataContext.get_current()
            # It would print every loss with its traces.
            logging.getLogger("ray.data").setLevel(logging.CRITICAL)
            # Unlike other sources it needs no core to be read, which workers of the last run may still hold.
            numbers = from_items([{"round": number} for number in rounds], override_num_blocks=len(rounds))
            numbers.context.execution_no_progress_timeout_s = STILL_SECONDS
            numbers.context.execution_options.preserve_order = True
            numbers.context.enable_progress_bars = False
            numbers.context.print_on_execution_start = False
            scored = numbers.map_batches(
                ScoringWorker,
                fn_constructor_kwargs={
                    "desk": desk,
                    "shift": shift,
                    "scorers": list(scorers),
                    "of": version("affectcast"),
                },
                batch_size=1,
                batch_format="pyarrow",
                compute=ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=1),
                num_cpus=self.cores,
                num_gpus=self.gpus,
                max_restarts=0,
            )
        try:
            for batch in scored.iter_batches(batch_size=1, batch_format="pyarrow", prefetch_batches=0):
                yield batch["round"][0].as_py(), batch["answer"][0].as_py()
        finally:
            # Ray Data would let them end what they do, while the next run needs their cores.
            for worker in self._ray.get(desk.dismiss.remote()):
                self._ray.kill(worker)

    def _check_room(self, *, cores: int, gpus: int) -> None:
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        if not any(m.get("CPU", 0) >= cores and m.get("GPU", 0) >= gpus for m in machines):
            raise ConfigError(
                f"[engine] kind = 'ray': no machine that the cluster has now has {cores} cores and {gpus} GPUs, which "
                "a worker takes. Lower [score] threads, or start machines that have them."
            )

    @contextmanager
    def _losses(self) -> Iterator[None]:
        """What Ray raises as an error of ours; its own text may quote what a worker held."""
        from ray.data.exceptions import ExecutionTimeoutError
        from ray.exceptions import RayError, RayTaskError

        try:
            yield
        except (RayError, ExecutionTimeoutError) as error:
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
    """Where the posts of rounds lie ready, as references, and which workers there are."""

    def __init__(self) -> None:
        self._shift = 0
        self._workers: list[Any] = []
        self._rounds: dict[int, list[Any]] = {}
        self._changed = asyncio.Condition()

    async def shift(self) -> int:
        """Which run of Ray Data this is."""
        return self._shift

    async def enter(self, worker: Any, *, shift: int) -> None:
        """A worker begins; one of a run that is over already is not held, and so ends by itself."""
        if shift == self._shift:
            self._workers.append(worker)

    async def dismiss(self) -> list[Any]:
        """The workers of a run that is over."""
        dismissed, self._workers = self._workers, []
        self._shift += 1
        return dismissed

    async def lay(self, number: int, posts: list[Any]) -> None:
        """Lay a round ready."""
        async with self._changed:
            self._rounds[number] = posts
            self._changed.notify_all()

    async def take(self, number: int) -> list[Any]:
        """The round, once it lies ready."""
        async with self._changed:
            await self._changed.wait_for(lambda: number in self._rounds)
        return self._rounds[number]

    async def clear(self, number: int) -> None:
        """Forget a round that is done."""
        self._rounds.pop(number, None)


class ScoringWorker:
    """One process of the cluster that holds the scorers, and so their models once they are loaded."""

    def __init__(self, *, desk: Any, shift: int, scorers: Sequence[Scorer], of: str) -> None:
        import ray

        self._desk, self._scorers, self._of = desk, scorers, of
        ray.get(desk.enter.remote(ray.get_runtime_context().current_actor, shift=shift))

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
        (chunks,) = ray.get(ray.get(self._desk.take.remote(number)))
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
