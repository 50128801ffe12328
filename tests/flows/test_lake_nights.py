"""Nights on a DuckLake: the same tables as on a DuckDB file, also after kills and with data that comes late."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from night_support import crash, dump, night, published, small_config, write_toml

from flows.removal import erase
from flows.stages import Run
from tests.lake import MakeLake
from warehouse.config import Config
from warehouse.publish import current
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
    for point in ("batch:2", "after:signals"):
        assert crash(path, at=point).returncode == -9, f"{point} was never reached"
    assert night(config).notes == [] or current(config.paths.published)
    _same_as(finished, config)
    assert not config.paths.warehouse.exists()
    files = [file for file in (tmp_path / "files").rglob("*") if file.is_file()]
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        tables = len(dump(config))
        assert store.query("SELECT count(*) FROM ducklake_snapshots('lake')").item() < 5
    # Joined at the night's end: about one file per table.
    assert len(files) <= 2 * tables


# ------------------------------------------------------------------------------------- several nights


def _nights(folder: Path, **sections: object) -> Config:
    """Three nights; the second and third bring posts, the third also late ones, of days already told of."""
    whole = folder / "whole"
    whole.mkdir(parents=True)
    config = small_config(folder, score=TWO_SCORERS, **sections)
    file = folder / "posts_en.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    dated = pl.DataFrame({"line": lines}).with_columns(
        day=pl.col("line").str.json_path_match("$.created_at").str.slice(0, 10),
        late=pl.int_range(pl.len()) % 9 == 0,
    )
    days = [dt.date(2024, 1, 17), dt.date(2024, 1, 19), dt.date(2024, 1, 21)]
    for number, day in enumerate(days):
        last = number == len(days) - 1
        known = dated.filter((pl.col("day") <= str(day)) & (pl.lit(last) | ~pl.col("late")))
        file.write_text("\n".join(known["line"]) + "\n", encoding="utf-8")
        config = small_config_again(config, day=day)
        night(config)
    return config


def small_config_again(config: Config, *, day: dt.date) -> Config:
    return config.model_copy(update={"run": config.run.model_copy(update={"as_of": day})})


@pytest.mark.slow
def test_several_nights_with_late_data_and_an_erased_author_are_the_same_on_both_kinds(
    tmp_path: Path, make_lake: MakeLake
) -> None:
    on_file = _nights(tmp_path / "a")
    on_lake = _nights(tmp_path / "b", warehouse=make_lake(tmp_path / "files"))
    _same_as(on_file, on_lake)
    issues = dump(on_lake)["out.signals"]["issue"].unique().sort().to_list()
    assert issues == [dt.date(2024, 1, 17), dt.date(2024, 1, 19), dt.date(2024, 1, 21)]
    late = dump(on_lake)["out.signals"].filter(pl.col("issue") - pl.col("time_value") > dt.timedelta(days=4))
    assert late.filter(pl.col("issue") == issues[-1]).height > 0

    author = "reader_17"
    with (tmp_path / "a" / "posts_en.jsonl").open(encoding="utf-8") as lines:
        author = pl.Series([next(lines)]).str.json_path_match("$.author")[0]
    source = on_file.sources[0].name
    keys = []
    for config in (on_file, on_lake):
        before = dump(config)["raw.posts"]
        erase(Run(config=config, issue=issues[-1]), source=source, names=[author])
        after = dump(config)["raw.posts"]
        gone = before.join(after, on="post_id", how="anti")
        assert gone.height > 0
        keys.append(set(gone["author_key"]))
        night(small_config_again(config, day=dt.date(2024, 1, 22)))
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
