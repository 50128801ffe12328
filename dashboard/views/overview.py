"""Overview: is anything wrong, where, since when, and how sure. Not for detail: the other pages have it."""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import cards, charts, controls, data, glossary, last_run, shell, tile_map, weekly, words
from warehouse.translation import mark, number, t, tn

TILES = 4
CARDS = 3
LISTED = 8
MAPPED = 12
# More rows of the heat map are read no more; the tile map has every place.
ROWS = 15


def body(publication: data.Publication) -> None:
    """The page, from verdict to outlook."""
    alerts = cards.alerts_now(publication, state=shell.settings().state)
    _verdict(publication, alerts=alerts)
    _fresh(publication)
    changes = weekly.changes(publication)
    maps = {} if changes.is_empty() else tile_map.maps_of(publication)
    if maps:
        left, right = st.columns([2, 3], gap="medium")
        with left:
            _open_alerts(publication, alerts=alerts)
        with right:
            _tile_map(publication, changes=changes, maps=maps)
    else:
        _open_alerts(publication, alerts=alerts)
    if changes.is_empty():
        shell.empty(publication, table="signals", what=t("There is no week to compare yet."))
        return
    _this_week(publication, changes=changes)
    _heat_map(publication, changes=changes, mapped=bool(maps))


def _verdict(publication: data.Publication, *, alerts: pl.DataFrame) -> None:
    sentence = cards.verdict(alerts, publication=publication)
    serious = alerts.filter(pl.col("status") == "open")
    if serious.is_empty():
        st.success(words.plain(sentence), icon=":material/check_circle:")
    elif "high" in serious.get_column("severity").to_list():
        st.error(words.plain(sentence), icon=":material/error:")
    else:
        st.warning(words.plain(sentence), icon=":material/warning:")


def _fresh(publication: data.Publication) -> None:
    """Whether the numbers are as new as they should be, and what the last run did."""
    for text in last_run.warnings(publication):
        st.warning(words.plain(text), icon=":material/schedule:")
    told = last_run.summary(publication)
    if told:
        st.caption(words.plain(told))


def _tile_map(publication: data.Publication, *, changes: pl.DataFrame, maps: dict[str, tile_map.Map]) -> None:
    st.header(t("Where"))
    columns = st.columns(3)
    with columns[0]:
        names = changes.get_column("signal").unique().to_list()
        options = data.signals_of(names, publication=publication)
        moved = weekly.most_moved_signal(publication)
        signal = controls.choice(t("Mood"), name="map_mood", options=options, default=moved)
    with columns[1]:
        measures = {name: t(text) for name, text in tile_map.MEASURES.items()}
        measure = controls.choice(t("Shown"), name="map_measure", options=measures)
    name = next(iter(maps))
    if len(maps) > 1:
        with columns[2]:
            named = {key: tile_map.label(publication, name=key) for key in maps}
            name = controls.choice(t("Map of"), name="map_of", options=named)
    rows = changes.filter(pl.col("signal") == signal)
    cells = tile_map.cells(rows, drawn=maps[name], publication=publication, measure=measure)
    st.plotly_chart(
        tile_map.figure(cells),
        key="tile_map",
        config={"displayModeBar": False},
        alt=t("Map of {mood}: this week's change in each place", mood=publication.label(signal)),
    )
    st.caption(words.plain(_map_note(publication, signal=signal, measure=measure, rows=rows)))
    _beside(publication, drawn=maps[name])
    with st.expander(t("The map as a table")):
        told = cells.select("place", "note").rows()
        shell.rows(
            [{t("Place"): place, t("This week"): note} for place, note in told], alt=t("The map as a table")
        )


