"""Which published words go with an alert: of its own signal and place, or the nearest that there are.

Only published word shifts, whose words each have a crowd of their own. Not for the alert's numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from dashboard import data, words
from warehouse.shift import OTHER
from warehouse.translation import short_date, t

MOST_WORDS = 8


@dataclass(frozen=True)
class Words:
    """Rows to show, largest part first and all others together last, and what they are of."""

    rows: list[dict[str, str]]
    basis: str


def behind(publication: data.Publication, *, row: dict[str, Any]) -> Words | None:
    """The words of an alert's measure in its place, or in its nation; None where nothing is published."""
    shifts = publication.tables["word_shifts"]
    signals = signals_of(publication, signal=row["signal"])
    for geo_type, geo_value in places_of(row):
        found = shifts.filter(
            pl.col("signal").is_in(signals), pl.col("geo_type") == geo_type, pl.col("geo_value") == geo_value
        )
        if found.height:
            newest = found.filter(pl.col("window_end") == pl.col("window_end").max())
            own = newest.filter(pl.col("signal") == min(newest["signal"], key=signals.index))
            return Words(_rows(own), _basis(own.row(0, named=True), publication=publication))
    return None


def signals_of(publication: data.Publication, *, signal: str) -> list[str]:
    """The signal itself, then the others of its measure: a model's alert is read by the words of a list."""
    catalogue = publication.tables["signal_catalogue"]
    measure = catalogue.filter(pl.col("signal") == signal)["measure"]
    same = catalogue.filter(pl.col("measure").is_in(measure.implode()))["signal"].sort().to_list()
    return [signal, *(name for name in same if name != signal)]


def places_of(row: dict[str, Any]) -> list[tuple[str, str]]:
    """The alert's place, then its nation."""
    own = (row["geo_type"], row["location"])
    return [own, ("nation", row["location"][:2])] if row["geo_type"] == "region" else [own]


def _rows(shifts: pl.DataFrame) -> list[dict[str, str]]:
    named = shifts.filter(pl.col("term") != OTHER).sort(
        pl.col("contribution").abs(), "term", descending=[True, False]
    )
    shown, rest = (
        named.head(MOST_WORDS),
        pl.concat([named.slice(MOST_WORDS), shifts.filter(pl.col("term") == OTHER)]),
    )
    lines = [_line(item) for item in shown.iter_rows(named=True)]
    if rest.height:
        sums = {name: float(rest[name].sum()) for name in ("contribution", "share_before", "share_after")}
        lines.append(_line({"term": t("all other words"), "negated": False, "n_people": None} | sums))
    return lines


def _line(item: dict[str, Any]) -> dict[str, str]:
    return {
        t("Word"): t("not {word}", word=item["term"]) if item["negated"] else item["term"],
        t("Moved the share by"): words.difference(item["contribution"], statistic="share"),
        t("Before"): words.amount(item["share_before"], statistic="share"),
        t("After"): words.amount(item["share_after"], statistic="share"),
        t("People, at least"): words.count(item["n_people"]),
    }


def _basis(row: dict[str, Any], *, publication: data.Publication) -> str:
    return t(
        "{mood}, {place}: {start} to {end} against {before_start} to {before_end}, as shares of posts. The parts add "
        "up to the change; a word needs people of its own to be shown.",
        mood=publication.label(row["signal"]),
        place=publication.place(row["geo_type"], row["geo_value"]),
        start=short_date(row["window_start"]),
        end=row["window_end"],
        before_start=short_date(row["reference_start"]),
        before_end=row["reference_end"],
    )
