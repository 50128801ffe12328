"""Breaks in the data: planted ones are found, moods are not taken for them, and quiet data give none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.alerts.data_break import break_candidates, doubted
from forecasting.breaks.downstream import recent_break, since_break
from forecasting.breaks.find import FOUND, Thresholds, find_breaks, version_breaks
from forecasting.breaks.shifts import deviations, level_shifts, onset_back, shift_errors

START = dt.date(2022, 1, 3)
MEANING = np.array([1, 1, 1, -1])
SERIES = Path(__file__).parents[3] / "shared" / "data" / "series" / "twitter_emotion_daily_by_country.csv.gz"
ROLLED_OUT = dt.date(2017, 11, 8)
Change = Callable[[np.ndarray, np.ndarray], None]


def _day(number: int) -> dt.date:
    return START + dt.timedelta(days=number)


def _ar(rng: np.random.Generator, *, shape: tuple[int, ...], rho: float) -> np.ndarray:
    """A stationary AR(1) of unit variance along the first axis."""
    noise = rng.normal(size=shape)
    for day in range(1, shape[0]):
        noise[day] = rho * noise[day - 1] + np.sqrt(1 - rho**2) * noise[day]
    return noise


def _cells(
    *, days: int, places: int = 1, rho: float = 0.4, change: Change | None = None, seed: int = 0
) -> pl.DataFrame:
    """Three bad moods and a good one per place, driven apart by one mood, with weekdays, and posts per day.

    `change` alters the logits (days, places, signals) and the logs of posts (days, places) in place.
    """
    rng = np.random.default_rng(seed)
    mood = _ar(rng, shape=(days, places, 1), rho=rho) * MEANING
    own = _ar(rng, shape=(days, places, 4), rho=rho)
    week = 0.03 * np.sin(np.arange(days) * 2 * np.pi / 7)
    logits = -2.0 + 0.05 * (0.6 * mood + 0.8 * own) + week[:, None, None]
    posts = 8.0 + 0.08 * _ar(rng, shape=(days, places), rho=rho) + 3 * week[:, None]
    if change is not None:
        change(logits, posts)
    people = 5000
    share = rng.binomial(people, 1 / (1 + np.exp(-logits))) / people
    day, place, signal = (index.ravel() for index in np.indices(share.shape))
    return pl.DataFrame(
        {
            "time_value": pl.Series(day).replace_strict(dict(enumerate(map(_day, range(days))))),
            "geo_value": [f"P{p}" for p in place],
            "signal": [f"s{s}" for s in signal],
            "value": share.ravel(),
            "n_posts": np.exp(posts[day, place]).astype(np.int64),
            "direction": np.where(MEANING[signal] > 0, "higher_is_worse", "higher_is_better"),
        }
    ).with_columns(
        population=pl.lit("all"), geo_type=pl.lit("nation"), time_type=pl.lit("day"),
        people=pl.lit(people), statistic=pl.lit("share"), scorer=pl.lit("lexicon"),
    )  # fmt: skip


def _quality(days: int, *, metric: str, values: np.ndarray, scorer: str = "lexicon") -> pl.DataFrame:
    return pl.DataFrame({"time_value": [_day(k) for k in range(days)], "value": values}).with_columns(
        population=pl.lit("all"), geo_type=pl.lit("nation"), geo_value=pl.lit("P0"),
        scorer=pl.lit(scorer), metric=pl.lit(metric),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------ planted breaks


def test_halved_volume_is_found_within_a_week_and_nothing_else_is() -> None:
    def halve(logits: np.ndarray, posts: np.ndarray) -> None:
        posts[200:] -= np.log(2)

    found = find_breaks(_cells(days=260, change=halve))
    assert found["what"].to_list() == ["post_volume"]
    row = found.row(0, named=True)
    assert abs((row["onset"] - _day(200)).days) <= 1
    assert _day(202) <= row["detected"] <= _day(207)
    assert row["observed"] == pytest.approx(0.5 * row["expected"], rel=0.15)


@pytest.mark.parametrize(
    ("metric", "what", "before", "after"),
    [
        ("mean_tokens", "text_length", 14.0, 16.0),
        ("coverage", "coverage", 0.9, 0.8),
        ("matched", "matched_words", 0.4, 0.5),
    ],
)
def test_a_change_in_what_posts_are_like_is_found(
    metric: str, what: str, before: float, after: float
) -> None:
    noise = 1 + 0.01 * _ar(np.random.default_rng(2), shape=(240,), rho=0.4)
    values = np.where(np.arange(240) < 200, before, after) * noise
    found = find_breaks(_cells(days=240), quality=_quality(240, metric=metric, values=values))
    assert found.select("what", "scorer").rows() == [(what, "lexicon")]
    assert abs((found["onset"][0] - _day(200)).days) <= 1
    assert found["detected"][0] <= _day(207)
    assert found["observed"][0] == pytest.approx(after, rel=0.05)


def test_volume_is_read_from_data_quality_where_it_is_there() -> None:
    """The signals' posts halve, all posts do not: the part that is scored is another break, not volume."""

    def halve(logits: np.ndarray, posts: np.ndarray) -> None:
        posts[200:] -= np.log(2)

    steady = _quality(240, metric="posts", values=np.full(240, 3000.0) + np.arange(240) % 7, scorer="all")
    assert find_breaks(_cells(days=240, change=halve), quality=steady).is_empty()


