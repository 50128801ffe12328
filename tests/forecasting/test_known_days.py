"""Holidays and announced events: their effects are learnt from the past only, and no model is told of others."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.events.calendar import SCHEMA as EVENTS
from forecasting.files import forecast_file
from forecasting.known_days import NO_DAYS, KnownDays, day_effects, known_days
from forecasting.matrix import Matrix
from warehouse.errors import InputError

LAST = dt.date(2023, 12, 20)
DAYS = 365 * 3
SPIKE = 2.0


def _matrix(values: np.ndarray, *, last: dt.date = LAST, frequency: str = "day") -> Matrix:
    return Matrix(
        ids=tuple(f"s{i}" for i in range(len(values))), reference=last, frequency=frequency, kind="index",
        values=values, n=np.full(values.shape, np.nan),
    )  # fmt: skip


def _noise(series: int = 1, *, days: int = DAYS, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.sin(2 * np.pi * np.arange(days) / 7)[None, :] + rng.normal(0, 0.1, (series, days))


def _with_christmas(values: np.ndarray, *, last: dt.date = LAST) -> np.ndarray:
    found = values.copy()
    for column in range(values.shape[1]):
        day = last - dt.timedelta(days=values.shape[1] - 1 - column)
        if (day.month, day.day) == (12, 25):
            found[:, column] += SPIKE
    return found


def _events(*rows: tuple[str, dt.date, dt.date | None]) -> pl.DataFrame:
    cells = [(f"e{i}", name, day, None, None, None, known) for i, (name, day, known) in enumerate(rows)]
    return pl.DataFrame(cells, schema=EVENTS, orient="row")


def _calendar(
    place: str | None, *, events: pl.DataFrame | None = None, ids: tuple[str, ...] = ("s0",)
) -> KnownDays:
    first, last = LAST - dt.timedelta(days=DAYS), LAST + dt.timedelta(days=30)
    return known_days(dict.fromkeys(ids, place), first=first, last=last, events=events)


def test_what_christmas_did_is_expected_of_the_next_one_and_of_no_other_day() -> None:
    values = _with_christmas(_noise())
    found = day_effects(values, matrix=_matrix(values), horizon=14, known=_calendar("GB"))
    christmas = DAYS - 1 + (dt.date(2023, 12, 25) - LAST).days
    assert found[0, christmas] == pytest.approx(SPIKE, abs=0.15)
    assert np.abs(np.delete(found[0, DAYS:], christmas - DAYS)).max() < 0.2


def test_an_effect_is_the_shrunk_mean_distance_from_the_same_weekdays_around() -> None:
    values = _with_christmas(_noise())
    found = day_effects(values, matrix=_matrix(values), horizon=0, known=_calendar("GB"))
    ours = sorted(column for column in range(DAYS) if found[0, column] > 1.0)
    away = [k * 7 for k in (-3, -2, -1, 1, 2, 3)]
    # New Year's Day and the days around it are a week after Christmas and the days around that.
    known = {(d.month, d.day) for d in _calendar("GB").frame["day"]}
    around = {DAYS - 1 - (LAST - day).days + k for day in _calendar("GB").frame["day"] for k in (-1, 0, 1)}
    distances = [
        values[0, at]
        - np.mean([values[0, at + k] for k in away if 0 <= at + k < DAYS and at + k not in around])
        for at in ours
    ]
    assert (12, 25) in known
    assert len(ours) == 3
    mean = np.mean(distances)
    assert 0.9 * mean < found[0, ours[0]] <= mean


def test_a_series_in_no_country_has_no_effects() -> None:
    values = _with_christmas(_noise())
    for known in (NO_DAYS, _calendar(None)):
        assert not day_effects(values, matrix=_matrix(values), horizon=14, known=known).any()


def test_an_event_counts_only_once_it_was_known() -> None:
    values = _noise()
    day = LAST - dt.timedelta(days=100)
    values[0, -101] += SPIKE
    coming = LAST + dt.timedelta(days=3)
    told = _calendar(None, events=_events(("strike", day, None), ("strike", coming, LAST)))
    untold = _calendar(None, events=_events(("strike", day, None), ("strike", coming, None)))
    late = _calendar(
        None, events=_events(("strike", day, None), ("strike", coming, LAST + dt.timedelta(days=1)))
    )
    effects = [day_effects(values, matrix=_matrix(values), horizon=7, known=k) for k in (told, untold, late)]
    assert effects[0][0, DAYS + 2] == pytest.approx(SPIKE, abs=0.3)
    assert not effects[1][0, DAYS:].any()
    assert np.array_equal(effects[1], effects[2])


def test_the_end_of_an_event_that_nobody_announced_is_not_known_while_it_lasts() -> None:
    values = _noise()
    values[0, -3:] += SPIKE
    begun = LAST - dt.timedelta(days=2)
    cells = [("e", "storm", begun, LAST + dt.timedelta(days=5), None, None, None)]
    event = pl.DataFrame(cells, schema=EVENTS, orient="row")
    found = day_effects(values, matrix=_matrix(values), horizon=9, known=_calendar(None, events=event))
    # The day after the newest one that is known counts as next to it; no later one does.
    assert np.flatnonzero(found[0, DAYS:]).max(initial=0) == 0
    told = event.with_columns(announced=pl.lit(begun))
    known = day_effects(values, matrix=_matrix(values), horizon=9, known=_calendar(None, events=told))
    assert (known[0, DAYS : DAYS + 5] > 1.0).all()


def test_a_holiday_of_a_lunar_calendar_has_one_name_before_and_after_it_came() -> None:
    known = known_days({"s0": "AE"}, first=dt.date(2020, 1, 1), last=dt.date(2028, 12, 31))
    names = known.frame.filter(pl.col("name").str.contains("Eid al-Fitr"))["name"].unique().to_list()
    assert names
    assert not any("estim" in name for name in names)
    years = known.frame.filter(pl.col("name") == "Eid al-Fitr")["day"].dt.year().unique().sort().to_list()
    assert years == list(range(2020, 2029))


def test_what_was_known_has_one_hash_whatever_the_span() -> None:
    spans = [(dt.date(2020, 1, 1), dt.date(2022, 6, 1)), (dt.date(2020, 1, 2), dt.date(2022, 12, 26))]
    hashes = {known_days({"s0": "GB"}, first=a, last=b).sha256 for a, b in spans}
    assert len(hashes) == 1
    assert known_days({"s0": "FR"}, first=spans[0][0], last=spans[0][1]).sha256 not in hashes
    assert known_days({"s0": None}, first=spans[0][0], last=spans[0][1]).sha256 == ""


def test_the_day_before_a_holiday_is_raised_at_the_last_step_too() -> None:
    values = _noise()
    for column in range(DAYS):
        day = LAST - dt.timedelta(days=DAYS - 1 - column)
        values[0, column] += SPIKE * ((day.month, day.day) == (12, 24))
    eve = (dt.date(2023, 12, 24) - LAST).days
    known = known_days({"s0": "GB"}, first=LAST - dt.timedelta(days=DAYS), last=dt.date(2023, 12, 24))
    found = day_effects(values, matrix=_matrix(values), horizon=eve, known=known)
    assert found[0, -1] == pytest.approx(SPIKE, abs=0.3)


def test_places_are_the_same_in_lower_case() -> None:
    event = _events(("strike", LAST - dt.timedelta(days=9), None)).with_columns(location=pl.lit("GB"))
    frames = [_calendar(place, events=event).frame for place in ("gb", "GB")]
    assert frames[0].equals(frames[1])
    assert "strike" in frames[0]["name"]


def test_a_name_without_a_past_has_no_effect() -> None:
    values = _noise()
    known = _calendar(None, events=_events(("election", LAST + dt.timedelta(days=2), LAST)))
    assert not day_effects(values, matrix=_matrix(values), horizon=7, known=known).any()


def test_a_week_takes_the_effect_of_the_holiday_in_it() -> None:
    weeks = 160
    last = dt.date(2023, 12, 17)
    rng = np.random.default_rng(1)
    values = rng.normal(0, 0.1, (1, weeks))
    for column in range(weeks):
        end = last - dt.timedelta(weeks=weeks - 1 - column)
        if any((end - dt.timedelta(days=k)).isoformat().endswith("-12-25") for k in range(7)):
            values[0, column] += SPIKE
    known = known_days(
        {"s0": "FR"}, first=last - dt.timedelta(weeks=weeks), last=last + dt.timedelta(weeks=4)
    )
    found = day_effects(values, matrix=_matrix(values, last=last, frequency="week"), horizon=4, known=known)
    assert found[0, weeks:].argmax() == 1
    assert found[0, weeks + 1] == pytest.approx(SPIKE, abs=0.3)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), days=st.integers(1, 900), gaps=st.floats(0.0, 0.9))
def test_effects_are_finite_whatever_is_missing_and_do_not_move_with_the_level(
    seed: int, days: int, gaps: float
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (2, days))
    values[rng.random((2, days)) < gaps] = np.nan
    known = _calendar("US", ids=("s0", "s1"))
    found = day_effects(values, matrix=_matrix(values), horizon=9, known=known)
    raised = day_effects(values + 5.0, matrix=_matrix(values + 5.0), horizon=9, known=known)
    assert np.isfinite(found).all()
    assert found.shape == (2, days + 9)
    assert np.allclose(found, raised, atol=1e-9)


def test_ordinary_days_that_a_calendar_calls_holidays_are_hardly_moved() -> None:
    values = _noise(40)
    known = _calendar("ES", ids=tuple(f"s{i}" for i in range(40)))
    found = day_effects(values, matrix=_matrix(values), horizon=30, known=known)
    assert np.abs(found[found != 0.0]).size < 0.2 * known.frame.height * 40 * 3
    assert np.abs(found).max() < 0.5


def _file(place: str | None) -> pl.DataFrame:
    values = _with_christmas(_noise())[0]
    days = [LAST - dt.timedelta(days=DAYS - 1 - k) for k in range(DAYS)]
    frame = pl.DataFrame({"series_id": "mood", "time_value": days, "value": values})
    return frame.with_columns(place=pl.lit(place, dtype=pl.String))


@pytest.mark.parametrize("model", ["dynamics", "auto_ets", "seasonal_naive"])
def test_every_model_of_a_file_with_places_expects_christmas(model: str) -> None:
    medians = [
        forecast_file(_file(place), horizon=7, seed=1, kind="index", model=model, origins=1)
        .forecasts.filter(pl.col("output_type_id") == 0.5)
        .sort("horizon")["value"]
        .to_numpy()
        for place in ("GB", None)
    ]
    assert medians[0][4] - medians[1][4] == pytest.approx(SPIKE, abs=0.4)
    assert np.abs(medians[0] - medians[1])[:3].max() < 0.2


def test_the_flat_line_is_told_of_no_holiday() -> None:
    made = [
        forecast_file(_file(place), horizon=7, seed=1, kind="index", model="flat_line", origins=1).forecasts
        for place in ("GB", None)
    ]
    assert made[0].equals(made[1])


@pytest.mark.parametrize("place", ["", "  "])
def test_an_empty_place_is_none(place: str) -> None:
    made = [
        forecast_file(_file(p), horizon=7, seed=1, kind="index", model="window_mean", origins=1).forecasts
        for p in (place, None)
    ]
    assert made[0].equals(made[1])


def test_a_place_without_a_calendar_is_refused_with_a_count() -> None:
    with pytest.raises(InputError, match=r"column place: 1 of 1 series .* ISO 3166 code like GB"):
        forecast_file(_file("Atlantis"), horizon=7, seed=1, kind="index", model="flat_line")
