"""A trained n-gram model: posts of one language in, calibrated probabilities out.

Not a scorer: which posts it is given, and what a missing one means, is decided by who calls it.
"""

from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from classifiers.artefacts import Artefact
from classifiers.calibrate import calibrated
from classifiers.ngram.features import FeatureSpec, score_rows
from classifiers.ngram.table import WEIGHT_FILE, Table, read_table
from warehouse.errors import InputError

# Posts whose probabilities are worked out at a time.
BLOCK = 50_000


class NgramModel:
    """One embedded n-gram model. Weights load, and are checked, with the first post.

    Attributes:
        measures: names, in the order of the probabilities' columns.
        languages: those it was calibrated for.
    """

    def __init__(self, artefact: Artefact, *, threads: int = 1) -> None:
        self.artefact = artefact
        self.measures: tuple[str, ...] = artefact.measures
        self.languages: tuple[str, ...] = tuple(artefact.meta["languages"])
        self.version: str = artefact.version
        self._threads = threads
        self._spec = FeatureSpec(**artefact.meta["features"])

    def probabilities(self, texts: pl.Series, *, lang: str) -> tuple[np.ndarray, np.ndarray]:
        """(Float32 (n, measures) in [0, 1], Int32 tokens read) of a String series in one of `languages`.

        NaN in the columns of measures that the language lacks, and in all of them for a post without anything to read
        (null, blanks, format characters), whose tokens are 0. Raises MissingModelError for missing or altered weights
        and InputError for another language.
        """
        fits = self._fits(lang)
        blocks = [self._block(texts[i : i + BLOCK], fits) for i in range(0, max(len(texts), 1), BLOCK)]
        return np.concatenate([p for p, _ in blocks]), np.concatenate([n for _, n in blocks])

    def logits(self, texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
        """(Float32 (n, columns) before calibration, Int32 tokens); columns are `meta["columns"]`."""
        sums, tokens = score_rows(texts, table=self._padded, spec=self._spec, threads=self._threads)
        kept = sums[:, : len(self._table.scale)]
        return kept * self._table.scale + self._table.bias, tokens

    def lacking(self, lang: str) -> tuple[str, ...]:
        """Measures without data in this language; their probabilities are NaN."""
        known = self._calibration(lang)
        return tuple(name for name in self.measures if name not in known)

    def _block(self, texts: pl.Series, fits: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        logits, tokens = self.logits(texts)
        slopes, offsets = fits
        columns = self.artefact.meta["columns"]
        # A measure without a column has no slope either, and is NaN whatever it is given.
        places = [columns.index(name) if name in columns else 0 for name in self.measures]
        return calibrated(logits[:, places], slopes=slopes, offsets=offsets), tokens

    def _fits(self, lang: str) -> tuple[np.ndarray, np.ndarray]:
        """Float32 slopes and offsets, NaN where the language lacks the measure."""
        known = self._calibration(lang)
        lacking = {"slope": float("nan"), "offset": float("nan")}
        fits = [known.get(name, lacking) for name in self.measures]
        slopes, offsets = (np.array([fit[key] for fit in fits], np.float32) for key in ("slope", "offset"))
        return slopes, offsets

    def _calibration(self, lang: str) -> dict[str, Any]:
        if lang not in self.languages:
            raise InputError(
                f"model {self.artefact.meta['name']!r} does not read language {lang!r}; expected one of "
                f"{', '.join(self.languages)}; give it only posts of these"
            )
        known: dict[str, Any] = self.artefact.meta["calibration"][lang]
        return known

    @cached_property
    def _table(self) -> Table:
        return read_table(self.artefact.weights(WEIGHT_FILE))

    @cached_property
    def _padded(self) -> np.ndarray:
        return self._table.padded()
