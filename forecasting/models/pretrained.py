"""Networks that others trained on many series: the Chronos family (Ansari et al. 2024, Transactions on Machine Learning
Research), from a folder or a hub id, through the optional package `chronos-forecasting`.

Nothing is trained here, and no code that comes with a model is run. Not for intervals: `calibrate.py` learns them from
past errors. Whether such a model has seen a series before is not known; its scores on old public series may flatter it.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from forecasting.matrix import Floats, Frequency
from forecasting.models.base import ModelInput, ModelOutput, after_lags, filled, guarded
from warehouse.errors import ConfigError

PREFIX = "chronos:"
CONTEXT, BATCH, MINIMUM = 512, 64, 7
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
CHATTY = ("chronos.chronos", "chronos.chronos_bolt", "chronos.chronos2.pipeline")


class Pretrained:
    """A Chronos, Chronos-Bolt or Chronos-2 model, loaded when it is first asked.

    `source` is a folder with `config.json` and weights, or a hub id `owner/name`. Points are medians. `ConfigError`
    where the package or the model is absent.
    """

    def __init__(self, source: str) -> None:
        _check_package()
        self._source, self._local = _located(source)
        self.name = _name(self._source)
        self._pipeline: Any = None

    def fit_predict(self, data: ModelInput, *, horizon: int, frequency: Frequency, seed: int) -> ModelOutput:
        """Forecast; series with fewer than seven observations get a marked flat line."""
        steps = horizon + int(data.lags.max(initial=0))
        paths = np.full((len(data.ids), steps), np.nan)
        usable = np.flatnonzero(data.observed >= MINIMUM)
        with _quiet(seed):
            if self._pipeline is None and usable.size:
                self._pipeline = _load(self._source, local=self._local)
            for start in range(0, usable.size, BATCH):
                batch = usable[start : start + BATCH]
                paths[batch] = self._medians(data.values[batch], steps=steps)
        return guarded(after_lags(paths, lags=data.lags, horizon=horizon), data=data)

    def _medians(self, values: Floats, *, steps: int) -> Floats:
        """[series, steps] after each last observation.

        Each series is moved to mean 0 and deviation 1 first: the first Chronos knows only steps of a fixed share of the
        mean size, in which a share far from one half hardly moves.
        """
        import torch

        rows = [filled(row)[-CONTEXT:] for row in values]
        mean = np.array([row.mean() for row in rows])
        unit = np.array([row.std() or 1.0 for row in rows])
        inputs = [
            torch.tensor((row - m) / u, dtype=torch.float32)
            for row, m, u in zip(rows, mean, unit, strict=True)
        ]
        found, _ = self._pipeline.predict_quantiles(inputs, prediction_length=steps, quantile_levels=[0.5])
        medians = np.stack([np.asarray(each, dtype=np.float64).reshape(steps) for each in found])
        return medians * unit[:, None] + mean[:, None]


def _check_package() -> None:
    if importlib.util.find_spec("chronos") is None:
        raise ConfigError(
            f"models named '{PREFIX}…' need the package chronos-forecasting, which is not installed. "
            "Install it: pip install 'affectcast[pretrained]'"
        )


def _located(source: str) -> tuple[str, bool]:
    """The folder or hub id, and whether it is a folder; `ConfigError` for what cannot be either."""
    folder = Path(source).expanduser()
    if source and folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ConfigError(
                f"'{PREFIX}{source}': the folder holds no config.json. Name a folder that holds a Chronos model's "
                "config.json and model.safetensors."
            )
        return str(folder.absolute()), True
    if not HUB_ID.fullmatch(source):
        raise ConfigError(
            f"'{PREFIX}{source}': there is no such folder, and it is no hub id. Name a folder that holds a Chronos "
            f"model's config.json, or owner/name, such as {PREFIX}amazon/chronos-bolt-small."
        )
    _check_hub(source)
    return source, False


def _check_hub(source: str) -> None:
    """Refuse early what would fail at the first forecast: a model that is not here, with the hub switched off."""
    from huggingface_hub import constants, try_to_load_from_cache

    if constants.is_offline_mode() and not isinstance(try_to_load_from_cache(source, "config.json"), str):
        raise ConfigError(_not_here(source))


def _not_here(source: str) -> str:
    return (
        f"'{PREFIX}{source}': no such folder, the model is not in the local cache, and the hub is switched off or "
        "cannot be reached. Download it once with a network and HF_HUB_OFFLINE=0 TRANSFORMERS_OFFLINE=0 set, or name a "
        "local folder that holds its config.json."
    )


def _name(source: str) -> str:
    """`model_id`: the last part of the source alone, so that no path of this machine is published."""
    last = re.sub(r"[^a-z0-9]+", "_", Path(source).name.lower()).strip("_")
    return f"chronos_{last or 'model'}"


def _load(source: str, *, local: bool) -> Any:
    """A folder's model is never looked for anywhere else; weights in a format that can carry code are refused."""
    import torch
    from huggingface_hub import constants
    from safetensors import SafetensorError

    told = (
        OSError,
        ValueError,
        AssertionError,
        ImportError,
        LookupError,
        TypeError,
        AttributeError,
        RuntimeError,
    )
    pipeline = importlib.import_module("chronos").BaseChronosPipeline
    try:
        return pipeline.from_pretrained(
            source,
            device_map="cpu",
            dtype=torch.float32,
            local_files_only=local or constants.is_offline_mode(),
            use_safetensors=True,
        )
    except (*told, SafetensorError) as error:
        if isinstance(error, OSError) and not local:
            raise ConfigError(_not_here(source)) from error
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ConfigError(
            f"'{PREFIX}{source}' cannot be loaded ({said}). Expected the config.json and model.safetensors of a "
            "Chronos, Chronos-Bolt or Chronos-2 model."
        ) from error


@contextmanager
def _quiet(seed: int) -> Iterator[None]:
    """One torch thread, a seeded random state that is put back, and no warnings of horizons longer than in training."""
    import torch

    threads = torch.get_num_threads()
    loggers = [importlib.import_module(name).logger for name in CHATTY]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.filterwarnings(
            "ignore", message="We recommend keeping prediction length", category=UserWarning
        )
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        torch.manual_seed(seed % 2**31)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
