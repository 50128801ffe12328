"""Turn a lexicon's terms into the flat arrays the compiled matcher reads.

Not for matching, and not for reading files: it sees terms only after `lexicons.load`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import polars as pl

from lexicons.folding import fold_tables
from lexicons.kernels import (
    ENTRY_HASH,
    EXACT_TERM,
    GAP_NONE,
    GAP_SOFT,
    KEY_LENGTH,
    KEY_START,
    NOTHING,
    PHRASE_WORD,
    STEM_TERM,
    ByteArray,
    Index,
    IntArray,
    LongArray,
    Scratch,
    collapse,
    edge_slot,
    hash_key,
    new_scratch,
    tokenise,
)
from lexicons.load import Lexicon
from warehouse.errors import InputError

# Writing systems without spaces between words: a term matches as a substring.
SUBSTRING_LANGUAGES = frozenset({"zh"})
STEM_MARK = "*"
# One slot in eight is taken at most, so that a miss usually costs a single look.
SLOTS_PER_KEY = 8
Word = tuple[int, ...]
Key = TypeVar("Key")


@dataclass(frozen=True)
class Parsed:
    """One term after folding: its words, and whether the only word is a stem."""

    words: tuple[Word, ...]
    is_stem: bool


@dataclass
class Vocabulary:
    """Distinct spellings and what each of them stands for; values are positions of terms."""

    entries: dict[Word, int] = field(default_factory=dict)
    exact: dict[Word, int] = field(default_factory=dict)
    stems: dict[Word, int] = field(default_factory=dict)
    phrases: dict[tuple[Word, ...], int] = field(default_factory=dict)
    phrase_words: dict[Word, int] = field(default_factory=dict)


def build_index(lexicon: Lexicon) -> tuple[Index, list[str]]:
    """Return the index and the list of terms its term positions refer to.

    Raises:
        InputError: a term has no word, a stem that is not one word, or two terms fold to the same.
    """
    terms, term_dims = _dimension_matrix(lexicon)
    vocabulary = _vocabulary(terms, lexicon)
    max_gap = GAP_NONE if lexicon.language in SUBSTRING_LANGUAGES else GAP_SOFT
    return _assemble(vocabulary, term_dims, max_gap), terms


def empty_index(n_dims: int = 0) -> Index:
    """Return an index that matches nothing: it only counts tokens."""
    return _assemble(Vocabulary(), np.zeros((0, n_dims), dtype=np.uint8), GAP_NONE)


def _dimension_matrix(lexicon: Lexicon) -> tuple[list[str], ByteArray]:
    """Terms in order of first appearance, and a terms x dimensions matrix of 0 and 1."""
    terms = lexicon.terms["term"].unique(maintain_order=True).to_list()
    positions = pl.DataFrame(
        {"term": terms, "at": range(len(terms))}, schema={"term": pl.String, "at": pl.Int64}
    )
    rows = lexicon.terms.join(positions, on="term", how="left", maintain_order="left")["at"].to_numpy()
    columns = [lexicon.dimensions.index(d) for d in lexicon.terms["dimension"]]
    matrix = np.zeros((len(terms), len(lexicon.dimensions)), dtype=np.uint8)
    matrix[rows, columns] = 1
    return terms, matrix


def _vocabulary(terms: Sequence[str], lexicon: Lexicon) -> Vocabulary:
    vocabulary = Vocabulary()
    for position, term in enumerate(terms):
        _add_term(vocabulary, parse_term(term, lexicon_name=lexicon.name), position, terms)
    return vocabulary


def parse_term(term: str, *, lexicon_name: str = "lexicon") -> Parsed:
    """Split a term as the matcher splits a post, so that a term always finds itself.

    Raises:
        InputError: no word in it, or `*` anywhere but at the end of a single word.
    """
    is_stem = term.endswith(STEM_MARK)
    words = _fold_words(term.removesuffix(STEM_MARK))
    if not words or STEM_MARK in term[:-1] or (is_stem and len(words) != 1):
        raise InputError(
            f"{lexicon_name}: the term {term!r} cannot be matched. Expected a word, a phrase, or one word "
            f"that ends in {STEM_MARK}. Correct or remove the row."
        )
    return Parsed(words, is_stem)


def _fold_words(text: str) -> tuple[Word, ...]:
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    scratch = new_scratch(data.size + 1)
    n = tokenise(data, 0, data.size, _EMPTY, scratch)
    return tuple(_collapsed_word(scratch, t) for t in range(n))


def _collapsed_word(scratch: Scratch, token: int) -> Word:
    length = collapse(scratch, scratch.starts[token], scratch.ends[token], 2)
    return tuple(scratch.variant[:length].tolist())


def _add_term(vocabulary: Vocabulary, parsed: Parsed, position: int, terms: Sequence[str]) -> None:
    if parsed.is_stem:
        _claim(vocabulary.stems, parsed.words[0], position, terms)
    elif len(parsed.words) == 1:
        _claim(vocabulary.exact, parsed.words[0], position, terms)
    else:
        _claim(vocabulary.phrases, parsed.words, position, terms)
        for word in parsed.words:
            vocabulary.phrase_words.setdefault(word, len(vocabulary.phrase_words))
    for word in parsed.words:
        vocabulary.entries.setdefault(word, len(vocabulary.entries))


def _claim(owners: dict[Key, int], key: Key, position: int, terms: Sequence[str]) -> None:
    owner = owners.setdefault(key, position)
    if owner != position:
        raise InputError(
            f"The terms {terms[owner]!r} and {terms[position]!r} are the same once case and accents are "
            "folded, so only one could ever match. Keep one of them."
        )


def _assemble(vocabulary: Vocabulary, term_dims: ByteArray, max_gap: int) -> Index:
    tables = fold_tables()
    entries, keys = _entries(vocabulary)
    edges, node_term = _trie(vocabulary)
    return Index(
        fold=tables.fold,
        char_class=tables.char_class,
        kind=tables.kind,
        slots=_open_slots(entries[:, ENTRY_HASH]),
        entries=entries,
        keys=keys,
        stem_lengths=_stem_lengths(vocabulary),
        edges=edges,
        node_term=node_term,
        term_dims=term_dims,
        max_gap=max_gap,
    )


def _entries(vocabulary: Vocabulary) -> tuple[LongArray, IntArray]:
    """The rows of `Index.entries`, and the spellings one after the other."""
    words = list(vocabulary.entries)
    keys = np.array([code for word in words for code in word], dtype=np.int32)
    entries = np.full((len(words), 6), NOTHING, dtype=np.int64)
    entries[:, KEY_LENGTH] = [len(word) for word in words]
    entries[:, KEY_START] = np.cumsum(entries[:, KEY_LENGTH]) - entries[:, KEY_LENGTH]
    for row, word in zip(entries, words, strict=True):
        row[ENTRY_HASH] = hash_key(keys, row[KEY_START], row[KEY_START] + row[KEY_LENGTH])
        row[EXACT_TERM] = vocabulary.exact.get(word, NOTHING)
        row[STEM_TERM] = vocabulary.stems.get(word, NOTHING)
        row[PHRASE_WORD] = vocabulary.phrase_words.get(word, NOTHING)
    return entries, keys


def _trie(vocabulary: Vocabulary) -> tuple[LongArray, IntArray]:
    """The rows of `Index.edges`, and the term that ends at each node; node 0 is the root."""
    n_edges = sum(map(len, vocabulary.phrases))
    edges = np.full((_n_slots(n_edges), 2), NOTHING, dtype=np.int64)
    node_term = [NOTHING]
    for words, position in vocabulary.phrases.items():
        node = 0
        for word in words:
            node = _child(edges, node, vocabulary.phrase_words[word], node_term)
        node_term[node] = position
    return edges, np.array(node_term, dtype=np.int32)


def _child(edges: LongArray, node: int, word: int, node_term: list[int]) -> int:
    """Node reached by a word, made where there is none yet."""
    slot = edge_slot(node, word, edges)
    if edges[slot, 0] == NOTHING:
        edges[slot] = (node << 32 | word, len(node_term))
        node_term.append(NOTHING)
    return int(edges[slot, 1])


def _stem_lengths(vocabulary: Vocabulary) -> ByteArray:
    lengths = np.zeros(max(map(len, vocabulary.entries), default=0) + 1, dtype=np.uint8)
    lengths[[len(word) for word in vocabulary.stems]] = 1
    return lengths


def _n_slots(n_keys: int) -> int:
    return 1 << max(4, (SLOTS_PER_KEY * n_keys - 1).bit_length())


def _open_slots(hashes: LongArray) -> IntArray:
    """Open addressing with linear probing; the number of slots is a power of two."""
    slots = np.full(_n_slots(len(hashes)), NOTHING, dtype=np.int32)
    mask = slots.size - 1
    for position, value in enumerate(hashes.tolist()):
        slot = value & mask
        while slots[slot] != NOTHING:
            slot = (slot + 1) & mask
        slots[slot] = position
    return slots


# Terms are split with the tables alone, before there is any entry to look up.
_EMPTY = empty_index()
