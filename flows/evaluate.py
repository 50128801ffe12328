"""A scorer against people's labels, as rows of `out.measure_quality`. Changes no scorer and tunes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from classifiers.evaluate import Interval, Judged, bootstrap_f1, one_of
from flows.score_file import score_frame
from warehouse.errors import InputError, UsageError
from warehouse.scoring import Scorer
from warehouse.tables import TABLES, empty

Z_95 = 1.959964
ALL_MEASURES = "all"
SEPARATORS = r"[|;,]"
LONGEST_LABEL, MOST_LABELS = 40, 20


@dataclass(frozen=True, kw_only=True)
class EvaluateSpec:
    """What the labelled file is.

    Attributes:
        dataset: its name in the result.
        names: label → measure, in the order that decides ties; empty takes labels named like a measure.
        otherwise: the label for a text in which no measure scores, where every text has one label.
    """

    dataset: str
    language: str
    text: str = "text"
    labels: str = "labels"
    names: dict[str, str] = field(default_factory=dict)
    otherwise: str | None = None
    resamples: int = 1000
    seed: int = 7


def evaluate(
    frame: pl.DataFrame, *, scorer: Scorer, spec: EvaluateSpec, tell: Callable[[str, int], None]
) -> pl.DataFrame:
    """Rows of `out.measure_quality`: per measure precision and recall of what reaches the threshold (a graded
    measure: of what is above 0) with Wilson intervals, F1 with a bootstrap interval, and the base rate; and,
    where every text has exactly one label, the macro-F1 of the highest measure (`all`, `macro_f1`).

    Raises:
        InputError: no text, or labels that no measure can be compared with.
    """
    labels = _labels(frame, spec=spec)
    names = _names(labels, scorer=scorer, spec=spec)
    scored = score_frame(
        frame.select(pl.col(spec.text)), scorer=scorer, text=spec.text, language=spec.language, tell=tell
    )
    missing = scored.select(pl.col(f"^({scorer.name}_)?missing$")).to_series()
    if missing.ne(0).all():
        raise InputError(
            f"{spec.dataset}: none of the {scored.height} texts could be scored as '{spec.language}'. Check --language "
            "and the text column."
        )
    rows: list[dict[str, object]] = []
    for measure in dict.fromkeys(names.values()):
        rows += _measure_rows(scored, labels, scorer=scorer, spec=spec, names=names, measure=measure)
    if labels.list.len().eq(1).all():
        rows.append(_argmax_row(scored, labels, scorer=scorer, spec=spec, names=names))
    base = {
        "scorer": scorer.name,
        "lang": spec.language,
        "dataset": spec.dataset,
        "scorer_version": scorer.version,
    }
    return pl.DataFrame([base | row for row in rows], schema=empty(TABLES["out.measure_quality"]).schema)


def _labels(frame: pl.DataFrame, *, spec: EvaluateSpec) -> pl.Series:
    """A list of labels per text; a plain column is split at `|`, `;` or `,`."""
    if frame.is_empty():
        raise InputError(f"{spec.dataset}: no rows. Expected texts with labels. Check the file.")
    column = frame[spec.labels]
    if isinstance(column.dtype, pl.List):
        return column.cast(pl.List(pl.String)).fill_null(pl.lit([], dtype=pl.List(pl.String)))
    plain = column.cast(pl.String).fill_null("").str.replace_all(r'^\[|\]$|"', "")
    text = plain.str.replace_all(SEPARATORS, "|").str.split("|")
    return text.list.eval(pl.element().str.strip_chars().filter(pl.element().str.strip_chars() != ""))


def _names(labels: pl.Series, *, scorer: Scorer, spec: EvaluateSpec) -> dict[str, str]:
    there = sorted(labels.explode().drop_nulls().unique())
    names = spec.names or {label: label for label in there if label in scorer.measures}
    unknown = sorted(set(names.values()) - set(scorer.measures))
    absent = sorted({*names, *([spec.otherwise] if spec.otherwise else [])} - set(there))
    if spec.language not in scorer.languages:
        raise UsageError(
            f"--language: {scorer.name} has no '{spec.language}'. It has {', '.join(scorer.languages)}."
        )
    if unknown:
        raise UsageError(
            f"--map: {scorer.name} has no {', '.join(unknown)}. It has {', '.join(scorer.measures)}."
        )
    if scorer.describe().get("scale") == "mean":
        raise UsageError(
            f"--scorer: {scorer.name} grades words around a middle, and people's labels say yes or no. Choose a scorer "
            "of scale presence, rate or sets, or a model."
        )
    if absent or not names:
        raise InputError(
            f"{spec.dataset}: {_listed(there)}; {_listed(absent) if absent else 'none of them'} cannot be compared. "
            f"Expected labels named like measures of {scorer.name}, or --map LABEL=MEASURE."
        )
    return names


def _listed(labels: list[str]) -> str:
    """Labels for a message; what is too long for one may be a text, and is counted only."""
    short = [label for label in labels if len(label) <= LONGEST_LABEL][:MOST_LABELS]
    rest = len(labels) - len(short)
    return f"labels {', '.join(short)}" + (f" and {rest} others" if rest else "")


def _measure_rows(
    scored: pl.DataFrame,
    labels: pl.Series,
    *,
    scorer: Scorer,
    spec: EvaluateSpec,
    names: dict[str, str],
    measure: str,
) -> list[dict[str, object]]:
    meant = [label for label, name in names.items() if name == measure]
    truth = labels.list.eval(pl.element().is_in(meant)).list.any().fill_null(False).to_numpy().astype(bool)
    values = scored[f"{scorer.name}_{measure}"].fill_null(-1.0).to_numpy()
    threshold = scorer.describe()["thresholds"].get(spec.language, {}).get(measure)
    said = values >= np.float32(threshold) if threshold is not None else values > 0
    right = int((truth & said).sum())
    judged = Judged(truth=truth[:, None], said=said[:, None], known=np.ones((len(truth), 1), dtype=bool))
    rows = [
        _row(measure, "precision", wilson(right, int(said.sum())), n=int(said.sum())),
        _row(measure, "recall", wilson(right, int(truth.sum())), n=int(truth.sum())),
        _row(measure, "base_rate", wilson(int(truth.sum()), len(truth)), n=len(truth)),
        _row(
            measure, "f1", bootstrap_f1(judged, resamples=spec.resamples, seed=spec.seed)[0][0], n=len(truth)
        ),
    ]
    return [row for row in rows if np.isfinite(row["value"])]  # type: ignore[call-overload]


def _argmax_row(
    scored: pl.DataFrame, labels: pl.Series, *, scorer: Scorer, spec: EvaluateSpec, names: dict[str, str]
) -> dict[str, object]:
    """Macro-F1 over the measures and `otherwise`, in the order of the labels; what has another label can only be
    missed."""
    apart = spec.otherwise if spec.otherwise is not None and spec.otherwise not in names else None
    measures = list(dict.fromkeys(names.values()))
    columns = [scored[f"{scorer.name}_{measure}"].fill_null(0.0).to_numpy() for measure in measures]
    meant = [names.get(label) for label in labels.list.first()]
    truths = [np.array([name == measure for name in meant]) for measure in measures]
    classes = list(measures)
    if apart is not None:
        classes.append(apart)
        columns.append(np.zeros(scored.height, dtype=np.float32))
        truths.append((labels.list.first() == apart).to_numpy())
    values, truth = np.stack(columns, axis=1), np.stack(truths, axis=1)
    silent = values.max(axis=1) <= 0
    judged = one_of(truth, values)
    judged.said[silent] = False
    if spec.otherwise is not None:
        judged.said[silent, classes.index(names.get(spec.otherwise, spec.otherwise))] = True
    macro = bootstrap_f1(judged, resamples=spec.resamples, seed=spec.seed)[1]
    return _row(ALL_MEASURES, "macro_f1", macro, n=scored.height)


def wilson(hits: int, n: int) -> Interval:
    """A share with its 95 % interval (Wilson 1927); NaN where n is 0."""
    if n == 0:
        return Interval(float("nan"), float("nan"), float("nan"))
    share, square = hits / n, Z_95**2
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = Z_95 / (1 + square / n) * float(np.sqrt(share * (1 - share) / n + square / (4 * n * n)))
    return Interval(share, max(centre - half, 0.0), min(centre + half, 1.0))


def _row(measure: str, metric: str, interval: Interval, *, n: int) -> dict[str, object]:
    value, low, high = interval.as_list()
    return {"measure": measure, "metric": metric, "value": value, "low": low, "high": high, "n": n}
