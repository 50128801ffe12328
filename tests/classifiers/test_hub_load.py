"""Loading from a folder: every published architecture, and everything that would give wrong numbers is refused."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from classifiers.hub.load import find_model, load_model, load_tokenizer
from classifiers.hub.score import HubScorer
from classifiers.hub.tokens import HubTokeniser, window_size
from tests.classifiers import tiny_models as tiny
from warehouse.errors import AffectcastError, ConfigError, MissingModelError

KINDS: dict[str, Callable[[Path], Path]] = {
    "bertweet": tiny.bertweet,
    "roberta": tiny.roberta,
    "xlm_roberta": tiny.xlm_roberta,
    "bert": lambda folder: tiny.bert(folder, labels=tiny.HARTMANN),
    "chinese_bert": lambda folder: tiny.bert(folder, labels=tiny.HARTMANN, alphabet=tiny.CHINESE),
}


@pytest.fixture(scope="session")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model of each kind."""
    root = tmp_path_factory.mktemp("zoo")
    for name, build in KINDS.items():
        build(root / name)
    return root


@pytest.fixture
def model(zoo: Path, tmp_path: Path) -> Path:
    """A BERTweet model of one's own, to be damaged."""
    return Path(shutil.copytree(zoo / "bertweet", tmp_path / "model"))


def posts(texts: list[str | None], lang: str = "en") -> pl.DataFrame:
    return pl.DataFrame(
        {"text": texts, "lang": [lang] * len(texts)}, schema={"text": pl.String, "lang": pl.String}
    )


def scorer(folder: Path, **more: Any) -> HubScorer:
    return HubScorer(tiny.spec(folder, **more), threads=1, runtime="torch")


def refusal(folder: Path, **more: Any) -> str:
    """The message with which a model is refused, at the latest with its first post."""
    with pytest.raises(AffectcastError) as caught:
        scorer(folder, **more).score(posts(["a fine day"]))
    message = caught.value.message
    assert "mine" in message
    assert "a fine day" not in message
    return message


@pytest.mark.parametrize("kind", KINDS)
def test_every_architecture_scores_posts_of_any_length(zoo: Path, kind: str) -> None:
    found = scorer(zoo / kind).score(
        posts(["ok", "今天很开心", "x" * 900, "a b " * 2_000, "😂", "", None, "<mask> [MASK]"])
    )
    assert found["missing"].to_list() == [0, 0, 0, 0, 0, 5, 5, 0]
    measures = scorer(zoo / kind).measures
    assert found.filter(pl.col("missing") == 0).select(measures).null_count().sum_horizontal()[0] == 0
    assert found.select(pl.col(measures).is_between(0, 1).all()).row(0) == (True,) * len(measures)


@pytest.mark.parametrize(
    ("kind", "window"), [("bertweet", 128), ("xlm_roberta", 128), ("roberta", 512), ("bert", 512)]
)
def test_a_window_has_as_many_tokens_as_the_model_has_positions_for(
    zoo: Path, kind: str, window: int
) -> None:
    found = find_model(tiny.spec(zoo / kind))
    assert window_size(found, load_tokenizer(found)) == window


def test_a_window_asked_for_is_kept_within_what_the_model_can(zoo: Path) -> None:
    for asked, given in ((64, 64), (100, 96), (4_000, 128), (3, 8)):
        found = find_model(tiny.spec(zoo / "bertweet", max_tokens=asked))
        assert window_size(found, load_tokenizer(found)) == given


def test_odd_numbers_of_positions_never_overflow(tmp_path: Path) -> None:
    folder = tiny.roberta(tmp_path / "odd", positions=103)
    found = scorer(folder).score(posts([f"{'word ' * n}" for n in range(1, 60)]))
    assert set(found["missing"]) == {0}


@pytest.mark.parametrize("kind", ["bertweet", "roberta", "bert", "xlm_roberta"])
def test_windows_hold_every_token_once_between_special_ones(zoo: Path, kind: str) -> None:
    found = find_model(tiny.spec(zoo / kind))
    tokenizer = load_tokenizer(found)
    texts = ["a", "", "some words " * 3, "many more words " * 40]
    whole = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    first, last = tokenizer.encode("a")[0], tokenizer.encode("a")[-1]
    windows = HubTokeniser(tokenizer, window=24, max_windows=1_000).windows(texts)
    ends = [*windows.starts[1:], len(windows.ids)]
    for ids, start, end in zip(whole, windows.starts, ends, strict=True):
        parts = windows.ids[start:end]
        assert all(len(part) <= 24 and part[0] == first and part[-1] == last for part in parts)
        assert [i for part in parts for i in part[1:-1]] == ids
    assert windows.n_tokens.tolist() == [len(ids) for ids in whole]


