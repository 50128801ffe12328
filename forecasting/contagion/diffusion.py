"""How far and how fast something could spread over the ties that were seen, under stated assumptions: a what-if.

Not a forecast and not a measurement of influence: nothing here looks at what anybody expressed.

Assumptions, all of them:
* People are those who answered or were answered; a tie joins two who did, in both directions. Who only reads is
  not there.
* A tie's strength is its overlap (`ties.py`); half the smallest positive overlap is added, so that a tie without
  common contacts keeps a strength (1 where no tie has an overlap).
* It begins with a share of the people, chosen by chance. Each person, `delay` steps after they were reached, calls
  `contacts` different neighbours once (fewer where they have fewer, or where few hold nearly all of the weight), chosen
  with chance proportional to strength^alpha (Zhao, Wu and Xu 2010; Fan, Xu and Zhao 2020). A neighbour who is called
  catches it with chance `catch` × (1 - dampen) and keeps it: nobody recovers, forgets, or is called from outside.
* The chance is the same for all, unless `uneven` says how much people differ: then each person's is drawn from a beta
  distribution with mean `catch` and that standard deviation, whoever they are tied to and whatever they posted.
* alpha < 0 prefers weak ties, 0 none, alpha > 0 strong ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import sparse

from forecasting.contagion.kernels import Integers, spread
from forecasting.contagion.rates import Floats
from forecasting.contagion.ties import tie_strength
from warehouse.errors import InputError

ALPHAS = (-1.0, 0.0, 1.0)
MOST_REPLICATES, MOST_ALPHA = 1000, 10
SCHEMA = {
    "scenario": pl.String, "alpha": pl.Float64, "velocity": pl.Float64, "velocity_low": pl.Float64,
    "velocity_high": pl.Float64, "coverage": pl.Float64, "coverage_low": pl.Float64, "coverage_high": pl.Float64,
    "replicates": pl.Int64, "n_people": pl.Int64, "n_ties": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True)
class Graph:
    """Ties in both directions: person k's neighbours are other[first[k] : first[k + 1]], as strong as `strength`."""

    first: Integers
    other: Integers
    strength: Floats

    @property
    def people(self) -> int:
        """Everybody in the graph, also those without a tie."""
        return len(self.first) - 1

    @property
    def ties(self) -> int:
        """Pairs of people that are tied."""
        return len(self.other) // 2


@dataclass(frozen=True)
class Scenario:
    """What is changed: shares from 0 to 1 of the weakest ties removed and of catching dampened; steps of delay."""

    name: str = "as it is"
    remove_weakest: float = 0.0
    dampen: float = 0.0
    delay: int = 1

    def __post_init__(self) -> None:
        if not (0 <= self.remove_weakest <= 1 and 0 <= self.dampen <= 1 and self.delay >= 1):
            raise InputError(
                f"diffusion: scenario '{self.name}' removes {self.remove_weakest}, dampens {self.dampen}, delays "
                f"{self.delay}. Expected shares from 0 to 1 and a delay of at least one step."
            )


@dataclass(frozen=True)
class Spread:
    """The assumptions that no scenario changes. `uneven` is the standard deviation of people's chances to catch it."""

    contacts: int = 4
    catch: float = 0.5
    uneven: float = 0.0
    begin_share: float = 0.001
    steps: int = 200
    replicates: int = 20

    def __post_init__(self) -> None:
        widest = (self.catch * (1 - self.catch)) ** 0.5
        bounds = {
            "contacts at least 1": self.contacts >= 1,
            "catch from 0 to 1": 0 <= self.catch <= 1,
            f"uneven 0, or below {widest:.2f} with catch {self.catch:g}": self.uneven == 0
            or 0 < self.uneven < widest,
            "begin_share above 0 and up to 1": 0 < self.begin_share <= 1,
            "steps at least 1": self.steps >= 1,
            "replicates from 1 to 1000": 1 <= self.replicates <= MOST_REPLICATES,
        }
        broken = [wanted for wanted, holds in bounds.items() if not holds]
        if broken:
            raise InputError(f"diffusion: expected {'; '.join(broken)}. Got {self}.")

    def chances(self, people: int, *, rng: np.random.Generator) -> Floats:
        """Each person's chance to catch it when called."""
        if not self.uneven:
            return np.full(people, self.catch)
        counts = self.catch * (1 - self.catch) / self.uneven**2 - 1
        return rng.beta(self.catch * counts, (1 - self.catch) * counts, people)


SCENARIOS = (
    Scenario(),
    Scenario("without the weakest 10 % of ties", remove_weakest=0.1),
    Scenario("catching halved", dampen=0.5),
    Scenario("passed on two steps later", delay=3),
)


@dataclass(frozen=True)
class Plan:
    """What is simulated: each scenario for each alpha, under the same assumptions."""

    scenarios: tuple[Scenario, ...] = SCENARIOS
    alphas: tuple[float, ...] = ALPHAS
    spread: Spread = Spread()

    def __post_init__(self) -> None:
        if not self.alphas or any(not -MOST_ALPHA <= alpha <= MOST_ALPHA for alpha in self.alphas):
            given = ", ".join(map(str, self.alphas))
            raise InputError(
                f"diffusion: alpha {given}. Expected numbers from -{MOST_ALPHA} to {MOST_ALPHA}."
            )


