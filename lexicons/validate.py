"""Look for what is wrong with a lexicon before it is used: repeats, contradictions, terms that never match.

Not for repairing: it reports, and a person decides. Not for measuring accuracy against labelled posts.
"""

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from lexicons.folding import CharClass, classify
from lexicons.index import SUBSTRING_LANGUAGES, Parsed, Word, parse_term
from warehouse.errors import InputError

KINDS = (
    "duplicate",
    "same_after_folding",
    "contradictory_weights",
    "unreachable_phrase",
    "unmatchable",
    "stem_swallows",
    "encoding",
    "empty_dimension",
    "short_stem",
)
PROBLEM_SCHEMA = {"kind": pl.String(), "term": pl.String(), "dimension": pl.String(), "detail": pl.String()}
OPPOSITES = (("positive", "negative"), ("posemo", "negemo"), ("emo_pos", "emo_neg"))
MAX_WORDS = 12
SHORTEST_STEM = 3
N_COMMON = 5000
SHOWN = 12
COMMON_WORDS = Path(__file__).parent / "data"

# UTF-8 that was read as a Western encoding: a lead byte as a letter, then a continuation byte as a sign.
_MOJIBAKE = "[ÃãÂâÅåÐðÑñ][\u0080-\u00bf€‚ƒ„†‡ˆ‰‹Œ‘’“”•–—˜™›œžŸŽ]"
_DAMAGED = rf"{_MOJIBAKE}|ï¿½|\u{{FFFD}}|[\u{{0}}-\u{{8}}\u{{80}}-\u{{9F}}]"
# Endings that make a word of the same family. After a stem of two or three letters only the first row counts:
# there, an ending of the second row is more often the rest of another word.
_ENDINGS = {
    "en": (
        "s es ed er ers est ing ly ness",
        "e d y ies ied ier iest ily iness ings ingly edly ful fully fulness less lessness ment ments ion ions "
        "able ably ity ive ively al ous ously ousness ic ical ically ish ishly ant ance ent ence ism ist ists",
    ),
    "es": (
        "a o as os",
        "s e es n an en ar er ir arme arse erse irse ado ada ados adas ido ida idos idas ando iendo amos emos imos "
        "aba abas aban ia ias ian aste iste aron ieron io are ara aras aran ere era eran ire ira mente ito ita "
        "r rse da das do dos ba ban mos ndo ron isa isas eir eido "
        "itos itas isimo isima cion ciones dor dora dores eza ez able ables oso osa osos osas al ales ico ica "
        "icos icas imiento imientos miento ante antes ivo iva ivos ivas",
    ),
}
Problem = tuple[str, str | None, str | None, str]


@dataclass(frozen=True)
class _Checked:
    """The rows of a lexicon and what the matcher makes of each distinct term."""

    terms: pl.DataFrame
    language: str

    @cached_property
    def parsed(self) -> dict[str, Parsed]:
        """Terms the matcher accepts."""
        found = {term: _parse(term) for term in self.distinct}
        return {term: parsed for term, parsed in found.items() if parsed is not None}

    @cached_property
    def distinct(self) -> list[str]:
        """Distinct terms in order of the alphabet; a missing one is an empty one."""
        return sorted(self.terms["term"].fill_null("").unique())

    @cached_property
    def dimensions_of(self) -> dict[Parsed, set[str]]:
        """Dimensions by folded term."""
        found: dict[Parsed, set[str]] = {}
        for term, dimension in self.terms.select("term", "dimension").iter_rows():
            if term in self.parsed and dimension:
                found.setdefault(self.parsed[term], set()).add(dimension)
        return found


def validate(terms: pl.DataFrame, *, language: str, words: pl.DataFrame | None = None) -> pl.DataFrame:
    """List the problems of a lexicon, one row each, sorted by kind, term and dimension.

    Args:
        terms: term String, dimension String, weight number.
        language: code such as `en`; where terms are substrings (`zh`) longer words are looked for instead
            of words that share a beginning.
        words: word String, n integer: words of real posts with their counts. The 5,000 most frequent join
            our own list of everyday words (English, Spanish, Chinese; other languages have none).

    Returns:
        kind (one of `KINDS`), term (null for a dimension), dimension (null where all are meant), detail.

    Raises:
        InputError: a column is missing.
    """
    _require(terms, ("term", "dimension", "weight"), "terms")
    checked = _Checked(terms, language)
    common = _common_words(language, words)
    problems = [
        *_duplicates(checked),
        *_same_after_folding(checked),
        *_contradictions(checked),
        *_opposites(checked),
        *_unreachable(checked),
        *_unmatchable(checked),
        *_swallowed(checked, common),
        *_encoding(checked),
        *_empty_dimensions(checked),
        *_short_stems(checked),
    ]
    frame = pl.DataFrame(problems, schema=PROBLEM_SCHEMA, orient="row")
    return frame.sort("kind", "term", "dimension", "detail", nulls_last=True)


