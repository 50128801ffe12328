"""What the calendar's events did to the series on a page, as rows to show. Not for drawing events on a chart."""

from __future__ import annotations

from typing import Any

import polars as pl

from dashboard import data, words
from warehouse.translation import date, mark, number, t

REASONS = {
    "window_not_over": mark("its days are not over"),
    "too_few_days_before": mark("too few days before it"),
    "too_few_days_after": mark("too few days after it"),
    "too_few_placebo_days": mark("too few quiet days to judge by"),
}
BASIS = mark(
    "The move is the mean of the days after the start less what the same weekdays before let one expect; the range is "
    "90% and comes from days on which nothing is known to have happened. An event near a move is not its cause."
)


def effects(publication: data.Publication, *, series: list[data.Series]) -> list[dict[str, str]]:
    """One row per event and series, newest event first; empty where no effect is published."""
    calendar = publication.tables["events"].select("event_id", "name", "start")
    wanted = [
        (pl.col("signal") == item.signal)
        & (pl.col("geo_type") == item.geo_type)
        & (pl.col("location") == item.geo_value)
        for item in series
    ]
    found = publication.tables["event_effects"].filter(pl.any_horizontal(wanted))
    named = found.join(calendar, on="event_id", how="inner").sort(
        "start", "name", "location", "signal", descending=[True, False, False, False]
    )
    several = len({item.signal for item in series}) > 1
    return [_row(row, publication=publication, several=several) for row in named.iter_rows(named=True)]


def calendar_test(publication: data.Publication, *, series: data.Series) -> str | None:
    """A sentence on whether the series moves at the calendar's events at all; None where that is not known."""
    rows = publication.tables["event_tests"].filter(
        pl.col("signal") == series.signal, pl.col("geo_type") == series.geo_type,
        pl.col("location") == series.geo_value, pl.col("question") == "any_direction", pl.col("q_value").is_not_null(),
    )  # fmt: skip
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    known = {"p": number(row["p_value"], decimals=3), "q": number(row["q_value"], decimals=3)}
    known |= {"n": number(row["n_events"]), "shifts": number(row["n_shifts"])}
    if row["q_value"] < 0.05:
        return t(
            "Over all {n} events it moves more than at the same calendar shifted (p {p}, q {q}, {shifts} shifts).",
            **known,
        )
    return t(
        "Over all {n} events it moves no more than at the same calendar shifted (p {p}, q {q}, {shifts} shifts).",
        **known,
    )


def _row(row: dict[str, Any], *, publication: data.Publication, several: bool) -> dict[str, str]:
    """`several`: the rows are about more than one mood, so each says which."""
    known, statistic = row["effect"] is not None, publication.statistic(row["signal"])
    mood = {t("Mood"): publication.label(row["signal"])} if several else {}
    low, high = (words.difference(row[end], statistic=statistic) for end in ("low", "high"))
    return {
        t("Event"): row["name"],
        **mood,
        t("From"): date(row["start"]),
        t("Place"): publication.place(row["geo_type"], row["location"]),
        t("Move"): words.difference(row["effect"], statistic=statistic) if known else words.NOTHING,
        t("90% range"): words.between(low, high)
        if known
        else words.told(REASONS, row["reason"] or words.NOTHING),
        "p": number(row["p_value"], decimals=3) if known and row["p_value"] is not None else words.NOTHING,
        t("Days before, after"): f"{words.count(row['n_before'])}, {words.count(row['n_after'])}",
        t("People, at least"): words.count(row["sample_size"]),
    }
