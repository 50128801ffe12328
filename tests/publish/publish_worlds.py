"""A small warehouse with something in the published tables."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl

from warehouse.config import AlertsConfig, Config, PathsConfig, PublishConfig
from warehouse.store import Store
from warehouse.tables import TABLES

ISSUE = dt.date(2024, 3, 10)
SIGNALS, CATALOGUE = TABLES["out.signals"], TABLES["out.signal_catalogue"]


def config(folder: Path, *, keep: int = 30, help_line: str = "") -> Config:
    return Config(
        paths=PathsConfig(warehouse=folder / "w.duckdb", published=folder / "published"),
        publish=PublishConfig(keep_issues=keep),
        alerts=AlertsConfig(help_line=help_line),
    )


def signal(issue: dt.date = ISSUE, **given: object) -> pl.DataFrame:
    """One published cell of `issue`: the day before, 100 people, a share of 0.4."""
    row = {
        "signal": "s_share", "population": "all", "geo_type": "all", "geo_value": "all", "time_type": "day",
        "time_value": issue - dt.timedelta(days=1), "issue": issue, "value": 0.4, "se": 0.05, "sample_size": 100,
        "n_posts": 200, "value_unweighted": 0.4, "value_corrected": None, "corrected_se": None,
        "reliability": "moderate", "missing_value": 0, "missing_se": 0, "missing_sample_size": 0,
        "vintage": "real", "people_unknown": False,
    } | given  # fmt: skip
    return SIGNALS.schema.cast(pl.DataFrame([row], infer_schema_length=None).select(SIGNALS.columns))


def fill(store: Store, *frames: pl.DataFrame) -> None:
    """Put signals and their catalogue into the warehouse."""
    described = {
        "signal": "s_share", "scorer": "s", "measure": "s", "statistic": "share", "smoothing": "none",
        "unit": "share of people", "label_en": "S", "label_es": "S", "direction": "neutral",
    }  # fmt: skip
    store.put(CATALOGUE, pl.DataFrame([described]), run_id="test")
    for frame in frames:
        store.put(SIGNALS, frame, run_id="test")


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file's modification time and bytes."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
