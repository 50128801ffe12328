"""Series that others made: read, checked, disclosed and issued as they are."""

from __future__ import annotations

import datetime as dt
import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lake import MakeLake, make_lake, server
from warehouse.config import Config, SeriesConfig, parse_config
from warehouse.disclosure import breaches
from warehouse.errors import ConfigError
from warehouse.series import check_series, read_series, release_series, series_lags
from warehouse.series.read import ROWS
from warehouse.series.release import disclosed_series
from warehouse.store import Receipt, Store, open_store
from warehouse.tables import TABLES
from warehouse.vintages import as_of, latest

HEADER = "week,share,err,people,where,out"
COLUMNS = {
    "time_value": "week",
    "value": "share",
    "se": "err",
    "n": "people",
    "place": "where",
    "published": "out",
}
OUT = TABLES["out.signals"]
__all__ = ["make_lake", "server"]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("series") / "w.duckdb"
    with open_store(path, config=parse_config({}, where="test").warehouse) as store:
        yield store


@pytest.fixture
def store(opened: Store) -> Store:
    for name in ("out.signals", "out.signal_catalogue", "out.accounting", "core.identity"):
        opened.delete(TABLES[name], where="true")
    return opened


def write(folder: Path, *rows: str, name: str = "survey.csv", header: str = HEADER) -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def config(path: Path, **given: Any) -> Config:
    body = {
        "name": "survey", "path": str(path), "columns": COLUMNS, "scale": 100, "label_en": "Lonely",
        "label_es": "Soledad", "direction": "higher_is_worse",
    } | given  # fmt: skip
    return parse_config({"series": [body]}, where="test")


def release(store: Store, config: Config, *, issue: dt.date, assumed: bool = False) -> Receipt:
    return release_series(store, config=config, issue=issue, assumed=assumed, run_id="test")


def day(number: int, *, month: int = 3) -> dt.date:
    return dt.date(2024, month, number)


def known_on(store: Store, issue: dt.date) -> dict[tuple[str, dt.date], float | None]:
    rows = latest(store.read(OUT, where="issue <= ?", parameters=[issue]))
    return {
        (place, when): value
        for place, when, value in rows.select("geo_value", "time_value", "value").iter_rows()
    }


def counts(store: Store) -> dict[str, int]:
    rows = store.read(TABLES["out.accounting"])
    return dict(rows.sort("reason").select("reason", "n").iter_rows())


# ---------------------------------------------------------------------------------------- what is issued


def test_a_row_becomes_a_signal_with_its_own_people_and_error(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "2024-03-05,20,1.234567,1002,US-CA,2024-03-12")
    receipt = release(store, config(path), issue=day(12))
    (row,) = store.read(OUT).iter_rows(named=True)
    said = (
        "signal",
        "population",
        "geo_type",
        "geo_value",
        "time_type",
        "time_value",
        "issue",
        "value",
        "se",
    )
    assert [row[name] for name in said] == [
        "survey", "all", "region", "US-CA", "week", day(10), day(12), 0.2, 0.0123,
    ]  # fmt: skip
    assert (row["sample_size"], row["reliability"], row["vintage"]) == (1000, "high", "assumed")
    assert (row["n_posts"], row["value_corrected"], row["people_unknown"]) == (None, None, False)
    assert (receipt.rows_in, receipt.rows_out, receipt.problems) == (1, 1, ())
    (described,) = store.read(TABLES["out.signal_catalogue"]).iter_rows(named=True)
    assert (described["scorer"], described["unit"], described["smoothing"]) == (
        "series",
        "share of people",
        "none",
    )


