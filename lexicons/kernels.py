"""The compiled inner loops of the matcher: bytes in, hits out.

Not a public interface: `lexicons.match` documents the rules, `lexicons.index` prepares the arrays and
`lexicons.kernels_tokens` cuts the text. Inner functions take plain arrays, and many of them, because taking an
array out of a tuple counts references.
"""

# mypy: allow-untyped-defs, no-check-untyped-defs

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lexicons.compiled import compiled, inlined
from lexicons.kernels_build import grown
from lexicons.kernels_lookup import (
    edge_hash,
    resolve_tokens,
)
from lexicons.kernels_tokens import (
    CLAUSE,
    FIRST_NODE,
    GAP,
    N_COLUMNS,
    NOTHING,
    ONE,
    SINGLE,
    SINGLE_CUE,
    WORD_ID,
    borrowed,
    tokenise,
)

IntArray = npt.NDArray[np.int32]
LongArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
BitArray = npt.NDArray[np.uint64]

# Values of load.Role.
NEGATOR, DEGREE, BREAK, PLAIN = 0, 1, 2, 3
FEW = 16


class Index(NamedTuple):
    """A lexicon as flat arrays. T terms, C cues, S and P hash slots.

    A slot holds an entry: a word that is an exact term, a stem, a cue, part of a phrase, or several of these.
    """

    chars: IntArray  # 65,536: fold | class << 16 | kind << 20
    pairs: LongArray  # n x 3: letter, combining mark, the letter they make
    word_filter: BitArray  # by hash; a word whose bit is 0 is no entry
    stem_filter: BitArray  # by hash; a beginning whose bit is 0 is no stem
    pair_filter: BitArray  # by hash of node and word; a pair whose bit is 0 begins no phrase
    slots: IntArray  # S x N_FIELDS, open addressing
    stem_lengths: ByteArray  # longest spelling + 1, 1 where a stem has that length
    edges: LongArray  # P x 2, open addressing: node << 32 | word (-1 = free), child node
    nodes: IntArray  # N x 2: the term and the cue that end at this node of the trie, or -1
    dim_start: IntArray  # T + 1: where a term's rows begin in the next two
    dims: IntArray  # dimension
    weights: FloatArray
    cue_role: IntArray  # C
    cue_factor: FloatArray  # C
    n_dims: int
    max_gap: int  # widest gap a phrase may cross
    reach: int  # tokens after a cue that it changes
    negated: float  # what a negator multiplies a weight by
    graded: bool  # whether cues change weights


class Result(NamedTuple):
    """What a call fills, zeroed by the caller; R rows, D dimensions."""

    hits: IntArray  # R x D
    negated: IntArray  # R x D
    sums: FloatArray  # R x D, or R x 0 for none
    counts: IntArray  # R x 3: tokens, matches, distinct terms
    seen: LongArray  # T, -1: the last row of each term


class Scratch(NamedTuple):
    """Working memory for one post; lengths follow the longest post in bytes."""

    cps: IntArray  # folded code points of all tokens, one after the other
    kinds: ByteArray  # letter kind of each
    tokens: IntArray  # n x N_COLUMNS, see START ... FIRST_NODE
    hashes: BitArray  # n x 2, see VALUE, STEM_VALUE
    active: IntArray  # the tokens that may be an entry
    variant: IntArray  # a token with its elongations collapsed
    found: IntArray  # terms of the post's matches
    factors: FloatArray  # what cues make of each; negative = negated


@inlined
def edge_slot(node, word, edges):
    """Slot of the edge from a trie node by a word, or the free slot where it would be."""
    mask = np.uint64(edges.shape[0] - 1)
    key = np.int64(node) << 32 | np.int64(word)
    slot = edge_hash(node, word) & mask
    while edges[slot, 0] != key and edges[slot, 0] != NOTHING:
        slot = (slot + ONE) & mask
    return slot


@inlined
def longest_phrases(tokens, t, n, edges, nodes, max_gap):
    """(term, its tokens, cue, its tokens) of the longest phrases that start at token t; -1, 0 for none."""
    term, term_length = np.int64(NOTHING), 0
    cue, cue_length = np.int64(NOTHING), 0
    node = np.int64(tokens[t, FIRST_NODE])
    for i in range(t + 1, n):
        if tokens[i, WORD_ID] < 0 or tokens[i, GAP] > max_gap:
            break
        slot = edge_slot(node, tokens[i, WORD_ID], edges)
        if edges[slot, 0] == NOTHING:
            break
        node = edges[slot, 1]
        if nodes[node, 0] >= 0:
            term, term_length = np.int64(nodes[node, 0]), i + 1 - t
        if nodes[node, 1] >= 0:
            cue, cue_length = np.int64(nodes[node, 1]), i + 1 - t
    return term, term_length, cue, cue_length


