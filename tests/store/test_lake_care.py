"""Backups, restores and migrations of a DuckLake, between both kinds of warehouse, and what doctor and check say."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flows.doctor import examine
from flows.sources.check import check_sources
from tests.lake import MakeLake
from tests.postgresql import PASSWORD
from tests.store.warehouses import config_in, new_warehouse, old_warehouse
from warehouse import ducklake
from warehouse.backup import write_backup
from warehouse.config import Config
from warehouse.errors import ContractError, InputError, UsageError
from warehouse.lake_catalogue import night_held
from warehouse.migrations import VERSION, columns_of_all, contract
from warehouse.opening import connected, connected_file
from warehouse.restore import check_backup, restore_backup
from warehouse.store import open_store
from warehouse.upgrade import bring_up_to_date, row_counts

MADE = dt.date(2024, 1, 2)
Rows = dict[str, list[tuple[object, ...]]]


@pytest.fixture
def lake(tmp_path: Path, make_lake: MakeLake) -> Config:
    return config_in(tmp_path / "lake", warehouse=make_lake(tmp_path / "lake-files"))


@pytest.fixture
def file(tmp_path: Path) -> Config:
    return config_in(tmp_path / "file")


def contents(config: Config) -> Rows:
    """Every row of every table."""
    with connected(config.paths.warehouse, config=config.warehouse, read_only=True) as connection:
        return {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()
            for name in columns_of_all(connection)
        }


def archive_of(config: Config) -> Path:
    path = config.paths.published.parent / "backup.tar"
    write_backup(path, config=config, made=MADE)
    return path


@pytest.mark.parametrize(("source", "target"), [("lake", "lake"), ("lake", "file"), ("file", "lake")])
def test_a_backup_of_either_kind_is_put_back_as_either_kind(
    request: pytest.FixtureRequest, tmp_path: Path, make_lake: MakeLake, source: str, target: str
) -> None:
    here: Config = request.getfixturevalue(source)
    new_warehouse(here)
    settings = {"warehouse": make_lake(tmp_path / "there-files")} if target == "lake" else {}
    there = config_in(tmp_path / "there", **settings)
    archive = archive_of(here)
    manifest, aside = restore_backup(archive, config=there, replace=False)
    assert contents(there) == contents(here)
    assert manifest.tables["raw.quarantine"] == 3
    assert aside == []
    # Run again, as after a kill: nothing to do.
    assert restore_backup(archive, config=there, replace=False)[1] == []
    new_warehouse(there, first=3)
    assert len(contents(there)["raw.quarantine"]) == 6


def test_what_is_there_is_refused_or_set_aside_in_a_file(lake: Config) -> None:
    new_warehouse(lake, refused=2)
    archive = archive_of(lake)
    new_warehouse(lake, refused=3, first=2)
    before = contents(lake)
    with pytest.raises(UsageError, match="there already: postgres:host="):
        check_backup(archive, config=lake, replace=False)
    _, aside = restore_backup(archive, config=lake, replace=True)
    assert len(contents(lake)["raw.quarantine"]) == 2
    assert [path.name for path in aside] == ["w.duckdb.replaced"]
    with connected_file(aside[0], config=lake.warehouse, read_only=True) as connection:
        assert row_counts(connection) == {name: len(rows) for name, rows in before.items()}


KILLED = """
import os, signal, sys
from pathlib import Path
from warehouse import ducklake
from warehouse.config import load_config
from warehouse.restore import restore_backup
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
real = ducklake.quoted
ducklake.quoted = lambda text: die() if text.startswith("restored") else real(text)
restore_backup(Path(sys.argv[2]), config=load_config(Path(sys.argv[1])), replace=True)
"""


def test_a_restore_that_is_killed_before_its_commit_left_what_was_there(lake: Config, tmp_path: Path) -> None:
    new_warehouse(lake, refused=2)
    archive = archive_of(lake)
    new_warehouse(lake, refused=3, first=2)
    before = contents(lake)
    path = tmp_path / "config.toml"
    lines = [f"[paths]\nwarehouse = '{lake.paths.warehouse}'\npublished = '{lake.paths.published}'"]
    lines += [f"lexicons = '{lake.paths.lexicons}'\n[warehouse]"]
    lines += [f"{name} = '{getattr(lake.warehouse, name)}'" for name in ("kind", "catalogue", "data")]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [sys.executable, "-c", KILLED, str(path), str(archive)]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=dict(os.environ)
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert contents(lake) == before
    restore_backup(archive, config=lake, replace=True)
    assert len(contents(lake)["raw.quarantine"]) == 2


def test_there_is_nothing_to_back_up_where_the_catalogue_is_empty(lake: Config) -> None:
    with pytest.raises(InputError, match=r"no warehouse here to back up. Check \[warehouse\] catalogue"):
        archive_of(lake)


def _old_lake(lake: Config, *, tmp_path: Path) -> None:
    old_warehouse(tmp_path / "old.duckdb")
    lake.paths.warehouse.parent.mkdir(parents=True)
    with connected(lake.paths.warehouse, config=lake.warehouse) as connection:
        ducklake.replace_tables(connection, source=tmp_path / "old.duckdb", message="made")


def test_an_older_lake_is_refused_then_migrated_with_a_copy_of_before(
    lake: Config, file: Config, tmp_path: Path
) -> None:
    _old_lake(lake, tmp_path=tmp_path)
    with (
        pytest.raises(ContractError, match=r"postgres:host=.* are of version 1.*Run `affectcast migrate`"),
        open_store(lake.paths.warehouse, config=lake.warehouse),
    ):
        pass
    told = bring_up_to_date(lake)
    assert f"from version 1 to {VERSION}" in told
    assert bring_up_to_date(lake) == ""
    kept = lake.paths.warehouse.with_name(f"w.duckdb.before-{VERSION}")
    with connected_file(kept, config=lake.warehouse, read_only=True) as connection:
        assert list(columns_of_all(connection)) == sorted(contract(1))
    old_warehouse(file.paths.warehouse)
    bring_up_to_date(file)
    for config in (lake, file):
        with open_store(config.paths.warehouse, config=config.warehouse):
            pass
    assert contents(lake) == contents(file)


def test_the_doctor_looks_at_the_lake_and_says_what_is_wrong_without_a_secret(
    lake: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_warehouse(lake)
    path = tmp_path / "config.toml"
    lines = [f"[paths]\nwarehouse = '{lake.paths.warehouse}'\n[warehouse]"]
    lines += [f"{name} = '{getattr(lake.warehouse, name)}'" for name in ("kind", "catalogue", "data")]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def findings() -> dict[str, tuple[str, str]]:
        return {f.check: (f.level, f.says) for f in examine(path, today=MADE, thorough=True)}

    well = findings()
    assert well["lock"] == ("ok", "free")
    assert well["warehouse"][0] == "ok"
    assert well["warehouse"][1].startswith(f"version {VERSION}, 0 posts")
    with night_held(lake.warehouse):
        assert findings()["lock"][0] == "warning"
    monkeypatch.setenv("PGPASSWORD", "a wrong one")
    level, says = findings()["warehouse"]
    assert level == "problem"
    assert "did not take the password" in says
    assert "a wrong one" not in says
    assert PASSWORD not in says


def test_sources_are_checked_whether_or_not_the_catalogue_answers(
    tmp_path: Path, make_lake: MakeLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "posts.csv").write_text("text,created_at\n", encoding="utf-8")
    sources = [{"name": "mine", "path": str(tmp_path / "posts.csv")}]
    config = config_in(tmp_path, sources=sources, warehouse=make_lake(tmp_path / "files"))
    assert check_sources(config, timeout=1)[0].read == ("nothing was read yet",)
    new_warehouse(config)
    assert check_sources(config, timeout=1)[0].read == ("0 files read",)
    monkeypatch.setenv("PGPASSWORD", "a wrong one")
    state = check_sources(config, timeout=1)[0]
    assert state.level == "ok"
    assert "did not take the password" in state.read[0]
