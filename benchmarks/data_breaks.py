"""Are breaks in the data found, and how many others are declared? Real series and simulated quiet ones.

Run from the repository with `../shared/data` beside it: `python benchmarks/data_breaks.py`. Prints the tables of
`benchmarks/results/data_breaks.md`. With `ruptures` installed, its offline PELT is shown for reference.
"""

from __future__ import annotations

import datetime as dt
import importlib.util
from pathlib import Path

import numpy as np
import polars as pl
from scipy import stats

from forecasting.breaks.find import SEVERAL, Thresholds, find_breaks

SERIES = Path(__file__).parents[2] / "shared" / "data" / "series" / "twitter_emotion_daily_by_country.csv.gz"
CODES = {
    "Australia": "AU", "Austria": "AT", "Chile": "CL", "France": "FR", "Germany": "DE", "Mexico": "MX",
    "Netherlands": "NL", "Spain": "ES", "USA": "US",
}  # fmt: skip
HALVES = {"first": ("AU", "CL", "DE", "NL", "US"), "second": ("AT", "ES", "FR", "MX")}
ROLLED_OUT = dt.date(2017, 11, 8)
MEANING = np.array([1, 1, 1, -1])


def cells() -> pl.DataFrame:
    """The series as daily cells of nine nations."""
    better = pl.col("emotion") == "positive"
    return pl.read_csv(SERIES, try_parse_dates=True).select(
        signal="emotion", geo_value=pl.col("country").replace_strict(CODES), time_value="date",
        value=pl.col("n") / pl.col("total"), n_posts="total", people="total",
        population=pl.lit("all"), geo_type=pl.lit("nation"), time_type=pl.lit("day"),
        statistic=pl.lit("share"), scorer=pl.lit("words"),
        direction=pl.when(better).then(pl.lit("higher_is_better")).otherwise(pl.lit("higher_is_worse")),
    )  # fmt: skip


