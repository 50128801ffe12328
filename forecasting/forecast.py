"""Signals or a file of series in, quantile forecasts and the scores behind them out.

Not for methods (`models/`), nor for reading or writing tables.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import polars as pl

from forecasting.backtest import WARM_UP, Truth, origin_days, score_runs
from forecasting.breaks.downstream import recent_break, since_break
from forecasting.files import FileForecast, forecast_file
from forecasting.known_days import KnownDays, check_country, known_days
from forecasting.matrix import STEP_DAYS, Frequency
from forecasting.memo import Memo
from forecasting.models import COHERENT
from forecasting.peaks.nightly import panel_outlook
from forecasting.reconcile import trees
from forecasting.rolling import NOTHING_KEPT, Progress, Run, flat_lines, run_origins
from forecasting.rows import final_rows
from forecasting.series import KEY, Panel, SeriesSpec, daily_ids, panel_matrix, restricted, series_as_of
from forecasting.tasks import Task
from warehouse.config import ForecastConfig
from warehouse.tables import TABLES

__all__ = ["FileForecast", "ForecastResult", "forecast_file", "forecast_signals"]


@dataclass(frozen=True, kw_only=True)
class ForecastResult:
    """`forecasts`, `scores` and `outlook` follow `out.forecasts`, `out.scores` and `out.peak_outlook`; `skipped` lists
    series ids left out because more than `max_series` qualified."""

    forecasts: pl.DataFrame
    scores: pl.DataFrame
    outlook: pl.DataFrame
    skipped: tuple[str, ...]


def forecast_signals(
    signals: pl.DataFrame,
    *,
    config: ForecastConfig,
    as_of: dt.date,
    seed: int,
    reporting_lag_days: int,
    people_floor: int,
    lags: Mapping[str, int] | None = None,
    signal_names: Collection[str] | None = None,
    breaks: pl.DataFrame | None = None,
    events: pl.DataFrame | None = None,
    memo: Memo = NOTHING_KEPT,
    progress: Progress | None = None,
) -> ForecastResult:
    """Forecast every series of `core.signals` or `out.signals` from what was known on `as_of`.

    A series is forecast daily when enough of its recent days are observed, else weekly if it has weeks.
    Each horizon comes from every configured model and from their ensemble. `signal_names` are the signals
    to forecast (by the catalogue's statistic); None takes all in the frame. With `breaks` (`out.breaks`) a
    place learns from its newest break on once 56 days are there, and is `limited_history` until then. `lags` names
    the series that were not made from posts, with their reporting lag: no break of posts concerns them.
    Public holidays of the series' places and `events` (the crisis calendar) are known to every model
    (`known_days.py`). What `memo` holds is not fitted again. `ConfigError` for a country without a calendar.
    """
    check_country(config.country_of_all)
    if breaks is not None:
        signals = since_break(signals, breaks=breaks, as_of=as_of, unconcerned=list(lags or {}))
    spec = SeriesSpec(
        reporting_lag_days=reporting_lag_days,
        people_floor=people_floor,
        minimum_history=config.minimum_history,
        max_series=config.max_series,
        start=as_of - dt.timedelta(days=config.history_days - 1 + _reach(config)),
        signal_names=signal_names,
        lags=dict(lags or {}),
    )
    panels, skipped = _choose(signals, as_of=as_of, spec=spec)
    parts = [
        _forecast_panel(
            signals, panel=p, config=config, spec=spec, seed=seed, events=events, memo=memo, progress=progress
        )
        for p in panels
    ]
    forecasts, scores, outlook = (TABLES[f"out.{name}"] for name in ("forecasts", "scores", "peak_outlook"))
    rows = pl.concat([forecasts.schema.create_empty(), *(part.forecasts for part in parts)]).sort(
        forecasts.key
    )
    if breaks is not None:
        recent = recent_break(breaks, as_of=as_of) & ~pl.col("target").is_in(list(lags or {}))
        rows = rows.with_columns(limited_history=pl.col("limited_history") | recent)
    return ForecastResult(
        forecasts=rows,
        scores=pl.concat([scores.schema.create_empty(), *(part.scores for part in parts)]).sort(scores.key),
        outlook=pl.concat([outlook.schema.create_empty(), *(part.outlook for part in parts)]).sort(
            outlook.key
        ),
        skipped=skipped,
    )


def _reach(config: ForecastConfig) -> int:
    """Days from the oldest origin to the newest: each sees a whole history, so the same ones night after night."""
    farthest = max(config.horizon_days, 7 * config.horizon_weeks)
    return farthest * (config.backtest_origins + WARM_UP + 1)


def _choose(
    signals: pl.DataFrame, *, as_of: dt.date, spec: SeriesSpec
) -> tuple[list[Panel], tuple[str, ...]]:
    """The day and the week panel, disjoint, together at most `max_series` by largest usual sample."""
    everything = replace(spec, max_series=max(signals.height, 1))
    day = series_as_of(signals, as_of=as_of, time_type="day", spec=everything)
    week = series_as_of(signals, as_of=as_of, time_type="week", spec=everything)
    daily = daily_ids(day, reporting_lag_days=spec.reporting_lag_days)
    day = restricted(day, ids=daily)
    week = restricted(week, ids=set(week.ids) - set(daily))
    ranked = pl.concat([day.keys, week.keys]).sort("median_n", "series_id", descending=[True, False])[
        "series_id"
    ]
    kept, skipped = set(ranked.head(spec.max_series)), ranked.tail(max(ranked.len() - spec.max_series, 0))
    panels = [restricted(panel, ids=[i for i in panel.ids if i in kept]) for panel in (day, week)]
    return [panel for panel in panels if panel.ids], tuple(sorted(skipped))


def _forecast_panel(
    signals: pl.DataFrame,
    *,
    panel: Panel,
    config: ForecastConfig,
    spec: SeriesSpec,
    seed: int,
    events: pl.DataFrame | None,
    memo: Memo,
    progress: Progress | None,
) -> ForecastResult:
    task = _task(panel.time_type, config=config, spec=spec, seed=seed)
    known = _known_days(panel, config=config, first=spec.start, horizon=task.horizon, events=events)
    task = replace(task, known_days=known.sha256)
    past = _past_panels(signals, panel=panel, task=task, spec=spec)
    matrices = [panel_matrix(p, ids=panel.ids, start=_first(panel, start=spec.start)) for p in past]
    hierarchy = trees(panel.keys, ids=panel.ids)
    runs = run_origins(matrices, task=task, known=known, hierarchy=hierarchy, memo=memo, progress=progress)
    truth = Truth(
        long=panel.long,
        keys=panel.keys.select(
            "series_id", target="signal", population="population", geo_type="geo_type", location="geo_value"
        ),
        pseudo_real_time=[p.pseudo_real_time for p in past],
    )
    outlook, worth = panel_outlook(
        matrices[-1], keys=truth.keys, truth=truth.long, seed=seed,
        known_until=panel.as_of - dt.timedelta(days=spec.reporting_lag_days),
    )  # fmt: skip
    scores = pl.concat([score_runs(runs, task=task, truth=truth), worth])
    return ForecastResult(
        forecasts=_forecast_rows(runs[-1], panel=panel, task=task), scores=scores, outlook=outlook, skipped=()
    )


def _task(time_type: Frequency, *, config: ForecastConfig, spec: SeriesSpec, seed: int) -> Task:
    horizon = config.horizon_days if time_type == "day" else config.horizon_weeks
    return Task(
        name=f"nightly_{time_type}", frequency=time_type, horizon=horizon, origins=config.backtest_origins,
        every=horizon, minimum_history=config.minimum_history, models=config.models, seed=seed,
        history=config.history_days // (1 if time_type == "day" else 7), people_floor=spec.people_floor,
        reporting_lag_days=spec.reporting_lag_days,
    )  # fmt: skip


def _known_days(
    panel: Panel, *, config: ForecastConfig, first: dt.date, horizon: int, events: pl.DataFrame | None
) -> KnownDays:
    """Holidays and events of the panel's places; for series of all places those of the configured country."""
    country = config.country_of_all or None
    places = {
        series: country if geo_type in ("all", "none") else place
        for series, geo_type, place in panel.keys.select("series_id", "geo_type", "geo_value").iter_rows()
    }
    step = STEP_DAYS[panel.time_type]
    last = panel.reference + dt.timedelta(days=horizon * step)
    return known_days(
        places, first=first - dt.timedelta(days=step), last=last, events=events, holidays=config.holidays
    )


def _past_panels(signals: pl.DataFrame, *, panel: Panel, task: Task, spec: SeriesSpec) -> list[Panel]:
    """The panel as it was known at every origin, oldest first, ending with the panel itself."""
    days = origin_days(
        panel.reference, every=task.every, step=1 if panel.time_type == "day" else 7, origins=task.origins
    )
    everything = replace(spec, max_series=max(signals.height, 1), minimum_history=1)
    ours = signals.filter(pl.col("time_type") == panel.time_type).join(
        panel.keys.select(KEY), on=KEY, how="semi"
    )
    earlier = [series_as_of(ours, as_of=day, time_type=panel.time_type, spec=everything) for day in days[:-1]]
    return [*earlier, panel]


def _first(panel: Panel, *, start: dt.date) -> dt.date:
    """The first period end on or after `start`, or the first observation if that is later."""
    seen = panel.long.filter(pl.col("value").is_not_null())["time_value"].min()
    return max(start, seen) if isinstance(seen, dt.date) else start


def _forecast_rows(run: Run, *, panel: Panel, task: Task) -> pl.DataFrame:
    """`out.forecasts` rows of the last run: every model, series, step and level."""
    table = TABLES["out.forecasts"]
    flat = flat_lines(run, task=task)
    frames = [final_rows(run, name=name, flat=flat) for name in run.quantiles if name != COHERENT]
    if COHERENT in run.quantiles:
        # Where nothing can be made to fit together there is no such forecast, rather than a flat line of that name.
        frames.append(final_rows(run, name=COHERENT, flat=flat).filter(~pl.col("is_fallback")))
    keys = panel.keys.select(
        "series_id", "population", "geo_type", "time_type", target="signal", location="geo_value"
    )
    rows = (
        pl.concat(frames).join(keys, on="series_id").rename({"level": "output_type_id", "quantile": "value"})
    )
    rows = rows.with_columns(reference_date=pl.lit(run.matrix.reference), output_type=pl.lit("quantile"))
    return table.schema.validate(rows.select(table.columns), cast=True)
