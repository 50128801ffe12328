"""Is a period's value higher than its own past leads one to expect? Each period sees only its past.

One calendar-aware detector for counts and for shares with a known sample size. Not for deciding
across series (`fdr.py`) and not for life cycles (`lifecycle.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from forecasting.alerts.regression import Design, Family, Fit, Floats, fit_windows, lag_design
from forecasting.alerts.tails import predictive

DETECTOR = "calendar_quasi_1"
CHUNK_CELLS = 1_500_000
CALIBRATION_PERIODS, CALIBRATION_PRIOR = 84, 28.0
LARGEST_Z, NARROWEST = 3.0, 0.9


@dataclass(frozen=True)
class Frame:
    """How a detector looks back, in periods.

    `guard` periods before the judged one are left out, so that the start of an episode is not its own
    baseline. `lookback` is the near window; `season` the long one, used once `season_needs` of its
    periods are observed; `minimum` is the fewest observed periods for any verdict. Beside the season, the
    last `recent` periods may have a trend of their own.
    """

    week: int
    year: float
    guard: int
    lookback: int
    minimum: int
    season: int
    season_needs: int
    recent: int


@dataclass(frozen=True)
class Judged:
    """Matrices (series, periods); NaN where a period could not be judged.

    `expected` and `threshold` are in the units of the values, `p_value` is one-sided (high), and
    `score` is its normal equivalent with ties split, before calibration.
    """

    expected: Floats
    threshold: Floats
    p_value: Floats
    score: Floats


def daily_frame(lookback_days: int) -> Frame:
    """Seven weekdays, a week's guard, and a season once 18 months of two years are observed."""
    minimum = min(28, lookback_days)
    return Frame(
        week=7,
        year=365.25,
        guard=7,
        lookback=lookback_days,
        minimum=minimum,
        season=730,
        season_needs=540,
        recent=lookback_days,
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
    )


def judge(values: Floats, *, trials: Floats | None, frame: Frame, alpha: float, first: int = 0) -> Judged:
    """Judge every period from index `first` on against the periods before it.

    `values` (series, periods) are counts, or shares if `trials` (same shape, people behind each) is
    given; NaN = not observed. The predictive distribution is negative binomial or beta, matched to
    sampling error, over-dispersion and the error of the estimated mean; its tail is widened to
    Student's t for the estimated dispersion and scaled by this series' own past prediction errors.
    """
    family: Family = "count" if trials is None else "share"
    people = np.ones_like(values) if trials is None else trials
    fit = _fit_all(values, people=people, frame=frame, family=family, first=first)
    seen = np.isfinite(values)
    ahead = predictive(fit, trials=trials)
    at_least, above = ahead.above(values)
    middle = -special.ndtri(np.clip((at_least + above) / 2.0, 1e-15, 1 - 1e-15))
    score = np.where(seen, -special.ndtri(np.clip(stats.t.sf(middle, fit.freedom), 1e-15, 1.0)), np.nan)
    spread = _calibration(score, guard=frame.guard)
    z = -special.ndtri(np.clip(at_least, 1e-300, 1.0)) / spread
    p_value = np.where(seen, stats.t.sf(z, fit.freedom), np.nan)
    threshold = ahead.quantile(special.ndtr(-stats.t.isf(alpha, fit.freedom) * spread))
    return Judged(expected=ahead.mean, threshold=threshold, p_value=p_value, score=score)


def _fit_all(values: Floats, *, people: Floats, frame: Frame, family: Family, first: int) -> Fit:
    """Fits as (series, periods) matrices: the seasonal model where there is history, else the near one."""
    shape = values.shape
    parts = {name: np.full(shape, np.nan) for name in ("predictor", "variance", "dispersion", "freedom")}
    near = _observed(values, guard=frame.guard, window=frame.lookback)
    far = _observed(values, guard=frame.guard, window=frame.season)
    allowed = np.arange(shape[1])[None, :] >= first
    seasonal = allowed & (far >= frame.season_needs) & (near >= 1)
    local = allowed & ~seasonal & (near >= frame.minimum)
    for chosen, window, year in ((local, frame.lookback, None), (seasonal, frame.season, frame.year)):
        design = _design(frame, window=window, year=year)
        cells = np.argwhere(chosen)
        for block in np.array_split(cells, max(1, -(-len(cells) * window // CHUNK_CELLS))):
            _fit_block(block, values, people, design=design, guard=frame.guard, family=family, into=parts)
    return Fit(**parts)


def _design(frame: Frame, *, window: int, year: float | None) -> Design:
    lags = np.arange(window + frame.guard, frame.guard, -1, dtype=np.float64)
    near = float(frame.lookback if year is None else frame.recent)
    return lag_design(lags, week=frame.week, year=year, near=near)


def _fit_block(
    cells: NDArray[np.int64],
    values: Floats,
    people: Floats,
    *,
    design: Design,
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
    for name, matrix in into.items():
        matrix[cells[:, 0], cells[:, 1]] = getattr(fit, name)


def _observed(values: Floats, *, guard: int, window: int) -> NDArray[np.int64]:
    """How many of the `window` periods before the guard band are observed, for each period."""
    total = np.cumsum(np.isfinite(values), axis=1)
    padded = np.concatenate([np.zeros((len(values), 1), dtype=total.dtype), total], axis=1)
    now = np.arange(values.shape[1])
    return padded[:, np.maximum(now - guard, 0)] - padded[:, np.maximum(now - guard - window, 0)]


def _calibration(score: Floats, *, guard: int) -> Floats:
    """How much wider this series' past prediction errors were than claimed (squared at least .9).

    Uses the judged periods before the guard band, shrunk towards 1 and with large errors cut off.
    """
    known = np.isfinite(score)
    squared = np.where(known, np.minimum(np.abs(score), LARGEST_Z) ** 2, 0.0)
    count = _trailing(known.astype(np.float64), guard=guard)
    total = _trailing(squared, guard=guard)
    return np.sqrt(np.maximum((total + CALIBRATION_PRIOR) / (count + CALIBRATION_PRIOR), NARROWEST))


def _trailing(terms: Floats, *, guard: int) -> Floats:
    padded = np.concatenate([np.zeros((len(terms), 1)), np.cumsum(terms, axis=1)], axis=1)
    now = np.arange(terms.shape[1])
    return padded[:, np.maximum(now - guard, 0)] - padded[:, np.maximum(now - guard - CALIBRATION_PERIODS, 0)]
