"""Alerts: the queue, the evidence behind each, and what analysts said about it.

Not for detecting anything: alerts are read as published, and answers are only appended.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from dashboard import access, acknowledgements, cards, controls, data, shell, shifts, timeline_charts, words
from dashboard.word_weeks import for_alert
from warehouse.errors import InputError
from warehouse.translation import mark, t, tn

PAGE_SIZE = 10
ANY = "any"
# Kinds of alert that a change of words can stand behind.
MOODS = ("prevalence_high", "prevalence_rise", "forecast_high")
ACTIONS = {"acknowledged": mark("Acknowledge"), "resolved": mark("Resolve"), "open": mark("Reopen")}


def body(publication: data.Publication) -> None:
    """Filters, then one card per story: the alerts that began together."""
    state = shell.settings().state
    if publication.tables["alerts"].is_empty():
        shell.empty(publication, table="alerts", what=t("Nothing has been flagged."))
        return
    alerts = cards.alerts_now(publication, state=state)
    _counts(publication, alerts=alerts)
    chosen = _filtered(publication, alerts=alerts)
    if chosen.is_empty():
        st.info(t("No alert matches these filters."), icon=":material/filter_alt:")
        return
    whole = alerts.join(chosen.select("group_id").unique(), on="group_id", how="semi", maintain_order="left")
    for story in _one_page(cards.stories(whole)):
        with st.container(border=True):
            _card(publication, story=story)


def _counts(publication: data.Publication, *, alerts: pl.DataFrame) -> None:
    counts = {status: alerts.filter(pl.col("status") == status).height for status in words.ALERT_STATUS}
    numbers = [
        tn("{n} open", "{n} open", n=counts["open"]),
        tn("{n} acknowledged", "{n} acknowledged", n=counts["acknowledged"]),
        tn("{n} resolved", "{n} resolved", n=counts["resolved"]),
    ]
    st.markdown(words.plain(" · ".join(numbers)))
    st.caption(words.plain(cards.false_alerts(publication)))


def _filtered(publication: data.Publication, *, alerts: pl.DataFrame) -> pl.DataFrame:
    columns = st.columns(4)
    places = data.places_of(alerts, publication=publication, column="location")
    with columns[0]:
        options = _any(_told(words.ALERT_STATUS))
        status = controls.choice(t("Status"), name="status", options=options, default=_first(alerts))
    with columns[1]:
        severity = controls.choice(t("Severity"), name="severity", options=_any(_told(words.SEVERITY)))
    with columns[2]:
        kind = controls.choice(t("Kind"), name="kind", options=_any(_told(words.ALERT_KINDS)))
    with columns[3]:
        where = controls.choice(t("Where"), name="where", options=_any(places))
    place = pl.concat_str("geo_type", pl.lit(":"), "location")
    wanted = (
        (pl.col("status"), status),
        (pl.col("severity"), severity),
        (pl.col("kind"), kind),
        (place, where),
    )
    return alerts.filter(*[column == value for column, value in wanted if value != ANY], pl.lit(value=True))


def _told(texts: dict[str, str]) -> dict[str, str]:
    return {code: words.told(texts, code) for code in texts}


def _any(options: dict[str, str]) -> dict[str, str]:
    return {ANY: t("Any")} | {value: words.capital(label) for value, label in options.items()}


def _first(alerts: pl.DataFrame) -> str:
    return "open" if alerts.filter(pl.col("status") == "open").height else ANY


def _one_page(stories: list[pl.DataFrame]) -> list[pl.DataFrame]:
    pages = -(-len(stories) // PAGE_SIZE)
    if pages == 1:
        return stories
    options = {str(n): t("{n} of {total}", n=n, total=pages) for n in range(1, pages + 1)}
    number = int(controls.choice(t("Page"), name="page", options=options))
    return stories[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]


def _card(publication: data.Publication, *, story: pl.DataFrame) -> None:
    """The clearest alert of a story with its evidence, and the others in a table."""
    row = story.row(0, named=True)
    cards.evidence(row, publication=publication)
    near = cards.nearby_events(row, publication=publication)
    if near:
        st.markdown(words.plain(near))
    if row["note"] is not None:
        status = words.capital(words.told(words.ALERT_STATUS, row["status"]))
        said = t("{status} {time} UTC", status=status, time=row["noted_at"][:16].replace("T", " "))
        st.markdown(words.plain(f"{said}: {row['note']}" if row["note"] else said))
    if story.height > 1:
        others = tn(
            "{n} more alert of the same story", "{n} more alerts of the same story", n=story.height - 1
        )
        with st.expander(others):
            rows = cards.members(story.tail(-1), publication=publication)
            shell.rows(rows, alt=t("Alerts of the same story"))
            st.caption(
                t(
                    "They are about this place in the same days, or about the same mood in a place around or within "
                    "it."
                )
            )
    _evidence_chart(publication, row=row)
    _words_behind(publication, row=row)
    _answer(row, story=story)


def _evidence_chart(publication: data.Publication, *, row: dict[str, Any]) -> None:
    series = cards.alert_series(row)
    frame = data.timeline(publication, series=series).tail(60)
    if frame.get_column("value").drop_nulls().is_empty():
        st.caption(t("No timeline is published for this alert."))
        return
    with st.expander(t("Timeline and detector")):
        place, statistic = (
            publication.place(series.geo_type, series.geo_value),
            publication.statistic(series.signal),
        )
        line = timeline_charts.Line(name=place, frame=frame, statistic=statistic)
        events = pl.DataFrame({"name": [t("this alert")], "start": [row["time_value"]], "end": [None]})
        figure = timeline_charts.timeline([line], events=events)
        alt = t("Timeline of {mood}", mood=publication.label(series.signal))
        st.plotly_chart(figure, key=f"chart_{row['alert_id']}", config={"displayModeBar": False}, alt=alt)
        about = t("Detector: {name}. Alert {alert}.", name=row["detector"], alert=row["alert_id"])
        st.caption(words.plain(about))
        cards.link_to_timeline(row)


def _words_behind(publication: data.Publication, *, row: dict[str, Any]) -> None:
    found = shifts.behind(publication, row=row) if row["kind"] in MOODS else None
    if found is None:
        return
    with st.expander(t("Words that moved it")):
        shell.rows(found.rows, alt=t("Words that moved it"))
        st.caption(words.plain(found.basis))
        weeks = for_alert(publication, row=row)
        if weeks is not None:
            shell.link(t("These words week by week"), page="words", parameters=weeks)


def _answer(row: dict[str, Any], *, story: pl.DataFrame) -> None:
    """An answer counts for every alert of the story that is not over; none is asked for where all are."""
    alive = story.filter(pl.col("ended").is_null()).height
    if not alive or not access.may_answer(shell.settings().config):
        return
    with (
        st.popover(t("Answer"), icon=":material/edit_note:"),
        st.form(f"form_{row['alert_id']}", border=False),
    ):
        if alive > 1:
            st.caption(t("Counts for all {n} alerts of this story that are not over.", n=alive))
        note = st.text_input(
            t("Note (no names, no quotes from posts)"),
            max_chars=acknowledgements.MAX_NOTE,
            key=f"note_{row['alert_id']}",
        )
        wanted = [status for status in ACTIONS if status != row["status"]]
        for column, status in zip(st.columns(len(wanted)), wanted, strict=True):
            if column.form_submit_button(t(ACTIONS[status]), key=f"{status}_{row['alert_id']}"):
                _save(story, status=status, note=note)


def _save(story: pl.DataFrame, *, status: str, note: str) -> None:
    try:
        for name in story.filter(pl.col("ended").is_null())["alert_id"]:
            acknowledgements.append(shell.settings().state, alert_id=name, status=status, note=note)
    except InputError as error:
        st.error(words.plain(error.message), icon=":material/error:")
        return
    st.rerun()


if __name__ == "__main__":
    shell.page("Alerts", body=body)
