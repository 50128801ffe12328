"""Logits → probabilities, and the thresholds and error rates that go with them; fitted on validation data only.

Not for prevalence: correcting a share with these error rates is `warehouse.quantify`'s job.
"""

from dataclasses import dataclass

import numpy as np

SMALLEST_SLOPE = 0.05
LARGEST_WEIGHT = 2.0
SMALLEST_STEP = 1e-9
GRID = np.round(np.arange(0.02, 0.981, 0.005), 3)


@dataclass(frozen=True)
class Fit:
    """Platt scaling of one measure: p = sigmoid(slope · logit + offset)."""

    slope: float
    offset: float


@dataclass(frozen=True)
class ErrorRates:
    """Shares of positives and of negatives that reach the threshold, with how many of each were looked at."""

    tpr: float
    fpr: float
    n_pos: int
    n_neg: int


def calibrated(logits: np.ndarray, *, slopes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Float32 probabilities of the logits' shape (texts, measures)."""
    scaled = np.clip(logits * slopes + offsets, -30.0, 30.0)
    return (1.0 / (1.0 + np.exp(-scaled))).astype(np.float32)


def fit_platt(logits: np.ndarray, targets: np.ndarray, *, steps: int = 50) -> Fit:
    """Maximum likelihood by Newton's method on Platt's smoothed targets (Platt 1999); one measure, known cells only.

    Raises ValueError unless both classes occur.
    """
    n_pos, n_neg = float(targets.sum()), float((1 - targets).sum())
    if not n_pos or not n_neg:
        raise ValueError(
            f"calibration needs both classes; got {n_pos:.0f} positives and {n_neg:.0f} negatives"
        )
    beta = _logistic(np.stack([logits, np.ones(len(logits))], axis=1), targets, steps=steps)
    return Fit(slope=max(float(beta[0]), SMALLEST_SLOPE), offset=float(beta[1]))


def _logistic(x: np.ndarray, targets: np.ndarray, *, steps: int = 50) -> np.ndarray:
    """Coefficients of the columns of `x` on Platt's smoothed targets: Newton's method, a step halved while it harms."""
    n_pos, n_neg = float(targets.sum()), float((1 - targets).sum())
    smooth = np.where(targets > 0, (n_pos + 1) / (n_pos + 2), 1 / (n_neg + 2))
    x = x.astype(np.float64)
    beta = np.zeros(x.shape[1])
    for _ in range(steps):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (p - smooth)
        curvature = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(x.shape[1])
        step = np.linalg.solve(curvature, gradient)
        while np.abs(step).max() > SMALLEST_STEP and _loss(x, smooth, beta - step) > _loss(x, smooth, beta):
            step = step / 2
        beta = beta - step
    return beta


def _loss(x: np.ndarray, targets: np.ndarray, beta: np.ndarray) -> float:
    """Sum of cross-entropies of logits x·beta."""
    logits = x @ beta
    return float((np.logaddexp(0.0, logits) - targets * logits).sum())


def fit_weight(logits: np.ndarray, others: np.ndarray, targets: np.ndarray) -> float:
    """How much a second model's logits count beside the first's, by logistic regression on both; one measure.

    0 to 2; 0 where the second adds nothing or only one class occurs.
    """
    if targets.min(initial=1) == targets.max(initial=0):
        return 0.0
    beta = _logistic(np.stack([logits, others, np.ones(len(logits))], axis=1), targets)
    return float(np.clip(beta[1] / max(beta[0], SMALLEST_SLOPE), 0.0, LARGEST_WEIGHT))


def best_threshold(probabilities: np.ndarray, targets: np.ndarray, *, weights: np.ndarray) -> float:
    """The grid value whose weighted F1 is greatest (the smallest such value); one measure, known cells only."""
    scores = [_weighted_f1(probabilities >= t, targets > 0, weights) for t in GRID]
    return float(GRID[int(np.argmax(scores))])


def error_rates(probabilities: np.ndarray, targets: np.ndarray, *, threshold: float) -> ErrorRates:
    """True and false positive rate of one measure at its threshold; a rate of nothing is 0."""
    positive, said = targets > 0, probabilities >= threshold
    n_pos, n_neg = int(positive.sum()), int((~positive).sum())
    tpr, fpr = (said & positive).sum() / max(n_pos, 1), (said & ~positive).sum() / max(n_neg, 1)
    return ErrorRates(tpr=round(float(tpr), 5), fpr=round(float(fpr), 5), n_pos=n_pos, n_neg=n_neg)


def balanced_weights(sources: np.ndarray) -> np.ndarray:
    """Weights that fall with the square root of the data set's size, so that the largest does not decide alone."""
    _, inverse, counts = np.unique(sources, return_inverse=True, return_counts=True)
    return 1.0 / np.sqrt(counts[inverse])


def _weighted_f1(said: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> float:
    hit = float(weights[said & positive].sum())
    wrong = float(weights[said != positive].sum())
    return 2 * hit / (2 * hit + wrong) if hit else 0.0
