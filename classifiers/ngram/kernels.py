"""The compiled reader: UTF-8 bytes of one post in, the distinct rows of its features out.

Not a public interface: `classifiers.ngram.features` documents the rules. Compiled functions take plain arrays, and
many of them, because taking an array out of a tuple counts references.
"""

# mypy: allow-untyped-defs, no-check-untyped-defs

import numpy as np

from classifiers.ngram.compiled import compiled, inlined

# Values of letters.CharClass, repeated because compiled code wants plain integers.
PUNCTUATION, BLANK, WORD, HAN, EMOJI, IGNORED, APOSTROPHE = 0, 1, 2, 3, 4, 5, 6
TABLE_SIZE, CLASS_SHIFT, UPPER_SHIFT, FOLD_MASK = 0x20000, 20, 24, 0xFFFFF
NONE, IN_WORD, IN_RUN = 0, 1, 2

FNV_BASIS, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
GRAM_BASIS, PART_BASIS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
MIX, SHIFT, ONE, WORD_BITS, LOW_BITS = (
    np.uint64(0xFF51AFD7ED558CCD), np.uint64(32), np.uint64(1), np.uint64(6), np.uint64(63),
)  # fmt: skip
# Tokens that stand for what was masked or measured; far from any code point.
USER, LINK, EMAIL, PHONE, CAPITALS, ELONGATED = 0x200001, 0x200002, 0x200003, 0x200004, 0x200005, 0x200006
BOUNDARY = 0x200007
LONGEST_WORD, LONGEST_RUN, LONGEST_NAME, LONGEST_ENTITY, LONGEST_MASK = 48, 3, 50, 10, 10
MOST_GRAMS = 6


