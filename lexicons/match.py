"""Find lexicon terms in posts: one compiled pass over the UTF-8 bytes of a whole column.

Not for deciding what a hit means: `lexicons.score` turns hits into measures.

Rules, in order:

1. **Folding.** Every character is lower-cased, loses its accents and its full-width form; `ñ` stays a
   letter of its own, also when written as n + tilde. Combining marks, zero-width characters and other
   format characters are ignored: they neither match nor separate.
2. **Tokens.** A token is a run of letters and digits, with single apostrophes (' and ’ are equal) allowed
   between them; each Chinese character is a token on its own. Everything else separates. White space,
   hyphens, underscores, `#` and outer apostrophes are soft separators; punctuation, symbols and emoji are
   hard ones.
3. **Hashtags.** A word right after `#` is a plain word. If it is in camel case it is cut into its parts,
   and only the parts are tokens: `#SoMuchJoy` is `so much joy`, `#ILoveYou` is `i love you`.
4. **Elongation.** Where a letter stands three or more times in a row the token is tried with all such runs
   cut to two letters, and then with all of them cut to one. The raw spelling is not tried.
5. **Terms.** An exact term is one whole token. A stem (`lonel*`) is the beginning of a token, or all of it.
   A phrase is several tokens in a row with soft separators only between them. In Chinese a term is a row
   of tokens with nothing at all between them, which is a plain substring; Latin words inside Chinese text
   match whole.
6. **Precedence.** From left to right: the longest phrase that starts at this token, else an exact term,
   else the longest stem. What a match has covered is not matched again, so a phrase hides its words and a
   token counts for one term only. With elongation: exact at two letters, exact at one, stem at two, stem
   at one.
7. **Hits.** A match is one hit in each dimension its term is listed under.

Negation is not handled in this version: `not happy` is a hit for `happy`. Text is expected with mentions
and links already masked; the words of a link that is left in count like any others.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from lexicons.index import build_index, empty_index
from lexicons.kernels import ByteArray, IntArray, LongArray, match_rows
from lexicons.load import Lexicon


class Matches(NamedTuple):
    """What was found, one row per post asked for.

    Attributes:
        hits: posts x dimensions, number of hits.
        n_tokens: tokens of the post.
        n_matched: matches (words or phrases), never more than n_tokens.
        rows: per match, the position of the post among those asked for; empty unless collected.
        terms: per match, the position of the term in `Matcher.terms`; empty unless collected.
    """

    hits: IntArray
    n_tokens: IntArray
    n_matched: IntArray
    rows: LongArray
    terms: IntArray


class TextBuffers(NamedTuple):
    """A string column as Arrow stores it: UTF-8 bytes, and n + 1 offsets into them."""

    data: ByteArray
    offsets: LongArray


def text_buffers(texts: pl.Series) -> TextBuffers:
    """Expose the bytes of a String column; a null is an empty text."""
    filled = texts.fill_null("") if texts.null_count() else texts
    arrow = filled.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_utf8())
    _, offsets, data = arrow.buffers()
    if len(arrow) == 0 or offsets is None:
        return TextBuffers(np.zeros(0, dtype=np.uint8), np.zeros(1, dtype=np.int64))
    # Arrow leaves the bytes out where all texts are empty.
    raw = np.zeros(0, dtype=np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)
    starts = np.frombuffer(offsets, dtype=np.int64)
    return TextBuffers(raw, starts[arrow.offset : arrow.offset + len(arrow) + 1])


class Matcher:
    """One lexicon, ready to match.

    Attributes:
        lexicon: the lexicon, or None for a matcher that only counts tokens.
        terms: the terms that `Matches.terms` points to.
    """

    def __init__(self, lexicon: Lexicon | None) -> None:
        """Build the hash tables. Raises InputError where a term can never match."""
        self.lexicon = lexicon
        self.terms: list[str] = []
        self._index = empty_index()
        if lexicon is not None:
            self._index, self.terms = build_index(lexicon)

    def match(self, texts: pl.Series, *, collect: bool = False) -> Matches:
        """Match all texts of a String column; a null matches nothing and has no tokens."""
        return self.match_buffers(text_buffers(texts), np.arange(len(texts)), collect=collect)

    def match_buffers(self, texts: TextBuffers, rows: LongArray, *, collect: bool = False) -> Matches:
        """Match the texts at `rows` only, in that order; `collect` lists every match."""
        result = match_rows(texts.data, texts.offsets, rows.astype(np.int64), self._index, collect)
        return Matches(*result)
