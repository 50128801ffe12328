"""EARS C1, C2 and C3: the short-memory detectors that public health departments know, for comparison.

Not for the nightly decision: they know neither weekdays nor seasons (see docs/alerts.md for what that costs).
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import special

from forecasting.alerts.regression import Floats

Variant = Literal["ears_c1", "ears_c2", "ears_c3"]
BASELINE, GAP, SUMMED = 7, 2, 3
# The published bounds are 3, 3 and 2; as a chance under a normal distribution each is this.
PUBLISHED_ALPHA = float(special.ndtr(-3.0))


def ears(
    values: Floats, *, variant: Variant, alpha: float = PUBLISHED_ALPHA
) -> tuple[Floats, Floats, Floats]:
    """Baseline mean, threshold and nominal p-value of every period; matrices (series, periods).

    `values` are in any unit, NaN = not observed. C1 is (y - mean) / sd over the seven periods before;
    C2 leaves out the two newest of nine; C3 is the sum of max(0, C2 - 1) over a period and the two before
    it. The p-value is the normal tail of C1, C2 and C3 + 1, so that p < `PUBLISHED_ALPHA` is C1 > 3,
    C2 > 3 and C3 > 2; it is nominal, not calibrated. A period with an unobserved one in what it is
    compared with is not judged (NaN). A value above a baseline without any variation has p = 0.
    Sources: Hutwagner et al. (2003, Journal of Urban Health 80:i89); Fricker, Hegler and Dunfee (2008,
    Statistics in Medicine 27:3407).
    """
    gap = 0 if variant == "ears_c1" else GAP
    mean, spread = _baseline(values, gap=gap)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = (values - mean) / spread
    score = np.where((spread == 0) & (values == mean), 0.0, score)
    bound = float(-special.ndtri(alpha))
    if variant != "ears_c3":
        return mean, mean + bound * spread, np.asarray(special.ndtr(-score))
    excess = np.maximum(score - 1.0, 0.0)
    earlier = _lag(excess, 1) + _lag(excess, 2)
    total = excess + earlier
    # Before this much today the days before it alone are not enough; once they are, any value alarms.
    left = bound - 1.0 - earlier
    threshold = np.where(left < 0, -np.inf, mean + (1.0 + left) * spread)
    threshold = np.where(np.isfinite(earlier), threshold, np.nan)
    return mean, threshold, np.asarray(np.where(np.isnan(total), np.nan, special.ndtr(-(total + 1.0))))


def _baseline(values: Floats, *, gap: int) -> tuple[Floats, Floats]:
    """Mean and sample standard deviation of the seven periods that end `gap` periods before yesterday."""
    parts = np.stack([_lag(values, gap + back) for back in range(1, BASELINE + 1)])
    return parts.mean(axis=0), parts.std(axis=0, ddof=1)


def _lag(values: Floats, lag: int) -> Floats:
    moved = np.full_like(values, np.nan)
    moved[:, lag:] = values[:, : max(values.shape[1] - lag, 0)]
    return moved