def test_another_lexicon_that_finds_more_of_everything_is_a_break() -> None:
    def more(logits: np.ndarray, posts: np.ndarray) -> None:
        logits[300:] += 0.3

    found = find_breaks(_cells(days=340, change=more))
    assert found["what"].to_list() == ["several_signals"]
    assert found["observed"][0] == 1.0
    assert abs((found["onset"][0] - _day(300)).days) <= 1
    assert found["detected"][0] <= _day(307)


def test_a_version_but_the_first_is_a_known_break() -> None:
    scorers = pl.DataFrame(
        {
            "scorer": ["lexicon", "lexicon", "emotion"],
            "version": ["a", "b", "a"],
            "first_issue": [_day(0), _day(50), _day(70)],
        }
    )
    known = version_breaks(scorers)
    assert known.select("what", "scorer", "onset").rows() == [("scorer_version", "lexicon", _day(50))]
    assert known.schema == FOUND


MOODS: dict[str, Change] = {
    "bad moods up": lambda logits, posts: logits[300:, :, :3].__iadd__(0.5),
    "bad moods up, good ones down": lambda logits, posts: logits[300:].__iadd__(0.5 * MEANING),
    "one signal far up": lambda logits, posts: logits[300:, :, 1].__iadd__(1.5),
    "one day of everything": lambda logits, posts: logits[300].__iadd__(1.0),
}


@pytest.mark.parametrize("places", [1, 4])
@pytest.mark.parametrize("mood", MOODS)
def test_a_mood_is_no_break_however_many_places_share_it(mood: str, places: int) -> None:
    assert find_breaks(_cells(days=340, places=places, change=MOODS[mood])).is_empty()


def test_places_that_move_as_one_tell_more_than_each_alone() -> None:
    def small(logits: np.ndarray, posts: np.ndarray) -> None:
        logits[400:, :5] += 0.06

    cells = _cells(days=420, places=6, change=small)
    found = find_breaks(cells)
    assert found["geo_value"].to_list() == [f"P{p}" for p in range(5)]
    assert found["platform_wide"].all()
    assert found.filter(pl.col("detected") > _day(407)).is_empty()
    assert find_breaks(cells.filter(pl.col("geo_value") == "P0")).is_empty()


def test_one_place_of_many_is_no_platform() -> None:
    def small(logits: np.ndarray, posts: np.ndarray) -> None:
        logits[400:, 0] += 0.06

    assert find_breaks(_cells(days=420, places=5, change=small)).is_empty()


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_quiet_data_that_wander_give_hardly_any_break(rho: float) -> None:
    """Over 20 place-years, every day judged, at most one break in ten."""
    found = find_breaks(_cells(days=400, places=20, rho=rho, seed=5))
    assert found.height <= 2


