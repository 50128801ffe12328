"""How fast the number of people who express something grows, given how many post; and whether it has lasted.

Not for the likelihood (`growth_fit.py`), and no claim of why it grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecasting.contagion.growth_fit import WIDTH, Fitted, Floats, combinations, fit_growth

WINDOW, SUSTAINED, MOST_SUSTAINED = 28, 7, 14
LEAST_DAYS, LEAST_EVENTS = 21, 40.0
# How much a level wanders by itself is learned from windows that end so many days before, too.
EARLIER = (35, 63, 91)
HISTORY = EARLIER[-1] + WINDOW
GROWING, FALLING, STEADY, UNKNOWN = "growing", "falling", "steady", "unknown"
TOO_FEW_DAYS, TOO_FEW_EVENTS, NO_FIT = "too_few_days", "too_few_events", "no_fit"
SCHEMA = {
    "rate": pl.Float64, "rate_low": pl.Float64, "rate_high": pl.Float64, "sustained_days": pl.Int64,
    "verdict": pl.String, "reason": pl.String, "n_days": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True)
class _Night:
    """Counts and people of many series up to one day; NaN where unknown."""

    counts: Floats
    people: Floats

    def window(self, rows: NDArray[np.int64], *, back: int) -> tuple[Floats, Floats]:
        """The `WINDOW` days that end `back` days before the last one."""
        end = self.counts.shape[1] - back
        return self.counts[rows, end - WINDOW : end], self.people[rows, end - WINDOW : end]


def growth(counts: Floats, people: Floats) -> pl.DataFrame:
    """One row per series, as in `SCHEMA`, of `counts` [series, days] given `people`, both NaN on unknown days.

    The rate is the change of the log of the expected count per day over the last `WINDOW` days, with its 95 % interval.
    `sustained_days` is on how many days in a row, the last one included, the interval of the fit that ends on that day
    excluded 0 on the same side (14 at most). A verdict needs seven. Earlier days, as many as are given up to
    `HISTORY`, teach how much the level wanders by itself.
    """
    night = _Night(*(_padded(part) for part in (counts, people)))
    rows = np.arange(len(counts))
    reason, days = _reasons(*night.window(rows, back=0))
    fitted_rows = rows[reason == ""]
    learned = _learned(night, rows=fitted_rows)
    now = _fit(night, rows=fitted_rows, back=0, learned=learned)
    good = np.isfinite(now.rate) & np.isfinite(now.error)
    reason[fitted_rows[~good]] = NO_FIT
    side = np.zeros(len(rows))
    side[fitted_rows[good]] = _side(now)[good]
    lasted = _sustained(night, rows=fitted_rows[good], side=side, learned=learned[good])
    rate, error = np.full((2, len(rows)), np.nan)
    rate[fitted_rows[good]], error[fitted_rows[good]] = now.rate[good], now.error[good]
    return pl.DataFrame(
        {
            "rate": pl.Series(rate).fill_nan(None),
            "rate_low": pl.Series(rate - WIDTH * error).fill_nan(None),
            "rate_high": pl.Series(rate + WIDTH * error).fill_nan(None),
            "sustained_days": lasted,
            "verdict": _verdicts(reason, side=side, lasted=lasted).tolist(),
            "reason": [found or None for found in reason.tolist()],
            "n_days": days,
        },
        schema=SCHEMA,
    ).with_columns(pl.col("^rate.*$").round(5))


def _padded(part: Floats) -> Floats:
    """The last days, with unknown ones before the first where there are fewer."""
    needed = HISTORY + MOST_SUSTAINED
    before = np.full((part.shape[0], max(needed - part.shape[1], 0)), np.nan)
    return np.concatenate([before, part], axis=1)[:, -needed:]


def _reasons(counts: Floats, people: Floats) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Why a window cannot be fitted ("" where it can), and its days."""
    seen = np.isfinite(counts) & (people > 0)
    days = seen.sum(axis=1)
    events = np.where(seen, counts, 0.0).sum(axis=1)
    few = np.where(events < LEAST_EVENTS, TOO_FEW_EVENTS, "")
    return np.where(days < LEAST_DAYS, TOO_FEW_DAYS, few).astype(object), days


def _fit(night: _Night, *, rows: NDArray[np.int64], back: int, learned: Floats) -> Fitted:
    counts, people = night.window(rows, back=back)
    return fit_growth(counts, people, learned=learned)


def _learned(night: _Night, *, rows: NDArray[np.int64]) -> Floats:
    """Evidence of earlier windows that can be fitted, summed; 0 where there is none."""
    total = np.zeros((len(rows), len(combinations())))
    for back in EARLIER:
        counts, people = night.window(rows, back=back)
        able = np.flatnonzero(_reasons(counts, people)[0] == "")
        evidence = fit_growth(counts[able], people[able]).evidence
        total[able] += np.where(np.isfinite(evidence), evidence, 0.0)
    return total


def _side(fitted: Fitted) -> Floats:
    """1 or -1 where the interval lies above or below 0, else 0."""
    apart = np.abs(fitted.rate) > WIDTH * fitted.error
    return np.where(apart, np.sign(fitted.rate), 0.0)


def _sustained(night: _Night, *, rows: NDArray[np.int64], side: Floats, learned: Floats) -> NDArray[np.int64]:
    """[series]: only those still on their side are fitted for the day before."""
    lasted = np.zeros(len(side), dtype=np.int64)
    at = np.flatnonzero(side[rows] != 0)
    for back in range(MOST_SUSTAINED):
        if back:
            able = _reasons(*night.window(rows[at], back=back))[0] == ""
            at = at[able]
            found = _side(_fit(night, rows=rows[at], back=back, learned=learned[at]))
            at = at[found == side[rows[at]]]
        if not len(at):
            break
        lasted[rows[at]] += 1
    return lasted


def _verdicts(reason: NDArray[np.object_], *, side: Floats, lasted: NDArray[np.int64]) -> NDArray[np.object_]:
    moved = np.where(side > 0, GROWING, FALLING)
    known = np.where(lasted >= SUSTAINED, moved, STEADY)
    return np.where(reason == "", known, UNKNOWN).astype(object)
