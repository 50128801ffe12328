"""A plain file in, hubverse rows out, whatever the file looks like."""

from __future__ import annotations

import datetime as dt
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from forecasting_worlds import START, file_series
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecasting import files
from forecasting.files import COLUMNS, FileForecast, backtest_file, forecast_file
from forecasting.leaderboard import leaderboard
from forecasting.models import DEFAULT_MEMBERS, REGISTRY, neural
from forecasting.tasks import read_tasks
from warehouse.errors import ConfigError, InputError
from warehouse.tables import QUANTILES

CUT = START + dt.timedelta(days=89)
CHEAP = tuple(name for name in DEFAULT_MEMBERS if name not in ("nhits", "auto_arima"))
DATA = Path(__file__).parents[3] / "shared" / "data" / "series"


def _check(found: FileForecast, *, series: int, horizon: int) -> None:
    rows = found.forecasts
    assert rows.columns == COLUMNS
    assert rows.height == series * horizon * len(QUANTILES)
    assert rows.select("target", "horizon", "output_type_id").is_unique().all()
    assert rows["value"].is_finite().all()
    steps = (
        rows.sort("target", "horizon", "output_type_id")
        .group_by("target", "horizon")
        .agg(pl.col("value").diff().min())
    )
    assert steps["value"].min() >= 0  # type: ignore[operator]


@pytest.mark.parametrize("name", [*REGISTRY, "ensemble"])
def test_nothing_after_the_as_of_date_matters(
    name: str, small_file: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "DEFAULT_MEMBERS", CHEAP)
    monkeypatch.setattr(neural, "STEPS", 20)
    rng = np.random.default_rng(1)
    noise = pl.Series("noise", rng.uniform(0, 1, small_file.height))
    late = pl.when(pl.col("time_value") > CUT)
    noisy = small_file.with_columns(value=late.then(noise).otherwise("value"), n=late.then(3).otherwise("n"))
    first, second = (
        forecast_file(frame, horizon=2, as_of=CUT, model=name, seed=1, origins=2)
        for frame in (small_file, noisy)
    )
    assert first.forecasts.equals(second.forecasts)
    assert first.scores.equals(second.scores)
    assert not first.forecasts["is_fallback"].any()


def test_every_series_gets_every_step_also_when_it_ends_early(small_file: pl.DataFrame) -> None:
    early = small_file.filter(
        (pl.col("series_id") != "s1") | (pl.col("time_value") <= START + dt.timedelta(days=112))
    )
    found = forecast_file(early, horizon=5, model="auto_ets", seed=1, origins=2)
    _check(found, series=3, horizon=5)
    last = START + dt.timedelta(days=119)
    assert found.forecasts["reference_date"].unique().to_list() == [last]
    ends = found.forecasts.filter(pl.col("target") == "s1")["target_end_date"].unique().sort().to_list()
    assert ends == [last + dt.timedelta(days=step) for step in range(1, 6)]


def _odd_file(good: pl.DataFrame) -> pl.DataFrame:
    days = [START + dt.timedelta(days=day) for day in range(120)]
    blank = pl.DataFrame({"time_value": days, "n": [200] * 120}, schema_overrides={"n": pl.Int64})
    made = {
        "constant": pl.lit(0.25),
        "empty": pl.lit(None, dtype=pl.Float64),
        "nan": pl.lit(float("nan")),
        "short": pl.when(pl.col("time_value") > days[-4]).then(0.3 + 0.01 * pl.col("time_value").dt.day()),
        "single": pl.when(pl.col("time_value") == days[-1]).then(0.5),
        "ended": pl.when(pl.col("time_value") < days[20]).then(pl.col("time_value").dt.day() / 40),
    }
    odd = [
        blank.select(series_id=pl.lit(name), time_value="time_value", value=value, n="n")
        for name, value in made.items()
    ]
    return pl.concat([good, *odd])


def test_series_that_cannot_be_forecast_are_flagged_and_stop_nobody(small_file: pl.DataFrame) -> None:
    found = forecast_file(_odd_file(small_file), horizon=3, model="auto_theta", seed=1, origins=2)
    _check(found, series=9, horizon=3)
    flagged = found.forecasts.filter(pl.col("is_fallback"))["target"].unique().sort().to_list()
    assert flagged == ["constant", "empty", "ended", "nan", "short", "single"]
    assert len(found.warnings) == 6
    assert found.forecasts["value"].is_between(0, 1).all()
    widths = found.forecasts.group_by("target", "horizon").agg(pl.col("value").max() - pl.col("value").min())
    assert widths["value"].min() > 0  # type: ignore[operator]


def test_the_good_series_are_the_same_beside_bad_ones_when_not_pooled(small_file: pl.DataFrame) -> None:
    alone = forecast_file(small_file, horizon=3, model="window_mean", seed=1, origins=1).forecasts
    beside = forecast_file(_odd_file(small_file), horizon=3, model="window_mean", seed=1, origins=1).forecasts
    assert beside.filter(pl.col("target").is_in(["s0", "s1", "s2"])).equals(alone)


