"""How fast posts come without being set off: log-linear in time of day, weekday and, if asked for, a drift.

Not for triggering (`hawkes.py`). Times are hours since a midnight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from forecasting.contagion.rates import Floats

CELL, DAY, WEEK = 0.5, 24.0, 168.0
SLOTS = 8
# Prior variance of the effect of a slot or weekday, on the log scale: wide, but an empty one stays finite.
SEASON_VARIANCE = 4.0


@dataclass(frozen=True)
class Design:
    """Columns of the log rate: 1, time of day (lines between 8 knots), weekday, drift (lines between midnights).

    `events` [events, columns], `cells` [cells, columns] of about half an hour, `width` [cells] hours, `edges`
    [cells + 1]. `penalty` is the precision of the prior without the drift's, `walk` that of a drift whose step
    from day to day has variance 1 (Whittaker 1923); zeros without drift.
    """

    events: sparse.csr_matrix
    cells: sparse.csr_matrix
    width: Floats
    edges: Floats
    penalty: Floats
    walk: Floats

    def levels(self, effects: Floats) -> Floats:
        """Untriggered posts per hour in each cell."""
        return np.asarray(np.exp(self.cells @ effects))

    def total_until(self, times: Floats, *, effects: Floats) -> Floats:
        """Expected number of untriggered posts from the start until each time."""
        running = np.concatenate([[0.0], np.cumsum(self.levels(effects) * self.width)])
        return np.asarray(np.interp(times, self.edges, running))


def make_design(times: Floats, *, weekday: int, span: tuple[float, float], drifts: bool) -> Design:
    """For events at `times` in `span`; hour 0 is the midnight that begins the `weekday` (0 is Monday).

    Weekdays differ where two weeks are covered.
    """
    count = max(1, round((span[1] - span[0]) / CELL))
    edges = np.linspace(span[0], span[1], count + 1)
    cells = (edges[1:] + edges[:-1]) / 2
    knots = int(np.ceil(span[1] / DAY)) + 1 if drifts else 0
    weeks = 7 if span[1] - span[0] >= 2 * WEEK else 0
    parts = [_columns(spots, weekday=weekday, weeks=weeks, knots=knots) for spots in (times, cells)]
    size = 1 + SLOTS + weeks + knots
    penalty, walk = np.zeros((size, size)), np.zeros((size, size))
    season = np.arange(1, 1 + SLOTS + weeks)
    penalty[season, season] = 1.0 / SEASON_VARIANCE
    if drifts:
        steps = np.diff(np.eye(knots), axis=0)
        walk[size - knots :, size - knots :] = steps.T @ steps
        # The walk leaves its mean open, which the constant already is.
        penalty[size - knots :, size - knots :] = np.full((knots, knots), 1.0 / knots)
    return Design(parts[0], parts[1], np.diff(edges), edges, penalty, walk)


def _columns(spots: Floats, *, weekday: int, weeks: int, knots: int) -> sparse.csr_matrix:
    parts = [
        sparse.csr_matrix(np.ones((len(spots), 1))),
        _lines(spots % DAY * SLOTS / DAY, count=SLOTS, ring=True),
    ]
    if weeks:
        parts.append(_lines(np.floor((spots / DAY + weekday) % 7), count=7, ring=True))
    if knots:
        parts.append(_lines(spots / DAY, count=knots, ring=False))
    return sparse.csr_matrix(sparse.hstack(parts))


def _lines(spots: Floats, *, count: int, ring: bool) -> sparse.csr_matrix:
    """[spots, count]: weights of the knots 0 … count-1 on a straight line between neighbours."""
    low = np.floor(spots).astype(np.int64)
    part = spots - low
    high = (low + 1) % count if ring else np.minimum(low + 1, count - 1)
    low = low % count if ring else np.clip(low, 0, count - 1)
    row = np.arange(len(spots))
    at = (np.r_[row, row], np.r_[low, high])
    return sparse.csr_matrix((np.r_[1.0 - part, part], at), shape=(len(spots), count))


def gram(columns: sparse.csr_matrix, weight: Floats) -> Floats:
    """[columns, columns]: weighted sums of products over the rows."""
    scaled = sparse.csr_matrix(
        (columns.data * np.repeat(weight, np.diff(columns.indptr)), columns.indices, columns.indptr),
        shape=columns.shape,
    )
    return np.asarray((scaled.T @ columns).todense())
