"""Night after night: late posts, reruns, crashes, vintages, changed settings and scorers."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import signal_worlds as worlds
from signal_worlds import Night, ReadOff, crowd, day, draw, lexicon, posts, run_night, settings

import warehouse.released
import warehouse.signals
from warehouse.config import Config, DisclosureConfig, SignalsConfig
from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.vintages import CELL, as_of, latest

CORE, OUT = TABLES["core.signals"], TABLES["out.signals"]
ISSUED = ["issue", "vintage"]
CONFIG = settings(populations=("lang", "community"))


def newest(store: Store, table: str = "core.signals") -> pl.DataFrame:
    return latest(store.read(TABLES[table])).drop(ISSUED)


def arrivals(number: int) -> pl.DataFrame:
    """What comes in on the night of day `number`: mostly the day before, some of it late."""
    new = draw(25, seed=number, days=range(number - 1, number), received=day(number))
    late = draw(6, seed=100 + number, days=range(max(0, number - 12), number), received=day(number))
    return pl.concat([new, late])


@pytest.mark.parametrize("lag", [0, 2])
def test_night_by_night_ends_where_one_run_over_everything_ends(tmp_path: Path, lag: int) -> None:
    config = settings(populations=("lang",), reporting_lag_days=lag)
    nights = [n for n in range(1, 13) if n not in (5, 6)]
    with worlds.opened(tmp_path / "nightly") as store:
        for number in nights:
            run_night(store, Night(issue=day(number), arrivals=arrivals(number), config=config))
        nightly, nightly_out = newest(store), newest(store, "out.signals")
    with worlds.opened(tmp_path / "once") as store:
        everything = pl.concat(arrivals(number) for number in nights)
        run_night(store, Night(issue=day(nights[-1]), arrivals=everything, config=config))
        once, once_out = newest(store), newest(store, "out.signals")
    assert nightly.equals(once)
    assert nightly_out.equals(once_out)


def test_published_values_are_the_same_night_by_night_and_at_once(tmp_path: Path) -> None:
    def arriving(number: int) -> pl.DataFrame:
        rows = crowd(80 + number, days=range(number - 1, number), received=day(number), tag="new")
        rows += crowd(70, days=range(number - 1, number), received=day(number), place="US-NY")
        late = crowd(
            40, days=range(max(0, number - 4), number - 1, 2), received=day(number), tag=f"late{number}"
        )
        return posts(rows + late, received=day(number))

    with worlds.opened(tmp_path / "nightly") as store:
        for number in range(1, 12):
            run_night(store, Night(issue=day(number), arrivals=arriving(number)))
        nightly = newest(store, "out.signals")
        revised = store.read(OUT).group_by(CELL).len().filter(pl.col("len") > 1)
    with worlds.opened(tmp_path / "once") as store:
        run_night(store, Night(issue=day(11), arrivals=pl.concat(arriving(n) for n in range(1, 12))))
        once = newest(store, "out.signals")
    assert nightly.equals(once)
    assert once["value"].is_not_null().sum() > 100
    assert not revised.is_empty()


def test_a_late_post_issues_its_day_its_week_and_its_averages_again_and_nothing_else(store: Store) -> None:
    def steady(days: range, received: dt.date) -> pl.DataFrame:
        return posts(crowd(80, days=days, received=received), received=received)

    config = settings(levels=("region",))
    run_night(store, Night(issue=day(14), arrivals=steady(range(14), day(14)), config=config))
    run_night(store, Night(issue=day(15), arrivals=steady(range(14, 15), day(15)), config=config))
    run_night(store, Night(issue=day(16), arrivals=steady(range(15, 16), day(16)), config=config))
    late = posts(crowd(30, days=range(3, 4), received=day(17), tag="late", hits=30), received=day(17))
    run_night(store, Night(issue=day(17), arrivals=late, config=config))

    core = store.read(CORE, where="issue = ?", parameters=[day(17)])
    assert set(core.select("time_type", "time_value").rows()) == {("day", day(3)), ("week", day(6))}
    assert set(core["vintage"]) == {"real"}
    out = store.read(OUT, where="issue = ?", parameters=[day(17)])
    smooth = out.filter(pl.col("signal").str.ends_with("_7dav"))
    plain = out.filter(~pl.col("signal").str.ends_with("_7dav"))
    assert set(plain.select("time_type", "time_value").rows()) == {("day", day(3)), ("week", day(6))}
    # How often people post is read off the newest week, which is this one until the next Sunday.
    assert set(smooth["time_value"]) == {day(n) for n in range(3, 13)}


def test_a_night_without_new_posts_or_days_writes_nothing(store: Store) -> None:
    config = settings()
    run_night(
        store,
        Night(issue=day(10), arrivals=draw(100, seed=1, days=range(5), received=day(10)), config=config),
    )
    assert run_night(store, Night(issue=day(11), config=config)) == (0, 0)
    assert run_night(store, Night(issue=day(12), config=config)) == (0, 0)


def test_the_same_issue_again_changes_nothing(store: Store) -> None:
    for number in (10, 11):
        night = Night(issue=day(number), arrivals=arrivals(number), config=CONFIG)
        run_night(store, night)
        before = store.read(CORE), store.read(OUT), store.read(TABLES["out.accounting"])
        run_night(store, night)
        after = store.read(CORE), store.read(OUT), store.read(TABLES["out.accounting"])
        assert all(a.equals(b) for a, b in zip(before, after, strict=True))


def test_an_older_issue_made_again_stays_as_it_was_known_then(store: Store) -> None:
    for number in range(6, 11):
        run_night(store, Night(issue=day(number), arrivals=arrivals(number), config=CONFIG))
    before = store.read(CORE), store.read(OUT)
    run_night(store, Night(issue=day(8), config=CONFIG))
    assert store.read(CORE).equals(before[0])
    assert store.read(OUT).equals(before[1])


@pytest.mark.parametrize("where", ["core", "out"])
def test_a_crash_in_the_middle_leaves_the_rows_of_an_uninterrupted_run(
    tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = [Night(issue=day(n), arrivals=arrivals(n), config=CONFIG) for n in (10, 11)]
    with worlds.opened(tmp_path / "whole") as store:
        for night in nights:
            run_night(store, night)
        expected = store.read(CORE), store.read(OUT)
    with worlds.opened(tmp_path / "killed") as store:
        run_night(store, nights[0])
        with monkeypatch.context() as patched:
            broken = "warehouse.signals.catalogue" if where == "core" else "warehouse.released._reasons"
            patched.setattr(broken, _killed)
            with pytest.raises(KeyboardInterrupt):
                run_night(store, nights[1])
        assert store.read(CORE, where="issue = ?", parameters=[day(11)]).is_empty() == (where == "core")
        assert store.read(OUT, where="issue = ?", parameters=[day(11)]).is_empty()
        run_night(store, nights[1])
        assert store.read(CORE).equals(expected[0])
        assert store.read(OUT).equals(expected[1])


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_what_a_killed_night_did_not_release_is_released_the_night_after(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("warehouse.released._reasons", _killed)
        with pytest.raises(KeyboardInterrupt):
            run_night(
                store,
                Night(
                    issue=day(3), arrivals=posts(crowd(60, days=range(2), received=day(3)), received=day(3))
                ),
            )
    run_night(store, Night(issue=day(4)))
    rows = latest(store.read(OUT))
    assert set(rows.filter(pl.col("value").is_not_null())["time_value"]) == {day(0), day(1)}
    assert set(rows["vintage"]) == {"assumed"}


def test_posts_that_come_after_an_issue_of_the_same_day_are_in_the_next_one(store: Store) -> None:
    config = settings(levels=("all",))
    run_night(
        store,
        Night(
            issue=day(3),
            arrivals=posts(crowd(5, days=range(2), received=day(3)), received=day(3)),
            config=config,
        ),
    )
    store.append_new(
        TABLES["raw.posts"],
        posts(crowd(3, days=range(1), received=day(3), tag="x"), received=day(3)),
        run_id="t",
    )
    run_night(store, Night(issue=day(4), config=config))
    people = newest(store).filter(pl.col("signal") == "model_anger_share", pl.col("time_type") == "day")
    assert people.sort("time_value")["sample_size"].to_list() == [8, 5]


def test_the_first_issue_is_assumed_and_later_ones_are_real(store: Store) -> None:
    for number in (10, 11):
        run_night(store, Night(issue=day(number), arrivals=arrivals(number)))
    for table in (CORE, OUT):
        vintages = store.read(table).group_by("issue").agg(pl.col("vintage").unique()).sort("issue")
        assert vintages["vintage"].to_list() == [["assumed"], ["real"]]


def test_a_revision_of_bulk_history_is_real_also_in_the_averages_it_reaches(store: Store) -> None:
    bulk = posts(crowd(80, days=range(10), received=day(10)), received=day(10))
    run_night(store, Night(issue=day(10), arrivals=bulk))
    late = posts(crowd(30, days=range(2, 3), received=day(11), tag="late", hits=30), received=day(11))
    run_night(store, Night(issue=day(11), arrivals=late))
    out = store.read(OUT)
    assert set(out.filter(pl.col("issue") == day(11))["vintage"]) == {"real"}
    then = as_of(out, day(10), reporting_lag_days=1)
    assert set(then["issue"]) == {day(10)}


def test_as_of_gives_what_was_known_on_a_day(store: Store) -> None:
    bulk = draw(80, seed=2, days=range(5), received=day(5))
    run_night(store, Night(issue=day(5), arrivals=bulk))
    for number in range(6, 9):
        run_night(store, Night(issue=day(number), arrivals=arrivals(number)))
    rows = store.read(CORE)
    for number in range(5, 10):
        known = as_of(rows, day(number), reporting_lag_days=1)
        assert known.equals(latest(rows.filter(pl.col("issue") <= day(number))))
    early = as_of(rows, day(3), reporting_lag_days=1)
    assert set(early["issue"]) == {day(5)}
    assert early["time_value"].max() == day(2)


def test_as_of_takes_the_newest_issue_by_then_before_any_assumed_later_one(store: Store) -> None:
    bulk = posts(crowd(60, days=range(3), received=day(9)), received=day(9))
    run_night(store, Night(issue=day(9), arrivals=bulk, assumed=True))
    row = store.read(CORE).head(1)
    later = row.with_columns(issue=pl.lit(day(12)), value=pl.lit(0.123))
    both = pl.concat([row, later])
    assert as_of(both, day(10), reporting_lag_days=1)["issue"].to_list() == [day(9)]
    assert as_of(both, day(4), reporting_lag_days=1)["issue"].to_list() == [day(9)]
    assert as_of(both, day(12), reporting_lag_days=1)["value"].to_list() == [0.123]


def test_a_backfill_counts_posts_that_were_received_later_and_a_real_issue_does_not(store: Store) -> None:
    loaded = posts(crowd(60, days=range(6), received=day(20)), received=day(20))
    run_night(store, Night(issue=day(20), arrivals=loaded))
    for number in (3, 4, 5):
        run_night(store, Night(issue=day(number), assumed=True))
    past = store.read(CORE, where="issue < ?", parameters=[day(20)])
    days = past.filter(pl.col("time_type") == "day").select("issue", "time_value").unique().sort(pl.all())
    assert days.rows() == [
        (day(3), day(0)),
        (day(3), day(1)),
        (day(3), day(2)),
        (day(4), day(3)),
        (day(5), day(4)),
    ]
    assert run_night(store, Night(issue=day(6)))[0] == 0


def test_a_scorer_added_later_describes_all_of_the_past(store: Store) -> None:
    run_night(store, Night(issue=day(10), arrivals=arrivals(10)))
    run_night(store, Night(issue=day(11), arrivals=arrivals(11), scorers=(ReadOff(), lexicon())))
    rows = store.read(CORE, where="signal = 'lexicon_fear_share' AND time_type = 'day'")
    model = store.read(CORE, where="signal = 'model_anger_share' AND time_type = 'day'")
    assert rows["time_value"].min() <= model["time_value"].min() + dt.timedelta(days=2)
    assert set(rows["issue"]) == {day(11)}


def test_a_new_version_of_a_scorer_and_going_back_both_renew_the_past(store: Store) -> None:
    strict = {"en": (0.95, 0.95), "es": (0.95, 0.95)}
    for number, (version, levels) in enumerate([("1", None), ("2", strict), ("1", None)]):
        scorer = ReadOff(version=version) if levels is None else ReadOff(version=version, thresholds=levels)
        night = Night(issue=day(10 + 2 * number), scorers=(scorer,))
        run_night(store, replace(night, arrivals=arrivals(10)) if number == 0 else night)
        values = newest(store).filter(pl.col("signal") == "model_anger_share")["value"]
        assert (values.max() == 0.0) == (levels is not None)


def test_other_settings_renew_the_past(store: Store) -> None:
    drawn = draw(200, seed=3, days=range(10), received=day(10))
    run_night(store, Night(issue=day(10), arrivals=drawn, config=settings(levels=("all", "region"))))
    run_night(store, Night(issue=day(11), config=settings(levels=("all",), populations=("lang",))))
    run_night(store, Night(issue=day(13), config=settings(levels=("all",), populations=("lang",))))
    rows = latest(store.read(CORE))
    assert rows.filter(pl.col("population") == "lang=en", pl.col("time_type") == "day").height > 20
    regions = rows.filter(pl.col("geo_type") == "region")
    assert set(regions["missing_value"]) == {4}
    assert regions["value"].is_null().all()
    assert set(rows.filter(pl.col("geo_type") == "all")["missing_value"]) == {0}


def test_a_stricter_floor_withdraws_what_was_published(store: Store) -> None:
    drawn = posts(crowd(60, days=range(8), received=day(8)), received=day(8))
    run_night(store, Night(issue=day(8), arrivals=drawn))
    assert newest(store, "out.signals")["value"].is_not_null().any()
    strict = Config(signals=SignalsConfig(), disclosure=DisclosureConfig(people_floor=100))
    run_night(store, Night(issue=day(9), config=strict))
    assert newest(store, "out.signals")["value"].is_null().all()


def test_modules_read_no_text() -> None:
    for module in (warehouse.signals, warehouse.released):
        assert "text" not in Path(str(module.__file__)).read_text(encoding="utf-8")
