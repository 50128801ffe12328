"""Near-duplicate texts by MinHash with banding, checked by their true Jaccard index. Frames in, frames out.

Not for exact duplicates of a record, which intake drops, and not for storing anything.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from warehouse.amplification.kernels import BANDS, HASHES, likeness, signatures
from warehouse.intake.privacy import EMAIL, LINK, PHONE, USER

LEAST_WORDS = 8
LEAST_LIKENESS = 0.8
BAND_NAMES = [f"band_{number}" for number in range(BANDS)]
_MASKS = [USER, LINK, EMAIL, PHONE]
_SEEDS = np.random.default_rng(20_240_101).integers(1, 2**63, HASHES, dtype=np.uint64)


def words_of(text: pl.Expr) -> pl.Expr:
    """Lower-case words with single spaces between them; each Chinese character is a word, masks are none."""
    bare = text.str.replace_many(_MASKS, [" "] * len(_MASKS)).str.to_lowercase()
    spaced = bare.str.replace_all(r"\p{Han}", " $0 ").str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ")
    return spaced.str.strip_chars()


def fingerprints(words: pl.Series) -> pl.DataFrame:
    """One Int64 per band and text (String, as `words_of` makes them); null where it has under LEAST_WORDS words."""
    data, offsets = _buffers(words)
    bands = np.zeros((words.len(), BANDS), dtype=np.uint64)
    long_enough = pl.Series(signatures(data, offsets, _SEEDS, LEAST_WORDS, bands))
    columns = {name: bands[:, number].view(np.int64) for number, name in enumerate(BAND_NAMES)}
    return pl.DataFrame(columns).select(pl.when(long_enough).then(pl.all()))


def alike(pairs: pl.DataFrame) -> pl.Series:
    """Whether the texts (as `words_of` makes them) in the columns `left` and `right` are near-duplicates."""
    both = pl.concat([pairs["left"], pairs["right"]])
    data, offsets = _buffers(both)
    found = np.empty(pairs.height)
    rows = np.arange(pairs.height)
    likeness(data, offsets, rows, rows + pairs.height, found)
    return pl.Series("alike", found >= LEAST_LIKENESS)


def _buffers(words: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """UTF-8 bytes of all texts in a row, and where each begins (texts + 1); a null text is empty."""
    lengths = words.str.len_bytes().fill_null(0).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    joined = words.str.join("").item() if words.len() else ""
    return np.frombuffer((joined or " ").encode(), dtype=np.uint8), offsets
