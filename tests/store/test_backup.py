"""A backup holds everything, opens again, and is put back whole or not at all."""

from __future__ import annotations

import datetime as dt
import io
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store.warehouses import config_in, contents, killed, new_warehouse, old_warehouse
from warehouse.acknowledgements import read_acknowledgements
from warehouse.backup import MANIFEST, write_backup
from warehouse.config import Config
from warehouse.errors import AffectcastError, InputError, UsageError
from warehouse.restore import check_backup, read_manifest, restore_backup

MADE = dt.date(2024, 1, 2)


@pytest.fixture
def lived_in(tmp_path: Path) -> Config:
    """A warehouse with all that may lie beside it."""
    config = config_in(tmp_path / "here")
    new_warehouse(config)
    state = config.paths.warehouse.parent
    with sqlite3.connect(state / "acknowledgements.sqlite") as verdicts:
        verdicts.execute("CREATE TABLE acknowledgements (alert_id TEXT, status TEXT, note TEXT, at TEXT)")
        verdicts.execute("INSERT INTO acknowledgements VALUES ('a1', 'resolved', 'a note', '2024-01-02')")
    verdicts.close()
    (state / "notified.txt").write_text("a1\n", encoding="utf-8")
    (state / "w.key").write_text("a key that must not leave", encoding="utf-8")
    (state / "lexicons").mkdir()
    (state / "lexicons" / "mine.tsv").write_text("joy\t1\n", encoding="utf-8")
    issue = config.paths.published / "issue=2024-01-02" / "version=abc"
    issue.mkdir(parents=True)
    (issue / "alerts.parquet").write_bytes(b"columns")
    (config.paths.published / "current.json").write_text("{}", encoding="utf-8")
    (config.paths.published / ".writing-x").mkdir()
    (config.paths.published / ".writing-x" / "half.parquet").write_bytes(b"half")
    return config


@pytest.fixture
def archive(lived_in: Config, tmp_path: Path) -> Path:
    write_backup(tmp_path / "b.tar", config=lived_in, made=MADE)
    return tmp_path / "b.tar"


def everything(config: Config) -> dict[str, object]:
    """What a restore has to bring back."""
    root = config.paths.published
    published = {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*.*") if p.is_file()}
    visible = {name: body for name, body in published.items() if not name.startswith(".")}
    state = config.paths.warehouse.parent
    return {
        "warehouse": contents(config.paths.warehouse),
        "verdicts": read_acknowledgements(state).rows(),
        "notified": (state / "notified.txt").read_text(encoding="utf-8"),
        "lexicons": (state / "lexicons" / "mine.tsv").read_text(encoding="utf-8"),
        "published": visible,
    }


def test_what_was_backed_up_comes_back_elsewhere(lived_in: Config, archive: Path, tmp_path: Path) -> None:
    there = config_in(tmp_path / "there")
    manifest, aside = restore_backup(archive, config=there, replace=False)
    assert everything(there) == everything(lived_in)
    assert aside == []
    assert manifest.tables["raw.quarantine"] == 3
    assert not (there.paths.warehouse.with_suffix(".key")).exists()
    assert not (there.paths.published / ".writing-x").exists()


def test_the_archive_is_private_and_holds_neither_key_nor_half_written_issues(archive: Path) -> None:
    assert archive.stat().st_mode & 0o077 == 0
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert names[0] == MANIFEST
    assert not [name for name in names if "key" in name or "half" in name]
    assert b"a key that must not leave" not in archive.read_bytes()
    assert [path.name for path in archive.parent.iterdir() if path.name.startswith(".")] == []


def test_a_backup_is_never_overwritten_and_needs_a_warehouse(
    lived_in: Config, archive: Path, tmp_path: Path
) -> None:
    before = archive.read_bytes()
    with pytest.raises(UsageError, match="never overwritten"):
        write_backup(archive, config=lived_in, made=MADE)
    assert archive.read_bytes() == before
    with pytest.raises(InputError, match="no warehouse here"):
        write_backup(tmp_path / "c.tar", config=config_in(tmp_path / "nowhere"), made=MADE)


def test_without_replace_nothing_that_is_there_is_touched(lived_in: Config, archive: Path) -> None:
    new_rows = lived_in.paths.warehouse.parent / "notified.txt"
    new_rows.write_text("a1\na2\n", encoding="utf-8")
    before = everything(lived_in)
    with pytest.raises(UsageError, match=r"notified\.txt.*--replace"):
        restore_backup(archive, config=lived_in, replace=False)
    assert everything(lived_in) == before


def test_replace_sets_aside_what_was_there(lived_in: Config, archive: Path) -> None:
    backed_up = everything(lived_in)
    shutil.rmtree(lived_in.paths.warehouse.parent / "lexicons")
    lived_in.paths.warehouse.unlink()
    new_warehouse(lived_in, refused=5)
    later = contents(lived_in.paths.warehouse)
    lived_in.paths.warehouse.with_name("w.duckdb.wal").write_bytes(b"")
    _, aside = restore_backup(archive, config=lived_in, replace=True)
    assert everything(lived_in) == backed_up
    assert [path.name for path in aside][-2:] == ["w.duckdb.replaced", "w.duckdb.wal.replaced"]
    aside[-1].unlink()
    assert contents(aside[-2]) == later
    assert restore_backup(archive, config=lived_in, replace=False)[1] == []


def test_an_older_warehouse_can_be_backed_up_before_it_is_migrated(tmp_path: Path) -> None:
    config, there = config_in(tmp_path / "old"), config_in(tmp_path / "there")
    old_warehouse(config.paths.warehouse)
    assert write_backup(tmp_path / "b.tar", config=config, made=MADE).schema_version == 1
    restore_backup(tmp_path / "b.tar", config=there, replace=False)
    assert contents(there.paths.warehouse) == contents(config.paths.warehouse)


def test_killed_backups_and_restores_are_simply_run_again(lived_in: Config, tmp_path: Path) -> None:
    archive = tmp_path / "b.tar"
    assert killed(lived_in, job="backup", at="read:1", archive=str(archive)).returncode == -9
    assert not archive.exists()
    write_backup(archive, config=lived_in, made=MADE)
    there = config_in(tmp_path / "there")
    there.paths.published.parent.mkdir()
    for at in ("waiting:1", "placed:2"):
        assert killed(there, job="restore", at=at, archive=str(archive)).returncode == -9, at
        assert not there.paths.warehouse.exists()
    restore_backup(archive, config=there, replace=False)
    assert everything(there) == everything(lived_in)
    assert [path for path in tmp_path.rglob(".*") if "writing-x" not in str(path)] == []


def test_a_disk_that_fills_leaves_neither_an_archive_nor_a_half_restored_warehouse(
    lived_in: Config, archive: Path, tmp_path: Path
) -> None:
    full = tmp_path / "full.tar"
    failed = killed(lived_in, job="backup", at="limit:700000", archive=str(full))
    assert "Error" in failed.stderr
    assert not full.exists()
    there = config_in(tmp_path / "there")
    there.paths.published.parent.mkdir()
    failed = killed(there, job="restore", at="limit:700000", archive=str(archive))
    assert "StoreError" in failed.stderr
    assert not there.paths.warehouse.exists()


# ------------------------------------------------------------------------------- what is no sound backup


def _rewritten(archive: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    """The archive with its members changed, packed again without any complaint."""
    with tarfile.open(archive) as tar:
        members = {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]
    change(members)
    with tarfile.open(archive, "w") as tar:
        for name, body in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))


