"""Small networks, each trained once for all series together, through neuralforecast.

A network is trained at the first origin that it meets and only predicts at later ones, so a backtest never trains on
what it is judged on. Not for intervals (`calibrate.py` learns them from past errors), nor for networks that were
trained elsewhere (`pretrained.py`).
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import polars as pl

from forecasting.matrix import Flags, Floats, Frequency
from forecasting.models.base import ModelInput, ModelOutput, after_lags, filled, guarded

STEPS = 150
# Nothing is validated, but another number changes what is learnt.
CHECK = 100
LAG_ROOM = 7
WEEK = 7
CHATTY = (
    "pytorch_lightning.utilities.rank_zero",
    "lightning.pytorch.utilities.rank_zero",
    "lightning_fabric.utilities.seed",
    "lightning.fabric.utilities.seed",
)
Make = Callable[..., Any]


class Neural:
    """Holds its trained network; make a new one to train again.

    `make` builds it from the keywords that all share; `windows`: it reads so many times the periods that it forecasts.
    """

    def __init__(self, name: str, make: Make, *, windows: int = 2) -> None:
        self.name = name
        self._make = make
        self._windows = windows
        self._network: Any = None
        self._reach = 0

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        """Forecast; series that are too short or end too long before the origin get a marked flat line."""
        reach = horizon + LAG_ROOM
        usable = _usable(data, least=(self._windows + 1) * reach)
        full = np.full((len(data.ids), reach), np.nan)
        if usable.any():
            full[usable] = self._paths(data.rows(np.flatnonzero(usable)), reach=reach, seed=seed)
        lags = np.where(usable, data.lags, 0)
        return guarded(after_lags(full, lags=lags, horizon=horizon), data=data)

    def _paths(self, data: ModelInput, *, reach: int, seed: int) -> Floats:
        frame = _frame(data)
        with _quiet():
            if self._network is None or self._reach != reach:
                self._network, self._reach = self._trained(frame, reach=reach, seed=seed), reach
            found = self._network.predict(df=frame)
        return found.sort("unique_id", "ds")[self.name].to_numpy().reshape(-1, reach).astype(np.float64)

    def _trained(self, frame: pl.DataFrame, *, reach: int, seed: int) -> Any:
        from neuralforecast import NeuralForecast

        model = self._make(
            h=reach, input_size=self._windows * reach, alias=self.name, random_seed=seed % 2**31, accelerator="cpu",
            batch_size=32, windows_batch_size=256, logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, max_steps=STEPS, val_check_steps=min(STEPS, CHECK),
        )  # fmt: skip
        network = NeuralForecast(models=[model], freq=1)
        network.fit(df=frame)
        return network


def nhits() -> Neural:
    """N-HiTS: layers that each explain the series at another resolution (Challu et al. 2023, AAAI)."""
    return Neural("nhits", _nhits)


def gru() -> Neural:
    """A gated recurrent network that gives all horizons at once (Cho et al. 2014, EMNLP; direct forecasts as in Wen et
    al. 2017, NeurIPS time series workshop)."""
    return Neural("gru", _gru)


def patch_tst() -> Neural:
    """Attention between weeks of the series: PatchTST (Nie et al. 2023, ICLR)."""
    return Neural("patch_tst", _patch_tst, windows=4)


def _nhits(**shared: Any) -> Any:
    from neuralforecast.models import NHITS

    return NHITS(scaler_type="robust", mlp_units=[[64, 64]] * 3, **shared)


def _gru(**shared: Any) -> Any:
    from neuralforecast.models import GRU

    return GRU(
        learning_rate=3e-3, scaler_type="standard", encoder_n_layers=1, encoder_hidden_size=32,
        decoder_hidden_size=32, recurrent=False, **shared,
    )  # fmt: skip


def _patch_tst(**shared: Any) -> Any:
    from neuralforecast.models import PatchTST

    return PatchTST(
        learning_rate=1e-3, encoder_layers=2, n_heads=4, hidden_size=32, linear_hidden_size=64,
        patch_len=WEEK, stride=WEEK, **shared,
    )  # fmt: skip


def _usable(data: ModelInput, *, least: int) -> Flags:
    return np.asarray((data.observed >= least) & (data.lags <= LAG_ROOM))


def _frame(data: ModelInput) -> pl.DataFrame:
    """`unique_id`, `ds`, `y` with gaps filled by straight lines on the modelling scale."""
    rows = [filled(row) for row in data.values]
    frames = [
        pl.DataFrame({"unique_id": i, "ds": np.arange(1, y.size + 1), "y": y}) for i, y in enumerate(rows)
    ]
    return pl.concat(frames)


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
