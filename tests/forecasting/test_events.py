"""The crisis calendar: what is read, what an event is said to have moved, and how often chance is taken for it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from forecasting.events.calendar import SCHEMA, concerns, read_calendar
from forecasting.events.nightly import judge_calendar
from forecasting.events.noise import draw_noise, fit_noise
from forecasting.events.peaks import near_events, peaks, rise
from forecasting.events.permutation import MOST_ENUMERATED, SAMPLED, calendar_tests
from forecasting.events.segments import SegmentSpec, segment
from forecasting.events.study import WEEKLY, StudySpec, column_of, event_effects, moves
from forecasting.matrix import Floats, Matrix
from warehouse.errors import InputError
from warehouse.store import check
from warehouse.tables import TABLES

LAST = dt.date(2024, 12, 31)
SPEC = StudySpec()
SEED = 11


def matrix(values: Floats, *, kind: str = "index", n: float = np.nan, frequency: str = "day") -> Matrix:
    """Series s0, s1, … whose last period ends on LAST."""
    return Matrix(
        ids=tuple(f"s{row}" for row in range(len(values))), reference=LAST, frequency=frequency, kind=kind,
        values=values, n=np.full(values.shape, n),
    )  # fmt: skip


def persistent(rho: float, *, series: int, days: int, seed: int) -> Floats:
    """AR(1) noise with unit variance."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(series, days)) * np.sqrt(1 - rho**2)
    values = np.empty((series, days))
    values[:, 0] = rng.normal(size=series)
    for day in range(1, days):
        values[:, day] = rho * values[:, day - 1] + noise[:, day]
    return values


def day(back: int) -> dt.date:
    return LAST - dt.timedelta(days=back)


def one(start: dt.date) -> pl.DataFrame:
    return pl.DataFrame({"event_id": ["e"], "start": [start]})


# ------------------------------------------------------------------------------------------ calendar


def written(folder: Path, text: str) -> Path:
    path = folder / "events.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_calendar_is_read_with_other_column_names_and_keeps_what_is_optional(tmp_path: Path) -> None:
    text = "\ufefftitle,date,place,phase\nFlood,2024-03-01T10:00,US-CA,Response\nQuake,2024-02-01,,\n"
    names = {"name": "title", "start": "date", "location": "place", "stage": "phase"}
    read = read_calendar(written(tmp_path, text), columns=names)
    assert read.problems == ()
    assert read.events.schema == SCHEMA
    rows = read.events.select("name", "start", "end", "location", "stage").rows()
    assert rows == [
        ("Quake", dt.date(2024, 2, 1), None, None, None),
        ("Flood", dt.date(2024, 3, 1), None, "US-CA", "response"),
    ]
    assert read.events["event_id"].n_unique() == 2
    check(TABLES["out.events"], read.events)


BAD_ROWS = {
    "yesterday,A": "start is not a day",
    "2024-02-30,A": "start is not a day",
    "2024-01-01,": "name is empty",
    "2024-01-02,A,2024-01-01": "end lies before start",
    "2024-01-02,A,,panic": "stage is none of",
    "2024-01-02,A,,,one,two": "more cells than the header",
    "2024-05-01,Kept": "same event as line 2",
}


@pytest.mark.parametrize("row", BAD_ROWS)
def test_a_bad_row_is_named_by_its_line_and_never_quoted(row: str, tmp_path: Path) -> None:
    text = 'start,name,end,stage\n2024-05-01,Kept\n2024-06-01,"two\nlines"\n\n' + row + "\n2024-07-01,Last\n"
    read = read_calendar(written(tmp_path, text))
    assert read.events["start"].to_list() == [dt.date(2024, 5, 1), dt.date(2024, 6, 1), dt.date(2024, 7, 1)]
    assert len(read.problems) == 1
    assert "line 6 was left out" in read.problems[0]
    assert BAD_ROWS[row] in read.problems[0]
    assert not any(word in read.problems[0] for word in ("yesterday", "panic", "two,", "Kept"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name,when\nA,2024-01-01\n", "no column start"),
        ("", "no column name, start"),
        ("name,start\n", "no usable event"),
        ("name,start\nA,soon\n", "line 2"),
        ('name,start\n"A,2024-01-01\n', "not a CSV table"),
    ],
)
def test_a_file_without_one_usable_event_is_refused(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=told):
        read_calendar(written(tmp_path, text))


