"""Measure a trained encoder on its validation data, choose calibration and thresholds there, and write its papers.

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

from classifiers.artefacts import Artefact, digests, version_of
from classifiers.backends import BackendName, open_backend
from classifiers.calibrate import (
    Fit,
    balanced_weights,
    best_threshold,
    calibrated,
    error_rates,
    fit_platt,
    fit_weight,
)
from classifiers.card import card_text
from classifiers.engine import Engine, EngineSpec
from classifiers.evaluate import (
    Judged,
    bootstrap_f1,
    expected_calibration_error,
    macro_f1,
    one_of,
    weighted_f1,
)
from classifiers.labelled import COMMUNITY_SOURCE, ENGLISH_SOURCES, Labelled
from classifiers.ngram.model import NgramModel
from classifiers.package import PACKAGE, SHA256
from classifiers.profiles import PROFILE_NAME, profile_series
from classifiers.score import beside_logits
from classifiers.taxonomy import EMOTION_MEASURES, MEASURES, MENTAL_MEASURES, TONE
from classifiers.tokens import FastTokeniser, padded, tokenise

log = logging.getLogger(__name__)

MAX_TOKENS, MAX_WINDOWS = 128, 4
FOLDS = 5
COMPARED = 1_500
NEUTRAL = 0.5
LABELLED = tuple(name for name in MEASURES if name not in TONE)
SOURCES = (*ENGLISH_SOURCES, COMMUNITY_SOURCE)
PROBE_TEXTS = ("The rain has stopped at last.", "I am so tired of all this.", "What a lovely surprise!")


@dataclass(frozen=True)
class Logits:
    """What the encoder and the n-gram model beside it say: two Float32 arrays (texts, measures)."""

    encoder: np.ndarray
    beside: np.ndarray

    def take(self, rows: np.ndarray) -> "Logits":
        """The rows at these positions."""
        return Logits(self.encoder[rows], self.beside[rows])


@dataclass(frozen=True)
class Chosen:
    """What the validation data decided, per measure in the order of `MEASURES`; the tone is graded, not decided."""

    weights: tuple[float, ...]
    fits: tuple[Fit, ...]
    thresholds: tuple[float, ...]

    def probabilities(self, logits: Logits) -> np.ndarray:
        """Calibrated probabilities (texts, measures)."""
        slopes, offsets = np.array([f.slope for f in self.fits]), np.array([f.offset for f in self.fits])
        return calibrated(_together(logits, self.weights), slopes=slopes, offsets=offsets)

    def judged(self, logits: Logits, data: Labelled) -> Judged:
        """The labels that reach their thresholds, beside the truth; the tone counts nowhere."""
        said = self.probabilities(logits) >= np.array(self.thresholds, dtype=np.float32)
        labelled = ~np.isin(MEASURES, TONE)
        return Judged(truth=data.targets > 0, said=said, known=(data.masks == 1) & labelled)


def finish_encoder(data: Labelled, out_dir: Path, *, training: dict[str, Any], beside: Artefact) -> str:
    """Write `meta.json` and `CARD.md` next to the weight files in `out_dir`; returns the new version.

    `data` are the validation rows, with the word list's grades as targets of the tone. `training` goes into the
    description as it is. `beside` is the n-gram model of all measures that the encoder is joined with.
    """
    own = encoder_logits(out_dir, texts=data.texts, backend="openvino-int8")
    texts = pl.Series(data.texts, dtype=pl.String)
    logits = Logits(own, beside_logits(NgramModel(beside), texts, measures=MEASURES))
    sample = _some(len(data.texts))
    reference = encoder_logits(out_dir, texts=[data.texts[i] for i in sample], backend="torch-fp32")
    chosen = choose(logits, data)
    agreement = compare(chosen, logits.take(sample), Logits(reference, logits.beside[sample]))
    metrics = measure(chosen, logits, data) | {"int8_against_reference": agreement | {"rows": len(sample)}}
    alone = choose(Logits(own, np.zeros_like(own)), data)
    metrics["encoder_alone"] = encoder_alone(alone, Logits(own, np.zeros_like(own)), data)
    meta = _meta(out_dir, chosen=chosen, training=training) | {
        "beside": {
            "model": beside.meta["name"],
            "version": beside.version,
            "weights": dict(zip(MEASURES, chosen.weights, strict=True)),
        },
        "error_rates": {"en": _rates(chosen, logits, data)},
        "error_rates_by_source": {"en": _rates_by_source(chosen, logits, data)},
        "metrics": {"en": metrics},
    }
    meta["version"] = version_of(meta)
    (out_dir / "meta.json").write_text(json.dumps(meta, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    (out_dir / "CARD.md").write_text(card_text(meta), encoding="utf-8")
    return str(meta["version"])


def encoder_logits(folder: Path, *, texts: Sequence[str], backend: BackendName) -> np.ndarray:
    """Float32 logits (texts, measures) of the weights in `folder`, before they have a description."""
    draft = Artefact(folder, {"files": digests(folder), "measures": list(MEASURES)})
    tokeniser = FastTokeniser(max_tokens=MAX_TOKENS, max_windows=MAX_WINDOWS)
    opened = open_backend(draft, name=backend, threads=1)
    engine = Engine(opened, tokeniser=tokeniser, profile=profile_series, spec=EngineSpec(pooling="mean"))
    return engine.encode(pl.Series(texts, dtype=pl.String)).logits


def _some(n: int, *, seed: int = 5) -> np.ndarray:
    """The rows on which the slow reference is compared."""
    return np.sort(np.random.default_rng(seed).choice(n, min(n, COMPARED), replace=False))


def choose(logits: Logits, data: Labelled) -> Chosen:
    """The n-gram model's weight, Platt scaling and the threshold of greatest F1 for each measure, on known cells."""
    weights = tuple(_weight(logits, data, k) for k in range(len(MEASURES)))
    together = _together(logits, weights)
    fits = tuple(_fit(together, data, k) for k in range(len(MEASURES)))
    probabilities = Chosen(weights, fits, ()).probabilities(logits)
    return Chosen(weights, fits, tuple(_threshold(probabilities, data, k) for k in range(len(MEASURES))))


