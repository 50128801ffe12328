"""Overview: is anything wrong, where, since when, and how sure. Not for detail: the other pages have it."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import cards, charts, controls, data, shell, words

TILES = 4
CARDS = 3
LISTED = 8
MAPPED = 12


def body(publication: data.Publication) -> None:
    """The page, from verdict to outlook."""
    alerts = cards.alerts_now(publication, state=shell.settings().state)
    _verdict(publication, alerts=alerts)
    _open_alerts(publication, alerts=alerts)
    changes = shell.weekly_changes(publication)
    if changes.is_empty():
        shell.empty(publication, table="signals", what="There is no week to compare yet.")
    else:
        _this_week(publication, changes=changes)
        _map(publication, changes=changes)


def _verdict(publication: data.Publication, *, alerts: pl.DataFrame) -> None:
    sentence = cards.verdict(alerts, publication=publication)
    serious = alerts.filter(pl.col("status") == "open")
    if serious.is_empty():
        st.success(words.plain(sentence), icon=":material/check_circle:")
    elif "high" in serious.get_column("severity").to_list():
        st.error(words.plain(sentence), icon=":material/error:")
    else:
        st.warning(words.plain(sentence), icon=":material/warning:")


def _this_week(publication: data.Publication, *, changes: pl.DataFrame) -> None:
    st.header("What changed this week")
    options = data.places_of(changes, publication=publication)
    first = data.largest_change(publication)
    moved = f"{first['geo_type']}:{first['geo_value']}" if first else None
    place = controls.choice("Place", name="place", options=options, default=moved)
    kind, _, value = place.partition(":")
    here = changes.filter(pl.col("geo_type") == kind, pl.col("geo_value") == value)
    ordered = here.sort(pl.col("z").abs(), descending=True, nulls_last=True)
    _tiles(publication, changes=ordered)
    rows = [_change_row(publication, row=row) for row in ordered.iter_rows(named=True)]
    shell.rows(rows[:LISTED], alt="Changes this week, largest first")
    if rows[LISTED:]:
        with st.expander(f"{len(rows) - LISTED} more"):
            shell.rows(rows[LISTED:], alt="Smaller changes this week")
    st.caption(words.plain(_noise_note(publication, changes=here)))
    _outlook(publication, place=(kind, value), changes=ordered)


def _tiles(publication: data.Publication, *, changes: pl.DataFrame) -> None:
    known = changes.filter(pl.col("value").is_not_null()).head(TILES)
    if known.is_empty():
        st.info("Every number of this place is withheld this week: too few people.", icon=":material/lock:")
        return
    for column, row in zip(st.columns(TILES), known.iter_rows(named=True), strict=False):
        with column.container(border=True):
            _tile(publication, row=row)


def _tile(publication: data.Publication, *, row: dict[str, object]) -> None:
    signal = str(row["signal"])
    statistic = publication.statistic(signal)
    series = data.Series(signal=signal, geo_type=str(row["geo_type"]), geo_value=str(row["geo_value"]))
    st.metric(
        words.plain(publication.label(signal)),
        words.amount(_number(row["value"]), statistic=statistic),
        delta=words.difference(_number(row["change"]), statistic=statistic),
        delta_color="off",
    )
    frame = data.timeline(publication, series=series).tail(26)
    figure = charts.sparkline(frame, statistic=statistic)
    name = f"Last {frame.height} weeks of {publication.label(signal)}"
    st.plotly_chart(
        figure, key=f"tile_{signal}", config={"staticPlot": True, "displayModeBar": False}, alt=name
    )
    st.caption(words.plain(_tile_note(row, statistic=statistic)))


def _tile_note(row: dict[str, object], *, statistic: str) -> str:
    error = words.margin(_number(row["se"]), statistic=statistic)
    return f"{error}, {words.people(_whole(row['sample_size']))}. Change {words.noise(_number(row['z']))}."


def _change_row(publication: data.Publication, *, row: dict[str, object]) -> dict[str, str]:
    statistic = publication.statistic(str(row["signal"]))
    if row["value"] is None:
        level = words.MISSING.get(_whole(row["missing_value"]) or 5, "no data")
    else:
        error = words.margin(_number(row["se"]), statistic=statistic)
        level = f"{words.amount(_number(row['value']), statistic=statistic)} {error}"
    reliability = words.RELIABILITY.get(str(row["reliability"]), str(row["reliability"]))
    return {
        "Mood": publication.label(str(row["signal"])),
        "This week": level,
        "Change": _change_text(row, statistic=statistic),
        "More than noise?": words.noise(_number(row["z"])),
        "People (reliability)": f"{words.count(_whole(row['sample_size']))} ({reliability})",
    }


def _change_text(row: dict[str, object], *, statistic: str) -> str:
    change = _number(row["change"])
    if change is None:
        return words.NOTHING
    error = words.margin(_number(row["change_se"]), statistic=statistic)
    return f"{words.difference(change, statistic=statistic)} ({error})"


def _noise_note(publication: data.Publication, *, changes: pl.DataFrame) -> str:
    judged = changes.get_column("z").drop_nulls().len()
    week = max(changes.get_column("time_value").to_list())
    issue = max(changes.get_column("issue").to_list())
    units = sorted({publication.unit(signal) for signal in changes.get_column("signal")} - {""})
    return (
        f"Levels: {' or '.join(units) or 'unit not given'}. Week ending {week:%d %b %Y} against the week before, "
        f"as issued {issue:%d %b %Y}; ± is a 95% interval. Of "
        f"{words.plural(judged, one='comparison', many='comparisons')}, about {judged * 0.05:.1f} would be "
        "called more than noise by chance alone."
    )


def _map(publication: data.Publication, *, changes: pl.DataFrame) -> None:
    st.header("Where it changed")
    moved = data.most_moved(changes, most=MAPPED)
    cells = cards.heat_cells(moved, publication=publication)
    st.plotly_chart(
        charts.heat_map(cells),
        key="heat_map",
        config={"displayModeBar": False},
        alt="This week's change of each mood in each place, in standard errors",
    )
    hidden = changes.get_column("signal").n_unique() - moved.get_column("signal").n_unique()
    if hidden:
        st.caption(f"The {MAPPED} moods that moved most; {hidden} others are listed per place above.")
    st.caption(
        "Each number is this week's change divided by its standard error: beyond ±2 is probably more than "
        "noise, beyond ±3 clearly. × means withheld because too few people posted. Compare a place with its "
        "own past only: levels do not rank places."
    )


def _outlook(publication: data.Publication, *, place: tuple[str, str], changes: pl.DataFrame) -> None:
    st.header("Outlook")
    lines = [
        line
        for signal in changes.get_column("signal").head(LISTED).to_list()
        if (line := _outlook_row(publication, signal=signal, place=place))
    ]
    if not lines:
        shell.empty(publication, table="forecasts", what="There is no forecast for this place.")
        return
    shell.rows(lines, alt="Expected next week")
    st.caption("“Past forecasts” compares their error with that of a line that simply stays flat.")


def _outlook_row(
    publication: data.Publication, *, signal: str, place: tuple[str, str]
) -> dict[str, str] | None:
    for time_type, horizon in (("week", 1), ("day", 7)):
        series = data.Series(signal=signal, geo_type=place[0], geo_value=place[1], time_type=time_type)
        found = data.forecast_of(publication, series=series)
        step = data.wide_quantiles(found).filter(pl.col("horizon") == horizon)
        if step.height:
            return cards.outlook_row(step.row(0, named=True), publication=publication, series=series)
    return None


def _open_alerts(publication: data.Publication, *, alerts: pl.DataFrame) -> None:
    st.header("Open alerts")
    if publication.tables["alerts"].is_empty():
        shell.empty(publication, table="alerts", what="Nothing has been flagged.")
        return
    waiting = alerts.filter(pl.col("status") == "open")
    if waiting.is_empty():
        st.markdown("No alert is open. Earlier ones are on the Alerts page.")
    stories = cards.stories(waiting)
    for story in stories[:CARDS]:
        with st.container(border=True):
            cards.evidence(story.row(0, named=True), publication=publication)
            if story.height > 1:
                st.caption(
                    f"and {words.plural(story.height - 1, one='more alert', many='more alerts')} of this story"
                )
    if len(stories) > CARDS:
        more = words.plural(len(stories) - CARDS, one="more story", many="more stories")
        st.markdown(f"{more} on the Alerts page.")
    shell.link("All alerts", page="alerts", parameters={})


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


if __name__ == "__main__":
    shell.page("Overview", body=body)
