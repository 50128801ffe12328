"""Does one place's signal move before another's? Spread-like co-movement: nobody's contacts are looked at.

Not for exposure along ties (`api.py`), and never a proof that anything spread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecasting.alerts.fdr import q_values
from forecasting.contagion.innovations import ORDER, Floats, innovations

LAGS = 7
# Shifts nearer than this are no chance: a window of lags around them reaches into the lags that are tested.
NEAREST_SHIFT = 21
LEAST_PLACES, LEAST_DAYS, LEAST_SEEN = 3, 120, 0.5
MOST_PLACES, MOST_ROWS = 60, 500
# What is left of shared movement goes down with the number of places; a correlation counts beyond this over it.
MARGIN = 0.1
SCHEMA = {
    "signal": pl.String, "geo_type": pl.String, "leader": pl.String, "follower": pl.String, "lag": pl.Int64,
    "correlation": pl.Float64, "p_value": pl.Float64, "q_value": pl.Float64, "n_days": pl.Int64,
    "sample_size": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One signal of many places on a gapless daily calendar.

    `values` [places, days] on the modelling scale (logits of shares), NaN where unknown; `people` behind each, NaN
    where unknown.
    """

    signal: str
    geo_type: str
    places: tuple[str, ...]
    values: Floats
    people: Floats


