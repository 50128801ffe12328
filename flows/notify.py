"""Open alerts to wherever the agency listens (e-mail, webhook, chat), through apprise.

Reads the publication, so a notice can say nothing that the dashboard does not. Addresses come from the
environment. Not for alerts about runs.
"""

from __future__ import annotations

import polars as pl

from warehouse.config import notify_urls
from warehouse.publish import Publication


def open_alerts(publication: Publication) -> pl.DataFrame:
    """The open alerts that are new in this issue, worst first."""
    alerts = pl.read_parquet(publication.folder / "alerts.parquet")
    fresh = alerts.filter((pl.col("status") == "open") & (pl.col("issue") == publication.issue))
    rank = pl.col("severity").replace_strict({"high": 0, "medium": 1, "low": 2}, default=3)
    return fresh.sort(rank, "alert_id")


def notify(publication: Publication, *, limit: int = 20) -> int:
    """Send one notice with the open alerts' own sentences; returns to how many addresses."""
    urls = notify_urls()
    messages = open_alerts(publication)["message"].to_list()
    if not urls or not messages:
        return 0
    from apprise import Apprise

    sender = Apprise()
    accepted = sum(1 for url in urls if sender.add(url))
    more = [f"… and {len(messages) - limit} more on the dashboard."] if len(messages) > limit else []
    sender.notify(
        title=f"Affectcast {publication.issue}: {len(messages)} open alerts",
        body="\n".join(messages[:limit] + more),
    )
    return accepted
