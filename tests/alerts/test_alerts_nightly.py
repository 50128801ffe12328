"""The nightly decision: who is tested, what fires, identity, life cycle and evidence."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pytest

from forecasting.alerts.lifecycle import alert_id
from forecasting.alerts.nightly import AlertInputs, contagion_candidates, detect_alerts, detect_since
from forecasting.alerts.prevalence import episode_onsets, past_precision
from forecasting.alerts.wording import forbidden_terms
from warehouse.config import AlertsConfig
from warehouse.tables import QUANTILES, TABLES, empty

END = dt.date(2024, 3, 1)
NO_VERDICTS = pl.DataFrame(schema={"alert_id": pl.String, "status": pl.String, "note": pl.String})


def _contract(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    table = TABLES[name]
    return table.schema.validate(frame.select(table.columns), cast=True)


def _catalogue(signals: int = 4, **changes: str) -> pl.DataFrame:
    row = {
        "scorer": "x",
        "measure": "m",
        "statistic": "share",
        "smoothing": "none",
        "unit": "share",
    } | changes
    better = [k == 3 for k in range(signals)]
    frame = pl.DataFrame({"signal": [f"s{k}" for k in range(signals)]}).with_columns(
        *(pl.lit(value).alias(name) for name, value in row.items()),
        pl.Series("label_en", [f"Mood {k}" for k in range(signals)]),
        pl.lit("x").alias("label_es"),
        pl.Series("direction", ["higher_is_better" if b else "higher_is_worse" for b in better]),
    )
    return _contract("out.signal_catalogue", frame)


def _signals(
    share: dict[int, float] | None = None,
    *,
    days: int = 100,
    n: int = 600,
    posts_tail: int = 1,
    **changes: Any,
) -> pl.DataFrame:
    """Four signals at one place; `share` sets the last days' share of signal 1 by days before the end."""
    rng = np.random.default_rng(0)
    parts = []
    for k in range(4):
        p = np.full(days, 0.1 + 0.02 * k)
        for back, value in (share or {}).items():
            p[-1 - back] = value if k == 1 else p[-1 - back]
        value = rng.binomial(n, p) / n
        posts = np.full(days, 2 * n) + rng.integers(0, 100, days)
        posts[-7:] *= posts_tail
        parts.append(
            pl.DataFrame({"value": value, "n_posts": posts}).with_columns(
                pl.lit(f"s{k}").alias("signal"),
                pl.Series("time_value", [END - dt.timedelta(days=days - 1 - t) for t in range(days)]),
            )
        )
    fixed: dict[str, Any] = {
        "population": "all",
        "geo_type": "nation",
        "geo_value": "GB",
        "time_type": "day",
        "issue": END + dt.timedelta(days=1),
        "sample_size": n,
        "se": 0.012,
        "reliability": "high",
        "missing_value": 0,
        "missing_se": 0,
        "missing_sample_size": 0,
        "vintage": "assumed",
        "people_unknown": False,
        "value_unweighted": None,
        "value_corrected": None,
        "corrected_se": None,
        "numerator": None,
    } | changes
    return _contract(
        "out.signals", pl.concat(parts).with_columns(pl.lit(v).alias(k) for k, v in fixed.items())
    )


def _inputs(signals: pl.DataFrame, **given: Any) -> AlertInputs:
    frames = {
        "outlook": empty(TABLES["out.peak_outlook"]),
        "contagion": empty(TABLES["out.contagion"]),
        "previous": empty(TABLES["out.alerts"]),
        "acknowledged": NO_VERDICTS,
        "catalogue": _catalogue(),
        "config": AlertsConfig(),
    } | given
    return AlertInputs(signals=signals, reporting_lag_days=1, people_floor=50, **frames)


def _detect(
    signals: pl.DataFrame, *, issue: dt.date = END + dt.timedelta(days=1), **given: Any
) -> pl.DataFrame:
    return detect_alerts(_inputs(signals, **given), issue=issue).alerts


