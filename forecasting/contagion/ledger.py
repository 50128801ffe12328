"""Window counts over people's posts without a loop over posts. Not for deciding what a window is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

HOUR_MS = 3_600_000
Integers = NDArray[np.int64]


def milliseconds(times: pl.Series) -> Integers:
    """Datetimes as milliseconds since 1970."""
    return times.dt.epoch("ms").to_numpy().astype(np.int64)


@dataclass(frozen=True)
class Ledger:
    """Scored posts sorted by writer and time, with running sums of posts and of expression."""

    codes: pl.DataFrame
    key: Integers
    origin: int
    span: int
    running: Integers

    @classmethod
    def build(cls, table: pl.DataFrame, *, window_hours: int) -> Ledger:
        """From author_key, created_at and the boolean `on`; posts without an author are left out."""
        own = table.filter(pl.col("author_key").is_not_null())
        codes = own.select("author_key").unique(maintain_order=True).with_row_index("code")
        times = milliseconds(own["created_at"])
        origin = int(times.min()) if len(times) else 0
        span = (int(times.max()) - origin if len(times) else 0) + 4 * window_hours * HOUR_MS + 1
        code = own.join(codes, on="author_key", how="left", maintain_order="left")["code"]
        key = code.to_numpy().astype(np.int64) * span + (times - origin)
        order = np.argsort(key, kind="stable")
        running = np.concatenate([[0], np.cumsum(own["on"].to_numpy()[order].astype(np.int64))])
        return cls(codes=codes, key=key[order], origin=origin, span=span, running=running)

    def between(self, people: pl.Series, *, start: Integers, end: Integers) -> tuple[Integers, Integers]:
        """Posts, and expressing posts, of each person with start <= time <= end (milliseconds)."""
        code = self._code(people)
        known = code >= 0
        room = self.span - 1
        low = np.searchsorted(self.key, code * self.span + np.clip(start - self.origin, 0, room), side="left")
        high = np.searchsorted(
            self.key, code * self.span + np.clip(end - self.origin, -1, room), side="right"
        )
        high = np.maximum(high, low)
        return np.where(known, high - low, 0), np.where(known, self.running[high] - self.running[low], 0)

    def total(self, people: pl.Series) -> tuple[Integers, Integers]:
        """All posts, and all expressing posts, of each person."""
        low = np.full(len(people), self.origin)
        return self.between(people, start=low, end=low + self.span - 1)

    def _code(self, people: pl.Series) -> Integers:
        named = pl.DataFrame({"author_key": people.cast(pl.String)})
        code = named.join(self.codes, on="author_key", how="left", maintain_order="left")["code"]
        return code.cast(pl.Int64).fill_null(-1).to_numpy()
