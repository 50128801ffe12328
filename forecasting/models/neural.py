"""One small N-HiTS network for all series together (Challu et al. 2023, AAAI), through neuralforecast.

It is trained at the first origin that it meets and only predicts at later ones, so a backtest never
trains on what it is judged on. Not for intervals: `calibrate.py` learns them from past errors.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import polars as pl

from forecasting.matrix import Flags, Floats, Frequency
from forecasting.models.base import ModelInput, ModelOutput, after_lags, filled, guarded

STEPS = 150
LAG_ROOM = 7
CHATTY = (
    "pytorch_lightning.utilities.rank_zero",
    "lightning.pytorch.utilities.rank_zero",
    "lightning_fabric.utilities.seed",
    "lightning.fabric.utilities.seed",
)


class Nhits:
    """Holds its trained network; make a new one to train again."""

    name = "nhits"

    def __init__(self) -> None:
        self._network: Any = None
        self._reach = 0

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        """Forecast; series that are too short or end too long before the origin get a marked flat line."""
        reach = horizon + LAG_ROOM
        usable = _usable(data, reach=reach)
        full = np.full((len(data.ids), reach), np.nan)
        if usable.any():
            full[usable] = self._paths(data.rows(np.flatnonzero(usable)), reach=reach, seed=seed)
        lags = np.where(usable, data.lags, 0)
        return guarded(after_lags(full, lags=lags, horizon=horizon), data=data)

    def _paths(self, data: ModelInput, *, reach: int, seed: int) -> Floats:
        frame = _frame(data)
        with _quiet():
            if self._network is None or self._reach != reach:
                self._network, self._reach = _train(frame, reach=reach, seed=seed), reach
            found = self._network.predict(df=frame)
        return found.sort("unique_id", "ds")["NHITS"].to_numpy().reshape(-1, reach).astype(np.float64)


def _window(reach: int) -> int:
    return 2 * reach


def _usable(data: ModelInput, *, reach: int) -> Flags:
    long_enough = data.observed >= _window(reach) + reach
    return np.asarray(long_enough & (data.lags <= LAG_ROOM))


def _frame(data: ModelInput) -> pl.DataFrame:
    """`unique_id`, `ds`, `y` with gaps filled by straight lines on the modelling scale."""
    rows = [filled(row) for row in data.values]
    frames = [
        pl.DataFrame({"unique_id": i, "ds": np.arange(1, y.size + 1), "y": y}) for i, y in enumerate(rows)
    ]
    return pl.concat(frames)


def _train(frame: pl.DataFrame, *, reach: int, seed: int) -> Any:
    from neuralforecast import NeuralForecast
    from neuralforecast.models import NHITS

    model = NHITS(
        h=reach, input_size=_window(reach), max_steps=STEPS, scaler_type="robust", mlp_units=[[64, 64]] * 3,
        batch_size=32, windows_batch_size=256, random_seed=seed % 2**31, accelerator="cpu", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    network = NeuralForecast(models=[model], freq=1)
    network.fit(df=frame)
    return network


@contextmanager
def _quiet() -> Iterator[None]:
    """One torch thread, the global random state put back, and the trainer's chatter off."""
    import torch

    threads, levels = torch.get_num_threads(), {name: logging.getLogger(name).level for name in CHATTY}
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        _ignore_known()
        _set_levels(dict.fromkeys(CHATTY, logging.ERROR))
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            _set_levels(levels)


def _set_levels(levels: dict[str, int]) -> None:
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _ignore_known() -> None:
    warnings.filterwarnings("ignore", message=r".*isinstance\(treespec, LeafSpec\)", category=Warning)
    warnings.filterwarnings("ignore", message=".*does not have many workers", category=UserWarning)
