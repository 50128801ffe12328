"""What every connector is: streams of pages behind a cursor, and a way to see whether the platform answers.

Not for any platform in particular.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from flows.sources.clock import Clock
from flows.sources.patience import Patience
from warehouse.config import SourceConfig
from warehouse.config.sources import LOOPBACK
from warehouse.intake.pages import Cursor, Page


@dataclass(frozen=True, kw_only=True)
class Span:
    """The time a run may read: from `first`, where nothing was read before, to before `end`."""

    first: dt.datetime
    end: dt.datetime


@dataclass(kw_only=True)
class Asking:
    """What a connector asks with: its source, a clock, and patience for the run."""

    source: SourceConfig
    clock: Clock
    patience: Patience = field(repr=False)
    notes: list[str] = field(default_factory=list)

    def span(self, issue: dt.date) -> Span:
        """Until now or the end of the day of the run: a later post is of another run."""
        tomorrow = dt.datetime.combine(issue + dt.timedelta(days=1), dt.time(), tzinfo=dt.UTC)
        end = min(self.clock.now(), tomorrow)
        return Span(first=end - dt.timedelta(days=self.source.fetch.lookback_days), end=end)

    def note(self, text: str) -> None:
        self.notes.append(f"source '{self.source.name}': {text}")


class Connector(Protocol):
    """A platform. Its methods raise `SourceError`, and never quote what was read."""

    def streams(self) -> list[str]:
        """The parts that are read one after the other, each with a cursor of its own."""

    def pages(self, stream: str, *, cursor: Cursor | None, span: Span) -> Iterator[Page]:
        """Pages behind the cursor. The next one is asked for only once the one before was taken in."""

    def reach(self) -> str:
        """Ask the platform for the least there is; says what answered."""

    def close(self) -> None:
        """Let go of the connections."""


def asking(source: SourceConfig, *, clock: Clock) -> Asking:
    patience = Patience(source=source.name, clock=clock, seconds=source.fetch.wait_seconds)
    return Asking(source=source, clock=clock, patience=patience)


def host_of(address: str) -> str:
    """The host that an address names, without its port where it is not this machine."""
    parts = urlsplit(address)
    return parts.netloc if parts.hostname in LOOPBACK else parts.hostname or ""


def utc(text: str | None) -> dt.datetime | None:
    """A time as platforms write it; None for anything else."""
    try:
        when = dt.datetime.fromisoformat(text or "")
    except (ValueError, TypeError):
        return None
    return when.replace(tzinfo=when.tzinfo or dt.UTC).astimezone(dt.UTC)