def test_nothing_is_used_before_it_was_published_or_before_its_period_is_over(
    store: Store, tmp_path: Path
) -> None:
    path = write(
        tmp_path,
        "2024-03-04,20,1,1000,US,2024-03-12",
        "2024-03-04,30,1,1000,US,2024-03-20",
        "2024-03-13,40,1,1000,US,2024-03-14",
        "2024-03-20,50,1,1000,US,",
    )
    settings = config(path, lag_days=3)
    for issue, expected in (
        (day(11), {}),
        (day(12), {day(10): 0.2}),
        (day(16), {day(10): 0.2}),
        (day(17), {day(10): 0.2, day(17): 0.4}),
        (day(20), {day(10): 0.3, day(17): 0.4}),
        (day(26), {day(10): 0.3, day(17): 0.4}),
        (day(27), {day(10): 0.3, day(17): 0.4, day(24): 0.5}),
    ):
        release(store, settings, issue=issue)
        assert {when: value for (_, when), value in known_on(store, issue).items()} == expected, issue
    assert store.count(OUT) == 4
    assert {value for (_, when), value in known_on(store, day(12)).items() if when == day(10)} == {0.2}


def test_history_in_bulk_counts_as_known_its_lag_after_its_period_but_not_where_it_came_later(
    store: Store, tmp_path: Path
) -> None:
    path = write(
        tmp_path,
        "2024-03-03,20,1,1000,US,2024-03-08",
        "2024-03-10,30,1,1000,US,2024-04-20",
        "2024-03-17,40,1,1000,US,",
    )
    settings = config(path, lag_days=7)
    release(store, settings, issue=day(1, month=5))
    signals = store.read(OUT)
    assert dict(signals.select("time_value", "vintage").iter_rows()) == {
        day(3): "assumed", day(10): "real", day(17): "assumed",
    }  # fmt: skip

    def known(when: dt.date) -> list[dt.date]:
        rows = as_of(signals, when, reporting_lag_days=1, lags=series_lags(store, config=settings))
        return rows["time_value"].to_list()

    assert known(day(9)) == []
    assert known(day(10)) == [day(3)]
    assert known(day(23)) == [day(3)]
    assert known(day(24)) == [day(3), day(17)]
    assert known(day(1, month=5)) == [day(3), day(10), day(17)]


def test_a_smaller_lag_later_lets_no_row_be_used_before_it_was_published(
    store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path, "2024-03-10,20,1,1000,US,2024-03-19")
    first = day(1, month=5)

    def lag(settings: Config) -> int:
        return series_lags(store, config=settings)["survey"]

    def first_known(settings: Config) -> dt.date:
        lags = series_lags(store, config=settings)
        signals = store.read(OUT)
        days = [day(10) + dt.timedelta(days=after) for after in range(60)]
        return next(
            when for when in days if not as_of(signals, when, reporting_lag_days=1, lags=lags).is_empty()
        )

    before, after = config(path, lag_days=10), config(path, lag_days=2)
    release(store, before, issue=first)
    assert (first_known(before), lag(before), lag(after)) == (day(20), 10, 10)
    write(tmp_path, "2024-03-10,22,1,1000,US,2024-04-30")
    release(store, after, issue=first + dt.timedelta(days=1))
    assert store.read(OUT)["issue"].n_unique() == 2
    assert first_known(after) == day(20)
    assert lag(config(path, lag_days=30)) == 30


def test_a_lag_that_no_row_was_issued_with_any_more_is_forgotten(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "2024-03-10,20,1,1000,US,2024-03-12")
    for lag_days in (10, 2):
        release(store, config(path, lag_days=lag_days), issue=day(20))
        assert series_lags(store, config=config(path, lag_days=0)) == {"survey": lag_days}


def test_later_nights_are_real_and_add_only_what_differs(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "2024-03-03,20,1,1000,US,", "2024-03-10,30,1,1000,US,")
    release(store, config(path, lag_days=0), issue=day(3))
    release(store, config(path, lag_days=0), issue=day(9))
    release(store, config(path, lag_days=0), issue=day(10))
    # The makers correct one number and let the other go.
    write(tmp_path, "2024-03-10,31,1,1000,US,")
    release(store, config(path, lag_days=0), issue=day(11))
    rows = store.read(OUT).select("time_value", "issue", "value", "vintage").rows()
    assert rows == [
        (day(3), day(3), 0.2, "assumed"),
        (day(10), day(10), 0.3, "real"),
        (day(10), day(11), 0.31, "real"),
    ]


