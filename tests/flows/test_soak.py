"""A month of nights with late posts, one migration and kills at random ends as a month that nothing happened to."""

from __future__ import annotations

import datetime as dt
import json
import random
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import duckdb
import pytest
from night_support import CRASH, crash, dump, published, small_config, write_toml

from flows.nightly import STAGES, run_nightly
from flows.stages import Run
from warehouse.config import Config
from warehouse.migrations import VERSION, contract
from warehouse.synthetic import write_sample
from warehouse.synthetic.spec import Region, SampleSpec

NIGHTS, SEED = 30, 11
START = dt.date(2024, 1, 1)
FIRST = START + dt.timedelta(days=14)
MIGRATED = FIRST + dt.timedelta(days=15)
SAMPLE = SampleSpec(
    regions=(
        Region(code="US-CA", file="posts_en.jsonl", spanish=0.0, people_floor=60, people_extra=0.0, pool=300),
        Region(code="US-VT", file="posts_en.jsonl", spanish=0.0, people_floor=20, people_extra=4.0, pool=90),
        # The sample's second file, which no night here is given.
        Region(code="MX-CMX", file="posts_es.csv", spanish=1.0, people_floor=5, people_extra=0.0, pool=20),
    ),
    start=START,
    days=14 + NIGHTS,
    duplicates=30,
)
POINTS = [*(f"after:{stage}" for stage in STAGES), "batch:1", "batch:2", "chunk:1", "words:1"]


def arrivals(folder: Path) -> dict[dt.date, list[str]]:
    """Lines by the night that finds them: most the day after, some up to six days late, bad ones at any time."""
    write_sample(folder, seed=SEED, spec=SAMPLE)
    rng = random.Random(SEED)
    found: dict[dt.date, list[str]] = defaultdict(list)
    for line in (
        (folder / "posts_en.jsonl").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    ):
        late = rng.randrange(1, 7) if rng.random() < 0.15 else 1
        try:
            day = dt.date.fromisoformat(json.loads(line)["created_at"][:10])
        except (ValueError, KeyError, TypeError):
            day = START + dt.timedelta(days=rng.randrange(14 + NIGHTS))
        found[max(day + dt.timedelta(days=late), FIRST)].append(line)
    return found


def config_of(folder: Path, issue: dt.date) -> Config:
    config = small_config(folder, run={"as_of": str(issue), "seed": SEED, "demo": True})
    english = next(one for one in config.sources if one.path.endswith("posts_en.jsonl"))
    source = english.model_copy(update={"path": str(folder / "drop" / "*.jsonl")})
    return config.model_copy(update={"sources": (source,)})


def deliver(folder: Path, lines: list[str], *, night: dt.date) -> None:
    (folder / "drop").mkdir(exist_ok=True)
    path = folder / "drop" / f"{night}.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")


def disturbed_night(folder: Path, config: Config, *, rng: random.Random) -> int:
    """A night that is killed up to three times before it is let through; returns how often it was."""
    path, kills = write_toml(config, folder / "config.toml"), 0
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        if rng.random() < 0.7:
            kills += crash(path, at=rng.choice(POINTS)).returncode == -9
        else:
            kills += _killed_after(path, seconds=rng.uniform(1.0, 9.0))
    done = crash(path, at="never")
    assert done.returncode == 0, done.stderr
    return kills


def _killed_after(path: Path, *, seconds: float) -> bool:
    command = [sys.executable, "-W", "ignore", str(CRASH), str(path), "never"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            running.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            running.kill()
        return running.wait() == -9


def make_older(config: Config) -> None:
    """What a program of the version before had left: without the tables that came since."""
    with duckdb.connect(str(config.paths.warehouse)) as connection:
        for name in contract(VERSION).keys() - contract(VERSION - 1).keys():
            assert connection.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,), name
            connection.execute(f"DROP TABLE {name}")
        connection.execute(
            "UPDATE core.identity SET value = ? WHERE name = 'schema_version'", [str(VERSION - 1)]
        )


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_month_with_kills_late_posts_and_a_migration_ends_as_one_without(tmp_path: Path) -> None:
    arriving = arrivals(tmp_path)
    calm, rough, rng, kills = tmp_path / "calm", tmp_path / "rough", random.Random(SEED), 0
    for folder in (calm, rough):
        folder.mkdir()
    for number in range(NIGHTS):
        issue = FIRST + dt.timedelta(days=number)
        configs = {folder: config_of(folder, issue) for folder in (calm, rough)}
        for folder in (calm, rough):
            deliver(folder, arriving[issue], night=issue)
        run_nightly(Run(config=configs[calm], issue=issue))
        if issue == MIGRATED:
            make_older(configs[rough])
        kills += disturbed_night(rough, configs[rough], rng=rng)
    assert kills >= NIGHTS // 2
    assert list((rough / "state").glob(f"*.before-{VERSION}"))
    expected, got = dump(configs[calm]), dump(configs[rough])
    assert got.keys() == expected.keys()
    assert [name for name in expected if not got[name].equals(expected[name])] == []
    assert expected["raw.posts"].height > 3_000
    for name, body in published(configs[calm]).items():
        if name.endswith(".parquet"):
            assert published(configs[rough])[name] == body, name
    shutil.rmtree(tmp_path / "rough")
