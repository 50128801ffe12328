"""Which posts of the last days were taken in, by the platform's own ids: those it is asked about again for deletions.

Kept in the cursor, and no longer than asked for. Not for asking.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator

# So many of the newest are remembered per stream.
MOST = 2_000
Entry = tuple[str, str, dt.datetime | None]


class Recent:
    """Entries of (the platform's id, our id, when), newest last; none where `days` is 0."""

    def __init__(self, kept: list[list[str]] | None, *, days: int, now: dt.datetime) -> None:
        self._days, self._since = days, now - dt.timedelta(days=days)
        self._entries: dict[str, tuple[str, dt.datetime]] = {}
        self.add((name, post_id, dt.datetime.fromisoformat(when)) for name, post_id, when in kept or [])

    def add(self, entries: Iterable[Entry]) -> None:
        if not self._days:
            return
        for name, post_id, when in entries:
            if when is not None and when >= self._since:
                self._entries[name] = (post_id, when)
        for name in list(self._entries)[:-MOST]:
            del self._entries[name]

    def parts(self, size: int) -> Iterator[list[str]]:
        """The platform's ids, some at a time."""
        names = list(self._entries)
        for start in range(0, len(names), size):
            yield names[start : start + size]

    def drop(self, name: str) -> str:
        """Forget an entry; returns our id of it."""
        return self._entries.pop(name)[0]

    def kept(self) -> list[list[str]]:
        """As it is stored."""
        return [[name, post_id, when.isoformat()] for name, (post_id, when) in self._entries.items()]
