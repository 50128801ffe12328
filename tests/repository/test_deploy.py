"""The files under docs/deploy name commands and options that exist, and the night that the configuration schedules."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from flows.cli.app import app
from warehouse.config import Config

OPTION = re.compile(r"--[a-z][a-z-]*")


def _unit(path: Path) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path, encoding="utf-8")
    return unit


def _container(text: str) -> str:
    """What a container starts: its entry point with its command."""
    parts = [re.search(rf"(?m)^{word} (\[.*\])$", text) for word in ("ENTRYPOINT", "CMD")]
    return " ".join(word for part in parts if part for word in json.loads(part.group(1)))


def _command_lines(folder: Path) -> dict[str, str]:
    cron = (folder / "affectcast.cron").read_text(encoding="utf-8").splitlines()
    return {
        "service": _unit(folder / "affectcast.service")["Service"]["ExecStart"],
        "cron": next(line for line in cron if line and not line.startswith("#")),
        "container": _container((folder / "Containerfile").read_text(encoding="utf-8")),
    }


@pytest.mark.parametrize("kind", ["service", "cron", "container"])
def test_the_command_of_a_deployment_exists_with_its_options(repository: Path, kind: str) -> None:
    line = _command_lines(repository / "docs" / "deploy")[kind]
    words = line.split(".venv/bin/affectcast ")[1].split(" >>")[0].split()
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    name = next(word for word in words if word in group.commands)
    before, after = words[: words.index(name)], words[words.index(name) + 1 :]
    for given, command in ((before, group), (after, group.commands[name])):
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in given if OPTION.fullmatch(word)} <= known
    assert "--config" in after


def test_timer_and_cron_line_start_the_night_when_the_schedule_does(repository: Path) -> None:
    folder = repository / "docs" / "deploy"
    minute, hour = Config().schedule.cron.split()[:2]
    assert Config().schedule.timezone == "UTC"
    at = f"{int(hour):02}:{int(minute):02}:00 UTC"
    assert _unit(folder / "affectcast.timer")["Timer"]["OnCalendar"].endswith(at)
    assert _command_lines(folder)["cron"].startswith(f"{Config().schedule.cron} ")


def test_the_unit_may_write_where_it_works_and_its_secrets_are_in_no_file_here(repository: Path) -> None:
    service = _unit(repository / "docs" / "deploy" / "affectcast.service")["Service"]
    assert service["ReadWritePaths"] == service["WorkingDirectory"]
    assert service["Environment"].partition("=")[0] == "PREFECT_HOME"
    for path in (repository / "docs" / "deploy").iterdir():
        assert not re.search(r"AFFECTCAST_[A-Z_]+=", path.read_text(encoding="utf-8")), path.name


def test_operations_names_every_file_of_the_folder(repository: Path) -> None:
    page = (repository / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [
        p.name for p in (repository / "docs" / "deploy").iterdir() if f"deploy/{p.name}" not in page
    ] == []
