"""What an n-gram model reads in a post: tokens, runs of tokens and runs of characters, hashed to rows of a table.

Not for weights: those are `classifiers.ngram.model`'s. Rules, in order:

1. **Characters** are lower-cased and lose width and accents (`ñ` stays), digits become 0. Combining marks, skin tones
   and format characters are skipped, and so is an apostrophe inside or right behind a word.
2. **Masks.** `@name` and `<user>` are one token, links and `<link>` another, `<email>` and `<phone>` too; an HTML
   entity is a blank.
3. **Tokens** are runs of letters and digits (the first 48 count), each Chinese or Japanese character, and each run of
   one punctuation mark or emoji, counted up to three. A letter that follows two of its kind is dropped.
4. **Features** are the runs of one to `tokens` tokens, whatever blanks are between them; the runs of `shortest` to
   `longest` characters of each word with its two ends marked; and two marks: a word of three or more letters all in
   capitals, and a word that had letters dropped.
5. **Rows.** A feature's hash gives its row. A row counts once per post.
"""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from classifiers.ngram.kernels import BOUNDARY, LONGEST_WORD, list_features, score_posts
from classifiers.ngram.letters import character_table

# Posts whose features are listed at a time.
BLOCK = 2_000


@dataclass(frozen=True)
class FeatureSpec:
    """What is read: runs of up to `tokens` tokens (1-5), runs of `shortest` to `longest` characters (0 for none),
    2 ** `bits` rows."""

    tokens: int = 2
    shortest: int = 3
    longest: int = 5
    bits: int = 17

    def lengths(self) -> np.ndarray:
        """The three lengths as the kernel wants them."""
        return np.array([self.tokens, self.shortest, self.longest], dtype=np.int64)

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return int(2**self.bits)

    def as_dict(self) -> dict[str, int]:
        """For the model's description."""
        return asdict(self)


class Buffers(NamedTuple):
    """A String column as Arrow keeps it: bytes, and where each text begins (n + 1)."""

    data: np.ndarray
    offsets: np.ndarray


class FeatureLists(NamedTuple):
    """The distinct rows of `n` posts below one another: `rows[starts[i] : starts[i + 1]]` are those of post i."""

    starts: np.ndarray
    rows: np.ndarray
    n_tokens: np.ndarray


def text_buffers(texts: pl.Series) -> Buffers:
    """The bytes of a String column; a null is an empty text."""
    filled = texts.fill_null("") if texts.null_count() else texts
    arrow = filled.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_utf8())
    _, offsets, data = arrow.buffers()
    if len(arrow) == 0 or offsets is None:
        return Buffers(np.zeros(1, dtype=np.uint8), np.zeros(1, dtype=np.int64))
    # Arrow leaves the bytes out where all texts are empty.
    raw = np.frombuffer(data, dtype=np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    starts = np.frombuffer(offsets, dtype=np.int64)
    return Buffers(raw, starts[arrow.offset : arrow.offset + len(arrow) + 1])


def list_rows(texts: pl.Series, spec: FeatureSpec) -> FeatureLists:
    """The distinct rows of every post, for training and for inspection."""
    buffers = text_buffers(texts)
    scratch = _Scratch(spec)
    parts = [_listed(buffers, first, spec, scratch) for first in range(0, len(texts), BLOCK)]
    counts = np.concatenate([np.diff(part.starts) for part in parts]) if parts else np.zeros(0, np.int64)
    rows = np.concatenate([part.rows for part in parts]) if parts else np.zeros(0, np.int32)
    tokens = np.concatenate([part.n_tokens for part in parts]) if parts else np.zeros(0, np.int32)
    return FeatureLists(np.concatenate([[0], np.cumsum(counts)]), rows, tokens)


def score_rows(
    texts: pl.Series, *, table: np.ndarray, spec: FeatureSpec, threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """(Float32 (n, columns) sums of table rows over the root of their number, NaN without features; Int32 tokens).

    `table` is Int8 (rows, columns). The number of threads does not change the result.
    """
    buffers = text_buffers(texts)
    scores = np.empty((len(texts), table.shape[1]), np.float32)
    tokens = np.empty(len(texts), np.int32)
    bounds = _slices(buffers.offsets, threads)

    def score(first: int, last: int) -> None:
        scratch = _Scratch(spec)
        sums = np.zeros(table.shape[1], np.int32)
        score_posts(
            *buffers, first, last, character_table(), spec.lengths(), spec.bits, table,
            scratch.word, scratch.seen, scratch.found, sums, scores, tokens,
        )  # fmt: skip

    if len(bounds) == 1:
        score(*bounds[0])
    else:
        with ThreadPoolExecutor(len(bounds)) as pool:
            list(pool.map(lambda bound: score(*bound), bounds))
    return scores, tokens


class _Scratch:
    """Working memory of one thread, the same for posts of any length."""

    def __init__(self, spec: FeatureSpec) -> None:
        self.word = np.zeros(LONGEST_WORD + 2, np.int64)
        self.word[0] = BOUNDARY
        self.seen = np.zeros(max(spec.rows // 64, 1), np.uint64)
        self.found = np.zeros(spec.rows + 1, np.int32)


def _slices(offsets: np.ndarray, threads: int) -> list[tuple[int, int]]:
    """At most `threads` runs of posts of about equal bytes."""
    n = len(offsets) - 1
    wanted = np.linspace(offsets[0], offsets[-1], max(threads, 1) + 1)[1:-1]
    cuts = [0, *np.searchsorted(offsets[:-1], wanted).tolist(), n]
    return [(a, b) for a, b in itertools.pairwise(cuts) if b > a] or [(0, 0)]


def _listed(buffers: Buffers, first: int, spec: FeatureSpec, scratch: _Scratch) -> FeatureLists:
    last = min(first + BLOCK, len(buffers.offsets) - 1)
    n_bytes = int(buffers.offsets[last] - buffers.offsets[first])
    starts = np.zeros(last - first + 1, np.int64)
    out = np.empty(room_for(n_bytes, posts=last - first, spec=spec), np.int32)
    total, tokens = list_features(
        *buffers, first, last, character_table(), spec.lengths(), spec.bits,
        scratch.word, scratch.seen, scratch.found, starts, out,
    )  # fmt: skip
    return FeatureLists(starts, out[:total].copy(), tokens)


def room_for(n_bytes: int, *, posts: int, spec: FeatureSpec) -> int:
    """More rows than posts of so many bytes can have, together."""
    runs = max(spec.longest - spec.shortest + 1, 0)
    return int(min(n_bytes * (spec.tokens + 2 + 3 * runs) + 2, posts * spec.rows + 1))
