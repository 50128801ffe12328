"""Commands that show or hand out what is there: dashboard, export, models, config, tables."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from flows.cli.options import (
    DEFAULT_CONFIG,
    AsOfOption,
    ConfigOption,
    DryRunOption,
    known_config,
    parse_day,
)
from flows.cli.output import log, say
from flows.scorers import make_scorer, scorer_names
from warehouse.config import Config, load_config, provider_address
from warehouse.errors import MissingModelError
from warehouse.publish import current
from warehouse.tables import TABLES


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (dashboard, export, models, config, tables):
        app.command()(command)


def dashboard(
    config: ConfigOption = DEFAULT_CONFIG,
    published: Annotated[
        Path | None, typer.Option("--published", help="Published folder (default: the config's).")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            help="Where verdicts on alerts go (default: with the warehouse, or beside --published).",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=1, max=65535, help="Port to listen on, this machine only.")
    ] = 8501,
    headless: Annotated[bool, typer.Option("--headless", help="Do not open a browser.")] = False,
) -> None:
    """Open the dashboard on a published folder."""
    # A configuration that is there counts even where it need not be: it may say that people have to sign in.
    chosen = known_config(config) if published else load_config(config)
    folder = published or chosen.paths.published
    beside = published.parent if published else chosen.paths.warehouse.parent
    current(folder)
    settings = [str(folder), str(state or beside), str(port), str(headless).lower()]
    if chosen.dashboard.sign_in:
        provider_address(chosen.dashboard.secrets)
        settings.append(str(config))
    # The dashboard is a program of its own, so that this package need not import it.
    os.execv(sys.executable, [sys.executable, "-m", "dashboard.launch", *settings])


def export(
    config: ConfigOption = DEFAULT_CONFIG,
    published: Annotated[
        Path | None, typer.Option("--published", help="Published folder (default: the config's).")
    ] = None,
    as_of: AsOfOption = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder to write (default: the config's exports).")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", help="Only check an exported folder and name offending rows.")
    ] = None,
    bom: Annotated[
        bool, typer.Option("--bom", help="Start CSV files with a byte order mark, as Excel wants it.")
    ] = False,
    forecasts: Annotated[
        Literal["csv", "parquet", "both"], typer.Option("--forecasts", help="Formats of the forecast files.")
    ] = "both",
    language: Annotated[
        Literal["en", "es"], typer.Option("--language", help="Language of the briefs.")
    ] = "en",
    dry_run: DryRunOption = False,
) -> None:
    """Write what policy teams receive: hubverse forecasts, a summary, observed series, alerts, a page per place."""
    from flows.export import ExportOptions, check_export, export_publication

    if check is not None:
        return _say_check(check_export(check))
    settings = load_config(config) if published is None or to is None else None
    folder = published or (settings.paths.published if settings else DEFAULT_CONFIG)
    target = to or (settings.paths.exports if settings else DEFAULT_CONFIG)
    issue = parse_day(as_of, option="--as-of") if as_of else None
    if dry_run:
        return say(f"would export issue {issue or current(folder).issue} of {folder} to {target}")
    options = ExportOptions(bom=bom, forecasts=forecasts, language=language)
    receipt = export_publication(folder, issue=issue, to=target, options=options)
    say(f"Issue {receipt.issue}, version {receipt.version}, model {receipt.model} → {receipt.folder}")
    for name, rows in sorted(receipt.files.items()):
        say(f"  {name}: {rows:,} rows")
    say(f"  briefs: {len(receipt.briefs):,} pages")
    for note in receipt.notes:
        say(note)
    return None


def _say_check(problems: list[str]) -> None:
    from warehouse.errors import ContractError

    if problems:
        raise ContractError("\n".join(problems))
    say("every rule holds")


def models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list and nothing else.")] = False,
    published: Annotated[
        bool, typer.Option("--published", help="Also the field's models that can be used by name.")
    ] = False,
    fetch: Annotated[
        str | None,
        typer.Option(
            "--fetch", help="Download one of them, or one of [[score.models]], into the local cache."
        ),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """List the scorers: what they measure, in which languages, how well. Or download a published model."""
    settings = known_config(config)
    if fetch is not None:
        return _fetch(fetch, config=settings)
    described = []
    for name in scorer_names(settings):
        try:
            described.append(make_scorer(name, config=settings).describe())
        except MissingModelError as error:  # one broken scorer does not hide the others
            log(f"{name} cannot be used: {error}")
    if as_json:
        return typer.echo(json.dumps(described, ensure_ascii=False, indent=1, sort_keys=True))
    for scorer in described:
        say(f"{scorer['scorer']} ({scorer['tier']}, {scorer['size_mb']} MB, {scorer['licence']})")
        say(f"  languages: {', '.join(scorer['languages'])}")
        say(f"  measures: {', '.join(scorer['measures'])}")
    if published:
        _say_published()
    return None


def _fetch(name: str, *, config: Config) -> None:
    from classifiers.hub.find import fetch
    from classifiers.hub.spec import hub_spec

    say(f"{name} is in {fetch(hub_spec(name, config.score.models))}")


def _say_published() -> None:
    from classifiers.hub.spec import catalogued_specs

    for name, spec in catalogued_specs().items():
        use = "scorer" if spec.head else "encoder without a head: train one with `affectcast train`"
        gate = "; gated" if spec.gated else ""
        say(f"{name}: {spec.source}, {', '.join(spec.languages)}, {spec.licence}{gate} ({use})")


def config(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Check a configuration and print every setting as it will be used."""
    say(load_config(config).model_dump_json(indent=1))


def tables() -> None:
    """List the tables and what a row of each is."""
    for table in TABLES.values():
        first = (table.schema.__doc__ or "").strip().splitlines()[0]
        say(f"{table.name}: {first}")
