"""Has a series been a little higher than its past and its season lead one to expect, day after day? A CUSUM of tonight.

Not for single high days: `detectors.py` judges those, and one of them cannot raise a CUSUM enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.alerts.regression import (
    Design,
    Family,
    Floats,
    WindowFit,
    fit_windows,
    lag_design,
    moments,
    noise_scale,
    stable_residuals,
)

DETECTOR = "calendar_cusum_1"
# Page (1954): half of the shift, in SDs, that is to be found soonest; a day counts as at most `CAP`.
REFERENCE, CAP = 0.5, 2.0
# Chance enters through draws of calm runs: a few for every series, many for those that are near a verdict.
DRAWS, MORE_DRAWS, NEAR = 400, 8_000, 0.05
# Beyond this share of the draws the tail is continued as an exponential one, as CUSUMs have.
TAIL_FROM, TAIL_BASE = 0.005, 0.05
LARGEST, FADING = 2.5, 3
SERIES_AT_ONCE = 100


@dataclass(frozen=True)
class RiseFrame:
    """How far a rise is followed back, and what it is held against, in periods.

    The last `run` periods are no part of their own baseline: that is the `season` periods before, of which `needs`
    must be observed, since a rise cannot be told from a season that was never seen.
    """

    week: int
    year: float
    run: int
    season: int
    needs: int


DAILY = RiseFrame(week=7, year=365.25, run=28, season=730, needs=280)
WEEKLY = RiseFrame(week=1, year=52.18, run=8, season=261, needs=104)


@dataclass(frozen=True)
class Rises:
    """One value per series, NaN where it could not be judged: the chance of such a run in calm times, how many periods
    the run has lasted, and the mean observed and expected value of its observed periods, in units of the values."""

    p_value: Floats
    periods: Floats
    observed: Floats
    expected: Floats


def rises(values: Floats, *, trials: Floats | None, frame: RiseFrame, seed: int = 0) -> Rises:
    """Judge the run that ends with the last period of every series.

    `values` (series, periods) are counts, or shares if `trials` (same shape, people behind each) is given; NaN = not
    observed. The statistic is the largest sum of (score - 1/2) over the last 1 to `run` periods, where a score is the
    residual in SDs, at most 2; it counts while the last three of them do not sum below 0. Its distribution in calm
    times is drawn for every series from the serial correlation of its own past scores and the shared error of its
    fitted mean. The same input gives the same numbers.
    """
    shape = values.shape
    out = Rises(*(np.full(shape[0], np.nan) for _ in range(4)))
    past = min(frame.season, shape[1] - frame.run)
    if past < frame.needs:
        return out
    near = values[:, -(past + frame.run) :]
    able = (np.isfinite(near[:, :past]).sum(axis=1) >= frame.needs) & np.isfinite(near[:, past:]).any(axis=1)
    rows = np.flatnonzero(able)
    for block in np.array_split(rows, max(1, -(-len(rows) // SERIES_AT_ONCE))):
        if len(block):
            people = None if trials is None else trials[block][:, -(past + frame.run) :]
            _judge(near[block], people=people, frame=frame, seed=seed, rows=block, into=out)
    return out


def _judge(
    values: Floats, *, people: Floats | None, frame: RiseFrame, seed: int, rows: np.ndarray, into: Rises
) -> None:
    past = values.shape[1] - frame.run
    scores, expected, error = _scores(values, people=people, frame=frame)
    statistic, length = run_sums(scores[:, past:])
    spread = _covariance(scores[:, :past], error=error, run=frame.run)
    seen = np.isfinite(scores[:, past:])
    p_value = _chance(statistic, spread=spread, seen=seen, draws=DRAWS, seed=seed)
    close = np.flatnonzero(p_value <= NEAR)
    if len(close):
        p_value[close] = _chance(
            statistic[close], spread=spread[close], seen=seen[close], draws=MORE_DRAWS, seed=seed
        )
    inside = seen & (np.arange(frame.run, 0, -1)[None, :] <= length[:, None])
    count = np.maximum(inside.sum(axis=1), 1)
    into.p_value[rows], into.periods[rows] = p_value, length
    into.observed[rows] = np.where(inside, values[:, past:], 0.0).sum(axis=1) / count
    into.expected[rows] = np.where(inside, expected[:, past:], 0.0).sum(axis=1) / count


def _scores(values: Floats, *, people: Floats | None, frame: RiseFrame) -> tuple[Floats, Floats, Floats]:
    """Scores and expected values of all periods, and the covariance of the last `run` scores that comes from the fit
    alone; one regression per series."""
    family: Family = "count" if people is None else "share"
    trials = np.ones_like(values) if people is None else people
    past = values.shape[1] - frame.run
    lags = np.arange(values.shape[1] - 1, -1, -1, dtype=np.float64)
    design = lag_design(lags, week=frame.week, year=frame.year, near=0)
    fit = fit_windows(
        values[:, :past], trials=trials[:, :past], family=family,
        design=Design(columns=design.columns[:past], precision=design.precision),
    )  # fmt: skip
    eta = fit.coefficients @ design.columns.T
    mean, slope, unit = moments(eta, family=family)
    scale = noise_scale(fit.now.dispersion, inverse_n=1.0 / np.where(trials > 0, trials, 1.0), family=family)
    residual = stable_residuals(values, mean=mean, scale=scale, family=family)
    level = np.nanmean(residual[:, :past], axis=1, keepdims=True)
    width = np.maximum(np.nanstd(residual[:, :past], axis=1, keepdims=True), 1e-6)
    gain = (slope / np.sqrt(unit * scale))[:, past:] / width
    return (residual - level) / width, mean, _from_fit(fit, columns=design.columns[past:], gain=gain)


def _from_fit(fit: WindowFit, *, columns: Floats, gain: Floats) -> Floats:
    error = np.einsum("ti,nij,uj->ntu", columns, fit.covariance, columns)
    return np.asarray(gain[:, :, None] * error * gain[:, None, :])


def run_sums(scores: Floats) -> tuple[Floats, Floats]:
    """The CUSUM at the last period of each row, and how many periods it reaches back; NaN scores add nothing."""
    steps = np.where(np.isfinite(scores), np.minimum(scores, CAP) - REFERENCE, 0.0)[..., ::-1]
    sums = np.cumsum(steps, axis=-1)
    length = sums.argmax(axis=-1)
    best = np.take_along_axis(sums, length[..., None], axis=-1)[..., 0]
    lasting = sums[..., min(FADING, sums.shape[-1]) - 1] >= 0.0
    return np.where(lasting, np.maximum(best, 0.0), 0.0), length + 1.0


def _covariance(scores: Floats, *, error: Floats, run: int) -> Floats:
    """Of the last `run` scores in calm times: serial correlation as in the past, and the error of the fitted mean,
    which correlated scores estimate the worse."""
    cut = np.clip(scores, -LARGEST, LARGEST)
    known = np.isfinite(cut)
    cut = np.where(known, cut, 0.0)
    serial = np.ones((len(scores), run))
    for lag in range(1, run):
        both = known[:, lag:] & known[:, :-lag]
        power = (cut[:, lag:] ** 2 * both).sum(axis=1) + (cut[:, :-lag] ** 2 * both).sum(axis=1)
        found = 2.0 * (cut[:, lag:] * cut[:, :-lag]).sum(axis=1) / np.maximum(power, 1e-9)
        # As if nothing were missing, so that far lags count less.
        found = found * (1.0 - lag / scores.shape[1])
        doubt = 1.0 / np.maximum(both.sum(axis=1), 1)
        # Small correlations are chance; a positive part keeps the large ones.
        serial[:, lag] = np.maximum(found, 0.0) * np.maximum(1.0 - doubt / np.maximum(found**2, 1e-12), 0.0)
    away = np.abs(np.arange(run)[:, None] - np.arange(run)[None, :])
    worse = 1.0 + 2.0 * serial[:, 1:].sum(axis=1)
    return np.asarray(serial[:, away] + worse[:, None, None] * error)


def _chance(statistic: Floats, *, spread: Floats, seen: np.ndarray, draws: int, seed: int) -> Floats:
    """How often a calm run has such a CUSUM or a larger one, one value per series."""
    normal = np.random.default_rng([seed, draws]).normal(size=(draws, spread.shape[1]))
    values, vectors = np.linalg.eigh(spread)
    root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    found = np.ones(len(statistic))
    for row, (half, mask) in enumerate(zip(root, seen, strict=True)):
        calm = np.where(mask, normal @ half.T, np.nan)
        found[row] = _tail(statistic[row], calm=run_sums(calm)[0])
    return found


def _tail(statistic: float, *, calm: Floats) -> float:
    """The share of `calm` at or above; below `TAIL_FROM` along the exponential through two of its quantiles."""
    share = float((1 + (calm >= statistic).sum()) / (1 + len(calm)))
    if statistic <= 0.0 or share >= max(TAIL_FROM, 10.0 / len(calm)):
        return share
    high = max(TAIL_FROM, 10.0 / len(calm))
    low, upper = np.quantile(calm, [1.0 - TAIL_BASE, 1.0 - high])
    if upper <= low:
        return share
    return float(high * (TAIL_BASE / high) ** (-(statistic - upper) / (upper - low)))
