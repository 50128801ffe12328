"""How the forecasters do on real series: error against the flat line, coverage, and what each costs.

Run from the repository with `../shared/data` beside it: `python benchmarks/forecasts.py [--every K] [--only NAME …]`.
Origins roll over the last third of each set, a horizon apart (`--every K`: every K-th of them, for days). Prints the
tables of `benchmarks/results/forecasts.md`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from forecasting.files import backtest_file
from forecasting.leaderboard import leaderboard
from forecasting.matrix import Frequency, Kind
from forecasting.tasks import read_tasks
from warehouse.skill import relative_wis

SERIES = Path(__file__).parents[2] / "shared" / "data" / "series"
STATISTICAL = ("auto_ets", "auto_theta", "auto_arima")
TASKS = read_tasks()
WORDS = ["SAD", "ANX", "ANGER", "NEGEMO", "POSEMO", "SOCIAL", "DEATH", "HEALTH", "WORK", "MONEY"]


@dataclass(frozen=True, kw_only=True)
class Set:
    """A panel of series and how it is forecast. `read` gives series_id, time_value, value and, if known, n."""

    name: str
    read: Callable[[], pl.DataFrame]
    frequency: Frequency
    kind: Kind
    horizons: tuple[int, ...]


def _csv(name: str) -> pl.DataFrame:
    return pl.read_csv(SERIES / f"{name}.csv.gz", try_parse_dates=True, infer_schema_length=None)


def _long(frame: pl.DataFrame, *, day: str, columns: list[str], prefix: str = "") -> pl.DataFrame:
    tall = frame.select(pl.col(day).alias("time_value"), *columns).unpivot(
        index="time_value", variable_name="series_id", value_name="value"
    )
    return tall.with_columns(
        pl.format(prefix + "{}", "series_id").alias("series_id"), pl.col("value").cast(pl.Float64)
    )


def countries() -> pl.DataFrame:
    return _csv("twitter_emotion_daily_by_country").select(
        series_id=pl.format("{} {}", "country", "emotion"), time_value="date",
        value=pl.col("n") / pl.col("total"), n="total",
    )  # fmt: skip


def spain() -> pl.DataFrame:
    return _long(
        _csv("twitter_roberta_daily_ES"), day="date", columns=["anger", "fear", "positive", "sadness"]
    )


def britain() -> pl.DataFrame:
    frame = _csv("twitter_emotion_gb_daily")
    words = ["tweets_anxiety", "tweets_sadness", "tweets_posemo"]
    shares = frame.select(
        pl.col("date"), "tweets_total", *(pl.col(w) / pl.col("tweets_total") for w in words)
    )
    found = _long(shares, day="date", columns=words)
    return found.join(frame.select(time_value="date", n="tweets_total"), on="time_value")


def survey_britain() -> pl.DataFrame:
    return _csv("survey_mood_gb_weekly").select(
        series_id=pl.format("{} {}", "group", "mood"), time_value="date", value=pl.col("pct") / 100.0,
        n="unweighted_base",
    )  # fmt: skip


def survey_australia() -> pl.DataFrame:
    frame = _csv("survey_anxiety_depression_au_daily")
    found = frame.select(
        series_id=pl.format("{} {}", "region", "indicator"),
        time_value="survey_date",
        value="value",
        n="sample_size",
    )
    days = found.group_by("series_id").len().filter(pl.col("len") >= 200)
    return found.join(days, on="series_id", how="semi")


def happiness() -> pl.DataFrame:
    return _csv("hedonometer_daily").select(series_id=pl.lit("happiness"), time_value="date", value="value")


def reddit() -> pl.DataFrame:
    names = ("anxiety", "baseline_avg")
    frames = [
        _long(_csv(f"reddit_{n}_daily_zscores"), day="date", columns=WORDS, prefix=f"{n} ") for n in names
    ]
    return pl.concat(frames)


def searches() -> pl.DataFrame:
    frame = _csv("search_trends_us_states_weekly").with_columns(pl.col("state").str.strip_chars())
    terms = ["depression", "anxiety", "addiction", "counselling", "mental_health"]
    tall = frame.select("state", "week", *terms).unpivot(
        index=["state", "week"], variable_name="term", value_name="value"
    )
    return tall.select(
        series_id=pl.format("{} {}", "state", "term"),
        time_value="week",
        value=pl.col("value").cast(pl.Float64),
    )


SETS = (
    Set(name="countries", read=countries, frequency="day", kind="share", horizons=(7, 14)),
    Set(name="spain", read=spain, frequency="day", kind="share", horizons=(7, 14)),
    Set(name="britain", read=britain, frequency="day", kind="share", horizons=(7, 14)),
    Set(name="survey_britain", read=survey_britain, frequency="week", kind="share", horizons=(4,)),
    Set(name="survey_australia", read=survey_australia, frequency="day", kind="share", horizons=(7, 14)),
    Set(name="happiness", read=happiness, frequency="day", kind="index", horizons=(7, 14)),
    Set(name="reddit", read=reddit, frequency="day", kind="index", horizons=(7, 14)),
    Set(name="searches", read=searches, frequency="week", kind="index", horizons=(4,)),
)


def scores_of(panel: Set, *, horizon: int, every: int, models: tuple[str, ...]) -> pl.DataFrame:
    """`out.scores` rows over the last third of the set."""
    plan = TASKS[f"{'daily' if panel.frequency == 'day' else 'weekly'}_{horizon}"]
    # A year of weeks holds four origins, and none can be spared.
    apart = every if panel.frequency == "day" else 1
    plan = replace(plan, every=plan.every * apart, models=models or plan.models)
    return backtest_file(panel.read().drop_nulls("value"), plan=plan, kind=panel.kind)


def better_than(scores: pl.DataFrame, *, name: str) -> float:
    """Share of series on which the ensemble's relative WIS is below that of a model; NaN where it was not run."""
    per_series = relative_wis(scores)
    if name not in per_series["model_id"]:
        return np.nan
    wide = per_series.pivot("model_id", index="target", values="relative_wis")
    both = wide.drop_nulls(["ensemble", name])
    return float((both["ensemble"] < both[name]).mean() or np.nan)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[panel.name for panel in SETS])
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--keep", type=Path, help="a folder for the scores")
    chosen = parser.parse_args()
    lines = []
    for panel in SETS:
        for horizon in panel.horizons if panel.name in chosen.only else ():
            start = time.perf_counter()
            scores = scores_of(panel, horizon=horizon, every=chosen.every, models=tuple(chosen.models))
            took = time.perf_counter() - start
            if chosen.keep is not None:
                chosen.keep.mkdir(exist_ok=True)
                scores.write_parquet(chosen.keep / f"{panel.name}_{horizon}.parquet")
            board = leaderboard(scores)
            rows = {row["model_id"]: row for row in board.iter_rows(named=True)}
            own = rows["ensemble"]
            best = min(rows[name]["relative_wis"] for name in STATISTICAL if name in rows)
            print(f"\n{panel.name}, h = {horizon}: {own['n_series']} series, {took:.0f} s", flush=True)
            for name, row in rows.items():
                coverage = " ".join(f"{row[f'coverage_{p}']:.3f}" for p in (50, 80, 90, 95))
                print(
                    f"  {name:16s} {row['relative_wis']:.3f}  wins {row['win_rate']:.2f}  {coverage}",
                    flush=True,
                )
            lines.append(
                f"| {panel.name} | {horizon} | {own['n_series']} | {own['relative_wis']:.3f} | "
                f"{own['relative_wis'] / best:.3f} | {better_than(scores, name='seasonal_naive'):.0%} | "
                + " | ".join(f"{own[f'coverage_{p}']:.3f}" for p in (50, 80, 90, 95))
                + " |"
            )
    print(
        "\n| set | h | series | against flat line | against best single | beats seasonal naive | 50 | 80 | 90 | 95 |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
