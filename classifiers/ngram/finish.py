"""Measure a trained n-gram model, choose calibration and thresholds per language, and write its description and card.

A development step; scoring only reads what it wrote. Test data of the public sets are never opened here.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from classifiers.artefacts import version_of
from classifiers.calibrate import Fit, balanced_weights, best_threshold, calibrated, error_rates, fit_platt
from classifiers.evaluate import Judged, bootstrap_f1, expected_calibration_error, macro_f1, one_of
from classifiers.labelled import Labelled, stacked
from classifiers.ngram.card import card_text
from classifiers.ngram.columns import Columns
from classifiers.ngram.features import FeatureSpec, score_rows
from classifiers.ngram.graded import fit_graded, graded_metrics
from classifiers.ngram.table import WEIGHT_FILE, Table, read_table
from classifiers.package import file_sha256
from classifiers.taxonomy import TONE

FOLDS = 5
NEUTRAL = 0.5


@dataclass(frozen=True)
class Panel:
    """Rows of one language with their logits (n, outputs)."""

    logits: np.ndarray
    data: Labelled

    def take(self, rows: np.ndarray) -> "Panel":
        """The rows at these positions."""
        return Panel(self.logits[rows], self.data.take(rows))

    @property
    def sources(self) -> list[str]:
        """Names of the data sets, sorted."""
        return [str(name) for name in np.unique(self.data.sources)]

    def of(self, source: str) -> "Panel":
        """The rows of one data set."""
        return self.take(np.flatnonzero(self.data.sources == source))

    def column(self, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(logits, targets, sources) of the known cells of one output."""
        rows = self.data.masks[:, k] > 0
        return self.logits[rows, k], self.data.targets[rows, k], self.data.sources[rows]


@dataclass(frozen=True)
class Evidence:
    """What decides about one language: `fitting` rows choose calibration and thresholds, `validation` rows judge.

    Without `fitting` rows the validation rows do both, and the results are flattered. No row was seen in training by
    the model that gave its logits.
    """

    validation: Panel
    fitting: Panel | None = None

    @property
    def choosing(self) -> Panel:
        """The rows that choose."""
        return self.fitting or self.validation

    @property
    def unseen(self) -> Panel:
        """All rows: error rates need as many positives as there are."""
        if self.fitting is None:
            return self.validation
        logits = np.concatenate([self.fitting.logits, self.validation.logits])
        return Panel(logits, stacked([self.fitting.data, self.validation.data]))


@dataclass(frozen=True)
class Chosen:
    """Calibration of all outputs that the language knows, and thresholds of those that are not graded."""

    fits: dict[str, Fit]
    thresholds: dict[str, float]


@dataclass(frozen=True)
class Description:
    """What a model is, besides its numbers; `measures` are those it answers for, null where it learnt no column."""

    name: str
    measures: tuple[str, ...]
    columns: Columns
    spec: FeatureSpec
    training: dict[str, Any]
    validation_files: tuple[str, ...]
    exclusive: tuple[str, ...] = ()


def panel(data: Labelled, *, table: Table, spec: FeatureSpec) -> Panel:
    """The rows with the logits that the stored integers give."""
    sums, _ = score_rows(pl.Series(data.texts, dtype=pl.String), table=table.rows, spec=spec)
    return Panel(np.nan_to_num(sums) * table.scale + table.bias, data)


