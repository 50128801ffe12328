"""A scorer whose terms stand in the text as they are, drawn posts for it, and plain loops over those."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import polars as pl
import signal_worlds as worlds

from warehouse.config import Config, SignalsConfig
from warehouse.released import release_signals
from warehouse.scores import ScoreSpec, score_posts
from warehouse.signals import SignalSpec, compute_signals
from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.term_counts import COUNTS, DAYS, TermSpec, count_terms
from warehouse.word_shifts import ShiftSpec

# `sin` is a word of two languages, and `gloom` one of two dimensions.
TERMS: dict[str, dict[str, tuple[str, ...]]] = {
    "en": {
        "dread": ("fear",), "sin": ("fear",), "woe": ("fear",), "gloom": ("fear", "sadness"), "tears": ("sadness",),
    },
    "es": {"sin": ("sadness",), "pena": ("sadness",), "susto": ("fear",)},
}  # fmt: skip
Key = tuple[str, str, str, bool, str, str, dt.date]


@dataclass
class SaysItself:
    """Text `dread !tears` has the term dread, and tears negated; other words mean nothing."""

    version: str = "1"
    name: str = "made"
    measures: tuple[str, ...] = ("fear", "sadness")
    fails_after: int | None = None

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(TERMS)

    def score(self, posts: pl.DataFrame) -> pl.DataFrame:
        rows = [self._scored(text, lang) for text, lang in posts.select("text", "lang").iter_rows()]
        return pl.DataFrame(
            rows,
            schema={
                "fear": pl.Float32, "sadness": pl.Float32, "n_tokens": pl.Int32, "n_matched": pl.Int32,
                "missing": pl.Int8,
            },
            orient="row",
        )  # fmt: skip

    def _scored(self, text: str, lang: str | None) -> tuple[float | None, float | None, int, int | None, int]:
        if lang not in TERMS:
            return None, None, 1, None, 1
        found = list(types_of(text, lang))
        marked = {dimension for _, dimension, negated in found if not negated}
        fear, sadness = (float(measure in marked) for measure in self.measures)
        return fear, sadness, len(text.split()), len(found), 0

    def term_hits(self, posts: pl.DataFrame, *, keys: Sequence[str] = ()) -> pl.DataFrame:
        if self.fails_after is not None:
            self.fails_after -= 1
            if self.fails_after < 0:
                raise KeyboardInterrupt
        rows = [
            (row[keys[0]], f"made-{row['lang']}", term, dimension, negated, 1.0, hits, float(credit))
            for row in posts.iter_rows(named=True)
            for (term, dimension, negated), (hits, credit) in credited(row["text"], row["lang"]).items()
        ]
        schema = {
            keys[0]: pl.Int64, "lexicon": pl.String, "term": pl.String, "dimension": pl.String,
            "negated": pl.Boolean, "weight": pl.Float64, "hits": pl.Int64, "credit": pl.Float64,
        }  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    def describe(self) -> dict[str, Any]:
        return {
            "scorer": self.name, "tier": "lexicon", "scale": "presence", "statistics": ["share"],
            "thresholds": {lang: dict.fromkeys(self.measures, 0.5) for lang in TERMS},
        }  # fmt: skip


def types_of(text: str, lang: str) -> Iterator[tuple[str, str, bool]]:
    """(term, dimension, negated) of every use of a term."""
    for word in text.split():
        for dimension in TERMS[lang].get(word.removeprefix("!"), ()):
            yield word.removeprefix("!"), dimension, word.startswith("!")


def credited(text: str, lang: str) -> dict[tuple[str, str, bool], tuple[int, Fraction]]:
    """Hits and credit of each distinct type of a post."""
    uses = Counter(types_of(text, lang))
    plain = Counter(dimension for _, dimension, negated in uses if not negated)
    return {
        (term, dimension, negated): (n, Fraction(0) if negated else Fraction(1, plain[dimension]))
        for (term, dimension, negated), n in uses.items()
    }


def drawn(n: int, *, seed: int, days: range, authorless: float = 0.1, received: dt.date) -> pl.DataFrame:
    """Posts of a few people over places, days, languages and kinds."""
    rng = random.Random(seed)
    words = ["dread", "sin", "gloom", "tears", "!dread", "!gloom", "susto", "so", "it", "goes"]
    return worlds.posts(
        (
            {
                "post_id": f"{received}-{seed}-{number}",
                "author_key": None if rng.random() < authorless else f"p{rng.randrange(9)}",
                "day": rng.choice(days),
                "lang": rng.choice(["en", "en", "es", "zh", None]),
                "place": rng.choice(worlds.PLACES),
                "kind": rng.choice(["original", "reply", "repost"]),
                "text": " ".join(rng.choices(words, k=rng.randrange(1, 7))),
            }
            for number in range(n)
        ),
        received=received,
    )


# ---------------------------------------------------------------------------------------- one night


def count_night(
    store: Store, arrivals: pl.DataFrame | None, *, spec: TermSpec, scorer: SaysItself | None = None
) -> int:
    """Ingest, score and count; returns how many posts with a term were read."""
    scorer = scorer or SaysItself()
    if arrivals is not None:
        store.append_new(TABLES["raw.posts"], arrivals, run_id="test")
    score_posts(store, scorers=[scorer], spec=ScoreSpec(chunk_posts=50, issue=spec.last, run_id="test"))
    return count_terms(store, scorer=scorer, spec=spec, run_id="test").rows_in


def counts(store: Store) -> tuple[pl.DataFrame, pl.DataFrame]:
    return store.read(COUNTS), store.read(DAYS)


def shift_night(store: Store, arrivals: pl.DataFrame, *, config: Config, issue: dt.date) -> None:
    """Everything that word shifts are made from."""
    scorer, spec = SaysItself(), ShiftSpec(config=config, issue=issue)
    count_night(store, arrivals, spec=spec.terms, scorer=scorer)
    signals = SignalSpec(config=config, issue=issue)
    compute_signals(store, scorers=[scorer], spec=signals, run_id="test")
    release_signals(store, config=config, issue=issue, run_id="test")
    worlds.record_run(store, issue=issue, config=config)


# ------------------------------------------------------------------------------------- the reference


def cells_of(post: dict[str, Any], *, levels: Sequence[str]) -> Iterator[tuple[str, str, dt.date]]:
    """Place and day of every cell that a post is in."""
    places = {"all": "all"}
    if post["geo_type"] != "none":
        places["nation"] = post["geo_value"][:2]
    if post["geo_type"] == "region":
        places["region"] = post["geo_value"]
    for level in levels:
        if level in places:
            yield level, places[level], post["time_value"]


def counted_posts(
    frame: pl.DataFrame, *, spec: TermSpec
) -> dict[tuple[str, str, dt.date], tuple[bool, list[dict[str, Any]]]]:
    """Cell → whether its people are unknown, and its posts."""
    cells: dict[tuple[str, str, dt.date], list[dict[str, Any]]] = defaultdict(list)
    for post in frame.iter_rows(named=True):
        if (
            post["lang"] in TERMS
            and post["kind"] in spec.kinds
            and spec.first <= post["time_value"] <= spec.last
        ):
            for cell in cells_of(post, levels=spec.levels):
                cells[cell].append(post)
    made = {}
    for cell, members in cells.items():
        unknown = sum(post["author_key"] is None for post in members) > len(members) / 2
        kept = members if unknown else [post for post in members if post["author_key"] is not None]
        made[cell] = unknown, kept
    return made


def reference(frame: pl.DataFrame, *, spec: TermSpec) -> dict[Key, tuple[int, int | None, int, Fraction]]:
    """Type and cell → posts, people, hits and credit, by plain loops."""
    return {
        key: (n_posts, None if people is None else len(people), hits, credit)
        for key, (n_posts, people, hits, credit) in users(frame, spec=spec).items()
    }


def users(frame: pl.DataFrame, *, spec: TermSpec) -> dict[Key, tuple[int, set[str] | None, int, Fraction]]:
    """The same with the people themselves."""
    found: dict[Key, tuple[int, set[str] | None, int, Fraction]] = {}
    for (level, place, day), (unknown, members) in counted_posts(frame, spec=spec).items():
        people: dict[Any, set[str]] = defaultdict(set)
        sums: dict[Any, list[Any]] = defaultdict(lambda: [0, 0, Fraction(0)])
        for post in members:
            for (term, dimension, negated), (hits, credit) in credited(post["text"], post["lang"]).items():
                key = (f"made-{post['lang']}", term, dimension, negated, level, place, day)
                people[key].add(post["author_key"])
                sums[key] = [sums[key][0] + 1, sums[key][1] + hits, sums[key][2] + credit]
        for key, (n_posts, hits, credit) in sums.items():
            found[key] = (n_posts, None if unknown else people[key], hits, credit)
    return found


def term_spec(**given: Any) -> TermSpec:
    shown: dict[str, Any] = {
        "kinds": SignalsConfig().kinds, "exclude": SignalsConfig().exclude, "levels": ("all", "nation"),
        "first": worlds.day(0),
        "last": worlds.day(20), "chunk_posts": 50,
    } | given  # fmt: skip
    return TermSpec(**shown)
