"""A trained network's probabilities of validation texts, by the engine that will also score posts with it.

Not for training: batches, windows and pooling here are those of production.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from classifiers.engine import Engine, EngineSpec
from classifiers.hub.tokens import HubTokeniser
from classifiers.recipes.examples import Group, Pooling, spans

Pair = tuple[np.ndarray, np.ndarray]


def probabilities(
    model: Any,
    texts: Sequence[str],
    *,
    tokeniser: HubTokeniser,
    groups: Sequence[Group],
    pooling: Pooling,
    device: str,
) -> np.ndarray:
    """Float32 (texts, labels): probabilities within each group, pooled over each text's windows."""
    engine = Engine(
        NetBackend(model, groups=groups, device=device),
        tokeniser=tokeniser,
        profile=lambda profiled: profiled,
        spec=EngineSpec(pooling=pooling),
    )
    return engine.encode(pl.Series(list(texts), dtype=pl.String)).logits


class NetBackend:
    """The network as it was trained, in full precision; its outputs are probabilities, because those are pooled."""

    name = "torch-fp32"

    def __init__(self, model: Any, *, groups: Sequence[Group], device: str) -> None:
        self.n_outputs = sum(len(group.labels) for group in groups)
        self._model, self._groups, self._device = model.eval(), tuple(groups), device

    def run(self, blocks: Iterable[Pair], *, receive: Callable[[int, np.ndarray], None]) -> None:
        with torch.inference_mode():
            for position, (ids, mask) in enumerate(blocks):
                moved = (torch.from_numpy(part).to(self._device) for part in (ids, mask))
                logits = self._model(*moved).logits
                receive(position, activated(logits, groups=self._groups).float().cpu().numpy())


def activated(logits: Tensor, *, groups: Sequence[Group]) -> Tensor:
    """Logits (rows, labels) → probabilities within each group."""
    parts = [
        logits[:, at].sigmoid() if group.activation == "sigmoid" else logits[:, at].softmax(dim=1)
        for group, at in zip(groups, spans(groups), strict=True)
    ]
    return torch.cat(parts, dim=1)
