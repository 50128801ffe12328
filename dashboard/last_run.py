"""How fresh the publication is, and what the night that made it did with its records. Not for alerts or numbers."""

from __future__ import annotations

import datetime as dt

import polars as pl

from dashboard import data
from warehouse import translation
from warehouse.translation import date, t, tn

# A nightly run may be a day late before anybody needs to hear of it.
LATEST_ISSUE_DAYS = 2
_WEEK = 6


def today() -> dt.date:
    """The day it is where the dashboard runs."""
    return dt.datetime.now().astimezone().date()


def warnings(publication: data.Publication) -> list[str]:
    """Why what is shown may be out of date; empty where it is as new as it should be."""
    found = [_old_day(publication)]
    # Made-up posts end on a made-up day.
    if not publication.demo:
        found.append(_old_issue(publication))
    return [text for text in found if text]


def _old_day(publication: data.Publication) -> str:
    """The newest day that has a row at all, published or withheld, against the day the issue should reach."""
    lag, newest = publication.reporting_lag_days, data.newest_periods(publication)
    if lag is None or not newest:
        return ""
    last = newest["day"] if "day" in newest else max(newest.values())
    expected = publication.issue - dt.timedelta(days=lag)
    late = (expected - last).days
    if late <= (0 if "day" in newest else _WEEK):
        return ""
    return tn(
        "The newest day described is {last}, {n} day older than it should be ({expected}): newer posts are missing.",
        "The newest day described is {last}, {n} days older than it should be ({expected}): newer posts are missing.",
        n=late,
        last=date(last),
        expected=date(expected),
    )


def _old_issue(publication: data.Publication) -> str:
    age = (today() - publication.issue).days
    if age < LATEST_ISSUE_DAYS:
        return ""
    return tn(
        "The newest issue is {n} day old. If it should come every night, the run has stopped.",
        "The newest issue is {n} days old. If it should come every night, the run has stopped.",
        n=age,
    )


def summary(publication: data.Publication) -> str:
    """What the night that made this issue kept, refused, published and withheld, in one line; empty where unknown."""
    rows = publication.tables["accounting"].filter(pl.col("issue") == publication.issue)
    counts = {
        (stage, reason): n
        for stage, reason, n in rows.group_by("stage", "reason").agg(pl.col("n").sum()).iter_rows()
    }
    parts = []
    if ("intake", "received") in counts:
        parts.append(
            t(
                "{posts} of {received} records received were kept as posts",
                posts=counts.get(("intake", "posts"), 0),
                received=counts["intake", "received"],
            )
        )
    if ("publish", "published") in counts:
        withheld = sum(n for (_, reason), n in counts.items() if reason.startswith("suppressed"))
        parts.append(
            t(
                "{n} numbers published, {withheld} withheld",
                n=counts["publish", "published"],
                withheld=withheld,
            )
        )
    if not parts:
        return ""
    return t("Last run, issue {day}: {what}.", day=translation.date(publication.issue), what="; ".join(parts))
