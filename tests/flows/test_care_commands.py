"""The commands that look after a warehouse, as a person calls them: what they say, and with which code they end."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from flows.cli.app import app
from flows.nightly import night_lock
from tests.store.warehouses import config_in, contents, new_warehouse, old_warehouse
from warehouse.config import Config, load_config
from warehouse.errors import BusyError, ConfigError, InputError, StoreError, UsageError
from warehouse.migrations import VERSION
from warehouse.store import open_store


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """A configuration with one source, and an empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AFFECTCAST_SECRET", raising=False)
    # What a night needs besides is tested with the nights, and takes seconds to load.
    monkeypatch.setattr("flows.checks.check", lambda _config: None)
    paths = config_in(tmp_path).paths
    lines = [f"{name} = {json.dumps(str(value))}" for name, value in paths]
    source = '[[sources]]\nname = "made"\npath = "posts.csv"\n[sources.columns]\nauthor = "who"\n'
    body = "\n".join(["[paths]", *lines, "[score]", 'scorers = ["lexicon"]', source])
    (tmp_path / "config.toml").write_text(body, encoding="utf-8")
    return load_config(tmp_path / "config.toml")


def call(*arguments: str, given: str | None = None) -> Result:
    """Run a command in this process; errors for the user come as themselves."""
    done = CliRunner().invoke(app, arguments, input=given)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_migrate_says_what_it_would_do_then_does_it_once(here: Config) -> None:
    Path("posts.csv").write_text("text,created_at,who\n", encoding="utf-8")
    old_warehouse(here.paths.warehouse)
    before = contents(here.paths.warehouse)
    call("signals", "--dry-run", "--as-of", "2024-01-05")
    assert f"from version 1 to {VERSION}" in call("migrate", "--dry-run").output
    assert contents(here.paths.warehouse) == before
    assert f"before-{VERSION}" in call("migrate").output
    assert "nothing to do" in call("migrate").output
    assert "nothing to do" in call("migrate", "--dry-run").output


def test_a_stage_migrates_by_itself_and_says_so(here: Config) -> None:
    old_warehouse(here.paths.warehouse)
    (here.paths.warehouse.parent.parent / "posts.csv").write_text(
        "text,created_at,who\nhappy,2024-01-03,u1\n", encoding="utf-8"
    )
    done = call("ingest", "--as-of", "2024-01-05")
    assert f"from version 1 to {VERSION}" in done.output
    assert "1 in, 1 out" in done.output


