"""Sentences and cards that more than one page shows: alerts, outlook, the heat map's cells.

Not for charts, and not for choosing what to show.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from dashboard import acknowledgements, data, marks, shell, skill, words
from warehouse import translation
from warehouse.errors import InputError
from warehouse.translation import date, number, percent, t, tn

SEVERITY_ORDER = {"high": 0, "medium": 1, "low": 2}
NEARBY_DAYS = 14
SEVERITY_COLOUR = {"high": "red", "medium": "orange", "low": "gray"}


def alerts_now(publication: data.Publication, *, state: Path) -> pl.DataFrame:
    """The published alerts with what analysts have said since; open and serious first, then newest and least likely.

    Adds `note` and `noted_at` (both empty where nothing was said).
    """
    try:
        said = acknowledgements.latest(state)
    except InputError as error:
        st.warning(words.plain(error.message), icon=":material/warning:")
        said = {}
    heard = pl.DataFrame(
        [(item.alert_id, item.status, item.note, item.at) for item in said.values()],
        schema={"alert_id": pl.String, "said": pl.String, "note": pl.String, "noted_at": pl.String},
        orient="row",
    )
    joined = publication.tables["alerts"].join(heard, on="alert_id", how="left")
    over = pl.col("ended").is_not_null()
    status = pl.when(over).then("status").otherwise(pl.coalesce("said", "status")).alias("status")
    order = pl.col("severity").replace_strict(SEVERITY_ORDER, default=9, return_dtype=pl.Int8)
    return joined.with_columns(status).sort(
        pl.col("status") != "open", order, "time_value", "p_value", "alert_id",
        descending=[False, False, True, False, False], nulls_last=True,
    )  # fmt: skip


def verdict(alerts: pl.DataFrame, *, publication: data.Publication) -> str:
    """One sentence: is anything wrong, where, since when, how sure."""
    waiting = alerts.filter(pl.col("status") == "open")
    if waiting.is_empty():
        return t("Nothing is flagged: no open alert in this issue.")
    places = waiting.select("geo_type", "location").unique().sort("geo_type", "location").rows()
    named = ", ".join(publication.place(*row) for row in places[:4])
    known = {
        "worst": words.told(words.SEVERITY, waiting.get_column("severity")[0]),
        "places": t("{places} and more", places=named) if len(places) > 4 else named,
        "since": date(min(waiting.get_column("since").to_list())),
    }
    return f"{_waiting(waiting, known=known)} {_sureness(waiting)}"


def _waiting(alerts: pl.DataFrame, *, known: dict[str, str]) -> str:
    """How many alerts are open, and how many stories they tell where that is fewer."""
    told = alerts.get_column("group_id").n_unique()
    if told == alerts.height:
        return tn(
            "{n} open alert, the most serious {worst}, in {places}; the oldest since {since}.",
            "{n} open alerts, the most serious {worst}, in {places}; the oldest since {since}.",
            n=told,
            **known,
        )
    return tn(
        "{alerts} open alerts that tell {n} story, the most serious {worst}, in {places}; the oldest since {since}.",
        "{alerts} open alerts that tell {n} stories, the most serious {worst}, in {places}; the oldest since {since}.",
        n=told,
        alerts=alerts.height,
        **known,
    )


def stories(alerts: pl.DataFrame) -> list[pl.DataFrame]:
    """The alerts by group, groups and their alerts in the order given; the first of each is the clearest."""
    return alerts.partition_by("group_id", maintain_order=True)


def members(alerts: pl.DataFrame, *, publication: data.Publication) -> list[dict[str, str]]:
    """One row per alert of a story beside its clearest, to be shown as a table."""
    return [_member(row, publication=publication) for row in alerts.iter_rows(named=True)]


def _member(row: dict[str, Any], *, publication: data.Publication) -> dict[str, str]:
    statistic = statistic_of(row, publication=publication)
    told = [
        words.NOTHING if row[k] is None else words.amount(row[k], statistic=statistic)
        for k in ("observed", "expected")
    ]
    return {
        t("What"): words.told(words.ALERT_KINDS, row["kind"]),
        t("Mood"): publication.label(row["signal"]),
        t("Where"): publication.place(row["geo_type"], row["location"]),
        t("By"): words.told(words.TIME_TYPES, row["time_type"]),
        t("Since"): date(row["since"]),
        t("Observed"): told[0],
        t("Expected"): told[1],
        t("People"): words.count(row["sample_size"]),
        t("Severity"): words.told(words.SEVERITY, row["severity"]),
        t("Status"): words.told(words.ALERT_STATUS, row["status"]),
    }


def false_alerts(publication: data.Publication) -> str:
    """How many false alerts the newest night's tests of highs and rises bring at most, and what was asked for."""
    tests = publication.tables["alert_tests"].filter(pl.col("alpha").is_not_null())
    newest = tests.filter(pl.col("issue") == pl.col("issue").max())
    if newest.is_empty():
        return t("How many false alerts to expect is not known: this issue holds no count of its tests.")
    false, count = newest["expected_false_per_week"].sum(), newest["n_tests"].sum()
    alpha, rate, budget = newest.select("alpha", "false_discovery_rate", "budget_per_week").row(0)
    parts = [
        t(
            "{n} tests for highs and rises at a chance of {alpha} each would raise at most {false} false alerts a "
            "week.",
            n=int(count),
            alpha=translation.exact(float(f"{alpha:.2g}")),
            false=number(float(false), decimals=1),
        ),
        "" if budget is None else t("The budget is {budget} a week.", budget=translation.exact(budget)),
        t(
            "Of those that open in a night, at most {rate} are expected to be false.",
            rate=percent(rate, decimals=0),
        ),
    ]
    return " ".join(part for part in parts if part)


