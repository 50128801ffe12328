"""Options that several commands share, and how they become values. The only place that reads the clock."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from flows.stages import Run, Tell
from warehouse.config import Config, load_config
from warehouse.errors import UsageError
from warehouse.opening import name_of

ConfigOption = Annotated[Path, typer.Option("--config", help="Configuration file (TOML).")]
AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", help="Day of the run, YYYY-MM-DD (default: the config's, else today)."),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Check everything and say what would be done; write nothing.")
]
OutOption = Annotated[
    Path | None, typer.Option("--out", help="File to write (.csv, .jsonl or .parquet, also .gz).")
]
ColumnsOption = Annotated[
    str | None, typer.Option("--columns", help="Your names for our columns: NAME=COLUMN,NAME=COLUMN.")
]
DEFAULT_CONFIG = Path("config.toml")


def parse_day(text: str, *, option: str) -> dt.date:
    """A calendar day; `UsageError` for anything else, never today."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option}: expected a day as YYYY-MM-DD; got '{text}'.") from error


def make_run(config_path: Path, *, as_of: str | None, command: str, tell: Tell | None = None) -> Run:
    """The run that these options describe."""
    config = load_config(config_path)
    issue = parse_day(as_of, option="--as-of") if as_of else config.run.as_of or today()
    if issue > today():
        raise UsageError(
            f"issue {issue} lies in the future; today is {today()} (UTC). Correct --as-of or [run] as_of."
        )
    run = Run(config=config, issue=issue, command=command)
    return run if tell is None else Run(config=config, issue=issue, command=command, tell=tell)


def today() -> dt.date:
    """The day it is now, in UTC."""
    return dt.datetime.now(dt.UTC).date()


def known_config(config_path: Path) -> Config:
    """The configuration or, where the default file is not there, the defaults: for commands that need none."""
    return load_config(config_path) if config_path.is_file() or config_path != DEFAULT_CONFIG else Config()


def lexicon_folder(config_path: Path) -> Path:
    """Where added lexicons are."""
    return known_config(config_path).paths.lexicons


def parse_language(text: str) -> str:
    """An ISO 639-1 code in small letters; `UsageError` for anything else."""
    code = text.lower()
    if len(code) != 2 or not (code.isascii() and code.isalpha()):
        raise UsageError(f"--language: expected an ISO 639-1 code such as en; got '{text}'.")
    return code


def need_out(out: Path | None) -> Path:
    """`--out` is required with a file; `UsageError` otherwise."""
    if out is None:
        raise UsageError("--out FILE is needed when a file is given.")
    return out


def only_stage_options(context: typer.Context, *, file: str) -> None:
    """Without a file the command is a stage of the warehouse; `UsageError` for options that only a file has."""
    surplus = _given_beside(context, allowed={"config", "as_of", "dry_run"})
    if surplus:
        raise UsageError(f"{surplus}: only with a file. Name one with {file}, or leave the option out.")


def only_series_options(context: typer.Context) -> None:
    """`UsageError` for options that a file of series has no use for."""
    allowed = {"series", "columns", "out", "config", "as_of", "dry_run"}
    surplus = _given_beside(context, allowed=allowed)
    if surplus:
        raise UsageError(
            f"{surplus}: not together with --series. Give either a file of posts or a file of series."
        )


def _given_beside(context: typer.Context, *, allowed: set[str]) -> str:
    """The options on the command line that are not among these; empty where there are none."""
    given = [
        name for name in context.params if str(context.get_parameter_source(name)).endswith("COMMANDLINE")
    ]
    return ", ".join(f"--{name.replace('_', '-')}" for name in given if name not in allowed)


def describe_config(config: Config) -> list[str]:
    """What a dry run says."""
    sources = ", ".join(source.name for source in config.sources) or "none"
    return [
        f"sources: {sources}",
        f"scorers: {', '.join(config.score.scorers)}",
        f"warehouse: {name_of(config.paths.warehouse, config=config.warehouse)}; published: {config.paths.published}",
    ]
