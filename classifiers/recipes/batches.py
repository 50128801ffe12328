"""Texts of like length together, as many as fit a budget of tokens, in an order that a seed and an epoch decide.

Not for scoring, whose blocks have fixed shapes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

JITTER = 4.0


@dataclass(frozen=True)
class Window:
    """One text's ids in an epoch: which row, from which id on, how many."""

    row: int
    first: int
    size: int


def epoch_batches(
    lengths: np.ndarray, *, size: int, special: int, budget: int, seed: tuple[int, ...]
) -> list[list[Window]]:
    """Batches that hold every text once; of a text of more than `size` ids a window is drawn.

    `lengths` (texts,) count ids without special ones; padded batches hold at most `budget` ids, or one text. The same
    seed gives the same batches.
    """
    rng = np.random.default_rng(list(seed))
    sizes = np.minimum(lengths, size)
    firsts = rng.integers(0, lengths - sizes + 1) if len(lengths) else lengths
    order = np.argsort(sizes + rng.uniform(0, JITTER, len(sizes)), kind="stable")
    windows = [Window(int(i), int(firsts[i]), int(sizes[i])) for i in order]
    batches = _cut(windows, special=special, budget=budget)
    return [batches[i] for i in rng.permutation(len(batches))]


def _cut(windows: Sequence[Window], *, special: int, budget: int) -> list[list[Window]]:
    batches: list[list[Window]] = []
    batch: list[Window] = []
    longest = 0
    for window in windows:
        longest = max(longest, window.size + special)
        if batch and longest * (len(batch) + 1) > budget:
            batches.append(batch)
            batch, longest = [], window.size + special
        batch.append(window)
    return [*batches, batch] if batch else batches
