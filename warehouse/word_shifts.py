"""Term counts to `out.word_shifts`: which words moved a signal, as far as that may be shown.

A word is shown where enough people used it; the rest is one row, `(other)`, so that rows still sum to the
change. Only days on which the signal itself is published are compared. Not for the decomposition: see `shift.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import polars as pl

from warehouse.cells import signal_name
from warehouse.config import Config
from warehouse.shift import OTHER, Totals, share_shift, with_floor
from warehouse.signals import SignalSpec
from warehouse.store import Store
from warehouse.tables import TABLES, empty
from warehouse.term_counts import COUNTS, DAYS, TermScorer, TermSpec
from warehouse.term_weeks import spans
from warehouse.vintages import latest

SHIFTS, SIGNALS = TABLES["out.word_shifts"], TABLES["out.signals"]
# Shares are published in ten-thousandths, and added up as such: no digit is lost.
_UNIT = 10_000
_PLACE = ["geo_type", "geo_value"]
NOT_PUBLISHED, SHORT_HISTORY = "window not published", "too little published history"


@dataclass(frozen=True, kw_only=True)
class Windows:
    """The days that are compared: `window_days` up to the last complete day, and the `reference_days` before."""

    window_start: dt.date
    window_end: dt.date
    reference_start: dt.date
    reference_end: dt.date

    @classmethod
    def of(cls, config: Config, *, issue: dt.date) -> Windows:
        """The windows of an issue."""
        end = SignalSpec(config=config, issue=issue).last_day
        start = end - dt.timedelta(days=config.words.window_days - 1)
        before = start - dt.timedelta(days=1)
        first = before - dt.timedelta(days=config.words.reference_days - 1)
        return cls(window_start=start, window_end=end, reference_start=first, reference_end=before)

    def part(self, day: pl.Expr) -> pl.Expr:
        """`window` or `reference`, null for a day in neither."""
        return (
            pl.when(day.is_between(self.window_start, self.window_end)).then(pl.lit("window"))
            .when(day.is_between(self.reference_start, self.reference_end)).then(pl.lit("reference"))
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ShiftSpec:
    """What identifies a night's word shifts."""

    config: Config
    issue: dt.date

    @property
    def windows(self) -> Windows:
        return Windows.of(self.config, issue=self.issue)

    @property
    def terms(self) -> TermSpec:
        """What has to be counted, for weeks too: levels without signals would not be shown."""
        levels = tuple(x for x in self.config.words.levels if x in self.config.signals.levels)
        weeks = spans(self.config, issue=self.issue)
        return TermSpec(
            kinds=self.config.signals.kinds, exclude=self.config.signals.exclude, levels=levels,
            first=min([self.windows.reference_start, *(span.first for span in weeks)]),
            last=self.windows.window_end, people_kept=self.config.disclosure.people_floor,
            chunk_posts=self.config.score.chunk_posts,
        )  # fmt: skip


@dataclass(frozen=True)
class Shifts:
    """Rows of `out.word_shifts`, and how many signals of a place have none, by reason."""

    rows: pl.DataFrame
    reasons: dict[str, int]


def word_shifts(store: Store, *, scorer: TermScorer, spec: ShiftSpec) -> Shifts:
    """The word shifts of an issue and a scorer, from `core.term_counts` and `out.signals`.

    A signal is described in a place where it is published for the whole window, day by day or by the ISO weeks that
    make it up, and for half of the reference at least. What is not published is left out of the reference, so that
    nothing about it can be computed.
    """
    named = {signal_name(scorer.name, measure, "share"): measure for measure in scorer.measures}
    days = _published_days(store, signals=list(named), spec=spec)
    sizes = _sizes(store, days, scorer=scorer, spec=spec)
    parts = [empty(SHIFTS)]
    for signal, measure in named.items():
        described = sizes.filter(pl.col("signal") == signal, pl.col("reason").is_null())
        own = days.filter(pl.col("signal") == signal).join(described, on=_PLACE, how="semi")
        if described.height:
            terms = _terms(store, days=own, scorer=scorer, measure=measure)
            parts += _shifted(terms, described=described, spec=spec)
    return Shifts(
        rows=pl.concat(parts), reasons=dict(sizes["reason"].drop_nulls().value_counts().iter_rows())
    )