def finish(out_dir: Path, *, description: Description, evidence: dict[str, Evidence]) -> str:
    """Write `meta.json` and `CARD.md` beside the weight file in `out_dir`; returns the new version.

    `evidence` per language. Raises ValueError when a language knows no measure.
    """
    names = description.columns.names
    chosen = {lang: choose(found.choosing, names=names) for lang, found in evidence.items()}
    meta = _meta(out_dir, description=description, chosen=chosen)
    judge = {lang: (chosen[lang], found) for lang, found in evidence.items()}
    measures = description.columns.measures
    meta["error_rates"] = {lang: rates(c, e.unseen, names=measures) for lang, (c, e) in judge.items()}
    meta["error_rates_by_source"] = {
        source: _with_both(rates(c, e.unseen.of(source), names=measures))
        for c, e in judge.values()
        for source in e.validation.sources
    }
    meta["metrics"] = {lang: measure(c, e, description=description) for lang, (c, e) in judge.items()}
    meta["version"] = version_of(meta)
    (out_dir / "meta.json").write_text(json.dumps(meta, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    (out_dir / "CARD.md").write_text(card_text(meta), encoding="utf-8")
    return str(meta["version"])


def choose(rows: Panel, *, names: tuple[str, ...]) -> Chosen:
    """Platt scaling and the threshold of greatest F1 of each output with known positives and negatives."""
    fits: dict[str, Fit] = {}
    thresholds: dict[str, float] = {}
    for k, name in enumerate(names):
        logits, targets, sources = rows.column(k)
        if not len(targets) or targets.min() == targets.max():
            continue
        if name in TONE:
            fits[name] = fit_graded(logits, targets)
            continue
        fits[name] = fit_platt(logits, targets)
        weights = balanced_weights(sources)
        thresholds[name] = best_threshold(_calibrated(logits, fits[name]), targets, weights=weights)
    if not thresholds:
        raise ValueError("no output has both positives and negatives; expected labelled rows of the language")
    return Chosen(fits, thresholds)


def judged(chosen: Chosen, rows: Panel, *, names: tuple[str, ...]) -> Judged:
    """The labels that reach their thresholds, beside the truth, for the outputs that have a threshold."""
    places = [names.index(name) for name in chosen.thresholds]
    limits = np.array(list(chosen.thresholds.values()), np.float32)
    said = _probabilities(chosen, rows, names=names)[:, places] >= limits
    return Judged(truth=rows.data.targets[:, places] > 0, said=said, known=rows.data.masks[:, places] > 0)


def rates(chosen: Chosen, rows: Panel, *, names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Threshold, TPR, FPR and their bases per output among `names` that has a threshold, on these rows."""
    out: dict[str, dict[str, Any]] = {}
    for name, threshold in ((n, t) for n, t in chosen.thresholds.items() if n in names):
        logits, targets, _ = rows.column(names.index(name))
        found = error_rates(_calibrated(logits, chosen.fits[name]), targets, threshold=threshold)
        out[name] = {"threshold": threshold} | asdict(found)
    return out


def _with_both(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: rate for name, rate in found.items() if rate["n_pos"] and rate["n_neg"]}


def measure(chosen: Chosen, found: Evidence, *, description: Description) -> dict[str, Any]:
    """F1 with intervals, cross-fitted macro-F1, calibration error, tone, and the same per data set."""
    names, rows = description.columns.names, found.validation
    chosen = _of_measures(chosen, description)
    per_measure, macro = bootstrap_f1(judged(chosen, rows, names=names))
    crossed = cross_fitted(rows, names=names, asked=tuple(chosen.thresholds))
    named = dict(zip(chosen.thresholds, per_measure, strict=True))
    return {
        "split": "validation",
        "rows": len(rows.data.texts),
        "macro_f1": macro.as_list(),
        "macro_f1_cross_fitted": round(macro_f1(crossed), 4),
        "f1": {name: interval.as_list() for name, interval in named.items()},
        "ece": {name: _ece(chosen, rows, name, names) for name in named},
        "agreement": {name: part["r"][0] for name, part in _graded(chosen, rows, names=names).items()},
        "graded": _graded(chosen, rows, names=names),
        "out_of_fold": _out_of_fold(chosen, found, names=names),
        "by_source": {
            source: _source_metrics(found, chosen, source, crossed=crossed, description=description)
            for source in rows.sources
        },
    }


def _out_of_fold(chosen: Chosen, found: Evidence, *, names: tuple[str, ...]) -> dict[str, Any] | None:
    """F1 on the rows that chose the thresholds, where they are not the validation rows."""
    if found.fitting is None:
        return None
    per_measure, macro = bootstrap_f1(judged(chosen, found.fitting, names=names))
    named = zip(chosen.thresholds, per_measure, strict=True)
    return {
        "rows": len(found.fitting.data.texts),
        "macro_f1": macro.as_list(),
        "f1": {name: interval.as_list() for name, interval in named},
    }


def _of_measures(chosen: Chosen, description: Description) -> Chosen:
    """Without the thresholds of auxiliary labels, which no metric but that of the most probable label knows."""
    measures = description.columns.measures
    return Chosen(chosen.fits, {name: t for name, t in chosen.thresholds.items() if name in measures})


def cross_fitted(rows: Panel, *, names: tuple[str, ...], asked: tuple[str, ...], seed: int = 11) -> Judged:
    """What each fifth of the rows is said to be by what the other four fifths chose, for the outputs asked for."""
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(rows.data.texts))
    said = np.zeros((len(fold), len(names)), dtype=bool)
    for k in range(FOLDS):
        inside, outside = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        chosen = choose(rows.take(outside), names=names)
        places = [names.index(name) for name in chosen.thresholds]
        said[inside[:, None], places] = judged(chosen, rows.take(inside), names=names).said
    places = [names.index(name) for name in asked]
    truth, known = rows.data.targets[:, places] > 0, rows.data.masks[:, places] > 0
    return Judged(truth=truth, said=said[:, places], known=known)


def _source_metrics(
    found: Evidence, chosen: Chosen, source: str, *, crossed: Judged, description: Description
) -> dict[str, Any]:
    names, rows = description.columns.names, found.validation.of(source)
    inside = np.flatnonzero(found.validation.data.sources == source)
    answers = judged(chosen, rows, names=names)
    per_measure, macro = bootstrap_f1(answers)
    fair = Judged(truth=crossed.truth[inside], said=crossed.said[inside], known=crossed.known[inside])
    occurs = (answers.truth & answers.known).any(axis=0)
    named = zip(chosen.thresholds, per_measure, occurs, strict=True)
    kept = {name: interval for name, interval, present in named if present}
    own = choose(found.choosing.of(source), names=names)
    return {
        "rows": len(rows.data.texts),
        "macro_f1": macro.as_list(),
        "macro_f1_cross_fitted": round(macro_f1(fair), 4),
        "macro_f1_own_thresholds": _macro(_of_measures(own, description), rows, names=names),
        "f1": {name: interval.as_list() for name, interval in kept.items()},
        "ece": {name: _ece(chosen, rows, name, names) for name in kept},
        **(_one_of(own, rows, description=description) if source in description.exclusive else {}),
    }


def _macro(chosen: Chosen, rows: Panel, *, names: tuple[str, ...]) -> list[float]:
    return bootstrap_f1(judged(chosen, rows, names=names))[1].as_list()


def _one_of(chosen: Chosen, rows: Panel, *, description: Description) -> dict[str, Any]:
    """Macro-F1 of the most probable label, over all that exclude each other and without the auxiliary ones."""
    names, columns = description.columns.names, description.columns
    probabilities = _probabilities(chosen, rows, names=names)
    out: dict[str, Any] = {}
    for key, wanted in (("macro_f1_one_of", names), ("macro_f1_one_of_measures", columns.measures)):
        places = [names.index(n) for n in wanted if n in chosen.thresholds]
        truth = (rows.data.targets[:, places] > 0) & (rows.data.masks[:, places] > 0)
        one = truth.sum(axis=1) == 1
        answers = one_of(truth[one], probabilities[one][:, places])
        out[key] = bootstrap_f1(answers)[1].as_list()
    return out


def _graded(chosen: Chosen, rows: Panel, *, names: tuple[str, ...]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name in (n for n in TONE if n in chosen.fits):
        logits, targets, _ = rows.column(names.index(name))
        if len(targets):
            out[name] = graded_metrics(_calibrated(logits, chosen.fits[name]), targets)
    return out


def _ece(chosen: Chosen, rows: Panel, name: str, names: tuple[str, ...]) -> float:
    logits, targets, _ = rows.column(names.index(name))
    return round(expected_calibration_error(_calibrated(logits, chosen.fits[name]), targets), 4)


def _probabilities(chosen: Chosen, rows: Panel, *, names: tuple[str, ...]) -> np.ndarray:
    out = np.zeros(rows.logits.shape, np.float32)
    for name, fit in chosen.fits.items():
        k = names.index(name)
        out[:, k] = _calibrated(rows.logits[:, k], fit)
    return out


def _calibrated(logits: np.ndarray, fit: Fit) -> np.ndarray:
    return calibrated(logits, slopes=np.float32(fit.slope), offsets=np.float32(fit.offset))  # type: ignore[arg-type]


def _meta(out_dir: Path, *, description: Description, chosen: dict[str, Chosen]) -> dict[str, Any]:
    path = out_dir / WEIGHT_FILE
    stamp = (path.stat().st_mtime_ns, path.stat().st_size)
    measures = description.measures
    return {
        "name": description.name,
        "kind": "ngram",
        "languages": list(chosen),
        "measures": list(measures),
        "measures_by_language": {lang: [m for m in measures if m in c.fits] for lang, c in chosen.items()},
        "columns": list(description.columns.names),
        "features": description.spec.as_dict(),
        "reads": "the whole post",
        "licence": "Apache-2.0",
        "calibration": {lang: {n: asdict(f) for n, f in c.fits.items()} for lang, c in chosen.items()},
        "thresholds": {lang: _stored_thresholds(c, measures) for lang, c in chosen.items()},
        "training": description.training,
        "validation_files": list(description.validation_files),
        "files": {WEIGHT_FILE: file_sha256(path, stamp=stamp)},
    }


def _stored_thresholds(chosen: Chosen, measures: tuple[str, ...]) -> dict[str, float]:
    """Those of measures; a grade has no best threshold, and half-way is neutral."""
    graded = {name: NEUTRAL for name in TONE if name in chosen.fits}
    return {name: t for name, t in chosen.thresholds.items() if name in measures} | graded


def stored(out_dir: Path) -> Table:
    """The table that was just written."""
    return read_table(out_dir / WEIGHT_FILE)