def _map_note(publication: data.Publication, *, signal: str, measure: str, rows: pl.DataFrame) -> str:
    week = max(rows.get_column("time_value").to_list())
    percent = publication.statistic(signal) == "share"
    if measure == "level":
        what = t("Number: level in percent.") if percent else t("Number: level.")
    else:
        what = t("Number: change in points.") if percent else t("Number: change.")
    return " ".join(
        [
            t("Week ending {week} against the week before.", week=week),
            what,
            t("Colour and ▲▼ (from 2 SEs on): the change in standard errors."),
            t("×: withheld, too few people posted. ·: no data."),
            t("Tiles lie roughly as on a map; levels do not rank places."),
        ]
    )


def _beside(publication: data.Publication, *, drawn: tile_map.Map) -> None:
    if drawn.beside:
        names = ", ".join(publication.place(drawn.geo_type, code) for code in drawn.beside)
        st.caption(words.plain(t("On no map: {names}.", names=names)))


def _this_week(publication: data.Publication, *, changes: pl.DataFrame) -> None:
    st.header(t("What changed this week"), help=glossary.help_of("noise"))
    options = data.places_of(changes, publication=publication)
    first = weekly.largest_change(publication)
    moved = f"{first['geo_type']}:{first['geo_value']}" if first else None
    place = controls.choice(t("Place"), name="place", options=options, default=moved)
    kind, _, value = place.partition(":")
    here = changes.filter(pl.col("geo_type") == kind, pl.col("geo_value") == value)
    ordered = here.sort(pl.col("z").abs(), descending=True, nulls_last=True)
    _tiles(publication, changes=ordered)
    rows = [_change_row(publication, row=row) for row in ordered.iter_rows(named=True)]
    shell.rows(rows[:LISTED], alt=t("Changes this week, largest first"))
    if rows[LISTED:]:
        with st.expander(tn("{n} more", "{n} more", n=len(rows) - LISTED)):
            shell.rows(rows[LISTED:], alt=t("Smaller changes this week"))
    st.caption(words.plain(_noise_note(publication, changes=here)))
    _outlook(publication, place=(kind, value), changes=ordered)


def _tiles(publication: data.Publication, *, changes: pl.DataFrame) -> None:
    known = changes.filter(pl.col("value").is_not_null()).head(TILES)
    if known.is_empty():
        st.info(
            t("Every number of this place is withheld this week: too few people."), icon=":material/lock:"
        )
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
    name = t("Last {n} weeks of {mood}", n=frame.height, mood=publication.label(signal))
    st.plotly_chart(
        figure, key=f"tile_{signal}", config={"staticPlot": True, "displayModeBar": False}, alt=name
    )
    st.caption(words.plain(_tile_note(row, statistic=statistic)))


def _tile_note(row: dict[str, object], *, statistic: str) -> str:
    error = words.margin(_number(row["se"]), statistic=statistic)
    people, judged = words.people(_whole(row["sample_size"])), words.noise(_number(row["z"]))
    return t("{error}, {people}. Change {judged}.", error=error, people=people, judged=judged)