def test_backup_and_restore_by_command(here: Config, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no warehouse here"):
        call("backup", "--to", "b.tar", "--dry-run")
    new_warehouse(here)
    before = contents(here.paths.warehouse)
    assert "would write b.tar" in call("backup", "--to", "b.tar", "--dry-run").output
    assert not (tmp_path / "b.tar").exists()
    said = call("backup", "--to", "b.tar").output
    assert "0 posts" in said
    assert "The key behind the pseudonyms is not in it" in said
    new_warehouse_with_more(here)
    with pytest.raises(UsageError, match="--replace"):
        call("restore", "--from", "b.tar")
    assert "sound" in call("restore", "--from", "b.tar", "--replace", "--dry-run").output
    assert "w.duckdb.replaced" in call("restore", "--from", "b.tar", "--replace").output
    assert contents(here.paths.warehouse) == before
    with night_lock(here), pytest.raises(BusyError):
        call("backup", "--to", "c.tar")
    with pytest.raises(UsageError, match="there is no folder"):
        call("backup", "--to", "nowhere/c.tar")


def new_warehouse_with_more(config: Config) -> None:
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        store.identify("posts_from", "2024-01-01")


def test_a_disk_without_room_is_named_before_anything_is_written(here: Config) -> None:
    new_warehouse(here)
    with pytest.raises(StoreError, match=r"/proc: .* 0 MB are free"):
        call("backup", "--to", "/proc/b.tar")


def test_a_folder_that_cannot_be_written_to_is_named_and_nothing_is_lost(
    here: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_warehouse(here)
    before = here.paths.warehouse.read_bytes()
    # Nothing can be made in it, and it says so only when it is tried; where it says that it has room.
    monkeypatch.setattr("warehouse.backup.need_space", lambda *_, **__: None)
    with pytest.raises(OSError, match="/proc"):
        call("backup", "--to", "/proc/b.tar")
    assert here.paths.warehouse.read_bytes() == before


def test_retention_needs_its_setting(here: Config) -> None:
    with pytest.raises(UsageError, match=r"\[retention\] raw_days is not set"):
        call("retention")
    path = Path("config.toml")
    path.write_text(path.read_text(encoding="utf-8") + "\n[retention]\nraw_days = 400\n", encoding="utf-8")
    assert "older than 400 days" in call("retention", "--dry-run").output
    assert "0 in, 0 out" in call("retention").output


def test_delete_author_reads_ids_from_a_file_or_standard_input_and_names_nobody(here: Config) -> None:
    Path("posts.csv").write_text(
        "text,created_at,who\nhappy,2024-01-03,u1\nsad,2024-01-04,u2\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match="no warehouse"):
        call("delete-author", "--source", "made", given="u1\n")
    call("ingest", "--as-of", "2024-01-05")
    Path("ids.txt").write_text("u1\n", encoding="utf-8")
    assert "would remove 1 posts of 1 of 1" in call(
        "delete-author", "--source", "made", "--from", "ids.txt", "--dry-run"
    ).output  # fmt: skip
    said = call("delete-author", "--source", "made", given="u1\nu9\n").output
    assert "removed 1 posts of 1 of 2 people" in said
    assert "u1" not in said
    assert "removed 0 posts" in call("delete-author", "--source", "made", "--from", "ids.txt").output
    with pytest.raises(UsageError, match="no such source"):
        call("delete-author", "--source", "other", given="u1\n")
    with pytest.raises(InputError, match="no such file"):
        call("delete-author", "--source", "made", "--from", "nowhere.txt")


def test_rekey_gives_new_pseudonyms_once_a_call_and_shows_no_key(here: Config) -> None:
    key = here.paths.warehouse.with_suffix(".key")
    with pytest.raises(InputError, match="no warehouse"):
        call("rekey")
    Path("posts.csv").write_text(
        "text,created_at,who\nhappy,2024-01-03,u1\nsad,2024-01-04,u2\n", encoding="utf-8"
    )
    call("ingest", "--as-of", "2024-01-05")
    assert "would give 2 authors" in call("rekey", "--dry-run").output
    assert len(key.read_text(encoding="utf-8").splitlines()) == 1
    said = call("rekey").output
    assert "2 people have new pseudonyms, and 2 posts new ids" in said
    lines = key.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 2
    assert not [line for line in lines if line in said]
    assert "fits the warehouse" in call("doctor").output
    key.write_text("\n".join([*lines, "f" * 32]), encoding="utf-8")
    assert findings()["key"]["do"] == "affectcast rekey"
    assert "removed 1 posts of 1 of 1" in _erase_after_rekey()


def _erase_after_rekey() -> str:
    call("rekey")
    return call("delete-author", "--source", "made", given="u1\n").output


# ---------------------------------------------------------------------------------------------- doctor


def findings(*arguments: str) -> dict[str, dict[str, str]]:
    """The last finding of every check."""
    done = call("doctor", "--json", *arguments)
    found = {one["check"]: one for one in json.loads(done.output)}
    assert done.exit_code == int(any(one["level"] == "problem" for one in found.values()))
    return found


def test_a_sound_set_up_has_no_problem_and_no_secret_is_shown(
    here: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("posts.csv").write_text("text,created_at,who\nhappy,2024-01-03,u1\n", encoding="utf-8")
    call("ingest", "--as-of", "2024-01-05")
    monkeypatch.setenv("AFFECTCAST_NOTIFY_URLS", "mailto://name:password@example.org")
    before = here.paths.warehouse.read_bytes()
    said = call("doctor", "--thorough").output
    assert "problem" not in said
    assert "fits the warehouse" in said
    assert "1 posts" in said
    assert "password" not in said
    assert here.paths.warehouse.with_suffix(".key").read_text(encoding="utf-8") not in said
    assert here.paths.warehouse.read_bytes() == before


def test_doctor_finds_a_key_that_is_gone_wrong_or_open_to_all(here: Config) -> None:
    Path("posts.csv").write_text("text,created_at,who\nhappy,2024-01-03,u1\n", encoding="utf-8")
    call("ingest", "--as-of", "2024-01-05")
    key = here.paths.warehouse.with_suffix(".key")
    key.chmod(0o644)
    assert "chmod 600" in call("doctor").output
    key.write_bytes(b"another key, also long enough")
    key.chmod(0o600)
    assert findings()["key"]["says"] == "is not the one this warehouse was made with"
    key.unlink()
    assert findings()["key"]["level"] == "problem"


def test_doctor_finds_a_broken_configuration_warehouse_publication_and_clock(
    here: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_warehouse(here.paths.warehouse)
    assert "affectcast migrate" in findings()["warehouse"]["says"]
    here.paths.warehouse.write_bytes(b"no database " * 1_000)
    here.paths.published.mkdir()
    (here.paths.published / "current.json").write_text("{", encoding="utf-8")
    found = findings()
    assert "restore" in found["warehouse"]["do"]
    assert found["publication"]["do"] == "Run `affectcast publish`."
    here.paths.warehouse.unlink()
    Path("posts.csv").write_text("text,created_at,who\nhappy,2024-01-03,u1\n", encoding="utf-8")
    call("ingest", "--as-of", "2024-01-05")
    monkeypatch.setattr("flows.cli.commands_care.today", lambda: dt.date(2024, 1, 2))
    assert findings()["clock"]["level"] == "problem"
    with night_lock(here):
        assert findings()["lock"]["level"] == "warning"
    Path("config.toml").write_text("[score]\nscorer = 1\n", encoding="utf-8")
    assert "scorers" in findings()["configuration"]["says"]


def test_doctor_finds_folders_it_cannot_write_to_and_scorers_that_are_not_there(here: Config) -> None:
    Path("config.toml").write_text(
        '[paths]\nexports = "/proc/exports"\n[score]\nscorers = ["nosuch"]\nthreads = 4096\n',
        encoding="utf-8",
    )
    found = findings()
    assert found["folder exports"]["level"] == "problem"
    assert found["scorer nosuch"]["level"] == "problem"
    assert found["threads"]["level"] == "warning"


def test_an_author_file_that_is_no_text_is_explained(here: Config) -> None:
    Path("ids.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        call("delete-author", "--source", "made", "--from", "ids.bin")


def test_a_demo_key_does_not_fit_a_real_warehouse(here: Config) -> None:
    Path("posts.csv").write_text("text,created_at,who\nhappy,2024-01-03,u1\n", encoding="utf-8")
    call("ingest", "--as-of", "2024-01-05")
    path = Path("config.toml")
    path.write_text("[run]\ndemo = true\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ConfigError, match="not the one its pseudonyms were made with"):
        call("ingest", "--as-of", "2024-01-05")
