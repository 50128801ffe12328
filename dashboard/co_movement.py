"""Places that move together and moods that grow, as sentences and table rows. Not for contagion along ties."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from dashboard import data, words
from dashboard.contagion import Q, span

VERDICTS = {"growing": "growing", "falling": "falling", "steady": "steady", "unknown": "not known"}
REASONS = {
    "too_few_days": "too few days",
    "too_few_events": "too few posts that express it",
    "no_fit": "no model fits",
}
LEAD_LAG_BASIS = (
    "One place's daily signal against another's some days later, after the calendar and what all places share are "
    "taken off; p against the same series shifted in a circle, q over all pairs and signals. Spread-like co-movement: "
    "nothing here looks at who meets whom, and a cause that reaches one place later gives the same picture."
)
GROWTH_BASIS = (
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
    pairs = words.plural(rows.height, one="pair of places", many="pairs of places")
    told = (
        "none moves" if not clear else f"{clear:,} move{'s' if clear == 1 else ''}"
    ) + " together at a delay beyond what shifting gives (q below 0.05)"
    return f"Of {pairs}, {told}; {span(rows.row(0, named=True))}."


def lead_lag_rows(rows: pl.DataFrame, *, publication: data.Publication) -> list[dict[str, str]]:
    """Clearest pair first."""
    return [
        _pair(row, publication=publication) for row in rows.sort("q_value", "p_value").iter_rows(named=True)
    ]


def _pair(row: dict[str, Any], *, publication: data.Publication) -> dict[str, str]:
    leader, follower = (publication.place(row["geo_type"], row[end]) for end in ("leader", "follower"))
    return {
        "Mood": publication.label(row["signal"]),
        "First": leader,
        "Then": follower,
        "Days between": words.count(row["lag"]),
        "Correlation": f"{row['correlation']:+.2f}",
        "q": f"{row['q_value']:.3f}",
        "Beyond chance": "yes" if row["q_value"] < Q else "no",
        "Days": words.count(row["n_days"]),
        "People a day, at least": words.count(row["sample_size"]),
    }


def growth_summary(rows: pl.DataFrame) -> str:
    """How many series have which verdict."""
    counts = dict(rows.group_by("verdict").len().iter_rows())
    told = ", ".join(f"{counts.get(name, 0):,} {text}" for name, text in VERDICTS.items())
    return f"Of {words.plural(rows.height, one='series', many='series')}: {told}; {span(rows.row(0, named=True))}."


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
    days = words.plural(row["sustained_days"], one="day", many="days")
    return {
        "Mood": publication.label(row["signal"]),
        "Place": place if row["population"] == "all" else f"{place}, {words.population(row['population'])}",
        "Verdict": VERDICTS.get(row["verdict"], row["verdict"]),
        "Change per day": per_day(row["rate"]),
        "95% interval": f"{per_day(row['rate_low'])} to {per_day(row['rate_high'])}"
        if known
        else REASONS.get(row["reason"], words.NOTHING),
        "Held for": days if row["sustained_days"] else words.NOTHING,
        "Days": words.count(row["n_days"]),
        "People a day, at least": words.count(row["sample_size"]),
    }


def per_day(rate: float | None) -> str:
    """A rate of the logarithm as a percentage per day."""
    return words.NOTHING if rate is None else f"{math.expm1(rate):+.1%}"
