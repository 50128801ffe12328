"""Measure a trained model on its validation data, choose calibration and thresholds there, and write its papers.

A development step, after training and quantisation; scoring only reads what it wrote. The test data of the public
sets are never opened here.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from classifiers.artefacts import WEIGHT_FILES, Artefact, version_of
from classifiers.backends import BackendName, open_backend
from classifiers.calibrate import (
    ErrorRates,
    Fit,
    balanced_weights,
    best_threshold,
    calibrated,
    error_rates,
    fit_platt,
)
from classifiers.card import card_text
from classifiers.engine import Engine
from classifiers.evaluate import Judged, bootstrap_f1, expected_calibration_error, macro_f1, one_of
from classifiers.labelled import EMOTION_SOURCES, Labelled, load_split
from classifiers.package import PACKAGE, SHA256, file_sha256
from classifiers.profiles import PROFILE_NAME
from classifiers.taxonomy import MEASURES

log = logging.getLogger(__name__)

MAX_TOKENS = 128
FOLDS = 5


@dataclass(frozen=True)
class Chosen:
    """What the validation data decided, per measure in the order of `MEASURES`."""

    fits: tuple[Fit, ...]
    thresholds: tuple[float, ...]

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of the logits' shape."""
        slopes, offsets = np.array([f.slope for f in self.fits]), np.array([f.offset for f in self.fits])
        return calibrated(logits, slopes=slopes, offsets=offsets)

    def judged(self, logits: np.ndarray, data: Labelled) -> Judged:
        """The labels that reach their thresholds, beside the truth."""
        said = self.probabilities(logits) >= np.array(self.thresholds, dtype=np.float32)
        return Judged(truth=data.targets > 0, said=said, known=data.masks > 0)


