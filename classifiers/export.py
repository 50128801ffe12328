"""Make the int8 OpenVINO graph from the torch reference: a development step, never run when posts are scored.

Not needed by a user. `quantise` wants the NNCF package, which the locked environment leaves out on purpose.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from classifiers.labelled import EMOTION_SOURCES, load_split
from classifiers.tokens import length_batches, padded, tokenise

CALIBRATION_TEXTS = 300
FULL_GRAPH = "full.xml"


def to_openvino(net: "object", *, path: Path) -> None:
    """Write the network as a full-precision graph with inputs `ids`, `mask` (int64, any rows × any tokens)."""
    import openvino as ov
    import torch

    example = (torch.ones(2, 9, dtype=torch.int64), torch.ones(2, 9, dtype=torch.int64))
    model = ov.convert_model(net, example_input=example, input=[[-1, -1], [-1, -1]])
    for port, name in zip(model.inputs, ("ids", "mask"), strict=True):
        port.get_tensor().set_names({name})
    ov.save_model(model, path, compress_to_fp16=False)


def quantise_emotion(data_dir: Path, out_dir: Path, *, build_dir: Path, seed: int = 3) -> None:
    """Write `model.xml` and `model.bin` from the graph in `build_dir`, with ranges from training texts alone."""
    rng = np.random.default_rng(seed)
    train = load_split(data_dir, split="train")
    chosen = [rng.choice(np.flatnonzero(train.sources == s.name), CALIBRATION_TEXTS) for s in EMOTION_SOURCES]
    texts = [train.texts[i] for i in np.concatenate(chosen)]
    quantise(build_dir / FULL_GRAPH, texts=texts, out=out_dir / "model.xml")


def quantise(graph: Path, *, texts: Sequence[str], out: Path, max_tokens: int = 96) -> None:
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
    )
    ov.save_model(model, out, compress_to_fp16=True)


def calibration_batches(texts: Sequence[str], *, max_tokens: int) -> list[dict[str, np.ndarray]]:
    """Inputs of the graph, a few rows of like length at a time."""
    ids = tokenise(texts, max_tokens=max_tokens)
    batches = length_batches(np.array([len(i) for i in ids]), token_budget=max_tokens)
    blocks = (padded([ids[i] for i in rows]) for rows in batches)
    return [{"ids": block, "mask": mask} for block, mask in blocks]