def test_a_calendar_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_calendar(tmp_path / "none.csv")


CELL = st.text(
    alphabet=st.characters(blacklist_characters=',"\r\n\x00', blacklist_categories=("Cs",)), max_size=12
)
START = st.one_of(CELL, st.dates(min_value=dt.date(2020, 1, 1)).map(str))


@given(rows=st.lists(st.tuples(CELL, START), min_size=1, max_size=8))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_every_row_is_an_event_or_a_problem(
    rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(tmp_path_factory.mktemp("any"), "name,start\n" + "".join(f"{a},{b}\n" for a, b in rows))
    filled = sum(bool(a.strip() or b.strip()) for a, b in rows)
    try:
        read = read_calendar(path)
    except InputError:
        return
    assert read.events.height + len(read.problems) == filled


def test_an_event_concerns_its_place_and_what_lies_inside() -> None:
    events = pl.DataFrame({"location": ["US", "US-CA", "ES", None]})

    def of(geo_type: str, place: str) -> list[str | None]:
        return events.filter(concerns(geo_type=geo_type, place=place))["location"].to_list()

    assert of("all", "all") == ["US", "US-CA", "ES", None]
    assert of("nation", "US") == ["US", None]
    assert of("region", "US-CA") == ["US", "US-CA", None]


# --------------------------------------------------------------------------------------- event study


def slow_move(series: Floats, at: int, *, window: int = 7, baseline: int = 28) -> float:
    """The statistic by its definition, day by day."""
    before = [series[at - k] for k in range(1, baseline + 1) if at - k >= 0]
    if 2 * np.isfinite(before).sum() < baseline:
        return float("nan")
    moved = []
    for place in range(at, at + window):
        same = [series[k] for k in range(max(at - baseline, 0), at) if (place - k) % 7 == 0]
        same = [value for value in same if np.isfinite(value)]
        if place < len(series) and np.isfinite(series[place]) and len(same) >= 2:
            moved.append(series[place] - np.mean(same))
    return float(np.mean(moved)) if 2 * len(moved) >= window else float("nan")


@given(
    seed=st.integers(0, 10_000), gaps=st.floats(0.0, 0.6), window=st.integers(1, 10), weeks=st.integers(2, 6)
)
@settings(derandomize=True, deadline=None, max_examples=25)
def test_a_move_is_what_its_definition_says_with_any_gaps(
    seed: int, gaps: float, window: int, weeks: int
) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2, 70))
    values[rng.random(values.shape) < gaps] = np.nan
    got = moves(matrix(values), spec=StudySpec(window=window, baseline=7 * weeks)).move
    slow = [[slow_move(row, at, window=window, baseline=7 * weeks) for at in range(70)] for row in values]
    np.testing.assert_allclose(got, slow, atol=1e-12)


def shares(*, effect: float, days: int = 200, people: int = 2000, seed: int = SEED) -> Floats:
    """A share with weekdays, sampled from people; from day 150 on it is `effect` higher for a week."""
    rng = np.random.default_rng(seed)
    truth = expit(logit(0.2) + 0.3 * (np.arange(days) % 7 >= 5))
    truth[150:157] += effect
    return (rng.binomial(people, truth) / people)[None, :]


def test_a_planted_effect_is_found_in_points_within_its_interval() -> None:
    found = event_effects(matrix(shares(effect=0.05), kind="share", n=2000.0), events=one(day(49)), spec=SPEC)
    row = found.row(0, named=True)
    assert row["low"] < 0.05 < row["high"]
    assert row["low"] > 0.03
    assert row["p_value"] < 0.001
    assert row["effect"] == pytest.approx(row["after"] - row["before"])
    assert (row["n_before"], row["n_after"], row["sample_size"], row["reason"]) == (28, 7, 2000, None)


