"""What a person or a log sees: progress on a terminal, plain lines otherwise. Never anything private."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from flows.nightly import Night, Stage
from flows.stages import Run, Tell
from warehouse.store import Receipt

_out = Console(soft_wrap=True, highlight=False, markup=False)
_err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def say(text: str) -> None:
    """A result line on standard output."""
    _out.print(text)


def log(text: str) -> None:
    """A line on what is going on, on standard error."""
    stamp = dt.datetime.now(dt.UTC).strftime("%H:%M:%S")
    _err.print(f"{stamp} {text}")


def tell_error(message: str) -> None:
    """An error, on standard error."""
    _err.print(f"affectcast: {message}")


@contextmanager
def progress() -> Iterator[Tell]:
    """Something to call with (what, how many more). A moving line on a terminal, silent otherwise."""
    if not _err.is_terminal:
        yield lambda _label, _count: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=_err, transient=True) as bar:
        tasks: dict[str, TaskID] = {}

        def tell(label: str, count: int) -> None:
            if label not in tasks:
                tasks[label] = bar.add_task(label, total=None)
            bar.advance(tasks[label], count)

        yield tell


def announced(name: str, stage: Stage) -> Stage:
    """The stage, with a log line before and after."""

    def call(run: Run) -> Receipt:
        log(f"{name} …")
        receipt = stage(run)
        log(f"{name}: {describe(receipt)}")
        return receipt

    return call


def describe(receipt: Receipt) -> str:
    """Counts of a receipt in words."""
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(receipt.reasons.items()) if n)
    notes = "".join(f"; {note}" for note in receipt.notes)
    return f"{receipt.rows_in:,} in, {receipt.rows_out:,} out" + (f" ({reasons})" if reasons else "") + notes


def report_problems(night: Night) -> None:
    """Inputs that could not be used, each on its own line."""
    for problem in night.problems:
        tell_error(problem)
