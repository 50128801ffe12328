"""The weekly budget of false alerts lowers the chance per test, and never raises it."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from forecasting.alerts.budget import night_notes, night_tests, weekly_tests, within_budget
from forecasting.alerts.cells import candidates
from warehouse.config import AlertsConfig
from warehouse.tables import TABLES, empty

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


def test_a_series_with_a_season_is_tested_for_rises_too() -> None:
    longer = [_cells(1).with_columns(pl.col("time_value") - pl.duration(days=back)) for back in range(308)]
    assert weekly_tests(pl.concat(longer)) == 14
    assert weekly_tests(pl.concat(longer[:-1])) == 7


@pytest.mark.parametrize(("budget", "alpha"), [(None, 0.01), (0.35, 0.0005), (1000.0, 0.01)])
def test_the_expected_number_of_false_alerts_stays_within_the_budget(
    budget: float | None, alpha: float
) -> None:
    config = AlertsConfig(budget_per_week=budget)
    assert within_budget(_cells(100), config=config).alpha == pytest.approx(alpha)


def _night(**given: float) -> pl.DataFrame:
    found = candidates(
        pl.DataFrame(
            {
                "kind": ["prevalence_high"] * 3 + ["prevalence_rise", "contagion"],
                "time_type": ["day"] * 2 + ["week"] + ["day"] * 2,
            }
        )
    )
    return night_tests(
        found, alerts=empty(TABLES["out.alerts"]), previous=empty(TABLES["out.alerts"]),
        config=AlertsConfig(**given), issue=DAY,
    )  # fmt: skip


def test_a_night_says_how_many_false_alerts_its_tests_bring_at_most() -> None:
    rows = _night(budget_per_week=2.0).with_columns(pl.col("kind").cast(pl.String))
    high = rows.row(by_predicate=pl.col("kind") == "prevalence_high", named=True)
    assert (high["n_tests"], high["opened"], high["budget_per_week"]) == (3, 0, 2.0)
    assert high["expected_false_per_week"] == pytest.approx((2 * 7 + 1) * 0.01)
    other = rows.row(by_predicate=pl.col("kind") == "contagion", named=True)
    assert (other["alpha"], other["expected_false_per_week"]) == (None, None)


def test_the_receipt_says_what_the_budget_did() -> None:
    assert night_notes(_night().clear()) == ()
    assert night_notes(_night()) == (
        "4 tests at alpha 0.01: at most 0.22 false alerts a week (no budget is set)",
    )
    assert "(the budget is 2)" in night_notes(_night(budget_per_week=2.0))[0]
