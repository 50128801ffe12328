"""What a brief says of a place, as values: newest moods, outlook, alerts, gaps. Not for wording or drawing.

Everything is taken as published; only which moods are shown, and whether a change is more than noise, is decided here.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from flows.export.brief.values import QUANTILES, Alert, Brief, Mood, Peak, Point, Step, Verdict
from flows.export.brief.words import Language
from flows.export.source import Source
from flows.export.tables import shown_forecasts
from warehouse.intervals import interval
from warehouse.main_model import nightly_skill
from warehouse.tables import CENSORED

# So many fit on one page; a second alert takes the room of a mood.
MOODS, ALERTS, NEIGHBOURS, BREAKS = 4, 3, 4, 2
CHART_DAYS = {"week": 26 * 7, "day": 90}
# Values are compared with those a week earlier, and outlooks are for a week ahead.
WEEK = dt.timedelta(days=7)
ALPHA = 0.05
SEVERITY = {"high": 0, "medium": 1, "low": 2}
ALIVE = ("open", "acknowledged")
PLACE_ORDER = {"all": 0, "nation": 1, "region": 2}


@dataclass(frozen=True, kw_only=True)
class _Data:
    """The publication's tables as the briefs need them."""

    language: Language
    source: Source
    signals: pl.DataFrame
    forecasts: pl.DataFrame
    skill: pl.DataFrame
    peaks: pl.DataFrame
    alerts: pl.DataFrame
    breaks: pl.DataFrame
    revisions: pl.DataFrame
    places: pl.DataFrame

    def of(self, geo_type: str, code: str) -> _Data:
        """The rows of one place; alerts are left whole, for those of places within it."""

        def here(frame: pl.DataFrame, column: str = "location") -> pl.DataFrame:
            return frame.filter(pl.col("geo_type") == geo_type, pl.col(column) == code)

        return replace(
            self,
            signals=here(self.signals, "geo_value"),
            forecasts=here(self.forecasts),
            skill=here(self.skill),
            peaks=here(self.peaks),
            breaks=here(self.breaks, "geo_value"),
            revisions=self.revisions.filter(pl.col("geo_type") == geo_type),
        )


def false_alerts_per_week(source: Source) -> float | None:
    """How many false alerts of highs and rises the newest night's tests bring at most; None where not known."""
    tests = source.tables["alert_tests"].filter(pl.col("alpha").is_not_null())
    newest = tests.filter(pl.col("issue") == pl.col("issue").max())
    return None if newest.is_empty() else float(newest["expected_false_per_week"].sum())


def briefs(source: Source, *, language: Language) -> list[Brief]:
    """One brief for every place that has published or withheld values: all, nations, regions."""
    data = _prepare(source, language=language)
    order = pl.col("geo_type").replace_strict(PLACE_ORDER, return_dtype=pl.Int8)
    places = data.signals.select("geo_type", "geo_value").unique().sort(order, "geo_value")
    return [_brief(data.of(*place), geo_type=place[0], code=place[1]) for place in places.iter_rows()]


def _prepare(source: Source, *, language: Language) -> _Data:
    tables = source.tables
    label = pl.col(f"label_{language}").alias("label")
    catalogue = tables["signal_catalogue"].select("signal", "scorer", "statistic", "smoothing", label)
    everyone = pl.col("population") == "all"
    newest = tables["signals"].sort("issue").unique(
        ["signal", "geo_type", "geo_value", "time_type", "time_value", "population"],
        keep="last", maintain_order=True,
    )  # fmt: skip
    signals = newest.filter(everyone, pl.col("geo_type").is_in(list(PLACE_ORDER))).join(
        catalogue, on="signal"
    )
    shares = signals.filter(pl.col("smoothing") == "none", pl.col("statistic") == "share")
    ends = interval(value=pl.col("value"), se=pl.col("se"), n=pl.col("sample_size"), level=0.95)
    alerts = tables["alerts"].filter(pl.col("status").is_in(ALIVE), pl.col("ended").is_null())
    return _Data(
        language=language,
        source=source,
        signals=shares.with_columns(low=ends[0], high=ends[1]).sort("signal", "time_type", "time_value"),
        forecasts=shown_forecasts(source).filter(everyone),
        skill=nightly_skill(tables["scores"]).filter(everyone),
        peaks=tables["peak_outlook"].filter(everyone, pl.col("skill") == "yes"),
        alerts=alerts.join(catalogue, on="signal", how="left").with_columns(
            pl.coalesce("label", "signal").alias("label")
        ),
        breaks=tables["breaks"].filter(everyone),
        revisions=tables["revisions"],
        places=tables["places"],
    )


