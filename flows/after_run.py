"""What follows a run, whoever started it: its report, the metrics, notices. Not for the run itself.

Nothing here makes a run fail: what could not be written or sent is said.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flows import metrics
from flows.failures import said, withheld
from flows.nightly import Night
from flows.notify import notify, notify_trouble
from flows.run_report import failure_report, night_report
from flows.stages import Run
from warehouse.config import Config
from warehouse.errors import AffectcastError, InputError


def conclude(night: Night) -> list[str]:
    """Write the report and the metrics of a run that published, send notices; returns what is worth logging."""
    config = night.run.config
    code = InputError.exit_code if night.problems else 0
    told = [
        _kept("the report", lambda: _write_report(night_report(night), run=night.run)),
        _kept("the metrics", lambda: metrics.write_night(night, finished=_now(), exit_code=code)),
        notify(night.publication, config=config),
    ]
    if night.problems:
        title = (
            f"Affectcast {night.run.command} {night.run.issue}: published, but not everything could be done"
        )
        told.append(notify_trouble("\n".join(night.problems), title=title, config=config))
    return [line for line in told if line]


@contextmanager
def failures_told(run: Run, *, log: Callable[[str], None]) -> Iterator[None]:
    """Report, metrics and a notice of an error that ends the run inside; the error goes on."""
    try:
        with withheld():
            yield
    except (AffectcastError, OSError) as error:
        for line in _tell_failure(error, run=run):
            log(line)
        raise


def _tell_failure(error: AffectcastError | OSError, *, run: Run) -> list[str]:
    title = f"Affectcast {run.command} {run.issue}: failed"
    message, code = said(error), getattr(error, "exit_code", 1)
    told = [
        _kept("the report", lambda: _write_report(failure_report(message, title=title), run=run)),
        _kept("the metrics", lambda: metrics.write_failure(run.config, finished=_now(), exit_code=code)),
        notify_trouble(message, title=title, config=run.config),
    ]
    return [line for line in told if line]


def report_path(config: Config, *, issue: dt.date, command: str) -> Path:
    """Where the report of a run lies."""
    return config.paths.reports / f"{issue}-{command}.md"


def _write_report(text: str, *, run: Run) -> None:
    """Replace this run's report; as many are kept as issues are."""
    path = report_path(run.config, issue=run.issue, command=run.command)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    for old in sorted(path.parent.glob("*.md"))[: -run.config.publish.keep_issues]:
        old.unlink()


def _kept(what: str, write: Callable[[], None]) -> str:
    try:
        write()
    except OSError as error:
        return f"{what} could not be written ({error.strerror or type(error).__name__}); nothing else depends on it"
    return ""


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
