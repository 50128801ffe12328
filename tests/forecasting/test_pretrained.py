"""Chronos models from folders: tiny ones with random weights and the real layout, through the real loading path."""

from __future__ import annotations

import datetime as dt
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from forecasting_worlds import START, file_series

from forecasting.calibrate import one_step_sd
from forecasting.files import backtest_file
from forecasting.models import ModelInput, create, create_all
from forecasting.tasks import read_tasks
from warehouse.errors import ConfigError

FAMILY = ("t5", "bolt", "two")
LAYERS = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2, "initializer_factor": 0.05}
DECILES = [level / 10 for level in range(1, 10)]
PATCHES = {"context_length": 64, "input_patch_size": 8, "input_patch_stride": 8, "quantiles": DECILES}


def _t5() -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(**LAYERS, vocab_size=64, pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
    config.chronos_config = {
        "tokenizer_class": "MeanScaleUniformBins", "tokenizer_kwargs": {"low_limit": -5.0, "high_limit": 5.0},
        "context_length": 64, "prediction_length": 8, "n_tokens": 64, "n_special_tokens": 2, "pad_token_id": 0,
        "eos_token_id": 1, "use_eos_token": True, "model_type": "seq2seq", "num_samples": 5, "temperature": 1.0,
        "top_k": 50, "top_p": 1.0,
    }  # fmt: skip
    return T5ForConditionalGeneration(config)


def _bolt() -> Any:
    from chronos.chronos_bolt import ChronosBoltModelForForecasting
    from transformers import T5Config

    config = T5Config(**LAYERS, vocab_size=2, pad_token_id=0, decoder_start_token_id=0)
    config.chronos_pipeline_class = "ChronosBoltPipeline"
    config.chronos_config = PATCHES | {"prediction_length": 8, "use_reg_token": True}
    return ChronosBoltModelForForecasting(config)


def _two() -> Any:
    from chronos.chronos2 import Chronos2CoreConfig, Chronos2Model

    patches = PATCHES | {"output_patch_size": 8, "max_output_patches": 2, "use_reg_token": True}
    return Chronos2Model(
        Chronos2CoreConfig(**LAYERS, chronos_pipeline_class="Chronos2Pipeline", chronos_config=patches)
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    import torch

    made = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        for kind, make in zip(FAMILY, (_t5, _bolt, _two), strict=True):
            made[kind] = tmp_path_factory.mktemp("models") / f"Tiny.{kind}"
            make().save_pretrained(made[kind])
    return made


def _input(values: np.ndarray) -> ModelInput:
    ids = tuple(f"s{i}" for i in range(len(values)))
    sd = one_step_sd(values, noise=np.zeros(len(values)))
    return ModelInput(ids=ids, values=values, sd=sd, sampling=np.zeros_like(values))


def _values(series: int = 3, periods: int = 80) -> np.ndarray:
    return np.random.default_rng(5).normal(-3.0, 0.2, (series, periods))


@pytest.mark.parametrize("kind", FAMILY)
def test_a_model_from_a_folder_forecasts_every_series_and_repeats(
    kind: str, folders: dict[str, Path]
) -> None:
    data = _input(_values())
    first, second = (
        create(f"chronos:{folders[kind]}").fit_predict(data, horizon=20, frequency="day", seed=1)
        for _ in range(2)
    )
    assert first.points.shape == (3, 20)
    assert not first.fallback.any()
    assert np.array_equal(first.points, second.points)


@pytest.mark.parametrize("kind", FAMILY)
def test_gaps_late_ends_and_short_series_are_handled(kind: str, folders: dict[str, Path]) -> None:
    values = _values()
    values[0, 20:25] = np.nan
    values[1, -3:] = np.nan
    values[2, :-6] = np.nan
    found = create(f"chronos:{folders[kind]}").fit_predict(
        _input(values), horizon=4, frequency="week", seed=1
    )
    assert found.fallback.tolist() == [False, False, True]
    assert found.points[2].tolist() == [values[2, -1]] * 4
    assert np.isfinite(found.points).all()


def test_the_random_state_of_others_is_left_alone(folders: dict[str, Path]) -> None:
    import torch

    before = torch.random.get_rng_state()
    create(f"chronos:{folders['t5']}").fit_predict(_input(_values()), horizon=3, frequency="day", seed=1)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_series_is_forecast_around_its_own_level_in_its_own_unit(folders: dict[str, Path]) -> None:
    values = _values(series=1)
    model = create(f"chronos:{folders['bolt']}")
    plain = model.fit_predict(_input(values), horizon=3, frequency="day", seed=1).points
    other = model.fit_predict(_input(100.0 + 10.0 * values), horizon=3, frequency="day", seed=1).points
    assert other == pytest.approx(100.0 + 10.0 * plain, rel=1e-5)


@pytest.mark.parametrize("kind", FAMILY)
def test_nothing_after_the_as_of_date_matters(kind: str, folders: dict[str, Path]) -> None:
    series = file_series(series=2, days=100)
    cut = START + dt.timedelta(days=89)
    noise = pl.Series(np.random.default_rng(1).uniform(0, 1, series.height))
    noisy = series.with_columns(value=pl.when(pl.col("time_value") > cut).then(noise).otherwise("value"))
    plan = replace(
        read_tasks()["daily_7"], horizon=4, every=4, part=0.1, models=(f"chronos:{folders[kind]}",)
    )
    first, second = (backtest_file(frame, plan=plan, as_of=cut).scores for frame in (series, noisy))
    assert first.equals(second)
    assert set(first["model_id"]) == {"flat_line", f"chronos_tiny_{kind}", "ensemble", "ensemble_median"}


def test_the_published_name_holds_no_path(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    assert create(f"chronos:{folders['two']}").name == "chronos_tiny_two"
    assert create(f"chronos:{folders['two']}/").name == "chronos_tiny_two"
    monkeypatch.chdir(folders["two"])
    assert create("chronos:.").name == "chronos_tiny_two"


def test_two_models_of_one_published_name_are_refused(folders: dict[str, Path]) -> None:
    names = ["flat_line", f"chronos:{folders['two']}", f"chronos:{folders['two']}/"]
    with pytest.raises(ConfigError, match="both be published as 'chronos_tiny_two'"):
        create_all(names)
    assert [model.name for model in create_all(names[:2])] == ["flat_line", "chronos_tiny_two"]


def test_a_missing_folder_or_one_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such folder, and it is no hub id"):
        create(f"chronos:{tmp_path / 'nowhere'}")
    with pytest.raises(ConfigError, match="no such folder, and it is no hub id"):
        create("chronos:")
    with pytest.raises(ConfigError, match=r"holds no config\.json"):
        create(f"chronos:{tmp_path}")


@pytest.mark.parametrize("config", ["{", "{}", '{"model_type": "t5"}'])
def test_a_folder_with_another_model_is_refused_when_it_is_loaded(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"cannot be loaded .* Expected the config\.json"):
        create(f"chronos:{tmp_path}").fit_predict(_input(_values()), horizon=3, frequency="day", seed=1)


@pytest.mark.parametrize("weights", [None, b"", b"no weights"])
def test_a_folder_without_whole_weights_is_refused_when_it_is_loaded(
    weights: bytes | None, tmp_path: Path, folders: dict[str, Path]
) -> None:
    (tmp_path / "config.json").write_bytes((folders["bolt"] / "config.json").read_bytes())
    if weights is not None:
        (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(ConfigError, match="cannot be loaded"):
        create(f"chronos:{tmp_path}").fit_predict(_input(_values()), horizon=3, frequency="day", seed=1)


def test_a_hub_id_that_is_not_here_is_refused_while_the_hub_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "is_offline_mode", lambda: True)
    with pytest.raises(ConfigError, match=r"not in the local cache.*HF_HUB_OFFLINE=0"):
        create("chronos:nobody/no-such-model")


def test_without_the_package_the_message_says_how_to_install_it(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'affectcast\[pretrained\]'"):
        create(f"chronos:{folders['t5']}")
