"""How the forecasters do on real series: error against the flat line, coverage, and what each costs.

Run from the repository with `../shared/data` beside it: `python benchmarks/forecasts.py [--only NAME …] [--boards F]`.
Origins roll over the last third of each set by the tasks of `benchmarks/backtests.toml`, so far apart that they fall on
all weekdays. Prints the tables of `benchmarks/results/forecasts.md`, and writes the leaderboards to the folder F.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from forecasting.files import Backtest, backtest_file
from forecasting.leaderboard import board_rows, leaderboard
from forecasting.matrix import Frequency, Kind
from forecasting.memo import Memo
from forecasting.tasks import read_tasks
from warehouse.skill import relative_wis

SERIES = Path(__file__).parents[2] / "shared" / "data" / "series"
STATISTICAL = ("auto_ets", "auto_theta", "auto_arima")
TASKS = read_tasks(Path(__file__).with_name("backtests.toml"))
WORDS = ["SAD", "ANX", "ANGER", "NEGEMO", "POSEMO", "SOCIAL", "DEATH", "HEALTH", "WORK", "MONEY"]


@dataclass(frozen=True, kw_only=True)
class Set:
    """A panel of series and how it is forecast. `read` gives series_id, time_value, value and, if known, n;
    `place` the country of a series; `spacing` how its task is called."""

    name: str
    read: Callable[[], pl.DataFrame]
    frequency: Frequency
    kind: Kind
    horizons: tuple[int, ...]
    place: Callable[[str], str] | None = None
    spacing: str = "spread"


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


COUNTRIES = {
    "Australia": "AU", "Austria": "AT", "Chile": "CL", "France": "FR", "Germany": "DE", "Mexico": "MX",
    "Netherlands": "NL", "Spain": "ES", "USA": "US",
}  # fmt: skip


def _in(code: str) -> Callable[[str], str]:
    return lambda _: code


SETS = (
    Set(
        name="countries", read=countries, frequency="day", kind="share", horizons=(7, 14),
        place=lambda name: COUNTRIES[name.split()[0]],
    ),
    Set(name="spain", read=spain, frequency="day", kind="share", horizons=(7, 14), place=_in("ES")),
    Set(
        name="britain", read=britain, frequency="day", kind="share", horizons=(7, 14), place=_in("GB"), spacing="dense"
    ),
    Set(
        name="survey_britain", read=survey_britain, frequency="week", kind="share", horizons=(4,), place=_in("GB")
    ),
    Set(
        name="survey_australia", read=survey_australia, frequency="day", kind="share", horizons=(7, 14),
        place=_in("AU"), spacing="dense",
    ),
    Set(name="happiness", read=happiness, frequency="day", kind="index", horizons=(7, 14), place=_in("US")),
    Set(name="reddit", read=reddit, frequency="day", kind="index", horizons=(7, 14)),
    Set(name="searches", read=searches, frequency="week", kind="index", horizons=(4,), place=_in("US")),
)  # fmt: skip


def series_of(panel: Set) -> pl.DataFrame:
    """The set with the place of each series, whose holidays every model is told."""
    frame = panel.read().drop_nulls("value")
    if panel.place is None:
        return frame
    return frame.with_columns(place=pl.col("series_id").map_elements(panel.place, return_dtype=pl.String))


def backtest_of(panel: Set, *, horizon: int, models: tuple[str, ...], memo: Memo) -> Backtest:
    """The set's task, over the last third of it. What `memo` holds is not fitted again."""
    plan = TASKS[f"{panel.spacing}_{'daily' if panel.frequency == 'day' else 'weekly'}_{horizon}"]
    plan = replace(plan, models=models or plan.models)
    return backtest_file(series_of(panel), plan=plan, kind=panel.kind, memo=memo)


def shaken(panel: Set) -> pl.DataFrame:
    """`target`, `time_value`: periods further from the middle of the 28 before (8 weeks) than five times the usual
    distance from it: breaks, shocks and holidays alike."""
    width = 28 if panel.frequency == "day" else 8
    value = pl.col("value")
    before = value.shift(1).rolling_median(width).over("series_id")
    frame = panel.read().drop_nulls("value").sort("series_id", "time_value").with_columns(middle=before)
    frame = frame.with_columns(away=(value - pl.col("middle")).abs())
    usual = 1.4826 * pl.col("away").shift(1).rolling_median(width).over("series_id")
    return frame.filter(pl.col("away") > 5.0 * usual).select("time_value", target="series_id")