def encoder_alone(chosen: Chosen, logits: Logits, data: Labelled) -> dict[str, float]:
    """Macro-F1 per data set of the encoder without the n-gram model."""
    judged = chosen.judged(logits, data)
    return {s.name: round(macro_f1(_rows(judged, data.sources == s.name)), 4) for s in SOURCES}


def _rows(judged: Judged, rows: np.ndarray) -> Judged:
    return Judged(truth=judged.truth[rows], said=judged.said[rows], known=judged.known[rows])


def _together(logits: Logits, weights: Sequence[float]) -> np.ndarray:
    total: np.ndarray = logits.encoder + np.array(weights, dtype=np.float32) * logits.beside
    return total


def _weight(logits: Logits, data: Labelled, k: int) -> float:
    if MEASURES[k] in TONE:
        return 0.0
    own, truth, _ = _known(logits.encoder, data, k)
    return round(fit_weight(own, _known(logits.beside, data, k)[0], truth), 4)


def _fit(logits: np.ndarray, data: Labelled, k: int) -> Fit:
    values, truth, _ = _known(logits, data, k)
    if MEASURES[k] in TONE or truth.min(initial=1) == truth.max(initial=0):
        return Fit(slope=1.0, offset=0.0)
    return fit_platt(values, truth)


def _threshold(probabilities: np.ndarray, data: Labelled, k: int) -> float:
    if MEASURES[k] in TONE:
        return NEUTRAL
    values, truth, source = _known(probabilities, data, k)
    return best_threshold(values, truth, weights=balanced_weights(source))


