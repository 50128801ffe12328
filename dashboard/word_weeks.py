"""Which words moved a mood between any two windows of published weeks: sums over `out.term_weeks`, and their limits.

Weeks are weighed by the people behind the mood in them, since their posts are not published. Not for drawing, and not
for the words behind an alert: `shifts.py` has them.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import polars as pl

from dashboard import data, shifts, weekly
from warehouse.shift import OTHER

WEEKS_BEFORE = 4
# What is known of a word's part: all of it; no more than it, as too few people used it in one window; nothing.
EXACT, AT_MOST = "exact", "at_most"
_WORD = ["lexicon", "term"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One or more whole weeks that are published as one: the mood in them, and the people it is known from.

    The errors are None where one of a week is not known.
    """

    first: dt.date
    last: dt.date
    people: int
    value: float
    error: float | None
    error_if_same: float | None

    @property
    def weeks(self) -> int:
        return ((self.last - self.first).days + 1) // 7


@dataclass(frozen=True)
class Window:
    """Whole consecutive cells."""

    cells: tuple[Cell, ...]

    @property
    def first(self) -> dt.date:
        return self.cells[0].first

    @property
    def last(self) -> dt.date:
        return self.cells[-1].last

    @property
    def people(self) -> int:
        """People of each week, added up: who posted in two weeks is in it twice."""
        return sum(cell.people for cell in self.cells)

    def weights(self) -> dict[dt.date, float]:
        return {cell.last: cell.people / self.people for cell in self.cells}

    def overlaps(self, other: Window) -> bool:
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, kw_only=True)
class Change:
    """How much the mood itself changed; its error if every week has other people, and if it has the same ones."""

    before: float
    after: float
    error: float | None
    error_if_same: float | None

    @property
    def size(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Parts of a change of the share of posts.

    `parts`: lexicon, term, known, contribution, before, after, n_people; largest first. Of a part that is a bound, the
    side that is not published is null. The exact ones and `other`, which has before and after only, add up to the
    change. `partly`: words that are published in some of the weeks only.
    `step` is what shares are rounded to.
    """

    parts: pl.DataFrame
    other: tuple[float, float]
    partly: int
    step: float | None

    @property
    def exact(self) -> pl.DataFrame:
        return self.parts.filter(pl.col("known") == EXACT)

    @property
    def before(self) -> float:
        return float(self.exact["before"].sum()) + self.other[0]

    @property
    def after(self) -> float:
        return float(self.exact["after"].sum()) + self.other[1]

    @property
    def unexplained(self) -> float:
        return self.other[1] - self.other[0]


# ------------------------------------------------------------------------------------------ what there is


def cells(publication: data.Publication, *, series: data.Series) -> list[Cell]:
    """The published cells of a mood in a place, in order."""
    rows = _of(publication.tables["term_weeks"], series=series).select("time_value", "weeks").unique()
    weeks = data.timeline(publication, series=series).filter(
        pl.col("value").is_not_null(), pl.col("sample_size").is_not_null()
    )
    known = {row["time_value"]: row for row in weeks.iter_rows(named=True)}
    made = [_cell(last, weeks=number, known=known) for last, number in rows.sort("time_value").iter_rows()]
    return [cell for cell in made if cell is not None]


def best_told(publication: data.Publication) -> dict[str, str]:
    """Signal → the place in which most of its words are published in the newest period, the mood that moved most this
    week first; moods without a word are not here."""
    weeks = publication.tables["term_weeks"].filter(pl.col("term") != OTHER)
    newest = weeks.filter(
        pl.col("time_value") == pl.col("time_value").max().over("signal", "geo_type", "geo_value")
    )
    counted = newest.group_by("signal", "geo_type", "geo_value").len()
    moved = weekly.changes(publication).group_by("signal").agg(pl.col("z").abs().max())
    ordered = counted.join(moved, on="signal", how="left").sort(
        "z", "signal", "len", "geo_type", "geo_value",
        descending=[True, False, True, False, False], nulls_last=True,
    )  # fmt: skip
    best = ordered.unique("signal", keep="first", maintain_order=True)
    return {
        signal: f"{kind}:{value}"
        for signal, kind, value in best.select("signal", "geo_type", "geo_value").rows()
    }


def _of(rows: pl.DataFrame, *, series: data.Series) -> pl.DataFrame:
    return rows.filter(
        pl.col("signal") == series.signal,
        pl.col("geo_type") == series.geo_type,
        pl.col("geo_value") == series.geo_value,
    )


def _cell(last: dt.date, *, weeks: int, known: dict[dt.date, dict[str, Any]]) -> Cell | None:
    """A cell with the mood of its weeks; None where a week of the mood itself is not published."""
    found = [known.get(last - dt.timedelta(days=7 * back)) for back in range(weeks)]
    members = [row for row in found if row is not None]
    if len(members) < weeks:
        return None
    sizes = [row["sample_size"] for row in members]
    value, error, same = _mean([(row["value"], row["se"], row["se"]) for row in members], sizes=sizes)
    first = last - dt.timedelta(days=7 * weeks - 1)
    return Cell(first=first, last=last, people=sum(sizes), value=value, error=error, error_if_same=same)


_Number = tuple[float, float | None, float | None]


def _mean(numbers: list[_Number], *, sizes: list[int]) -> _Number:
    """Value and both errors of weeks, weighed by their people. The second error is the largest there can be."""
    weights = [size / sum(sizes) for size in sizes]
    value = sum(w * number[0] for w, number in zip(weights, numbers, strict=True))
    apart, same = (
        [w * error for w, error in zip(weights, side, strict=True) if error is not None]
        for side in ([number[1] for number in numbers], [number[2] for number in numbers])
    )
    known = len(apart) == len(same) == len(numbers)
    return (value, math.hypot(*apart), sum(same)) if known else (value, None, None)


def run_from(known: list[Cell], *, first: dt.date) -> list[Cell]:
    """The cells from `first` on that follow each other without a gap."""
    later = [cell for cell in known if cell.last >= first]
    run = later[:1]
    for before, cell in pairwise(later):
        if (cell.first - before.last).days != 1:
            break
        run.append(cell)
    return run


def usual(known: list[Cell], *, around: dt.date | None = None) -> tuple[Window, Window]:
    """The cell of a day, or the newest, and about four weeks before it in a row. Needs two cells."""
    at = next(
        (n for n, cell in enumerate(known) if around is not None and cell.last >= around), len(known) - 1
    )
    at = max(at, 1)
    before = [known[at - 1]]
    most = max(1, WEEKS_BEFORE // known[at].weeks)
    while len(before) < most and at - 1 - len(before) >= 0:
        earlier = known[at - 1 - len(before)]
        if (before[0].first - earlier.last).days != 1:
            break
        before.insert(0, earlier)
    return Window((known[at],)), Window(tuple(before))


def parameters(series: data.Series, *, window: Window, reference: Window) -> dict[str, str]:
    """The query parameters of the page for these windows."""
    return {
        "signal": series.signal, "place": series.place,
        "from": window.cells[0].last.isoformat(), "to": window.last.isoformat(),
        "against_from": reference.cells[0].last.isoformat(), "against_to": reference.last.isoformat(),
    }  # fmt: skip


def for_alert(publication: data.Publication, *, row: dict[str, Any]) -> dict[str, str] | None:
    """Where the page shows the weeks of an alert against those before: its own mood and place, or the nearest.

    None where no cell that has one before it holds the alert's day.
    """
    for geo_type, geo_value in shifts.places_of(row):
        for signal in shifts.signals_of(publication, signal=row["signal"]):
            series = data.Series(signal=signal, geo_type=geo_type, geo_value=geo_value)
            known = cells(publication, series=series)
            if len(known) > 1:
                window, reference = usual(known, around=row["time_value"])
                if window.first <= row["time_value"] <= window.last:
                    return parameters(series, window=window, reference=reference)
    return None


# ------------------------------------------------------------------------------------------ the comparison


def change(window: Window, reference: Window) -> Change:
    """The change of the mood as it is published, in shares of people."""
    after, before = (
        _mean(
            [(cell.value, cell.error, cell.error_if_same) for cell in side.cells],
            sizes=[cell.people for cell in side.cells],
        )
        for side in (window, reference)
    )
    return Change(
        before=before[0], after=after[0], error=_apart(after[1], before[1]), error_if_same=_apart(after[2], before[2])
    )  # fmt: skip


def _apart(after: float | None, before: float | None) -> float | None:
    """The error of a difference."""
    return None if after is None or before is None else math.hypot(after, before)


def shift(publication: data.Publication, *, series: data.Series, window: Window, reference: Window) -> Shift:
    """Each published word's part in the change of the share of posts with a word of the mood.

    A word that is published in each week of both windows has an exact part. One that is in each week of only one of
    them has at most the part that it would have if nobody had used it where it is not published. What is left is
    `other`.
    """
    rows = _of(publication.tables["term_weeks"], series=series)
    after, before = (_side(rows, window=side) for side in (window, reference))
    joined = after.join(before, on=_WORD, how="full", coalesce=True, suffix="_before").with_columns(
        pl.col("share", "share_before").fill_null(0.0), pl.col("whole", "whole_before").fill_null(value=False)
    )
    part = pl.col("share") - pl.col("share_before")
    both, one = pl.col("whole") & pl.col("whole_before"), pl.col("whole") != pl.col("whole_before")
    says = one & pl.when("whole").then(part > 0).otherwise(part < 0)
    named = joined.filter(pl.col("term") != OTHER).with_columns(
        known=pl.when(both).then(pl.lit(EXACT)).when(says).then(pl.lit(AT_MOST))
    )
    # What a word's use is where it is not published, is not known: it is no 0.
    parts = named.filter(pl.col("known").is_not_null()).select(
        *_WORD, "known", contribution=part, before=pl.when("whole_before").then("share_before"),
        after=pl.when("whole").then("share"),
        n_people=pl.min_horizontal("n_people", "n_people_before"),
    )  # fmt: skip
    exact = parts.filter(pl.col("known") == EXACT)
    left = [float(joined[name].sum()) - float(exact[side].sum())
            for name, side in (("share_before", "before"), ("share", "after"))]  # fmt: skip
    used = [cell.last for side in (window, reference) for cell in side.cells]
    step = rows.filter(pl.col("time_value").is_in(used))["step"].max()
    return Shift(
        parts=_in_order(parts), other=(left[0], left[1]), partly=named["known"].null_count(),
        step=step if isinstance(step, float) else None,
    )  # fmt: skip


def _side(rows: pl.DataFrame, *, window: Window) -> pl.DataFrame:
    """lexicon, term, share over a window, whether it is published in each cell of it, and the people of the least."""
    weights = window.weights()
    weighed = pl.DataFrame({"time_value": list(weights), "weight": list(weights.values())})
    return (
        rows.join(weighed, on="time_value", how="inner")
        .group_by(_WORD)
        .agg(
            share=(pl.col("share") * pl.col("weight")).sum(),
            whole=pl.len() == len(weights),
            n_people=pl.col("n_people").min(),
        )
    )


def _in_order(parts: pl.DataFrame) -> pl.DataFrame:
    return parts.sort(pl.col("contribution").abs(), *_WORD, descending=[True, False, False])


def newest_days(publication: data.Publication, *, series: data.Series) -> tuple[Shift, dict[str, Any]] | None:
    """The newest shift of a mood in a place as one of these, and its row of dates; None where there is none."""
    found = _of(publication.tables["word_shifts"], series=series)
    if found.is_empty():
        return None
    rows = found.filter(pl.col("window_end") == pl.col("window_end").max())
    parts = rows.filter(pl.col("term") != OTHER).select(
        *_WORD, "contribution", "n_people", known=pl.lit(EXACT), before="share_before", after="share_after"
    )
    other = rows.filter(pl.col("term") == OTHER)
    left = (float(other["share_before"].sum()), float(other["share_after"].sum()))
    return Shift(parts=_in_order(parts), other=left, partly=0, step=None), rows.row(0, named=True)
