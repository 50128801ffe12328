"""The best routes we know to count lexicon terms in Polars alone, with no Python per post.

Not for use: they are what we are compared with. Marks and accents are replaced while the text is cleaned, and
tokens are joined by their 64-bit hash. Stretched letters and hashtags in camel case are left as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
from lexicon_texts import DIMENSIONS

MARKS = [*'.,!?;:"()[]{}…/\\|<>@#$%^&*+=~`“”«»—–-_\t\n\r']
PLAIN = dict(zip("áàâäãéèêëíìîïóòôöõúùûüç’", "aaaaaeeeeiiiiooooouuuuc'", strict=True))
FROM, TO = [*MARKS, *PLAIN], [*[" "] * len(MARKS), *PLAIN.values()]
NODE_BITS = 32
Counts = npt.NDArray[np.int64]
CountSeries = Callable[[pl.Series], Counts]


def polars_exact(terms: pl.DataFrame) -> CountSeries:
    """Exact terms: clean, split, explode, join, count."""
    table = _table(terms).select("dimension", token=pl.col("term").hash())

    def count(texts: pl.Series) -> Counts:
        tokens = _tokens(texts).select("post", "token")
        return _counted(tokens.join(table, on="token", how="inner"), n=len(texts))

    return count


def polars_full(terms: pl.DataFrame) -> CountSeries:
    """Exact terms, stems and phrases.

    Distinct tokens are looked up once, as exact terms and by their beginnings, the longest first. Phrases are
    walked along a trie, one join per word. The longest phrase at a place hides its words, and one that begins
    inside an earlier one does not count.
    """
    table = _table(terms)
    words, phrases = _Words.of(table), _Phrases.of(table)
    pairs = table.select("number", "dimension")

    def count(texts: pl.Series) -> Counts:
        tokens = _tokens(texts)
        known = _known(tokens.select("token", "spelling").unique("token"), words=words, phrases=phrases)
        places = tokens.select("post", "token").with_row_index("at")
        placed = places.join(known, on="token", how="inner", maintain_order="left").with_row_index("row")
        found = _longest(placed, phrases=phrases)
        inside = found.select(pl.int_ranges("row", pl.col("row") + pl.col("length")).explode()).to_series()
        singles = placed.select("post", number=placed["number"].scatter(inside, None)).drop_nulls()
        terms_found = pl.concat([singles, found.select("post", "number")])
        return _counted(terms_found.join(pairs, on="number", how="inner"), n=len(texts))

    return count


@dataclass(frozen=True)
class _Words:
    """exact: token, number. stems: by length, longest first: token (of the beginning), number."""

    exact: pl.DataFrame
    stems: dict[int, pl.DataFrame]

    @classmethod
    def of(cls, table: pl.DataFrame) -> _Words:
        terms = table.unique("term")
        stems = terms.filter(pl.col("kind") == "stem").with_columns(pl.col("term").str.head(-1))
        lengths = sorted(set(stems["term"].str.len_chars()), reverse=True)
        return cls(
            exact=_hashed(
                terms.filter(pl.col("kind") == "exact").select("term", "number").iter_rows(), to="number"
            ),
            stems={
                k: _hashed(
                    stems.filter(pl.col("term").str.len_chars() == k).select("term", "number").iter_rows(),
                    to="number",
                )
                for k in lengths
            },
        )


@dataclass(frozen=True)
class _Phrases:
    """A trie. words: token, word. edges: key (a node and the word that leads on), node. ends: node, number."""

    words: pl.DataFrame
    edges: pl.DataFrame
    ends: pl.DataFrame
    longest: int

    @classmethod
    def of(cls, table: pl.DataFrame) -> _Phrases:
        terms = table.unique("term").filter(pl.col("kind") == "phrase").select("term", "number").iter_rows()
        phrases = {tuple(term.split(" ")): number for term, number in terms}
        words: dict[str, int] = {}
        nodes: dict[tuple[str, ...], int] = {(): 0}
        for phrase in phrases:
            for k, word in enumerate(phrase):
                words.setdefault(word, len(words))
                nodes.setdefault(phrase[: k + 1], len(nodes))
        edges = [
            (nodes[path[:-1]] << NODE_BITS | words[path[-1]], node) for path, node in nodes.items() if path
        ]
        ends = [(nodes[phrase], number) for phrase, number in phrases.items()]
        return cls(
            words=_hashed(words.items(), to="word"),
            edges=pl.DataFrame(edges, schema={"key": pl.Int64, "node": pl.Int64}, orient="row"),
            ends=pl.DataFrame(ends, schema={"node": pl.Int64, "number": pl.Int64}, orient="row"),
            longest=max(map(len, phrases), default=0),
        )


def _hashed(rows: Iterable[tuple[str, int]], *, to: str) -> pl.DataFrame:
    frame = pl.DataFrame(list(rows), schema={"token": pl.String, to: pl.Int64}, orient="row")
    return frame.with_columns(pl.col("token").hash())


def _table(terms: pl.DataFrame) -> pl.DataFrame:
    """term, kind, its number, and the column of its dimension; one row per pair."""
    columns = {name: i for i, name in enumerate(DIMENSIONS)}
    return terms.select(
        "term",
        "kind",
        number=pl.col("term").rank("dense").cast(pl.Int64),
        dimension=pl.col("dimension").replace_strict(columns, return_dtype=pl.UInt32),
    )


def _tokens(texts: pl.Series) -> pl.DataFrame:
    """One row per token: post, token (hash), spelling. Two marks in a row leave an empty token between them."""
    words = texts.str.to_lowercase().str.replace_many(FROM, TO).str.split(" ")
    post = np.repeat(np.arange(len(texts), dtype=np.uint32), words.list.len().to_numpy())
    spelling = words.explode()
    return pl.DataFrame({"post": post, "token": spelling.hash(), "spelling": spelling})


def _known(vocabulary: pl.DataFrame, *, words: _Words, phrases: _Phrases) -> pl.DataFrame:
    """The distinct tokens that matter: token, number (of a term that is one word), word (of a phrase)."""
    found = vocabulary.join(words.exact, on="token", how="left")
    for length, stems in words.stems.items():
        start = pl.col("spelling").str.head(length).hash()
        found = found.join(stems, left_on=start, right_on="token", how="left", suffix=f"_{length}")
    number = pl.coalesce("number", *(f"number_{length}" for length in words.stems))
    both = found.select("token", number=number).join(phrases.words, on="token", how="left")
    return both.filter(pl.col("number").is_not_null() | pl.col("word").is_not_null())


def _longest(placed: pl.DataFrame, *, phrases: _Phrases) -> pl.DataFrame:
    """The phrases that count: row of `placed` where it starts, post, length, number."""
    at, post = pl.col("at"), pl.col("post")
    follows = [
        pl.when(at.shift(-k) == at + k, post.shift(-k) == post)
        .then(pl.col("word").shift(-k))
        .alias(f"word_{k}")
        for k in range(phrases.longest)
    ]
    walk = placed.select("row", "post", *follows, node=pl.lit(0, dtype=pl.Int64))
    found = []
    for k in range(phrases.longest):
        key = pl.col("node") * 2**NODE_BITS + pl.col(f"word_{k}")
        walk = walk.with_columns(key=key).drop("node").join(phrases.edges, on="key", how="inner")
        ended = walk.join(phrases.ends, on="node", how="inner")
        found.append(ended.select("row", "post", "number", length=pl.lit(k + 1, dtype=pl.UInt32)))
    best = (
        pl.concat(found)
        .sort("row", "length", descending=[False, True])
        .unique("row", keep="first", maintain_order=True)
    )
    end_before = (pl.col("row") + pl.col("length")).cum_max().shift(1, fill_value=0)
    return best.filter(pl.col("row") >= end_before)


def _counted(found: pl.DataFrame, *, n: int) -> Counts:
    cells = found["post"] * len(DIMENSIONS) + found["dimension"]
    return np.bincount(cells.to_numpy(), minlength=n * len(DIMENSIONS)).reshape(n, len(DIMENSIONS))
