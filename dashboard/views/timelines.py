"""Timelines: moods, places, groups or estimates over time beside each other, with error, people and vintage.

Not for forecasts: the Outlook page has them.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import streamlit as st

from dashboard import (
    comparison,
    data,
    events,
    marks,
    shell,
    time_heat,
    timeline_charts,
    timeline_choices,
    vintages,
    words,
)
from dashboard.comparison import Shown
from dashboard.timeline_charts import Line
from dashboard.timeline_choices import Page
from warehouse.errors import InputError
from warehouse.spreadsheet import formula_safe
from warehouse.translation import date, t, tn


def body(publication: data.Publication) -> None:
    """Selectors, chart, numbers."""
    inventory = data.inventory(publication)
    if inventory.is_empty():
        shell.empty(publication, table="signals", what=t("There are no timelines yet."))
        return
    page = timeline_choices.select(publication, inventory=inventory)
    lines = _lines(page)
    _draw(page, lines=lines)
    _then(page, lines=lines)
    _effects(page)
    _numbers(page, lines=lines)


# ------------------------------------------------------------------------------------------------ lines


def _lines(page: Page) -> list[Line]:
    publication = page.publication
    named = comparison.names(publication, shown=page.shown, compare=page.compare)
    return [_line(page, item=item, name=name) for item, name in zip(page.shown, named, strict=True)]


def _line(page: Page, *, item: Shown, name: str) -> Line:
    frame = comparison.estimated(data.timeline(page.publication, series=item.series), estimate=item.estimate)
    first = comparison.since(frame, span=page.span)
    shown = frame if first is None else frame.filter(pl.col("time_value") >= first)
    line = Line(name=name, frame=shown, statistic=page.publication.statistic(item.series.signal))
    if page.then is None:
        return line
    try:
        past = comparison.estimated(_past(page.then, series=item.series), estimate=item.estimate)
    except InputError:
        # Said once for all lines, by `_then`.
        return line
    return replace(
        line,
        then=past if first is None else past.filter(pl.col("time_value") >= first),
        then_name=t("as known on {day}", day=page.then.issue),
    )


def _past(item: vintages.Held, *, series: data.Series) -> pl.DataFrame:
    key = (series.signal, series.population, series.geo_type, series.geo_value, series.time_type)
    return _read_past(str(item.folder), item.version, key, _item=item, _series=series)


@st.cache_resource(max_entries=60, show_spinner=False)
def _read_past(
    folder: str, version: str, key: tuple[str, ...], *, _item: vintages.Held, _series: data.Series
) -> pl.DataFrame:
    """One shared copy per version and series: frames are never changed in place."""
    return vintages.past(_item, series=_series)


# -------------------------------------------------------------------------------------------------- chart


def _draw(page: Page, *, lines: list[Line]) -> None:
    publication = page.publication
    known = [line for line in lines if line.frame.get_column("value").count()]
    if not known:
        st.info(t("Every number of this selection is withheld or missing."), icon=":material/lock:")
        return
    title = comparison.heading(publication, first=page.shown[0], compare=page.compare)
    st.subheader(words.plain(title))
    units = comparison.units(publication, shown=page.shown)
    if len(units) > 1:
        st.info(_unlike(page), icon=":material/straighten:")
    days = _days(known)
    marked = marks.events_of(publication, series=page.series, days=days)
    broken = marks.breaks_of(publication, series=page.series, days=days)
    if page.layout == "heat":
        relative = page.scale == "relative" or len(units) > 1
        figure = time_heat.over_time(lines, relative=relative)
        told = _heat_caption(relative=relative)
    elif len(lines) > 1 and (page.layout == "panels" or len(units) > 1):
        same = page.scale == "shared" and len(units) == 1
        figure = timeline_charts.panels(lines, events=marked, breaks=broken, same_axis=same)
        told = _caption(page, lines=known, broken=broken)
    else:
        figure = timeline_charts.timeline(lines, events=marked, breaks=broken)
        told = _caption(page, lines=known, broken=broken)
    st.plotly_chart(
        figure, key="timeline", config={"displayModeBar": False}, alt=t("Timeline of {what}", what=title)
    )
    st.caption(words.plain(f"{_in_units(units)} {told}"))
    if page.layout != "heat":
        _listed(marks.in_words(publication, events=marked, breaks=broken))


def _unlike(page: Page) -> str:
    if page.layout == "heat":
        return t("These moods are in different units, so each row is coloured against its own mean.")
    return t("These moods are in different units, so each has a panel and a scale of its own.")


def _in_units(units: list[str]) -> str:
    told = " · ".join(dict.fromkeys(unit for unit in units if unit))
    return f"{told[:1].upper()}{told[1:]}." if told else ""


def _caption(page: Page, *, lines: list[Line], broken: pl.DataFrame) -> str:
    parts = [t("Shaded: 95% sampling band. Bars: people behind each number, rounded to five.")]
    if any(line.frame.get_column("value").null_count() for line in lines):
        parts.append(t("× below: withheld because too few people posted, or missing."))
    if broken.height:
        parts.append(t("Dotted and coloured: the data changed, not only the mood; do not compare across it."))
    if page.then is not None and any(line.then is not None for line in lines):
        parts.append(t("Thin and dotted: as known on {day}.", day=page.then.issue))
    if any(item.estimate == "value_unweighted" for item in page.shown):
        parts.append(t("A number without weights is shown with the error of the weighted one."))
    return " ".join(parts)


def _heat_caption(*, relative: bool) -> str:
    told = (
        t("Colour: how far each number is from the mean of its own row, in its standard errors (SEs).")
        if relative
        else t("Colour: the level itself.")
    )
    more = t(
        "Grey, ×: withheld because too few people posted. Light grey: missing. Point at a cell for error and people."
    )
    return f"{told} {more}"


def _listed(rows: list[dict[str, str]]) -> None:
    """All events and breaks of the chart, also those whose label found no room."""
    if not rows:
        return
    with st.expander(
        tn("{n} event or break on this chart", "{n} events and breaks on this chart", n=len(rows))
    ):
        shell.rows(rows, alt=t("Events and breaks on this chart"))


def _days(lines: list[Line]) -> marks.Days:
    days = pl.concat([line.frame.get_column("time_value") for line in lines]).to_list()
    return min(days), max(days)


# ------------------------------------------------------------------------------------------------ beneath


def _then(page: Page, *, lines: list[Line]) -> None:
    """What was revised since the chosen issue, or why it cannot be told."""
    if page.then is None:
        return
    st.subheader(t("What was known on {day}", day=page.then.issue))
    try:
        _past(page.then, series=page.shown[0].series)
    except InputError as error:
        st.warning(words.plain(error.message), icon=":material/warning:")
        return
    for line in lines:
        if line.then is not None:
            found = vintages.revised(line.then, now=line.frame)
            told = vintages.told(found, issue=page.then.issue, statistic=line.statistic)
            st.markdown(f"**{words.plain(line.name)}**: {words.plain(told)}")
    several = page.then.versions > 1
    again = t("This issue was published more than once; its last version is shown.") if several else ""
    st.caption(words.plain(f"{t('Only the periods shown above are compared.')} {again}".strip()))


def _effects(page: Page) -> None:
    series = [item for item in page.series if item.population == "all"]
    rows = events.effects(page.publication, series=series) if series else []
    if not rows:
        return
    st.subheader(t("Around the events of the calendar"))
    shell.rows(rows, alt=t("Effects of events"))
    over_all = events.calendar_test(page.publication, series=series[0]) if len(series) == 1 else None
    st.caption(words.plain(f"{t(events.BASIS)} {over_all or ''}".strip()))


def _numbers(page: Page, *, lines: list[Line]) -> None:
    for line in lines:
        if line.frame.is_empty():
            st.markdown(t("{name}: nothing is published for this selection.", name=words.plain(line.name)))
    filled = [line for line in lines if line.frame.height]
    shell.rows([_newest(line, page=page) for line in filled], alt=t("The newest number of each line"))
    tables = [_table(line, page=page) for line in filled]
    if not tables:
        return
    with st.expander(t("All numbers")):
        # The table's own toolbar hands it out as CSV.
        safe = pl.concat(tables, how="diagonal").with_columns(formula_safe(pl.col(pl.String)))
        st.dataframe(safe.to_arrow(), hide_index=True)
    publication = page.publication
    then = page.then.issue if page.then is not None else None
    st.download_button(
        t("Download these numbers (CSV)"),
        comparison.csv(lines, shown=page.shown, issue=publication.issue, then=then),
        file_name=f"affectcast-timelines-{publication.issue.isoformat()}.csv",
        mime="text/csv",
        icon=":material/download:",
        key="download",
        on_click="ignore",
    )


def _newest(line: Line, *, page: Page) -> dict[str, str]:
    row = line.frame.row(-1, named=True)
    withheld = line.frame.get_column("value").null_count()
    if row["value"] is None:
        level = words.missing(row["missing_value"])
    else:
        error = words.margin(row["se"], statistic=line.statistic)
        level = f"{words.amount(row['value'], statistic=line.statistic)} {error}"
    reliability = words.told(words.RELIABILITY, row["reliability"])
    return {
        _column(page): line.name,
        t("Newest"): date(row["time_value"]),
        t("Level"): level,
        t("People (reliability)"): f"{words.count(row['sample_size'])} ({reliability})",
        t("Issued"): date(row["issue"]),
        t("Withheld or missing"): t("{n} of {all}", n=withheld, all=line.frame.height),
    }


def _column(page: Page) -> str:
    titles = {"places": t("Place"), "moods": t("Mood"), "populations": t("Whose"), "estimates": t("Estimate")}
    return titles[page.compare]


def _table(line: Line, *, page: Page) -> pl.DataFrame:
    scale, unit = (100, " (%)") if line.statistic == "share" else (1, "")
    missing = {code: t(text) for code, text in words.MISSING.items()}
    reliability = {code: t(text) for code, text in words.RELIABILITY.items()}
    return line.frame.select(
        pl.lit(line.name).alias(_column(page)),
        pl.col("time_value").alias(t("Period ending")),
        (pl.col("value") * scale).round(3).alias(t("Level") + unit),
        (pl.col("se") * 1.96 * scale).round(3).alias("± 95%" + unit),
        pl.col("sample_size").alias(t("People")),
        pl.col("n_posts").alias(t("Posts")),
        pl.col("reliability").replace(reliability).alias(t("Reliability")),
        pl.col("missing_value").replace_strict(missing, default="").alias(t("Why missing")),
        pl.col("issue").alias(t("Issued")),
    )


if __name__ == "__main__":
    shell.page("Timelines", body=body)