@inlined
def match_post(
    n, first, last, tokens, active, found, factors, edges, nodes, roles, cue_factor, max_gap, reach, negated
):
    """Write the terms of one resolved post and their factors; return how many there are.

    A negator or degree word reaches a number of tokens ahead inside its clause; the later of two degree
    words counts, and a degree word is used up by the first hit.
    """
    count, free, clause = 0, 0, -1
    negated_until, degree_until, degree = 0, 0, 1.0
    for a in range(first, last):
        t = np.int64(active[a])
        if t < free:
            continue
        if tokens[t, CLAUSE] != clause:
            clause, negated_until, degree_until = tokens[t, CLAUSE], 0, 0
        term, cue = np.int64(tokens[t, SINGLE]), np.int64(tokens[t, SINGLE_CUE])
        length, cue_length = 1 if term >= 0 else 0, 1 if cue >= 0 else 0
        if tokens[t, FIRST_NODE] >= 0:
            long_term, long_length, long_cue, long_cue_length = longest_phrases(
                tokens, t, n, edges, nodes, max_gap
            )
            if long_term >= 0:
                term, length = long_term, long_length
            if long_cue >= 0:
                cue, cue_length = long_cue, long_cue_length
        free = t + max(length, cue_length)
        if length > 0 and length >= cue_length:
            factor = degree if t < degree_until else 1.0
            degree_until = 0
            found[count], factors[count] = term, factor * negated if t < negated_until else factor
            count += 1
        if cue_length > 0 and cue_length >= length:
            role = roles[cue]
            if role == NEGATOR:
                negated_until = free + reach
            elif role == DEGREE:
                degree, degree_until = cue_factor[cue], free + reach
            elif role == BREAK:
                negated_until = degree_until = 0
    return count


def new_scratch(size: int) -> Scratch:
    """Scratch for posts of up to `size` bytes; to be held by the caller while compiled code runs."""
    return Scratch(
        np.empty(size, np.int32),
        np.empty(size, np.uint8),
        np.empty((size, N_COLUMNS), np.int32),
        np.empty((size, 2), np.uint64),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.float64),
    )


@inlined
def add_hits(i, count, found, factors, dim_start, dims, weights, graded, hits, negated, sums):
    """Add post i's matches to its row of hits, negated hits and, unless it has no columns, weighted sums.

    Where terms are not graded, a cue can only turn them off.
    """
    for m in range(count):
        for at in range(dim_start[found[m]], dim_start[found[m] + 1]):
            if factors[m] < 0:
                negated[i, dims[at]] += 1
            else:
                hits[i, dims[at]] += 1
            if sums.size:
                sums[i, dims[at]] += weights[at] * (factors[m] if graded else max(np.sign(factors[m]), 0.0))


@inlined
def distinct(count, found, seen, row):
    """How many different terms a post has; `seen` holds the last row of each term."""
    different = 0
    if count <= FEW:
        for m in range(count):
            repeated = False
            for earlier in range(m):
                repeated |= found[earlier] == found[m]
            different += not repeated
        return different
    for m in range(count):
        if seen[found[m]] != row:
            seen[found[m]] = row
            different += 1
    return different


@compiled
def with_matches(match_row, match_term, match_factor, total, i, count, found, factors):
    """The list of matches with those of post i behind the first `total`, in larger arrays where needed."""
    match_row, match_term = grown(match_row, total + count), grown(match_term, total + count)
    match_factor = grown(match_factor, total + count)
    match_row[total : total + count] = i
    match_term[total : total + count] = found[:count]
    match_factor[total : total + count] = factors[:count]
    return match_row, match_term, match_factor


@compiled
def match_rows(data, offsets, rows, index, scratch, result, collect):
    """Match the chosen rows of an Arrow string buffer and fill the result.

    Returns, where `collect`, the matches as three arrays: position in `rows`, term, factor.
    """
    data, offsets = borrowed(data), borrowed(offsets)
    chars, pairs, words, stems = (
        borrowed(index.chars), borrowed(index.pairs), borrowed(index.word_filter), borrowed(index.stem_filter),
    )  # fmt: skip
    slots, lengths, starts = borrowed(index.slots), borrowed(index.stem_lengths), borrowed(index.pair_filter)
    edges, nodes, roles, cue_factor = (
        borrowed(index.edges), borrowed(index.nodes), borrowed(index.cue_role), borrowed(index.cue_factor),
    )  # fmt: skip
    dim_start, dims, weights = borrowed(index.dim_start), borrowed(index.dims), borrowed(index.weights)
    cps, kinds, tokens, active = (
        borrowed(scratch.cps), borrowed(scratch.kinds), borrowed(scratch.tokens), borrowed(scratch.active),
    )  # fmt: skip
    hashes = borrowed(scratch.hashes)
    variant, found, factors = borrowed(scratch.variant), borrowed(scratch.found), borrowed(scratch.factors)
    hits, negated, sums = borrowed(result.hits), borrowed(result.negated), borrowed(result.sums)
    counts, seen = borrowed(result.counts), borrowed(result.seen)
    max_gap, reach, turned, graded = index.max_gap, index.reach, index.negated, index.graded
    match_row, match_term, match_factor = (
        np.empty(16, np.int64),
        np.empty(16, np.int32),
        np.empty(16, np.float64),
    )
    total = 0
    for i in range(rows.size):
        row = rows[i]
        n = tokenise(
            data, offsets[row], offsets[row + 1], chars, pairs, words, stems, cps, kinds, tokens, hashes
        )
        counts[i, 0] = n
        first, last = resolve_tokens(
            n, tokens, hashes, active, cps, chars, variant, stems, starts, slots, lengths, dim_start, max_gap
        )
        if first == last:
            continue
        count = match_post(
            n, first, last, tokens, active, found, factors, edges, nodes, roles, cue_factor, max_gap, reach, turned
        )  # fmt: skip
        add_hits(i, count, found, factors, dim_start, dims, weights, graded, hits, negated, sums)
        counts[i, 1], counts[i, 2] = count, distinct(count, found, seen, i)
        if collect and count:
            match_row, match_term, match_factor = with_matches(
                match_row, match_term, match_factor, total, i, count, found, factors
            )
            total += count
    return match_row[:total], match_term[:total], match_factor[:total]
