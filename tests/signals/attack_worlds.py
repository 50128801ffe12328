"""A reader who wants the hidden numbers: everything published as inequalities on the exact counts, and what they leave.

The strongest reader is played: one who knows the rules, and (`additive`) that nobody is in two places, writes in two
languages or posts twice, so that all families of cells add up exactly. Unknown are, per cell and issue, people `n`,
posts `m` and per share people with a hit `h` and their summed means `f`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from scipy.optimize import linprog
from scipy.sparse import csr_array

from warehouse.config import DisclosureConfig
from warehouse.tables import TABLES
from warehouse.vintages import latest

CELL = ["population", "geo_type", "geo_value", "time_type", "time_value"]
Cell = tuple[str, str, str, str, dt.date]
Key = tuple[Any, ...]
_CLOSE = 1e-6
# Fewer values than this are no room, whatever the published numbers are rounded to.
STEP = 5


@dataclass(frozen=True)
class Hidden:
    """A small count that is hidden: which, and what it is."""

    key: Key
    count: float
    top: int


@dataclass
class Knowledge:
    """Linear constraints on named unknowns, none of them negative."""

    config: DisclosureConfig
    index: dict[Key, int] = field(default_factory=dict)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    rows: list[dict[int, float]] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)
    said: set[tuple[frozenset[tuple[int, float]], float]] = field(default_factory=set)

    def unknown(self, key: Key) -> int:
        if key not in self.index:
            self.index[key] = len(self.lower)
            self.lower.append(0.0)
            self.upper.append(math.inf)
        return self.index[key]

    def within(self, key: Key, low: float, high: float) -> None:
        place = self.unknown(key)
        self.lower[place] = max(self.lower[place], low)
        self.upper[place] = min(self.upper[place], high)

    def at_most(self, terms: Iterable[tuple[Key, float]], bound: float = 0.0) -> None:
        row: dict[int, float] = defaultdict(float)
        for key, factor in terms:
            row[self.unknown(key)] += factor
        sign = (frozenset(row.items()), bound)
        if sign not in self.said:
            self.said.add(sign)
            self.rows.append(row)
            self.bounds.append(bound)

    def no_more(self, less: Key, more: Iterable[Key]) -> None:
        self.at_most([(less, 1.0), *((key, -1.0) for key in more)])

    def sums(self, whole: Key, parts: list[Key]) -> None:
        self.no_more(whole, parts)
        self.at_most([*((key, 1.0) for key in parts), (whole, -1.0)])

    def matrix(self) -> csr_array:
        places = [
            (number, place, factor) for number, row in enumerate(self.rows) for place, factor in row.items()
        ]
        at, column, values = zip(*places, strict=True)
        return csr_array((values, (at, column)), shape=(len(self.rows), len(self.lower)))

    def contradictions(self, truth: dict[Key, float]) -> list[Key]:
        """Unknowns and constraints that the true counts break: a reader with any of them fools himself."""
        point = np.array([truth[key] for key in self.index])
        names = list(self.index)
        outside = [
            names[place]
            for place in range(len(names))
            if not self.lower[place] - _CLOSE <= point[place] <= self.upper[place] + _CLOSE
        ]
        over = np.flatnonzero(self.matrix() @ point > np.array(self.bounds) + 1e-3)
        return outside + [tuple(names[place] for place in self.rows[number]) for number in over]

    def recovered(self, hidden: list[Hidden]) -> list[tuple[Hidden, float, float]]:
        """The hidden counts that come out, each with the least and the most that it can be.

        A count comes out where fewer than a rounding step of values are left, or where it is proven to be small and
        less than half of the small values are left. One solution that lets many counts reach `top` clears them
        together; only the others are looked at one by one.
        """
        if not hidden:
            return []
        matrix, limits = self.matrix(), np.array(self.bounds)
        bounds = np.column_stack([self.lower, self.upper])
        left = _cleared(hidden, self.index, bounds, matrix, limits, top=True)
        # The truth is one of the solutions: a count well below the top that can reach it has room enough.
        near = [one for one in hidden if one not in left and one.count > one.top - STEP]
        near = _cleared(near, self.index, bounds, matrix, limits, top=False)
        found = []
        for one in (*left, *near):
            low, high = (self._end(matrix, limits, bounds, self.index[one.key], sign) for sign in (1.0, -1.0))
            room = STEP if high >= one.top - _CLOSE else one.top / 2
            if high - low < room - _CLOSE:
                found.append((one, low, high))
        return found

    def _end(
        self, matrix: csr_array, limits: np.ndarray, bounds: np.ndarray, place: int, sign: float
    ) -> float:
        aim = np.zeros(bounds.shape[0])
        aim[place] = sign
        solved = linprog(aim, A_ub=matrix, b_ub=limits, bounds=bounds, method="highs")
        return math.inf if solved.status == 3 else sign * float(solved.fun)


def _cleared(
    hidden: list[Hidden],
    index: dict[Key, int],
    bounds: np.ndarray,
    matrix: csr_array,
    limits: np.ndarray,
    *,
    top: bool,
) -> list[Hidden]:
    """Those that no solution was found for in which they reach their top (or leave it by a step): each solution lets
    as many as it can, until one lets no more."""
    left = hidden
    while left:
        aims = [(index[one.key], float(one.top if top else one.top - STEP)) for one in left]
        point = _solution(matrix, limits, bounds, aims, sign=1.0 if top else -1.0)
        sign = 1.0 if top else -1.0
        still = [
            one for one, (place, aim) in zip(left, aims, strict=True) if sign * (point[place] - aim) < -_CLOSE
        ]
        if len(still) == len(left):
            return left
        left = still
    return left


def _solution(
    matrix: csr_array, limits: np.ndarray, bounds: np.ndarray, aims: list[tuple[int, float]], *, sign: float
) -> np.ndarray:
    """A solution whose unknowns together come as near to their aims as they can: from below (1) or above (-1)."""
    n, extra = bounds.shape[0], len(aims)
    at = np.repeat(np.arange(extra), 2)
    column = np.column_stack([n + np.arange(extra), [place for place, _ in aims]]).ravel()
    own = csr_array((np.tile([-1.0, -sign], extra), (at, column)), shape=(extra, n + extra))
    wide = csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], n + extra))
    solved = linprog(
        np.concatenate([np.zeros(n), np.ones(extra)]),
        A_ub=_stack(wide, own), b_ub=np.concatenate([limits, [-sign * aim for _, aim in aims]]),
        bounds=np.vstack([bounds, np.tile([0.0, np.inf], (extra, 1))]), method="highs",
    )  # fmt: skip
    assert solved.status == 0, solved.message
    return np.asarray(solved.x[:n])


def _stack(upper: csr_array, lower: csr_array) -> csr_array:
    return csr_array(
        (
            np.concatenate([upper.data, lower.data]),
            np.concatenate([upper.indices, lower.indices]),
            np.concatenate([upper.indptr, lower.indptr[1:] + upper.indptr[-1]]),
        ),
        shape=(upper.shape[0] + lower.shape[0], upper.shape[1]),
    )


# ------------------------------------------------------------------------- what is published, as constraints


@dataclass(frozen=True, kw_only=True)
class Reader:
    """`statistics`: signal → statistic; of a mean only its people are used.

    `groups`: signal → whom it counts, where that is not everybody; they are among everybody.
    """

    statistics: dict[str, str]
    config: DisclosureConfig
    additive: bool
    groups: dict[str, str] = field(default_factory=dict)

    def group(self, signal: str) -> str:
        return self.groups.get(signal, "everybody")

    def read(self, published: pl.DataFrame) -> Knowledge:
        """All that the rows of all issues say; 7-day averages left out, which are made of these rows."""
        known = Knowledge(self.config)
        plain = published.filter(pl.col("signal").is_in(list(self.statistics)))
        before: dt.date | None = None
        for issue in plain["issue"].unique().sort():
            for row in latest(plain.filter(pl.col("issue") <= issue)).iter_rows(named=True):
                self._row(known, issue, row)
            self._families(known, issue)
            if before is not None:
                self._late(known, before, issue)
            before = issue
        return known

    def _row(self, known: Knowledge, issue: dt.date, row: dict[str, Any]) -> None:
        cell, signal = tuple(row[name] for name in CELL), row["signal"]
        n, m = (("n", self.group(signal), issue, cell), ("m", self.group(signal), issue, cell))
        known.within(n, 1, math.inf)
        known.no_more(n, [m])
        if self.statistics[signal] == "share":
            f, h = ("f", signal, issue, cell), ("h", signal, issue, cell)
            known.no_more(f, [h])
            known.no_more(h, [f] if self.additive else [n])
            known.no_more(f, [n])
        if self._may_be_held(row, issue=issue):
            most = self.config.numerator_floor + self.config.rounding / 2
            known.within(("f", signal, issue, cell), 0, most)
        elif row["value"] is not None:
            self._units(known, row, n=n, m=m)
            self._value(known, issue, cell, row)

    def _may_be_held(self, row: dict[str, Any], *, issue: dt.date) -> bool:
        """Whether a row is a 0 of an earlier issue: it gets no new one while few people have a hit, and then neither
        its 0 nor its people are those of tonight. A reader who took it for true would contradict the truth."""
        is_zero = self.statistics[row["signal"]] == "share" and row["value_unweighted"] == 0.0
        return bool(is_zero and row["issue"] < issue)

    def _shown(self, row: dict[str, Any]) -> int:
        return int(row["n_posts"] if row["people_unknown"] else row["sample_size"])

    def _units(self, known: Knowledge, row: dict[str, Any], *, n: Key, m: Key) -> None:
        half, config, shown = self.config.rounding // 2, self.config, self._shown(row)
        floor = config.post_floor if row["people_unknown"] else config.people_floor
        known.within(n, max(shown - half, floor or 0), shown + half)
        if row["people_unknown"]:
            known.no_more(m, [n])
        elif row["reliability"] == "high":
            known.within(n, config.high_reliability, math.inf)
        else:
            known.within(n, 0, config.high_reliability - 1)
        if row["n_posts"] is not None:
            known.within(m, row["n_posts"] - half, row["n_posts"] + half)

    def _value(self, known: Knowledge, issue: dt.date, cell: Cell, row: dict[str, Any]) -> None:
        signal, shown = row["signal"], self._shown(row)
        n, count = ("n", self.group(signal), issue, cell), row["value_unweighted"] * shown
        if self.statistics[signal] == "share":
            f, h = ("f", signal, issue, cell), ("h", signal, issue, cell)
            least = 0.0 if count < _CLOSE else self.config.numerator_floor + 1.0
            known.within(h, least, math.inf if least else 0.0)
            _ratio(known, f, n, count=count, shown=shown, slack=self.config.rounding / 2)

    def _families(self, known: Knowledge, issue: dt.date) -> None:
        """Per counted thing: parents of the cells that have it, as far as they have it too."""
        counted: dict[tuple[str, str], set[Cell]] = defaultdict(set)
        for what, whose, when, cell in known.index:
            if when == issue:
                counted[what, whose].add(cell)
        for (what, whose), cells in counted.items():
            for (parent, kind), parts in _children(cells).items():
                whole, each = (what, whose, issue, parent), [(what, whose, issue, part) for part in parts]
                if self.additive or (what == "m" and kind == "week"):
                    known.sums(whole, each)
                elif what != "f":
                    for one in each:
                        known.no_more(one, [whole])
                    if kind == "week":
                        known.no_more(whole, each)
            for cell in cells:
                if what == "n" and whose != "everybody":
                    known.no_more((what, whose, issue, cell), [(what, "everybody", issue, cell)])

    def _late(self, known: Knowledge, before: dt.date, issue: dt.date) -> None:
        """Between two issues posts come and none go: nobody is new, nor newly has a hit, without a new post."""
        for what, whose, when, cell in list(known.index):
            old, new = (what, whose, before, cell), (what, whose, issue, cell)
            if when == issue and what in ("n", "m", "h") and old in known.index:
                known.no_more(old, [new])
                group = whose if what in ("n", "m") else self.group(whose)
                late = [(("m", group, issue, cell), -1.0), (("m", group, before, cell), 1.0)]
                known.at_most([(new, 1.0), (old, -1.0), *late])


def _children(cells: set[Cell]) -> dict[tuple[Cell, str], list[Cell]]:
    children: dict[tuple[Cell, str], list[Cell]] = defaultdict(list)
    for cell in sorted(cells):
        for kind, parent in _parents(cell):
            if parent in cells:
                children[parent, kind].append(cell)
    return children


def _ratio(known: Knowledge, count_of: Key, n: Key, *, count: float, shown: int, slack: float) -> None:
    """`count_of / n * shown` was rounded to `count`, which is at most `slack` away."""
    known.at_most([(count_of, float(shown)), (n, -(count + slack))])
    known.at_most([(count_of, -float(shown)), (n, count - slack)])


def _parents(cell: Cell) -> list[tuple[str, Cell]]:
    population, geo_type, geo_value, time_type, day = cell
    found = []
    if geo_type == "region":
        found.append(("place", (population, "nation", geo_value[:2], time_type, day)))
    if geo_type == "nation":
        found.append(("place", (population, "all", "all", time_type, day)))
    if "=" in population:
        found.append((population.split("=")[0], ("all", geo_type, geo_value, time_type, day)))
    if time_type == "day":
        found.append(
            ("week", (population, geo_type, geo_value, "week", day + dt.timedelta(days=7 - day.isoweekday())))
        )
    return found


# ----------------------------------------------------------------------------------------- the truth


def exact(core: pl.DataFrame, *, issues: Iterable[dt.date], reader: Reader) -> dict[Key, float]:
    """Every unknown of a reader, as it really was at each issue."""
    truth: dict[Key, float] = {}
    for issue in issues:
        for row in latest(core.filter(pl.col("issue") <= issue)).iter_rows(named=True):
            cell, signal = tuple(row[name] for name in CELL), row["signal"]
            units = row["n_posts"] if row["people_unknown"] else row["sample_size"]
            truth["n", reader.group(signal), issue, cell] = units
            truth["m", reader.group(signal), issue, cell] = row["n_posts"]
            total = row["value_unweighted"] * units
            if reader.statistics[signal] == "share":
                truth["h", signal, issue, cell] = row["numerator"]
                truth["f", signal, issue, cell] = total
    return truth


def small_and_hidden(published: pl.DataFrame, truth: dict[Key, float], *, reader: Reader) -> list[Hidden]:
    """What must not come out: fewer people than the floor, and 1 to `numerator_floor` people with a hit.

    Cells that were not there yet when their period was first issued are left out: that nobody posted then is public,
    so the late posts of the cells around them bound them. docs/disclosure.md has it among the limits.
    """
    config = reader.config
    floor = config.people_floor if config.post_floor is None else config.post_floor
    found: dict[Key, Hidden] = {}
    plain = published.filter(pl.col("signal").is_in(list(reader.statistics)))
    began = pl.col("issue").min().over("time_type", "time_value")
    came_late = plain.filter(pl.col("issue").min().over(CELL) > began).select(CELL).unique()
    for issue in plain["issue"].unique().sort():
        state = latest(plain.filter(pl.col("issue") <= issue)).join(came_late, on=CELL, how="anti")
        for row in state.filter(pl.col("value").is_null()).iter_rows(named=True):
            cell, signal = tuple(row[name] for name in CELL), row["signal"]
            n, h = ("n", reader.group(signal), issue, cell), ("h", signal, issue, cell)
            if 0 < truth[n] < floor:
                found[n] = Hidden(n, truth[n], floor)
            if 0 < truth.get(h, 0) <= config.numerator_floor:
                found[h] = Hidden(h, truth[h], config.numerator_floor + 1)
    return list(found.values())


# ------------------------------------------------------------------------------------ worlds of counts


def core_rows(groups: pl.DataFrame, *, issue: dt.date, hits: dict[str, str]) -> pl.DataFrame:
    """Rows of core.signals where everybody posts once: `groups` has region, lang, time_value, n and a column of people
    with a hit per share signal (`hits`: signal → column); every level, slice, day and whole week is summed up."""
    counted = ["n", *dict.fromkeys(hits.values())]
    week = pl.col("time_value") + pl.duration(days=7 - pl.col("time_value").dt.weekday().cast(pl.Int64))
    parts = [
        groups.with_columns(
            population=population,
            geo_type=pl.lit(level),
            geo_value=place,
            time_type=pl.lit(time_type),
            time_value=time,
        )
        for population in (pl.lit("all"), "lang=" + pl.col("lang"))
        for level, place in (
            ("all", pl.lit("all")),
            ("nation", pl.col("region").str.head(2)),
            ("region", "region"),
        )
        for time_type, time in (("day", pl.col("time_value")), ("week", week))
    ]
    cells = (
        pl.concat([part.select(*CELL, *counted) for part in parts]).group_by(CELL).agg(pl.col(counted).sum())
    )
    cells = cells.filter(pl.col("n") > 0)
    return pl.concat(
        [_as_core(cells, signal=signal, hits=column, issue=issue) for signal, column in hits.items()]
    )


def _as_core(cells: pl.DataFrame, *, signal: str, hits: str, issue: dt.date) -> pl.DataFrame:
    table = TABLES["core.signals"]
    value = pl.col(hits) / pl.col("n")
    tier = pl.when(pl.col("n") >= 200).then(pl.lit("high")).otherwise(pl.lit("moderate"))
    rows = cells.with_columns(
        signal=pl.lit(signal), issue=pl.lit(issue), value=value, value_unweighted=value, se=pl.lit(0.01),
        sample_size="n", n_posts="n", numerator=hits, reliability=tier, vintage=pl.lit("real"),
        people_unknown=pl.lit(False), value_corrected=pl.lit(None), corrected_se=pl.lit(None), missing_value=pl.lit(0),
        missing_se=pl.lit(0), missing_sample_size=pl.lit(0), main_lang=pl.lit(None), design_effect=pl.lit(1.0),
    )  # fmt: skip
    return table.schema.cast(rows.select(table.columns))