def measure(chosen: Chosen, logits: Logits, data: Labelled) -> dict[str, Any]:
    """F1 with intervals, cross-fitted macro-F1, calibration error, agreement of the tone with the word list, and
    results per data set."""
    judged = chosen.judged(logits, data)
    per_measure, macro = bootstrap_f1(judged)
    crossed = Judged(truth=judged.truth, said=_cross_fitted(logits, data), known=judged.known)
    named = dict(zip(MEASURES, per_measure, strict=True))
    probabilities = chosen.probabilities(logits)
    return {
        "split": "validation",
        "rows": len(data.texts),
        "macro_f1": macro.as_list(),
        "macro_f1_cross_fitted": round(macro_f1(crossed), 4),
        "macro_f1_by_scorer": {
            "emotion": bootstrap_f1(_columns(judged, EMOTION_MEASURES))[1].as_list(),
            "mental_health": bootstrap_f1(_columns(judged, MENTAL_MEASURES))[1].as_list(),
        },
        "f1": {name: named[name].as_list() for name in LABELLED},
        "ece": {name: _calibration_error(probabilities, data, MEASURES.index(name)) for name in LABELLED},
        "agreement": {name: _agreement(probabilities, data, MEASURES.index(name)) for name in TONE},
        "by_source": {s.name: _source_metrics(chosen, logits, data, crossed, s.name) for s in SOURCES},
    }


def _columns(judged: Judged, names: Sequence[str]) -> Judged:
    k = [MEASURES.index(name) for name in names]
    return Judged(truth=judged.truth[:, k], said=judged.said[:, k], known=judged.known[:, k])


def _calibration_error(probabilities: np.ndarray, data: Labelled, k: int) -> float:
    values, truth, _ = _known(probabilities, data, k)
    return round(expected_calibration_error(values, truth), 4)


def _agreement(probabilities: np.ndarray, data: Labelled, k: int) -> float:
    """Correlation with the grades of our word list: not with people's ratings, of which there are none."""
    rows = data.masks[:, k] > 0
    return round(float(np.corrcoef(probabilities[rows, k], data.targets[rows, k])[0, 1]), 4)


def _cross_fitted(logits: Logits, data: Labelled, *, seed: int = 11) -> np.ndarray:
    """What each fifth of the rows is said to be by what the other four fifths chose."""
    fold = np.random.default_rng(seed).integers(0, FOLDS, len(data.texts))
    said = np.zeros(logits.encoder.shape, dtype=bool)
    for k in range(FOLDS):
        inside, outside = np.flatnonzero(fold == k), np.flatnonzero(fold != k)
        chosen = choose(logits.take(outside), data.take(outside))
        said[inside] = chosen.judged(logits.take(inside), data.take(inside)).said
    return said


def compare(chosen: Chosen, logits: Logits, reference: Logits) -> dict[str, float]:
    """How far the int8 form is from the reference: share of equal labels, and mean difference of probability."""
    ours, theirs = chosen.probabilities(logits), chosen.probabilities(reference)
    thresholds = np.array(chosen.thresholds, dtype=np.float32)
    return {
        "label_agreement": round(float(((ours >= thresholds) == (theirs >= thresholds)).mean()), 5),
        "mean_abs_difference": round(float(np.abs(ours - theirs).mean()), 5),
    }