def held_apart(scores: pl.DataFrame, *, panel: Set, horizon: int) -> pl.DataFrame:
    """The ensemble's coverage in windows with a shaken period and in the others."""
    step = 1 if panel.frequency == "day" else 7
    rows = scores.filter(pl.col("model_id") == "ensemble", pl.col("metric").str.starts_with("coverage"))
    windows = rows.select("target", "reference_date").unique()
    hit = windows.join(shaken(panel), on="target").filter(
        pl.col("time_value") > pl.col("reference_date"),
        pl.col("time_value") <= pl.col("reference_date") + pl.duration(days=horizon * step),
    )
    marked = rows.join(
        hit.select("target", "reference_date").unique().with_columns(shaken=True),
        on=["target", "reference_date"],
        how="left",
    ).with_columns(pl.col("shaken").fill_null(value=False))
    return (
        marked.group_by("shaken", "metric").agg(pl.col("value").mean(), n=pl.len()).sort("shaken", "metric")
    )


def better_than(scores: pl.DataFrame, *, name: str) -> float:
    """Share of series on which the ensemble's relative WIS is below that of a model; NaN where it was not run."""
    per_series = relative_wis(scores)
    if name not in per_series["model_id"]:
        return np.nan
    wide = per_series.pivot("model_id", index="target", values="relative_wis")
    both = wide.drop_nulls(["ensemble", name])
    return float((both["ensemble"] < both[name]).mean() or np.nan)


def told(panel: Set, *, horizon: int, made: Backtest, took: float) -> str:
    """Prints one set's board and returns its line of the table."""
    rows = {row["model_id"]: row for row in leaderboard(made.scores).iter_rows(named=True)}
    own = rows["ensemble"]
    best_name = min((n for n in STATISTICAL if n in rows), key=lambda n: rows[n]["relative_wis"])
    best = rows[best_name]["relative_wis"]
    print(f"\n{panel.name}, h = {horizon}: {own['n_series']} series, {took:.0f} s", flush=True)
    for name, row in rows.items():
        coverage = " ".join(f"{row[f'coverage_{p}']:.3f}" for p in (50, 80, 90, 95))
        print(f"  {name:16s} {row['relative_wis']:.3f}  wins {row['win_rate']:.2f}  {coverage}", flush=True)
    for row in held_apart(made.scores, panel=panel, horizon=horizon).iter_rows(named=True):
        print(f"  shaken={row['shaken']} {row['metric']} {row['value']:.3f} of {row['n']}", flush=True)
    interval = ""
    if own["relative_wis_low"] is not None:
        interval = f" [{own['relative_wis_low']:.3f}, {own['relative_wis_high']:.3f}]"
    naive = better_than(made.scores, name="seasonal_naive")
    return (
        f"| {panel.name} | {horizon} | {own['n_series']} | {own['n_origins']} | {own['relative_wis']:.3f}{interval} | "
        f"{rows['dynamics']['relative_wis']:.3f} | {best_name} {best:.3f} | {own['relative_wis'] / best:.3f} | "
        f"{'–' if np.isnan(naive) else f'{naive:.0%}'} | "
        + " | ".join(f"{own[f'coverage_{p}']:.1%}" for p in (50, 80, 90, 95))
        + " |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[panel.name for panel in SETS])
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--keep", type=Path, help="a folder for the scores")
    parser.add_argument("--boards", type=Path, help="a folder for the leaderboards")
    parser.add_argument("--no-places", action="store_true", help="tell no model of holidays")
    parser.add_argument("--memo", type=Path, help="a folder for fits, so that a stopped run goes on")
    chosen = parser.parse_args()
    lines = []
    for panel in [replace(one, place=None) for one in SETS] if chosen.no_places else SETS:
        for horizon in panel.horizons if panel.name in chosen.only else ():
            start = time.perf_counter()
            memo = Memo(chosen.memo / f"{panel.name}_{horizon}" if chosen.memo else None)
            made = backtest_of(panel, horizon=horizon, models=tuple(chosen.models), memo=memo)
            took = time.perf_counter() - start
            if chosen.keep is not None:
                chosen.keep.mkdir(exist_ok=True)
                made.scores.write_parquet(chosen.keep / f"{panel.name}_{horizon}.parquet")
            if chosen.boards is not None:
                chosen.boards.mkdir(exist_ok=True)
                board = board_rows(made.scores, task=made.task)
                board.write_csv(chosen.boards / f"{panel.name}_{horizon}.csv")
            lines.append(told(panel, horizon=horizon, made=made, took=took))
            print(lines[-1], flush=True)
    print("\n" + "\n".join(lines))


if __name__ == "__main__":
    main()
