"""Posts per second on one core: our matcher beside others, interleaved, on invented posts and terms.

Not a quality benchmark; but what others count differently from us is measured, and we are checked against the
slow reference of the tests first. Writes `benchmarks/results/lexicon_speed.md`.
Run: python benchmarks/lexicon_speed.py [--posts N] [--rounds R]
"""

import os

os.environ["POLARS_MAX_THREADS"] = "1"

import argparse
import gc
import importlib.metadata
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import polars as pl
import psutil

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parents[1] / "tests" / "lexicons"))

from lexicon_contestants import CONTESTANTS, WORD, Contestant, Count, Counts, Posts, affectcast
from lexicon_texts import CUES, DIMENSIONS, make_world
from reference import Reference

from lexicons.load import Lexicon
from lexicons.match import Matcher

RESULT = Path(__file__).parent / "results" / "lexicon_speed.md"
N_TERMS = 6_000
N_REFERENCE = 500
LEAST_POSTS = 200
SCALES = (1_000, 10_000, 100_000)
HEADLINE = ("vader", "liwc", "polars", "polars_exact", "nrclex", "empath")
CHUNK = 20_000
PACKAGES = ("numba", "numpy", "polars")
MB = 1e6


@dataclass(frozen=True, kw_only=True)
class Result:
    """One contestant: posts per second (median), how many times faster we are (each round), and the share of its
    posts on which it counts what we count, given the same terms (None: it does not count)."""

    contestant: Contestant
    rate: float
    ratios: list[float]
    equal: float | None


def main() -> None:
    """Check, race, scale; print everything and write it down."""
    given = _arguments()
    if given.memory:
        print(_memory_of(Path(given.memory)))
        return
    world = make_world(n_posts=given.posts, n_terms=N_TERMS)
    posts = Posts(world.texts, world.texts.to_list())
    check_against_reference(world.terms, posts)
    ours, results = race(world.terms, posts, rounds=given.rounds)
    lines = [
        *_heading(posts),
        *_race_table(ours, results),
        *_scale_table(n_posts=given.posts, rounds=given.rounds),
        *_thread_table(world.terms, posts, rounds=given.rounds),
        *_memory_table(world.terms, world.texts),
    ]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines), end="\n\n")
    medians = {result.contestant.name: median(result.ratios) for result in results}
    print(", ".join(f"{name} {medians[name]:.1f}" for name in HEADLINE))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Lexicon matching: ourselves beside others, on one core.")
    parser.add_argument("--posts", type=_at_least_one, default=50_000, help="invented posts")
    parser.add_argument("--rounds", type=_at_least_one, default=5, help="rounds, of which the median counts")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    return parser.parse_args()


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


# ---------------------------------------------------------------------------------------------- equality


def check_against_reference(terms: pl.DataFrame, posts: Posts) -> None:
    """Stop unless our counts are those of the slow reference on the first posts."""
    ours = affectcast(terms)(Posts(posts.series[:N_REFERENCE], posts.strings[:N_REFERENCE]))
    dimensions = dict(terms.group_by("term", maintain_order=True).agg("dimension").iter_rows())
    reference = Reference(list(dimensions), {word: (role, factor) for word, role, factor in CUES})
    for row, text in zip(ours, posts.strings, strict=False):
        _, found = reference.match(text)
        named = [dimension for term, _ in found for dimension in dimensions[term]]
        if row.tolist() != [named.count(dimension) for dimension in DIMENSIONS]:
            sys.exit(
                "Our counts are not those of tests/lexicons/reference.py: nothing was timed. Run its tests."
            )


def _equal_share(
    counts: Counts, *, contestant: Contestant, terms: pl.DataFrame, posts: Posts
) -> float | None:
    if counts.shape[1] == 0:
        return None
    return float((affectcast(terms)(posts) == counts).all(axis=1).mean())


# -------------------------------------------------------------------------------------------------- race


