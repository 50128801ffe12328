"""A published or a user's own sequence classifier as a scorer: posts in, one probability per measure out.

Not a diagnosis and not a ranking of people. What the labels mean is their authors' word; `describe` says where ours
differ.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from classifiers.backends import Backend, Pair
from classifiers.hub.backends import DevicePrecision, Opening, Runtime, open_backend
from classifiers.hub.heads import Head
from classifiers.hub.load import Found, find_model, load_tokenizer
from classifiers.hub.spec import UNKNOWN, HubSpec
from classifiers.hub.tokens import MOST_TOKENS, HubTokeniser, window_size
from classifiers.profiles_families import Profile, profile_named, profile_version
from classifiers.score import SCORED, VERSION_DIGITS, missing_code, usable_cores
from warehouse.errors import ConfigError

if TYPE_CHECKING:
    from classifiers.cache import ScoreCache
    from classifiers.engine import Engine, Pooling, Progress

DEFAULT_PROFILE = "plain"
DEFAULT_THRESHOLD = 0.5
# Int8 is calibrated on some of so many first texts.
CALIBRATE_AMONG = 2_000
# Keeps log-odds finite; as fine as half precision near one.
_EDGE = 2.0**-12


class HubScorer:
    """One model of the hub or of a folder. Its configuration is read at once, its weights with the first post.

    `threads` of 0 means every core this process may use. `cache_folder` keeps scores for later runs, `keep_in`
    converted models; `calibration` are texts to calibrate int8 on instead of the first ones that are scored.
    Raises MissingModelError or ConfigError with the next step where the model cannot be used.
    """

    tier = "transformer"

    def __init__(
        self,
        spec: HubSpec,
        *,
        threads: int = 0,
        runtime: Runtime = "auto",
        cache_folder: Path | None = None,
        keep_in: Path | None = None,
        calibration: Sequence[str] = (),
    ) -> None:
        self.name = spec.name
        self.found: Found = find_model(spec)
        self.head: Head = self.found.head
        self.measures: tuple[str, ...] = self.head.measures
        self.languages: tuple[str, ...] = self.found.languages
        self._profile_name = spec.profile or self.found.card.profile or DEFAULT_PROFILE
        self._profile: Profile = profile_named(self._profile_name)
        self.thresholds: dict[str, dict[str, float]] = _thresholds(self.found)
        self._threads, self._runtime = threads or usable_cores(), runtime
        self._cache_folder, self._keep_in, self._calibration = cache_folder, keep_in, tuple(calibration)

    @property
    def pooling(self) -> "Pooling":
        """How the windows of a long post become one."""
        return "max" if (self.found.spec.pooling or self.found.card.pooling) == "max" else "mean"

    @cached_property
    def version(self) -> str:
        """Twelve hex digits over everything that can change a probability, and the thresholds, which change shares."""
        return _digest({"numbers": self._numbers, "thresholds": self.thresholds})

    @cached_property
    def _numbers(self) -> str:
        """The same over the model's files, our reading of its labels, and how it reads a post."""
        parts = {
            "files": self.found.digest,
            "groups": [[g.name, g.labels, g.activation, g.temperature] for g in self.head.groups],
            "measures": [self.head.mapping.measures, self.head.mapping.rows],
            "profile": profile_version(self._profile_name),
            "max_tokens": self.found.spec.max_tokens,
            "windows": [self.pooling, MOST_TOKENS],
        }
        return _digest(parts)

    @cached_property
    def tokeniser(self) -> HubTokeniser:
        """The model's tokeniser with its window."""
        tokenizer = load_tokenizer(self.found)
        vocabulary = int(self.found.config.get("vocab_size") or 0)
        return HubTokeniser(
            tokenizer,
            window=window_size(self.found, tokenizer),
            max_windows=self.found.card.max_windows,
            vocabulary=vocabulary,
        )

    def score(self, posts: pl.DataFrame, *, progress: "Progress | None" = None) -> pl.DataFrame:
        """`text`, `lang` (String, nullable) in; per measure a Float32 probability in [0, 1] or null out.

        Same height and order. Also `n_tokens` Int32 (tokens read; 0 where missing), `n_matched` Int32 (always null),
        `missing` Int8: 0 scored, 1 language unknown or not one of the model's, 5 no text.
        """
        missing = posts.select(missing=missing_code(languages=self.languages))["missing"]
        rows = (missing == SCORED).arg_true()
        numbers = np.full((posts.height, len(self.measures)), np.nan, dtype=np.float32)
        n_tokens = np.zeros(posts.height, dtype=np.int32)
        if rows.len():
            texts = posts["text"].gather(rows)
            encoded = self._engine(texts).encode(texts, progress=progress)
            numbers[rows.to_numpy()] = self._calibrated(encoded.logits)
            n_tokens[rows.to_numpy()] = encoded.n_tokens
        scores = pl.DataFrame(numbers, schema=dict.fromkeys(self.measures, pl.Float32)).fill_nan(None)
        return scores.with_columns(
            n_tokens=pl.Series(n_tokens, dtype=pl.Int32),
            n_matched=pl.lit(None, dtype=pl.Int32),
            missing=missing,
        )

    def describe(self) -> dict[str, Any]:
        """What `affectcast models` prints about this scorer; reads no weights."""
        spec, card = self.found.spec, self.found.card
        size = (
            f"{spec.max_tokens or card.max_tokens} tokens"
            if spec.max_tokens or card.max_tokens
            else "the model's size"
        )
        return {
            "scorer": self.name,
            "measures": list(self.measures),
            "thresholds": self.thresholds,
            "languages": list(self.languages),
            "tier": self.tier,
            "scale": "probability",
            "statistics": ["share", "mean"],
            "size_mb": self.found.size_mb,
            "licence": card.licence or spec.licence,
            "metrics": card.metrics,
            "version": self.version,
            "error_rates": card.error_rates,
            "long_posts": f"windows of {size}, the first {MOST_TOKENS:,} tokens in all, {self.pooling} over windows",
            "source": spec.source,
            "revision": spec.revision,
            "profile": self._profile_name,
            "data_cutoff": spec.data_cutoff,
            "citation": spec.citation,
            "notes": spec.notes,
            "labels": self.head.mapping.labels,
            "lossy": self.head.mapping.lossy,
        }

    def backend_name(self) -> str:
        """The form of the model that is in use, '' before the first post."""
        opened = self.__dict__.get("_opened")
        return str(opened.backend.name) if opened is not None else ""

    def _engine(self, texts: pl.Series) -> "Engine":
        """The engine, opened with the first posts, because int8 is calibrated on them."""
        if "_opened" not in self.__dict__:
            self._opened = self._open(texts)
        return self._opened

    def _open(self, texts: pl.Series) -> "Engine":
        from classifiers.engine import Engine, EngineSpec

        spec = self.found.spec
        how = DevicePrecision(spec.device, spec.precision, self._runtime)
        opening = Opening(
            self.found,
            self.tokeniser,
            how,
            threads=self._threads,
            texts=self._to_calibrate_on(texts),
            keep_in=self._keep_in,
        )
        backend = MeasuredBackend(open_backend(opening), head=self.head)
        return Engine(
            backend,
            tokeniser=self.tokeniser,
            profile=self._profile,
            spec=EngineSpec(pooling=self.pooling),
            cache=self._cache(backend),
        )

    def _to_calibrate_on(self, texts: pl.Series) -> list[str]:
        given = pl.Series(self._calibration, dtype=pl.String) if self._calibration else texts
        return self._profile(given.unique(maintain_order=True).head(CALIBRATE_AMONG)).to_list()

    def _cache(self, backend: Backend) -> "ScoreCache":
        from classifiers.cache import ScoreCache

        # Another form of the model rounds differently: its numbers are kept apart.
        version = f"{self.name}-{self._numbers}-{backend.name}"
        return ScoreCache(version, width=backend.n_outputs + 1, folder=self._cache_folder)

    def _calibrated(self, pooled: np.ndarray) -> np.ndarray:
        """Platt scaling of the pooled probabilities that the model's card has a calibration for."""
        fits = self.found.card.calibration
        if not fits:
            return pooled
        from classifiers.calibrate import calibrated

        odds = np.clip(pooled.astype(np.float64), _EDGE, 1.0 - _EDGE)
        odds = np.log(odds / (1.0 - odds))
        columns = [i for i, name in enumerate(self.measures) if name in fits]
        chosen = [fits[self.measures[i]] for i in columns]
        slopes, offsets = (np.array([fit[key] for fit in chosen]) for key in ("slope", "offset"))
        result = pooled.copy()
        result[:, columns] = calibrated(odds[:, columns], slopes=slopes, offsets=offsets)
        return result


