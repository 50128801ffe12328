"""What a person or a log sees: progress on a terminal, else plain lines or JSON objects. Never anything private."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from flows.nightly import Night, Stage
from flows.stages import Run, Tell
from warehouse.config import json_logs
from warehouse.store import Receipt

LogFormat = Literal["text", "json"]
_format: list[LogFormat] = ["text"]
_out = Console(soft_wrap=True, highlight=False, markup=False)
_err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


def say(text: str) -> None:
    """A result line on standard output."""
    _out.print(text)


def use_log_format(chosen: LogFormat) -> None:
    """How `log` and `tell_error` write from now on; the orchestrator's own lines follow."""
    _format[0] = chosen
    if chosen == "json":
        json_logs()


def log_format() -> LogFormat:
    """How lines are written now."""
    return _format[0]


def log(text: str, **fields: object) -> None:
    """A line on what is going on, on standard error; `fields` are for programs and go into JSON only."""
    if _format[0] == "json":
        return _json_line(level="info", message=text, **fields)
    stamp = dt.datetime.now(dt.UTC).strftime("%H:%M:%S")
    return _err.print(f"{stamp} {text}")


def tell_error(message: str) -> None:
    """An error, on standard error."""
    if _format[0] == "json":
        return _json_line(level="error", message=message)
    return _err.print(f"affectcast: {message}")


def _json_line(**fields: object) -> None:
    stamp = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    _err.print(json.dumps({"time": stamp, **fields}, ensure_ascii=False))


@contextmanager
def progress() -> Iterator[Tell]:
    """Something to call with (what, how many more). A moving line on a terminal, silent otherwise."""
    if not _err.is_terminal or _format[0] == "json":
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
        which = {"run_id": run.run_id, "issue": str(run.issue), "stage": name}
        log(f"{name} …", event="started", **which)
        receipt = stage(run)
        log(f"{name}: {describe(receipt)}", event="done", **which, **_counts(receipt))
        return receipt

    return call


def _counts(receipt: Receipt) -> dict[str, object]:
    return {
        "rows_in": receipt.rows_in,
        "rows_out": receipt.rows_out,
        "reasons": {reason: n for reason, n in sorted(receipt.reasons.items()) if n},
        "seconds": round(receipt.seconds, 3),
    }


def describe(receipt: Receipt) -> str:
    """Counts of a receipt in words."""
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(receipt.reasons.items()) if n)
    notes = "".join(f"; {note}" for note in receipt.notes)
    return f"{receipt.rows_in:,} in, {receipt.rows_out:,} out" + (f" ({reasons})" if reasons else "") + notes


def report_problems(night: Night) -> None:
    """What could not be read or tidied, each on its own line."""
    for problem in night.problems:
        tell_error(problem)
