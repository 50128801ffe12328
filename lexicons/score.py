"""Score posts by lexicon: a number per post and dimension, as the scorer's scale says.

Not for aggregation: shares per day and their errors belong to the signals.
"""

import hashlib
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from lexicons.catalogue import ScorerEntry, read_catalogue
from lexicons.kernels import LongArray
from lexicons.load import Lexicon, load_scorer
from lexicons.match import Matcher, Matches, TextBuffers, text_buffers
from warehouse.errors import InputError

# Raise it whenever the matching rules change, so that scores of different rules are never mixed.
RULES_VERSION = 2
PRESENT = 0.5
NOT_MISSING, NO_LANGUAGE, NO_TEXT = 0, 1, 5
VERSION_DIGITS = 12
BYTES_PER_MB = 1e6
HITS_SCHEMA = pl.Schema(
    {"lexicon": pl.String(), "term": pl.String(), "dimension": pl.String(), "negated": pl.Boolean(),
     "weight": pl.Float64(), "hits": pl.Int64(), "credit": pl.Float64()}
)  # fmt: skip


class _Part(NamedTuple):
    """Rows of one language, and their scores in the same order."""

    rows: LongArray
    scores: pl.DataFrame


class LexiconScorer:
    """One number per post and measure, by the words of a post.

    Attributes:
        entry: scale, dimensions and sets, as `lexicons.catalogue.ScorerEntry` describes them.
    """

    def __init__(
        self,
        name: str = "lexicon",
        *,
        folder: Path | None = None,
        threads: int = 1,
        language: str | None = None,
    ) -> None:
        """Load the scorer's lexicons from the shipped catalogue or from `folder`; `language` loads one only.

        Raises:
            MissingModelError: no such scorer, or a file is missing or altered.
            InputError: two lexicons have the same language, or a file cannot be read.
        """
        self.name = name
        self.entry, loaded = load_scorer(name, catalogue=read_catalogue(folder))
        _check_together(loaded)
        self.version: str = _version(self.entry, loaded)
        kept = [lexicon for lexicon in loaded if language in (None, lexicon.language)]
        self.measures: tuple[str, ...] = self.entry.measures
        self.languages: tuple[str, ...] = tuple(lexicon.language for lexicon in kept)
        self._lexicons = {lexicon.language: lexicon for lexicon in kept}
        self._matchers: dict[str | None, Matcher] = {}
        self._threads = threads

    def score(self, posts: pl.DataFrame) -> pl.DataFrame:
        """Score posts: `text` and `lang` (both String, nullable) in, same height and order out.

        Columns: one Float32 in [0, 1] per measure (null where missing), n_tokens Int32 (also counted where
        the language is not supported), n_matched Int32 (null where the language is not supported), missing
        Int8: 0 scored, 1 language not supported or unknown, 5 no text, or, on the scale `mean`, no word that
        the lexicon grades. A post without text is 5 in any language.

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
        scores = _in_order(parts)
        ungraded = (missing == NOT_MISSING) & scores[self.measures[0]].is_null()
        return scores.with_columns(missing=missing.set(ungraded, NO_TEXT)).cast(self._schema())

    def term_hits(self, posts: pl.DataFrame, *, keys: Sequence[str] = ()) -> pl.DataFrame:
        """List, per post, each distinct term with what it counts for in each of its dimensions.

        Returns the columns `keys` of the post, then lexicon, term, dimension, negated Bool, weight Float64
        (of the term: in graded lexicons with its cues, the mean over its hits in the post), hits Int64, and
        credit Float64: 1 divided among the post's distinct terms of the dimension that are not negated, so
        that credits sum to the number of posts with a hit; 0 where negated. Ordered by post, term and
        dimension. Posts that are missing or hold no term have no row. Private: words used by few people must
        pass a floor first.

        Raises:
            InputError: a column is absent, not String, or a key is named like a column of the result.
        """
        _check_columns(posts)
        _check_keys(posts, keys)
        missing = _missing_codes(posts, self.languages)
        texts = text_buffers(posts["text"])
        found = pl.concat(
            self._hits_of(texts, _rows_where(posts, missing, lang), lang=lang) for lang in self.languages
        )
        found = found.sort("row", "lexicon", "term", "dimension", "negated")
        chosen = [posts[key].gather(found["row"]) for key in keys]
        return pl.DataFrame([*chosen, *found.drop("row").get_columns()])

    def describe(self) -> dict[str, Any]:
        """Return the scorer's card as plain values, ready for JSON."""
        presence = self.entry.scale == "presence"
        thresholds = dict.fromkeys(self.measures, PRESENT) if presence else {}
        return {
            "scorer": self.name,
            "title": self.entry.title,
            "measures": list(self.measures),
            "scale": self.entry.scale,
            "statistics": ["share"] if presence else ["mean"],
            "thresholds": {lang: dict(thresholds) for lang in self.languages},
            "languages": list(self.languages),
            "lexicons": {
                x.name: {"language": x.language, "version": x.version} for x in self._lexicons.values()
            },
            "tier": "lexicon",
            "size_mb": self._size_mb(),
            "licence": "; ".join(dict.fromkeys(lexicon.licence for lexicon in self._lexicons.values())),
            "metrics": {},
        }

    def _size_mb(self) -> float:
        terms = pl.concat(lexicon.terms["term"] for lexicon in self._lexicons.values())
        return round(int(terms.str.len_bytes().sum()) / BYTES_PER_MB, 3)

    def _schema(self) -> pl.Schema:
        counts = {"n_tokens": pl.Int32(), "n_matched": pl.Int32(), "missing": pl.Int8()}
        return pl.Schema({**dict.fromkeys(self.measures, pl.Float32()), **counts})

    def _score_rows(self, texts: TextBuffers, rows: LongArray, *, lang: str) -> _Part:
        found = self._matcher(lang).match_buffers(texts, rows, sums=self.entry.scale in ("rate", "mean"))
        values = _on_scale(found, self.entry)
        frame = pl.DataFrame(values.astype(np.float32), schema=list(self.measures), nan_to_null=True)
        counts = {"n_tokens": found.n_tokens, "n_matched": found.n_matched}
        return _Part(rows, frame.with_columns(**{k: pl.Series(v) for k, v in counts.items()}))

    def _count_rows(self, texts: TextBuffers, rows: LongArray) -> _Part:
        found = self._matcher(None).match_buffers(texts, rows)
        nulls = [pl.lit(None, dtype=pl.Float32).alias(measure) for measure in self.measures]
        counts = pl.DataFrame({"n_tokens": found.n_tokens})
        return _Part(rows, counts.select(*nulls, "n_tokens", pl.lit(None, dtype=pl.Int32).alias("n_matched")))

    def _hits_of(self, texts: TextBuffers, rows: LongArray, *, lang: str) -> pl.DataFrame:
        matcher = self._matcher(lang)
        found = matcher.match_buffers(texts, rows, collect=True)
        terms = pl.Series(matcher.terms, dtype=pl.String).gather(found.terms)
        matches = pl.DataFrame({"row": rows[found.rows], "term": terms, "factor": found.factors})
        return _credited(matches, self._lexicons[lang])

    def _matcher(self, lang: str | None) -> Matcher:
        """Built when first needed; for no language one that only counts tokens."""
        if lang not in self._matchers:
            lexicon = None if lang is None else self._lexicons[lang]
            self._matchers[lang] = Matcher(lexicon, threads=self._threads)
        return self._matchers[lang]


