"""The weekly budget of false alerts lowers the chance per test, and never raises it."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from forecasting.alerts.budget import budget_note, weekly_tests, within_budget
from warehouse.config import AlertsConfig

DAY = dt.date(2024, 3, 1)


def _cells(daily: int, *, weekly: int = 0, stale: int = 0) -> pl.DataFrame:
    kinds = [("day", 0)] * daily + [("week", 5)] * weekly + [("day", 9)] * stale
    rows = [
        {"signal": f"s{k}", "time_type": kind, "time_value": DAY - dt.timedelta(days=age)}
        for k, (kind, age) in enumerate(kinds)
    ]
    fixed = {"population": "all", "geo_type": "nation", "geo_value": "GB", "direction": "higher_is_worse"}
    return pl.DataFrame(rows).with_columns(pl.lit(value).alias(name) for name, value in fixed.items())


def test_a_daily_series_counts_seven_times_a_weekly_one_once_and_an_old_one_not() -> None:
    assert weekly_tests(_cells(10, weekly=4, stale=3)) == 74


@pytest.mark.parametrize(("budget", "alpha"), [(None, 0.01), (0.35, 0.0005), (1000.0, 0.01)])
def test_the_expected_number_of_false_alerts_stays_within_the_budget(
    budget: float | None, alpha: float
) -> None:
    config = AlertsConfig(budget_per_week=budget)
    assert within_budget(_cells(100), config=config).alpha == pytest.approx(alpha)


def test_the_receipt_says_what_the_budget_did() -> None:
    assert budget_note(_cells(100), config=AlertsConfig()) == ""
    note = budget_note(_cells(100), config=AlertsConfig(budget_per_week=0.35))
    assert "0.35 false alerts a week over 700 tests" in note
    assert "alpha 0.0005" in note