def test_past_issues_that_are_made_later_are_assumed(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "2024-03-03,20,1,1000,US,2024-03-04", "2024-03-03,22,1,1000,US,2024-03-06")
    for issue in (day(4), day(5), day(6)):
        release(store, config(path), issue=issue, assumed=True)
    assert store.read(OUT).select("issue", "value", "vintage").rows() == [
        (day(4), 0.2, "assumed"), (day(6), 0.22, "assumed"),
    ]  # fmt: skip


def test_run_again_or_killed_between_it_leaves_the_same_tables(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "2024-03-03,20,1,1000,US,", "2024-03-03,25,1,20,US-CA,", "x,1,1,100,US,")
    settings = config(path, lag_days=0)

    def tables() -> list[pl.DataFrame]:
        return [store.read(TABLES[f"out.{name}"]) for name in ("signals", "signal_catalogue", "accounting")]

    release(store, settings, issue=day(5))
    once = tables()
    release(store, settings, issue=day(5))
    assert all(left.equals(right) for left, right in zip(once, tables(), strict=True))

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    write(tmp_path, "2024-03-03,30,1,1000,US,")
    with monkeypatch.context() as patch:
        patch.setattr("warehouse.series.release._accounting", killed)
        with pytest.raises(KeyboardInterrupt):
            release(store, settings, issue=day(6))
    assert all(left.equals(right) for left, right in zip(once, tables(), strict=True))
    release(store, settings, issue=day(6))
    assert known_on(store, day(6))["US", day(3)] == 0.3


def test_a_series_taken_out_takes_its_rows_of_this_issue_along_and_no_earlier_ones(
    store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path, "2024-03-03,20,1,1000,US,2024-03-05", "2024-03-03,30,1,1000,US,2024-03-06")
    for issue in (day(5), day(6)):
        release(store, config(path), issue=issue)
    assert store.count(OUT) == 2
    release(store, parse_config({}, where="test"), issue=day(6))
    assert store.read(OUT)["issue"].to_list() == [day(5)]
    assert store.read(TABLES["out.accounting"])["issue"].unique().to_list() == [day(5)]


def test_a_lake_holds_the_same_rows_as_a_file(store: Store, tmp_path: Path, make_lake: MakeLake) -> None:
    path = write(
        tmp_path, "2024-03-03,20,1,1000,US,2024-03-04", "2024-03-03,30,1,1000,US,2024-03-06", "x,,,,,"
    )
    settings = config(path)
    lake = parse_config({"warehouse": make_lake(tmp_path / "files")}, where="test").warehouse
    with open_store(tmp_path / "lake.duckdb", config=lake) as other:
        for issue in (day(4), day(6), day(6)):
            for one in (store, other):
                release(one, settings, issue=issue)
        for name in ("out.signals", "out.signal_catalogue", "out.accounting"):
            assert other.read(TABLES[name]).equals(store.read(TABLES[name])), name
    assert store.count(OUT) == 2


# --------------------------------------------------------------------------------------------- disclosure


def test_few_people_and_few_with_it_are_withheld_and_so_is_what_gives_them_back(
    store: Store, tmp_path: Path
) -> None:
    path = write(
        tmp_path,
        "2024-03-03,20,1,49,DE,",
        "2024-03-03,10,1,100,FR,",
        "2024-03-03,0,0,100,GB,",
        "2024-03-03,20,1,1000,US,",
        "2024-03-03,20,1,970,US-CA,",
        "2024-03-03,20,1,30,US-WY,",
    )
    release(store, config(path, lag_days=0), issue=day(5))
    rows = store.read(OUT)
    assert dict(rows.select("geo_value", "reliability").iter_rows()) == {
        "DE": "suppressed", "FR": "suppressed", "GB": "moderate", "US": "high", "US-CA": "suppressed",
        "US-WY": "suppressed",
    }  # fmt: skip
    hidden = rows.filter(pl.col("reliability") == "suppressed")
    assert hidden.select("value", "value_unweighted", "se", "sample_size").null_count().row(0) == (4,) * 4
    assert hidden.select(pl.col("missing_value", "missing_se", "missing_sample_size").unique()).row(0) == (
        3,
        3,
        3,
    )
    assert counts(store) == {
        "published": 2, "suppressed_complementary": 1, "suppressed_numerator": 1, "suppressed_people_floor": 2,
    }  # fmt: skip