# ------------------------------------------------------------------------------------ what to compare


def _published_days(store: Store, *, signals: list[str], spec: ShiftSpec) -> pl.DataFrame:
    """signal, place, time_value and part of the days that are published themselves, or in a week that is and lies
    in one part as a whole."""
    windows = spec.windows
    where = (
        "issue <= ? AND signal IN (SELECT unnest(?)) AND population = 'all' AND geo_type IN (SELECT unnest(?)) "
        "AND time_value BETWEEN ? AND ?"
    )
    parameters = [spec.issue, signals, list(spec.terms.levels), windows.reference_start, windows.window_end]
    cells = latest(store.read(SIGNALS, where=where, parameters=parameters)).filter(
        pl.col("value").is_not_null()
    )
    spans = cells.select(
        "signal",
        pl.col(_PLACE).cast(pl.String),
        first=pl.col("time_value")
        - pl.duration(days=pl.when(pl.col("time_type") == "week").then(6).otherwise(0)),
        last="time_value",
    ).with_columns(part=windows.part(pl.col("first")))
    inside = spans.filter(pl.col("part") == windows.part(pl.col("last")))
    each = inside.with_columns(time_value=pl.date_ranges("first", "last")).explode("time_value")
    return each.select("signal", *_PLACE, "time_value", "part").unique()


def _sizes(store: Store, days: pl.DataFrame, *, scorer: TermScorer, spec: ShiftSpec) -> pl.DataFrame:
    """Per signal and place the posts of the `window` and the `reference`, and the `reason` not to describe it."""
    words = spec.config.words
    counted = store.read(DAYS, where="scorer = ?", parameters=[scorer.name]).with_columns(
        pl.col(_PLACE).cast(pl.String)
    )
    in_window, n = pl.col("part") == "window", pl.col("n_posts")
    sizes = (
        days.join(counted, on=[*_PLACE, "time_value"], how="inner")
        .group_by("signal", *_PLACE)
        .agg(
            window=n.filter(in_window).sum(),
            reference=n.filter(~in_window).sum(),
            window_days=in_window.sum(),
            reference_days=(~in_window).sum(),
        )
    )
    reason = (
        pl.when(pl.col("window_days") < words.window_days).then(pl.lit(NOT_PUBLISHED))
        .when(2 * pl.col("reference_days") < words.reference_days).then(pl.lit(SHORT_HISTORY))
    )  # fmt: skip
    return sizes.with_columns(reason=reason).sort("signal", *_PLACE)


def _terms(store: Store, *, days: pl.DataFrame, scorer: TermScorer, measure: str) -> pl.DataFrame:
    """Per place, part and term: credit, and how many people used it at least.

    Of each day the first pseudonyms in order are known, as many as the floor needs: the first ones of the whole
    part are among them, so their number says rightly whether the floor is reached. It is null where a day's people
    are unknown. Credits are added in whole billionths, in any order.
    """
    counts = store.query(
        f"SELECT lexicon, term, geo_type, geo_value, time_value, credit, n_people, people FROM {COUNTS.name} "
        "WHERE scorer = ? AND dimension = ? AND NOT negated AND time_value BETWEEN ? AND ?",
        [scorer.name, measure, days["time_value"].min(), days["time_value"].max()],
    )
    people, known = pl.col("n_people"), pl.col("people").str.split(" ").explode().n_unique()
    billionths = (pl.col("credit") * 1e9).round().cast(pl.Int64)
    return (
        counts.join(days, on=[*_PLACE, "time_value"], how="inner")
        .group_by(*_PLACE, "part", "lexicon", "term")
        .agg(
            credit=billionths.sum() / 1e9,
            n_people=pl.when(people.is_null().any())
            .then(None)
            .otherwise(pl.max_horizontal(people.max(), known)),
        )
    )


