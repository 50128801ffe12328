"""Growth of counts: finds growth that lasts, claims nothing of flat, weekly or wandering levels, says what it lacks."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from comovement_worlds import FIRST, Floats, fading
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.contagion.comovement import growth_rows
from forecasting.contagion.growth import HISTORY, MOST_SUSTAINED, SUSTAINED, WINDOW, growth
from forecasting.contagion.growth_fit import WIDTH, combinations, fit_growth

DAYS = HISTORY + MOST_SUSTAINED


def _series(
    seed: int, *, series: int = 15, days: int = DAYS, rate: float = 0.0, level: float = 100.0
) -> tuple[Floats, Floats]:
    """Negative-binomial counts with variance 3 x mean and a week, growing in the last 28 days; and people."""
    rng, day = np.random.default_rng(seed), np.arange(days)
    log_level = np.log(level) + rng.normal(0, 0.15, (series, 7))[:, day % 7]
    log_level = log_level + rate * np.maximum(day - (days - WINDOW - 1), 0)
    people = np.round(2000 * np.exp(rng.normal(0, 0.3, (series, days))))
    mean = np.exp(log_level) * people / 2000
    return rng.negative_binomial(mean / 2, 1 / 3).astype(np.float64), people


def test_growth_of_three_in_a_hundred_a_day_is_found_and_measured() -> None:
    made = growth(*_series(1, rate=0.03))
    assert (made["verdict"] == "growing").mean() >= 0.8
    assert made["rate"].mean() == pytest.approx(0.03, abs=0.003)
    inside = (made["rate_low"] <= 0.03) & (made["rate_high"] >= 0.03)
    assert inside.mean() >= 0.9
    assert (made["sustained_days"] >= SUSTAINED).equals(made["verdict"] == "growing")


def test_a_decline_is_called_falling() -> None:
    made = growth(*_series(2, rate=-0.03))
    assert (made["verdict"] == "falling").mean() >= 0.8
    assert made["rate"].mean() < -0.025


def test_a_flat_level_is_steady() -> None:
    made = growth(*_series(3, series=60))
    assert (made["verdict"] == "steady").all()
    assert made["rate"].abs().mean() < 0.01


def test_a_level_that_wanders_by_itself_is_mostly_steady() -> None:
    rng = np.random.default_rng(4)
    wander = fading(rng.normal(0, 0.12, (60, DAYS)), kept=0.8)
    people = np.full((60, DAYS), 1000.0)
    counts = rng.poisson(100 * np.exp(wander)).astype(np.float64)
    assert (growth(counts, people)["verdict"] != "steady").mean() <= 0.06


def test_more_people_are_not_growth() -> None:
    rng = np.random.default_rng(5)
    people = np.tile(1000 * 1.03 ** np.arange(DAYS).clip(DAYS - 28) / 1.03 ** (DAYS - 28), (6, 1))
    counts = rng.poisson(people / 10).astype(np.float64)
    assert (growth(counts, people)["verdict"] == "steady").all()
    alone = growth(counts, np.ones_like(people))
    assert (alone["verdict"] == "growing").all()


def test_growth_that_began_a_few_days_ago_is_not_yet_sustained() -> None:
    counts, people = _series(6, series=8)
    counts[:, -4:] = np.round(counts[:, -4:] * 4)
    made = growth(counts, people)
    assert (made["sustained_days"] < SUSTAINED).all()
    assert (made["verdict"] == "steady").all()


def test_sustained_days_are_those_on_which_the_fit_of_that_day_says_the_same() -> None:
    counts, people = _series(7, series=3, days=70, rate=0.025)
    made = growth(counts, people)
    learned = growth_evidence(counts, people)
    for row in range(3):
        days = 0
        for back in range(MOST_SUSTAINED):
            window = slice(70 - WINDOW - back, 70 - back)
            fit = fit_growth(counts[[row], window], people[[row], window], learned=learned[[row]])
            if fit.rate[0] - WIDTH * fit.error[0] <= 0:
                break
            days += 1
        assert made["sustained_days"][row] == days


def growth_evidence(counts: Floats, people: Floats) -> Floats:
    """What the one earlier window that 70 days hold says."""
    window = slice(70 - 35 - WINDOW, 70 - 35)
    return fit_growth(counts[:, window], people[:, window]).evidence


def test_a_single_combination_is_generalised_least_squares() -> None:
    """With one combination, large counts and no weekday, the rate is the textbook estimate on the log scale."""
    rng = np.random.default_rng(8)
    day = np.arange(WINDOW)
    counts = rng.poisson(np.exp(12 + 0.02 * day))[None].astype(np.float64)
    people = np.ones_like(counts)
    one = np.full((1, len(combinations())), -1e9)
    chosen = combinations().index((0.03, 0.1, 0.7))
    one[0, chosen] = 0.0
    fit = fit_growth(counts, people, learned=one)
    apart = np.abs(np.subtract.outer(day, day))
    covariance = 0.03 * np.eye(WINDOW) + 0.01 * 0.7**apart + 0.09 * (apart % 7 == 0) + np.diag(1 / counts[0])
    design = np.column_stack([np.ones(WINDOW), day])
    information = design.T @ np.linalg.solve(covariance, design)
    slopes = np.linalg.solve(information, design.T @ np.linalg.solve(covariance, np.log(counts[0])))
    assert fit.rate[0] == pytest.approx(slopes[1], abs=1e-5)
    assert fit.error[0] == pytest.approx(np.sqrt(np.linalg.inv(information)[1, 1]), rel=1e-3)


def test_unknown_days_carry_no_weight() -> None:
    counts, people = _series(9, series=5)
    counts[:, -10] = np.nan
    odd = people.copy()
    odd[:, -10] = np.nan
    wrong = counts.copy()
    wrong[:, -10] = 1e6
    made = growth(counts, people)
    assert made.equals(growth(wrong, odd))
    assert made["n_days"].to_list() == [27] * 5


@pytest.mark.parametrize(
    ("days", "level", "reason"), [(20, 100.0, "too_few_days"), (60, 1.0, "too_few_events")]
)
def test_what_cannot_be_fitted_is_unknown_with_its_reason(days: int, level: float, reason: str) -> None:
    made = growth(*_series(10, series=3, days=days, level=level))
    assert made["verdict"].to_list() == ["unknown"] * 3
    assert made["reason"].to_list() == [reason] * 3
    assert made["rate"].null_count() == 3
    assert made["sustained_days"].to_list() == [0] * 3


def test_no_series_give_no_rows() -> None:
    assert growth(np.zeros((0, 40)), np.zeros((0, 40))).is_empty()


@settings(max_examples=15, deadline=None)
@given(
    level=st.floats(0.0, 3000.0),
    holes=st.integers(0, 30),
    zeros=st.integers(0, 30),
    seed=st.integers(0, 10_000),
)
def test_every_series_has_either_a_rate_within_its_interval_or_a_reason(
    level: float, holes: int, zeros: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(level, (2, 60)).astype(np.float64)
    counts[0, rng.integers(0, 60, holes)] = np.nan
    counts[1, rng.integers(0, 60, zeros)] = 0.0
    row = growth(counts, np.full((2, 60), 3000.0))
    rated = row["reason"].is_null()
    inside = (row["rate_low"] <= row["rate"]) & (row["rate"] <= row["rate_high"])
    assert inside.equals(pl.Series(rated).replace_strict({True: True, False: None}, return_dtype=pl.Boolean))
    assert ((row["verdict"] == "unknown") == ~rated).all()


def _cells(values: list[float], *, people: list[float | None], kind: str = "share") -> pl.DataFrame:
    days = [FIRST + dt.timedelta(days=k) for k in range(len(values))]
    return pl.DataFrame(
        {"time_value": days, "value": values, "n": people, "sample_size": people},
        schema_overrides={"n": pl.Float64, "sample_size": pl.Float64},
    ).with_columns(
        pl.lit("fear").alias("signal"), pl.lit("all").alias("population"), pl.lit("nation").alias("geo_type"),
        pl.lit("GB").alias("location"), pl.lit(kind).alias("kind"),
    )  # fmt: skip


def test_rows_of_a_table_say_where_and_when_and_the_fewest_people() -> None:
    people: list[float | None] = [500.0] * 40
    people[35] = 80.0
    last = FIRST + dt.timedelta(days=39)
    row = growth_rows(_cells([0.1] * 40, people=people), last_day=last, window_end=last).row(0, named=True)
    assert (row["location"], row["window_end"], row["window_start"]) == (
        "GB",
        last,
        last - dt.timedelta(days=27),
    )
    assert (row["sample_size"], row["n_days"], row["verdict"]) == (80, 28, "steady")


def test_shares_count_people_and_an_index_counts_nothing() -> None:
    last = FIRST + dt.timedelta(days=39)
    few = growth_rows(_cells([0.01] * 40, people=[100.0] * 40), last_day=last, window_end=last)
    assert few["reason"].to_list() == ["too_few_events"]
    index = _cells([0.01] * 40, people=[None] * 40, kind="index")
    assert growth_rows(index, last_day=last, window_end=last).is_empty()
    counts = growth_rows(
        _cells([20.0] * 40, people=[None] * 40, kind="count"), last_day=last, window_end=last
    )
    assert counts["verdict"].to_list() == ["steady"]
    assert counts["sample_size"].to_list() == [None]
