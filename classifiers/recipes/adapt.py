"""Masked-language modelling on unlabelled posts before fine-tuning, with an expert's words hidden more often.

Source: Aroyehun et al. 2023 (LEIA). Whether it helps is an empirical question: `benchmarks/results/preadaptation.md`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from classifiers.recipes.bases import Base, heads, known_pieces, longest_window, open_masked
from classifiers.recipes.batches import Window, epoch_batches
from classifiers.recipes.loop import Checkpoint, LoopSpec, Plan, Progress, run_loop
from classifiers.recipes.masking import IGNORED, Maskable, Vocabulary, maskable, masked
from classifiers.recipes.options import AdaptSpec, TrainSpec
from classifiers.recipes.pieces import Pieces
from classifiers.tokens import padded
from warehouse.errors import InputError

MIN_POSTS = 50
# Gives the masking its own random numbers, apart from those of the batches.
MASKING = 1


@dataclass(frozen=True)
class Adapted:
    """Tensors of the adapted encoder by name, and what is said of it in the card."""

    encoder: dict[str, Tensor]
    facts: dict[str, Any]


def adapt(
    base: Base,
    *,
    pieces: Pieces,
    spec: AdaptSpec,
    train: TrainSpec,
    device: str,
    checkpoint: Checkpoint,
    progress: Progress | None = None,
) -> Adapted:
    """The base's encoder after masked-language modelling on `spec.texts`.

    Raises InputError for fewer than 50 texts and for a tokeniser without a mask.
    """
    model, own_head = open_masked(base, seed=train.seed)
    pieces = known_pieces(pieces, model=model, base=base)
    _check(pieces, spec, base=base)
    texts = [text for text in maskable(pieces, spec.texts, guide=spec.guide) if len(text.ids)]
    model.to(device)
    run = _Run(model, texts, pieces, spec, train, device)
    head = [p for part in heads(model).values() for p in part.parameters()]
    tied = {id(p) for p in model.base_model.parameters()}
    plan = Plan(run.batches, run.loss, [p for p in head if id(p) not in tied] if not own_head else [])
    report = run_loop(
        model, plan=plan, spec=_loop_spec(spec, train), checkpoint=checkpoint, progress=progress
    )
    encoder = {name: value.detach().cpu().clone() for name, value in model.base_model.state_dict().items()}
    return Adapted(encoder, _facts(spec, texts, own_head=own_head) | {"steps": report.steps,
                   "first_loss": report.first_loss, "last_loss": report.last_loss})  # fmt: skip


def take_over(model: Any, *, encoder: dict[str, Tensor]) -> None:
    """Put the adapted tensors into another model of the same base; what they lack, such as a pooler, stays."""
    found = model.base_model.load_state_dict(encoder, strict=False)
    if found.unexpected_keys:
        raise InputError(
            f"the adapted encoder has parts that the base lacks: {', '.join(found.unexpected_keys[:3])}"
        )


@dataclass(frozen=True)
class _Batch:
    ids: Tensor
    mask: Tensor
    labels: Tensor


@dataclass(frozen=True)
class _Run:
    """Batches and loss over texts; every epoch hides other words."""

    model: Any
    texts: list[Maskable]
    pieces: Pieces
    spec: AdaptSpec
    train: TrainSpec
    device: str

    def batches(self, epoch: int) -> list[list[tuple[Window, int]]]:
        lengths = np.array([len(text.ids) for text in self.texts], dtype=np.int64)
        size = (
            min(self.spec.max_tokens, longest_window(self.model, tokeniser=self.pieces))
            - self.pieces.n_special
        )
        cut = epoch_batches(
            lengths,
            size=size,
            special=self.pieces.n_special,
            budget=self.spec.batch_tokens,
            seed=(self.train.seed, epoch),
        )
        return [[(window, epoch) for window in batch] for batch in cut]

    def loss(self, batch: list[tuple[Window, int]]) -> Tensor:
        made = self._tensors(batch)
        if not bool((made.labels != IGNORED).any()):
            return sum(p.sum() * 0.0 for p in self.model.parameters() if p.requires_grad)
        logits, labels = _guesses(self.model, made)
        return functional.cross_entropy(logits, labels)

    def _tensors(self, batch: list[tuple[Window, int]]) -> _Batch:
        vocabulary = _vocabulary(self.pieces)
        ids, labels = [], []
        for window, epoch in batch:
            rng = np.random.default_rng([self.train.seed, epoch, window.row, MASKING])
            text = self.texts[window.row].cut(window.first, window.size)
            hidden, true = masked(text, k=self.spec.probability, vocabulary=vocabulary, rng=rng)
            ids.append(self.pieces.framed(hidden.tolist()))
            around = [IGNORED] * len(self.pieces.before), [IGNORED] * len(self.pieces.behind)
            labels.append([*around[0], *true.tolist(), *around[1]])
        block, mask = padded(ids, pad_id=self.pieces.pad_id)
        wanted, _ = padded(labels, pad_id=IGNORED)
        return _Batch(*(torch.from_numpy(part).to(self.device) for part in (block, mask, wanted)))


def _guesses(model: Any, batch: _Batch) -> tuple[Tensor, Tensor]:
    """Logits over the vocabulary and true ids, at the places that have to be guessed only where that is possible."""
    places = batch.labels != IGNORED
    parts = list(heads(model).values())
    if len(parts) != 1:
        return model(input_ids=batch.ids, attention_mask=batch.mask).logits[places], batch.labels[places]
    states = model.base_model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
    return parts[0](states[places]), batch.labels[places]


def _vocabulary(pieces: Pieces) -> Vocabulary:
    tokenizer = pieces.tokenizer
    return Vocabulary(
        int(tokenizer.mask_token_id),
        min(len(tokenizer), pieces.rows),
        frozenset(map(int, tokenizer.all_special_ids)),
    )


def _check(pieces: Pieces, spec: AdaptSpec, *, base: Base) -> None:
    if pieces.tokenizer.mask_token_id is None or int(pieces.tokenizer.mask_token_id) >= pieces.rows:
        raise InputError(f"--base {base.name}: it has no mask, so words cannot be hidden. Take another base.")
    if len(spec.texts) < MIN_POSTS:
        raise InputError(
            f"{spec.source}: {len(spec.texts)} posts to adapt on; expected at least {MIN_POSTS}, and better thousands."
        )


def _loop_spec(spec: AdaptSpec, train: TrainSpec) -> LoopSpec:
    return LoopSpec(
        epochs=spec.epochs,
        max_steps=spec.max_steps,
        rate=spec.rate,
        head_rate=10 * spec.rate,
        warmup=train.warmup,
        weight_decay=train.weight_decay,
        checkpoint_every=train.checkpoint_every,
    )


def _facts(spec: AdaptSpec, texts: list[Maskable], *, own_head: bool) -> dict[str, Any]:
    words = sum(int(text.words.sum()) for text in texts)
    guided = sum(int(text.words[text.guided].sum()) for text in texts)
    return {
        "source": spec.source,
        "posts": len(texts),
        "guide": spec.guide_name,
        "guide_share_of_words": round(guided / max(words, 1), 4),
        "probability": spec.probability,
        "head": "the base's own" if own_head else "new, its output tied to the input word vectors",
    }


def write_adapted(adapted: Adapted, *, path: Path) -> None:
    """Keep the encoder and the facts in one file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    torch.save({"encoder": adapted.encoder, "facts": adapted.facts}, fresh)
    fresh.replace(path)


def read_adapted(path: Path) -> Adapted:
    """What `write_adapted` kept."""
    state = torch.load(path, weights_only=True, map_location="cpu")
    return Adapted(state["encoder"], state["facts"])