def graph_of(edges: pl.DataFrame) -> Graph:
    """From exposures (responder, source, answered_at; nulls are left out), people in order of their names."""
    known = edges.filter(pl.col("responder").is_not_null() & pl.col("source").is_not_null())
    people = pl.concat([known["responder"].alias("p"), known["source"].alias("p")]).unique().sort()
    i = people.search_sorted(known["responder"]).to_numpy().astype(np.int64)
    j = people.search_sorted(known["source"]).to_numpy().astype(np.int64)
    overlap = tie_strength(known)["overlap"].to_numpy()
    return graph_from(i, j, strength=overlap, people=len(people))


def graph_from(i: Integers, j: Integers, *, strength: Floats, people: int) -> Graph:
    """From pairs of numbers 0 … people-1 with an overlap each; a repeated pair keeps its strongest, loops go."""
    apart = i != j
    low, high = np.minimum(i, j)[apart], np.maximum(i, j)[apart]
    order = np.lexsort((-strength[apart], high, low))
    pair = low[order] * people + high[order]
    once = np.concatenate([[True], pair[1:] != pair[:-1]]) if len(pair) else np.zeros(0, dtype=bool)
    low, high, weight = low[order][once], high[order][once], strength[apart][order][once]
    positive = weight[weight > 0]
    weight = weight + (positive.min() / 2 if len(positive) else 1.0)
    return _laid_out(np.r_[low, high], np.r_[high, low], np.r_[weight, weight], people=people)


def _laid_out(i: Integers, j: Integers, weight: Floats, *, people: int) -> Graph:
    matrix = sparse.csr_matrix((weight, (i, j)), shape=(people, people))
    matrix.sort_indices()
    return Graph(
        matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data.astype(np.float64)
    )


def without_weakest(graph: Graph, *, share: float) -> Graph:
    """The graph without that share of its ties, weakest first; ties of one strength go in the order of their pairs."""
    i = np.repeat(np.arange(graph.people), np.diff(graph.first))
    once = i < graph.other
    a, b, weight = i[once], graph.other[once], graph.strength[once]
    kept = np.sort(np.argsort(weight, kind="stable")[round(share * len(weight)) :])
    a, b, weight = a[kept], b[kept], weight[kept]
    return _laid_out(np.r_[a, b], np.r_[b, a], np.r_[weight, weight], people=graph.people)


def simulate(graph: Graph, *, alpha: float, scenario: Scenario, spread_by: Spread, seed: int) -> pl.DataFrame:
    """One row per replicate: coverage (share reached in the end, those it began with included) and velocity (share of
    the people newly reached per step, until half of the final number is; 0 where nobody new is).

    The same seed gives the same numbers. Raises `InputError` for a graph without people.
    """
    if not graph.people:
        raise InputError("diffusion: there are no ties between people. Expected answers with known authors.")
    used = without_weakest(graph, share=scenario.remove_weakest) if scenario.remove_weakest else graph
    running = np.cumsum(_weights(used, alpha=alpha))
    rows = []
    for replicate in range(spread_by.replicates):
        rng = np.random.default_rng([seed, replicate])
        count = max(1, round(spread_by.begin_share * used.people))
        begin = rng.choice(used.people, count, replace=False)
        draws = int(rng.integers(1, 2**31))
        catch = spread_by.chances(used.people, rng=rng) * (1 - scenario.dampen)
        new = spread(
            used.first, used.other, running, begin, spread_by.contacts, catch, scenario.delay, spread_by.steps, draws
        )  # fmt: skip
        rows.append({"coverage": new.sum() / used.people, "velocity": _velocity(new) / used.people})
    return pl.DataFrame(rows)


def _weights(graph: Graph, *, alpha: float) -> Floats:
    """strength^alpha, divided by its greatest value among each person's neighbours so that no sum drowns another."""
    log = alpha * np.log(graph.strength)
    counts = np.diff(graph.first)
    if not len(log):
        return log
    top = np.maximum.reduceat(log, graph.first[:-1][counts > 0])
    return np.asarray(np.exp(log - np.repeat(top, counts[counts > 0])))


def _velocity(new: Integers) -> float:
    """New people per step until half of the final number is reached; those it began with are not new."""
    total = np.cumsum(new)
    if total[-1] == new[0]:
        return 0.0
    half = max(int(np.argmax(2 * total >= total[-1])), 1)
    return float((total[half] - new[0]) / half)


def diffusion(graph: Graph, *, plan: Plan, seed: int) -> pl.DataFrame:
    """One row per scenario and alpha, as in `SCHEMA`: means, and the 5th and 95th percentile of the replicates.

    The percentiles show chance within the model only, not whether its assumptions hold.
    """
    rows = []
    for scenario in plan.scenarios:
        for alpha in plan.alphas:
            made = simulate(graph, alpha=alpha, scenario=scenario, spread_by=plan.spread, seed=seed)
            row: dict[str, object] = {"scenario": scenario.name, "alpha": alpha, "replicates": len(made)}
            for name in ("velocity", "coverage"):
                low, high = np.quantile(made[name].to_numpy(), [0.05, 0.95])
                row |= {name: made[name].mean(), f"{name}_low": low, f"{name}_high": high}
            rows.append(row | {"n_people": graph.people, "n_ties": graph.ties})
    return pl.DataFrame(rows, schema=SCHEMA)