def test_a_slow_tokeniser_is_cut_by_hand_to_the_first_windows(zoo: Path) -> None:
    tokenizer = load_tokenizer(find_model(tiny.spec(zoo / "bertweet")))
    assert not tokenizer.is_fast
    windows = HubTokeniser(tokenizer, window=16, max_windows=3).windows(["word " * 100])
    assert len(windows.ids) == 3
    assert windows.n_tokens.tolist() == [3 * 14]


def test_labels_are_found_by_name_whatever_their_order(tmp_path: Path) -> None:
    """Two models with the same weights but for the order of the rows of the head."""
    import torch
    from safetensors.torch import load_file, save_file

    documented = tiny.bertweet(tmp_path / "a")
    order = [3, 1, 4, 0, 2]
    other = Path(shutil.copytree(documented, tmp_path / "b"))
    labels = [tiny.LEIA[i] for i in order]
    tiny.edit_json(
        other / "config.json", id2label={str(i): name for i, name in enumerate(labels)}, label2id=None
    )
    weights = load_file(other / "model.safetensors")
    for name in ("classifier.out_proj.weight", "classifier.out_proj.bias"):
        weights[name] = weights[name][torch.tensor(order)].contiguous()
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    frames = [
        scorer(folder, documented=tiny.LEIA).score(posts(tiny.made_up(20))) for folder in (documented, other)
    ]
    measures = scorer(documented).measures
    differences = frames[0].select((pl.col(m) - frames[1][m]).abs().max() for m in measures)
    assert max(differences.row(0)) < 1e-3
    assert frames[0]["joy"].std() > 0.01


def test_labels_other_than_the_documented_ones_are_refused(model: Path) -> None:
    message = refusal(model, documented=("Sadness", "Joy"))
    assert "documented are Sadness, Joy" in message


def test_labels_that_are_only_numbers_are_asked_for(model: Path) -> None:
    tiny.edit_json(model / "config.json", id2label={str(i): f"LABEL_{i}" for i in range(5)}, label2id=None)
    message = refusal(model)
    assert "labels = {" in message
    own = dict(zip((f"LABEL_{i}" for i in range(5)), ("anger", "joy", "", "fear", "calm"), strict=True))
    assert scorer(model, labels=own).measures == ("anger", "fear", "joy", "calm")


def test_a_configuration_without_labels_is_asked_for_them(model: Path) -> None:
    tiny.edit_json(model / "config.json", id2label=None, label2id=None)
    assert "labels = {" in refusal(model)


def test_unknown_labels_become_measures_of_their_own(model: Path) -> None:
    labels = ("Very Calm", "Anger", "rage-quit", "fear", "boredom")
    tiny.edit_json(
        model / "config.json", id2label={str(i): name for i, name in enumerate(labels)}, label2id=None
    )
    assert scorer(model).measures == ("anger", "fear", "boredom", "rage_quit", "very_calm")


def test_languages_must_be_said(model: Path) -> None:
    with pytest.raises(ConfigError, match="languages"):
        HubScorer(tiny.spec(model, languages=()))


def test_weights_that_were_cut_short_are_refused(model: Path) -> None:
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1_000])
    assert "damaged or incomplete" in refusal(model)
    weights.write_bytes(b"")
    assert "damaged or incomplete" in refusal(model)


def test_weights_that_are_missing_are_refused(model: Path) -> None:
    (model / "model.safetensors").unlink()
    assert "no weights" in refusal(model)


def test_weights_of_another_shape_are_refused(model: Path) -> None:
    tiny.edit_json(model / "config.json", hidden_size=64)
    assert "fetch or copy it again" in refusal(model)


def test_a_layer_that_is_missing_from_the_weights_is_refused(model: Path) -> None:
    tiny.edit_json(model / "config.json", num_hidden_layers=3)
    assert "missing from the weights" in refusal(model)


