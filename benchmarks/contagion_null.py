"""How often lead-lag and growth claim something in worlds without any, and how often they find what is planted.

`python -m benchmarks.contagion_null` prints the tables of `results/comovement.md` (about fifteen minutes on one core);
`--replicates 100` for a look. Settings were chosen on other seeds. Not a test: small versions lie in `tests/contagion`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from forecasting.alerts.fdr import q_values
from forecasting.contagion.growth import HISTORY, MOST_SUSTAINED, WINDOW, growth
from forecasting.contagion.lead_lag import pair_tests

Floats = NDArray[np.float64]
SEED, VERDICT = 40_240, 0.05


def autoregression(rng: np.random.Generator, *, kept: Floats | float, news: Floats) -> Floats:
    """`news` [..., days] that fade by `kept` a day, from a stationary start."""
    made = np.zeros_like(news)
    made[..., 0] = news[..., 0] / np.sqrt(1 - np.square(kept))
    for day in range(1, news.shape[-1]):
        made[..., day] = kept * made[..., day - 1] + news[..., day]
    return made


# --------------------------------------------------------------------------------------------- lead-lag


@dataclass(frozen=True)
class Places:
    """Daily shares of many places: how many, for how long, from how many people; and what is passed on."""

    places: int = 8
    days: int = 365
    people: tuple[int, int] = (1_000, 10_000)
    passed_on: float = 0.0
    lag: int = 2


def own(rng: np.random.Generator, size: Places, *, kept: Floats | float = 0.5) -> Floats:
    """Independent moods; the first place's news are passed on to the second one's."""
    news = rng.normal(0, 0.1, (size.places, size.days + size.lag))
    news[1, size.lag :] += size.passed_on * news[0, : -size.lag]
    return autoregression(rng, kept=kept, news=news[:, size.lag :])


def loadings(rng: np.random.Generator, size: Places) -> Floats:
    return rng.uniform(0.4, 1.6, (size.places, 1))


def shared(rng: np.random.Generator, size: Places, *, kept: float, spread: float) -> Floats:
    return autoregression(rng, kept=kept, news=rng.normal(0, spread, size.days))


def weekly(rng: np.random.Generator, size: Places) -> Floats:
    return loadings(rng, size) * rng.normal(0, 0.3, 7)[np.arange(size.days) % 7]


def season(rng: np.random.Generator, size: Places) -> Floats:
    late = rng.uniform(0, 0.5, (size.places, 1))
    return loadings(rng, size) * 0.5 * np.cos(2 * np.pi * np.arange(size.days) / 365 + late)


def shocks(rng: np.random.Generator, size: Places, *, fades: Floats, delays: NDArray[np.int64]) -> Floats:
    """Twenty pieces of news that reach every place, fading and arriving as each place's do."""
    hit = np.zeros(size.days)
    hit[rng.choice(size.days, 20, replace=False)] = rng.exponential(0.4, 20)
    tails = fades[:, None] ** np.arange(30)
    felt = np.stack([np.convolve(hit, tail)[: size.days] for tail in tails])
    late = [np.roll(row, delay) for row, delay in zip(felt, delays, strict=True)]
    return loadings(rng, size) * np.stack(late)


def volatile(rng: np.random.Generator, size: Places) -> Floats:
    """Independent news that are large or small in the same weeks everywhere."""
    restless = np.exp(autoregression(rng, kept=0.9, news=rng.normal(0, 0.4, size.days)))
    news = rng.normal(0, 0.1, (size.places, size.days)) * restless
    return autoregression(rng, kept=0.5, news=news)


def usual(rng: np.random.Generator, size: Places) -> Floats:
    """A shared driver, a shared week and own moods: what influence is planted in."""
    cycle = loadings(rng, size) * rng.normal(0, 0.2, 7)[np.arange(size.days) % 7]
    return own(rng, size) + loadings(rng, size) * shared(rng, size, kept=0.8, spread=0.1) + cycle


def two_drivers(rng: np.random.Generator, size: Places) -> Floats:
    signed = rng.normal(0, 1, (size.places, 1))
    fast, slow = shared(rng, size, kept=0.8, spread=0.1), shared(rng, size, kept=0.95, spread=0.05)
    return own(rng, size) + signed * fast + loadings(rng, size) * slow


def same_pace(rng: np.random.Generator, size: Places) -> Floats:
    still = np.zeros(size.places, dtype=np.int64)
    return own(rng, size) + shocks(rng, size, fades=np.full(size.places, 0.6), delays=still)


def own_pace(rng: np.random.Generator, size: Places) -> Floats:
    still = np.zeros(size.places, dtype=np.int64)
    return own(rng, size) + shocks(rng, size, fades=rng.uniform(0.3, 0.8, size.places), delays=still)


def later(rng: np.random.Generator, size: Places) -> Floats:
    delays = rng.integers(0, 3, size.places)
    return own(rng, size) + shocks(rng, size, fades=np.full(size.places, 0.6), delays=delays)


