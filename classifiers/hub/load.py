"""Read a sequence classifier of a published kind from its folder, and refuse what would give wrong numbers.

Not for downloads (`find`) and not for running (`backends`). Nothing of a model's own code runs unless allowed.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from classifiers.hub.card import TrainedCard, read_card
from classifiers.hub.find import PATTERNS, model_folder, only_pickles
from classifiers.hub.heads import Activation, Head, flat_head, grouped_head
from classifiers.hub.labels import placeholders, snake
from classifiers.hub.spec import HubSpec
from classifiers.package import file_sha256
from warehouse.errors import ConfigError, MissingModelError

_AGAIN = "fetch or copy it again"


@dataclass(frozen=True)
class Found:
    """A model's folder with its configuration read and its labels understood; no weights are read yet."""

    spec: HubSpec
    folder: Path
    config: dict[str, Any]
    card: TrainedCard

    @cached_property
    def head(self) -> Head:
        """Logits → measures. Raises MissingModelError or ConfigError where labels are missing or unknown."""
        if self.card.groups:
            return grouped_head(self.card.groups, own=self.spec.labels, where=self.spec.where)
        labels = _labels(self)
        return flat_head(
            labels, activation=_activation(self, labels), own=self.spec.labels, where=self.spec.where
        )

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Languages whose posts it may read, as the user or its card says."""
        languages = self.spec.languages or self.card.languages
        if not languages:
            raise ConfigError(
                f'{self.spec.where}: for which languages is it? Add languages = ["en"] under [[score.models]].'
            )
        return languages

    @cached_property
    def digest(self) -> str:
        """Hex sha256 over every file that can change a number."""
        files = sorted(path for pattern in [*PATTERNS, "*.bin", "*.py"] for path in self.folder.glob(pattern))
        parts = [f"{path.name} {_sha256(path)}" for path in files]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def size_mb(self) -> float:
        """Megabytes of the weights."""
        return round(sum(path.stat().st_size for path in weight_files(self)) / 1e6, 1)


def find_model(spec: HubSpec) -> Found:
    """The model's folder, checked as far as that goes without its weights. Raises MissingModelError."""
    if not spec.head:
        raise MissingModelError(headless(spec))
    folder = model_folder(spec)
    config = _json(folder / "config.json", where=spec.where)
    _check_code(spec, config)
    _check_architecture(spec, config)
    found = Found(spec, folder, config, read_card(folder, where=spec.where))
    weight_files(found)
    return found


def weight_files(found: Found) -> list[Path]:
    """The files weights are read from: safetensors, or pickled ones where that is allowed."""
    safe = sorted(found.folder.glob("*.safetensors"))
    if safe:
        return safe
    pickled = sorted(found.folder.glob("pytorch_model*.bin"))
    if pickled and not found.spec.allow_pickle:
        raise MissingModelError(only_pickles(found.spec))
    if not pickled:
        raise MissingModelError(
            f"{found.spec.where}: {found.folder} has no weights (*.safetensors); {_AGAIN}"
        )
    return pickled


def headless(spec: HubSpec) -> str:
    """What to do about an encoder."""
    gated = " It is gated: ask for access on its page of the hub first." if spec.gated else ""
    return (
        f"{spec.where} is an encoder without a classification head, and a random one would give random numbers."
        f"{gated} Train a head on labelled texts with `affectcast train`, and name the folder it writes as source."
    )


def load_model(found: Found) -> Any:
    """The transformers model in full precision and evaluation mode. Raises MissingModelError where weights are damaged,
    missing or of another shape, or the head is not among them."""
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification

    _check_headers(found)
    pickled = weight_files(found)[0].suffix == ".bin"
    try:
        with quietly():
            model, info = AutoModelForSequenceClassification.from_pretrained(
                found.folder,
                output_loading_info=True,
                local_files_only=True,
                trust_remote_code=found.spec.trust_remote_code,
                use_safetensors=not pickled,
                attn_implementation="eager",
                dtype=torch.float32,
            )
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, ImportError) as error:
        raise MissingModelError(
            f"{found.spec.where}: the weights in {found.folder} cannot be read ({type(error).__name__}: "
            f"{_first_line(error)}); {_AGAIN}"
        ) from error
    _check_complete(found, model, info)
    return model.eval()


def load_tokenizer(found: Found) -> Any:
    """The model's own tokeniser, fast where there is one. Raises MissingModelError."""
    from transformers import AutoTokenizer

    try:
        with quietly():
            tokenizer = AutoTokenizer.from_pretrained(
                found.folder, local_files_only=True, trust_remote_code=found.spec.trust_remote_code
            )
    # A damaged file of a tokeniser can raise nearly anything, a plain Exception in the library below among it.
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, RuntimeError) as error:
        raise MissingModelError(
            f"{found.spec.where}: no tokeniser can be read from {found.folder} ({type(error).__name__}: "
            f"{_first_line(error)}); its files belong beside config.json"
        ) from error
    if getattr(tokenizer, "normalization", False):
        # The text profile has done this already.
        tokenizer.normalization = False
    if tokenizer.pad_token_id is None:
        raise MissingModelError(
            f"{found.spec.where}: its tokeniser has no padding token; texts cannot be batched"
        )
    own = {
        token: i for token, i in tokenizer.get_vocab().items() if token not in tokenizer.all_special_tokens
    }
    rows = int(found.config.get("vocab_size") or len(tokenizer))
    # Without its files the library makes a tokeniser that knows next to nothing, and says so to nobody.
    if 2 * len(own) < rows or max(own.values()) >= rows:
        raise MissingModelError(
            f"{found.spec.where}: the tokeniser read from {found.folder} has {len(own)} words, the model {rows}; its "
            f"files are missing or those of another model; {_AGAIN}"
        )
    return tokenizer


