"""Rows of series made elsewhere to `out.signals`: what was published by the issue, disclosed, where it is new.

All series of an issue land together, with their catalogue and accounting rows. Files are read whole each night: they
are small, and what was issued before is compared cell by cell. Not for reading files, nor for signals made from posts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from warehouse.config import Config, SeriesConfig
from warehouse.disclosure import disclose, large_enough
from warehouse.errors import ConfigError
from warehouse.places import place_of
from warehouse.series.lags import keep_lags
from warehouse.series.read import SeriesRows, read_series
from warehouse.signals import SERIES_SCORER, with_reliability
from warehouse.store import Receipt, Store
from warehouse.tables import CENSORED, NOT_APPLICABLE, NOT_MISSING, TABLES
from warehouse.vintages import CELL, latest

OUT, CATALOGUE, ACCOUNTING = (TABLES[f"out.{name}"] for name in ("signals", "signal_catalogue", "accounting"))
_COMPARED = [
    "value", "value_unweighted", "value_corrected", "se", "sample_size", "n_posts", "reliability", "people_unknown",
]  # fmt: skip
_PLACED = ["geo_type", "geo_value", "time_value"]
# Enough to see a number by, few enough to tell nothing of the counts behind an error.
_DIGITS, _ERROR_FIGURES = 6, 3


@dataclass(frozen=True, kw_only=True)
class _Made:
    """A series at an issue: rows to add, and where every row of its files went."""

    series: SeriesConfig
    read: SeriesRows
    rows: pl.DataFrame
    counts: dict[str, int]


def check_series(config: Config, *, taken: Sequence[str]) -> None:
    """`ConfigError` for a series without a place, or with the name of a signal that is made from posts (`taken`)."""
    for series in config.series:
        if series.name in taken:
            raise ConfigError(
                f"[[series]] name = '{series.name}': a scorer makes a signal of that name. Rename the series."
            )
        place = place_of(series.geo_value or "all")
        if place is None or place[0] != series.geo_type:
            raise ConfigError(
                f"[[series]] name = '{series.name}': geo_value is no {series.geo_type}. Expected an ISO 3166 code: US "
                "for a nation, US-CA for a region."
            )
    if config.series and SERIES_SCORER in config.score.scorers:
        raise ConfigError(
            f"[score] scorers: '{SERIES_SCORER}' stands for what [[series]] brings. Give the scorer another name."
        )


def release_series(store: Store, *, config: Config, issue: dt.date, assumed: bool, run_id: str) -> Receipt:
    """Bring the rows of `[[series]]` in `out.signals` up to `issue`.

    `assumed`: a past issue that is made as if on its day. A file that cannot be used is a problem of the receipt; what
    it said earlier stays. Run again, or after a kill, it leaves the same rows.
    """
    taken = _names_of_posts(store)
    usable = [series for series in config.series if series.name not in taken]
    made = [_made(store, series=series, config=config, issue=issue, assumed=assumed) for series in usable]
    with store.transaction():
        _forget(store, made=made, issue=issue)
        assumed_now = [one.series for one in made if (one.rows["vintage"] == "assumed").any()]
        keep_lags(store, lags={series.name: series.lag_days for series in assumed_now})
        store.put(CATALOGUE, catalogue_of(usable), run_id=run_id)
        written = sum(store.put(OUT, one.rows.select(OUT.columns), run_id=run_id) for one in made)
        store.delete(
            ACCOUNTING, where="issue = ? AND stage = 'publish' AND subject <> 'signals'", parameters=[issue]
        )
        store.append(ACCOUNTING, _accounting(made, issue=issue), run_id=run_id)
    problems = [problem for one in made for problem in one.read.problems]
    problems += [
        f"series '{series.name}': this warehouse has a signal of that name that was made from posts. Rename the series."
        for series in config.series
        if series.name in taken
    ]
    reasons = {
        f"{one.series.name}: {reason}": n
        for one in made
        for reason, n in one.counts.items()
        if reason.startswith(("refused", "suppressed")) and n
    }
    received = sum(one.read.received for one in made)
    return Receipt("series", rows_in=received, rows_out=written, reasons=reasons, problems=tuple(problems))


def _names_of_posts(store: Store) -> list[str]:
    sql = "SELECT signal FROM out.signal_catalogue WHERE scorer <> ?"
    found: list[str] = store.query(sql, [SERIES_SCORER])["signal"].to_list()
    return found


def _forget(store: Store, *, made: Sequence[_Made], issue: dt.date) -> None:
    """Take back what an earlier run said at this issue, but for series with a file that cannot be read now."""
    kept = [one.series.name for one in made if one.read.problems]
    store.delete(
        OUT,
        where="issue = ? AND signal IN (SELECT signal FROM out.signal_catalogue WHERE scorer = ?) "
        "AND signal NOT IN (SELECT unnest(?::VARCHAR[]))",
        parameters=[issue, SERIES_SCORER, kept],
    )


def catalogue_of(series: Sequence[SeriesConfig]) -> pl.DataFrame:
    """`out.signal_catalogue` for these series. None of their measures is a scorer's, whatever they are called."""
    rows = [
        {
            "signal": one.name,
            "scorer": SERIES_SCORER,
            "measure": f"{SERIES_SCORER}_{one.name}",
            "statistic": one.statistic,
            "smoothing": "none",
            "unit": one.unit_said,
            "label_en": one.label_en,
            "label_es": one.label_es,
            "direction": one.direction,
        }
        for one in series
    ]
    return pl.DataFrame(rows, schema=CATALOGUE.schema.create_empty().schema)


