"""core.signals to out.signals: disclosure applied, the 7-day average built from what was disclosed.

Later stages read `out.signals` and nothing private. Not for the rules themselves: see `disclosure.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from warehouse.cells import PERIODS
from warehouse.config import Config
from warehouse.disclosure import disclose, large_enough
from warehouse.error_rates import keep_rates, rates_at
from warehouse.quantify import RATES, corrected
from warehouse.signals import SERIES_SCORER, settings_changed
from warehouse.store import Receipt, Store, batched
from warehouse.tables import CENSORED, NOT_APPLICABLE, NOT_MISSING, TABLES
from warehouse.vintages import CELL, latest

CORE, OUT = TABLES["core.signals"], TABLES["out.signals"]
_SMOOTHED_DAYS = 7
# Days back to the Monday of the newest complete week.
_REACH = 2 * _SMOOTHED_DAYS - 1
_BATCH_ROWS = 300_000
_COMPARED = [
    "value", "value_unweighted", "value_corrected", "se", "sample_size", "n_posts", "reliability", "people_unknown",
]  # fmt: skip
_SERIES = ["signal", "population", "geo_type", "geo_value", "time_type"]
_IN_PERIODS = "issue <= ? AND time_value IN (SELECT unnest(?))"
# Series that were made elsewhere (`series/`) look after their own rows.
_OF_POSTS = f"signal NOT IN (SELECT signal FROM out.signal_catalogue WHERE scorer = '{SERIES_SCORER}')"


@dataclass(frozen=True, kw_only=True)
class _Release:
    """An issue, the newest one released before it, and what its own rows are stamped with.

    `anew`: nothing that was released earlier can be built on. `recorrected`: its numbers can, but other error rates
    are known tonight.
    """

    config: Config
    issue: dt.date
    previous: dt.date
    anew: bool
    recorrected: bool
    vintage: str


def release_signals(store: Store, *, config: Config, issue: dt.date, run_id: str) -> Receipt:
    """Bring `out.signals` and the publish rows of `out.accounting` up to `issue`."""
    rows_in = rows_out = 0
    reasons: list[pl.DataFrame] = []
    with store.transaction():
        release = _release(store, config=config, issue=issue, run_id=run_id)
        store.delete(OUT, where=f"issue = ? AND {_OF_POSTS}", parameters=[issue])
        for days in _batches(store, release=release):
            cells = latest(store.read(CORE, where=_IN_PERIODS, parameters=[issue, days]))
            disclosed = _disclosed(store, cells, release=release)
            rows_in += cells.height
            rows_out += store.append(OUT, disclosed.select(OUT.columns), run_id=run_id)
            reasons.append(disclosed.select("suppressed"))
        for days in _smoothed_batches(store, release=release):
            rows_out += store.append(OUT, _smoothed(store, days=days, release=release), run_id=run_id)
        counts = _reasons(reasons)
        _write_accounting(store, counts=counts, issue=issue, run_id=run_id)
    dropped = dict(counts.filter(pl.col("reason") != "published").iter_rows())
    return Receipt("release", rows_in=rows_in, rows_out=rows_out, reasons=dropped)


# ------------------------------------------------------------------------------------ what to release


def _release(store: Store, *, config: Config, issue: dt.date, run_id: str) -> _Release:
    sql = f"SELECT max(issue) FROM out.signals WHERE issue < ? AND {_OF_POSTS}"
    previous = store.query(sql, [issue]).item()
    made = store.query("SELECT DISTINCT vintage FROM core.signals WHERE issue = ?", [issue])["vintage"]
    return _Release(
        config=config,
        issue=issue,
        previous=previous or dt.date.min,
        anew=previous is None or settings_changed(store, since=previous, config=config),
        recorrected=keep_rates(store, issue=issue, run_id=run_id),
        vintage="assumed" if made.to_list() == ["assumed"] else "real",
    )


def _batches(store: Store, *, release: _Release) -> Iterator[list[dt.date]]:
    """Days of the ISO weeks in which a cell may have changed, a limited number of rows at a time.

    From the previous release's own issue on, which may have been made again after it was released.
    """
    weeks = store.query(
        f"SELECT {PERIODS['week']} AS week, count(*) AS n FROM core.signals WHERE issue <= ? "
        "GROUP BY week HAVING ? OR max(issue) >= ? ORDER BY week",
        [release.issue, release.anew or release.recorrected, release.previous],
    )
    for part in batched(weeks, size=_BATCH_ROWS):
        yield [sunday - dt.timedelta(days=back) for sunday in part["week"] for back in range(7)]


def _disclosed(store: Store, cells: pl.DataFrame, *, release: _Release) -> pl.DataFrame:
    """The disclosed cells that say something new, stamped, with the reason where one is `suppressed`."""
    statistics = store.query("SELECT signal, statistic FROM out.signal_catalogue WHERE smoothing = 'none'")
    held = _with_held_zeros(store, cells, release=release)
    held = _with_covers(store, held, release=release, statistics=statistics)
    disclosed = disclose(held, config=release.config.disclosure, statistics=statistics)
    disclosed = disclosed.filter(~pl.col("held") | pl.col("suppressed").is_not_null()).drop("held")
    adjusted = _adjusted(store, disclosed, release=release)
    return _changed(store, _stamped(adjusted, release=release), issue=release.issue)


def _adjusted(store: Store, rows: pl.DataFrame, *, release: _Release) -> pl.DataFrame:
    """`value_corrected` and `corrected_se` of published shares, from the published numbers and public error rates.

    Needs `main_lang`: where a cell mixes languages no one pair of error rates holds, and it is left null. The value is
    rounded to 1/n, so that it says no more than the share it comes from.
    """
    rates = rates_at(store, issue=release.issue)
    shares = store.query("SELECT signal, scorer, measure FROM out.signal_catalogue WHERE statistic = 'share'")
    of_signal = shares.join(rates, on=["scorer", "measure"], how="inner").select("signal", "lang", *RATES)
    joined = rows.join(
        of_signal,
        left_on=["signal", "main_lang"],
        right_on=["signal", "lang"],
        how="left",
        maintain_order="left",
    )
    found = corrected(joined)
    n = pl.coalesce("sample_size", "n_posts")
    return found.with_columns(
        value_corrected=((pl.col("value_corrected") * n).round() / n).clip(0.0, 1.0),
        corrected_se=pl.col("corrected_se").round(6),
    ).drop(*RATES, "correction_missing")


def _with_held_zeros(store: Store, cells: pl.DataFrame, *, release: _Release) -> pl.DataFrame:
    """Add `held`: a share that was published as 0 and now has a few people with a hit. It counts as the 0 that it was
    published as and gets no new row: to withdraw a 0 would tell that those who came late are the few."""
    days = cells["time_value"].unique().to_list()
    issued = store.read(OUT, where=_IN_PERIODS, parameters=[release.issue - dt.timedelta(days=1), days])
    zeros = latest(issued).filter(pl.col("value_unweighted") == 0.0, not release.anew)
    joined = cells.join(zeros.select(*CELL, was_zero=True), on=CELL, how="left", maintain_order="left")
    n = pl.when("people_unknown").then("n_posts").otherwise("sample_size")
    fewest = pl.min_horizontal("numerator", pl.col("value_unweighted") * n)
    least = release.config.disclosure.numerator_floor + release.config.disclosure.rounding / 2
    held = (pl.col("was_zero") & (pl.col("numerator") > 0) & (fewest < least)).fill_null(False)
    zero = [pl.when(held).then(0).otherwise(name).cast(cells.schema[name]).alias(name)
            for name in ("numerator", "value", "value_unweighted")]  # fmt: skip
    return joined.with_columns(*zero, held=held).drop("was_zero")


def _with_covers(
    store: Store, cells: pl.DataFrame, *, release: _Release, statistics: pl.DataFrame
) -> pl.DataFrame:
    """Add `covers`: a cell that was hidden at the previous issue only to cover another. It stays hidden when the other
    one has grown, since what it says tonight it nearly said then."""
    days = cells["time_value"].unique().to_list()
    before = latest(store.read(CORE, where=_IN_PERIODS, parameters=[release.previous, days]))
    large = large_enough(before, config=release.config.disclosure, statistics=statistics).select(CELL)
    issued = latest(store.read(OUT, where=_IN_PERIODS, parameters=[release.previous, days]))
    hidden = issued.filter(pl.col("value").is_null()).join(large, on=CELL, how="semi")
    found = cells.join(hidden.select(*CELL, covers=True), on=CELL, how="left", maintain_order="left")
    return found.with_columns(pl.col("covers").fill_null(False))


def _stamped(rows: pl.DataFrame, *, release: _Release) -> pl.DataFrame:
    """Rows of this issue. A number that is new keeps its vintage; one that only now changes has this issue's."""
    is_new = pl.col("issue") > release.previous
    vintage = pl.when(is_new).then(pl.col("vintage").cast(pl.String)).otherwise(pl.lit(release.vintage))
    return rows.with_columns(vintage=vintage, issue=pl.lit(release.issue))


