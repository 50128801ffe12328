"""Proper scores of quantile forecasts, as Polars expressions and as array functions.

Not for deciding which forecasts are compared: `backtest.py` does that.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from forecasting.matrix import Floats

COVERAGE_LEVELS = (50, 80, 90, 95)
LEVEL_TOLERANCE = 1e-9


def pinball(truth: str, *, quantile: str, level: str) -> pl.Expr:
    """Pinball loss per row, in the truth's unit (Koenker & Bassett 1978)."""
    miss = pl.col(truth) - pl.col(quantile)
    return pl.max_horizontal(pl.col(level) * miss, (pl.col(level) - 1.0) * miss)


def wis(truth: str, *, quantile: str, level: str) -> pl.Expr:
    """Weighted interval score of a group: the mean over its levels of twice the pinball loss (Bracher et al. 2021)."""
    return (2.0 * pinball(truth, quantile=quantile, level=level)).mean()


def at_level(quantile: str, *, level: str, wanted: float) -> pl.Expr:
    """A group's quantile at one level; null where that level is absent."""
    return pl.col(quantile).filter((pl.col(level) - wanted).abs() < LEVEL_TOLERANCE).first()


def covered(truth: str, *, quantile: str, level: str, percent: int) -> pl.Expr:
    """1.0 where a group's central interval of `percent` holds the truth, else 0.0."""
    tail = (1.0 - percent / 100.0) / 2.0
    low = at_level(quantile, level=level, wanted=tail)
    high = at_level(quantile, level=level, wanted=1.0 - tail)
    return pl.col(truth).first().is_between(low, high).cast(pl.Float64)


def relative_error(truth: str, *, quantile: str, level: str) -> pl.Expr:
    """Distance of a group's median from the truth as a share of the truth (its mean over steps is the MAPE); null where
    the truth is 0."""
    size = pl.col(truth).first().abs()
    return pl.when(size > 0.0).then(absolute_error(truth, quantile=quantile, level=level) / size)


def absolute_error(truth: str, *, quantile: str, level: str) -> pl.Expr:
    """Distance of a group's median from the truth."""
    return (pl.col(truth).first() - at_level(quantile, level=level, wanted=0.5)).abs()


def score(forecasts: pl.DataFrame, *, by: list[str]) -> pl.DataFrame:
    """Long `by…, level, quantile, truth` → one row per group with wis, ae, ape and coverage_50/80/90/95."""
    names = {"quantile": "quantile", "level": "level"}
    coverage = [covered("truth", percent=p, **names).alias(f"coverage_{p}") for p in COVERAGE_LEVELS]
    return forecasts.group_by(by, maintain_order=True).agg(
        wis("truth", **names).alias("wis"),
        absolute_error("truth", **names).alias("ae"),
        relative_error("truth", **names).alias("ape"),
        *coverage,
    )


def mase_scale(values: Floats, *, season: int) -> Floats:
    """[series] mean absolute seasonal difference of the past [series, periods] (Hyndman & Koehler 2006).

    NaN where no such difference exists or all are zero.
    """
    size = np.abs(values[:, season:] - values[:, : max(values.shape[1] - season, 0)])
    seen = ~np.isnan(size)
    total, count = np.where(seen, size, 0.0).sum(axis=1), seen.sum(axis=1)
    mean = np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
    return np.where(mean > 0.0, mean, np.nan)


def geometric_mean(column: str) -> pl.Expr:
    """exp of the mean log; null and non-positive values are left out."""
    positive = pl.col(column).filter(pl.col(column) > 0.0)
    return positive.log().mean().exp()


def wis_array(truth: Floats, *, quantiles: Floats, levels: Floats) -> Floats:
    """[…] WIS from truth […] and quantiles […, levels]; NaN where the truth is."""
    miss = truth[..., None] - quantiles
    return np.asarray(2.0 * np.maximum(levels * miss, (levels - 1.0) * miss).mean(axis=-1))
