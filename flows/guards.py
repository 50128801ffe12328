"""Which issues there are, and which may still be made: the past is not rewritten. Makes none itself."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from warehouse.config import Config
from warehouse.errors import UsageError
from warehouse.opening import connected, exists
from warehouse.removal import posts_from
from warehouse.store import Store, open_store

if TYPE_CHECKING:
    from flows.stages import Run

# A longer time without a night is more likely a clock that is wrong.
LONGEST_PAUSE_DAYS = 92
_DONE = "stage = 'signals' AND status = 'done'"


def newest_issue(store: Store) -> dt.date | None:
    """The newest issue whose signals were made."""
    found: dt.date | None = store.query(f"SELECT max(issue) AS d FROM core.runs WHERE {_DONE}")["d"][0]
    return found


def was_made(store: Store, *, issue: dt.date) -> bool:
    """Whether the signals of an issue were made."""
    sql = f"SELECT count(*) AS n FROM core.runs WHERE {_DONE} AND issue = ?"
    return int(store.query(sql, [issue])["n"][0]) > 0


def refuse_rewriting(run: Run, *, last: dt.date) -> dt.date:
    """A backfill ends before the first real night, whose successors are stored as differences to it.

    Returns the issue that newly read posts are stamped with: never older than the newest one made, or no
    later night would look at them.
    """
    sql = f"SELECT min(issue) AS d FROM core.runs WHERE {_DONE} AND command <> 'backfill'"
    with open_store(run.config.paths.warehouse, config=run.config.warehouse) as store:
        first_kept = posts_from(store)
        night = store.query(sql)["d"][0]
        newest = newest_issue(store)
    if first_kept is not None:
        raise UsageError(
            f"the posts of before {first_kept} were removed by age ([retention]), so past issues cannot be made any "
            "more. Make them on a new warehouse that reads all files."
        )
    if night is not None and last >= night:
        raise UsageError(
            f"--to {last}: real nights were made from {night} on, and what was issued then is not rewritten with "
            "what is known now. End the backfill before that day."
        )
    return max(last, newest) if newest else last


def refuse_leap(config: Config, *, today: dt.date) -> None:
    """A day of the clock's that lies far ahead of the newest issue: a night of it would bar all nights in between."""
    if not exists(config.paths.warehouse, config=config.warehouse):
        return
    with connected(config.paths.warehouse, config=config.warehouse, read_only=True) as connection:
        row = connection.execute(f"SELECT max(issue) FROM core.runs WHERE {_DONE}").fetchone()
    newest = row[0] if row else None
    if newest is not None and (today - newest).days > LONGEST_PAUSE_DAYS:
        raise UsageError(
            f"it is {today} by this machine's clock, more than {LONGEST_PAUSE_DAYS} days after {newest}, the newest "
            f"issue. If the clock is right, say so with --as-of {today}; else set it. No night was made."
        )


def refuse_older(run: Run) -> None:
    """A night that lies before one already made would know what came later; `UsageError`."""
    if not exists(run.config.paths.warehouse, config=run.config.warehouse):
        return
    with open_store(run.config.paths.warehouse, config=run.config.warehouse) as store:
        newest = newest_issue(store)
    if newest is not None and run.issue < newest:
        raise UsageError(
            f"issue {run.issue} lies before {newest}, the newest one of this warehouse. A past night is not made "
            "again, because it would know what came later. Run with a later --as-of, or on a new warehouse."
        )
