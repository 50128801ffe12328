"""Scores are the same wherever they are made: in this process, and by two workers of a Ray cluster on this machine."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from classifiers.score import ClassifierScorer
from lexicons.score import LexiconScorer
from warehouse.config import EngineConfig
from warehouse.engine import Alone, Engine, engine_of
from warehouse.errors import ConfigError, InputError, MissingModelError, UnexpectedError

SECRET = "nobody may read this sentence"
RAY = EngineConfig(kind="ray", workers=2)


@pytest.fixture(scope="module")
def on_ray() -> Iterator[Engine]:
    """Two workers on a cluster of this machine, which every test here shares."""
    with engine_of(RAY) as engine:
        from ray import cloudpickle

        # Workers cannot import tests.
        cloudpickle.register_pickle_by_value(sys.modules[__name__])
        yield engine
        left = ray_folder().parent
    assert not left.exists()


def ray_folder() -> Path:
    import ray

    return Path(ray.get_runtime_context().get_temp_dir())


def posts(n: int, *, first: int = 0) -> pl.DataFrame:
    words = ("so angry", "afraid and alone", "what a lovely day", "estoy muy triste", "nothing at all")
    rows = range(first, first + n)
    return pl.DataFrame(
        {
            "post_id": [f"p{i:05d}" for i in rows],
            "text": [None if i % 17 == 0 else f"{words[i % 5]}, number {i}, {words[i % 3]}" for i in rows],
            "lang": ["es" if i % 5 == 3 else "en" for i in rows],
        },
        schema={"post_id": pl.String, "text": pl.String, "lang": pl.String},
    )


def rounds(n: int, *, scorers: int) -> list[tuple[pl.DataFrame | None, ...]]:
    """The last scorer has a chunk less than the others."""
    made: list[tuple[pl.DataFrame | None, ...]] = [(posts(40, first=40 * i),) * scorers for i in range(n)]
    return made if scorers == 1 else [*made[:-1], (*made[-1][:-1], None)]


@dataclass(frozen=True)
class Toy:
    """Counts letters, or does what `deed` names with the round whose first post it knows."""

    deed: str = ""
    at: str = "number 41,"
    once: Path | None = None
    name: str = "toy"
    version: str = "1"
    measures: tuple[str, ...] = ("length",)
    languages: tuple[str, ...] = ("en",)

    def score(self, posts: pl.DataFrame) -> pl.DataFrame:
        if posts["text"].str.contains(self.at, literal=True).any():
            self._misbehave()
        return posts.select(
            length=pl.col("text").str.len_chars().cast(pl.Float32),
            process=pl.lit(os.getpid()),
            missing=pl.col("text").is_null().cast(pl.Int8),
        )

    def describe(self) -> dict[str, Any]:
        return {}

    def _misbehave(self) -> None:
        if self.deed == "die" and (self.once is None or not self.once.exists()):
            if self.once is not None:
                self.once.touch()
            os._exit(1)
        if self.deed == "raise":
            raise ValueError(f"cannot read '{SECRET}'")
        if self.deed == "missing":
            raise MissingModelError("model toy is not in the folder.")
        if self.deed == "input":
            raise InputError("that is no text.")


def scored(engine: Engine, scorers: list[Any], chunks: list[tuple[pl.DataFrame | None, ...]]) -> list[Any]:
    return list(engine.score(iter(chunks), n_rounds=len(chunks), scorers=scorers))


def test_an_address_that_nothing_answers_is_named() -> None:
    """Before the others: they join a cluster, and a process is in one at most."""
    with (
        pytest.raises(ConfigError, match=r"^\[engine\] address = '127.0.0.1:9': no Ray cluster"),
        engine_of(EngineConfig(kind="ray", address="127.0.0.1:9")),
    ):
        pass


def test_ray_of_a_run_s_own_works_where_nobody_else_may_look(on_ray: Engine) -> None:
    folder = ray_folder()
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    # The paths of sockets are limited, on some systems to 103 bytes.
    assert max(len(str(path)) for path in (folder / "session_latest").resolve().glob("sockets/*")) <= 103


def test_scorers_say_the_same_of_every_chunk_in_the_same_order_even_when_a_worker_dies(
    on_ray: Engine, tmp_path: Path
) -> None:
    scorers = [
        Toy("die", once=tmp_path / "died"),
        LexiconScorer("lexicon"),
        ClassifierScorer("emotion_fast", threads=1),
    ]
    chunks = rounds(3, scorers=3)
    there = scored(on_ray, scorers, chunks)
    assert (tmp_path / "died").exists()
    here = scored(Alone(), scorers, chunks)
    assert [place for place, _, _ in here] == [0, 1, 2] * 2 + [0, 1]
    assert [place for place, _, _ in there] == [place for place, _, _ in here]
    for (_, sent, ours), (_, back, theirs) in zip(here, there, strict=True):
        assert back.equals(sent)
        assert theirs.schema == ours.schema
        assert theirs.drop("process", strict=False).equals(ours.drop("process", strict=False))


@pytest.mark.slow
def test_both_workers_score_and_each_reads_only_a_few_rounds_ahead(on_ray: Engine) -> None:
    read = 0

    def counted() -> Iterator[tuple[pl.DataFrame]]:
        nonlocal read
        for (chunk,) in rounds(30, scorers=1):
            read += 1
            yield (chunk,)

    processes, ahead = set(), []
    for done, (_, _, scores) in enumerate(on_ray.score(counted(), n_rounds=30, scorers=[Toy()])):
        processes |= set(scores["process"])
        ahead.append(read - done)
    assert len(processes) == 2
    assert os.getpid() not in processes
    assert max(ahead) <= 5
    assert read == 30


@pytest.mark.slow
def test_a_round_that_every_worker_dies_of_ends_the_run_and_keeps_what_was_before(on_ray: Engine) -> None:
    kept = []
    answers = on_ray.score(iter(rounds(4, scorers=1)), n_rounds=4, scorers=[Toy("die")])
    with pytest.raises(UnexpectedError, match="chunk_posts") as raised:
        kept.extend(answers)
    assert len(kept) == 1
    assert "ended 4 Ray workers" in raised.value.message


@pytest.mark.parametrize(
    ("deed", "error", "words"),
    [
        pytest.param(
            "missing",
            MissingModelError,
            "Every machine of the cluster needs the models",
            marks=pytest.mark.slow,
        ),
        pytest.param("input", InputError, "on a Ray worker: that is no text.", marks=pytest.mark.slow),
        ("raise", UnexpectedError, "ValueError in test_engine_ray.py, line"),
    ],
)
def test_an_error_of_a_worker_keeps_its_kind_and_quotes_nothing(
    on_ray: Engine, capfd: pytest.CaptureFixture[str], deed: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as raised:
        scored(on_ray, [Toy(deed, at="number 1,")], rounds(1, scorers=1))
    shown = capfd.readouterr()
    assert SECRET not in str(raised.value) + shown.out + shown.err
    logs = ray_folder() / "session_latest" / "logs"
    texts = [path.read_text(errors="replace") for path in logs.rglob("*") if path.is_file()]
    assert texts
    assert not [text for text in texts if SECRET in text or "afraid and alone" in text]


def test_nothing_to_score_asks_no_worker(on_ray: Engine) -> None:
    assert scored(on_ray, [Toy()], []) == []


@pytest.mark.slow
def test_jobs_are_answered_in_their_place_and_errors_keep_their_kind(on_ray: Engine) -> None:
    assert on_ray.map(_square, list(range(7))) == [0, 1, 4, 9, 16, 25, 36]
    with pytest.raises(InputError, match="not nine"):
        on_ray.map(_square, [1, 9])
    with pytest.raises(UnexpectedError, match="ValueError") as raised:
        on_ray.map(_square, [10])
    assert SECRET not in raised.value.message


def _square(number: int) -> int:
    if number == 9:
        raise InputError("not nine")
    if number == 10:
        raise ValueError(SECRET)
    return number**2


def test_more_cores_than_any_machine_has_are_refused(on_ray: Engine) -> None:
    with engine_of(RAY, cores=1000) as engine, pytest.raises(ConfigError, match="1000 cores"):
        scored(engine, [Toy()], rounds(1, scorers=1))


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(ConfigError, match=r"affectcast\[ray\]"), engine_of(RAY):
        pass


def run_script(folder: Path, text: str) -> list[str]:
    """What a script said, in a process of its own: this one has joined a cluster already."""
    script = folder / "machines.py"
    script.write_text(MACHINES + text, encoding="utf-8")
    # Paths of sockets may not be as long as pytest's.
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as short:
        ended = subprocess.run(
            [sys.executable, script],
            env={**os.environ, "RAY_TMPDIR": short},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    # Ray itself says something of lost machines.
    said = [line.removeprefix("said: ") for line in ended.stdout.splitlines() if line.startswith("said: ")]
    return said or [ended.stderr]


@pytest.mark.slow
def test_two_machines_that_are_joined_by_address_score_the_same(tmp_path: Path) -> None:
    """More workers than cores are no reason to wait for ever."""
    assert run_script(tmp_path, JOINED) == ["2 machines, 2 workers: True", "2 machines, 5 workers: True"]


@pytest.mark.slow
def test_a_run_goes_on_without_a_machine_that_is_lost(tmp_path: Path) -> None:
    assert run_script(tmp_path, ONE_LOST) == [
        "2 workers before",
        "1 worker after, 1 machine",
        "the same: True",
    ]


@pytest.mark.slow
def test_a_run_whose_last_machine_with_cores_is_lost_ends_with_an_error(tmp_path: Path) -> None:
    assert run_script(tmp_path, ALL_LOST) == [
        "scoring: ConfigError, some kept: True, no machine named: True",
        "fitting: ConfigError, no machine named: True",
    ]


MACHINES = """
import os
import time
from warehouse.config import EngineConfig, quiet_environment
quiet_environment()
import polars as pl
import ray
from ray.cluster_utils import Cluster
from lexicons.score import LexiconScorer
from warehouse.engine import Alone, engine_of
from warehouse.errors import AffectcastError