def race(terms: pl.DataFrame, posts: Posts, *, rounds: int) -> tuple[float, list[Result]]:
    """Our posts per second (median), and every contestant; we run right before each of them, in every round."""
    ours = affectcast(terms)
    ours(posts)
    entered = [_Entry.of(contestant, terms=terms, posts=posts) for contestant in CONTESTANTS]
    mine: list[float] = []
    pairs: dict[str, list[tuple[float, float]]] = {entry.contestant.name: [] for entry in entered}
    for _ in range(rounds):
        for entry in entered:
            pair = _rate(ours, posts), _rate(entry.count, entry.posts)
            pairs[entry.contestant.name].append(pair)
            mine.append(pair[0])
    return median(mine), [
        Result(
            contestant=entry.contestant,
            rate=median(theirs for _, theirs in pairs[entry.contestant.name]),
            ratios=[own / theirs for own, theirs in pairs[entry.contestant.name]],
            equal=entry.equal,
        )
        for entry in entered
    ]


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A contestant that has its terms, and the posts it is timed on."""

    contestant: Contestant
    count: Count
    posts: Posts
    equal: float | None

    @classmethod
    def of(cls, contestant: Contestant, *, terms: pl.DataFrame, posts: Posts) -> "_Entry":
        """Prepare it, run it once and compare."""
        given = terms.filter(pl.col("kind").is_in(contestant.kinds))
        count = contestant.prepare(given)
        n = max(LEAST_POSTS, round(len(posts.strings) * contestant.portion))
        own = Posts(posts.series[:n], posts.strings[:n])
        equal = _equal_share(count(own), contestant=contestant, terms=given, posts=own)
        return cls(contestant=contestant, count=count, posts=own, equal=equal)


def _rate(count: Count, posts: Posts, *, clock: Callable[[], float] = time.process_time) -> float:
    """Posts per second, by default of processor time, which others at work on the machine distort least."""
    gc.collect()
    start = clock()
    count(posts)
    return len(posts.strings) / (clock() - start)


# ----------------------------------------------------------------------------------------------- scaling


def _scale_table(*, n_posts: int, rounds: int) -> list[str]:
    """Two ways of growing: by terms that never occur, so that the hits stay the same ones, and by terms that do,
    so that as many hits are spread over more terms."""
    small = make_world(n_posts=n_posts, n_terms=SCALES[0])
    posts = Posts(small.texts, [""] * n_posts)
    entered = []
    for n_terms in SCALES:
        world = make_world(n_posts=n_posts, n_terms=n_terms)
        padded = pl.concat([small.terms, _absent(world.terms, posts=small.texts, taken=small.terms)])
        entered += [
            (affectcast(padded), posts),
            (affectcast(world.terms), Posts(world.texts, [""] * n_posts)),
        ]
    hits = [count(texts).sum() / n_posts for count, texts in entered]
    rates = [[_rate(count, texts) for count, texts in entered] for _ in range(rounds)]
    medians = list(map(median, zip(*rates, strict=True)))
    lines = ["", "## Size of the lexicon", "", "*Same hits*: the terms beyond the first 1,000 never occur. "
             "*Spread hits*: about as many hits, over all the terms.", "",
             "| terms | same hits per post | posts/s | cost | spread hits per post | posts/s | cost |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for row, n_terms in enumerate(SCALES):
        cells = [
            f"{hits[i]:.1f} | {medians[i]:,.0f} | {medians[i % 2] / medians[i]:.2f}"
            for i in (2 * row, 2 * row + 1)
        ]
        lines.append(f"| {n_terms:,} | {' | '.join(cells)} |")
    return lines


def _absent(terms: pl.DataFrame, *, posts: pl.Series, taken: pl.DataFrame) -> pl.DataFrame:
    """The terms that none of the posts holds and that are not taken."""
    frame = terms.join(taken, on="term", how="anti").select("term", "dimension", "weight")
    matcher = Matcher(Lexicon("fillers", "en", "0", DIMENSIONS, frame))
    found = {matcher.terms[term] for term in matcher.match(posts, collect=True).terms}
    return terms.join(taken, on="term", how="anti").filter(~pl.col("term").is_in(list(found)))


def _thread_table(terms: pl.DataFrame, posts: Posts, *, rounds: int) -> list[str]:
    """By the clock on the wall, since that is what a second thread is for; the best round of each."""
    ways = {threads: affectcast(terms, threads=threads) for threads in (1, 2)}
    busy, rates = time.process_time(), dict.fromkeys(ways, 0.0)
    start = time.perf_counter()
    for _ in range(rounds):
        for threads, count in ways.items():
            rates[threads] = max(rates[threads], _rate(count, posts, clock=time.perf_counter))
    cores = (time.process_time() - busy) / (time.perf_counter() - start)
    return [
        *(
            "",
            "## Threads",
            "",
            f"Best of {rounds} rounds by the clock on the wall. This process got {cores:.1f} cores on",
        ),
        "average, of about 1.3 where nobody else is at work: with fewer, read nothing into the second row.",
        *("", "| threads | posts/s | times |", "|---|---|---|"),
        *(f"| {threads} | {rate:,.0f} | {rate / rates[1]:.2f} |" for threads, rate in rates.items()),
    ]


def _memory_table(terms: pl.DataFrame, texts: pl.Series) -> list[str]:
    lines = ["", "## Memory", "", f"In chunks of {CHUNK:,} posts, as the scorer works.", ""]
    lines += ["| posts | text, MB | peak above what was held before, MB |", "|---|---|---|"]
    for times in (1, 10):
        with TemporaryDirectory() as folder:
            tiled = pl.concat([texts] * times).rechunk()
            tiled.to_frame().write_ipc(Path(folder) / "texts")
            terms.write_ipc(Path(folder) / "terms")
            command = [sys.executable, str(Path(__file__).resolve()), "--memory", folder]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        lines.append(
            f"| {len(tiled):,} | {tiled.str.len_bytes().sum() / MB:.0f} | {float(done.stdout):.0f} |"
        )
    return lines


def _memory_of(folder: Path) -> str:
    """In a process of its own: the most MB that were held beyond texts, lexicon and code."""
    texts = pl.read_ipc(folder / "texts")["text"]
    ours = affectcast(pl.read_ipc(folder / "terms"))
    ours(Posts(texts[:100], []))
    gc.collect()
    process, done = psutil.Process(), threading.Event()
    held = peak = process.memory_info().rss

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.001):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for start in range(0, len(texts), CHUNK):
        ours(Posts(texts.slice(start, CHUNK), []))
    peak = max(peak, process.memory_info().rss)
    done.set()
    watcher.join()
    return f"{(peak - held) / MB}"


# ------------------------------------------------------------------------------------------------ report


def _heading(posts: Posts) -> list[str]:
    n_tokens = sum(len(WORD.findall(text)) for text in posts.strings) / len(posts.strings)
    return [
        "# Speed of lexicon matching",
        "",
        f"Written by `benchmarks/lexicon_speed.py`: {len(posts.strings):,} invented posts of {n_tokens:.0f} tokens, "
        f"{N_TERMS:,} invented terms in {len(DIMENSIONS)} categories (70 % words, 20 % stems, 10 % phrases).",
        f"With negation on, our counts equal those of the tests' slow reference on the first {N_REFERENCE} posts.",
        "",
        f"Machine: {_processor()}, {os.cpu_count()} cores; {platform.system()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
        + ".",
    ]


def _processor() -> str:
    described = Path("/proc/cpuinfo")
    lines = described.read_text(encoding="utf-8").splitlines() if described.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _race_table(ours: float, results: list[Result]) -> list[str]:
    """All contestants, the fastest first."""
    rows = [
        (
            result.rate,
            f"| {result.contestant.name} | {_version(result)} | {result.contestant.note} | {result.rate:,.0f} | "
            f"{median(result.ratios):.1f} ({min(result.ratios):.1f}–{max(result.ratios):.1f}) | {_percent(result)} |",
        )
        for result in results
    ]
    rows.append(
        (ours, f"| **affectcast** | this one | words, stems, phrases, negation | {ours:,.0f} | 1 | |")
    )
    return [
        "",
        "## Beside others",
        "",
        "One thread each, posts per second of processor time, median of interleaved rounds. *Times* is how many times",
        "as fast we are at the full task (least and most of the rounds). *Equal* is the share of posts for which a",
        "contestant counts what we count when we are given the terms that it can find.",
        "",
        "| contestant | version | counts | posts/s | times | equal |",
        "|---|---|---|---|---|---|",
        *(line for _, line in sorted(rows, reverse=True)),
    ]


def _version(result: Result) -> str:
    return f"{result.contestant.package} {importlib.metadata.version(result.contestant.package)}"


def _percent(result: Result) -> str:
    return "" if result.equal is None else f"{result.equal:.1%}"


if __name__ == "__main__":
    main()
