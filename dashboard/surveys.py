"""How signals moved with surveys, one row per comparison. Not for drawing, nor for saying what a figure means."""

from __future__ import annotations

import polars as pl

from warehouse.tables.out import SURVEY_COMPARISON

# What the page shows of a comparison: part, of, statistic.
FIGURES = {
    "levels": ("all", "level", "pearson"),
    "changes": ("all", "change", "pearson"),
    "second": ("second", "level", "pearson"),
    "last_value": ("second", "level", "last_value"),
    "error": ("second", "level", "error_against_last_value"),
    "ceiling": ("all", "level", "noise_ceiling"),
}


def comparisons(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per signal and survey of `survey_validity`: `n`, its days, and each figure with `_low` and `_high`."""
    main = _figure_is("all", "level", "pearson")
    shown = [
        pl.col(column).filter(_figure_is(*figure)).first().alias(name + end)
        for name, figure in FIGURES.items()
        for column, end in (("value", ""), ("low", "_low"), ("high", "_high"))
    ]
    about = [pl.col(column).filter(main).first() for column in ("n", "first_day", "last_day")]
    return rows.group_by(SURVEY_COMPARISON).agg(*about, *shown).sort(SURVEY_COMPARISON)


def _figure_is(part: str, of: str, statistic: str) -> pl.Expr:
    return (pl.col("part") == part) & (pl.col("of") == of) & (pl.col("statistic") == statistic)