class Slow:
    def score(self, posts):
        time.sleep(0.2)
        return posts.select(length=pl.col("text").str.len_chars(), process=pl.lit(os.getpid()))

def wait(job):
    time.sleep(2)
    return job

def say(*words):
    print("said:", *words, flush=True)

def cluster(*, head, others):
    # A lost machine is missed within seconds.
    quick = {"health_check_period_ms": 500, "health_check_failure_threshold": 4, "health_check_timeout_ms": 1000}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": head, "_system_config": quick})
    nodes = [made.add_node(num_cpus=1) for _ in range(others)]
    made.wait_for_nodes()
    return made, nodes

def rounds(n):
    posts = pl.DataFrame({"text": [f"so angry {i}" for i in range(n * 10)], "lang": ["en"] * n * 10})
    return [(posts.slice(start, 10),) for start in range(0, n * 10, 10)]

def run_with_loss(engine, machines, node, chunks, *, at, found):
    for _, _, scores in engine.score(iter(chunks), n_rounds=len(chunks), scorers=[Slow()]):
        found.append(scores)
        if len(found) == at:
            machines.remove_node(node, allow_graceful=False)
"""

JOINED = """
if __name__ == "__main__":
    machines, _ = cluster(head=1, others=1)
    chunks, scorers = rounds(6), [LexiconScorer("lexicon")]
    here = [scores for _, _, scores in Alone().score(chunks, n_rounds=6, scorers=scorers)]
    for workers in (2, 5):
        settings = EngineConfig(kind="ray", workers=workers, address=machines.address)
        with engine_of(settings) as engine:
            there = [scores for _, _, scores in engine.score(chunks, n_rounds=6, scorers=scorers)]
            found = len(ray.nodes())
        say(f"{found} machines, {workers} workers: {pl.concat(there).equals(pl.concat(here))}")
    machines.shutdown()
