"""Fine-tune the embedded encoder on public emotion data, reproducibly, and write everything a scorer loads.

Not for scoring, and not a model search: one recipe, seeded, whose settings are a value.
"""

import json
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from classifiers.delta import delta_of, save_delta, tuned_from
from classifiers.encoder import EmotionNet, pretrained
from classifiers.export import FULL_GRAPH, to_openvino
from classifiers.labelled import EMOTION_SOURCES, Labelled, load_split, without_leaks
from classifiers.package import encoder_file
from classifiers.taxonomy import MEASURES
from classifiers.tokens import padded, tokenise

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """Settings of one training. `max_steps` of 0 means all epochs; `tune_encoder` False trains the head only.

    One network is tuned per seed, and their weights are averaged (Wortsman et al. 2022, model soups).
    """

    seeds: tuple[int, ...] = (20_240, 20_241)
    epochs: int = 3
    batch_rows: int = 48
    max_tokens: int = 96
    encoder_rate: float = 1.2e-4
    head_rate: float = 2e-3
    warmup: float = 0.06
    weight_decay: float = 0.01
    exclusive_weight: float = 0.3
    max_steps: int = 0
    tune_encoder: bool = True
    threads: int = 1


def train_emotion(
    data_dir: Path, out_dir: Path, *, build_dir: Path, recipe: Recipe | None = None
) -> dict[str, Any]:
    """Train on every English emotion file of `data_dir`; write `delta.safetensors` to `out_dir`.

    The full-precision graph that `export.quantise_emotion` starts from goes to `build_dir`, with `training.json`:
    what `finish.finish_emotion` says about the training, also returned. Raises InputError for a missing data file.
    """
    settings = recipe or Recipe()
    train = training_rows(data_dir)
    for folder in (out_dir, build_dir):
        folder.mkdir(parents=True, exist_ok=True)
    save_delta(train_delta(train, recipe=settings), path=out_dir / "delta.safetensors")
    net = tuned_from(encoder_file("model.safetensors"), delta=out_dir / "delta.safetensors")
    to_openvino(net, path=build_dir / FULL_GRAPH)
    training = {"seeds": settings.seeds, "rows": len(train.texts), "recipe": asdict(settings)}
    (build_dir / "training.json").write_text(json.dumps(training), encoding="utf-8")
    return training


def training_rows(data_dir: Path) -> Labelled:
    """All training rows that neither occur nor nearly occur in validation."""
    validation = load_split(data_dir, split="validation")
    return without_leaks(load_split(data_dir, split="train"), validation=validation)


def train_delta(train: Labelled, *, recipe: Recipe) -> dict[str, Tensor]:
    """Fine-tune, and compress the change; the same seeds and threads give the same tensors."""
    torch.set_num_threads(recipe.threads)
    weights = encoder_file("model.safetensors")
    states = [_tuned_state(train, recipe=recipe, seed=seed, weights=weights) for seed in recipe.seeds]
    net = pretrained(weights, n_measures=len(MEASURES))
    net.load_state_dict({name: sum(state[name] for state in states) / len(states) for name in states[0]})
    return delta_of(net, base=pretrained(weights, n_measures=len(MEASURES)))


def _tuned_state(train: Labelled, *, recipe: Recipe, seed: int, weights: Path) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    net = pretrained(weights, n_measures=len(MEASURES))
    _fit(net, train=train, recipe=recipe, seed=seed)
    return net.state_dict()


def _fit(net: EmotionNet, *, train: Labelled, recipe: Recipe, seed: int) -> None:
    optimiser = _optimiser(net, recipe)
    ids = tokenise(train.texts, max_tokens=recipe.max_tokens)
    total = recipe.max_steps or recipe.epochs * math.ceil(len(ids) / recipe.batch_rows)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _rate(step / total, warmup=recipe.warmup)
    )
    net.train()
    started = time.monotonic()
    for step, rows in enumerate(_batches(ids, rows=recipe.batch_rows, seed=seed)):
        if step >= total:
            break
        loss = _step(net, optimiser, batch=_tensors(train, ids, rows), recipe=recipe)
        schedule.step()
        if step % 200 == 0:
            log.info("step %d of %d, loss %.4f, %.0f s", step, total, loss, time.monotonic() - started)
    net.eval()


def _optimiser(net: EmotionNet, recipe: Recipe) -> torch.optim.Optimizer:
    net.embeddings.requires_grad_(False)
    net.encoder.requires_grad_(recipe.tune_encoder)
    groups = [
        {"params": list(net.encoder.parameters()), "lr": recipe.encoder_rate},
        {"params": list(net.head.parameters()), "lr": recipe.head_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay, fused=True)


def _rate(progress: float, *, warmup: float) -> float:
    """Linear warm-up, then linear decay to zero."""
    return progress / warmup if progress < warmup else max(0.0, (1.0 - progress) / (1.0 - warmup))


def _batches(ids: list[list[int]], *, rows: int, seed: int) -> Iterator[np.ndarray]:
    """Endless seeded epochs; rows of like length share a batch, batches come in random order."""
    rng = np.random.default_rng(seed)
    lengths = np.array([len(i) for i in ids])
    while True:
        noisy = lengths + rng.uniform(0, 4, len(ids))
        order = np.argsort(noisy)
        starts = rng.permutation(np.arange(0, len(order), rows))
        yield from (order[s : s + rows] for s in starts)


@dataclass(frozen=True)
class Batch:
    """Tensors of one step: ids and mask (rows, tokens), targets and known (rows, measures), the rest (rows,)."""

    ids: Tensor
    mask: Tensor
    targets: Tensor
    known: Tensor
    weights: Tensor
    exclusive: Tensor


def _tensors(train: Labelled, ids: list[list[int]], rows: np.ndarray) -> Batch:
    block, mask = padded([ids[i] for i in rows])
    by_name = {source.name: source for source in EMOTION_SOURCES}
    sources = [by_name[name] for name in train.sources[rows]]
    return Batch(
        ids=torch.from_numpy(block),
        mask=torch.from_numpy(mask),
        targets=torch.from_numpy(train.targets[rows]),
        known=torch.from_numpy(train.masks[rows]),
        weights=torch.tensor([source.weight for source in sources]),
        exclusive=torch.tensor([source.exclusive for source in sources]),
    )


def _step(net: EmotionNet, optimiser: torch.optim.Optimizer, *, batch: Batch, recipe: Recipe) -> float:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = net(batch.ids, batch.mask).float()
    loss = masked_loss(logits, batch=batch, exclusive_weight=recipe.exclusive_weight)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad()
    return float(loss.detach())


def masked_loss(logits: Tensor, *, batch: Batch, exclusive_weight: float) -> Tensor:
    """Cross-entropy per known cell, weighted by data set; where labels exclude each other also over the known ones."""
    cells = functional.binary_cross_entropy_with_logits(logits, batch.targets, reduction="none") * batch.known
    weights = batch.weights[:, None]
    binary = (cells * weights).sum() / (batch.known * weights).sum().clamp(min=1.0)
    if not bool(batch.exclusive.any()):
        return binary
    one_of = logits.masked_fill(batch.known == 0, -1e4)[batch.exclusive]
    chosen = batch.targets[batch.exclusive].argmax(1)
    share = batch.exclusive.float().mean()
    return binary + exclusive_weight * share * functional.cross_entropy(one_of, chosen)