def _require(frame: pl.DataFrame, columns: Sequence[str], name: str) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise InputError(
            f"The table {name} has no column {', '.join(missing)}. Expected {', '.join(columns)}. Add it."
        )


def _parse(term: str) -> Parsed | None:
    try:
        return parse_term(term)
    except InputError:
        return None


def _duplicates(checked: _Checked) -> Iterator[Problem]:
    repeated = checked.terms.group_by("term", "dimension").len().filter(pl.col("len") > 1)
    for term, dimension, n in repeated.iter_rows():
        yield "duplicate", term, dimension, f"listed {n} times"


def _same_after_folding(checked: _Checked) -> Iterator[Problem]:
    spellings: dict[Parsed, list[str]] = {}
    for term, parsed in checked.parsed.items():
        spellings.setdefault(parsed, []).append(term)
    for first, *others in spellings.values():
        if others:
            yield "same_after_folding", first, None, f"the matcher cannot tell it from {_listed(others)}"


def _contradictions(checked: _Checked) -> Iterator[Problem]:
    weights: dict[tuple[Parsed, str], dict[float, str]] = {}
    for term, dimension, weight in checked.terms.select("term", "dimension", "weight").iter_rows():
        if term in checked.parsed and dimension and weight is not None:
            weights.setdefault((checked.parsed[term], dimension), {}).setdefault(weight, term)
    for (_, dimension), found in weights.items():
        if len(found) > 1:
            shown = ", ".join(f"{weight:g}" for weight in sorted(found))
            yield "contradictory_weights", min(found.values()), dimension, f"the weights {shown}"


def _opposites(checked: _Checked) -> Iterator[Problem]:
    for term, parsed in checked.parsed.items():
        dimensions = checked.dimensions_of.get(parsed, set())
        for pair in OPPOSITES:
            if dimensions.issuperset(pair):
                yield "contradictory_weights", term, None, f"both in {pair[0]} and in {pair[1]}"


def _unreachable(checked: _Checked) -> Iterator[Problem]:
    for term, parsed in checked.parsed.items():
        sign = _dividing_sign(term, substring=checked.language in SUBSTRING_LANGUAGES)
        if len(parsed.words) > 1 and sign is not None:
            name = unicodedata.name(sign, repr(sign)).lower()
            yield "unreachable_phrase", term, None, f"{name} inside: a text with it never matches"
        if len(parsed.words) > MAX_WORDS and checked.language not in SUBSTRING_LANGUAGES:
            yield "unreachable_phrase", term, None, f"{len(parsed.words)} words, more than {MAX_WORDS}"


def _dividing_sign(term: str, *, substring: bool) -> str | None:
    """The first sign between words that ends a phrase; in substring languages, any separator does."""
    at = [position for position, letter in enumerate(term) if letter.isalnum()]
    for sign in term[at[0] : at[-1]] if at else "":
        found = classify(sign)
        is_symbol = unicodedata.category(sign) in ("So", "Sk")
        if (found == CharClass.HARD and not is_symbol) or (substring and found == CharClass.SOFT):
            return sign
    return None


def _unmatchable(checked: _Checked) -> Iterator[Problem]:
    for term in checked.distinct:
        if term not in checked.parsed:
            detail = "a * that is not at the end of a single word" if "*" in term else "no word in it"
            yield "unmatchable", term, None, detail


def _encoding(checked: _Checked) -> Iterator[Problem]:
    terms = pl.DataFrame({"term": checked.distinct}, schema={"term": pl.String})
    for term in terms.filter(pl.col("term").str.contains(_DAMAGED))["term"]:
        yield "encoding", term, None, "letters damaged by a wrong encoding"