def test_weekdays_alone_are_no_effect() -> None:
    found = event_effects(
        matrix(shares(effect=0.0), kind="share", n=2000.0), events=one(day(44)), spec=StudySpec(window=2)
    )
    assert abs(found["effect"][0]) < 0.015
    assert found["low"][0] < 0.0 < found["high"][0]


def test_nothing_after_the_window_is_used() -> None:
    values = persistent(0.5, series=3, days=200, seed=SEED)
    later = values.copy()
    later[:, 157:] = 1e3
    for start in (day(49), day(55)):
        known, other = (event_effects(matrix(v), events=one(start), spec=SPEC) for v in (values, later))
        assert known.equals(other)


@pytest.mark.parametrize("rho", [0.0, 0.7])
@pytest.mark.parametrize("before", [90, 300])
def test_the_interval_covers_nothing_in_nine_of_ten_autocorrelated_series(rho: float, before: int) -> None:
    values = persistent(rho, series=1500, days=before + 7, seed=SEED)
    found = event_effects(matrix(values), events=one(day(6)), spec=SPEC)
    covered = found.select(((pl.col("low") <= 0) & (pl.col("high") >= 0)).mean()).item()
    assert 0.87 <= covered <= 0.94
    assert 0.06 <= (found["p_value"] <= 0.1).mean() <= 0.13  # type: ignore[operator]


def test_too_little_gives_a_reason_and_no_number() -> None:
    values = persistent(0.0, series=4, days=120, seed=SEED)
    values[1, 80:100] = np.nan
    values[2, 101:106] = np.nan
    values[3, :65] = np.nan
    found = event_effects(matrix(values), events=one(day(19)), spec=SPEC).sort("series_id")
    assert found["reason"].to_list() == [
        None, "too_few_days_before", "too_few_days_after", "too_few_placebo_days",
    ]  # fmt: skip
    assert found["effect"].is_null().to_list() == [False, True, True, True]
    assert found["n_after"].to_list()[2] == 2
    open_ = event_effects(matrix(values[:1]), events=one(day(3)), spec=SPEC)
    assert open_["reason"].to_list() == ["window_not_over"]
    early = event_effects(matrix(values[:1]), events=one(day(500)), spec=SPEC)
    assert early["reason"].to_list() == ["too_few_days_before"]


def test_a_weekly_series_is_judged_by_the_week_that_holds_the_event() -> None:
    values = np.random.default_rng(SEED).normal(size=(1, 60))
    values[0, 50] += 9.0
    weekly = matrix(values, frequency="week")
    assert [column_of(weekly, day(63 + back)) for back in (-1, 0, 6, 7)] == [51, 50, 50, 49]
    found = event_effects(weekly, events=one(day(66)), spec=WEEKLY)
    assert found["effect"][0] == pytest.approx(values[0, 50] - values[0, 42:50].mean())
    assert found["p_value"][0] < 0.01


# --------------------------------------------------------------------------------- permutation test


def days_of(places: list[int], *, length: int) -> list[dt.date]:
    return [day(length - 1 - place) for place in places]


PLACES = [40, 71, 99, 130, 166, 201, 233, 260]


def test_p_values_of_a_calendar_are_even_where_nothing_happens() -> None:
    values = persistent(0.7, series=800, days=280, seed=SEED)
    starts = {f"s{row}": days_of(PLACES, length=280) for row in range(800)}
    tested = calendar_tests(matrix(values), starts=starts, spec=SPEC, seed=SEED)
    for _, rows in tested.group_by("question"):
        p = rows["p_value"].to_numpy()
        for level in (0.05, 0.1, 0.25, 0.5, 0.75):
            assert abs((p <= level).mean() - level) < 4 * np.sqrt(level * (1 - level) / 800)


