"""The embedded scorers: posts in, one calibrated number per measure out, in the same order.

Each language of a scorer is read by one model. Not a diagnosis and not a ranking of people: a score is an ingredient
of a population's signal and no more.
"""

import hashlib
import os
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from classifiers.artefacts import Artefact, catalogue, catalogued
from warehouse.errors import MissingModelError

if TYPE_CHECKING:
    from classifiers.backends import BackendName
    from classifiers.engine import Engine, Progress
    from classifiers.ngram.model import NgramModel

SCORED, WRONG_LANGUAGE, NO_TEXT = 0, 1, 5
# Graded, not present or absent: summed up as a mean only.
GRADED = ("valence", "arousal", "dominance")
VERSION_DIGITS = 12


class Model(Protocol):
    """What reads the posts of some languages."""

    def probabilities(self, texts: pl.Series, *, lang: str) -> tuple[np.ndarray, np.ndarray]:
        """Texts without nulls → Float32 (texts, measures of the artefact), NaN where the language lacks a measure,
        and Int32 tokens read."""
        ...


class ClassifierScorer:
    """One of the scorers of `catalogue.toml`. Weights load with the first post that needs them.

    `threads` of 0 means every core this process may use. `backend` names another form of the encoder than the fastest
    one that works here. `cache_folder` keeps what the encoder said of a text for later runs. Raises
    MissingModelError when a model is missing or altered.
    """

    def __init__(
        self,
        name: str = "emotion",
        *,
        threads: int = 0,
        backend: "BackendName | None" = None,
        cache_folder: Path | None = None,
    ) -> None:
        entry = catalogue()["scorer"][name]
        self.name = name
        self.tier: str = entry["tier"]
        self.measures: tuple[str, ...] = tuple(entry["measures"])
        self.artefacts: dict[str, Artefact] = {
            lang: catalogued(model) for lang, model in entry["models"].items()
        }
        self.languages: tuple[str, ...] = tuple(self.artefacts)
        self._threads, self._backend, self._cache_folder = threads or usable_cores(), backend, cache_folder

    @cached_property
    def version(self) -> str:
        """Twelve hex digits over the versions of all models and the list of measures."""
        parts = [f"{lang}={artefact.version}" for lang, artefact in sorted(self.artefacts.items())]
        return hashlib.sha256("\n".join([*parts, *self.measures]).encode()).hexdigest()[:VERSION_DIGITS]

    def score(self, posts: pl.DataFrame, *, progress: "Progress | None" = None) -> pl.DataFrame:
        """`text`, `lang` (String, nullable) in; per measure a Float32 in [0, 1] or null out.

        Same height and order. A measure that a language's model was not taught is null in that language. Also
        `n_tokens` Int32 (word pieces read; 0 where missing), `n_matched` Int32 (always null: no word list here),
        `missing` Int8: 0 scored, 1 language unknown or not supported, 5 no text.
        """
        missing = posts.select(missing=missing_code(languages=self.languages))["missing"]
        numbers = np.full((posts.height, len(self.measures)), np.nan, dtype=np.float32)
        n_tokens = np.zeros(posts.height, dtype=np.int32)
        for lang in self.languages:
            rows = ((missing == SCORED) & (posts["lang"] == lang)).fill_null(False).arg_true()
            if rows.len():
                where = rows.to_numpy()
                numbers[where], n_tokens[where] = self._read(posts["text"].gather(rows), lang=lang)
            if progress is not None:
                progress(rows.len(), posts.height)
        # Text of nothing but invisible characters has no letter or sign that a model could read.
        empty = pl.Series(np.isnan(numbers).all(axis=1)) & (missing == SCORED)
        scores = pl.DataFrame(numbers, schema=dict.fromkeys(self.measures, pl.Float32)).fill_nan(None)
        return scores.with_columns(
            n_tokens=pl.Series(n_tokens, dtype=pl.Int32),
            n_matched=pl.lit(None, dtype=pl.Int32),
            missing=missing.set(empty, NO_TEXT),
        )

    def describe(self) -> dict[str, Any]:
        """What `affectcast models` prints about this scorer; reads no weights."""
        metas = {lang: artefact.meta for lang, artefact in self.artefacts.items()}
        models = {artefact.meta["name"]: artefact for artefact in self.artefacts.values()}
        models |= {a.meta["beside"]["model"]: _beside(a) for a in self.artefacts.values() if _is_encoder(a)}
        return {
            "scorer": self.name,
            "measures": list(self.measures),
            "measures_by_language": {lang: self._taught(lang) for lang in self.languages},
            "thresholds": {lang: self._own(meta["thresholds"][lang], lang) for lang, meta in metas.items()},
            "languages": list(self.languages),
            "tier": self.tier,
            "scale": "probability",
            "statistics": ["share", "mean"],
            "means_only": [name for name in self.measures if name in GRADED],
            "size_mb": round(sum(artefact.size_mb for artefact in models.values()), 1),
            "licence": ", ".join(sorted({meta["licence"] for meta in metas.values()})),
            "metrics": {lang: self._metrics(lang) for lang in self.languages},
            "version": self.version,
            "models": {
                lang: {
                    "name": artefact.meta["name"],
                    "version": artefact.version,
                    "reads": meta_reads(artefact),
                }
                for lang, artefact in self.artefacts.items()
            },
            "error_rates": {lang: self._own(meta["error_rates"][lang], lang) for lang, meta in metas.items()},
        }

    def logits_backend(self) -> str:
        """The form of the encoder that is in use, for logs and benchmarks; loads it."""
        return str(next(self._engine(a) for a in self.artefacts.values() if _is_encoder(a)).backend.name)

    def _taught(self, lang: str) -> list[str]:
        taught = self.artefacts[lang].meta["measures_by_language"][lang]
        return [name for name in self.measures if name in taught]

    def _own(self, by_measure: dict[str, Any], lang: str) -> dict[str, Any]:
        """What there is about the measures that are decided, not graded."""
        return {
            name: by_measure[name] for name in self._taught(lang) if name in by_measure and name not in GRADED
        }

    def _metrics(self, lang: str) -> dict[str, Any]:
        """Of a model's metrics in a language, those that speak of this scorer's measures."""
        found = self.artefacts[lang].meta["metrics"][lang]
        chosen: dict[str, Any] = {"split": found["split"], "rows": found["rows"]}
        for kind in ("f1", "ece", "agreement"):
            chosen[kind] = {
                name: value for name, value in found.get(kind, {}).items() if name in self.measures
            }
        sources = found["by_source"].items()
        chosen["by_source"] = {name: part for name, part in sources if set(part["f1"]) & set(self.measures)}
        return chosen

    def _read(self, texts: pl.Series, *, lang: str) -> tuple[np.ndarray, np.ndarray]:
        artefact = self.artefacts[lang]
        values, n_tokens = self._model(artefact).probabilities(texts, lang=lang)
        places = [
            artefact.measures.index(name) if name in artefact.measures else -1 for name in self.measures
        ]
        columns = [values[:, i] if i >= 0 else np.full(len(texts), np.nan, np.float32) for i in places]
        return np.stack(columns, axis=1), n_tokens

    def _model(self, artefact: Artefact) -> Model:
        if not _is_encoder(artefact):
            return _ngram_model(artefact.folder, self._threads)
        beside = _ngram_model(_beside(artefact).folder, self._threads)
        return EncoderModel(artefact, engine=self._engine(artefact), beside=beside)

    def _engine(self, artefact: Artefact) -> "Engine":
        return _shared_engine(artefact.folder, self._threads, self._backend, self._cache_folder)


