"""Turn a lexicon's terms and cues into the flat arrays the compiled matcher reads.

Not for matching, and not for reading files: it sees terms only after `lexicons.load`.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa

from lexicons.folding import CharClass, FoldTables, classify, fold_tables
from lexicons.kernels import (
    BitArray,
    ByteArray,
    FloatArray,
    Index,
    IntArray,
    LongArray,
    edge_slot,
    new_scratch,
)
from lexicons.kernels_build import (
    fill_slots,
    hash_keys,
    pair_hashes,
    set_bits,
    split_rows,
)
from lexicons.kernels_lookup import (
    CUE,
    EXACT_TERM,
    LENGTH,
    N_FIELDS,
    PHRASE_WORD,
    ROOT_CHILD,
    STEM_TERM,
)
from lexicons.kernels_tokens import CLASS_SHIFT, GAP_NONE, GAP_SOFT, KIND_SHIFT, NOTHING
from lexicons.load import Cues, Lexicon
from warehouse.errors import InputError

# Writing systems without spaces between words: a term matches as a substring.
SUBSTRING_LANGUAGES = frozenset({"zh"})
STEM_MARK = "*"
# One slot in two is taken at most; the filters keep most misses away from the slots.
SLOTS_PER_KEY = 2
CACHE_LINE = 64
# One bit in 64 is set at most; small enough for the processor's cache where there are many terms.
BITS_PER_KEY = 64
# What a negator makes of a graded weight: `not terrible` is milder than `great`.
NEGATED = -0.5
ROLES = ("negator", "degree", "break", "plain")
Word = tuple[int, ...]
Key = TypeVar("Key")


@dataclass(frozen=True)
class Parsed:
    """One term after folding: its words, and whether the only word is a stem."""

    words: tuple[Word, ...]
    is_stem: bool


class TextBuffers(NamedTuple):
    """A string column as Arrow stores it: UTF-8 bytes, and n + 1 offsets into them."""

    data: ByteArray
    offsets: LongArray


def text_buffers(texts: pl.Series) -> TextBuffers:
    """Expose the bytes of a String column; a null is an empty text."""
    filled = texts.fill_null("") if texts.null_count() else texts
    arrow = filled.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_utf8())
    _, offsets, data = arrow.buffers()
    if len(arrow) == 0 or offsets is None:
        return TextBuffers(np.frombuffer(b"", dtype=np.uint8), np.frombuffer(bytes(8), dtype=np.int64))
    # Arrow leaves the bytes out where all texts are empty.
    raw = np.frombuffer(b"" if data is None else data, dtype=np.uint8)
    starts = np.frombuffer(offsets, dtype=np.int64)
    return TextBuffers(raw, starts[arrow.offset : arrow.offset + len(arrow) + 1])


def longest_text(offsets: LongArray) -> int:
    """Bytes of the longest text."""
    return int(np.diff(offsets).max(initial=0))


@dataclass
class Vocabulary:
    """Distinct spellings and what each of them stands for; values are positions of terms or cues."""

    entries: dict[Word, int] = field(default_factory=dict)
    exact: dict[Word, int] = field(default_factory=dict)
    stems: dict[Word, int] = field(default_factory=dict)
    cues: dict[Word, int] = field(default_factory=dict)
    phrases: dict[tuple[Word, ...], int] = field(default_factory=dict)
    cue_phrases: dict[tuple[Word, ...], int] = field(default_factory=dict)
    phrase_words: dict[Word, int] = field(default_factory=dict)


def build_index(lexicon: Lexicon) -> tuple[Index, list[str]]:
    """Return the index and the list of terms its term positions refer to.

    Raises:
        InputError: a term has no word, a stem that is not one word, or two terms fold to the same.
    """
    terms = lexicon.terms["term"].unique(maintain_order=True).to_list()
    tables = fold_tables(accents=lexicon.accents)
    vocabulary = Vocabulary()
    for position, parsed in enumerate(_parse_all(terms, owner=lexicon.name, accents=lexicon.accents)):
        _add_term(vocabulary, parsed, position, terms)
    if lexicon.cues is not None:
        _add_cues(vocabulary, lexicon.cues, accents=lexicon.accents)
    gap = GAP_NONE if lexicon.language in SUBSTRING_LANGUAGES else GAP_SOFT
    index = _assemble(vocabulary, tables, max_gap=gap, n_dims=len(lexicon.dimensions))
    index = _with_weights(index, lexicon, terms)._replace(graded=lexicon.graded)
    return (index if lexicon.cues is None else _with_cues(index, lexicon.cues)), terms


@lru_cache(maxsize=2)
def empty_index(*, accents: bool = False) -> Index:
    """Return an index that matches nothing: it only counts tokens."""
    return _assemble(Vocabulary(), fold_tables(accents=accents), max_gap=GAP_NONE, n_dims=0)


def parse_term(term: str, *, lexicon_name: str = "lexicon", accents: bool = False) -> Parsed:
    """Split a term as the matcher splits a post, so that a term always finds itself.

    Raises:
        InputError: no word in it, or `*` anywhere but at the end of a single word.
    """
    return _parse_all([term], owner=lexicon_name, accents=accents)[0]


def _parse_all(terms: Sequence[str], *, owner: str, accents: bool) -> list[Parsed]:
    plain = pl.Series([term.removesuffix(STEM_MARK) for term in terms], dtype=pl.String)
    parsed = [
        Parsed(words, term.endswith(STEM_MARK))
        for term, words in zip(terms, _fold_words(plain, accents=accents), strict=True)
    ]
    for term, found in zip(terms, parsed, strict=True):
        if (
            not found.words
            or STEM_MARK in term[:-1]
            or (found.is_stem and not _can_begin_a_word(found.words))
        ):
            raise InputError(
                f"{owner}: the term {term!r} cannot be matched. Expected a word, a phrase, an emoji, or one "
                f"word that ends in {STEM_MARK}. Correct or remove the row."
            )
    return parsed


def _can_begin_a_word(words: tuple[Word, ...]) -> bool:
    """Whether a stem can be the beginning of something: emoji and Chinese characters are tokens on their own."""
    return len(words) == 1 and classify(chr(words[0][0])) == CharClass.WORD


def _fold_words(texts: pl.Series, *, accents: bool) -> list[tuple[Word, ...]]:
    """The words of each text as the matcher sees them."""
    data, offsets = text_buffers(texts)
    scratch = new_scratch(longest_text(offsets) + 1)
    per_text, lengths, letters = split_rows(data, offsets, empty_index(accents=accents), scratch)
    flat, ends = letters.tolist(), np.cumsum(lengths).tolist()
    words = [tuple(flat[a:b]) for a, b in itertools.pairwise([0, *ends])]
    rows = np.cumsum(per_text).tolist()
    return [tuple(words[a:b]) for a, b in itertools.pairwise([0, *rows])]


def _add_term(vocabulary: Vocabulary, parsed: Parsed, position: int, terms: Sequence[str]) -> None:
    if parsed.is_stem:
        _claim(vocabulary.stems, parsed.words[0], position, terms)
    elif len(parsed.words) == 1:
        _claim(vocabulary.exact, parsed.words[0], position, terms)
    else:
        _claim(vocabulary.phrases, parsed.words, position, terms)
    _add_words(vocabulary, parsed)


def _add_cues(vocabulary: Vocabulary, cues: Cues, *, accents: bool) -> None:
    names = cues.terms["cue"].to_list()
    for position, parsed in enumerate(_parse_all(names, owner=cues.name, accents=accents)):
        if len(parsed.words) == 1:
            _claim(vocabulary.cues, parsed.words[0], position, names)
        else:
            _claim(vocabulary.cue_phrases, parsed.words, position, names)
        _add_words(vocabulary, parsed)


def _add_words(vocabulary: Vocabulary, parsed: Parsed) -> None:
    for word in parsed.words:
        vocabulary.entries.setdefault(word, len(vocabulary.entries))
        if len(parsed.words) > 1:
            vocabulary.phrase_words.setdefault(word, len(vocabulary.phrase_words))


def _claim(owners: dict[Key, int], key: Key, position: int, terms: Sequence[str]) -> None:
    owner = owners.setdefault(key, position)
    if owner != position:
        raise InputError(
            f"The terms {terms[owner]!r} and {terms[position]!r} are the same once case and accents are "
            "folded, so only one could ever match. Keep one of them."
        )


def _assemble(vocabulary: Vocabulary, tables: FoldTables, *, max_gap: int, n_dims: int) -> Index:
    edges, nodes = _trie(vocabulary)
    first_nodes = _first_nodes(vocabulary, edges)
    fields, hashes = _fields(vocabulary, first_nodes)
    stems = np.array([vocabulary.entries[word] for word in vocabulary.stems], dtype=np.int64)
    slots = _aligned(_power_of_two(SLOTS_PER_KEY * len(fields)))
    fill_slots(hashes, fields, slots)
    return Index(
        chars=_chars(tables),
        pairs=tables.pairs,
        word_filter=_filter(hashes, 16),
        stem_filter=_filter(hashes[stems], BITS_PER_KEY),
        pair_filter=_filter(_pairs(vocabulary, first_nodes), BITS_PER_KEY),
        slots=slots,
        stem_lengths=_stem_lengths(vocabulary),
        edges=edges,
        nodes=nodes,
        dim_start=np.zeros(1, dtype=np.int32),
        dims=np.zeros(0, dtype=np.int32),
        weights=np.zeros(0, dtype=np.float64),
        cue_role=np.zeros(0, dtype=np.int32),
        cue_factor=np.zeros(0, dtype=np.float64),
        n_dims=n_dims,
        max_gap=max_gap,
        reach=0,
        negated=NEGATED,
        graded=True,
    )


def _chars(tables: FoldTables) -> IntArray:
    classes, kinds = tables.char_class.astype(np.int32), tables.kind.astype(np.int32)
    return np.asarray(tables.fold | classes << CLASS_SHIFT | kinds << KIND_SHIFT, dtype=np.int32)


def _with_weights(index: Index, lexicon: Lexicon, terms: Sequence[str]) -> Index:
    """Add each term's dimensions and weights, one term's rows after the other's.

    A dimension the lexicon file has and this lexicon leaves out has no row: its terms hide other terms, as
    they would, and count for nothing.
    """
    positions = pl.DataFrame(
        {"term": terms, "at": range(len(terms))}, schema={"term": pl.String, "at": pl.Int64}
    )
    numbers = pl.DataFrame(
        {"dimension": lexicon.dimensions, "d": range(len(lexicon.dimensions))},
        schema={"dimension": pl.String, "d": pl.Int32},
    )
    rows = lexicon.terms.join(numbers, on="dimension").join(positions, on="term").sort("at", "d")
    per_term = np.bincount(rows["at"].to_numpy(), minlength=len(terms))
    return index._replace(
        dim_start=np.concatenate([[0], np.cumsum(per_term)]).astype(np.int32),
        dims=_writable(rows["d"].to_numpy(), np.int32),
        weights=_writable(rows["weight"].to_numpy(), np.float64),
    )


def _with_cues(index: Index, cues: Cues) -> Index:
    roles = [ROLES.index(role) for role in cues.terms["role"]]
    return index._replace(
        cue_role=np.array(roles, dtype=np.int32),
        cue_factor=_writable(cues.terms["factor"].to_numpy(), np.float64),
        reach=cues.reach,
    )


def _writable(values: np.ndarray, kind: type) -> np.ndarray:
    """A copy: compiled code is compiled anew for read-only arrays."""
    return np.array(values, dtype=kind)


def _aligned(n_slots: int) -> IntArray:
    """Free slots that begin at a cache line, so that none lies across two."""
    spare = CACHE_LINE // 4
    room = np.zeros(n_slots * N_FIELDS + spare, dtype=np.int32)
    skip = -(room.ctypes.data // 4) % spare
    return room[skip : skip + n_slots * N_FIELDS].reshape(n_slots, N_FIELDS)


def _first_nodes(vocabulary: Vocabulary, edges: LongArray) -> dict[Word, int]:
    """The node that each first word of a phrase leads to, which saves a look in the edges."""
    starts = {words[0] for words in (*vocabulary.phrases, *vocabulary.cue_phrases)}
    return {
        word: int(edges[edge_slot(0, vocabulary.phrase_words[word], edges), 1]) for word in sorted(starts)
    }


def _pairs(vocabulary: Vocabulary, first_nodes: dict[Word, int]) -> BitArray:
    """Hash of every first node and second word of a phrase."""
    phrases = [*vocabulary.phrases, *vocabulary.cue_phrases]
    nodes = np.array([first_nodes[words[0]] for words in phrases], dtype=np.int64)
    return pair_hashes(
        nodes, np.array([vocabulary.phrase_words[words[1]] for words in phrases], dtype=np.int64)
    )


def _fields(vocabulary: Vocabulary, first_nodes: dict[Word, int]) -> tuple[IntArray, BitArray]:
    """What a slot says of each entry, from LENGTH on, and the entries' hashes."""
    words = list(vocabulary.entries)
    letters = np.array([code for word in words for code in word], dtype=np.int32)
    lengths = np.array([len(word) for word in words], dtype=np.int64)
    fields = np.full((len(words), N_FIELDS), NOTHING, dtype=np.int32)
    fields[:, LENGTH] = lengths
    owners = {
        EXACT_TERM: vocabulary.exact,
        STEM_TERM: vocabulary.stems,
        CUE: vocabulary.cues,
        PHRASE_WORD: vocabulary.phrase_words,
        ROOT_CHILD: first_nodes,
    }
    for column, owner in owners.items():
        fields[[vocabulary.entries[word] for word in owner], column] = list(owner.values())
    hashes = hash_keys(letters, np.cumsum(lengths) - lengths, lengths)
    if len(np.unique(hashes)) < len(hashes):
        raise InputError("Two words of the lexicon have the same hash. Remove one of the terms added last.")
    return np.ascontiguousarray(fields[:, LENGTH:]), hashes


