"""The scorer of a published model as a user meets it: shape, missing codes, windows, cache, thresholds, groups."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest

from classifiers.backends import OutOfMemoryError
from classifiers.hub import score as hub_score
from classifiers.hub.backends import TorchBackend
from classifiers.hub.load import find_model, load_model, load_tokenizer
from classifiers.hub.score import HubScorer
from tests.classifiers import tiny_models as tiny
from warehouse.errors import ConfigError, MissingModelError

MEASURES = ("anger", "fear", "joy", "sadness", "affection")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bertweet(tmp_path_factory.mktemp("models") / "leia")


def scorer(folder: Path, *, cache_folder: Path | None = None, **more: Any) -> HubScorer:
    spec = tiny.spec(folder, **({"device": "cpu", "profile": "bertweet"} | more))
    return HubScorer(spec, threads=1, runtime="torch", cache_folder=cache_folder)


def posts(texts: list[str | None], lang: str | None = "en") -> pl.DataFrame:
    return pl.DataFrame(
        {"text": texts, "lang": [lang] * len(texts)}, schema={"text": pl.String, "lang": pl.String}
    )


def difference(a: pl.DataFrame, b: pl.DataFrame) -> float:
    return max(a.select((pl.col(m) - b[m]).abs().max() for m in MEASURES).row(0))


def test_a_scorer_has_the_shape_that_the_warehouse_wants(folder: Path) -> None:
    found = scorer(folder).score(posts(["a fine day", None]))
    fixed = {"n_tokens": pl.Int32, "n_matched": pl.Int32, "missing": pl.Int8}
    assert dict(found.schema) == dict.fromkeys(MEASURES, pl.Float32) | fixed
    assert scorer(folder).score(posts([])).schema == found.schema
    assert found["n_matched"].null_count() == 2


@pytest.mark.parametrize(
    ("text", "lang", "code"),
    [("hello", "en", 0), ("hola", "es", 1), ("hello", None, 1), (None, "en", 5), (" \n", "en", 5), ("\u200b", "en", 5)],
)  # fmt: skip
def test_missing_codes_are_those_of_every_scorer(
    folder: Path, text: str | None, lang: str | None, code: int
) -> None:
    row = scorer(folder).score(posts([text], lang)).row(0, named=True)
    assert row["missing"] == code
    assert (row["joy"] is None) == (code != 0)
    assert (row["n_tokens"] == 0) == (code != 0)


def test_a_post_alone_and_in_company_scores_the_same(folder: Path) -> None:
    texts = tiny.made_up(40)
    used = scorer(folder)
    together = used.score(posts(texts))
    alone = [scorer(folder).score(posts([text])) for text in texts[:6]]
    assert difference(together.head(6), pl.concat(alone)) < 1e-4
    assert difference(together, used.score(posts(texts[::-1])).reverse()) < 1e-4


def brute_force(folder: Path, text: str, *, pooling: str) -> np.ndarray:
    """Windows by hand, each through the model alone, then pooled; label → measure by a dictionary."""
    import torch

    from classifiers.profiles_families import PROFILES

    found = find_model(tiny.spec(folder))
    tokenizer, model = load_tokenizer(found), load_model(found)
    ids = tokenizer.encode(PROFILES["bertweet"](pl.Series([text]))[0], add_special_tokens=False)
    rows, lengths = [], []
    for first in range(0, len(ids), 126):
        window = [0, *ids[first : first + 126], 2]
        with torch.no_grad():
            rows.append(model(torch.tensor([window])).logits.softmax(-1)[0].numpy())
        lengths.append(len(window))
    probabilities = np.array(rows)
    pooled = probabilities.max(0) if pooling == "max" else np.average(probabilities, axis=0, weights=lengths)
    names = {"Anger": 0, "Fear": 1, "Happiness": 2, "Sadness": 3, "Affection": 4}
    result = np.empty(5)
    for i, label in found.config["id2label"].items():
        result[names[label]] = pooled[int(i)]
    return result


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_windows_of_long_posts_are_pooled_as_brute_force_says(folder: Path, pooling: str) -> None:
    texts = ["short one", *(f"{'a very long post indeed ' * n}{n}" for n in (6, 12, 20))]
    found = scorer(folder, pooling=pooling).score(posts(texts))
    expected = np.array([brute_force(folder, text, pooling=pooling) for text in texts])
    np.testing.assert_allclose(found.select(MEASURES).to_numpy(), expected, atol=1e-3)
    assert (found["n_tokens"].to_numpy()[1:] > 100).all()


def test_a_post_of_two_hundred_thousand_letters_is_read_up_to_the_last_window(folder: Path) -> None:
    found = scorer(folder).score(posts(["word " * 40_000]))
    assert found["n_tokens"].to_list() == [16 * 126]


class _Tight(TorchBackend):
    """Runs out of memory above two rows."""

    heights: ClassVar[list[int]] = []

    def run(self, blocks, *, receive):
        def within(stream):
            for ids, mask in stream:
                if len(ids) > 2:
                    raise OutOfMemoryError("too tall")
                self.heights.append(len(ids))
                yield ids, mask

        super().run(within(blocks), receive=receive)


def test_memory_that_runs_out_halves_the_blocks_and_loses_nothing(folder: Path) -> None:
    texts = tiny.made_up(50)
    expected = scorer(folder).score(posts(texts))
    _Tight.heights.clear()
    with patch("classifiers.hub.backends.TorchBackend", _Tight):
        found = scorer(folder).score(posts(texts))
    assert difference(found, expected) < 1e-3
    assert set(_Tight.heights) <= {1, 2}


def test_a_text_that_was_scored_before_is_not_run_again(folder: Path, tmp_path: Path) -> None:
    texts = tiny.made_up(30)
    first = scorer(folder, cache_folder=tmp_path).score(posts(texts))
    with patch.object(TorchBackend, "run", side_effect=AssertionError("ran")):
        again = scorer(folder, cache_folder=tmp_path).score(posts(texts[::-1])).reverse()
    assert again.equals(first, null_equal=True)


def test_another_reading_of_the_model_asks_it_again(folder: Path, tmp_path: Path) -> None:
    scorer(folder, cache_folder=tmp_path).score(posts(["one", "two"]))
    with (
        patch.object(TorchBackend, "run", side_effect=AssertionError("ran")),
        pytest.raises(AssertionError, match="ran"),
    ):
        scorer(folder, cache_folder=tmp_path, profile="plain").score(posts(["one", "two"]))


def test_the_version_changes_with_everything_that_changes_a_number(folder: Path, tmp_path: Path) -> None:
    other = tiny.bertweet(tmp_path / "other", hidden_act="relu")
    versions = [
        scorer(folder).version,
        scorer(other).version,
        scorer(folder, profile="plain").version,
        scorer(folder, pooling="max").version,
        scorer(folder, max_tokens=64).version,
        scorer(folder, labels={"Anger": "rage"}).version,
        scorer(folder, activation="sigmoid").version,
        scorer(folder, thresholds={"joy": 0.4}).version,
    ]
    assert len(set(versions)) == len(versions)
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    assert scorer(copy).version == scorer(folder).version


def test_the_description_has_what_the_command_prints(folder: Path) -> None:
    described = scorer(folder, licence="MIT", thresholds={"joy": 0.4}, languages=("en", "es")).describe()
    assert described["thresholds"]["es"] == dict.fromkeys(MEASURES, 0.5) | {"joy": 0.4}
    assert described["labels"]["Happiness"] == "joy"
    assert (described["tier"], described["scale"], described["statistics"]) == (
        "transformer",
        "probability",
        ["share", "mean"],
    )
    assert (described["licence"], described["metrics"], described["error_rates"], described["lossy"]) == (
        "MIT",
        {},
        {},
        {},
    )
    assert described["size_mb"] > 0
    assert "mean over windows" in described["long_posts"]
    json.dumps(described)


def test_thresholds_for_measures_that_are_not_there_are_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="thresholds names hope"):
        scorer(folder, thresholds={"hope": 0.4})


def test_progress_counts_different_texts(folder: Path) -> None:
    calls: list[tuple[int, int]] = []
    scorer(folder).score(
        posts(["one", "two", "one"]), progress=lambda done, total: calls.append((done, total))
    )
    assert calls[-1] == (2, 2)


def test_describing_reads_no_weights_and_loads_no_model_library(folder: Path) -> None:
    code = (
        "import sys; from classifiers.hub.score import HubScorer; from classifiers.hub.spec import HubSpec;"
        f"HubScorer(HubSpec(name='mine', source={str(folder)!r}, languages=('en',))).describe();"
        "sys.exit(bool({'torch', 'openvino', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-W", "error", "-c", code], check=False).returncode == 0


# ------------------------------------------------------------------------------- folders trained here

CARD = {
    "groups": [
        {"name": "lonely", "labels": ["non-lonely", "lonely"], "activation": "softmax"},
        {"name": "duration", "labels": ["transient", "enduring", "NA"], "activation": "softmax"},
        {"name": "wellness", "labels": ["physical", "social"], "activation": "sigmoid"},
    ],
    "profile": "cardiff",
    "languages": ["en"],
    "max_tokens": 64,
    "pooling": "max",
    "thresholds": {"en": {"lonely": 0.35}},
    "calibration": {"lonely": {"slope": 2.0, "offset": -0.5}},
    "error_rates": {"en": {"lonely": {"tpr": 0.8, "fpr": 0.1, "n_pos": 50, "n_neg": 90}}},
    "metrics": {"en": {"f1": {}}},
}


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder as `affectcast train` writes it: seven logits in three groups."""
    model = tiny.bert(tmp_path / "trained", labels=tuple(f"LABEL_{i}" for i in range(7)))
    tiny.write_json(model / "affectcast.json", CARD)
    return model