def _known(values: np.ndarray, data: Labelled, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = data.masks[:, k] == 1
    return values[rows, k], data.targets[rows, k], data.sources[rows]


def _rates(chosen: Chosen, logits: Logits, data: Labelled) -> dict[str, dict[str, Any]]:
    probabilities = chosen.probabilities(logits)
    rates: dict[str, dict[str, Any]] = {}
    for name in LABELLED:
        k = MEASURES.index(name)
        values, truth, _ = _known(probabilities, data, k)
        found = error_rates(values, truth, threshold=chosen.thresholds[k])
        rates[name] = {"threshold": chosen.thresholds[k]} | asdict(found)
    return rates


def _rates_by_source(chosen: Chosen, logits: Logits, data: Labelled) -> dict[str, dict[str, Any]]:
    """Error rates within each data set: how far they travel between kinds of text."""
    out: dict[str, dict[str, Any]] = {}
    for source in SOURCES:
        rows = np.flatnonzero(data.sources == source.name)
        rates = _rates(chosen, logits.take(rows), data.take(rows))
        out[source.name] = {name: rate for name, rate in rates.items() if rate["n_pos"] and rate["n_neg"]}
    return out


def _source_metrics(
    chosen: Chosen, logits: Logits, data: Labelled, crossed: Judged, source: str
) -> dict[str, Any]:
    rows = np.flatnonzero(data.sources == source)
    part = data.take(rows)
    judged = chosen.judged(logits.take(rows), part)
    per_measure, macro = bootstrap_f1(judged)
    fair = _rows(crossed, rows)
    occurs = (judged.truth & judged.known).any(axis=0)
    named = [
        (name, k, interval)
        for k, (name, interval) in enumerate(zip(MEASURES, per_measure, strict=True))
        if occurs[k]
    ]
    found: dict[str, Any] = {
        "rows": len(rows),
        "macro_f1": macro.as_list(),
        "macro_f1_cross_fitted": round(macro_f1(fair), 4),
        "f1": {name: interval.as_list() for name, _, interval in named},
        "weighted_f1": {name: weighted_f1(judged, column=k).as_list() for name, k, _ in named},
        "weighted_f1_cross_fitted": {
            name: round(weighted_f1(fair, column=k, resamples=2).value, 4) for name, k, _ in named
        },
    }
    probabilities = chosen.probabilities(logits.take(rows))
    found["ece"] = {name: _calibration_error(probabilities, part, k) for name, k, _ in named}
    if next(s.exclusive for s in SOURCES if s.name == source):
        one = (part.targets * (part.masks == 1)).sum(axis=1) == 1
        judged = one_of(part.targets[one][:, occurs] > 0, probabilities[one][:, occurs])
        found["macro_f1_one_of"] = bootstrap_f1(judged)[1].as_list()
    return found


def _meta(out_dir: Path, *, chosen: Chosen, training: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": out_dir.name,
        "kind": "encoder",
        "languages": ["en"],
        "measures": list(MEASURES),
        "measures_by_language": {"en": list(MEASURES)},
        "profile": PROFILE_NAME,
        "max_tokens": MAX_TOKENS,
        "max_windows": MAX_WINDOWS,
        "pooling": "mean",
        "reads": f"{MAX_WINDOWS} windows of {MAX_TOKENS} word pieces, averaged by their length",
        "licence": "Apache-2.0",
        "encoder": {"package": PACKAGE, "version": "0.1.0", "sha256": dict(SHA256)},
        "calibration": {"en": {name: asdict(fit) for name, fit in zip(MEASURES, chosen.fits, strict=True)}},
        "thresholds": {"en": dict(zip(MEASURES, chosen.thresholds, strict=True))},
        "training": training | {"files": [s.train for s in SOURCES]},
        "validation_files": [s.validation or f"an eighth of {s.train}" for s in SOURCES],
        "files": digests(out_dir),
        "probe": _probe(out_dir),
    }


def _probe(folder: Path) -> dict[str, Any]:
    """Token ids of one shape and what the reference says of them: how a start-up check knows a broken processor."""
    ids, _ = padded([ids[:8] for ids in tokenise(PROBE_TEXTS, max_tokens=MAX_TOKENS)])
    backend = open_backend(
        Artefact(folder, {"files": digests(folder), "measures": list(MEASURES)}), name="torch-fp32", threads=1
    )
    found: list[np.ndarray] = []
    backend.run([(ids, np.ones_like(ids))], receive=lambda _, logits: found.append(logits))
    return {"ids": ids.tolist(), "logits": np.round(found[0].astype(float), 3).tolist()}
