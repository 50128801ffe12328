"""What a recipe learns from: groups of labels, and texts with soft targets and masks in the groups' order.

Not for reading files: `tables` does that, and each recipe turns its own columns into these.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from warehouse.errors import InputError, UsageError

Activation = Literal["softmax", "sigmoid"]
Pooling = Literal["mean", "max"]
YES_NO = 2
MIN_ROWS = 50


@dataclass(frozen=True)
class Group:
    """Labels that are decided together: one of them (softmax), or each by itself (sigmoid).

    A softmax group of two labels is a yes/no question; its positive label stands last.
    """

    name: str
    labels: tuple[str, ...]
    activation: Activation

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of what the group measures: one per label, or the group's own for a yes/no question."""
        if self.activation == "sigmoid":
            return self.labels
        if len(self.labels) == YES_NO:
            return (self.name,)
        return tuple(f"{self.name}_{label}" for label in self.labels)


def measures_of(groups: Sequence[Group]) -> tuple[str, ...]:
    """All groups' measures in order; UsageError where a name occurs twice."""
    names = tuple(name for group in groups for name in group.measures)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"several groups would have the measures {', '.join(twice)}; rename the groups")
    return names


def spans(groups: Sequence[Group]) -> list[slice]:
    """Where each group's labels stand among the flat logits."""
    edges = np.cumsum([0, *(len(group.labels) for group in groups)])
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]


@dataclass(frozen=True)
class Examples:
    """`n` profiled texts with what is known of them.

    `targets` and `masks` are Float32 of shape (n, labels of all groups); a target is a share of the annotators, a mask
    of 0 means unknown. `languages` (n,) are ISO 639-1 codes. `keys` are arrays (n,) of objects, None where unknown:
    rows that share one (a post, an author) belong on one side of a split. `times` (n,) Int64, if known, order the rows.
    """

    texts: list[str]
    targets: np.ndarray
    masks: np.ndarray
    languages: np.ndarray
    keys: tuple[np.ndarray, ...] = ()
    times: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: np.ndarray) -> "Examples":
        """The rows at these positions, in this order."""
        return Examples(
            [self.texts[i] for i in rows],
            self.targets[rows],
            self.masks[rows],
            self.languages[rows],
            tuple(key[rows] for key in self.keys),
            None if self.times is None else self.times[rows],
        )


def joined_examples(parts: Sequence[Examples]) -> Examples:
    """The parts' rows below one another; parts must have the same number of keys."""
    if len({len(part.keys) for part in parts}) > 1:
        raise ValueError("parts with different keys cannot be joined")
    timed = [part.times for part in parts if part.times is not None]
    return Examples(
        [text for part in parts for text in part.texts],
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.masks for part in parts]),
        np.concatenate([part.languages for part in parts]),
        tuple(np.concatenate(keys) for keys in zip(*(part.keys for part in parts), strict=True)),
        np.concatenate(timed) if len(timed) == len(parts) else None,
    )


@dataclass(frozen=True)
class Task:
    """All a trainer needs to know of one recipe's data.

    `validation` decides calibration, thresholds and error rates; `beside` are further validation rows, by name, that
    are only reported. `data` holds file names and counts for the card; `notes` what a reader must know of the recipe.
    """

    recipe: str
    groups: tuple[Group, ...]
    train: Examples
    validation: Examples
    data: dict[str, Any]
    pooling: Pooling = "mean"
    max_tokens: int = 128
    beside: dict[str, Examples] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def n_labels(self) -> int:
        """How many logits the model has."""
        return sum(len(group.labels) for group in self.groups)

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the training rows."""
        return tuple(sorted(set(self.train.languages.tolist())))


def check_rows(n: int, *, where: str) -> None:
    """InputError for fewer rows than anything can be learnt and judged on."""
    if n < MIN_ROWS:
        raise InputError(
            f"{where}: {n} usable rows; expected at least {MIN_ROWS}. Label more posts, or take a trained model."
        )


def check_both_classes(examples: Examples, *, groups: Sequence[Group], where: str) -> None:
    """InputError where a label applies to no known row, or to all of them: nothing could be learnt."""
    names = [label for group in groups for label in group.labels]
    known = examples.masks > 0
    some, most = ((known & (examples.targets > least)).sum(axis=0) for least in (0.0, 0.5))
    bad = [
        f"{name} ({int(s)} of {int(n)} rows)"
        for name, s, m, n in zip(names, some, most, known.sum(axis=0), strict=True)
        if s == 0 or m == n
    ]
    if bad:
        raise InputError(
            f"{where}: labels with one class only: {', '.join(bad)}. Expected rows with and without each label. "
            "Add rows, or name the labels to learn with --labels where the recipe allows it."
        )