class MeasuredBackend:
    """A backend whose outputs are measures already, so that windows are pooled as probabilities."""

    def __init__(self, inner: Backend, *, head: Head) -> None:
        self.name, self.n_outputs = inner.name, len(head.measures)
        self._inner, self._head = inner, head

    def run(self, blocks: Iterable[Pair], *, receive: Callable[[int, np.ndarray], None]) -> None:
        """See `Backend`."""
        self._inner.run(blocks, receive=lambda i, logits: receive(i, self._head.apply(logits)))


def _digest(parts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:VERSION_DIGITS]


def _thresholds(found: Found) -> dict[str, dict[str, float]]:
    """Per language and measure: the user's, else those of training, else one half."""
    own, trained = found.spec.thresholds, found.card.thresholds
    strangers = sorted(set(own) - set(found.head.measures))
    if strangers:
        raise ConfigError(
            f"{found.spec.where}: thresholds names {', '.join(strangers)}; measures are "
            f"{', '.join(found.head.measures)}."
        )
    return {
        lang: {
            name: float(own.get(name, trained.get(lang, {}).get(name, DEFAULT_THRESHOLD)))
            for name in found.head.measures
        }
        for lang in found.languages
    }


def catalogue_rows() -> list[dict[str, Any]]:
    """One line per catalogued model for a list of what could be fetched; reads nothing of a model itself."""
    from classifiers.hub.spec import catalogued_specs

    return [
        {
            "name": spec.name,
            "source": spec.source,
            "languages": list(spec.languages),
            "licence": spec.licence or UNKNOWN,
            "kind": "classifier" if spec.head else "encoder, needs a head",
            "gated": spec.gated,
            "notes": spec.notes,
        }
        for spec in catalogued_specs().values()
    ]
