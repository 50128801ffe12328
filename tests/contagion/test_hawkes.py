"""Branching ratios: planted ones are inside their interval, slow drivers give none, doubts are said."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hawkes_worlds import Stream, make_events

from forecasting.contagion.branching import ESTIMATED, NOT_IDENTIFIABLE, OTHER, Floors, branching
from forecasting.contagion.extras import with_branching
from forecasting.contagion.hawkes import Events, fit_hawkes
from forecasting.contagion.kernels import excitement
from warehouse.tables import TABLES, empty

FLOORS = Floors(people=50, posts=None, step=5)
START = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)


def _posts(events: Events, *, people: int = 5000) -> pl.DataFrame:
    """Kind 0 is anger; authors are drawn so that hardly anybody posts twice within an hour."""
    who = np.random.default_rng(0).integers(0, people, len(events.times))
    return pl.DataFrame(
        {
            "post_id": [f"p{k}" for k in range(len(who))],
            "author_key": [f"a{k}" for k in who],
            "created_at": pl.Series([START + dt.timedelta(hours=float(t)) for t in events.times]),
            "anger": (events.marks == 0).astype(float),
        }
    )


def _branching(posts: pl.DataFrame, *, floors: Floors = FLOORS) -> dict[str, object]:
    rows = branching(posts, measures=("anger",), thresholds={"anger": 0.5}, floors=floors)
    return rows.filter(pl.col("target") == "anger", pl.col("source") == "anger").row(0, named=True)


def test_what_was_seen_of_earlier_events_equals_a_loop() -> None:
    rng = np.random.default_rng(0)
    times, marks = np.sort(rng.uniform(0, 10, 30)), rng.integers(0, 2, 30)
    times[11] = times[10]
    fast = excitement(times, marks, times, 2, 0.7)
    for n, now in enumerate(times):
        for kind in range(2):
            before = times[(times < now) & (marks == kind)]
            assert fast[n, kind] == pytest.approx((0.7 * np.exp(-0.7 * (now - before))).sum())


@pytest.mark.parametrize("driver", [0.0, 0.7])
def test_a_daily_cycle_and_a_slow_driver_alone_give_no_branching(driver: float) -> None:
    """At least 94 of 100 runs are near 0 or not identifiable; of 12 none may claim more."""
    claims = 0
    for seed in range(12):
        row = _branching(_posts(make_events(Stream(seed=seed, days=20, per_day=20, driver=driver))))
        claims += row["verdict"] == ESTIMATED and row["branching_low"] > 0  # type: ignore[operator]
    assert claims == 0


def test_without_a_drifting_level_a_slow_driver_would_have_been_taken_for_branching() -> None:
    events = make_events(Stream(seed=1, driver=0.7))
    assert fit_hawkes(events, drifts=False, delays=(1.0,)).low[0, 0] > 0.05
    assert fit_hawkes(events, drifts=True, delays=(1.0,)).low[0, 0] == 0


@pytest.mark.parametrize("ratio", [0.3, 0.6])
def test_a_planted_ratio_is_inside_its_interval(ratio: float) -> None:
    inside, found = 0, []
    for seed in range(6):
        fit = fit_hawkes(make_events(Stream(seed=seed, days=20, ratio=ratio)), drifts=True)
        inside += fit.low[0, 0] <= ratio <= fit.high[0, 0]
        found.append(fit.ratios[0, 0])
        assert fit.high[1, 1] < 0.5
        assert fit.low[1, 0] == 0
    assert inside >= 5
    assert np.mean(found) == pytest.approx(ratio, abs=0.08)


def test_a_ratio_that_is_told_apart_is_reported_with_delay_and_radius() -> None:
    row = _branching(_posts(make_events(Stream(seed=3, ratio=0.6))))
    assert row["verdict"] == ESTIMATED
    assert 0 < row["branching_low"] < 0.6 < row["branching_high"] < 1  # type: ignore[operator]
    assert row["mean_delay_hours"] in (0.5, 1.0, 2.0)
    assert row["fit_p"] > 0.01  # type: ignore[operator]
    assert row["n_events"] % 5 == 0  # type: ignore[operator]


def test_times_a_person_posts_in_bursts_are_one_event() -> None:
    posts = _posts(make_events(Stream(seed=4, days=15, per_day=20)))
    again = posts.with_columns(pl.col("created_at") + pl.duration(minutes=5), post_id=pl.col("post_id") + "x")
    both = pl.concat([posts, again])
    assert abs(_branching(both)["n_events"] - _branching(posts)["n_events"]) <= 15  # type: ignore[operator]


def _bursts(days: int) -> pl.DataFrame:
    """Half of the gaps are a second, half two hours: nothing a smooth delay explains."""
    gaps = np.tile([1 / 3600, 1 / 3600, 1 / 3600, 2.0], days * 12)
    times = np.cumsum(gaps) + 0.01
    rng = np.random.default_rng(0)
    rest = rng.uniform(times[0], times[-1], 400)
    marks = np.r_[np.zeros(len(times), dtype=np.int64), np.ones(400, dtype=np.int64)]
    order = np.argsort(np.r_[times, rest])
    return _posts(Events(np.r_[times, rest][order], marks[order], 2, 0))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda p: p.filter(pl.col("anger") == 0).vstack(p.filter(pl.col("anger") == 1).head(150)),
            "fewer than 200",
        ),
        (lambda p: p.with_columns(pl.col("created_at").dt.truncate("1d")), "day only"),
        (lambda p: p.with_columns(pl.col("created_at").dt.truncate("1h")), "hour only"),
        (
            lambda p: p.with_columns(author_key=pl.format("a{}", pl.int_range(pl.len()) % 40)),
            "too few people",
        ),
        (lambda p: p.with_columns(author_key=pl.lit(None, dtype=pl.String)), "too few people"),
        (
            lambda p: p.with_columns(created_at=START + (pl.col("created_at") - START) / 10),
            "fewer than three days",
        ),
        (lambda p: p.clear(), "no posts"),
        (lambda _: _bursts(20), "fit is rejected"),
    ],
)
def test_what_cannot_be_known_says_why_and_shows_no_number(change, says: str) -> None:  # type: ignore[no-untyped-def]
    row = _branching(change(_posts(make_events(Stream(seed=6, days=15, per_day=40)))))
    assert row["verdict"] == NOT_IDENTIFIABLE
    assert says in str(row["reason"])
    assert row["branching_ratio"] is None
    assert row["branching_high"] is None


def test_the_nightly_rows_get_the_ratio_of_all_ties_and_reposts_are_no_events() -> None:
    posts = _posts(make_events(Stream(seed=3, ratio=0.6)))
    keys = {"measure": ["anger"] * 2, "tie_bin": ["all", "weak"]}
    rows = pl.concat([empty(TABLES["out.contagion"]), pl.DataFrame(keys)], how="diagonal_relaxed")
    links = pl.DataFrame(schema={"post_id": pl.String, "kind": pl.String})
    scores = posts.select("post_id", "anger")
    bare = posts.drop("anger")
    made = with_branching(
        rows, posts=bare, interactions=links, scores=scores, measures=("anger",), floors=FLOORS
    )
    assert made.columns == rows.columns
    assert made["branching_ratio"].to_list() == [_branching(posts)["branching_ratio"], None]
    angry = posts.filter(pl.col("anger") == 1).select("post_id", pl.lit("repost").alias("kind"))
    none = with_branching(
        rows, posts=bare, interactions=angry, scores=scores, measures=("anger",), floors=FLOORS
    )
    assert none["branching_ratio"].null_count() == 2
    assert made["branching_reason"].to_list() == [None, None]
    assert none["branching_reason"].to_list() == ["fewer than 200 events", None]


def test_rows_name_every_pair_of_kinds() -> None:
    rows = branching(
        _posts(make_events(Stream(seed=2, days=15))),
        measures=("anger",),
        thresholds={"anger": 0.5},
        floors=FLOORS,
    )
    assert set(rows.select("target", "source").rows()) == {
        (a, b) for a in ("anger", OTHER) for b in ("anger", OTHER)
    }


def test_a_count_that_few_people_are_behind_is_not_shown() -> None:
    """Neither where nothing is fitted, nor where too few people are behind a fit."""
    posts = _posts(make_events(Stream(seed=3, ratio=0.6)))
    lonely = posts.with_columns(author_key=pl.lit("one"))
    for some in (lonely, lonely.head(20), posts.head(20)):
        row = _branching(some)
        assert row["verdict"] == "not identifiable"
        assert row["n_events"] is None
