"""Run padded token blocks through a published model: torch, OpenVINO or ONNX Runtime, chosen and checked at start.

Not for batching or meaning: the engine and the head do that.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np

from classifiers.backends import Backend, Pair, infer_queue, on_x86, raise_if_out_of_memory, run_queue
from classifiers.hub.convert import (
    FEWEST_TEXTS,
    QUANTISE,
    Probe,
    can_quantise,
    keep,
    kept_folder,
    quantised,
    read_kept,
    to_graph,
    to_onnx,
)
from classifiers.hub.heads import Head
from classifiers.hub.load import Found, load_model
from classifiers.tokens import Tokeniser, padded
from warehouse.errors import ConfigError, MissingModelError

log = logging.getLogger(__name__)

Precision = Literal["fp32", "bf16", "int8"]
Runtime = Literal["auto", "torch", "openvino", "onnx"]
Form = Literal["fp32", "int8"]
# How far another form may be from the torch model on the probe, as a probability.
PROBE_TOLERANCE = 0.05
# Made up: short, long, with emoji and masks; a model is asked in its own languages, else in English.
PROBE_TEXTS: dict[str, tuple[str, ...]] = {
    "en": (
        "I am so happy today, what a wonderful morning!",
        "this makes me angry and I cannot stop thinking about it",
        "she left and I have cried all evening, nothing feels right any more",
        "the bus was late again @user http",
        "😂😂 no way",
        "We waited for two hours, then they told us to come back next week, and nobody said sorry. I am tired of being "
        "told that it will get better when every month is the same, and I miss my friends from the old town.",
    ),
    "es": (
        "Hoy estoy muy triste y no sé qué hacer, todo me da miedo.",
        "¡qué alegría verte otra vez! 😂",
        "otra vez tarde @usuario",
    ),
    "zh": ("今天心情很好，谢谢大家的陪伴", "真的太生气了，等了两个小时也没有人来", "好怕[泪]"),
}


@dataclass(frozen=True)
class DevicePrecision:
    """Where and how exactly to compute; `auto` takes the fastest that is known to be right."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Literal["auto", "fp32", "bf16", "int8"] = "auto"
    runtime: Runtime = "auto"


@dataclass
class Opening:
    """What it takes to open a backend. `texts` are profiled ones to calibrate on; `keep_in` a folder for converted
    models, None to keep nothing."""

    found: Found
    tokeniser: Tokeniser
    how: DevicePrecision
    threads: int = 1
    texts: Sequence[str] = field(default_factory=tuple)
    keep_in: Path | None = None

    @cached_property
    def model(self) -> Any:
        """The torch model, read when it is first needed."""
        return load_model(self.found)

    @cached_property
    def probe(self) -> Probe:
        """The probe's sentences and what the torch model says of them, in full precision on the processor."""
        own = [text for lang in self.found.languages for text in PROBE_TEXTS.get(lang, ())]
        windows = self.tokeniser.windows(own or PROBE_TEXTS["en"])
        ids, mask = padded([windows.ids[i] for i in windows.starts], pad_id=self.tokeniser.pad_id)
        return Probe(ids, mask, run_once(TorchBackend(self.model, threads=self.threads), (ids, mask)))


def open_backend(opening: Opening) -> Backend:
    """The backend that was asked for, or the fastest here that agrees with torch.

    Raises MissingModelError for weights, packages or calibration texts that are missing, ConfigError for a device
    that is not there.
    """
    device = chosen_device(opening.how.device)
    runtime = _runtime(opening, device=device)
    if runtime == "torch":
        return _torch(opening, device=device)
    if runtime == "onnx":
        onnx = OnnxBackend(to_onnx(opening.model), threads=opening.threads)
        return onnx if passes(onnx, opening, probe=opening.probe) else _torch(opening, device="cpu")
    return _openvino(opening, precision=_precision(opening))