def _altered(members: dict[str, bytes]) -> None:
    body = members["warehouse.duckdb"]
    members["warehouse.duckdb"] = body[:-1] + bytes([body[-1] ^ 1])


def _left_out(members: dict[str, bytes]) -> None:
    del members["published/current.json"]


def _added(members: dict[str, bytes]) -> None:
    members["published/extra"] = b"x"


def _escaping(members: dict[str, bytes]) -> None:
    manifest = json.loads(members[MANIFEST])
    manifest["files"]["published/../../evil"] = {"sha256": "0" * 64, "size": 1}
    members[MANIFEST] = json.dumps(manifest).encode()
    members["published/../../evil"] = b"x"


def _from_the_future(members: dict[str, bytes]) -> None:
    manifest = json.loads(members[MANIFEST]) | {"schema_version": 999}
    members[MANIFEST] = json.dumps(manifest).encode()


def _without_manifest(members: dict[str, bytes]) -> None:
    del members[MANIFEST]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_altered, "content of 'warehouse.duckdb' is not what was backed up"),
        (_left_out, "1 of 6 files are missing"),
        (_added, "'published/extra' is not what the manifest says"),
        (_escaping, "is not a backup made by"),
        (_from_the_future, "version 999.*newer program"),
        (_without_manifest, "is not a backup made by"),
    ],
)
def test_an_archive_that_was_changed_is_refused_before_anything_is_touched(
    lived_in: Config, archive: Path, tmp_path: Path, change: Callable[[dict[str, bytes]], None], said: str
) -> None:
    _rewritten(archive, change)
    before, there = everything(lived_in), config_in(tmp_path / "there")
    for config, replace in ((lived_in, True), (there, False)):
        with pytest.raises(AffectcastError, match=said):
            restore_backup(archive, config=config, replace=replace)
    with pytest.raises(AffectcastError, match=said):
        check_backup(archive, config=there, replace=False)
    assert everything(lived_in) == before
    assert not there.paths.warehouse.exists()
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_an_archive_that_was_cut_off_is_refused(archive: Path, tmp_path: Path, kept: float) -> None:
    body = archive.read_bytes()
    archive.write_bytes(body[: int(len(body) * kept)])
    there = config_in(tmp_path / "there")
    with pytest.raises(InputError, match=r"Nothing was changed"):
        restore_backup(archive, config=there, replace=False)
    assert not there.paths.warehouse.exists()


def test_a_file_that_is_no_archive_and_one_that_is_not_there_are_explained(tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_text("no archive " * 1_000, encoding="utf-8")
    with pytest.raises(InputError, match="no archive at all"):
        read_manifest(tmp_path / "b.tar")
    with pytest.raises(InputError, match="no such file"):
        read_manifest(tmp_path / "nowhere.tar")


def test_a_damaged_warehouse_cannot_be_backed_up(lived_in: Config, tmp_path: Path) -> None:
    body = bytearray(lived_in.paths.warehouse.read_bytes())
    body[12288:] = b"\x55" * (len(body) - 12288)
    lived_in.paths.warehouse.write_bytes(body)
    with pytest.raises(InputError, match=r"cannot be opened as a warehouse.*backup"):
        write_backup(tmp_path / "b.tar", config=lived_in, made=MADE)
    assert not (tmp_path / "b.tar").exists()
