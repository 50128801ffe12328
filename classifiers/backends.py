"""Run padded token blocks through one form of the embedded model: the int8 graph on x86, or the torch reference.

Not for batching or order, which are the engine's; a backend sees one block at a time.
"""

import logging
import platform
from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from classifiers.artefacts import Artefact
from classifiers.package import encoder_file

log = logging.getLogger(__name__)

BackendName = Literal["openvino-int8", "torch-fp32"]
Pair = tuple[np.ndarray, np.ndarray]
# How far the int8 graph may be from the reference on the probe, in logits on average, before it is not trusted.
# Rounding makes about 0.1 of it; a processor that overflows makes several times the tolerance.
PROBE_TOLERANCE = 0.35


class OutOfMemoryError(MemoryError):
    """A block did not fit; what was received before is valid."""


class Backend(Protocol):
    """Blocks of (ids, mask), both int64 of shape (rows, tokens), in; float32 logits (rows, outputs) out.

    `run` hands each result to `receive(position, logits)`, in any order, each position once. Raises OutOfMemoryError.
    """

    @property
    def name(self) -> str: ...

    @property
    def n_outputs(self) -> int: ...

    def run(self, blocks: Iterable[Pair], *, receive: Callable[[int, np.ndarray], None]) -> None: ...


def default_backend() -> BackendName:
    """The int8 graph on x86 with OpenVINO installed, else the reference; a fallback is logged."""
    if on_x86() and find_spec("openvino") is not None:
        return "openvino-int8"
    log.warning("OpenVINO int8 is not available here; scoring runs on the slower torch reference")
    return "torch-fp32"


def on_x86() -> bool:
    """Whether this is the kind of processor the int8 forms are made for."""
    return platform.machine().lower() in {"x86_64", "amd64"}


def open_backend(artefact: Artefact, *, name: BackendName | None = None, threads: int) -> Backend:
    """A loaded and checked backend, by default the fastest that passes the probe.

    Raises MissingModelError when weights are missing or altered.
    """
    chosen = name or default_backend()
    if chosen == "torch-fp32":
        return TorchBackend(artefact, threads=threads)
    fast = OpenVinoBackend(artefact, threads=threads)
    if name is None and not passes_probe(fast, artefact):
        log.warning("the int8 graph miscounts on this processor; scoring runs on the slower torch reference")
        return TorchBackend(artefact, threads=threads)
    return fast


def passes_probe(backend: Backend, artefact: Artefact) -> bool:
    """Whether the backend says of a few fixed token ids what the reference said when the model was made."""
    probe = artefact.meta["probe"]
    ids = np.array(probe["ids"], dtype=np.int64)
    found: list[np.ndarray] = []
    backend.run([(ids, np.ones_like(ids))], receive=lambda _, logits: found.append(logits))
    expected = np.array(probe["logits"], dtype=np.float32)
    return bool(np.abs(found[0] - expected).mean() <= PROBE_TOLERANCE)


class OpenVinoBackend:
    """The int8 graph; one single-threaded stream per thread, so results do not depend on the number of threads."""

    name = "openvino-int8"

    def __init__(self, artefact: Artefact, *, threads: int) -> None:
        self.n_outputs = len(artefact.measures)
        graph, _ = artefact.weights("model.xml"), artefact.weights("model.bin")
        self._words = word_vectors(encoder_file("model.safetensors"))
        self._queue = infer_queue(graph, threads=threads)

    def run(self, blocks: Iterable[Pair], *, receive: Callable[[int, np.ndarray], None]) -> None:
        # The graph starts at the word vectors, which the encoder's package has and this one need not repeat.
        inputs = ({"words": self._words[ids], "mask": mask} for ids, mask in blocks)
        run_queue(self._queue, inputs, receive=receive)


def infer_queue(graph: Any, *, threads: int, precision: str = "f32") -> Any:
    """An OpenVINO queue over a graph (a path or a model) on the CPU, a stream a thread."""
    import openvino as ov

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": threads,
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_PRECISION_HINT": precision,
        # Every block shape is kept compiled; there are few, but their scratch memory counts.
        "CPU_RUNTIME_CACHE_CAPACITY": "50",
    }
    return ov.AsyncInferQueue(ov.Core().compile_model(graph, "CPU", settings), threads)


def run_queue(
    queue: Any, inputs: Iterable[dict[str, np.ndarray]], *, receive: Callable[[int, np.ndarray], None]
) -> None:
    """Start every input as soon as a stream is free; raises OutOfMemoryError when the runtime could not allocate."""
    queue.set_callback(lambda request, position: receive(position, request.get_output_tensor().data.copy()))
    try:
        for position, block in enumerate(inputs):
            queue.start_async(block, position)
        queue.wait_all()
    except (RuntimeError, MemoryError) as error:
        raise_if_out_of_memory(error)
        raise


def raise_if_out_of_memory(error: BaseException) -> None:
    """Raise OutOfMemoryError where an error of a library says that memory ran out."""
    words = str(error).lower()
    if isinstance(error, MemoryError) or any(
        sign in words for sign in ("out of memory", "bad_alloc", "can't allocate", "not enough memory")
    ):
        raise OutOfMemoryError("a block did not fit into memory") from error


@cache
def word_vectors(weights: Path) -> np.ndarray:
    """Float32 (vocabulary, hidden): the encoder's word embeddings, which no training here changes."""
    from safetensors import safe_open

    with safe_open(weights, framework="numpy") as file:
        vectors: np.ndarray = file.get_tensor("embeddings.word_embeddings.weight")
    return vectors


class TorchBackend:
    """The full-precision reference; slow and plain."""

    name = "torch-fp32"

    def __init__(self, artefact: Artefact, *, threads: int) -> None:
        import torch

        from classifiers.delta import tuned_from

        torch.set_num_threads(threads)
        self.n_outputs = len(artefact.measures)
        delta = artefact.weights("delta.safetensors")
        self._net = tuned_from(encoder_file("model.safetensors"), delta=delta)

    def run(self, blocks: Iterable[Pair], *, receive: Callable[[int, np.ndarray], None]) -> None:
        import torch

        try:
            with torch.inference_mode():
                for position, (ids, mask) in enumerate(blocks):
                    receive(position, self._net(torch.from_numpy(ids), torch.from_numpy(mask)).numpy())
        except (RuntimeError, MemoryError) as error:
            raise_if_out_of_memory(error)
            raise
