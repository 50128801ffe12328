"""Nothing published singles out a few people, nor lets a hidden cell be worked out."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_worlds import day

from warehouse.config import DisclosureConfig
from warehouse.disclosure import breaches, disclose, disclose_contagion
from warehouse.tables import TABLES

CONFIG = DisclosureConfig()
STATISTICS = pl.DataFrame({"signal": ["s_share", "s_mean"], "statistic": ["share", "mean"]})
KEY = ["signal", "population", "geo_type", "geo_value", "time_type", "time_value"]
REGIONS = ["AR-B", "AR-C", "UY-M", "US-CA", "US-NY", "US-TX"]


def cell(**given_values: Any) -> dict[str, Any]:
    """A row of core.signals: 100 people, 40 of them with a hit, unless said otherwise."""
    row = {
        "signal": "s_share", "population": "all", "geo_type": "region", "geo_value": "US-CA",
        "time_type": "day", "time_value": day(0), "sample_size": 100, "numerator": 40, "people_unknown": False,
    } | given_values  # fmt: skip
    n = row["sample_size"] if row["sample_size"] is not None else row.get("n_posts", 1)
    value = row.get("value", (row["numerator"] or 0) / max(n, 1))
    return {
        "issue": day(9), "se": 0.01, "n_posts": 2 * n, "reliability": "high", "vintage": "real",
        "value_unweighted": value, "value_corrected": None, "corrected_se": None,
        "missing_value": 0, "missing_se": 0, "missing_sample_size": 0, "main_lang": "en", "design_effect": 1.0,
    } | row | {"value": value}  # fmt: skip


def frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    table = TABLES["core.signals"]
    return table.schema.cast(pl.DataFrame(rows, infer_schema_length=None).select(table.columns))


def released(
    rows: list[dict[str, Any]], config: DisclosureConfig = CONFIG
) -> dict[tuple[Any, ...], dict[str, Any]]:
    shown = disclose(frame(rows), config=config, statistics=STATISTICS)
    return {
        (row["population"], row["geo_value"], row["time_type"], row["time_value"]): row
        for row in shown.to_dicts()
    }


def reason(shown: dict[tuple[Any, ...], dict[str, Any]], place: str, population: str = "all") -> str | None:
    found = [row["suppressed"] for key, row in shown.items() if key[:2] == (population, place)]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("people", "hits", "expected"),
    [
        (49, 20, "people_floor"), (50, 20, None), (100, 1, "numerator"), (100, 10, "numerator"),
        (100, 12, "numerator"), (100, 13, None), (100, 0, None), (52, 52, None),
    ],
)  # fmt: skip
def test_a_cell_needs_fifty_people_and_a_share_more_than_ten_with_a_hit(
    people: int, hits: int, expected: str | None
) -> None:
    assert reason(released([cell(sample_size=people, numerator=hits)]), "US-CA") == expected


def test_a_share_of_many_people_that_rounds_to_few_is_not_shown() -> None:
    assert reason(released([cell(sample_size=100, numerator=30, value=0.02)]), "US-CA") == "numerator"


def test_a_mean_needs_people_only() -> None:
    row = released([cell(signal="s_mean", numerator=None, sample_size=73, value=0.0211)])[
        ("all", "US-CA", "day", day(0))
    ]
    assert row["sample_size"] == 75
    assert row["value"] == pytest.approx(2 / 75)


def test_hidden_cells_have_no_numbers_and_say_that_they_are_censored() -> None:
    row = released([cell(sample_size=20, numerator=15)])[("all", "US-CA", "day", day(0))]
    for name in (
        "value",
        "se",
        "sample_size",
        "n_posts",
        "value_unweighted",
        "value_corrected",
        "corrected_se",
    ):
        assert row[name] is None
    assert (row["missing_value"], row["missing_se"], row["missing_sample_size"]) == (3, 3, 3)
    assert row["reliability"] == "suppressed"


def test_published_numbers_follow_from_the_rounded_counts() -> None:
    row = released([cell(sample_size=103, numerator=41)])[("all", "US-CA", "day", day(0))]
    assert (row["sample_size"], row["n_posts"], row["value"]) == (105, 205, pytest.approx(40 / 105))
    smoothed = (40 + 0.5) / 106
    assert row["se"] == pytest.approx((smoothed * (1 - smoothed) / 105) ** 0.5)


def test_one_small_region_takes_the_smallest_sister_with_it() -> None:
    rows = [
        cell(geo_type="nation", geo_value="US", sample_size=420, numerator=160),
        cell(geo_value="US-CA", sample_size=20, numerator=15),
        cell(geo_value="US-NY", sample_size=300, numerator=100),
        cell(geo_value="US-TX", sample_size=100, numerator=45),
    ]
    shown = released(rows)
    assert [reason(shown, place) for place in ("US", "US-CA", "US-NY", "US-TX")] == [
        None, "people_floor", None, "complementary",
    ]  # fmt: skip


def test_a_safe_remainder_hides_no_further_cell() -> None:
    """People in two places make the hits of the regions exceed the nation's by 5: nothing is given away, and it
    does not matter that hiding New York alone would leave 10."""
    rows = [
        cell(geo_type="nation", geo_value="US", sample_size=1000, numerator=45),
        cell(geo_value="US-CA", sample_size=30, numerator=0),
        cell(geo_value="US-NY", sample_size=100, numerator=15),
        cell(geo_value="US-TX", sample_size=600, numerator=35),
    ]
    shown = released(rows)
    assert reason(shown, "US-NY") is None
    assert reason(shown, "US-TX") is None


def test_no_sister_is_hidden_where_nothing_is_hidden() -> None:
    rows = [
        cell(geo_type="nation", geo_value="US", sample_size=210, numerator=90),
        cell(geo_value="US-NY", sample_size=100, numerator=40),
        cell(geo_value="US-TX", sample_size=100, numerator=45),
    ]
    assert all(row["suppressed"] is None for row in released(rows).values())


def test_a_hidden_nation_is_not_given_away_by_its_regions() -> None:
    rows = [
        cell(geo_type="all", geo_value="all", sample_size=420, numerator=200),
        cell(geo_type="nation", geo_value="UY", sample_size=20, numerator=15),
        cell(geo_type="nation", geo_value="AR", sample_size=400, numerator=185),
        cell(geo_value="AR-B", sample_size=300, numerator=100),
        cell(geo_value="AR-C", sample_size=100, numerator=85),
    ]
    shown = released(rows)
    assert [reason(shown, place) for place in ("all", "UY", "AR", "AR-B", "AR-C")] == [
        None, "people_floor", "complementary", None, "complementary",
    ]  # fmt: skip


def test_a_hidden_slice_takes_another_slice_with_it() -> None:
    rows = [
        cell(sample_size=300, numerator=100),
        cell(population="lang=en", sample_size=200, numerator=60),
        cell(population="lang=es", sample_size=80, numerator=30),
        cell(population="lang=pt", sample_size=20, numerator=10),
        cell(population="community=x", sample_size=290, numerator=95),
    ]
    shown = released(rows)
    assert reason(shown, "US-CA", "lang=es") == "complementary"
    assert reason(shown, "US-CA", "lang=en") is None
    assert reason(shown, "US-CA", "community=x") is None


def test_a_week_does_not_give_away_a_hidden_day() -> None:
    days = [cell(time_value=day(n), sample_size=60, numerator=20) for n in range(6)]
    hidden = cell(time_value=day(6), sample_size=20, numerator=15)
    week = cell(time_type="week", time_value=day(6), sample_size=380, numerator=135)
    shown = released([*days, hidden, week])
    assert shown["all", "US-CA", "week", day(6)]["suppressed"] == "complementary"
    apart = shown | released([*days, hidden, week | {"sample_size": 90, "numerator": 40, "value": 0.44}])
    assert apart["all", "US-CA", "week", day(6)]["suppressed"] is None
    assert apart["all", "US-CA", "week", day(6)]["n_posts"] is None
    assert apart["all", "US-CA", "day", day(0)]["n_posts"] == 120


def test_posts_without_authors_need_the_post_floor_of_the_configuration() -> None:
    row = cell(people_unknown=True, sample_size=None, n_posts=230, numerator=90, value=90 / 230)
    assert reason(released([row]), "US-CA") == "people_floor"
    shown = released([row], DisclosureConfig(post_floor=200))["all", "US-CA", "day", day(0)]
    assert (shown["sample_size"], shown["n_posts"], shown["missing_sample_size"]) == (None, 230, 1)
    assert shown["value"] == pytest.approx(90 / 230)
    small = DisclosureConfig(post_floor=300)
    assert reason(released([row], small), "US-CA") == "people_floor"


# ---------------------------------------------------------------------------------------- properties


@st.composite
def worlds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """A day or a week of regions, their nations and everything, whole or in slices; people may be in two places."""
    rows: list[dict[str, Any]] = []
    signal = draw(st.sampled_from(["s_share", "s_mean"]))
    for population in draw(st.sampled_from([["all"], ["all", "lang=en", "lang=es"], ["all", "community=x"]])):
        totals: dict[tuple[str, str], list[int]] = {}
        for place in draw(st.lists(st.sampled_from(REGIONS), unique=True, max_size=6)):
            people = draw(st.one_of(st.integers(1, 80), st.integers(1, 1500)))
            hits = draw(st.one_of(st.integers(0, min(people, 14)), st.integers(0, people)))
            for above in (("region", place), ("nation", place[:2]), ("all", "all")):
                total = totals.setdefault(above, [0, 0])
                total[0] += people
                total[1] += hits
        for (geo_type, place), (people, hits) in totals.items():
            fewer = draw(st.integers(0, 15)) if geo_type != "region" else 0
            more = draw(st.sampled_from([0, 0, 7, 60])) if geo_type != "region" else 0
            n = max(people - fewer, 1) + more
            numerator = min(hits, n)
            value = numerator / n if signal == "s_share" else draw(st.floats(0, 1))
            rows.append(
                cell(
                    signal=signal, population=population, geo_type=geo_type, geo_value=place, sample_size=n,
                    numerator=numerator if signal == "s_share" else None, value=value,
                )
            )  # fmt: skip
    return rows or [cell()]


def shown_counts(row: dict[str, Any], *, exact: bool) -> tuple[float, float]:
    if exact:
        return row["sample_size"], row["numerator"] or 0
    return row["sample_size"], round(row["value"] * row["sample_size"], 6) if row[
        "signal"
    ] == "s_share" else 0


def small(people: float, hits: float) -> bool:
    return 1 <= people < 50 or 1 <= hits <= 10


FAMILIES = 120


@settings(max_examples=FAMILIES)
@given(worlds())
def test_nothing_published_is_small_and_everything_follows_from_counts(rows: list[dict[str, Any]]) -> None:
    exact = {tuple(row[name] for name in KEY): row for row in rows}
    published = disclose(frame(rows), config=CONFIG, statistics=STATISTICS)
    assert published.height == len(rows)
    for row in published.to_dicts():
        before = exact[tuple(row[name] for name in KEY)]
        if row["suppressed"] is not None:
            assert row["value"] is row["se"] is row["sample_size"] is row["n_posts"] is None
            assert row["missing_value"] == row["missing_sample_size"] == 3
            continue
        assert not small(*shown_counts(before, exact=True))
        assert not small(*shown_counts(row, exact=False))
        assert row["sample_size"] % 5 == 0
        assert row["n_posts"] % 5 == 0
        count = row["value"] * row["sample_size"]
        assert count == pytest.approx(round(count), abs=1e-6)
        if row["signal"] == "s_share":
            assert round(count) % 5 == 0
    assert breaches(published, config=CONFIG, shares=["s_share"]) == []


@settings(max_examples=FAMILIES)
@given(worlds())
def test_no_parent_less_its_published_children_leaves_a_small_hidden_cell(rows: list[dict[str, Any]]) -> None:
    exact = {tuple(row[name] for name in KEY): row for row in rows}
    published = disclose(frame(rows), config=CONFIG, statistics=STATISTICS).to_dicts()
    for parent in published:
        for children in _families(parent, published):
            if parent["suppressed"] is None and any(child["suppressed"] for child in children):
                kept = [child for child in children if child["suppressed"] is None]
                for is_exact in (True, False):
                    pick = (
                        (lambda row: exact[tuple(row[name] for name in KEY)])
                        if is_exact
                        else (lambda row: row)
                    )
                    above = shown_counts(pick(parent), exact=is_exact)
                    below = [shown_counts(pick(child), exact=is_exact) for child in kept]
                    gap = [above[i] - sum(counts[i] for counts in below) for i in (0, 1)]
                    assert not small(*gap)


def _families(parent: dict[str, Any], rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The sets of cells that a reader could take from a parent."""
    same_population = [row for row in rows if row["population"] == parent["population"]]
    if parent["geo_type"] == "nation":
        places = [
            r
            for r in same_population
            if r["geo_type"] == "region" and r["geo_value"][:2] == parent["geo_value"]
        ]
    elif parent["geo_type"] == "all":
        nations = [r for r in same_population if r["geo_type"] == "nation"]
        shown = {r["geo_value"] for r in nations if r["suppressed"] is None}
        places = nations + [
            r for r in same_population if r["geo_type"] == "region" and r["geo_value"][:2] not in shown
        ]
    else:
        places = []
    slices = [
        [r for r in rows if r["population"].startswith(kind) and r["geo_value"] == parent["geo_value"]]
        for kind in ("lang=", "community=")
    ]
    return [places, *(slices if parent["population"] == "all" else [])]