@contextmanager
def quietly() -> Iterator[None]:
    """Without the library's remarks on what is checked here, or done by the text profile."""
    from transformers.utils import logging

    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


def _labels(found: Found) -> list[str]:
    """Labels in the order of the logits, checked against those of the catalogue by name."""
    given = found.config.get("id2label") or {
        i: f"LABEL_{i}" for i in range(found.config.get("num_labels", 2))
    }
    named = {int(i): str(label) for i, label in given.items()}
    labels = [named[i] for i in sorted(named)]
    if sorted(named) != list(range(len(named))) or (placeholders(labels) and not found.spec.labels):
        raise MissingModelError(
            f"{found.spec.where}: config.json does not say what its {len(labels)} labels mean. "
            'Write it down from the model\'s documentation: labels = { LABEL_0 = "anger", LABEL_1 = "joy" } under '
            "[[score.models]]."
        )
    documented = found.spec.documented
    if documented and {snake(name) for name in labels} != {snake(name) for name in documented}:
        raise MissingModelError(
            f"{found.spec.where}: config.json has the labels {', '.join(labels)}; documented are "
            f"{', '.join(documented)}. Pin another revision, or give it a name of your own with source and labels."
        )
    return labels


def _activation(found: Found, labels: list[str]) -> Activation:
    if found.spec.activation:
        return found.spec.activation
    problem = found.config.get("problem_type")
    if problem == "regression" or (len(labels) == 1 and problem is None):
        raise MissingModelError(
            f"{found.spec.where}: it has one output that is no probability of a class; a scorer needs labels. If it is "
            'one, set activation = "sigmoid" under [[score.models]].'
        )
    return "sigmoid" if problem == "multi_label_classification" else "softmax"


def _check_code(spec: HubSpec, config: dict[str, Any]) -> None:
    if spec.trust_remote_code or "auto_map" not in config:
        return
    from transformers import CONFIG_MAPPING

    # With a class of that name in the library, the model's own code is not needed and not run.
    if config.get("model_type") not in CONFIG_MAPPING:
        raise MissingModelError(
            f"{spec.where}: it needs Python code of its own, which could do anything on this machine. Read that code, "
            f"and if you trust it set trust_remote_code = true under [[score.models]] name = {spec.name!r}."
        )


def _check_architecture(spec: HubSpec, config: dict[str, Any]) -> None:
    architectures = config.get("architectures") or []
    # Some authors saved their own class over an ordinary one, such as BertForMultiLabelClassification.
    heads = ("SequenceClassification", "MultiLabelClassification", "MultilabelSequenceClassification")
    if architectures and not any(str(name).endswith(heads) for name in architectures):
        raise MissingModelError(headless(spec))


def _check_headers(found: Found) -> None:
    """A safetensors file that was cut short says so here, before a library guesses."""
    from safetensors import SafetensorError, safe_open

    for path in weight_files(found):
        if path.suffix != ".safetensors":
            continue
        try:
            with safe_open(path, framework="numpy") as file:
                file.keys()
        except (SafetensorError, OSError) as error:
            raise MissingModelError(
                f"{found.spec.where}: {path} is damaged or incomplete ({_first_line(error)}); {_AGAIN}"
            ) from error


def _check_complete(found: Found, model: Any, info: dict[str, Any]) -> None:
    missing = sorted(info.get("missing_keys", ()))
    inner = f"{model.base_model_prefix}."
    if any(key.startswith(inner) and ".pooler." not in key for key in missing) or info.get("mismatched_keys"):
        raise MissingModelError(
            f"{found.spec.where}: {len(missing)} tensors are missing from the weights or have another shape than "
            f"config.json says; {_AGAIN}"
        )
    if missing:
        raise MissingModelError(headless(found.spec))
    if int(model.config.num_labels) != found.head.n_logits:
        raise MissingModelError(
            f"{found.spec.where}: the model has {model.config.num_labels} outputs, its labels are {found.head.n_logits}"
        )


def _json(path: Path, *, where: str) -> dict[str, Any]:
    try:
        body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MissingModelError(f"{where}: {path} cannot be read as JSON; {_AGAIN}") from error
    return body


def _sha256(path: Path) -> str:
    stat = path.stat()
    return file_sha256(path, stamp=(stat.st_mtime_ns, stat.st_size))


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or "no reason given").splitlines()[0][:200]
