"""Which texts of an evaluation a model may have seen in training: by id, by text, and nearly so.

Not for splitting data: `labelled.apart` does that when a model is trained. A model judged on texts it was trained on
has a memory, not a skill.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from classifiers.labelled import leak_key, near_duplicates

# Training texts compared at a time: bounds memory, changes nothing.
BLOCK = 4_000


@dataclass(frozen=True)
class Leaks:
    """Boolean arrays, one cell per text of the evaluation; a text may be found in several ways."""

    same_id: np.ndarray
    same_text: np.ndarray
    near: np.ndarray

    @property
    def found(self) -> np.ndarray:
        """Boolean: found in any way."""
        return np.asarray(self.same_id | self.same_text | self.near)

    def counts(self) -> dict[str, int]:
        """How many texts were found in each way, each text under the first way that found it."""
        text = self.same_text & ~self.same_id
        near = self.near & ~self.same_text & ~self.same_id
        return {
            "id": int(self.same_id.sum()),
            "text": int(text.sum()),
            "near text": int(near.sum()),
        }


def find_leaks(
    texts: Sequence[str | None],
    *,
    train: Sequence[str | None],
    ids: Sequence[str | None] | None = None,
    train_ids: Sequence[str | None] | None = None,
) -> Leaks:
    """Compare texts, and ids where both sides have some, with what a model was trained on.

    Texts are the same when their letters, digits and symbols are (`leak_key`), and nearly the same from a Jaccard
    similarity of .8 of their word sets (`near_duplicates`). An empty text or id is the same as nothing.
    """
    seen_ids = {value for value in train_ids or () if value}
    keys = {leak_key(text) for text in train if text} - {""}
    return Leaks(
        same_id=np.array(
            [bool(value) and value in seen_ids for value in ids or [None] * len(texts)], dtype=bool
        ),
        same_text=np.array([bool(text) and leak_key(text or "") in keys for text in texts], dtype=bool),
        near=_near([text or "" for text in texts], train=[text for text in train if text]),
    )


def _near(texts: list[str], *, train: list[str]) -> np.ndarray:
    near = np.zeros(len(texts), dtype=bool)
    for start in range(0, len(train), BLOCK):
        rest = np.flatnonzero(~near)
        if len(rest):
            near[rest] = near_duplicates([texts[i] for i in rest], of=train[start : start + BLOCK])
    return near
