"""Tiny drawn posts, a scorer that reads its scores off the text, and a brute-force reference."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, variance
from typing import Any

import numpy as np
import polars as pl

from warehouse.amplification.marks import mark_posts
from warehouse.config import Config, SignalsConfig, WarehouseConfig
from warehouse.released import release_signals
from warehouse.scores import ScoreSpec, score_posts
from warehouse.signals import SignalSpec, compute_signals
from warehouse.store import Store, open_store
from warehouse.tables import TABLES

MONDAY = dt.date(2024, 1, 1)
PLACES = [("region", "US-CA"), ("region", "US-NY"), ("region", "AR-B"), ("nation", "US"), ("none", "")]


def day(number: int) -> dt.date:
    """Day 0 is a Monday, so days 0 to 6 are one ISO week."""
    return MONDAY + dt.timedelta(days=number)


@dataclass
class ReadOff:
    """Text `0.7 0.2` has scores 0.7 and 0.2; `thresholds` per language, in the order of `measures`, none if graded."""

    name: str = "model"
    version: str = "1"
    scale: str = "probability"
    measures: tuple[str, ...] = ("anger", "joy")
    thresholds: dict[str, tuple[float, ...]] = field(
        default_factory=lambda: {"en": (0.5, 0.3), "es": (0.7, 0.41)}
    )

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(self.thresholds)

    @property
    def statistics(self) -> tuple[str, ...]:
        return {"probability": ("share", "mean"), "presence": ("share",)}.get(self.scale, ("mean",))

    def score(self, posts: pl.DataFrame) -> pl.DataFrame:
        read = [
            [float(part) for part in text.split()[: len(self.measures)]] if lang in self.thresholds else None
            for text, lang in posts.select("text", "lang").iter_rows()
        ]
        scores = {
            measure: pl.Series([row[i] if row else None for row in read], dtype=pl.Float32)
            for i, measure in enumerate(self.measures)
        }
        return pl.DataFrame(scores).with_columns(
            n_tokens=pl.lit(1, dtype=pl.Int32),
            n_matched=pl.lit(None, dtype=pl.Int32),
            missing=pl.Series([0 if row else 1 for row in read], dtype=pl.Int8),
        )

    def describe(self) -> dict[str, Any]:
        return {
            "scorer": self.name,
            "scale": self.scale,
            "statistics": list(self.statistics),
            "tier": "encoder" if self.scale == "probability" else "lexicon",
            "thresholds": {
                lang: dict(zip(self.measures, levels, strict=False))
                for lang, levels in self.thresholds.items()
            },
        }


@dataclass
class Taught(ReadOff):
    """A scorer whose Spanish model was not taught `joy`, and whose `calm` is graded."""

    measures: tuple[str, ...] = ("anger", "joy", "calm")
    thresholds: dict[str, tuple[float, ...]] = field(
        default_factory=lambda: {"en": (0.5, 0.3, 0.5), "es": (0.7,)}
    )

    def score(self, posts: pl.DataFrame) -> pl.DataFrame:
        scores = super().score(posts)
        spanish = posts["lang"] == "es"
        return scores.with_columns(joy=pl.when(~spanish).then("joy"))

    def describe(self) -> dict[str, Any]:
        taught = {"en": list(self.measures), "es": ["anger", "calm"]}
        return super().describe() | {"measures_by_language": taught, "means_only": ["calm"]}


def lexicon() -> ReadOff:
    return ReadOff(name="lexicon", scale="presence", measures=("fear",), thresholds={"en": (0.5,)})


def graded() -> ReadOff:
    """A scorer whose numbers are no hits: it has no thresholds, and its signals are means."""
    return ReadOff(name="vad", scale="mean", measures=("valence",), thresholds={"en": (), "es": ()})


def posts(rows: Iterable[dict[str, Any]], *, received: dt.date) -> pl.DataFrame:
    """Rows of raw.posts; each row may set post_id, author_key, day (a number), lang, place, kind, community, text."""
    made = []
    for number, row in enumerate(rows):
        geo_type, geo_value = row.get("place", ("region", "US-CA"))
        when = day(row.get("day", 0))
        made.append({
            "post_id": row.get("post_id", f"{received}-{number:06d}"), "source": "drawn",
            "author_key": row.get("author_key", f"person{number}"),
            "created_at": dt.datetime(when.year, when.month, when.day, 12, tzinfo=dt.UTC), "time_value": when,
            "time_precision": "second", "lang": row.get("lang", "en"), "lang_confidence": 1.0,
            "geo_type": geo_type, "geo_value": geo_value, "geo_source": "declared" if geo_value else "none",
            "community": row.get("community"), "kind": row.get("kind", "original"), "parent_id": None,
            "thread_id": None, "text": row.get("text", "0.9 0.1"), "received_issue": received,
        })  # fmt: skip
    table = TABLES["raw.posts"]
    return (
        table.schema.cast(pl.DataFrame(made, infer_schema_length=None))
        if made
        else table.schema.create_empty()
    )


def draw(
    n: int, *, seed: int, days: range, people: int = 12, authorless: float = 0.1, received: dt.date
) -> pl.DataFrame:
    """Posts of a few people over places, days, languages, kinds and communities."""
    rng = random.Random(seed)
    return posts(
        (
            {
                "post_id": f"{received}-{seed}-{number}",
                "author_key": None if rng.random() < authorless else f"p{rng.randrange(people)}",
                "day": rng.choice(days),
                "lang": rng.choice(["en", "es", "zh", None]),
                "place": rng.choice(PLACES),
                "kind": rng.choice(["original", "reply", "repost"]),
                "community": rng.choice(["x", "y", None]),
                "text": f"{rng.choice([0.1, 0.3, 0.5, 0.7, 0.9])} {rng.choice([0.0, 0.3, 0.41, 0.6])}",
            }
            for number in range(n)
        ),
        received=received,
    )


def crowd(
    people: int,
    *,
    days: range,
    received: dt.date,
    hits: int | None = None,
    place: str = "US-CA",
    tag: str = "",
) -> list[dict[str, Any]]:
    """Post rows: every day the same number of people, one post each, of whom `hits` express anger."""
    del received
    return [
        {
            "post_id": f"{place}-{tag}-{number}-{person}",
            "author_key": f"{place}-{tag}-{person}",
            "day": number,
            "place": ("region", place),
            "text": "0.9 0.9" if person < (people // 2 if hits is None else hits) else "0.1 0.1",
        }
        for number in days
        for person in range(people)
    ]


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    with open_store(folder / "warehouse.duckdb", config=WarehouseConfig(threads=2)) as store:
        yield store


def settings(**signals: Any) -> Config:
    return Config(signals=SignalsConfig(**signals))


@dataclass(frozen=True, kw_only=True)
class Night:
    """Arrivals and one issue."""

    issue: dt.date
    arrivals: pl.DataFrame | None = None
    config: Config = field(default_factory=settings)
    scorers: tuple[ReadOff, ...] = (ReadOff(),)
    assumed: bool = False


def run_night(store: Store, night: Night) -> tuple[int, int]:
    """Ingest, score, signals and release of one issue; rows written to core and out."""
    if night.arrivals is not None:
        store.append_new(TABLES["raw.posts"], night.arrivals, run_id="test")
    scorers = list(night.scorers)
    for scorer in scorers:
        score_posts(
            store, scorers=[scorer], spec=ScoreSpec(chunk_posts=500, issue=night.issue, run_id="test")
        )
    mark_posts(store, config=night.config.amplification, run_id="test")
    spec = SignalSpec(config=night.config, issue=night.issue, assumed=night.assumed)
    made = compute_signals(store, scorers=scorers, spec=spec, run_id="test")
    released = release_signals(store, config=night.config, issue=night.issue, run_id="test")
    record_run(store, issue=night.issue, config=night.config)
    return made.rows_out, released.rows_out


def record_run(store: Store, *, issue: dt.date, config: Config) -> None:
    """What the stage writes around itself."""
    finished = dt.datetime.now(dt.UTC)
    row = {
        "run_id": f"{issue}-{config.sha256}", "stage": "signals", "command": "nightly", "issue": issue,
        "started_at": finished, "finished_at": finished, "status": "done", "config_sha256": config.sha256,
        "git_commit": None, "rows_in": 0, "rows_out": 0, "rows_dropped": 0, "reasons": "{}",
    }  # fmt: skip
    schema = TABLES["core.runs"].schema.create_empty().schema
    store.put(TABLES["core.runs"], pl.DataFrame([row], schema=schema), run_id="test")


# ------------------------------------------------------------------------------------- the reference


def reference(
    frame: pl.DataFrame, *, scorer: ReadOff, config: Config, last_day: dt.date
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """(signal, population, geo_type, geo_value, time_type, time_value) → value, n, n_posts, numerator, unknown."""
    cells: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for post in frame.iter_rows(named=True):
        if post["lang"] in scorer.thresholds and (
            _is_amplified(post, config) or post["kind"] in config.signals.kinds
        ):
            for cell in _cells_of(post, config=config, last_day=last_day):
                cells[cell].append(post)
    return {
        (f"{scorer.name}_{measure}_{statistic}", *cell): _estimate(
            members, scorer=scorer, measure=measure, statistic=statistic
        )
        for cell, members in cells.items()
        for measure in scorer.measures
        for statistic in scorer.statistics
    }


def _is_amplified(post: dict[str, Any], config: Config) -> bool:
    """The posts drawn here are too short to be copies, and nobody writes many."""
    return post["kind"] == "repost" and "repost" in config.signals.exclude


def _cells_of(post: dict[str, Any], *, config: Config, last_day: dt.date) -> Iterator[tuple[Any, ...]]:
    places = [("all", "all")]
    if post["geo_type"] != "none":
        places.append(("nation", post["geo_value"][:2]))
    if post["geo_type"] == "region":
        places.append(("region", post["geo_value"]))
    own = ["all"] + [f"{kind}={post[kind]}" for kind in config.signals.populations if post[kind] is not None]
    populations = ["amplified"] if _is_amplified(post, config) else own
    today = post["time_value"]
    periods = [("day", today), ("week", today + dt.timedelta(days=7 - today.isoweekday()))]
    for population in populations:
        for place in places:
            for time_type, end in periods:
                if place[0] in config.signals.levels and end <= last_day:
                    yield (population, *place, time_type, end)


def _estimate(
    members: list[dict[str, Any]], *, scorer: ReadOff, measure: str, statistic: str
) -> dict[str, Any]:
    unknown = sum(post["author_key"] is None for post in members) > len(members) / 2
    people: dict[str, list[float]] = defaultdict(list)
    for post in members:
        if unknown or post["author_key"] is not None:
            vote = _vote(post, scorer=scorer, measure=measure, statistic=statistic)
            people[post["author_key"] or post["post_id"]].append(vote)
    means = [fmean(votes) for votes in people.values()]
    spread = variance(means) if len(means) > 1 else 0.25
    half = 0.5 / (len(means) + 1)
    return {
        "value": fmean(means),
        "se": (max(spread, half * (1 - half)) / len(means)) ** 0.5,
        "sample_size": None if unknown else len(means),
        "n_posts": sum(len(votes) for votes in people.values()),
        "numerator": sum(mean > 0 for mean in means) if statistic == "share" else None,
        "people_unknown": unknown,
    }


def _vote(post: dict[str, Any], *, scorer: ReadOff, measure: str, statistic: str) -> float:
    index = scorer.measures.index(measure)
    score = np.float32(post["text"].split()[index])
    if statistic == "mean":
        return float(score)
    return float(score >= np.float32(scorer.thresholds[post["lang"]][index]))
