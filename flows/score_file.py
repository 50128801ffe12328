"""Score the rows of a plain table, in order. Not for the warehouse: `warehouse/scores.py` does that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from flows.files import numbers, require
from flows.scorers import make_scorer
from warehouse.engine import Alone, Engine
from warehouse.errors import InputError, UsageError
from warehouse.intake import language as languages
from warehouse.intake.privacy import clean_text, mask_text
from warehouse.scoring import Scorer

CHUNK = 20_000
# The file's own language is unknown beforehand, so more candidates than any one scorer reads.
CANDIDATES = ("en", "es", "pt", "zh", "fr", "de", "it")
FOLLOWED = ("anger", "joy")
HERE = Alone()


def score_frame(
    frame: pl.DataFrame,
    *,
    scorer: Scorer,
    text: str,
    language: str,
    tell: Callable[[str, int], None],
    engine: Engine = HERE,
) -> pl.DataFrame:
    """The input's rows and columns, in order, plus `<scorer>_<measure>` columns and `missing`."""
    posts = cleaned(frame[text])
    posts = posts.with_columns(lang=languages_of(posts["text"], language=language))
    scores = score_posts(posts, scorer=scorer, tell=tell, engine=engine)
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


def with_abstention(
    scored: pl.DataFrame, *, scorer: Scorer, text: str, language: str, coverage: float
) -> tuple[pl.DataFrame, list[str]]:
    """The same rows without the answers the scorer is least sure of, and a sentence on each measure's coverage.

    Raises `UsageError` where the scorer gives no probabilities or the coverage is no share.
    """
    from classifiers.abstain import abstained, achieved

    spoken = languages_of(cleaned(scored[text])["text"], language=language)
    kept = abstained(scored, scorer=scorer, coverage=coverage, lang=spoken)
    shares = achieved(scored, kept, scorer=scorer)
    return kept, [f"{measure}: {left:,} of {n:,} answers kept" for measure, n, left, _ in shares.iter_rows()]


def cleaned(texts: pl.Series) -> pl.DataFrame:
    """One column `text`, cleaned and masked exactly as intake does it: else the same post would score differently here
    and there."""
    return texts.to_frame("text").select(text=mask_text(clean_text(pl.col("text").cast(pl.String))))


def score_posts(
    posts: pl.DataFrame, *, scorer: Scorer, tell: Callable[[str, int], None], engine: Engine = HERE
) -> pl.DataFrame:
    """What the scorer returns for `text` and `lang`, in order, some thousand posts at a time."""
    starts = range(0, max(posts.height, 1), CHUNK)
    rounds = ((posts.slice(start, CHUNK),) for start in starts)
    parts = []
    for _, piece, scores in engine.score(rounds, n_rounds=len(starts), scorers=[scorer]):
        parts.append(scores)
        tell(f"score {scorer.name}", piece.height)
    return pl.concat(parts)


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
