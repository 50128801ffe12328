"""What earlier issues that are still in the published folder said of a series, and what was revised since.

An issue can be there in two versions, when it was published again: the later one counts, as it did for readers.
Not for the current issue (`data.py`), and the warehouse, which knows every vintage, is not read.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from dashboard import data, files, words
from warehouse import translation
from warehouse.errors import InputError
from warehouse.newest_version import newest_version
from warehouse.translation import t, tn

_COLUMNS = [
    "time_value", "issue", "value", "se", "sample_size", "n_posts", "value_unweighted", "value_corrected",
    "corrected_se", "reliability", "missing_value",
]  # fmt: skip
_KEY = ["signal", "population", "geo_type", "geo_value", "time_type"]
_CHANGED = 1e-9


@dataclass(frozen=True, kw_only=True)
class Held:
    """An earlier issue on the disk."""

    issue: dt.date
    version: str
    folder: Path
    versions: int = 1


def held(published: Path, *, before: dt.date) -> list[Held]:
    """The issues of `published` before a day, newest first."""
    found = (_held(folder, root=published.resolve()) for folder in published.glob("issue=*"))
    return sorted(
        (item for item in found if item is not None and item.issue < before),
        key=lambda item: item.issue,
        reverse=True,
    )


def _held(folder: Path, *, root: Path) -> Held | None:
    try:
        issue = dt.date.fromisoformat(folder.name.partition("=")[2])
        latest = newest_version(folder)
        versions = len(list(folder.glob("version=*")))
    except (ValueError, OSError):
        # No date, or taken away while we looked.
        return None
    if latest is None or not latest.resolve().is_relative_to(root):
        return None
    version = latest.name.partition("=")[2]
    return Held(issue=issue, version=version, folder=latest, versions=versions)


def past(item: Held, *, series: data.Series) -> pl.DataFrame:
    """Every period of the series as that issue had it; `InputError` where its file cannot be read."""
    path = item.folder / "signals.parquet"
    try:
        rows = (
            pl.scan_parquet(path, glob=False)
            .filter(*(pl.col(name).cast(pl.String) == getattr(series, name) for name in _KEY))
            .select(_COLUMNS)
            .sort("time_value", "issue")
            .unique("time_value", keep="last", maintain_order=True)
            .collect()
        )
    except files.UNREADABLE as error:
        raise InputError(
            t(
                "Issue {issue} cannot be read: {path} is missing or damaged. Run `affectcast publish --as-of {day}` to "
                "write it again.",
                issue=item.issue,
                path=str(path),
                day=item.issue.isoformat(),
            )
        ) from error
    return rows.with_columns(pl.col("reliability").cast(pl.String))


@dataclass(frozen=True, kw_only=True)
class Revised:
    """What became of the periods that an earlier issue described.

    `largest`: the period, its value then and its value now, of the largest change.
    """

    known: int
    changed: int
    largest: tuple[dt.date, float, float] | None
    opened: int
    hidden: int
    new: int


def revised(then: pl.DataFrame, *, now: pl.DataFrame) -> Revised:
    """Compare `value` by `time_value`; periods before the first of `now` are left out."""
    start = now["time_value"].min()
    earlier = then.filter(pl.col("time_value") >= start).select("time_value", then="value")
    both = earlier.join(now.select("time_value", now="value"), on="time_value", how="inner")
    moved = both.with_columns(move=pl.col("now") - pl.col("then")).filter(pl.col("move").abs() > _CHANGED)
    largest = moved.sort(pl.col("move").abs(), "time_value", descending=[True, False]).head(1)
    shown_then, shown_now = pl.col("then").is_not_null(), pl.col("now").is_not_null()
    return Revised(
        known=earlier["then"].count(),
        changed=moved.height,
        largest=largest.select("time_value", "then", "now").row(0) if largest.height else None,
        opened=both.filter(~shown_then & shown_now).height,
        hidden=both.filter(shown_then & ~shown_now).height,
        new=now.join(earlier, on="time_value", how="anti")["value"].count(),
    )


def told(found: Revised, *, issue: dt.date, statistic: str) -> str:
    """What was revised, in sentences."""
    if not found.known:
        return t("On {issue} no number of this selection was known.", issue=issue)
    parts = [_changes(found, issue=issue, statistic=statistic)]
    if found.opened:
        parts.append(
            tn("{n} that was withheld is shown now.", "{n} that were withheld are shown now.", n=found.opened)
        )
    if found.hidden:
        parts.append(
            tn("{n} that was shown is withheld now.", "{n} that were shown are withheld now.", n=found.hidden)
        )
    if found.new:
        parts.append(tn("{n} period is new.", "{n} periods are new.", n=found.new))
    return " ".join(parts)


def _changes(found: Revised, *, issue: dt.date, statistic: str) -> str:
    if found.largest is None:
        return tn(
            "The {n} number known on {issue} has not changed since.",
            "None of the {n} numbers known on {issue} has changed since.",
            n=found.known,
            issue=issue,
        )
    day, then, now = found.largest
    counted = tn(
        "Of {known} numbers known on {issue}, {n} has changed since:",
        "Of {known} numbers known on {issue}, {n} have changed since:",
        n=found.changed,
        known=found.known,
        issue=issue,
    )
    most = t(
        "the most in the period ending {day}, by {change} (from {then} to {now}).",
        day=translation.date(day),
        change=words.difference(now - then, statistic=statistic),
        then=words.amount(then, statistic=statistic),
        now=words.amount(now, statistic=statistic),
    )
    return f"{counted} {most}"