def finish_emotion(data_dir: Path, out_dir: Path, *, training: dict[str, Any]) -> str:
    """Write `meta.json` and `CARD.md` beside the weight files in `out_dir`; returns the new version.

    `training` goes into the description as it is: recipe, seed, rows. Raises InputError for missing data files.
    """
    data = load_split(data_dir, split="validation")
    logits = validation_logits(out_dir, texts=data.texts, backend="openvino-int8")
    reference = validation_logits(out_dir, texts=data.texts, backend="torch-fp32")
    chosen = choose(logits, data)
    meta = _meta(out_dir, chosen=chosen, rates=_rates(chosen, logits, data), training=training)
    meta["error_rates_by_source"] = _rates_by_source(chosen, logits, data)
    meta["metrics"] = measure(chosen, logits, data) | {
        "int8_against_reference": compare(chosen, logits, reference)
    }
    meta["metrics"]["reference_macro_f1"] = round(macro_f1(chosen.judged(reference, data)), 4)
    meta["version"] = version_of(meta)
    (out_dir / "meta.json").write_text(json.dumps(meta, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    (out_dir / "CARD.md").write_text(card_text(meta), encoding="utf-8")
    return str(meta["version"])


def validation_logits(folder: Path, *, texts: Sequence[str], backend: BackendName) -> np.ndarray:
    """Float32 logits (texts, measures) of the weights in `folder`, before they have a description."""
    draft = Artefact(folder, {"files": digests(folder), "measures": list(MEASURES)})
    engine = Engine(open_backend(draft, name=backend, threads=1), n_measures=len(MEASURES))
    return engine.encode(pl.Series(texts, dtype=pl.String)).logits


def choose(logits: np.ndarray, data: Labelled) -> Chosen:
    """Platt scaling and the threshold of greatest F1 for each measure, on known cells."""
    fits = tuple(fit_platt(*_known(logits, data, k)[:2]) for k in range(len(MEASURES)))
    probabilities = Chosen(fits, ()).probabilities(logits)
    cells = (_known(probabilities, data, k) for k in range(len(MEASURES)))
    return Chosen(
        fits, tuple(best_threshold(p, y, weights=balanced_weights(source)) for p, y, source in cells)
    )


def measure(chosen: Chosen, logits: np.ndarray, data: Labelled) -> dict[str, Any]:
    """F1 with intervals, cross-fitted macro-F1, calibration error, and the same per data set."""
    per_measure, macro = bootstrap_f1(chosen.judged(logits, data))
    probabilities = chosen.probabilities(logits)
    cells = [_known(probabilities, data, k) for k in range(len(MEASURES))]
    return {
        "split": "validation",
        "rows": len(data.texts),
        "macro_f1": macro.as_list(),
        "macro_f1_cross_fitted": round(cross_fitted_macro_f1(logits, data), 4),
        "f1": {name: interval.as_list() for name, interval in zip(MEASURES, per_measure, strict=True)},
        "ece": {
            n: round(expected_calibration_error(p, y), 4)
            for n, (p, y, _) in zip(MEASURES, cells, strict=True)
        },
        "by_source": {s.name: _source_metrics(chosen, logits, data, s.name) for s in EMOTION_SOURCES},
    }


def cross_fitted_macro_f1(logits: np.ndarray, data: Labelled, *, seed: int = 11) -> float:
    """Macro-F1 where each fifth of the rows is judged with what the other four fifths chose."""
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(data.texts))
    said = np.zeros(logits.shape, dtype=bool)
    for k in range(FOLDS):
        inside, outside = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        said[inside] = (
            choose(logits[outside], data.take(outside)).judged(logits[inside], data.take(inside)).said
        )
    return macro_f1(Judged(truth=data.targets > 0, said=said, known=data.masks > 0))


def compare(chosen: Chosen, logits: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """How far the int8 form is from the reference: share of equal labels, and mean difference of probability."""
    ours, theirs = chosen.probabilities(logits), chosen.probabilities(reference)
    thresholds = np.array(chosen.thresholds, dtype=np.float32)
    return {
        "label_agreement": round(float(((ours >= thresholds) == (theirs >= thresholds)).mean()), 5),
        "mean_abs_difference": round(float(np.abs(ours - theirs).mean()), 5),
    }


def digests(folder: Path) -> dict[str, str]:
    """The sha256 of each weight file."""
    paths = [folder / name for name in WEIGHT_FILES]
    return {p.name: file_sha256(p, stamp=(p.stat().st_mtime_ns, p.stat().st_size)) for p in paths}


def _known(values: np.ndarray, data: Labelled, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = data.masks[:, k] > 0
    return values[rows, k], data.targets[rows, k], data.sources[rows]


def _rates(chosen: Chosen, logits: np.ndarray, data: Labelled) -> dict[str, dict[str, Any]]:
    probabilities = chosen.probabilities(logits)
    rates: dict[str, dict[str, Any]] = {}
    for k, name in enumerate(MEASURES):
        p, y, _ = _known(probabilities, data, k)
        found: ErrorRates = error_rates(p, y, threshold=chosen.thresholds[k])
        rates[name] = {"threshold": chosen.thresholds[k]} | asdict(found)
    return rates


def _rates_by_source(chosen: Chosen, logits: np.ndarray, data: Labelled) -> dict[str, dict[str, Any]]:
    """Error rates within each data set: how far they travel between kinds of text."""
    out: dict[str, dict[str, Any]] = {}
    for source in EMOTION_SOURCES:
        rows = np.flatnonzero(data.sources == source.name)
        rates = _rates(chosen, logits[rows], data.take(rows))
        out[source.name] = {name: rate for name, rate in rates.items() if rate["n_pos"]}
    return out


def _source_metrics(chosen: Chosen, logits: np.ndarray, data: Labelled, source: str) -> dict[str, Any]:
    rows = np.flatnonzero(data.sources == source)
    part = data.take(rows)
    per_measure, macro = bootstrap_f1(chosen.judged(logits[rows], part))
    occurs = ((part.targets * part.masks).sum(axis=0) > 0).tolist()
    named = zip(MEASURES, per_measure, occurs, strict=True)
    found: dict[str, Any] = {"rows": len(rows), "macro_f1": macro.as_list()}
    found["f1"] = {name: interval.as_list() for name, interval, present in named if present}
    if next(s.exclusive for s in EMOTION_SOURCES if s.name == source):
        columns = np.flatnonzero(occurs)
        judged = one_of(part.targets[:, columns] > 0, chosen.probabilities(logits[rows])[:, columns])
        found["macro_f1_one_of"] = bootstrap_f1(judged)[1].as_list()
    return found


def _meta(
    out_dir: Path, *, chosen: Chosen, rates: dict[str, Any], training: dict[str, Any]
) -> dict[str, Any]:
    return {
        "name": "emotion_en",
        "scorer": "emotion",
        "languages": ["en"],
        "measures": list(MEASURES),
        "profile": PROFILE_NAME,
        "max_tokens": MAX_TOKENS,
        "licence": "Apache-2.0",
        "encoder": {"package": PACKAGE, "version": "0.1.0", "sha256": dict(SHA256)},
        "calibration": {name: asdict(fit) for name, fit in zip(MEASURES, chosen.fits, strict=True)},
        "thresholds": dict(zip(MEASURES, chosen.thresholds, strict=True)),
        "error_rates": rates,
        "training": training | {"files": [f"{s.train}.parquet" for s in EMOTION_SOURCES]},
        "validation_files": [f"{s.validation}.parquet" for s in EMOTION_SOURCES],
        "files": digests(out_dir),
    }
