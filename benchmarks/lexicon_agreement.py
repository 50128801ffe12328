"""The compiled matcher against the tests' slow reference: on fuzzed posts, and on real ones where you have some.

Every difference would be a defect; the first one is printed with the seed that makes it. No text is printed.
Run: python benchmarks/lexicon_agreement.py [--fuzzed N] [--texts FILE COLUMN ...]
"""

import argparse
import random
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import polars as pl

sys.path.append(str(Path(__file__).parents[1] / "tests" / "lexicons"))

from reference import Reference

from flows.files import read_table
from lexicons.catalogue import read_catalogue
from lexicons.load import Lexicon, load_scorer
from lexicons.match import Matcher

SCORERS = ("lexicon", "symptoms", "vad")
REAL = "affect"  # the lexicon that real posts are compared with
BATCH = 20_000
LONGEST = 14
WILD = [chr(code) for code in (*range(32, 127), *range(0xA0, 0x250), *range(0x300, 0x330))]
WILD += list("\u200b\u200d\ufe0f\u4e00孤独🙂🔥❤🏽𠮷\U000e0101\u0600\u0930\u093fᄀ가ＡＯ’ﬁ")
SIGNS = [" ", " ", " ", ".", ",", "!", "#", "-", "_", "'", "\n", ":)", ":'(", "<3", ">:(", ":D", ""]


def main() -> None:
    """Compare and say how many posts agreed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fuzzed", type=int, default=1_000_000)
    parser.add_argument(
        "--texts", nargs=3, action="append", default=[], metavar=("FILE", "COLUMN", "LANGUAGE")
    )
    given = parser.parse_args()
    lexicons = [lexicon for name in SCORERS for lexicon in load_scorer(name, catalogue=read_catalogue())[1]]
    share = given.fuzzed // len(lexicons) + 1
    for lexicon in lexicons:
        compared = sum(_compare(lexicon, batch) for batch in _batches(_fuzzed(lexicon, share)))
        print(f"{lexicon.name}: {compared:,} fuzzed posts agree", flush=True)
        for file, column, language in given.texts:
            if lexicon.name == f"{REAL}-{language}":
                texts = read_table(Path(file))[column].cast(pl.String).drop_nulls()
                compared = sum(_compare(lexicon, batch) for batch in _batches(iter(texts)))
                print(f"{lexicon.name}: {compared:,} posts of {Path(file).name} agree", flush=True)


def _batches(texts: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(texts, BATCH)):
        yield batch


def _fuzzed(lexicon: Lexicon, n: int) -> Iterator[str]:
    """Terms and cues of the lexicon, letters of many scripts and signs, at random, stretched and capitalised."""
    rng = random.Random(lexicon.name)
    words = [term.removesuffix("*") for term in lexicon.terms["term"].unique(maintain_order=True)]
    words += lexicon.cues.terms["cue"].to_list() if lexicon.cues is not None else []
    for _ in range(n):
        yield "".join(_piece(rng, words) + rng.choice(SIGNS) for _ in range(rng.randrange(1, LONGEST)))


def _piece(rng: random.Random, words: list[str]) -> str:
    if rng.random() < 0.2:
        return "".join(rng.choices(WILD, k=rng.randrange(1, 5)))
    word = rng.choice(words)
    kind = rng.randrange(8)
    if kind == 0:
        return word.title().replace(" ", "")
    if kind == 1 and word:
        at = rng.randrange(len(word))
        return word[:at] + word[at] * rng.randrange(2, 6) + word[at + 1 :]
    return word.upper() if kind == 2 else word


def _compare(lexicon: Lexicon, texts: list[str]) -> int:
    matcher, slow = _pair(lexicon)
    found = matcher.match(pl.Series(texts, dtype=pl.String), collect=True)
    got: list[list[tuple[str, float]]] = [[] for _ in texts]
    for row, term, factor in zip(found.rows, found.terms, found.factors, strict=True):
        got[row].append((matcher.terms[term], float(factor)))
    for place, text in enumerate(texts):
        n_tokens, expected = slow.match(text)
        if (int(found.n_tokens[place]), got[place]) != (n_tokens, expected):
            sys.exit(
                f"{lexicon.name}: post {place} of a batch differs: {len(got[place])} against {len(expected)}"
            )
    return len(texts)


_PAIRS: dict[str, tuple[Matcher, Reference]] = {}


def _pair(lexicon: Lexicon) -> tuple[Matcher, Reference]:
    if lexicon.name not in _PAIRS:
        cues = {} if lexicon.cues is None else {c: (r, f) for c, r, f in lexicon.cues.terms.iter_rows()}
        terms = lexicon.terms["term"].unique(maintain_order=True).to_list()
        reach = 3 if lexicon.cues is None else lexicon.cues.reach
        slow = Reference(
            terms, cues, substring=lexicon.language == "zh", accents=lexicon.accents, reach=reach
        )
        _PAIRS[lexicon.name] = Matcher(lexicon), slow
    return _PAIRS[lexicon.name]


if __name__ == "__main__":
    main()
