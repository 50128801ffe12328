"""How often follow rates give a verdict, and an alert, in worlds without influence and with it planted.

`python -m benchmarks.contagion_follow [replicates]` prints the table of `results/contagion_follow.md` (1,000 replicates
take about an hour on one core). Not a test: small fixed-seed versions lie in `tests/contagion`, as do the worlds.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import polars as pl

from forecasting.alerts.nightly import contagion_candidates
from forecasting.contagion.api import contagion_file
from tests.contagion.contagion_worlds import World, make_posts

SEED, SHUFFLES, FLOOR = 50_240, 400, 50


@dataclass(frozen=True)
class Kind:
    """A kind of world and how many replicates of it are made, as a share of those asked for."""

    name: str
    people: int
    daily_mood: float
    influence: float
    share: float = 1.0


KINDS = (
    Kind("friends alike, no shared mood, no influence", 200, 0.0, 0.0),
    Kind("friends alike and a shared daily mood, no influence", 200, 0.7, 0.0),
    Kind("the same with a strong daily mood", 200, 1.5, 0.0),
    Kind("influence of .8 on the log-odds", 200, 0.7, 0.8, 0.1),
)


def run(kind: Kind, *, replicates: int, seed: int) -> tuple[float, float, float]:
    """Shares of replicates with a verdict over all ties, with one in any of the three rows, and with an alert."""
    whole = some = alerts = 0
    for k in range(replicates):
        world = World(
            seed=seed + k, people=kind.people, days=25, influence=kind.influence, daily_mood=kind.daily_mood
        )
        rows = contagion_file(
            make_posts(world), measures=("anger",), window_hours=24, permutations=SHUFFLES, seed=seed + k
        ).rows
        verdict = rows.filter((pl.col("q_value") < 0.05) & (pl.col("ratio") > 1.0))
        whole += (verdict["tie_bin"] == "all").any()
        some += verdict.height > 0
        alerts += int(contagion_candidates(rows, people_floor=FLOOR)["fires"].sum())
    return whole / replicates, some / replicates, alerts / replicates


def main() -> None:
    """Print one line per kind of world."""
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    for number, kind in enumerate(KINDS):
        replicates = max(1, round(asked * kind.share))
        found = run(kind, replicates=replicates, seed=SEED + 10_000 * number)
        told = " | ".join(f"{value:.3f}" for value in found)
        print(f"| {kind.name} | {replicates:,} | {told} |", flush=True)


if __name__ == "__main__":
    main()
