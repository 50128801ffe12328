"""Copies and what is spilt are their owner's alone from the first byte, and a file keeps the permissions it had."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lake import MakeLake
from tests.store.warehouses import config_in, contents, new_warehouse
from warehouse import upgrade
from warehouse.config import Config, load_secret, secret_path
from warehouse.config.environment import add_secret
from warehouse.errors import StoreError
from warehouse.store import open_store
from warehouse.upgrade import COMPACT_PENDING, compact, copy_lake


@pytest.fixture(autouse=True)
def everybody_may_read() -> Iterator[None]:
    """A mask under which a new file is not private by itself."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(params=["file", "lake"])
def config(tmp_path: Path, request: pytest.FixtureRequest) -> Config:
    if request.param == "file":
        return config_in(tmp_path)
    make_lake: MakeLake = request.getfixturevalue("make_lake")
    return config_in(tmp_path, warehouse=make_lake(tmp_path / "files"))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _others_may_read(path: Path) -> bool:
    """Whether they may, by the file's mode and that of its folder."""
    return bool(mode(path) & 0o077 and mode(path.parent) & 0o077)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether others could read each copy of a database when it had just been written."""
    seen: list[bool] = []
    real = upgrade.copy_database

    def copied(connection: object, *, target: Path) -> dict[str, int]:
        counts = real(connection, target=target)  # type: ignore[arg-type]
        seen.append(_others_may_read(target))
        return counts

    monkeypatch.setattr(upgrade, "copy_database", copied)
    return seen


def test_a_copy_of_a_lake_is_private_from_the_first_byte(
    tmp_path: Path, make_lake: MakeLake, written: list[bool]
) -> None:
    config = config_in(tmp_path, warehouse=make_lake(tmp_path / "files"))
    new_warehouse(config)
    target = tmp_path / "state" / "w.duckdb.replaced"
    copy_lake(target, config=config)
    assert written == [False]
    assert mode(target) == 0o600
    assert mode(tmp_path / "files") == 0o700
    assert [path for path in target.parent.iterdir() if path != target] == []


@pytest.mark.parametrize("given", [0o600, 0o640])
def test_a_warehouse_that_is_written_anew_keeps_its_permissions(
    tmp_path: Path, written: list[bool], given: int
) -> None:
    config = config_in(tmp_path)
    new_warehouse(config)
    path = config.paths.warehouse
    path.chmod(given)
    before = contents(path)
    # As a run leaves it that was killed while it wrote.
    (path.parent / f".{path.name}.writing").write_bytes(b"half")
    compact(config)
    assert written == [False]
    assert mode(path) == given
    assert contents(path) == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_does_not_fit_in_memory_goes_to_a_private_folder_that_is_removed(config: Config) -> None:
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        store.connection.execute("SET memory_limit = '30MB'")
        folder = Path(store.query("SELECT current_setting('temp_directory')").item())
        assert folder.name.startswith("w.duckdb.tmp")
        assert mode(folder) == 0o700
        store.connection.execute(
            "CREATE TEMP TABLE big AS SELECT md5(i::VARCHAR) AS m FROM range(1500000) r(i)"
        )
        assert any(folder.iterdir()), "this test would prove nothing"
    assert not folder.exists()


def test_what_a_killed_process_spilt_is_removed_at_the_latest_when_the_warehouse_is_written_anew(
    config: Config,
) -> None:
    new_warehouse(config)
    spilt = config.paths.warehouse.with_name("w.duckdb.tmp-killed")
    spilt.mkdir()
    (spilt / "duckdb_temp_storage-0.tmp").write_bytes(b"somebody's words")
    compact(config)
    assert not spilt.exists()


def test_a_note_that_it_has_to_be_written_anew_is_gone_once_it_was(config: Config) -> None:
    new_warehouse(config)
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        store.identify(COMPACT_PENDING, "rekey")
    compact(config)
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        assert store.identity(COMPACT_PENDING) is None
        assert store.identity("schema_version") is not None


def test_a_file_that_could_not_be_written_anew_still_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise StoreError("does not hold what it should")

    config = config_in(tmp_path)
    new_warehouse(config)
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        store.identify(COMPACT_PENDING, "rekey")
    with monkeypatch.context() as patched:
        patched.setattr(upgrade, "check_copy", failing)
        with pytest.raises(StoreError):
            compact(config)
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        assert store.identity(COMPACT_PENDING) == "rekey"


def test_a_key_is_on_the_disk_with_its_name_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_in(tmp_path)
    path, synced, real = secret_path(config), [], os.fsync

    def noted(descriptor: int) -> None:
        real(descriptor)
        at = Path(f"/proc/self/fd/{descriptor}").readlink()
        lines = len(path.read_bytes().splitlines()) if path.exists() else 0
        synced.append((at, lines))

    monkeypatch.setattr(os, "fsync", noted)
    with contextlib.suppress(KeyError):
        monkeypatch.delenv("AFFECTCAST_SECRET")
    load_secret(config)
    assert synced[-1] == (path.parent, 1)
    add_secret(config)
    assert synced[-1] == (path.parent, 2)
