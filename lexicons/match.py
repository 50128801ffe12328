"""Find lexicon terms in posts: one compiled pass over the UTF-8 bytes of a whole column.

Not for deciding what a hit means: `lexicons.score` turns hits into measures.

Rules, in order:

1. **Folding.** Every character is lower-cased and loses its full-width form and, unless the lexicon keeps
   them, its accents; `ñ` always stays a letter of its own, also when written as n + tilde. Other combining
   marks, skin tones, zero-width and other format characters are ignored: they neither match nor separate.
2. **Tokens.** A token is a run of letters and digits, with single apostrophes (' and ’ are equal) allowed
   between them; each Chinese character and each emoji is a token on its own. Everything else separates.
   White space, hyphens, underscores, `#` and outer apostrophes are soft separators; punctuation and symbols
   are hard ones. A plain emoticon that does not touch a word, `:)` `:'(` `;-)` `<3` `</3` `>:(` `:D` `:P`
   `:O` `:/` `:*` `:|`, is the emoji it stands for.
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
7. **Cues**, where the lexicon has them. A negator turns the hits that start within its reach (3 words; 4
   characters in Chinese), a degree word multiplies the next one that does; neither reaches past a hard
   separator, an emoji or a break word (`but`). The later of two degree words counts. A cue that covers more
   tokens than the term at the same place hides it (`no wonder` hides `wonder`), a longer term hides the cue
   (`can't sleep`), and at equal length both count.
8. **Hits.** A match is one hit, or one negated hit, in each dimension its term is listed under; to the
   weighted sum it adds the term's weight times its factor: 1, or that of the degree word, times -0.5 where
   negated. In a lexicon that is not graded a hit adds its plain weight, and a negated one nothing.

Text is expected with mentions and links already masked; the words of a link that is left in count like any
others.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import polars as pl

from lexicons.index import TextBuffers, build_index, empty_index, longest_text, text_buffers
from lexicons.kernels import FloatArray, IntArray, LongArray, Result, match_rows, new_scratch
from lexicons.load import Lexicon


class Matches(NamedTuple):
    """What was found, one row per post asked for.

    Attributes:
        hits: posts x dimensions, number of hits that are not negated.
        negated: posts x dimensions, number of negated hits.
        sums: posts x dimensions, weighted sums; no columns unless asked for.
        n_tokens: tokens of the post.
        n_matched: matches (words or phrases, negated or not), never more than n_tokens.
        n_distinct: different terms among them.
        rows: per match, the position of the post among those asked for; empty unless collected.
        terms: per match, the position of the term in `Matcher.terms`; empty unless collected.
        factors: per match, what its cues multiply its weight by, negative where negated; empty unless
            collected.
    """

    hits: IntArray
    negated: IntArray
    sums: FloatArray
    n_tokens: IntArray
    n_matched: IntArray
    n_distinct: IntArray
    rows: LongArray
    terms: IntArray
    factors: FloatArray


class Matcher:
    """One lexicon, ready to match.

    Attributes:
        lexicon: the lexicon, or None for a matcher that only counts tokens.
        terms: the terms that `Matches.terms` points to.
    """

    def __init__(self, lexicon: Lexicon | None, *, threads: int = 1) -> None:
        """Build the hash tables. Raises InputError where a term can never match."""
        self.lexicon = lexicon
        self.terms: list[str] = []
        self._threads = threads
        self._index = empty_index()
        if lexicon is not None:
            self._index, self.terms = build_index(lexicon)

    def match(self, texts: pl.Series, *, sums: bool = False, collect: bool = False) -> Matches:
        """Match all texts of a String column; a null matches nothing and has no tokens."""
        return self.match_buffers(text_buffers(texts), np.arange(len(texts)), sums=sums, collect=collect)

    def match_buffers(
        self, texts: TextBuffers, rows: LongArray, *, sums: bool = False, collect: bool = False
    ) -> Matches:
        """Match the texts at `rows` only, in that order; `sums` weighs hits, `collect` lists every match."""
        parts = np.array_split(rows.astype(np.int64), min(self._threads, max(len(rows), 1)))
        if len(parts) == 1:
            return self._match_part(texts, parts[0], sums=sums, collect=collect)
        with ThreadPoolExecutor(len(parts)) as pool:
            found = pool.map(lambda part: self._match_part(texts, part, sums=sums, collect=collect), parts)
            return _joined(list(found))

    def _match_part(self, texts: TextBuffers, rows: LongArray, *, sums: bool, collect: bool) -> Matches:
        shape = (len(rows), self._index.n_dims)
        result = Result(
            hits=np.zeros(shape, np.int32),
            negated=np.zeros(shape, np.int32),
            sums=np.zeros(shape if sums else (len(rows), 0), np.float64),
            counts=np.zeros((len(rows), 3), np.int32),
            seen=np.full(len(self.terms), -1, np.int64),
        )
        scratch = new_scratch(longest_text(texts.offsets) + 1)
        found = match_rows(texts.data, texts.offsets, rows, self._index, scratch, result, collect)
        tokens, matches, distinct = result.counts.T
        return Matches(result.hits, result.negated, result.sums, tokens, matches, distinct, *found)


def _joined(parts: list[Matches]) -> Matches:
    """The results of consecutive rows as one; positions of posts are shifted to the whole."""
    starts = np.cumsum([0, *(len(part.hits) for part in parts[:-1])])
    moved = [part._replace(rows=part.rows + start) for part, start in zip(parts, starts, strict=True)]
    return Matches(*(np.concatenate(columns) for columns in zip(*moved, strict=True)))


__all__ = ["Matcher", "Matches", "TextBuffers", "text_buffers"]
