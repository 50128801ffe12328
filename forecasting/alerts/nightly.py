"""Tonight's alerts from tonight's tables. Not for reading or writing the warehouse."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import polars as pl

from forecasting.alerts.budget import night_tests, with_opened, within_budget
from forecasting.alerts.cells import candidates, usable_cells
from forecasting.alerts.data_break import (
    DETECTORS,
    LABELS,
    STATISTICS,
    break_candidates,
    doubted,
    known_breaks,
)
from forecasting.alerts.forecast_high import forecast_candidates
from forecasting.alerts.issued import with_forecast
from forecasting.alerts.lifecycle import identified, live
from forecasting.alerts.prevalence import Holidays, prevalence_candidates
from forecasting.alerts.wording import (
    BREAK_NOTE,
    Facts,
    message,
    people_text,
    period_text,
    place_text,
    share_text,
)
from forecasting.breaks.find import QUERY, SEVERAL, VERSION
from warehouse.config import AlertsConfig
from warehouse.places import help_line_of
from warehouse.tables import TABLES, empty

CONTAGION_Q, CONTAGION_RATIO = 0.05, 1.1


@dataclass(frozen=True, kw_only=True)
class AlertInputs:
    """All that a night's alerts depend on, beside the day.

    `signals` holds all issues of disclosed signals, `outlook` and `contagion` this issue's rows,
    `previous` earlier alerts, `acknowledged` alert_id, status and note of people's verdicts (may be empty).
    `breaks` is `out.breaks`; where it is None, breaks are looked for in the signals. `forecasts` are rows of
    `out.forecasts` of the last weeks; a night uses those issued by then. `lags` names the series that were not made
    from posts, with their reporting lag.
    """

    signals: pl.DataFrame
    outlook: pl.DataFrame
    contagion: pl.DataFrame
    previous: pl.DataFrame
    acknowledged: pl.DataFrame
    catalogue: pl.DataFrame
    config: AlertsConfig
    reporting_lag_days: int
    people_floor: int
    lags: Mapping[str, int] = field(default_factory=dict)
    breaks: pl.DataFrame | None = None
    forecasts: pl.DataFrame = field(default_factory=lambda: empty(TABLES["out.forecasts"]))
    holidays: Holidays = field(default_factory=Holidays)


@dataclass(frozen=True)
class Night:
    """What a night says: `alerts` by the Alerts contract, `tests` by AlertTests."""

    alerts: pl.DataFrame
    tests: pl.DataFrame


def detect_alerts(inputs: AlertInputs, *, issue: dt.date) -> Night:
    """The alerts of `issue`: new, continuing, and resolved tonight.

    A signal's alert needs p <= alpha and a Benjamini–Hochberg q over all tests of tonight within the configured rate.
    The same inputs give the same rows.
    """
    cells = _cells(inputs, issue=issue)
    breaks = known_breaks(cells, breaks=inputs.breaks)
    config = within_budget(cells, config=inputs.config)
    found = pl.concat(
        [
            prevalence_candidates(cells, config=config, holidays=inputs.holidays),
            forecast_candidates(inputs.outlook, cells=cells),
            contagion_candidates(inputs.contagion, people_floor=inputs.people_floor),
            break_candidates(cells, breaks=breaks),
        ]
    )
    judged = doubted(
        found,
        breaks=breaks,
        catalogue=inputs.catalogue,
        lookback_days=inputs.config.lookback_days,
        unconcerned=list(inputs.lags),
    )
    foreseen = with_forecast(judged, forecasts=inputs.forecasts.filter(pl.col("reference_date") <= issue))
    named = identified(foreseen, previous=inputs.previous, issue=issue)
    worded = _worded(named, catalogue=inputs.catalogue, config=inputs.config)
    alerts = live(
        worded,
        previous=inputs.previous,
        acknowledged=inputs.acknowledged,
        catalogue=inputs.catalogue,
        issue=issue,
    )
    return Night(
        alerts, night_tests(found, alerts=alerts, previous=inputs.previous, config=config, issue=issue)
    )


def _cells(inputs: AlertInputs, *, issue: dt.date) -> pl.DataFrame:
    return usable_cells(
        inputs.signals,
        catalogue=inputs.catalogue,
        issue=issue,
        reporting_lag_days=inputs.reporting_lag_days,
        people_floor=inputs.people_floor,
        lags=inputs.lags,
    )


def detect_since(inputs: AlertInputs, *, last_night: dt.date | None, issue: dt.date) -> Night:
    """`detect_alerts` for every night after `last_night` up to `issue`, each with what was known by then.

    Nights that nobody ran, and the `catch_up_days` before a first run, are judged as if they had been, so
    that an alert that is still open says since when, and one that came and went is on record as resolved.
    The outlook and contagion exist for `issue` alone. All alerts come back as of `issue`; the tests are its own.
    """
    if inputs.breaks is None:
        # A day's verdict on breaks needs no later day, so that one look serves all nights.
        inputs = replace(inputs, breaks=known_breaks(_cells(inputs, issue=issue), breaks=None))
    earliest = issue - dt.timedelta(days=inputs.config.catch_up_days)
    first = max(earliest, last_night + dt.timedelta(days=1)) if last_night else earliest
    # What a missed night would have known was issued tonight for the first time, so it counts as known one
    # reporting lag after it happened.
    late = (
        pl.when(pl.col("issue") == issue).then(pl.lit("assumed")).otherwise(pl.col("vintage").cast(pl.String))
    )
    missed = replace(
        inputs,
        signals=inputs.signals.with_columns(vintage=late),
        outlook=inputs.outlook.clear(),
        contagion=inputs.contagion.clear(),
    )
    seen = inputs.previous
    for offset in range((issue - first).days + 1):
        night = first + dt.timedelta(days=offset)
        known = replace(inputs if night == issue else missed, previous=seen)
        made = detect_alerts(known, issue=night)
        seen = pl.concat([seen, made.alerts])
    fresh = seen.filter(pl.col("issue") >= first).sort("issue")
    newest = fresh.unique("alert_id", keep="last", maintain_order=True)
    alerts = newest.with_columns(pl.lit(issue).alias("issue")).sort("alert_id")
    return Night(alerts, with_opened(made.tests, alerts=alerts, previous=inputs.previous, issue=issue))


def contagion_candidates(contagion: pl.DataFrame, *, people_floor: int) -> pl.DataFrame:
    """One candidate per measure and place of the newest window, over all ties.

    It fires where the ratio is surely large and lasts: q < .05, its interval wholly at or above 1.1 and an excess in
    all three parts of the window, with people unknown or at least `people_floor`. It exceeds where q < .05 and the
    ratio is above 1.
    """
    whole = contagion.filter(pl.col("tie_bin") == "all")
    newest = whole.filter(pl.col("window_end") == pl.col("window_end").max())
    exceeds = (pl.col("q_value") < CONTAGION_Q) & (pl.col("ratio") > 1.0)
    fires = (
        exceeds
        & (pl.col("ratio_low") >= CONTAGION_RATIO)
        & (pl.col("parts_above") == 3)
        & (pl.col("n_people").is_null() | (pl.col("n_people") >= people_floor))
    ).fill_null(False)
    return candidates(
        newest.select(
            pl.lit("contagion").alias("kind"),
            pl.col("measure").alias("signal"),
            "population",
            pl.col("geo_type").cast(pl.String),
            "location",
            pl.lit("day").alias("time_type"),
            pl.col("window_end").alias("time_value"),
            pl.col("window_start").alias("onset"),
            pl.lit("shuffled_exposure_1").alias("detector"),
            pl.col("follow_rate").alias("observed"),
            pl.col("null_rate").alias("expected"),
            pl.col("n_people").alias("sample_size"),
            "p_value",
            "q_value",
            pl.when(pl.col("ratio") >= 2).then(pl.lit("medium")).otherwise(pl.lit("low")).alias("severity"),
            fires.alias("fires"),
            exceeds.fill_null(False).alias("exceeds"),
        )
    )


def _worded(found: pl.DataFrame, *, catalogue: pl.DataFrame, config: AlertsConfig) -> pl.DataFrame:
    named = found.join(
        catalogue.select("signal", "label_en", pl.col("statistic").cast(pl.String)), on="signal", how="left"
    )
    texts = [_text(row, config=config) for row in named.iter_rows(named=True)]
    return found.drop("broken").with_columns(pl.Series("message", texts, dtype=pl.String))


def _text(row: dict[str, object], *, config: AlertsConfig) -> str:
    help_line = help_line_of(str(row["location"]), lines=config.help_lines, usual=config.help_line)
    note = BREAK_NOTE.format(onset=row["broken"]) if row["broken"] is not None else ""
    kind = str(row["kind"])
    if kind == "data_break" and row["signal"] == SEVERAL:
        kind = "data_break_several"
    elif row["detector"] == DETECTORS[VERSION]:
        kind = "data_break_version"
    elif row["detector"] == DETECTORS[QUERY]:
        kind = "data_break_query"
    return message(kind, _facts(row), help_line=f"{note} {help_line}".strip())


def _facts(row: dict[str, object]) -> Facts:
    onset, kind = row["onset"] if row["kind"] == "forecast_high" else row["since"], str(row["kind"])
    day = cast(dt.date, row["time_value"])
    lead = row["lead_days"] if isinstance(row["lead_days"], int) else 0
    size = row["sample_size"] if isinstance(row["sample_size"], int) else None
    own = STATISTICS.get(str(row["signal"]), str(row["statistic"] or "share"))
    chance = "share" if kind == "forecast_high" else own
    told = onset if kind == "data_break" and isinstance(onset, dt.date) else day + dt.timedelta(days=lead)
    when = period_text(told, time_type=str(row["time_type"]))
    return Facts(
        label=LABELS.get(str(row["signal"]), str(row["label_en"] or row["signal"])),
        place=place_text(str(row["geo_type"]), str(row["location"]), population=str(row["population"])),
        period=when.removeprefix("on ") if kind in ("forecast_high", "contagion") else when,
        since=onset.isoformat() if isinstance(onset, dt.date) else day.isoformat(),
        observed=_number(row["observed"], statistic=chance, sample_size=size),
        expected=_number(row["expected"], statistic=chance, sample_size=size),
        threshold=_number(row["threshold"], statistic=own, sample_size=size),
        people=people_text(size),
        more=_more(row),
        run=_run(row),
    )


def _more(row: dict[str, object]) -> str:
    """How much above what was expected, in steps of five in a hundred."""
    observed, expected = row["observed"], row["expected"]
    if not (isinstance(observed, float) and isinstance(expected, float)) or expected <= 0.0:
        return "more than expected"
    excess = 5 * round(20 * (observed / expected - 1.0))
    return f"about {excess}% more" if excess >= 5 else "under 5% more"


def _run(row: dict[str, object]) -> str:
    """How long the run of tonight is, which looks back a few weeks at most."""
    if not isinstance(row["onset"], dt.date):
        return "recently"
    step = 7 if row["time_type"] == "week" else 1
    periods = (cast(dt.date, row["time_value"]) - row["onset"]).days // step + 1
    unit = "week" if step == 7 else "day"
    return f"over the last {periods} {unit}s" if periods > 1 else f"in the last {unit}"


def _number(value: object, *, statistic: str, sample_size: int | None) -> str:
    """A value in words: percent for shares, two decimals for means, counts rounded to 5."""
    if not isinstance(value, float):
        return "an unknown value"
    if statistic == "count":
        return f"{5 * round(value / 5):,}"
    return f"{value:.2f}" if statistic == "mean" else share_text(value, sample_size=sample_size)
