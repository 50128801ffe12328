"""The emotion scorer: posts in, one calibrated probability per measure out, in the same order.

Not a diagnosis and not a ranking of people: a score is an ingredient of a population's signal and no more.
"""

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from classifiers.artefacts import Artefact, catalogued

if TYPE_CHECKING:
    from classifiers.backends import BackendName
    from classifiers.engine import Engine, Progress

SCORED, WRONG_LANGUAGE, NO_TEXT = 0, 1, 5


class EmotionScorer:
    """Eight emotions of English posts from the embedded encoder. Weights load with the first post that needs them.

    `threads` of 0 means every core this process may use. `backend` names another form of the model than the
    default one for this machine. Raises MissingModelError when weights or the encoder are missing or altered.
    """

    name = "emotion"
    languages: tuple[str, ...] = ("en",)

    def __init__(
        self, *, threads: int = 0, backend: "BackendName | None" = None, artefact: Artefact | None = None
    ) -> None:
        self.artefact = artefact or catalogued("emotion_en")
        self.version: str = self.artefact.version
        self.measures: tuple[str, ...] = self.artefact.measures
        self._threads = threads or usable_cores()
        self._backend = backend

    def score(self, posts: pl.DataFrame, *, progress: "Progress | None" = None) -> pl.DataFrame:
        """`text`, `lang` (String, nullable) in; per measure a Float32 probability in [0, 1] or null out.

        Same height and order. Also `n_tokens` Int32 (word pieces read, at most 126; 0 where missing), `n_matched`
        Int32 (always null: no word list here), `missing` Int8: 0 scored, 1 language unknown or not supported,
        5 no text.
        """
        missing = posts.select(missing=missing_code(languages=self.languages))["missing"]
        wanted = (missing == SCORED).arg_true()
        frame = pl.DataFrame({"missing": missing}).with_row_index("row")
        scores = self._scores(posts["text"].gather(wanted), progress=progress).with_columns(row=wanted)
        joined = frame.join(scores, on="row", how="left", maintain_order="left")
        return joined.select(
            *self.measures,
            pl.col("n_tokens").fill_null(0),
            pl.lit(None, dtype=pl.Int32).alias("n_matched"),
            pl.col("missing"),
        )

    def describe(self) -> dict[str, Any]:
        """What `affectcast models` prints about this scorer; reads no weights."""
        meta = self.artefact.meta
        return {
            "scorer": self.name,
            "measures": list(self.measures),
            "thresholds": {"en": dict(meta["thresholds"])},
            "languages": list(self.languages),
            "tier": "encoder",
            "scale": "probability",
            "statistics": ["share", "mean"],
            "size_mb": self.artefact.size_mb,
            "licence": meta["licence"],
            "metrics": meta["metrics"],
            "version": self.version,
            "error_rates": {"en": meta["error_rates"]},
            "long_posts": f"first {meta['max_tokens']} tokens",
        }

    def _scores(self, texts: pl.Series, *, progress: "Progress | None") -> pl.DataFrame:
        if texts.is_empty():
            return self._columns(np.empty((0, len(self.measures)), np.float32), np.empty(0, np.int32))
        encoded = self._engine.encode(texts, progress=progress)
        return self._columns(self._probabilities(encoded.logits), encoded.n_tokens)

    def _columns(self, probabilities: np.ndarray, n_tokens: np.ndarray) -> pl.DataFrame:
        scores = pl.DataFrame(probabilities, schema=dict.fromkeys(self.measures, pl.Float32))
        return scores.with_columns(n_tokens=pl.Series(n_tokens, dtype=pl.Int32))

    def _probabilities(self, logits: np.ndarray) -> np.ndarray:
        from classifiers.calibrate import calibrated

        fits = [self.artefact.meta["calibration"][name] for name in self.measures]
        slopes, offsets = (np.array([fit[key] for fit in fits]) for key in ("slope", "offset"))
        return calibrated(logits, slopes=slopes, offsets=offsets)

    @cached_property
    def _engine(self) -> "Engine":
        from classifiers.backends import default_backend, open_backend
        from classifiers.engine import Engine, EngineSpec

        name = self._backend or default_backend()
        backend = open_backend(self.artefact, name=name, threads=self._threads)
        spec = EngineSpec(max_tokens=self.artefact.meta["max_tokens"])
        return Engine(backend, n_measures=len(self.measures), spec=spec)


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
