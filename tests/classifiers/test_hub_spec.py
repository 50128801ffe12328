"""The catalogue and the configuration of users' own models."""

import re

import pytest

from classifiers.hub.score import catalogue_rows
from classifiers.hub.spec import catalogued_specs, hub_names, hub_spec
from classifiers.taxonomy import MEASURES
from warehouse.config import ModelConfig, parse_config
from warehouse.errors import ConfigError

PUBLISHED = {
    "LEIA/LEIA-base",
    "LEIA/LEIA-large",
    "LEIA/LEIA-multilingual",
    "mental/mental-bert-base-uncased",
    "mental/mental-roberta-base",
    "zwzzz/Chinese-MentalBERT",
    "cardiffnlp/twitter-roberta-base-emotion",
    "cardiffnlp/twitter-roberta-base-emotion-multilabel-latest",
    "pysentimiento/robertuito-emotion-analysis",
    "SamLowe/roberta-base-go_emotions",
    "monologg/bert-base-cased-goemotions-original",
    "j-hartmann/emotion-english-distilroberta-base",
}


def test_the_catalogue_has_the_models_of_the_field_under_legal_names() -> None:
    specs = catalogued_specs()
    assert {spec.source for spec in specs.values()} == PUBLISHED
    for name, spec in specs.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert name not in MEASURES
        assert spec.languages
        assert spec.licence
        assert spec.citation
        assert spec.head == bool(spec.documented)
    assert len(catalogue_rows()) == len(PUBLISHED)


def test_names_to_score_with_leave_out_encoders_and_add_the_users_own() -> None:
    names = hub_names([ModelConfig(name="mine", source="models/mine")])
    assert "mine" in names
    assert "leia_base" in names
    assert "mental_bert" not in names


def test_an_entry_without_a_source_completes_the_catalogue() -> None:
    own = ModelConfig(name="leia_base", revision="abc123", allow_pickle=True)
    spec = hub_spec("leia_base", [own])
    assert (spec.source, spec.revision, spec.allow_pickle) == ("LEIA/LEIA-base", "abc123", True)
    assert spec.documented == catalogued_specs()["leia_base"].documented


def test_an_entry_with_a_source_owes_nothing_to_the_catalogue() -> None:
    spec = hub_spec("leia_base", [ModelConfig(name="leia_base", source="me/other", languages=("es",))])
    assert (spec.source, spec.documented, spec.languages, spec.licence) == (
        "me/other",
        (),
        ("es",),
        "unknown",
    )


def test_unknown_names_and_missing_sources_are_refused() -> None:
    with pytest.raises(ConfigError, match="leia_base"):
        hub_spec("leia")
    with pytest.raises(ConfigError, match="source is missing"):
        hub_spec("mine", [ModelConfig(name="mine")])


def test_the_configuration_takes_models_and_names_the_nearest_key() -> None:
    model = {"name": "mine", "source": "models/mine", "languages": ["en"], "labels": {"LABEL_0": "anger"}}
    config = parse_config({"score": {"models": [model]}}, where="test")
    assert config.score.models[0].labels == {"LABEL_0": "anger"}
    with pytest.raises(ConfigError, match="allow_pickle"):
        parse_config({"score": {"models": [model | {"allow_pickles": True}]}}, where="test")
    with pytest.raises(ConfigError, match="same name"):
        parse_config({"score": {"models": [model, model]}}, where="test")