def test_a_risen_share_gives_one_alert_with_its_evidence() -> None:
    alerts = _detect(_signals({0: 0.25}), config=AlertsConfig(help_line="Call 123."))
    assert alerts.select("kind", "signal", "location", "time_value", "status").row(0) == (
        "prevalence_high",
        "s1",
        "GB",
        END,
        "open",
    )
    row = alerts.row(0, named=True)
    assert row["observed"] > row["threshold"] > row["expected"]
    assert row["p_value"] <= row["q_value"] <= 0.05
    assert row["sample_size"] == 600
    assert forbidden_terms(row["message"]) == []
    assert row["message"].endswith("Call 123.")
    assert "2024-03-01" in row["message"]


def test_calm_series_give_none() -> None:
    assert _detect(_signals()).is_empty()


def test_a_rise_of_something_good_is_no_alert() -> None:
    catalogue = _catalogue().with_columns(
        pl.lit("higher_is_better")
        .cast(pl.Enum(["higher_is_worse", "higher_is_better", "neutral"]))
        .alias("direction")
    )
    assert _detect(_signals({0: 0.25}), catalogue=catalogue).is_empty()


@pytest.mark.parametrize(
    "given",
    [
        {"signals": _signals({0: 0.25}, reliability="suppressed")},
        {"signals": _signals({0: 0.4}, n=40)},
        {"signals": _signals({0: 0.25}), "catalogue": _catalogue(smoothing="7dav")},
        {"signals": _signals({0: 0.25}), "issue": END},
    ],
    ids=["suppressed", "below the floor", "smoothed", "not yet reported"],
)
def test_cells_that_must_not_be_judged_are_not(given: dict[str, Any]) -> None:
    assert _detect(given.pop("signals"), **given).is_empty()


def test_the_same_issue_gives_the_same_rows_with_and_without_its_own_rows_before_it() -> None:
    signals = _signals({0: 0.25})
    first = _detect(signals)
    assert _detect(signals).equals(first)
    assert _detect(signals, previous=first).equals(first)


def test_a_continuing_alert_keeps_its_id() -> None:
    signals = _signals({0: 0.25, 1: 0.25})
    before = _detect(signals, issue=END)
    after = _detect(signals, previous=before)
    assert before["time_value"].to_list() == [END - dt.timedelta(days=1)]
    assert after["time_value"].to_list() == [END]
    assert after["alert_id"].equals(before["alert_id"])


def test_an_alert_stays_open_two_quiet_days_and_resolves_on_the_third() -> None:
    signals = _signals({4: 0.25})
    states = []
    alerts = empty(TABLES["out.alerts"])
    for back in (4, 3, 2, 1, 0):
        alerts = _detect(signals, issue=END - dt.timedelta(days=back - 1), previous=alerts)
        states.append(alerts["status"].to_list())
    assert states == [["open"], ["open"], ["open"], ["resolved"], []]


def test_an_acknowledged_alert_says_so() -> None:
    signals = _signals({0: 0.25})
    name = _detect(signals)["alert_id"][0]
    verdict = pl.DataFrame({"alert_id": [name], "status": ["acknowledged"], "note": ["seen"]})
    assert _detect(signals, acknowledged=verdict)["status"].to_list() == ["acknowledged"]


def test_a_jump_in_volume_is_a_data_break_and_casts_doubt_on_other_alerts() -> None:
    alerts = _detect(_signals({0: 0.25}, posts_tail=3))
    kinds = dict(alerts.select("kind", "severity").iter_rows())
    assert set(kinds) == {"data_break", "prevalence_high"}
    assert kinds["prevalence_high"] == "low"
    broken = alerts.filter(pl.col("kind") == "data_break").row(0, named=True)
    assert broken["observed"] > 2.5 * broken["expected"]


def test_all_signals_moving_together_is_a_data_break() -> None:
    late = pl.col("time_value") > END - dt.timedelta(days=7)
    moved = _signals().with_columns(
        pl.when(late).then(pl.col("value") * 1.6).otherwise("value").alias("value")
    )
    alerts = _detect(_contract("out.signals", moved))
    assert "several_signals" in alerts["signal"].to_list()


