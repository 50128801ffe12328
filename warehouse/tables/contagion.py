"""What spreads with what: follow rates along ties, what-ifs on them, and movement without ties.

Windows end on the issue they belong to.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from warehouse.tables.codes import GEO_TYPES, share


class Contagion(dy.Schema):
    """Does an emotion follow exposure more often than when exposures are shuffled?

    `ratio_low` and `ratio_high` are its 95 % interval, with people as clusters. `parts_above` of the three equal parts
    of the window's days have a ratio above 1. `velocity` and `coverage` are those of the what-if `as it is` in
    `out.diffusion`, the same for every measure: at alpha 0 in rows of all ties, -1 of weak and 1 of strong ones.
    `branching_reason` says in rows of all ties why there is no branching ratio.
    """

    measure = dy.String(primary_key=True)
    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    window_start = dy.Date(primary_key=True)
    window_end = dy.Date(primary_key=True)
    tie_bin = dy.String(primary_key=True)
    n_edges = dy.Int64(nullable=False, min=0)
    n_people = dy.Int64(nullable=True, min=0)
    follow_rate = share()
    null_rate = share()
    ratio = dy.Float64(nullable=True, min=0.0)
    ratio_low = dy.Float64(nullable=True, min=0.0)
    ratio_high = dy.Float64(nullable=True, min=0.0)
    parts_above = dy.Int64(nullable=True, min=0, max=3)
    p_value = share()
    q_value = share()
    branching_ratio = dy.Float64(nullable=True, min=0.0)
    branching_low = dy.Float64(nullable=True, min=0.0)
    branching_high = dy.Float64(nullable=True, min=0.0)
    branching_reason = dy.String(nullable=True)
    mean_tie_strength = dy.Float64(nullable=True, min=0.0)
    velocity = dy.Float64(nullable=True, min=0.0)
    coverage = share()


class Diffusion(dy.Schema):
    """A what-if: how far something could spread over the ties that were seen, under the assumptions of its page.

    `velocity` is the share of people newly reached per step until half of the final number is, `coverage` the share
    reached in the end; low and high are the 5th and 95th percentile of the replicates.
    """

    window_start = dy.Date(primary_key=True)
    window_end = dy.Date(primary_key=True)
    scenario = dy.String(primary_key=True)
    alpha = dy.Float64(primary_key=True)
    velocity = dy.Float64(nullable=False, min=0.0)
    velocity_low = dy.Float64(nullable=False, min=0.0)
    velocity_high = dy.Float64(nullable=False, min=0.0)
    coverage = share(nullable=False)
    coverage_low = share(nullable=False)
    coverage_high = share(nullable=False)
    replicates = dy.Int64(nullable=False, min=1)
    n_people = dy.Int64(nullable=False, min=0)
    n_ties = dy.Int64(nullable=False, min=0)


class Transitions(dy.Schema):
    """From what people's posts expressed to what their next ones did, over all people; `share` is of the row."""

    window_start = dy.Date(primary_key=True)
    window_end = dy.Date(primary_key=True)
    from_state = dy.String(primary_key=True)
    to_state = dy.String(primary_key=True)
    n_transitions = dy.Int64(nullable=True, min=0)
    n_people = dy.Int64(nullable=True, min=0)
    share = share()
    suppressed = dy.Enum(["people_floor", "complementary"], nullable=True)

    @dy.rule()
    def hidden_cells_have_no_numbers(cls) -> pl.Expr:
        """A suppressed cell shows nothing."""
        empty = pl.all_horizontal(pl.col("n_transitions", "n_people", "share").is_null())
        return pl.col("suppressed").is_null() | empty


class WeakTies(dy.Schema):
    """Is the mean overlap of ties lower where `first` was followed than where `second` was? The p is one-sided."""

    window_start = dy.Date(primary_key=True)
    window_end = dy.Date(primary_key=True)
    first = dy.String(primary_key=True)
    second = dy.String(primary_key=True)
    mean_first = dy.Float64(nullable=True, min=0.0)
    mean_second = dy.Float64(nullable=True, min=0.0)
    difference = dy.Float64(nullable=True)
    p_value = share()
    n_first = dy.Int64(nullable=True, min=0)
    n_second = dy.Int64(nullable=True, min=0)


class LeadLag(dy.Schema):
    """Does one place's signal move before another's, once the calendar and what all places share are taken off?

    Spread-like co-movement, not spread: nothing here looks at who meets whom. `lag` is how many days `leader` is
    ahead, `correlation` at that lag, `p_value` against circular shifts over all lags, `q_value` over all pairs and
    signals of a window. `sample_size` is the fewest people behind a day of either.
    """

    signal = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    leader = dy.String(primary_key=True)
    follower = dy.String(primary_key=True)
    window_start = dy.Date(primary_key=True)
    window_end = dy.Date(primary_key=True)
    lag = dy.Int64(nullable=False, min=1)
    correlation = dy.Float64(nullable=False, min=-1.0, max=1.0)
    p_value = share(nullable=False)
    q_value = share(nullable=False)
    n_days = dy.Int64(nullable=False, min=0)
    sample_size = dy.Int64(nullable=True, min=0)


class Growth(dy.Schema):
    """How fast the number of people who express something grows, given how many post.

    `rate` is the change of the log of the expected count per day over the window, with its 95 % interval;
    `sustained_days` how many days in a row the interval has excluded 0 on the same side. `reason` says why there is no
    rate.
    """

    signal = dy.String(primary_key=True)
    population = dy.String(primary_key=True)
    geo_type = dy.Enum(GEO_TYPES, primary_key=True)
    location = dy.String(primary_key=True)
    window_start = dy.Date(primary_key=True)
    window_end = dy.Date(primary_key=True)
    rate = dy.Float64(nullable=True)
    rate_low = dy.Float64(nullable=True)
    rate_high = dy.Float64(nullable=True)
    sustained_days = dy.Int64(nullable=False, min=0)
    verdict = dy.Enum(["growing", "falling", "steady", "unknown"], nullable=False)
    reason = dy.Enum(["too_few_days", "too_few_events", "no_fit"], nullable=True)
    n_days = dy.Int64(nullable=False, min=0)
    sample_size = dy.Int64(nullable=True, min=0)

    @dy.rule()
    def rate_or_reason(cls) -> pl.Expr:
        """A rate lies within its interval and has no reason; without one there is a reason."""
        inside = (pl.col("rate_low") <= pl.col("rate")) & (pl.col("rate") <= pl.col("rate_high"))
        return (
            pl.when(pl.col("reason").is_null())
            .then(inside)
            .otherwise(pl.col("rate").is_null())
            .fill_null(False)
        )