def nearby_events(row: dict[str, Any], *, publication: data.Publication) -> str:
    """The calendar's events of the alert's place since two weeks before it began; empty where there is none.

    Contagion is measured over months, in which most events lie.
    """
    if row["kind"] == "contagion":
        return ""
    first = row["since"] - dt.timedelta(days=NEARBY_DAYS)
    found = (
        publication.tables["events"]
        .filter(
            marks.happens_in(row["geo_type"], row["location"]),
            pl.col("start") <= row["time_value"],
            pl.coalesce("end", "start") >= first,
        )
        .sort("start", descending=True)
    )
    named = [f"{event['name']} ({date(event['start'])})" for event in found.head(3).iter_rows(named=True)]
    if not named:
        return ""
    return t("Near it in the calendar: {events}. That is no evidence of a cause.", events="; ".join(named))


def _sureness(alerts: pl.DataFrame) -> str:
    known = alerts.get_column("past_precision").drop_nulls().to_list()
    if not known:
        return t("How often such alerts were right is not known yet.")
    low, high = (percent(end, decimals=0) for end in (min(known), max(known)))
    return t(
        "In the past, {share} of such alerts were right.",
        share=low if low == high else words.between(low, high),
    )


def evidence(row: dict[str, Any], *, publication: data.Publication) -> None:
    """One alert: what, where, when, how far from expected, how sure, and how often such alerts are right.

    The message of the night is English: another language has the facts in its place.
    """
    colour = SEVERITY_COLOUR.get(row["severity"], "gray")
    kind = words.told(words.ALERT_KINDS, row["kind"])
    title = (
        f"{kind}: {publication.label(row['signal'])}, {publication.place(row['geo_type'], row['location'])}"
    )
    severity = words.told(words.SEVERITY, row["severity"])
    st.markdown(f"**{words.plain(title)}** :{colour}-badge[{words.plain(severity)}]")
    known = " · ".join(facts(row, publication=publication))
    if row["message"] and translation.current() == "en":
        st.markdown(words.plain(row["message"]))
        st.caption(words.plain(known))
    else:
        st.markdown(words.plain(words.capital(known)))


def statistic_of(row: dict[str, Any], *, publication: data.Publication) -> str:
    """What an alert's observed and expected values are: of a forecast chances, of a break what the break is in."""
    if row["kind"] == "forecast_high":
        return "share"
    return words.BREAK_STATISTICS.get(row["signal"]) or publication.statistic(row["signal"])


def facts(row: dict[str, Any], *, publication: data.Publication) -> list[str]:
    """The evidence of an alert as short phrases; a fact that is not known says so or is left out."""
    statistic, own = statistic_of(row, publication=publication), publication.statistic(row["signal"])
    parts = [_when(row)]
    if row["observed"] is not None:
        parts.append(t("observed {level}", level=words.amount(row["observed"], statistic=statistic)))
    if row["expected"] is not None:
        parts.append(t("expected {level}", level=words.amount(row["expected"], statistic=statistic)))
    # Of a break the threshold is in errors, and says nothing beside levels.
    if row["threshold"] is not None and row["kind"] != "data_break":
        parts.append(t("alert above {level}", level=words.amount(row["threshold"], statistic=own)))
    parts.append(words.people(row["sample_size"]))
    parts += _certainty(row)
    if row["population"] != "all":
        parts.append(words.population(row["population"]))
    return parts


