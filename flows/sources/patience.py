"""Asking again: what may pass by itself is tried again after a while, within bounds; all else is said at once.

Not for what went wrong in a client's own words, which may quote posts or credentials: connectors name it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from flows.sources.clock import Clock
from warehouse.errors import InputError

Answer = TypeVar("Answer")
# Seconds before the second, third … attempt, where the platform does not say how long.
DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Why a platform did not answer. `passing`: asking again may help, after `wait` seconds where it said so."""

    says: str
    do: str
    passing: bool = False
    wait: float | None = None


Explain = Callable[[Exception], Trouble | None]


class SourceError(InputError):
    """A platform cannot be asked. What was read before is kept; the next run goes on behind it."""


@dataclass(kw_only=True)
class Patience:
    """How long one source may be waited for in a run, all in all."""

    source: str
    clock: Clock
    seconds: float
    waited: float = field(default=0.0, init=False)

    def ask(self, question: Callable[[], Answer], *, explain: Explain) -> Answer:
        """The answer; `SourceError` where there is none and waiting does not help or has taken too long."""
        attempt = 0
        while True:
            try:
                return question()
            except Exception as error:
                # Without the cause: what a client says may quote a post or a credential.
                trouble = explain(error)
                if trouble is None:
                    raise
            self.bear(trouble, attempt=attempt)
            attempt += 1

    def bear(self, trouble: Trouble, *, attempt: int) -> None:
        """Wait before the next attempt, counted from 0; `SourceError` where that does not help or takes too long."""
        if not trouble.passing or attempt >= len(DELAYS):
            raise self.gives_up(trouble)
        self._wait(trouble, seconds=max(trouble.wait or 0.0, DELAYS[attempt]))

    def _wait(self, trouble: Trouble, *, seconds: float) -> None:
        if not self.seconds:
            raise self.gives_up(trouble)
        if self.waited + seconds > self.seconds:
            raise SourceError(
                f"source '{self.source}': {trouble.says}; it would have to be waited for {seconds:,.0f} s more, and "
                f"fetch.wait_seconds allows {self.seconds:,.0f} in all. What was read is kept; the next run goes on."
            )
        self.waited += seconds
        self.clock.sleep(seconds)

    def gives_up(self, trouble: Trouble) -> SourceError:
        return SourceError(f"source '{self.source}': {trouble.says}. {trouble.do}")


def http_trouble(status: int | None, *, wait: float | None = None) -> Trouble:
    """What an HTTP status means to whoever asks; None: no answer came."""
    if status == 429:
        return Trouble(
            says="the platform asks to slow down (429)", do="Run less often.", passing=True, wait=wait
        )
    if status is None:
        return Trouble(
            says="no whole answer came (connection refused, cut or timed out)",
            do="Check the network, the address in fetch.servers and the platform's status page.",
            passing=True,
        )
    if status >= 500 or status == 408:
        return Trouble(
            says=f"the platform failed ({status})",
            do="See its status page.",
            passing=True,
            wait=wait,
        )
    if status in {401, 403}:
        return Trouble(
            says=f"the platform refuses access ({status})", do="Check the credentials and what they may read."
        )
    return Trouble(says=f"the platform refuses the question ({status})", do="Check [sources.fetch].")
