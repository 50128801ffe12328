"""Seeded worlds of posts: likeness of friends, shared daily mood, and influence when asked for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl


@dataclass(frozen=True)
class World:
    """`influence` is added to the log-odds of an answer to a post that expresses the measure."""

    seed: int
    people: int = 120
    days: int = 15
    influence: float = 0.0
    daily_mood: float = 0.7


def make_posts(world: World) -> pl.DataFrame:
    """post_id, author, created_at, parent_id and a 0/1 column anger; friends are alike."""
    rng = np.random.default_rng(world.seed)
    group = rng.integers(0, 6, world.people)
    trait = -1.2 + rng.normal(0, 1.0, 6)[group] + rng.normal(0, 0.7, world.people)
    mood = rng.normal(0, world.daily_mood, world.days)
    friends = [_friends(k, trait=trait, group=group, rng=rng) for k in range(world.people)]
    n = world.people * world.days
    author = rng.integers(0, world.people, n)
    when = np.sort(rng.uniform(0, world.days, n))
    parent, angry = np.full(n, -1), np.zeros(n, dtype=bool)
    newest = np.full(world.people, -1)
    for i in range(n):
        shown = newest[friends[author[i]]]
        shown = shown[(shown >= 0) & (when[i] - when[shown] < 1.0)]
        if rng.random() < 0.4 and len(shown):
            parent[i] = rng.choice(shown)
        push = world.influence * (parent[i] >= 0 and angry[parent[i]])
        odds = trait[author[i]] + mood[int(when[i])] + push
        angry[i] = rng.random() < 1 / (1 + np.exp(-odds))
        newest[author[i]] = i
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    return pl.DataFrame(
        {
            "post_id": [f"p{k}" for k in range(n)],
            "author": [f"a{k}" for k in author],
            "created_at": [start + dt.timedelta(days=float(t)) for t in when],
            "parent_id": [f"p{k}" if k >= 0 else None for k in parent],
            "anger": angry.astype(float),
        }
    )


def _friends(k: int, *, trait: np.ndarray, group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    weight = np.exp(-1.5 * np.abs(trait - trait[k])) * np.where(group == group[k], 6.0, 1.0)
    weight[k] = 0.0
    return rng.choice(len(trait), 8, replace=False, p=weight / weight.sum())
