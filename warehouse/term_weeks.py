"""Term counts to `out.term_weeks`: the words of each published week, from which any two windows can be compared.

Cells never overlap, so that no two of them leave anything between them. Not for which terms may be shown
(`term_floor.py`), and not for the newest days: `word_shifts.py` has them.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from warehouse.cells import signal_name
from warehouse.config import Config
from warehouse.shift import OTHER
from warehouse.signals import SignalSpec
from warehouse.store import Store
from warehouse.tables import TABLES, empty
from warehouse.term_counts import COUNTS, DAYS, TermScorer
from warehouse.term_floor import PLACE, TERM, Shown, placed, shown_terms
from warehouse.vintages import latest

WEEKS, SIGNALS = TABLES["out.term_weeks"], TABLES["out.signals"]
WEEK_NOT_PUBLISHED, NOT_COVERED = "week not published", "no words to hide the rare ones among"
# Shares are published in ten-thousandths, and added up as such: no digit is lost.
UNIT = 10_000
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


def last_sunday(config: Config, *, issue: dt.date) -> dt.date:
    """The end of the last complete cell of an issue."""
    length = config.words.weeks_together * _WEEK
    return _ORIGIN + ((SignalSpec(config=config, issue=issue).last_day - _ORIGIN) // length) * length


def spans(config: Config, *, issue: dt.date) -> list[Span]:
    """The cells of an issue in order: as many as fit into `[words] weeks`, up to the last complete one."""
    together = config.words.weeks_together
    length, end = together * _WEEK, last_sunday(config, issue=issue)
    ends = [end - number * length for number in range(config.words.weeks // together)]
    return [Span(first=last - length + dt.timedelta(days=1), last=last) for last in reversed(ends)]


def named(scorers: Sequence[TermScorer]) -> pl.DataFrame:
    """scorer, dimension and signal of all their shares."""
    rows = [
        (one.name, measure, signal_name(one.name, measure, "share"))
        for one in scorers
        for measure in one.measures
    ]
    return pl.DataFrame(
        rows, schema=dict.fromkeys(("scorer", "dimension", "signal"), pl.String), orient="row"
    )


def term_weeks(store: Store, *, scorers: Sequence[TermScorer], config: Config, issue: dt.date) -> TermCells:
    """The cells of an issue, from `core.term_counts`, `out.signals` and the cells of earlier issues.

    A signal has words in a place where each week of the cell is published with its people, and nowhere else. All
    scorers are judged together: what one of them hides, another must not show.
    """
    names, all_spans = named(scorers), spans(config, issue=issue)
    reasons: Counter[str] = Counter()
    parts = [empty(WEEKS).drop("issue")]
    if all_spans and names.height:
        signals = names["signal"].to_list()
        published = _published(store, signals=signals, spans=all_spans, config=config, issue=issue)
        where = "issue < ? AND weeks = ?"
        earlier = newest(store.read(WEEKS, where=where, parameters=[issue, config.words.weeks_together]))
        covers: tuple[str, ...] = ()
        for span in all_spans:
            weeks = published.filter(pl.col("time_value").is_in(span.sundays))
            cells = weeks.group_by(_CELL).agg(
                whole=pl.col("shown").sum() == len(span.sundays), nobody=(pl.col("value") == 0.0).all()
            )
            reasons[WEEK_NOT_PUBLISHED] += cells.filter(~pl.col("whole")).height
            described = cells.filter("whole").join(names, on="signal", how="inner").sort(_CELL)
            before = earlier.filter(pl.col("time_value") == span.last)
            if described.height:
                days, posts = _counted(store, span=span, described=described)
                may = shown_terms(days, before=before, people=config.disclosure.people_floor, like=covers)
                covers = may.covers
                kept = _kept(days, posts=posts, described=described, may=may, config=config)
                reasons[NOT_COVERED] += described.height - kept.height
                parts.append(_rows(days, kept=kept, may=may, last=span.last, config=config))
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


def _kept(
    days: pl.DataFrame, *, posts: pl.DataFrame, described: pl.DataFrame, may: Shown, config: Config
) -> pl.DataFrame:
    """The described signals and places that have a cell, with their posts `n` and the `step` of their shares.

    Where a signal is published as 0, its words are none: the few late posts that have one are not told of by the signal
    either.
    """
    wordless = described.join(days.select(_CELL).unique(), on=_CELL, how="anti")
    allowed = pl.concat([placed(wordless).select("signal", "place"), may.cells])
    sized = placed(described.join(posts, on=["scorer", *PLACE], how="inner"))
    return sized.join(allowed, on=["signal", "place"], how="semi").with_columns(
        step=share_step(pl.col("n"), rounding=config.disclosure.rounding)
    )


def _rows(
    days: pl.DataFrame, *, kept: pl.DataFrame, may: Shown, last: dt.date, config: Config
) -> pl.DataFrame:
    """The rows of the kept signals and places of a span."""
    floor, rounding = config.disclosure.people_floor, config.disclosure.rounding
    rounded = placed(_rounded(days, sized=kept))
    shown = rounded.filter(pl.col("term") != OTHER).join(
        may.terms.with_columns(pl.col("n_people") // rounding * rounding).filter(pl.col("n_people") >= floor),
        on=["place", *TERM], how="inner",
    )  # fmt: skip
    sums = shown.group_by(_CELL).agg(of_shown=pl.col("units").sum())
    other = (
        rounded.filter(pl.col("term") == OTHER)
        .join(sums, on=_CELL, how="left")
        .with_columns(units=pl.col("units") - pl.col("of_shown").fill_null(0))
    )
    rows = pl.concat([shown, other], how="diagonal").with_columns(
        time_value=pl.lit(last), weeks=pl.lit(config.words.weeks_together),
        share=pl.col("units") / UNIT, step=pl.col("step") / UNIT,
    )  # fmt: skip
    return _typed(rows)


def _counted(store: Store, *, span: Span, described: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Uses of terms by signal, place and day, and the scored posts by scorer and place, of a span."""
    parameters = [described["scorer"].unique().to_list(), span.first, span.last]
    days = store.query(
        "SELECT scorer, lexicon, term, dimension, geo_type::VARCHAR AS geo_type, geo_value, time_value, n_posts, "
        f"n_people, people, credit FROM {COUNTS.name} WHERE scorer IN (SELECT unnest(?)) AND NOT negated "
        "AND time_value BETWEEN ? AND ?",
        parameters,
    ).join(described.filter(~pl.col("nobody")), on=["scorer", "dimension", *PLACE], how="inner")
    posts = store.query(
        f"SELECT scorer, geo_type::VARCHAR AS geo_type, geo_value, sum(n_posts)::BIGINT AS n FROM {DAYS.name} "
        "WHERE scorer IN (SELECT unnest(?)) AND time_value BETWEEN ? AND ? GROUP BY ALL",
        parameters,
    )
    return days, posts


def share_step(posts: pl.Expr, *, rounding: int) -> pl.Expr:
    """The smallest step that is worth `rounding` of so many posts, in ten-thousandths."""
    least = rounding / posts * UNIT
    ladder = [pl.when(least <= step).then(pl.lit(step)) for step in STEPS]
    return pl.coalesce(*ladder, pl.lit(UNIT))


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
    share = (pl.col("credit") / _BILLION / pl.col("n")).clip(0.0, 1.0) * UNIT
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
