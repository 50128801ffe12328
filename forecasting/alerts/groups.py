"""Which alerts tell one story: a group keeps its name, and an alert its group, for as long as they last.

Not for deciding what is an alert. Grouped is what began within days of each other in one place, and one measure that is
up at the same time in one place or in places that hold each other (all places, a nation, its regions).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy import sparse
from scipy.sparse.csgraph import connected_components

NEAR_DAYS = {"day": 7, "week": 14}


def with_groups(alerts: pl.DataFrame, *, catalogue: pl.DataFrame) -> pl.DataFrame:
    """The alerts with `group_id` filled in where it is null.

    `alerts` has alert_id, group_id, kind, signal, geo_type, location, time_type, since, time_value and ended; those
    that have ended take in no new ones. A new alert joins the group of the earliest old one it is connected with, or a
    group named by the earliest of the new ones. Old groups are never merged, so that a story keeps its name.
    """
    if alerts.is_empty() or not alerts["group_id"].null_count():
        return alerts
    known = alerts.join(catalogue.select("signal", "measure"), on="signal", how="left").sort(
        "since", "alert_id"
    )
    is_old = pl.col("group_id").is_not_null()
    first_old = pl.col("group_id").filter(is_old).first().over("story")
    first_new = pl.col("alert_id").filter(~is_old).first().over("story")
    named = known.with_columns(story=_components(known)).with_columns(
        group_id=pl.coalesce("group_id", first_old, first_new)
    )
    return named.select(alerts.columns).sort("alert_id")


def _components(alerts: pl.DataFrame) -> pl.Series:
    """A number per alert: the same for those that are connected through new alerts."""
    # A contagion's window begins long before it says anything, and it is about a measure itself.
    begin = pl.when(pl.col("kind") == "contagion").then("time_value").otherwise("since")
    rows = alerts.with_row_index("row").select(
        "row", "geo_type", "time_value", begin=begin, measure=pl.coalesce("measure", "signal"),
        place=pl.col("location").str.to_uppercase(), new=pl.col("group_id").is_null(),
        ended=pl.col("ended").is_not_null(),
        near=pl.duration(days=pl.col("time_type").replace_strict(NEAR_DAYS, return_dtype=pl.Int64)),
    )  # fmt: skip
    new, alive = rows.filter("new"), rows.filter(~pl.col("ended"))
    near = pl.max_horizontal("near", "near_b")
    together = (pl.col("begin") - pl.col("begin_b")).abs() <= near
    overlap = (pl.col("begin") <= pl.col("time_value_b") + near) & (
        pl.col("begin_b") <= pl.col("time_value") + near
    )
    here = new.join(alive, on=["geo_type", "place"], suffix="_b")
    alike = new.join(alive, on="measure", suffix="_b")
    linked = pl.concat([
        here.filter(together | (overlap & (pl.col("measure") == pl.col("measure_b")))).select("row", "row_b"),
        alike.filter(overlap, _holds("", "_b") | _holds("_b", "")).select("row", "row_b"),
    ])  # fmt: skip
    edges = (linked["row"].to_numpy(), linked["row_b"].to_numpy())
    matrix = sparse.coo_matrix((np.ones(len(linked)), edges), shape=(len(alerts), len(alerts)))
    return pl.Series("story", connected_components(matrix, directed=False)[1])


def _holds(whole: str, part: str) -> pl.Expr:
    """Whether the place with the one suffix holds the place with the other: `US` holds `US-CA`, `all` everything."""
    geo, inner = pl.col(f"geo_type{whole}"), pl.col(f"geo_type{part}")
    region = pl.col(f"place{part}").str.starts_with(pl.col(f"place{whole}") + "-")
    return ((geo == "all") & (inner != "all")) | ((geo == "nation") & (inner == "region") & region)