# --------------------------------------------------------------------------------- what may be shown


def _shifted(terms: pl.DataFrame, *, described: pl.DataFrame, spec: ShiftSpec) -> Iterator[pl.DataFrame]:
    """Rows of `out.word_shifts`, a frame per place. A term of two lexicons is two: it may be two words."""
    names = (
        terms.select("lexicon", "term").unique().with_columns(type=pl.concat_str(pl.all(), separator="\t"))
    )
    typed = terms.join(names, on=["lexicon", "term"]).select(
        *_PLACE, "part", "credit", "n_people", term="type"
    )
    for place in described.iter_rows(named=True):
        here = typed.filter(pl.col(key) == place[key] for key in _PLACE)
        window, reference = (
            here.filter(pl.col("part") == part).drop("part") for part in ("window", "reference")
        )
        totals = Totals(window=place["window"], reference=place["reference"])
        shown = presentable(share_shift(window, reference, totals=totals), totals=totals, config=spec.config)
        yield _stamped(
            shown.rename({"term": "type"}).join(names, on="type", how="left"), place=place, spec=spec
        )


def presentable(shift: pl.DataFrame, *, totals: Totals, config: Config) -> pl.DataFrame:
    """A share shift with nothing in it that could single out people; `totals` are those it was made with.

    Words of few people are put into `(other)`, then all but the `top_terms` largest contributions. Posts are
    rounded to the disclosure step, shares made of them to four decimals, people down to the step, so that they stay
    the least there were. `(other)` is what the shown rows leave of the rounded whole: it holds their rounding too,
    and may fall below 0 by it. Returns term, contribution, share_before, share_after and n_people.
    """
    if shift.is_empty():
        return shift.select("term", *_SHOWN, "n_people")
    step = config.disclosure.rounding
    fewer = shift.with_columns(n_people=pl.col("n_people") // step * step)
    kept = with_floor(fewer, people=config.disclosure.people_floor).filter(pl.col("term") != OTHER)
    shown = _rounded(kept.head(config.words.top_terms), totals=totals, step=step)
    whole = _rounded(
        shift.select(pl.lit(OTHER).alias("term"), pl.col(_SHARES).sum()), totals=totals, step=step
    )
    other = whole.with_columns(pl.col(name) - shown[name].sum() for name in _SHARES)
    rows = pl.concat([shown, other], how="diagonal")
    change = pl.col("share_after") - pl.col("share_before")
    return rows.with_columns(contribution=change).select(
        "term", *[(pl.col(name) / _UNIT).alias(name) for name in _SHOWN], "n_people"
    )


_SHARES = ["share_before", "share_after"]
_SHOWN = ["contribution", *_SHARES]


def _rounded(shift: pl.DataFrame, *, totals: Totals, step: int) -> pl.DataFrame:
    """Shares in whole ten-thousandths, of posts rounded to the step."""
    posts = {"share_before": totals.reference, "share_after": totals.window}
    units = [
        (((pl.col(name) * n / step).round() * step).clip(0, n) / n * _UNIT).round().cast(pl.Int64).alias(name)
        for name, n in posts.items()
    ]
    return shift.select("term", *units, *[name for name in ("n_people",) if name in shift.columns])


def _stamped(rows: pl.DataFrame, *, place: dict[str, object], spec: ShiftSpec) -> pl.DataFrame:
    """Presentable rows with their signal, place and windows, by the contract."""
    named = rows.with_columns(
        pl.col("lexicon").fill_null(""),
        pl.col("term").fill_null(OTHER),
        negated=pl.lit(False),
        **{key: pl.lit(place[key]) for key in ("signal", *_PLACE)},
        **{name: pl.lit(day) for name, day in asdict(spec.windows).items()},
    )
    return SHIFTS.schema.cast(named.select(SHIFTS.columns))