def _changed(store: Store, fresh: pl.DataFrame, *, issue: dt.date) -> pl.DataFrame:
    """Rows that differ from the newest earlier issue of their cell or have none. Suppressed cells are kept,
    so that a reader sees that they are suppressed; an average of suppressed cells alone says nothing more
    and gets no first row."""
    rules = OUT.schema.cast(fresh.select(OUT.columns))
    typed = fresh.with_columns(rules[name] for name in OUT.columns)
    days = typed["time_value"].unique().to_list()
    known = latest(store.read(OUT, where=_IN_PERIODS, parameters=[issue - dt.timedelta(days=1), days]))
    before = known.select(*CELL, *[pl.col(name).alias(f"{name}_before") for name in _COMPARED], known=True)
    joined = typed.join(before, on=CELL, how="left", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in _COMPARED)
    first = pl.col("known").is_null() & (pl.col("value").is_not_null() | ~_is_average(store))
    return joined.filter(first | (pl.col("known").is_not_null() & ~same)).select(fresh.columns)


def _is_average(store: Store) -> pl.Expr:
    names = store.query("SELECT signal FROM out.signal_catalogue WHERE smoothing <> 'none'")["signal"]
    return pl.col("signal").is_in(names.implode())


# ------------------------------------------------------------------------------------- 7-day average


