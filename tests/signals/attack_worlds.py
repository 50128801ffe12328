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
        self.rows.append(row)
        self.bounds.append(bound)

    def no_more(self, less: Key, more: Iterable[Key]) -> None:
        self.at_most([(less, 1.0), *((key, -1.0) for key in more)])

    def sums(self, whole: Key, parts: list[Key]) -> None:
        self.no_more(whole, parts)
        self.at_most([*((key, 1.0) for key in parts), (whole, -1.0)])

    def matrix(self) -> csr_array:
        places = [(number, place, factor) for number, row in enumerate(self.rows) for place, factor in row.items()]
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

    def confined(self, hidden: list[Hidden]) -> list[tuple[Hidden, float]]:
        """The hidden counts that are proven to be below `top`, with the most that they can be.

        One solution that lets many of them reach `top` clears them all; only the others are looked at one by one.
        """
        matrix, limits = self.matrix(), np.array(self.bounds)
        bounds = np.column_stack([self.lower, self.upper])
        left = hidden
        for _ in range(3):
            if not left:
                return []
            point = _raised(matrix, limits, bounds, [(self.index[one.key], one.top) for one in left])
            left = [one for one in left if point[self.index[one.key]] < one.top - _CLOSE]
        found = []
        for one in left:
            aim = np.zeros(bounds.shape[0])
            aim[self.index[one.key]] = -1.0
            solved = linprog(aim, A_ub=matrix, b_ub=limits, bounds=bounds, method="highs")
            if solved.status != 3 and -solved.fun < one.top - _CLOSE:
                found.append((one, -solved.fun))
        return found


