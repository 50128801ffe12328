"""Does anger go along weaker ties than joy (Fan, Xu and Zhao 2020)? A comparison of ties, not of causes.

Not for tie strength itself (`ties.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from forecasting.contagion.branching import Floors
from forecasting.contagion.edges import Exposures
from forecasting.contagion.rates import Floats
from forecasting.contagion.ties import tie_strength

FIRST, SECOND, BREAK = "anger", "joy", "\x1f"
SCHEMA = {
    "first": pl.String, "second": pl.String, "mean_first": pl.Float64, "mean_second": pl.Float64,
    "difference": pl.Float64, "p_value": pl.Float64, "n_first": pl.Int64, "n_second": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True)
class Followed:
    """Ties along which an emotion was followed: a row per pair and day, with day, pair and strength."""

    frame: pl.DataFrame

    @property
    def people(self) -> int:
        """Different people on either side."""
        return self.frame["pair"].str.split(BREAK).explode().drop_nulls().n_unique()

    @classmethod
    def of(cls, found: Exposures) -> Followed:
        """From the exposures of one measure; none where people are unknown. Overlap is over all their exposures."""
        if not found.has_people:
            return cls(pl.DataFrame(schema={"day": pl.Date, "pair": pl.String, "strength": pl.Float64}))
        ties = tie_strength(found.frame)["overlap"]
        ends = pl.concat_list("responder", "source").list.sort().list.join(BREAK)
        rows = found.frame.select("day", ends.alias("pair"), "exposed", "followed").with_columns(
            ties.alias("strength")
        )
        kept = rows.filter(pl.col("exposed") & pl.col("followed")).drop_nulls("pair")
        return cls(kept.group_by("day", "pair").agg(pl.col("strength").mean()).sort("day", "pair"))


def weaker_ties(
    first: Followed, second: Followed, *, permutations: int, seed: int, floors: Floors
) -> pl.DataFrame:
    """One row, as in `SCHEMA`: mean overlap under `first` (anger) and `second` (joy), and a one-sided p.

    The p is the share of shuffles of the two labels within days that make the first at least as much weaker,
    (1 + k) / (1 + permutations). A pair counts once a day and label. Null where too few people are behind either, as is
    a count of too few.
    """
    both = pl.concat(
        [
            first.frame.with_columns(pl.lit(True).alias("on")),
            second.frame.with_columns(pl.lit(False).alias("on")),
        ]
    ).sort("day", "pair", "on")
    on, strength = both["on"].to_numpy(), both["strength"].to_numpy()
    sizes = pl.DataFrame({"n_first": [int(on.sum())], "n_second": [int((~on).sum())]})
    counts = sizes.select(floors.rounded(pl.all())).row(0, named=True)
    row: dict[str, object] = dict.fromkeys(SCHEMA) | {"first": FIRST, "second": SECOND}
    row |= {
        name: counts[name]
        for name, who in (("n_first", first), ("n_second", second))
        if who.people >= floors.people
    }
    if min(first.people, second.people) >= floors.people:
        day = both["day"].rank("dense").to_numpy()
        means = float(strength[on].mean()), float(strength[~on].mean())
        p = _shuffled_p(on, strength, day=day, permutations=permutations, seed=seed)
        row |= {
            "mean_first": means[0],
            "mean_second": means[1],
            "difference": means[0] - means[1],
            "p_value": p,
        }
    return pl.DataFrame([row], schema=SCHEMA).with_columns(
        pl.col("mean_first", "mean_second", "difference").round(5)
    )


def _shuffled_p(on: np.ndarray, strength: Floats, *, day: np.ndarray, permutations: int, seed: int) -> float:
    """Rows are sorted by day. Numbers of both labels stay per day, so the sum under the first one decides."""
    rng = np.random.default_rng(seed)
    observed, count = strength[on].sum(), 0
    for _ in range(permutations):
        order = np.lexsort((rng.random(len(day)), day))
        count += bool(strength[order][on].sum() <= observed + 1e-12)
    return (1 + count) / (1 + permutations)
