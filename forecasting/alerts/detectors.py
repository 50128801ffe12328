"""Is a period's value higher than its own past leads one to expect? Each period sees only its past.

One calendar-aware detector for counts and for shares with a known sample size. Not for deciding
across series (`fdr.py`) and not for life cycles (`lifecycle.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from forecasting.alerts.pooled import DAILY_WEIGHTS, WEEKLY_WEIGHTS, Weights, pooled, trailing
from forecasting.alerts.regression import Design, Family, Fit, Floats, fit_windows, lag_design
from forecasting.alerts.tails import predictive

DETECTOR = "calendar_quasi_2"
CHUNK_CELLS = 1_500_000
CALIBRATION_PERIODS, CALIBRATION_PRIOR = 84, 28.0
# Errors beyond this many standard deviations count as this many; the claimed variance is never cut below NARROWEST.
LARGEST_Z, NARROWEST = 3.0, 0.7
SMALLEST_CHANCE = float(special.ndtr(LARGEST_Z))


@dataclass(frozen=True)
class Frame:
    """How a detector looks back, in periods.

    `guard` periods before the judged one are left out, so that the start of an episode is not its own
    baseline. `lookback` is the near window; `season` the long one, used once `season_needs` of its
    periods are observed; `minimum` is the fewest observed periods for any verdict. Beside the season, the
    last `recent` periods may have a trend of their own. A period is judged together with the ones before
    it by the weights of `pool` (`pooled.py`); None judges it alone.
    """

    week: int
    year: float
    guard: int
    lookback: int
    minimum: int
    season: int
    season_needs: int
    recent: int
    pool: Weights | None = None


@dataclass(frozen=True)
class Judged:
    """Matrices (series, periods); NaN where a period could not be judged.

    `expected` and `threshold` are in the units of the values. `p_value` is one-sided (high), with half
    of the chance of a tie (Lancaster's mid-p); `score` is the normal equivalent of the period alone. Where
    evidence is pooled, `threshold` is the value from which this period would alarm, given the ones before.
    """

    expected: Floats
    threshold: Floats
    p_value: Floats
    score: Floats


def daily_frame(lookback_days: int) -> Frame:
    """Seven weekdays, a week's guard, and a season once 280 days of two years are observed."""
    minimum = min(28, lookback_days)
    return Frame(
        week=7,
        year=365.25,
        guard=7,
        lookback=lookback_days,
        minimum=minimum,
        season=730,
        season_needs=280,
        recent=lookback_days,
        pool=DAILY_WEIGHTS,
    )


def weekly_frame(lookback_days: int) -> Frame:
    """No weekdays, three weeks' guard, and a season once two of five years are observed."""
    lookback = max(12, lookback_days // 7)
    return Frame(
        week=1,
        year=52.18,
        guard=3,
        lookback=lookback,
        minimum=10,
        season=261,
        season_needs=104,
        recent=max(52, lookback),
        pool=WEEKLY_WEIGHTS,
    )


def judge(
    values: Floats, *, trials: Floats | None, frame: Frame, alpha: float, first: int = 0, refit: int = 1
) -> Judged:
    """Judge every period from index `first` on against the periods before it.

    `values` (series, periods) are counts, or shares if `trials` (same shape, people behind each) is
    given; NaN = not observed. The predictive distribution is negative binomial or beta, matched to
    sampling error, over-dispersion and the error of the estimated mean; its tail is widened to
    Student's t for the estimated dispersion and scaled by this series' own past prediction errors. Then the
    evidence of the periods before is pooled with it. One regression serves `refit` periods, the last one always its
    own: above 1, earlier periods are judged by a somewhat older past.
    """
    family: Family = "count" if trials is None else "share"
    people = np.ones_like(values) if trials is None else trials
    fit = _fit_all(values, people=people, frame=frame, family=family, first=first, refit=refit)
    seen = np.isfinite(values)
    ahead = predictive(fit, trials=trials)
    at_least, above = ahead.above(values)
    bounds = [_chance(tail, freedom=fit.freedom) for tail in (above, at_least)]
    middle = _chance(ahead.middle(values), freedom=fit.freedom)
    score = np.where(seen, -special.ndtri(middle), np.nan)
    spread = _calibration(*bounds, known=np.isfinite(score), guard=frame.guard)
    # The score widened first and scaled after, as a chance; and the other way round back to a value.
    score = score / spread
    p_value, needed = special.ndtr(-score), np.full(values.shape, -special.ndtri(alpha))
    if frame.pool is not None:
        p_value, needed = pooled(score, weights=frame.pool, alpha=alpha, guard=frame.guard)
    level = special.ndtr(-stats.t.isf(special.ndtr(-needed * spread), fit.freedom))
    return Judged(expected=ahead.mean, threshold=ahead.quantile(level), p_value=p_value, score=score)


def _fit_all(values: Floats, *, people: Floats, frame: Frame, family: Family, first: int, refit: int) -> Fit:
    """Fits as (series, periods) matrices: the seasonal model where there is history, else the near one."""
    shape = values.shape
    parts = {name: np.full(shape, np.nan) for name in ("predictor", "variance", "dispersion", "freedom")}
    near = _observed(values, guard=frame.guard, window=frame.lookback)
    far = _observed(values, guard=frame.guard, window=frame.season)
    columns = np.arange(shape[1])[None, :]
    allowed = (columns >= first) & ((shape[1] - 1 - columns) % refit == 0)
    seasonal = allowed & (far >= frame.season_needs) & (near >= 1)
    local = allowed & ~seasonal & (near >= frame.minimum)
    # Periods before the first one of all are never observed and need no room.
    longest = min(frame.season, max(shape[1] - frame.guard, 1))
    for chosen, window, year in ((local, frame.lookback, None), (seasonal, longest, frame.year)):
        design = _design(frame, lags=np.arange(window + frame.guard, frame.guard, -1), year=year)
        ahead = _design(frame, lags=-np.arange(refit), year=year).columns
        cells = np.argwhere(chosen)
        for block in np.array_split(cells, max(1, -(-len(cells) * window // CHUNK_CELLS))):
            _fit_block(
                block,
                values,
                people,
                design=design,
                ahead=ahead,
                guard=frame.guard,
                family=family,
                into=parts,
            )
    return Fit(**parts)


def _design(frame: Frame, *, lags: NDArray[np.int64], year: float | None) -> Design:
    near = float(frame.lookback if year is None else frame.recent)
    return lag_design(lags.astype(np.float64), week=frame.week, year=year, near=near)


def _fit_block(
    cells: NDArray[np.int64],
    values: Floats,
    people: Floats,
    *,
    design: Design,
    ahead: Floats,
    guard: int,
    family: Family,
    into: dict[str, Floats],
) -> None:
    if len(cells) == 0:
        return
    window = len(design.columns)
    periods = cells[:, 1:] + np.arange(-guard - window, -guard)[None, :]
    inside = periods >= 0
    at = (cells[:, :1], np.maximum(periods, 0))
    fit = fit_windows(np.where(inside, values[at], np.nan), trials=people[at], design=design, family=family)
    for step, row in enumerate(ahead):
        here = cells[:, 1] + step < values.shape[1]
        to = (cells[here, 0], cells[here, 1] + step)
        into["predictor"][to] = fit.coefficients[here] @ row
        into["variance"][to] = np.einsum("i,nij,j->n", row, fit.covariance[here], row)
        into["dispersion"][to], into["freedom"][to] = fit.now.dispersion[here], fit.now.freedom[here]


def _observed(values: Floats, *, guard: int, window: int) -> NDArray[np.int64]:
    """How many of the `window` periods before the guard band are observed, for each period."""
    total = np.cumsum(np.isfinite(values), axis=1)
    padded = np.concatenate([np.zeros((len(values), 1), dtype=total.dtype), total], axis=1)
    now = np.arange(values.shape[1])
    return padded[:, np.maximum(now - guard, 0)] - padded[:, np.maximum(now - guard - window, 0)]


def _chance(tail: Floats, *, freedom: Floats) -> Floats:
    """A tail probability under the predictive distribution, widened to Student's t."""
    return np.clip(stats.t.sf(-special.ndtri(np.clip(tail, 1e-15, 1 - 1e-15)), freedom), 1e-15, 1 - 1e-15)


def _calibration(low: Floats, high: Floats, *, known: NDArray[np.bool_], guard: int) -> Floats:
    """How much wider this series' past prediction errors were than claimed, in standard deviations.

    From the errors below expectation alone, which no past rise can widen, of the judged periods before the
    guard band; shrunk towards 1. A value's chance lies between `low` and `high` (they differ for counts),
    and its squared normal score is averaged over that range, so that discreteness does not narrow it.
    """
    count, squared = lower_half(low, high)
    total = trailing(np.where(known, squared, 0.0), guard=guard, window=CALIBRATION_PERIODS)
    number = trailing(np.where(known, count, 0.0), guard=guard, window=CALIBRATION_PERIODS)
    prior = CALIBRATION_PRIOR
    return np.sqrt(np.maximum((total + prior) / (number + prior), NARROWEST))


def lower_half(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """How much of the chances from `low` to `high` lies above one half, and the integral of the squared
    normal score over that part; both per unit of chance. A single chance counts as a very short range."""
    end = np.maximum(high, low + 1e-12)
    middle, last = np.clip(low, 0.5, None), np.clip(end, 0.5, SMALLEST_CHANCE)
    width = np.maximum(last - middle, 0.0)
    edges = [special.ndtri(np.clip(x, 0.5, SMALLEST_CHANCE)) for x in (middle, last)]
    first, second = (x * np.exp(-0.5 * x**2) / np.sqrt(2.0 * np.pi) for x in edges)
    squared = np.where(width > 1e-6, width + first - second, width * edges[0] ** 2)
    beyond = np.maximum(end - np.maximum(low, SMALLEST_CHANCE), 0.0)
    return (width + beyond) / (end - low), (np.maximum(squared, 0.0) + beyond * LARGEST_Z**2) / (end - low)
