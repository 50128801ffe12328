"""Term counts to `out.word_shifts`: which words moved a signal, as far as that may be shown.

Windows are cells of `out.term_weeks`, and a word is shown where each of them shows it, so that whatever can be worked
out from windows can be from cells. The rest is one row, `(other)`, so that rows still sum to the change. Not for the
decomposition (`shift.py`), nor for which words a cell shows (`term_floor.py`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import polars as pl

from warehouse.cells import signal_name
from warehouse.config import Config
from warehouse.shift import OTHER, Totals, share_shift
from warehouse.store import Store
from warehouse.tables import TABLES, empty
from warehouse.term_counts import COUNTS, DAYS, TermScorer, TermSpec
from warehouse.term_floor import PLACE, TERM
from warehouse.term_weeks import UNIT, last_sunday, share_step, spans

SHIFTS = TABLES["out.word_shifts"]
NOT_PUBLISHED, SHORT_HISTORY = "window not published", "too little published history"


@dataclass(frozen=True, kw_only=True)
class Windows:
    """What is compared: as many whole cells of weeks as `window_days` and `reference_days` hold, and at least one each.

    The window ends with the last complete cell, and the reference where the window starts.
    """

    window_start: dt.date
    window_end: dt.date
    reference_start: dt.date
    reference_end: dt.date

    @classmethod
    def of(cls, config: Config, *, issue: dt.date) -> Windows:
        """The windows of an issue."""
        words = config.words
        length, end = 7 * words.weeks_together, last_sunday(config, issue=issue)
        days = [max(1, days // length) * length for days in (words.window_days, words.reference_days)]
        start = end - dt.timedelta(days=days[0] - 1)
        before = start - dt.timedelta(days=1)
        first = before - dt.timedelta(days=days[1] - 1)
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


def word_shifts(store: Store, *, scorer: TermScorer, spec: ShiftSpec, cells: pl.DataFrame) -> Shifts:
    """The word shifts of an issue and a scorer, from `core.term_counts` and the issue's cells of `out.term_weeks`.

    A signal is described in a place that has all cells of the window, and half of the reference at least. Cells that
    are not there are left out of the reference, so that nothing about them can be computed.
    """
    names = {signal_name(scorer.name, measure, "share"): measure for measure in scorer.measures}
    shown = _in_windows(cells.filter(pl.col("signal").is_in(list(names))), spec=spec)
    days = _days(shown, spec=spec)
    sizes = _sizes(store, days, scorer=scorer, spec=spec)
    parts = [empty(SHIFTS)]
    for signal, measure in names.items():
        described = sizes.filter(pl.col("signal") == signal, pl.col("reason").is_null())
        if described.height:
            own = [
                rows.filter(pl.col("signal") == signal).join(described, on=PLACE, how="semi")
                for rows in (days, shown)
            ]
            terms = _terms(store, days=own[0], shown=own[1], scorer=scorer, measure=measure)
            parts += _shifted(terms, described=described, spec=spec)
    return Shifts(
        rows=pl.concat(parts), reasons=dict(sizes["reason"].drop_nulls().value_counts().iter_rows())
    )


# ------------------------------------------------------------------------------------ what to compare


def _in_windows(cells: pl.DataFrame, *, spec: ShiftSpec) -> pl.DataFrame:
    """signal, place, lexicon, term, `cell` (its last day) and part of the cells of the two windows."""
    named = cells.filter(pl.col("weeks") == spec.config.words.weeks_together).select(
        "signal",
        pl.col(PLACE).cast(pl.String),
        *TERM,
        cell="time_value",
        part=spec.windows.part(pl.col("time_value")),
    )
    return named.filter(pl.col("part").is_not_null())


def _days(shown: pl.DataFrame, *, spec: ShiftSpec) -> pl.DataFrame:
    """signal, place, cell, part and time_value of every day of these cells."""
    length = 7 * spec.config.words.weeks_together
    each = shown.select("signal", *PLACE, "cell", "part").unique()
    days = pl.date_ranges(pl.col("cell") - pl.duration(days=length - 1), "cell")
    return each.with_columns(time_value=days).explode("time_value")


def _sizes(store: Store, days: pl.DataFrame, *, scorer: TermScorer, spec: ShiftSpec) -> pl.DataFrame:
    """Per signal and place the posts of the `window` and the `reference`, and the `reason` not to describe it."""
    counted = store.read(DAYS, where="scorer = ?", parameters=[scorer.name]).with_columns(
        pl.col(PLACE).cast(pl.String)
    )
    in_window, n = pl.col("part") == "window", pl.col("n_posts").fill_null(0)
    sizes = (
        days.join(counted, on=[*PLACE, "time_value"], how="left")
        .group_by("signal", *PLACE)
        .agg(
            window=n.filter(in_window).sum(),
            reference=n.filter(~in_window).sum(),
            window_days=in_window.sum(),
            reference_days=(~in_window).sum(),
        )
    )
    windows = spec.windows
    window_days = (windows.window_end - windows.window_start).days + 1
    reference_days = (windows.reference_end - windows.reference_start).days + 1
    reason = (
        pl.when(pl.col("window_days") < window_days).then(pl.lit(NOT_PUBLISHED))
        .when(2 * pl.col("reference_days") < reference_days).then(pl.lit(SHORT_HISTORY))
    )  # fmt: skip
    return sizes.with_columns(reason=reason).sort("signal", *PLACE)


def _terms(
    store: Store, *, days: pl.DataFrame, shown: pl.DataFrame, scorer: TermScorer, measure: str
) -> pl.DataFrame:
    """Per place, part and term: credit, and how many people used it at least.

    The number is null where people are unknown, and where a cell of either window has the word but does not show it.
    Of each day the first pseudonyms in order are known, as many as the floor needs: the first ones of the whole
    part are among them, so their number says rightly whether the floor is reached. Credits are added in whole
    billionths, in any order.
    """
    counts = store.query(
        "SELECT lexicon, term, geo_type::VARCHAR AS geo_type, geo_value, time_value, credit, n_people, people "
        f"FROM {COUNTS.name} WHERE scorer = ? AND dimension = ? AND NOT negated AND time_value BETWEEN ? AND ?",
        [scorer.name, measure, days["time_value"].min(), days["time_value"].max()],
    ).join(days, on=[*PLACE, "time_value"], how="inner")
    hidden = (
        counts.join(shown, on=[*PLACE, *TERM, "cell"], how="anti").select(*PLACE, *TERM, hidden=True).unique()
    )
    people, known = pl.col("n_people"), pl.col("people").str.split(" ").explode().n_unique()
    billionths = (pl.col("credit") * 1e9).round().cast(pl.Int64)
    return (
        counts.join(hidden, on=[*PLACE, *TERM], how="left")
        .group_by(*PLACE, "part", *TERM)
        .agg(
            credit=billionths.sum() / 1e9,
            n_people=pl.when(people.is_null().any() | pl.col("hidden").any())
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
        *PLACE, "part", "credit", "n_people", term="type"
    )
    for place in described.iter_rows(named=True):
        here = typed.filter(pl.col(key) == place[key] for key in PLACE)
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

    Words of few people, or of an unknown number, are put into `(other)`, then all but the `top_terms` largest
    contributions. Shares are rounded to the steps of `out.term_weeks`, people down to the disclosure step, so that they
    stay the least there were. `(other)` is what the shown rows leave of the rounded whole: it holds their rounding
    too, and may fall below 0 by it. Returns term, contribution, share_before, share_after and n_people.
    """
    if shift.is_empty():
        return shift.select("term", *_SHOWN, "n_people")
    floor, rounding = config.disclosure.people_floor, config.disclosure.rounding
    fewer = shift.with_columns(pl.col("n_people") // rounding * rounding)
    kept = fewer.filter(pl.col("n_people") >= floor).head(config.words.top_terms)
    shown = _rounded(kept, totals=totals, rounding=rounding)
    whole = _rounded(
        shift.select(pl.lit(OTHER).alias("term"), pl.col(_SHARES).sum()), totals=totals, rounding=rounding
    )
    other = whole.with_columns(pl.col(name) - shown[name].sum() for name in _SHARES)
    rows = pl.concat([shown, other], how="diagonal")
    change = pl.col("share_after") - pl.col("share_before")
    return rows.with_columns(contribution=change).select(
        "term", *[(pl.col(name) / UNIT).alias(name) for name in _SHOWN], "n_people"
    )


_SHARES = ["share_before", "share_after"]
_SHOWN = ["contribution", *_SHARES]


def _rounded(shift: pl.DataFrame, *, totals: Totals, rounding: int) -> pl.DataFrame:
    """Shares in whole steps, which are whole ten-thousandths."""
    posts = {"share_before": totals.reference, "share_after": totals.window}
    units = []
    for name, n in posts.items():
        step = share_step(pl.lit(n), rounding=rounding)
        units.append(((pl.col(name).clip(0.0, 1.0) * UNIT / step).round().cast(pl.Int64) * step).alias(name))
    return shift.select("term", *units, *[name for name in ("n_people",) if name in shift.columns])


def _stamped(rows: pl.DataFrame, *, place: dict[str, object], spec: ShiftSpec) -> pl.DataFrame:
    """Presentable rows with their signal, place and windows, by the contract."""
    named = rows.with_columns(
        pl.col("lexicon").fill_null(""),
        pl.col("term").fill_null(OTHER),
        negated=pl.lit(False),
        **{key: pl.lit(place[key]) for key in ("signal", *PLACE)},
        **{name: pl.lit(day) for name, day in asdict(spec.windows).items()},
    )
    return SHIFTS.schema.cast(named.select(SHIFTS.columns))
