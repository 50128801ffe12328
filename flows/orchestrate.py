"""The same night as a Prefect flow: one task per stage, retries, a cron deployment. Nothing is computed here.

Importing this imports Prefect, which takes seconds; the command does so only where it is asked to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from prefect import flow, task
from prefect.artifacts import create_markdown_artifact
from prefect.exceptions import PrefectException
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.task_engine import TaskRunTimeoutError

from flows.after_run import conclude, failures_told
from flows.cli.output import LogFormat, announced, log, use_log_format
from flows.failures import withheld
from flows.guards import refuse_leap
from flows.nightly import Around, Night, Stage, run_backfill, run_nightly
from flows.run_report import night_report
from flows.server import scheduling_server
from flows.stages import Run
from warehouse.config import Config, load_config
from warehouse.errors import BusyError, InputError, StoreError
from warehouse.store import Receipt

# What a server that is gone looks like from here.
_LOST = (httpx.HTTPError, PrefectException)


def _as_task(run: Run, *, inner: Around | None = None) -> Around:
    schedule = run.config.schedule
    wrap = inner or (lambda _name, stage: stage)

    def around(name: str, stage: Stage) -> Stage:
        def run_as_task(given: Run) -> Receipt:
            # The run reaches the task by closure: as a parameter the orchestrator would look into it.
            def call() -> Receipt:
                with withheld():
                    return wrap(name, stage)(given)

            made = task(
                name=name,
                task_run_name=f"{name} {given.issue}",
                retries=schedule.retries,
                retry_delay_seconds=schedule.retry_delay_seconds,
                retry_condition_fn=_worth_retrying,
                timeout_seconds=60 * schedule.stage_timeout_minutes,
                persist_result=False,
            )(call)
            try:
                return made()
            except TaskRunTimeoutError as error:
                raise StoreError(
                    f"{name}: took longer than {schedule.stage_timeout_minutes} minutes ([schedule] "
                    "stage_timeout_minutes) and was stopped. What it had finished is kept: run the same command again."
                ) from error

        return run_as_task

    return around


def _worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
    """Only what may pass by itself: a busy warehouse or a fault of the system; not bad input or a stage that hangs."""
    error = state.result(raise_on_failure=False)
    passing = isinstance(error, BusyError | StoreError | OSError)
    return passing and not isinstance(error, TaskRunTimeoutError)


def nightly_flow(run: Run, *, around: Around | None = None) -> Night:
    """Run the night under Prefect and hand back what it did; `around` wraps each stage inside its task."""
    return _as_flow(run, lambda tasks: run_nightly(run, around=tasks), inner=around)


def backfill_flow(run: Run, *, first: dt.date, last: dt.date, around: Around | None = None) -> Night:
    """Run a backfill under Prefect; `around` wraps each stage inside its task."""
    return _as_flow(run, lambda tasks: run_backfill(run, first=first, last=last, around=tasks), inner=around)


def _as_flow(run: Run, work: Callable[[Around], Night], *, inner: Around | None) -> Night:
    began: list[bool] = []
    done: list[Night] = []

    @flow(
        name=f"affectcast-{run.command}",
        flow_run_name=f"{run.command} {run.issue}",
        persist_result=False,
        validate_parameters=False,
    )
    def whole() -> None:
        began.append(True)
        done.append(work(_as_task(run, inner=inner)))
        _show(night_report(done[0]), run=run)

    try:
        whole()
    except RuntimeError as error:
        if began:
            raise
        raise StoreError(
            "the Prefect server did not start, so nothing was done. Run the same command again, or with --plain, which "
            "needs no server."
        ) from error
    except _LOST as error:
        if not done:
            raise StoreError(
                f"the Prefect server could not be reached any more ({type(error).__name__}). What the stages had "
                "finished is kept: run the same command again, or with --plain, which needs no server."
            ) from error
        log("the Prefect server could not be reached at the end; the run itself is complete")
    return done[0]


def _show(report: str, *, run: Run) -> None:
    """The report as an artifact of the run's page."""
    try:
        create_markdown_artifact(
            key=f"affectcast-{run.command}", markdown=report, description=f"issue {run.issue}"
        )
    except _LOST as error:
        log(f"the report could not be shown on the run's page ({type(error).__name__})")


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


@flow(name="affectcast-scheduled", flow_run_name=lambda: f"nightly {_today()}", persist_result=False)
def scheduled(config_path: str, log_format: str = "text") -> None:
    """What the cron deployment runs: the night of today (UTC). A source that could not be used fails the run
    at its end, after everything else was published."""
    use_log_format("json" if log_format == "json" else "text")
    config = load_config(Path(config_path))
    issue = config.run.as_of or _today()
    run = Run(config=config, issue=issue)
    with failures_told(run, log=log):
        if config.run.as_of is None:
            refuse_leap(config, today=issue)
        night = run_nightly(run, around=_as_task(run, inner=announced))
    _show(night_report(night), run=run)
    for line in conclude(night):
        log(line)
    if night.problems:
        raise InputError("\n".join(night.problems))


def serve(config: Config, *, config_path: Path, log_format: LogFormat) -> None:
    """Serve the nightly deployment until stopped, one run at a time; with a server of its own where none is named."""
    if PREFECT_API_URL.value():
        return _serve(config, config_path=config_path, log_format=log_format)
    with scheduling_server(say=log) as api, temporary_settings({PREFECT_API_URL: api}):
        return _serve(config, config_path=config_path, log_format=log_format)


def _serve(config: Config, *, config_path: Path, log_format: LogFormat) -> None:
    from prefect.deployments.runner import EntrypointType
    from prefect.schedules import Cron

    scheduled.serve(
        name="nightly",
        schedule=Cron(config.schedule.cron, timezone=config.schedule.timezone),
        parameters={"config_path": str(config_path.resolve()), "log_format": log_format},
        limit=1,
        # Stopping pauses it, so that no nights pile up meanwhile.
        paused=False,
        # By name: a file would be loaded a second time, from wherever the working directory happens to be.
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