def test_a_published_zero_is_not_withdrawn_for_a_few(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "2024-03-03,0,0,100,US,2024-03-04", "2024-03-03,4,1,100,US,2024-03-05")
    for issue in (day(4), day(5)):
        release(store, config(path), issue=issue)
    assert known_on(store, day(5)) == {("US", day(3)): 0.0}


def test_a_zero_that_stays_hides_no_other_number(store: Store, tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "2024-03-03,10,1,1000,US,2024-03-04",
        "2024-03-03,0,0,200,US-CA,2024-03-04",
        "2024-03-03,12.5,1,400,US-NY,2024-03-04",
        "2024-03-03,12.5,1,400,US-TX,2024-03-04",
        "2024-03-03,1.5,1,200,US-CA,2024-03-05",
    )
    release(store, config(path), issue=day(4))
    first = store.read(OUT)
    assert dict(first.select("geo_value", "value").iter_rows()) == {
        "US": 0.1, "US-CA": 0.0, "US-NY": 0.125, "US-TX": 0.125,
    }  # fmt: skip
    release(store, config(path), issue=day(5))
    assert store.read(OUT).equals(first)
    assert counts(store)["unchanged"] == 4
    write(tmp_path, "2024-03-03,20,1,200,US-CA,2024-03-06")
    release(store, config(path), issue=day(6))
    assert known_on(store, day(6))["US-CA", day(3)] == 0.2


COVERED = [
    "2024-03-03,20,1,1000,US,2024-03-04",
    "2024-03-03,50,1,8,US-CA,2024-03-04",
    "2024-03-03,17.5,1,400,US-TX,2024-03-04",
    "2024-03-03,20,1,590,US-NY,2024-03-04",
]
GROWN = "2024-03-03,50,1,108,US-CA,2024-03-05"


@pytest.mark.parametrize(
    "later",
    [
        pytest.param([*COVERED, GROWN], id="unchanged"),
        pytest.param([*COVERED, GROWN, "2024-03-03,17.5,1,401,US-TX,2024-03-05"], id="revised"),
        pytest.param(
            [row.replace("2024-03-04", "2024-03-05") for row in COVERED if "US-CA" not in row] + [GROWN],
            id="dated anew",
        ),
    ],
)
def test_a_number_that_covered_another_stays_hidden_when_the_other_one_grows(
    store: Store, tmp_path: Path, later: list[str]
) -> None:
    path = write(tmp_path, *COVERED)
    settings = config(path)
    release(store, settings, issue=day(4))
    hidden = [place for (place, _), value in known_on(store, day(4)).items() if value is None]
    assert sorted(hidden) == ["US-CA", "US-TX"]
    write(tmp_path, *later)
    for issue in (day(5), day(6)):
        release(store, settings, issue=issue)
        # The first issue's nation less its New York less this would be the 8 people of its California.
        texas = store.read(OUT).filter(pl.col("geo_value") == "US-TX")
        assert texas["sample_size"].null_count() == texas.height > 0


def test_a_number_that_was_itself_too_small_is_shown_once_it_is_not(store: Store, tmp_path: Path) -> None:
    small, large = "2024-03-03,50,1,49,DE,2024-03-04", "2024-03-03,50,1,200,DE,2024-03-06"
    path = write(tmp_path, small, large)
    for issue in (day(4), day(5), day(6)):
        release(store, config(path), issue=issue)
    assert known_on(store, day(5)) == {("DE", day(3)): None}
    assert known_on(store, day(6)) == {("DE", day(3)): 0.5}