@settings(max_examples=40)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_the_cells_does_not_matter(rows: list[dict[str, Any]], random: Any) -> None:
    mixed = list(rows)
    random.shuffle(mixed)
    one, other = (disclose(frame(r), config=CONFIG, statistics=STATISTICS).sort(KEY) for r in (rows, mixed))
    assert one.equals(other)


@settings(max_examples=40)
@given(worlds())
def test_what_is_disclosed_stays_as_it_is_when_disclosed_again(rows: list[dict[str, Any]]) -> None:
    once = disclose(frame(rows), config=CONFIG, statistics=STATISTICS)
    # Only what is published goes in again: rounded counts, and no numerator but theirs.
    hits = (pl.col("value") * pl.col("sample_size")).round().cast(pl.Int64)
    again = once.with_columns(numerator=pl.when(pl.col("signal") == "s_share").then(hits)).drop("suppressed")
    twice = disclose(again, config=CONFIG, statistics=STATISTICS)
    columns = [*KEY, "value", "sample_size", "n_posts", "se", "missing_value"]
    kept = once.filter(pl.col("suppressed").is_null()).select(columns)
    assert twice.filter(pl.col("suppressed").is_null()).select(columns).equals(kept)


def test_an_empty_frame_is_disclosed_to_an_empty_frame() -> None:
    empty = TABLES["core.signals"].schema.create_empty()
    assert disclose(empty, config=CONFIG, statistics=STATISTICS).is_empty()


