"""Writes a whole sample and returns a receipt of what was planted in it.

Not for reading it back: that is intake, which must find the same numbers by itself.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from warehouse.synthetic.crowd import NONE, crowd
from warehouse.synthetic.files import BAD_LINES, CSV_HEADER, csv_lines, jsonl_lines, with_mishaps
from warehouse.synthetic.mood import lead_shares, truth_frame
from warehouse.synthetic.phrases import MOODS
from warehouse.synthetic.spec import DEMO, ENGLISH_FILE, SPANISH_FILE, FileName, SampleSpec
from warehouse.synthetic.text import texts

EVENTS_FILE = "events.csv"
ID_PREFIX: Mapping[FileName, str] = {ENGLISH_FILE: "en", SPANISH_FILE: "es"}


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleReceipt:
    """What is in a sample.

    truth: `region, day, emotion, true_share`, the planted share of posts that show the emotion, as their
      first or second mood, before replies follow their parents; the leading shares sum to one, these do not.
    labels: one row per good post: `post_id, region, day, author, mood, second_mood, parent_id,
      parent_mood, spanish`. For checking only; no file holds it.
    malformed: broken lines by file and kind. duplicates: repeated lines by file.
    thin_cells: (region, day) with few people on purpose. follow: the planted influence of a parent's mood.
    """

    files: Mapping[FileName, Path]
    posts: Mapping[FileName, int]
    duplicates: Mapping[FileName, int]
    malformed: Mapping[FileName, Mapping[str, int]]
    thin_cells: tuple[tuple[str, dt.date], ...]
    follow: Mapping[str, float]
    truth: pl.DataFrame
    labels: pl.DataFrame

    @property
    def records(self) -> dict[FileName, int]:
        """Lines per file without a header: posts + duplicates + malformed."""
        return {
            name: self.posts[name] + self.duplicates[name] + sum(self.malformed[name].values())
            for name in self.files
        }


def write_sample(folder: Path, *, seed: int, spec: SampleSpec = DEMO) -> SampleReceipt:
    """Write `posts_en.jsonl`, `posts_es.csv` and the calendar `events.csv` into `folder`, replacing old ones; same
    seed, same bytes."""
    rng = np.random.default_rng(seed)
    lead = lead_shares(spec, rng=rng)
    posts, thin = crowd(spec, lead=lead, rng=rng)
    named = _named(posts.with_columns(texts(posts, rng=rng).alias("text")), spec=spec)
    folder.mkdir(parents=True, exist_ok=True)
    copies = _duplicates(named, total=spec.duplicates)
    for name in ID_PREFIX:
        body = _lines(named, name=name, spec=spec, duplicates=copies[name], rng=rng)
        (folder / name).write_bytes(b"\n".join([*body, b""]))
    calendar(spec).write_csv(folder / EVENTS_FILE)
    return SampleReceipt(
        files={name: folder / name for name in ID_PREFIX},
        posts={name: int((named["file"] == name).sum()) for name in ID_PREFIX},
        duplicates=copies,
        malformed={name: dict(Counter(kind for kind, _ in _bad(spec, name=name))) for name in ID_PREFIX},
        thin_cells=tuple((region, spec.start + dt.timedelta(days=day)) for region, day in thin),
        follow=dict(spec.follow),
        truth=truth_frame(spec, lead=lead),
        labels=_labels(named, spec=spec),
    )


def calendar(spec: SampleSpec) -> pl.DataFrame:
    """Two made-up events: one on which the planted rise begins, and one half-way to it on which nothing happens."""
    first = spec.rise.first_day if spec.rise is not None else spec.days - 1
    days = {"made-up heat wave": first, "made-up election": first // 2}
    return pl.DataFrame(
        {
            "name": list(days),
            "start": [spec.start + dt.timedelta(days=day) for day in days.values()],
            "location": [spec.regions[0].code] * len(days),
            "stage": ["response", None],
        }
    )


def _named(posts: pl.DataFrame, *, spec: SampleSpec) -> pl.DataFrame:
    """Posts with the names that a file shows: id, at, author, region, reply_to_id, reply_to_author."""
    region = pl.col("region")
    codes = [place.code for place in spec.regions]
    places = list(range(len(codes)))
    file = region.replace_strict(places, [place.file for place in spec.regions], return_dtype=pl.String)
    code = region.replace_strict(places, codes, return_dtype=pl.String)
    start = dt.datetime.combine(spec.start, dt.time(), tzinfo=dt.UTC)
    short = code.str.to_lowercase().str.replace("-", "_", literal=True)
    person = pl.format("made_up_{}_{}", short, pl.col("author").cast(pl.String).str.zfill(4))
    named = posts.with_columns(
        file.alias("file"),
        code.alias("region"),
        person.alias("author"),
        (pl.lit(start) + pl.duration(seconds="second")).alias("at"),
    )
    prefix = pl.col("file").replace_strict(dict(ID_PREFIX), return_dtype=pl.String)
    number = pl.int_range(1, pl.len() + 1).over("file").cast(pl.String).str.zfill(7)
    return _with_parents(named.with_columns(pl.concat_str(prefix, number).alias("id")))


def _with_parents(posts: pl.DataFrame) -> pl.DataFrame:
    parent = pl.when(pl.col("parent") != NONE).then("parent").cast(pl.UInt32)
    return posts.with_columns(
        pl.col("id").gather(parent).alias("reply_to_id"),
        pl.col("author").gather(parent).alias("reply_to_author"),
        pl.col("mood").gather(parent).alias("parent_mood"),
    )


def _duplicates(posts: pl.DataFrame, *, total: int) -> dict[FileName, int]:
    """Repeated lines per file: three in five go into the English one, none into an empty one."""
    wanted: dict[FileName, int] = {ENGLISH_FILE: total - total * 2 // 5, SPANISH_FILE: total * 2 // 5}
    return {name: min(number, int((posts["file"] == name).sum())) for name, number in wanted.items()}


def _bad(spec: SampleSpec, *, name: FileName) -> tuple[tuple[str, bytes], ...]:
    return BAD_LINES[name] if spec.bad_lines else ()


def _lines(
    posts: pl.DataFrame, *, name: FileName, spec: SampleSpec, duplicates: int, rng: np.random.Generator
) -> list[bytes]:
    own = posts.filter(pl.col("file") == name)
    good = jsonl_lines(own) if name == ENGLISH_FILE else csv_lines(own)
    bad = [line for _, line in _bad(spec, name=name)]
    lines = with_mishaps(good, duplicates=duplicates, bad=bad, rng=rng)
    return lines if name == ENGLISH_FILE else [CSV_HEADER, *lines]


def _labels(posts: pl.DataFrame, *, spec: SampleSpec) -> pl.DataFrame:
    names = dict(enumerate(MOODS))
    mood, second, parent = (
        pl.col(column).replace_strict(names, default=None, return_dtype=pl.String).alias(column)
        for column in ("mood", "second_mood", "parent_mood")
    )
    day = pl.lit(spec.start) + pl.duration(days="day")
    return posts.select(
        pl.col("id").alias("post_id"),
        "region",
        day.cast(pl.Date).alias("day"),
        "author",
        mood,
        second,
        pl.col("reply_to_id").alias("parent_id"),
        parent,
        "spanish",
    )
