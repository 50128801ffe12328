"""What pages on signals have in common: sections, places, what is missing and what was revised. Not for any page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from warehouse.translation import mark, number, percent, t, tn

RECENT_DAYS = 90
_CELLS = {
    "all": mark("Everywhere"), "nation": mark("Nations"), "region": mark("Regions"), "none": mark("Unknown places"),
}  # fmt: skip
_BY = {"day": mark("by day"), "week": mark("by week")}


def unit_of(row: dict[str, Any]) -> str:
    return as_typed(t(row["unit"]))


def as_typed(text: str) -> str:
    """A name that somebody gave, so that Markdown shows it as typed."""
    return re.sub(r"([\\`*_\[\]<>|#:$~!])", r"\\\1", " ".join(text.split()))


def section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"* {line}" for line in lines)


def missing(cells: pl.DataFrame) -> str:
    lines = list(_missing_lines(cells))
    return bullets(lines) if lines else t("Nothing was described in the last {n} days.", n=RECENT_DAYS)


def _where(row: dict[str, Any]) -> str:
    """`Regions, by week`."""
    level = t(_CELLS[row["geo_type"]]) if row["geo_type"] in _CELLS else row["geo_type"]
    return f"{level}, {t(_BY[row['time_type']])}"


def _missing_lines(cells: pl.DataFrame) -> Iterator[str]:
    for row in cells.iter_rows(named=True):
        people = ""
        if row["people"] is not None:
            people = "; " + t("{n} people in the middle one", n=round(row["people"]))
        yield t(
            "{where}: {published} of {cells} cells of the last {days} days published ({share}){people}. The others are "
            "withheld.",
            where=_where(row), published=row["published"], cells=row["cells"], days=RECENT_DAYS,
            share=percent(row["published"] / row["cells"], decimals=0), people=people,
        )  # fmt: skip


def revised_lines(rows: pl.DataFrame) -> list[str]:
    """How much numbers changed after they were first issued, a line per level and time type."""
    if rows.is_empty():
        return [
            t("No cell of the last year was issued on its own night yet, so nothing is known of revisions.")
        ]
    return [_revised(row) for row in rows.iter_rows(named=True)]


def _revised(row: dict[str, Any]) -> str:
    counts = {"where": _where(row), "revised": row["n_revised"], "cells": row["n_cells"]}
    if not row["n_revised"]:
        return t("{where}: {revised} of {cells} numbers changed.", **counts)
    return tn(
        "{where}: {revised} of {cells} numbers changed, by {mean} on average and {largest} at most, the last one {n} "
        "day after.",
        "{where}: {revised} of {cells} numbers changed, by {mean} on average and {largest} at most, the last one {n} "
        "days after.",
        n=row["last_after_days"], mean=number(row["mean_change"], decimals=4),
        largest=number(row["largest_change"], decimals=4), **counts,
    )  # fmt: skip
