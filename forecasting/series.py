"""The only bridge between signals as known on a date and the long frame that is forecast.

Not for modelling, and not for files: a plain series file enters through `files.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import polars as pl

from forecasting.matrix import STEP_DAYS, Frequency, Matrix, to_matrix
from warehouse import vintages
from warehouse.tables import NOT_MISSING

KEY = ["signal", "population", "geo_type", "geo_value"]
RECENT_DAYS = 56
DAILY_SHARE = 0.8


@dataclass(frozen=True, kw_only=True)
class SeriesSpec:
    """Which cells may become series, and how much of them.

    `signal_names` None means every signal in the frame; `start` is the first day of history used. `lags` holds the
    reporting lags of signals that have another one.
    """

    reporting_lag_days: int
    people_floor: int
    minimum_history: int
    max_series: int
    start: dt.date
    signal_names: Collection[str] | None = None
    lags: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Series of one time type as known on `as_of`.

    `long`: series_id, time_value, value, n, issue; one row per period from each series' first to its last
    observation, null where nothing usable was published. `keys`: series_id → signal, population, geo_type,
    geo_value, time_type, n_observed, median_n. `reference` is the period end that horizons count from.
    """

    long: pl.DataFrame
    keys: pl.DataFrame
    time_type: Frequency
    as_of: dt.date
    reference: dt.date
    pseudo_real_time: bool
    skipped: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.keys["series_id"].to_list())


def reference_date(as_of: dt.date, *, time_type: Frequency) -> dt.date:
    """The period end that horizons count from: the day itself, or the newest Sunday (end of an ISO week)."""
    return as_of if time_type == "day" else as_of - dt.timedelta(days=as_of.isoweekday() % 7)


def series_as_of(signals: pl.DataFrame, *, as_of: dt.date, time_type: Frequency, spec: SeriesSpec) -> Panel:
    """The series known on `as_of` with at least `minimum_history` usable periods, largest samples first kept.

    Usable: not missing, and at least `people_floor` people. `signals` follows `core.signals` or `out.signals`.
    Ids beyond `max_series` are listed in `skipped`.
    """
    reference = reference_date(as_of, time_type=time_type)
    issued = vintages.as_of(signals, as_of, reporting_lag_days=spec.reporting_lag_days, lags=spec.lags)
    known = _usable(issued, spec=spec)
    cells = known.filter((pl.col("time_type") == time_type) & (pl.col("time_value") <= reference))
    cells = cells.filter(_on_grid(reference, time_type=time_type))
    keys = _keys(cells, minimum=spec.minimum_history)
    kept = (
        keys.sort("median_n", "series_id", descending=[True, False]).head(spec.max_series).sort("series_id")
    )
    chosen = cells.join(kept.select("series_id"), on="series_id", how="semi")
    return Panel(
        long=_regular(chosen, time_type=time_type),
        keys=kept,
        time_type=time_type,
        as_of=as_of,
        reference=reference,
        pseudo_real_time=chosen.filter((pl.col("vintage") == "assumed") & (pl.col("issue") > as_of)).height
        > 0,
        skipped=tuple(keys.join(kept, on="series_id", how="anti")["series_id"].sort().to_list()),
    )


def series_id() -> pl.Expr:
    """The four key columns in one string."""
    return pl.concat_str([pl.col(column).cast(pl.String) for column in KEY], separator="|").alias("series_id")


def _usable(known: pl.DataFrame, *, spec: SeriesSpec) -> pl.DataFrame:
    named = pl.lit(True) if spec.signal_names is None else pl.col("signal").is_in(list(spec.signal_names))
    usable = (pl.col("missing_value") == NOT_MISSING) & (pl.col("sample_size") >= spec.people_floor)
    rows = known.filter(named & usable & (pl.col("time_value") >= spec.start))
    return rows.with_columns(series_id(), n=pl.col("sample_size"))


def _on_grid(reference: dt.date, *, time_type: Frequency) -> pl.Expr:
    return (pl.lit(reference) - pl.col("time_value")).dt.total_days() % STEP_DAYS[time_type] == 0


def _keys(cells: pl.DataFrame, *, minimum: int) -> pl.DataFrame:
    counts = cells.group_by("series_id", *KEY, "time_type").agg(
        n_observed=pl.len(), median_n=pl.col("n").median()
    )
    return counts.filter(pl.col("n_observed") >= minimum).sort("series_id")


def _regular(cells: pl.DataFrame, *, time_type: Frequency) -> pl.DataFrame:
    """One row per period of each series' span; periods without a usable cell are null."""
    columns = ["series_id", "time_value", "value", "n", "issue"]
    spans = cells.group_by("series_id").agg(first=pl.col("time_value").min(), last=pl.col("time_value").max())
    grid = spans.select(
        "series_id", time_value=pl.date_ranges("first", "last", interval=f"{STEP_DAYS[time_type]}d")
    ).explode("time_value", empty_as_null=False)
    return grid.join(cells.select(columns), on=["series_id", "time_value"], how="left").sort(
        "series_id", "time_value"
    )


def daily_ids(panel: Panel, *, reporting_lag_days: int) -> list[str]:
    """Series of a day panel with at least `DAILY_SHARE` of their recent days observed.

    Recent: the last `RECENT_DAYS` that could be known, or since the series' first day where it is younger.
    """
    last = panel.reference - dt.timedelta(days=reporting_lag_days)
    first = last - dt.timedelta(days=RECENT_DAYS - 1)
    seen = panel.long.filter(pl.col("value").is_not_null())
    shares = seen.group_by("series_id").agg(
        present=((pl.col("time_value") >= first) & (pl.col("time_value") <= last)).sum(),
        begun=pl.max_horizontal(pl.col("time_value").min(), pl.lit(first)),
    )
    possible = (pl.lit(last) - pl.col("begun")).dt.total_days() + 1
    return shares.filter(pl.col("present") >= DAILY_SHARE * possible)["series_id"].sort().to_list()


def restricted(panel: Panel, *, ids: Collection[str]) -> Panel:
    """The panel with only the series in `ids`."""
    wanted = pl.col("series_id").is_in(list(ids))
    return Panel(
        long=panel.long.filter(wanted),
        keys=panel.keys.filter(wanted),
        time_type=panel.time_type,
        as_of=panel.as_of,
        reference=panel.reference,
        pseudo_real_time=panel.pseudo_real_time,
        skipped=panel.skipped,
    )


def panel_matrix(panel: Panel, *, ids: tuple[str, ...], start: dt.date) -> Matrix:
    """The panel as an array whose first column is the first period end on or after `start`."""
    step = STEP_DAYS[panel.time_type]
    periods = max((panel.reference - start).days // step + 1, 0)
    return to_matrix(
        panel.long,
        ids=ids,
        reference=panel.reference,
        periods=periods,
        frequency=panel.time_type,
        kind="share",
    )
