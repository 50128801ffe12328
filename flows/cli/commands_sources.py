"""Commands on where posts and series come from: `affectcast sources list` and `sources check`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from flows.cli.options import DEFAULT_CONFIG, ConfigOption
from flows.cli.output import say
from flows.sources.check import check_sources, describe_source
from flows.sources.series import KIND, describe_series
from flows.sources.state import SourceState
from warehouse.config import load_config
from warehouse.errors import ConfigError

sources = typer.Typer(
    help="Where posts and series come from: what is configured, whether it answers, how far it was read."
)
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON list and nothing else.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(sources, name="sources")


@sources.command("list")
def list_(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Name every configured source and series and what it reads or asks for; asks nobody."""
    settings = load_config(config)
    found = [(source.name, str(source.kind), describe_source(source)) for source in settings.sources]
    found += [(series.name, KIND, describe_series(series)) for series in settings.series]
    if as_json:
        typer.echo(
            json.dumps([dict(zip(("source", "kind", "reads"), row, strict=True)) for row in found], indent=1)
        )
        return
    for name, kind, reads in found:
        say(f"{name:<20}{kind:<14}{reads}")


@sources.command()
def check(
    config: ConfigOption = DEFAULT_CONFIG,
    timeout: Annotated[
        int, typer.Option("--timeout", min=1, help="Seconds that a platform has to answer.")
    ] = 10,
    as_json: JsonOption = False,
) -> None:
    """Ask every source once, read every series: do they answer, how far are they, what to do. 1 on a problem."""
    settings = load_config(config)
    if not settings.sources and not settings.series:
        raise ConfigError(f"{config}: no [[sources]] are configured. See docs/sources.md.")
    found = check_sources(settings, timeout=timeout)
    if as_json:
        typer.echo(json.dumps([asdict(state) for state in found], ensure_ascii=False, indent=1))
    else:
        for state in found:
            _say(state)
    if any(state.level == "problem" for state in found):
        sys.exit(1)


def _say(state: SourceState) -> None:
    posts = "" if state.posts is None else f"; {state.posts:,} posts taken in"
    last = f"; last run {state.last_run}" if state.last_run else ""
    say(f"{state.level:<8}{state.source} ({state.kind}): {state.says}{posts}{last}")
    for line in state.read:
        say(f"{'':<8}{line}")
    if state.do:
        say(f"{'':<8}→ {state.do}")
