"""The compiled tokeniser: UTF-8 bytes to folded words, hashtag parts, Chinese characters and emoji.

Not a public interface: `lexicons.match` documents the rules. Compiled functions take plain arrays, and many of
them, because taking an array out of a tuple counts references.
"""

# mypy: allow-untyped-defs, no-check-untyped-defs

from typing import Any

import numpy as np
from numba.core import cgutils
from numba.extending import intrinsic

from lexicons.compiled import compiled, inlined

# FNV-1a over code points, in unsigned integers, whose products wrap as they should; signed ones went wrong in
# optimised code. A word is known by these 64 bits and its length: two words that share them are not to be expected
# (one chance in 20 million for a million different words against a million terms), and comparing the spellings as
# well took a quarter of the time.
FNV_BASIS = np.uint64(0xCBF29CE484222325)
FNV_PRIME = np.uint64(0x100000001B3)
ONE, WORD_BITS, LOW_BITS = np.uint64(1), np.uint64(6), np.uint64(63)
NOTHING = -1
# Values of folding.CharClass and folding.LetterKind, repeated because compiled code wants plain integers.
HARD, SOFT, WORD, HAN, IGNORED, APOSTROPHE, HASH, EMOJI = 0, 1, 2, 3, 4, 5, 6, 7
NOT_A_LETTER, LOWER, UPPER, CASELESS = 0, 1, 2, 3
GAP_NONE, GAP_SOFT, GAP_HARD = 0, 1, 2
# A character's row in Index.chars: folded code point, class, kind of letter.
CLASS_SHIFT, KIND_SHIFT, FOLD_MASK = 16, 20, 0xFFFF
# Columns of Scratch.tokens: place in cps, gap before, clause, how to look it up (flags), length of the longest
# beginning that may be a stem; and what was found: term, cue, phrase word, first node.
START, END, GAP, CLAUSE, LOOK, STEM_LENGTH, SINGLE, SINGLE_CUE, WORD_ID, FIRST_NODE = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
)
N_COLUMNS = 10
# Columns of Scratch.hashes: of the word, and of that beginning.
VALUE, STEM_VALUE = 0, 1
MAYBE_WORD, MAYBE_STEM, SLOW = 1, 2, 4
ELONGATED = 3
SPACE = 0x20


