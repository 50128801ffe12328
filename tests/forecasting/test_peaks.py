"""The high-prevalence outlook: its threshold, its chances, what they rest on, and how alarms are judged."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.matrix import Floats, Matrix
from forecasting.peaks.judge import alarms, best_least, calendar_f1, matched, onsets, random_f1
from forecasting.peaks.nightly import panel_outlook
from forecasting.peaks.outlook import HISTORY, LEAST_HISTORY, RARE, Outlook, outlook, past_threshold

END = dt.date(2024, 6, 30)
YEAR = HISTORY["day"]


def waves(*, series: int = 3, periods: int = 400, seed: int = 1) -> Floats:
    """Shares whose mood comes in slow waves, with weekdays and noise."""
    rng = np.random.default_rng(seed)
    walk = np.zeros((series, periods))
    for t in range(1, periods):
        walk[:, t] = 0.93 * walk[:, t - 1] + rng.normal(0, 0.12, series)
    noise = rng.normal(0, 0.05, (series, periods)) + 0.1 * np.sin(2 * np.pi * np.arange(periods) / 7)
    return np.asarray(1.0 / (1.0 + np.exp(2.0 - walk - noise)))


def panel(values: Floats) -> Matrix:
    return Matrix(
        ids=tuple(f"s{i}" for i in range(len(values))), reference=END, frequency="day", kind="share", values=values,
        n=np.full_like(values, 2000.0),
    )  # fmt: skip


def seen(values: Floats, *, origins: int = 150, steps: int = 7, lag: int = 1) -> Outlook:
    return outlook(panel(values), origins=origins, steps=steps, lag=lag, seed=3)


# --------------------------------------------------------------------------------------------- chances


def test_the_threshold_is_the_quantile_of_the_year_up_to_each_day() -> None:
    values = waves(periods=YEAR + 80, series=2)
    values[0, 30:90] = np.nan
    found = past_threshold(values, history=YEAR)
    for row in range(2):
        for t in (10, LEAST_HISTORY - 2, 70, 200, YEAR + 5, YEAR + 79):
            window = values[row, max(t - YEAR + 1, 0) : t + 1]
            known = window[~np.isnan(window)]
            if known.size < LEAST_HISTORY:
                assert np.isnan(found[row, t])
            else:
                assert found[row, t] == pytest.approx(np.quantile(known, RARE))


def test_what_happened_is_whether_a_later_weekly_mean_passed_the_threshold_of_the_day() -> None:
    values, lag, steps = waves(periods=260), 2, 5
    made = seen(values, origins=100, steps=steps, lag=lag)
    smooth = np.stack([np.convolve(row, np.ones(7) / 7, mode="full")[: len(row)] for row in values])
    begun = values.shape[1] - 100
    for row in range(len(values)):
        for o in (0, 40, 80, 94, 99):
            t, threshold = begun + o, made.threshold[row, o]
            assert made.above[row, o] == (smooth[row, t] > threshold)
            for step in range(1, steps + 1):
                ahead = smooth[row, t + lag + 1 : t + lag + step + 1]
                told = made.happened[row, o, step - 1]
                if made.above[row, o]:
                    assert np.isnan(told)
                elif (ahead > threshold).any():
                    assert told == 1.0
                else:
                    assert told == 0.0 if len(ahead) == step else np.isnan(told)


def test_no_chance_changes_when_everything_after_its_origin_does() -> None:
    values = waves()
    other = values.copy()
    cut = values.shape[1] - 60
    other[:, cut:] = np.random.default_rng(9).uniform(0.0, 1.0, (3, 60))
    mine, theirs = (seen(v) for v in (values, other))
    before = slice(0, 150 - 60)
    for name in ("raw", "chance", "base", "threshold"):
        assert np.array_equal(
            getattr(mine, name)[:, before], getattr(theirs, name)[:, before], equal_nan=True
        ), name
    assert not np.array_equal(mine.raw[:, 100:], theirs.raw[:, 100:], equal_nan=True)


def test_chances_are_better_than_the_base_rate_where_moods_come_in_waves() -> None:
    made = seen(waves(series=12, periods=700), origins=400)
    known = ~np.isnan(made.happened[:, 200:, -1])
    truth = made.happened[:, 200:, -1][known]
    brier = [np.mean((part[:, 200:, -1][known] - truth) ** 2) for part in (made.chance, made.base)]
    assert brier[0] < 0.85 * brier[1]
    # What is called likely happens about as often.
    chance = made.chance[:, 200:, -1][known]
    likely = chance > 0.5
    assert truth[likely].mean() == pytest.approx(chance[likely].mean(), abs=0.1)


def test_a_longer_wait_is_never_less_likely() -> None:
    made = seen(waves(), steps=14)
    for part in (made.raw, made.chance):
        with np.errstate(invalid="ignore"):
            assert not (np.diff(part, axis=2) < -1e-12).any()
        assert np.nanmin(part) >= 0.0
        assert np.nanmax(part) <= 1.0


# ---------------------------------------------------------------------------------------------- alarms


def test_an_onset_is_the_first_day_above_after_a_quiet_week() -> None:
    above = np.zeros(60, dtype=bool)
    above[[10, 11, 14, 30, 37, 50]] = True
    assert onsets(above, quiet=7).tolist() == [10, 30, 50]


def test_an_alarm_counts_before_its_onset_only_and_once() -> None:
    begins = np.array([20, 40])
    # Long before, in time twice, on the day, after.
    raised = np.array([2, 13, 18, 40, 41])
    hits = matched(raised, begins=begins, steps=7, lag=1)
    assert (hits.alarms, hits.onsets, hits.leads) == (5, 2, (6,))
    assert hits.precision == pytest.approx(1 / 5)
    assert hits.recall == pytest.approx(1 / 2)
    assert hits.f1 == pytest.approx(2 / 7)


def test_no_alarm_is_raised_while_one_is_open() -> None:
    chance = np.full(30, 0.9)
    assert alarms(chance, least=0.5, begins=np.array([4]), steps=7, lag=1).tolist() == [0, 5, 14, 23]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), steps=st.integers(1, 10), lag=st.integers(0, 2))
def test_matching_is_one_to_one_and_in_time(seed: int, steps: int, lag: int) -> None:
    rng = np.random.default_rng(seed)
    begins, raised = (np.flatnonzero(rng.random(60) < p) for p in (0.1, 0.2))
    hits = matched(raised, begins=begins, steps=steps, lag=lag)
    assert len(hits.leads) <= min(len(begins), len(raised))
    assert all(1 <= lead <= steps for lead in hits.leads)
    if hits.alarms + hits.onsets and len(hits.leads):
        both = 2 * hits.precision * hits.recall / (hits.precision + hits.recall)
        assert hits.f1 == pytest.approx(both)


def test_foresight_is_rewarded_and_chance_is_not() -> None:
    rng = np.random.default_rng(4)
    above = np.zeros((1, 365), dtype=bool)
    begins = np.arange(20, 350, 33)
    for begin in begins:
        above[0, begin : begin + 4] = True
    foreseen = np.where(np.isin(np.arange(365), begins - 4), 0.8, 0.1)[None]
    assert best_least(foreseen, above=above, steps=7, lag=1, quiet=7) > 0.1
    raised = alarms(foreseen[0], least=0.5, begins=begins, steps=7, lag=1)
    assert matched(raised, begins=begins, steps=7, lag=1).f1 == 1.0
    told = {"count": len(raised), "begins": begins, "steps": 7, "lag": 1}
    by_chance = random_f1(~above[0], seed=1, **told)
    drawn = [
        matched(np.sort(rng.choice(365, 10, replace=False)), begins=begins, steps=7, lag=1).f1
        for _ in range(400)
    ]
    assert by_chance == pytest.approx(np.mean(drawn), abs=0.05)
    assert 0.0 < calendar_f1(365, **told) < 0.5


# --------------------------------------------------------------------------------------------- nightly


def night(values: Floats, *, known_until: dt.date) -> tuple[pl.DataFrame, pl.DataFrame]:
    matrix = panel(values)
    keys = pl.DataFrame({"series_id": list(matrix.ids), "target": list(matrix.ids)}).with_columns(
        population=pl.lit("all"), geo_type=pl.lit("nation"), location=pl.lit("GB")
    )
    days = [END - dt.timedelta(days=values.shape[1] - 1 - t) for t in range(values.shape[1])]
    truth = pl.concat(
        pl.DataFrame({"time_value": days, "value": row}).with_columns(
            series_id=pl.lit(name), n=pl.lit(2000), issue=END
        )
        for name, row in zip(matrix.ids, values, strict=True)
    )
    return panel_outlook(
        matrix, keys=keys, truth=truth.with_columns(issue=pl.lit(END)), known_until=known_until, seed=1
    )


def test_a_night_says_chance_base_rate_worth_and_first_day() -> None:
    values = waves(series=8, periods=700)
    values[:, -1] = np.nan
    values[0, -20:-1] = 0.9
    rows, scores = night(values, known_until=END - dt.timedelta(days=1))
    assert "s0" not in rows["target"].to_list()
    assert rows["horizon_days"].unique().sort().to_list() == list(range(1, 15))
    assert (rows["expected_first_day"] > END).all()
    assert set(rows["skill"].cast(pl.String)) <= {"yes", "no", "unknown"}
    judged = scores.pivot("metric", index="target", values="value")
    assert {
        "brier",
        "brier_base",
        "log_score",
        "log_score_base",
        "alarm_f1",
        "alarm_f1_random",
        "alarm_f1_calendar",
        "alarm_precision",
    } <= set(judged.columns)
    assert (judged["brier"] < judged["brier_base"]).mean() > 0.7
    assert (judged["log_score"] < judged["log_score_base"]).mean() > 0.7
    again, _ = night(values, known_until=END - dt.timedelta(days=1))
    assert again.equals(rows)


def test_white_noise_is_not_called_foreseeable() -> None:
    """From a week before; nearer, a mean of seven days is known in part."""
    rng = np.random.default_rng(8)
    rows, _ = night(rng.uniform(0.1, 0.2, (8, 700)), known_until=END - dt.timedelta(days=7))
    told = rows.unique("target")["skill"].cast(pl.String)
    assert len(told) >= 6
    # Chance alone reaches it on a series in twenty.
    assert (told == "yes").sum() <= 1


def test_a_short_panel_has_no_outlook() -> None:
    rows, scores = night(waves(periods=25), known_until=END)
    assert rows.is_empty()
    assert scores.is_empty()
    made = night(waves(periods=59), known_until=END)[0]
    assert made.is_empty()


def test_weeks_are_compared_as_they_are() -> None:
    matrix = replace(panel(waves(periods=200)), frequency="week")
    made = outlook(matrix, origins=80, steps=4, lag=1, seed=1)
    assert np.array_equal(made.above, matrix.values[:, -80:] > made.threshold)


def test_a_series_that_never_moves_or_hardly_began_is_asked_nothing() -> None:
    values = waves(series=4, periods=400)
    values[1] = 0.3
    values[2, :-50] = np.nan
    values[3, :] = np.nan
    rows, _ = night(values, known_until=END)
    assert set(rows["target"]) <= {"s0"}
    made = seen(values)
    assert np.isnan(made.chance[1:]).all()


def test_the_first_guess_of_the_noise_looks_at_no_later_day() -> None:
    values = waves(series=2, periods=420)
    values[0, np.arange(420) % 7 != 0] = np.nan
    values[1, :350] = values[1, 0]
    other = values.copy()
    other[:, 360:] = np.where(np.isnan(values[:, 360:]), np.nan, 0.9)
    mine, theirs = (seen(v) for v in (values, other))
    assert np.array_equal(mine.raw[:, :90], theirs.raw[:, :90], equal_nan=True)


def test_days_without_a_chance_help_no_rule() -> None:
    """A series that began late is judged on its own days."""
    long, young = waves(series=6, periods=700), waves(series=6, periods=700)
    young[:, :420] = np.nan
    worth = []
    for values in (long, young):
        _, scores = night(values, known_until=END - dt.timedelta(days=1))
        worth.append(scores.pivot("metric", index="target", values="value"))
    assert worth[1]["alarm_f1_calendar"].mean() == pytest.approx(worth[1]["alarm_f1_random"].mean(), abs=0.12)
    assert worth[0].height >= worth[1].height
