"""What a scorer is: the shape that lexicons and classifiers share. Not for any scoring itself."""

from __future__ import annotations

from typing import Any, Protocol

import polars as pl


class Scorer(Protocol):
    """Turns posts into one number per measure.

    `score` receives `text` (String, nullable) and `lang` (ISO 639-1, nullable) and returns a frame of the
    same height and order: one Float32 column per measure (null where missing), `n_tokens` Int32,
    `n_matched` Int32 (nullable) and `missing` Int8 (0 scored, 1 language not supported, 5 no text).
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def measures(self) -> tuple[str, ...]: ...

    @property
    def languages(self) -> tuple[str, ...]: ...

    def score(self, posts: pl.DataFrame) -> pl.DataFrame: ...

    def describe(self) -> dict[str, Any]: ...
