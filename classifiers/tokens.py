"""Profiled texts → token ids, with the encoder package's own fast tokenizer; no vocabulary of ours.

Not for word lists: lexicon matching has its own tokeniser.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from classifiers.package import encoder_file

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SPECIAL_TOKENS = 2


def tokenise(texts: Sequence[str], *, max_tokens: int) -> list[list[int]]:
    """Ids per text with the start and end tokens, cut to the first `max_tokens` ids; order kept."""
    fast = _tokenizer(encoder_file("tokenizer.json"), max_tokens)
    return [encoding.ids for encoding in fast.encode_batch(list(texts))]


def padded(ids: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Int64 ids and mask of shape (texts, longest); padding has id 0 and mask 0."""
    longest = max(map(len, ids))
    block = np.zeros((len(ids), longest), dtype=np.int64)
    for row, tokens in enumerate(ids):
        block[row, : len(tokens)] = tokens
    lengths = np.fromiter(map(len, ids), dtype=np.int64, count=len(ids))
    return block, (np.arange(longest) < lengths[:, None]).astype(np.int64)


def length_batches(lengths: np.ndarray, *, token_budget: int) -> list[np.ndarray]:
    """Row positions from short to long, cut so that rows × longest stays within the budget; every row once."""
    order = np.argsort(lengths, kind="stable")
    batches: list[np.ndarray] = []
    start = 0
    for end in range(1, len(order) + 1):
        full = end == len(order) or (end + 1 - start) * lengths[order[end]] > token_budget
        if full:
            batches.append(order[start:end])
            start = end
    return batches


@cache
def _tokenizer(path: Path, max_tokens: int) -> "Tokenizer":
    from tokenizers import Tokenizer

    fast = Tokenizer.from_file(str(path))
    fast.no_padding()
    fast.enable_truncation(max_length=max_tokens)
    return fast