def _smoothed_batches(store: Store, *, release: _Release) -> Iterator[list[dt.date]]:
    """Days whose last seven hold a day that changed at this issue, or follow the week of one."""
    sql = f"SELECT DISTINCT time_value FROM out.signals WHERE {_DAILY} AND (? OR issue = ?)"
    changed = store.query(sql, [release.anew, release.issue])["time_value"].to_list()
    reached = sorted({day + dt.timedelta(days=after) for day in changed for after in range(_REACH)})
    for first in range(0, len(reached), 8 * _SMOOTHED_DAYS):
        yield reached[first : first + 8 * _SMOOTHED_DAYS]


_PLAIN = f"signal IN (SELECT signal FROM out.signal_catalogue WHERE smoothing = 'none' AND scorer <> '{SERIES_SCORER}')"
_DAILY = f"time_type = 'day' AND {_PLAIN}"


def _smoothed(store: Store, *, days: list[dt.date], release: _Release) -> pl.DataFrame:
    """Changed trailing 7-day means on `days`, from disclosed daily values only."""
    needed = list({day - dt.timedelta(days=back) for day in days for back in range(_REACH)})
    shown = latest(store.read(OUT, where=f"{_IN_PERIODS} AND {_PLAIN}", parameters=[release.issue, needed]))
    averaged = trailing_mean(shown, config=release.config).filter(pl.col("time_value").is_in(days))
    names = store.query(
        "SELECT a.signal, b.signal AS smoothed FROM out.signal_catalogue a JOIN out.signal_catalogue b "
        "USING (scorer, measure, statistic) WHERE a.smoothing = 'none' AND b.smoothing = '7dav'"
    )
    spoken = store.query(
        f"SELECT {', '.join(CELL)}, arg_max_null(main_lang, issue) AS main_lang FROM core.signals "
        f"WHERE {_IN_PERIODS} GROUP BY ALL",
        [release.issue, days],
    ).cast({"geo_type": averaged.schema["geo_type"], "time_type": averaged.schema["time_type"]})
    in_language = averaged.join(spoken, on=CELL, how="left", maintain_order="left")
    named = in_language.join(names, on="signal", how="inner", maintain_order="left")
    own = _adjusted(store, named.with_columns(signal="smoothed").drop("smoothed"), release=release)
    return _changed(store, _stamped(own, release=release), issue=release.issue)


def trailing_mean(shown: pl.DataFrame, *, config: Config) -> pl.DataFrame:
    """Mean of the published days among the last seven, where there are at least `minimum_days_of_seven`.

    `shown` holds published days and weeks. `sample_size` is the smallest of the days', so that no tier is flattered.
    `se` knows that the same people post on several days: the variance that independent days would have, times the
    number of days that a person of the newest published week posted on, which is what it would be if nobody's mood
    changed within a week. A day without a row of its own gets none here: gaps stay gaps.
    """
    days = shown.filter(pl.col("time_type") == "day").sort([*_SERIES, "time_value"])
    kept = days.with_columns(
        variance=pl.col("se") ** 2, unknown=pl.col("value").is_not_null() & pl.col("people_unknown")
    )
    rolled = kept.rolling("time_value", period=f"{_SMOOTHED_DAYS}d", group_by=_SERIES).agg(
        k=pl.col("value").count(),
        mean=pl.col("value").mean(),
        unweighted=pl.col("value_unweighted").mean(),
        variance=pl.col("variance").sum(),
        n=pl.col("sample_size").min(),
        posts=pl.col("n_posts").sum(),
        unknown=pl.col("unknown").any(),
    )
    joined = days.join(rolled, on=[*_SERIES, "time_value"], how="left", maintain_order="left")
    return _as_published(_with_repeats(joined, weeks=_repeats(shown)), config=config)


