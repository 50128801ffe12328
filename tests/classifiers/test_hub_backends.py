"""Backends of published models agree with torch, or torch runs and the log says so."""

import logging
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from classifiers.hub import backends
from classifiers.hub.backends import (
    DevicePrecision,
    Opening,
    OpenVinoBackend,
    TorchBackend,
    open_backend,
    run_once,
)
from classifiers.hub.convert import kept_folder, read_kept
from classifiers.hub.load import find_model, load_tokenizer
from classifiers.hub.tokens import HubTokeniser, window_size
from classifiers.tokens import padded
from tests.classifiers import tiny_models as tiny
from warehouse.errors import ConfigError, MissingModelError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bertweet(tmp_path_factory.mktemp("models") / "bertweet")


def opening(folder: Path, *, keep_in: Path | None = None, texts: tuple[str, ...] = (), **how: Any) -> Opening:
    found = find_model(tiny.spec(folder))
    tokenizer = load_tokenizer(found)
    tokeniser = HubTokeniser(tokenizer, window=window_size(found, tokenizer))
    return Opening(
        found, tokeniser, DevicePrecision(**({"device": "cpu"} | how)), texts=texts, keep_in=keep_in
    )


def one_by_one(open_with: Opening, texts: list[str]) -> np.ndarray:
    """The plain way: each text alone through the library's own tokeniser and model."""
    import torch

    tokenizer = load_tokenizer(open_with.found)
    with torch.no_grad():
        rows = [open_with.model(**tokenizer(text, return_tensors="pt")).logits for text in texts]
    return np.concatenate(rows)


@pytest.mark.parametrize("kind", ["bertweet", "roberta", "xlm_roberta", "bert"])
def test_openvino_and_torch_say_what_one_text_at_a_time_says(tmp_path: Path, kind: str) -> None:
    more = {"labels": tiny.HARTMANN} if kind == "bert" else {}
    made = opening(getattr(tiny, kind)(tmp_path / kind, **more))
    texts = [text[:100] for text in tiny.made_up(24)]
    expected = one_by_one(made, texts)
    block = padded(made.tokeniser.windows(texts).ids, pad_id=made.tokeniser.pad_id)
    for runtime in ("torch", "openvino"):
        made.how = DevicePrecision("cpu", "fp32", runtime)  # type: ignore[arg-type]
        backend = open_backend(made)
        assert backend.name == f"{runtime}-fp32"
        np.testing.assert_allclose(run_once(backend, block), expected, atol=2e-4)


