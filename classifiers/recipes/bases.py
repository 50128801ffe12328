"""Open an encoder to start from: the embedded one, a local folder, or a hub id; give it new heads.

It never runs code that came with a model, and downloads only where the environment allows it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from classifiers.package import PACKAGE, encoder_file, encoder_folder
from classifiers.recipes.examples import Group
from classifiers.recipes.pieces import LONGEST, Pieces, pieces
from classifiers.tokens import LENGTHS
from warehouse.errors import InputError, MissingModelError

# So many special pieces may lack a vector.
FEW = 8
# Families whose positions begin behind the pad id.
BEHIND_PADDING = frozenset(
    {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "roberta-prelayernorm", "mpnet"}
)


@dataclass(frozen=True)
class Base:
    """Where an encoder comes from: what to open, what to call it, and under which licence it is, if known."""

    source: str
    name: str
    licence: str


def find_base(base: str | None) -> Base:
    """The embedded encoder without a name; else a folder, or an id on the hub, which is not looked up yet."""
    if base is None:
        encoder_file("model.safetensors")
        return Base(str(encoder_folder()), PACKAGE, "Apache-2.0")
    folder = Path(base)
    if folder.is_dir():
        return Base(str(folder), folder.name, _stated_licence(folder))
    if folder.is_absolute() or base.count("/") > 1 or base.startswith("."):
        raise MissingModelError(
            f"--base {base}: no such folder. Expected a model's folder or a hub id (owner/name)."
        )
    return Base(base, base, "as of the base model")


def open_tokeniser(base: Base) -> Pieces:
    """The base's tokeniser; raises MissingModelError or InputError."""
    from transformers import AutoTokenizer

    with _quiet(), _told(base):
        return pieces(AutoTokenizer.from_pretrained(base.source, trust_remote_code=False))


def open_classifier(base: Base, *, groups: Sequence[Group], seed: int) -> Any:
    """A sequence classifier over the base's encoder, with a new head drawn from `seed` for the groups' labels.

    A head that the base has is never kept: its labels may be others, or the same in another order.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    names = label_names(groups)
    torch.manual_seed(seed)
    with _quiet(), _told(base):
        model = AutoModelForSequenceClassification.from_pretrained(
            base.source,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
            id2label=dict(enumerate(names)),
            label2id={name: i for i, name in enumerate(names)},
            problem_type=_problem_type(groups),
        )
    for head in heads(model).values():
        head.apply(lambda module: _drawn(module, std=getattr(model.config, "initializer_range", 0.02)))
    return model


def open_masked(base: Base, *, seed: int) -> tuple[Any, bool]:
    """(masked-language model, whether its head is the base's own).

    Where the base has no such head a new one is drawn, and its output is tied to the input word vectors.
    """
    import torch
    from transformers import AutoModelForMaskedLM

    torch.manual_seed(seed)
    with _quiet(), _told(base):
        model, found = AutoModelForMaskedLM.from_pretrained(
            base.source, trust_remote_code=False, dtype=torch.float32, output_loading_info=True
        )
    prefix = f"{model.base_model_prefix}."
    fresh = any(not name.startswith(prefix) for name in found["missing_keys"])
    if fresh:
        model.config.tie_word_embeddings = True
        model.tie_weights()
    return model, not fresh


def saved(model: Any, *, pieces: Pieces, folder: Path) -> None:
    """Write the model's and the tokeniser's files as transformers reads them."""
    with _quiet():
        model.save_pretrained(folder, safe_serialization=True)
        pieces.tokenizer.save_pretrained(folder)


def heads(model: Any) -> dict[str, Any]:
    """The parts of a model that are not its encoder."""
    return {name: part for name, part in model.named_children() if name != model.base_model_prefix}


def label_names(groups: Sequence[Group]) -> tuple[str, ...]:
    """Names of the flat logits: the labels themselves, with their group before them where they would repeat."""
    plain = [label for group in groups for label in group.labels]
    if len(set(plain)) == len(plain):
        return tuple(plain)
    return tuple(f"{group.name}_{label}" for group in groups for label in group.labels)


def longest_window(model: Any, *, tokeniser: Pieces) -> int:
    """How many ids the model can read at once, special ones included."""
    config = model.config
    positions = int(getattr(config, "max_position_embeddings", LONGEST) or LONGEST)
    if config.model_type in BEHIND_PADDING:
        positions -= int(config.pad_token_id or 0) + 1
    return min(positions, int(min(tokeniser.tokenizer.model_max_length, LONGEST)), LONGEST)


def window_length(asked: int, *, longest: int) -> int:
    """The window that is nearest to what was asked for among those that blocks are padded to."""
    limit = min(asked, longest)
    return max((length for length in LENGTHS if length <= limit), default=LENGTHS[0])


def vocabulary_of(model: Any) -> int:
    """How many word pieces the model has vectors for."""
    return int(model.get_input_embeddings().weight.shape[0])


def known_pieces(tokeniser: Pieces, *, model: Any, base: Base) -> Pieces:
    """The tokeniser held to the pieces that the model has vectors for.

    Published models may lack a few, such as a mask that was added later. Raises InputError for more than a few.
    """
    rows, words = vocabulary_of(model), len(tokeniser.tokenizer)
    if words > rows + FEW:
        raise InputError(
            f"--base {base.name}: the tokeniser knows {words} pieces, the model {rows}. Expected files of one model. "
            "Get the folder again."
        )
    return replace(tokeniser, rows=rows)


def _problem_type(groups: Sequence[Group]) -> str | None:
    if all(group.activation == "sigmoid" for group in groups):
        return "multi_label_classification"
    return "single_label_classification" if len(groups) == 1 else None


def _drawn(module: Any, *, std: float) -> None:
    from torch import nn

    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _stated_licence(folder: Path) -> str:
    """What the front matter of the folder's page says."""
    page = folder / "README.md"
    lines = page.read_text(encoding="utf-8", errors="replace").splitlines() if page.is_file() else []
    stated = [line.split(":", 1)[1].strip() for line in lines[:60] if line.startswith("license:")]
    return stated[0] if stated and stated[0] else "as of the base model"


@contextmanager
def _quiet() -> Iterator[None]:
    """The library says nothing while it loads or saves: what matters of it we say ourselves."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)


@contextmanager
def _told(base: Base) -> Iterator[None]:
    """Errors of the library in our words."""
    try:
        yield
    except OSError as error:
        gated = "gated" in str(error).lower() or "401" in str(error) or "403" in str(error)
        why = (
            "is gated: ask for access on its page and log in"
            if gated
            else "is neither a folder nor in the cache"
        )
        raise MissingModelError(
            f"--base {base.name} {why}. Expected config.json, weights and tokeniser files of one model. Give a local "
            "folder, or allow downloads with HF_HUB_OFFLINE=0 and TRANSFORMERS_OFFLINE=0."
        ) from error
    except (ValueError, KeyError, ImportError) as error:
        raise InputError(
            f"--base {base.name} cannot be opened ({type(error).__name__}). Expected an encoder of a kind that the "
            "installed transformers knows without code from the model itself. Take another base."
        ) from error
