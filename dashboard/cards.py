"""Sentences and cards that more than one page shows: alerts, outlook, the heat map's cells.

Not for charts, and not for choosing what to show.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from dashboard import acknowledgements, data, shell, skill, words
from warehouse.errors import InputError
from warehouse.skill import in_words

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
        return "Nothing is flagged: no open alert in this issue."
    places = waiting.select("geo_type", "location").unique().sort("geo_type", "location").rows()
    named = ", ".join(publication.place(*row) for row in places[:4]) + (
        " and more" if len(places) > 4 else ""
    )
    since = min(waiting.get_column("since").to_list())
    worst = waiting.get_column("severity")[0]
    number = words.plural(waiting.height, one="open alert", many="open alerts")
    told = waiting.get_column("group_id").n_unique()
    stories = f" that tell {words.plural(told, one='story', many='stories')}" if told < waiting.height else ""
    return (
        f"{number}{stories}, the most serious {worst}, in {named}; the oldest since {since:%d %b %Y}. "
        f"{_sureness(waiting)}"
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
        "What": words.ALERT_KINDS.get(row["kind"], row["kind"]),
        "Mood": publication.label(row["signal"]),
        "Where": publication.place(row["geo_type"], row["location"]),
        "By": words.TIME_TYPES.get(row["time_type"], row["time_type"]),
        "Since": f"{row['since']:%d %b %Y}",
        "Observed": told[0],
        "Expected": told[1],
        "People": words.count(row["sample_size"]),
        "Severity": row["severity"],
        "Status": row["status"],
    }


def false_alerts(publication: data.Publication) -> str:
    """How many false alerts the newest night's tests of highs and rises bring at most, and what was asked for."""
    tests = publication.tables["alert_tests"].filter(pl.col("alpha").is_not_null())
    newest = tests.filter(pl.col("issue") == pl.col("issue").max())
    if newest.is_empty():
        return "How many false alerts to expect is not known: this issue holds no count of its tests."
    false, count = newest["expected_false_per_week"].sum(), newest["n_tests"].sum()
    alpha, rate, budget = newest.select("alpha", "false_discovery_rate", "budget_per_week").row(0)
    limit = "" if budget is None else f" The budget is {budget:g} a week."
    return (
        f"{count:,} tests for highs and rises at a chance of {alpha:.2g} each would raise at most {false:.1f} false "
        f"alerts a week.{limit} Of those that open in a night, at most {rate:.0%} are expected to be false."
    )


def nearby_events(row: dict[str, Any], *, publication: data.Publication) -> str:
    """The calendar's events of the alert's place since two weeks before it began; empty where there is none.

    Contagion is measured over months, in which most events lie.
    """
    if row["kind"] == "contagion":
        return ""
    first = row["since"] - dt.timedelta(days=NEARBY_DAYS)
    where, place = pl.col("location"), pl.lit(row["location"])
    inside = where.is_null() | (where == place) | place.str.starts_with(where + "-")
    here = pl.lit(True) if row["geo_type"] == "all" else inside
    found = (
        publication.tables["events"]
        .filter(here, pl.col("start") <= row["time_value"], pl.coalesce("end", "start") >= first)
        .sort("start", descending=True)
    )
    named = [f"{event['name']} ({event['start']:%d %b %Y})" for event in found.head(3).iter_rows(named=True)]
    return f"Near it in the calendar: {'; '.join(named)}. That is no evidence of a cause." if named else ""


def _sureness(alerts: pl.DataFrame) -> str:
    known = alerts.get_column("past_precision").drop_nulls().to_list()
    if not known:
        return "How often such alerts were right is not known yet."
    low, high = min(known), max(known)
    share = f"{low:.0%}" if low == high else f"{low:.0%} to {high:.0%}"
    return f"In the past, {share} of such alerts were right."


