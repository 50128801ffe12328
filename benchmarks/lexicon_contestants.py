"""Ways of counting lexicon terms in posts, ours and others, behind one signature: posts in, counts out.

Not for timing them: that is `lexicon_speed`. Whatever can be done once per lexicon is done in `prepare`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ahocorasick
import liwc
import numpy as np
import numpy.typing as npt
import polars as pl
from empath import Empath
from flashtext2 import KeywordProcessor
from lexicon_polars import polars_exact, polars_full
from lexicon_texts import CUES, DIMENSIONS
from nrclex import NRCLex
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from lexicons.load import Cues, Lexicon
from lexicons.match import Matcher

# The same words as ours, for those that leave it to their users to split a text.
WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
Counts = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Posts:
    """The same texts twice, so that nobody is charged for another's way of holding them."""

    series: pl.Series
    strings: list[str]


Count = Callable[[Posts], Counts]


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One way of counting.

    Attributes:
        package: the distribution whose version matters.
        kinds: the kinds of terms it can find; it is given no others. Empty: it has a lexicon of its own.
        portion: the part of the posts it is timed on, so that the slow ones take no longer than the others.
        note: what it counts.
        prepare: from terms to a function from posts to counts: posts x dimensions, or no column where it scores only.
    """

    name: str
    package: str
    kinds: tuple[str, ...]
    portion: float
    note: str
    prepare: Callable[[pl.DataFrame], Count]


def affectcast(terms: pl.DataFrame, *, threads: int = 1) -> Count:
    """Ourselves, through the public interface, with negators and degree words. All that depends on it is here.

    Counts are all hits of a category, negated or not, since the others know no negation.
    """
    cues = pl.DataFrame(
        CUES, schema={"cue": pl.String, "role": pl.String, "factor": pl.Float32}, orient="row"
    )
    lexicon = Lexicon(
        name="benchmark",
        language="en",
        version="0",
        dimensions=DIMENSIONS,
        terms=terms.select("term", "dimension", "weight"),
        cues=Cues("benchmark cues", "0", cues),
    )
    matcher = Matcher(lexicon, threads=threads)

    def count(posts: Posts) -> Counts:
        found = matcher.match(posts.series)
        return found.hits + found.negated

    return count


def vader_own(terms: pl.DataFrame) -> Count:
    """VADER as it is: its lexicon, its rules for negation and degree. Our invented words mean nothing to it."""
    analyser = SentimentIntensityAnalyzer()
    return lambda posts: _only_scored(analyser, posts)


def vader(terms: pl.DataFrame) -> Count:
    """VADER's rules at our share of hits: our words in the place of its own."""
    analyser = SentimentIntensityAnalyzer()
    analyser.lexicon = dict.fromkeys(terms["term"], 1.5)
    return lambda posts: _only_scored(analyser, posts)


def _only_scored(analyser: SentimentIntensityAnalyzer, posts: Posts) -> Counts:
    for text in posts.strings:
        analyser.polarity_scores(text)
    return np.zeros((len(posts.strings), 0), dtype=np.int64)


def liwc_package(terms: pl.DataFrame) -> Count:
    """The `liwc` package: a trie of characters per token, from a dictionary file in LIWC's layout."""
    numbers = {name: str(i + 1) for i, name in enumerate(DIMENSIONS)}
    grouped = terms.group_by("term", maintain_order=True).agg("dimension")
    lines = ["%", *(f"{number}\t{name}" for name, number in numbers.items()), "%"]
    lines += ["\t".join([term, *(numbers[d] for d in found)]) for term, found in grouped.iter_rows()]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "terms.dic"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        parse, _ = liwc.load_token_parser(str(path))
    return lambda posts: _tallied((d for w in _words(text) for d in parse(w)) for text in posts.strings)


def nrclex(terms: pl.DataFrame) -> Count:
    """NRCLex on lists of tokens; its own tokeniser and lemmatiser would want a download."""
    grouped = terms.group_by("term", maintain_order=True).agg("dimension")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "terms.json"
        path.write_text(json.dumps(dict(grouped.iter_rows())), encoding="utf-8")
        scorer = NRCLex(path)

    def found(text: str) -> list[str]:
        scorer.load_token_list(_words(text))
        return scorer.affect_list

    return lambda posts: _tallied(found(text) for text in posts.strings)


