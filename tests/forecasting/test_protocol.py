"""The hit rate of a published study against plain Python, and what must hold of it and of the honest figures."""

from __future__ import annotations

import datetime as dt
import statistics
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from forecasting_worlds import START, file_series
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.backtest import WARM_UP
from forecasting.files import backtest_file
from forecasting.protocol import SCHEMA, WINDOWS, averages, hit_rate, hit_rates
from forecasting.tasks import read_tasks

WALKS = st.lists(st.floats(-1, 1, allow_nan=False), min_size=40, max_size=120)


def _days(length: int) -> list[dt.date]:
    return [START + dt.timedelta(days=day) for day in range(length)]


def _truth(values: list[float], *, target: str = "a") -> pl.DataFrame:
    return pl.DataFrame({"target": target, "time_value": _days(len(values)), "value": values})


def _forecast(values: list[float], *, target: str = "a") -> pl.DataFrame:
    return _truth(values, target=target).rename({"value": "predicted"}).with_columns(model_id=pl.lit("m"))


def _rates(predicted: list[float], *, observed: list[float]) -> pl.DataFrame:
    return hit_rates(_forecast(predicted), truth=_truth(observed))


def _reference_peaks(values: list[float]) -> list[int]:
    """Days of peaks of the slope of the centred mean, with a prominence above the 80th percentile."""
    days = range(len(values))
    mean = [
        statistics.fmean(near) if len(near := values[max(day - 3, 0) : day + 4]) >= 4 else None
        for day in days
    ]
    slope = [
        (mean[min(d + 1, days[-1])] - mean[max(d - 1, 0)]) / (1 if d in (0, days[-1]) else 2) for d in days
    ]
    tops = [d for d in days[1:-1] if slope[d - 1] < slope[d] > slope[d + 1]]
    sizes = []
    for top in tops:
        lowest = []
        for side in (range(top - 1, -1, -1), range(top + 1, len(values))):
            floor = slope[top]
            for day in side:
                if slope[day] > slope[top]:
                    break
                floor = min(floor, slope[day])
            lowest.append(floor)
        sizes.append(slope[top] - max(lowest))
    least = statistics.quantiles(sizes, n=5, method="inclusive")[3]
    return [top for top, size in zip(tops, sizes, strict=True) if size > least + 1e-9]


def test_the_hit_rate_is_that_of_plain_python() -> None:
    rng = np.random.default_rng(4)
    observed = np.cumsum(rng.normal(size=90)).tolist()
    predicted = [
        value + noise
        for value, noise in zip(observed[-1:] + observed[:-1], rng.normal(0, 0.4, 90), strict=True)
    ]
    tops, alarms = _reference_peaks(observed), _reference_peaks(predicted)
    assert len(tops) >= 3
    for row in _rates(predicted, observed=observed).iter_rows(named=True):
        within = row["window_days"]
        hit = [any(abs(top - alarm) <= within for alarm in alarms) for top in tops]
        apart = len(observed) // len(alarms)
        calendar = [
            any(abs(top - (k * len(observed) // len(alarms) + first)) <= within for k in range(len(alarms)))
            for first in range(apart)
            for top in tops
        ]
        assert (row["n_peaks"], row["n_alarms"]) == (len(tops), len(alarms))
        assert row["hit_rate"] == pytest.approx(statistics.fmean(hit))
        assert row["calendar_hit_rate"] == pytest.approx(statistics.fmean(calendar))


def test_a_hit_is_an_alarm_on_either_side() -> None:
    tops, alarms = np.array([10, 20, 40]), np.array([12, 17])
    assert [hit_rate(tops, alarms=alarms, within=within) for within in WINDOWS] == [1 / 3, 2 / 3, 2 / 3]
    assert hit_rate(tops, alarms=alarms[:0], within=7) == 0.0
    assert np.isnan(hit_rate(tops[:0], alarms=alarms, within=7))


@given(observed=WALKS, predicted=WALKS)
@settings(max_examples=25, deadline=None)
def test_rates_are_shares_and_grow_with_the_window(observed: list[float], predicted: list[float]) -> None:
    length = min(len(observed), len(predicted))
    found = _rates(predicted[:length], observed=observed[:length]).sort("window_days")
    for name in ("hit_rate", "calendar_hit_rate", "precision", "recall", "f1", "calendar_f1"):
        values = found[name].drop_nulls()
        assert values.is_between(0.0, 1.0).all()
        assert (values.diff().drop_nulls() >= -1e-12).all()


@given(observed=WALKS)
@settings(max_examples=25, deadline=None)
def test_a_perfect_forecast_hits_every_peak(observed: list[float]) -> None:
    found = _rates(observed, observed=observed)
    assert set(found["hit_rate"].drop_nulls()) <= {1.0}
    assert set(found["f1"].drop_nulls()) <= {1.0}
    assert (found["hit_rate"].is_null() == (found["n_peaks"] == 0)).all()


def test_an_alarm_after_its_peak_is_a_hit_of_the_study_but_not_an_honest_one() -> None:
    rng = np.random.default_rng(8)
    observed = np.cumsum(rng.normal(size=300)).tolist()
    late = [observed[0]] * 2 + observed[:-2]
    found = _rates(late, observed=observed).filter(pl.col("window_days") == 2).row(0, named=True)
    assert found["hit_rate"] >= 0.8
    assert found["recall"] <= 0.2
    early = _rates(observed[2:] + observed[-1:] * 2, observed=observed).filter(pl.col("window_days") == 2)
    assert early["recall"].item() >= 0.8


def test_series_are_judged_one_by_one_on_the_days_that_have_both() -> None:
    rng = np.random.default_rng(2)
    first, second = (np.cumsum(rng.normal(size=100)).tolist() for _ in range(2))
    truth = pl.concat([_truth(first), _truth(second, target="b")])
    forecasts = pl.concat([_forecast(first).head(70), _forecast(second, target="b")])
    found = hit_rates(forecasts, truth=truth)
    assert found.schema == SCHEMA
    assert found.filter(pl.col("target") == "a").equals(_rates(first[:70], observed=first[:70]))
    assert hit_rates(forecasts, truth=truth.clear()).is_empty()
    told = averages(found)
    assert told["hit_rate"].to_list() == [1.0, 1.0, 1.0]
    assert told["n_series"].to_list() == [2, 2, 2]


def test_a_backtest_joins_the_medians_of_the_scored_origins() -> None:
    """A task with peaks has them beside the same scores; the median ahead is what the errors were taken of."""
    series = file_series(series=2, days=150)
    plan = replace(read_tasks()["argentina_protocol_14"], models=("flat_line", "window_mean"), part=0.6)
    found = backtest_file(series, plan=plan)
    assert found.peaks is not None
    assert set(found.peaks["model_id"]) == {"flat_line", "window_mean", "ensemble", "ensemble_median"}
    assert set(found.peaks["target"]) == {"s0", "s1"}
    without = backtest_file(series, plan=replace(plan, peaks=False))
    assert without.peaks is None
    assert without.scores.equals(found.scores)
    assert WARM_UP == 3