def test_a_whole_block_of_padding_gives_numbers(folder: Path) -> None:
    made = opening(folder, precision="fp32", runtime="openvino")
    ids = np.full((2, 128), made.tokeniser.pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    mask[:, 0] = 1
    assert np.isfinite(run_once(open_backend(made), (ids, mask))).all()


def test_bfloat16_runs_under_torch_and_stays_near(folder: Path) -> None:
    exact = open_backend(opening(folder, precision="fp32", runtime="torch"))
    made = opening(folder, precision="bf16", runtime="torch")
    rough = open_backend(made)
    assert rough.name == "torch-bf16"
    block = (made.probe.ids, made.probe.mask)
    assert np.abs(run_once(rough, block) - run_once(exact, block)).max() < 0.5


def test_a_backend_that_disagrees_is_left_and_the_log_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Wrong(OpenVinoBackend):
        def run(self, blocks, *, receive):
            super().run(blocks, receive=lambda i, logits: receive(i, -logits))

    with patch.object(backends, "OpenVinoBackend", Wrong), caplog.at_level(logging.WARNING):
        backend = open_backend(opening(folder, precision="fp32"))
    assert backend.name == "torch-fp32"
    assert "disagrees with the torch model" in caplog.text


def test_cuda_that_is_not_there_is_refused(folder: Path) -> None:
    with patch("torch.cuda.is_available", return_value=False):
        with pytest.raises(ConfigError, match="cuda"):
            open_backend(opening(folder, device="cuda"))
        assert open_backend(opening(folder, device="auto", runtime="torch")).name == "torch-fp32"


def test_int8_without_nncf_says_how_to_get_it(folder: Path) -> None:
    with (
        patch("classifiers.hub.convert.can_quantise", return_value=False),
        pytest.raises(MissingModelError, match=r"affectcast\[quantise\]"),
    ):
        open_backend(opening(folder, precision="int8", texts=tuple(tiny.made_up(200))))


def test_int8_with_too_few_texts_is_refused(folder: Path) -> None:
    with (
        patch("classifiers.hub.convert.can_quantise", return_value=True),
        pytest.raises(MissingModelError, match="at least 100"),
    ):
        open_backend(opening(folder, precision="int8", texts=("one",)))


def test_int8_is_refused_where_it_cannot_run(folder: Path) -> None:
    with pytest.raises(ConfigError, match="int8"):
        open_backend(opening(folder, precision="int8", runtime="torch"))


def test_auto_is_full_precision_where_int8_cannot_be_made(folder: Path) -> None:
    with patch.object(backends, "can_quantise", return_value=False):
        assert open_backend(opening(folder)).name in {"openvino-fp32", "torch-fp32"}
    with (
        patch.object(backends, "can_quantise", return_value=True),
        patch.object(backends, "fast_int8", return_value=True),
    ):
        assert open_backend(opening(folder, texts=("few",))).name in {"openvino-fp32", "torch-fp32"}


def test_int8_is_taken_by_itself_only_on_processors_that_are_made_for_it(
    folder: Path, tmp_path: Path
) -> None:
    for flags, fast in (
        ("flags : avx2 avx512_vnni", True),
        ("flags : avx2 amx_int8", True),
        ("flags : avx2", False),
    ):
        (tmp_path / "cpuinfo").write_text(flags, encoding="utf-8")
        assert backends.fast_int8(tmp_path / "cpuinfo") == fast
    assert backends.fast_int8(tmp_path / "nowhere")
    with (
        patch.object(backends, "can_quantise", return_value=True),
        patch.object(backends, "fast_int8", return_value=False),
    ):
        texts = tuple(tiny.made_up(200))
        assert open_backend(opening(folder, texts=texts)).name in {"openvino-fp32", "torch-fp32"}


def test_onnx_runtime_that_is_not_installed_is_named(folder: Path) -> None:
    with (
        patch.object(backends, "find_spec", return_value=None),
        pytest.raises(MissingModelError, match="pip install onnxruntime"),
    ):
        open_backend(opening(folder, runtime="onnx"))


def test_onnx_runtime_agrees_where_it_is_installed(folder: Path) -> None:
    pytest.importorskip("onnxruntime")
    made = opening(folder, runtime="onnx")
    backend = open_backend(made)
    assert backend.name == "onnx-fp32"
    np.testing.assert_allclose(
        run_once(backend, (made.probe.ids, made.probe.mask)), made.probe.logits, atol=2e-4
    )


def test_a_converted_model_is_kept_and_read_without_the_weights(folder: Path, tmp_path: Path) -> None:
    first = opening(folder, keep_in=tmp_path, precision="fp32", runtime="openvino")
    block = (first.probe.ids, first.probe.mask)
    expected = run_once(open_backend(first), block)
    second = opening(folder, keep_in=tmp_path, precision="fp32", runtime="openvino")
    with patch.object(backends, "load_model", side_effect=AssertionError("read the weights")):
        np.testing.assert_array_equal(run_once(open_backend(second), block), expected)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_kept_model_that_was_cut_short_is_made_again(folder: Path, tmp_path: Path) -> None:
    made = opening(folder, keep_in=tmp_path, precision="fp32", runtime="openvino")
    open_backend(made)
    kept = kept_folder(tmp_path, digest=made.found.digest, precision="fp32")
    weights = kept / "model.bin"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert read_kept(kept) is None
    assert (
        open_backend(opening(folder, keep_in=tmp_path, precision="fp32", runtime="openvino")).name
        == "openvino-fp32"
    )
    assert read_kept(kept) is not None


def test_another_model_is_kept_elsewhere(folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "other"))
    tiny.edit_json(other / "config.json", layer_norm_eps=1e-6)
    assert find_model(tiny.spec(folder)).digest != find_model(tiny.spec(other)).digest


def test_a_folder_that_cannot_be_written_only_costs_time(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    made = opening(folder, keep_in=tmp_path / "file" / "kept", precision="fp32", runtime="openvino")
    with caplog.at_level(logging.WARNING):
        assert open_backend(made).name == "openvino-fp32"
    assert "not kept" in caplog.text


def test_memory_that_runs_out_in_torch_is_the_engines_to_handle(folder: Path) -> None:
    from classifiers.backends import OutOfMemoryError

    made = opening(folder)
    backend = TorchBackend(made.model, threads=1)
    with (
        patch.object(backend, "_model", side_effect=RuntimeError("CUDA out of memory. Tried to allocate")),
        pytest.raises(OutOfMemoryError),
    ):
        run_once(backend, (made.probe.ids, made.probe.mask))
