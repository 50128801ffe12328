"""False-discovery control over the tests of one night. Not for single-series decisions."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray


def q_values(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini–Hochberg (1995) adjusted p-values; NaN is not a test and stays NaN."""
    q = np.full(p_values.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p_values))
    order = tested[np.argsort(-p_values[tested], kind="stable")]
    ranks = np.arange(len(order), 0, -1)
    q[order] = np.minimum(np.minimum.accumulate(p_values[order] * len(order) / ranks), 1.0)
    return q


def q_column(p_value: str = "p_value") -> pl.Expr:
    """`q_values` as an expression, to be used `.over` the columns that name one family of tests."""
    return pl.col(p_value).map_batches(_q_series, return_dtype=pl.Float64, is_elementwise=False)


def _q_series(series: pl.Series) -> pl.Series:
    values = series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return pl.Series(series.name, q_values(values)).fill_nan(None)
