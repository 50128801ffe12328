"""Texts → logits, each different text once: profile, tokenise, sort by length, batch, run, put back in order.

Not for meaning: calibration, thresholds and missing codes are the scorer's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from classifiers.backends import Backend
from classifiers.profiles import profile_series
from classifiers.tokens import SPECIAL_TOKENS, length_batches, padded, tokenise

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class EngineSpec:
    """Limits of one pass: tokens read of a post, tokens in a batch, texts held as tokens at a time."""

    max_tokens: int = 128
    token_budget: int = 2_048
    chunk_texts: int = 4_000


@dataclass(frozen=True)
class Encoded:
    """Float32 logits (texts, measures) and Int32 tokens read, without the two special ones, in input order."""

    logits: np.ndarray
    n_tokens: np.ndarray


class Engine:
    """Runs one backend over many texts with bounded memory; the same texts give the same bytes."""

    def __init__(self, backend: Backend, *, n_measures: int, spec: EngineSpec | None = None) -> None:
        self.backend = backend
        self.n_measures = n_measures
        self.spec = spec or EngineSpec()

    def encode(self, texts: pl.Series, *, progress: Progress | None = None) -> Encoded:
        """Logits for a String series without nulls. A post of more than `max_tokens` tokens is read up to there.

        `progress(done, total)` counts different texts and is called after every chunk.
        """
        profiled = profile_series(texts)
        different, position = _different(profiled)
        parts = list(self._chunks(different, progress=progress))
        logits = np.concatenate([p.logits for p in parts]) if parts else self._nothing().logits
        n_tokens = np.concatenate([p.n_tokens for p in parts]) if parts else self._nothing().n_tokens
        return Encoded(logits[position], n_tokens[position])

    def _chunks(self, texts: pl.Series, *, progress: Progress | None) -> Iterator[Encoded]:
        for start in range(0, len(texts), self.spec.chunk_texts):
            chunk = texts.slice(start, self.spec.chunk_texts).to_list()
            yield self._encode_chunk(chunk)
            if progress is not None:
                progress(start + len(chunk), len(texts))

    def _encode_chunk(self, texts: Sequence[str]) -> Encoded:
        ids = tokenise(texts, max_tokens=self.spec.max_tokens)
        lengths = np.fromiter(map(len, ids), dtype=np.int32, count=len(ids))
        batches = length_batches(lengths, token_budget=self.spec.token_budget)
        logits = np.empty((len(ids), self.n_measures), dtype=np.float32)

        def receive(position: int, block: np.ndarray) -> None:
            logits[batches[position]] = block

        self.backend.run((padded([ids[i] for i in rows]) for rows in batches), receive=receive)
        return Encoded(logits, lengths - SPECIAL_TOKENS)

    def _nothing(self) -> Encoded:
        return Encoded(np.empty((0, self.n_measures), dtype=np.float32), np.empty(0, dtype=np.int32))


def _different(texts: pl.Series) -> tuple[pl.Series, np.ndarray]:
    """The different texts in order of first appearance, and per input row the position of its text among them."""
    rows = pl.DataFrame({"text": texts})
    once = rows.unique(maintain_order=True).with_row_index("position")
    joined = rows.join(once, on="text", how="left", maintain_order="left")
    return once["text"], joined["position"].to_numpy()