def test_what_is_not_said_is_null_with_its_code_and_marked(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path, "2024-03-03,12.3456789", "2024-03-04,50", header="week,share")
    settings = config(
        path, columns={"time_value": "week", "value": "share"}, time_type="day", statistic="mean", lag_days=0
    )
    release(store, settings, issue=day(5))
    rows = store.read(OUT)
    assert rows["value"].to_list() == [0.123457, 0.5]
    assert rows["geo_value"].unique().to_list() == ["all"]
    assert rows.select("people_unknown", "reliability", "se", "sample_size").unique().rows() == [
        (True, "low", None, None)
    ]
    assert rows.select("missing_value", "missing_se", "missing_sample_size").unique().rows() == [(0, 1, 1)]
    assert breaches(rows, config=settings.disclosure, shares=[], elsewhere=["survey"]) == []
    assert breaches(rows, config=settings.disclosure, shares=[]) != []


@st.composite
def surveys(draw: st.DrawFn) -> list[tuple[str, float, int | None, float | None]]:
    places = draw(
        st.lists(
            st.sampled_from(["all", "US", "US-CA", "US-TX", "US-WY", "DE", "FR"]), unique=True, min_size=1
        )
    )
    value = st.floats(0, 1, allow_nan=False)
    people = st.one_of(st.none(), st.integers(0, 400), st.integers(0, 10**7))
    error = st.one_of(st.none(), st.floats(0, 1))
    return [(place, draw(value), draw(people), draw(error)) for place in places]


@given(rows=surveys(), statistic=st.sampled_from(["share", "mean"]))
def test_what_is_published_differs_by_rounding_at_most_and_shows_no_small_cell(
    rows: list[tuple[str, float, int | None, float | None]], statistic: str
) -> None:
    series = SeriesConfig(name="survey", path="x", label_en="a", label_es="b", statistic=statistic)  # type: ignore[arg-type]
    kinds = {"all": "all", "US": "nation", "DE": "nation", "FR": "nation"}
    frame = pl.DataFrame(
        [
            {"geo_type": kinds.get(place, "region"), "geo_value": place, "time_value": day(3), "day": day(3),
             "said": day(4), "known": day(4), "value": value, "se": se, "n": n}
            for place, value, n, se in rows
        ],
        schema=ROWS,
    )  # fmt: skip
    settings = Config(series=(series,))
    shown = disclosed_series(frame, series=series, config=settings)
    assert shown.height == frame.height
    given_rows = {place: (value, n, se) for place, value, n, se in rows}
    floor, step, least = 50, 5, 10
    for row in shown.iter_rows(named=True):
        value, n, se = given_rows[row["geo_value"]]
        if row["value"] is None:
            assert (row["se"], row["sample_size"], row["reliability"]) == (None, None, "suppressed")
            continue
        assert (row["se"] is None) == (se is None)
        assert se is None or row["se"] == pytest.approx(se, rel=0.006)
        if n is None:
            assert row["people_unknown"]
            assert row["value"] == pytest.approx(value, abs=1e-6)
            continue
        assert n >= floor
        assert abs(row["sample_size"] - n) <= step / 2
        reach = step / 2 if statistic == "share" else 0.5
        assert abs(row["value"] - value) <= reach / row["sample_size"] + 1e-9
        if statistic == "share":
            assert value * n == pytest.approx(0, abs=1e-5) or value * n > least


# ---------------------------------------------------------------------------------------------- bad input

BAD = {
    "2024-03-32,20,1,100,US,2024-03-12": "bad_date",
    "05/03/2024,20,1,100,US,2024-03-12": "bad_date",
    ",20,1,100,US,2024-03-12": "bad_date",
    "2024-03-05,much,1,100,US,2024-03-12": "bad_value",
    "2024-03-05,inf,1,100,US,2024-03-12": "bad_value",
    "2024-03-05,,1,100,US,2024-03-12": "missing_value",
    "2024-03-05,100.1,1,100,US,2024-03-12": "value_out_of_range",
    "2024-03-05,-1,1,100,US,2024-03-12": "value_out_of_range",
    "2024-03-05,20,-1,100,US,2024-03-12": "bad_se",
    "2024-03-05,20,1,-100,US,2024-03-12": "bad_n",
    "2024-03-05,20,1,many,US,2024-03-12": "bad_n",
    "2024-03-05,20,1,100,Narnia,2024-03-12": "unknown_place",
    "2024-03-05,20,1,100,US-XX,2024-03-12": "unknown_place",
    "2024-03-05,20,1,100,,2024-03-12": "unknown_place",
    "2024-03-05,20,1,100,US,soon": "bad_published",
    "2024-03-05,20,1,100,US,2024-03-01": "published_too_early",
    "2024-03-05,20,1,100": "wrong_field_count",
    '2024-03-05,20,1,100,"US,2024-03-12': "unclosed_quote",
}
GOOD = "2024-03-05,20,1,100,US-CA,2024-03-12"


