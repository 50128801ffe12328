"""Tail probabilities and quantiles of a count or a share whose mean and dispersion were estimated.

Not for estimating them: `regression.py` does that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from forecasting.alerts.regression import Fit, Floats

# Below this many expected positives a share's tail is summed exactly, over at most this many terms.
EXACT_BELOW, EXACT_TERMS = 50.0, 300


@dataclass(frozen=True)
class CountTail:
    """Negative binomial with mean `mean` and size `size` (matrices of one shape)."""

    mean: Floats
    size: Floats

    def above(self, values: Floats) -> tuple[Floats, Floats]:
        """P(at least the observed count), and P(more than it)."""
        chance = self.mean / (self.size + self.mean)
        at_least = np.where(values > 0, special.betainc(np.maximum(values, 1e-9), self.size, chance), 1.0)
        return at_least, special.betainc(values + 1.0, self.size, chance)

    def middle(self, values: Floats) -> Floats:
        """P(more than the observed count) and half of P(exactly it)."""
        at_least, above = self.above(values)
        return (at_least + above) / 2.0

    def quantile(self, level: Floats) -> Floats:
        """The largest count whose `middle` is above `level` (below one half)."""
        count = np.asarray(stats.nbinom.isf(level, self.size, self.size / (self.size + self.mean)))
        return np.where(self.middle(count) <= level, count - 1.0, count)


@dataclass(frozen=True)
class ShareTail:
    """Beta-binomial share of `trials` with mean `mean` and variance `unit` p(1 - p)."""

    mean: Floats
    unit: Floats
    trials: Floats

    def above(self, values: Floats) -> tuple[Floats, Floats]:
        """P(at least the observed share), and P(more than it)."""
        a, b = self._beta()
        lower = np.clip(values - 0.5 / self.trials, 0.0, 1.0)
        at_least = special.betaincc(a, b, lower)
        above = special.betaincc(a, b, np.clip(values + 0.5 / self.trials, 0.0, 1.0))
        few = self._few()
        if few.any():
            at_least[few], above[few] = self._exact_tails(np.rint((values * self.trials)[few]), few=few)
        return at_least, above

    def middle(self, values: Floats) -> Floats:
        """P(more than the observed share) and half of P(exactly it)."""
        found = special.betaincc(*self._beta(), np.clip(values, 0.0, 1.0))
        few = self._few()
        if few.any():
            at_least, above = self._exact_tails(np.rint((values * self.trials)[few]), few=few)
            found[few] = (at_least + above) / 2.0
        return np.asarray(found)

    def quantile(self, level: Floats) -> Floats:
        """The share above which `middle` is at most `level`; of few events half an event above the last such count."""
        bound = special.betainccinv(*self._beta(), level)
        few = self._few()
        if few.any():
            count = self._exact_quantile(level[few], few=few)
            at_least, above = self._exact_tails(count, few=few)
            count = np.where((at_least + above) / 2.0 <= level[few], count - 1.0, count)
            bound[few] = (count + 0.5) / np.rint(self.trials[few])
        return np.clip(bound, 0.0, 1.0)

    def _few(self) -> np.ndarray:
        return np.asarray(self.mean * self.trials < EXACT_BELOW)

    def _beta(self) -> tuple[Floats, Floats]:
        total = np.maximum(1.0 / self.unit - 1.0, 1e-3)
        return self.mean * total, (1.0 - self.mean) * total

    def _cumulative(self, *, few: np.ndarray) -> Floats:
        """P(K <= j) for j = 0 … EXACT_TERMS, one row per chosen cell, by the ratio of neighbours."""
        mean, n = self.mean[few], np.maximum(np.rint(self.trials[few]), 1.0)
        rho = np.clip((self.unit[few] * n - 1.0) / np.maximum(n - 1.0, 1.0), 1e-9, 0.99)
        a, b = mean * (1.0 / rho - 1.0), (1.0 - mean) * (1.0 / rho - 1.0)
        start = np.exp(special.betaln(a, b + n) - special.betaln(a, b))
        j = np.arange(EXACT_TERMS)[None, :]
        left = np.maximum(n[:, None] - j, 0.0)
        ratio = left * (a[:, None] + j) / ((j + 1.0) * np.maximum(b[:, None] + left - 1.0, 1e-12))
        terms = np.concatenate([np.ones((len(n), 1)), np.cumprod(ratio, axis=1)], axis=1)
        return np.minimum(np.cumsum(terms * start[:, None], axis=1), 1.0)

    def _exact_tails(self, counts: Floats, *, few: np.ndarray) -> tuple[Floats, Floats]:
        cumulative = self._cumulative(few=few)
        at = np.clip(np.nan_to_num(counts), 0, EXACT_TERMS).astype(np.int64)
        row = np.arange(len(at))
        at_least = np.where(at > 0, 1.0 - cumulative[row, np.maximum(at - 1, 0)], 1.0)
        return at_least, 1.0 - cumulative[row, at]

    def _exact_quantile(self, level: Floats, *, few: np.ndarray) -> Floats:
        return (self._cumulative(few=few) < 1.0 - level[:, None]).sum(axis=1).astype(np.float64)


def predictive(fit: Fit, *, trials: Floats | None) -> CountTail | ShareTail:
    """The distribution of the next value: sampling, over-dispersion and the error of the mean.

    With `trials` (people behind each share) a beta-binomial, else a negative binomial.
    """
    if trials is None:
        mean = np.exp(fit.predictor + np.minimum(fit.variance, 1.0) / 2.0)
        excess = (fit.dispersion - 1.0) * mean + mean**2 * fit.variance
        return CountTail(mean=mean, size=mean**2 / np.maximum(excess, 1e-9 * mean))
    mean = special.expit(fit.predictor)
    unit = 1.0 / trials + fit.dispersion + mean * (1.0 - mean) * fit.variance
    return ShareTail(mean=mean, unit=unit, trials=trials)
