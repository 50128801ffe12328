"""Timelines: one mood over time in up to four places, with its error and the people behind it.

Not for forecasts: the Outlook page has them.
"""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import controls, data, events, shell, timeline_charts, words

MOST_PLACES = 4
ESTIMATES = {
    "value": "One person, one vote",
    "value_unweighted": "Without demographic weights",
    "value_corrected": "Corrected, if the error rates hold here",
}
SPANS = {"90": "Last 3 months", "365": "Last year", "1826": "Last 5 years", "all": "Everything"}


def body(publication: data.Publication) -> None:
    """Selectors, chart, numbers."""
    inventory = shell.inventory(publication)
    if inventory.is_empty():
        shell.empty(publication, table="signals", what="There are no timelines yet.")
        return
    chosen, estimate, span = _select(publication, inventory=inventory)
    lines = [_line(publication, series=series, estimate=estimate, span=span) for series in chosen]
    _draw(publication, lines=lines, series=chosen)
    _effects(publication, series=chosen)
    _numbers(publication, lines=lines, statistic=publication.statistic(chosen[0].signal))


def _select(publication: data.Publication, *, inventory: pl.DataFrame) -> tuple[list[data.Series], str, str]:
    first, second = st.columns(2)
    with first:
        names = inventory.get_column("signal").unique().to_list()
        options = data.signals_of(names, publication=publication)
        moved = data.most_moved_signal(publication)
        signal = controls.choice("Mood", name="signal", options=options, default=moved)
    rows = inventory.filter(pl.col("signal") == signal)
    with second:
        places = data.places_of(rows, publication=publication)
        chosen = controls.choices(
            f"Places (up to {MOST_PLACES})",
            name="place",
            options=places,
            default=next(iter(places)),
            most=MOST_PLACES,
        )
    whose, time_type, estimate, span = _details(rows, signal=signal, place=chosen[0])
    return [_series(signal, place=p, population=whose, time_type=time_type) for p in chosen], estimate, span


def _details(rows: pl.DataFrame, *, signal: str, place: str) -> tuple[str, str, str, str]:
    columns = st.columns(4)
    with columns[0]:
        populations = sorted(rows.get_column("population").unique(), key=lambda name: (name != "all", name))
        options = {name: words.population(name) for name in populations}
        whose = controls.choice("Whose", name="population", options=options)
    with columns[1]:
        series = _series(signal, place=place, population=whose, time_type="week")
        time_type = _time_type(rows, series=series)
    with columns[2]:
        corrected = rows.get_column("has_corrected").any()
        options = {key: text for key, text in ESTIMATES.items() if corrected or key != "value_corrected"}
        estimate = controls.choice("Estimate", name="estimate", options=options)
    with columns[3]:
        span = controls.choice("Span", name="span", options=SPANS, default="365")
    return whose, time_type, estimate, span


def _series(signal: str, *, place: str, population: str, time_type: str) -> data.Series:
    kind, _, value = place.partition(":")
    return data.Series(
        signal=signal, geo_type=kind, geo_value=value, population=population, time_type=time_type
    )


def _time_type(rows: pl.DataFrame, *, series: data.Series) -> str:
    available = sorted(rows.get_column("time_type").unique())
    options = {kind: words.TIME_TYPES.get(kind, kind) for kind in available}
    default = data.default_time_type(rows, series=series)
    chosen = controls.choice("Period", name="period", options=options, default=default)
    if default == "week" and "day" in available:
        st.caption(f"By week: fewer than {data.WEEKLY_BELOW:.0%} of its days have enough people to be shown.")
    return chosen


def _line(
    publication: data.Publication, *, series: data.Series, estimate: str, span: str
) -> timeline_charts.Line:
    frame = data.timeline(publication, series=series)
    error = "corrected_se" if estimate == "value_corrected" else "se"
    shown = frame.with_columns(pl.col(estimate).alias("value"), pl.col(error).alias("se"))
    if span != "all" and shown.height:
        last = shown.get_column("time_value").max()
        shown = shown.filter(pl.col("time_value") > last - pl.duration(days=int(span)))
    return timeline_charts.Line(
        name=publication.place(series.geo_type, series.geo_value),
        frame=shown,
        statistic=publication.statistic(series.signal),
    )


def _draw(
    publication: data.Publication, *, lines: list[timeline_charts.Line], series: list[data.Series]
) -> None:
    signal = series[0].signal
    label = publication.label(signal)
    known = [line for line in lines if line.frame.get_column("value").drop_nulls().len()]
    if not known:
        st.info("Every number of this selection is withheld or missing.", icon=":material/lock:")
        return
    st.subheader(words.plain(label))
    figure = timeline_charts.timeline(
        lines,
        events=_events(publication, series=series, lines=known),
        breaks=breaks_of(publication, series=series, lines=known),
    )
    st.plotly_chart(figure, key="timeline", config={"displayModeBar": False}, alt=f"Timeline of {label}")
    st.caption(
        f"{words.plain(publication.unit(signal).capitalize())}. Shaded: 95% sampling band. "
        "Bars: people behind each number, rounded to five. "
        "× below: withheld because too few people posted, or missing. "
        "Dotted and coloured: the data changed, not only the mood; do not compare across it."
    )