@pytest.mark.parametrize(("row", "reason"), BAD.items())
def test_a_bad_row_is_refused_for_a_counted_reason_and_costs_no_other(
    store: Store, tmp_path: Path, row: str, reason: str
) -> None:
    path = write(tmp_path, row, GOOD)
    receipt = release(store, config(path), issue=day(20))
    assert known_on(store, day(20)) == {("US-CA", day(10)): 0.2}
    assert counts(store) == {"published": 1, f"refused:{reason}": 1}
    assert receipt.reasons == {f"survey: refused:{reason}": 1}
    assert (receipt.rows_in, receipt.rows_dropped) == (2, 1)


def test_every_row_is_accounted_for_once(store: Store, tmp_path: Path) -> None:
    rows = [
        *BAD, GOOD, GOOD, "2024-03-05,20,1,100,DE,2024-03-12", "2024-03-06,30,1,100,DE,2024-03-12",
        "2024-03-05,25,1,100,US-CA,2024-03-14", "2024-03-05,20,1,10,FR,2024-03-12", "2024-03-12,20,1,100,FR,2024-04-12",
        "2042-03-05,20,1,100,FR,",
    ]  # fmt: skip
    path = write(tmp_path, *rows)
    release(store, config(path), issue=day(20))
    first = counts(store)
    assert sum(first.values()) == len(rows)
    extra = {name: n for name, n in first.items() if name.split(":")[-1] not in BAD.values()}
    assert extra == {
        "not_published_yet": 1, "published": 1, "refused:contradiction": 2, "refused:date_in_future": 1,
        "refused:duplicate_row": 1, "superseded": 1, "suppressed_people_floor": 1,
    }  # fmt: skip
    release(store, config(path), issue=day(21))
    assert counts(store)["unchanged"] == 2


def test_undecodable_bytes_and_a_damaged_end_cost_their_rows_only(tmp_path: Path) -> None:
    path = tmp_path / "survey.csv.gz"
    lines = [HEADER.encode(), GOOD.encode(), b"2024-03-05,2\xff0,1,100,US,2024-03-12"]
    whole = gzip.compress(b"\n".join([*lines, *[GOOD.encode()] * 5]) + b"\n")
    path.write_bytes(whole[:-9])
    read = read_series(config(path).series[0])
    assert read.refused == Counter(bad_encoding=1, duplicate_row=5, truncated_file=1)
    assert read.rows.height == 1


