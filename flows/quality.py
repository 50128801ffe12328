"""How well scorers agree with people's labels, as rows of `out.measure_quality`. Measures nothing itself.

What a model's card says, and what `affectcast evaluate` found: for the shipped lexicons in the file beside them, for
a user's in the folder of added lexicons. Only rows of the version in use are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from classifiers.agreement import wilson
from lexicons.catalogue import SHIPPED
from warehouse.errors import InputError
from warehouse.scoring import Scorer
from warehouse.tables import TABLES, empty

VALIDATION = "validation"
SHIPPED_QUALITY = SHIPPED.parent / "data" / "quality.csv"
KEPT_NAME = "quality.csv"
TABLE = TABLES["out.measure_quality"]
KEY = ["scorer", "measure", "lang", "dataset", "metric"]
RATES = ("sensitivity", "specificity")


def measure_quality(scorer: Scorer, *, folder: Path | None = None) -> pl.DataFrame:
    """Everything that is known of this version of a scorer; kept results go before shipped ones."""
    kept = folder / KEPT_NAME if folder is not None else None
    files = [path for path in (kept, SHIPPED_QUALITY) if path is not None and path.is_file()]
    found = [_from_card(scorer), *(_of(scorer, read_quality(path)) for path in files)]
    return with_error_rates(pl.concat(found).unique(KEY, keep="first", maintain_order=True))


def keep_quality(rows: pl.DataFrame, *, folder: Path) -> Path:
    """Put rows into the folder's file, in the place of earlier ones of the same scorer, dataset and metric."""
    path = folder / KEPT_NAME
    before = read_quality(path) if path.is_file() else rows.clear()
    folder.mkdir(parents=True, exist_ok=True)
    write_quality(pl.concat([before.join(rows, on=KEY, how="anti"), rows]), path=path)
    return path


def read_quality(path: Path) -> pl.DataFrame:
    """A file of such rows; `InputError` where it is something else."""
    schema = empty(TABLE).schema
    try:
        frame = pl.read_csv(path, schema_overrides=schema)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read: {error}. Remove it and evaluate again with --keep."
        ) from error
    if frame.columns != list(schema):
        raise InputError(
            f"{path}: has the columns {', '.join(frame.columns)}. Expected {', '.join(schema)}. "
            "Remove it and evaluate again with --keep."
        )
    return frame.cast(schema)


def write_quality(rows: pl.DataFrame, *, path: Path) -> None:
    """Write beside and rename."""
    beside = path.with_name(f".{path.name}.part")
    rows.sort(KEY).write_csv(beside)
    beside.replace(path)


def with_error_rates(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the rows `sensitivity` and `specificity` to evaluations that were kept before these had rows of their own.

    Recall over positives, precision over answers and the base rate over texts are the same counts in another form.
    What was never said has no precision, and gets no rows.
    """
    told = KEY[:-1]
    rated = rows.filter(pl.col("metric").is_in(RATES))
    by_set = {
        key: {row["metric"]: row for row in part.iter_rows(named=True)}
        for key, part in rows.join(rated, on=told, how="anti").group_by(told, maintain_order=True)
    }
    added = [
        dict(zip(told, key, strict=True)) | row | {"scorer_version": known["recall"]["scorer_version"]}
        for key, known in by_set.items()
        if known.keys() >= {"recall", "precision", "base_rate"}
        for row in _share_rows(_counts(known))
    ]
    return pl.concat([rows, pl.DataFrame(added, schema=rows.schema)])


def _counts(known: dict[str, dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """(judged rightly, judged) of the positives and of the negatives."""
    recall, precision, base = known["recall"], known["precision"], known["base_rate"]
    false_alarms = precision["n"] - round(precision["value"] * precision["n"])
    n_neg = base["n"] - recall["n"]
    return {
        "sensitivity": (round(recall["value"] * recall["n"]), recall["n"]),
        "specificity": (n_neg - false_alarms, n_neg),
    }


def _of(scorer: Scorer, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter((pl.col("scorer") == scorer.name) & (pl.col("scorer_version") == scorer.version))


def _from_card(scorer: Scorer) -> pl.DataFrame:
    """F1 with its interval, calibration error and error rates per language and measure, as the card has them."""
    described = scorer.describe()
    base = {"scorer": scorer.name, "scorer_version": scorer.version}
    rows = [
        base | {"lang": lang} | row
        for lang, metrics in described["metrics"].items()
        for row in _rows(metrics)
    ]
    rates = [
        base | {"lang": lang} | row
        for lang, by_measure in described.get("error_rates", {}).items()
        for measure, rate in by_measure.items()
        for row in _rate_rows(measure, rate)
    ]
    return pl.DataFrame([*rows, *rates], schema=empty(TABLE).schema)


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


def _rate_rows(measure: str, rate: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What `warehouse` needs to turn a share of positives into a prevalence, with Wilson intervals."""
    counts = {
        "sensitivity": (round(rate["tpr"] * rate["n_pos"]), rate["n_pos"]),
        "specificity": (round((1.0 - rate["fpr"]) * rate["n_neg"]), rate["n_neg"]),
    }
    for row in _share_rows(counts):
        yield row | {"measure": measure, "dataset": VALIDATION}


def _share_rows(counts: dict[str, tuple[int, int]]) -> Iterator[dict[str, Any]]:
    for metric, (right, n) in counts.items():
        if n:
            value, low, high = wilson(right, n).as_list()
            yield {"metric": metric, "value": value, "low": low, "high": high, "n": n}