# -------------------------------------------------------------------------------------------- one series


def _made(store: Store, *, series: SeriesConfig, config: Config, issue: dt.date, assumed: bool) -> _Made:
    read = read_series(series)
    now, counts = newest_known(read.rows, issue=issue)
    known = latest(store.read(OUT, where="signal = ? AND issue < ?", parameters=[series.name, issue]))
    previous = _previous_issue(store, series=series, issue=issue)
    earlier = read.rows.filter(pl.col("known") <= previous)
    disclosed = disclosed_series(now, series=series, config=config, told=known, earlier=earlier)
    stamped = _stamped(disclosed, series=series, issue=issue, bulk=assumed or known.is_empty())
    fresh = _changed(stamped, known=known)
    told = pl.coalesce(pl.lit("suppressed_") + pl.col("suppressed"), pl.lit("published"))
    counts |= dict(fresh.group_by(told.alias("reason")).len().iter_rows())
    counts["unchanged"] = now.height - fresh.height
    counts |= {f"refused:{reason}": n for reason, n in sorted(read.refused.items())}
    counts |= {"refused:unreadable_file": len(read.problems)} if read.problems else {}
    return _Made(series=series, read=read, rows=fresh, counts=counts)


def _previous_issue(store: Store, *, series: SeriesConfig, issue: dt.date) -> dt.date:
    """The last night before this one that had rows of the series, also if it said nothing new."""
    sql = "SELECT max(issue) FROM out.accounting WHERE stage = 'publish' AND subject = ? AND issue < ?"
    return store.query(sql, [series.name, issue]).item() or dt.date.min


def newest_known(rows: pl.DataFrame, *, issue: dt.date) -> tuple[pl.DataFrame, dict[str, int]]:
    """Of every cell the newest version that was published by `issue`; and how many rows are not used, by reason."""
    ahead = pl.col("day") > issue
    later = ~ahead & (pl.col("known") > issue)
    known = rows.filter(pl.col("known") <= issue)
    newest = known.sort(*_PLACED, "said").unique(_PLACED, keep="last", maintain_order=True)
    counts = {
        "refused:date_in_future": rows.filter(ahead).height,
        "not_published_yet": rows.filter(later).height,
        "superseded": known.height - newest.height,
    }
    return newest, counts