def test_counts_stay_at_or_above_zero_and_an_index_may_be_negative() -> None:
    rng = np.random.default_rng(2)
    days = [START + dt.timedelta(days=day) for day in range(60)]
    counts = pl.DataFrame({"series_id": "c", "time_value": days, "value": rng.poisson(1.0, 60)})
    found = forecast_file(counts, horizon=3, model="window_mean", seed=1, origins=1).forecasts
    assert found["value"].min() >= 0  # type: ignore[operator]
    index = counts.with_columns(value=pl.col("value") - 1.5)
    found = forecast_file(index, horizon=3, model="window_mean", seed=1, origins=1).forecasts
    assert found["value"].min() < 0  # type: ignore[operator]


def test_weekly_files_keep_their_weekday() -> None:
    weekly = file_series(days=60, step=7)
    found = forecast_file(
        weekly, horizon=2, as_of=START + dt.timedelta(days=7 * 50 + 3), model="auto_ets", seed=1, origins=1
    )
    assert found.forecasts["reference_date"][0] == START + dt.timedelta(days=7 * 50)
    assert found.forecasts["target_end_date"].dt.weekday().unique().to_list() == [1]


def test_a_short_file_is_marked_limited_and_is_wide() -> None:
    found = forecast_file(file_series(days=20), horizon=4, model="auto_ets", seed=1)
    assert found.forecasts["limited_history"].all()
    assert not found.forecasts["is_fallback"].any()
    _check(found, series=3, horizon=4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop("value"), "column value is missing"),
        (lambda f: f.with_columns(time_value=pl.lit("soon")), "not dates"),
        (lambda f: pl.concat([f, f.head(2)]), "one row per series and date"),
        (lambda f: f.with_columns(value=pl.lit(float("inf"))), "finite numbers"),
        (lambda f: f.with_columns(value=pl.lit("x")), "not a number"),
        (lambda f: f.with_columns(value=pl.col("value") + 1), "shares between 0 and 1"),
        (lambda f: f.with_columns(value=pl.lit(None, dtype=pl.Float64)), "empty up to the as-of date"),
        (lambda f: f.with_columns(n=pl.lit(0)), "sample sizes above 0"),
        (lambda f: f.gather_every(30), "neither daily nor weekly"),
    ],
)
def test_an_unusable_file_is_refused_with_the_reason(
    change: object, words: str, small_file: pl.DataFrame
) -> None:
    with pytest.raises(InputError, match=words):
        forecast_file(change(small_file), horizon=2, seed=1)  # type: ignore[operator]


def test_an_early_as_of_and_an_unknown_model_are_refused(small_file: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="no row is left"):
        forecast_file(small_file, horizon=2, as_of=dt.date(2000, 1, 1), seed=1)
    with pytest.raises(ConfigError, match="unknown forecasting model"):
        forecast_file(small_file, horizon=2, model="magic", seed=1)


VALUES = st.one_of(st.none(), st.just(float("nan")), st.floats(0, 1))


@given(values=st.lists(VALUES, min_size=1, max_size=45), horizon=st.integers(1, 4), start=st.integers(0, 30))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_share_series_gets_monotone_quantiles_within_bounds(
    values: list[float | None], horizon: int, start: int
) -> None:
    days = [START + dt.timedelta(days=start + day) for day in range(len(values))]
    drawn = pl.DataFrame(
        {"series_id": "drawn", "time_value": days, "value": values}, schema_overrides={"value": pl.Float64}
    )
    beside = file_series(series=1, days=50).drop("n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = forecast_file(
            pl.concat([beside, drawn.select(beside.columns)]),
            horizon=horizon,
            kind="share",
            model="window_mean",
            seed=1,
            origins=1,
        )
    _check(found, series=2, horizon=horizon)
    assert found.forecasts["value"].is_between(0, 1).all()


@pytest.mark.real_data
def test_real_emotion_shares_beat_the_flat_line_with_honest_coverage() -> None:
    path = DATA / "twitter_emotion_daily_by_country.csv.gz"
    if not path.exists():
        pytest.skip("the shared data folder is not beside this checkout")
    raw = pl.read_csv(path, try_parse_dates=True).filter(pl.col("date").dt.year() == 2019)
    series = raw.select(
        series_id=pl.col("country") + " " + pl.col("emotion"),
        time_value="date",
        value=pl.col("n") / pl.col("total"),
        n="total",
    )
    plan = replace(read_tasks()["daily_7"], models=("window_mean", "auto_ets"))
    scores = backtest_file(series, plan=plan).scores
    best = leaderboard(scores).filter(pl.col("model_id") == "ensemble").row(0, named=True)
    assert best["relative_wis"] < 0.95
    assert best["coverage_95"] == pytest.approx(0.95, abs=0.06)
    assert best["coverage_50"] == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("days", [20, 60, 126])
def test_a_young_file_is_forecast_by_all_members(days: int) -> None:
    found = forecast_file(file_series(series=2, days=days), horizon=14, seed=1, origins=6)
    _check(found, series=2, horizon=14)
    assert not found.forecasts["is_fallback"].any()
