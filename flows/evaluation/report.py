"""An evaluation as lines to read. Not for files: the rows themselves are written there."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from classifiers.abstain import COVERAGES
from classifiers.agreement import ALL_MEASURES
from flows.evaluation import slices
from flows.evaluation.evaluate import DIFFERENCE, MASKED, PLAIN, Evaluation

PER_MEASURE = ("f1", "precision", "recall", "brier", "calibration_error")
OVERALL = (
    "macro_f1_at_thresholds",
    "weighted_f1_at_thresholds",
    "macro_f1",
    "weighted_f1",
    "accuracy",
)


def report(found: Evaluation) -> list[str]:
    """What a person reads: per language the measures, then groups and lengths, abstention and hidden words."""
    whole = found.rows.filter(pl.col("by") == slices.ALL)
    lines: list[str] = []
    for lang in whole["lang"].unique(maintain_order=True):
        rows = whole.filter(pl.col("lang") == lang)
        plain = rows.filter(pl.col("variant") == PLAIN)
        lines += [
            f"language {lang}",
            *_measures(plain),
            *_overall(plain),
            *_abstention(plain),
            *_hidden(rows),
        ]
    return lines + list(_groups(found.rows))


def _measures(rows: pl.DataFrame) -> Iterator[str]:
    """The first figure's n are texts, a recall's n positives, a precision's n answers."""
    for measure in rows.filter(pl.col("measure") != ALL_MEASURES)["measure"].unique(maintain_order=True):
        own = rows.filter(pl.col("measure") == measure)
        yield f"  {measure}: " + "; ".join(_figures(own, PER_MEASURE))


def _overall(rows: pl.DataFrame) -> Iterator[str]:
    own = rows.filter(pl.col("measure") == ALL_MEASURES)
    yield from (f"  {ALL_MEASURES}: {figure}" for figure in _figures(own, OVERALL))


def _figures(rows: pl.DataFrame, metrics: tuple[str, ...]) -> Iterator[str]:
    by_metric = {row["metric"]: row for row in rows.iter_rows(named=True)}
    for metric in metrics:
        if metric in by_metric:
            row = by_metric[metric]
            yield f"{metric} {_value(row)}, n {row['n']:,}"


def _value(row: dict[str, object]) -> str:
    known = row["low"] is not None and row["high"] is not None
    return f"{row['value']:.3f}" + (f" [{row['low']:.3f}, {row['high']:.3f}]" if known else "")


def _abstention(rows: pl.DataFrame) -> Iterator[str]:
    """Per measure F1/accuracy at each coverage, and the area."""
    areas = rows.filter(pl.col("metric") == "aurc")
    if areas.height:
        yield "  the surest answers only, as F1/accuracy:"
    for measure, area in areas.select("measure", "value").iter_rows():
        own = dict(rows.filter(pl.col("measure") == measure).select("metric", "value").iter_rows())
        cells = [
            f"{coverage:.0%} {_known(own.get(f'f1_at_{coverage * 100:.0f}'))}/"
            f"{_known(own.get(f'accuracy_at_{coverage * 100:.0f}'))}"
            for coverage in COVERAGES
        ]
        yield f"    {measure}: {', '.join(cells)}; AURC {area:.4f}"


def _known(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _hidden(rows: pl.DataFrame) -> Iterator[str]:
    """F1 with the words of the lexicon hidden, and the difference."""
    wanted = rows.filter(pl.col("metric").is_in(["f1", "macro_f1_at_thresholds", "macro_f1"]))
    masked = wanted.filter(pl.col("variant") == MASKED)
    if masked.height:
        yield "  with the words of the lexicon hidden:"
    changes = {
        (row["measure"], row["metric"]): row
        for row in wanted.filter(pl.col("variant") == DIFFERENCE).iter_rows(named=True)
    }
    for row in masked.iter_rows(named=True):
        change = changes.get((row["measure"], row["metric"]))
        said = f", change {_value(change)}" if change else ""
        yield f"    {row['measure']}: {row['metric']} {_value(row)}{said}"


def _groups(rows: pl.DataFrame) -> Iterator[str]:
    """One line per group: the macro-F1 at the thresholds, and how many texts it is about."""
    wanted = rows.filter(
        pl.col("by") != slices.ALL, pl.col("variant") == PLAIN, pl.col("metric") == "macro_f1_at_thresholds"
    )
    for by in wanted["by"].unique(maintain_order=True):
        yield f"by {by}, macro_f1_at_thresholds:"
        for row in wanted.filter(pl.col("by") == by).iter_rows(named=True):
            yield f"  {row['level']}: {_value(row)}, n {row['n']:,}"