def test_a_planted_effect_is_found_among_many_signals() -> None:
    values = persistent(0.5, series=6, days=280, seed=SEED)
    for place in PLACES:
        values[0, place : place + 7] += 2.0
        values[1, place : place + 7] += 2.0 if PLACES.index(place) % 2 else -2.0
    starts = {f"s{row}": days_of(PLACES, length=280) for row in range(6)}
    tested = calendar_tests(matrix(values), starts=starts, spec=SPEC, seed=SEED)
    found = tested.filter(pl.col("q_value") < 0.05).select("series_id", "question").rows()
    assert set(found) == {("s0", "any_direction"), ("s0", "same_direction"), ("s1", "any_direction")}


def test_a_p_value_is_the_share_of_shifts_counted_one_by_one() -> None:
    values = persistent(0.3, series=1, days=120, seed=SEED)
    values[0, 60:64] = np.nan
    places = [45, 58, 90]
    tested = calendar_tests(matrix(values), starts={"s0": days_of(places, length=120)}, spec=SPEC, seed=SEED)
    move = moves(matrix(values), spec=SPEC).move[0, 28:114]
    at = [place - 28 for place in places]
    real = np.nanmean(np.abs(move[at]))
    shifted = [np.nanmean(np.abs(move[[(k + shift) % 86 for k in at]])) for shift in range(1, 86)]
    row = tested.filter(pl.col("question") == "any_direction").row(0, named=True)
    assert row["n_shifts"] == 85
    assert row["p_value"] == pytest.approx((1 + sum(one >= real - 1e-12 for one in shifted)) / 86)
    assert row["usual"] == pytest.approx(np.mean(shifted))


def test_long_series_are_shifted_by_a_seeded_sample() -> None:
    length = MOST_ENUMERATED + 100
    values = persistent(0.3, series=1, days=length, seed=SEED)
    starts = {"s0": days_of([100, 900, 1500], length=length)}
    once, again = (calendar_tests(matrix(values), starts=starts, spec=SPEC, seed=SEED) for _ in range(2))
    assert once.equals(again)
    assert once["n_shifts"].to_list() == [SAMPLED, SAMPLED]


def test_a_calendar_that_says_too_little_is_not_tested() -> None:
    short = persistent(0.0, series=1, days=60, seed=SEED)
    few = calendar_tests(matrix(short), starts={"s0": days_of([40, 50], length=60)}, spec=SPEC, seed=SEED)
    alone = calendar_tests(matrix(short), starts={"s0": days_of([40], length=60)}, spec=SPEC, seed=SEED)
    assert few["reason"].unique().to_list() == ["too_few_days"]
    assert alone["reason"].unique().to_list() == ["too_few_events"]
    assert alone["p_value"].is_null().all()


# ------------------------------------------------------------------------------------ crisis stages

FAST = SegmentSpec(draws=39, most_cuts=25)


def test_persistent_noise_shows_a_change_no_more_often_than_it_may() -> None:
    many = persistent(0.6, series=80, days=100, seed=SEED).reshape(40, 2, 100)
    results = [segment(matrix(values), spec=FAST) for values in many]
    changed = sum(found.changes.height > 0 for found in results)
    assert changed <= 6, "more than a nominal 5 in 100 allows for"
    assert 0.4 <= np.mean([found.p_value for found in results if found.p_value is not None]) <= 0.7
    assert all(
        (found.changes.height > 0) <= (found.p_value is not None and found.p_value <= 0.1)
        for found in results
    )


def test_planted_stages_are_found_named_and_dated() -> None:
    values = persistent(0.4, series=3, days=180, seed=SEED)
    values[0, :60] += 3.0
    values[1, 60:120] += 3.0
    values[2, 120:] += 3.0
    found = segment(matrix(values), spec=SegmentSpec(draws=99, most_cuts=90))
    assert found.segments["stage"].to_list() == ["s0", "s1", "s2"]
    assert found.segments["n_days"].sum() == 180
    assert found.p_value == pytest.approx(0.01)
    assert found.gain is not None
    assert 0.4 < found.gain < 1.0
    for true, (change, first, last) in zip((119, 59), found.changes.rows(), strict=True):
        assert first <= change <= last
        assert abs((change - day(true)).days) <= 4
        assert (last - first).days <= 20


