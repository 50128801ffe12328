"""Texts → word pieces of any Hugging Face tokeniser, and which word each piece belongs to.

Not for scoring: `classifiers.hub.tokens` cuts texts into the windows that are scored and judged.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# A word: letters and digits with apostrophes inside, one Chinese character, or one other symbol.
_HAN = r"\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_HAN}]|(?:(?![{_HAN}])\w)+(?:['’](?:(?![{_HAN}])\w)+)*|[^\w\s]")
# No tokeniser's own limit is trusted beyond this.
LONGEST = 512
_SAMPLE = "a"


@dataclass(frozen=True)
class Pieces:
    """A loaded tokeniser with what it puts around a text: ids before, ids behind, and the pad id.

    Ids from `rows` on, if that is given, have no vector in the model and are read as unknown.
    """

    tokenizer: Any
    before: tuple[int, ...]
    behind: tuple[int, ...]
    pad_id: int
    rows: int = 0

    @property
    def n_special(self) -> int:
        """How many ids stand around every text."""
        return len(self.before) + len(self.behind)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of whole texts without special ones."""
        if not texts:
            return []
        found = self.tokenizer(list(texts), add_special_tokens=False, verbose=False)["input_ids"]
        return [self.known(ids) for ids in found]

    def known(self, ids: Sequence[int]) -> list[int]:
        """The ids, with that of the unknown piece (or padding) where the model has no vector."""
        if not self.rows or max(ids, default=0) < self.rows:
            return list(ids)
        unknown = self.tokenizer.unk_token_id
        return [i if i < self.rows else self.pad_id if unknown is None else int(unknown) for i in ids]

    def framed(self, ids: Sequence[int]) -> list[int]:
        """The ids with the special ones around them."""
        return [*self.before, *ids, *self.behind]


def pieces(tokenizer: Any) -> Pieces:
    """The wrapped tokeniser; what it puts around a text is read off a sample."""
    bare = tokenizer(_SAMPLE, add_special_tokens=False)["input_ids"]
    full = tokenizer(_SAMPLE)["input_ids"]
    first = next((i for i in range(len(full)) if full[i : i + len(bare)] == bare), 0)
    pad = tokenizer.pad_token_id
    return Pieces(
        tokenizer, tuple(full[:first]), tuple(full[first + len(bare) :]), 0 if pad is None else int(pad)
    )


@dataclass(frozen=True)
class Worded:
    """A text's ids without special ones, and per id the number of its word; words without an id do not count.

    `words` are the words' character spans.
    """

    ids: list[int]
    word_of: np.ndarray
    words: list[tuple[int, int]]


def worded(pieces: Pieces, texts: Sequence[str]) -> Iterator[Worded]:
    """Each text's pieces with the word each belongs to, whatever kind of tokeniser it is."""
    make = _by_offsets if getattr(pieces.tokenizer, "is_fast", False) else _word_by_word
    for text in texts:
        yield make(pieces, text)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Character spans of the words of a text, in order."""
    return [match.span() for match in _WORD.finditer(text)]


def _by_offsets(pieces: Pieces, text: str) -> Worded:
    found = pieces.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    words = word_spans(text)
    starts = np.array([start for start, _ in words], dtype=np.int64)
    # The last character decides: some tokenisers count the blank before a word as part of it.
    lasts = np.array([max(end - 1, start) for start, end in found["offset_mapping"]], dtype=np.int64)
    place = np.searchsorted(starts, lasts, side="right") - 1
    return _counted(pieces.known(found["input_ids"]), np.maximum(place, 0), words=words or [(0, len(text))])


def _word_by_word(pieces: Pieces, text: str) -> Worded:
    """Tokenisers without offsets take the text in runs between blanks; a run is a word."""
    words = [match.span() for match in re.finditer(r"\S+", text)]
    per_word = pieces.ids([text[start:end] for start, end in words])
    ids = [i for part in per_word for i in part]
    place = np.repeat(np.arange(len(words)), [len(part) for part in per_word])
    return _counted(ids, place, words=words)


def _counted(ids: list[int], place: np.ndarray, *, words: list[tuple[int, int]]) -> Worded:
    used, word_of = np.unique(place, return_inverse=True)
    return Worded(ids, word_of.astype(np.int64), [words[i] for i in used.tolist()])
