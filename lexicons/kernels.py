"""The compiled inner loops of the matcher: bytes in, hits out.

Not a public interface: `lexicons.match` documents the rules and prepares the arrays. All
compiled functions share one file because the compile cache is invalidated per file.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

IntArray = npt.NDArray[np.int32]
LongArray = npt.NDArray[np.int64]
ByteArray = npt.NDArray[np.uint8]

# FNV-1a with 32 bits inside 64-bit integers: a signed 64-bit product that wraps gave wrong results in
# optimised code. Spellings are compared wherever hashes are equal, so 32 bits are enough.
FNV_BASIS = 0x811C9DC5
FNV_PRIME = 0x01000193
FNV_MASK = 0xFFFFFFFF
NOTHING = -1
# Values of folding.CharClass and folding.LetterKind, repeated because compiled code wants plain integers.
HARD, SOFT, WORD, HAN, IGNORED, APOSTROPHE, HASH = 0, 1, 2, 3, 4, 5, 6
NOT_A_LETTER, LOWER, UPPER, CASELESS = 0, 1, 2, 3
GAP_NONE, GAP_SOFT, GAP_HARD = 0, 1, 2
# Columns of Index.entries.
ENTRY_HASH, KEY_START, KEY_LENGTH, EXACT_TERM, STEM_TERM, PHRASE_WORD = 0, 1, 2, 3, 4, 5
COMBINING_TILDE = 0x303
ELONGATED = 3


class Index(NamedTuple):
    """A lexicon as flat arrays. E entries (distinct words), T terms, S and P hash slots.

    An entry is the folded spelling of a word that is an exact term, a stem, part of a phrase, or
    several of these. Arrays are taken out of this tuple once per post and not per token, because each
    access, and each call that passes the tuple, counts references.
    """

    fold: IntArray  # 65,536
    char_class: ByteArray  # 65,536
    kind: ByteArray  # 65,536
    slots: IntArray  # S, entry or -1
    entries: LongArray  # E x 6: hash, start in keys, length, exact term, stem, phrase word; -1 = none
    keys: IntArray  # code points of all spellings
    stem_lengths: ByteArray  # longest spelling + 1, 1 where a stem has that length
    edges: LongArray  # P x 2, open addressing: node << 32 | word (-1 = free), child node
    node_term: IntArray  # term or -1
    term_dims: ByteArray  # T x dimensions, 0/1
    max_gap: int  # widest gap a phrase may cross


class Scratch(NamedTuple):
    """Working memory for one post; lengths follow the longest post in bytes."""

    cps: IntArray  # folded code points of all tokens, one after the other
    kinds: ByteArray  # letter kind of each
    starts: LongArray  # per token, into cps
    ends: LongArray
    gaps: ByteArray  # per token, the gap before it
    words: IntArray  # per token, phrase word or -1
    singles: IntArray  # per token, term of the token alone or -1
    variant: IntArray  # a token with its elongations collapsed


@njit(cache=True, nogil=True, inline="always")
def decode(data, pos):  # type: ignore[no-untyped-def]
    """Return (code point, next position); the bytes are valid UTF-8."""
    first = np.int64(data[pos])
    if first < 0x80:
        return first, pos + 1
    if first < 0xE0:
        return (first & 0x1F) << 6 | np.int64(data[pos + 1] & 0x3F), pos + 2
    second = np.int64(data[pos + 1] & 0x3F)
    third = np.int64(data[pos + 2] & 0x3F)
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, pos + 3
    return (first & 0x07) << 18 | second << 12 | third << 6 | np.int64(data[pos + 3] & 0x3F), pos + 4


@njit(cache=True, nogil=True, inline="always")
def class_of(code, char_class):  # type: ignore[no-untyped-def]
    """Class of a code point; past the first plane only Han characters are told apart."""
    if code < 0x10000:
        return np.int64(char_class[code])
    if 0x20000 <= code < 0x40000:
        return HAN
    if 0xE0100 <= code < 0xE01F0:  # variation selectors
        return IGNORED
    return HARD


@njit(cache=True, nogil=True)
def camel_boundary(kinds, at, end):  # type: ignore[no-untyped-def]
    """Whether a hashtag part starts at `at`: aB, or the last capital of ABc."""
    if kinds[at] != UPPER:
        return False
    if kinds[at - 1] == LOWER:
        return True
    return kinds[at - 1] == UPPER and at + 1 < end and kinds[at + 1] == LOWER


@njit(cache=True, nogil=True)
def split_hashtag(scratch, n, end):  # type: ignore[no-untyped-def]
    """Cut the open token n into its camel-case parts, all but the last of them closed; return the last."""
    for at in range(scratch.starts[n] + 1, end):
        if camel_boundary(scratch.kinds, at, end):
            scratch.ends[n] = at
            n += 1
            scratch.starts[n] = at
            scratch.gaps[n] = GAP_NONE
    return n


@njit(cache=True, nogil=True)
def tokenise(data, pos, stop, index, scratch):  # type: ignore[no-untyped-def]
    """Write the tokens of data[pos:stop] into scratch and return how many there are."""
    # Arrays are taken out of the tuples first: each access to a tuple counts references.
    fold, char_class, kind = index.fold, index.char_class, index.kind
    cps, kinds, gaps = scratch.cps, scratch.kinds, scratch.gaps
    starts, ends = scratch.starts, scratch.ends
    n, k = 0, 0
    gap = GAP_HARD
    is_open, is_tag, after_hash, apostrophe = False, False, False, False
    while pos < stop:
        code, pos = decode(data, pos)
        cls = class_of(code, char_class)
        if cls == IGNORED:
            if code == COMBINING_TILDE and is_open and not apostrophe and cps[k - 1] == 0x6E:
                cps[k - 1] = 0xF1  # n + tilde is ñ, a letter of its own
            continue
        if cls == WORD:
            if not is_open:
                starts[n], gaps[n] = k, gap
                is_open, is_tag = True, after_hash
            elif apostrophe:
                cps[k], kinds[k] = 0x27, NOT_A_LETTER
                k += 1
            cps[k], kinds[k] = fold[code], kind[code]
            k += 1
            apostrophe, gap = False, GAP_NONE
            continue
        if cls == APOSTROPHE and is_open and not apostrophe:
            apostrophe = True
            continue
        if is_open:
            n = split_hashtag(scratch, n, k) if is_tag else n
            ends[n] = k
            n += 1
        if apostrophe and gap == GAP_NONE:
            gap = GAP_SOFT
        is_open, after_hash, apostrophe = False, cls == HASH, False
        if cls == HAN:
            starts[n], gaps[n] = k, gap
            cps[k], kinds[k] = fold[code] if code < 0x10000 else code, CASELESS
            k += 1
            ends[n] = k
            n += 1
            gap = GAP_NONE
        else:
            gap = GAP_HARD if cls == HARD or gap == GAP_HARD else GAP_SOFT
    if is_open:
        n = split_hashtag(scratch, n, k) if is_tag else n
        ends[n] = k
        n += 1
    return n


@njit(cache=True, nogil=True, inline="always")
def fnv_step(value, code):  # type: ignore[no-untyped-def]
    """One step of FNV-1a over code points; value and code are below 2^32."""
    return ((value ^ np.int64(code)) * FNV_PRIME) & FNV_MASK


@njit(cache=True, nogil=True)
def hash_key(cps, start, end):  # type: ignore[no-untyped-def]
    """FNV-1a of cps[start:end]."""
    value = np.int64(FNV_BASIS)
    for i in range(start, end):
        value = fnv_step(value, cps[i])
    return value


@njit(cache=True, nogil=True)
def same_key(cps, start, length, keys, key_start):  # type: ignore[no-untyped-def]
    """Whether cps[start:start+length] equals the spelling at key_start."""
    for i in range(length):  # noqa: SIM110 - a generator would not compile
        if cps[start + i] != keys[key_start + i]:
            return False
    return True


@njit(cache=True, nogil=True)
def find_entry(cps, start, length, value, slots, entries, keys):  # type: ignore[no-untyped-def]
    """Entry whose spelling is cps[start:start+length] (hash `value`), or -1."""
    mask = slots.size - 1
    slot = value & mask
    while slots[slot] != NOTHING:
        entry = np.int64(slots[slot])
        same_hash = entries[entry, ENTRY_HASH] == value and entries[entry, KEY_LENGTH] == length
        if same_hash and same_key(cps, start, length, keys, entries[entry, KEY_START]):
            return entry
        slot = (slot + 1) & mask
    return np.int64(NOTHING)


@njit(cache=True, nogil=True)
def look_up(cps, start, end, slots, entries, keys, stem_lengths):  # type: ignore[no-untyped-def]
    """Return (exact term, longest stem, phrase word) of cps[start:end], -1 for what it is not."""
    mask, longest = slots.size - 1, stem_lengths.size - 1
    value, stem, entry = np.int64(FNV_BASIS), np.int64(NOTHING), np.int64(NOTHING)
    for i in range(start, min(end, start + longest)):
        value = fnv_step(value, cps[i])
        length = i - start + 1
        if slots[value & mask] != NOTHING and (stem_lengths[length] or i + 1 == end):
            entry = find_entry(cps, start, length, value, slots, entries, keys)
            if entry >= 0 and entries[entry, STEM_TERM] >= 0:
                stem = entries[entry, STEM_TERM]
        else:
            entry = np.int64(NOTHING)
    if entry < 0 or end - start > longest:
        return np.int64(NOTHING), stem, np.int64(NOTHING)
    return entries[entry, EXACT_TERM], stem, entries[entry, PHRASE_WORD]


@njit(cache=True, nogil=True)
def is_elongated(cps, kinds, start, end):  # type: ignore[no-untyped-def]
    """Whether a letter is repeated three times or more in a row."""
    run = 1
    for i in range(start + 1, end):
        run = run + 1 if cps[i] == cps[i - 1] and kinds[i] != NOT_A_LETTER else 1
        if run >= ELONGATED:
            return True
    return False


@njit(cache=True, nogil=True)
def collapse(scratch, start, end, keep):  # type: ignore[no-untyped-def]
    """Write the token into `variant`, runs of three or more letters cut to `keep`; return its length."""
    k, i = 0, start
    while i < end:
        j = i + 1
        while j < end and scratch.cps[j] == scratch.cps[i]:
            j += 1
        elongated = j - i >= ELONGATED and scratch.kinds[i] != NOT_A_LETTER
        for _ in range(keep if elongated else j - i):
            scratch.variant[k] = scratch.cps[i]
            k += 1
        i = j
    return k


@njit(cache=True, nogil=True)
def look_up_elongated(scratch, start, end, index):  # type: ignore[no-untyped-def]
    """As look_up, with runs cut to two letters first and to one where that finds nothing."""
    slots, entries, keys, lengths = index.slots, index.entries, index.keys, index.stem_lengths
    cut = collapse(scratch, start, end, 2)
    exact, stem, word = look_up(scratch.variant, 0, cut, slots, entries, keys, lengths)
    cut = collapse(scratch, start, end, 1)
    exact_1, stem_1, word_1 = look_up(scratch.variant, 0, cut, slots, entries, keys, lengths)
    exact = exact if exact >= 0 else exact_1
    stem = stem if stem >= 0 else stem_1
    return exact, stem, word if word >= 0 else word_1


@njit(cache=True, nogil=True)
def resolve_tokens(scratch, n, index):  # type: ignore[no-untyped-def]
    """Fill words and singles (an exact term, else a stem) for the first n tokens."""
    slots, entries, keys, lengths = index.slots, index.entries, index.keys, index.stem_lengths
    cps, kinds, starts, ends = scratch.cps, scratch.kinds, scratch.starts, scratch.ends
    words, singles = scratch.words, scratch.singles
    for t in range(n):
        if is_elongated(cps, kinds, starts[t], ends[t]):
            exact, stem, word = look_up_elongated(scratch, starts[t], ends[t], index)
        else:
            exact, stem, word = look_up(cps, starts[t], ends[t], slots, entries, keys, lengths)
        words[t] = word
        singles[t] = exact if exact >= 0 else stem


@njit(cache=True, nogil=True)
def edge_slot(node, word, edges):  # type: ignore[no-untyped-def]
    """Slot of the edge from a trie node by a word, or the free slot where it would be."""
    mask = edges.shape[0] - 1
    key = np.int64(node) << 32 | np.int64(word)
    slot = fnv_step(fnv_step(np.int64(FNV_BASIS), node), word) & mask
    while edges[slot, 0] != key and edges[slot, 0] != NOTHING:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def longest_phrase(words, gaps, t, n, edges, node_term, max_gap):  # type: ignore[no-untyped-def]
    """(term, next token) of the longest phrase that starts at token t, or (-1, t)."""
    term, after, node = np.int64(NOTHING), t, np.int64(0)
    for i in range(t, n):
        if words[i] < 0 or (i > t and gaps[i] > max_gap):
            break
        slot = edge_slot(node, words[i], edges)
        if edges[slot, 0] == NOTHING:
            break
        node = edges[slot, 1]
        if node_term[node] >= 0:
            term, after = np.int64(node_term[node]), i + 1
    return term, after


@njit(cache=True, nogil=True)
def match_post(scratch, n, index, hits_row, found):  # type: ignore[no-untyped-def]
    """Add the hits of one tokenised post to hits_row, write its terms to found; return their number."""
    resolve_tokens(scratch, n, index)
    words, singles, gaps = scratch.words, scratch.singles, scratch.gaps
    edges, node_term, term_dims, max_gap = index.edges, index.node_term, index.term_dims, index.max_gap
    count, t = 0, 0
    while t < n:
        term, after = np.int64(singles[t]), t + 1
        if words[t] >= 0:
            phrase, end = longest_phrase(words, gaps, t, n, edges, node_term, max_gap)
            if phrase >= 0:
                term, after = phrase, end
        if term >= 0:
            for d in range(hits_row.size):
                hits_row[d] += term_dims[term, d]
            found[count] = term
            count += 1
        t = after
    return count


@njit(cache=True, nogil=True)
def new_scratch(size):  # type: ignore[no-untyped-def]
    """Scratch for posts of up to `size` bytes."""
    return Scratch(
        np.empty(size, np.int32),
        np.empty(size, np.uint8),
        np.empty(size, np.int64),
        np.empty(size, np.int64),
        np.empty(size, np.uint8),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
        np.empty(size, np.int32),
    )


@njit(cache=True, nogil=True)
def longest_post(offsets, rows):  # type: ignore[no-untyped-def]
    """Bytes of the longest of the chosen posts."""
    longest = 0
    for row in rows:
        longest = max(longest, offsets[row + 1] - offsets[row])
    return longest


@njit(cache=True, nogil=True)
def grown(array, needed):  # type: ignore[no-untyped-def]
    """The array, or a copy at least twice as long if `needed` elements do not fit."""
    if needed <= array.size:
        return array
    larger = np.empty(max(needed, 2 * array.size), array.dtype)
    larger[: array.size] = array
    return larger


@njit(cache=True, nogil=True)
def match_rows(data, offsets, rows, index, collect):  # type: ignore[no-untyped-def]
    """Match the chosen rows of an Arrow string buffer.

    Returns hits (len(rows) x dimensions), n_tokens, n_matched (len(rows)) and, where `collect`,
    the matches as two arrays: position in `rows`, term.
    """
    hits = np.zeros((rows.size, index.term_dims.shape[1]), np.int32)
    n_tokens = np.zeros(rows.size, np.int32)
    n_matched = np.zeros(rows.size, np.int32)
    size = longest_post(offsets, rows) + 1
    scratch, found = new_scratch(size), np.empty(size, np.int32)
    match_row, match_term = np.empty(16, np.int64), np.empty(16, np.int32)
    total = 0
    for i in range(rows.size):
        n = tokenise(data, offsets[rows[i]], offsets[rows[i] + 1], index, scratch)
        count = match_post(scratch, n, index, hits[i], found)
        n_tokens[i], n_matched[i] = n, count
        if collect and count:
            match_row, match_term = grown(match_row, total + count), grown(match_term, total + count)
            match_row[total : total + count] = i
            match_term[total : total + count] = found[:count]
            total += count
    return hits, n_tokens, n_matched, match_row[:total], match_term[:total]