def split(found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Breaks detected within seven days of the roll-out, and all others."""
    hit = found.filter(pl.col("detected").is_between(ROLLED_OUT, ROLLED_OUT + dt.timedelta(days=7)))
    same = pl.col("onset").is_between(ROLLED_OUT - dt.timedelta(days=2), ROLLED_OUT + dt.timedelta(days=7))
    return hit, found.filter(~same)


def years(frame: pl.DataFrame) -> float:
    return float(frame.select(pl.struct("geo_value", "time_value").n_unique()).item()) / 365.25


def rate(count: int, *, exposure: float) -> str:
    """Events per year with the exact 95 % Poisson interval."""
    low = stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    high = stats.chi2.ppf(0.975, 2 * count + 2) / 2
    return f"{count / exposure:.2f} ({low / exposure:.2f} to {high / exposure:.2f})"


def by_country(data: pl.DataFrame) -> None:
    hit, other = split(find_breaks(data))
    print("| country | onset | detected | days after 8 Nov | evidence | others | per year | others found |")
    print("|---|---|---|---|---|---|---|---|")
    for code in sorted(CODES.values()):
        mine, rest = hit.filter(pl.col("geo_value") == code), other.filter(pl.col("geo_value") == code)
        first = mine.row(0, named=True) if mine.height else None
        told = (
            f"{first['onset']} | {first['detected']} | {(first['detected'] - ROLLED_OUT).days} | {first['evidence']}"
            if first
            else "| not found | | "
        )
        listed = ", ".join(f"{d:%Y-%m-%d} {w}" for d, w in rest.select("detected", "what").iter_rows())
        exposure = years(data.filter(pl.col("geo_value") == code))
        print(f"| {code} | {told} | {rest.height} | {rest.height / exposure:.2f} | {listed} |")
    worst = other.group_by("geo_value", pl.col("detected").dt.year()).len().filter(pl.col("len") > 1)
    print(
        f"\nAll: found in {hit['geo_value'].n_unique()} of 9; others {rate(other.height, exposure=years(data))}"
    )
    print(
        f"per country and year; country-years with more than one: {worst.height} of {round(years(data))}.\n"
    )


def held_out(data: pl.DataFrame) -> None:
    """Thresholds from one half of the countries, judged by itself; counted on the other half."""
    for name, own in HALVES.items():
        other = data.filter(~pl.col("geo_value").is_in(own))

        def others(thresholds: Thresholds, frame: pl.DataFrame = other) -> float:
            return split(find_breaks(frame, thresholds=thresholds))[1].height / years(frame)

        together = next(
            level
            for level in (2.0, 2.5, 3.0)
            if others(Thresholds(alone=9, alone_young=9, together=level)) <= 0.6
        )
        alone = next(
            level for level in (3.0, 3.5, 4.0, 4.5, 5.0) if others(Thresholds(alone=level, together=9)) <= 0.3
        )
        mine = data.filter(pl.col("geo_value").is_in(own))
        chosen = Thresholds(alone=alone, together=together)
        hit, rest = split(find_breaks(data, thresholds=chosen).filter(pl.col("geo_value").is_in(own)))
        print(
            f"| {name}: {', '.join(own)} | {together} | {alone} | {hit['geo_value'].n_unique()} of {len(own)} | "
            f"{hit['detected'].max()} | {rate(rest.height, exposure=years(mine))} |"
        )


def sensitivity(data: pl.DataFrame) -> None:
    for alone in (3.0, 4.0, 4.5, 5.0, 9.0):
        for together in (2.0, 2.5, 3.0, 9.0):
            hit, rest = split(find_breaks(data, thresholds=Thresholds(alone=alone, together=together)))
            found, last = hit["geo_value"].n_unique(), hit["detected"].max()
            print(f"| {alone} | {together} | {found} | {last} | {rest.height / years(data):.2f} |")


def quiet(*, rho: float, places: int, days: int, seed: int) -> pl.DataFrame:
    """Logits that wander as AR(1), a mood that drives the two meanings apart, weekdays, wandering volume."""
    rng = np.random.default_rng(seed)

    def wander(*shape: int) -> np.ndarray:
        noise = rng.normal(size=(days, *shape))
        for day in range(1, days):
            noise[day] = rho * noise[day - 1] + np.sqrt(1 - rho**2) * noise[day]
        return noise

    week = 0.03 * np.sin(np.arange(days) * 2 * np.pi / 7)
    logits = -2.0 + 0.05 * (0.6 * wander(places, 1) * MEANING + 0.8 * wander(places, 4)) + week[:, None, None]
    posts = np.exp(8.0 + 0.08 * wander(places) + 3 * week[:, None])
    share = rng.binomial(5000, 1 / (1 + np.exp(-logits))) / 5000
    day, place, signal = (index.ravel() for index in np.indices(share.shape))
    start = dt.date(2020, 1, 1)
    return pl.DataFrame({
        "time_value": [start + dt.timedelta(days=int(d)) for d in day], "geo_value": [f"P{p}" for p in place],
        "signal": [f"s{s}" for s in signal], "value": share.ravel(), "n_posts": posts[day, place].astype(int),
        "direction": np.where(MEANING[signal] > 0, "higher_is_worse", "higher_is_better"),
    }).with_columns(
        population=pl.lit("all"), geo_type=pl.lit("nation"), time_type=pl.lit("day"), people=pl.lit(5000),
        statistic=pl.lit("share"), scorer=pl.lit("x"),
    )  # fmt: skip


def nulls() -> None:
    for rho in (0.0, 0.5, 0.8, 0.9):
        for days, places in ((120, 120), (1100, 30)):
            found = find_breaks(quiet(rho=rho, places=places, days=days, seed=11))
            exposure = places * (days - 34) / 365.25
            common = found.filter(pl.col("what") == SEVERAL).height
            volume = found.height - common
            print(
                f"| {rho} | {days} | {exposure:.0f} | {rate(common, exposure=exposure)} | "
                f"{rate(volume, exposure=exposure)} |"
            )


def pelt(data: pl.DataFrame) -> None:
    """Offline PELT (Killick et al. 2012) on the standardised logits: it sees the future, ours does not."""
    if importlib.util.find_spec("ruptures") is None:
        print("ruptures is not installed.")
        return
    import ruptures

    for penalty in (10.0, 30.0, 100.0):
        near, total = 0, 0
        for code in sorted(CODES.values()):
            wide = (
                data.filter(pl.col("geo_value") == code)
                .pivot("signal", index="time_value", values="value")
                .sort("time_value")
            )
            kept = [name for name in wide.columns[1:] if wide[name].null_count() == 0]
            logits = wide.select((pl.col(kept) / (1 - pl.col(kept))).log()).to_numpy()
            scaled = (logits - np.median(logits, 0)) / (
                1.4826 * np.median(np.abs(np.diff(logits, axis=0)), 0)
            )
            ends = (
                ruptures.KernelCPD(kernel="linear", min_size=14).fit(scaled).predict(pen=penalty * len(kept))
            )
            days = [wide["time_value"][int(end)] for end in ends[:-1]]
            at = [abs((day - ROLLED_OUT).days) <= 7 for day in days]
            near, total = near + any(at), total + sum(not hit for hit in at)
        print(f"| {penalty:.0f} | {near} of 9 | {total / years(data):.1f} |")


HEADS = {
    held_out: "judged on | together | alone | found | last detected | others per country and year",
    sensitivity: "alone | together | found of 9 | last detected | others per country and year",
    pelt: "penalty per signal | near 8 Nov | others per country and year",
}


def main() -> None:
    """All tables."""
    data = cells()
    by_country(data)
    for table, head in HEADS.items():
        print(f"\n| {head} |\n|{'---|' * (head.count('|') + 1)}")
        table(data)
    head = "rho | days | place-years | signals, per place and year | volume, per place and year"
    print(f"\n| {head} |\n|{'---|' * 5}")
    nulls()


if __name__ == "__main__":
    main()