def evidence(row: dict[str, Any], *, publication: data.Publication) -> None:
    """One alert: what, where, when, how far from expected, how sure, and how often such alerts are right."""
    colour = SEVERITY_COLOUR.get(row["severity"], "gray")
    kind = words.ALERT_KINDS.get(row["kind"], row["kind"])
    title = (
        f"{kind}: {publication.label(row['signal'])}, {publication.place(row['geo_type'], row['location'])}"
    )
    st.markdown(f"**{words.plain(title)}** :{colour}-badge[{words.plain(row['severity'])}]")
    if row["message"]:
        st.markdown(words.plain(row["message"]))
    st.caption(words.plain(" · ".join(facts(row, publication=publication))))


def statistic_of(row: dict[str, Any], *, publication: data.Publication) -> str:
    """What an alert's observed and expected values are: of a forecast chances, of a break what the break is in."""
    if row["kind"] == "forecast_high":
        return "share"
    return words.BREAK_STATISTICS.get(row["signal"]) or publication.statistic(row["signal"])


def facts(row: dict[str, Any], *, publication: data.Publication) -> list[str]:
    """The evidence of an alert as short phrases; a fact that is not known says so or is left out."""
    statistic, own = statistic_of(row, publication=publication), publication.statistic(row["signal"])
    period = "week ending" if row["time_type"] == "week" else "day"
    since = f", since {row['since']:%d %b %Y}" if row["since"] < row["time_value"] else ""
    parts = [f"{period} {row['time_value']:%d %b %Y}{since}, issued {row['issue']:%d %b %Y}"]
    if row["observed"] is not None:
        parts.append(f"observed {words.amount(row['observed'], statistic=statistic)}")
    if row["expected"] is not None:
        parts.append(f"expected {words.amount(row['expected'], statistic=statistic)}")
    # Of a break the threshold is in errors, and says nothing beside levels.
    if row["threshold"] is not None and row["kind"] != "data_break":
        parts.append(f"alert above {words.amount(row['threshold'], statistic=own)}")
    parts.append(words.people(row["sample_size"]))
    parts += _certainty(row)
    if row["population"] != "all":
        parts.append(words.population(row["population"]))
    return parts


def _certainty(row: dict[str, Any]) -> list[str]:
    parts = []
    if row["q_value"] is not None:
        q = row["q_value"]
        parts.append(
            "false alarms expected among alerts this strong " + ("< 0.1%" if q < 0.001 else f"{q:.1%}")
        )
    if row["lead_days"] is not None:
        parts.append(f"{words.plural(row['lead_days'], one='day', many='days')} ahead")
    if row["forecast_p"] is not None:
        parts.append(
            f"the forecast of {row['forecast_issued']:%d %b %Y} gave such a value or a higher one a chance of "
            f"{row['forecast_p']:.0%}"
        )
    right = row["past_precision"]
    parts.append("past hits not known" if right is None else f"{right:.0%} of such alerts were right")
    return parts


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
        return words.MISSING.get(row["missing_value"], "no data")
    level = (
        f"{words.amount(row['value'], statistic=statistic)} {words.margin(row['se'], statistic=statistic)}"
    )
    change = words.difference(row["change"], statistic=statistic)
    return f"{level}, change {change}, {words.people(row['sample_size'])}, issued {row['issue']:%d %b %Y}"


def outlook_row(
    step: dict[str, Any], *, publication: data.Publication, series: data.Series
) -> dict[str, str]:
    """One line of the outlook table from one horizon's quantiles."""
    statistic = publication.statistic(series.signal)
    middle, low, high = (
        words.amount(step.get(level), statistic=statistic) for level in ("0.5", "0.1", "0.9")
    )
    return {
        "Mood": publication.label(series.signal),
        "Expected": middle,
        "80% range": f"{low} to {high}",
        "On": f"{step['target_end_date']:%d %b %Y}",
        "Past forecasts": skill_words(publication, series=series),
    }


def skill_words(publication: data.Publication, *, series: data.Series) -> str:
    """How the shown model has done on a series, against a flat line, in words."""
    key = (series.signal, series.population, series.geo_type, series.geo_value)
    relative = skill.skill_of(
        publication.tables["scores"],
        task=skill.task_for(series.time_type),
        model_id=data.shown_model(publication, series=series) or "",
        key=key,
    )
    return in_words(relative)


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
    shell.link("See the timeline", page="timelines", parameters=parameters)
