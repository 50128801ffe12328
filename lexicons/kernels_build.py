"""The compiled helpers that build an index: splitting terms, hashing words, filling slots and filters.

Not a public interface, and not for matching.
"""

# mypy: allow-untyped-defs, no-check-untyped-defs

import numpy as np

from lexicons.compiled import compiled
from lexicons.kernels_lookup import (
    HALF,
    HASH_HIGH,
    HASH_LOW,
    LENGTH,
    LOW_HALF,
    collapse,
    edge_hash,
)
from lexicons.kernels_tokens import (
    END,
    FNV_BASIS,
    LOW_BITS,
    ONE,
    START,
    WORD_BITS,
    fnv_step,
    tokenise,
)


@compiled
def grown(array, needed):
    """The array, or a copy at least twice as long if `needed` elements do not fit."""
    if needed <= array.size:
        return array
    larger = np.empty(max(needed, 2 * array.size), array.dtype)
    larger[: array.size] = array
    return larger


@compiled
def hash_key(cps, start, end):
    """FNV-1a of cps[start:end]."""
    value = FNV_BASIS
    for i in range(start, end):
        value = fnv_step(value, np.uint64(cps[i]))
    return value


@compiled
def hash_keys(keys, starts, lengths):
    """Hash of each spelling."""
    out = np.empty(starts.size, np.uint64)
    for i in range(starts.size):
        out[i] = hash_key(keys, starts[i], starts[i] + lengths[i])
    return out


@compiled
def pair_hashes(nodes, words):
    """Hash of each pair of a node and the word after it."""
    out = np.empty(nodes.size, np.uint64)
    for i in range(nodes.size):
        out[i] = edge_hash(nodes[i], words[i])
    return out


@compiled
def set_bits(bits, hashes):
    """Set the filter's bit of each hash."""
    for value in hashes:
        at = value & np.uint64(bits.size * 64 - 1)
        bits[at >> WORD_BITS] |= ONE << (at & LOW_BITS)


@compiled
def fill_slots(hashes, fields, slots):
    """Put entries, their fields from LENGTH on, into slots by open addressing; their number is a power of two."""
    mask = np.uint64(slots.shape[0] - 1)
    for entry in range(hashes.size):
        slot = hashes[entry] & mask
        while slots[slot, LENGTH] != 0:
            slot = (slot + ONE) & mask
        slots[slot, HASH_LOW] = np.int32(hashes[entry] & LOW_HALF)
        slots[slot, HASH_HIGH] = np.int32(hashes[entry] >> HALF)
        slots[slot, LENGTH:] = fields[entry]


@compiled
def split_rows(data, offsets, index, scratch):
    """Tokens of every row, runs of letters cut to two: (words per row, letters per word, code points)."""
    n_rows = offsets.size - 1
    tokens, cps, kinds, variant = scratch.tokens, scratch.cps, scratch.kinds, scratch.variant
    hashes = scratch.hashes
    chars, pairs, words, stems = index.chars, index.pairs, index.word_filter, index.stem_filter
    per_row, lengths, letters = np.zeros(n_rows, np.int64), np.empty(16, np.int64), np.empty(16, np.int32)
    n_words, n_letters = 0, 0
    for row in range(n_rows):
        n = tokenise(
            data, offsets[row], offsets[row + 1], chars, pairs, words, stems, cps, kinds, tokens, hashes
        )
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