def _change_row(publication: data.Publication, *, row: dict[str, object]) -> dict[str, str]:
    statistic = publication.statistic(str(row["signal"]))
    if row["value"] is None:
        level = words.missing(_whole(row["missing_value"]))
    else:
        error = words.margin(_number(row["se"]), statistic=statistic)
        level = f"{words.amount(_number(row['value']), statistic=statistic)} {error}"
    reliability = words.told(words.RELIABILITY, str(row["reliability"]))
    return {
        t("Mood"): publication.label(str(row["signal"])),
        t("This week"): level,
        t("Change"): _change_text(row, statistic=statistic),
        t("More than noise?"): words.noise(_number(row["z"])),
        t("People (reliability)"): f"{words.count(_whole(row['sample_size']))} ({reliability})",
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
    told = t(" or ").join(units) or t("unit not given")
    basis = t(
        "Levels: {units}. Week ending {week} against the week before, as issued {issue}; ± is a 95% interval.",
        units=told,
        week=week,
        issue=issue,
    )
    chance = tn(
        "Of {n} comparison, about {expected} would be called more than noise by chance alone.",
        "Of {n} comparisons, about {expected} would be called more than noise by chance alone.",
        n=judged,
        expected=number(judged * 0.05, decimals=1),
    )
    return f"{basis} {chance}"


def _heat_map(publication: data.Publication, *, changes: pl.DataFrame, mapped: bool) -> None:
    st.header(t("Moods by place"))
    moved, left_out = _rows_of_the_heat_map(changes, publication=publication)
    cells = cards.heat_cells(moved, publication=publication)
    st.plotly_chart(
        charts.heat_map(cells),
        key="heat_map",
        config={"displayModeBar": False},
        alt=t("This week's change of each mood in each place, in standard errors"),
    )
    hidden = changes.get_column("signal").n_unique() - moved.get_column("signal").n_unique()
    notes = []
    if hidden:
        most = t("The {most} moods that moved most;", most=MAPPED)
        notes.append(
            f"{most} "
            + tn("{n} other is listed per place above.", "{n} others are listed per place above.", n=hidden)
        )
    if left_out and mapped:
        notes.append(
            tn(
                "{n} place that moved less is on the map only.",
                "{n} places that moved less are on the map only.",
                n=left_out,
            )
        )
    elif left_out:
        notes.append(
            tn(
                "{n} place that moved less is left out.",
                "{n} places that moved less are left out.",
                n=left_out,
            )
        )
    notes.append(
        t(
            "Each number is this week's change divided by its standard error: beyond ±2 is probably more than "
            "noise, beyond ±3 clearly. × means withheld because too few people posted. Compare a place with its "
            "own past only: levels do not rank places."
        )
    )
    st.caption(" ".join(notes))


def _rows_of_the_heat_map(
    changes: pl.DataFrame, *, publication: data.Publication
) -> tuple[pl.DataFrame, int]:
    """The moods and places that moved most, and how many places are left out."""
    moved = weekly.most_moved(changes, most=MAPPED)
    places = (
        moved.group_by("geo_type", "geo_value")
        .agg(pl.col("z").abs().max())
        .sort("z", "geo_type", "geo_value", descending=[True, False, False], nulls_last=True)
    )
    kept = places.head(ROWS).select("geo_type", "geo_value")
    return moved.join(kept, on=["geo_type", "geo_value"], how="semi"), places.height - kept.height


def _outlook(publication: data.Publication, *, place: tuple[str, str], changes: pl.DataFrame) -> None:
    st.header(t("Outlook"))
    lines = [
        line
        for signal in changes.get_column("signal").head(LISTED).to_list()
        if (line := _outlook_row(publication, signal=signal, place=place))
    ]
    if not lines:
        shell.empty(publication, table="forecasts", what=t("There is no forecast for this place."))
        return
    shell.rows(lines, alt=t("Expected next week"))
    st.caption(t("“Past forecasts” compares their error with that of a line that simply stays flat."))


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
    st.header(t("Open alerts"))
    if publication.tables["alerts"].is_empty():
        shell.empty(publication, table="alerts", what=t("Nothing has been flagged."))
        return
    waiting = alerts.filter(pl.col("status") == "open")
    if waiting.is_empty():
        st.markdown(t("No alert is open. Earlier ones are on the Alerts page."))
    stories = cards.stories(waiting)
    for story in stories[:CARDS]:
        with st.container(border=True):
            cards.evidence(story.row(0, named=True), publication=publication)
            if story.height > 1:
                more = tn(
                    "and {n} more alert of this story",
                    "and {n} more alerts of this story",
                    n=story.height - 1,
                )
                st.caption(more)
    if len(stories) > CARDS:
        left = len(stories) - CARDS
        st.markdown(tn("{n} more story on the Alerts page.", "{n} more stories on the Alerts page.", n=left))
    shell.link(t("All alerts"), page="alerts", parameters={})


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


if __name__ == "__main__":
    shell.page(mark("Overview"), body=body)
