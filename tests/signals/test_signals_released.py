"""out.signals: 7-day averages from published days only, gaps kept, and an account of what was held back."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
from signal_worlds import Night, crowd, day, posts, run_night, settings

from warehouse.config import Config, DisclosureConfig
from warehouse.released import trailing_mean
from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.vintages import latest

OUT = TABLES["out.signals"]
ANGER = "model_anger_share"


def daily(
    values: dict[int, float | None], *, people: int = 100, unknown: tuple[int, ...] = ()
) -> pl.DataFrame:
    """Published days of one series; None is a suppressed day, an absent number a day without a row."""
    rows = [
        {
            "signal": ANGER, "population": "all", "geo_type": "all", "geo_value": "all", "time_type": "day",
            "time_value": day(number), "issue": day(40), "value": value, "se": None if value is None else 0.04,
            "sample_size": None if value is None or number in unknown else people + 5 * number,
            "n_posts": None if value is None else 200, "value_unweighted": value, "value_corrected": None,
            "corrected_se": None, "reliability": "suppressed" if value is None else "moderate",
            "missing_value": 3 if value is None else 0, "missing_se": 0, "missing_sample_size": 0,
            "vintage": "real", "people_unknown": number in unknown,
        }
        for number, value in values.items()
    ]  # fmt: skip
    return OUT.schema.cast(pl.DataFrame(rows, infer_schema_length=None).select(OUT.columns))


def averaged(frame: pl.DataFrame, config: Config | None = None) -> dict[dt.date, dict[str, object]]:
    return {row["time_value"]: row for row in trailing_mean(frame, config=config or settings()).to_dicts()}


def test_the_average_is_over_the_published_days_of_the_last_seven() -> None:
    values: dict[int, float | None] = {n: n / 20 for n in range(10)} | {5: None}
    rows = averaged(daily(values))
    assert rows[day(9)]["value"] == pytest.approx((3 + 4 + 6 + 7 + 8 + 9) / 6 / 20, abs=1e-6)
    assert rows[day(9)]["sample_size"] == 115
    assert rows[day(9)]["n_posts"] == 1200


@pytest.mark.parametrize(("people", "expected"), [(680, 0.04 / 6**0.5), (340, 0.04 / 3**0.5), (130, 0.04)])
def test_the_error_of_an_average_grows_with_how_often_the_same_people_post(
    people: int, expected: float
) -> None:
    """The week's six published days count 680 people: everybody once, twice, or nearly always."""
    values: dict[int, float | None] = dict.fromkeys(range(10), 0.3) | {5: None}
    week = daily({6: 0.3}).with_columns(
        time_type=pl.lit("week", dtype=OUT.schema.columns()["time_type"].dtype),
        sample_size=pl.lit(people, pl.Int64),
    )
    found = averaged(pl.concat([daily(values), week]))[day(9)]["se"]
    assert found == pytest.approx(expected, rel=0.07)
    assert averaged(daily(values))[day(9)]["se"] == pytest.approx(0.04)


def test_fewer_than_the_minimum_of_days_gives_no_average_and_says_so() -> None:
    rows = averaged(daily(dict.fromkeys(range(5), 0.2)))
    assert [rows[day(n)]["value"] for n in range(5)] == [None, None, None, 0.2, 0.2]
    assert rows[day(2)]["reliability"] == "suppressed"
    assert rows[day(2)]["missing_value"] == 3
    strict = averaged(daily(dict.fromkeys(range(7), 0.2)), settings(minimum_days_of_seven=7))
    assert [rows_day["value"] for rows_day in strict.values()] == [None] * 6 + [0.2]


def test_a_day_without_a_row_gets_none() -> None:
    assert set(averaged(daily({0: 0.1, 1: 0.1, 2: 0.1, 3: 0.1, 6: 0.1}))) == {day(n) for n in (0, 1, 2, 3, 6)}


def test_a_suppressed_day_has_an_average_of_the_other_days() -> None:
    rows = averaged(daily(dict.fromkeys(range(6), 0.3) | {6: None}))
    assert rows[day(6)]["value"] == pytest.approx(0.3)


def test_old_values_leave_no_trace_in_an_average() -> None:
    """A rolling sum of floats remembers what it dropped; a published average must not."""
    long = averaged(daily({n: (n * 37 % 100) / 105 for n in range(30)}))
    short = averaged(daily({n: (n * 37 % 100) / 105 for n in range(23, 30)}))
    assert long[day(29)]["value"] == short[day(29)]["value"]
    assert long[day(29)]["se"] == short[day(29)]["se"]


def test_an_average_that_holds_days_without_people_has_no_people_either() -> None:
    row = averaged(daily(dict.fromkeys(range(7), 0.3), unknown=(3,)))[day(6)]
    assert (row["sample_size"], row["people_unknown"], row["reliability"]) == (None, True, "low")
    assert row["missing_sample_size"] == 1


def test_tiers_of_averages_follow_the_configuration() -> None:
    config = Config(disclosure=DisclosureConfig(high_reliability=400))
    assert (
        averaged(daily(dict.fromkeys(range(7), 0.3), people=300), config)[day(6)]["reliability"] == "moderate"
    )
    assert averaged(daily(dict.fromkeys(range(7), 0.3), people=300))[day(6)]["reliability"] == "high"


def test_what_is_released_matches_its_contract_and_accounts_for_every_cell(store: Store) -> None:
    rows = crowd(80, days=range(14), received=day(14)) + crowd(
        20, days=range(14), received=day(14), place="US-NY"
    )
    run_night(store, Night(issue=day(14), arrivals=posts(rows, received=day(14))))
    out = latest(store.read(OUT))
    OUT.schema.validate(out)
    plain = out.filter(~pl.col("signal").str.ends_with("_7dav"))
    counts = dict(store.read(TABLES["out.accounting"]).select("reason", "n").iter_rows())
    assert counts["published"] == plain["value"].is_not_null().sum()
    assert sum(counts.values()) == plain.height == store.count(TABLES["core.signals"])
    assert counts["suppressed_people_floor"] == plain.filter(pl.col("geo_value") == "US-NY").height
    # The nation less the one region left would be the hidden region.
    california = plain.filter(pl.col("geo_value") == "US-CA")
    assert california["value"].is_null().all()


def test_the_average_uses_nothing_that_was_not_published(store: Store) -> None:
    rows = crowd(80, days=range(5), received=day(7)) + crowd(30, days=range(5, 7), received=day(7), hits=30)
    config = settings(levels=("region",))
    run_night(store, Night(issue=day(7), arrivals=posts(rows, received=day(7)), config=config))
    last = latest(store.read(OUT)).filter(pl.col("signal") == f"{ANGER}_7dav", pl.col("time_value") == day(6))
    assert last.select("value", "sample_size").row(0) == (pytest.approx(0.5), 80)


def test_an_average_without_any_published_day_gets_no_row_but_its_day_does(store: Store) -> None:
    rows = crowd(30, days=range(7), received=day(7), hits=30)
    run_night(
        store, Night(issue=day(7), arrivals=posts(rows, received=day(7)), config=settings(levels=("region",)))
    )
    names = latest(store.read(OUT)).filter(pl.col("time_type") == "day")["signal"].unique()
    assert ANGER in names.to_list()
    assert f"{ANGER}_7dav" not in names.to_list()
