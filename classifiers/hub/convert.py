"""A torch classifier as an OpenVINO graph, in full precision or int8, kept on disk for the next run.

Not for the embedded encoder, which comes converted. A kept graph is only ever read where model, OpenVINO and
precision are the same.
"""

import io
import json
import logging
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from classifiers.hub.load import quietly
from classifiers.tokens import Tokeniser, blocks, padded
from warehouse.errors import MissingModelError

log = logging.getLogger(__name__)

CALIBRATION_TEXTS = 300
# With fewer the ranges are those of a few posts, and every other one is cut off.
FEWEST_TEXTS = 100
QUANTISE = "pip install 'affectcast[quantise]'"


@dataclass(frozen=True)
class Probe:
    """A few sentences as one block, and the torch model's logits of them."""

    ids: np.ndarray
    mask: np.ndarray
    logits: np.ndarray


def kept_folder(root: Path, *, digest: str, precision: str) -> Path:
    """Where the converted form of a model lies."""
    return root / f"{digest[:16]}-openvino{version('openvino')}-{precision}"


def read_kept(folder: Path) -> tuple[Path, Probe] | None:
    """The graph that is kept there and its probe, None where there is nothing whole."""
    try:
        body = json.loads((folder / "probe.json").read_text(encoding="utf-8"))
        whole = all((folder / name).stat().st_size == size for name, size in body["sizes"].items())
        probe = Probe(
            np.array(body["ids"], np.int64),
            np.array(body["mask"], np.int64),
            np.array(body["logits"], np.float32),
        )
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return (folder / "model.xml", probe) if whole else None


def keep(graph: Any, *, folder: Path, probe: Probe) -> None:
    """Write beside and rename, so that a kill leaves nothing that looks whole; another process may be first."""
    import openvino as ov

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".part-"))
    except OSError as error:
        log.warning(
            "the converted model is not kept: %s cannot be written (%s)", folder, type(error).__name__
        )
        return
    try:
        ov.save_model(graph, beside / "model.xml", compress_to_fp16=False)
        sizes = {name: (beside / name).stat().st_size for name in ("model.xml", "model.bin")}
        arrays = {"ids": probe.ids.tolist(), "mask": probe.mask.tolist(), "logits": probe.logits.tolist()}
        (beside / "probe.json").write_text(json.dumps({"sizes": sizes, **arrays}), encoding="utf-8")
        if read_kept(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)
            beside.rename(folder)
    except (OSError, RuntimeError) as error:
        log.warning(
            "the converted model is not kept: %s cannot be written (%s)", folder, type(error).__name__
        )
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def can_quantise() -> bool:
    """Whether NNCF, the optional package behind int8, is installed."""
    return find_spec("nncf") is not None


def to_graph(model: Any) -> Any:
    """The model in full precision, with inputs `ids` and `mask` (int64, any rows x any tokens) and one output."""
    import openvino as ov
    import torch
    from openvino.frontend import FrontEndManager  # type: ignore[attr-defined,unused-ignore]
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    example = (torch.full((2, 9), 5, dtype=torch.int64), torch.ones(2, 9, dtype=torch.int64))
    with warnings.catch_warnings(), torch.inference_mode(), quietly():
        # Tracing warns of every shape it takes for constant; the probe checks what matters.
        warnings.simplefilter("ignore")
        decoder = TorchScriptPythonDecoder(_logits_only(model), example_input=example)
    # Not through openvino.convert_model, which reports its use unless somebody opted out.
    front = FrontEndManager().load_by_framework("pytorch")
    graph = front.convert(front.load(decoder))
    for port, name in zip(graph.inputs, ("ids", "mask"), strict=True):
        port.get_node().set_partial_shape(ov.PartialShape([-1, -1]))
        port.get_node().set_element_type(ov.Type.i64)
        port.get_tensor().set_names({name})
    graph.validate_nodes_and_infer_types()
    return graph


def to_onnx(model: Any) -> bytes:
    """The model in full precision as ONNX, with the same inputs and output as `to_graph`."""
    import torch

    file = io.BytesIO()
    example = (torch.full((2, 9), 5, dtype=torch.int64), torch.ones(2, 9, dtype=torch.int64))
    axes = {"ids": {0: "rows", 1: "tokens"}, "mask": {0: "rows", 1: "tokens"}, "logits": {0: "rows"}}
    with warnings.catch_warnings(), torch.inference_mode(), quietly():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _logits_only(model), example, file, input_names=["ids", "mask"], output_names=["logits"],
            dynamic_axes=axes, opset_version=17, dynamo=False,
        )  # fmt: skip
    return file.getvalue()


def quantised(graph: Any, *, texts: Sequence[str], tokeniser: Tokeniser, where: str) -> Any:
    """The int8 form of a graph, with ranges measured on a few hundred profiled texts.

    Raises MissingModelError where NNCF is not installed or the texts are too few.
    """
    if not can_quantise():
        raise MissingModelError(f"{where}: int8 needs NNCF, which is not installed. {QUANTISE}")
    if len(texts) < FEWEST_TEXTS:
        raise MissingModelError(
            f"{where}: int8 is calibrated on at least {FEWEST_TEXTS} different texts, and there are {len(texts)}; "
            "score more posts at a time, or use precision fp32"
        )
    import nncf

    batches = _calibration_blocks(texts, tokeniser=tokeniser)
    # Its progress bars and remarks would go to standard output, which is the command's.
    nncf.set_log_level(logging.ERROR)
    with redirect_stdout(io.StringIO()):
        return nncf.quantize(
            graph,
            nncf.Dataset(batches),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(batches),
            # Processors without VNNI add products in 16 bits, and full 8-bit weights overflow there.
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.quantization.advanced_parameters.OverflowFix.ENABLE
            ),
        )


def _calibration_blocks(texts: Sequence[str], *, tokeniser: Tokeniser) -> list[dict[str, np.ndarray]]:
    """Every k-th text, in blocks of like length without rows of padding, which no post has."""
    step = max(1, len(texts) // CALIBRATION_TEXTS)
    windows = tokeniser.windows(list(texts[::step])[:CALIBRATION_TEXTS]).ids
    lengths = np.fromiter(map(len, windows), dtype=np.int64, count=len(windows))
    made = (
        padded([windows[i] for i in block.rows], pad_id=tokeniser.pad_id)
        for block in blocks(lengths, token_budget=256)
    )
    return [{"ids": ids, "mask": mask} for ids, mask in made]


def _logits_only(model: Any) -> Any:
    import torch

    class LogitsOnly(torch.nn.Module):  # type: ignore[misc,unused-ignore]
        """ids, mask → logits, by position, as tracing wants it."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: Any, mask: Any) -> Any:
            return self.model(input_ids=ids, attention_mask=mask).logits

    return LogitsOnly().eval()
