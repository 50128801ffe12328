"""Seeded streams of posts: a daily cycle, perhaps a slow driver, perhaps posts that set off others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecasting.contagion.hawkes import Events


@dataclass(frozen=True)
class Stream:
    """`ratio` is the planted self-excitation of kind 0, `driver` the spread of a log-level that wanders over days."""

    seed: int
    days: int = 30
    per_day: float = 40.0
    ratio: float = 0.0
    cross: float = 0.0
    driver: float = 0.0
    delay: float = 1.0
    kinds: int = 2


def make_events(stream: Stream) -> Events:
    """Immigrants by thinning on a fine grid, then generation after generation of what they set off."""
    rng = np.random.default_rng(stream.seed)
    grid = np.arange(0, stream.days * 24, 0.05)
    level = np.exp(_driver(grid, stream=stream, rng=rng)) * (1 + 0.8 * np.sin(2 * np.pi * (grid - 14) / 24))
    matrix = np.full((stream.kinds, stream.kinds), 0.0)
    matrix[0, 0], matrix[0, 1:] = stream.ratio, stream.cross
    parts: list[tuple[np.ndarray, int]] = []
    for kind in range(stream.kinds):
        born = rng.poisson(level * stream.per_day / 24 * 0.05)
        parts.append((np.repeat(grid, born) + rng.uniform(0, 0.05, born.sum()), kind))
    k = 0
    while k < len(parts):
        times, source = parts[k]
        k += 1
        for target in range(stream.kinds):
            children = np.repeat(times, rng.poisson(matrix[target, source], len(times)))
            later = children + rng.exponential(stream.delay, len(children))
            if len(later := later[later < stream.days * 24]):
                parts.append((later, target))
    marks = np.concatenate([np.full(len(t), kind) for t, kind in parts])
    times = np.concatenate([t for t, _ in parts])
    order = np.argsort(times)
    return Events(times[order], marks[order].astype(np.int64), stream.kinds, 0)


def _driver(grid: np.ndarray, *, stream: Stream, rng: np.random.Generator) -> np.ndarray:
    """A first-order autoregression from day to day, joined by straight lines."""
    level, knots = 0.0, []
    for _ in range(stream.days + 1):
        level = 0.7 * level + rng.normal(0, stream.driver * np.sqrt(1 - 0.49))
        knots.append(level)
    return np.interp(grid / 24, np.arange(stream.days + 1), knots)