@dataclass(frozen=True)
class LeadLag:
    """Rows as in `SCHEMA`, the smallest p first, and notes on what was not tested."""

    rows: pl.DataFrame
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Pairs:
    """Every pair of two places, `first` before `second`: its best lag (negative: second leads) and what it says."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    lag: NDArray[np.int64]
    correlation: Floats
    p_value: Floats


def lead_lag(panels: Sequence[Panel]) -> LeadLag:
    """Test every pair of places of every panel; at most the `MOST_ROWS` rows of the smallest p are given.

    q-values are Benjamini–Hochberg over all pairs of all panels, shown or not. A panel of fewer than three places with
    `LEAST_DAYS` days observed and half of the span is left out with a note.
    """
    tested, notes = [], []
    for panel in panels:
        usable = _usable(panel)
        if len(usable.places) < LEAST_PLACES:
            notes.append(_too_little(panel, usable=len(usable.places)))
            continue
        tested.append(_rows(usable, pairs=pair_tests(usable.values)))
    if not tested:
        return LeadLag(pl.DataFrame(schema=SCHEMA), notes)
    rows = pl.concat(tested)
    rows = rows.with_columns(q_value=pl.Series(q_values(rows["p_value"].to_numpy())))
    order = ["p_value", "signal", "geo_type", "leader", "follower"]
    if rows.height > MOST_ROWS:
        notes.append(
            f"lead-lag: {rows.height:,} pairs were tested; the {MOST_ROWS} of the smallest p are given."
        )
    return LeadLag(rows.sort(order).head(MOST_ROWS).select(list(SCHEMA)), notes)


def pair_tests(values: Floats) -> Pairs:
    """All pairs of `values` [places, days], tested at lags of 1 to `LAGS` days in both directions.

    The statistic is the largest sum of products of innovations over its own error (so that days on which all move much
    do not count as many), less a margin. p = (1 + k)/(1 + n) over the circular shifts of one against the other, of all
    pairs together, which is what makes a small p possible. A shift undoes what the same regressors did to both at once,
    so its products vary a little less: the statistic is drawn in for that.
    """
    made = innovations(values)
    places, days = values.shape
    first, second = np.triu_indices(places, 1)
    both = _both(np.isfinite(values))[first, second]
    products, scaled = _shifted_products(made.values[first], made.values[second])
    lags = np.array([*range(1, LAGS + 1), *range(-LAGS, 0)])
    best = np.argmax(scaled[:, lags], axis=1)
    observed = np.take_along_axis(scaled[:, lags], best[:, None], axis=1)[:, 0]
    free = max(days - ORDER - 2 * made.taken, 1) / (days - ORDER - made.taken)
    observed = observed * np.sqrt(free) - MARGIN / places * np.sqrt(both)
    chance = np.sort(_chance(scaled, lags=lags).ravel())
    above = len(chance) - np.searchsorted(chance, observed - 1e-9)
    size = np.sqrt(np.square(made.values).sum(axis=1))
    lag = lags[best]
    correlation = products[np.arange(len(first)), lag] / np.maximum(size[first] * size[second], 1e-300)
    return Pairs(
        first=first, second=second, lag=lag, correlation=np.clip(correlation, -1.0, 1.0),
        p_value=(1 + above) / (1 + len(chance)),
    )  # fmt: skip


def _shifted_products(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """[pairs, shifts]: the sum over days of one x other `shift` days later, circular; and over its standard error."""
    days = one.shape[1]
    products = _correlate(one, other, days=days)
    variance = _correlate(np.square(one), np.square(other), days=days)
    least = 1e-9 * np.maximum(variance.max(axis=1, keepdims=True), 1e-300)
    return products, products / np.sqrt(np.maximum(variance, least))


def _correlate(one: Floats, other: Floats, *, days: int) -> Floats:
    spectrum = np.conj(np.fft.rfft(one, axis=1)) * np.fft.rfft(other, axis=1)
    return np.asarray(np.fft.irfft(spectrum, days, axis=1))


def _chance(scaled: Floats, *, lags: NDArray[np.int64]) -> Floats:
    """[pairs, far shifts]: the statistic as if the shift were no shift."""
    days = scaled.shape[1]
    largest = np.full_like(scaled, -np.inf)
    for lag in lags:
        np.maximum(largest, np.roll(scaled, -lag, axis=1), out=largest)
    return largest[:, NEAREST_SHIFT + 1 : days - NEAREST_SHIFT]


def _both(seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """[places, places]: days on which both were observed."""
    counted = seen.astype(np.int64)
    return counted @ counted.T


def _usable(panel: Panel) -> Panel:
    """Without days before the first and after the last observation, and without places that say too little.

    Places by name, at most the `MOST_PLACES` with the most days (then people).
    """
    seen = np.isfinite(panel.values)
    days = np.flatnonzero(seen.any(axis=0))
    span = slice(int(days[0]), int(days[-1]) + 1) if len(days) else slice(0, 0)
    values, people = panel.values[:, span], panel.people[:, span]
    count = seen.sum(axis=1)
    enough = (count >= LEAST_DAYS) & (count >= LEAST_SEEN * values.shape[1])
    varies = np.array([len(np.unique(row[np.isfinite(row)])) > 2 for row in values], dtype=bool)
    found = [int(k) for k in np.flatnonzero(enough & varies)]
    most = np.nansum(people, axis=1)
    found = sorted(found, key=lambda k: (-count[k], -most[k], panel.places[k]))[:MOST_PLACES]
    kept = sorted(found, key=lambda k: panel.places[k])
    return Panel(
        signal=panel.signal, geo_type=panel.geo_type, places=tuple(panel.places[k] for k in kept),
        values=values[kept], people=people[kept],
    )  # fmt: skip


def _too_little(panel: Panel, *, usable: int) -> str:
    where = f"{panel.signal} ({panel.geo_type})" if panel.geo_type else panel.signal
    return (
        f"lead-lag of {where}: {usable} of {len(panel.places)} places have {LEAST_DAYS} days, half of the span and "
        f"values that change; at least {LEAST_PLACES} are needed, so nothing was tested."
    )


def _rows(panel: Panel, *, pairs: Pairs) -> pl.DataFrame:
    names = np.array(panel.places, dtype=object)
    ahead = pairs.lag > 0
    seen = np.isfinite(panel.values)
    people = np.where(seen, panel.people, np.inf).min(axis=1)
    # NaN (people unknown on some day) wins over every number.
    fewest = np.minimum(people[pairs.first], people[pairs.second])
    return pl.DataFrame(
        {
            "leader": names[np.where(ahead, pairs.first, pairs.second)].tolist(),
            "follower": names[np.where(ahead, pairs.second, pairs.first)].tolist(),
            "lag": np.abs(pairs.lag),
            "correlation": pairs.correlation.round(4),
            "p_value": pairs.p_value,
            "n_days": _both(seen)[pairs.first, pairs.second],
            "sample_size": pl.Series(fewest).fill_nan(None).cast(pl.Int64),
        }
    ).select(
        pl.lit(panel.signal).alias("signal"),
        pl.lit(panel.geo_type).alias("geo_type"),
        pl.col("leader", "follower", "lag", "correlation", "p_value"),
        pl.lit(None, dtype=pl.Float64).alias("q_value"),
        pl.col("n_days", "sample_size"),
    )
