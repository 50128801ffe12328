"""The compiled look-up of tokens in a lexicon: which are terms, beginnings, cues or words of phrases.

Not a public interface, and not for what a match means: `lexicons.kernels` walks through the post.
"""

# mypy: allow-untyped-defs, no-check-untyped-defs

import numpy as np

from lexicons.compiled import compiled, inlined
from lexicons.kernels_tokens import (
    ELONGATED,
    END,
    FIRST_NODE,
    FNV_BASIS,
    GAP,
    KIND_SHIFT,
    LOOK,
    MAYBE_STEM,
    MAYBE_WORD,
    NOT_A_LETTER,
    NOTHING,
    ONE,
    SINGLE,
    SINGLE_CUE,
    SLOW,
    START,
    STEM_LENGTH,
    STEM_VALUE,
    VALUE,
    WORD_ID,
    fnv_step,
    has_bit,
)

# Columns of Index.slots: the halves of a word's hash, its letters (0 = free), and what it stands for, -1 for what it
# does not: exact term, stem, cue, word of phrases, node of the trie after it. A row is half a cache line.
HASH_LOW, HASH_HIGH, LENGTH, EXACT_TERM, STEM_TERM, CUE, PHRASE_WORD, ROOT_CHILD = 0, 1, 2, 3, 4, 5, 6, 7
N_FIELDS = 8
HALF, LOW_HALF = np.uint64(32), np.uint64(0xFFFFFFFF)


@inlined
def edge_hash(node, word):
    """Hash of the edge from a trie node by a word."""
    return fnv_step(fnv_step(FNV_BASIS, np.uint64(node)), np.uint64(word))


@inlined
def find_entry(length, value, slots):
    """Slot of a word by its length and hash, or -1."""
    mask = np.uint64(slots.shape[0] - 1)
    low, high = np.int32(value & LOW_HALF), np.int32(value >> HALF)
    slot = value & mask
    while slots[slot, LENGTH] != 0:
        if slots[slot, HASH_LOW] == low and slots[slot, HASH_HIGH] == high and slots[slot, LENGTH] == length:
            return np.int64(slot)
        slot = (slot + ONE) & mask
    return np.int64(NOTHING)


@compiled
def look_up(cps, start, end, stem_filter, slots, stem_lengths):
    """Return (entry of cps[start:end], term of its longest stem), -1 for what there is not."""
    longest = stem_lengths.size - 1
    value, stem, entry = FNV_BASIS, np.int64(NOTHING), np.int64(NOTHING)
    for i in range(start, end):
        length = i - start + 1
        if length > longest:
            return np.int64(NOTHING), stem
        value = fnv_step(value, np.uint64(cps[i]))
        if stem_lengths[length] and has_bit(stem_filter, value & np.uint64(stem_filter.size * 64 - 1)):
            entry = find_entry(length, value, slots)
            if entry >= 0 and slots[entry, STEM_TERM] >= 0:
                stem = np.int64(slots[entry, STEM_TERM])
    return find_entry(end - start, value, slots), stem


@inlined
def is_letter(code, chars):
    """Whether a folded code point is a letter."""
    return code < 0x10000 and chars[code] >> KIND_SHIFT != NOT_A_LETTER


@compiled
def is_elongated(cps, chars, start, end):
    """Whether a letter is repeated three times or more in a row."""
    run = 1
    for i in range(start + 1, end):
        run = run + 1 if cps[i] == cps[i - 1] and is_letter(cps[i], chars) else 1
        if run >= ELONGATED:
            return True
    return False


@compiled
def collapse(cps, chars, start, end, keep, variant):
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


@inlined
def take(tokens, t, entry, slots):
    """Note what an entry says of token t; plain copies, because these tests would be hard to predict."""
    tokens[t, SINGLE], tokens[t, SINGLE_CUE] = slots[entry, EXACT_TERM], slots[entry, CUE]
    tokens[t, WORD_ID], tokens[t, FIRST_NODE] = slots[entry, PHRASE_WORD], slots[entry, ROOT_CHILD]


