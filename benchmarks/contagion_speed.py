"""How long the diffusion what-ifs take for 100,000 people and a million ties, and a Hawkes fit for 20,000 posts.

Run: `python -m benchmarks.contagion_speed`. Prints seconds; writes nothing. Not for accuracy: the tests of contagion
plant what must be found.
"""

from __future__ import annotations

import time

import numpy as np

from forecasting.contagion.diffusion import Graph, Plan, Spread, diffusion, graph_from
from forecasting.contagion.hawkes import Events, fit_hawkes

PEOPLE, TIES, POSTS, DAYS, KINDS = 100_000, 1_000_000, 20_000, 60, 3


def main() -> None:
    """Time both once, compiled beforehand on something small."""
    rng = np.random.default_rng(0)
    _spread(_graph(rng, people=100, ties=1000), replicates=1)
    _fit(rng, posts=600)
    start = time.perf_counter()
    graph = _graph(rng, people=PEOPLE, ties=TIES)
    built = time.perf_counter()
    _spread(graph, replicates=20)
    spread = time.perf_counter()
    _fit(rng, posts=POSTS)
    print(f"graph of {graph.people:,} people and {graph.ties:,} ties: {built - start:.1f} s")
    print(f"4 scenarios × 3 alphas × 20 replicates: {spread - built:.1f} s")
    print(
        f"Hawkes fit of {POSTS:,} posts of {KINDS} kinds in {DAYS} days: {time.perf_counter() - spread:.1f} s"
    )


def _graph(rng: np.random.Generator, *, people: int, ties: int) -> Graph:
    """Some people have many more ties than others."""
    popular = (people * rng.random(ties) ** 2).astype(np.int64)
    return graph_from(popular, rng.integers(0, people, ties), strength=rng.beta(0.5, 5, ties), people=people)


def _spread(graph: Graph, *, replicates: int) -> None:
    diffusion(graph, plan=Plan(spread=Spread(replicates=replicates)), seed=0)


def _fit(rng: np.random.Generator, *, posts: int) -> None:
    times = np.sort(rng.uniform(0, DAYS * 24, posts))
    fit_hawkes(Events(times, rng.integers(0, KINDS, posts), KINDS, 0), drifts=True)


if __name__ == "__main__":
    main()