def _brief(data: _Data, *, geo_type: str, code: str) -> Brief:
    """`data` holds the rows of this place."""
    period, newest = _newest_period(data.signals)
    rows = data.signals.filter(pl.col("time_type") == period)
    now = rows.filter(pl.col("time_value") == newest)
    own = _by_severity(data.alerts.filter(pl.col("geo_type") == geo_type, pl.col("location") == code))
    changes = _changes(now, before=rows.filter(pl.col("time_value") == newest - WEEK))
    first = {signal: rank for rank, signal in reversed(list(enumerate(own["signal"].to_list())))}
    chosen = sorted(
        changes, key=lambda row: (first.get(row["signal"], len(first)), -abs(row["z"] or 0.0), row["signal"])
    )
    compared = sum(row["z"] is not None for row in changes)
    shown = [
        _mood(row, data=data, period=period, compared=compared) for row in chosen[: MOODS - (own.height > 1)]
    ]
    lead = shown[0].signal if shown else ""
    forecast = _steps(data.forecasts, signal=lead, period=period)
    dates = data.forecasts.filter(pl.col("time_type") == period).get_column("reference_date")
    revisions = data.revisions.filter(
        pl.col("time_type") == period, pl.col("signal").is_in([mood.signal for mood in shown])
    )
    history = _history(rows, signal=lead, newest=newest, period=period)
    return Brief(
        geo_type=geo_type,
        code=code,
        name=_names(data.places).get((geo_type, code), code),
        period=period,
        newest=newest,
        moods=tuple(shown),
        n_compared=compared,
        n_withheld=now.filter(pl.col("missing_value") == CENSORED).height,
        n_moods=now.height,
        history=history,
        forecast=forecast,
        reference=max(dates.to_list(), default=None),
        alerts=tuple(_alert(row, data=data) for row in own.head(ALERTS).iter_rows(named=True)),
        n_alerts=own.height,
        within=_within(data, geo_type=geo_type, code=code),
        breaks=_break_days(data.breaks, scorers={mood.scorer for mood in shown}, history=history),
        n_cells=int(revisions["n_cells"].sum()),
        n_revised=int(revisions["n_revised"].sum()),
        revision=_mean_revision(revisions),
        assumed=(now["vintage"] != "real").any(),
    )


def _newest_period(rows: pl.DataFrame) -> tuple[str, dt.date]:
    """The newest measured week, if any of it is published; else such a day; else what was measured at all."""
    measured = rows.filter(pl.col("value").is_not_null() | (pl.col("missing_value") == CENSORED))
    newest = measured.filter(pl.col("time_value") == pl.col("time_value").max().over("time_type"))
    known = newest.filter(pl.col("value").is_not_null())
    base = next(frame for frame in (known, newest, rows) if frame.height)
    period = "week" if (base["time_type"] == "week").any() else "day"
    return period, max(base.filter(pl.col("time_type") == period)["time_value"].to_list())