def _fnv(name):
    value = 0xCBF29CE484222325
    for byte in name:
        value = (value ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return np.uint64(value)


_MASKS = (
    (b"user", USER), (b"username", USER), (b"mention", USER), (b"link", LINK), (b"url", LINK), (b"email", EMAIL),
    (b"phone", PHONE),
)  # fmt: skip
MASK_HASHES = tuple(_fnv(name) for name, _ in _MASKS)
MASK_TOKENS = tuple(token for _, token in _MASKS)


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


@inlined
def info_of(code, chars):
    """Folded code point, class and case of any code point, as `letters.character_table` packs them."""
    if code < TABLE_SIZE:
        return np.int64(chars[code])
    if code < 0x40000:
        return np.int64(code | HAN << CLASS_SHIFT)
    kind = IGNORED if 0xE0000 <= code < 0xE01F0 else PUNCTUATION
    return np.int64(code & FOLD_MASK | kind << CLASS_SHIFT)


@inlined
def fnv_step(value, code):
    """One step of FNV-1a over code points."""
    return (value ^ np.uint64(code)) * FNV_PRIME


@inlined
def add(value, shift, seen, found, n):
    """Note the row of a feature unless the post has it already; returns how many rows it has."""
    row = (value ^ value >> SHIFT) * MIX >> shift
    word, bit = row >> WORD_BITS, row & LOW_BITS
    bits = seen[word]
    found[n] = row
    seen[word] = bits | ONE << bit
    return n + np.int64((bits >> bit & ONE) ^ ONE)


@inlined
def add_token(value, grams, tokens, most, shift, seen, found, n):
    """Note a token and the runs of up to `most` tokens that end with it; `grams` holds those before it."""
    for size in range(min(tokens + 1, most), 1, -1):
        grams[size] = fnv_step(grams[size - 1] * MIX ^ GRAM_BASIS, value)
        n = add(grams[size], shift, seen, found, n)
    grams[1] = value
    return add(value, shift, seen, found, n)


@inlined
def add_parts(word, length, shortest, longest, shift, seen, found, n):
    """Note the character runs of a word whose ends are marked; word[0] and word[length + 1] are boundaries."""
    for start in range(length + 3 - shortest):
        value = PART_BASIS
        for at in range(start, min(start + longest, length + 2)):
            value = fnv_step(value, word[at])
            if at - start + 1 >= shortest:
                n = add(value, shift, seen, found, n)
    return n


@inlined
def add_word(word, length, letters, capitals, cut, grams, tokens, spec, shift, seen, found, n):
    """Note everything about a finished word: token, character runs, whether it shouts or is drawn out."""
    value = FNV_BASIS
    for at in range(1, length + 1):
        value = fnv_step(value, word[at])
    n = add_token(value, grams, tokens, spec[0], shift, seen, found, n)
    if spec[2]:
        word[length + 1] = BOUNDARY
        n = add_parts(word, length, spec[1], spec[2], shift, seen, found, n)
    if letters >= 3 and capitals == letters:
        n = add(fnv_step(FNV_BASIS, CAPITALS), shift, seen, found, n)
    if cut:
        n = add(fnv_step(FNV_BASIS, ELONGATED), shift, seen, found, n)
    return n


@inlined
def lower_ascii(byte):
    """The byte, in lower case where it is an ASCII capital."""
    return byte | 0x20 if 0x41 <= byte <= 0x5A else byte


@compiled
def link_end(data, pos, stop):
    """Where a link that starts at pos ends, or pos: `http://`, `https://`, `www.` up to a blank or non-ASCII."""
    first, at = lower_ascii(data[pos]), pos
    if first == 0x68 and pos + 7 < stop:  # h
        for i, char in enumerate((0x68, 0x74, 0x74, 0x70)):
            if lower_ascii(data[pos + i]) != char:
                return pos
        at = pos + 5 if lower_ascii(data[pos + 4]) == 0x73 else pos + 4
        if data[at] != 0x3A or data[at + 1] != 0x2F or data[at + 2] != 0x2F:
            return pos
    elif first == 0x77 and pos + 4 < stop:  # w
        for i, char in enumerate((0x77, 0x77, 0x77, 0x2E)):
            if lower_ascii(data[pos + i]) != char:
                return pos
    else:
        return pos
    while at < stop and 0x20 < data[at] < 0x80 and data[at] not in (0x22, 0x3C, 0x3E):
        at += 1
    return at


@compiled
def name_end(data, pos, stop, chars):
    """Where the name after an @ ends: at most fifty letters, digits, Chinese characters, - or _."""
    for _ in range(LONGEST_NAME):
        if pos >= stop:
            break
        code, after = decode(data, pos)
        kind = info_of(code, chars) >> CLASS_SHIFT & 15
        if kind not in (WORD, HAN) and code not in (0x5F, 0x2D):
            break
        pos = after
    return pos


@compiled
def mask_at(data, pos, stop):
    """(token, end) of the mask `<user>`, `<link>`, `<email>` or `<phone>` that starts at pos, or (-1, pos)."""
    value, at = FNV_BASIS, pos + 1
    while at < stop and at - pos <= LONGEST_MASK and 0x61 <= lower_ascii(data[at]) <= 0x7A:
        value = fnv_step(value, lower_ascii(data[at]))
        at += 1
    if at >= stop or data[at] != 0x3E:
        return -1, pos
    for i in range(len(MASK_HASHES)):
        if value == MASK_HASHES[i]:
            return MASK_TOKENS[i], at + 1
    return -1, pos


@compiled
def entity_end(data, pos, stop):
    """Where an HTML entity that starts at pos ends, or pos."""
    at = pos + 1
    while at < stop and at - pos <= LONGEST_ENTITY:
        char = lower_ascii(data[at])
        if char == 0x3B:
            return at + 1 if at > pos + 1 else pos
        if not (0x61 <= char <= 0x7A or 0x30 <= char <= 0x39 or char == 0x23):
            return pos
        at += 1
    return pos


@inlined
def special_at(data, code, at, pos, stop, chars):
    """(token, end) of a mention, a mask or an entity whose first character, `code`, stands at `at`.

    The token is -1 where there is none, and 0 where what is skipped is a blank.
    """
    if code == 0x40:  # @
        if pos < stop and data[pos] == 0x3C:
            return 0, pos
        end = name_end(data, pos, stop, chars)
        return (USER, end) if end > pos else (-1, pos)
    if code == 0x3C:  # <
        return mask_at(data, at, stop)
    end = entity_end(data, at, stop)
    return (0, end) if end > at else (-1, pos)


@inlined
def read_post(data, pos, stop, chars, spec, shift, word, grams, seen, found):
    """Write the distinct rows of data[pos:stop] to `found`; return (how many there are, tokens)."""
    # `spec`: most tokens in a run, shortest and longest character run (0 for none).
    n, tokens, state, length, letters, capitals, run, size, cut = 0, 0, NONE, 0, 0, 0, 0, 0, False
    while pos <= stop:
        at, code, kind, info = pos, np.int64(0), BLANK, np.int64(0)
        if pos < stop:
            code, pos = decode(data, pos)
            info = info_of(code, chars)
            kind = info >> CLASS_SHIFT & 15
        else:
            pos += 1  # a blank behind the end closes what is open
        if kind == WORD:
            if state == IN_WORD:
                letter = info & FOLD_MASK
                letters += 1
                capitals += info >> UPPER_SHIFT
                if length >= 2 and word[length] == letter and word[length - 1] == letter:
                    cut = True
                elif length < LONGEST_WORD:
                    length += 1
                    word[length] = letter
                continue
        elif kind == IGNORED or (kind == APOSTROPHE and state == IN_WORD):
            continue
        if state == IN_WORD:
            n = add_word(word, length, letters, capitals, cut, grams, tokens, spec, shift, seen, found, n)
            tokens += 1
        elif state == IN_RUN:
            if code == run and kind != BLANK:
                size = min(size + 1, LONGEST_RUN)
                continue
            value = fnv_step(fnv_step(FNV_BASIS, run), size)
            n = add_token(value, grams, tokens, spec[0], shift, seen, found, n)
            tokens += 1
        state = NONE
        if kind == WORD:
            end = link_end(data, at, stop) if code in (0x68, 0x48, 0x77, 0x57) else at
            if end > at:
                n = add_token(fnv_step(FNV_BASIS, LINK), grams, tokens, spec[0], shift, seen, found, n)
                tokens, pos = tokens + 1, end
                continue
            state, length, letters, capitals, cut = IN_WORD, 1, 1, info >> UPPER_SHIFT, False
            word[1] = info & FOLD_MASK
        elif kind == HAN:
            value = fnv_step(FNV_BASIS, info & FOLD_MASK)
            n = add_token(value, grams, tokens, spec[0], shift, seen, found, n)
            tokens += 1
        elif kind != BLANK:
            if code in (0x40, 0x3C, 0x26):
                token, end = special_at(data, code, at, pos, stop, chars)
                if token >= 0:
                    pos = end
                    if token:
                        value = fnv_step(FNV_BASIS, token)
                        n = add_token(value, grams, tokens, spec[0], shift, seen, found, n)
                        tokens += 1
                    continue
            state, run, size = IN_RUN, code, 1
    return n, tokens


@inlined
def forget(seen, found, n):
    """Clear the marks of one post."""
    for i in range(n):
        seen[np.uint64(found[i]) >> WORD_BITS] = np.uint64(0)


@compiled
def list_features(data, offsets, first, last, chars, spec, bits, word, seen, found, starts, out):
    """Rows of the posts first..last below one another in `out`; `starts` gets where each post's begin.

    Returns (rows written, tokens per post). `out` must hold what `room_for` says.
    """
    shift = np.uint64(64 - bits)
    grams = np.zeros(MOST_GRAMS, np.uint64)
    tokens = np.zeros(last - first, np.int32)
    total = 0
    for i in range(first, last):
        n, tokens[i - first] = read_post(
            data, offsets[i], offsets[i + 1], chars, spec, shift, word, grams, seen, found
        )
        forget(seen, found, n)
        out[total : total + n] = found[:n]
        total += n
        starts[i - first + 1] = total
    return total, tokens


@compiled
def score_posts(
    data, offsets, first, last, chars, spec, bits, table, word, seen, found, sums, scores, tokens
):
    """Sums of table rows over the distinct features of each post, divided by the root of their number.

    `table` Int8 (2 ** bits, columns); `scores` Float32 (posts, columns) and `tokens` Int32 (posts,) are filled at
    first..last; a post without features gets NaN.
    """
    shift = np.uint64(64 - bits)
    grams = np.zeros(MOST_GRAMS, np.uint64)
    columns = table.shape[1]
    for i in range(first, last):
        n, tokens[i] = read_post(
            data, offsets[i], offsets[i + 1], chars, spec, shift, word, grams, seen, found
        )
        for k in range(columns):
            sums[k] = 0
        for j in range(n):
            row = np.int64(found[j])
            for k in range(columns):
                sums[k] += np.int32(table[row, k])
        forget(seen, found, n)
        scale = np.float32(1.0 / np.sqrt(n)) if n else np.float32(np.nan)
        for k in range(columns):
            scores[i, k] = np.float32(sums[k]) * scale