def _outlook(chance: float, *, skill: str = "yes", signal: str = "s1") -> pl.DataFrame:
    fixed = {
        "model_id": "dynamics", "reference_date": END, "target": signal, "population": "all", "geo_type": "nation",
        "location": "GB", "time_type": "day", "expected_first_day": END + dt.timedelta(days=3), "threshold": 0.2,
        "baseline_probability": 0.1, "skill": skill, "alarm_days": 7, "alarm_from": 0.4, "past_precision": 0.6,
        "n_onsets": 8,
    }  # fmt: skip
    rows = [fixed | {"horizon_days": days, "probability": chance * days / 7} for days in (1, 3, 7)]
    return _contract("out.peak_outlook", pl.DataFrame(rows))


def test_a_likely_high_is_an_alert_with_a_lead_and_its_past_precision() -> None:
    row = _detect(_signals(), outlook=_outlook(0.41)).row(0, named=True)
    assert (row["kind"], row["lead_days"], row["past_precision"]) == ("forecast_high", 3, 0.6)
    assert row["observed"] == pytest.approx(0.41)
    assert forbidden_terms(row["message"]) == []


@pytest.mark.parametrize(
    "outlook",
    [_outlook(0.39), _outlook(0.95, skill="no"), _outlook(0.95, skill="unknown")],
    ids=["usual", "no skill", "unknown"],
)
def test_a_usual_chance_or_one_without_skill_is_no_alert(outlook: pl.DataFrame) -> None:
    assert _detect(_signals(), outlook=outlook).is_empty()


def _followed(**given: Any) -> pl.DataFrame:
    """A row of all ties with a verdict, an interval well above 1, and an excess in all three parts."""
    row = dict.fromkeys(TABLES["out.contagion"].columns) | {
        "measure": "anger",
        "population": "all",
        "geo_type": "all",
        "location": "all",
        "window_start": END - dt.timedelta(days=30),
        "window_end": END,
        "tie_bin": "all",
        "n_edges": 900,
        "n_people": 400,
        "follow_rate": 0.3,
        "null_rate": 0.2,
        "ratio": 1.5,
        "ratio_low": 1.1,
        "ratio_high": 1.9,
        "parts_above": 3,
        "p_value": 0.01,
        "q_value": 0.01,
    }
    return _contract("out.contagion", pl.DataFrame([row | given]))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, 1),
        ({"q_value": 0.2}, 0),
        ({"q_value": None}, 0),
        ({"n_people": 30}, 0),
        ({"n_people": None}, 1),
        ({"ratio_low": 1.09}, 0),
        ({"ratio_low": None, "ratio_high": None}, 0),
        ({"parts_above": 2}, 0),
        ({"parts_above": None}, 0),
    ],
)
def test_contagion_alerts_need_a_verdict_that_is_large_and_lasts_and_enough_people(
    given: dict[str, Any], expected: int
) -> None:
    alerts = _detect(_signals(), contagion=_followed(**given))
    assert alerts["kind"].to_list() == ["contagion"] * expected


def test_an_excess_that_has_become_small_is_still_an_exceedance_but_fires_no_alert() -> None:
    rows = pl.concat(
        [
            _followed(parts_above=1),
            _followed(measure="joy", ratio=0.7),
            _followed(measure="fear", q_value=0.06),
        ]
    )
    found = contagion_candidates(rows, people_floor=50).sort("signal")
    assert found.select("signal", "fires", "exceeds").rows() == [
        ("anger", False, True),
        ("fear", False, False),
        ("joy", False, False),
    ]


def test_nothing_in_gives_nothing_out_in_the_contract() -> None:
    alerts = _detect(empty(TABLES["out.signals"]), catalogue=empty(TABLES["out.signal_catalogue"]))
    assert alerts.is_empty()
    assert alerts.columns == TABLES["out.alerts"].columns


def test_an_episode_begins_at_its_first_exceedance_and_ends_after_three_quiet_periods() -> None:
    exceeds = np.array([[0, 1, 0, 0, 1, 0, 0, 0, 1, 0]], dtype=bool)
    onset = episode_onsets(exceeds)[0]
    assert onset[[1, 4, 8]].tolist() == [1, 1, 8]