def driven_later(rng: np.random.Generator, size: Places) -> Floats:
    driver = autoregression(rng, kept=0.8, news=rng.normal(0, 0.1, size.days + 2))
    delays = rng.integers(0, 3, size.places)
    return own(rng, size) + loadings(rng, size) * np.stack(
        [driver[2 - k : 2 - k + size.days] for k in delays]
    )


def mixed(rng: np.random.Generator, size: Places) -> Floats:
    kept = rng.uniform(0.1, 0.9, size.places)
    moods = autoregression(rng, kept=kept, news=rng.normal(0, 0.1, (size.days, size.places)).T)
    return moods + loadings(rng, size) * shared(rng, size, kept=0.8, spread=0.1)


World = Callable[[np.random.Generator, Places], Floats]
NULLS: dict[str, World] = {
    "independent moods": own,
    "independent random walks": lambda rng, size: rng.normal(0, 0.05, (size.places, size.days)).cumsum(1),
    "shared weekly cycle": lambda rng, size: own(rng, size) + weekly(rng, size),
    "shared season": lambda rng, size: own(rng, size) + season(rng, size),
    "shared slow driver (.97 kept a day)": lambda rng, size: (
        own(rng, size) + loadings(rng, size) * shared(rng, size, kept=0.97, spread=0.05)
    ),
    "shared random walk": lambda rng, size: (
        own(rng, size) + loadings(rng, size) * rng.normal(0, 0.05, size.days).cumsum()
    ),
    "shared news shocks": same_pace,
    "shared news shocks, fading at own pace": own_pace,
    "shared driver, moods of unlike persistence": mixed,
    "two shared drivers, one of mixed sign": two_drivers,
    "restless weeks shared": volatile,
    "shared news shocks that come up to two days later in places": later,
    "shared driver that comes up to two days later in places": driven_later,
}


def observed(mood: Floats, *, rng: np.random.Generator, size: Places) -> Floats:
    """Logits of shares of people, three days in a hundred unknown."""
    level = logit(rng.uniform(0.05, 0.27, (size.places, 1)))
    usual_people = np.exp(rng.uniform(*np.log(size.people), (size.places, 1)))
    people = np.round(usual_people * np.exp(rng.normal(0, 0.2, mood.shape))).astype(np.int64)
    hits = rng.binomial(people, expit(level + mood))
    values = logit((hits + 0.5) / (people + 1.0))
    values[rng.random(values.shape) < 0.03] = np.nan
    return values


def lead_lag_rates(world: World, *, size: Places, replicates: int) -> tuple[float, float]:
    """Share of replicates with any q < .05; and with q < .05 for the planted pair at its lag and direction."""
    anything = planted = 0
    for replicate in range(replicates):
        rng = np.random.default_rng([SEED, replicate])
        found = pair_tests(observed(world(rng, size), rng=rng, size=size))
        q = q_values(found.p_value)
        anything += bool((q < VERDICT).any())
        planted += bool(q[0] < VERDICT and found.lag[0] == size.lag)
    return anything / replicates, planted / replicates


