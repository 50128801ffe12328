"""Who posts when, who answers whom, and with which mood.

Not for words: `text.py` writes them from the moods drawn here.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from warehouse.synthetic.mood import Floats, second_shares
from warehouse.synthetic.phrases import MOODS
from warehouse.synthetic.spec import Region, SampleSpec

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
DAY, HOUR = 86_400, 3_600
NONE = -1
CIRCLE = 25
PICKS = 3
# Posts in the Mexican file lie in UTC hours that belong to the same day in Mexico City (UTC-6).
HOURS = np.array([2, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 6, 7, 7, 6, 6, 6, 7, 8, 9, 9, 8, 6, 4], dtype=float)
FIRST_HOUR_SPANISH = 12


def crowd(
    spec: SampleSpec, *, lead: Floats, rng: np.random.Generator
) -> tuple[pl.DataFrame, tuple[tuple[str, int], ...]]:
    """One row per post in order of time, and the (region, day) cells made thin on purpose.

    Columns: region, day, second (since `start`), author (number in the region's pool), parent (row or
    -1), mood and second_mood (indices into `MOODS`, -1 for none), long, spanish.
    """
    people, thin = _head_counts(spec, rng=rng)
    parts = [
        _posts_of_region(spec, index=index, people=people[index], rng=rng)
        for index in range(len(spec.regions))
    ]
    posts = pl.concat(parts).sort("second", "region", "author", maintain_order=True)
    parent = _parents(posts, spec=spec, rng=rng)
    first = _moods(posts, parent=parent, spec=spec, lead=lead, rng=rng)
    second = _second_moods(posts, first=first, spec=spec, lead=lead, rng=rng)
    return posts.with_columns(
        pl.Series("parent", parent), pl.Series("mood", first), pl.Series("second_mood", second)
    ), tuple((spec.regions[place].code, day) for place, day in thin)


def _head_counts(spec: SampleSpec, *, rng: np.random.Generator) -> tuple[Ints, list[tuple[int, int]]]:
    people = np.stack([_people_per_day(region, spec=spec, rng=rng) for region in spec.regions])
    full = [index for index, region in enumerate(spec.regions) if region.last_days is None]
    # In the first two thirds, so that they never hide the rise or the break.
    span = spec.days * 2 // 3
    chosen = rng.choice(len(full) * span, size=spec.thin_cells, replace=False)
    thin = sorted((full[int(cell) // span], int(cell) % span) for cell in chosen)
    for cell in thin:
        people[cell] = rng.integers(spec.thin_people[0], spec.thin_people[1], endpoint=True)
    return people, thin


def _people_per_day(region: Region, *, spec: SampleSpec, rng: np.random.Generator) -> Ints:
    people = region.people_floor + rng.poisson(region.people_extra, spec.days)
    if region.last_days is not None:
        people[: spec.days - region.last_days] = 0
    change = spec.data_break
    if change is not None and change.region == region.code:
        people[change.first_day :] = (people[change.first_day :] * change.volume).astype(np.int64)
    return np.minimum(people, region.pool)


def _posts_of_region(spec: SampleSpec, *, index: int, people: Ints, rng: np.random.Generator) -> pl.DataFrame:
    region = spec.regions[index]
    # Distinct people per day, some far more active than others: weighted draws without replacement.
    activity = rng.normal(0.0, 0.6, region.pool) + rng.gumbel(size=(spec.days, region.pool))
    order = np.argsort(-activity, axis=1)
    taken = np.arange(region.pool)[None, :] < people[:, None]
    day, author = np.nonzero(taken)[0], order[taken]
    again = 1 + rng.choice(3, len(day), p=[1.0 - sum(spec.extra_posts), *spec.extra_posts])
    day, author = np.repeat(day, again), np.repeat(author, again)
    change = spec.data_break
    long = day >= change.first_day if change and change.region == region.code else np.zeros(len(day), bool)
    return pl.DataFrame(
        {
            "region": np.full(len(day), index),
            "day": day,
            "second": day * DAY + _time_of_day(len(day), region=region, rng=rng),
            "author": author,
            "long": long,
            "spanish": rng.random(len(day)) < region.spanish,
        }
    )


def _time_of_day(size: int, *, region: Region, rng: np.random.Generator) -> Ints:
    hours = HOURS.copy()
    if region.file == "posts_es.csv":
        hours[:FIRST_HOUR_SPANISH] = 0.0
    return rng.choice(24, size, p=hours / hours.sum()) * HOUR + rng.integers(0, HOUR, size)


def _parents(posts: pl.DataFrame, *, spec: SampleSpec, rng: np.random.Generator) -> Ints:
    """For the replies, the row of an earlier post; acquaintances (same circle) are tried first."""
    region, second, author = (posts[name].to_numpy() for name in ("region", "second", "author"))
    window = int(spec.reply_hours * HOUR)
    # A few tries fail for want of an earlier post, so slightly more replies are wanted than asked for.
    wants = rng.random(len(posts)) < spec.reply_share * 1.02
    found = np.full(len(posts), NONE)
    near = rng.random(len(posts)) < 0.6
    circles = region * 10_000 + author // CIRCLE
    for attempt in range(2 * PICKS):
        group = circles if attempt < PICKS else region
        lag = np.minimum(rng.exponential(8 * HOUR, len(posts)).astype(np.int64) + 60, window)
        pick = _latest_before(group, second=second, wanted=second - lag)
        fits = (pick != NONE) & (second - second[pick] <= window) & (author[pick] != author)
        open_ = wants & (found == NONE) & (near | (attempt >= PICKS))
        found = np.where(open_ & fits, pick, found)
    return found


def _latest_before(group: Ints, *, second: Ints, wanted: Ints) -> Ints:
    """Row of the last post of the same group at or before the wanted second, else -1."""
    span = int(second.max()) + 40 * DAY
    keys = group * span + second
    order = np.argsort(keys, kind="stable")
    place = np.searchsorted(keys[order], group * span + wanted, side="right") - 1
    row = np.where(place >= 0, order[np.maximum(place, 0)], NONE)
    return np.where((row != NONE) & (group[row] == group), row, NONE)


def _moods(
    posts: pl.DataFrame, *, parent: Ints, spec: SampleSpec, lead: Floats, rng: np.random.Generator
) -> Ints:
    """Leading moods: first of the posts that answer nobody, then reply depth by reply depth."""
    shares = lead[posts["region"].to_numpy(), posts["day"].to_numpy()]
    draw = rng.random(len(posts))
    mood = np.full(len(posts), NONE)
    ready = parent == NONE
    while ready.any():
        rows = np.nonzero(ready)[0]
        mood[rows] = _pick(
            _followed(shares[rows], parent_mood=_mood_of(parent[rows], mood), spec=spec), draw[rows]
        )
        ready = (mood == NONE) & (_mood_of(parent, mood) != NONE)
    return mood


def _mood_of(rows: Ints, mood: Ints) -> Ints:
    return np.where(rows == NONE, NONE, mood[rows])


def _followed(shares: Floats, *, parent_mood: Ints, spec: SampleSpec) -> Floats:
    """The shares with the parent's mood made `follow` times as likely, the others scaled to fit."""
    factor = np.ones(len(MOODS))
    for name, times in spec.follow.items():
        factor[MOODS.index(name)] = times
    rows = np.arange(len(shares))
    own = shares[rows, parent_mood]
    raised = np.where(parent_mood == NONE, own, np.minimum(own * factor[parent_mood], 0.95))
    followed = shares * ((1.0 - raised) / (1.0 - own))[:, None]
    followed[rows, parent_mood] = raised
    return np.asarray(followed)


def _second_moods(
    posts: pl.DataFrame, *, first: Ints, spec: SampleSpec, lead: Floats, rng: np.random.Generator
) -> Ints:
    """A second mood for some of the posts that are not neutral; the same mood twice counts as none."""
    shares = second_shares(lead)[posts["region"].to_numpy(), posts["day"].to_numpy(), first]
    drawn = _pick(shares, rng.random(len(posts)))
    has = (rng.random(len(posts)) < spec.second_mood) & (first != 0) & (drawn != first)
    return np.where(has, drawn, NONE)


def _pick(shares: Floats, draw: Floats) -> Ints:
    """One index per row of `shares`, by inversion."""
    return np.minimum((shares.cumsum(axis=1) <= draw[:, None]).sum(axis=1), shares.shape[1] - 1)
