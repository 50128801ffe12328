"""What the timelines page compares: series and estimates as lines, and as rows to download.

Not for selectors, charts or earlier issues.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from dashboard import data, words
from dashboard.timeline_charts import Line
from warehouse.spreadsheet import formula_safe
from warehouse.translation import mark, t

COMPARE = {
    "places": mark("Places"),
    "moods": mark("Moods"),
    "populations": mark("Whose posts"),
    "estimates": mark("Estimates"),
}
ESTIMATES = {
    "value": mark("One person, one vote"),
    "value_unweighted": mark("Without demographic weights"),
    "value_corrected": mark("Corrected, if the error rates hold here"),
}
# An unweighted number is published without an error of its own.
ERRORS = {"value": "se", "value_unweighted": "se", "value_corrected": "corrected_se"}
DECIMALS = 6


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One line of the page: a series by one of its estimates."""

    series: data.Series
    estimate: str = "value"


def estimates_of(inventory: pl.DataFrame) -> dict[str, str]:
    """Which estimates the series of an inventory have."""
    corrected = inventory.get_column("has_corrected").any()
    return {key: t(text) for key, text in ESTIMATES.items() if corrected or key != "value_corrected"}


def estimated(frame: pl.DataFrame, *, estimate: str) -> pl.DataFrame:
    """The frame with the estimate as `value` and its error as `se`."""
    return frame.with_columns(pl.col(estimate).alias("value"), pl.col(ERRORS[estimate]).alias("se"))


def since(frame: pl.DataFrame, *, span: str) -> dt.date | None:
    """The first day shown of a frame; None for all of it."""
    last = frame.get_column("time_value").max()
    if span == "all" or not isinstance(last, dt.date):
        return None
    return last - dt.timedelta(days=int(span) - 1)


def names(publication: data.Publication, *, shown: list[Shown], compare: str) -> list[str]:
    """What tells the lines apart."""
    return [_name(publication, item=item, compare=compare) for item in shown]


def _name(publication: data.Publication, *, item: Shown, compare: str) -> str:
    series = item.series
    if compare == "moods":
        return publication.label(series.signal)
    if compare == "populations":
        return words.population(series.population)
    if compare == "estimates":
        return words.told(ESTIMATES, item.estimate)
    return publication.place(series.geo_type, series.geo_value)


def heading(publication: data.Publication, *, first: Shown, compare: str) -> str:
    """What the lines have in common."""
    series = first.series
    mood = publication.label(series.signal)
    place = publication.place(series.geo_type, series.geo_value)
    if compare == "places":
        return mood
    return place if compare == "moods" else t("{mood} in {place}", mood=mood, place=place)


def units(publication: data.Publication, *, shown: list[Shown]) -> list[str]:
    """The different units of the lines; lines of two units share no axis."""
    found = {
        (publication.statistic(item.series.signal), publication.unit(item.series.signal)): None
        for item in shown
    }
    return [unit for _, unit in found]


def csv(lines: list[Line], *, shown: list[Shown], issue: dt.date, then: dt.date | None) -> bytes:
    """The numbers on the page with people, error, issue and reliability, those of the earlier issue below."""
    tables = [_rows(line.frame, item=item, known_on=issue) for line, item in zip(lines, shown, strict=True)]
    if then is not None:
        tables += [
            _rows(line.then, item=item, known_on=then)
            for line, item in zip(lines, shown, strict=True)
            if line.then is not None
        ]
    whole = pl.concat(tables).with_columns(formula_safe(pl.col(pl.String)))
    return whole.write_csv().encode()


def _rows(frame: pl.DataFrame, *, item: Shown, known_on: dt.date) -> pl.DataFrame:
    series = item.series
    fixed = {
        "signal": series.signal,
        "population": series.population,
        "geo_type": series.geo_type,
        "geo_value": series.geo_value,
        "time_type": series.time_type,
        "estimate": item.estimate,
    }
    return frame.select(
        *(pl.lit(text).alias(name) for name, text in fixed.items()),
        "time_value",
        pl.col("value").round(DECIMALS),
        # Shown with the weighted number's on the page, which says so; a file would not.
        (
            pl.lit(None, pl.Float64) if item.estimate == "value_unweighted" else pl.col("se").round(DECIMALS)
        ).alias("se"),
        "sample_size",
        "n_posts",
        "reliability",
        pl.col("missing_value")
        .replace_strict(words.MISSING, default=None, return_dtype=pl.String)
        .alias("missing"),
        "issue",
        pl.lit(known_on).alias("known_on"),
    )