def _repeats(shown: pl.DataFrame) -> pl.DataFrame:
    """Per series and published week: on what share of the week's published days its people posted, on average."""
    end = pl.col("time_value") + pl.duration(days=7 - pl.col("time_value").dt.weekday().cast(pl.Int64))
    series = [name for name in _SERIES if name != "time_type"]
    days = shown.filter(pl.col("time_type") == "day", pl.col("sample_size").is_not_null())
    sums = days.group_by(*series, time_value=end).agg(total=pl.col("sample_size").sum(), days=pl.len())
    weeks = shown.filter(pl.col("time_type") == "week").select(*series, "time_value", people="sample_size")
    both = weeks.drop_nulls("people").join(sums, on=[*series, "time_value"], how="inner")
    share = (pl.col("total") / pl.col("people") / pl.col("days")).clip(0.0, 1.0)
    return both.select(*series, "time_value", share=share).sort("time_value")


def _with_repeats(days: pl.DataFrame, *, weeks: pl.DataFrame) -> pl.DataFrame:
    """Add `repeats`, the days that a person posted on among the k averaged; all of them where the newest complete
    week is not published."""
    series = [name for name in _SERIES if name != "time_type"]
    found = days.sort("time_value").join_asof(
        weeks, on="time_value", by=series, strategy="backward", tolerance="6d", check_sortedness=False
    )
    repeats = (pl.col("share").fill_null(1.0) * pl.col("k")).clip(lower_bound=1.0)
    # Where people are unknown, posts stand in for them and none of them is written twice.
    return found.with_columns(repeats=pl.when("unknown").then(1.0).otherwise(repeats)).sort(
        *_SERIES, "time_value"
    )


def _as_published(joined: pl.DataFrame, *, config: Config) -> pl.DataFrame:
    shown = pl.col("k") >= config.signals.minimum_days_of_seven
    counted = shown & ~pl.col("unknown")
    n = pl.when(counted).then("n")
    high = (n >= config.disclosure.high_reliability).fill_null(False)
    tier = pl.when(high).then(pl.lit("high")).when(counted).then(pl.lit("moderate")).otherwise(pl.lit("low"))
    code = pl.when(shown).then(NOT_MISSING).otherwise(CENSORED).cast(pl.Int8)
    # A rolling sum carries its past in its last digits; six decimals are free of it.
    mean = pl.when(shown).then(pl.col("mean").round(6))
    return joined.with_columns(
        value=mean,
        value_unweighted=pl.when(shown).then(pl.col("unweighted").round(6)),
        se=pl.when(shown).then(((pl.col("variance") * pl.col("repeats")).sqrt() / pl.col("k")).round(6)),
        sample_size=n,
        n_posts=pl.when(shown).then("posts"),
        reliability=pl.when(shown).then(tier).otherwise(pl.lit("suppressed")),
        people_unknown="unknown",
        missing_value=code,
        missing_se=code,
        missing_sample_size=pl.when(shown & pl.col("unknown")).then(NOT_APPLICABLE).otherwise(code),
    ).select(OUT.columns)


# ----------------------------------------------------------------------------------------- accounting


def _reasons(suppressed: list[pl.DataFrame]) -> pl.DataFrame:
    """How many cells that changed at this issue are published, and why the others are not."""
    every = pl.concat([pl.DataFrame(schema={"suppressed": pl.String}), *suppressed])
    word = (pl.lit("suppressed_") + pl.col("suppressed")).fill_null("published")
    return every.group_by(reason=word).agg(n=pl.len().cast(pl.Int64)).sort("reason")


def _write_accounting(store: Store, *, counts: pl.DataFrame, issue: dt.date, run_id: str) -> None:
    table = TABLES["out.accounting"]
    rows = counts.with_columns(issue=pl.lit(issue), stage=pl.lit("publish"), subject=pl.lit("signals"))
    store.delete(table, where="issue = ? AND stage = 'publish' AND subject = 'signals'", parameters=[issue])
    store.append(table, rows, run_id=run_id)
