"""Public holidays are expected from their second year on, and nothing later than a day enters its verdict."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forecasting.alerts.holidays import holiday_effects, shifted, without_holidays
from forecasting.alerts.series_file import alerts_file
from warehouse.errors import InputError

LAST = dt.date(2023, 12, 31)
DAYS = 1095
FIRST = LAST - dt.timedelta(days=DAYS - 1)
CHRISTMAS = [dt.date(year, 12, 25) for year in (2021, 2022, 2023)]


def _table(*, place: str | None, height: float = 1.4, until: dt.date = LAST) -> pl.DataFrame:
    """Eight series of counts near 200 in which Christmas is `height` times as high as other days."""
    rng = np.random.default_rng(0)
    days = [FIRST + dt.timedelta(days=k) for k in range(DAYS)]
    parts = []
    for k in range(8):
        mean = np.array([200 * (height if day in CHRISTMAS else 1.0) for day in days])
        value = rng.negative_binomial(mean / 2, 1 / 3)
        parts.append(pl.DataFrame({"series_id": f"s{k}", "time_value": days, "value": value}))
    table = pl.concat(parts).filter(pl.col("time_value") <= until)
    return table if place is None else table.with_columns(place=pl.lit(place))


def _on(judged: pl.DataFrame, day: dt.date) -> pl.DataFrame:
    return judged.filter(pl.col("time_value") == day)


@pytest.fixture(scope="module")
def judged() -> dict[str | None, pl.DataFrame]:
    return {place: alerts_file(_table(place=place)) for place in (None, "GB")}


def test_a_known_holiday_is_expected_and_an_unknown_one_alarms(
    judged: dict[str | None, pl.DataFrame],
) -> None:
    unknown, known = (_on(judged[place], CHRISTMAS[-1]) for place in (None, "GB"))
    assert unknown["alarm"].sum() >= 4
    assert known["alarm"].sum() <= 2
    assert known["expected"].mean() > 1.2 * unknown["expected"].mean()  # type: ignore[operator]
    assert known["observed"].equals(unknown["observed"])


def test_a_first_holiday_has_no_past_to_be_expected_from(judged: dict[str | None, pl.DataFrame]) -> None:
    assert _on(judged["GB"], CHRISTMAS[0])["alarm"].sum() >= 4


def test_ordinary_days_before_the_first_repeat_are_judged_the_same(
    judged: dict[str | None, pl.DataFrame],
) -> None:
    early = pl.col("time_value") < dt.date(2021, 12, 1)
    assert judged[None].filter(early).equals(judged["GB"].filter(early))


def test_no_day_sees_what_came_after_it() -> None:
    cut = dt.date(2023, 12, 25)
    whole = alerts_file(_table(place="GB")).filter(pl.col("time_value") <= cut)
    assert_frame_equal(alerts_file(_table(place="GB", until=cut)), whole, rel_tol=1e-9)


def test_a_holiday_that_lowers_is_expected_too() -> None:
    found = _on(alerts_file(_table(place="GB", height=0.6)), CHRISTMAS[-1])
    assert (found["expected"] < 170).all()


def test_an_unknown_country_is_named_as_such() -> None:
    with pytest.raises(InputError, match="in no country with a calendar"):
        alerts_file(_table(place="ZZ"))


def test_shares_move_and_come_back() -> None:
    values, people = np.array([[0.1, np.nan, 0.0, 1.0]]), np.full((1, 4), 500.0)
    effects = np.array([[0.5, 0.5, 0.0, -0.3]])
    moved = without_holidays(values, trials=people, effects=effects)
    assert moved[0, 0] < 0.1
    assert (moved[0, 2], np.isnan(moved[0, 1])) == (0.0, True)
    back = shifted(moved, trials=people, by=effects)
    assert back[0, [0, 2]] == pytest.approx(values[0, [0, 2]])


def test_without_places_nothing_is_looked_up() -> None:
    effects = holiday_effects(np.ones((2, 30)), trials=None, places=[None, None], last=LAST, frequency="day")
    assert not effects.any()


def test_the_days_of_one_holiday_teach_nothing_about_each_other() -> None:
    """A doubling over the first four days of a feast that was never seen before."""
    last = dt.date(2023, 12, 31)
    days = [last - dt.timedelta(days=364 - k) for k in range(365)]
    feast = [dt.date(2023, 4, day) for day in (21, 22, 23)]
    values = np.array([[200.0 if day in feast else 100.0 for day in days]])
    effects = holiday_effects(values, trials=None, places=["TR"], last=last, frequency="day")
    assert not effects[0, [days.index(day) for day in feast]].any()


def test_a_series_in_two_places_is_refused() -> None:
    table = _table(place="GB").with_columns(
        place=pl.when(pl.col("time_value") > CHRISTMAS[1]).then(pl.lit("US")).otherwise("place")
    )
    with pytest.raises(InputError, match="8 of 8 series name more than one place"):
        alerts_file(table)


def test_series_may_be_numbered() -> None:
    table = _table(place="GB").with_columns(series_id=pl.col("series_id").str.slice(1).cast(pl.Int64))
    cut = table.filter(pl.col("time_value") <= dt.date(2021, 3, 1))
    assert set(alerts_file(cut)["series_id"]) == {str(k) for k in range(8)}
