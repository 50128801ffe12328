"""Data quality: counted as a loop over posts would, released within the rules, and kept up at small cost."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest
from signal_worlds import Night, ReadOff, crowd, day, draw, posts, run_night, settings

from warehouse.cells import AMPLIFIED
from warehouse.config import Config
from warehouse.data_quality import QualitySpec, released_quality, update_quality
from warehouse.store import Store
from warehouse.tables import CENSORED, TABLES

COUNTS, QUALITY = TABLES["core.quality_counts"], TABLES["out.data_quality"]
PLACE = ["geo_type", "geo_value", "time_value"]


@dataclass
class Words(ReadOff):
    """Tokens are the letters of a text; a text that begins with 0.9 has a matched word."""

    def score(self, posts: pl.DataFrame) -> pl.DataFrame:
        return (
            super()
            .score(posts)
            .with_columns(
                n_tokens=posts["text"].str.len_chars().cast(pl.Int32),
                n_matched=posts["text"].str.starts_with("0.9").cast(pl.Int32),
            )
        )


def _night(
    store: Store, *, issue: int, arrivals: pl.DataFrame | None, config: Config | None = None, scorer: ReadOff
) -> int:
    chosen = config or settings()
    run_night(store, Night(issue=day(issue), arrivals=arrivals, config=chosen, scorers=(scorer,)))
    spec = QualitySpec(config=chosen, issue=day(issue), received_by=day(issue))
    return update_quality(store, scorers=[scorer], spec=spec, run_id="test").rows_in


def _reference(
    frame: pl.DataFrame, *, config: Config, last_day: dt.date
) -> dict[tuple[Any, ...], dict[str, Any]]:
    cells: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for post in frame.iter_rows(named=True):
        if post["kind"] not in config.signals.kinds or post["time_value"] > last_day:
            continue
        cells["all", "all", post["time_value"]].append(post)
        if post["geo_type"] in ("nation", "region"):
            cells["nation", post["geo_value"][:2], post["time_value"]].append(post)
        if post["geo_type"] == "region":
            cells["region", post["geo_value"], post["time_value"]].append(post)
    return {cell: _described(members) for cell, members in cells.items()}


def _described(members: list[dict[str, Any]]) -> dict[str, Any]:
    authors = [post["author_key"] for post in members if post["author_key"] is not None]
    unknown = 2 * len(authors) < len(members)
    counted = [post for post in members if unknown or post["author_key"] is not None]
    scored = [post for post in counted if post["lang"] in ("en", "es")]
    return {
        "n_received": len(members),
        "n_posts": len(counted),
        "n_people": None if unknown else len(set(authors)),
        "n_scored": len(scored),
        "n_tokens": sum(len(post["text"]) for post in scored),
        "n_matched": sum(post["text"].startswith("0.9") for post in scored),
    }


@pytest.mark.parametrize("seed", range(4))
def test_counts_are_those_of_a_loop_over_posts(store: Store, seed: int) -> None:
    arrivals = draw(700, seed=seed, days=range(9), authorless=0.4, received=day(9))
    _night(store, issue=9, arrivals=arrivals, scorer=Words())
    expected = _reference(arrivals, config=settings(), last_day=day(8))
    rows = store.read(COUNTS).with_columns(pl.col("geo_type").cast(pl.String))
    names = list(next(iter(expected.values())))
    assert {tuple(row[k] for k in PLACE): {k: row[k] for k in names} for row in rows.to_dicts()} == expected


def test_only_days_whose_posts_changed_are_counted_again(store: Store) -> None:
    first = posts(crowd(60, days=range(20), received=day(20)), received=day(20))
    assert _night(store, issue=20, arrivals=first, scorer=Words()) == 20
    late = [{"post_id": "late", "day": 4}, {"post_id": "new", "day": 20}]
    assert _night(store, issue=21, arrivals=posts(late, received=day(21)), scorer=Words()) <= 3
    assert store.count(COUNTS) == 21 * 3
    every = store.read(COUNTS)
    fresh = Words(version="2")
    _night(store, issue=22, arrivals=None, scorer=fresh)
    assert store.read(COUNTS).drop("scorer_version").equals(every.drop("scorer_version"))


def test_a_rerun_changes_nothing(store: Store) -> None:
    arrivals = posts(crowd(80, days=range(10), received=day(10)), received=day(10))
    _night(store, issue=10, arrivals=arrivals, scorer=Words())
    before = store.read(QUALITY)
    assert before.height > 0
    _night(store, issue=10, arrivals=None, scorer=Words())
    assert store.read(QUALITY).equals(before)


def test_what_is_released_has_published_signals_enough_people_and_round_counts(store: Store) -> None:
    arrivals = posts(
        [
            *crowd(83, days=range(10), received=day(10)),
            *crowd(49, days=range(10), received=day(10), place="US-NY"),
        ],
        received=day(10),
    )
    _night(store, issue=10, arrivals=arrivals, scorer=Words())
    rows = store.read(QUALITY).with_columns(pl.col("geo_type", "metric").cast(pl.String))
    assert not rows.filter(pl.col("geo_value") == "US-NY").height
    counts = rows.filter(pl.col("metric").is_in(["posts", "people"]))
    assert (counts["value"] % 5 == 0).all()
    assert (counts["value"] >= 50).all()
    shown = store.query(
        "SELECT DISTINCT geo_type::VARCHAR AS geo_type, geo_value, time_value FROM out.signals "
        "WHERE value IS NOT NULL AND population = 'all' AND time_type = 'day'"
    )
    assert rows.join(shown, on=PLACE, how="anti").is_empty()
    assert AMPLIFIED not in rows["population"].to_list()


def _cell(place: tuple[str, str], **counts: Any) -> dict[str, Any]:
    row = {"n_posts": 400, "n_people": 300, "n_scored": 380, "n_tokens": 5130, "n_matched": 100} | counts
    return row | {
        "geo_type": place[0], "geo_value": place[1], "time_value": day(0), "scorer": "lexicon",
        "scorer_version": "1", "n_received": row["n_posts"],
    }  # fmt: skip


def _released(cells: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    counts = COUNTS.schema.cast(pl.DataFrame(cells, infer_schema_length=None).select(COUNTS.columns))
    rows = released_quality(counts, shown=counts.select(PLACE).unique(), config=settings())
    return {
        (place, metric): value
        for place, metric, value in rows.select("geo_value", pl.col("metric").cast(pl.String), "value").rows()
    }


def test_a_place_whose_signals_are_withdrawn_is_described_no_more(store: Store) -> None:
    arrivals = posts(crowd(83, days=range(10), received=day(10)), received=day(10))
    _night(store, issue=10, arrivals=arrivals, scorer=Words())
    here = (pl.col("geo_type") == "region") & (pl.col("time_value") == day(4))
    assert store.read(QUALITY).filter(here).height > 0
    known = store.read(TABLES["out.signals"]).filter(here, pl.col("time_type") == "day")
    numbers = ("value", "value_unweighted", "value_corrected", "corrected_se", "se", "sample_size", "n_posts")
    withdrawn = known.with_columns(
        *[pl.lit(None, dtype=known.schema[name]).alias(name) for name in numbers],
        *[pl.lit(CENSORED).alias(f"missing_{name}") for name in ("value", "se", "sample_size")],
        issue=day(11), reliability=pl.lit("suppressed"),
    )  # fmt: skip
    store.append(TABLES["out.signals"], withdrawn, run_id="test")
    spec = QualitySpec(config=settings(), issue=day(11), received_by=day(11))
    update_quality(store, scorers=[Words()], spec=spec, run_id="test")
    assert not store.read(QUALITY).filter(here).height


def test_a_series_made_elsewhere_does_not_describe_a_place_whose_posts_are_withheld(store: Store) -> None:
    arrivals = posts(crowd(83, days=range(10), received=day(10)), received=day(10))
    _night(store, issue=10, arrivals=arrivals, scorer=Words())
    here = (pl.col("geo_type") == "region") & (pl.col("time_value") == day(4))
    shown = store.read(TABLES["out.signals"]).filter(
        here, pl.col("time_type") == "day", pl.col("population") == "all"
    )
    survey = shown.head(1).with_columns(signal=pl.lit("survey"), issue=day(11))
    store.delete(TABLES["out.signals"], where="geo_type = 'region' AND time_value = ?", parameters=[day(4)])
    store.append(TABLES["out.signals"], survey, run_id="test")
    described = store.read(TABLES["out.signal_catalogue"]).head(1)
    rows = described.with_columns(signal=pl.lit("survey"), scorer=pl.lit("series"))
    store.put(TABLES["out.signal_catalogue"], rows, run_id="test")
    spec = QualitySpec(config=settings(), issue=day(11), received_by=day(11))
    update_quality(store, scorers=[Words()], spec=spec, run_id="test")
    assert not store.read(QUALITY).filter(here).height


def test_means_have_three_digits_and_shares_come_from_rounded_counts() -> None:
    assert _released([_cell(("nation", "US"), n_posts=403, n_scored=382, n_people=301)]) == {
        ("US", "posts"): 405.0,
        ("US", "people"): 300.0,
        ("US", "mean_tokens"): 13.4,
        ("US", "coverage"): 0.938,
        ("US", "matched"): 0.263,
    }


@pytest.mark.parametrize(("matched", "shown"), [(0, 0.0), (1, None), (10, None), (11, 0.0263), (None, None)])
def test_no_share_has_one_to_ten_posts_behind_it(matched: int | None, shown: float | None) -> None:
    assert _released([_cell(("nation", "US"), n_matched=matched)]).get(("US", "matched")) == shown


@pytest.mark.parametrize(("scored", "posts", "coverage"), [(393, 395.0, 1.0), (380, 400.0, 0.95)])
def test_one_to_ten_posts_without_a_score_are_not_told(scored: int, posts: float, coverage: float) -> None:
    rows = _released([_cell(("nation", "US"), n_scored=scored)])
    assert (rows["US", "posts"], rows["US", "coverage"]) == (posts, coverage)


def test_a_nation_less_its_described_regions_is_no_small_cell() -> None:
    rows = _released(
        [
            _cell(("nation", "US"), n_people=300),
            _cell(("region", "US-CA"), n_people=160),
            _cell(("region", "US-TX"), n_people=110),
            _cell(("region", "US-WY"), n_people=30),
        ]
    )
    assert {place for place, _ in rows} == {"US", "US-CA"}