"""

ONE_LOST = """
if __name__ == "__main__":
    machines, (node,) = cluster(head=1, others=1)
    chunks, found = rounds(40), []
    with engine_of(EngineConfig(kind="ray", workers=2, address=machines.address)) as engine:
        run_with_loss(engine, machines, node, chunks, at=12, found=found)
        alive = sum(node["Alive"] for node in ray.nodes())
    say(len({p for s in found[:12] for p in s["process"]}), "workers before")
    say(len({p for s in found[-12:] for p in s["process"]}), "worker after,", alive, "machine")
    here = [posts["text"].str.len_chars().to_list() for (posts,) in chunks]
    say("the same:", [s["length"].to_list() for s in found] == here)
    machines.shutdown()
"""

ALL_LOST = """
if __name__ == "__main__":
    machines, (first, second) = cluster(head=0, others=2)
    with engine_of(EngineConfig(kind="ray", workers=2, address=machines.address)) as engine:
        machines.remove_node(second, allow_graceful=False)
        found = []
        try:
            run_with_loss(engine, machines, first, rounds(20), at=7, found=found)
        except AffectcastError as error:
            named = "no machine" in error.message
            say(f"scoring: {type(error).__name__}, some kept: {7 <= len(found) < 20}, no machine named: {named}")
        try:
            say(engine.map(wait, [1, 2, 3]))
        except AffectcastError as error:
            say(f"fitting: {type(error).__name__}, no machine named: {'no machine' in error.message}")
    machines.shutdown()
"""
