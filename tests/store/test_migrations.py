"""Older warehouses: opened only after they were brought up to date, with a copy of before beside them."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from tests.store.warehouses import ALERT, DAY, config_in, contents, killed, new_warehouse, old_warehouse
from warehouse import copies, migrations
from warehouse.config import Config
from warehouse.errors import ContractError, StoreError
from warehouse.migrations import CONTRACTS, MIGRATIONS, VERSION, contract, tables_now
from warehouse.store import open_store
from warehouse.tables import TABLES
from warehouse.upgrade import bring_up_to_date


@pytest.fixture
def old(tmp_path: Path) -> Config:
    config = config_in(tmp_path)
    old_warehouse(config.paths.warehouse)
    return config


def test_a_contract_that_changed_has_a_version_of_its_own() -> None:
    changed = [name for name, columns in tables_now().items() if contract(VERSION).get(name) != columns]
    assert changed == [], (
        "these tables are not derived and have other columns than contracts.json says of the newest version: add a "
        "step to MIGRATIONS in warehouse/migrations.py, then run `python -m warehouse.migrations`"
    )
    assert len(json.loads(CONTRACTS.read_text(encoding="utf-8"))) == VERSION


@pytest.mark.parametrize("number", range(2, VERSION + 1))
def test_every_new_column_of_a_version_is_filled(number: int) -> None:
    before, after = contract(number - 1), contract(number)
    changes = {change.table: change for change in MIGRATIONS[number - 2]}
    for name in before:
        new = set(after[name]) - set(before[name])
        if before[name] != after[name]:
            assert name in changes
            assert not changes[name].keep or new <= set(changes[name].fill)


def test_an_older_warehouse_is_refused_with_the_next_step(old: Config) -> None:
    before = old.paths.warehouse.read_bytes()
    with (
        pytest.raises(ContractError, match=r"version 1.*Run `affectcast migrate`"),
        open_store(old.paths.warehouse, config=old.warehouse),
    ):
        pass
    assert old.paths.warehouse.read_bytes() == before


def test_a_newer_warehouse_is_refused_and_left_alone(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    new_warehouse(config)
    with duckdb.connect(str(config.paths.warehouse)) as connection:
        connection.execute("UPDATE core.identity SET value = '999' WHERE name = 'schema_version'")
    with pytest.raises(ContractError, match=r"version 999.*Use the newer program"):
        bring_up_to_date(config)
    with (
        pytest.raises(ContractError, match="version 999"),
        open_store(config.paths.warehouse, config=config.warehouse),
    ):
        pass
    assert [path.name for path in config.paths.warehouse.parent.iterdir()] == ["w.duckdb"]


def test_what_old_rows_say_is_kept_and_new_columns_have_values(old: Config) -> None:
    before = contents(old.paths.warehouse)
    told = bring_up_to_date(old)
    copy = old.paths.warehouse.with_name(f"w.duckdb.before-{VERSION}")
    assert copy.name in told
    assert contents(copy) == before
    assert copy.stat().st_mode & 0o077 == 0
    with open_store(old.paths.warehouse, config=old.warehouse) as store:
        alerts = store.read(TABLES["out.alerts"])
        row = alerts.row(0, named=True)
        assert (row["alert_id"], row["group_id"], row["since"]) == ("a1", "a1", DAY)
        assert row["message"] == ALERT["message"]
        assert [row[name] for name in ("ended", "forecast_p", "forecast_issued")] == [None] * 3
        signals = store.read(TABLES["core.signals"])
        assert signals["design_effect"].to_list() == [1.0, 1.0]
        assert store.query("SELECT DISTINCT run_id FROM core.signals").item() == "r"
    assert bring_up_to_date(old) == ""


def test_killed_at_any_step_and_run_again_it_comes_to_the_same(old: Config, tmp_path: Path) -> None:
    expected = config_in(tmp_path / "expected")
    old_warehouse(expected.paths.warehouse)
    bring_up_to_date(expected)
    before = contents(old.paths.warehouse)
    steps = len(MIGRATIONS[0])
    for at in ("copied:1", f"changed:{steps}"):
        assert killed(old, job="migrate", at=at).returncode == -9, at
        assert contents(old.paths.warehouse) == before
    bring_up_to_date(old)
    assert contents(old.paths.warehouse) == contents(expected.paths.warehouse)
    names = sorted(path.name for path in old.paths.warehouse.parent.iterdir())
    assert names == ["w.duckdb", f"w.duckdb.before-{VERSION}"]


def test_without_room_nothing_is_changed(old: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    before = old.paths.warehouse.read_bytes()
    usage = copies.shutil.disk_usage(old.paths.warehouse.parent)
    monkeypatch.setattr(copies.shutil, "disk_usage", lambda _folder: usage._replace(free=1000))
    with pytest.raises(StoreError, match=r"needs .* MB and 0 MB are free"):
        bring_up_to_date(old)
    assert old.paths.warehouse.read_bytes() == before
    assert len(list(old.paths.warehouse.parent.iterdir())) == 1


def test_a_disk_that_fills_while_copying_leaves_the_old_warehouse(old: Config) -> None:
    before = contents(old.paths.warehouse)
    size = old.paths.warehouse.stat().st_size
    failed = killed(old, job="migrate", at=f"limit:{size // 2}")
    assert "StoreError" in failed.stderr
    assert "there is no room" in failed.stderr
    assert contents(old.paths.warehouse) == before
    assert len(list(old.paths.warehouse.parent.iterdir())) == 1


def test_a_copy_of_another_state_is_never_overwritten(old: Config) -> None:
    other = old.paths.warehouse.with_name(f"w.duckdb.before-{VERSION}")
    old_warehouse(other)
    with duckdb.connect(str(other)) as connection:
        connection.execute("DELETE FROM core.signals")
    kept = other.read_bytes()
    bring_up_to_date(old)
    assert other.read_bytes() == kept
    assert other.with_name(f"{other.name}-2").exists()


def test_a_warehouse_of_between_two_releases_keeps_the_columns_it_has(old: Config) -> None:
    with duckdb.connect(str(old.paths.warehouse)) as connection:
        connection.execute("ALTER TABLE out.alerts ADD COLUMN group_id VARCHAR")
        connection.execute("UPDATE out.alerts SET group_id = 'a story'")
    bring_up_to_date(old)
    with open_store(old.paths.warehouse, config=old.warehouse) as store:
        assert store.read(TABLES["out.alerts"])["group_id"].to_list() == ["a story"]


def test_a_column_that_nobody_filled_stops_the_migration_whole(
    old: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgot = migrations.Change(table="out.alerts", fill={"group_id": "alert_id"})
    monkeypatch.setattr(migrations, "MIGRATIONS", ((MIGRATIONS[0][0], forgot), *MIGRATIONS[1:]))
    before = contents(old.paths.warehouse)
    with pytest.raises(KeyError):
        bring_up_to_date(old)
    assert contents(old.paths.warehouse) == before
