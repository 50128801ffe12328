"""What a made-up sample contains: places, people, planted rise, planted break, cascades.

Not for making anything: `mood.py`, `crowd.py` and `text.py` do that from these values alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

FileName = Literal["posts_en.jsonl", "posts_es.csv"]
ENGLISH_FILE: FileName = "posts_en.jsonl"
SPANISH_FILE: FileName = "posts_es.csv"

# Share of posts that lead with a mood, before week, drift and noise; what is left over is neutral.
BASE_SHARES: Mapping[str, float] = {
    "joy": 0.165,
    "affection": 0.055,
    "sadness": 0.12,
    "fear": 0.075,
    "anger": 0.15,
    "loneliness": 0.025,
    "anxiety": 0.095,
    "depression": 0.035,
}


@dataclass(frozen=True, kw_only=True)
class Region:
    """One place: how many distinct people post per day, from which pool, and into which file."""

    code: str
    file: FileName
    spanish: float
    people_floor: int
    people_extra: float
    pool: int = 1_500
    last_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class Rise:
    """From `first_day` on, the weight of `moods` grows day by day, up to `factor` times on the last day."""

    region: str
    first_day: int
    factor: float
    moods: tuple[str, ...] = ("anxiety", "fear")


@dataclass(frozen=True, kw_only=True)
class Break:
    """From `first_day` on, a changed query brings `volume` times the people, and longer posts."""

    region: str
    first_day: int
    volume: float


@dataclass(frozen=True, kw_only=True)
class SampleSpec:
    """A whole sample. Days count from 0 at `start`; shares are of posts.

    `follow` is the planted influence: a reply to a post that leads with the mood leads with it that
    many times as often as any other reply in the same place on the same day.
    """

    regions: tuple[Region, ...]
    start: dt.date = dt.date(2024, 1, 1)
    days: int = 150
    extra_posts: tuple[float, float] = (0.05, 0.02)
    second_mood: float = 0.35
    reply_share: float = 0.15
    reply_hours: float = 36.0
    follow: Mapping[str, float] = field(default_factory=lambda: {"anger": 2.2, "joy": 1.2})
    rise: Rise | None = None
    data_break: Break | None = None
    thin_cells: int = 0
    thin_people: tuple[int, int] = (20, 40)
    duplicates: int = 50
    bad_lines: bool = True

    def __post_init__(self) -> None:
        for region in self.regions:
            if region.pool < 2 * region.people_floor:
                raise ValueError(f"{region.code}: a pool of {region.pool} is too small for its people")

    @property
    def last(self) -> dt.date:
        """The last day of the sample."""
        return self.start + dt.timedelta(days=self.days - 1)


DEMO = SampleSpec(
    regions=(
        Region(code="US-CA", file=ENGLISH_FILE, spanish=0.08, people_floor=75, people_extra=8.0),
        Region(code="US-TX", file=ENGLISH_FILE, spanish=0.08, people_floor=75, people_extra=8.0),
        Region(code="MX-CMX", file=SPANISH_FILE, spanish=1.0, people_floor=75, people_extra=8.0),
        Region(
            code="US-VT",
            file=ENGLISH_FILE,
            spanish=0.0,
            people_floor=28,
            people_extra=7.0,
            pool=300,
            last_days=60,
        ),
    ),
    rise=Rise(region="US-CA", first_day=133, factor=2.8),
    data_break=Break(region="MX-CMX", first_day=110, volume=2.0),
    thin_cells=4,
)

TINY = SampleSpec(
    regions=(
        Region(code="US-CA", file=ENGLISH_FILE, spanish=0.08, people_floor=60, people_extra=0.0, pool=300),
        Region(code="MX-CMX", file=SPANISH_FILE, spanish=1.0, people_floor=60, people_extra=0.0, pool=300),
    ),
    days=20,
    rise=Rise(region="US-CA", first_day=14, factor=3.5),
    duplicates=6,
)
