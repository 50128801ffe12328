"""Where every received record went, as published counts. Not for what the records said."""

from __future__ import annotations

import datetime as dt

import polars as pl

from warehouse.errors import ContractError
from warehouse.store import Store


def intake_accounting(store: Store, *, issue: dt.date) -> pl.DataFrame:
    """Rows of `out.accounting` for the intake stage, summed over each source's files.

    Raises `ContractError` when records are unaccounted for: what the ledger says must be in the tables.
    """
    totals = store.query(
        "SELECT source AS subject, sum(received)::BIGINT AS received, sum(posts)::BIGINT AS posts, "
        "sum(duplicates)::BIGINT AS duplicates, sum(quarantined)::BIGINT AS quarantined FROM raw.intake GROUP BY source"
    )
    _check_tables(store, totals=totals)
    counts = totals.unpivot(index="subject", variable_name="reason", value_name="n")
    reasons = store.query(
        "SELECT source AS subject, 'quarantined:' || reason AS reason, count(*) AS n FROM raw.quarantine GROUP BY ALL"
    )
    rows = pl.concat([counts, reasons.cast(counts.schema)])
    return rows.with_columns(issue=pl.lit(issue), stage=pl.lit("intake")).sort("subject", "reason")


def _check_tables(store: Store, *, totals: pl.DataFrame) -> None:
    count = "SELECT source AS subject, count(*) AS n FROM {} GROUP BY source"
    removed = "SELECT source AS subject, sum(n) AS n FROM raw.removals GROUP BY source"
    for column, table, sql in (
        ("posts", "raw.posts", f"{count.format('raw.posts')} UNION ALL {removed}"),
        ("quarantined", "raw.quarantine", count.format("raw.quarantine")),
    ):
        kept = store.query(f"SELECT subject, sum(n)::BIGINT AS kept FROM ({sql}) GROUP BY subject")
        joined = totals.join(kept, on="subject", how="left").with_columns(
            pl.col("kept").fill_null(strategy="zero")
        )
        wrong = joined.filter(pl.col(column) != pl.col("kept"))
        if wrong.height:
            names = ", ".join(wrong["subject"].to_list())
            raise ContractError(
                f"{table}: row counts differ from raw.intake for {names}. Restore the warehouse."
            )