@pytest.mark.parametrize("days", [0, 10, 34])
def test_too_little_past_gives_no_verdict(days: int) -> None:
    cells = _cells(days=max(days, 1))
    assert find_breaks(cells.head(days * 4)).is_empty()


def test_gaps_do_not_make_breaks() -> None:
    cells = _cells(days=300)
    holes = [_day(k) for k in (*range(100, 121), 150, 151, 200)]
    assert find_breaks(cells.filter(~pl.col("time_value").is_in(holes))).is_empty()


@settings(derandomize=True, deadline=None, max_examples=8)
@given(cut=st.integers(190, 330), onset=st.integers(180, 320), size=st.floats(-0.6, 0.6))
def test_a_day_is_judged_by_what_lay_before_it(cut: int, onset: int, size: float) -> None:
    """What is found with the data up to a day is what all data give for the days up to it."""

    def shift(logits: np.ndarray, posts: np.ndarray) -> None:
        logits[onset:] += size
        posts[onset + 3 :] += 2 * size

    cells = _cells(days=335, places=3, change=shift)
    then = find_breaks(cells.filter(pl.col("time_value") <= _day(cut)))
    assert then.equals(find_breaks(cells).filter(pl.col("detected") <= _day(cut)))


# ----------------------------------------------------------------------------------------- the arithmetic


@settings(derandomize=True, deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000), missing=st.floats(0.0, 0.4))
def test_shifts_are_what_the_definition_says(seed: int, missing: float) -> None:
    rng = np.random.default_rng(seed)
    values = np.where(rng.random((60, 1)) < missing, np.nan, rng.normal(size=(60, 1)))
    shifts = level_shifts(deviations(values)[0])[:, 0]
    for day in range(60):
        expected = _reference_shift(values[:, 0], day=day)
        assert shifts[day] == pytest.approx(expected, nan_ok=True)


def _reference_shift(values: np.ndarray, *, day: int) -> float:
    if day < 34:
        return np.nan
    base = values[day - 34 : day - 6]
    known = base[np.isfinite(base)]
    if len(known) < 20:
        return np.nan
    far = []
    for back in range(7):
        same = values[day - back - 7 * np.arange(1, 6)]
        inside = [
            v
            for v, at in zip(same, day - back - 7 * np.arange(1, 6), strict=True)
            if day - 34 <= at < day - 6
        ]
        usual = [v for v in inside if np.isfinite(v)] or list(known)
        if np.isfinite(values[day - back]):
            far.append(values[day - back] - np.median(usual))
    return float(np.mean(sorted(far)[1:-1])) if len(far) >= 5 else np.nan


def test_an_error_holds_for_days_that_depend_on_each_other() -> None:
    """Shifts of wandering series lie within two of their errors about as often as a normal's do, or more."""
    values = _ar(np.random.default_rng(1), shape=(500, 60), rho=0.7)
    shifts = level_shifts(deviations(values)[0])
    z = (shifts / shift_errors(values, shifts=shifts))[200:]
    assert (np.abs(z) <= 2).mean() >= 0.93


def test_an_onset_is_the_first_day_of_the_new_level() -> None:
    far = np.array([[0, 0.1, -0.1, 2, 2.1, 1.9, 2], [-2, -2, -2, -2, -2, -2, -2.0]])
    assert onset_back(far, sign=np.array([1.0, -1.0])).tolist() == [3, 6]


# ------------------------------------------------------------------------------------------- downstream


def _break(onset: int, *, what: str = "text_length", **changes: Any) -> pl.DataFrame:
    row = {
        "population": "all", "geo_type": "nation", "geo_value": "P0", "what": what, "scorer": "lexicon",
        "onset": _day(onset), "detected": _day(onset + 5), "statistic": 5.0, "threshold": 4.0,
        "observed": 16.0, "expected": 14.0, "sample_size": 500, "platform_wide": False, "evidence": "x",
    }  # fmt: skip
    return pl.DataFrame([row | changes], schema=FOUND)


