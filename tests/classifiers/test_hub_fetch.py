"""Finding and fetching: every answer of the hub becomes a next step, and scoring never goes online."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx2
import pytest
from huggingface_hub import errors as hub

from classifiers.hub.find import fetch, is_hub_id, model_folder
from classifiers.hub.load import find_model
from classifiers.hub.spec import HubSpec, catalogued_specs
from tests.classifiers import tiny_models as tiny
from warehouse.errors import MissingModelError

LEIA = catalogued_specs()["leia_base"]
GATED = catalogued_specs()["mental_bert"]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache in an empty folder."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


def answer(error: type[hub.HfHubHTTPError], status: int) -> hub.HfHubHTTPError:
    request = httpx2.Request("GET", "https://huggingface.co/api")
    return error("the hub's own words", response=httpx2.Response(status, request=request))


def refusal(spec: HubSpec, problem: Exception) -> str:
    with (
        patch("huggingface_hub.list_repo_files", side_effect=problem),
        pytest.raises(MissingModelError) as caught,
    ):
        fetch(spec)
    return caught.value.message


def place(cache: Path, spec: HubSpec, build: Any) -> Path:
    """A model in the cache as the hub's client lays it out."""
    repository = cache / f"models--{spec.source.replace('/', '--')}"
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    reference = repository / "refs" / spec.revision
    reference.parent.mkdir(parents=True)
    reference.write_text("a" * 40, encoding="utf-8")
    return Path(build(snapshot))


def test_a_model_that_is_not_here_names_the_command_that_brings_it() -> None:
    with pytest.raises(MissingModelError, match="HF_HUB_OFFLINE=0 affectcast models --fetch leia_base"):
        model_folder(LEIA)


def test_a_gated_model_that_is_not_here_says_how_to_get_access() -> None:
    with pytest.raises(
        MissingModelError, match=r"huggingface.co/mental/mental-bert-base-uncased.*hf auth login"
    ):
        model_folder(GATED)


def test_a_gated_encoder_says_that_a_head_has_to_be_trained() -> None:
    with pytest.raises(MissingModelError, match=r"gated.*affectcast train"):
        find_model(GATED)


def test_a_cached_model_is_found_offline_by_its_revision(empty_cache: Path) -> None:
    folder = place(empty_cache, LEIA, tiny.bertweet)
    assert model_folder(LEIA) == folder
    found = find_model(LEIA)
    assert found.head.measures == ("anger", "fear", "joy", "sadness", "affection")
    with pytest.raises(MissingModelError, match="at v9 is not in the local cache"):
        model_folder(HubSpec(name="leia_base", source=LEIA.source, revision="v9"))


def test_fetching_offline_says_how_to_go_online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingModelError, match="HF_HUB_OFFLINE=0"):
        fetch(LEIA)


@pytest.mark.usefixtures("online")
@pytest.mark.parametrize(
    ("spec", "problem", "said"),
    [
        (GATED, answer(hub.GatedRepoError, 403), "accept the conditions"),
        (GATED, answer(hub.GatedRepoError, 401), "hf auth login"),
        (GATED, answer(hub.HfHubHTTPError, 401), "accept the conditions"),
        (LEIA, answer(hub.RepositoryNotFoundError, 401), "no such model"),
        (LEIA, answer(hub.RepositoryNotFoundError, 404), "no such model"),
        (LEIA, answer(hub.RevisionNotFoundError, 404), "no revision 'main'"),
        (LEIA, answer(hub.HfHubHTTPError, 503), "Try again later"),
        (LEIA, hub.LocalEntryNotFoundError("x"), "did not finish"),
        (LEIA, ConnectionError("x"), "did not finish"),
    ],
    ids=lambda value: getattr(value, "name", None) or type(value).__name__,
)
def test_every_answer_of_the_hub_becomes_a_next_step(spec: HubSpec, problem: Exception, said: str) -> None:
    message = refusal(spec, problem)
    assert said in message
    assert "own words" not in message


@pytest.mark.usefixtures("online")
def test_pickled_weights_are_not_even_downloaded() -> None:
    with (
        patch("huggingface_hub.list_repo_files", return_value=["config.json", "pytorch_model.bin"]),
        patch("huggingface_hub.snapshot_download") as download,
        pytest.raises(MissingModelError, match="allow_pickle"),
    ):
        fetch(LEIA)
    download.assert_not_called()


@pytest.mark.usefixtures("online")
def test_the_pinned_revision_is_fetched_without_foreign_formats(tmp_path: Path) -> None:
    spec = HubSpec(name="mine", source="me/mine", revision="abc")
    with (
        patch(
            "huggingface_hub.list_repo_files",
            return_value=["config.json", "model.safetensors", "tf_model.h5"],
        ) as listed,
        patch("huggingface_hub.snapshot_download", return_value=str(tmp_path)) as download,
    ):
        assert fetch(spec) == tmp_path
    assert listed.call_args.kwargs["revision"] == download.call_args.kwargs["revision"] == "abc"
    assert not any(
        "bin" in pattern or "h5" in pattern for pattern in download.call_args.kwargs["allow_patterns"]
    )


@pytest.mark.parametrize(
    ("source", "hub_id"),
    [
        ("LEIA/LEIA-base", True),
        ("./a/b", False),
        ("/a/b", False),
        ("~/a", False),
        ("a/b/c", False),
        ("a", False),
    ],
)
def test_a_source_is_a_hub_id_only_if_it_looks_like_one(source: str, hub_id: bool) -> None:
    assert is_hub_id(source) == hub_id


def test_a_folder_comes_before_a_hub_id_of_the_same_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "models" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert not is_hub_id("models/mine")
