"""Published models on Ray: only in a form that every worker takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import tiny_models

from flows.scorers import make_scorer, scoring_engine
from warehouse.config import Config, EngineConfig, ModelConfig, ScoreConfig
from warehouse.engine import Alone
from warehouse.errors import ConfigError


def config(folder: Path, **form: Any) -> Config:
    tiny_models.roberta(folder / "mine")
    model = ModelConfig(name="mine", source=str(folder / "mine"), languages=("en",), **form)
    return Config(engine=EngineConfig(kind="ray"), score=ScoreConfig(models=(model,), threads=1))


@pytest.mark.parametrize(
    "form", [{}, {"device": "cpu"}, {"device": "cpu", "precision": "int8"}, {"precision": "fp32"}]
)
def test_a_form_that_each_worker_would_settle_by_itself_is_refused(
    tmp_path: Path, form: dict[str, str]
) -> None:
    settings = config(tmp_path, **form)
    scorer = make_scorer("mine", config=settings)
    with pytest.raises(ConfigError, match="Set device"), scoring_engine([scorer], config=settings):
        pass


@pytest.mark.slow
def test_a_model_says_the_same_on_ray(tmp_path: Path) -> None:
    settings = config(tmp_path, device="cpu", precision="fp32")
    scorer = make_scorer("mine", config=settings)
    posts = pl.DataFrame({"text": [f"what a day {i}" for i in range(60)], "lang": ["en"] * 60})
    chunks = [(posts.slice(start, 20),) for start in (0, 20, 40)]
    with scoring_engine([scorer], config=settings) as engine:
        there = [scores for _, _, scores in engine.score(chunks, n_rounds=3, scorers=[scorer])]
    fresh = make_scorer("mine", config=settings)
    here = [scores for _, _, scores in Alone().score(chunks, n_rounds=3, scorers=[fresh])]
    assert pl.concat(there).equals(pl.concat(here))
    assert pl.concat(here)["missing"].sum() == 0


@pytest.mark.slow
def test_model_files_that_a_worker_lacks_are_named(tmp_path: Path) -> None:
    """They are gone once the scorer is made, as on a machine that never had them."""
    from warehouse.errors import MissingModelError

    settings = config(tmp_path, device="cpu", precision="fp32")
    scorer = make_scorer("mine", config=settings)
    (tmp_path / "mine").rename(tmp_path / "elsewhere")
    posts = pl.DataFrame({"text": ["what a day"], "lang": ["en"]})
    with (
        scoring_engine([scorer], config=settings) as engine,
        pytest.raises(
            MissingModelError, match="Every machine of the cluster needs the models at the same place"
        ),
    ):
        list(engine.score([(posts,)], n_rounds=1, scorers=[scorer]))