def _when(row: dict[str, Any]) -> str:
    """The period, since when, and which night said so."""
    day = row["time_value"]
    parts = [t("week ending {day}", day=day) if row["time_type"] == "week" else t("day {day}", day=day)]
    if row["since"] < day:
        parts.append(t("since {day}", day=row["since"]))
    return ", ".join([*parts, t("issued {day}", day=row["issue"])])


def _certainty(row: dict[str, Any]) -> list[str]:
    parts = []
    if row["q_value"] is not None:
        q = row["q_value"]
        share = f"< {percent(0.001)}" if q < 0.001 else percent(q)
        parts.append(t("false alarms expected among alerts this strong {share}", share=share))
    if row["lead_days"] is not None:
        parts.append(tn("{n} day ahead", "{n} days ahead", n=row["lead_days"]))
    if row["forecast_p"] is not None:
        chance = percent(row["forecast_p"], decimals=0)
        parts.append(
            t(
                "the forecast of {day} gave such a value or a higher one a chance of {chance}",
                day=row["forecast_issued"],
                chance=chance,
            )
        )
    right = row["past_precision"]
    if right is None:
        return [*parts, t("past hits not known")]
    return [*parts, t("{share} of such alerts were right", share=percent(right, decimals=0))]


def heat_cells(changes: pl.DataFrame, *, publication: data.Publication) -> pl.DataFrame:
    """Columns place, label, z, reliability, note: what the heat map draws, widest place first."""
    order = {key: index for index, key in enumerate(data.places_of(changes, publication=publication))}
    cells = [
        {
            "order": order[f"{row['geo_type']}:{row['geo_value']}"],
            "place": publication.place(row["geo_type"], row["geo_value"]),
            "label": publication.label(row["signal"]),
            "z": row["z"],
            "reliability": row["reliability"],
            "note": cell_note(row, statistic=publication.statistic(row["signal"])),
        }
        for row in changes.iter_rows(named=True)
    ]
    return pl.DataFrame(cells, infer_schema_length=None).sort("order", "label")


def cell_note(row: dict[str, Any], *, statistic: str) -> str:
    """Value, change, n and issue of one cell, for hovering."""
    if row["value"] is None:
        return words.missing(row["missing_value"])
    level = (
        f"{words.amount(row['value'], statistic=statistic)} {words.margin(row['se'], statistic=statistic)}"
    )
    change = words.difference(row["change"], statistic=statistic)
    return t(
        "{level}, change {change}, {people}, issued {day}",
        level=level,
        change=change,
        people=words.people(row["sample_size"]),
        day=row["issue"],
    )


def outlook_row(
    step: dict[str, Any], *, publication: data.Publication, series: data.Series
) -> dict[str, str]:
    """One line of the outlook table from one horizon's quantiles."""
    statistic = publication.statistic(series.signal)
    middle, low, high = (
        words.amount(step.get(level), statistic=statistic) for level in ("0.5", "0.1", "0.9")
    )
    return {
        t("Mood"): publication.label(series.signal),
        t("Expected"): middle,
        t("80% range"): words.between(low, high),
        t("On"): date(step["target_end_date"]),
        t("Past forecasts"): skill_words(publication, series=series),
    }


def skill_words(publication: data.Publication, *, series: data.Series) -> str:
    """How the shown model has done on a series, against a flat line, in words."""
    key = (series.signal, series.population, series.geo_type, series.geo_value)
    relative = skill.skill_of(
        data.series_skill(publication),
        task=skill.task_for(series.time_type),
        model_id=data.shown_model(publication, series=series) or "",
        key=key,
    )
    return words.skill(relative)


def alert_series(row: dict[str, Any]) -> data.Series:
    """The series an alert is about."""
    return data.Series(
        signal=row["signal"],
        geo_type=row["geo_type"],
        geo_value=row["location"],
        population=row["population"],
        time_type=row["time_type"],
    )


def link_to_timeline(row: dict[str, Any]) -> None:
    """A link from an alert to the timeline it is about."""
    series = alert_series(row)
    parameters = {
        "signal": series.signal,
        "place": series.place,
        "population": series.population,
        "period": series.time_type,
    }
    shell.link(t("See the timeline"), page="timelines", parameters=parameters)