def empath(terms: pl.DataFrame) -> Count:
    """Empath's `analyze` post by post, which turns its categories into an index at every call."""
    analyser = Empath()
    grouped = terms.group_by("dimension", maintain_order=True).agg("term")
    analyser.cats = dict(grouped.iter_rows())

    def row(text: str) -> list[float]:
        counts = analyser.analyze(text, categories=list(analyser.cats), tokenizer=_words)
        return [counts[d] for d in DIMENSIONS]

    return lambda posts: np.array([row(text) for text in posts.strings]).astype(np.int64)


def flashtext2(terms: pl.DataFrame) -> Count:
    """FlashText 2, a compiled trie of words: exact terms and phrases."""
    found = _dimensions_of(terms)
    processor = KeywordProcessor(case_sensitive=False)
    processor.add_keywords_from_iter(list(found))
    extract = processor.extract_keywords
    return lambda posts: _tallied((d for t in extract(text) for d in found[t]) for text in posts.strings)


def aho_corasick(terms: pl.DataFrame) -> Count:
    """pyahocorasick over the tokens joined by spaces, word boundaries and precedence in Python."""
    found = _dimensions_of(terms)
    automaton = ahocorasick.Automaton()
    for term in found:
        pattern = f" {term[:-1]}" if term.endswith("*") else f" {term} "
        automaton.add_word(pattern, (len(pattern), term))
    automaton.make_automaton()

    def terms_in(text: str) -> Iterable[str]:
        joined = f" {' '.join(_words(text))} "
        best: dict[int, tuple[bool, int, str]] = {}
        for end, (length, term) in automaton.iter(joined):
            start = end - length + 1
            best[start] = max(best.get(start, (False, 0, "")), (not term.endswith("*"), length, term))
        after = 0
        for start in sorted(best):
            if start >= after:
                whole, length, term = best[start]
                after = start + length - 1 if whole else start + 1
                yield term

    return lambda posts: _tallied((d for t in terms_in(text) for d in found[t]) for text in posts.strings)


def in_polars(
    prepare: Callable[[pl.DataFrame], Callable[[pl.Series], Counts]],
) -> Callable[[pl.DataFrame], Count]:
    """A route over a column as a contestant."""

    def prepared(terms: pl.DataFrame) -> Count:
        count = prepare(terms)
        return lambda posts: count(posts.series)

    return prepared


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def _dimensions_of(terms: pl.DataFrame) -> dict[str, list[str]]:
    return dict(terms.group_by("term", maintain_order=True).agg("dimension").iter_rows())


def _tallied(posts: Iterable[Iterable[str]]) -> Counts:
    column = {name: i for i, name in enumerate(DIMENSIONS)}
    rows = []
    for found in posts:
        row = [0] * len(column)
        for name in found:
            row[column[name]] += 1
        rows.append(row)
    return np.array(rows, dtype=np.int64).reshape(-1, len(column))


WORDS, ALL = ("exact",), ("exact", "stem", "phrase")
_OWN = "its own lexicon and rules; none of our words is in it, so it has no hits"
CONTESTANTS = tuple(
    Contestant(name=name, package=package, kinds=kinds, portion=portion, note=note, prepare=prepare)
    for name, package, kinds, portion, note, prepare in (
        ("vader_own", "vaderSentiment", (), 0.1, _OWN, vader_own),
        ("vader", "vaderSentiment", WORDS, 0.1, "its rules, our words in its lexicon", vader),
        ("liwc", "liwc", ("exact", "stem"), 0.2, "words, stems", liwc_package),
        ("polars", "polars", ALL, 1.0, "words, stems, phrases", in_polars(polars_full)),
        ("polars_exact", "polars", WORDS, 1.0, "words", in_polars(polars_exact)),
        ("nrclex", "NRCLex", WORDS, 0.4, "words, from a list of tokens", nrclex),
        ("empath", "empath", WORDS, 0.01, "words", empath),
        ("flashtext2", "flashtext2", ("exact", "phrase"), 0.4, "words, phrases", flashtext2),
        ("aho_corasick", "pyahocorasick", ALL, 0.2, "words, stems, phrases", aho_corasick),
    )
)