def _on_scale(found: Matches, entry: ScorerEntry) -> npt.NDArray[np.float64]:
    """Posts x measures; NaN where a graded lexicon finds no word in one of the dimensions."""
    present = (found.hits > 0).astype(np.float64)
    if entry.scale == "presence":
        return present
    if entry.scale == "sets":
        columns = [[entry.dimensions.index(name) for name in members] for members in entry.sets.values()]
        return np.stack([present[:, chosen].mean(axis=1) for chosen in columns], axis=1)
    if entry.scale == "rate":
        return np.clip(found.sums / np.maximum(found.n_tokens, 1)[:, None], 0.0, 1.0)
    graded = found.hits + found.negated
    means = np.clip(found.sums / np.maximum(graded, 1), -1.0, 1.0)
    return np.where((graded > 0).all(axis=1, keepdims=True), (means + 1.0) / 2.0, np.nan)


def _credited(matches: pl.DataFrame, lexicon: Lexicon) -> pl.DataFrame:
    """Matches (row, term, factor) to rows of `HITS_SCHEMA` with the post's row in front."""
    terms = lexicon.terms.filter(pl.col("dimension").is_in(lexicon.dimensions))
    factor = pl.col("factor") if lexicon.graded else pl.lit(1.0)
    hits = (
        matches.with_columns(negated=pl.col("factor") < 0)
        .group_by("row", "term", "negated")
        .agg(hits=pl.len().cast(pl.Int64), factor=pl.col("factor").mean())
        .join(terms, on="term")
        .with_columns(weight=pl.col("weight").cast(pl.Float64) * factor, lexicon=pl.lit(lexicon.name))
    )
    # Integers first: each distinct unnegated term gets the same part of the post's point.
    distinct = (~pl.col("negated")).sum().over("row", "dimension")
    credit = pl.when(~pl.col("negated")).then(1.0 / distinct).otherwise(0.0)
    return hits.with_columns(credit=credit).select("row", *HITS_SCHEMA.names())


def _version(entry: ScorerEntry, lexicons: Sequence[Lexicon]) -> str:
    files = [
        f"{x.name}:{x.version}:{x.accents}:{f'{x.cues.version}:{x.cues.reach}' if x.cues else ''}"
        for x in lexicons
    ]
    rules = f"{entry.scale}:{entry.dimensions}:{entry.sets}:{entry.negation}"
    parts = [f"rules:{RULES_VERSION}", rules, *sorted(files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:VERSION_DIGITS]


def _check_together(lexicons: Sequence[Lexicon]) -> None:
    languages = [lexicon.language for lexicon in lexicons]
    if len(set(languages)) != len(languages):
        raise InputError(
            f"The lexicons {[lexicon.name for lexicon in lexicons]} cannot score together: their languages are "
            f"{languages}. Expected one lexicon per language. Correct the catalogue."
        )


def _check_columns(posts: pl.DataFrame) -> None:
    wrong = [name for name in ("text", "lang") if posts.schema.get(name) not in (pl.String, pl.Null)]
    if wrong:
        raise InputError(
            f"The posts lack the String columns {wrong}. Expected `text` and `lang`; got {posts.columns}. "
            "Rename or add them."
        )


def _check_keys(posts: pl.DataFrame, keys: Sequence[str]) -> None:
    wrong = [key for key in keys if key not in posts.columns or key in HITS_SCHEMA]
    if wrong:
        raise InputError(
            f"The keys {wrong} cannot be used. Expected columns of the posts ({posts.columns}) other than "
            f"{', '.join(HITS_SCHEMA)}. Rename or drop them."
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