def test_past_precision_counts_confirmed_alarms_once_there_are_five() -> None:
    p = np.full((2, 80), 0.5)
    p[:, [5, 15, 25, 35, 45]] = 0.001
    p[0, [6, 16, 27]] = 0.03
    p[1, 45] = 0.5
    share = past_precision(p, alpha=0.01)
    assert share[0] == pytest.approx(0.6)
    assert np.isnan(share[1])


def test_a_first_run_says_since_when_and_keeps_what_has_passed_on_record() -> None:
    passed = _detect_first(_signals({10: 0.25, 9: 0.25})).filter(pl.col("signal") == "s1")
    assert passed.select("kind", "status").rows() == [("prevalence_high", "resolved")]
    lasting = _detect_first(_signals({2: 0.25, 1: 0.25, 0: 0.25})).filter(pl.col("signal") == "s1")
    assert lasting["status"].to_list() == ["open"]
    assert f"since {END - dt.timedelta(days=2)}" in lasting["message"][0]
    assert lasting["since"].to_list() == [END - dt.timedelta(days=2)]
    assert set(lasting["issue"]) == {END + dt.timedelta(days=1)}


def test_the_night_after_a_night_judges_that_night_alone() -> None:
    issue = END + dt.timedelta(days=1)
    inputs = _inputs(_signals({0: 0.25}))
    alone = detect_alerts(inputs, issue=issue)
    assert alone.alerts.height == 1
    since = detect_since(inputs, last_night=END, issue=issue)
    assert since.alerts.equals(alone.alerts)
    assert since.tests.equals(alone.tests)


def test_nights_that_nobody_ran_are_judged_with_what_arrived_tonight() -> None:
    """A two-day rise inside a missed week is on record, although every one of its days was first issued tonight."""
    issue = END + dt.timedelta(days=1)
    missed = END - dt.timedelta(days=8)
    signals = _signals({5: 0.25, 4: 0.25}).with_columns(
        issue=pl.when(pl.col("time_value") <= missed)
        .then(missed + dt.timedelta(days=1))
        .otherwise(pl.lit(issue)),
        vintage=pl.lit("real"),
    )
    typed = _contract("out.signals", signals.with_columns(pl.col(pl.Enum).cast(pl.String)))
    found = detect_since(_inputs(typed), last_night=missed + dt.timedelta(days=1), issue=issue).alerts
    found = found.filter(pl.col("signal") == "s1")
    assert found.select("kind", "status").rows() == [("prevalence_high", "resolved")]


def _detect_first(signals: pl.DataFrame) -> pl.DataFrame:
    return detect_since(_inputs(signals), last_night=None, issue=END + dt.timedelta(days=1)).alerts


def test_a_day_and_a_week_that_begin_together_are_two_alerts() -> None:
    told = {"kind": "prevalence_high", "signal": "s", "population": "all", "place": ("nation", "US")}
    ids = {alert_id(**told, time_type=step, onset=dt.date(2024, 5, 26)) for step in ("day", "week")}
    assert len(ids) == 2


def _said(alerts: pl.DataFrame, *, status: str) -> pl.DataFrame:
    return alerts.select("alert_id", pl.lit(status).alias("status"), pl.lit("").alias("note"))


def test_what_a_person_resolved_stays_so_until_it_is_over_and_keeps_its_name() -> None:
    """A lasting rise of 12 nights, resolved by a person on the first: no new alert while it lasts."""
    share = dict.fromkeys(range(12), 0.2)
    issues = [END + dt.timedelta(days=1 - back) for back in range(11, -1, -1)]
    seen, said, told = empty(TABLES["out.alerts"]), NO_VERDICTS, []
    for issue in issues:
        known = _signals(share).filter(pl.col("time_value") < issue)
        night = _detect(known, issue=issue, previous=seen, acknowledged=said).filter(pl.col("signal") == "s1")
        said = _said(night, status="resolved") if said.is_empty() and night.height else said
        told += night.select("alert_id", "group_id", "status").rows()
        seen = pl.concat([seen, night])
    assert len({row[0] for row in told}) == 1
    assert len({row[1] for row in told}) == 1
    assert {row[2] for row in told[1:]} == {"resolved"}


