"""Signals in, contract rows out, from what was known on a day."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from forecasting_worlds import START, file_series, signal_frame

from forecasting.backtest import WARM_UP
from forecasting.forecast import ForecastResult, forecast_signals
from forecasting.memo import Memo
from warehouse.config import ForecastConfig
from warehouse.errors import ConfigError
from warehouse.tables import QUANTILES, TABLES

GEO = TABLES["core.signals"].schema.create_empty().schema["geo_type"]
AS_OF = START + dt.timedelta(days=119)
CONFIG = ForecastConfig(
    models=("flat_line", "window_mean", "auto_ets"), horizon_days=4, horizon_weeks=2, backtest_origins=2
)


def _run(signals: pl.DataFrame, *, config: ForecastConfig = CONFIG, as_of: dt.date = AS_OF) -> ForecastResult:
    return forecast_signals(
        signals, config=config, as_of=as_of, seed=1, reporting_lag_days=1, people_floor=50
    )


def _weeks() -> pl.DataFrame:
    sunday = file_series(series=1, days=17, step=7, seed=9).with_columns(
        series_id=pl.lit("sparse"), time_value=pl.col("time_value") + pl.duration(days=6)
    )
    return signal_frame(sunday, time_type="week", issue=None)


def _sparse_days() -> pl.DataFrame:
    days = file_series(series=1, seed=9).with_columns(series_id=pl.lit("sparse"))
    return signal_frame(days.filter(pl.col("time_value").dt.day() % 3 == 0), time_type="day", issue=None)


@pytest.fixture(scope="module")
def signals() -> pl.DataFrame:
    days = signal_frame(file_series(), time_type="day", issue=None)
    return pl.concat([days, _sparse_days(), _weeks()])


@pytest.fixture(scope="module")
def result(signals: pl.DataFrame) -> ForecastResult:
    return _run(signals)


def test_forecasts_keep_their_contract_and_are_complete(result: ForecastResult) -> None:
    rows = TABLES["out.forecasts"].schema.validate(result.forecasts)
    daily = rows.filter(pl.col("time_type") == "day")
    assert daily.height == 3 * 5 * 4 * len(QUANTILES)
    assert set(daily["model_id"]) == {"flat_line", "window_mean", "auto_ets", "ensemble", "ensemble_median"}
    assert daily["reference_date"].unique().to_list() == [AS_OF]
    assert rows["value"].is_between(0, 1).all()


def test_a_sparse_place_is_forecast_by_week_from_the_last_sunday(result: ForecastResult) -> None:
    weekly = result.forecasts.filter(pl.col("time_type") == "week")
    assert weekly["location"].unique().to_list() == ["sparse"]
    assert "sparse" not in result.forecasts.filter(pl.col("time_type") == "day")["location"].to_list()
    assert weekly["reference_date"].unique().to_list() == [AS_OF - dt.timedelta(days=AS_OF.isoweekday() % 7)]
    assert weekly["limited_history"].all()


def test_scores_keep_their_contract_and_never_look_ahead(result: ForecastResult) -> None:
    scores = TABLES["out.scores"].schema.validate(result.scores)
    assert scores["task"].unique().sort().to_list() == ["nightly_day", "nightly_week", "outlook_day"]
    # The outlook goes through the past as it is known today, and says so.
    assert scores.filter(pl.col("pseudo_real_time"))["task"].unique().to_list() == ["outlook_day"]
    assert scores["truth_issue"].max() <= AS_OF  # type: ignore[operator]
    assert scores.filter(pl.col("trained_through") > pl.col("reference_date")).is_empty()


def test_the_same_inputs_give_the_same_rows(signals: pl.DataFrame, result: ForecastResult) -> None:
    again = _run(signals.sample(fraction=1.0, shuffle=True, seed=4))
    assert again.forecasts.equals(result.forecasts)
    assert again.scores.equals(result.scores)


def test_later_days_and_later_issues_change_nothing(signals: pl.DataFrame) -> None:
    as_of = AS_OF - dt.timedelta(days=20)
    late = signals.filter(pl.col("issue") > as_of).with_columns(value=pl.lit(0.9))
    noisy = pl.concat([signals.filter(pl.col("issue") <= as_of), late])
    first, second = _run(signals, as_of=as_of), _run(noisy, as_of=as_of)
    assert first.forecasts.equals(second.forecasts)
    assert first.scores.equals(second.scores)


def test_assumed_vintages_are_scored_as_pseudo_real_time() -> None:
    assumed = signal_frame(
        file_series(), time_type="day", issue=AS_OF + dt.timedelta(days=1), vintage="assumed"
    )
    found = _run(assumed)
    assert found.scores["pseudo_real_time"].all()
    assert found.forecasts.height > 0


def test_series_beyond_the_cap_are_named(signals: pl.DataFrame) -> None:
    found = _run(signals, config=CONFIG.model_copy(update={"max_series": 2}))
    assert len(found.skipped) == 2
    assert found.forecasts.select("location", "time_type").unique().height == 2


def test_no_series_gives_empty_tables(signals: pl.DataFrame) -> None:
    found = _run(signals.head(0))
    assert found.forecasts.is_empty()
    assert found.scores.is_empty()


def test_a_constant_signal_is_a_marked_flat_line_with_sampling_width() -> None:
    constant = signal_frame(
        file_series(series=1).with_columns(value=pl.lit(0.2)), time_type="day", issue=None
    )
    found = _run(constant).forecasts
    assert found["is_fallback"].all()
    assert found.group_by("model_id", "horizon").agg(pl.col("value").n_unique())["value"].min() > 20  # type: ignore[operator]


def test_progress_is_told_each_origin(signals: pl.DataFrame) -> None:
    told: list[str] = []
    forecast_signals(
        signals,
        config=CONFIG,
        as_of=AS_OF,
        seed=1,
        reporting_lag_days=1,
        people_floor=50,
        progress=told.append,
    )
    assert told[0] == "day: origin 1 of 6"
    assert told[-1] == "week: origin 6 of 6"


def _country(*, coherent_gap: float = 0.0) -> pl.DataFrame:
    """Two regions and their nation, whose people are those of both."""
    regions = file_series(series=2).with_columns(
        series_id=pl.col("series_id").replace({"s0": "US-CA", "s1": "US-NY"})
    )
    nation = regions.group_by("time_value", maintain_order=True).agg(
        series_id=pl.lit("US"),
        value=(pl.col("value") * pl.col("n")).sum() / pl.col("n").sum() + coherent_gap,
        n=pl.col("n").sum(),
    )
    return pl.concat(
        [
            signal_frame(regions, time_type="day", issue=None),
            signal_frame(nation.select(regions.columns), time_type="day", issue=None).with_columns(
                geo_type=pl.lit("nation", dtype=GEO)
            ),
        ]
    )


def test_a_nation_and_its_regions_get_forecasts_that_fit_together() -> None:
    config = CONFIG.model_copy(update={"backtest_origins": 6, "horizon_days": 7})
    result = _run(_country(), config=config)
    coherent = result.forecasts.filter(pl.col("model_id") == "coherent")
    assert set(coherent["location"]) == {"US", "US-CA", "US-NY"}
    assert not coherent["is_fallback"].any()
    middle = coherent.filter(pl.col("output_type_id") == 0.5).pivot(
        "location", index="horizon", values="value"
    )
    people = (
        file_series(series=2).group_by("series_id").agg(pl.col("n").tail(28).mean()).sort("series_id")["n"]
    )
    mean = (middle["US-CA"] * people[0] + middle["US-NY"] * people[1]) / people.sum()
    assert (middle["US"] - mean).abs().max() < 0.01
    assert "coherent" in set(result.scores["model_id"])


def test_places_without_a_nation_have_no_coherent_forecast(result: ForecastResult) -> None:
    assert "coherent" not in set(result.forecasts["model_id"])


def test_a_nation_is_forecast_with_its_holidays_unless_they_are_switched_off() -> None:
    last = dt.date(2025, 7, 1)
    free = pl.col("time_value") == dt.date(2024, 7, 4)
    days = file_series(series=1, days=547).with_columns(
        series_id=pl.lit("US"), value=pl.when(free).then(0.9).otherwise(pl.col("value"))
    )
    signals = signal_frame(days, time_type="day", issue=None).with_columns(
        geo_type=pl.lit("nation", dtype=GEO)
    )
    medians = {
        holidays: _run(signals, config=CONFIG.model_copy(update={"holidays": holidays}), as_of=last)
        .forecasts.filter(pl.col("model_id") == "auto_ets", pl.col("output_type_id") == 0.5)
        .sort("horizon")["value"]
        for holidays in (True, False)
    }
    raised = medians[True] - medians[False]
    assert raised[2] > 0.3
    assert raised[0] < 0.05


def test_the_next_night_fits_its_newest_origin_only_also_with_holidays_and_a_full_history(
    tmp_path: Path,
) -> None:
    days = file_series(series=2, days=420).with_columns(
        series_id=pl.col("series_id").replace({"s0": "US", "s1": "MX"})
    )
    signals = signal_frame(days, time_type="day", issue=None).with_columns(
        geo_type=pl.lit("nation", dtype=GEO)
    )
    config = CONFIG.model_copy(update={"history_days": 200, "models": ("flat_line", "auto_ets")})
    memo = Memo(tmp_path)
    first = START + dt.timedelta(days=418)
    for night in range(2):
        forecast_signals(
            signals, config=config, as_of=first + dt.timedelta(days=night), seed=1, reporting_lag_days=1,
            people_floor=50, memo=memo,
        )  # fmt: skip
    origins = config.backtest_origins + WARM_UP
    assert memo.taken["auto_ets"] >= 2 * (origins - 1)


def test_a_country_that_has_no_calendar_is_refused() -> None:
    config = CONFIG.model_copy(update={"country_of_all": "Atlantis"})
    with pytest.raises(ConfigError, match="country_of_all = 'Atlantis' is no country"):
        _run(_country(), config=config)