class EncoderModel:
    """The embedded encoder as a model: all of its heads from one pass, and the n-gram model beside it."""

    def __init__(self, artefact: Artefact, *, engine: "Engine", beside: "NgramModel") -> None:
        self._engine, self._beside, self._measures = engine, beside, artefact.measures
        weights = artefact.meta["beside"]["weights"]
        self._weights = np.array([weights[name] for name in artefact.measures], dtype=np.float32)
        fits = [artefact.meta["calibration"]["en"][name] for name in artefact.measures]
        self._slopes, self._offsets = (np.array([fit[key] for fit in fits]) for key in ("slope", "offset"))

    def probabilities(self, texts: pl.Series, *, lang: str) -> tuple[np.ndarray, np.ndarray]:
        """See `Model`; the encoder reads English only."""
        from classifiers.calibrate import calibrated

        encoded = self._engine.encode(texts)
        logits = encoded.logits + self._weights * beside_logits(self._beside, texts, measures=self._measures)
        return calibrated(logits, slopes=self._slopes, offsets=self._offsets), encoded.n_tokens


def beside_logits(model: "NgramModel", texts: pl.Series, *, measures: Sequence[str]) -> np.ndarray:
    """Float32 (texts, measures): what the n-gram model says of texts as the encoder reads them; 0 of no features."""
    from classifiers.profiles import profile_series

    columns: list[str] = model.artefact.meta["columns"]
    logits, _ = model.logits(profile_series(texts))
    return np.nan_to_num(logits[:, [columns.index(name) for name in measures]]).astype(np.float32)


