"""Places that move together and moods that grow, as sentences and table rows. Not for contagion along ties."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from dashboard import data, words
from dashboard.contagion import Q, span
from warehouse.translation import mark, number, signed, signed_percent, t, tn

VERDICTS = {
    "growing": mark("growing"),
    "falling": mark("falling"),
    "steady": mark("steady"),
    "unknown": mark("not known"),
}
REASONS = {
    "too_few_days": mark("too few days"),
    "too_few_events": mark("too few posts that express it"),
    "no_fit": mark("no model fits"),
}
LEAD_LAG_BASIS = mark(
    "One place's daily signal against another's some days later, after the calendar and what all places share are "
    "taken off; p against the same series shifted in a circle, q over all pairs and signals. Spread-like co-movement: "
    "nothing here looks at who meets whom, and a cause that reaches one place later gives the same picture."
)
GROWTH_BASIS = mark(
    "The change per day of how many people express it, given how many post, over the window; weekdays taken off. "
    "Growing or falling needs an interval that excludes no change."
)


def signals_of(publication: data.Publication) -> dict[str, str]:
    """Signals that either table is about."""
    names = {name for table in ("lead_lag", "growth") for name in publication.tables[table]["signal"]}
    return data.signals_of(sorted(names), publication=publication)


def lead_lag_summary(rows: pl.DataFrame) -> str:
    """How many pairs stand out of how many."""
    clear = rows.filter(pl.col("q_value") < Q).height
    known = {
        "pairs": tn("{n} pair of places", "{n} pairs of places", n=rows.height),
        "q": number(Q, decimals=2),
        "span": span(rows.row(0, named=True)),
    }
    if not clear:
        return t(
            "Of {pairs}, none moves together at a delay beyond what shifting gives (q below {q}); {span}.",
            **known,
        )
    return tn(
        "Of {pairs}, {n} moves together at a delay beyond what shifting gives (q below {q}); {span}.",
        "Of {pairs}, {n} move together at a delay beyond what shifting gives (q below {q}); {span}.",
        n=clear,
        **known,
    )


def lead_lag_rows(rows: pl.DataFrame, *, publication: data.Publication) -> list[dict[str, str]]:
    """Clearest pair first."""
    return [
        _pair(row, publication=publication) for row in rows.sort("q_value", "p_value").iter_rows(named=True)
    ]


def _pair(row: dict[str, Any], *, publication: data.Publication) -> dict[str, str]:
    leader, follower = (publication.place(row["geo_type"], row[end]) for end in ("leader", "follower"))
    return {
        t("Mood"): publication.label(row["signal"]),
        t("First"): leader,
        t("Then"): follower,
        t("Days between"): words.count(row["lag"]),
        t("Correlation"): signed(row["correlation"], decimals=2),
        "q": number(row["q_value"], decimals=3),
        t("Beyond chance"): t("yes") if row["q_value"] < Q else t("no"),
        t("Days"): words.count(row["n_days"]),
        t("People a day, at least"): words.count(row["sample_size"]),
    }


def growth_summary(rows: pl.DataFrame) -> str:
    """How many series have which verdict."""
    counts = dict(rows.group_by("verdict").len().iter_rows())
    return t(
        "Of {n} series: {growing} growing, {falling} falling, {steady} steady, {unknown} not known; {span}.",
        n=rows.height,
        span=span(rows.row(0, named=True)),
        **{name: counts.get(name, 0) for name in VERDICTS},
    )


def growth_rows(rows: pl.DataFrame, *, publication: data.Publication) -> list[dict[str, str]]:
    """Growing first, the fastest on top; what is not known last."""
    order = pl.col("verdict").replace_strict(
        {name: k for k, name in enumerate(VERDICTS)}, return_dtype=pl.Int8
    )
    ordered = rows.sort(
        order, pl.col("rate").abs(), "signal", "location", descending=[False, True, False, False]
    )
    return [_growth(row, publication=publication) for row in ordered.iter_rows(named=True)]


def _growth(row: dict[str, Any], *, publication: data.Publication) -> dict[str, str]:
    known = row["rate"] is not None
    place = publication.place(row["geo_type"], row["location"])
    days = words.days(row["sustained_days"])
    return {
        t("Mood"): publication.label(row["signal"]),
        t("Place"): place
        if row["population"] == "all"
        else f"{place}, {words.population(row['population'])}",
        t("Verdict"): words.told(VERDICTS, row["verdict"]),
        t("Change per day"): per_day(row["rate"]),
        t("95% interval"): words.between(per_day(row["rate_low"]), per_day(row["rate_high"]))
        if known
        else words.told(REASONS, row["reason"] or words.NOTHING),
        t("Held for"): days if row["sustained_days"] else words.NOTHING,
        t("Days"): words.count(row["n_days"]),
        t("People a day, at least"): words.count(row["sample_size"]),
    }


def per_day(rate: float | None) -> str:
    """A rate of the logarithm as a percentage per day."""
    return words.NOTHING if rate is None else signed_percent(math.expm1(rate))
