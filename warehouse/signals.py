"""Post scores to signals: one person one vote, by place, population, day and ISO week. Appended only where
something changed.

Works through some weeks of posts at a time, so that memory does not grow with the archive. Not for the
estimates themselves (`cells.py`), nor for hiding anything (`disclosure.py`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl

from warehouse.cells import PERIODS, CellSpec, columns_of, estimates, period_end, signal_name
from warehouse.config import Config
from warehouse.labels import direction, labels, unit
from warehouse.removal import posts_from
from warehouse.scores import table_of
from warehouse.scoring import Scorer
from warehouse.store import Receipt, Store, batched
from warehouse.tables import DELETED, NOT_APPLICABLE, NOT_MISSING, TABLES
from warehouse.vintages import CELL, latest
from warehouse.weights import read_margins

SIGNALS = TABLES["core.signals"]
CATALOGUE = TABLES["out.signal_catalogue"]
# What the catalogue has as the scorer of series that were not made from posts (`[[series]]`).
SERIES_SCORER = "series"
_BATCH_POSTS = 500_000
_NUMBERS = ["value", "value_unweighted", "se", "sample_size", "n_posts", "numerator", "main_lang"]
_COMPARED = [*_NUMBERS, "reliability", "people_unknown"]
_PERIOD_SCHEMA = pl.Schema({"time_type": pl.String(), "time_value": pl.Date()})


@dataclass(frozen=True, kw_only=True)
class SignalSpec:
    """What identifies a night's signals."""

    config: Config
    issue: dt.date
    assumed: bool = False

    @property
    def last_day(self) -> dt.date:
        """The newest day that is complete enough to describe on `issue`."""
        return self.issue - dt.timedelta(days=self.config.signals.reporting_lag_days)


def catalogue(scorers: list[Scorer]) -> pl.DataFrame:
    """`out.signal_catalogue` for these scorers."""
    rows = [
        _catalogue_row(scorer, measure=measure, statistic=statistic, smoothing=smoothing)
        for scorer in scorers
        for measure, statistic in columns_of(scorer)
        for smoothing in ("none", "7dav")
    ]
    return pl.DataFrame(rows)


def _catalogue_row(scorer: Scorer, *, measure: str, statistic: str, smoothing: str) -> dict[str, str]:
    card = scorer.describe()
    english, spanish = labels(card, measure=measure)
    smooth, mean = smoothing == "7dav", statistic == "mean" and len(card["statistics"]) > 1
    return {
        "signal": signal_name(scorer.name, measure, statistic) + ("_7dav" if smooth else ""),
        "scorer": scorer.name,
        "measure": measure,
        "statistic": statistic,
        "smoothing": smoothing,
        "unit": unit(card, measure=measure, statistic=statistic),
        "label_en": english + (", mean" if mean else "") + ")" + (", 7-day average" if smooth else ""),
        "label_es": spanish + (", media" if mean else "") + ")" + (", media de 7 días" if smooth else ""),
        "direction": direction(card, measure=measure),
    }


def compute_signals(store: Store, *, scorers: list[Scorer], spec: SignalSpec, run_id: str) -> Receipt:
    """Bring `core.signals` up to `spec.issue`: only periods that may have changed are computed again.

    A row is added where a number differs from the newest earlier issue. A real issue is made from the posts
    received by then; an assumed one, as of a backfill, from all of them.
    """
    night = _night(store, spec=spec)
    base = _base(spec, received_by=night.received_by)
    rows_in = rows_out = 0
    with store.transaction():
        store.delete(SIGNALS, where="issue = ?", parameters=[spec.issue])
        for scorer in scorers:
            store.create(table_of(scorer))
            for periods in _batches(store, periods=_touched(store, scorer=scorer, night=night)):
                cells = replace(base, periods=periods)
                fresh = _stamped(estimates(store, scorer=scorer, spec=cells), night=night)
                changed = _changed(store, fresh, scorer=scorer, night=night, periods=periods)
                rows_in += fresh.height
                rows_out += store.append(SIGNALS, changed, run_id=run_id)
        store.put(CATALOGUE, catalogue(scorers), run_id=run_id)
    return Receipt("signals", rows_in=rows_in, rows_out=rows_out)


