"""Labelled rows cut down to the columns of one n-gram model.

Not for reading files: `classifiers.labelled` does that for all measures.
"""

from dataclasses import dataclass

import numpy as np

from classifiers.labelled import Labelled
from classifiers.ngram.train import Examples
from classifiers.taxonomy import MEASURES


@dataclass(frozen=True)
class Columns:
    """The model's outputs: measures, then `auxiliary` labels that are learnt but never scored.

    An auxiliary label is what is left of the rows of the data set `rest_of`, whose labels exclude each other, when none
    of its measures applies.
    """

    measures: tuple[str, ...]
    auxiliary: tuple[str, ...] = ()
    rest_of: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All outputs in order."""
        return (*self.measures, *self.auxiliary)


def narrowed(data: Labelled, *, columns: Columns) -> Labelled:
    """The same rows with targets and masks of shape (n, outputs)."""
    places = [MEASURES.index(name) for name in columns.measures]
    targets, masks = data.targets[:, places], data.masks[:, places]
    if columns.auxiliary:
        inside = data.sources == columns.rest_of
        rest = inside & ((data.targets * (data.masks == 1)).sum(axis=1) == 0)
        targets = np.column_stack([targets, rest]).astype(np.float32)
        masks = np.column_stack([masks, inside]).astype(np.float32)
    return Labelled(data.texts, targets, masks, data.sources)


def examples(data: Labelled, *, weights: dict[str, float] | None = None) -> Examples:
    """Training examples of narrowed rows; `weights` per data set, 1 where it is not named."""
    by_row = np.array([(weights or {}).get(name, 1.0) for name in data.sources], dtype=np.float32)
    return Examples(data.texts, data.targets.astype(np.float32), data.masks * by_row[:, None])


def without_repeats(data: Labelled) -> Labelled:
    """The first row of each text and data set: repeats would narrow every interval."""
    from classifiers.labelled import leak_key

    first: dict[tuple[str, str], int] = {}
    for i, (source, text) in enumerate(zip(data.sources, data.texts, strict=True)):
        first.setdefault((str(source), leak_key(text)), i)
    return data.take(np.fromiter(first.values(), dtype=np.int64, count=len(first)))
