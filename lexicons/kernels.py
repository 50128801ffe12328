"""The compiled inner loops of the matcher: bytes in, hits out.

Not a public interface: `lexicons.match` documents the rules, `lexicons.index` prepares the arrays and
`lexicons.kernels_tokens` cuts the text. Inner functions take plain arrays, and many of them, because taking an
array out of a tuple counts references.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from lexicons.kernels_tokens import (
    CLAUSE,
    ELONGATED,
    END,
    FIRST_NODE,
    FNV_BASIS,
    GAP,
    KIND_SHIFT,
    LOOK,
    MAYBE_STEM,
    MAYBE_WORD,
    N_COLUMNS,
    NOT_A_LETTER,
    NOTHING,
    SINGLE,
    SINGLE_CUE,
    SLOW,
    START,
    STEM_LENGTH,
    STEM_VALUE,
    ONE,
    LOW_BITS,
    WORD_BITS,
    VALUE,
    WORD_ID,
    borrowed,
    fnv_step,
    has_bit,
    tokenise,
)

IntArray = npt.NDArray[np.int32]
LongArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
BitArray = npt.NDArray[np.uint64]

# Columns of Index.slots, and the slot that holds nothing: no entry has this number.
SLOT_HASH, SLOT_ENTRY, FREE = 0, 1, np.uint64(0xFFFFFFFFFFFFFFFF)
# Columns of Index.entries.
LENGTH, EXACT_TERM, STEM_TERM, CUE, PHRASE_WORD, ROOT_CHILD = 0, 1, 2, 3, 4, 5
N_FIELDS = 8  # two more than there are, so that an entry is half a cache line
# Values of load.Role.
NEGATOR, DEGREE, BREAK, PLAIN = 0, 1, 2, 3


class Index(NamedTuple):
    """A lexicon as flat arrays. E entries (distinct words), T terms, C cues, S and P hash slots.

    An entry is the folded spelling of a word that is an exact term, a stem, a cue, part of a phrase, or
    several of these.
    """

    chars: IntArray  # 65,536: fold | class << 16 | kind << 20
    pairs: LongArray  # n x 3: letter, combining mark, the letter they make
    word_filter: BitArray  # by hash; a word whose bit is 0 is no entry
    stem_filter: BitArray  # by hash; a beginning whose bit is 0 is no stem
    slots: BitArray  # S x 2: hash, entry or FREE
    entries: IntArray  # E x 8: letters, exact term, stem, cue, phrase word, node after it; -1 = none
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


@njit(cache=True, nogil=True)
def hash_key(cps, start, end):  # type: ignore[no-untyped-def]
    """FNV-1a of cps[start:end]."""
    value = FNV_BASIS
    for i in range(start, end):
        value = fnv_step(value, np.uint64(cps[i]))
    return value


@njit(cache=True, nogil=True, inline="always")
def find_entry(length, value, slots, entries):  # type: ignore[no-untyped-def]
    """Entry of a spelling by its length and hash, or -1."""
    mask = np.uint64(slots.shape[0] - 1)
    slot = value & mask
    while slots[slot, SLOT_ENTRY] != FREE:
        if slots[slot, SLOT_HASH] == value:
            entry = np.int64(slots[slot, SLOT_ENTRY])
            return entry if entries[entry, LENGTH] == length else np.int64(NOTHING)
        slot = (slot + ONE) & mask
    return np.int64(NOTHING)


@njit(cache=True, nogil=True)
def look_up(cps, start, end, stem_filter, slots, entries, stem_lengths):  # type: ignore[no-untyped-def]
    """Return (entry of cps[start:end], term of its longest stem), -1 for what there is not."""
    longest = stem_lengths.size - 1
    value, stem, entry = FNV_BASIS, np.int64(NOTHING), np.int64(NOTHING)
    for i in range(start, end):
        length = i - start + 1
        if length > longest:
            return np.int64(NOTHING), stem
        value = fnv_step(value, np.uint64(cps[i]))
        if stem_lengths[length] and has_bit(stem_filter, value & np.uint64(stem_filter.size * 64 - 1)):
            entry = find_entry(length, value, slots, entries)
            if entry >= 0 and entries[entry, STEM_TERM] >= 0:
                stem = np.int64(entries[entry, STEM_TERM])
    return find_entry(end - start, value, slots, entries), stem


@njit(cache=True, nogil=True, inline="always")
def is_letter(code, chars):  # type: ignore[no-untyped-def]
    """Whether a folded code point is a letter."""
    return code < 0x10000 and chars[code] >> KIND_SHIFT != NOT_A_LETTER


@njit(cache=True, nogil=True)
def is_elongated(cps, chars, start, end):  # type: ignore[no-untyped-def]
    """Whether a letter is repeated three times or more in a row."""
    run = 1
    for i in range(start + 1, end):
        run = run + 1 if cps[i] == cps[i - 1] and is_letter(cps[i], chars) else 1
        if run >= ELONGATED:
            return True
    return False


@njit(cache=True, nogil=True)
def collapse(cps, chars, start, end, keep, variant):  # type: ignore[no-untyped-def]
    """Write the token into `variant`, runs of three or more letters cut to `keep`; return its length."""
    k, i = 0, start
    while i < end:
        j = i + 1
        while j < end and cps[j] == cps[i]:
            j += 1
        elongated = j - i >= ELONGATED and is_letter(cps[i], chars)
        for _ in range(keep if elongated else j - i):
            variant[k] = cps[i]
            k += 1
        i = j
    return k


@njit(cache=True, nogil=True, inline="always")
def take(tokens, t, entry, entries):  # type: ignore[no-untyped-def]
    """Note what an entry says of token t; plain copies, because these tests would be hard to predict."""
    tokens[t, SINGLE], tokens[t, SINGLE_CUE] = entries[entry, EXACT_TERM], entries[entry, CUE]
    tokens[t, WORD_ID], tokens[t, FIRST_NODE] = entries[entry, PHRASE_WORD], entries[entry, ROOT_CHILD]


@njit(cache=True, nogil=True)
def resolve_slowly(t, tokens, cps, chars, variant, stem_filter, slots, entries, stem_lengths):  # type: ignore[no-untyped-def]
    """Fill what was found for a token whose hash is not that of its spelling: runs of letters are cut to two
    first, and to one for what that did not find."""
    start, end = tokens[t, START], tokens[t, END]
    second = np.int64(NOTHING)
    if is_elongated(cps, chars, start, end):
        cut = collapse(cps, chars, start, end, 2, variant)
        entry, stem = look_up(variant, 0, cut, stem_filter, slots, entries, stem_lengths)
        cut = collapse(cps, chars, start, end, 1, variant)
        second, stem_1 = look_up(variant, 0, cut, stem_filter, slots, entries, stem_lengths)
        stem = stem if stem >= 0 else stem_1
    else:
        entry, stem = look_up(cps, start, end, stem_filter, slots, entries, stem_lengths)
    for found in (second, entry):
        if found >= 0:
            for column, source in ((SINGLE, EXACT_TERM), (SINGLE_CUE, CUE)):
                if entries[found, source] >= 0:
                    tokens[t, column] = entries[found, source]
            if entries[found, PHRASE_WORD] >= 0:
                tokens[t, WORD_ID] = entries[found, PHRASE_WORD]
                tokens[t, FIRST_NODE] = entries[found, ROOT_CHILD]
    if tokens[t, SINGLE] < 0:
        tokens[t, SINGLE] = stem


@njit(cache=True, nogil=True)
def longest_stem(t, tokens, hashes, cps, stem_filter, slots, entries, stem_lengths):  # type: ignore[no-untyped-def]
    """Term of the longest stem of a token, or -1: the longest likely beginning first, else all of them."""
    start, length = tokens[t, START], tokens[t, STEM_LENGTH]
    entry = find_entry(length, hashes[t, STEM_VALUE], slots, entries)
    if entry >= 0 and entries[entry, STEM_TERM] >= 0:
        return np.int64(entries[entry, STEM_TERM])
    _, stem = look_up(cps, start, start + length, stem_filter, slots, entries, stem_lengths)
    return stem


@njit(cache=True, nogil=True, inline="always")
def resolve_tokens(
    n, tokens, hashes, active, cps, chars, variant, stem_filter, slots, entries, stem_lengths, max_gap
):  # type: ignore[no-untyped-def]
    """Look up the tokens that may be an entry; list those that can start a match or are a cue at the end of
    `active` and return from where to where. Backwards, because a phrase needs a word of phrases to follow."""
    n_maybe = 0
    for t in range(n):
        active[n_maybe] = t
        n_maybe += tokens[t, LOOK] != 0
    first = n_maybe
    for a in range(n_maybe - 1, -1, -1):
        t = np.int64(active[a])
        look = tokens[t, LOOK]
        tokens[t, SINGLE] = tokens[t, SINGLE_CUE] = tokens[t, FIRST_NODE] = NOTHING
        if look & SLOW:
            resolve_slowly(t, tokens, cps, chars, variant, stem_filter, slots, entries, stem_lengths)
        else:
            if look & MAYBE_WORD:
                entry = find_entry(tokens[t, END] - tokens[t, START], hashes[t, VALUE], slots, entries)
                if entry >= 0:
                    take(tokens, t, entry, entries)
            if look & MAYBE_STEM and tokens[t, SINGLE] < 0:
                tokens[t, SINGLE] = longest_stem(t, tokens, hashes, cps, stem_filter, slots, entries, stem_lengths)
        if t + 1 == n or tokens[t + 1, WORD_ID] < 0 or tokens[t + 1, GAP] > max_gap:
            tokens[t, FIRST_NODE] = NOTHING
        active[first - 1] = t
        # All three are -1 exactly where all their bits are set.
        first -= tokens[t, SINGLE] & tokens[t, SINGLE_CUE] & tokens[t, FIRST_NODE] != NOTHING
    return first, n_maybe


@njit(cache=True, nogil=True, inline="always")
def edge_slot(node, word, edges):  # type: ignore[no-untyped-def]
    """Slot of the edge from a trie node by a word, or the free slot where it would be."""
    mask = np.uint64(edges.shape[0] - 1)
    key = np.int64(node) << 32 | np.int64(word)
    slot = fnv_step(fnv_step(FNV_BASIS, np.uint64(node)), np.uint64(word)) & mask
    while edges[slot, 0] != key and edges[slot, 0] != NOTHING:
        slot = (slot + ONE) & mask
    return slot


@njit(cache=True, nogil=True, inline="always")
def longest_phrases(tokens, t, n, edges, nodes, max_gap):  # type: ignore[no-untyped-def]
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


@njit(cache=True, nogil=True, inline="always")
def match_post(
    n, first, last, tokens, active, found, factors, edges, nodes, roles, cue_factor, max_gap, reach, negated
):  # type: ignore[no-untyped-def]
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


@njit(cache=True, nogil=True)
def grown(array, needed):  # type: ignore[no-untyped-def]
    """The array, or a copy at least twice as long if `needed` elements do not fit."""
    if needed <= array.size:
        return array
    larger = np.empty(max(needed, 2 * array.size), array.dtype)
    larger[: array.size] = array
    return larger


@njit(cache=True, nogil=True, inline="always")
def add_hits(i, count, found, factors, dim_start, dims, weights, hits, negated, sums):  # type: ignore[no-untyped-def]
    """Add post i's matches to its row of hits, negated hits and, unless it has no columns, weighted sums."""
    for m in range(count):
        for at in range(dim_start[found[m]], dim_start[found[m] + 1]):
            if factors[m] < 0:
                negated[i, dims[at]] += 1
            else:
                hits[i, dims[at]] += 1
            if sums.size:
                sums[i, dims[at]] += weights[at] * factors[m]


