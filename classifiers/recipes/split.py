"""Training and validation rows that share no post, author, text or near-duplicate; what was dropped is counted.

Not a cross-validation, and no source of test rows: those are never read.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from classifiers.labelled import leak_key, near_duplicates
from classifiers.recipes.examples import Examples
from warehouse.errors import InputError

SHARE = 10
MIN_VALIDATION, MIN_TRAIN = 5, 30
# Cells of the comparison matrix held in memory at a time.
NEAR_CELLS = 20_000_000


@dataclass(frozen=True)
class Split:
    """Rows to learn from and rows to judge with; `dropped` counts training rows by why they left, `how` says how."""

    train: Examples
    validation: Examples
    how: str
    dropped: dict[str, int]


def split(examples: Examples, *, seed: int, where: str) -> Split:
    """Hold out the latest tenth where times are known, else a tenth of the posts or authors, drawn by a hash.

    Raises InputError where one side would be too small.
    """
    if examples.times is not None:
        held_out, how = _latest(examples.times, where=where), "the latest tenth by created_at"
    else:
        held_out, how = _drawn(examples, seed=seed), f"a tenth drawn by {_unit_name(examples)} (seed {seed})"
    train, validation = np.flatnonzero(~held_out), np.flatnonzero(held_out)
    return apart(examples.take(train), validation=examples.take(validation), how=how, where=where)


def apart(train: Examples, *, validation: Examples, how: str, where: str) -> Split:
    """Take from `train` what shares a key or a text with `validation`, or nearly does.

    Raises InputError where one side would be too small.
    """
    shared = _shares_a_key(train, validation)
    texts = set(map(leak_key, validation.texts))
    equal = np.array([leak_key(text) in texts for text in train.texts], dtype=bool)
    chunk = max(1, NEAR_CELLS // max(len(validation), 1))
    near = near_duplicates(train.texts, of=validation.texts, chunk=chunk)
    kept = np.flatnonzero(~(shared | equal | near))
    dropped = {
        "same post or author as a validation row": int(shared.sum()),
        "same text": int((equal & ~shared).sum()),
        "nearly the same text": int((near & ~equal & ~shared).sum()),
    }
    found = Split(train.take(kept), validation, how, dropped)
    _check(found, where=where)
    return found


def _check(found: Split, *, where: str) -> None:
    if len(found.validation) < MIN_VALIDATION or len(found.train) < MIN_TRAIN:
        lost = ", ".join(f"{n} {why}" for why, n in found.dropped.items() if n) or "none"
        raise InputError(
            f"{where}: {len(found.train)} training and {len(found.validation)} validation rows are left (split: "
            f"{found.how}; dropped from training: {lost}). Expected at least {MIN_TRAIN} and {MIN_VALIDATION}. Add "
            "rows of other people, or give a validation part of your own."
        )


def _latest(times: np.ndarray, *, where: str) -> np.ndarray:
    """The rows from the time at which the latest tenth begins."""
    if times.min() == times.max():
        raise InputError(
            f"{where}: created_at is the same in all {len(times)} rows. Expected times that differ; drop the column to "
            "split without it."
        )
    ordered = np.sort(times)
    cut = ordered[len(ordered) - max(1, len(ordered) // SHARE)]
    held_out: np.ndarray = times >= (cut if cut > ordered[0] else ordered[0] + 1)
    return held_out


def _drawn(examples: Examples, *, seed: int) -> np.ndarray:
    """Whole units in the order of a hash until a tenth of the rows is reached; the order of rows plays no part."""
    units = _units(examples)
    names, inverse, counts = np.unique(units, return_inverse=True, return_counts=True)
    digests = [hashlib.sha256(f"{seed}\0{name}".encode()).hexdigest() for name in names]
    order = np.argsort(digests)
    before = np.cumsum(counts[order]) - counts[order]
    chosen = np.zeros(len(names), dtype=bool)
    chosen[order[before < len(examples) / SHARE]] = True
    held_out: np.ndarray = chosen[inverse]
    return held_out


def _units(examples: Examples) -> np.ndarray:
    """What is held out together: the author where known, else the post, else the text."""
    units = [f"text:{leak_key(text)}" for text in examples.texts]
    for place, key in enumerate(examples.keys):
        units = [
            f"{place}:{value}" if value is not None else unit for unit, value in zip(units, key, strict=True)
        ]
    return np.array(units)


def _unit_name(examples: Examples) -> str:
    known = any((key != None).any() for key in examples.keys)  # noqa: E711 (element by element)
    return "post or author" if known else "text"


def _shares_a_key(train: Examples, validation: Examples) -> np.ndarray:
    shared = np.zeros(len(train), dtype=bool)
    for ours, theirs in zip(train.keys, validation.keys, strict=True):
        taken = {value for value in theirs.tolist() if value is not None}
        shared |= np.array([value in taken for value in ours.tolist()], dtype=bool)
    return shared