def _base(spec: SignalSpec, *, received_by: dt.date) -> CellSpec:
    """What all batches have in common; the margin table is read here, once."""
    path = spec.config.weights.margins
    return CellSpec(
        signals=spec.config.signals,
        periods=pl.DataFrame(schema=_PERIOD_SCHEMA),
        received_by=received_by,
        weights=spec.config.weights,
        margins=None if path is None else read_margins(path),
    )


# ------------------------------------------------------------------------------------ what to compute


@dataclass(frozen=True, kw_only=True)
class _Night:
    """An issue, the one before it (None: nothing to build on) and the last arrival that counts."""

    spec: SignalSpec
    previous: dt.date | None
    received_by: dt.date

    @property
    def vintage(self) -> str:
        return "assumed" if self.spec.assumed or self.previous is None else "real"


def _night(store: Store, *, spec: SignalSpec) -> _Night:
    previous = _date(store, "SELECT max(issue) FROM core.signals WHERE issue < ?", [spec.issue])
    earliest = _date(store, "SELECT min(received_issue) FROM raw.posts", [])
    # An issue from before anything was received can only describe history that was loaded in bulk later.
    in_bulk = spec.assumed or (previous is None and earliest is not None and earliest > spec.issue)
    return _Night(spec=spec, previous=previous, received_by=dt.date.max if in_bulk else spec.issue)


def _date(store: Store, sql: str, parameters: list[object]) -> dt.date | None:
    found: dt.date | None = store.query(sql, parameters).cast(pl.Date).item()
    return found


def settings_changed(store: Store, *, since: dt.date, config: Config) -> bool:
    """Whether the signals of issue `since` were last made under other settings, or nobody knows which."""
    sql = (
        "SELECT config_sha256 FROM core.runs WHERE stage = 'signals' AND status = 'done' AND issue = ? "
        "ORDER BY finished_at DESC LIMIT 1"
    )
    return store.query(sql, [since])["config_sha256"].to_list() != [config.sha256]


def _touched(store: Store, *, scorer: Scorer, night: _Night) -> pl.DataFrame:
    """`time_type`, `time_value` of the complete periods that may have changed since the previous issue:
    those that have become complete, and those of posts that have come, or were erased, since.

    Posts of the previous issue's own day are looked at again: they may have come after it was made.
    """
    anew = _starts_anew(store, scorer=scorer, night=night)
    since = night.previous or night.spec.issue
    complete = since - dt.timedelta(days=night.spec.config.signals.reporting_lag_days)
    kept = posts_from(store) or dt.date.min
    parts = [
        store.query(
            f"SELECT DISTINCT '{time_type}' AS time_type, {period} AS time_value FROM raw.posts "
            f"WHERE {period} <= ? AND received_issue <= ? AND (? OR received_issue >= ? OR {period} > ?) "
            f"UNION SELECT '{time_type}', {period} FROM raw.removals "
            f"WHERE {period} <= ? AND reason <> 'expired' AND issue >= ? AND time_value >= ?",
            [night.spec.last_day, night.received_by, anew, since, complete, night.spec.last_day, since, kept],
        )
        for time_type, period in PERIODS.items()
    ]
    return pl.concat(part.cast(_PERIOD_SCHEMA) for part in parts).sort("time_value", "time_type")


def _starts_anew(store: Store, *, scorer: Scorer, night: _Night) -> bool:
    """Whether nothing earlier can be built on: no issue, a new scorer or version, or other settings."""
    if night.previous is None or settings_changed(store, since=night.previous, config=night.spec.config):
        return True
    sql = "SELECT first_issue FROM core.scorers WHERE scorer = ? AND version = ?"
    first = store.query(sql, [scorer.name, scorer.version])["first_issue"]
    return first.is_empty() or first[0] >= night.previous