# ----------------------------------------------------------------------------------------- contagion


def follow(**given_values: Any) -> dict[str, Any]:
    return {
        "measure": "anger", "population": "all", "geo_type": "all", "location": "all",
        "window_start": dt.date(2024, 1, 1), "window_end": dt.date(2024, 1, 31), "tie_bin": "all",
        "n_edges": 503, "n_people": 212, "follow_rate": 0.3, "null_rate": 0.2, "ratio": 1.5,
        "ratio_low": 1.2, "ratio_high": 1.9, "parts_above": 3,
    } | given_values  # fmt: skip


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({}, True), ({"n_people": 49}, False), ({"n_people": 50}, True),
        ({"follow_rate": 0.01}, False), ({"follow_rate": 0.0}, True), ({"follow_rate": None}, False),
        ({"n_people": None}, False),
    ],
)  # fmt: skip
def test_a_follow_rate_needs_people_and_events(values: dict[str, Any], kept: bool) -> None:
    rows = disclose_contagion(
        pl.DataFrame([follow(**values)], schema_overrides={"n_people": pl.Int64, "follow_rate": pl.Float64}),
        config=CONFIG,
    )
    row = rows.row(0, named=True)
    for name in ("ratio", "ratio_low", "ratio_high", "parts_above", "n_people"):
        assert (row[name] is not None) == kept, name
    assert row["n_edges"] == 505