def chosen_device(asked: Literal["auto", "cpu", "cuda"]) -> Literal["cpu", "cuda"]:
    """Where to compute; raises ConfigError where CUDA was asked for and there is none."""
    if asked == "cpu":
        return "cpu"
    import torch

    if torch.cuda.is_available():
        return "cuda"
    if asked == "cuda":
        raise ConfigError('device "cuda" was asked for, and torch finds none. Use device = "auto" or "cpu".')
    return "cpu"


def _runtime(opening: Opening, *, device: str) -> Literal["torch", "openvino", "onnx"]:
    how, where = opening.how, opening.found.spec.where
    if device == "cuda" or how.runtime == "torch":
        if how.precision == "int8":
            raise ConfigError(
                f"{where}: int8 runs in OpenVINO on a CPU only. Use device cpu, or precision bf16."
            )
        return "torch"
    if how.runtime == "onnx":
        if find_spec("onnxruntime") is None:
            raise MissingModelError(f"{where}: ONNX Runtime is not installed. pip install onnxruntime")
        return "onnx"
    if how.runtime == "openvino" or how.precision == "int8":
        return "openvino"
    return "openvino" if on_x86() and find_spec("openvino") is not None else "torch"


def _precision(opening: Opening) -> Precision:
    asked = opening.how.precision
    if asked != "auto":
        return asked
    if not fast_int8():
        log.info("%s runs in full precision: int8 is no faster on this processor", opening.found.spec.where)
        return "fp32"
    if _kept(opening, "int8") is not None:
        return "int8"
    if not can_quantise():
        log.info("%s runs in full precision; int8 is faster: %s", opening.found.spec.where, QUANTISE)
        return "fp32"
    if len(opening.texts) < FEWEST_TEXTS:
        log.info("%s runs in full precision: too few texts to calibrate int8 on", opening.found.spec.where)
        return "fp32"
    return "int8"