def _changes(now: pl.DataFrame, *, before: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of `now` with a value, with `change` and `z`; both None without a value a week earlier."""
    earlier = before.select("signal", value_before="value", se_before="se")
    joined = now.filter(pl.col("value").is_not_null()).join(earlier, on="signal", how="left")
    error = (pl.col("se") ** 2 + pl.col("se_before") ** 2).sqrt()
    change = pl.col("value") - pl.col("value_before")
    z = pl.when(error > 0.0).then(change / error)
    return joined.with_columns(change=change, z=z).to_dicts()


def verdict(z: float | None, *, compared: int) -> Verdict:
    """Is a change more than noise? Two-sided at .05, clear only if also after Bonferroni over all that was compared."""
    if z is None:
        return "unknown"
    p = math.erfc(abs(z) / math.sqrt(2.0))
    if p >= ALPHA:
        return "noise"
    return "clear" if p * compared < ALPHA else "unclear"


def _mood(row: dict[str, Any], *, data: _Data, period: str, compared: int) -> Mood:
    series = (pl.col("target") == row["signal"]) & (pl.col("time_type") == period)
    steps = _steps(data.forecasts, signal=row["signal"], period=period)
    ahead = row["time_value"] + WEEK
    outlook = next((step for step in steps if step.day == ahead), None)
    models = data.forecasts.filter(series)["model_id"].unique().to_list()
    skill = data.skill.filter(series, pl.col("model_id").is_in(models))["relative_wis"].to_list()
    return Mood(
        signal=row["signal"],
        scorer=row["scorer"],
        label=row["label"],
        statistic=row["statistic"],
        now=_point(row),
        posts_only=row["people_unknown"],
        reliability=row["reliability"],
        change=row["change"],
        verdict=verdict(row["z"], compared=compared),
        outlook=outlook,
        relative_wis=skill[0] if skill else None,
        peak=_peak(data.peaks.filter(pl.col("target") == row["signal"])),
    )


def _peak(rows: pl.DataFrame) -> Peak | None:
    """The chance as far ahead as alarms are raised, of days before weeks."""
    usable = rows.filter(pl.col("horizon_days") <= pl.col("alarm_days")).sort(
        "time_type", -pl.col("horizon_days")
    )
    if usable.is_empty():
        return None
    row = usable.row(0, named=True)
    return Peak(days=row["horizon_days"], chance=row["probability"], usual=row["baseline_probability"])


def _point(row: dict[str, Any]) -> Point:
    return Point(
        day=row["time_value"],
        value=row["value"],
        low=row["low"],
        high=row["high"],
        people=row["sample_size"],
        withheld=row["missing_value"] == CENSORED,
    )


def _history(rows: pl.DataFrame, *, signal: str, newest: dt.date, period: str) -> tuple[Point, ...]:
    since = newest - dt.timedelta(days=CHART_DAYS[period])
    kept = rows.filter(
        pl.col("signal") == signal, pl.col("time_value") > since, pl.col("time_value") <= newest
    )
    return tuple(_point(row) for row in kept.iter_rows(named=True))


def _steps(forecasts: pl.DataFrame, *, signal: str, period: str) -> tuple[Step, ...]:
    rows = forecasts.filter(pl.col("target") == signal, pl.col("time_type") == period)
    found: dict[dt.date, dict[float, float]] = {}
    flags: dict[dt.date, tuple[bool, bool]] = {}
    for row in rows.sort("target_end_date", "output_type_id").iter_rows(named=True):
        level = round(row["output_type_id"], 3)
        if level in QUANTILES:
            found.setdefault(row["target_end_date"], {})[level] = row["value"]
        flags[row["target_end_date"]] = (row["is_fallback"], row["limited_history"])
    return tuple(
        Step(day=day, values=values, fallback=flags[day][0], limited=flags[day][1])
        for day, values in found.items()
        if len(values) == len(QUANTILES)
    )


def _by_severity(alerts: pl.DataFrame) -> pl.DataFrame:
    """The clearest of each story first, then the others; serious before slight, strong evidence before weak."""
    rank = pl.col("severity").replace_strict(SEVERITY, default=9, return_dtype=pl.Int8)
    ordered = alerts.sort(rank, "p_value", "alert_id", nulls_last=True)
    again = ~pl.col("group_id").is_first_distinct()
    return ordered.sort(again, maintain_order=True)


def _alert(row: dict[str, Any], *, data: _Data) -> Alert:
    # A chance is what is observed of a forecast, whatever its signal is.
    statistic = "share" if row["kind"] == "forecast_high" else row["statistic"] or "mean"
    return Alert(
        kind=row["kind"],
        severity=row["severity"],
        label=row["label"],
        statistic=statistic,
        message=row["message"].removesuffix(data.source.help_line(row["location"])).strip(),
        observed=row["observed"],
        expected=row["expected"],
        people=row["sample_size"],
        since=row["since"],
        past_precision=row["past_precision"],
    )


def _within(data: _Data, *, geo_type: str, code: str) -> tuple[tuple[str, int], ...]:
    """Places inside this one with alerts that are open, most alerts first; none for a region."""
    if geo_type == "region":
        return ()
    inside = data.places.filter(pl.lit(geo_type == "all") | (pl.col("parent") == code))
    key = inside.filter(pl.col("geo_type") != "all").select("geo_type", name="label", location="geo_value")
    counts = data.alerts.join(key, on=["geo_type", "location"]).group_by("geo_type", "location", "name").len()
    return tuple(counts.sort("len", "location", descending=[True, False]).select("name", "len").iter_rows())


def _break_days(
    breaks: pl.DataFrame, *, scorers: set[str], history: tuple[Point, ...]
) -> tuple[dt.date, ...]:
    """The newest days of the chart from which the data are others, for the moods that are shown."""
    if not history:
        return ()
    touching = pl.col("scorer").is_in([*scorers, "all"]) & (pl.col("onset") > history[0].day)
    return tuple(breaks.filter(touching)["onset"].unique().sort().to_list()[-BREAKS:])


def _mean_revision(rows: pl.DataFrame) -> float | None:
    """Per revised value, without sign."""
    known = rows.filter(pl.col("mean_change").is_not_null(), pl.col("n_revised") > 0)
    if known.is_empty():
        return None
    return known.select(
        (pl.col("mean_change") * pl.col("n_revised")).sum() / pl.col("n_revised").sum()
    ).item()


def _names(places: pl.DataFrame) -> dict[tuple[str, str], str]:
    return {(row[0], row[1]): row[2] for row in places.select("geo_type", "geo_value", "label").iter_rows()}
