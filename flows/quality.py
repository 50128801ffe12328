"""What a scorer's card says of its quality, as rows of `out.measure_quality`. Measures nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from warehouse.scoring import Scorer
from warehouse.tables import TABLES, empty

VALIDATION = "validation"


def measure_quality(scorer: Scorer) -> pl.DataFrame:
    """F1 with its interval and calibration error per measure, over all validation texts and per source."""
    described = scorer.describe()
    metrics: dict[str, Any] = described["metrics"]
    base = {"scorer": scorer.name, "scorer_version": scorer.version, "lang": scorer.languages[0]}
    rows = [base | row for row in _rows(metrics)] if metrics else []
    return pl.DataFrame(rows, schema=empty(TABLES["out.measure_quality"]).schema)


def _rows(metrics: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from _f1_rows(metrics, dataset=VALIDATION)
    for measure, error in metrics.get("ece", {}).items():
        yield {"measure": measure, "dataset": VALIDATION, "metric": "calibration_error", "value": error,
               "low": None, "high": None, "n": metrics["rows"]}  # fmt: skip
    for source, part in metrics.get("by_source", {}).items():
        yield from _f1_rows(part, dataset=source)


def _f1_rows(part: dict[str, Any], *, dataset: str) -> Iterator[dict[str, Any]]:
    for measure, (value, low, high) in part.get("f1", {}).items():
        yield {"measure": measure, "dataset": dataset, "metric": "f1", "value": value, "low": low, "high": high,
               "n": part["rows"]}  # fmt: skip
