"""`affectcast sources`: what is configured, reachable and read, and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from flows import stages
from flows.cli.app import app
from flows.sources.fetch import read_platforms
from flows.stages import Run
from tests.sources.conftest import SECRET
from tests.sources.platform_servers import NOW, Answer, Platform, StillClock, served
from tests.sources.test_mastodon import Instance, hours, status
from warehouse.config import load_config
from warehouse.errors import BusyError, ConfigError
from warehouse.store import open_store
from warehouse.tables import TABLES

FORM = """
[paths]
warehouse = "{folder}/w.duckdb"

[[sources]]
name = "posts"
path = "{folder}/*.csv"

[[sources]]
name = "letters"
kind = "drop_folder"
path = "{folder}/in"

[[sources]]
name = "toots"
kind = "mastodon"
lang = "en"
[sources.fetch]
hashtags = ["sad"]
servers = ["{server}"]
plain_http_on_loopback = true
"""


@pytest.fixture
def platform() -> Iterator[Platform]:
    with served(Instance(status(1, at=hours(2)))) as platform:
        yield platform


@pytest.fixture
def path(tmp_path: Path, platform: Platform) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "a.csv").write_text("text,created_at\nwords,2024-06-01\n", encoding="utf-8")
    path = tmp_path / "my.toml"
    path.write_text(FORM.format(folder=tmp_path, server=platform.address), encoding="utf-8")
    return path


def call(*arguments: str, path: Path) -> Result:
    return CliRunner().invoke(app, ["sources", *arguments, "--config", str(path)])


def states(path: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    result = call("check", "--json", path=path)
    return result.exit_code, {state["source"]: state for state in json.loads(result.stdout)}


def test_the_list_names_what_is_read_and_asks_nobody(path: Path, platform: Platform) -> None:
    listed = call("list", path=path).stdout
    assert [line.split()[:2] for line in listed.splitlines()] == [
        ["posts", "files"],
        ["letters", "drop_folder"],
        ["toots", "mastodon"],
    ]
    assert f"#sad at {platform.address}" in listed
    assert platform.seen == []
    assert json.loads(call("list", "--json", path=path).stdout)[2]["kind"] == "mastodon"


def test_all_is_well_and_how_far_it_is(path: Path, platform: Platform) -> None:
    code, before = states(path)
    assert (code, {state["level"] for state in before.values()}) == (0, {"ok"})
    assert before["toots"]["reached"] is True
    assert before["toots"]["read"] == ["nothing was read yet"]
    config = load_config(path)
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        read_platforms(store, run=Run(config=config, issue=NOW.date()), secret=SECRET, clock=StillClock())
    code, after = states(path)
    assert after["toots"]["read"] == [f"{platform.address} #sad: read up to 2024-06-30 10:00 UTC"]
    assert (after["toots"]["posts"], after["toots"]["last_run"]) == (1, "2024-06-30")
    shown = call("check", path=path).stdout
    assert "ok      toots (mastodon): 127.0.0.1" in shown
    assert "1 posts taken in; last run 2024-06-30" in shown


def test_what_is_wrong_and_what_to_do(path: Path, platform: Platform) -> None:
    platform.before = [Answer({"error": "words of a post"}, status=401)]
    (path.parent / "a.csv").unlink()
    (path.parent / "in").rmdir()
    code, found = states(path)
    assert (code, {state["level"] for state in found.values()}) == (1, {"problem"})
    assert "the platform refuses access (401)" in found["toots"]["says"]
    assert found["toots"]["reached"] is False
    assert "no file matches" in found["posts"]["says"]
    assert found["letters"]["do"].startswith("Make it")
    assert "words of a post" not in str(found)


def test_a_platform_that_does_not_answer_is_not_waited_for(path: Path, platform: Platform) -> None:
    platform.answer = lambda _: Answer({"error": "busy"}, status=503)
    code, found = states(path)
    assert (code, found["toots"]["reached"]) == (1, False)
    assert len(platform.seen) == 1


def test_credentials_that_are_missing_are_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFFECTCAST_TALK_CLIENT_ID", raising=False)
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text + '\n[[sources]]\nname = "talk"\nkind = "reddit"\n[sources.fetch]\nsubreddits = ["a"]\n'
    )
    code, found = states(path)
    assert code == 1
    assert "AFFECTCAST_TALK_CLIENT_ID" in found["talk"]["says"]


def test_a_run_at_work_does_not_hide_whether_platforms_answer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object, **__: object) -> None:
        raise BusyError("held")

    load_config(path).paths.warehouse.touch()
    monkeypatch.setattr("flows.sources.check.connected", held)
    code, found = states(path)
    assert (code, found["toots"]["reached"]) == (0, True)
    assert found["toots"]["read"] == ["how far it is cannot be seen while a run is at work"]


def test_without_sources_there_is_nothing_to_check(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("", encoding="utf-8")
    result = call("check", path=tmp_path / "my.toml")
    assert isinstance(result.exception, ConfigError)


def test_a_night_reads_files_and_platforms_and_one_that_fails_does_not_stop_the_others(
    path: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.sources.fetch.Clock", StillClock)
    monkeypatch.setenv("AFFECTCAST_SECRET", "a secret of the tests, long enough")
    run = Run(config=load_config(path), issue=NOW.date())
    receipt = stages.ingest(run)
    assert (receipt.rows_out, receipt.problems) == (2, ())
    platform.answer = lambda _: Answer({"error": "gone"}, status=410)
    (path.parent / "b.csv").write_text("text,created_at\nother words,2024-06-02\n", encoding="utf-8")
    again = stages.ingest(Run(config=run.config, issue=run.issue))
    assert (again.rows_out, len(again.problems)) == (1, 1)
    assert "the platform refuses the question (410)" in again.problems[0]
    with open_store(run.config.paths.warehouse, config=run.config.warehouse) as store:
        told = store.read(TABLES["out.accounting"], where="reason = 'posts'")
    assert dict(told.select("subject", "n").iter_rows()) == {"posts": 2, "toots": 1}


def test_a_dry_run_names_what_would_be_asked(path: Path, platform: Platform) -> None:
    result = CliRunner().invoke(app, ["ingest", "--dry-run", "--config", str(path)])
    assert f"would ask mastodon for #sad at {platform.address} as source 'toots'" in result.stdout
    assert platform.seen == []
