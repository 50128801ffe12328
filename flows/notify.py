"""Open alerts, and runs that failed, to wherever the agency listens (e-mail, webhook, chat), through apprise.

Reads the publication, so a notice can say nothing that the dashboard does not. Addresses come from the
environment. Every alert is sent once: what was sent stands in a file beside the warehouse. Not for the demo.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import polars as pl

from warehouse.config import Config, notify_urls
from warehouse.publish import Publication

SENT = "notified.txt"
MOST_LINES = 20


def notify(publication: Publication, *, config: Config) -> str:
    """Send one notice with a sentence for every story of open alerts not sent before; returns what happened, or ''."""
    urls = () if config.run.demo else notify_urls()
    memory = config.paths.warehouse.parent / SENT
    fresh = _unsent(publication, memory=memory)
    if not urls or fresh.is_empty():
        return ""
    told_of = sentences(fresh)
    alerts = "1 new alert" if fresh.height == 1 else f"{fresh.height} new alerts"
    told = f" in {len(told_of)} stories" if 1 < len(told_of) < fresh.height else ""
    if not _send(told_of, urls=urls, title=f"Affectcast {publication.issue}: {alerts}{told}"):
        return "the notice could not be delivered to every address; it is tried again on the next run"
    with memory.open("a", encoding="utf-8") as file:
        file.writelines(f"{name}\n" for name in fresh["alert_id"])
    return f"notice of {fresh.height} alerts sent to {len(urls)} addresses"


def notify_trouble(message: str, *, title: str, config: Config) -> str:
    """Send one notice of a run that failed or could not read everything; returns what happened, or ''."""
    urls = () if config.run.demo else notify_urls()
    if not urls:
        return ""
    if not _send(message.splitlines(), urls=urls, title=title):
        return "the notice of this trouble could not be delivered to every address"
    return f"notice of this trouble sent to {len(urls)} addresses"


def _unsent(publication: Publication, *, memory: Path) -> pl.DataFrame:
    """Open alerts that were not sent yet, worst first."""
    sent = memory.read_text(encoding="utf-8").split() if memory.exists() else []
    alerts = pl.read_parquet(publication.folder / "alerts.parquet")
    return worst_first(alerts.filter(~pl.col("alert_id").is_in(sent)))


def worst_first(alerts: pl.DataFrame) -> pl.DataFrame:
    """The open ones, worst first."""
    rank = pl.col("severity").replace_strict({"high": 0, "medium": 1, "low": 2}, default=3)
    return alerts.filter(pl.col("status") == "open").sort(rank, "alert_id")


def sentences(fresh: pl.DataFrame) -> list[str]:
    """The clearest alert of each story, and how many more tell the same one."""
    counted = fresh.with_columns(more=pl.len().over("group_id") - 1)
    first = counted.unique("group_id", keep="first", maintain_order=True)
    return [
        f"{message} ({more} more of the same story.)" if more else message
        for message, more in first.select("message", "more").iter_rows()
    ]


def _send(messages: list[str], *, urls: tuple[str, ...], title: str) -> bool:
    more = (
        [f"… and {len(messages) - MOST_LINES} more on the dashboard."] if len(messages) > MOST_LINES else []
    )
    body = "\n".join(messages[:MOST_LINES] + more)
    with warnings.catch_warnings():
        # apprise still tells image types by a module that later Pythons have dropped.
        warnings.filterwarnings("ignore", message="'imghdr' is deprecated", category=DeprecationWarning)
        from apprise import Apprise

        sender = Apprise()
        understood = [sender.add(url) for url in urls]
        return bool(sender.notify(title=title, body=body)) and all(understood)