def test_the_split_is_the_best_there_is() -> None:
    values = persistent(0.0, series=1, days=100, seed=3)
    values[0, 45:] += 3.0
    found = segment(matrix(values), spec=SegmentSpec(draws=39, most_cuts=100, most_changes=1))
    flat = values[0].copy()
    for weekday in range(7):
        flat[weekday::7] -= values[0, weekday::7].mean() - values[0].mean()
    loss = {cut: flat[:cut].var() * cut + flat[cut:].var() * (100 - cut) for cut in range(14, 87)}
    assert found.changes["change_day"].to_list() == [day(99 - min(loss, key=lambda cut: loss[cut]))]
    assert found.gain == pytest.approx(1 - min(loss.values()) / (flat.var() * 100))


def test_gaps_stay_gaps_and_too_few_days_are_not_judged() -> None:
    values = persistent(0.2, series=2, days=150, seed=SEED)
    values[:, 40:60] = np.nan
    values[0, 75:] += 3.0
    found = segment(matrix(values), spec=FAST)
    assert found.changes.height == 1
    assert found.segments["n_days"].sum() == 130
    assert found.changes.equals(segment(matrix(values), spec=FAST).changes)
    short = segment(matrix(values[:, :50]), spec=FAST)
    assert short.reason == "fewer than 42 published days"
    assert short.p_value is None
    assert segment(matrix(np.empty((0, 100))), spec=FAST).changes.is_empty()


@pytest.mark.parametrize("rho", [0.2, 0.8])
def test_noise_is_fitted_past_a_change_of_level(rho: float) -> None:
    values = persistent(rho, series=8, days=1500, seed=SEED)
    values[:, 700:] += 4.0
    noise = fit_noise(values)
    assert np.median(noise.rho) == pytest.approx(rho, abs=0.15)
    drawn = draw_noise(noise, like=values, draws=20, rng=np.random.default_rng(SEED))
    assert drawn.std() == pytest.approx(1.0, abs=0.25)


# -------------------------------------------------------------------------------------------- peaks


def wavy(seed: int, *, days: int = 160) -> Matrix:
    rng = np.random.default_rng(seed)
    return matrix(
        0.1 + 0.01 * rng.normal(size=(3, days)).cumsum(axis=1) / np.sqrt(days), kind="share", n=500.0
    )


@given(seed=st.integers(0, 500), cut=st.integers(60, 158))
@settings(derandomize=True, deadline=None, max_examples=20)
def test_a_causal_peak_is_the_same_whatever_comes_later(seed: int, cut: int) -> None:
    whole = wavy(seed)
    errors = np.full(whole.values.shape, 0.001)
    later = whole.values.copy()
    later[:, cut + 1 :] = np.random.default_rng(seed + 1).random(later[:, cut + 1 :].shape)
    known = day(160 - 1 - cut)

    def until(values: Floats) -> pl.DataFrame:
        found = peaks(matrix(values, kind="share", n=500.0), errors=errors, protocol="causal")
        return found.filter(pl.col("known_on") <= known)

    assert until(whole.values).equals(until(later))


def test_the_study_s_protocol_looks_ahead_and_says_so() -> None:
    whole = wavy(5)
    errors = np.full(whole.values.shape, 0.001)
    found = peaks(whole, errors=errors, protocol="study")
    assert found["known_on"].unique().to_list() == [LAST]
    later = whole.values.copy()
    later[:, 120:] += 0.5 * np.sin(np.arange(40))
    other = peaks(matrix(later, kind="share", n=500.0), errors=errors, protocol="study")
    early = pl.col("day") < day(160 - 1 - 110)
    assert not found.filter(early).equals(other.filter(early))


