"""Read labelled data sets into one table of texts, targets and masks, with nothing of the validation left in train.

Not part of scoring: only training and evaluation need labelled data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from classifiers.profiles import profile_text
from classifiers.taxonomy import EMOEVENT, GOEMOTIONS, MEASURES, SEMEVAL, TWEETEVAL, LabelMap
from warehouse.errors import InputError

NEAR_DUPLICATE_JACCARD = 0.8
MIN_WORDS_FOR_NEAR = 4


@dataclass(frozen=True)
class Source:
    """One labelled data set: its name, its files' names without ending, its map and its weight in the loss."""

    name: str
    train: str
    validation: str
    labels: LabelMap
    weight: float
    exclusive: bool = False


@dataclass(frozen=True)
class Labelled:
    """`n` texts with targets and masks of shape (n, measures); a mask of 0 means unknown, never absent."""

    texts: list[str]
    targets: np.ndarray
    masks: np.ndarray
    sources: np.ndarray

    def take(self, rows: np.ndarray) -> "Labelled":
        """The rows at these positions, in this order."""
        texts = [self.texts[i] for i in rows]
        return Labelled(texts, self.targets[rows], self.masks[rows], self.sources[rows])

    def of(self, source: str) -> "Labelled":
        """The rows of one data set."""
        return self.take(np.flatnonzero(self.sources == source))


EMOTION_SOURCES = (
    Source("goemotions", "goemotions_en_train", "goemotions_en_dev", GOEMOTIONS, 1.0),
    Source(
        "tweeteval", "tweeteval_emotion_en_train", "tweeteval_emotion_en_val", TWEETEVAL, 3.0, exclusive=True
    ),
    Source("semeval2025", "semeval2025_emotion_eng_train", "semeval2025_emotion_eng_dev", SEMEVAL, 2.0),
    Source("emoevent", "emoevent_en_train", "emoevent_en_dev", EMOEVENT, 0.5),
)


def load_split(data_dir: Path, *, split: str, sources: Sequence[Source] = EMOTION_SOURCES) -> Labelled:
    """All sources' `train` or `validation` rows below one another. Raises InputError for a missing file."""
    parts = [_load_source(data_dir, source, getattr(source, split)) for source in sources]
    return Labelled(
        texts=[text for part in parts for text in part.texts],
        targets=np.concatenate([part.targets for part in parts]),
        masks=np.concatenate([part.masks for part in parts]),
        sources=np.concatenate([part.sources for part in parts]),
    )


def without_leaks(train: Labelled, *, validation: Labelled) -> Labelled:
    """`train` less every row whose text, or nearly its text, occurs in `validation`, and less its own repeats."""
    seen = set(map(leak_key, validation.texts))
    near = near_duplicates(train.texts, of=validation.texts)
    keys = [f"{source}\t{leak_key(text)}" for source, text in zip(train.sources, train.texts, strict=True)]
    first = {key: i for i, key in reversed(list(enumerate(keys)))}
    keep = [
        i for i, key in enumerate(keys) if first[key] == i and not near[i] and key.split("\t")[1] not in seen
    ]
    return train.take(np.asarray(keep, dtype=np.int64))


def leak_key(text: str) -> str:
    """The text's letters, digits and other symbols without case, blanks or ASCII punctuation."""
    return "".join(c for c in text.lower() if c.isalnum() or (ord(c) > 127 and not c.isspace()))


def near_duplicates(texts: Sequence[str], *, of: Sequence[str], chunk: int = 2_000) -> np.ndarray:
    """Per text, whether its word set has Jaccard similarity of 0.8 or more with that of a text in `of`.

    Texts under four distinct words are never near duplicates; equality is tested elsewhere.
    """
    left, right = _word_sets(texts, of)
    columns = right.T.tocsr()
    sizes = _row_sums(left), _row_sums(right)
    starts = range(0, len(texts), chunk)
    parts = [_near(left[i : i + chunk], columns, sizes[0][i : i + chunk], sizes[1]) for i in starts]
    return np.concatenate(parts) if parts else np.zeros(0, dtype=bool)


def _near(left: Any, right: Any, n_left: np.ndarray, n_right: np.ndarray) -> np.ndarray:
    shared = (left @ right).toarray()
    jaccard = shared / np.maximum(n_left[:, None] + n_right[None, :] - shared, 1)
    near: np.ndarray = (jaccard.max(axis=1, initial=0) >= NEAR_DUPLICATE_JACCARD) & (
        n_left >= MIN_WORDS_FOR_NEAR
    )
    return near


def _word_sets(left: Sequence[str], right: Sequence[str]) -> tuple[Any, Any]:
    """Sparse 0/1 matrices (texts, words) over one vocabulary."""
    from scipy.sparse import csr_array

    lowered = pl.Series([*left, *right], dtype=pl.String).str.to_lowercase()
    cells = pl.DataFrame({"words": lowered.str.extract_all(r"\w+").list.unique()}).with_row_index("row")
    cells = cells.explode("words").drop_nulls().with_columns(column=pl.col("words").rank("dense") - 1)
    shape = (len(left) + len(right), cells["column"].n_unique())
    ones = np.ones(cells.height, dtype=np.float32)
    both = csr_array((ones, (cells["row"].to_numpy(), cells["column"].to_numpy())), shape=shape)
    return both[: len(left)], both[len(left) :]


def _row_sums(matrix: Any) -> np.ndarray:
    return np.asarray(matrix.sum(axis=1)).ravel()


def _load_source(data_dir: Path, source: Source, stem: str) -> Labelled:
    path = data_dir / f"{stem}.parquet"
    if not path.exists():
        raise InputError(
            f"training data {path} is missing; expected a parquet file with columns text, labels"
        )
    frame = pl.read_parquet(path).with_columns(text=profile_text(_dataset_masks(pl.col("text"))))
    frame = frame.filter(pl.col("text").str.len_chars() > 0)
    labels = frame["labels"].to_list()
    targets, masks = targets_and_masks(labels, label_map=source.labels)
    return Labelled(frame["text"].to_list(), targets, masks, np.full(frame.height, source.name))


def _dataset_masks(text: pl.Expr) -> pl.Expr:
    """The masks these corpora were published with, in the spelling of the warehouse."""
    return text.str.replace_all(r"\[NAME\]|\bUSER\b", "@user").str.replace_all(r"\[RELIGION\]", "religion")


def targets_and_masks(
    labels: Sequence[Sequence[str]], *, label_map: LabelMap
) -> tuple[np.ndarray, np.ndarray]:
    """Float32 arrays of shape (rows, measures): 1 where a measure applies, and 1 where that is known at all."""
    targets = np.zeros((len(labels), len(MEASURES)), dtype=np.float32)
    masks = np.tile(np.isin(MEASURES, label_map.known).astype(np.float32), (len(labels), 1))
    for row, names in enumerate(labels):
        positive = [MEASURES.index(label_map.positive[n]) for n in names if n in label_map.positive]
        unclear = [MEASURES.index(m) for n in names for m in label_map.unclear.get(n, ())]
        masks[row, unclear] = 0.0
        masks[row, positive] = 1.0
        targets[row, positive] = 1.0
    return targets, masks
