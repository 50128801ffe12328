"""A panel of series as one array on a regular grid, and the scale on which it is modelled.

Shares are modelled as logits, counts as log(1 + x), an index as it is.
Not for choosing series or reading tables: `series.py` and `files.py` do that.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, logit

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Kind = Literal["share", "count", "index"]
Frequency = Literal["day", "week"]

STEP_DAYS: dict[Frequency, int] = {"day": 1, "week": 7}
UNKNOWN_N = 1000.0
RECENT = 28


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Series by periods. `values` and `n` are [series, periods], NaN where nothing was observed.

    The last column is the period that ends on `reference`; horizons are counted from there.
    """

    ids: tuple[str, ...]
    reference: dt.date
    frequency: Frequency
    kind: Kind
    values: Floats
    n: Floats

    @property
    def periods(self) -> int:
        return int(self.values.shape[1])

    @property
    def step(self) -> int:
        return STEP_DAYS[self.frequency]

    def until(self, periods_back: int) -> Matrix:
        """The same panel as it stood `periods_back` periods earlier."""
        keep = max(self.periods - periods_back, 0)
        earlier = self.reference - dt.timedelta(days=periods_back * self.step)
        return replace(self, reference=earlier, values=self.values[:, :keep], n=self.n[:, :keep])


def to_matrix(
    long: pl.DataFrame,
    *,
    ids: tuple[str, ...],
    reference: dt.date,
    periods: int,
    frequency: Frequency,
    kind: Kind,
) -> Matrix:
    """Place `series_id, time_value, value, n` on the grid of `periods` that ends on `reference`.

    Rows off the grid, outside it, or of a series not in `ids` are left out.
    """
    step = STEP_DAYS[frequency]
    days_back = (pl.lit(reference) - pl.col("time_value")).dt.total_days()
    order = pl.DataFrame(
        {"series_id": list(ids), "row": range(len(ids))}, schema={"series_id": pl.String, "row": pl.Int64}
    )
    placed = (
        long.join(order, on="series_id")
        .with_columns(back=days_back)
        .filter((pl.col("back") >= 0) & (pl.col("back") < periods * step) & (pl.col("back") % step == 0))
        .with_columns(column=periods - 1 - pl.col("back") // step)
    )
    cells = (placed["row"].to_numpy(), placed["column"].to_numpy())
    values, n = np.full((2, len(ids), periods), np.nan)
    values[cells] = placed["value"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    n[cells] = placed["n"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return Matrix(ids=ids, reference=reference, frequency=frequency, kind=kind, values=values, n=n)


def to_model_scale(matrix: Matrix) -> Floats:
    """[series, periods] on the modelling scale. Logits carry the correction (v n + .5) / (n + 1)."""
    if matrix.kind == "index":
        return matrix.values
    if matrix.kind == "count":
        return np.log1p(matrix.values)
    n = np.where(np.isnan(matrix.n), UNKNOWN_N, matrix.n)
    return np.asarray(logit((matrix.values * n + 0.5) / (n + 1.0)))


def from_model_scale(numbers: Floats, *, kind: Kind, n: Floats) -> Floats:
    """Undo `to_model_scale` for [series, …]; `n` [series] is each series' usual sample size.

    Shares end in [0, 1] and counts at or above 0.
    """
    if kind == "index":
        return numbers
    if kind == "count":
        return np.maximum(np.expm1(np.minimum(numbers, 700.0)), 0.0)
    size = n.reshape((-1,) + (1,) * (numbers.ndim - 1))
    return np.clip((expit(numbers) * (size + 1.0) - 0.5) / size, 0.0, 1.0)


def shares_to_model_scale(shares: Floats, *, n: Floats) -> Floats:
    """What `from_model_scale` turns into these shares [series, …]; `n` [series] as there."""
    size = n.reshape((-1,) + (1,) * (shares.ndim - 1))
    return np.asarray(logit((shares * size + 0.5) / (size + 1.0)))


def usual_n(matrix: Matrix) -> Floats:
    """[series] median sample size of the last `RECENT` observed periods; `UNKNOWN_N` where none is known."""
    known = np.where(np.isnan(matrix.values), np.nan, matrix.n)
    sizes = [row[~np.isnan(row)][-RECENT:] for row in known]
    return np.array([np.median(size) if size.size else UNKNOWN_N for size in sizes], dtype=np.float64)


def sampling_noise(matrix: Matrix) -> Floats:
    """[series] standard deviation, on the modelling scale, that sampling alone gives at the last value.

    Binomial for shares, Poisson for counts (delta method); 0 for an index, whose sampling is unknown.
    """
    last = last_observed(matrix.values)
    if matrix.kind == "index":
        return np.zeros(len(matrix.ids))
    if matrix.kind == "count":
        return np.sqrt(np.maximum(last, 1.0)) / (1.0 + last)
    n = usual_n(matrix)
    share = (last * n + 0.5) / (n + 1.0)
    return 1.0 / np.sqrt(n * share * (1.0 - share))


def sampling_variance(matrix: Matrix) -> Floats:
    """[series, periods] variance that sampling alone gives each value on the modelling scale; 0 where not known."""
    if matrix.kind == "index":
        return np.zeros_like(matrix.values)
    if matrix.kind == "count":
        return np.nan_to_num(np.maximum(matrix.values, 1.0) / (1.0 + matrix.values) ** 2)
    share = (matrix.values * matrix.n + 0.5) / (matrix.n + 1.0)
    return np.nan_to_num(1.0 / (np.maximum(matrix.n, 1.0) * share * (1.0 - share)))


def last_observed(values: Floats) -> Floats:
    """[series] last value that is not NaN; NaN where there is none."""
    column = last_column(values)
    return (
        np.where(column >= 0, values[np.arange(len(values)), column], np.nan)
        if values.size
        else np.full(len(values), np.nan)
    )


def last_column(values: Floats) -> NDArray[np.int64]:
    """[series] index of the last observed column, −1 where there is none."""
    seen = ~np.isnan(values)
    last = (
        values.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1) if values.shape[1] else np.zeros(len(values))
    )
    return np.where(seen.any(axis=1), last, -1).astype(np.int64)
