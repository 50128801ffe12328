"""The weekly alert benchmark of Noufaily et al. (2013): false alarms and detection on 42 scenarios.

Run `python -m benchmarks.alerts_weekly [series per scenario]`; prints the rates. Not a test: a small
fixed-seed version lies in `tests/alerts`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.alerts.detectors import judge, weekly_frame

WEEKS, BASELINE_FROM, CURRENT_FROM = 624, 312, 575
ROWS = (
    (0.1, 0.0025, 0.6, 0.6, 1.5),
    (-2.0, 0.005, 0.1, 0.3, 2.0),
    (1.5, 0.003, 0.2, -0.4, 1.1),
    (0.5, 0.002, 0.5, 0.5, 5.0),
    (2.5, 0.001, 1.0, 0.1, 3.0),
    (3.75, 0.001, 0.1, -0.1, 1.1),
    (5.0, 0.0001, 0.05, 0.01, 1.2),
)


@dataclass(frozen=True)
class Simulated:
    """Counts (series, weeks), and which current weeks lie within the current outbreak."""

    counts: NDArray[np.float64]
    outbreak: NDArray[np.bool_]


def simulate(per_scenario: int, *, seed: int) -> Simulated:
    """`per_scenario` series of each of the 7 rows × trend {0, 1} × harmonics {0, 1, 2}."""
    rng = np.random.default_rng(seed)
    settings = [
        (row, trend, harmonics) for row in ROWS for trend in (0, 1) for harmonics in (0, 1, 2)
    ] * per_scenario
    pairs = [_series(row, trend=trend, harmonics=harmonics, rng=rng) for row, trend, harmonics in settings]
    return Simulated(counts=np.stack([c for c, _ in pairs]), outbreak=np.stack([o for _, o in pairs]))


def _series(
    row: tuple[float, ...], *, trend: int, harmonics: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    theta, beta, gamma1, gamma2, phi = row
    t = np.arange(1, WEEKS + 1)
    angles = [2 * np.pi * j * t / 52 for j in range(1, harmonics + 1)]
    season = sum((gamma1 * np.cos(a) + gamma2 * np.sin(a) for a in angles), np.zeros(WEEKS))
    mean = np.exp(theta + beta * trend * t + season)
    counts = rng.negative_binomial(mean / (phi - 1), 1 / phi).astype(np.float64)
    outbreak = np.zeros(WEEKS, dtype=bool)
    for start in rng.integers(BASELINE_FROM, CURRENT_FROM - 5, 4):
        _add(counts, start=int(start), size=rng.choice([2, 3, 5, 10]) * np.sqrt(phi * mean[start]), rng=rng)
    start = int(rng.integers(CURRENT_FROM, WEEKS - 5))
    size = rng.integers(1, 11) * np.sqrt(phi * mean[start])
    weeks = _add(counts, start=start, size=size, rng=rng)
    if weeks.size:
        outbreak[weeks.min() : weeks.max() + 1] = True
    return counts, outbreak


def _add(
    counts: NDArray[np.float64], *, start: int, size: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Add an outbreak's cases in place and return the weeks they fall in."""
    weeks = start + np.floor(rng.lognormal(0.0, 0.5, rng.poisson(size))).astype(np.int64)
    weeks = weeks[weeks < WEEKS]
    np.add.at(counts, weeks, 1.0)
    return weeks


def rates(data: Simulated, *, alpha: float = 0.01) -> dict[str, float]:
    """False-positive rate, probability of detection and positive predictive value in the current weeks."""
    judged = judge(data.counts, trials=None, frame=weekly_frame(84), alpha=alpha, first=CURRENT_FROM - 100)
    alarms = (judged.p_value <= alpha)[:, CURRENT_FROM:]
    outbreak = data.outbreak[:, CURRENT_FROM:]
    hit = (alarms & outbreak).any(axis=1)
    real = outbreak.any(axis=1)
    false = int((alarms & ~outbreak).sum())
    return {
        "false_positive_rate": false / max(int((~outbreak).sum()), 1),
        "detected": float(hit[real].mean()),
        "predictive_value": float((alarms & outbreak).sum() / max(alarms.sum(), 1)),
    }


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    for name, value in rates(simulate(count, seed=1)).items():
        print(f"{name} {value:.4f}")
