"""What a post expresses above all: one of the measures, none of them, or nothing known. Not for scoring."""

from __future__ import annotations

import polars as pl

NO_MEASURE = "none"


def state_of(measures: tuple[str, ...], *, thresholds: dict[str, float]) -> pl.Expr:
    """The measure with the highest score among those at or above their threshold (the first named, where several
    are), `none` where no score reaches it, null where there is no score."""
    reached = [
        pl.when(pl.col(name) >= thresholds[name]).then(pl.col(name)).otherwise(-1.0) for name in measures
    ]
    highest = pl.max_horizontal(reached)
    state: pl.Expr = pl.lit(NO_MEASURE)
    for name, score in reversed(list(zip(measures, reached, strict=True))):
        state = pl.when(score == highest).then(pl.lit(name)).otherwise(state)
    state = pl.when(highest < 0).then(pl.lit(NO_MEASURE)).otherwise(state)
    return pl.when(~pl.all_horizontal(pl.col(*measures).is_null())).then(state).alias("state")