def test_a_folder_trained_here_reads_its_own_card(trained: Path) -> None:
    used = HubScorer(tiny.spec(trained, languages=(), device="cpu"), threads=1, runtime="torch")
    assert set(used.measures) == {
        "lonely", "duration_transient", "duration_enduring", "duration_na", "physical", "social"
    }  # fmt: skip
    described = used.describe()
    assert (described["profile"], used.pooling, used.tokeniser.window) == ("cardiff", "max", 64)
    assert described["thresholds"]["en"]["lonely"] == 0.35
    assert described["thresholds"]["en"]["social"] == 0.5
    assert described["error_rates"] == CARD["error_rates"]
    assert used.languages == ("en",)


def test_a_calibration_scales_the_log_odds_of_its_measure_alone(trained: Path) -> None:
    calibrated = HubScorer(tiny.spec(trained, device="cpu"), threads=1, runtime="torch")
    frame = posts(tiny.made_up(20))
    found = calibrated.score(frame)
    tiny.edit_json(trained / "affectcast.json", calibration=None)
    plain = HubScorer(tiny.spec(trained, device="cpu"), threads=1, runtime="torch").score(frame)
    inner = plain["lonely"].is_between(0.01, 0.99)
    p = plain["lonely"].filter(inner).to_numpy().astype(float)
    expected = 1 / (1 + np.exp(-(2.0 * np.log(p / (1 - p)) - 0.5)))
    np.testing.assert_allclose(found["lonely"].filter(inner).to_numpy(), expected, atol=1e-4)
    assert found["social"].equals(plain["social"])


@pytest.mark.parametrize(
    "damage", ["{", json.dumps({"groups": [{"name": "a"}]}), json.dumps({"groups": [7]}), "[]"]
)
def test_a_damaged_card_is_refused(trained: Path, damage: str) -> None:
    (trained / "affectcast.json").write_text(damage, encoding="utf-8")
    with pytest.raises(MissingModelError, match=r"affectcast\.json"):
        HubScorer(tiny.spec(trained))


def test_a_card_for_another_number_of_outputs_is_refused(trained: Path) -> None:
    tiny.edit_json(trained / "affectcast.json", groups=CARD["groups"][:2], calibration=None, thresholds=None)
    with pytest.raises(MissingModelError, match="7 outputs, its labels are 5"):
        HubScorer(tiny.spec(trained, device="cpu"), threads=1, runtime="torch").score(posts(["ok"]))


def test_the_default_profile_and_threshold_are_what_the_page_says() -> None:
    assert (hub_score.DEFAULT_PROFILE, hub_score.DEFAULT_THRESHOLD) == ("plain", 0.5)
