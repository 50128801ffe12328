"""Losses of several groups of labels over one flat row of logits, soft targets and unknown cells included.

Not for weighting data sets against each other: a recipe has one.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from classifiers.recipes.examples import Group, spans


def groups_loss(logits: Tensor, *, targets: Tensor, masks: Tensor, groups: Sequence[Group]) -> Tensor:
    """Sum over the groups of their mean loss on known rows or cells; all of shape (rows, labels).

    A softmax group has the cross-entropy with the shares of votes, a sigmoid group that of each cell.
    """
    parts = zip(groups, spans(groups), strict=True)
    losses = [_loss(group, logits[:, at], targets[:, at], masks[:, at]) for group, at in parts]
    return torch.stack(losses).sum()


def _loss(group: Group, logits: Tensor, targets: Tensor, masks: Tensor) -> Tensor:
    if group.activation == "sigmoid":
        cells = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return (cells * masks).sum() / masks.sum().clamp(min=1.0)
    rows = -(targets * functional.log_softmax(logits, dim=1)).sum(dim=1)
    known = masks[:, 0]
    return (rows * known).sum() / known.sum().clamp(min=1.0)