def _batches(store: Store, *, periods: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The periods cut between ISO weeks, so that a batch holds about `_BATCH_POSTS` posts."""
    weeks = store.query(f"SELECT {PERIODS['week']} AS week, count(*) AS n FROM raw.posts GROUP BY week")
    marked = periods.with_columns(week=period_end(pl.col("time_value"), time_type="week"))
    needed = marked.select("week").unique().join(weeks, on="week", how="left").sort("week")
    for part in batched(needed.with_columns(pl.col("n").fill_null(0)), size=_BATCH_POSTS):
        yield marked.join(part, on="week", how="semi", maintain_order="left").select(_PERIOD_SCHEMA.names())


# -------------------------------------------------------------------------------------- what changed


def _changed(
    store: Store, fresh: pl.DataFrame, *, scorer: Scorer, night: _Night, periods: pl.DataFrame
) -> pl.DataFrame:
    """The rows that differ from the newest earlier issue of their cell or have none, and cells that are gone."""
    known = _known(store, scorer=scorer, night=night, periods=periods)
    before = known.select(*CELL, *[pl.col(name).alias(f"{name}_before") for name in _COMPARED], known=True)
    joined = fresh.join(before, on=CELL, how="left", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in _COMPARED)
    differing = joined.filter(pl.col("known").is_null() | ~same).select(fresh.columns)
    gone = known.filter(pl.col("missing_value") != DELETED).join(fresh, on=CELL, how="anti")
    return pl.concat([differing, _deleted(gone, night=night)])


def _known(store: Store, *, scorer: Scorer, night: _Night, periods: pl.DataFrame) -> pl.DataFrame:
    names = [signal_name(scorer.name, measure, statistic) for measure, statistic in columns_of(scorer)]
    where = "issue < ? AND signal IN (SELECT unnest(?)) AND time_value IN (SELECT unnest(?))"
    days = periods["time_value"].unique().to_list()
    rows = latest(store.read(SIGNALS, where=where, parameters=[night.spec.issue, names, days]))
    wanted = periods.cast({"time_type": rows.schema["time_type"]})
    return rows.join(wanted, on=["time_type", "time_value"], how="semi", maintain_order="left")


def _deleted(gone: pl.DataFrame, *, night: _Night) -> pl.DataFrame:
    """Cells that had posts at an earlier issue and have none any more, as rows of this issue."""
    rows = gone.with_columns(
        *[pl.lit(None, dtype=gone.schema[name]).alias(name) for name in _NUMBERS],
        *[pl.lit(DELETED).alias(name) for name in ("missing_value", "missing_se", "missing_sample_size")],
        issue=pl.lit(night.spec.issue), vintage=pl.lit(night.vintage), reliability=pl.lit("low"),
        design_effect=pl.lit(1.0),
    )  # fmt: skip
    return SIGNALS.schema.cast(rows)


def _stamped(estimated: pl.DataFrame, *, night: _Night) -> pl.DataFrame:
    """Estimates as rows of `core.signals` of this issue."""
    rows = estimated.with_columns(
        issue=pl.lit(night.spec.issue), vintage=pl.lit(night.vintage),
        value_corrected=pl.lit(None, dtype=pl.Float64), corrected_se=pl.lit(None, dtype=pl.Float64),
    )  # fmt: skip
    return SIGNALS.schema.cast(with_reliability(rows, config=night.spec.config).select(SIGNALS.columns))


def with_reliability(signals: pl.DataFrame, *, config: Config) -> pl.DataFrame:
    """Add the reliability tier from the number of people, and the codes for absent numbers."""
    floor, high = config.disclosure.people_floor, config.disclosure.high_reliability
    n = pl.col("sample_size")
    tier = (
        pl.when(pl.col("people_unknown")).then(pl.lit("low"))
        .when(n >= high).then(pl.lit("high"))
        .when(n >= floor).then(pl.lit("moderate"))
        .otherwise(pl.lit("low"))
    )  # fmt: skip
    return signals.with_columns(
        reliability=tier,
        missing_value=_code(pl.col("value")),
        missing_se=_code(pl.col("se")),
        missing_sample_size=_code(n),
    )


def _code(column: pl.Expr) -> pl.Expr:
    return pl.when(column.is_null()).then(NOT_APPLICABLE).otherwise(NOT_MISSING).cast(pl.Int8)
