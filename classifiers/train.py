"""Fine-tune the embedded English encoder for all measures at once, reproducibly.

Not for scoring, and not a model search: one recipe, seeded, whose settings are a value.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from classifiers.delta import apply_delta, delta_of
from classifiers.encoder import EncoderNet, pretrained
from classifiers.labelled import COMMUNITY_SOURCE, ENGLISH_SOURCES, Labelled
from classifiers.package import encoder_file
from classifiers.taxonomy import MEASURES
from classifiers.tokens import SPECIAL_TOKENS, padded, tokenise

log = logging.getLogger(__name__)

LONGEST = 512


@dataclass(frozen=True)
class Recipe:
    """Settings of one training. `max_steps` of 0 means all epochs; layers below `frozen_layers` are not tuned.

    One network is tuned per seed from the same start, and their weights are averaged (Wortsman et al. 2022, model
    soups). Of a long post each epoch reads one window of `max_tokens`, drawn anew.
    """

    seeds: tuple[int, ...] = (20_240, 20_241)
    epochs: int = 3
    batch_tokens: int = 2_048
    max_tokens: int = 96
    encoder_rate: float = 1e-4
    head_rate: float = 2e-3
    warmup: float = 0.06
    weight_decay: float = 0.01
    exclusive_weight: float = 0.3
    frozen_layers: int = 0
    max_steps: int = 0
    threads: int = 1


def start_net(*, start: Path | None = None, start_measures: tuple[str, ...] = ()) -> EncoderNet:
    """The published encoder under a seeded head for all measures; `start`: an earlier delta to go on from.

    Rows of its head, named by `start_measures`, are taken over by name.
    """
    torch.manual_seed(0)
    net = pretrained(encoder_file("model.safetensors"), n_measures=len(MEASURES))
    if start is None:
        return net
    parts = load_file(start)
    rows = [MEASURES.index(name) for name in start_measures]
    with torch.no_grad():
        net.head.weight[rows] = parts.pop("head.weight.set").float()
        net.head.bias[rows] = parts.pop("head.bias.set").float()
    return apply_delta(net, parts=parts)


def tuned_state(train: Labelled, *, net: EncoderNet, recipe: Recipe, seed: int) -> dict[str, Tensor]:
    """Fine-tune `net` in place with one seed; the same seed and threads give the same tensors."""
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(seed)
    fit(net, train=train, recipe=recipe, seed=seed)
    return net.state_dict()


def soup_delta(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The compressed difference between the mean of the tuned states and the published encoder."""
    net = pretrained(encoder_file("model.safetensors"), n_measures=len(MEASURES))
    base = pretrained(encoder_file("model.safetensors"), n_measures=len(MEASURES))
    net.load_state_dict({name: sum(state[name] for state in states) / len(states) for name in states[0]})
    return delta_of(net, base=base)


def fit(net: EncoderNet, *, train: Labelled, recipe: Recipe, seed: int) -> None:
    """The optimisation itself; ends in evaluation mode."""
    optimiser = _optimiser(net, recipe)
    ids = tokenise(train.texts, max_tokens=LONGEST)
    epochs = [_epoch(train, ids, recipe=recipe, seed=seed, epoch=e) for e in range(recipe.epochs)]
    total = recipe.max_steps or sum(len(batches) for batches in epochs)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _rate(step / total, warmup=recipe.warmup)
    )
    net.train()
    started = time.monotonic()
    for step, rows in enumerate(batch for batches in epochs for batch in batches):
        if step >= total:
            break
        loss = _step(net, optimiser, batch=_tensors(train, rows), recipe=recipe)
        schedule.step()
        if step % 100 == 0:
            log.info("step %d of %d, loss %.4f, %.0f s", step, total, loss, time.monotonic() - started)
    net.eval()


def _optimiser(net: EncoderNet, recipe: Recipe) -> torch.optim.Optimizer:
    net.embeddings.requires_grad_(False)
    for layer in net.encoder.layer[: recipe.frozen_layers]:
        layer.requires_grad_(False)
    tuned = [p for p in net.encoder.parameters() if p.requires_grad]
    groups = [
        {"params": tuned, "lr": recipe.encoder_rate},
        {"params": list(net.head.parameters()), "lr": recipe.head_rate},
    ]
    return torch.optim.AdamW(groups, weight_decay=recipe.weight_decay, fused=True)


def _rate(progress: float, *, warmup: float) -> float:
    """Linear warm-up, then linear decay to zero."""
    return progress / warmup if progress < warmup else max(0.0, (1.0 - progress) / (1.0 - warmup))


