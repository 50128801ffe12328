"""Profiled texts → windows of token ids, and windows → blocks of a few fixed shapes.

Not for word lists: lexicon matching has its own tokeniser.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from classifiers.package import encoder_file

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPECIAL_TOKENS = 2
# Lengths that blocks are padded to: close together where most posts are.
LENGTHS = (8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 192, 256, 384, 512)


@dataclass(frozen=True)
class Windows:
    """Windows of texts in order: ids with the model's special tokens; `starts[i]` is the first window of text i.

    `n_tokens` (texts,) Int32 counts the ids of a text that are read, without special tokens.
    """

    ids: list[list[int]]
    starts: np.ndarray
    n_tokens: np.ndarray


class Tokeniser(Protocol):
    """How a model cuts a text; at least one window a text."""

    @property
    def pad_id(self) -> int: ...

    def windows(self, texts: Sequence[str]) -> Windows: ...


@dataclass(frozen=True)
class FastTokeniser:
    """The embedded encoder's own tokeniser: windows of `max_tokens` ids, the first `max_windows` of a text."""

    max_tokens: int = 128
    max_windows: int = 4
    pad_id: int = 0

    def windows(self, texts: Sequence[str]) -> Windows:
        fast = _tokenizer(encoder_file("tokenizer.json"), self.max_tokens)
        per_text = [
            [first.ids, *(more.ids for more in first.overflowing[: self.max_windows - 1])]
            for first in fast.encode_batch(list(texts))
        ]
        return joined(per_text, special_tokens=SPECIAL_TOKENS)


def joined(per_text: Sequence[Sequence[list[int]]], *, special_tokens: int) -> Windows:
    """Windows of each text, below one another."""
    counts = np.fromiter(map(len, per_text), dtype=np.int64, count=len(per_text))
    sizes = (sum(len(ids) - special_tokens for ids in windows) for windows in per_text)
    n_tokens = np.fromiter(sizes, dtype=np.int32, count=len(per_text))
    starts = np.concatenate([np.zeros(1, np.int64), counts.cumsum()[:-1]]) if len(counts) else counts
    return Windows([ids for windows in per_text for ids in windows], starts, n_tokens)


def tokenise(texts: Sequence[str], *, max_tokens: int) -> list[list[int]]:
    """Ids per text with the start and end tokens, cut to the first `max_tokens` ids; order kept."""
    return FastTokeniser(max_tokens=max_tokens, max_windows=1).windows(texts).ids


def padded(ids: Sequence[Sequence[int]], *, pad_id: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Int64 ids and mask of shape (texts, longest); padding has the pad id and mask 0."""
    longest = max(map(len, ids))
    return padded_to(ids, shape=(len(ids), longest), pad_id=pad_id)


def padded_to(
    ids: Sequence[Sequence[int]], *, shape: tuple[int, int], pad_id: int
) -> tuple[np.ndarray, np.ndarray]:
    """The same in a block of this shape; rows that are left over repeat nothing and see one pad token."""
    block = np.full(shape, pad_id, dtype=np.int64)
    lengths = np.ones(shape[0], dtype=np.int64)
    for row, tokens in enumerate(ids):
        block[row, : len(tokens)] = tokens
        lengths[row] = len(tokens)
    return block, (np.arange(shape[1]) < lengths[:, None]).astype(np.int64)


@dataclass(frozen=True)
class Block:
    """Positions of windows (at most `shape[0]`) that are run together, and the padded shape (rows, tokens)."""

    rows: np.ndarray
    shape: tuple[int, int]

    def halves(self) -> tuple["Block", "Block"]:
        """The same windows in two blocks of half the height."""
        middle, shape = (len(self.rows) + 1) // 2, ((self.shape[0] + 1) // 2, self.shape[1])
        return Block(self.rows[:middle], shape), Block(self.rows[middle:], shape)


def blocks(lengths: np.ndarray, *, token_budget: int) -> Iterator[Block]:
    """Blocks from short to long windows, every window once.

    What a window is padded to depends on its own length only, never on its neighbours, so that its sums run in the same
    order whatever is beside it.
    """
    edges = np.array(LENGTHS)
    place = np.minimum(np.searchsorted(edges, lengths), len(edges) - 1)
    for bucket in np.unique(place):
        inside = np.flatnonzero(place == bucket)
        width = int(max(edges[bucket], lengths[inside].max()))
        height = max(1, token_budget // width)
        for first in range(0, len(inside), height):
            rows = inside[first : first + height]
            # A last block is as high as the next power of two: few shapes, little padding.
            yield Block(rows, (min(height, 1 << (len(rows) - 1).bit_length()), width))


@cache
def _tokenizer(path: Path, max_tokens: int) -> "Tokenizer":
    from tokenizers import Tokenizer

    fast = Tokenizer.from_file(str(path))
    fast.no_padding()
    fast.enable_truncation(max_length=max_tokens)
    return fast
