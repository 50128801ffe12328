"""Which scorer a name means, and what is said where it means none."""

from __future__ import annotations

import pytest

from flows.scorers import make_scorer
from warehouse.config import Config, ModelConfig, ScoreConfig
from warehouse.errors import ConfigError, MissingModelError


def with_model(name: str) -> Config:
    return Config(score=ScoreConfig(models=(ModelConfig(name=name, source="./nowhere"),)))


@pytest.mark.parametrize("name", ["emotion", "mental_health_fast", "lexicon"])
def test_a_model_may_not_take_the_name_of_a_scorer_there_is(name: str) -> None:
    with pytest.raises(ConfigError, match="Choose another"):
        make_scorer(name, config=with_model(name))


def test_a_model_of_ones_own_is_looked_for_where_it_is_said_to_be() -> None:
    with pytest.raises(MissingModelError, match="no such folder"):
        make_scorer("mine", config=with_model("mine"))


def test_a_name_with_a_slash_is_a_folder_or_a_hub_id() -> None:
    with pytest.raises(MissingModelError, match="no such folder"):
        make_scorer("./nowhere")


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ConfigError, match=r"There are: .*emotion.*published models: .*leia_base"):
        make_scorer("emotoin")