Rows = list[tuple[int, list[int]]]


def _epoch(train: Labelled, ids: list[list[int]], *, recipe: Recipe, seed: int, epoch: int) -> list[Rows]:
    """Batches of (row, window of ids): like lengths together, batches in random order."""
    rng = np.random.default_rng([seed, epoch])
    shares = {source.name: source.share for source in (*ENGLISH_SOURCES, COMMUNITY_SOURCE)}
    drawn = rng.random(len(ids)) < np.array([shares[name] for name in train.sources])
    rows = np.flatnonzero(drawn)
    windows = [_window(ids[i], size=recipe.max_tokens, rng=rng) for i in rows]
    order = np.argsort(np.array([len(w) for w in windows]) + rng.uniform(0, 4, len(rows)))
    batches = list(_cut([(int(rows[i]), windows[i]) for i in order], tokens=recipe.batch_tokens))
    return [batches[i] for i in rng.permutation(len(batches))]


def _window(ids: list[int], *, size: int, rng: np.random.Generator) -> list[int]:
    """The whole text, or `size` ids of it with the start and end tokens around them."""
    if len(ids) <= size:
        return ids
    first = int(rng.integers(1, len(ids) - size + SPECIAL_TOKENS))
    return [ids[0], *ids[first : first + size - SPECIAL_TOKENS], ids[-1]]


def _cut(rows: Rows, *, tokens: int) -> Iterator[Rows]:
    """Runs of rows whose padded size stays within `tokens`; lengths rise but for a little noise."""
    batch: Rows = []
    longest = 0
    for row in rows:
        longest = max(longest, len(row[1]))
        if batch and longest * (len(batch) + 1) > tokens:
            yield batch
            batch, longest = [], len(row[1])
        batch.append(row)
    if batch:
        yield batch


@dataclass(frozen=True)
class Batch:
    """Tensors of one step: ids and mask (rows, tokens), targets and known (rows, measures), the rest (rows,)."""

    ids: Tensor
    mask: Tensor
    targets: Tensor
    known: Tensor
    weights: Tensor
    exclusive: Tensor


_SOURCES = {source.name: source for source in (*ENGLISH_SOURCES, COMMUNITY_SOURCE)}


def _tensors(train: Labelled, batch: Rows) -> Batch:
    block, mask = padded([window for _, window in batch])
    rows = np.array([row for row, _ in batch])
    sources = [_SOURCES[name] for name in train.sources[rows]]
    targets = train.targets[rows]
    # A row of an exclusive set without a label of ours ("other") has no class to choose.
    one = ((targets * (train.masks[rows] == 1)).sum(axis=1) == 1) & np.array([s.exclusive for s in sources])
    return Batch(
        ids=torch.from_numpy(block),
        mask=torch.from_numpy(mask),
        targets=torch.from_numpy(targets),
        known=torch.from_numpy(train.masks[rows].astype(np.float32)),
        weights=torch.tensor([source.weight for source in sources]),
        exclusive=torch.from_numpy(one),
    )


def _step(net: EncoderNet, optimiser: torch.optim.Optimizer, *, batch: Batch, recipe: Recipe) -> float:
    logits = net(batch.ids, batch.mask)
    loss = masked_loss(logits, batch=batch, exclusive_weight=recipe.exclusive_weight)
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for p in net.parameters() if p.grad is not None], 1.0)
    optimiser.step()
    optimiser.zero_grad()
    return float(loss.detach())


def masked_loss(logits: Tensor, *, batch: Batch, exclusive_weight: float) -> Tensor:
    """Cross-entropy per known cell, weighted by data set; where labels exclude each other also over the known ones.

    A row's cells share its weight in proportion to the square root of their number, so that data sets with many
    labels do not drown those with one.
    """
    cells = functional.binary_cross_entropy_with_logits(logits, batch.targets, reduction="none") * batch.known
    rows = cells.sum(1) / batch.known.sum(1).clamp(min=1.0).sqrt()
    binary = (rows * batch.weights).sum() / batch.weights.sum()
    if not bool(batch.exclusive.any()):
        return binary
    one_of = logits.masked_fill(batch.known < 1, -1e4)[batch.exclusive]
    chosen = (batch.targets * (batch.known == 1))[batch.exclusive].argmax(1)
    chosen_weights = batch.weights[batch.exclusive]
    losses = functional.cross_entropy(one_of, chosen, reduction="none") * chosen_weights
    return binary + exclusive_weight * losses.sum() / batch.weights.sum()
