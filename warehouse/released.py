"""core.signals to out.signals: disclosure applied, the 7-day average built from what was disclosed.

Later stages read `out.signals` and nothing private. Not for the rules themselves: see `disclosure.py`.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from warehouse.config import Config
from warehouse.disclosure import disclose
from warehouse.store import Receipt, Store
from warehouse.tables import CENSORED, NOT_MISSING, TABLES
from warehouse.vintages import CELL, latest

CORE, OUT = TABLES["core.signals"], TABLES["out.signals"]
_SMOOTHED_DAYS = 7
_COMPARED = ["value", "se", "sample_size", "n_posts", "reliability"]
_SERIES = ["signal", "population", "geo_type", "geo_value", "time_type"]


def release_signals(store: Store, *, config: Config, issue: dt.date, run_id: str) -> Receipt:
    """Bring `out.signals` and the publish rows of `out.accounting` up to `issue`."""
    periods = _touched(store, issue=issue)
    cells = latest(store.read(CORE, where=_IN_PERIODS, parameters=[periods]))
    statistics = store.query("SELECT signal, statistic FROM out.signal_catalogue WHERE smoothing = 'none'")
    disclosed = disclose(cells, config=config.disclosure, statistics=statistics)
    reasons = _reasons(disclosed, issue=issue)
    plain = disclosed.select(OUT.columns).with_columns(issue=pl.lit(issue))
    with store.transaction():
        store.delete(OUT, where="issue = ?", parameters=[issue])
        written = store.append(OUT, _changed(store, plain), run_id=run_id)
        smooth = _smoothed(store, days=periods, config=config, issue=issue)
        written += store.append(OUT, _changed(store, smooth), run_id=run_id)
        _write_accounting(store, reasons=reasons, issue=issue, run_id=run_id)
    dropped = {
        str(reason): int(n)
        for reason, n in reasons.select("reason", "n").iter_rows()
        if reason != "published"
    }
    return Receipt("release", rows_in=cells.height, rows_out=written, reasons=dropped)


_IN_PERIODS = "time_value IN (SELECT unnest(?))"


def _touched(store: Store, *, issue: dt.date) -> list[dt.date]:
    days = store.query("SELECT DISTINCT time_value FROM core.signals WHERE issue = ? ORDER BY 1", [issue])
    return days["time_value"].cast(pl.Date).to_list()


def _changed(store: Store, fresh: pl.DataFrame) -> pl.DataFrame:
    """Rows that say something new: a first published value, or one that differs. Unsmoothed suppressed cells
    are kept too, so that a reader sees that they are suppressed."""
    typed = OUT.schema.cast(fresh.select(OUT.columns))
    days = typed["time_value"].unique().to_list()
    known = latest(store.read(OUT, where=_IN_PERIODS, parameters=[days]))
    before = known.select(
        *CELL, *[pl.col(name).alias(f"{name}_before") for name in _COMPARED], known=pl.lit(True)
    )
    joined = typed.join(before, on=CELL, how="left", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in _COMPARED)
    return joined.filter(pl.col("known").is_null() | ~same).select(OUT.columns)


def _smoothed(store: Store, *, days: list[dt.date], config: Config, issue: dt.date) -> pl.DataFrame:
    """Trailing 7-day means for every day that a changed day reaches, from disclosed daily values only."""
    if not days:
        return OUT.schema.create_empty()
    first, last = min(days), max(days) + dt.timedelta(days=_SMOOTHED_DAYS - 1)
    reach = [first - dt.timedelta(days=_SMOOTHED_DAYS - 1), min(last, _last_day(store))]
    plain = "signal IN (SELECT signal FROM out.signal_catalogue WHERE smoothing = 'none')"
    where = f"time_type = 'day' AND time_value BETWEEN ? AND ? AND {plain}"
    daily = latest(store.read(OUT, where=where, parameters=list(reach)))
    averaged = trailing_mean(daily, minimum_days=config.signals.minimum_days_of_seven)
    names = store.query(
        "SELECT a.signal, b.signal AS smoothed FROM out.signal_catalogue a JOIN out.signal_catalogue b "
        "USING (scorer, measure, statistic) WHERE a.smoothing = 'none' AND b.smoothing = '7dav'"
    )
    named = averaged.join(names, on="signal", how="inner", maintain_order="left")
    return named.with_columns(signal="smoothed", issue=pl.lit(issue)).filter(pl.col("time_value") >= first)


def _last_day(store: Store) -> dt.date:
    last: dt.date = store.query("SELECT max(time_value) AS d FROM core.signals WHERE time_type = 'day'")["d"][
        0
    ]
    return last


def trailing_mean(daily: pl.DataFrame, *, minimum_days: int) -> pl.DataFrame:
    """Mean of the published days among the last seven, where there are at least `minimum_days` of them.

    `sample_size` is the smallest of those days', so that no tier is flattered; `se` treats the days' samples
    as independent, which is too narrow where the same people post every day. A day without a row of its own
    gets none here: gaps stay gaps.
    """
    window = f"{_SMOOTHED_DAYS}d"
    days = daily.filter(pl.col("time_type") == "day").sort([*_SERIES, "time_value"])
    kept = days.with_columns(kept=pl.col("value").is_not_null().cast(pl.Int64), var=pl.col("se") ** 2)
    rolled = kept.rolling("time_value", period=window, group_by=_SERIES).agg(
        k=pl.col("kept").sum(),
        mean=pl.col("value").mean(),
        var=pl.col("var").sum(),
        n=pl.col("sample_size").min(),
        posts=pl.col("n_posts").sum(),
    )
    joined = days.join(rolled, on=[*_SERIES, "time_value"], how="left", maintain_order="left")
    return _as_published(joined, shown=pl.col("k") >= minimum_days)


def _as_published(joined: pl.DataFrame, *, shown: pl.Expr) -> pl.DataFrame:
    n = pl.when(shown).then("n")
    tier = (
        pl.when(n >= 200).then(pl.lit("high")).when(n >= 50).then(pl.lit("moderate")).otherwise(pl.lit("low"))
    )
    code = pl.when(shown).then(NOT_MISSING).otherwise(CENSORED).cast(pl.Int8)
    return joined.with_columns(
        value=pl.when(shown).then("mean"),
        value_unweighted=pl.when(shown).then("mean"),
        se=pl.when(shown).then(pl.col("var").sqrt() / pl.col("k")),
        sample_size=n,
        n_posts=pl.when(shown).then("posts"),
        reliability=pl.when(shown).then(tier).otherwise(pl.lit("suppressed")),
        missing_value=code,
        missing_se=code,
        missing_sample_size=pl.when("people_unknown").then(1).otherwise(code).cast(pl.Int8),
    ).select(OUT.columns)


def _reasons(disclosed: pl.DataFrame, *, issue: dt.date) -> pl.DataFrame:
    word = (
        pl.when(pl.col("suppressed").is_null())
        .then(pl.lit("published"))
        .otherwise(pl.lit("suppressed_") + pl.col("suppressed"))
    )
    return disclosed.group_by(reason=word).agg(n=pl.len().cast(pl.Int64)).sort("reason")


def _write_accounting(store: Store, *, reasons: pl.DataFrame, issue: dt.date, run_id: str) -> None:
    table = TABLES["out.accounting"]
    rows = reasons.with_columns(issue=pl.lit(issue), stage=pl.lit("publish"), subject=pl.lit("signals"))
    store.delete(table, where="issue = ? AND stage = 'publish'", parameters=[issue])
    store.append(table, rows, run_id=run_id)