@pytest.mark.parametrize(
    ("last", "fires"), [(104, None), (105, True), (127, True), (128, False), (160, None)]
)
def test_a_break_is_an_open_alert_for_four_weeks(last: int, fires: bool | None) -> None:
    rows = break_candidates(_cells(days=last + 1), breaks=_break(100))
    assert rows["fires"].to_list() == ([] if fires is None else [fires])


def test_of_several_scorers_the_strongest_break_is_the_alert() -> None:
    breaks = pl.concat([_break(100), _break(100, scorer="emotion", statistic=-9.0, observed=9.0)])
    rows = break_candidates(_cells(days=110), breaks=breaks)
    assert rows.select("signal", "observed").rows() == [("text_length", 9.0)]


@pytest.mark.parametrize(("onset", "broken"), [(100, True), (10, True), (3, False)])
def test_a_mood_alert_whose_comparison_spans_a_break_is_of_low_severity_and_says_so(
    onset: int, broken: bool
) -> None:
    mood = {
        "kind": "prevalence_high", "signal": "s1", "population": "all", "geo_type": "nation", "location": "P0",
        "time_type": "day", "time_value": _day(100), "severity": "high",
    }  # fmt: skip
    catalogue = pl.DataFrame({"signal": ["s1"], "scorer": ["lexicon"]})
    rows = doubted(pl.DataFrame([mood]), breaks=_break(onset), catalogue=catalogue, lookback_days=84)
    assert rows["severity"].to_list() == ["low" if broken else "high"]
    assert rows["broken"].to_list() == [_day(onset) if broken else None]


def test_a_new_version_casts_doubt_on_its_own_signals_alone() -> None:
    mood = {
        "kind": "prevalence_high", "population": "all", "geo_type": "nation", "location": "P0",
        "time_type": "day", "time_value": _day(100), "severity": "high",
    }  # fmt: skip
    found = pl.DataFrame([mood | {"signal": "s1"}, mood | {"signal": "s2"}])
    catalogue = pl.DataFrame({"signal": ["s1", "s2"], "scorer": ["lexicon", "emotion"]})
    changed = _break(90, what="scorer_version", geo_type="all", geo_value="all")
    rows = doubted(found, breaks=changed, catalogue=catalogue, lookback_days=84)
    assert rows.select("signal", "severity").rows() == [("s1", "low"), ("s2", "high")]


@pytest.mark.parametrize(
    ("what", "onset", "kept", "limited"),
    [
        ("text_length", 100, 100, False),
        ("several_signals", 100, 100, False),
        ("post_volume", 100, 200, False),
        ("text_length", 150, 200, True),
        ("post_volume", 150, 200, True),
    ],
)
def test_a_forecast_learns_from_the_newest_break_on_once_that_is_long_enough(
    what: str, onset: int, kept: int, limited: bool
) -> None:
    cells = _cells(days=200, places=2)
    breaks = _break(onset, what=what)
    rows = since_break(cells, breaks=breaks, as_of=_day(200)).filter(pl.col("signal") == "s0")
    assert dict(rows.group_by("geo_value").len().iter_rows()) == {"P0": kept, "P1": 200}
    places = pl.DataFrame({"geo_type": ["nation"] * 2, "location": ["P0", "P1"]})
    marked = places.select(recent_break(breaks, as_of=_day(200))).to_series().to_list()
    assert marked == [limited, False]


def test_a_break_in_posts_does_not_concern_a_series_made_elsewhere() -> None:
    cells = _cells(days=200, places=1)
    learnt = since_break(cells, breaks=_break(100), as_of=_day(200), unconcerned=["s1"])
    kept = dict(learnt.group_by("signal").len().iter_rows())
    assert (kept["s0"], kept["s1"]) == (100, 200)
    mood = {
        "kind": "prevalence_high", "population": "all", "geo_type": "nation", "location": "P0",
        "time_type": "day", "time_value": _day(100), "severity": "high",
    }  # fmt: skip
    found = pl.DataFrame([mood | {"signal": "s0"}, mood | {"signal": "s1"}])
    catalogue = pl.DataFrame({"signal": ["s0", "s1"], "scorer": ["lexicon", "series"]})
    rows = doubted(found, breaks=_break(90), catalogue=catalogue, lookback_days=84, unconcerned=["s1"])
    assert rows.select("signal", "severity").rows() == [("s0", "low"), ("s1", "high")]


