"""Commands that run stages on the warehouse: the night, a backfill, the demo, a schedule, single stages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows import checks, guards, stages, summary
from flows.after_run import conclude, failures_told
from flows.cli.options import (
    DEFAULT_CONFIG,
    AsOfOption,
    ConfigOption,
    DryRunOption,
    describe_config,
    make_run,
    parse_day,
)
from flows.cli.output import announced, describe, log, log_format, progress, report_problems, say
from flows.nightly import Night, Stage, night_lock, run_backfill, run_nightly, timed
from flows.sources.check import describe_source
from flows.stages import Run
from warehouse.config import load_config
from warehouse.errors import InputError
from warehouse.synthetic import write_sample
from warehouse.upgrade import bring_up_to_date

DEMO_FOLDER = Path("demo")
PlainOption = Annotated[
    bool, typer.Option("--plain", help="Run without the orchestrator (no retries, no run page).")
]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (demo, nightly, backfill, schedule, ingest, signals, words, publish):
        app.command()(command)


def demo(dry_run: DryRunOption = False) -> None:
    """Make the synthetic sample, run the night on it, and say what was found."""
    config_path = Path(__file__).parent.parent / "demo.toml"
    config = load_config(config_path)
    if dry_run:
        return say(
            f"would write a synthetic sample under {DEMO_FOLDER}/ and run the night of {config.run.as_of} on it"
        )
    sample = write_sample(DEMO_FOLDER, seed=config.run.seed)
    log(f"sample: {sum(sample.records.values()):,} records in {len(sample.files)} files under {DEMO_FOLDER}/")
    with progress() as tell:
        night = run_nightly(make_run(config_path, as_of=None, command="demo", tell=tell), around=announced)
    finish(night, dashboard=f"affectcast dashboard --published {config.paths.published}")
    return None


def nightly(
    config: ConfigOption = DEFAULT_CONFIG,
    as_of: AsOfOption = None,
    dry_run: DryRunOption = False,
    plain: PlainOption = False,
) -> None:
    """Ingest, score, aggregate, follow contagion, forecast, alert and publish."""
    with progress() as tell:
        run = make_run(config, as_of=as_of, command="nightly", tell=tell)
        if dry_run:
            return _say_plan(run)
        with failures_told(run, log=log):
            if as_of is None and run.config.run.as_of is None:
                guards.refuse_leap(run.config, today=run.issue)
            night = run_nightly(run, around=announced) if plain else _orchestrated(run)
    finish(night, dashboard=f"affectcast dashboard --config {config}")
    return None


def _orchestrated(run: Run) -> Night:
    from flows.orchestrate import nightly_flow

    return nightly_flow(run, around=announced)


def finish(night: Night, *, dashboard: str) -> None:
    """Print the summary, leave report, metrics and notices, and fail at the end if an input could not be used."""
    for note in night.notes:
        log(note)
    for line in summary.summarise(night.publication, dashboard=dashboard):
        say(line)
    for line in conclude(night):
        log(line)
    if night.problems:
        report_problems(night)
        sys.exit(InputError.exit_code)


def _say_plan(run: Run) -> None:
    checks.check(run.config)
    for line in [f"issue: {run.issue}", *describe_config(run.config)]:
        say(line)
    for file in run.files:
        say(f"would read {file.path} ({file.path.stat().st_size:,} bytes) as source '{file.source.name}'")
    for series in run.config.series:
        say(f"would read {series.path} as series '{series.name}'")
    for source in run.platforms:
        say(f"would ask {source.kind} for {describe_source(source)} as source '{source.name}'")


def backfill(
    first: Annotated[str, typer.Option("--from", help="First issue to rebuild, YYYY-MM-DD.")],
    last: Annotated[str, typer.Option("--to", help="Last issue to rebuild, YYYY-MM-DD.")],
    config: ConfigOption = DEFAULT_CONFIG,
    dry_run: DryRunOption = False,
    plain: PlainOption = False,
) -> None:
    """Rebuild past issues as if each had been made on its day."""
    start, end = parse_day(first, option="--from"), parse_day(last, option="--to")
    with progress() as tell:
        run = make_run(config, as_of=last, command="backfill", tell=tell)
        if dry_run:
            return _say_plan(run)
        with failures_told(run, log=log):
            if plain:
                night = run_backfill(run, first=start, last=end, around=announced)
            else:
                from flows.orchestrate import backfill_flow

                night = backfill_flow(run, first=start, last=end, around=announced)
    finish(night, dashboard=f"affectcast dashboard --config {config}")
    return None


def schedule(config: ConfigOption = DEFAULT_CONFIG, dry_run: DryRunOption = False) -> None:
    """Serve the nightly run on the configured cron schedule until stopped."""
    settings = load_config(config)
    say(f"nightly run at '{settings.schedule.cron}' ({settings.schedule.timezone}), one at a time")
    if dry_run:
        return
    from flows.orchestrate import serve

    serve(settings, config_path=config, log_format=log_format())


def _single(name: str, stage: Stage, *, config: Path, as_of: str | None, dry_run: bool) -> None:
    with progress() as tell:
        run = make_run(config, as_of=as_of, command=name, tell=tell)
        if dry_run:
            return _say_plan(run)
        checks.check(run.config)
        with night_lock(run.config):
            told = bring_up_to_date(run.config)
            if told:
                log(told)
            if name != "publish":
                guards.refuse_older(run)
            receipt = announced(name, timed(stage))(run)
    say(f"{name}: {describe(receipt)}")
    if receipt.problems:
        raise InputError("\n".join(receipt.problems))
    return None


def ingest(
    config: ConfigOption = DEFAULT_CONFIG, as_of: AsOfOption = None, dry_run: DryRunOption = False
) -> None:
    """Read the sources into the warehouse; what was read before is not read again."""
    _single("ingest", stages.ingest, config=config, as_of=as_of, dry_run=dry_run)


def signals(
    config: ConfigOption = DEFAULT_CONFIG, as_of: AsOfOption = None, dry_run: DryRunOption = False
) -> None:
    """Aggregate scores into signals and release what may leave."""
    _single("signals", stages.build_signals, config=config, as_of=as_of, dry_run=dry_run)


def words(
    config: ConfigOption = DEFAULT_CONFIG, as_of: AsOfOption = None, dry_run: DryRunOption = False
) -> None:
    """Count lexicon terms and find which words moved the signals."""
    _single("words", stages.words, config=config, as_of=as_of, dry_run=dry_run)


def publish(
    config: ConfigOption = DEFAULT_CONFIG, as_of: AsOfOption = None, dry_run: DryRunOption = False
) -> None:
    """Write the publication of an issue and point readers at it."""
    _single("publish", lambda run: stages.publish_issue(run)[0], config=config, as_of=as_of, dry_run=dry_run)
