"""Were alarms on a signal's outlook worth anything? Beside random and calendar alarms of the same number.

An alarm counts only when it comes before the onset, and each onset is matched by one alarm at most. Not for choosing
chances: `outlook.py` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.matrix import Flags, Floats

CAUTIOUS = 0.5
GRID = tuple(float(least) for least in np.arange(0.1, 0.95, 0.05))
DRAWS = 100
Days = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Hits:
    """What alarms on one series came to; `leads` are the periods from each matched alarm to its onset."""

    alarms: int
    onsets: int
    leads: tuple[int, ...]

    @property
    def precision(self) -> float:
        return len(self.leads) / self.alarms if self.alarms else np.nan

    @property
    def recall(self) -> float:
        return len(self.leads) / self.onsets if self.onsets else np.nan

    @property
    def f1(self) -> float:
        """0 where nothing was matched; NaN where there was nothing to foresee and nothing was said."""
        both = self.alarms + self.onsets
        return 2.0 * len(self.leads) / both if both else np.nan


def onsets(above: Flags, *, quiet: int) -> Days:
    """Columns of one series [periods] on which it is above after `quiet` periods in which it was not."""
    recent = np.concatenate([np.zeros(quiet, dtype=bool), above])
    before = np.lib.stride_tricks.sliding_window_view(recent, quiet)[: len(above)].any(axis=1)
    return np.flatnonzero(above & ~before)


def alarms(chance: Floats, *, least: float, begins: Days, steps: int, lag: int) -> Days:
    """Columns of one series at which an alarm is raised: the chance reaches `least` and no alarm is open.

    An alarm is open until its onset, or until its `steps` periods are over.
    """
    raised: list[int] = []
    open_until = -1
    for at in np.flatnonzero(chance >= least):
        if at > open_until:
            raised.append(int(at))
            reached = begins[(begins > at + lag) & (begins <= at + lag + steps)]
            open_until = int(reached[0]) if reached.size else int(at) + lag + steps
    return np.array(raised, dtype=np.int64)


def matched(raised: Days, *, begins: Days, steps: int, lag: int) -> Hits:
    """Alarms and onsets one to one, each onset to the earliest alarm that is still free and foresaw it."""
    free = list(raised)
    leads: list[int] = []
    for begin in begins:
        fitting = [at for at in free if at + lag < begin <= at + lag + steps]
        if fitting:
            free.remove(fitting[0])
            leads.append(int(begin - fitting[0] - lag))
    return Hits(alarms=len(raised), onsets=len(begins), leads=tuple(leads))


def random_f1(allowed: Flags, *, count: int, begins: Days, steps: int, lag: int, seed: int) -> float:
    """Mean F1 of as many alarms on days drawn at random from those on which one was possible."""
    days = np.flatnonzero(allowed)
    if not days.size:
        return np.nan
    rng = np.random.default_rng(seed)
    drawn = [np.sort(rng.choice(days, size=min(count, days.size), replace=False)) for _ in range(DRAWS)]
    return float(np.mean([matched(d, begins=begins, steps=steps, lag=lag).f1 for d in drawn]))


def calendar_f1(periods: int, *, count: int, begins: Days, steps: int, lag: int) -> float:
    """Mean F1 of as many alarms at equal distances, over all days on which the first may fall."""
    plans = calendars(periods, count=count)
    return float(np.mean([matched(p, begins=begins, steps=steps, lag=lag).f1 for p in plans]))


def calendars(periods: int, *, count: int) -> list[Days]:
    """Alarms at equal distances, once for every day on which the first may fall; without alarms, one empty plan."""
    if not count:
        return [np.empty(0, dtype=np.int64)]
    apart = max(periods // count, 1)
    return [np.arange(count) * periods // count + first for first in range(apart)]


def shift_p_value(raised: Days, *, periods: int, begins: Days, steps: int, lag: int) -> float:
    """How often the same alarms, moved round the calendar by any number of periods, match as many onsets: alarms keep
    their distances, which random ones do not. 1 where there is nothing to move."""
    if not periods or not len(raised):
        return 1.0
    hits = len(matched(raised, begins=begins, steps=steps, lag=lag).leads)
    moved = [np.sort((raised + by) % periods) for by in range(periods)]
    as_good = [len(matched(m, begins=begins, steps=steps, lag=lag).leads) >= hits for m in moved]
    return float(np.mean(as_good))


def best_least(chance: Floats, *, above: Flags, steps: int, lag: int, quiet: int) -> float:
    """The chance [series, periods] from which alarms had the best F1 over all series together; `CAUTIOUS` where none
    had any."""
    begun = [onsets(row, quiet=quiet) for row in above]
    found = []
    for least in GRID:
        hits = [
            matched(alarms(c, least=least, begins=b, steps=steps, lag=lag), begins=b, steps=steps, lag=lag)
            for c, b in zip(chance, begun, strict=True)
        ]
        told = sum(h.alarms + h.onsets for h in hits)
        found.append(2.0 * sum(len(h.leads) for h in hits) / told if told else 0.0)
    return GRID[int(np.argmax(found))] if max(found) > 0.0 else CAUTIOUS