def test_a_break_that_was_not_known_yet_changes_nothing() -> None:
    cells = _cells(days=200)
    assert since_break(cells, breaks=_break(50, detected=_day(300)), as_of=_day(200)).height == cells.height


# --------------------------------------------------------------------------------------------- real data

CODES = {
    "Australia": "AU", "Austria": "AT", "Chile": "CL", "France": "FR", "Germany": "DE", "Mexico": "MX",
    "Netherlands": "NL", "Spain": "ES", "USA": "US",
}  # fmt: skip
# Every second country by name; thresholds set on one half are judged on the other.
HALVES = (("AU", "CL", "DE", "NL", "US"), ("AT", "FR", "MX", "ES"))


@pytest.fixture(scope="module")
def real_cells() -> pl.DataFrame:
    if not SERIES.is_file():
        pytest.skip("needs ../shared/data/series, which is not here")
    raw = pl.read_csv(SERIES, try_parse_dates=True)
    better = pl.col("emotion") == "positive"
    return raw.select(
        signal="emotion", geo_value=pl.col("country").replace_strict(CODES), time_value="date",
        value=pl.col("n") / pl.col("total"), n_posts="total", people="total",
        population=pl.lit("all"), geo_type=pl.lit("nation"), time_type=pl.lit("day"),
        statistic=pl.lit("share"), scorer=pl.lit("words"),
        direction=pl.when(better).then(pl.lit("higher_is_better")).otherwise(pl.lit("higher_is_worse")),
    )  # fmt: skip


def _judged(found: pl.DataFrame, *, cells: pl.DataFrame) -> tuple[set[str], float]:
    """Places where the break of November 2017 was detected within seven days, and other breaks per place-year."""
    within = pl.col("detected").is_between(ROLLED_OUT, ROLLED_OUT + dt.timedelta(days=7))
    # Until its four weeks of comparison are over, the same break cannot be declared again.
    same = pl.col("onset").is_between(ROLLED_OUT - dt.timedelta(days=2), ROLLED_OUT + dt.timedelta(days=7))
    years = cells.select(pl.struct("geo_value", "time_value").n_unique()).item() / 365.25
    return set(found.filter(within)["geo_value"]), found.filter(~same).height / years


@pytest.mark.real_data
def test_longer_posts_of_november_2017_are_found_in_all_countries_and_little_else(
    real_cells: pl.DataFrame,
) -> None:
    """Each day judged with the data up to it. Every other declared break counts as false, real ones too."""
    found = find_breaks(real_cells)
    places, false = _judged(found, cells=real_cells)
    assert len(places) >= 8
    assert false <= 1.0


@pytest.mark.real_data
@pytest.mark.parametrize("held_out", [0, 1])
def test_thresholds_set_on_other_countries_hold(real_cells: pl.DataFrame, held_out: int) -> None:
    """The smallest thresholds with at most .6 platform-wide and .3 single breaks a year in the other half, which is
    judged by itself; then all nine countries are judged with them, and those of this half are counted."""
    of_half = [pl.col("geo_value").is_in(half) for half in HALVES]
    other = real_cells.filter(of_half[1 - held_out])
    together = next(
        level
        for level in (2.0, 2.5, 3.0)
        if _judged(
            find_breaks(other, thresholds=Thresholds(alone=9, alone_young=9, together=level)), cells=other
        )[1]
        <= 0.6
    )
    alone = next(
        level
        for level in (3.0, 3.5, 4.0, 4.5, 5.0)
        if _judged(find_breaks(other, thresholds=Thresholds(alone=level, together=9)), cells=other)[1] <= 0.3
    )
    chosen = Thresholds(alone=alone, together=together)
    found = find_breaks(real_cells, thresholds=chosen).filter(of_half[held_out])
    places, false = _judged(found, cells=real_cells.filter(of_half[held_out]))
    assert places == set(HALVES[held_out])
    assert false <= 1.0