def _empty_dimensions(checked: _Checked) -> Iterator[Problem]:
    usable = {dimension for dimensions in checked.dimensions_of.values() for dimension in dimensions}
    for dimension in checked.terms["dimension"].unique(maintain_order=True):
        if not dimension:
            n = checked.terms["dimension"].fill_null("").eq("").sum()
            yield "empty_dimension", None, dimension, f"{n} rows have no dimension"
        elif dimension not in usable:
            yield "empty_dimension", None, dimension, "none of its terms can match"


def _short_stems(checked: _Checked) -> Iterator[Problem]:
    for term, parsed in checked.parsed.items():
        if parsed.is_stem and len(parsed.words[0]) < SHORTEST_STEM:
            yield "short_stem", term, None, f"fewer than {SHORTEST_STEM} letters: it catches unrelated words"


def _common_words(language: str, words: pl.DataFrame | None) -> list[str]:
    """Everyday words, then those of the posts by falling count; each once."""
    path = COMMON_WORDS / f"common_{language}.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    found = [line for line in lines if line and not line.startswith("#")]
    if words is not None:
        _require(words, ("word", "n"), "words")
        ranked = words.drop_nulls("word").sort("n", "word", descending=[True, False], nulls_last=True)
        found = [*ranked["word"].head(N_COMMON), *found]
    return list(dict.fromkeys(found))


def _swallowed(checked: _Checked, common: Sequence[str]) -> Iterator[Problem]:
    if checked.language in SUBSTRING_LANGUAGES:
        caught: Iterable[tuple[str, list[str]]] = _longer_words(checked, common)
    else:
        caught = _caught_words(checked, common)
    for term, words in caught:
        if words:
            yield "stem_swallows", term, None, f"also catches {_listed(words)}"


def _caught_words(checked: _Checked, common: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Per stem, the common words that begin with it and are neither of its family nor terms themselves."""
    exact = {parsed.words for parsed in checked.parsed.values() if not parsed.is_stem}
    folded = {parsed.words[0]: word for word, parsed in _single_words(common) if parsed.words not in exact}
    order, rank = sorted(folded), {word: at for at, word in enumerate(common)}
    for term, parsed in checked.parsed.items():
        if parsed.is_stem:
            stem = parsed.words[0]
            family = _endings(stem, checked.language)
            start = bisect_left(order, stem)
            stop = bisect_left(order, (*stem, 0x110000))
            words = [folded[word] for word in order[start:stop] if word[len(stem) :] not in family]
            yield term, sorted(words, key=rank.__getitem__)


def _single_words(words: Sequence[str]) -> Iterator[tuple[str, Parsed]]:
    for word in words:
        parsed = _parse(word)
        if parsed is not None and len(parsed.words) == 1 and not parsed.is_stem:
            yield word, parsed


def _endings(stem: Word, language: str) -> set[Word]:
    """Endings after which a word is still of the stem's family; a final consonant may be doubled."""
    short, long = _ENDINGS.get(language, ("", ""))
    chosen = short.split() if len(stem) <= SHORTEST_STEM else [*short.split(), *long.split()]
    codes = {tuple(map(ord, ending)) for ending in ["", *chosen]}
    return codes | {(stem[-1], *ending) for ending in codes if ending}


def _longer_words(checked: _Checked, common: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Per term, the common words that contain it; a longer term of the lexicon would win over it."""
    listed = {_joined(parsed) for parsed in checked.parsed.values()}
    holders: dict[str, list[str]] = {}
    for word in common:
        for part in _proper_parts(word):
            if part in listed and word not in listed:
                holders.setdefault(part, []).append(word)
    for term, parsed in checked.parsed.items():
        yield term, holders.get(_joined(parsed), [])


def _joined(parsed: Parsed) -> str:
    return "".join(chr(code) for word in parsed.words for code in word)


def _proper_parts(word: str) -> set[str]:
    n = len(word)
    return {word[i:j] for i in range(n) for j in range(i + 1, n + 1) if j - i < n}


def _listed(words: Sequence[str]) -> str:
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return ", ".join(repr(word) for word in words[:SHOWN]) + more


def problem_counts(problems: pl.DataFrame) -> Mapping[str, int]:
    """Number of problems by kind, every kind named, in the order of `KINDS`."""
    found = dict(problems.group_by("kind").len().iter_rows())
    return {kind: int(found.get(kind, 0)) for kind in KINDS}
