"""A night on Ray leaves what a night in this process leaves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from night_support import affectcast, crash, dump, night, published, small_config, write_toml

from flows.stages import Run, ingest, score
from warehouse.config import Config, EngineConfig, PathsConfig
from warehouse.engine import engine_of

RAY = {"kind": "ray", "workers": 2}


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Ray on this machine, which every stage finds running."""
    with engine_of(EngineConfig(kind="ray", workers=2), cores=2):
        yield


def same(one: Config, other: Config) -> None:
    ours, theirs = dump(one), dump(other)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not ours[name].equals(theirs[name])] == []


def run_of(config: Config) -> Run:
    assert config.run.as_of is not None
    return Run(config=config, issue=config.run.as_of)


@pytest.mark.slow
def test_both_engines_write_the_same_scores(cluster: None, tmp_path: Path) -> None:
    here = small_config(tmp_path, score={"scorers": ["lexicon", "emotion_fast"], "chunk_posts": 300})
    ingest(run_of(here))
    copied = tmp_path / "there" / "w.duckdb"
    copied.parent.mkdir()
    shutil.copy(here.paths.warehouse, copied)
    there = here.model_copy(
        update={"engine": EngineConfig(kind="ray", workers=2), "paths": PathsConfig(warehouse=copied)}
    )
    assert run_of(there).run_id == run_of(here).run_id
    score(run_of(here))
    score(run_of(there))
    tables = dump(there)
    assert tables["core.scores_lexicon"].height == tables["core.scores_emotion_fast"].height > 1000
    assert tables["core.scores_emotion_fast"]["anger"].is_not_null().any()
    same(here, there)


@pytest.mark.slow
def test_both_engines_publish_the_same_bytes(cluster: None, finished: Config, tmp_path: Path) -> None:
    config = small_config(tmp_path, engine=RAY)
    night(config)
    same(finished, config)
    assert published(config) == published(finished)


@pytest.mark.slow
def test_a_file_is_scored_the_same_by_a_command_that_starts_ray_itself(tmp_path: Path) -> None:
    pl.DataFrame({"text": ["so angry", "a lovely day", None]}).write_csv(tmp_path / "posts.csv")
    (tmp_path / "ray.toml").write_text('[engine]\nkind = "ray"\nworkers = 1\n[score]\nthreads = 1\n')
    call = ("score", "--posts", "posts.csv", "--scorer", "emotion_fast", "--language", "en", "--out")
    here = affectcast(*call, "here.csv", cwd=tmp_path)
    assert here.returncode == 0, here.stderr
    there = affectcast(*call, "there.csv", "--config", "ray.toml", cwd=tmp_path)
    assert there.returncode == 0, there.stderr
    assert "lovely" not in there.stdout + there.stderr
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()


@pytest.mark.slow
def test_a_night_that_was_killed_while_ray_scored_goes_on_and_starts_ray_for_each_stage(
    finished: Config, tmp_path: Path
) -> None:
    config = small_config(tmp_path, engine=RAY)
    path = write_toml(config, tmp_path / "config.toml")
    assert crash(path, at="chunk:2").returncode == -9
    scores = dump(config)["core.scores_lexicon"].height
    assert scores == 2 * 500
    ended = crash(path, at="never")
    assert ended.returncode == 0, ended.stderr
    same(finished, config)
    assert published(config) == published(finished)
