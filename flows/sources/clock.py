"""The time of day and waiting, for connectors: what a platform is asked for and how long depends on both.

Not for the day of a run, which is given.
"""

from __future__ import annotations

import datetime as dt
import time


class Clock:
    """The real one; a test has its own."""

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
