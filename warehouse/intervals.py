"""Intervals of published shares and means, from the published value, error and number of people. Not for forecasts."""

from __future__ import annotations

from statistics import NormalDist

import polars as pl


def interval(*, value: pl.Expr, se: pl.Expr, n: pl.Expr, level: float) -> tuple[pl.Expr, pl.Expr]:
    """Lower and upper end of Wilson's score interval (Wilson 1927) for a value in [0, 1].

    It is taken at the number of independent people that would give this `se`, so that it holds with repeated people,
    weights and corrections. Unlike value ± z·se it stays inside [0, 1] and is right for few people and rare moods.
    `n` (people, or posts that stand in for them) is only needed near 0 and 1; null counts as 50.
    """
    z2 = NormalDist().inv_cdf(0.5 + level / 2) ** 2
    people = n.fill_null(50)
    half = (value * people + 0.5) / (people + 1.0)
    effective = half * (1.0 - half) / se**2
    centre = (value + z2 / (2.0 * effective)) / (1.0 + z2 / effective)
    reach = (z2 * (value * (1.0 - value) / effective + z2 / (4.0 * effective**2))).sqrt() / (
        1.0 + z2 / effective
    )
    return (centre - reach).clip(0.0, 1.0), (centre + reach).clip(0.0, 1.0)
