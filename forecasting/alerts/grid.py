"""Long frames to matrices (series, periods) on a gapless calendar, and back.

Not for judging: `detectors.py` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Frequency = Literal["day", "week"]
STEP_DAYS: dict[Frequency, int] = {"day": 1, "week": 7}


@dataclass(frozen=True)
class Grid:
    """Where each row of the frame lies: `row` names the series, `column` the period."""

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    shape: tuple[int, int]

    def spread(self, values: pl.Series) -> NDArray[np.float64]:
        """The matrix of a column; NaN where there is no row or a null."""
        matrix = np.full(self.shape, np.nan)
        matrix[self.row, self.column] = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        return matrix

    def gather(self, matrix: NDArray[np.float64], *, name: str) -> pl.Series:
        """The column of a matrix, in the frame's row order; NaN becomes null."""
        return pl.Series(name, matrix[self.row, self.column]).fill_nan(None)


def make_grid(frame: pl.DataFrame, *, keys: list[str], day: str, frequency: Frequency) -> Grid:
    """Place every row; `day` is a Date column, in steps of the frequency, unique within `keys`.

    Series are numbered in the order of their keys.
    """
    rows = frame.select(pl.struct(keys).rank("dense") - 1).to_series().to_numpy().astype(np.int64)
    days = frame[day].cast(pl.Int32).to_numpy().astype(np.int64)
    columns = (days - days.min()) // STEP_DAYS[frequency] if len(days) else days
    shape = (int(rows.max()) + 1, int(columns.max()) + 1) if len(days) else (0, 0)
    return Grid(row=rows, column=columns, shape=shape)
