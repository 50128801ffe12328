"""Daily alert benchmark: false alarms and detection on simulated counts and shares, beside EARS and one-day tests.

Run `python -m benchmarks.alerts_daily [series per scenario]`; prints the tables of `results/alerts_daily.md`.
Not a test: a small fixed-seed version lies in `tests/alerts`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from forecasting.alerts.detectors import daily_frame, judge
from forecasting.alerts.ears import PUBLISHED_ALPHA, Variant, ears

Floats = NDArray[np.float64]
# The last days of a series are judged; verdicts before them are made too, for the calibration.
ALPHA, JUDGED, WARM_UP = 0.01, 100, 100
# Settings were chosen on other seeds (below 100, and 20,240 to 20,642).
REPORTED_SEED = 30_240
OUTBREAK_SDS, SHORTEST, LONGEST = 2.0, 3, 7
PAST_OUTBREAKS, PAST_SPIKES = 1, 4
EARS: tuple[Variant, ...] = ("ears_c1", "ears_c2", "ears_c3")
RULES = ("pooled", "one_day", *EARS)


@dataclass(frozen=True)
class Scenario:
    """A kind of series: mean count with variance `noise` times the mean, or share with variance `noise`
    times p(1 - p) beyond sampling and people varying from `people[0]` to `people[1]`."""

    name: str
    level: float
    noise: float
    people: tuple[int, int] | None = None
    spikes: int = 0
    days: int = 400


COUNTS = (
    Scenario("counts near 10, variance 2 x mean", 10.0, 2.0),
    Scenario("counts near 50, variance 3 x mean", 50.0, 3.0),
    Scenario("counts near 200, variance 3 x mean", 200.0, 3.0),
    Scenario("counts near 1000, variance 10 x mean", 1000.0, 10.0),
)
SHARES = (
    Scenario("shares near .03, 50 to 5,000 people", 0.03, 0.0005, (50, 5000)),
    Scenario("shares near .10, 50 to 5,000 people", 0.10, 0.001, (50, 5000)),
    Scenario("shares near .30, 50 to 5,000 people", 0.30, 0.003, (50, 5000)),
)
LONG = (
    Scenario("counts near 200, 800 days of history", 200.0, 3.0, None, 0, 900),
    Scenario("shares near .10, 800 days of history", 0.10, 0.001, (50, 5000), 0, 900),
)
SPIKED = (
    Scenario("counts near 200, two holidays in the judged days", 200.0, 3.0, None, 2),
    Scenario("shares near .10, two holidays in the judged days", 0.10, 0.001, (50, 5000), 2),
)


@dataclass(frozen=True)
class Simulated:
    """Values (series, days), people behind shares (None for counts), and which days lie in an outbreak."""

    values: Floats
    people: Floats | None
    outbreak: NDArray[np.bool_]


def simulate(scenario: Scenario, *, series: int, seed: int) -> Simulated:
    """Series with weekday effects, a season, a trend, holidays, two past outbreaks and one in the judged days.

    An outbreak adds two of that day's standard deviations for three to seven days. A holiday is a single
    day, three standard deviations high, and no outbreak.
    """
    rng = np.random.default_rng(seed)
    mean = _means(scenario, series=series, rng=rng)
    people = None if scenario.people is None else _people(scenario.people, shape=mean.shape, rng=rng)
    outbreak, added = np.zeros(mean.shape, dtype=bool), np.zeros(mean.shape)
    for row in range(series):
        _mark(outbreak[row], added[row], scenario=scenario, rng=rng)
    if people is None:
        extra = added * np.sqrt(scenario.noise * mean)
        drawn = rng.negative_binomial(mean / (scenario.noise - 1), 1 / scenario.noise) + rng.poisson(extra)
        return Simulated(values=drawn.astype(np.float64), people=None, outbreak=outbreak)
    total = 1 / scenario.noise - 1
    share = rng.beta(mean * total, (1 - mean) * total)
    share = share + added * np.sqrt(mean * (1 - mean) * (1 / people + scenario.noise))
    values = rng.binomial(people.astype(np.int64), np.clip(share, 0, 1)) / people
    return Simulated(values=values, people=people, outbreak=outbreak)


def _means(scenario: Scenario, *, series: int, rng: np.random.Generator) -> Floats:
    t = np.arange(scenario.days)
    weekday = rng.normal(0, 0.15, (series, 7))[:, t % 7]
    season = rng.uniform(0, 0.3, (series, 1)) * np.cos(
        2 * np.pi * (t + rng.uniform(0, 365, (series, 1))) / 365
    )
    trend = rng.normal(0, 0.1, (series, 1)) * t / 365
    return np.asarray(scenario.level * np.exp(weekday + season + trend))


def _people(between: tuple[int, int], *, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    return np.exp(rng.uniform(np.log(between[0]), np.log(between[1]), shape)).round()


def _mark(
    outbreak: NDArray[np.bool_], added: Floats, *, scenario: Scenario, rng: np.random.Generator
) -> None:
    """Place one series' outbreaks and holidays: `added` is in standard deviations of the day."""
    now = scenario.days - JUDGED
    starts = [*rng.integers(60, now - LONGEST, PAST_OUTBREAKS), rng.integers(now, scenario.days - 15)]
    added[rng.integers(0, now, PAST_SPIKES)] = 3.0
    added[rng.integers(now, scenario.days, scenario.spikes)] = 3.0
    for start in starts:
        days = slice(int(start), int(start) + int(rng.integers(SHORTEST, LONGEST + 1)))
        outbreak[days], added[days] = True, OUTBREAK_SDS


