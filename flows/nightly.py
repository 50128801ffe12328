"""The night from end to end: the stages in order, under one lock; through Prefect or without it.

No logic of its own: a task is one call to a plain function and returns a receipt.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from flows import checks, guards, stages
from flows.memory import give_back_memory
from flows.removal import remove_expired
from flows.stages import Run
from warehouse.config import Config
from warehouse.errors import BusyError, InputError, StoreError, UsageError
from warehouse.lake_catalogue import night_held
from warehouse.publish import Publication, published_at
from warehouse.store import Receipt
from warehouse.upgrade import bring_up_to_date, compact

Stage = Callable[[Run], Receipt]
Around = Callable[[str, Stage], Stage]
StillHeld = Callable[[], None]


def _publish(run: Run) -> Receipt:
    receipt, publication = stages.publish_issue(run)
    place = publication.folder.relative_to(run.config.paths.published).as_posix()
    return replace(receipt, publication=place)


STAGES: dict[str, Stage] = {
    "ingest": stages.ingest,
    "score": stages.score,
    "signals": stages.build_signals,
    "words": stages.words,
    "events": stages.events,
    "contagion": stages.contagion,
    "forecast": stages.forecast,
    "alerts": stages.alerts,
    "publish": _publish,
    "retention": remove_expired,
}
_ISSUE_STAGES = ("signals", "words", "events", "contagion", "forecast", "alerts")


@dataclass(frozen=True, kw_only=True)
class Night:
    """What a run did. `problems` are inputs that could not be used, and what could not be tidied; the rest went on."""

    run: Run
    receipts: list[Receipt]

    @property
    def publication(self) -> Publication:
        """What this run published, whether or not readers are pointed at it."""
        places = [receipt.publication for receipt in self.receipts if receipt.publication]
        return published_at(self.run.config.paths.published, place=places[-1])

    @property
    def problems(self) -> list[str]:
        return [problem for receipt in self.receipts for problem in receipt.problems]

    @property
    def notes(self) -> list[str]:
        return [note for receipt in self.receipts for note in receipt.notes]


@contextmanager
def night_lock(config: Config) -> Iterator[StillHeld]:
    """Held for a whole run, so that two runs cannot take turns stage by stage; `BusyError` at once.

    On this machine by a file, of a DuckLake also on every other. What it hands out raises when that was lost.
    """
    path = config.paths.warehouse.with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                f"{config.paths.warehouse}: another run is at work on this warehouse. Wait for it to end."
            ) from error
        with ExitStack() as stack:
            lake = config.warehouse
            yield stack.enter_context(night_held(lake)) if lake.is_lake else _on_this_machine


def _on_this_machine() -> None:
    """A lock of this machine's is gone only with its process."""


def run_nightly(run: Run, *, around: Around | None = None) -> Night:
    """Every stage in order. `around` may wrap a stage (an orchestrator's task, a test's crash)."""
    wrap = around or (lambda _name, stage: stage)
    checks.check(run.config)
    with night_lock(run.config) as still_held:
        receipts = _up_to_date(run)
        guards.refuse_older(run)
        for name, stage in STAGES.items():
            still_held()
            receipts.append(_checked(wrap(name, timed(stage))(run), run=run))
            give_back_memory()
        receipts += _tidied(run)
    return Night(run=run, receipts=receipts)


def _tidied(run: Run) -> list[Receipt]:
    """Every write of a DuckLake leaves files and an earlier state; once a night they are put in order."""
    if not run.config.warehouse.is_lake:
        return []
    try:
        return [timed(_tidy)(run)]
    except BusyError as error:
        note = f"what was deleted is still in the files, until the next night: {error.message}"
        return [Receipt("tidy", notes=(note,))]
    except StoreError as error:
        # The night is published by now, and stays so.
        trouble = f"the night is published, but what was deleted is still in the files: {error.message}"
        return [Receipt("tidy", problems=(trouble,))]


def _tidy(run: Run) -> Receipt:
    compact(run.config)
    return Receipt("tidy")


def timed(stage: Stage) -> Stage:
    """The stage, whose receipt says how long it took."""

    def call(run: Run) -> Receipt:
        began = time.monotonic()
        receipt = stage(run)
        return replace(receipt, seconds=time.monotonic() - began)

    return call


def _up_to_date(run: Run) -> list[Receipt]:
    """An older warehouse is migrated first; a receipt that says so, or none."""
    told = bring_up_to_date(run.config)
    return [Receipt("migrate", notes=(told,))] if told else []


def _checked(receipt: Receipt, *, run: Run) -> Receipt:
    """Stop when no file and no platform at all could be used; otherwise one bad source does not stop the night."""
    if (
        receipt.stage == "ingest"
        and receipt.problems
        and len(receipt.problems) == len(run.files) + len(run.platforms)
    ):
        raise InputError("\n".join(receipt.problems))
    return receipt


def run_backfill(run: Run, *, first: dt.date, last: dt.date, around: Around | None = None) -> Night:
    """Make the issues from `first` to `last` as if each had been made on its day, then publish the last.

    Only before the first real night: what was issued then is not rewritten with what is known now.
    """
    if first > last:
        raise UsageError(f"--from {first} lies after --to {last}.")
    checks.check(run.config)
    wrap = around or (lambda _name, stage: stage)
    todo = {name: wrap(name, timed(stage)) for name, stage in STAGES.items()}
    with night_lock(run.config) as still_held:
        receipts = _up_to_date(run)
        stamp = guards.refuse_rewriting(run, last=last)
        receipts += [_checked(todo["ingest"](replace(run, issue=stamp)), run=run), todo["score"](run)]
        for offset in range((last - first).days + 1):
            night = replace(run, issue=first + dt.timedelta(days=offset), assumed=True)
            still_held()
            receipts += [todo[name](night) for name in _ISSUE_STAGES]
        receipts.append(todo["publish"](replace(run, issue=last)))
        receipts += _tidied(run)
    return Night(run=run, receipts=receipts)
