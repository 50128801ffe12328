"""How forecasts did against a flat line, from scores alone: one definition for pages, exports and summaries.

Not for making or choosing forecasts.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BASELINE = "flat_line"
# Draws of the interval, and the origins without which it would pretend to know.
DRAWS, LEAST_ORIGINS, SEED = 1000, 5, 20240101
TAILS = (0.025, 0.975)
_BLOCK = 2000
SERIES = ["target", "population", "geo_type", "location"]
_STEP = ["task", *SERIES, "reference_date", "horizon"]


def relative_wis(scores: pl.DataFrame, *, by: tuple[str, ...] = ("task", "model_id")) -> pl.DataFrame:
    """Per series and `by`: mean WIS over the flat line's, on the steps that both were judged on.

    `scores` holds rows of `out.scores`. Columns: `by`, the series' four, relative_wis, n_judged, n_origins.
    A series on which either is 0 has no ratio and is left out. Below 1 is better than a flat line
    (Cramer et al. 2022).
    """
    return _ratios(_sums(scores, by=by), by=by)


def _sums(scores: pl.DataFrame, *, by: tuple[str, ...]) -> pl.DataFrame:
    """Per `by`, series and origin: WIS of the model (`value`) and of the flat line (`flat`), summed over the steps that
    both were judged on, and how many these are."""
    # In one order, because sums of floats depend on it.
    wis = scores.filter(pl.col("metric") == "wis", pl.col("value").is_not_null()).sort(*by, *_STEP)
    flat = wis.filter(pl.col("model_id") == BASELINE).select(*_STEP, flat="value")
    paired = wis.join(flat, on=_STEP, how="inner", maintain_order="left").group_by(
        *by, *SERIES, "reference_date", maintain_order=True
    )
    return paired.agg(pl.col("value", "flat").sum(), n_judged=pl.len())


def _ratios(sums: pl.DataFrame, *, by: tuple[str, ...]) -> pl.DataFrame:
    groups = [*by, *SERIES]
    whole = sums.group_by(groups, maintain_order=True).agg(
        pl.col("value", "flat", "n_judged").sum(), n_origins=pl.len()
    )
    both = whole.filter(pl.col("value") > 0.0, pl.col("flat") > 0.0)
    ratio = pl.col("value") / pl.col("flat")
    return both.select(*groups, ratio.alias("relative_wis"), "n_judged", "n_origins").sort(groups)


def overall(per_series: pl.DataFrame, *, by: tuple[str, ...] = ("task", "model_id")) -> pl.DataFrame:
    """Per `by`: the geometric mean over series, and how much it rests on. Best first within the first key."""
    relative = pl.col("relative_wis")
    grouped = per_series.group_by(by, maintain_order=True).agg(
        relative.log().mean().exp(),
        n_series=pl.len(),
        n_judged=pl.col("n_judged").sum(),
        win_rate=(relative < 1.0).mean(),
    )
    return grouped.sort(by[0], "relative_wis", *by[1:])


def overall_with_range(scores: pl.DataFrame, *, by: tuple[str, ...] = ("task", "model_id")) -> pl.DataFrame:
    """`overall` with the 95 % bootstrap interval of its relative WIS: relative_wis_low, relative_wis_high, n_origins.

    Origins are drawn, all series of one together, since they share its shocks; `DRAWS` times, with the same seed
    always. Null with fewer than `LEAST_ORIGINS`. What repeats itself from one origin to the next is not in it.
    """
    sums = _sums(scores, by=by)
    order = sums.select(SERIES).unique(maintain_order=True).with_row_index("series")
    numbered = sums.join(order, on=SERIES, maintain_order="left")
    parts = numbered.partition_by(by, as_dict=True)
    rows = [(*key, *_range(part), part["reference_date"].n_unique()) for key, part in parts.items()]
    keys = [(name, scores.schema[name]) for name in by]
    ends = [(name, pl.Float64()) for name in ("relative_wis_low", "relative_wis_high")]
    ranges = pl.DataFrame(rows, schema=[*keys, *ends, ("n_origins", pl.UInt32())], orient="row")
    return overall(_ratios(sums, by=by), by=by).join(ranges, on=by, how="left", maintain_order="left")


def _range(part: pl.DataFrame) -> tuple[float | None, float | None]:
    """From one row per series and origin with the sums `value` and `flat` of the steps judged."""
    rows, at = np.unique(part["series"].to_numpy(), return_inverse=True)
    days, when = np.unique(part["reference_date"].to_physical().to_numpy(), return_inverse=True)
    if len(days) < LEAST_ORIGINS:
        return None, None
    sums = np.zeros((2, len(rows), len(days)))
    sums[:, at, when] = part["value"].to_numpy(), part["flat"].to_numpy()
    drawn = np.random.default_rng(SEED).multinomial(len(days), np.full(len(days), 1 / len(days)), size=DRAWS)
    found = _drawn_means(sums, drawn=drawn.T.astype(np.float64))
    if not np.isfinite(found).any():
        return None, None
    low, high = np.nanquantile(found, TAILS)
    return float(low), float(high)


def _drawn_means(sums: Floats, *, drawn: Floats) -> Floats:
    """[draws] geometric mean over series of WIS over the flat line's; sums [2, series, origins], times each origin was
    drawn [origins, draws]. A draw leaves out a series that has no ratio in it."""
    total, count = np.zeros(drawn.shape[1]), np.zeros(drawn.shape[1])
    for start in range(0, sums.shape[1], _BLOCK):
        own, flat = sums[:, start : start + _BLOCK] @ drawn
        known = (own > 0.0) & (flat > 0.0)
        total += np.log(np.divide(own, flat, out=np.ones_like(own), where=known)).sum(axis=0)
        count += known.sum(axis=0)
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0.0)
    return np.asarray(np.exp(mean))


def no_better(relative: float) -> bool:
    """Is a relative WIS, as it is told, no better than a flat line?"""
    return round(relative, 2) >= 1.0


def in_words(relative: float | None) -> str:
    """What a relative WIS means to a reader."""
    if relative is None:
        return "not yet compared with a flat line"
    if no_better(relative):
        return "no better than a flat line"
    return f"{1 - relative:.0%} less error than a flat line"