def test_tie_bins_are_shown_together_or_not_at_all() -> None:
    bins = [
        follow(),
        follow(tie_bin="strong", n_people=100, n_edges=100, follow_rate=0.05),
        follow(tie_bin="weak"),
    ]
    rows = disclose_contagion(pl.DataFrame(bins), config=CONFIG)
    assert rows.select("tie_bin", kept=pl.col("ratio").is_not_null()).rows() == [
        ("all", True), ("strong", False), ("weak", False),
    ]  # fmt: skip


def test_replies_without_authors_need_the_post_floor() -> None:
    rows = pl.DataFrame([follow(n_people=None)], schema_overrides={"n_people": pl.Int64})
    kept = disclose_contagion(rows, config=DisclosureConfig(post_floor=500))
    assert kept["ratio"].to_list() == [1.5]
    assert kept["n_people"].to_list() == [None]


# -------------------------------------------------------------------------------------- last check


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"sample_size": 45}, "sample_size below 50"),
        ({"sample_size": 103}, "off its rounding step"),
        ({"n_posts": 7}, "off its rounding step"),
        ({"value": 0.05}, "1 to 10 people behind"),
        ({"reliability": "suppressed"}, "suppressed cell with numbers"),
        ({"value": None}, "not called suppressed"),
        ({"sample_size": None}, "without people"),
    ],
)
def test_every_breach_is_found(change: dict[str, Any], found: str) -> None:
    good = cell(value=0.4, n_posts=200)
    assert breaches(frame([good]), config=CONFIG, shares=["s_share"]) == []
    broken = breaches(frame([good | change]), config=CONFIG, shares=["s_share"])
    assert any(found in line for line in broken), broken
