"""Fit an n-gram model: logistic regression per measure over hashed features, with unknown cells and soft targets.

Not for choosing data: callers say which rows, with which targets and weights. What is drawn at random, the order of
the posts and the folds, is seeded.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from classifiers.ngram.features import FeatureLists, FeatureSpec, list_rows
from classifiers.ngram.kernels_train import add_up, ascend, tally

Floats = np.ndarray


@dataclass(frozen=True)
class Examples:
    """`n` texts; Float32 (n, columns) targets in [0, 1] and weights, 0 where the truth is unknown."""

    texts: list[str]
    targets: Floats
    weights: Floats

    def take(self, rows: np.ndarray) -> "Examples":
        """The rows at these positions, in this order."""
        return Examples([self.texts[i] for i in rows], self.targets[rows], self.weights[rows])


def stacked(parts: list[Examples]) -> Examples:
    """The rows of all parts below one another."""
    return Examples(
        [text for part in parts for text in part.texts],
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )


@dataclass(frozen=True)
class Recipe:
    """Settings of one training.

    `penalty` is the weight of the squared coefficients. Before it is applied, a feature is scaled by the absolute
    log-ratio of its counts in positives and negatives (Wang and Manning 2012, NB-SVM), counts smoothed by `smoothing`,
    to the power `log_ratio`, and by its inverse document frequency to the power `rarity`. `prior`: squared scale of the
    bias, which is penalised for leaving the share of positives.
    """

    spec: FeatureSpec = field(default_factory=FeatureSpec)
    penalty: float = 0.1
    log_ratio: float = 0.0
    rarity: float = 1.0
    smoothing: float = 1.0
    prior: float = 1.0
    epochs: int = 10
    seed: int = 20_240

    def as_dict(self) -> dict[str, Any]:
        """For the model's description."""
        return asdict(self)


@dataclass(frozen=True)
class Linear:
    """Float32 weights (rows, columns) and bias (columns,).

    A logit is the bias plus the sum of the post's rows over the root of their number.
    """

    weights: Floats
    bias: Floats

    def logits(self, lists: FeatureLists) -> Floats:
        """Float32 (n, columns)."""
        out = np.empty((len(lists.n_tokens), len(self.bias)), np.float32)
        add_up(lists.starts, lists.rows, self.weights, self.bias, out)
        return out


def distilled(examples: Examples, *, teacher: Floats, share: float = 0.5, unknown: float = 0.3) -> Examples:
    """The examples with targets that are part truth, part a teacher's probabilities (Hinton et al. 2015).

    `teacher` (n, columns) in [0, 1], NaN where it has no answer. Where the truth is known its part is `share`;
    where it is not, the teacher's answer alone is the target, at the weight `unknown`. Raises ValueError for another
    shape.
    """
    if teacher.shape != examples.targets.shape:
        raise ValueError(
            f"the teacher's answers have shape {teacher.shape}, the targets {examples.targets.shape}; expected one "
            "answer per text and column, for the same texts in the same order"
        )
    answered, known = np.isfinite(teacher), examples.weights > 0
    answers = np.where(answered, teacher, 0.0).astype(np.float32)
    mixed = np.where(answered, (1 - share) * examples.targets + share * answers, examples.targets)
    targets = np.where(known, mixed, answers).astype(np.float32)
    weights = np.where(known, examples.weights, answered * unknown).astype(np.float32)
    return Examples(examples.texts, targets, weights)


def fit_linear(examples: Examples, *, recipe: Recipe) -> Linear:
    """The weights of least penalised cross-entropy; the same examples give the same weights.

    Raises ValueError when a column has no known cell.
    """
    return fit_lists(listed(examples, recipe.spec), examples.targets, examples.weights, recipe=recipe)


def listed(examples: Examples, spec: FeatureSpec) -> FeatureLists:
    """The features of the examples."""
    return list_rows(pl.Series(examples.texts, dtype=pl.String), spec)


def fit_lists(lists: FeatureLists, targets: Floats, weights: Floats, *, recipe: Recipe) -> Linear:
    """`fit_linear` on features that are listed already: stochastic dual coordinate ascent (Shalev-Shwartz and Zhang
    2013), whose dual values approach weight * (target - probability)."""
    known = weights.sum(axis=0)
    if not (known > 0).all():
        raise ValueError(f"columns {np.flatnonzero(known <= 0).tolist()} have no known cell; leave them out")
    targets, weights = (np.ascontiguousarray(cells, dtype=np.float32) for cells in (targets, weights))
    scales = np.square(feature_scales(lists, targets, weights, recipe=recipe))
    share = ((targets * weights).sum(axis=0) + 0.5) / (known + 1.0)
    model = Linear(np.zeros_like(scales), np.log(share / (1 - share)).astype(np.float32))
    duals, rng = np.zeros_like(targets), np.random.default_rng(recipe.seed)
    for _ in range(recipe.epochs):
        ascend(
            rng.permutation(len(targets)), lists.starts, lists.rows, targets, weights, scales,
            np.float32(recipe.penalty), model.weights, model.bias, np.float32(recipe.prior), duals,
        )  # fmt: skip
    return model


def feature_scales(lists: FeatureLists, targets: Floats, weights: Floats, *, recipe: Recipe) -> Floats:
    """Float32 (rows, columns): how readily the penalty lets a feature speak; of mean square 1 over what occurs."""
    rows = recipe.spec.rows
    counts = _tallied(lists, np.ones((len(targets), 1), np.float32), rows=rows)
    scales = np.ones((rows, targets.shape[1]), np.float32)
    if recipe.rarity:
        scales *= np.log((len(targets) + 1) / (counts + 0.5)) ** recipe.rarity
    if recipe.log_ratio:
        scales *= log_ratios(lists, targets, weights, recipe=recipe) ** recipe.log_ratio
    typical = np.sqrt((counts * np.square(scales)).sum(axis=0) / max(counts.sum(), 1.0))
    return (scales / np.maximum(typical, np.float32(1e-6))).astype(np.float32)


def log_ratios(lists: FeatureLists, targets: Floats, weights: Floats, *, recipe: Recipe) -> Floats:
    """Float32 (rows, columns): how strongly a feature speaks for or against, from smoothed weighted counts."""
    smooth = np.float32(recipe.smoothing)
    pros = _tallied(lists, targets * weights, rows=recipe.spec.rows) + smooth
    cons = _tallied(lists, (1 - targets) * weights, rows=recipe.spec.rows) + smooth
    ratio: Floats = np.log(pros / pros.sum(axis=0)) - np.log(cons / cons.sum(axis=0))
    return np.abs(ratio)


def _tallied(lists: FeatureLists, cells: Floats, *, rows: int) -> Floats:
    sums = np.zeros((rows, cells.shape[1]), np.float32)
    tally(lists.starts, lists.rows, np.ascontiguousarray(cells, dtype=np.float32), sums)
    return sums


def out_of_fold(
    examples: Examples, *, recipe: Recipe, always: Examples | None = None, folds: int = 5, seed: int = 17
) -> Floats:
    """Float32 logits (n, columns) of each row by a model that saw the other folds, and `always`, only."""
    fold = np.random.default_rng(seed).integers(0, folds, len(examples.texts))
    logits = np.empty(examples.targets.shape, np.float32)
    for k in range(folds):
        inside, outside = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        seen = examples.take(outside)
        model = fit_linear(stacked([seen, always]) if always else seen, recipe=recipe)
        logits[inside] = model.logits(listed(examples.take(inside), recipe.spec))
    return logits