@njit(cache=True, nogil=True, inline="always")
def distinct(count, found, seen, row):  # type: ignore[no-untyped-def]
    """How many different terms a post has; `seen` holds the last row of each term."""
    different = 0
    for m in range(count):
        if seen[found[m]] != row:
            seen[found[m]] = row
            different += 1
    return different


@njit(cache=True, nogil=True)
def match_rows(data, offsets, rows, index, scratch, result, collect):  # type: ignore[no-untyped-def]
    """Match the chosen rows of an Arrow string buffer and fill the result.

    Returns, where `collect`, the matches as three arrays: position in `rows`, term, factor.
    """
    data, offsets = borrowed(data), borrowed(offsets)
    chars, pairs, words, stems = (
        borrowed(index.chars), borrowed(index.pairs), borrowed(index.word_filter), borrowed(index.stem_filter),
    )  # fmt: skip
    slots, entries, lengths = (
        borrowed(index.slots), borrowed(index.entries), borrowed(index.stem_lengths),
    )  # fmt: skip
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
    max_gap, reach, turned = index.max_gap, index.reach, index.negated
    match_row, match_term, match_factor = (
        np.empty(16, np.int64),
        np.empty(16, np.int32),
        np.empty(16, np.float64),
    )
    total = 0
    for i in range(rows.size):
        row = rows[i]
        n = tokenise(data, offsets[row], offsets[row + 1], chars, pairs, words, stems, cps, kinds, tokens, hashes)
        counts[i, 0] = n
        first, last = resolve_tokens(
            n, tokens, hashes, active, cps, chars, variant, stems, slots, entries, lengths, max_gap
        )
        if first == last:
            continue
        count = match_post(
            n,
            first,
            last,
            tokens,
            active,
            found,
            factors,
            edges,
            nodes,
            roles,
            cue_factor,
            max_gap,
            reach,
            turned,
        )
        add_hits(i, count, found, factors, dim_start, dims, weights, hits, negated, sums)
        counts[i, 1], counts[i, 2] = count, distinct(count, found, seen, i)
        if collect and count:
            match_row, match_term = grown(match_row, total + count), grown(match_term, total + count)
            match_factor = grown(match_factor, total + count)
            match_row[total : total + count] = i
            match_term[total : total + count] = found[:count]
            match_factor[total : total + count] = factors[:count]
            total += count
    return match_row[:total], match_term[:total], match_factor[:total]