def _trie(vocabulary: Vocabulary) -> tuple[LongArray, IntArray]:
    """The rows of `Index.edges`, and the term and cue that end at each node; node 0 is the root."""
    n_edges = sum(map(len, vocabulary.phrases)) + sum(map(len, vocabulary.cue_phrases))
    edges = np.full((_power_of_two(SLOTS_PER_KEY * n_edges), 2), NOTHING, dtype=np.int64)
    nodes = [[NOTHING, NOTHING]]
    for column, phrases in enumerate((vocabulary.phrases, vocabulary.cue_phrases)):
        for words, position in phrases.items():
            node = 0
            for word in words:
                node = _child(edges, node, vocabulary.phrase_words[word], nodes)
            nodes[node][column] = position
    return edges, np.array(nodes, dtype=np.int32)


def _child(edges: LongArray, node: int, word: int, nodes: list[list[int]]) -> int:
    """Node reached by a word, made where there is none yet."""
    slot = edge_slot(node, word, edges)
    if edges[slot, 0] == NOTHING:
        edges[slot] = (node << 32 | word, len(nodes))
        nodes.append([NOTHING, NOTHING])
    return int(edges[slot, 1])


def _stem_lengths(vocabulary: Vocabulary) -> ByteArray:
    lengths = np.zeros(max(map(len, vocabulary.entries), default=0) + 1, dtype=np.uint8)
    lengths[[len(word) for word in vocabulary.stems]] = 1
    return lengths


def _filter(hashes: BitArray, per_key: int) -> BitArray:
    bits = np.zeros(_power_of_two(per_key * len(hashes)) // 64, dtype=np.uint64)
    set_bits(bits, hashes)
    return bits


def _power_of_two(at_least: int) -> int:
    return 1 << max(6, (at_least - 1).bit_length())


__all__ = ["FloatArray", "build_index", "empty_index", "parse_term", "text_buffers"]