@pytest.mark.parametrize("protocol", ["study", "causal"])
def test_a_hump_is_a_peak_on_its_rise_and_gaps_are_not_crossed(protocol: str) -> None:
    rng = np.random.default_rng(SEED)
    values = 0.1 + 0.0005 * rng.normal(size=(2, 120))
    values[:, 80:90] += 0.05
    values[:, 20:40] = np.nan
    found = peaks(
        matrix(values, kind="share", n=900.0), errors=np.full(values.shape, 0.001), protocol=protocol
    )
    best = found.sort("rise").row(-1, named=True)
    assert day(119 - 76) <= best["day"] <= day(119 - 87)
    assert best["within_sampling_error"] is False
    noisy = peaks(matrix(values, kind="share", n=900.0), errors=np.full(values.shape, 0.5), protocol=protocol)
    assert noisy["within_sampling_error"].all()
    assert np.isnan(rise(matrix(values), protocol=protocol)[25:38]).all()


def test_peaks_near_events_are_counted_against_every_shift() -> None:
    span = (day(99), LAST)
    starts, tops = [day(90), day(50)], [day(89), day(48), day(20)]
    told = near_events(tops, starts=starts, span=span, within=7)
    hits = []
    for shift in range(100):
        moved = {(99 - back + shift + ahead) % 100 for back in (90, 50) for ahead in range(8)}
        hits.append(sum(99 - back in moved for back in (89, 48, 20)))
    assert told["near"] == hits[0] == 2
    assert told["shifted"] == pytest.approx(np.mean(hits[1:]))
    assert told["p_value"] == pytest.approx((1 + sum(hit >= 2 for hit in hits[1:])) / 100)
    assert near_events([], starts=starts, span=span, within=7)["near"] is None


# ---------------------------------------------------------------------------------------- the night


def signals(days: int = 150) -> pl.DataFrame:
    rng = np.random.default_rng(SEED)
    rows = []
    for place, geo_type in (("all", "all"), ("US", "nation"), ("ES", "nation")):
        for name, hidden in (("fear", 0.0), ("rare", 0.5)):
            for back in range(days):
                value = 0.1 + 0.01 * rng.normal() + (0.06 if place == "US" and 30 <= back < 37 else 0.0)
                shown = rng.random() >= hidden
                rows.append((name, "all", geo_type, place, day(back), value if shown else None, 1000))
    names = ["signal", "population", "geo_type", "geo_value", "time_value", "value", "sample_size"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_a_night_judges_each_event_where_it_belongs_and_leaves_out_what_is_mostly_hidden() -> None:
    events = pl.DataFrame(
        [("a", "here", day(36), None, "US", None, None), ("b", "there", day(60), None, "ES", None, None),
         ("c", "to come", LAST + dt.timedelta(days=3), None, None, None, None)],
        schema=SCHEMA, orient="row",
    )  # fmt: skip
    issue = LAST + dt.timedelta(days=1)
    judged = judge_calendar(signals(), events=events, issue=issue, last_day=LAST, spec=SPEC, seed=SEED)
    check(TABLES["out.event_effects"], judged.effects)
    check(TABLES["out.event_tests"], judged.tests)
    pairs = judged.effects.select("event_id", "location", "signal").sort("event_id", "location").rows()
    assert pairs == [("a", "US", "fear"), ("a", "all", "fear"), ("b", "ES", "fear"), ("b", "all", "fear")]
    assert judged.n_hidden == 3
    effect = judged.effects.filter(pl.col("event_id") == "a", pl.col("location") == "US").row(0, named=True)
    assert effect["low"] < 0.06 < effect["high"]
    assert effect["p_value"] < 0.01
    again = judge_calendar(
        signals().sample(fraction=1.0, shuffle=True, seed=1), events=events, issue=issue, last_day=LAST, spec=SPEC,
        seed=SEED,
    )  # fmt: skip
    assert again.effects.sort(pl.all()).equals(judged.effects.sort(pl.all()))


def test_without_events_there_are_no_rows() -> None:
    none = pl.DataFrame(schema=SCHEMA)
    judged = judge_calendar(signals(40), events=none, issue=LAST, last_day=LAST, spec=SPEC, seed=SEED)
    assert (judged.effects.height, judged.tests.height) == (0, 0)
