"""How good are scores: F1 per measure and macro, with bootstrap intervals, and calibration error.

Not for forecasts: their metrics live elsewhere. A cell whose truth is unknown counts nowhere.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# Resamples held in memory at a time.
BLOCK = 100


@dataclass(frozen=True)
class Judged:
    """Truth and answers for `n` texts: boolean arrays (n, measures); `known` says which cells have a truth."""

    truth: np.ndarray
    said: np.ndarray
    known: np.ndarray

    def counts(self) -> np.ndarray:
        """Int8 array (n, measures, 3): is the cell a true positive, a false positive, a false negative."""
        cells = (self.truth & self.said, ~self.truth & self.said, self.truth & ~self.said)
        return np.stack([cell & self.known for cell in cells], axis=-1).astype(np.int8)


@dataclass(frozen=True)
class Interval:
    """A value and the middle 95 % of its bootstrap distribution."""

    value: float
    low: float
    high: float

    def as_list(self) -> list[float]:
        """Value, low, high, rounded to four places."""
        return [round(self.value, 4), round(self.low, 4), round(self.high, 4)]


def f1_per_measure(judged: Judged) -> np.ndarray:
    """F1 of each measure; NaN where a measure has no known positive and none was said."""
    return _f1(judged.counts().sum(axis=0, dtype=np.float64))


def macro_f1(judged: Judged) -> float:
    """Mean F1 over the measures with at least one known positive; NaN when there are none."""
    return float(_macro(judged.counts().sum(axis=0, dtype=np.float64)))


def bootstrap_f1(judged: Judged, *, resamples: int = 1_000, seed: int = 7) -> tuple[list[Interval], Interval]:
    """Percentile intervals per measure, and of the macro mean, from resampled texts (whole rows)."""
    counts = judged.counts().astype(np.float64)
    n, measures, kinds = counts.shape
    flat = counts.reshape(n, -1)
    drawn = np.concatenate([block @ flat for block in resample_weights(n, resamples=resamples, seed=seed)])
    samples = drawn.reshape(resamples, measures, kinds)
    per_measure = _intervals(f1_per_measure(judged), _f1(samples))
    return per_measure, _intervals(np.array([macro_f1(judged)]), _macro(samples)[:, None])[0]


def weighted_f1(judged: Judged, *, column: int, resamples: int = 1_000, seed: int = 7) -> Interval:
    """F1 of yes and of no for one measure, weighted by how often each is true; known cells only.

    The figure that most published work on yes/no mental-health sets gives.
    """
    known = judged.known[:, column]
    truth, said = judged.truth[known, column], judged.said[known, column]
    cells = np.stack([truth & said, ~truth & said, truth & ~said, ~truth & ~said], axis=1).astype(np.float64)
    draws = [block @ cells for block in resample_weights(len(cells), resamples=resamples, seed=seed)]
    low, high = middle(_weighted(np.concatenate(draws)))
    return Interval(float(_weighted(cells.sum(axis=0))), low, high)


def _weighted(counts: np.ndarray) -> np.ndarray:
    """The last axis holds true positives, false positives, false negatives, true negatives."""
    hit, false_alarm, missed, rejected = (counts[..., i] for i in range(4))
    yes = _f1(np.stack([hit, false_alarm, missed], axis=-1))
    no = _f1(np.stack([rejected, missed, false_alarm], axis=-1))
    n_yes, n_no = hit + missed, rejected + false_alarm
    return (np.nan_to_num(yes) * n_yes + np.nan_to_num(no) * n_no) / (n_yes + n_no)


def one_of(truth: np.ndarray, probabilities: np.ndarray) -> Judged:
    """For texts with exactly one true label among the columns: the answer is the most probable column."""
    said = np.zeros_like(truth, dtype=bool)
    said[np.arange(len(truth)), probabilities.argmax(axis=1)] = True
    return Judged(truth=truth.astype(bool), said=said, known=np.ones_like(said))


def expected_calibration_error(probabilities: np.ndarray, truth: np.ndarray, *, bins: int = 10) -> float:
    """Mean |share of positives − mean probability| over equal-width bins, weighted by bin size; one measure."""
    if not len(probabilities):
        return float("nan")
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    gaps = np.bincount(place, weights=truth.astype(float) - probabilities.astype(float), minlength=bins)
    return float(np.abs(gaps).sum() / len(probabilities))


def _f1(counts: np.ndarray) -> np.ndarray:
    hit, false_alarm, missed = counts[..., 0], counts[..., 1], counts[..., 2]
    base = 2 * hit + false_alarm + missed
    return np.where(base > 0, 2 * hit / np.where(base > 0, base, 1), np.nan)


def _macro(counts: np.ndarray) -> np.ndarray:
    """Mean over measures that occur; the last two axes are measures and the three counts."""
    occurs = (counts[..., 0] + counts[..., 2]) > 0
    total = np.where(occurs, np.nan_to_num(_f1(counts)), 0.0).sum(axis=-1)
    n = occurs.sum(axis=-1)
    return np.where(n > 0, total / np.where(n > 0, n, 1), np.nan)


def resample_weights(n: int, *, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each text is drawn in each resample, some resamples at a time; rows sum to n."""
    rng = np.random.default_rng(seed)
    for first in range(0, resamples, BLOCK):
        size = min(BLOCK, resamples - first)
        yield rng.multinomial(n, np.full(n, 1 / n), size=size).astype(np.float64)


def _intervals(values: np.ndarray, samples: np.ndarray) -> list[Interval]:
    bounds = [middle(samples[:, i]) for i in range(samples.shape[1])]
    return [Interval(float(v), low, high) for v, (low, high) in zip(values, bounds, strict=True)]


def middle(draws: np.ndarray) -> tuple[float, float]:
    """The bounds of the middle 95 % of the finite draws; NaN where there is none."""
    finite = draws[np.isfinite(draws)]
    if not len(finite):
        return float("nan"), float("nan")
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)
