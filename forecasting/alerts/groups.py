"""Which alerts tell one story: a group keeps its name, and an alert its group, for as long as they last.

Not for deciding what is an alert. Grouped is what began within days of each other in one place, or with one measure in
places that hold each other (all places, a nation, its regions).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import sparse
from scipy.sparse.csgraph import connected_components

NEAR_DAYS = {"day": 7, "week": 14}


def with_groups(alerts: pl.DataFrame, *, catalogue: pl.DataFrame) -> pl.DataFrame:
    """The alerts with `group_id` filled in where it is null.

    `alerts` has alert_id, group_id, signal, geo_type, location, time_type, since and status (of text); resolved ones
    take in no new ones. A new alert joins the group of the earliest old one it is connected with, else a group named by
    the earliest of the new ones. Old groups are never merged, so that a story keeps its name.
    """
    if alerts.is_empty() or not alerts["group_id"].null_count():
        return alerts
    measures = catalogue.select("signal", "measure")
    known = alerts.join(measures, on="signal", how="left").sort("since", "alert_id")
    story = _components(known)
    is_old = pl.col("group_id").is_not_null()
    first_old = pl.col("group_id").filter(is_old).first().over("story")
    first_new = pl.col("alert_id").filter(~is_old).first().over("story")
    named = known.with_columns(story=story).with_columns(
        group_id=pl.coalesce("group_id", first_old, first_new)
    )
    return named.select(alerts.columns).sort("alert_id")


def _components(alerts: pl.DataFrame) -> pl.Series:
    """A number per alert: the same for those that are connected through new alerts."""
    rows = alerts.with_row_index("row").select(
        "row", "geo_type", "location", "measure", "since",
        new=pl.col("group_id").is_null(), over=pl.col("status") == "resolved",
        near=pl.col("time_type").replace_strict(NEAR_DAYS, return_dtype=pl.Int64),
    )  # fmt: skip
    pairs = rows.filter("new").join(rows.filter(~pl.col("over")), how="cross", suffix="_b")
    apart = (pl.col("since") - pl.col("since_b")).dt.total_days().abs()
    here = (pl.col("geo_type") == pl.col("geo_type_b")) & (pl.col("location") == pl.col("location_b"))
    alike = (pl.col("measure") == pl.col("measure_b")).fill_null(False) & (
        _holds("", "_b") | _holds("_b", "")
    )
    linked = pairs.filter(apart <= pl.max_horizontal("near", "near_b"), here | alike)
    edges = (linked["row"].to_numpy(), linked["row_b"].to_numpy())
    matrix = sparse.coo_matrix((np.ones(len(linked)), edges), shape=(len(alerts), len(alerts)))
    return pl.Series("story", connected_components(matrix, directed=False)[1])


def _holds(whole: str, part: str) -> pl.Expr:
    """Whether the place with the one suffix holds the place with the other: `US` holds `US-CA`, `all` everything."""
    geo, inner = pl.col(f"geo_type{whole}"), pl.col(f"geo_type{part}")
    region = (
        pl.col(f"location{part}")
        .str.to_uppercase()
        .str.starts_with(pl.col(f"location{whole}").str.to_uppercase() + "-")
    )
    return ((geo == "all") & (inner != "all")) | ((geo == "nation") & (inner == "region") & region)
