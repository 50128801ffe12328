"""Term counts to `out.term_weeks`: the words of each published week, from which any two windows can be compared.

Cells never overlap, so that no two of them leave anything between them. Not for which terms may be shown
(`term_floor.py`), and not for the newest days: `word_shifts.py` has them.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

import polars as pl

from warehouse.cells import signal_name
from warehouse.config import Config
from warehouse.shift import OTHER
from warehouse.signals import SignalSpec
from warehouse.store import Store
from warehouse.tables import TABLES, empty
from warehouse.term_counts import COUNTS, DAYS, TermScorer
from warehouse.term_floor import PLACE, TERM, shown_terms
from warehouse.vintages import latest

WEEKS, SIGNALS = TABLES["out.term_weeks"], TABLES["out.signals"]
WEEK_NOT_PUBLISHED = "week not published"
# Shares are published in ten-thousandths, and added up as such: no digit is lost.
_UNIT = 10_000
# Steps of a share, in ten-thousandths. So coarse a ladder does not tell how many posts a week has.
STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000)
_BILLION = 1_000_000_000
_CELL = ["signal", *PLACE]
# A Sunday: cells of several weeks are counted from it, so that they are the same every night.
_ORIGIN = dt.date(1970, 1, 4)
_WEEK = dt.timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Span:
    """The days of one cell: whole ISO weeks."""

    first: dt.date
    last: dt.date

    @property
    def sundays(self) -> list[dt.date]:
        return [self.first + dt.timedelta(days=6 + n) for n in range(0, (self.last - self.first).days, 7)]


@dataclass(frozen=True)
class TermCells:
    """Rows of `out.term_weeks` without an issue, and how many cells have none, by reason."""

    rows: pl.DataFrame
    reasons: dict[str, int]


def spans(config: Config, *, issue: dt.date) -> list[Span]:
    """The cells of an issue in order: as many as fit into `[words] weeks`, up to the last complete one."""
    together = config.words.weeks_together
    length = together * _WEEK
    end = _ORIGIN + ((SignalSpec(config=config, issue=issue).last_day - _ORIGIN) // length) * length
    ends = [end - number * length for number in range(config.words.weeks // together)]
    return [Span(first=last - length + dt.timedelta(days=1), last=last) for last in reversed(ends)]


def term_weeks(store: Store, *, scorer: TermScorer, config: Config, issue: dt.date) -> TermCells:
    """The cells of an issue and a scorer, from `core.term_counts` and `out.signals`.

    A signal has words in a place where each week of the cell is published with its people, and nowhere else.
    """
    named = {signal_name(scorer.name, measure, "share"): measure for measure in scorer.measures}
    all_spans = spans(config, issue=issue)
    reasons: Counter[str] = Counter()
    parts = [empty(WEEKS).drop("issue")]
    if all_spans:
        published = _published(store, signals=list(named), spans=all_spans, config=config, issue=issue)
        for span in all_spans:
            weeks = published.filter(pl.col("time_value").is_in(span.sundays))
            cells = weeks.group_by(_CELL).agg(
                whole=pl.col("shown").sum() == len(span.sundays), nobody=(pl.col("value") == 0.0).all()
            )
            reasons[WEEK_NOT_PUBLISHED] += cells.filter(~pl.col("whole")).height
            described = (
                cells.filter("whole")
                .sort(_CELL)
                .with_columns(dimension=pl.col("signal").replace_strict(named, return_dtype=pl.String))
            )
            if described.height:
                parts.append(_rows(store, scorer=scorer, span=span, described=described, config=config))
    return TermCells(rows=pl.concat(parts), reasons={reason: n for reason, n in reasons.items() if n})


def _published(
    store: Store, *, signals: list[str], spans: list[Span], config: Config, issue: dt.date
) -> pl.DataFrame:
    """signal, place, time_value and value of the weeks of these signals, and whether one is `shown` with its people."""
    levels = [level for level in config.words.levels if level in config.signals.levels]
    where = (
        "issue <= ? AND signal IN (SELECT unnest(?)) AND population = 'all' AND time_type = 'week' "
        "AND geo_type IN (SELECT unnest(?)) AND time_value BETWEEN ? AND ?"
    )
    parameters = [issue, signals, levels, spans[0].first, spans[-1].last]
    weeks = latest(store.read(SIGNALS, where=where, parameters=parameters))
    return weeks.select("signal", pl.col(PLACE).cast(pl.String), "time_value", "value", shown=_is_shown())


def _is_shown() -> pl.Expr:
    return pl.col("value").is_not_null() & pl.col("sample_size").is_not_null()


# ------------------------------------------------------------------------------------------ the rows of a cell


def _rows(
    store: Store, *, scorer: TermScorer, span: Span, described: pl.DataFrame, config: Config
) -> pl.DataFrame:
    """The rows of the described signals and places of one span.

    Where a signal is published as 0, its words are none: the few late posts that have one are not told of by the signal
    either.
    """
    days = store.query(
        "SELECT lexicon, term, dimension, geo_type::VARCHAR AS geo_type, geo_value, time_value, n_posts, n_people, "
        f"people, credit FROM {COUNTS.name} WHERE scorer = ? AND NOT negated AND time_value BETWEEN ? AND ?",
        [scorer.name, span.first, span.last],
    ).join(described.filter(~pl.col("nobody")), on=["dimension", *PLACE], how="inner")
    posts = store.query(
        f"SELECT geo_type::VARCHAR AS geo_type, geo_value, sum(n_posts)::BIGINT AS n FROM {DAYS.name} "
        "WHERE scorer = ? AND time_value BETWEEN ? AND ? GROUP BY ALL",
        [scorer.name, span.first, span.last],
    )
    floor, rounding = config.disclosure.people_floor, config.disclosure.rounding
    named = shown_terms(days, people=floor).select(
        *TERM, pl.col("n_people") // rounding * rounding,
        geo_type=pl.col("place").str.split(":").list.first(), geo_value=pl.col("place").str.split(":").list.last(),
    )  # fmt: skip
    sized = described.join(posts, on=PLACE, how="inner").with_columns(step=_step(rounding))
    rounded = _rounded(days, sized=sized)
    shown = rounded.filter(pl.col("term") != OTHER).join(
        named.filter(pl.col("n_people") >= floor), on=[*PLACE, *TERM], how="inner"
    )
    sums = shown.group_by(_CELL).agg(of_shown=pl.col("units").sum())
    other = (
        rounded.filter(pl.col("term") == OTHER)
        .join(sums, on=_CELL, how="left")
        .with_columns(units=pl.col("units") - pl.col("of_shown").fill_null(0))
    )
    rows = pl.concat([shown, other], how="diagonal").with_columns(
        time_value=pl.lit(span.last), weeks=pl.lit(config.words.weeks_together),
        share=pl.col("units") / _UNIT, step=pl.col("step") / _UNIT,
    )  # fmt: skip
    return _typed(rows)


def _step(rounding: int) -> pl.Expr:
    """The smallest step that is worth `rounding` of `n` posts, in ten-thousandths."""
    least = rounding / pl.col("n") * _UNIT
    ladder = [pl.when(least <= step).then(pl.lit(step)) for step in STEPS]
    return pl.coalesce(*ladder, pl.lit(_UNIT))


def _rounded(days: pl.DataFrame, *, sized: pl.DataFrame) -> pl.DataFrame:
    """Signal, place, lexicon, term, step and `units`, the share in ten-thousandths; `(other)` is all terms together.

    Credits are added in whole billionths, in any order.
    """
    billionths = (pl.col("credit") * _BILLION).round().cast(pl.Int64).sum()
    by_term = days.group_by(*_CELL, *TERM).agg(credit=billionths)
    total = (
        sized.select(_CELL)
        .join(days.group_by(_CELL).agg(credit=billionths), on=_CELL, how="left")
        # No term at all was used: nothing is missing, it is 0.
        .select(
            *_CELL, pl.lit("").alias("lexicon"), pl.lit(OTHER).alias("term"), pl.col("credit").fill_null(0)
        )
    )
    every = pl.concat([by_term, total]).join(sized.select(*_CELL, "n", "step"), on=_CELL, how="inner")
    share = (pl.col("credit") / _BILLION / pl.col("n")).clip(0.0, 1.0) * _UNIT
    units = (share / pl.col("step")).round().cast(pl.Int64) * pl.col("step")
    return every.select(*_CELL, *TERM, "step", units=units)


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    columns = [name for name in WEEKS.columns if name != "issue"]
    stamped = rows.select(columns).with_columns(issue=pl.col("time_value"))
    return WEEKS.schema.cast(stamped.select(WEEKS.columns)).drop("issue").sort(*_CELL, "time_value", *TERM)


# ------------------------------------------------------------------------------------------------ issues


_GROUP = [*_CELL, "time_value"]


def changed(store: Store, rows: pl.DataFrame, *, issue: dt.date) -> pl.DataFrame:
    """The cells that differ from the newest earlier issue of theirs, or have none, stamped with this one."""
    before = newest(store.read(WEEKS, where="issue < ?", parameters=[issue])).select(rows.columns)
    both = pl.concat([before, rows])
    differing = both.filter(~both.is_duplicated()).select(_GROUP).unique()
    fresh = rows.join(differing, on=_GROUP, how="semi", maintain_order="left")
    return fresh.with_columns(issue=pl.lit(issue)).select(WEEKS.columns)


def newest(rows: pl.DataFrame) -> pl.DataFrame:
    """The newest issue of every cell."""
    return rows.filter(pl.col("issue") == pl.col("issue").max().over(_GROUP))


def publishable(store: Store, *, config: Config, issue: dt.date) -> pl.DataFrame:
    """The cells of an issue whose signal is published there in it, and that its floor allows."""
    ends = [span.last for span in spans(config, issue=issue)]
    where = "issue <= ? AND time_value IN (SELECT unnest(?)) AND weeks = ?"
    rows = newest(store.read(WEEKS, where=where, parameters=[issue, ends, config.words.weeks_together]))
    signals = latest(store.read(SIGNALS, where="issue <= ? AND time_type = 'week'", parameters=[issue]))
    few = (pl.col("n_people") < config.disclosure.people_floor).fill_null(False)
    whole = rows.filter(~few.any().over(_GROUP))
    return whole.join(unpublished(whole, signals=signals), on=_GROUP, how="anti", maintain_order="left")


def unpublished(rows: pl.DataFrame, *, signals: pl.DataFrame) -> pl.DataFrame:
    """The cells of `out.term_weeks` of which some week is not among the published `signals`."""
    known = signals.filter(pl.col("population") == "all", pl.col("time_type") == "week", _is_shown()).select(
        "signal", pl.col(PLACE).cast(pl.String), "time_value", known=True
    )
    cells = rows.select("signal", pl.col(PLACE).cast(pl.String), "time_value", "weeks").unique()
    back = pl.int_ranges(0, pl.col("weeks"))
    each = cells.with_columns(back=back, end="time_value").explode("back").with_columns(
        time_value=pl.col("end") - pl.duration(weeks=pl.col("back"))
    )  # fmt: skip
    found = each.join(known, on=["signal", *PLACE, "time_value"], how="anti")
    types = {name: WEEKS.schema.create_empty().schema[name] for name in PLACE}
    return found.select(
        "signal", *[pl.col(name).cast(kind) for name, kind in types.items()], time_value="end"
    ).unique()


def breaches(rows: pl.DataFrame, *, signals: pl.DataFrame) -> list[str]:
    """What in a frame of `out.term_weeks` to be published breaks the rules, beside the floor of people."""
    unknown = rows.filter(pl.col("n_people").is_null(), pl.col("term") != OTHER).height
    unsigned = unpublished(rows, signals=signals).height
    sums = rows.group_by(_GROUP).agg(
        total=pl.col("share").sum().round(6), others=(pl.col("term") == OTHER).sum()
    )
    wrong = sums.filter(~pl.col("total").is_between(0.0, 1.0) | (pl.col("others") != 1)).height
    overlaps = rows.filter(pl.col("weeks").n_unique().over(*_CELL) > 1).height
    found = {
        "words of unknown people": unknown, "cells of a week that is not published": unsigned,
        "cells that do not add up": wrong, "cells of several lengths": overlaps,
    }  # fmt: skip
    return [f"out.term_weeks: {what}: {n} rows" for what, n in found.items() if n]
