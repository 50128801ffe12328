"""How forecasts did against a flat line, from scores alone: one definition for pages, exports and summaries.

Not for making or choosing forecasts.
"""

from __future__ import annotations

import polars as pl

BASELINE = "flat_line"
SERIES = ["target", "population", "geo_type", "location"]
_STEP = ["task", *SERIES, "reference_date", "horizon"]


def relative_wis(scores: pl.DataFrame, *, by: tuple[str, ...] = ("task", "model_id")) -> pl.DataFrame:
    """Per series and `by`: mean WIS over the flat line's, on the steps that both were judged on.

    `scores` holds rows of `out.scores`. Columns: `by`, the series' four, relative_wis, n_judged, n_origins.
    A series on which either is 0 has no ratio and is left out. Below 1 is better than a flat line
    (Cramer et al. 2022).
    """
    wis = scores.filter(pl.col("metric") == "wis", pl.col("value").is_not_null())
    flat = wis.filter(pl.col("model_id") == BASELINE).select(*_STEP, flat="value")
    groups = [*by, *SERIES]
    paired = wis.join(flat, on=_STEP, how="inner").group_by(groups)
    means = paired.agg(
        pl.col("value", "flat").mean(), n_judged=pl.len(), n_origins=pl.col("reference_date").n_unique()
    )
    both = means.filter(pl.col("value") > 0.0, pl.col("flat") > 0.0)
    ratio = pl.col("value") / pl.col("flat")
    return both.select(*groups, ratio.alias("relative_wis"), "n_judged", "n_origins").sort(groups)


def overall(per_series: pl.DataFrame, *, by: tuple[str, ...] = ("task", "model_id")) -> pl.DataFrame:
    """Per `by`: the geometric mean over series, and how much it rests on. Best first within the first key."""
    relative = pl.col("relative_wis")
    grouped = per_series.group_by(by).agg(
        relative.log().mean().exp(),
        n_series=pl.len(),
        n_judged=pl.col("n_judged").sum(),
        win_rate=(relative < 1.0).mean(),
    )
    return grouped.sort(by[0], "relative_wis", *by[1:])


def in_words(relative: float | None) -> str:
    """What a relative WIS means to a reader."""
    if relative is None:
        return "not yet compared with a flat line"
    if round(relative, 2) >= 1.0:
        return "no better than a flat line"
    return f"{1 - relative:.0%} less error than a flat line"
