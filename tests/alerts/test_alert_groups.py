"""Which alerts tell one story, and that a story keeps its name."""

from __future__ import annotations

import datetime as dt

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.alerts.groups import with_groups

DAY = dt.date(2024, 3, 1)
CATALOGUE = pl.DataFrame({"signal": ["fear_a", "fear_b", "anger"], "measure": ["fear", "fear", "anger"]})
SCHEMA = {
    "alert_id": pl.String, "group_id": pl.String, "signal": pl.String, "geo_type": pl.String, "location": pl.String,
    "time_type": pl.String, "since": pl.Date, "time_value": pl.Date, "kind": pl.String, "ended": pl.Date,
}  # fmt: skip


def _alert(name: str, *, group: str | None = None, **given: object) -> dict[str, object]:
    row = {
        "signal": "fear_a",
        "geo_type": "nation",
        "location": "US",
        "time_type": "day",
        "since": DAY,
        "status": "open",
    }
    row |= {"kind": "prevalence_high"} | given
    return {"alert_id": name, "group_id": group, "time_value": row["since"]} | row


def _groups(*alerts: dict[str, object]) -> dict[str, str]:
    made = with_groups(pl.DataFrame(list(alerts), schema=SCHEMA), catalogue=CATALOGUE)
    return dict(made.select("alert_id", "group_id").iter_rows())


def test_what_begins_together_in_one_place_is_one_story() -> None:
    later = {"signal": "anger", "since": DAY + dt.timedelta(days=7)}
    assert _groups(_alert("a"), _alert("b", **later)) == {"a": "a", "b": "a"}


def test_what_begins_much_later_is_another_story() -> None:
    later = {"signal": "anger", "since": DAY + dt.timedelta(days=8)}
    assert _groups(_alert("a"), _alert("b", **later)) == {"a": "a", "b": "b"}


def test_a_weekly_alert_may_begin_two_weeks_apart() -> None:
    later = {"time_type": "week", "since": DAY + dt.timedelta(days=14)}
    assert _groups(_alert("a"), _alert("b", **later)) == {"a": "a", "b": "a"}


def test_one_measure_in_places_that_hold_each_other_is_one_story() -> None:
    found = _groups(
        _alert("all", geo_type="all", location="all", since=DAY - dt.timedelta(days=1)),
        _alert("nation", signal="fear_b"),
        _alert("region", geo_type="region", location="US-CA"),
        _alert("elsewhere", geo_type="region", location="GB-ENG", signal="anger"),
        _alert("near", geo_type="region", location="USX-1", signal="anger"),
    )
    assert found == {"all": "all", "nation": "all", "region": "all", "elsewhere": "elsewhere", "near": "near"}


def test_a_slow_rise_and_the_high_at_its_end_are_one_story() -> None:
    rise = _alert("rise", kind="prevalence_rise", since=DAY - dt.timedelta(days=27), time_value=DAY)
    assert _groups(rise, _alert("high"), _alert("other", signal="anger")) == dict.fromkeys(
        ("rise", "high", "other"), "rise"
    )


def test_contagion_of_a_measure_belongs_to_its_rise_by_the_end_of_its_window() -> None:
    spread = {"kind": "contagion", "signal": "fear", "since": DAY - dt.timedelta(days=89), "time_value": DAY}
    assert _groups(_alert("c", **spread), _alert("high")) == {"c": "c", "high": "c"}


def test_two_regions_alone_are_two_stories() -> None:
    found = _groups(
        _alert("a", geo_type="region", location="US-CA"), _alert("b", geo_type="region", location="US-NY")
    )
    assert found == {"a": "a", "b": "b"}


def test_a_new_alert_joins_an_old_story_and_merges_none() -> None:
    found = _groups(
        _alert("x", group="old", signal="anger"),
        _alert("y", group="other", geo_type="region", location="US-CA", since=DAY + dt.timedelta(days=1)),
        _alert("z"),
    )
    assert found == {"x": "old", "y": "other", "z": "old"}


def test_a_resolved_story_takes_in_nothing_new() -> None:
    assert _groups(_alert("x", group="old", ended=DAY), _alert("z", signal="anger"))["z"] == "z"


PLACES = [("all", "all"), ("nation", "US"), ("nation", "GB"), ("region", "US-CA"), ("region", "US-NY")]
ALERTS = st.lists(
    st.tuples(st.sampled_from(["fear_a", "fear_b", "anger"]), st.sampled_from(PLACES), st.integers(0, 30)),
    min_size=1,
    max_size=12,
)


@given(drawn=ALERTS, order=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_groups_do_not_depend_on_the_order_of_rows_and_are_named_by_a_member(
    drawn: list[tuple[str, tuple[str, str], int]], order: object
) -> None:
    alerts = [
        _alert(
            f"{k:02}",
            signal=signal,
            geo_type=place[0],
            location=place[1],
            since=DAY + dt.timedelta(days=days),
        )
        for k, (signal, place, days) in enumerate(drawn)
    ]
    found = _groups(*alerts)
    assert set(found.values()) <= set(found)
    assert all(found[group] == group for group in found.values())
    shuffled = list(alerts)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert _groups(*shuffled) == found