@compiled
def resolve_slowly(t, tokens, cps, chars, variant, stem_filter, slots, stem_lengths):
    """Fill what was found for a token whose hash is not that of its spelling: runs of letters are cut to two
    first, and to one for what that did not find."""
    start, end = tokens[t, START], tokens[t, END]
    second = np.int64(NOTHING)
    if is_elongated(cps, chars, start, end):
        cut = collapse(cps, chars, start, end, 2, variant)
        entry, stem = look_up(variant, 0, cut, stem_filter, slots, stem_lengths)
        cut = collapse(cps, chars, start, end, 1, variant)
        second, stem_1 = look_up(variant, 0, cut, stem_filter, slots, stem_lengths)
        stem = stem if stem >= 0 else stem_1
    else:
        entry, stem = look_up(cps, start, end, stem_filter, slots, stem_lengths)
    for found in (second, entry):
        if found >= 0:
            for column, source in ((SINGLE, EXACT_TERM), (SINGLE_CUE, CUE)):
                if slots[found, source] >= 0:
                    tokens[t, column] = slots[found, source]
            if slots[found, PHRASE_WORD] >= 0:
                tokens[t, WORD_ID] = slots[found, PHRASE_WORD]
                tokens[t, FIRST_NODE] = slots[found, ROOT_CHILD]
    if tokens[t, SINGLE] < 0:
        tokens[t, SINGLE] = stem


@compiled
def longest_stem(t, tokens, hashes, cps, stem_filter, slots, stem_lengths):
    """Term of the longest stem of a token, or -1: the longest likely beginning first, else all of them."""
    start, length = tokens[t, START], tokens[t, STEM_LENGTH]
    entry = find_entry(length, hashes[t, STEM_VALUE], slots)
    if entry >= 0 and slots[entry, STEM_TERM] >= 0:
        return np.int64(slots[entry, STEM_TERM])
    _, stem = look_up(cps, start, start + length, stem_filter, slots, stem_lengths)
    return stem


@inlined
def resolve_tokens(
    n,
    tokens,
    hashes,
    active,
    cps,
    chars,
    variant,
    stem_filter,
    pair_filter,
    slots,
    stem_lengths,
    dim_start,
    max_gap,
):
    """Look up the tokens that may be an entry; list those that can start a match or are a cue at the end of
    `active` and return from where to where. Backwards, because a phrase needs a word of phrases to follow."""
    n_maybe = 0
    for t in range(n):
        active[n_maybe] = t
        n_maybe += tokens[t, LOOK] != 0
    touched, mask, pair_mask = (
        np.int32(0),
        np.uint64(slots.shape[0] - 1),
        np.uint64(pair_filter.size * 64 - 1),
    )
    for a in range(n_maybe):  # so that the memory is on its way, for all of them at once, when it is needed
        touched |= slots[hashes[active[a], VALUE] & mask, LENGTH]
    first = n_maybe
    for a in range(n_maybe - 1, -1, -1):
        t = np.int64(active[a])
        look = tokens[t, LOOK]
        tokens[t, SINGLE] = tokens[t, SINGLE_CUE] = tokens[t, FIRST_NODE] = NOTHING
        if look & SLOW:
            resolve_slowly(t, tokens, cps, chars, variant, stem_filter, slots, stem_lengths)
        else:
            if look & MAYBE_WORD:
                entry = find_entry(tokens[t, END] - tokens[t, START], hashes[t, VALUE], slots)
                if entry >= 0:
                    take(tokens, t, entry, slots)
            if look & MAYBE_STEM and tokens[t, SINGLE] < 0:
                tokens[t, SINGLE] = longest_stem(t, tokens, hashes, cps, stem_filter, slots, stem_lengths)
        if tokens[t, FIRST_NODE] >= 0 and not (
            t + 1 < n
            and tokens[t + 1, WORD_ID] >= 0
            and tokens[t + 1, GAP] <= max_gap
            and has_bit(pair_filter, edge_hash(tokens[t, FIRST_NODE], tokens[t + 1, WORD_ID]) & pair_mask)
        ):
            tokens[t, FIRST_NODE] = NOTHING
        touched |= dim_start[max(tokens[t, SINGLE], 0)]
        active[first - 1] = t
        # All three are -1 exactly where all their bits are set.
        first -= tokens[t, SINGLE] & tokens[t, SINGLE_CUE] & tokens[t, FIRST_NODE] != NOTHING
    variant[0] = touched  # anything that uses it
    return first, n_maybe
