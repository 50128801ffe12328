"""What fitting together brings: nine countries and the whole they make, by emotion, forecast coherently or one by one.

Run from the repository with `../shared/data` beside it: `python benchmarks/coherent.py`. The whole is the nine
countries' posts together, so that what is forecast of it must be the mean of theirs. Prints the table of
`benchmarks/results/coherent.md`.
"""

from __future__ import annotations

import datetime as dt

import polars as pl
from forecasts import COUNTRIES, SERIES

from forecasting.backtest import Truth, score_runs
from forecasting.known_days import known_days
from forecasting.matrix import to_matrix
from forecasting.models import COHERENT, ENSEMBLE
from forecasting.reconcile import trees
from forecasting.rolling import run_origins
from forecasting.tasks import Task

MODELS = ("flat_line", "window_mean", "dynamics", "global_linear")
HORIZON, EVERY, ORIGINS, WARM_UP = 7, 15, 64, 3
STEP = ["target", "location", "geo_type", "reference_date", "horizon"]


def panel() -> pl.DataFrame:
    """signal, geo_type, geo_value, time_value, value, n of the countries and the whole."""
    raw = pl.read_csv(SERIES / "twitter_emotion_daily_by_country.csv.gz", try_parse_dates=True)
    parts = raw.select(
        signal="emotion", geo_type=pl.lit("nation"), geo_value=pl.col("country").replace_strict(COUNTRIES),
        time_value="date", hits="n", n="total",
    )  # fmt: skip
    complete = parts.group_by("signal", "time_value").agg(pl.col("hits", "n").sum(), parts=pl.len())
    whole = complete.filter(pl.col("parts") == len(COUNTRIES)).select(
        "signal", "time_value", "hits", "n", geo_type=pl.lit("all"), geo_value=pl.lit("all")
    )
    both = pl.concat([parts, whole.select(parts.columns)])
    named = pl.format("{}|{}", "signal", "geo_value")
    return both.with_columns(series_id=named, value=pl.col("hits") / pl.col("n"), population=pl.lit("all"))


def main() -> None:
    """Print how much error is left over the flat line's, and the coherent forecasts' over the ensemble's."""
    long = panel()
    keys = (
        long.select("series_id", "signal", "population", "geo_type", "geo_value").unique().sort("series_id")
    )
    ids = tuple(keys["series_id"])
    last: dt.date = long.select(pl.col("time_value").max()).item()
    matrix = to_matrix(long, ids=ids, reference=last, periods=3_000, frequency="day", kind="share")
    past = [matrix.until(k * EVERY) for k in range(ORIGINS + WARM_UP, -1, -1)]
    task = Task(
        name="coherent", frequency="day", horizon=HORIZON, origins=ORIGINS, every=EVERY, minimum_history=14,
        history=1_461, models=MODELS, seed=1,
    )  # fmt: skip
    places = {row[0]: row[1] for row in keys.select("series_id", "geo_value").iter_rows()}
    known = known_days(
        {series: None if place == "all" else place for series, place in places.items()},
        first=last - dt.timedelta(days=3_000), last=last,
    )  # fmt: skip
    runs = run_origins(past, task=task, known=known, hierarchy=trees(keys, ids=ids))
    named = keys.rename({"signal": "target", "geo_value": "location"})
    truth = Truth(long=long.with_columns(issue=pl.lit(last)), keys=named, pseudo_real_time=[True] * len(runs))
    scores = score_runs(runs, task=task, truth=truth)
    wis = scores.filter(pl.col("metric") == "wis")
    one = wis.filter(pl.col("model_id") == ENSEMBLE).select(*STEP, one="value")
    fit = wis.filter(pl.col("model_id") == COHERENT).select(*STEP, fit="value")
    both = fit.join(one, on=STEP)
    series = both.group_by("target", "location", "geo_type").agg(
        ratio=pl.col("fit").mean() / pl.col("one").mean(), origins=pl.col("reference_date").n_unique()
    )
    table = series.group_by("geo_type").agg(
        series=pl.len(), origins=pl.col("origins").max(), ratio=pl.col("ratio").log().mean().exp(),
        better=(pl.col("ratio") < 1).mean(),
    ).sort("geo_type")  # fmt: skip
    print(table)
    held = scores.filter(
        pl.col("metric").str.starts_with("coverage"), pl.col("model_id").is_in([COHERENT, ENSEMBLE])
    )
    print(held.group_by("geo_type", "model_id", "metric").agg(pl.col("value").mean()).sort(pl.all()))


if __name__ == "__main__":
    main()
