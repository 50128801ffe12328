"""How much published numbers changed after they were first said, and how late. Not for choosing what was known when."""

from __future__ import annotations

import datetime as dt

import polars as pl

from warehouse.store import Store
from warehouse.tables import TABLES

REVISIONS = TABLES["out.revisions"]
_WINDOW_DAYS = 365


def revisions(store: Store, *, issue: dt.date) -> pl.DataFrame:
    """Rows of `out.revisions` from every issue of `out.signals` up to `issue`, over the last year's periods.

    The first issue of a cell is compared with its newest. Cells first issued by an assumed night are left out: nobody
    could have seen them on that day. Only what was published is read, so that nothing else can be learnt from it.
    """
    rows = store.query(
        """
        WITH cells AS (
            SELECT signal, geo_type, time_type, time_value,
                   arg_min(vintage, issue) AS first_vintage, max(issue) AS last_issue,
                   abs(arg_max(value, issue) - arg_min(value, issue)) AS change,
                   arg_max(sample_size, issue) - arg_min(sample_size, issue) AS people_added
            FROM out.signals
            WHERE issue <= $1 AND time_value > $1::DATE - $2::INTEGER AND value IS NOT NULL AND population = 'all'
            GROUP BY signal, geo_type, geo_value, time_type, time_value
        )
        SELECT signal, geo_type, time_type, count(*) AS n_cells, count(*) FILTER (change > 0) AS n_revised,
               round(avg(change) FILTER (change > 0), 6) AS mean_change,
               max(change) FILTER (change > 0) AS largest_change,
               round(avg(people_added) FILTER (change > 0), 2) AS mean_people_added,
               max(last_issue - time_value) FILTER (change > 0) AS last_after_days
        FROM cells WHERE first_vintage = 'real' GROUP BY ALL ORDER BY ALL
        """,
        [issue, _WINDOW_DAYS],
    )
    return REVISIONS.schema.cast(rows)