def fast_int8(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor is made for 8-bit products (VNNI, AMX); assumed where nobody says."""
    try:
        said = cpuinfo.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True
    return any(sign in said for sign in ("vnni", "amx_int8"))


def _torch(opening: Opening, *, device: Literal["cpu", "cuda"]) -> "TorchBackend":
    asked = opening.how.precision
    precision: Precision = ("bf16" if device == "cuda" else "fp32") if asked == "auto" else asked
    return TorchBackend(opening.model, threads=opening.threads, device=device, precision=precision)


def _openvino(opening: Opening, *, precision: Precision) -> Backend:
    """The form that was asked for; where it is wrong here, full precision, and then torch, and the log says so."""
    for chosen in dict.fromkeys((precision, "fp32")):
        # bf16 is a way to run the full graph, not another graph.
        form: Form = "int8" if chosen == "int8" else "fp32"
        graph, probe = _kept(opening, form) or (_converted(opening, form=form), opening.probe)
        name, n_outputs = f"openvino-{chosen}", opening.found.head.n_logits
        backend = OpenVinoBackend(graph, name=name, n_outputs=n_outputs, threads=opening.threads)
        if passes(backend, opening, probe=probe):
            return backend
    return TorchBackend(opening.model, threads=opening.threads)


def _kept(opening: Opening, form: Form) -> tuple[Any, Probe] | None:
    return None if opening.keep_in is None else read_kept(_place(opening, form, root=opening.keep_in))


def _place(opening: Opening, form: Form, *, root: Path) -> Path:
    return kept_folder(root, digest=opening.found.digest, precision=form)


def _converted(opening: Opening, *, form: Form) -> Any:
    graph = to_graph(opening.model)
    if form == "int8":
        where = opening.found.spec.where
        graph = quantised(graph, texts=opening.texts, tokeniser=opening.tokeniser, where=where)
    if opening.keep_in is not None:
        keep(graph, folder=_place(opening, form, root=opening.keep_in), probe=opening.probe)
    return graph


def passes(backend: Backend, opening: Opening, *, probe: Probe) -> bool:
    """Whether the backend agrees with torch on the probe; the log says where it does not."""
    found = run_once(backend, (probe.ids, probe.mask))
    if agrees(found, head=opening.found.head, reference=probe.logits):
        return True
    head = opening.found.head
    far = float(np.abs(head.probabilities(found) - head.probabilities(probe.logits)).max())
    log.warning(
        "%s in %s disagrees with the torch model on this machine, by up to %.3f in a probability; scoring runs in a "
        "slower form",
        opening.found.spec.where,
        backend.name,
        far,
    )
    return False


def agrees(logits: np.ndarray, *, head: Head, reference: np.ndarray) -> bool:
    """Whether labels are those of the reference and probabilities within the tolerance.

    A label counts where the reference decides by more than the tolerance.
    """
    said = head.winners(reference, margin=PROBE_TOLERANCE)
    same = (head.winners(logits) == said) | (said < 0)
    far = np.abs(head.probabilities(logits) - head.probabilities(reference)).max()
    return bool(same.all() and far < PROBE_TOLERANCE)


def run_once(backend: Backend, block: Pair) -> np.ndarray:
    """Logits of one block."""
    found: list[np.ndarray] = []
    backend.run([block], receive=lambda _, logits: found.append(logits))
    return found[0]


class TorchBackend:
    """The model as it was published; bf16 computes under autocast."""

    def __init__(
        self, model: Any, *, threads: int, device: str = "cpu", precision: Precision = "fp32"
    ) -> None:
        import torch

        torch.set_num_threads(threads)
        self.name = f"torch-{precision}" if device == "cpu" else f"torch-{device}-{precision}"
        self.n_outputs = int(model.config.num_labels)
        self._model, self._device, self._bf16 = model.to(device), device, precision == "bf16"

    def run(self, blocks: Iterable[Pair], *, receive: Callable[[int, np.ndarray], None]) -> None:
        """See `Backend`."""
        import torch

        try:
            with torch.inference_mode(), torch.autocast(self._device, torch.bfloat16, enabled=self._bf16):
                for position, (ids, mask) in enumerate(blocks):
                    receive(position, self._logits(torch.from_numpy(ids), torch.from_numpy(mask)))
        except (RuntimeError, MemoryError) as error:
            raise_if_out_of_memory(error)
            raise

    def _logits(self, ids: Any, mask: Any) -> np.ndarray:
        output = self._model(input_ids=ids.to(self._device), attention_mask=mask.to(self._device))
        logits: np.ndarray = output.logits.float().cpu().numpy()
        return logits


class OpenVinoBackend:
    """A converted graph, a single-threaded stream per thread, so results do not depend on their number."""

    def __init__(self, graph: Any, *, name: str, n_outputs: int, threads: int) -> None:
        self.name, self.n_outputs = name, n_outputs
        precision = "bf16" if name.endswith("bf16") else "f32"
        self._queue = infer_queue(graph, threads=threads, precision=precision)

    def run(self, blocks: Iterable[Pair], *, receive: Callable[[int, np.ndarray], None]) -> None:
        """See `Backend`."""
        run_queue(self._queue, ({"ids": ids, "mask": mask} for ids, mask in blocks), receive=receive)


class OnnxBackend:
    """The model through ONNX Runtime, for machines where neither OpenVINO nor torch is fast."""

    name = "onnx-fp32"

    def __init__(self, graph: bytes, *, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self.n_outputs = int(self._session.get_outputs()[0].shape[1])

    def run(self, blocks: Iterable[Pair], *, receive: Callable[[int, np.ndarray], None]) -> None:
        """See `Backend`."""
        try:
            for position, (ids, mask) in enumerate(blocks):
                receive(position, self._session.run(["logits"], {"ids": ids, "mask": mask})[0])
        except (RuntimeError, MemoryError) as error:
            raise_if_out_of_memory(error)
            raise