def test_an_alert_of_a_series_that_ends_is_over_in_the_end() -> None:
    first = _detect(_signals({0: 0.25}))
    later = END + dt.timedelta(days=20)
    waiting = _detect(_signals({0: 0.25}).clear(), issue=later, previous=first)
    assert waiting["status"].to_list() == ["open"]
    over = _detect(_signals({0: 0.25}).clear(), issue=END + dt.timedelta(days=28), previous=waiting)
    assert over.select("status", "ended").row(0) == ("resolved", END + dt.timedelta(days=28))


def test_a_slow_rise_is_an_alert_with_since_when_how_much_and_no_threshold() -> None:
    share = {back: 0.12 + 0.001 * (20 - back) for back in range(20)}
    alerts = _detect(_signals(share, days=420, n=2000), config=AlertsConfig(help_line="Call 123."))
    rises = alerts.filter(pl.col("kind").cast(pl.String) == "prevalence_rise", pl.col("signal") == "s1")
    row = rises.row(0, named=True)
    assert row["threshold"] is None
    assert row["observed"] > row["expected"]
    assert row["since"] < END - dt.timedelta(days=6)
    assert f"since {row['since']}" in row["message"]
    assert "more; about 2,000 people on 2024-03-01)" in row["message"]
    assert forbidden_terms(row["message"]) == []
    whole = alerts.filter(pl.col("signal") == "s1")
    assert whole["group_id"].n_unique() == 1


def _forecast(*, horizon: int, model: str = "ensemble", shift: float = 0.0) -> pl.DataFrame:
    """A forecast of signal 1 on the last day: its median is 0.12 + shift, its levels a hundredth apart."""
    levels = TABLES["out.forecasts"]
    rows = [
        {"model_id": model, "reference_date": END - dt.timedelta(days=horizon), "target": "s1", "population": "all",
         "geo_type": "nation", "location": "GB", "time_type": "day", "horizon": horizon, "output_type": "quantile",
         "output_type_id": level, "target_end_date": END, "value": 0.12 + shift + 0.1 * (level - 0.5),
         "is_fallback": False, "limited_history": False}
        for level in QUANTILES
    ]  # fmt: skip
    return levels.schema.validate(pl.DataFrame(rows).select(levels.columns), cast=True)


def test_a_high_value_is_held_against_the_forecast_of_a_week_before_and_no_newer_one() -> None:
    forecasts = pl.concat([
        _forecast(horizon=3, shift=-0.05), _forecast(horizon=7, shift=0.1), _forecast(horizon=9, shift=0.3),
        _forecast(horizon=7, model="other", shift=0.4),
    ])  # fmt: skip
    row = _detect(_signals({0: 0.25}), forecasts=forecasts).row(0, named=True)
    assert row["forecast_issued"] == END - dt.timedelta(days=7)
    level = np.interp(row["observed"], [0.22 + 0.1 * (q - 0.5) for q in QUANTILES], QUANTILES)
    assert row["forecast_p"] == pytest.approx(1 - level)


def test_a_value_beyond_all_levels_has_the_outermost_chance_and_none_without_a_forecast() -> None:
    far = _detect(_signals({0: 0.25}), forecasts=_forecast(horizon=7, shift=-0.1))
    assert far["forecast_p"].to_list() == [pytest.approx(0.01)]
    assert _detect(_signals({0: 0.25}))["forecast_p"].to_list() == [None]


@pytest.mark.parametrize(
    ("lines", "ending"), [({"gb": "Call 116."}, "Call 116."), ({"US": "Call 988."}, "Call 1.")]
)
def test_each_country_has_its_own_help_line(lines: dict[str, str], ending: str) -> None:
    config = AlertsConfig(help_line="Call 1.", help_lines=lines)
    assert _detect(_signals({0: 0.25}), config=config)["message"][0].endswith(ending)
