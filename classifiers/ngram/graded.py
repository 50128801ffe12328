"""Graded targets, such as valence: their calibration and how near the answers are.

Not for labels: those have thresholds and error rates, grades have none.
"""

import numpy as np

from classifiers.calibrate import SMALLEST_SLOPE, Fit
from classifiers.evaluate import Interval

RESAMPLES = 1_000


def fit_graded(logits: np.ndarray, grades: np.ndarray, *, steps: int = 50) -> Fit:
    """Slope and offset of greatest likelihood for grades in [0, 1], by Newton's method; one measure."""
    x = np.stack([logits.astype(np.float64), np.ones(len(logits))], axis=1)
    beta = np.array([1.0, 0.0])
    for _ in range(steps):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ beta, -30, 30)))
        curvature = (x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(2)
        beta = beta - np.linalg.solve(curvature, x.T @ (p - grades))
    return Fit(slope=max(float(beta[0]), SMALLEST_SLOPE), offset=float(beta[1]))


def graded_metrics(answers: np.ndarray, grades: np.ndarray, *, seed: int = 7) -> dict[str, object]:
    """Pearson correlation with a 95 % bootstrap interval, mean absolute error, and the number of graded rows."""
    drawn = np.random.default_rng(seed).integers(0, len(grades), (RESAMPLES, len(grades)))
    samples = np.array([_correlation(answers[rows], grades[rows]) for rows in drawn])
    low, high = np.quantile(samples, [0.025, 0.975])
    r = Interval(_correlation(answers, grades), float(low), float(high))
    mae = float(np.abs(answers - grades).mean())
    return {"r": r.as_list(), "mae": round(mae, 4), "rows": len(grades)}


def _correlation(left: np.ndarray, right: np.ndarray) -> float:
    a, b = left - left.mean(), right - right.mean()
    base = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / base if base else 0.0
