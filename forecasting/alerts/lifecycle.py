"""From tonight's candidates and the earlier alerts to tonight's alerts: identity and status.

Not for statistics. An alert lasts until three periods passed without exceedance, whatever a person said of it.
"""

from __future__ import annotations

import datetime as dt
import hashlib

import polars as pl

from forecasting.alerts.cells import KEY
from forecasting.alerts.groups import with_groups
from forecasting.alerts.prevalence import QUIET_PERIODS
from warehouse.tables import TABLES, empty

ALERTS = TABLES["out.alerts"]
# Periods after which an alert whose series is not judged any more is over.
FORGOTTEN = 28


def alert_id(
    *, kind: str, signal: str, population: str, place: tuple[str, str], time_type: str, onset: dt.date
) -> str:
    """Stable name of an alert: a hash of what, for whom, where, by day or week, and since when.

    `place` is (geo_type, location).
    """
    parts = "\x1f".join([kind, signal, population, *place, time_type, onset.isoformat()])
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def identified(candidates: pl.DataFrame, *, previous: pl.DataFrame, issue: dt.date) -> pl.DataFrame:
    """The candidates with alert_id, group_id (null for new ones), `since` and `known`, whether the alert is alive.

    An earlier alert of the same key that was not over before tonight keeps its id, its group and its first day.
    """
    return _with_ids(candidates, before=_active(previous, issue=issue), previous=previous)


def live(
    current: pl.DataFrame,
    *,
    previous: pl.DataFrame,
    acknowledged: pl.DataFrame,
    catalogue: pl.DataFrame,
    issue: dt.date,
) -> pl.DataFrame:
    """Tonight's alerts in the Alerts contract, sorted by alert_id: new, continuing and over tonight.

    `current` are the candidates as `identified` gives them. An alert that neither fires nor exceeds keeps its evidence,
    and is over once `QUIET_PERIODS` periods lie between its last exceedance and the newest judged period, or
    `FORGOTTEN` periods since it was judged at all; until then an alert that was not judged stays as it was. What a
    person said of an alert changes its status and not how long it lasts. Rows that this same issue wrote before are
    read as earlier ones, so that a rerun gives the same rows.
    """
    before = _active(previous, issue=issue)
    firing = current.filter(pl.col("fires") | (pl.col("exceeds") & pl.col("known")))
    quiet = before.join(firing.select("alert_id"), on="alert_id", how="anti")
    rows = pl.concat([_fresh(firing), _carried(quiet, candidates=current, issue=issue)])
    grouped = with_groups(_acknowledge(rows, acknowledged=acknowledged), catalogue=catalogue)
    return _contract(grouped, issue=issue)


def _active(previous: pl.DataFrame, *, issue: dt.date) -> pl.DataFrame:
    named = previous.select(ALERTS.columns).with_columns(
        pl.col("kind", "geo_type", "time_type", "severity", "status").cast(pl.String)
    )
    newest = (
        named.filter(pl.col("issue") <= issue)
        .sort("issue")
        .unique("alert_id", keep="last", maintain_order=True)
    )
    active = newest.filter(pl.col("ended").is_null() | (pl.col("ended") == issue))
    # Two active alerts of one key can only come from outside; the newer one goes on.
    return active.sort("issue", "alert_id").unique(KEY, keep="last", maintain_order=True)


def _with_ids(candidates: pl.DataFrame, *, before: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    earlier = before.select(*KEY, "alert_id", "group_id", "since")
    known = candidates.join(earlier, on=KEY, how="left", maintain_order="left")
    fields = ["kind", "signal", "population", "geo_type", "location", "time_type", "onset", "time_value"]
    made = [
        alert_id(
            kind=row["kind"],
            signal=row["signal"],
            population=row["population"],
            place=(row["geo_type"], row["location"]),
            time_type=row["time_type"],
            onset=row["onset"] or row["time_value"],
        )
        for row in known.select(fields).iter_rows(named=True)
    ]
    named = known.with_columns(
        pl.col("alert_id").is_not_null().alias("known"),
        pl.coalesce("alert_id", pl.Series("_made", made, dtype=pl.String)).alias("alert_id"),
        pl.coalesce("since", "onset", "time_value").alias("since"),
    )
    # An episode that begins where an ended one began is that one again, in its old group.
    groups = previous.select("alert_id", old_group="group_id").unique(
        "alert_id", keep="last", maintain_order=True
    )
    again = named.join(groups, on="alert_id", how="left", maintain_order="left")
    return again.with_columns(pl.coalesce("group_id", "old_group").alias("group_id")).drop("old_group")


def _fresh(firing: pl.DataFrame) -> pl.DataFrame:
    alive = pl.lit(None, dtype=pl.Date).alias("ended")
    return firing.with_columns(pl.lit("open").alias("status"), alive).select(_columns())


def _carried(quiet: pl.DataFrame, *, candidates: pl.DataFrame, issue: dt.date) -> pl.DataFrame:
    """Earlier alerts without exceedance tonight: as they were, or over after enough quiet or unjudged periods."""
    judged = candidates.select([*KEY, pl.col("time_value").alias("judged_day")])
    step = pl.when(pl.col("time_type") == "week").then(7).otherwise(1)
    periods = (pl.col("judged_day") - pl.col("time_value")).dt.total_days() // step
    unjudged = (pl.lit(issue, dtype=pl.Date) - pl.col("time_value")).dt.total_days() // step
    over = (periods >= QUIET_PERIODS).fill_null(False) | (
        pl.col("judged_day").is_null() & (unjudged >= FORGOTTEN)
    )
    told = (
        pl.when(over).then(pl.lit("resolved")).otherwise(pl.lit("open")).alias("status"),
        pl.when(over).then(pl.lit(issue, dtype=pl.Date)).alias("ended"),
    )
    return quiet.join(judged, on=KEY, how="left").with_columns(told).select(_columns())


def _columns() -> list[str]:
    return [column for column in ALERTS.columns if column != "issue"]


def _acknowledge(rows: pl.DataFrame, *, acknowledged: pl.DataFrame) -> pl.DataFrame:
    """A person's verdict stands for as long as the alert lasts; the last one of an alert counts."""
    if acknowledged.is_empty():
        return rows
    verdicts = acknowledged.select("alert_id", pl.col("status").cast(pl.String).alias("verdict")).unique(
        "alert_id", keep="last", maintain_order=True
    )
    joined = rows.join(verdicts, on="alert_id", how="left")
    keep = pl.col("ended").is_not_null() | pl.col("verdict").is_null()
    return joined.with_columns(pl.when(keep).then("status").otherwise("verdict").alias("status")).drop(
        "verdict"
    )


def _contract(rows: pl.DataFrame, *, issue: dt.date) -> pl.DataFrame:
    if rows.is_empty():
        return empty(ALERTS)
    dated = rows.with_columns(pl.lit(issue, dtype=pl.Date).alias("issue"))
    return ALERTS.schema.validate(dated.select(ALERTS.columns), cast=True).sort("alert_id")
