"""Run padded token blocks through one form of a model: the int8 graph on x86 processors, or the torch reference.

Not for batching or order, which are the engine's; a backend sees one block at a time.
"""

import logging
import platform
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any, Literal, Protocol

import numpy as np

from classifiers.artefacts import Artefact
from classifiers.package import encoder_file

log = logging.getLogger(__name__)

BackendName = Literal["openvino-int8", "torch-fp32"]
Block = tuple[np.ndarray, np.ndarray]


class Backend(Protocol):
    """Blocks of (ids, mask), both int64 of shape (rows, tokens), in; float32 logits (rows, measures) out.

    `run` hands each result to `receive(position, logits)`, in any order, each position once.
    """

    name: BackendName

    def run(self, blocks: Iterable[Block], *, receive: Callable[[int, np.ndarray], None]) -> None: ...


def default_backend() -> BackendName:
    """The int8 graph on x86 with OpenVINO installed, else the reference; a fallback is logged."""
    x86 = platform.machine().lower() in {"x86_64", "amd64"}
    if x86 and find_spec("openvino") is not None:
        return "openvino-int8"
    log.warning("OpenVINO int8 is not available here; scoring runs on the slower torch reference")
    return "torch-fp32"


def open_backend(artefact: Artefact, *, name: BackendName, threads: int) -> Backend:
    """A loaded and checked backend; raises MissingModelError when weights are missing or altered."""
    if name == "openvino-int8":
        return OpenVinoBackend(artefact, threads=threads)
    return TorchBackend(artefact, threads=threads)


class OpenVinoBackend:
    """The int8 graph; one single-threaded stream per thread, so results do not depend on the number of threads."""

    name: BackendName = "openvino-int8"

    def __init__(self, artefact: Artefact, *, threads: int) -> None:
        import openvino as ov

        graph, _ = artefact.weights("model.xml"), artefact.weights("model.bin")
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": "f32",
            # Every new batch shape is kept compiled; few are used again, and all of them cost memory.
            "CPU_RUNTIME_CACHE_CAPACITY": "50",
        }
        self._queue: Any = ov.AsyncInferQueue(ov.Core().compile_model(graph, "CPU", settings), threads)

    def run(self, blocks: Iterable[Block], *, receive: Callable[[int, np.ndarray], None]) -> None:
        self._queue.set_callback(
            lambda request, position: receive(position, request.get_output_tensor().data.copy())
        )
        for position, (ids, mask) in enumerate(blocks):
            self._queue.start_async({"ids": ids, "mask": mask}, position)
        self._queue.wait_all()


class TorchBackend:
    """The full-precision reference; slow and plain."""

    name: BackendName = "torch-fp32"

    def __init__(self, artefact: Artefact, *, threads: int) -> None:
        import torch

        from classifiers.delta import tuned_from

        torch.set_num_threads(threads)
        delta = artefact.weights("delta.safetensors")
        self._net = tuned_from(encoder_file("model.safetensors"), delta=delta)

    def run(self, blocks: Iterable[Block], *, receive: Callable[[int, np.ndarray], None]) -> None:
        import torch

        with torch.inference_mode():
            for position, (ids, mask) in enumerate(blocks):
                receive(position, self._net(torch.from_numpy(ids), torch.from_numpy(mask)).numpy())