def _effects(publication: data.Publication, *, series: list[data.Series]) -> None:
    rows = events.effects(publication, series=series) if series[0].population == "all" else []
    if not rows:
        return
    st.subheader("Around the events of the calendar")
    shell.rows(rows, alt="Effects of events")
    over_all = events.calendar_test(publication, series=series[0])
    st.caption(words.plain(f"{events.BASIS} {over_all or ''}".strip()))


def _events(
    publication: data.Publication, *, series: list[data.Series], lines: list[timeline_charts.Line]
) -> pl.DataFrame:
    places = [item.geo_value for item in series]
    dates = pl.concat([line.frame.get_column("time_value") for line in lines])
    return publication.tables["events"].filter(
        pl.col("location").is_null() | pl.col("location").is_in(places),
        pl.col("start").is_between(dates.min(), dates.max()),
    )


def breaks_of(
    publication: data.Publication, *, series: list[data.Series], lines: list[timeline_charts.Line]
) -> pl.DataFrame:
    """`onset` and `label` of the breaks of these places, and of this signal's scorer, within the dates shown."""
    dates = pl.concat([line.frame.get_column("time_value") for line in lines])
    places = pl.struct("geo_type", "geo_value").is_in(
        [{"geo_type": item.geo_type, "geo_value": item.geo_value} for item in series]
    )
    catalogue = publication.tables["signal_catalogue"]
    scorers = catalogue.filter(pl.col("signal") == series[0].signal)["scorer"].to_list()
    ours = pl.col("scorer").is_in(["all", *scorers])
    known = publication.tables["breaks"].filter(
        places | (pl.col("what") == "scorer_version"),
        ours,
        pl.col("onset").is_between(dates.min(), dates.max()),
    )
    named = known.with_columns(pl.col("what").replace_strict(words.BREAKS, default="data"))
    return (
        named.group_by("onset")
        .agg(label=pl.lit("Data changed: ") + pl.col("what").unique().sort().str.join(", "))
        .sort("onset")
    )


def _numbers(publication: data.Publication, *, lines: list[timeline_charts.Line], statistic: str) -> None:
    for line in lines:
        if line.frame.is_empty():
            st.markdown(f"{words.plain(line.name)}: nothing is published for this selection.")
    newest = [_newest(line, statistic=statistic) for line in lines if line.frame.height]
    shell.rows(newest, alt="The newest number of each place")
    tables = [_table(line, statistic=statistic) for line in lines if line.frame.height]
    if tables:
        with st.expander("All numbers"):
            st.dataframe(pl.concat(tables).to_arrow(), hide_index=True)


def _newest(line: timeline_charts.Line, *, statistic: str) -> dict[str, str]:
    row = line.frame.row(-1, named=True)
    withheld = line.frame.get_column("value").null_count()
    reliability = words.RELIABILITY.get(row["reliability"], row["reliability"])
    if row["value"] is None:
        level = words.MISSING.get(row["missing_value"], "no data")
    else:
        error = words.margin(row["se"], statistic=statistic)
        level = f"{words.amount(row['value'], statistic=statistic)} {error}"
    return {
        "Place": line.name,
        "Newest": f"{row['time_value']:%d %b %Y}",
        "Level": level,
        "People (reliability)": f"{words.count(row['sample_size'])} ({reliability})",
        "Issued": f"{row['issue']:%d %b %Y}",
        "Withheld or missing": f"{withheld:,} of {line.frame.height:,}",
    }


def _table(line: timeline_charts.Line, *, statistic: str) -> pl.DataFrame:
    scale = 100 if statistic == "share" else 1
    unit = " (%)" if statistic == "share" else ""
    return line.frame.select(
        pl.lit(line.name).alias("Place"),
        pl.col("time_value").alias("Period ending"),
        (pl.col("value") * scale).round(3).alias(f"Level{unit}"),
        (pl.col("se") * 1.96 * scale).round(3).alias(f"± 95%{unit}"),
        pl.col("sample_size").alias("People"),
        pl.col("n_posts").alias("Posts"),
        pl.col("reliability").alias("Reliability"),
        pl.col("missing_value").replace_strict(words.MISSING, default="").alias("Why missing"),
        pl.col("issue").alias("Issued"),
    )


if __name__ == "__main__":
    shell.page("Timelines", body=body)
