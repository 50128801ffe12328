"""Writes the words of every post from its mood and language, column by column.

Not for choosing moods: `crowd.py` has done that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from warehouse.synthetic.crowd import NONE, Bools, Ints
from warehouse.synthetic.english import ENGLISH
from warehouse.synthetic.phrases import MOODS, Phrases
from warehouse.synthetic.spanish import SPANISH

OPENER_SHARE, TAIL_SHARE = 0.45, 0.55
MOST_SLOTS = 3
# Share of posts with something to mask or with decoration; numbers and addresses are reserved for fiction.
EXTRAS = {
    "mention": (0.03, "@made_up_handle_", ""),
    "link": (0.02, "https://example.org/page/", ""),
    "email": (0.005, "made.up.", "@example.com"),
    "phone": (0.005, "+1 202 555 0", ""),
    "hashtag": (0.05, "", ""),
    "emoji": (0.10, "", ""),
}
HASHTAGS = ("#today", "#weekend", "#life", "#monday", "#mood", "#thoughts")
EMOJI = {
    "neutral": ("📌", "🙂"),
    "joy": ("😊", "🎉", "😄"),
    "affection": ("❤️", "🤗", "🥰"),
    "sadness": ("😢", "😭", "💔"),
    "fear": ("😱", "😨"),
    "anger": ("😡", "🤬", "😠"),
    "loneliness": ("😔", "🥺"),
    "anxiety": ("😰", "😟"),
    "depression": ("😞", "😴"),
}


def texts(posts: pl.DataFrame, *, rng: np.random.Generator) -> pl.Series:
    """One text per row of `posts` (mood, second_mood, long, spanish), in the order of its rows."""
    numbered = posts.with_row_index("row")
    parts = [
        _write(numbered.filter(pl.col("spanish") == spanish), phrases=phrases, rng=rng)
        for spanish, phrases in ((False, ENGLISH), (True, SPANISH))
    ]
    return pl.concat(parts).sort("row")["text"]


def _write(posts: pl.DataFrame, *, phrases: Phrases, rng: np.random.Generator) -> pl.DataFrame:
    mood, second = posts["mood"].to_numpy(), posts["second_mood"].to_numpy()
    size = len(posts)
    body = pl.DataFrame(
        {
            "mention": _extra("mention", mood=mood, rng=rng),
            "opener": _maybe(_draw(phrases.openers, size=size, rng=rng), share=OPENER_SHARE, rng=rng),
            "sentences": _sentences(mood, second=second, phrases=phrases, rng=rng),
            "filler": _fillers(posts["long"].to_numpy(), phrases=phrases, rng=rng),
            **{name: _extra(name, mood=mood, rng=rng) for name in EXTRAS if name != "mention"},
        }
    )
    joined = body.select(pl.concat_str(pl.all(), separator=" ", ignore_nulls=True)).to_series()
    text = _fill(joined.str.replace(" . ", ". ", literal=True), phrases=phrases, rng=rng)
    return pl.DataFrame({"row": posts["row"], "text": text})


def _sentences(mood: Ints, *, second: Ints, phrases: Phrases, rng: np.random.Generator) -> pl.Series:
    parts = pl.DataFrame(
        {
            "core": _by_mood(mood, parts=phrases.cores, rng=rng),
            "tail": _maybe(_by_mood(mood, parts=phrases.tails, rng=rng), share=TAIL_SHARE, rng=rng),
            "second": _by_mood(second, parts=phrases.cores, rng=rng),
        }
    )
    return parts.select(pl.concat_str(pl.all(), separator=", ", ignore_nulls=True)).to_series()


def _by_mood(mood: Ints, *, parts: Mapping[str, tuple[str, ...]], rng: np.random.Generator) -> pl.Series:
    """A part of each row's mood; null where the row has none."""
    sizes = np.array([len(parts[name]) for name in MOODS])
    starts = np.concatenate([[0], sizes.cumsum()[:-1]])
    pick = starts[mood] + (rng.random(len(mood)) * sizes[mood]).astype(np.int64)
    pool = pl.Series([part for name in MOODS for part in parts[name]])
    return _only(pool.gather(pick), keep=mood != NONE)


def _draw(pool: Sequence[str], *, size: int, rng: np.random.Generator) -> pl.Series:
    return pl.Series(pool, dtype=pl.String).gather(rng.integers(0, len(pool), size))


def _maybe(parts: pl.Series, *, share: float, rng: np.random.Generator) -> pl.Series:
    return _only(parts, keep=rng.random(len(parts)) < share)


def _only(parts: pl.Series, *, keep: Bools) -> pl.Series:
    """The parts to keep; the others become null."""
    frame = pl.DataFrame({"part": parts, "keep": keep})
    return frame.select(pl.when("keep").then("part")).to_series()


def _fillers(long: Bools, *, phrases: Phrases, rng: np.random.Generator) -> pl.Series:
    """Two different plain sentences that make a post longer and say nothing about a mood."""
    count = len(phrases.fillers)
    first = rng.integers(0, count, len(long))
    second = (first + rng.integers(1, count, len(long))) % count
    pool = pl.Series(phrases.fillers, dtype=pl.String)
    return _only(". " + pool.gather(first) + " " + pool.gather(second), keep=long)


def _extra(name: str, *, mood: Ints, rng: np.random.Generator) -> pl.Series:
    share, prefix, suffix = EXTRAS[name]
    if name == "emoji":
        filled = _by_mood(mood, parts=EMOJI, rng=rng)
    elif name == "hashtag":
        filled = _draw(HASHTAGS, size=len(mood), rng=rng)
    else:
        filled = prefix + pl.Series(rng.integers(100, 200, len(mood))).cast(pl.String) + suffix
    return _maybe(filled, share=share, rng=rng)


def _fill(text: pl.Series, *, phrases: Phrases, rng: np.random.Generator) -> pl.Series:
    """Put a drawn word into every slot; a slot that comes twice in a text gets two draws."""
    for slot, words in phrases.slots.items():
        for _ in range(MOST_SLOTS):
            frame = pl.DataFrame({"text": text, "word": _draw(words, size=len(text), rng=rng)})
            filled = pl.col("text").str.replace(f"{{{slot}}}", pl.col("word"), literal=True)
            text = frame.select(filled).to_series()
    return text
