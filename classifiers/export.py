"""Make the int8 OpenVINO graph from the torch reference: a development step, never run when posts are scored.

Not needed by a user. `quantise` wants the NNCF package, which the locked environment leaves out on purpose.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from classifiers.backends import word_vectors
from classifiers.labelled import Labelled
from classifiers.package import encoder_file
from classifiers.tokens import blocks, padded, tokenise

CALIBRATION_TEXTS = 100
FULL_GRAPH = "full.xml"


def to_openvino(net: "object", *, path: Path) -> None:
    """Write the network as a full-precision graph with inputs `words` (float32, any rows × any tokens × hidden) and
    `mask` (int64, the same rows × tokens)."""
    import openvino as ov
    import torch

    from classifiers.encoder import FromWords, Shape

    hidden = Shape().hidden
    example = (torch.zeros(2, 9, hidden), torch.ones(2, 9, dtype=torch.int64))
    module = FromWords(net).eval()  # type: ignore[arg-type]
    model = ov.convert_model(module, example_input=example, input=[[-1, -1, hidden], [-1, -1]])
    for port, name in zip(model.inputs, ("words", "mask"), strict=True):
        port.get_tensor().set_names({name})
    ov.save_model(model, path, compress_to_fp16=False)


def calibration_texts(train: Labelled, *, seed: int = 3) -> list[str]:
    """A hundred training texts of each data set."""
    rng = np.random.default_rng(seed)
    names = sorted(set(train.sources.tolist()))
    chosen = [rng.choice(np.flatnonzero(train.sources == name), CALIBRATION_TEXTS) for name in names]
    return [train.texts[i] for i in np.concatenate(chosen)]


def quantise(graph: Path, *, texts: Sequence[str], out: Path, max_tokens: int = 128) -> None:
    """Write the int8 form of a full-precision graph, with ranges measured on `texts` (training texts only)."""
    import nncf
    import openvino as ov

    batches = calibration_batches(texts, max_tokens=max_tokens)
    model = nncf.quantize(
        ov.Core().read_model(graph),
        nncf.Dataset(batches),
        model_type=nncf.ModelType.TRANSFORMER,
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(batches),
        # Processors without VNNI add pairs of products in 16 bits: full-range weights overflow there, unseen.
        advanced_parameters=nncf.AdvancedQuantizationParameters(
            overflow_fix=nncf.quantization.advanced_parameters.OverflowFix.ENABLE
        ),
    )
    ov.save_model(model, out, compress_to_fp16=True)


def calibration_batches(texts: Sequence[str], *, max_tokens: int) -> list[dict[str, np.ndarray]]:
    """Inputs of the graph, a few rows of like length at a time."""
    ids = tokenise(texts, max_tokens=max_tokens)
    words = word_vectors(encoder_file("model.safetensors"))
    lengths = np.array([len(i) for i in ids])
    pairs = (padded([ids[i] for i in block.rows]) for block in blocks(lengths, token_budget=max_tokens))
    return [{"words": words[block], "mask": mask} for block, mask in pairs]
