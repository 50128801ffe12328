"""Lead-lag and growth from a file of places and in a night: what is written, what is refused, what is not read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from night_support import affectcast

from flows.comovement import write_comovement
from flows.stages import Run
from warehouse.config import Config, parse_config
from warehouse.store import Store, open_store
from warehouse.tables import TABLES

FIRST = dt.date(2024, 1, 1)
SIGNAL = "lexicon_fear_share"


def _places(places: int, *, days: int, grows: float = 0.0) -> pl.DataFrame:
    """Shares of places: a shared week, own moods, and what is new in place A comes to B two days later."""
    rng = np.random.default_rng(11)
    news = rng.normal(0, 0.2, (places, days))
    news[1, 2:] += 0.8 * news[0, :-2]
    week = rng.normal(0, 0.2, 7)[np.arange(days) % 7]
    trend = grows * np.maximum(np.arange(days) - (days - 29), 0)
    share = 1 / (1 + np.exp(2 - news - week - trend))
    return pl.DataFrame(
        {
            "series_id": np.repeat([chr(65 + k) for k in range(places)], days),
            "time_value": [FIRST + dt.timedelta(days=k) for k in range(days)] * places,
            "value": share.ravel(),
            "n": rng.integers(900, 1100, places * days),
        }
    )


def test_places_of_a_file_are_compared_and_their_growth_stands_beside(tmp_path: Path) -> None:
    _places(6, days=300, grows=0.04).write_csv(tmp_path / "places.csv")
    ran = affectcast("contagion", "--series", "places.csv", "--out", "pairs.csv.gz", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    pairs = pl.read_csv(tmp_path / "pairs.csv.gz")
    assert pairs.height == 15
    best = pairs.row(0, named=True)
    assert (best["leader"], best["follower"], best["lag"]) == ("A", "B", 2)
    assert best["q_value"] < 0.05
    assert best["sample_size"] % 5 == 0
    growth = pl.read_csv(tmp_path / "pairs.growth.csv.gz")
    assert growth["location"].to_list() == list("ABCDEF")
    assert growth["window_end"].unique().to_list() == ["2024-10-26"]
    assert (growth["rate"] > 0).all()
    assert "15 pairs and growth of 6 series" in ran.stderr


def test_too_few_places_are_named_in_a_note_and_growth_is_given(tmp_path: Path) -> None:
    _places(2, days=60).write_parquet(tmp_path / "places.parquet")
    ran = affectcast(
        "contagion",
        "--series",
        "places.parquet",
        "--out",
        "pairs.parquet",
        "--as-of",
        "2024-02-20",
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    assert "at least 3 are needed" in ran.stderr
    assert pl.read_parquet(tmp_path / "pairs.parquet").is_empty()
    growth = pl.read_parquet(tmp_path / "pairs.growth.parquet")
    assert growth["window_end"].to_list() == [dt.date(2024, 2, 20)] * 2


def test_a_dry_run_says_what_it_would_do(tmp_path: Path) -> None:
    _places(3, days=30).write_csv(tmp_path / "p.csv")
    ran = affectcast("contagion", "--series", "p.csv", "--out", "o.csv", "--dry-run", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "would compare 3 places of p.csv" in ran.stdout
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".csv"] == ["p.csv"]


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (
            ("--series", "p.csv", "--posts", "p.csv", "--out", "o.csv"),
            2,
            "--posts: not together with --series",
        ),
        (("--series", "bad.csv", "--out", "o.csv"), 11, "missing columns: value"),
        (("--series", "short.csv", "--out", "o.csv"), 11, "Give a longer file"),
    ],
)
def test_what_cannot_be_used_is_refused(
    options: tuple[str, ...], code: int, message: str, tmp_path: Path
) -> None:
    table = _places(3, days=40)
    table.write_csv(tmp_path / "p.csv")
    table.drop("value").write_csv(tmp_path / "bad.csv")
    table.filter(pl.col("time_value") < dt.date(2024, 1, 15)).write_csv(tmp_path / "short.csv")
    ran = affectcast("contagion", *options, cwd=tmp_path)
    assert ran.returncode == code, ran.stderr
    assert message in ran.stderr
    assert not (tmp_path / "o.csv").exists()


# ------------------------------------------------------------------------------------------- the night


def test_a_night_says_how_its_signals_grow(finished: Config) -> None:
    with open_store(finished.paths.warehouse, config=finished.warehouse) as store:
        growth = store.read(TABLES["out.growth"])
        cells = store.query(
            "SELECT count(DISTINCT (signal, geo_type, geo_value)) AS n FROM out.signals JOIN out.signal_catalogue "
            "USING (signal) WHERE value IS NOT NULL AND time_type = 'day' AND population = 'all' AND smoothing = "
            "'none' AND statistic = 'share'"
        )
    assert growth.height == cells["n"][0] > 0
    assert growth["window_end"].unique().to_list() == [finished.run.as_of]
    assert (growth["sample_size"].drop_nulls() >= finished.disclosure.people_floor).all()
    published = pl.read_parquet(next(finished.paths.published.rglob("growth.parquet")))
    assert published.height == growth.height


def _issued(issue: dt.date, *, value: float | None = None) -> pl.DataFrame:
    """Published cells of four regions as of one issue, three days of one region hidden."""
    cells = _places(4, days=200).with_columns(
        pl.col("value").round(4) if value is None else pl.lit(value).alias("value"),
        hidden=(pl.col("series_id") == "A") & pl.col("time_value").dt.day().is_between(3, 5),
    )
    shown = ~pl.col("hidden")
    return cells.select(
        pl.lit(SIGNAL).alias("signal"), pl.lit("all").alias("population"), pl.lit("region").alias("geo_type"),
        ("US-" + pl.col("series_id")).alias("geo_value"), pl.lit("day").alias("time_type"), "time_value",
        pl.lit(issue).alias("issue"), pl.when(shown).then("value").alias("value"),
        pl.lit(None, dtype=pl.Float64).alias("se"), pl.when(shown).then("n").alias("sample_size"),
        pl.when(shown).then("n").alias("n_posts"), pl.when(shown).then("value").alias("value_unweighted"),
        pl.lit(None, dtype=pl.Float64).alias("value_corrected"),
        pl.lit(None, dtype=pl.Float64).alias("corrected_se"),
        pl.when(shown).then(pl.lit("high")).otherwise(pl.lit("suppressed")).alias("reliability"),
        *(pl.when(shown).then(0).otherwise(3).cast(pl.Int8).alias(name)
          for name in ("missing_value", "missing_se", "missing_sample_size")),
        pl.lit("real").alias("vintage"), pl.lit(False).alias("people_unknown"),
    )  # fmt: skip


def _store_with(store: Store, *, issue: dt.date) -> None:
    catalogue = pl.DataFrame(
        [
            {
                "signal": SIGNAL, "scorer": "lexicon", "measure": "fear", "statistic": "share", "smoothing": "none",
                "unit": "share", "label_en": "Fear", "label_es": "Miedo", "direction": "higher_is_worse",
            }
        ]
    )  # fmt: skip
    store.append(TABLES["out.signal_catalogue"], catalogue, run_id="r")
    store.append(TABLES["out.signals"], _issued(issue), run_id="r")
    # What a later issue says must not be known, and says something else.
    store.append(TABLES["out.signals"], _issued(issue + dt.timedelta(days=5), value=0.5), run_id="r")


def test_the_night_compares_regions_by_what_was_published_at_its_issue(tmp_path: Path) -> None:
    issue = FIRST + dt.timedelta(days=199)
    config = parse_config({"paths": {"warehouse": str(tmp_path / "w.duckdb")}}, where="test")
    run = Run(config=config, issue=issue)
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        _store_with(store, issue=issue)
        for _ in range(2):
            with store.transaction():
                receipt = write_comovement(store, run=run)
        pairs, growth = store.read(TABLES["out.lead_lag"]), store.read(TABLES["out.growth"])
    assert (pairs.height, growth.height) == (6, 4)
    assert receipt.rows_out == 10
    best = pairs.sort("p_value").row(0, named=True)
    assert (best["leader"], best["follower"], best["lag"]) == ("US-A", "US-B", 2)
    assert best["q_value"] < 0.05
    assert best["window_start"] == issue - dt.timedelta(days=365)
    lag = config.signals.reporting_lag_days
    hidden = len([k for k in range(200 - lag) if (FIRST + dt.timedelta(days=k)).day in (3, 4, 5)])
    assert best["n_days"] == 200 - lag - hidden
    last = issue - dt.timedelta(days=lag)
    assert growth["window_start"].unique().to_list() == [last - dt.timedelta(days=27)]
    assert growth["verdict"].to_list() == ["steady"] * 4
