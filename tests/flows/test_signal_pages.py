"""A page per signal that says what its own tables say, and the revisions it draws on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.signal_pages import signal_pages
from warehouse.config import Config, SignalsConfig, WarehouseConfig, WeightsConfig
from warehouse.limits import MUST_NOT
from warehouse.revisions import revisions
from warehouse.signals import catalogue
from warehouse.store import Store, open_store
from warehouse.tables import TABLES

ISSUE = dt.date(2024, 6, 10)
TITLES = (
    "What it measures", "How it is estimated", "Error", "Agreement with people's labels", "What is missing",
    "Lag and revisions", "Limits", "Licence", "What it must not be used for",
)  # fmt: skip


class Made:
    """A classifier of one measure; only its description matters here."""

    name, version, measures, languages = "model", "1", ("anger",), ("en",)

    def describe(self) -> dict[str, Any]:
        return {
            "scorer": self.name, "tier": "encoder", "scale": "probability", "statistics": ["share"],
            "licence": "Apache-2.0 [x](http://evil.example)", "languages": ["en"],
            "thresholds": {"en": {"anger": 0.5}},
        }  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "w.duckdb", config=WarehouseConfig()) as opened:
        opened.put(TABLES["out.signal_catalogue"], catalogue([Made()]), run_id="test")
        yield opened


def cell(
    day: int, *, issue: int, value: float | None, people: int = 100, vintage: str = "real", place: str = "all"
) -> dict[str, Any]:
    missing = 3 if value is None else 0
    return {
        "signal": "model_anger_share", "population": "all", "geo_type": "all" if place == "all" else "region",
        "geo_value": place, "time_type": "day", "time_value": dt.date(2024, 6, day), "issue": dt.date(2024, 6, issue),
        "value": value, "se": None if value is None else 0.01, "sample_size": None if value is None else people,
        "n_posts": None, "value_unweighted": value, "value_corrected": None, "corrected_se": None,
        "reliability": "suppressed" if value is None else "moderate", "missing_value": missing, "missing_se": missing,
        "missing_sample_size": missing, "vintage": vintage, "people_unknown": False,
    }  # fmt: skip


def put(store: Store, *cells: dict[str, Any]) -> None:
    table = TABLES["out.signals"]
    store.append(table, pl.DataFrame(list(cells), schema=table.schema.create_empty().schema), run_id="test")


def test_revisions_compare_the_first_with_the_newest_number_of_real_nights(store: Store) -> None:
    put(
        store,
        cell(1, issue=2, value=0.10), cell(1, issue=4, value=0.30, people=120),
        cell(1, issue=9, value=0.15, people=140),
        cell(2, issue=3, value=0.20), cell(3, issue=4, value=0.30), cell(3, issue=5, value=0.29, people=105),
        cell(4, issue=5, value=None), cell(4, issue=6, value=0.5),
        cell(5, issue=9, value=0.1, vintage="assumed"), cell(5, issue=10, value=0.9),
    )  # fmt: skip
    row = revisions(store, issue=ISSUE).row(0, named=True)
    assert (row["n_cells"], row["n_revised"], row["last_after_days"]) == (4, 2, 8)
    assert row["mean_change"] == pytest.approx((0.05 + 0.01) / 2)
    assert row["largest_change"] == pytest.approx(0.05)
    assert row["mean_people_added"] == pytest.approx((40 + 5) / 2)
    assert revisions(store, issue=dt.date(2024, 6, 3)).row(0, named=True)["n_revised"] == 0


def test_a_warehouse_without_history_has_no_revisions(store: Store) -> None:
    assert revisions(store, issue=ISSUE).is_empty()


def pages(store: Store, config: Config | None = None, *, language: str = "en") -> dict[str, str]:
    found = signal_pages(store, scorers=[Made()], config=config or Config(), issue=ISSUE)
    TABLES["out.signal_pages"].schema.validate(found, cast=True)
    return dict(found.filter(language=language).select("signal", "page").iter_rows())


def test_every_signal_of_the_catalogue_has_a_page_with_all_sections(store: Store) -> None:
    found = pages(store)
    assert set(found) == {"model_anger_share", "model_anger_share_7dav"}
    for page in found.values():
        for title in TITLES:
            assert f"## {title}" in page
        assert all(line in page for line in MUST_NOT)
        assert r"\[x\]" in page
        assert "unproven" in page
        assert "Nothing was described" in page
    assert "last seven" in found["model_anger_share_7dav"]
    assert "last seven" not in found["model_anger_share"]


def test_a_page_holds_the_figures_of_its_tables(store: Store) -> None:
    put(
        store,
        cell(1, issue=2, value=0.10), cell(1, issue=4, value=0.30), cell(2, issue=3, value=0.20, people=300),
        cell(3, issue=4, value=None),
    )  # fmt: skip
    base = {"scorer": "model", "measure": "anger", "lang": "en", "dataset": "my_set", "scorer_version": "1"}
    quality = [
        base | {"metric": "f1", "value": 0.61, "low": 0.55, "high": 0.66, "n": 1_234},
        base | {"metric": "sensitivity", "value": 0.7, "low": None, "high": None, "n": 200},
    ]
    table = TABLES["out.measure_quality"]
    store.put(table, pl.DataFrame(quality, schema=table.schema.create_empty().schema), run_id="test")
    store.append(TABLES["out.revisions"], revisions(store, issue=ISSUE), run_id="test")
    page = pages(store, Config(signals=SignalsConfig(reporting_lag_days=3)))["model_anger_share"]
    assert "| en | my\\_set | f1 | 0.61 | 0.55 to 0.66 | 1,234 |" in page
    assert "Everywhere, by day: 2 of 3 cells of the last 90 days published (67%); 200 people in the" in page
    assert (
        "1 of 2 numbers changed, by 0.2000 on average and 0.2000 at most, the last one 3 days after" in page
    )
    assert "described 3 days after" in page
    assert "`value_corrected` undoes" in page
    assert "not weighted" in page


def test_a_page_says_when_people_are_weighted(store: Store, tmp_path: Path) -> None:
    config = Config(weights=WeightsConfig(margins=tmp_path / "margins.csv"))
    assert "weighted to their population" in pages(store, config)["model_anger_share"]


def test_a_page_in_spanish_has_the_same_figures_and_no_english_sentence(store: Store) -> None:
    put(store, cell(1, issue=2, value=0.10), cell(1, issue=4, value=0.30), cell(3, issue=4, value=None))
    base = {"scorer": "model", "measure": "anger", "lang": "en", "dataset": "my_set", "scorer_version": "1"}
    table = TABLES["out.measure_quality"]
    row = base | {"metric": "precision", "value": 0.61, "low": 0.55, "high": 0.66, "n": 12_345}
    store.put(table, pl.DataFrame([row], schema=table.schema.create_empty().schema), run_id="test")
    store.append(TABLES["out.revisions"], revisions(store, issue=ISSUE), run_id="test")
    english, spanish = (pages(store, language=code)["model_anger_share"] for code in ("en", "es"))
    assert english.count("\n") == spanish.count("\n")
    assert "| en | my\\_set | precisión | 0,61 | 0,55 a 0,66 | 12.345 |" in spanish
    assert "En todas partes, por día: 1 de 2 celdas de los últimos 90 días publicadas (50\u00a0%)" in spanish
    assert "enojo" in spanish.splitlines()[0]
    said = {line for line in spanish.splitlines() if line.startswith(("#", "* "))}
    # One word is the same in both.
    assert said & {*english.splitlines()} == {"## Error"}
