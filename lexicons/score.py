"""Score posts by lexicon: does a post hold a word of a dimension, or not.

Not for aggregation: shares per day and their errors belong to the signals.
"""

import hashlib
from collections.abc import Sequence
from functools import reduce
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from lexicons.load import CATALOGUE, Lexicon, list_lexicons, load_lexicon, read_catalogue
from lexicons.match import LongArray, Matcher, TextBuffers, text_buffers
from warehouse.errors import InputError

# Raise it whenever the matching rules change, so that scores of different rules are never mixed.
RULES_VERSION = 1
PRESENT = 0.5
NOT_MISSING, NO_LANGUAGE, NO_TEXT = 0, 1, 5
VERSION_DIGITS = 12
BYTES_PER_MB = 1e6


class _Part(NamedTuple):
    """Rows of one language, and their scores in the same order."""

    rows: LongArray
    scores: pl.DataFrame


class LexiconScorer:
    """Marks each post 1.0 in every dimension that has at least one hit, else 0.0."""

    name: Final = "lexicon"

    def __init__(self, lexicons: Sequence[str] | None = None) -> None:
        """Load lexicons by name, by default all of the catalogue.

        Raises:
            MissingModelError: a lexicon is missing or altered.
            InputError: two lexicons have the same language or they differ in their dimensions.
        """
        loaded = [load_lexicon(name) for name in (list_lexicons() if lexicons is None else lexicons)]
        _check_together(loaded)
        self.version: str = _combined_version(loaded)
        self.measures: tuple[str, ...] = loaded[0].dimensions
        self.languages: tuple[str, ...] = tuple(lexicon.language for lexicon in loaded)
        self._matchers = {lexicon.language: Matcher(lexicon) for lexicon in loaded}
        self._token_counter = Matcher(None)
        self._names = {lexicon.language: lexicon.name for lexicon in loaded}

    def score(self, posts: pl.DataFrame) -> pl.DataFrame:
        """Score posts: `text` and `lang` (both String, nullable) in, same height and order out.

        Columns: one Float32 per measure (null where missing), n_tokens Int32 (also counted where the
        language is not supported), n_matched Int32 (null where missing), missing Int8: 0 scored,
        1 language not supported or unknown, 5 no text. A post without text is 5 in any language.

        Raises:
            InputError: a column is absent or not String.
        """
        _check_columns(posts)
        if posts.height == 0:
            return pl.DataFrame(schema=self._schema())
        missing = _missing_codes(posts, self.languages)
        texts = text_buffers(posts["text"])
        parts = [
            self._score_rows(texts, _rows_where(posts, missing, lang), lang=lang) for lang in self.languages
        ]
        unscored = missing.ne_missing(NOT_MISSING).arg_true().to_numpy().astype(np.int64)
        parts.append(self._count_rows(texts, unscored))
        return _in_order(parts).with_columns(missing).cast(self._schema())

    def term_counts(self, posts: pl.DataFrame, *, keys: Sequence[str] = ()) -> pl.DataFrame:
        """List each term once per post that holds it; the caller groups and counts.

        Returns the columns `keys` of the post, `lexicon` and `term` (String), ordered by post and then
        by place in the lexicon. Posts that are missing or hold no term have no row.

        Raises:
            InputError: a column is absent, not String, or a key is named `lexicon` or `term`.
        """
        _check_columns(posts)
        _check_keys(posts, keys)
        missing = _missing_codes(posts, self.languages)
        texts = text_buffers(posts["text"])
        found = [
            self._terms_of(texts, _rows_where(posts, missing, lang), lang=lang) for lang in self.languages
        ]
        rows = pl.concat(found).sort("row", maintain_order=True)
        chosen = [posts[key].gather(rows["row"]) for key in keys]
        return pl.DataFrame([*chosen, rows["lexicon"], rows["term"]])

    def describe(self) -> dict[str, Any]:
        """Return the scorer's card as plain values, ready for JSON."""
        return {
            "scorer": self.name,
            "measures": list(self.measures),
            "thresholds": {lang: dict.fromkeys(self.measures, PRESENT) for lang in self.languages},
            "languages": list(self.languages),
            "tier": "lexicon",
            "size_mb": self._size_mb(),
            "licence": "Apache-2.0",
            "metrics": {},
        }

    def card(self) -> dict[str, Any]:
        """Return the same as `describe`."""
        return self.describe()

    def _size_mb(self) -> float:
        catalogue = read_catalogue(CATALOGUE)
        size = sum(catalogue[name]["path"].stat().st_size for name in self._names.values())
        return round(size / BYTES_PER_MB, 3)

    def _schema(self) -> pl.Schema:
        counts = {"n_tokens": pl.Int32(), "n_matched": pl.Int32(), "missing": pl.Int8()}
        return pl.Schema({**dict.fromkeys(self.measures, pl.Float32()), **counts})

    def _score_rows(self, texts: TextBuffers, rows: LongArray, *, lang: str) -> _Part:
        found = self._matchers[lang].match_buffers(texts, rows)
        present = pl.DataFrame((found.hits > 0).astype(np.float32), schema=list(self.measures))
        counts = {"n_tokens": found.n_tokens, "n_matched": found.n_matched}
        return _Part(rows, present.with_columns(**{k: pl.Series(v) for k, v in counts.items()}))

    def _count_rows(self, texts: TextBuffers, rows: LongArray) -> _Part:
        found = self._token_counter.match_buffers(texts, rows)
        nulls = [pl.lit(None, dtype=pl.Float32).alias(measure) for measure in self.measures]
        counts = pl.DataFrame({"n_tokens": found.n_tokens})
        return _Part(rows, counts.select(*nulls, "n_tokens", pl.lit(None, dtype=pl.Int32).alias("n_matched")))

    def _terms_of(self, texts: TextBuffers, rows: LongArray, *, lang: str) -> pl.DataFrame:
        """Distinct (row, term) pairs of one language, ordered by row and term position."""
        matcher = self._matchers[lang]
        found = matcher.match_buffers(texts, rows, collect=True)
        n_terms = max(len(matcher.terms), 1)
        pairs = np.unique(rows[found.rows] * n_terms + found.terms)
        terms = pl.Series(matcher.terms, dtype=pl.String).gather(pairs % n_terms)
        columns = {"row": pl.Series(pairs // n_terms, dtype=pl.Int64), "term": terms}
        return pl.DataFrame(columns).with_columns(pl.lit(self._names[lang]).alias("lexicon"))


def _combined_version(lexicons: Sequence[Lexicon]) -> str:
    parts = [f"rules:{RULES_VERSION}", *sorted(f"{x.name}:{x.version}" for x in lexicons)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:VERSION_DIGITS]


def _check_together(lexicons: Sequence[Lexicon]) -> None:
    languages = [lexicon.language for lexicon in lexicons]
    dimensions = {lexicon.dimensions for lexicon in lexicons}
    if len(dimensions) != 1 or len(set(languages)) != len(languages):
        raise InputError(
            f"The lexicons {[lexicon.name for lexicon in lexicons]} cannot score together: languages "
            f"{languages}, {len(dimensions)} sets of dimensions. Expected at least one lexicon, one per "
            "language, all with the same dimensions. Choose other names."
        )


def _check_columns(posts: pl.DataFrame) -> None:
    wrong = [name for name in ("text", "lang") if posts.schema.get(name) not in (pl.String, pl.Null)]
    if wrong:
        raise InputError(
            f"The posts lack the String columns {wrong}. Expected `text` and `lang`; got {posts.columns}. "
            "Rename or add them."
        )


def _check_keys(posts: pl.DataFrame, keys: Sequence[str]) -> None:
    wrong = [key for key in keys if key not in posts.columns or key in ("lexicon", "term")]
    if wrong:
        raise InputError(
            f"The keys {wrong} cannot be used. Expected columns of the posts ({posts.columns}) other than "
            "`lexicon` and `term`. Rename or drop them."
        )


def _missing_codes(posts: pl.DataFrame, languages: Sequence[str]) -> pl.Series:
    """Why each post is not scored (Int8), 0 where it is."""
    has_text = pl.col("text").cast(pl.String).fill_null("").str.contains(r"\S")
    spoken = pl.col("lang").cast(pl.String).is_in(list(languages)).fill_null(False)
    code = pl.when(~has_text).then(NO_TEXT).when(~spoken).then(NO_LANGUAGE).otherwise(NOT_MISSING)
    return posts.select(code.cast(pl.Int8).alias("missing")).to_series()


def _rows_where(posts: pl.DataFrame, missing: pl.Series, lang: str) -> LongArray:
    chosen = (missing == NOT_MISSING) & posts["lang"].cast(pl.String).eq_missing(lang)
    return chosen.arg_true().to_numpy().astype(np.int64)


def _in_order(parts: Sequence[_Part]) -> pl.DataFrame:
    """Put the parts' rows back where they came from."""
    stacked = reduce(pl.DataFrame.vstack, [part.scores for part in parts])
    order = np.argsort(np.concatenate([part.rows for part in parts]), kind="stable")
    return stacked[order]
