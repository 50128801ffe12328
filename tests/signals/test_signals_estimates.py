"""Person-day averaging against a reference in plain loops."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest
import signal_worlds as worlds
from signal_worlds import Night, ReadOff, day, draw, graded, lexicon, posts, reference, run_night, settings

from warehouse.cells import standard_error
from warehouse.config import AmplificationConfig, Config, SignalsConfig
from warehouse.signals import SignalSpec, catalogue
from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.vintages import CELL, latest

EVERY = {"levels": ("all", "nation", "region"), "populations": ("lang", "community")}
NUMBERS = ["value", "se", "sample_size", "n_posts", "numerator", "people_unknown"]


def core(store: Store) -> pl.DataFrame:
    return latest(store.read(TABLES["core.signals"]))


def assert_same(rows: pl.DataFrame, expected: dict[tuple[object, ...], dict[str, object]]) -> None:
    found = {tuple(row[name] for name in CELL): row for row in rows.iter_rows(named=True)}
    assert set(found) == set(expected)
    for cell, numbers in expected.items():
        for name in NUMBERS:
            assert found[cell][name] == pytest.approx(numbers[name], abs=1e-8), (cell, name)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("authorless", [0.0, 0.2, 0.55, 1.0])
def test_every_cell_equals_a_plain_loop_over_people(store: Store, seed: int, authorless: float) -> None:
    config = settings(**EVERY, kinds=("original", "reply"))
    drawn = draw(150, seed=seed, days=range(16), authorless=authorless, received=day(16))
    scorers = (ReadOff(), lexicon(), graded())
    run_night(store, Night(issue=day(16), arrivals=drawn, config=config, scorers=scorers))
    expected = {}
    for scorer in scorers:
        expected |= reference(drawn, scorer=scorer, config=config, last_day=day(15))
    assert_same(core(store), expected)


def test_a_person_who_posts_all_day_has_one_vote(store: Store) -> None:
    loud = [{"author_key": "loud", "text": "0.9 0.9"} for _ in range(97)]
    quiet = [{"author_key": f"quiet{n}", "text": "0.1 0.1"} for n in range(3)]
    config = Config(signals=SignalsConfig(), amplification=AmplificationConfig(burst_posts_per_hour=1000))
    run_night(store, Night(issue=day(1), arrivals=posts(loud + quiet, received=day(1)), config=config))
    row = core(store).row(
        by_predicate=(pl.col("signal") == "model_anger_share") & (pl.col("geo_type") == "region"), named=True
    )
    assert (row["value"], row["sample_size"], row["n_posts"], row["numerator"]) == (0.25, 4, 100, 1)


def test_a_threshold_belongs_to_the_language_and_is_reached_at_equality(store: Store) -> None:
    rows = [{"lang": lang, "text": "0.5 0.41", "author_key": lang} for lang in ("en", "es")]
    config = settings(populations=("lang",), levels=("all",))
    run_night(store, Night(issue=day(1), arrivals=posts(rows, received=day(1)), config=config))
    shares = {(r["signal"], r["population"]): r["value"] for r in core(store).iter_rows(named=True)}
    assert shares["model_anger_share", "lang=en"] == 1.0
    assert shares["model_anger_share", "lang=es"] == 0.0
    assert shares["model_joy_share", "lang=es"] == 1.0
    assert shares["model_anger_share", "all"] == 0.5


def test_a_measure_that_a_language_lacks_counts_only_people_who_were_scored_on_it(store: Store) -> None:
    rows = [
        {"author_key": f"p{n % 7}", "lang": ("en", "es")[n % 2 or n % 3 == 0], "day": n % 2,
         "text": f"{(n % 10) / 10} {(n % 4) / 4} 0.{n % 9}"}
        for n in range(60)
    ]  # fmt: skip
    config = settings(levels=("all",), populations=("lang",))
    english = [row for row in rows if row["lang"] == "en"]
    drawn = posts(rows, received=day(2))
    run_night(store, Night(issue=day(2), arrivals=drawn, config=config, scorers=(worlds.Taught(),)))
    found = core(store)
    assert set(found["signal"]) == {f"model_{name}" for name in (
        "anger_share", "anger_mean", "joy_share", "joy_mean", "calm_mean")}  # fmt: skip
    reader = ReadOff(measures=("anger", "joy"), thresholds={"en": (0.5, 0.3)})
    expected = reference(posts(english, received=day(2)), scorer=reader, config=config, last_day=day(1))
    assert_same(
        found.filter(pl.col("signal").str.starts_with("model_joy")),
        {cell: numbers for cell, numbers in expected.items() if cell[0].startswith("model_joy")},
    )


def test_half_without_an_author_are_left_out_and_more_than_half_make_people_unknown(store: Store) -> None:
    half = [{"author_key": None if n % 2 else f"p{n}", "day": 0} for n in range(4)]
    most = [{"author_key": None if n else "p", "day": 1} for n in range(3)]
    run_night(
        store,
        Night(issue=day(2), arrivals=posts(half + most, received=day(2)), config=settings(levels=("all",))),
    )
    rows = core(store).filter(pl.col("signal") == "model_anger_share").sort("time_value")
    assert rows["people_unknown"].to_list() == [False, True]
    assert rows["sample_size"].to_list() == [2, None]
    assert rows["n_posts"].to_list() == [2, 3]
    assert rows["missing_sample_size"].to_list() == [0, 1]


def test_a_day_is_described_after_the_lag_and_a_week_after_its_sunday(store: Store) -> None:
    config = settings(reporting_lag_days=2, levels=("all",))
    drawn = posts([{"day": n, "author_key": f"p{n}"} for n in range(12)], received=day(8))
    run_night(store, Night(issue=day(8), arrivals=drawn, config=config))
    rows = core(store).filter(pl.col("signal") == "model_anger_share")
    days = rows.filter(pl.col("time_type") == "day")["time_value"].to_list()
    assert days == [day(n) for n in range(7)]
    assert rows.filter(pl.col("time_type") == "week")["time_value"].to_list() == [day(6)]
    run_night(store, Night(issue=day(7), config=config, assumed=True))
    early = store.read(TABLES["core.signals"], where="issue = ?", parameters=[day(7)])
    assert early["time_value"].max() == day(5)
    assert early.filter(pl.col("time_type") == "week").is_empty()


def test_a_week_without_a_post_on_its_sunday_is_still_described(store: Store) -> None:
    config = settings(levels=("all",))
    first = posts([{"day": n} for n in range(3)], received=day(3))
    run_night(store, Night(issue=day(3), arrivals=first, config=config))
    for issue in range(4, 8):
        run_night(store, Night(issue=day(issue), config=config))
    weeks = core(store).filter(pl.col("time_type") == "week", pl.col("signal") == "model_anger_share")
    assert weeks.select("time_value", "issue", "n_posts").rows() == [(day(6), day(7), 3)]


def test_the_reliability_tier_follows_the_number_of_people(store: Store) -> None:
    rows = [row for n, people in enumerate((49, 50, 199, 200)) for row in _people(people, number=n)]
    run_night(
        store, Night(issue=day(4), arrivals=posts(rows, received=day(4)), config=settings(levels=("all",)))
    )
    rows_of = core(store).filter(pl.col("signal") == "model_anger_share").sort("time_value")
    assert rows_of["reliability"].to_list() == ["low", "moderate", "moderate", "high"]


def _people(people: int, *, number: int) -> list[dict[str, object]]:
    return [
        {"post_id": f"{number}-{person}", "author_key": f"{number}-{person}", "day": number}
        for person in range(people)
    ]


@pytest.mark.parametrize("variance", [0.0, 0.1, 0.25])
def test_the_error_of_a_mean_falls_with_people_and_never_to_zero(variance: float) -> None:
    frame = pl.DataFrame({"v": [variance] * 3, "n": [2, 50, 5000]})
    errors = frame.select(standard_error(variance=pl.col("v"), n=pl.col("n"))).to_series().to_list()
    assert errors[0] > errors[1] > errors[2] > 0
    assert errors[2] == pytest.approx((max(variance, 0.5 / 5001 * (1 - 0.5 / 5001)) / 5000) ** 0.5)


def test_one_person_alone_has_the_widest_error() -> None:
    frame = pl.DataFrame({"v": [None], "n": [1]}, schema={"v": pl.Float64, "n": pl.Int64})
    assert frame.select(standard_error(variance=pl.col("v"), n=pl.col("n"))).item() == 0.5


def test_the_catalogue_names_every_signal_once_with_its_average() -> None:
    rows = catalogue([ReadOff(), lexicon()])
    assert rows["signal"].is_unique().all()
    assert rows.height == 2 * (2 * 2 + 1)
    TABLES["out.signal_catalogue"].schema.validate(rows, cast=True)


def test_the_last_day_is_the_issue_less_the_lag() -> None:
    assert SignalSpec(config=settings(reporting_lag_days=0), issue=day(3)).last_day == day(3)
    assert SignalSpec(config=settings(reporting_lag_days=3), issue=day(3)).last_day == day(0)


def test_an_empty_warehouse_gives_empty_typed_tables(store: Store) -> None:
    written = run_night(store, Night(issue=day(5), scorers=(ReadOff(), lexicon())))
    assert written == (0, 0)
    for name in ("core.signals", "out.signals", "out.accounting"):
        rows = store.read(TABLES[name])
        assert rows.is_empty()
        assert rows.schema == TABLES[name].schema.create_empty().schema
    assert store.count(TABLES["out.signal_catalogue"]) == 10


def test_posts_that_nobody_could_score_give_no_signal(store: Store) -> None:
    night = Night(issue=day(1), arrivals=posts([{"lang": "zh"}, {"lang": None}], received=day(1)))
    assert run_night(store, night) == (0, 0)


def test_results_do_not_depend_on_how_the_work_is_cut(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw(300, seed=5, days=range(40), received=day(41))
    run_night(store, Night(issue=day(41), arrivals=drawn))
    whole = core(store)
    monkeypatch.setattr("warehouse.signals._BATCH_POSTS", 20)
    monkeypatch.setattr("warehouse.released._BATCH_ROWS", 50)
    released = latest(store.read(TABLES["out.signals"]))
    run_night(store, Night(issue=day(41)))
    assert core(store).equals(whole)
    assert latest(store.read(TABLES["out.signals"])).equals(released)


def test_days_are_dates_of_the_posts_not_of_the_issue(store: Store) -> None:
    assert worlds.MONDAY.isoweekday() == 1
    run_night(store, Night(issue=day(30), arrivals=posts([{"day": 0}], received=day(30))))
    assert set(core(store)["time_value"]) == {dt.date(2024, 1, 1), dt.date(2024, 1, 7)}
