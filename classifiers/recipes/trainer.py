"""Task, base and settings → a finished folder: adapt, fine-tune, judge on validation, write.

Not a search for settings: one run, seeded, that can be interrupted and gone on with.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from classifiers.hub.tokens import HubTokeniser
from classifiers.recipes.adapt import Adapted, adapt, read_adapted, take_over, write_adapted
from classifiers.recipes.bases import (
    Base,
    heads,
    known_pieces,
    longest_window,
    open_classifier,
    open_tokeniser,
    vocabulary_of,
    window_length,
)
from classifiers.recipes.batches import Window, epoch_batches
from classifiers.recipes.examples import Examples, Task
from classifiers.recipes.folder import UNFINISHED, description, digest_of, prepare_folder, write_folder
from classifiers.recipes.judge import Verdict, judge
from classifiers.recipes.loop import Checkpoint, LoopReport, LoopSpec, Plan, Progress, run_loop
from classifiers.recipes.losses import groups_loss
from classifiers.recipes.options import AdaptSpec, Device, TrainSpec
from classifiers.recipes.pieces import Pieces
from classifiers.recipes.scores import probabilities
from classifiers.tokens import padded
from warehouse.errors import UsageError

# Narrow encoders bear, and need, a greater rate.
NARROW, NARROW_RATE, WIDE_RATE = 512, 1e-4, 3e-5
HEAD_FACTOR = 10.0
Tell = Callable[[str, int], None]


@dataclass(frozen=True)
class Order:
    """One training: what to learn, from where, with which settings, into which folder."""

    task: Task
    base: Base
    out: Path
    train: TrainSpec
    adapt: AdaptSpec | None = None
    resume: bool = False
    force: bool = False


def run_recipe(order: Order, *, tell: Tell | None = None) -> dict[str, Any]:
    """Train as ordered and write the folder; the description that was written. `tell(what, steps)` counts steps.

    Raises UsageError where the folder is taken or the device absent, MissingModelError or InputError for the base.
    """
    prepare_folder(order.out, resume=order.resume, force=order.force)
    device = pick_device(order.train.device)
    torch.set_num_threads(order.train.threads)
    pieces = open_tokeniser(order.base)
    adapted = _adapted(order, pieces=pieces, device=device, tell=tell)
    model = open_classifier(order.base, groups=order.task.groups, seed=order.train.seed)
    pieces = known_pieces(pieces, model=model, base=order.base)
    if adapted is not None:
        take_over(model, encoder=adapted.encoder)
    model.to(device)
    asked = order.train.max_tokens or order.task.max_tokens
    size = window_length(asked, longest=longest_window(model, tokeniser=pieces))
    report = _fine_tune(order, model=model, pieces=pieces, size=size, device=device, tell=tell)
    tokeniser = HubTokeniser(
        open_tokeniser(order.base).tokenizer, window=size, vocabulary=vocabulary_of(model)
    )
    verdict = _judged(order.task, model=model, tokeniser=tokeniser, device=device)
    meta = _described(order, verdict=verdict, tokeniser=tokeniser, report=report, adapted=adapted)
    write_folder(order.out, model=model.cpu(), pieces=pieces, meta=meta)
    return meta


def pick_device(device: Device) -> str:
    """`cuda` where asked for, or with `auto` where there is one; UsageError where there is none."""
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise UsageError("--device cuda: this machine or this build of torch has none. Use cpu or auto.")
    return "cuda" if there and device != "cpu" else "cpu"


@dataclass(frozen=True)
class _Net:
    """Batches and loss of the fine-tuning."""

    model: Any
    examples: Examples
    ids: list[list[int]]
    task: Task
    pieces: Pieces
    train: TrainSpec
    size: int
    device: str

    def batches(self, epoch: int) -> Sequence[list[Window]]:
        return epoch_batches(
            np.fromiter(map(len, self.ids), dtype=np.int64, count=len(self.ids)),
            size=self.size - self.pieces.n_special,
            special=self.pieces.n_special,
            budget=self.train.batch_tokens,
            seed=(self.train.seed, epoch),
        )

    def loss(self, batch: Sequence[Window]) -> Tensor:
        windows = [self.pieces.framed(self.ids[w.row][w.first : w.first + w.size]) for w in batch]
        block, mask = padded(windows, pad_id=self.pieces.pad_id)
        rows = np.array([w.row for w in batch])
        ids, seen, targets, known = (
            torch.from_numpy(part).to(self.device)
            for part in (block, mask, self.examples.targets[rows], self.examples.masks[rows])
        )
        logits = self.model(input_ids=ids, attention_mask=seen).logits
        return groups_loss(logits, targets=targets, masks=known, groups=self.task.groups)


def _fine_tune(
    order: Order, *, model: Any, pieces: Pieces, size: int, device: str, tell: Tell | None
) -> LoopReport:
    torch.manual_seed(order.train.seed)
    examples = order.task.train
    net = _Net(model, examples, pieces.ids(examples.texts), order.task, pieces, order.train, size, device)
    head = [p for part in heads(model).values() for p in part.parameters()]
    rate = order.train.rate or default_rate(model)
    spec = LoopSpec(
        epochs=order.train.epochs,
        max_steps=order.train.max_steps,
        rate=rate,
        head_rate=HEAD_FACTOR * rate,
        warmup=order.train.warmup,
        weight_decay=order.train.weight_decay,
        checkpoint_every=order.train.checkpoint_every,
    )
    plan = Plan(net.batches, net.loss, head)
    return run_loop(
        model,
        plan=plan,
        spec=spec,
        checkpoint=_checkpoint(order, "tuning"),
        progress=_counter(tell, "fine-tuning"),
    )


def default_rate(model: Any) -> float:
    """1e-4 for encoders up to 512 wide, else 3e-5."""
    return NARROW_RATE if int(getattr(model.config, "hidden_size", NARROW)) <= NARROW else WIDE_RATE


def _adapted(order: Order, *, pieces: Pieces, device: str, tell: Tell | None) -> Adapted | None:
    """The adapted encoder, where one is wanted; a finished adaptation of an interrupted training is taken up again."""
    if order.adapt is None:
        return None
    checkpoint = _checkpoint(order, "adapting")
    kept = checkpoint.path.with_name(f"adapted-{checkpoint.fingerprint[:12]}.pt")
    if order.resume and kept.is_file():
        return read_adapted(kept)
    adapted = adapt(
        order.base,
        pieces=pieces,
        spec=order.adapt,
        train=order.train,
        device=device,
        checkpoint=checkpoint,
        progress=_counter(tell, "adapting"),
    )
    write_adapted(adapted, path=kept)
    checkpoint.path.unlink(missing_ok=True)
    return adapted


def _judged(task: Task, *, model: Any, tokeniser: HubTokeniser, device: str) -> Verdict:
    def look(examples: Examples) -> Verdict:
        flat = probabilities(
            model,
            examples.texts,
            tokeniser=tokeniser,
            groups=task.groups,
            pooling=task.pooling,
            device=device,
        )
        return judge(flat, examples, groups=task.groups)

    verdict = look(task.validation)
    beside = {name: look(examples).metrics for name, examples in task.beside.items()}
    if beside:
        verdict.metrics["beside"] = beside
    return verdict


def _described(
    order: Order, *, verdict: Verdict, tokeniser: HubTokeniser, report: LoopReport, adapted: Adapted | None
) -> dict[str, Any]:
    settings = asdict(order.train)
    training = settings | {
        "steps": report.steps,
        "first_loss": report.first_loss,
        "last_loss": report.last_loss,
        "adapted": None if adapted is None else adapted.facts,
    }
    return description(order.task, verdict=verdict, base=order.base, tokeniser=tokeniser, training=training)


def _checkpoint(order: Order, phase: str) -> Checkpoint:
    return Checkpoint(order.out / UNFINISHED / f"{phase}.pt", _fingerprint(order), order.resume)


def _fingerprint(order: Order) -> str:
    """Digest over all that decides the weights, but for the device and where the folder is."""
    settings = asdict(order.train)
    settings.pop("device")
    settings.pop("checkpoint_every")
    adapt_on: list[Any] = []
    if order.adapt is not None:
        a = order.adapt
        texts = hashlib.sha256("\0".join(a.texts).encode("utf-8", "surrogatepass")).hexdigest()
        adapt_on = [
            texts,
            a.guide_name,
            a.probability,
            a.epochs,
            a.max_steps,
            a.max_tokens,
            a.batch_tokens,
            a.rate,
        ]
    groups = [(group.name, group.labels, group.activation) for group in order.task.groups]
    parts = [settings, adapt_on, groups, order.base.source, digest_of(order.task.train)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _counter(tell: Tell | None, what: str) -> Progress | None:
    if tell is None:
        return None
    return lambda _done, _total: tell(what, 1)