def report_lead_lag(replicates: int) -> None:
    print("| lead-lag, nothing planted | any verdict |\n|---|---|", flush=True)
    for name, world in NULLS.items():
        rate, _ = lead_lag_rates(world, size=Places(), replicates=replicates)
        print(f"| {name} | {rate:.3f} |", flush=True)
    sizes = {
        "3 places": Places(places=3), "5 places": Places(places=5), "120 days": Places(days=120),
        "100 to 1,000 people": Places(people=(100, 1_000)),
    }  # fmt: skip
    for name, size in sizes.items():
        for kind in ("shared driver, moods of unlike persistence", "two shared drivers, one of mixed sign"):
            rate, _ = lead_lag_rates(NULLS[kind], size=size, replicates=replicates)
            print(f"| {name}: {kind} | {rate:.3f} |", flush=True)
    report_planted(replicates // 5)


def report_planted(replicates: int) -> None:
    print("\n| planted at lag 2 | found, with lag and direction | any verdict |\n|---|---|---|", flush=True)
    many = (30_000, 300_000)
    for places in (5, 8, 10, 20):
        for passed_on in (0.3, 0.35, 0.4):
            size = Places(places=places, people=many, passed_on=passed_on)
            print(_planted_row(f"{places} places, {passed_on} of sd, 30,000+ people", size, replicates))
    for people in ((10_000, 30_000), (1_000, 10_000), (100, 1_000)):
        size = Places(people=people, passed_on=0.4)
        print(_planted_row(f"8 places, 0.4 of sd, {people[0]:,} to {people[1]:,} people", size, replicates))
    for passed_on in (0.3, 0.35, 0.4):
        size = Places(people=many, passed_on=passed_on)
        name = f"8 places, {passed_on} of sd, 30,000+ people, nothing shared"
        print(_planted_row(name, size, replicates, world=own))


def _planted_row(name: str, size: Places, replicates: int, *, world: World = usual) -> str:
    anything, planted = lead_lag_rates(world, size=size, replicates=replicates)
    return f"| {name} | {planted:.3f} | {anything:.3f} |"


# ---------------------------------------------------------------------------------------------- growth


@dataclass(frozen=True)
class Counts:
    """Daily counts: level, variance over mean, sd of weekdays, what the level does, and growth in the last 28 days."""

    name: str
    level: tuple[float, float] = (50.0, 200.0)
    noise: float = 3.0
    weekday: float = 0.0
    kept: float = 0.0
    wanders: float = 0.0
    walks: float = 0.0
    rate: float = 0.0


FLAT = (
    Counts("flat, near 50 to 200, variance 3 x mean"),
    Counts("flat, near 5 to 20, variance 2 x mean", (5.0, 20.0), 2.0),
    Counts("flat, near 50 to 200, variance 10 x mean", noise=10.0),
    Counts("weekly cycle, sd .3", weekday=0.3),
    Counts("level wanders, sd .2, .5 kept a day", kept=0.5, wanders=0.2),
    Counts("level wanders, sd .2, .8 kept a day", kept=0.8, wanders=0.2),
    Counts("level wanders, sd .2, .9 kept a day", kept=0.9, wanders=0.2),
    Counts("level wanders, sd .3, .9 kept a day", kept=0.9, wanders=0.3),
    Counts("level wanders, sd .3, .95 kept a day", kept=0.95, wanders=0.3),
    Counts("level is a random walk, .03 a day", walks=0.03),
    Counts("level is a random walk, .05 a day", walks=0.05),
)
GROWS = (
    Counts("3 % a day, near 50 to 200", weekday=0.15, rate=0.03),
    Counts("2 % a day, near 50 to 200", weekday=0.15, rate=0.02),
    Counts("3 % a day, level wanders, sd .1, .7 kept", weekday=0.15, kept=0.7, wanders=0.1, rate=0.03),
    Counts("3 % a day, level wanders, sd .2, .8 kept", weekday=0.15, kept=0.8, wanders=0.2, rate=0.03),
    Counts("3 % a day, near 5 to 20, variance 2 x mean", (5.0, 20.0), 2.0, weekday=0.15, rate=0.03),
)


def simulate(kind: Counts, *, series: int, days: int) -> tuple[Floats, Floats]:
    """Counts and people [series, days]."""
    rng = np.random.default_rng([SEED, sum(map(ord, kind.name))])
    shape, day = (series, days), np.arange(days)
    news = rng.normal(0, kind.wanders * np.sqrt(1 - kind.kept**2), shape)
    log_level = np.log(np.exp(rng.uniform(*np.log(kind.level), (series, 1))))
    log_level = log_level + autoregression(rng, kept=kind.kept, news=news)
    log_level = log_level + rng.normal(0, kind.weekday, (series, 7))[:, day % 7]
    log_level = log_level + rng.normal(0, kind.walks, shape).cumsum(axis=1)
    log_level = log_level + kind.rate * np.maximum(day - (days - WINDOW - 1), 0)
    people = np.round(2_000 * np.exp(rng.normal(0, 0.3, shape)))
    mean = np.exp(log_level) * people / 2_000
    counts = rng.negative_binomial(mean / (kind.noise - 1), 1 / kind.noise)
    return counts.astype(np.float64), people


def report_growth(replicates: int) -> None:
    for title, kinds, days, number in (
        ("nothing planted, 133 days known", FLAT, HISTORY + MOST_SUSTAINED, replicates),
        ("nothing planted, 35 days known", FLAT, 35, replicates // 2),
        ("planted for 28 days, 133 days known", GROWS, HISTORY + MOST_SUSTAINED, replicates // 5),
        ("planted for 28 days, 35 days known", GROWS, 35, replicates // 5),
    ):
        print(f"\n| growth: {title} | growing | falling | interval holds the planted rate | mean rate |")
        print("|---|---|---|---|---|", flush=True)
        for kind in kinds:
            counts, people = simulate(kind, series=number, days=days)
            made = growth(counts, people)
            verdict = made["verdict"].to_numpy()
            inside = (made["rate_low"] <= kind.rate) & (kind.rate <= made["rate_high"])
            print(
                f"| {kind.name} | {np.mean(verdict == 'growing'):.3f} | {np.mean(verdict == 'falling'):.3f} | "
                f"{inside.mean():.3f} | {made['rate'].mean():.4f} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, default=1_000)
    parser.add_argument("--only", choices=["lead_lag", "growth"])
    options = parser.parse_args()
    if options.only != "growth":
        report_lead_lag(options.replicates)
    if options.only != "lead_lag":
        report_growth(options.replicates)


if __name__ == "__main__":
    main()
