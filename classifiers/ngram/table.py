"""The stored form of an n-gram model: weights as small integers with one scale a column.

Not for training: `train` makes the weights that are packed here.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from classifiers.ngram.train import Linear

WEIGHT_FILE = "table.safetensors"
LARGEST = 127
# Columns in memory are filled up to a multiple of this, which the processor adds at once.
LANES = 8


@dataclass(frozen=True)
class Table:
    """Int8 rows (rows, columns), Float32 scale and bias (columns,)."""

    rows: np.ndarray
    scale: np.ndarray
    bias: np.ndarray

    def padded(self) -> np.ndarray:
        """The rows with columns of zeros behind them, as the kernel likes it."""
        missing = -self.rows.shape[1] % LANES
        return np.ascontiguousarray(np.pad(self.rows, ((0, 0), (0, missing))))


def packed(model: Linear) -> Table:
    """The model in integers; each column's scale is the one of least squared error."""
    scales = np.array([_best_scale(column) for column in model.weights.T], dtype=np.float32)
    return Table(_rounded(model.weights, scales), scales, model.bias.astype(np.float32))


def save_table(table: Table, folder: Path) -> None:
    """Write the weight file."""
    from safetensors.numpy import save_file

    tensors = {"rows": table.rows, "scale": table.scale, "bias": table.bias}
    save_file(tensors, folder / WEIGHT_FILE)


def read_table(path: Path) -> Table:
    """Read a weight file whose digest was checked."""
    from safetensors.numpy import load_file

    tensors = load_file(path)
    return Table(tensors["rows"], tensors["scale"], tensors["bias"])


def _best_scale(column: np.ndarray) -> float:
    largest = float(np.abs(column).max(initial=0.0))
    if not largest:
        return 1.0
    used = column[column != 0]
    tried = [largest / LARGEST * share for share in np.linspace(0.2, 1.0, 17)]
    errors = [float(np.square(used - _rounded(used, s) * np.float32(s)).sum()) for s in tried]
    return tried[int(np.argmin(errors))]


def _rounded(weights: np.ndarray, scale: np.ndarray | float) -> np.ndarray:
    whole: np.ndarray = np.clip(np.rint(weights / scale), -LARGEST, LARGEST).astype(np.int8)
    return whole
