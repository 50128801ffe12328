"""Which language a post is in, offline (lingua). Not for scoring: scorers say which languages they read."""

from __future__ import annotations

from functools import lru_cache

import polars as pl
from lingua import IsoCode639_1, Language, LanguageDetector, LanguageDetectorBuilder

from warehouse.errors import ConfigError

# A sentence is enough to tell, and the detector's time grows with length.
SAMPLE_CHARS = 200
CERTAIN = 0.6


@lru_cache(maxsize=4)
def _detector(languages: tuple[str, ...]) -> LanguageDetector:
    wanted = [Language.from_iso_code_639_1(_code(language)) for language in languages]
    if len(wanted) < 2:
        raise ConfigError("languages: name at least two to choose from, or set lang to the one there is.")
    return LanguageDetectorBuilder.from_languages(*wanted).build()


def _code(language: str) -> IsoCode639_1:
    code = getattr(IsoCode639_1, language.upper(), None)
    if code is None:
        raise ConfigError(f"languages: '{language}' is not an ISO 639-1 code such as en, es, pt or zh.")
    return code


def check_languages(languages: tuple[str, ...]) -> None:
    """`ConfigError` unless these are at least two languages that can be told apart."""
    _detector(languages)


def detect(texts: pl.Series, *, languages: tuple[str, ...]) -> pl.DataFrame:
    """One row per text: `lang` (ISO 639-1) and `lang_confidence`.

    A text whose language is uncertain takes the majority language of the certain ones beside it and keeps
    its own low confidence; both are null where no text is certain.
    """
    sample = texts.str.replace_all(r"<\w+>|#", " ").str.slice(0, SAMPLE_CHARS)
    found = _detector(languages).compute_language_confidence_values_in_parallel(sample.to_list())
    codes = [best[0].language.iso_code_639_1.name.lower() if best else None for best in found]
    confidence = [best[0].value if best else 0.0 for best in found]
    frame = pl.DataFrame({"lang": codes, "lang_confidence": confidence}, schema=_SCHEMA)
    certain = frame.filter(pl.col("lang_confidence") >= CERTAIN)["lang"].drop_nulls()
    majority = certain.value_counts().sort("count", "lang", descending=[True, False])["lang"]
    fallback = pl.lit(majority[0] if majority.len() else None, dtype=pl.String)
    sure = pl.col("lang_confidence") >= CERTAIN
    return frame.with_columns(lang=pl.when(sure).then("lang").otherwise(fallback))


_SCHEMA = {"lang": pl.String, "lang_confidence": pl.Float32}
