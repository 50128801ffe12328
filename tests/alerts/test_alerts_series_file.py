"""Alerts on a plain table: rows, dates as given, past only, and errors that help."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from forecasting.alerts.series_file import OUTPUT, alerts_file
from warehouse.errors import InputError

SERIES = Path(__file__).parents[2].parent / "shared" / "data" / "series"


def _counts(days: int = 90, *, step: int = 1, name: str = "a", seed: int = 0) -> pl.DataFrame:
    dates = [dt.date(2024, 1, 1) + dt.timedelta(days=step * k) for k in range(days)]
    values = np.random.default_rng(seed).poisson(20, days)
    return pl.DataFrame({"series_id": name, "time_value": dates, "value": values})


def test_dates_come_back_as_strings_when_given_as_strings() -> None:
    table = _counts().with_columns(pl.col("time_value").cast(pl.String))
    out = alerts_file(table)
    assert out.columns == OUTPUT
    assert out["time_value"].to_list() == table["time_value"].to_list()[35:]
    assert alerts_file(_counts())["time_value"].dtype == pl.Date


def test_q_value_is_taken_across_the_series_of_a_day() -> None:
    out = alerts_file(pl.concat([_counts(), _counts(name="b", seed=1)]))
    day = out.filter(pl.col("time_value") == dt.date(2024, 3, 1))
    low = day["p_value"].min()
    assert day["q_value"].min() == pytest.approx(min(2 * low, day["p_value"].max()))  # type: ignore[operator]
    assert (out["alarm"] == (out["p_value"] <= 0.01)).all()


def test_as_of_hides_the_future() -> None:
    table, day = _counts(), dt.date(2024, 3, 10)
    full = alerts_file(table).filter(pl.col("time_value") <= day)
    np.testing.assert_allclose(alerts_file(table, as_of=day)["p_value"], full["p_value"])
    assert alerts_file(table, as_of=dt.date(2020, 1, 1)).is_empty()


def test_weeks_are_recognised() -> None:
    assert len(alerts_file(_counts(40, step=7))) == 40 - 13


def test_an_unknown_value_is_a_row_without_a_verdict() -> None:
    table = _counts().with_columns(
        pl.when(pl.col("time_value") == dt.date(2024, 3, 15)).then(None).otherwise("value").alias("value")
    )
    row = alerts_file(table).filter(pl.col("time_value") == dt.date(2024, 3, 15))
    assert row.select("observed", "p_value", "alarm").row(0) == (None, None, False)


def test_a_proportion_of_nobody_is_unknown() -> None:
    table = _counts().with_columns(pl.lit(0.2).alias("value"), pl.lit(100).alias("n"))
    table = table.with_columns(
        pl.when(pl.col("time_value") == dt.date(2024, 3, 15)).then(0).otherwise("n").alias("n")
    )
    out = alerts_file(table)
    assert out.filter(pl.col("p_value").is_null())["time_value"].to_list() == [dt.date(2024, 3, 15)]
    assert not out["alarm"].any()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.drop("value"), "no column value"),
        (lambda t: pl.concat([t, t]), "180 rows share"),
        (lambda t: t.with_columns(pl.col("value") * 1.5), "add a column n"),
        (lambda t: t.with_columns(n=pl.lit(10)), "outside 0–1"),
        (lambda t: t.with_columns(time_value=pl.lit("soon")), "not dates"),
        (lambda t: t.with_columns(time_value=pl.int_range(pl.len())), "expected dates"),
        (lambda t: t.with_columns(value=pl.lit("x")), "expected numbers"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(change, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=says):
        alerts_file(change(_counts()))


def test_weekly_series_must_share_a_weekday() -> None:
    shifted = _counts(40, step=7, name="b").with_columns(pl.col("time_value") + pl.duration(days=1))
    with pytest.raises(InputError, match="different weekdays"):
        alerts_file(pl.concat([_counts(40, step=7), shifted]), frequency="week")


@pytest.mark.real_data
@pytest.mark.skipif(not SERIES.exists(), reason="the shared data folder is not beside the checkout")
def test_a_real_daily_share_alarms_rarely() -> None:
    with gzip.open(SERIES / "twitter_emotion_daily_by_country.csv.gz") as file:
        table = pl.read_csv(file.read(), try_parse_dates=True)
    year = table.filter(
        pl.col("date").is_between(dt.date(2015, 1, 1), dt.date(2015, 12, 31)), pl.col("total") > 0
    )
    series = year.select(
        pl.concat_str("country", "emotion").alias("series_id"),
        pl.col("date").alias("time_value"),
        (pl.col("n") / pl.col("total")).alias("value"),
        pl.col("total").alias("n"),
    )
    out = alerts_file(series)
    assert out["series_id"].n_unique() == series["series_id"].n_unique()
    assert out["alarm"].mean() < 0.06  # type: ignore[operator]