@intrinsic
def borrowed(typing_context: Any, array: Any) -> Any:
    """The same array without its reference count: counting in the loops took a third of the time.

    Only for arrays that the Python caller holds until compiled code has returned.
    """
    del typing_context

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=args[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        view.parent = cgutils.get_null_value(view.parent.type)
        return view._getvalue()

    return array(array), generate


@inlined
def decode(data, pos):
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


@compiled
def far_class(code):
    """Class of a code point beyond the first plane, as folding.classify gives it."""
    if 0x20000 <= code < 0x40000:
        return HAN
    if 0x1F3FB <= code < 0x1F400 or 0xE0000 <= code < 0xE01F0:
        return IGNORED
    return EMOJI if 0x1F000 <= code < 0x1FB00 else HARD


@inlined
def class_of(code, chars):
    """Class of any code point."""
    return np.int64(chars[code]) >> CLASS_SHIFT & 15 if code < 0x10000 else far_class(code)


@inlined
def fnv_step(value, code):
    """One step of FNV-1a over code points."""
    return (value ^ np.uint64(code)) * FNV_PRIME


@inlined
def has_bit(bits, at):
    """Bit `at` of a filter."""
    return bits[at >> WORD_BITS] >> (at & LOW_BITS) & ONE


@compiled
def mouth(char):
    """The emoji for what follows the eyes of an emoticon, or -1."""
    if char in (0x29, 0x5D):  # ) ]
        return 0x1F642
    if char in (0x28, 0x5B):  # ( [
        return 0x1F641
    if char == 0x44:  # D
        return 0x1F603
    if char in (0x50, 0x70):  # P p
        return 0x1F61B
    if char in (0x4F, 0x6F):  # O o
        return 0x1F62E
    if char in (0x2F, 0x5C):  # / \
        return 0x1F615
    if char == 0x2A:  # *
        return 0x1F618
    return 0x1F610 if char == 0x7C else NOTHING  # |


@compiled
def face(data, pos, stop):
    """Return (emoji, next position) of eyes at pos and what follows them, or (-1, pos)."""
    eyes, at = data[pos], pos + 1
    tear = at < stop and data[at] == 0x27
    if at < stop and data[at] in (0x27, 0x2D):  # ' -
        at += 1
    code = mouth(data[at]) if at < stop else NOTHING
    if code == NOTHING:
        return NOTHING, pos
    if tear:
        code = 0x1F602 if code == 0x1F642 else 0x1F622 if code == 0x1F641 else NOTHING
    elif eyes == 0x3B:  # ;
        code = 0x1F609 if code in (0x1F642, 0x1F603, 0x1F61B) else 0x1F622 if code == 0x1F641 else NOTHING
    return code, at + 1


@compiled
def emoticon(data, pos, stop, chars):
    """Return (emoji, next position) of the emoticon that starts at pos, or (-1, pos).

    It must not run into a word: `:Day` and `<30` are none.
    """
    first, code, end = data[pos], NOTHING, pos
    if first == 0x3C:  # <
        heart = pos + 1 < stop and data[pos + 1] == 0x33
        broken = pos + 2 < stop and data[pos + 1] == 0x2F and data[pos + 2] == 0x33
        code, end = (0x2764, pos + 2) if heart else (0x1F494, pos + 3) if broken else (NOTHING, pos)
    elif first == 0x3E and pos + 1 < stop and data[pos + 1] == 0x3A:  # >:
        code, end = face(data, pos + 1, stop)
        code = 0x1F620 if code == 0x1F641 else NOTHING
    elif first in (0x3A, 0x3B, 0x3D):  # : ; =
        code, end = face(data, pos, stop)
    if code != NOTHING and end < stop and data[end - 1] not in (0x28, 0x29, 0x5B, 0x5D):
        after, _ = decode(data, end)
        if class_of(after, chars) == WORD:
            code = NOTHING
    return (code, end) if code != NOTHING else (NOTHING, pos)


@compiled
def camel_boundary(kinds, at, end):
    """Whether a hashtag part starts at `at`: aB, or the last capital of ABc."""
    if kinds[at] != UPPER:
        return False
    if kinds[at - 1] == LOWER:
        return True
    return kinds[at - 1] == UPPER and at + 1 < end and kinds[at + 1] == LOWER


@compiled
def split_hashtag(kinds, tokens, n, end):
    """Cut the open token n into its camel-case parts, all but the last of them closed; return the last."""
    tokens[n, LOOK] = SLOW
    for at in range(tokens[n, START] + 1, end):
        if camel_boundary(kinds, at, end):
            tokens[n, END] = at
            n += 1
            tokens[n, START], tokens[n, GAP], tokens[n, LOOK] = at, GAP_NONE, SLOW
            tokens[n, WORD_ID] = NOTHING
            tokens[n, CLAUSE] = tokens[n - 1, CLAUSE]
    return n


@compiled
def composed(letter, mark, pairs):
    """The letter that a folded letter and a combining mark make, or the letter itself."""
    low, high = 0, pairs.shape[0]
    while low < high:
        middle = (low + high) // 2
        if pairs[middle, 0] < letter or (pairs[middle, 0] == letter and pairs[middle, 1] < mark):
            low = middle + 1
        else:
            high = middle
    if low < pairs.shape[0] and pairs[low, 0] == letter and pairs[low, 1] == mark:
        return pairs[low, 2]
    return letter


@inlined
def close_word(n, k, value, look, stem_end, stem_value, is_tag, word_filter, kinds, tokens, hashes):
    """End the open token n at k, cut it if it is a hashtag; return the number of tokens."""
    tokens[n, STEM_LENGTH], hashes[n, STEM_VALUE] = stem_end - tokens[n, START], stem_value
    hashes[n, VALUE], tokens[n, WORD_ID] = value, NOTHING
    tokens[n, LOOK] = look | np.int64(has_bit(word_filter, value & np.uint64(word_filter.size * 64 - 1)))
    if is_tag:
        n = split_hashtag(kinds, tokens, n, k)
    tokens[n, END] = k
    return n + 1


@inlined
def read_run(
    data, pos, stop, info, k, start, value, last, look, stem_end, stem_value, chars, cps, stem_filter
):
    """Add a run of letters and digits, the first of them given by `info`, to the open token; most of the time is
    spent here, and unsigned indices spare it a test each. Returns what has changed."""
    stem_mask = np.uint64(stem_filter.size * 64 - 1)
    at, to, end = np.uint64(pos), np.uint64(k), np.uint64(stop)
    elongated = np.uint64(start + ELONGATED)
    while True:
        folded = info & FOLD_MASK
        cps[to] = folded
        to += ONE
        value = fnv_step(value, np.uint64(folded))
        if has_bit(stem_filter, value & stem_mask):
            look |= MAYBE_STEM
            stem_end, stem_value = np.int64(to), value
        if folded == last and to >= elongated and cps[to - np.uint64(ELONGATED)] == folded:
            look |= SLOW
        last = folded
        if at >= end or data[at] >= 0x80:
            break
        info = np.int64(chars[data[at]])
        if info >> CLASS_SHIFT & 15 != WORD:
            break
        at += ONE
    return np.int64(at), np.int64(to), value, last, look, stem_end, stem_value


@inlined
def add_single(n, k, code, gap, clause, cls, chars, word_filter, cps, kinds, tokens, hashes):
    """Write a Chinese character or an emoji as a token; return code points, tokens and clause so far."""
    clause += gap == GAP_HARD or cls == EMOJI
    cps[k] = np.int64(chars[code]) & FOLD_MASK if code < 0x10000 else code
    value = fnv_step(FNV_BASIS, np.uint64(cps[k]))
    tokens[n, START], tokens[n, GAP], tokens[n, CLAUSE] = k, gap, clause
    n = close_word(n, k + 1, value, 0, 0, value, False, word_filter, kinds, tokens, hashes)
    return k + 1, n, clause + (cls == EMOJI)


@inlined
def tokenise(data, pos, stop, chars, pairs, words, stems, cps, kinds, tokens, hashes):
    """Write the tokens of data[pos:stop] and how each must be looked up; return how many there are."""
    n, k, clause, gap, look, start, stem_end = 0, 0, 0, GAP_HARD, 0, 0, 0
    last, value, stem_value = np.int64(NOTHING), FNV_BASIS, FNV_BASIS
    is_open, is_tag, after_hash, apostrophe = False, False, False, False
    while pos < stop:
        at = pos
        code, pos = decode(data, pos)
        cls = class_of(code, chars)
        if cls == WORD:
            if not is_open:
                clause += gap == GAP_HARD
                look, value, last, start = 0, FNV_BASIS, np.int64(NOTHING), k
                tokens[n, START], tokens[n, GAP], tokens[n, CLAUSE] = k, gap, clause
                is_open, is_tag = True, after_hash
            elif apostrophe:
                cps[k], kinds[k], last = 0x27, NOT_A_LETTER, 0x27
                value = fnv_step(value, np.uint64(0x27))
                k += 1
            apostrophe, gap = False, GAP_NONE
            info = np.int64(chars[code])
            run_stop = stop
            if is_tag:  # one letter at a time, for its case
                kinds[k], run_stop = info >> KIND_SHIFT, pos
            pos, k, value, last, look, stem_end, stem_value = read_run(
                data, pos, run_stop, info, k, start, value, last, look, stem_end, stem_value, chars, cps, stems
            )  # fmt: skip
            if pos < stop and data[pos] == SPACE:  # what mostly follows a word, without the tests below
                n = close_word(n, k, value, look, stem_end, stem_value, is_tag, words, kinds, tokens, hashes)
                is_open, after_hash, gap = False, False, GAP_SOFT
                pos += 1
            continue
        if cls == IGNORED:
            if is_open and not apostrophe and composed(last, code, pairs) != last:
                cps[k - 1] = last = composed(last, code, pairs)
                look |= SLOW
            continue
        if cls == APOSTROPHE and is_open and not apostrophe:
            apostrophe = True
            continue
        after_word = is_open and not apostrophe
        if is_open:
            n = close_word(n, k, value, look, stem_end, stem_value, is_tag, words, kinds, tokens, hashes)
        if apostrophe and gap == GAP_NONE:
            gap = GAP_SOFT
        is_open, after_hash, apostrophe = False, cls == HASH, False
        if cls == HARD and not after_word and 0x3A <= code < 0x40:
            emoji, end = emoticon(data, at, stop, chars)
            code, pos, cls = (emoji, end, EMOJI) if emoji != NOTHING else (code, pos, cls)
        if cls in (HAN, EMOJI):
            k, n, clause = add_single(n, k, code, gap, clause, cls, chars, words, cps, kinds, tokens, hashes)
            gap = GAP_NONE
        else:
            gap = GAP_HARD if cls == HARD or gap == GAP_HARD else GAP_SOFT
    if is_open:
        n = close_word(n, k, value, look, stem_end, stem_value, is_tag, words, kinds, tokens, hashes)
    return n
