"""Slow rises: how often calm series have one, and how soon a planted one is found, beside the test for high days.

`python -m benchmarks.alerts_rises [series per world]` prints the tables of `results/alerts_rises.md`; after them,
holidays that are known and unknown to the test for high days. Not a test: small versions lie in `tests/alerts`.
"""

from __future__ import annotations

import datetime as dt
import sys

import numpy as np

from forecasting.alerts.detectors import daily_frame, judge
from forecasting.alerts.holidays import holiday_effects, without_holidays
from forecasting.alerts.regression import Floats
from forecasting.alerts.rises import DAILY, rises
from forecasting.known_days import known_days

SEED, ALPHA, NOISE = 60_240, 0.01, 3.0
RAMP, SDS = 28, (1.0, 2.0)
WORLDS = (
    "flat",
    "season",
    "wanders by .1, back within days",
    "wanders by .17, back within days",
    "random walk of .02 a day",
)
LENGTHS = (400, 758)
LAST = dt.date(2023, 12, 31)


def levels(world: str, *, series: int, days: int, rng: np.random.Generator) -> Floats:
    """Means near 200 with weekdays; `season` has one, and three kinds wander on the log scale."""
    t = np.arange(days)
    log = rng.normal(0, 0.15, (series, 7))[:, t % 7]
    if world == "season":
        phase = rng.uniform(0, 365, (series, 1))
        log = log + rng.uniform(0, 0.3, (series, 1)) * np.cos(2 * np.pi * (t + phase) / 365)
    if world.startswith("wanders"):
        spread = 0.06 if ".1," in world else 0.1
        level = np.zeros((series, days))
        for day in range(1, days):
            level[:, day] = 0.8 * level[:, day - 1] + rng.normal(0, spread, series)
        log = log + level
    if world.startswith("random"):
        log = log + np.cumsum(rng.normal(0, 0.02, (series, days)), axis=1)
    return np.asarray(200 * np.exp(log))


def drawn(mean: Floats, *, rng: np.random.Generator) -> Floats:
    """Negative binomial counts with variance `NOISE` times the mean."""
    return rng.negative_binomial(mean / (NOISE - 1), 1 / NOISE).astype(np.float64)


def ramped(mean: Floats, *, sds: float) -> Floats:
    """The last four weeks rise in a straight line to `sds` of a day's standard deviations above."""
    slope = np.zeros(mean.shape[1])
    slope[-RAMP:] = np.linspace(0, 1, RAMP)
    return mean + sds * slope * np.sqrt(NOISE * mean)


def report(series: int) -> None:
    """Calm worlds first, then planted rises with the day on which each rule first speaks."""
    for days in LENGTHS:
        for number, world in enumerate(WORLDS):
            rng = np.random.default_rng([SEED, days, number])
            mean = levels(world, series=series, days=days, rng=rng)
            found = [rises(drawn(mean, rng=rng), trials=None, frame=DAILY).p_value]
            found += [
                rises(drawn(ramped(mean, sds=sds), rng=rng), trials=None, frame=DAILY).p_value for sds in SDS
            ]
            told = " | ".join(f"{(p_value <= ALPHA).mean():.3f}" for p_value in found)
            print(f"| {world} | {days:,} | {told} |", flush=True)


def lasting(series: int) -> None:
    """On how many of the four weeks' days of a rise to two SDs each rule alarms, and on which day first."""
    rng = np.random.default_rng([SEED, 1])
    mean = ramped(levels("season", series=series, days=758, rng=rng), sds=2.0)
    values = drawn(mean, rng=rng)
    first = values.shape[1] - RAMP
    high = judge(values, trials=None, frame=daily_frame(84), alpha=ALPHA, first=first - 100).p_value[
        :, first:
    ]
    slow = [rises(values[:, : first + day + 1], trials=None, frame=DAILY).p_value for day in range(RAMP)]
    for name, p_value in (("high days", high), ("slow rise", np.stack(slow, axis=1))):
        alarms = p_value <= ALPHA
        when = np.where(alarms.any(axis=1), alarms.argmax(axis=1) + 1, RAMP + 1)
        week = alarms[:, -7:].mean()
        print(
            f"| {name} | {alarms.any(axis=1).mean():.3f} | {np.median(when):.0f} | {week:.3f} |", flush=True
        )


def with_holidays(series: int) -> None:
    """False alarms of the last 100 days where every British holiday is three SDs high each year, known and not."""
    days = 1096
    span = known_days({"s": "GB"}, first=LAST - dt.timedelta(days=days - 1), last=LAST).frame
    columns = [(day - LAST).days + days - 1 for day in span["day"]]
    marked = [column for column in columns if 0 <= column < days]
    rng = np.random.default_rng([SEED, 2])
    mean = levels("season", series=series, days=days, rng=rng)
    mean[:, marked] += 3.0 * np.sqrt(NOISE * mean[:, marked])
    values = drawn(mean, rng=rng)
    for name, place in (("unknown", None), ("known", "GB")):
        effects = holiday_effects(values, trials=None, places=[place] * series, last=LAST, frequency="day")
        plain = without_holidays(values, trials=None, effects=effects)
        judged = judge(plain, trials=None, frame=daily_frame(84), alpha=ALPHA, first=days - 200)
        alarms = (judged.p_value <= ALPHA)[:, -100:]
        on = np.isin(np.arange(days - 100, days), marked)
        print(f"| {name} | {alarms.mean():.4f} | {alarms[:, on].mean():.3f} | {alarms[:, ~on].mean():.4f} |")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    report(count)
    lasting(max(10, count // 10))
    with_holidays(max(10, count // 10))
