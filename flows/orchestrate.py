"""The same night as a Prefect flow: one task per stage, retries, a cron deployment. Nothing is computed here.

Importing this imports Prefect, which takes seconds; the command does so only where it is asked to.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from prefect import flow, task

from flows.failures import withheld
from flows.nightly import Around, Night, Stage, run_backfill, run_nightly
from flows.notify import notify
from flows.stages import Run
from warehouse.config import Config, load_config
from warehouse.errors import BusyError, InputError, StoreError
from warehouse.store import Receipt


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
                retries=schedule.retries,
                retry_delay_seconds=schedule.retry_delay_seconds,
                retry_condition_fn=_worth_retrying,
                persist_result=False,
            )(call)
            return made()

        return run_as_task

    return around


def _worth_retrying(_task: Any, _run: Any, state: Any) -> bool:
    """Only what may pass by itself: a busy warehouse or a fault of the system, never bad input."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, BusyError | StoreError | OSError)


def nightly_flow(run: Run, *, around: Around | None = None) -> Night:
    """Run the night under Prefect and hand back what it did; `around` wraps each stage inside its task."""
    done: list[Night] = []

    @flow(name="affectcast-nightly", persist_result=False, validate_parameters=False)
    def nightly() -> None:
        done.append(run_nightly(run, around=_as_task(run, inner=around)))

    nightly()
    return done[0]


def backfill_flow(run: Run, *, first: dt.date, last: dt.date, around: Around | None = None) -> Night:
    """Run a backfill under Prefect; `around` wraps each stage inside its task."""
    done: list[Night] = []

    @flow(name="affectcast-backfill", persist_result=False, validate_parameters=False)
    def backfill() -> None:
        tasks = _as_task(run, inner=around)
        done.append(run_backfill(run, first=first, last=last, around=tasks))

    backfill()
    return done[0]


@flow(name="affectcast-scheduled", persist_result=False)
def scheduled(config_path: str) -> None:
    """What the cron deployment runs: the night of today (UTC). A source that could not be used fails the run
    at its end, after everything else was published."""
    config = load_config(Path(config_path))
    issue = config.run.as_of or dt.datetime.now(dt.UTC).date()
    run = Run(config=config, issue=issue)
    night = run_nightly(run, around=_as_task(run))
    notify(night.publication, config=config)
    if night.problems:
        raise InputError("\n".join(night.problems))


def serve(config: Config, *, config_path: Path) -> None:
    """Serve the nightly deployment until stopped; one run at a time."""
    from prefect.schedules import Cron

    scheduled.serve(
        name="nightly",
        schedule=Cron(config.schedule.cron, timezone=config.schedule.timezone),
        parameters={"config_path": str(config_path.resolve())},
        limit=1,
    )
