"""What becomes a series, and what was known when."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from forecasting_worlds import START, file_series, signal_frame

from forecasting.series import SeriesSpec, daily_ids, panel_matrix, reference_date, series_as_of

LAST = START + dt.timedelta(days=59)


def _spec(**changes: object) -> SeriesSpec:
    given = {
        "reporting_lag_days": 1,
        "people_floor": 50,
        "minimum_history": 14,
        "max_series": 10,
        "start": START,
    }
    return SeriesSpec(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def signals() -> pl.DataFrame:
    return signal_frame(file_series(days=60), time_type="day", issue=None)


def test_only_what_was_issued_by_the_day_is_known(signals: pl.DataFrame) -> None:
    panel = series_as_of(signals, as_of=START + dt.timedelta(days=30), time_type="day", spec=_spec())
    assert panel.long["time_value"].max() == START + dt.timedelta(days=29)
    assert not panel.pseudo_real_time


def test_a_later_revision_does_not_reach_back(signals: pl.DataFrame) -> None:
    revised = signals.with_columns(
        pl.lit(LAST + dt.timedelta(days=30)).alias("issue"), pl.lit(0.99).alias("value")
    )
    both = pl.concat([signals, revised])
    before = series_as_of(both, as_of=LAST, time_type="day", spec=_spec()).long
    assert before.equals(series_as_of(signals, as_of=LAST, time_type="day", spec=_spec()).long)


def test_assumed_history_counts_as_known_after_the_lag_and_says_so() -> None:
    issue = LAST + dt.timedelta(days=100)
    assumed = signal_frame(file_series(days=60), time_type="day", issue=issue, vintage="assumed")
    panel = series_as_of(
        assumed, as_of=START + dt.timedelta(days=30), time_type="day", spec=_spec(reporting_lag_days=2)
    )
    assert panel.long["time_value"].max() == START + dt.timedelta(days=28)
    assert panel.pseudo_real_time


def test_history_of_a_signal_that_comes_later_than_others_counts_as_known_after_its_own_lag() -> None:
    issue = LAST + dt.timedelta(days=100)
    assumed = signal_frame(file_series(days=60), time_type="day", issue=issue, vintage="assumed")
    late = dict.fromkeys(assumed["signal"].unique().to_list()[:1], 9)
    panel = series_as_of(assumed, as_of=START + dt.timedelta(days=30), time_type="day", spec=_spec(lags=late))
    newest = panel.long.join(panel.keys, on="series_id").filter(pl.col("signal").is_in(list(late)))
    assert newest["time_value"].max() == START + dt.timedelta(days=21)


def test_small_samples_and_missing_values_become_explicit_gaps(signals: pl.DataFrame) -> None:
    day = START + dt.timedelta(days=20)
    few = pl.when(pl.col("time_value") == day).then(49).otherwise(pl.col("sample_size")).alias("sample_size")
    panel = series_as_of(signals.with_columns(few), as_of=LAST, time_type="day", spec=_spec())
    gap = panel.long.filter(pl.col("time_value") == day)
    assert gap.height == 3
    assert gap["value"].null_count() == 3


def test_the_largest_samples_are_kept_and_the_others_named(signals: pl.DataFrame) -> None:
    size = (
        pl.when(pl.col("geo_value") == "s1").then(9000).otherwise(pl.col("sample_size")).alias("sample_size")
    )
    panel = series_as_of(signals.with_columns(size), as_of=LAST, time_type="day", spec=_spec(max_series=1))
    assert panel.keys["geo_value"].to_list() == ["s1"]
    assert len(panel.skipped) == 2


def test_short_series_are_not_series(signals: pl.DataFrame) -> None:
    panel = series_as_of(signals, as_of=START + dt.timedelta(days=10), time_type="day", spec=_spec())
    assert panel.ids == ()
    assert panel.long.is_empty()


def test_weeks_end_on_sunday() -> None:
    assert reference_date(dt.date(2024, 5, 15), time_type="week") == dt.date(2024, 5, 12)
    assert reference_date(dt.date(2024, 5, 12), time_type="week") == dt.date(2024, 5, 12)


def test_a_sparse_series_is_not_daily(signals: pl.DataFrame) -> None:
    sparse = signals.filter((pl.col("geo_value") != "s2") | (pl.col("time_value").dt.day() % 2 == 0))
    panel = series_as_of(sparse, as_of=LAST, time_type="day", spec=_spec())
    daily = daily_ids(panel, reporting_lag_days=1)
    assert [name.rsplit("|", 1)[1] for name in daily] == ["s0", "s1"]


def test_the_array_ends_at_the_reference_with_unknown_days_empty(signals: pl.DataFrame) -> None:
    panel = series_as_of(signals, as_of=LAST, time_type="day", spec=_spec())
    matrix = panel_matrix(panel, ids=panel.ids, start=START)
    assert matrix.values.shape == (3, 60)
    known = panel.long.filter(pl.col("series_id") == panel.ids[0])["value"].to_list()
    assert matrix.values[0, :59].tolist() == known
    assert matrix.values[0, 59] != matrix.values[0, 59]