def p_values(data: Simulated) -> dict[str, Floats]:
    """The p-values of the judged days by every rule of `RULES`."""
    first = data.values.shape[1] - JUDGED - WARM_UP
    judged = judge(data.values, trials=data.people, frame=daily_frame(84), alpha=ALPHA, first=first)
    found = {"pooled": judged.p_value, "one_day": special.ndtr(-judged.score)}
    found |= {variant: ears(data.values, variant=variant)[2] for variant in EARS}
    return {rule: values[:, -JUDGED:] for rule, values in found.items()}


def rates(p_value: Floats, outbreak: NDArray[np.bool_], *, alpha: float) -> tuple[float, float]:
    """Alarms per day without an outbreak (trailing ones count), and outbreaks with an alarm in them."""
    alarms = p_value <= alpha
    hit = (alarms & outbreak).any(axis=1)[outbreak.any(axis=1)]
    return float(alarms[~outbreak].mean()), float(hit.mean())


def at_one_in_a_hundred(p_value: Floats, outbreak: NDArray[np.bool_]) -> float:
    """Share of outbreaks found once the bound is set so that one calm day in a hundred alarms."""
    return rates(p_value, outbreak, alpha=float(np.quantile(p_value[~outbreak], 0.01)))[1]


def report(scenarios: tuple[Scenario, ...], *, series: int, seed: int) -> None:
    """Print one row per scenario and rule, and all of them together."""
    found: dict[str, list[tuple[float, float, float]]] = {rule: [] for rule in RULES}
    for number, scenario in enumerate(scenarios):
        data = simulate(scenario, series=series, seed=seed + number)
        outbreak = data.outbreak[:, -JUDGED:]
        for rule, p_value in p_values(data).items():
            alpha = PUBLISHED_ALPHA if rule in EARS else ALPHA
            found[rule].append(
                (*rates(p_value, outbreak, alpha=alpha), at_one_in_a_hundred(p_value, outbreak))
            )
            print(f"| {scenario.name} | {rule} | " + " | ".join(f"{v:.3f}" for v in found[rule][-1]) + " |")
    for rule, rows in found.items():
        print(f"| all | {rule} | " + " | ".join(f"{v:.3f}" for v in np.mean(rows, axis=0)) + " |")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 80
    for offset, group in enumerate((COUNTS, SHARES, SPIKED)):
        report(group, series=count, seed=REPORTED_SEED + 100 * offset)
    report(LONG, series=max(1, count // 2), seed=REPORTED_SEED + 400)
