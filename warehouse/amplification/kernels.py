"""Compiled: bytes of normalised texts to MinHash signatures, and the true likeness of pairs of texts.

A text is UTF-8 of words with single spaces between them. Not for normalising or storing anything.
"""

# mypy: allow-untyped-defs, no-check-untyped-defs

from __future__ import annotations

from pathlib import Path

import numpy as np

from warehouse.compiled import compilers

compiled, inlined = compilers(Path(__file__).parent)

SHINGLE_WORDS = 3
BANDS, ROWS = 8, 4
HASHES = BANDS * ROWS
_SPACE = 0x20


@inlined
def mixed(value):
    """A 64-bit value with every bit depending on all of its bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@compiled
def word_hashes(data, start, end, out):
    """Hashes (FNV-1a) of the words of one text into `out`; returns how many words there are."""
    n, value, inside = 0, np.uint64(0xCBF29CE484222325), False
    for i in range(start, end):
        if data[i] == _SPACE:
            if inside:
                out[n] = value
                n += 1
            value, inside = np.uint64(0xCBF29CE484222325), False
        else:
            value = (value ^ np.uint64(data[i])) * np.uint64(0x100000001B3)
            inside = True
    if inside:
        out[n] = value
        n += 1
    return n


@compiled
def shingles(words, n):
    """Turn the first n word hashes, in place, into hashes of three words in a row; returns how many."""
    for i in range(n - SHINGLE_WORDS + 1):
        words[i] = mixed(mixed(mixed(words[i]) + words[i + 1]) + words[i + 2])
    return max(n - SHINGLE_WORDS + 1, 0)


@compiled
def signatures(data, offsets, seeds, least_words, bands):
    """Fill `bands` (texts x BANDS, uint64) and return which texts have at least `least_words` words.

    Each band combines ROWS minima of seeded hashes over the text's shingles (Broder 1997): two texts whose sets of
    shingles are alike to the degree s share a given band with probability s ** ROWS.
    """
    n_texts = offsets.size - 1
    long_enough = np.zeros(n_texts, dtype=np.bool_)
    longest = 1
    for t in range(n_texts):
        longest = max(longest, offsets[t + 1] - offsets[t])
    words = np.empty(longest // 2 + 2, dtype=np.uint64)
    least = np.empty(HASHES, dtype=np.uint64)
    for t in range(n_texts):
        n = word_hashes(data, offsets[t], offsets[t + 1], words)
        if n < least_words:
            continue
        long_enough[t] = True
        least[:] = np.uint64(0xFFFFFFFFFFFFFFFF)
        for i in range(shingles(words, n)):
            for h in range(HASHES):
                least[h] = min(least[h], mixed(words[i] ^ seeds[h]))
        for band in range(BANDS):
            value = np.uint64(band)
            for row in range(ROWS):
                value = mixed(value + least[band * ROWS + row])
            bands[t, band] = value
    return long_enough


@compiled
def likeness(data, offsets, left, right, out):
    """Jaccard index of the sets of shingles of texts left[p] and right[p], into out[p]."""
    longest = 1
    for t in range(offsets.size - 1):
        longest = max(longest, offsets[t + 1] - offsets[t])
    first = np.empty(longest // 2 + 2, dtype=np.uint64)
    second = np.empty(longest // 2 + 2, dtype=np.uint64)
    for p in range(left.size):
        n = shingles(first, word_hashes(data, offsets[left[p]], offsets[left[p] + 1], first))
        m = shingles(second, word_hashes(data, offsets[right[p]], offsets[right[p] + 1], second))
        one, two = np.unique(first[:n]), np.unique(second[:m])
        i = j = common = 0
        while i < one.size and j < two.size:
            if one[i] == two[j]:
                common += 1
                i += 1
                j += 1
            elif one[i] < two[j]:
                i += 1
            else:
                j += 1
        union = one.size + two.size - common
        out[p] = common / union if union else 0.0