def disclosed_series(
    rows: pl.DataFrame,
    *,
    series: SeriesConfig,
    config: Config,
    told: pl.DataFrame | None = None,
    earlier: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Rows by `read.ROWS`, one a cell, in their publishable form, with a `suppressed` reason (null = kept).

    As of signals made from posts: floors, cells that would give a hidden one back, rounded counts and shares of them.
    The error is the makers' own. Where nobody says how many people answered, the value is shown as it is, marked.

    `told`: the newest earlier row of `out.signals` per cell; `earlier`: every version of a row, by `read.ROWS`, that
    was known at the previous issue. A 0 that stays because only a few have a hit now gets no row.
    """
    typed = _typed(rows, series=series)
    cells = _cells(typed.filter(pl.col("n").is_not_null()))
    if told is not None and earlier is not None:
        cells = _as_told(cells, told=told, earlier=_cells(_typed(earlier, series=series)), config=config,
                         statistics=_statistics(series))  # fmt: skip
    counted = _counted(cells, series=series, config=config)
    uncounted = _uncounted(typed.filter(pl.col("n").is_null()))
    both = pl.concat([counted, uncounted.select(counted.columns)])
    return both.sort(*_PLACED)


def _typed(rows: pl.DataFrame, *, series: SeriesConfig) -> pl.DataFrame:
    return rows.select(
        *_PLACED, "known", "value", "n",
        stated=pl.col("se").round_sig_figs(_ERROR_FIGURES), signal=pl.lit(series.name),
        population=pl.lit("all"), time_type=pl.lit(series.time_type),
    )  # fmt: skip


def _cells(typed: pl.DataFrame) -> pl.DataFrame:
    """In the columns of `core.signals`, as far as disclosure needs them."""
    return typed.with_columns(
        value_unweighted="value", sample_size="n", people_unknown=False, se="stated", design_effect=1.0,
        n_posts=pl.lit(None, dtype=pl.Int64), numerator=(pl.col("value") * pl.col("n")).round(_DIGITS),
        covers=pl.lit(False), held=pl.lit(False),
    )  # fmt: skip


def _statistics(series: SeriesConfig) -> pl.DataFrame:
    return pl.DataFrame({"signal": [series.name], "statistic": [series.statistic]})


def _as_told(
    cells: pl.DataFrame,
    *,
    told: pl.DataFrame,
    earlier: pl.DataFrame,
    config: Config,
    statistics: pl.DataFrame,
) -> pl.DataFrame:
    """Say which cells hold to what was told of them at earlier issues.

    `held`: told as 0, and a few have a hit now. It counts as the 0 that it was told as: to withdraw it, or to hide
    others for it, would tell that the hits are few. `covers`: hidden, and not because all its versions so far were too
    small. It may have covered another, whose number at that time it would give back, revised or not. Where the file
    no longer holds the earlier versions nobody can tell, and it stays hidden too.
    """

    def large(frame: pl.DataFrame) -> pl.DataFrame:
        return large_enough(frame, config=config.disclosure, statistics=statistics).select(CELL).unique()

    def is_in(keys: pl.DataFrame) -> pl.Series:
        found = cells.join(keys.select(*CELL, found=True), on=CELL, how="left", maintain_order="left")
        return found["found"].fill_null(False)

    plain = told.with_columns(pl.col(name).cast(pl.String) for name in CELL if name != "time_value")
    was_small = earlier.select(CELL).unique().join(large(earlier), on=CELL, how="anti")
    held = is_in(plain.filter(pl.col("value_unweighted") == 0.0)) & ~is_in(large(cells))
    covers = is_in(plain.filter(pl.col("value").is_null())) & ~is_in(was_small)
    zeroed = [
        pl.when(held).then(0.0).otherwise(name).alias(name)
        for name in ("numerator", "value", "value_unweighted")
    ]
    return cells.with_columns(*zeroed, held=held, covers=covers)


_NUMBERS = [
    "signal", "population", *_PLACED, "time_type", "known", "value", "value_unweighted", "se", "sample_size",
    "reliability", "people_unknown", "missing_value", "missing_se", "missing_sample_size", "suppressed",
]  # fmt: skip


def _counted(cells: pl.DataFrame, *, series: SeriesConfig, config: Config) -> pl.DataFrame:
    tiered = with_reliability(cells, config=config)
    shown = disclose(tiered, config=config.disclosure, statistics=_statistics(series))
    kept = pl.col("suppressed").is_null()
    said = shown.filter(~(pl.col("held") & kept))
    return said.with_columns(
        se=pl.when(kept).then("stated"),
        missing_se=_error_code(pl.col("stated"), kept=kept),
    ).select(_NUMBERS)


def _uncounted(rows: pl.DataFrame) -> pl.DataFrame:
    value = pl.col("value").round(_DIGITS)
    return rows.with_columns(
        value=value, value_unweighted=value, se="stated", sample_size=pl.lit(None, dtype=pl.Int64),
        reliability=pl.lit("low"), people_unknown=True, suppressed=pl.lit(None, dtype=pl.String),
        missing_value=pl.lit(NOT_MISSING, dtype=pl.Int8), missing_se=_error_code(pl.col("stated"), kept=pl.lit(True)),
        missing_sample_size=pl.lit(NOT_APPLICABLE, dtype=pl.Int8),
    ).select(_NUMBERS)  # fmt: skip


def _error_code(se: pl.Expr, *, kept: pl.Expr) -> pl.Expr:
    said = pl.when(se.is_null()).then(NOT_APPLICABLE).otherwise(NOT_MISSING)
    return pl.when(kept).then(said).otherwise(CENSORED).cast(pl.Int8)


# ----------------------------------------------------------------------------------------- what is issued


def _stamped(rows: pl.DataFrame, *, series: SeriesConfig, issue: dt.date, bulk: bool) -> pl.DataFrame:
    """Rows of this issue. Of history that comes in bulk a row is `assumed`, so that scores may use it as known
    `lag_days` after its period; but not where its makers published it later than that."""
    in_time = pl.col("known") <= pl.col("time_value") + pl.duration(days=series.lag_days)
    vintage = pl.when(pl.lit(bulk) & in_time).then(pl.lit("assumed")).otherwise(pl.lit("real"))
    unknown = [
        pl.lit(None, dtype=pl.Float64).alias("value_corrected"), pl.lit(None, dtype=pl.Float64).alias("corrected_se"),
        pl.lit(None, dtype=pl.Int64).alias("n_posts"),
    ]  # fmt: skip
    return rows.with_columns(*unknown, issue=pl.lit(issue), vintage=vintage)


def _changed(fresh: pl.DataFrame, *, known: pl.DataFrame) -> pl.DataFrame:
    """Rows that differ from the newest earlier issue of their cell, or have none."""
    rules = OUT.schema.cast(fresh.select(OUT.columns))
    typed = fresh.with_columns(rules[name] for name in OUT.columns)
    before = known.select(
        *CELL, *[pl.col(name).alias(f"{name}_before") for name in _COMPARED], known_before=True
    )
    joined = typed.join(before, on=CELL, how="left", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in _COMPARED)
    return joined.filter(pl.col("known_before").is_null() | ~same).select(*fresh.columns)


def _accounting(made: Sequence[_Made], *, issue: dt.date) -> pl.DataFrame:
    """Every row of the files once: published now or before, withheld, waiting, replaced by a newer one, refused."""
    rows = [
        {"issue": issue, "stage": "publish", "subject": one.series.name, "reason": reason, "n": n}
        for one in made
        for reason, n in one.counts.items()
        if n
    ]
    return pl.DataFrame(rows, schema=ACCOUNTING.schema.create_empty().schema)