def scorer_names() -> list[str]:
    """Names of the embedded scorers."""
    return sorted(catalogue()["scorer"])


def meta_reads(artefact: Artefact) -> str:
    """What of a long post a model reads, in words."""
    return str(artefact.meta["reads"])


def usable_cores() -> int:
    """Cores this process may run on, where the system can say so, else all cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def missing_code(*, languages: tuple[str, ...]) -> pl.Expr:
    """Int8 per row of `text`, `lang`: no text comes before an unsupported language."""
    text = pl.col("text").str.replace_all(r"[\p{Cc}\s\x{200B}\x{200D}\x{2060}\x{FE00}-\x{FE0F}\x{FEFF}]", "")
    empty = text.fill_null("").str.len_bytes() == 0
    supported = pl.col("lang").is_in(list(languages)).fill_null(False)
    code = pl.when(empty).then(NO_TEXT).when(~supported).then(WRONG_LANGUAGE).otherwise(SCORED)
    return code.cast(pl.Int8)


def _is_encoder(artefact: Artefact) -> bool:
    return bool(artefact.meta["kind"] == "encoder")


def _beside(artefact: Artefact) -> Artefact:
    """The n-gram model that the encoder was calibrated with; raises MissingModelError when it is another one."""
    wanted = artefact.meta["beside"]
    found = catalogued(wanted["model"])
    if found.version != wanted["version"]:
        raise MissingModelError(
            f"model {artefact.meta['name']!r} was calibrated beside {wanted['model']!r} version {wanted['version']}, "
            f"and {found.folder} holds version {found.version}; restore both from the release this version came with"
        )
    return found


@cache
def _shared_engine(
    folder: Path, threads: int, backend: "BackendName | None", cache_folder: Path | None
) -> "Engine":
    """One engine a process for all scorers of an encoder, so that one pass feeds every head."""
    from classifiers.artefacts import load_artefact
    from classifiers.backends import open_backend
    from classifiers.cache import ScoreCache
    from classifiers.engine import Engine, EngineSpec
    from classifiers.profiles import profile_series
    from classifiers.tokens import FastTokeniser

    artefact = load_artefact(folder)
    opened = open_backend(artefact, name=backend, threads=threads)
    # Another form of the model rounds differently: its numbers are kept apart.
    kept = ScoreCache(f"{artefact.version}_{opened.name}", width=opened.n_outputs + 1, folder=cache_folder)
    tokeniser = FastTokeniser(
        max_tokens=artefact.meta["max_tokens"], max_windows=artefact.meta["max_windows"]
    )
    spec = EngineSpec(pooling=artefact.meta["pooling"])
    return Engine(opened, tokeniser=tokeniser, profile=profile_series, spec=spec, cache=kept)


@cache
def _ngram_model(folder: Path, threads: int) -> "NgramModel":
    from classifiers.artefacts import load_artefact
    from classifiers.ngram.model import NgramModel

    return NgramModel(load_artefact(folder), threads=threads)
