"""Nights on a DuckLake: the same tables as on a DuckDB file, also after kills and with data that comes late."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import polars as pl
import pytest
from night_support import crash, dump, night, published, small_config, write_toml

from flows.removal import erase
from flows.stages import Run
from tests.lake import MakeLake
from warehouse.config import Config
from warehouse.store import open_store

TWO_SCORERS = {"scorers": ["lexicon", "plutchik"], "chunk_posts": 500}


def _same_as(expected: Config, config: Config) -> None:
    """Every table of the warehouse, and every published file byte for byte."""
    tables, got = dump(expected), dump(config)
    assert got.keys() == tables.keys()
    assert [name for name in tables if not got[name].equals(tables[name])] == []
    files, published_here = _parquet(expected), _parquet(config)
    assert len(files) > 20
    assert published_here.keys() == files.keys()
    assert [name for name in files if published_here[name] != files[name]] == []


def _parquet(config: Config) -> dict[str, bytes]:
    return {name: body for name, body in published(config).items() if name.endswith(".parquet")}


def test_a_night_that_is_killed_in_between_ends_with_the_tables_of_one_on_a_file(
    finished: Config, tmp_path: Path, make_lake: MakeLake
) -> None:
    config = small_config(tmp_path, warehouse=make_lake(tmp_path / "files"))
    path = write_toml(config, tmp_path / "config.toml")
    assert crash(path, at="after:signals").returncode == -9
    night(config)
    _same_as(finished, config)
    assert not config.paths.warehouse.exists()
    files = [file for file in (tmp_path / "files").rglob("*") if file.is_file()]
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        tables = len(dump(config))
        assert store.query("SELECT count(*) FROM ducklake_snapshots('lake')").item() < 5
    # Joined at the night's end: about one file per table.
    assert len(files) <= 2 * tables


# ------------------------------------------------------------------------------------- several nights


DAYS = [dt.date(2024, 1, 17), dt.date(2024, 1, 19), dt.date(2024, 1, 21)]


def _nights(folder: Path, **sections: object) -> Config:
    """Three nights: each brings posts, the third also late ones, of days that were told of already."""
    folder.mkdir()
    config = small_config(folder, score=TWO_SCORERS, **sections)
    file = folder / "posts_en.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    for day in DAYS:
        arrived = [
            line
            for number, line in enumerate(lines)
            if _written(line) <= str(day) and (day == DAYS[-1] or number % 9)
        ]
        file.write_bytes(b"".join(arrived))
        config = _as_of(config, day)
        night(config)
    return config


def _written(line: bytes) -> str:
    """The day of a record, '' of one that is broken."""
    found = re.search(rb'"created_at": *"(\d{4}-\d\d-\d\d)', line)
    return found[1].decode() if found else ""


def _as_of(config: Config, day: dt.date) -> Config:
    return config.model_copy(update={"run": config.run.model_copy(update={"as_of": day})})


def _author_of(post: bytes) -> str:
    found = re.search(rb'"author": *"([^"]+)"', post)
    assert found
    return found[1].decode()


@pytest.mark.slow
def test_several_nights_with_late_data_and_an_erased_author_are_the_same_on_both_kinds(
    tmp_path: Path, make_lake: MakeLake
) -> None:
    on_file = _nights(tmp_path / "a")
    on_lake = _nights(tmp_path / "b", warehouse=make_lake(tmp_path / "files"))
    _same_as(on_file, on_lake)
    signals = dump(on_lake)["out.signals"]
    assert signals["issue"].unique().sort().to_list() == DAYS
    late = (pl.col("issue") == DAYS[-1]) & (pl.col("time_value") < DAYS[0] - dt.timedelta(days=2))
    assert signals.filter(late).height > 0, "the late posts changed nothing, so this test would prove less"

    author = _author_of((tmp_path / "a" / "posts_en.jsonl").read_bytes())
    source = on_file.sources[0].name
    keys = []
    for config in (on_file, on_lake):
        before = dump(config)["raw.posts"]
        erase(Run(config=config, issue=DAYS[-1]), source=source, names=[author])
        after = dump(config)["raw.posts"]
        gone = before.join(after, on="post_id", how="anti")
        assert gone.height > 0
        keys.append(set(gone["author_key"]))
        night(_as_of(config, DAYS[-1] + dt.timedelta(days=1)))
    _same_as(on_file, on_lake)
    assert len(keys[0]) == 1
    assert keys[0] == keys[1]
    # Kept in one place only, so that later files do not bring the person back.
    holding = {
        file.relative_to(tmp_path / "files").parts[1].removesuffix("_new")
        for file in (tmp_path / "files").rglob("*.parquet")
        if next(iter(keys[0])) in pl.read_parquet(file).write_csv()
    }
    assert holding == {"erased"}