def test_pickled_weights_are_refused_unless_allowed(model: Path) -> None:
    import torch
    from safetensors.torch import load_file

    expected = scorer(model).score(posts(["a fine day"]))
    torch.save(load_file(model / "model.safetensors"), model / "pytorch_model.bin")
    (model / "model.safetensors").unlink()
    assert "allow_pickle = true" in refusal(model)
    allowed = scorer(model, allow_pickle=True).score(posts(["a fine day"]))
    assert allowed["anger"].to_list() == pytest.approx(expected["anger"].to_list(), abs=1e-3)


def test_an_encoder_without_a_head_is_never_scored_with_a_random_one(model: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(model / "model.safetensors")
    bare = {name: value for name, value in weights.items() if not name.startswith("classifier")}
    save_file(bare, model / "model.safetensors", metadata={"format": "pt"})
    assert "affectcast train" in refusal(model)
    tiny.edit_json(model / "config.json", architectures=["RobertaForMaskedLM"])
    assert "affectcast train" in refusal(model)


def test_an_authors_own_class_over_an_ordinary_head_is_read(zoo: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(zoo / "bert", tmp_path / "model"))
    tiny.edit_json(folder / "config.json", architectures=["BertForMultiLabelClassification"])
    assert scorer(folder, activation="sigmoid").score(posts(["ok"]))["missing"].to_list() == [0]


def test_code_that_comes_with_a_model_never_runs_unasked(model: Path) -> None:
    tiny.edit_json(
        model / "config.json",
        model_type="homemade",
        auto_map={"AutoConfig": "code.Config", "AutoModel": "code.Model"},
    )
    (model / "code.py").write_text("raise SystemExit('ran')\n", encoding="utf-8")
    assert "trust_remote_code = true" in refusal(model)


def test_an_unknown_kind_of_model_is_refused(model: Path) -> None:
    tiny.edit_json(model / "config.json", model_type="homemade")
    assert "cannot be read" in refusal(model)


def test_a_folder_that_is_no_model_is_refused(model: Path, tmp_path: Path) -> None:
    assert "no such folder" in refusal(tmp_path / "nowhere")
    (model / "config.json").unlink()
    assert "no config.json" in refusal(model)


def test_a_configuration_that_is_not_json_is_refused(model: Path) -> None:
    (model / "config.json").write_text("{", encoding="utf-8")
    assert "cannot be read as JSON" in refusal(model)


def test_a_folder_without_a_tokeniser_is_refused(model: Path) -> None:
    for name in ("vocab.txt", "bpe.codes", "tokenizer_config.json"):
        (model / name).unlink()
    assert "tokeniser" in refusal(model)


def test_a_tokeniser_of_another_model_is_refused(model: Path) -> None:
    with (model / "vocab.txt").open("a", encoding="utf-8") as file:
        file.writelines(f"extra{i} 1\n" for i in range(50))
    assert "of another model" in refusal(model)


def test_a_model_with_one_output_needs_to_be_called_a_probability(tmp_path: Path) -> None:
    folder = tiny.bert(tmp_path / "one", labels=("severity",))
    assert 'activation = "sigmoid"' in refusal(folder)
    assert scorer(folder, activation="sigmoid").measures == ("severity",)


def test_what_the_configuration_calls_multi_label_is_read_as_such(tmp_path: Path) -> None:
    folder = tiny.bert(tmp_path / "multi", labels=tiny.HARTMANN, problem_type="multi_label_classification")
    assert find_model(tiny.spec(folder)).head.groups[0].activation == "sigmoid"
    assert load_model(find_model(tiny.spec(folder))).config.num_labels == 7


@pytest.mark.parametrize("kind", KINDS)
def test_text_in_an_odd_script_or_none_at_all_is_read(zoo: Path, kind: str) -> None:
    found = scorer(zoo / kind).score(
        posts(["\u0627\u0644", "\x00\x01", "🏳️‍🌈", "]]>", "</s></s>", "a\u0301" * 50])
    )
    assert found["missing"].to_list() == [0, 5, 0, 0, 0, 0]


def test_a_model_that_may_not_be_used_says_so_without_reading_weights(model: Path) -> None:
    with pytest.raises(MissingModelError, match="affectcast train"):
        find_model(tiny.spec(model, head=False))
