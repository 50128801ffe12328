"""The optimisation itself, for any model and loss: AdamW, warm-up, decay, clipping, and a state that survives a kill.

Not for data: batches of each epoch are asked for by number, and must be the same whenever they are asked for.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

from warehouse.errors import UsageError

log = logging.getLogger(__name__)

Batch = TypeVar("Batch")
Progress = Callable[[int, int], None]
CLIP = 1.0
# Of how many steps at either end the mean loss is reported: a quarter of all, but not more than this.
MOST_STEPS = 50


@dataclass(frozen=True)
class LoopSpec:
    """Steps and rates of one run; a fresh head learns at `head_rate`."""

    epochs: int
    max_steps: int
    rate: float
    head_rate: float
    warmup: float
    weight_decay: float
    checkpoint_every: int


@dataclass(frozen=True)
class Plan(Generic[Batch]):
    """Batches by epoch, their loss, and parameters that belong to the head."""

    batches: Callable[[int], Sequence[Batch]]
    loss: Callable[[Batch], Tensor]
    head: Sequence[Any]


@dataclass(frozen=True)
class Checkpoint:
    """Where the state is kept, and what must be unchanged for it to be gone on with."""

    path: Path
    fingerprint: str
    resume: bool


@dataclass(frozen=True)
class LoopReport:
    """How many steps, and the mean loss of the first and the last of them."""

    steps: int
    first_loss: float
    last_loss: float


def run_loop(
    model: Any,
    *,
    plan: Plan[Batch],
    spec: LoopSpec,
    checkpoint: Checkpoint,
    progress: Progress | None = None,
) -> LoopReport:
    """Train `model` in place and leave it in evaluation mode; a kept state is gone on with where asked for.

    On one processor and with as many threads, an interrupted run that goes on ends with the same weights as one
    that was never interrupted.
    """
    per_epoch = len(plan.batches(0))
    whole = spec.epochs * per_epoch
    total = min(spec.max_steps, whole) if spec.max_steps else whole
    optimiser = _optimiser(model, head=plan.head, spec=spec)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _rate((step + 1) / (total + 1), warmup=spec.warmup)
    )
    losses = _restored(checkpoint, model=model, optimiser=optimiser, schedule=schedule)
    model.train()
    for step, batch in _from_step(len(losses), total=total, plan=plan):
        losses.append(_step(model, optimiser, loss=plan.loss(batch)))
        schedule.step()
        if progress is not None:
            progress(step + 1, total)
        if (step + 1) % spec.checkpoint_every == 0 and step + 1 < total:
            log.info("step %d of %d, loss %.4f", step + 1, total, losses[-1])
            _keep(checkpoint, model=model, optimiser=optimiser, schedule=schedule, losses=losses)
    model.eval()
    some = min(MOST_STEPS, -(-len(losses) // 4))
    return LoopReport(len(losses), _mean(losses[:some]), _mean(losses[-some:]))


def _optimiser(model: Any, *, head: Sequence[Any], spec: LoopSpec) -> torch.optim.Optimizer:
    fresh = {id(parameter) for parameter in head}
    body = [p for p in model.parameters() if p.requires_grad and id(p) not in fresh]
    groups = [
        {"params": body, "lr": spec.rate},
        {"params": [p for p in head if p.requires_grad], "lr": spec.head_rate},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], weight_decay=spec.weight_decay)


def _rate(progress: float, *, warmup: float) -> float:
    """Linear warm-up, then linear decay to zero."""
    return progress / warmup if progress < warmup else max(0.0, (1.0 - progress) / (1.0 - warmup))


def _from_step(first: int, *, total: int, plan: Plan[Batch]) -> Iterator[tuple[int, Batch]]:
    """(step, batch) from this step on, epoch after epoch."""
    step, epoch = 0, 0
    while step < total:
        for batch in plan.batches(epoch):
            if step >= total:
                return
            if step >= first:
                yield step, batch
            step += 1
        epoch += 1


def _step(model: Any, optimiser: torch.optim.Optimizer, *, loss: Tensor) -> float:
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.grad is not None], CLIP)
    optimiser.step()
    optimiser.zero_grad()
    return float(loss.detach())


def _keep(checkpoint: Checkpoint, *, model: Any, optimiser: Any, schedule: Any, losses: list[float]) -> None:
    """Write the whole state, or nothing."""
    state = {
        "fingerprint": checkpoint.fingerprint,
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "schedule": {"last_epoch": schedule.last_epoch, "rates": schedule.get_last_lr()},
        "losses": losses,
        "rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    checkpoint.path.parent.mkdir(parents=True, exist_ok=True)
    fresh = checkpoint.path.with_name(f".{checkpoint.path.name}.new")
    torch.save(state, fresh)
    fresh.replace(checkpoint.path)


def _restored(checkpoint: Checkpoint, *, model: Any, optimiser: Any, schedule: Any) -> list[float]:
    """Put the kept state back; the losses so far, none where there is no state or it is not wanted."""
    if not (checkpoint.resume and checkpoint.path.is_file()):
        return []
    state = torch.load(checkpoint.path, weights_only=True, map_location="cpu")
    if state["fingerprint"] != checkpoint.fingerprint:
        raise UsageError(
            f"{checkpoint.path.parent.parent}: the unfinished training there has other data or settings. Give the same "
            "options as then, or start anew with --force."
        )
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.last_epoch = state["schedule"]["last_epoch"]
    schedule._last_lr = state["schedule"]["rates"]
    torch.set_rng_state(state["rng"])
    if state["cuda_rng"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda_rng"])
    return list(state["losses"])


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4) if values else float("nan")