@njit(cache=True, nogil=True)
def split_rows(data, offsets, index, scratch):  # type: ignore[no-untyped-def]
    """Tokens of every row, runs of letters cut to two: (words per row, letters per word, code points)."""
    n_rows = offsets.size - 1
    tokens, cps, kinds, variant = scratch.tokens, scratch.cps, scratch.kinds, scratch.variant
    hashes = scratch.hashes
    chars, pairs, words, stems = index.chars, index.pairs, index.word_filter, index.stem_filter
    per_row, lengths, letters = np.zeros(n_rows, np.int64), np.empty(16, np.int64), np.empty(16, np.int32)
    n_words, n_letters = 0, 0
    for row in range(n_rows):
        n = tokenise(data, offsets[row], offsets[row + 1], chars, pairs, words, stems, cps, kinds, tokens, hashes)
        per_row[row] = n
        lengths = grown(lengths, n_words + n)
        for t in range(n):
            cut = collapse(cps, chars, tokens[t, START], tokens[t, END], 2, variant)
            letters = grown(letters, n_letters + cut)
            letters[n_letters : n_letters + cut] = variant[:cut]
            lengths[n_words] = cut
            n_letters += cut
            n_words += 1
    return per_row, lengths[:n_words], letters[:n_letters]


@njit(cache=True, nogil=True)
def fill_slots(hashes, slots):  # type: ignore[no-untyped-def]
    """Put the entries into the slots by open addressing with linear probing; their number is a power of two."""
    mask = np.uint64(slots.shape[0] - 1)
    for entry in range(hashes.size):
        slot = hashes[entry] & mask
        while slots[slot, SLOT_ENTRY] != FREE:
            slot = (slot + ONE) & mask
        slots[slot, SLOT_HASH], slots[slot, SLOT_ENTRY] = hashes[entry], np.uint64(entry)


@njit(cache=True, nogil=True)
def set_bits(bits, hashes):  # type: ignore[no-untyped-def]
    """Set the filter's bit of each hash."""
    for value in hashes:
        at = value & np.uint64(bits.size * 64 - 1)
        bits[at >> WORD_BITS] |= ONE << (at & LOW_BITS)


@njit(cache=True, nogil=True)
def hash_keys(keys, starts, lengths):  # type: ignore[no-untyped-def]
    """Hash of each spelling."""
    out = np.empty(starts.size, np.uint64)
    for i in range(starts.size):
        out[i] = hash_key(keys, starts[i], starts[i] + lengths[i])
    return out
