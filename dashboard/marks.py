"""The events and breaks of the data that are marked on a chart, and the same in words. Not for drawing them."""

from __future__ import annotations

import datetime as dt

import polars as pl

from dashboard import data, words
from warehouse.translation import date, mark, t

STAGES = {
    "preparedness": mark("Preparedness"),
    "response": mark("Response"),
    "recovery": mark("Recovery"),
    "mitigation": mark("Mitigation"),
}

Days = tuple[dt.date, dt.date]


def happens_in(geo_type: str, geo_value: str) -> pl.Expr:
    """Which events of the calendar are of a place: its own, those of the nation it is in, those of everywhere; all of
    them where it is everywhere."""
    where, place = pl.col("location"), pl.lit(geo_value)
    inside = where.is_null() | (where == place) | place.str.starts_with(where + "-")
    return pl.lit(value=True) if geo_type == "all" else inside


def events_of(publication: data.Publication, *, series: list[data.Series], days: Days) -> pl.DataFrame:
    """The calendar's events of these places within the days; `name` also tells the stage of a crisis."""
    found = publication.tables["events"].filter(
        pl.any_horizontal([happens_in(item.geo_type, item.geo_value) for item in series]),
        pl.col("start") <= days[1],
        pl.coalesce("end", "start") >= days[0],
    )
    stages = {stage: f" ({t(text).lower()})" for stage, text in STAGES.items()}
    told = pl.col("stage").replace_strict(stages, default="", return_dtype=pl.String).fill_null("")
    return found.with_columns(event="name", name=pl.col("name") + told).sort("start", "name")


def breaks_of(publication: data.Publication, *, series: list[data.Series], days: Days) -> pl.DataFrame:
    """`onset` and `label` of the breaks of these places, and of these signals' scorers, within the days."""
    places = pl.struct("geo_type", "geo_value").is_in(
        [{"geo_type": item.geo_type, "geo_value": item.geo_value} for item in series]
    )
    catalogue = publication.tables["signal_catalogue"]
    scorers = catalogue.filter(pl.col("signal").is_in([item.signal for item in series]))["scorer"].to_list()
    known = publication.tables["breaks"].filter(
        places | pl.col("what").is_in(["scorer_version", "query"]),
        pl.col("scorer").is_in(["all", *scorers]),
        pl.col("onset").is_between(*days),
    )
    told = {what: t(text) for what, text in words.BREAKS.items()}
    named = known.with_columns(pl.col("what").replace_strict(told, default=t("data")))
    return (
        named.group_by("onset")
        .agg(label=pl.lit(t("Data changed:") + " ") + pl.col("what").unique().sort().str.join(", "))
        .sort("onset")
    )


def in_words(
    publication: data.Publication, *, events: pl.DataFrame, breaks: pl.DataFrame
) -> list[dict[str, str]]:
    """One row per event and break, to be shown as a table."""
    happened = [
        {
            t("From"): date(row["start"]),
            t("To"): date(row["end"]) if row["end"] else words.NOTHING,
            t("What"): row["event"],
            t("Stage"): words.told(STAGES, row["stage"]) if row["stage"] else words.NOTHING,
            t("Where"): _where(publication, location=row["location"]),
        }
        for row in events.iter_rows(named=True)
    ]
    changed = [
        {
            t("From"): date(row["onset"]),
            t("To"): words.NOTHING,
            t("What"): row["label"],
            t("Stage"): words.NOTHING,
            t("Where"): words.NOTHING,
        }
        for row in breaks.iter_rows(named=True)
    ]
    return happened + changed


def _where(publication: data.Publication, *, location: str | None) -> str:
    if location is None:
        return t("Everywhere")
    kinds = (kind for kind, value in publication.places if value == location)
    return publication.place(next(kinds, "region"), location)
