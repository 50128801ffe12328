"""Logits of a sequence classifier → measures: group by group, by name.

Not for windows or thresholds: one row in, one row out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from classifiers.hub.labels import LEGAL, RESERVED, LabelMap, map_labels, snake
from warehouse.errors import MissingModelError

Activation = Literal["softmax", "sigmoid"]


@dataclass(frozen=True)
class Group:
    """Neighbouring logits that are activated together; `temperature` divides them first."""

    name: str
    labels: tuple[str, ...]
    activation: Activation
    temperature: float = 1.0


@dataclass(frozen=True)
class Head:
    """All groups of a model in the order of its logits, and how their probabilities become measures."""

    groups: tuple[Group, ...]
    mapping: LabelMap

    @property
    def n_logits(self) -> int:
        """The width of the model's output."""
        return sum(len(group.labels) for group in self.groups)

    @property
    def measures(self) -> tuple[str, ...]:
        """Names of the columns of `apply`."""
        return self.mapping.measures

    def apply(self, logits: np.ndarray) -> np.ndarray:
        """Float32 (rows, logits) → Float32 (rows, measures) in [0, 1].

        Labels that share a measure: their sum where they exclude one another, else one minus the product of their
        complements, as if they were independent.
        """
        flat = self.probabilities(logits)
        exclusive = np.concatenate([np.full(len(g.labels), g.activation == "softmax") for g in self.groups])
        columns = [
            _joined(flat[:, list(row)], exclusive=bool(exclusive[list(row)].all()))
            for row in self.mapping.rows
        ]
        return np.stack(columns, axis=1).astype(np.float32)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Float64 (rows, logits): every label's probability within its group."""
        edges = np.cumsum([len(group.labels) for group in self.groups])[:-1]
        parts = np.split(logits.astype(np.float64), edges, axis=1)
        activated = [_activated(part, group=group) for part, group in zip(parts, self.groups, strict=True)]
        return np.concatenate(activated, axis=1)

    def winners(self, logits: np.ndarray, *, margin: float = 0.0) -> np.ndarray:
        """Int (rows, decisions): the winning label of each softmax group and yes or no of each sigmoid label.

        -1 where the decision is closer than `margin`.
        """
        edges = np.cumsum([len(group.labels) for group in self.groups])[:-1]
        parts = np.split(self.probabilities(logits), edges, axis=1)
        decided = [_decided(part, group=g, margin=margin) for part, g in zip(parts, self.groups, strict=True)]
        return np.concatenate(decided, axis=1)


def flat_head(labels: Sequence[str], *, activation: Activation, own: Mapping[str, str], where: str) -> Head:
    """The head of an ordinary model: one group, measures through the registry of labels."""
    group = Group(name="", labels=tuple(labels), activation=activation)
    return Head((group,), map_labels(labels, own=own, where=where))


def grouped_head(groups: Sequence[Group], *, own: Mapping[str, str], where: str) -> Head:
    """The head of a model trained here; a measure is `<group>_<label>`, `<group>` where there are two labels and the
    last says yes, or `<label>` in a sigmoid group. Names are as trained; only `own` overrules them.

    Raises MissingModelError where names are not legal or occur twice, ConfigError as `map_labels` does.
    """
    named = [own_name for group in groups for own_name in _names(group)]
    illegal = sorted(name for name in named if name and (not LEGAL.fullmatch(name) or name in RESERVED))
    made = [name for name in named if name]
    if illegal or len(set(made)) != len(made):
        raise MissingModelError(
            f"{where}: affectcast.json makes the measures {', '.join(made)}; expected different legal names"
        )
    # Positions are known by name even where two groups have a label of one name.
    keys = [name or f"(no) {group.name}" for group in groups for name in _names(group)]
    as_named = dict(zip(keys, named, strict=True))
    return Head(tuple(groups), map_labels(keys, own=as_named | dict(own), where=where))


def _names(group: Group) -> list[str]:
    if group.activation == "sigmoid":
        return [snake(label) for label in group.labels]
    if len(group.labels) == 2:
        return ["", snake(group.name)]
    return [snake(f"{group.name}_{label}") for label in group.labels]


def _activated(logits: np.ndarray, *, group: Group) -> np.ndarray:
    scaled = logits / group.temperature
    if group.activation == "sigmoid":
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scaled, -60.0, 60.0))))
    raised = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def _joined(probabilities: np.ndarray, *, exclusive: bool) -> np.ndarray:
    if probabilities.shape[1] == 1:
        return probabilities[:, 0]
    if exclusive:
        return np.asarray(np.minimum(probabilities.sum(axis=1), 1.0))
    return np.asarray(1.0 - np.prod(1.0 - probabilities, axis=1))


def _decided(probabilities: np.ndarray, *, group: Group, margin: float) -> np.ndarray:
    if group.activation == "sigmoid":
        said = (probabilities >= 0.5).astype(np.int64)
        return np.where(np.abs(probabilities - 0.5) < margin, -1, said)
    winner = probabilities.argmax(axis=1)
    ordered = np.sort(probabilities, axis=1)
    close = (
        ordered[:, -1] - ordered[:, -2] < margin
        if probabilities.shape[1] > 1
        else np.zeros(len(winner), bool)
    )
    return np.where(close, -1, winner)[:, None]
