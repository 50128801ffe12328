"""Seeded daily series of places for tests: nothing, or one place's news passed on to the next."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FIRST = dt.date(2023, 1, 1)


def fading(news: Floats, *, kept: float) -> Floats:
    """First-order autoregressions from `news` [..., days]."""
    made = np.array(news)
    for day in range(1, news.shape[-1]):
        made[..., day] += kept * made[..., day - 1]
    return made


def logits(seed: int, *, places: int = 6, days: int = 365, passed_on: float = 0.0, lag: int = 2) -> Floats:
    """A shared driver and a shared week, moods of their own, and the first place's news later in the second."""
    rng = np.random.default_rng(seed)
    news = rng.normal(0, 0.1, (places, days))
    news[1, lag:] += passed_on * news[0, : days - lag]
    loading = rng.uniform(0.4, 1.6, (places, 1))
    shared = fading(rng.normal(0, 0.1, days), kept=0.8) + rng.normal(0, 0.2, 7)[np.arange(days) % 7]
    return np.asarray(fading(news, kept=0.5) + loading * shared - 2.0 + rng.normal(0, 0.02, (places, days)))


def long(values: Floats, *, people: float = 1000.0, first: dt.date = FIRST) -> pl.DataFrame:
    """series_id, time_value, value (a share), n: every cell that is not NaN."""
    at = np.nonzero(np.isfinite(values))
    return pl.DataFrame(
        {
            "series_id": [f"place{place}" for place in at[0]],
            "time_value": [first + dt.timedelta(days=int(day)) for day in at[1]],
            "value": 1 / (1 + np.exp(-values[at])),
            "n": np.full(len(at[0]), people),
        }
    )
