"""Rules about the code itself that no linter holds."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from flows.docs import pages
from warehouse.config import Config, SeriesColumnsConfig, SeriesConfig, load_config, parse_config

PACKAGES = ("warehouse", "lexicons", "classifiers", "forecasting", "flows", "dashboard")
ENVIRONMENT_READERS = {"warehouse/config/environment.py"}
# The command decides what day it is; run records and the analysts' notes say when they were written; a sign-in ends.
CLOCK_READERS = {
    "flows/after_run.py",
    "flows/cli/options.py",
    "flows/cli/output.py",
    "flows/stages.py",
    "flows/orchestrate.py",
    "flows/sources/clock.py",
    "dashboard/access.py",
    "dashboard/acknowledgements.py",
    "dashboard/last_run.py",
}


def _sources(repository: Path) -> dict[str, str]:
    files = [path for package in PACKAGES for path in sorted((repository / package).rglob("*.py"))]
    return {path.relative_to(repository).as_posix(): path.read_text(encoding="utf-8") for path in files}


def _calls(tree: ast.AST, *, names: set[str]) -> bool:
    return any(isinstance(node, ast.Attribute) and ast.unparse(node) in names for node in ast.walk(tree))


def test_only_the_configuration_reads_the_environment(repository: Path) -> None:
    readers = {
        name
        for name, text in _sources(repository).items()
        if _calls(ast.parse(text), names={"os.environ", "os.getenv"})
    }
    assert readers == ENVIRONMENT_READERS


def test_only_named_places_read_the_clock(repository: Path) -> None:
    clocks = {
        "dt.datetime.now",
        "datetime.now",
        "dt.date.today",
        "date.today",
        "time.time",
        "datetime.datetime.now",
    }
    readers = {name for name, text in _sources(repository).items() if _calls(ast.parse(text), names=clocks)}
    assert readers <= CLOCK_READERS


def test_no_function_is_longer_than_sixty_lines_and_no_file_than_four_hundred(repository: Path) -> None:
    long_files = [name for name, text in _sources(repository).items() if text.count("\n") > 400]
    long_functions = [
        f"{name}: {node.name}"
        for name, text in _sources(repository).items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno > 60
    ]
    assert long_files == []
    assert long_functions == []


def test_every_module_says_what_it_is_for(repository: Path) -> None:
    assert [
        name for name, text in _sources(repository).items() if not ast.get_docstring(ast.parse(text))
    ] == []


@pytest.mark.parametrize("path", list(pages()), ids=lambda path: path.name)
def test_generated_pages_are_current(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == pages()[path], "run `make docs`"


def test_the_commented_configuration_shows_every_setting_with_its_default(repository: Path) -> None:
    path = repository / "config.toml"
    assert load_config(path) == Config()
    text = re.sub(r"(?m)^# (?=[\[a-z_])", "", path.read_text(encoding="utf-8"))
    shown = tomllib.loads(text)
    for section, model in Config().model_dump().items():
        if section not in ("sources", "series"):
            assert set(shown[section]) == set(model), section
    source = Config.model_validate({"sources": [{"name": "a", "path": "b"}]}).sources[0]
    assert set(shown["sources"][0]) == set(source.model_dump())
    for part in ("columns", "time", "place", "fetch"):
        assert set(shown["sources"][0][part]) == set(getattr(source, part).model_dump()), part
    assert set(shown["series"][0]) == set(SeriesConfig.model_fields)
    assert set(shown["series"][0]["columns"]) == set(SeriesColumnsConfig.model_fields)
    parse_config(shown, where="config.toml uncommented")


def test_there_is_one_example_configuration_for_each_shape_of_file(repository: Path) -> None:
    examples = sorted((repository / "docs" / "examples").iterdir())
    assert [path.suffix for path in examples] == [".toml"] * 6
    configs = [load_config(path) for path in examples]
    assert all(config.run.as_of is not None for config in configs)
    folders = [config.paths.warehouse for config in configs] + [config.paths.published for config in configs]
    assert len(set(folders)) == 12
    ignored = subprocess.run(
        ["git", "check-ignore", *map(str, folders)],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(ignored.stdout.split()) == 12


def test_every_page_that_the_readme_names_exists(repository: Path) -> None:
    for page in ("README.md", *[f"docs/{path.name}" for path in (repository / "docs").glob("*.md")]):
        text = (repository / page).read_text(encoding="utf-8")
        base = (repository / page).parent
        links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
        assert [link for link in links if not (base / link).exists()] == [], page


def test_every_dependency_is_locked(repository: Path) -> None:
    locked = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (repository / "constraints.txt").read_text().split()
    }
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[<>=\[]", item)[0].lower().replace("_", "-") for item in wanted}
    assert names - locked == set()
