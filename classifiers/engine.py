"""Texts → one row of numbers each: profile, look up, cut into windows, batch, run, pool, put back in order.

Not for meaning: calibration, thresholds and missing codes are the scorer's.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from classifiers.backends import Backend, OutOfMemoryError
from classifiers.cache import ScoreCache, half_precision
from classifiers.tokens import Block, Tokeniser, Windows, blocks, padded_to

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
Profile = Callable[[pl.Series], pl.Series]
Pooling = Literal["mean", "max"]


@dataclass(frozen=True)
class EngineSpec:
    """Limits of one pass: tokens in a block, texts held as tokens at a time; how windows of a long text are pooled."""

    token_budget: int = 1_024
    chunk_texts: int = 8_000
    pooling: Pooling = "mean"


@dataclass(frozen=True)
class Encoded:
    """Float32 logits (texts, outputs) and Int32 tokens read, without special ones, in input order."""

    logits: np.ndarray
    n_tokens: np.ndarray


class Engine:
    """Runs one backend over many texts with bounded memory.

    Equal texts are run once, here and, with a cache, ever. A block's shape depends on its own length only, so a
    text's numbers do not depend on the texts beside it. Where memory runs out, a block is cut in half and the run
    goes on.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        tokeniser: Tokeniser,
        profile: Profile,
        spec: EngineSpec | None = None,
        cache: ScoreCache | None = None,
    ) -> None:
        """`cache`, if given, is as wide as the backend's outputs and one more, for the tokens read."""
        self.backend, self.tokeniser, self.profile = backend, tokeniser, profile
        self.spec, self.cache = spec or EngineSpec(), cache

    def encode(self, texts: pl.Series, *, progress: Progress | None = None) -> Encoded:
        """Logits for a String series without nulls; `progress(done, total)` counts different texts."""
        different, position = _different(self.profile(texts))
        rows = np.empty((len(different), self.backend.n_outputs + 1), dtype=np.float32)
        unknown = self._recall(different, into=rows)
        done = len(different) - len(unknown)
        for where, fresh in self._fresh(different, unknown):
            rows[where] = fresh
            if self.cache is not None:
                self.cache.put(different.gather(where), fresh)
            done += len(where)
            if progress is not None:
                progress(done, len(different))
        return Encoded(rows[position, :-1], rows[position, -1].astype(np.int32))

    def _recall(self, texts: pl.Series, *, into: np.ndarray) -> np.ndarray:
        """Fill in what the cache knows; the positions of the others."""
        unknown = np.ones(len(texts), dtype=bool)
        if self.cache is not None:
            known, values = self.cache.get(texts)
            into[known] = values
            unknown[known] = False
        return np.flatnonzero(unknown)

    def _fresh(self, texts: pl.Series, positions: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(positions, rows) a chunk at a time; the next chunk is tokenised while this one runs."""
        size = self.spec.chunk_texts
        chunks = [positions[first : first + size] for first in range(0, len(positions), size)]
        if not chunks:
            return
        with ThreadPoolExecutor(max_workers=1) as beside:
            waiting: Future[Windows] = beside.submit(self._windows, texts, chunks[0])
            for i, where in enumerate(chunks):
                windows = waiting.result()
                if i + 1 < len(chunks):
                    waiting = beside.submit(self._windows, texts, chunks[i + 1])
                yield where, half_precision(self._run(windows))

    def _windows(self, texts: pl.Series, where: np.ndarray) -> Windows:
        return self.tokeniser.windows(texts.gather(where).to_list())

    def _run(self, windows: Windows) -> np.ndarray:
        lengths = np.fromiter(map(len, windows.ids), dtype=np.int64, count=len(windows.ids))
        logits = np.empty((len(lengths), self.backend.n_outputs), dtype=np.float32)
        waiting = list(blocks(lengths, token_budget=self.spec.token_budget))
        while waiting:
            waiting = self._run_blocks(waiting, windows=windows, into=logits)
        pooled = _pooled(logits, windows=windows, lengths=lengths, how=self.spec.pooling)
        return np.column_stack([pooled, windows.n_tokens.astype(np.float32)])

    def _run_blocks(self, waiting: list[Block], *, windows: Windows, into: np.ndarray) -> list[Block]:
        """Run the blocks; after an OutOfMemoryError, what is left to run, in halves."""
        done: set[int] = set()

        def receive(position: int, numbers: np.ndarray) -> None:
            rows = waiting[position].rows
            into[rows] = numbers[: len(rows)]
            done.add(position)

        pad = self.tokeniser.pad_id
        try:
            self.backend.run(
                (padded_to([windows.ids[i] for i in b.rows], shape=b.shape, pad_id=pad) for b in waiting),
                receive=receive,
            )
        except OutOfMemoryError:
            left = [block for i, block in enumerate(waiting) if i not in done]
            if all(block.shape[0] == 1 for block in left):
                raise
            log.warning("memory ran out: %d blocks go on at half their height", len(left))
            return [half for b in left for half in (b.halves() if b.shape[0] > 1 else (b,)) if len(half.rows)]
        return []


def _pooled(logits: np.ndarray, *, windows: Windows, lengths: np.ndarray, how: Pooling) -> np.ndarray:
    """One row a text: the mean of its windows weighted by their lengths, or the largest."""
    if len(windows.starts) == len(lengths):
        return logits
    if how == "max":
        return np.maximum.reduceat(logits, windows.starts, axis=0)
    weights = lengths.astype(np.float32)
    total = np.add.reduceat(weights, windows.starts)
    return np.add.reduceat(logits * weights[:, None], windows.starts, axis=0) / total[:, None]


def _different(texts: pl.Series) -> tuple[pl.Series, np.ndarray]:
    """The different texts in order of first appearance, and per input row the position of its text among them."""
    rows = pl.DataFrame({"text": texts})
    once = rows.unique(maintain_order=True).with_row_index("position")
    joined = rows.join(once, on="text", how="left", maintain_order="left")
    return once["text"], joined["position"].to_numpy()
