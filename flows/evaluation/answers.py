"""Scores and labels as cells of yes and no: what a scorer said of each text and measure, and what people did.

Not for metrics: `classifiers.agreement` counts the cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from classifiers.abstain import thresholds_of
from classifiers.agreement import Cells
from classifiers.evaluate import one_of
from warehouse.errors import UsageError
from warehouse.scoring import Scorer


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Cells per measure; the highest measure alone, where every text has one label; thresholds (texts, measures), NaN
    where there is none; and sentences on measures that could not be compared."""

    cells: Cells
    single: Cells | None
    thresholds: np.ndarray
    notes: tuple[str, ...]


def answers_of(
    scores: pl.DataFrame,
    *,
    posts: pl.DataFrame,
    labels: pl.Series,
    scorer: Scorer,
    names: dict[str, str],
    otherwise: str | None,
) -> Answers:
    """What the scorer said of texts with these labels.

    A text counts nowhere for a measure that its language does not have. Raises UsageError where that leaves nothing.
    """
    wanted = list(dict.fromkeys(names.values()))
    known = {name: _known(scores[name], posts=posts, missing=scores["missing"]) for name in wanted}
    measures = [name for name in wanted if known[name].any()]
    if not measures:
        raise UsageError(
            f"--map: {scorer.name} has none of {', '.join(wanted)} in the languages of these texts. Choose other "
            "measures; see `affectcast models`."
        )
    truth = np.stack([_truth(labels, names=names, measure=name) for name in measures], axis=1)
    values = np.stack([scores[name].to_numpy().astype(np.float64) for name in measures], axis=1)
    limits = [
        thresholds_of(scorer, measure=name, lang=posts["lang"], n=posts.height).astype(np.float32)
        for name in measures
    ]
    thresholds = np.stack(limits, axis=1).astype(np.float64)
    said = np.isfinite(values) & np.where(np.isfinite(thresholds), values >= thresholds, values > 0)
    is_probability = scorer.describe().get("scale") == "probability"
    cells = Cells(
        measures=tuple(measures), truth=truth, said=said, known=np.stack([known[m] for m in measures], axis=1),
        probability=values if is_probability else np.full(values.shape, np.nan), units=np.arange(len(truth)),
    )  # fmt: skip
    single = _single(cells, values=values, labels=labels, names=names, otherwise=otherwise)
    notes = _notes(known, scores=scores, scorer=scorer)
    return Answers(cells=cells, single=single, thresholds=thresholds, notes=notes)


def _known(values: pl.Series, *, posts: pl.DataFrame, missing: pl.Series) -> np.ndarray:
    """Boolean per text: whether its language has the measure at all. A language in which scored texts have no score
    lacks it; one in which nothing was scored says nothing, and counts."""
    by_language = pl.DataFrame({"lang": posts["lang"], "value": values, "missing": missing})
    has = (pl.col("value").is_not_null().any() | (pl.col("missing") != 0).all()).over("lang")
    return by_language.select(has).to_series().to_numpy()


def _truth(labels: pl.Series, *, names: dict[str, str], measure: str) -> np.ndarray:
    meant = [label for label, name in names.items() if name == measure]
    found = labels.list.eval(pl.element().is_in(meant)).list.any().fill_null(False)
    return found.to_numpy().astype(bool)


def _single(
    cells: Cells, *, values: np.ndarray, labels: pl.Series, names: dict[str, str], otherwise: str | None
) -> Cells | None:
    """The highest measure as the only answer, in the order of the labels, or `otherwise` where none is said; None
    unless every text has one label. What has another label can only be missed."""
    if not labels.list.len().eq(1).all():
        return None
    measures, columns = list(cells.measures), np.nan_to_num(values)
    meant = [names.get(label) for label in labels.list.first()]
    truth = np.stack([np.array([name == measure for name in meant]) for measure in measures], axis=1)
    if otherwise is not None and otherwise not in names:
        measures.append(otherwise)
        columns = np.column_stack([columns, np.zeros(len(columns))])
        truth = np.column_stack([truth, (labels.list.first() == otherwise).to_numpy()])
    judged = one_of(truth, columns)
    silent = columns.max(axis=1) <= 0 if otherwise is None else ~cells.said.any(axis=1)
    judged.said[silent] = False
    if otherwise is not None and names.get(otherwise, otherwise) in measures:
        judged.said[silent, measures.index(names.get(otherwise, otherwise))] = True
    return Cells(
        measures=tuple(measures), truth=truth, said=judged.said, known=judged.known,
        probability=np.full(truth.shape, np.nan), units=cells.units,
    )  # fmt: skip


def _notes(known: dict[str, np.ndarray], *, scores: pl.DataFrame, scorer: Scorer) -> tuple[str, ...]:
    lacking = [name for name, rows in known.items() if not rows.all()]
    silent = int((scores["missing"] != 0).sum())
    notes = []
    if lacking:
        notes.append(
            f"{scorer.name} has no {', '.join(lacking)} in some of the languages; texts there do not count for them."
        )
    if silent:
        notes.append(f"{silent:,} texts could not be scored; they count as texts of which nothing was said.")
    return tuple(notes)