def _raised(matrix: csr_array, limits: np.ndarray, bounds: np.ndarray, aims: list[tuple[int, int]]) -> np.ndarray:
    """A solution in which the sum of min(unknown, top) is as large as it can be."""
    n, extra = bounds.shape[0], len(aims)
    at, column, values = [], [], []
    for number, (place, _) in enumerate(aims):
        at += [number, number]
        column += [n + number, place]
        values += [1.0, -1.0]
    own = csr_array((values, (at, column)), shape=(extra, n + extra))
    wide = csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], n))
    wide = csr_array((wide.data, wide.indices, wide.indptr), shape=(matrix.shape[0], n + extra))
    stacked = _stack(wide, own)
    tops = [(0.0, float(top)) for _, top in aims]
    aim = np.concatenate([np.zeros(n), -np.ones(extra)])
    solved = linprog(
        aim, A_ub=stacked, b_ub=np.concatenate([limits, np.zeros(extra)]),
        bounds=np.vstack([bounds, np.array(tops)]), method="highs",
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
    """`statistics`: signal → statistic. `thresholds`: share → (its mean, the least score of a hit)."""

    statistics: dict[str, str]
    config: DisclosureConfig
    additive: bool
    thresholds: dict[str, tuple[str, float]] = field(default_factory=dict)

    def read(self, published: pl.DataFrame) -> Knowledge:
        """All that the rows of all issues say; 7-day averages left out, which are made of these rows."""
        known = Knowledge(self.config)
        plain = published.filter(pl.col("signal").is_in(list(self.statistics)))
        before: set[Cell] = set()
        for issue in plain["issue"].unique().sort():
            state = latest(plain.filter(pl.col("issue") <= issue))
            cells: dict[Cell, dict[str, dict[str, Any]]] = defaultdict(dict)
            for row in state.iter_rows(named=True):
                cells[tuple(row[name] for name in CELL)][row["signal"]] = row
            for cell, rows in cells.items():
                self._cell(known, issue, cell, rows)
            self._families(known, issue, set(cells))
            if before:
                self._late(known, issue, before & set(cells))
            before = set(cells)
        return known

    def _cell(self, known: Knowledge, issue: dt.date, cell: Cell, rows: dict[str, dict[str, Any]]) -> None:
        n, m = ("n", issue, cell), ("m", issue, cell)
        known.within(n, 1, math.inf)
        known.no_more(n, [m])
        for signal, row in rows.items():
            if self.statistics[signal] == "share":
                f, h = ("f", signal, issue, cell), ("h", signal, issue, cell)
                known.no_more(f, [h])
                known.no_more(h, [n])
            if row["value"] is not None:
                self._numbers(known, issue, cell, row)

    def _numbers(self, known: Knowledge, issue: dt.date, cell: Cell, row: dict[str, Any]) -> None:
        half, config = self.config.rounding // 2, self.config
        n, m, signal, shown = ("n", issue, cell), ("m", issue, cell), row["signal"], row["sample_size"]
        known.within(n, max(shown - half, config.people_floor), shown + half)
        tier = (config.high_reliability, math.inf) if row["reliability"] == "high" else (0, config.high_reliability - 1)
        known.within(n, *tier)
        if row["n_posts"] is not None:
            known.within(m, row["n_posts"] - half, row["n_posts"] + half)
        count, total = row["value_unweighted"] * shown, ("s", signal, issue, cell)
        if self.statistics[signal] == "share":
            f, h = ("f", signal, issue, cell), ("h", signal, issue, cell)
            known.within(h, *((0, 0) if count < _CLOSE else (config.numerator_floor + 1, math.inf)))
            _ratio(known, f, n, count=count, shown=shown, slack=config.rounding / 2)
        else:
            _ratio(known, total, n, count=count, shown=shown, slack=0.5)
            for share, (mean, least) in self.thresholds.items():
                if mean == signal:
                    known.at_most([(("f", share, issue, cell), least), (total, -1.0)])

    def _families(self, known: Knowledge, issue: dt.date, cells: set[Cell]) -> None:
        children: dict[tuple[Cell, str], list[Cell]] = defaultdict(list)
        for cell in cells:
            for kind, parent in _parents(cell):
                if parent in cells:
                    children[parent, kind].append(cell)
        shares = [signal for signal, statistic in self.statistics.items() if statistic == "share"]
        for (parent, kind), parts in children.items():
            if self.additive or kind == "week":
                known.sums(("m", issue, parent), [("m", issue, part) for part in parts])
            for name in [("n",), *(("h", signal) for signal in shares)]:
                whole, each = (*name, issue, parent), [(*name, issue, part) for part in parts]
                if self.additive:
                    known.sums(whole, each)
                    if name[0] == "h":
                        known.sums(("f", *whole[1:]), [("f", *one[1:]) for one in each])
                else:
                    for one in each:
                        known.no_more(one, [whole])
                    if kind == "week":
                        known.no_more(whole, each)

    def _late(self, known: Knowledge, issue: dt.date, cells: set[Cell]) -> None:
        """Between two issues posts come and none go: nobody is new, nor newly has a hit, without a new post."""
        shares = [signal for signal, statistic in self.statistics.items() if statistic == "share"]
        earlier = max(key[1] for key in known.index if key[0] == "n" and key[1] < issue)
        for cell in cells:
            late = [(("m", issue, cell), -1.0), (("m", earlier, cell), 1.0)]
            for name in [("n",), ("m",), *(("h", signal) for signal in shares)]:
                old, new = (*name, earlier, cell), (*name, issue, cell)
                if old in known.index and new in known.index:
                    known.no_more(old, [new])
                    if name != ("m",):
                        known.at_most([(new, 1.0), (old, -1.0), *late])


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
        found.append(("week", (population, geo_type, geo_value, "week", day + dt.timedelta(days=7 - day.isoweekday()))))
    return found


# ----------------------------------------------------------------------------------------- the truth


def exact(core: pl.DataFrame, *, issues: Iterable[dt.date], statistics: dict[str, str]) -> dict[Key, float]:
    """Every unknown of a `Reader`, as it really was at each issue."""
    truth: dict[Key, float] = {}
    for issue in issues:
        for row in latest(core.filter(pl.col("issue") <= issue)).iter_rows(named=True):
            cell = tuple(row[name] for name in CELL)
            truth["n", issue, cell] = row["sample_size"]
            truth["m", issue, cell] = row["n_posts"]
            total = row["value_unweighted"] * row["sample_size"]
            if statistics[row["signal"]] == "share":
                truth["h", row["signal"], issue, cell] = row["numerator"]
                truth["f", row["signal"], issue, cell] = total
            else:
                truth["s", row["signal"], issue, cell] = total
    return truth


def small_and_hidden(
    published: pl.DataFrame, truth: dict[Key, float], *, statistics: dict[str, str], config: DisclosureConfig
) -> list[Hidden]:
    """What must not come out: fewer people than the floor, and 1 to `numerator_floor` people with a hit."""
    found: dict[Key, Hidden] = {}
    plain = published.filter(pl.col("signal").is_in(list(statistics)))
    for issue in plain["issue"].unique().sort():
        state = latest(plain.filter(pl.col("issue") <= issue))
        for row in state.filter(pl.col("value").is_null()).iter_rows(named=True):
            cell = tuple(row[name] for name in CELL)
            n, h = ("n", issue, cell), ("h", row["signal"], issue, cell)
            if 0 < truth[n] < config.people_floor:
                found[n] = Hidden(n, truth[n], config.people_floor)
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
            population=population, geo_type=pl.lit(level), geo_value=place, time_type=pl.lit(time_type), time_value=time
        )
        for population in (pl.lit("all"), "lang=" + pl.col("lang"))
        for level, place in (("all", pl.lit("all")), ("nation", pl.col("region").str.head(2)), ("region", "region"))
        for time_type, time in (("day", pl.col("time_value")), ("week", week))
    ]
    cells = pl.concat([part.select(*CELL, *counted) for part in parts]).group_by(CELL).agg(pl.col(counted).sum())
    cells = cells.filter(pl.col("n") > 0)
    return pl.concat([_as_core(cells, signal=signal, hits=column, issue=issue) for signal, column in hits.items()])


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
