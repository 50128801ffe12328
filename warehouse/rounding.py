"""How a published count is rounded: one definition for signals, contagion and data quality. Not for what is hidden."""

from __future__ import annotations

import polars as pl


def to_step(count: pl.Expr, step: int) -> pl.Expr:
    """The nearest multiple of `step`, halves up and down as `round` does; the count's own type is not kept."""
    return (count / step).round() * step