BROKEN = {
    "empty.csv": (b"", "is empty"),
    "nohead.csv": (b"2024-03-05,20,1,100,US,2024-03-12\n", "missing columns"),
    "lacks.csv": (b"week,share,err,people,where\n2024-03-05,1,1,1,US\n", "missing columns: out"),
    "twice.csv": (b"week,week,share,err,people,where,out\n", "more than once"),
    "no.parquet": (b"not a parquet file", "not a readable Parquet"),
    "what.dat": (b"x", "cannot tell the format"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_bad_file_is_a_problem_that_quotes_nothing_and_loses_nothing_else(
    store: Store, tmp_path: Path, name: str
) -> None:
    content, told = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    write(tmp_path, GOOD, name="good.csv")
    receipt = release(store, config(tmp_path), issue=day(20))
    (problem,) = receipt.problems
    assert told in problem
    assert not any(value in problem for value in ("2024-03-05", "100", "20,1"))
    assert known_on(store, day(20)) == {("US-CA", day(10)): 0.2}
    assert counts(store) == {"published": 1, "refused:unreadable_file": 1}


def test_a_file_that_breaks_between_two_runs_of_a_night_takes_nothing_away(
    store: Store, tmp_path: Path
) -> None:
    path = write(tmp_path, GOOD)
    release(store, config(path), issue=day(20))
    path.write_bytes(b"")
    receipt = release(store, config(path), issue=day(20))
    assert len(receipt.problems) == 1
    assert known_on(store, day(20)) == {("US-CA", day(10)): 0.2}
    path.unlink()
    assert "no file matches" in release(store, config(path), issue=day(21)).problems[0]


def test_parquet_and_tsv_say_the_same_as_csv(tmp_path: Path) -> None:
    csv = read_series(config(write(tmp_path, GOOD)).series[0]).rows
    tsv = write(tmp_path, GOOD.replace(",", "\t"), name="a.tsv", header=HEADER.replace(",", "\t"))
    assert read_series(config(tsv).series[0]).rows.equals(csv)
    parquet = tmp_path / "a.parquet"
    typed = pl.DataFrame(
        {
            "week": [day(5)],
            "share": [20],
            "err": [1.0],
            "people": [100.7],
            "where": ["US-CA"],
            "out": [dt.datetime(2024, 3, 12, tzinfo=dt.UTC)],
        }
    )
    typed.write_parquet(parquet)
    assert read_series(config(parquet).series[0]).rows.equals(csv)
    typed.with_columns(share=pl.lit([1])).write_parquet(parquet)
    assert "neither text, numbers nor days" in read_series(config(parquet).series[0]).problems[0]


# ------------------------------------------------------------------------------------------ configuration


@pytest.mark.parametrize(
    ("given_settings", "told"),
    [
        ({"name": "Survey"}, "name"),
        ({"name": "signals"}, "another name"),
        ({"scale": 0}, "scale"),
        ({"geo_type": "nation", "columns": {}}, "geo_value"),
        ({"geo_type": "nation", "geo_value": "US"}, "leave out geo_type"),
        ({"columns": COLUMNS | {"se": "share"}}, "named twice"),
        ({"columns": COLUMNS | {"weight": "w"}}, "unknown key 'weight'"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    tmp_path: Path, given_settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        config(tmp_path, **given_settings)


def test_names_are_unique_and_places_exist(tmp_path: Path) -> None:
    body = config(tmp_path).series[0].model_dump()
    with pytest.raises(ConfigError, match="the same name"):
        parse_config({"series": [body, body]}, where="test")
    with pytest.raises(ConfigError, match="the same name"):
        parse_config({"series": [body], "sources": [{"name": "survey", "path": "x"}]}, where="test")
    with pytest.raises(ConfigError, match="a scorer makes a signal of that name"):
        check_series(config(tmp_path), taken=["survey"])
    for geo_type, geo_value in (("nation", "XX"), ("region", "US"), ("nation", "US-CA")):
        with pytest.raises(ConfigError, match=f"geo_value is no {geo_type}"):
            check_series(config(tmp_path, columns={}, geo_type=geo_type, geo_value=geo_value), taken=[])
    check_series(config(tmp_path, columns={}, geo_type="region", geo_value="US-CA"), taken=["other"])


def test_settings_of_a_series_leave_signals_made_from_posts_as_they_are(tmp_path: Path) -> None:
    assert config(tmp_path).sha256 == parse_config({}, where="test").sha256


def test_a_name_that_posts_already_have_is_a_problem(store: Store, tmp_path: Path) -> None:
    row = {
        "signal": "survey", "scorer": "lexicon", "measure": "anger", "statistic": "share", "smoothing": "none",
        "unit": "share of people", "label_en": "a", "label_es": "b", "direction": "neutral",
    }  # fmt: skip
    store.put(TABLES["out.signal_catalogue"], pl.DataFrame([row]), run_id="test")
    receipt = release(store, config(write(tmp_path, GOOD)), issue=day(20))
    assert "Rename the series" in receipt.problems[0]
    assert store.count(OUT) == 0
