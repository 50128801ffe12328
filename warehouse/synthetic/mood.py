"""The mood curve that is planted: for each place and day, the share of posts that lead with each mood.

Not for people or posts: what is drawn from the curve is in `crowd.py`.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
from numpy.typing import NDArray

from warehouse.synthetic.phrases import MOODS
from warehouse.synthetic.spec import BASE_SHARES, Rise, SampleSpec

Floats = NDArray[np.float64]
NEGATIVE = ("sadness", "fear", "anger", "loneliness", "anxiety", "depression")
POSITIVE = ("joy", "affection")
# Added to the log odds, Monday to Sunday.
WEEK = {
    "joy": (-0.12, -0.08, -0.04, 0.0, 0.14, 0.2, 0.06),
    "affection": (-0.06, -0.04, 0.0, 0.0, 0.04, 0.1, 0.14),
    "sadness": (0.08, 0.02, 0.0, -0.02, -0.1, -0.06, 0.12),
    "fear": (0.04, 0.02, 0.0, 0.0, -0.04, -0.04, 0.04),
    "anger": (0.1, 0.1, 0.06, 0.06, 0.0, -0.16, -0.16),
    "loneliness": (0.0, -0.06, -0.06, -0.02, 0.04, 0.12, 0.14),
    "anxiety": (0.12, 0.06, 0.02, 0.02, -0.1, -0.16, 0.1),
    "depression": (0.1, 0.06, 0.0, 0.0, -0.06, -0.1, 0.04),
}
DRIFT = 0.1
DRIFT_DAYS = 110.0
AR, NOISE, SHARED_NOISE, PLACE_OFFSET = 0.6, 0.05, 0.04, 0.05


def lead_shares(spec: SampleSpec, *, rng: np.random.Generator) -> Floats:
    """Shares of the leading mood, (regions, days, moods) in the order of `MOODS`; they sum to one."""
    names = MOODS[1:]
    shape = (len(spec.regions), spec.days, len(names))
    log_odds = np.log([BASE_SHARES[name] for name in names]) + _calendar(spec)[None]
    log_odds = log_odds + rng.normal(0.0, PLACE_OFFSET, (shape[0], 1, shape[2]))
    log_odds = log_odds + _autoregressive(rng.normal(0.0, NOISE, shape))
    log_odds = log_odds + _autoregressive(rng.normal(0.0, SHARED_NOISE, (1, *shape[1:])))
    if spec.rise is not None:
        log_odds = log_odds + _rise(spec, rise=spec.rise)
    neutral = np.full((*shape[:2], 1), 1.0 - sum(BASE_SHARES.values()))
    weights = np.concatenate([neutral, np.exp(log_odds)], axis=2)
    return np.asarray(weights / weights.sum(axis=2, keepdims=True))


def _calendar(spec: SampleSpec) -> Floats:
    days = np.arange(spec.days)
    weekday = (days + spec.start.weekday()) % 7
    week = np.array([WEEK[name] for name in MOODS[1:]]).T[weekday]
    phase = np.linspace(0.0, 2 * np.pi, len(MOODS) - 1, endpoint=False)
    drift = DRIFT * np.sin(2 * np.pi * days[:, None] / DRIFT_DAYS + phase[None])
    return np.asarray(week + drift)


def _autoregressive(noise: Floats) -> Floats:
    series = noise.copy()
    for day in range(1, noise.shape[1]):
        series[:, day] += AR * series[:, day - 1]
    return series


def _rise(spec: SampleSpec, *, rise: Rise) -> Floats:
    steps = np.clip(np.arange(spec.days) - rise.first_day + 1, 0, None) / (spec.days - rise.first_day)
    place = np.array([region.code == rise.region for region in spec.regions])
    mood = np.array([name in rise.moods for name in MOODS[1:]])
    return np.asarray(np.log(rise.factor) * place[:, None, None] * steps[None, :, None] * mood[None, None, :])


def second_shares(lead: Floats) -> Floats:
    """Given the lead, the chance of each mood as second: same sign, in proportion; (…, lead, second)."""
    allowed = np.zeros((len(MOODS), len(MOODS)))
    for group in (NEGATIVE, POSITIVE):
        members = [MOODS.index(name) for name in group]
        allowed[np.ix_(members, members)] = 1.0
    weights = lead[..., None, :] * allowed
    total = weights.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(weights, total, out=np.zeros_like(weights), where=total > 0))


def shown_shares(lead: Floats, *, second_mood: float) -> Floats:
    """Share of posts that show each mood at all, first or second."""
    second = second_shares(lead)
    others = lead[..., :, None] * second * (1.0 - np.eye(len(MOODS)))
    return np.asarray(lead + second_mood * others.sum(axis=-2))


def truth_frame(spec: SampleSpec, *, lead: Floats) -> pl.DataFrame:
    """The planted curve as `region, day, emotion, true_share`, for the days on which a place posts."""
    shown = shown_shares(lead, second_mood=spec.second_mood)
    region, day, mood = (axis.ravel() for axis in np.indices(shown.shape))
    frame = pl.DataFrame(
        {
            "region": np.array([place.code for place in spec.regions], dtype=object)[region].tolist(),
            "day": np.datetime64(spec.start, "D") + day,
            "emotion": np.array(MOODS, dtype=object)[mood].tolist(),
            "true_share": shown.ravel(),
        }
    )
    return frame.filter(_posting(spec))


def _posting(spec: SampleSpec) -> pl.Expr:
    silent = [
        (pl.col("region") == place.code) & (pl.col("day") <= spec.last - dt.timedelta(days=place.last_days))
        for place in spec.regions
        if place.last_days is not None
    ]
    return ~pl.any_horizontal(*silent) if silent else pl.lit(True)
