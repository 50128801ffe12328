"""Score the rows of a plain table, in order. Not for the warehouse: `warehouse/scores.py` does that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from flows.files import numbers, require
from flows.scorers import make_scorer
from warehouse.errors import InputError, UsageError
from warehouse.intake import language as languages
from warehouse.intake.privacy import clean_text, mask_text
from warehouse.scoring import Scorer

CHUNK = 20_000
# The file's own language is unknown beforehand, so more candidates than any one scorer reads.
CANDIDATES = ("en", "es", "pt", "zh", "fr", "de", "it")
FOLLOWED = ("anger", "joy")


def score_frame(
    frame: pl.DataFrame, *, scorer: Scorer, text: str, language: str, tell: Callable[[str, int], None]
) -> pl.DataFrame:
    """The input's rows and columns, in order, plus `<scorer>_<measure>` columns and `missing`."""
    # Cleaned and masked exactly as intake does it, or the same post would score differently here and there.
    posts = frame.select(text=mask_text(clean_text(pl.col(text).cast(pl.String))))
    spoken = languages_of(posts["text"], language=language)
    parts = []
    for start in range(0, max(frame.height, 1), CHUNK):
        piece = posts.with_columns(lang=spoken).slice(start, CHUNK)
        parts.append(scorer.score(piece))
        tell(f"score {scorer.name}", piece.height)
    scores = pl.concat(parts)
    named = scores.select(
        *[pl.col(measure).alias(f"{scorer.name}_{measure}") for measure in scorer.measures],
        pl.col("missing").alias(_missing_name(frame, scorer=scorer.name)),
    )
    clash = [name for name in named.columns if name in frame.columns]
    if clash:
        raise InputError(
            f"the file already has columns that {scorer.name} would add: {', '.join(clash)}. Rename them first."
        )
    return pl.concat([frame, named], how="horizontal")


def _missing_name(frame: pl.DataFrame, *, scorer: str) -> str:
    """`missing`, or `<scorer>_missing` where the file, perhaps scored before, has a column of that name."""
    return f"{scorer}_missing" if "missing" in frame.columns else "missing"


def languages_of(texts: pl.Series, *, language: str) -> pl.Series:
    if language != "auto":
        if len(language) != 2 or not (language.isascii() and language.isalpha()):
            raise UsageError(f"--language: expected auto or an ISO 639-1 code such as en; got '{language}'.")
        return pl.Series("lang", [language.lower()] * texts.len(), dtype=pl.String)
    if texts.len() == 0:
        return pl.Series("lang", [], dtype=pl.String)
    return languages.detect(texts.fill_null(""), languages=CANDIDATES)["lang"]


def measured(
    frame: pl.DataFrame, *, measures: str | None, path: Path, tell: Callable[[str, int], None]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """A frame with one 0–1 column per measure, and their names: given columns, or anger and joy from the text."""
    if measures is not None:
        names = tuple(name.strip() for name in measures.split(",") if name.strip())
        require(frame, names=list(names), path=path)
        return numbers(frame, names=list(names), path=path), names
    require(frame, names=["text"], path=path)
    scored = score_frame(
        frame, scorer=make_scorer("emotion", threads=2), text="text", language="auto", tell=tell
    )
    renamed = {f"emotion_{name}": name for name in FOLLOWED}
    kept = scored.drop([name for name in FOLLOWED if name in scored.columns])
    return kept.rename(renamed), FOLLOWED
