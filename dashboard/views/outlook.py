"""Outlook: what is expected next, how wide the range is, and how good such forecasts were.

Not for the past on its own: the Timelines page has it.
"""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import cards, charts, choices, controls, data, shell, words

HISTORY = {"day": 90, "week": 52}
PEAK_DAYS = (3, 7, 14, 21, 28)


def body(publication: data.Publication) -> None:
    """Selectors, the answer in words, the fan, the chance of a high and the numbers."""
    if publication.models.is_empty():
        shell.empty(publication, table="forecasts", what="There is nothing to show ahead.")
        return
    series = _select(publication, rows=publication.models)
    quantiles = data.wide_quantiles(data.forecast_of(publication, series=series))
    history = data.timeline(publication, series=series).tail(HISTORY.get(series.time_type, 90))
    _in_words(publication, series=series, quantiles=quantiles, history=history)
    _fan(publication, series=series, quantiles=quantiles, history=history)
    which = choices.sentence(publication, series=series)
    st.caption(words.plain(f"{which} {_provenance(quantiles)}"))
    _peak(publication, series=series)
    _numbers(publication, series=series, quantiles=quantiles)


def _select(publication: data.Publication, *, rows: pl.DataFrame) -> data.Series:
    columns = st.columns(4)
    with columns[0]:
        names = rows.get_column("target").unique().to_list()
        options = data.signals_of(names, publication=publication)
        moved = data.most_moved_signal(publication)
        signal = controls.choice("Mood", name="signal", options=options, default=moved)
    rows = rows.filter(pl.col("target") == signal)
    with columns[1]:
        places = data.places_of(rows, publication=publication, column="location")
        kind, _, value = controls.choice("Place", name="place", options=places).partition(":")
    rows = rows.filter(pl.col("geo_type") == kind, pl.col("location") == value)
    with columns[2]:
        populations = {
            name: words.population(name) for name in sorted(rows.get_column("population").unique())
        }
        whose = controls.choice("Whose", name="population", options=populations, default="all")
    rows = rows.filter(pl.col("population") == whose)
    with columns[3]:
        periods = sorted(rows.get_column("time_type").unique(), reverse=True)
        options = {name: words.TIME_TYPES.get(name, name) for name in periods}
        time_type = controls.choice("Period", name="period", options=options)
    return data.Series(signal=signal, geo_type=kind, geo_value=value, population=whose, time_type=time_type)


def _in_words(
    publication: data.Publication, *, series: data.Series, quantiles: pl.DataFrame, history: pl.DataFrame
) -> None:
    statistic = publication.statistic(series.signal)
    step = quantiles.row(0, named=True)
    middle, low, high = (
        words.amount(step.get(level), statistic=statistic) for level in ("0.5", "0.1", "0.9")
    )
    where = publication.place(series.geo_type, series.geo_value)
    period = "the week ending" if series.time_type == "week" else "the day of"
    st.subheader(words.plain(f"{publication.label(series.signal)}, {where}"))
    st.markdown(
        words.plain(
            f"For {period} {step['target_end_date']:%d %b %Y} we expect {middle}; with 80% probability between "
            f"{low} and {high}. {_now(history, statistic=statistic)} Past forecasts of this series: "
            f"{cards.skill_words(publication, series=series)}."
        )
    )


def _now(history: pl.DataFrame, *, statistic: str) -> str:
    known = history.filter(pl.col("value").is_not_null())
    if known.is_empty():
        return "The observed past is withheld."
    row = known.row(-1, named=True)
    level = (
        f"{words.amount(row['value'], statistic=statistic)} {words.margin(row['se'], statistic=statistic)}"
    )
    return f"Last observed: {level} on {row['time_value']:%d %b %Y} ({words.people(row['sample_size'])})."


def _fan(
    publication: data.Publication, *, series: data.Series, quantiles: pl.DataFrame, history: pl.DataFrame
) -> None:
    outlook = _outlook_rows(publication, series=series)
    threshold = outlook.get_column("threshold")[0] if outlook.height else None
    figure = charts.fan(
        history,
        quantiles=quantiles,
        statistic=publication.statistic(series.signal),
        threshold=threshold,
        of_threshold="unusually high mean of seven days" if series.time_type == "day" else "unusually high",
    )
    alt = f"Observed past and forecast of {publication.label(series.signal)}"
    st.plotly_chart(figure, key="fan", config={"displayModeBar": False}, alt=alt)


def _provenance(quantiles: pl.DataFrame) -> str:
    row = quantiles.row(0, named=True)
    parts = [f"Made from data up to {row['reference_date']:%d %b %Y}."]
    if row["is_fallback"]:
        parts.append("No model could be fitted: this is a flat line with the spread of its own past.")
    if row["limited_history"]:
        parts.append("Little history: the ranges are rougher than they look.")
    return " ".join(parts)


def _outlook_rows(publication: data.Publication, *, series: data.Series) -> pl.DataFrame:
    return (
        publication.tables["peak_outlook"]
        .filter(
            pl.col("target") == series.signal,
            pl.col("geo_type") == series.geo_type,
            pl.col("location") == series.geo_value,
            pl.col("population") == series.population,
            pl.col("time_type") == series.time_type,
        )
        .filter(pl.col("reference_date") == pl.col("reference_date").max())
        .sort("model_id", "horizon_days")
    )


def _peak(publication: data.Publication, *, series: data.Series) -> None:
    st.subheader("Chance of an unusual high")
    rows = _outlook_rows(publication, series=series)
    if rows.is_empty():
        what = "No chance was computed for this series: it is high already, or its past is too short."
        shell.empty(publication, table="peak_outlook", what=what)
        return
    statistic = publication.statistic(series.signal)
    newest = rows.row(-1, named=True)
    st.markdown(words.plain(f"{_worth(newest)} {_meaning(newest, statistic=statistic)}"))
    shown = rows.filter(pl.col("horizon_days").is_in(PEAK_DAYS))
    shell.rows([_peak_row(row) for row in shown.iter_rows(named=True)], alt="Highs")
    st.caption(
        "“Usually” is how often a stretch of this length brought a high in this series' past, from days that were not "
        "high themselves."
    )


def _worth(row: dict[str, object]) -> str:
    """Whether such chances were worth anything on this series."""
    if row["skill"] == "unknown":
        return f"Too few highs in this series' past ({row['n_onsets']}) to tell what such chances are worth."
    if row["skill"] == "no":
        return (
            "No skill: on this series' past such chances did no better than simple rules. Do not act on them."
        )
    precision = row["past_precision"]
    assert isinstance(precision, float)
    return (
        f"On this series' past such chances did better than its base rate and than alarms at random or on a calendar; "
        f"{precision:.0%} of alarms {row['alarm_days']} days ahead were followed by a high ({row['n_onsets']} highs)."
    )


def _meaning(row: dict[str, object], *, statistic: str) -> str:
    what = "the mean of seven days" if row["time_type"] == "day" else "a week"
    year = "the last year" if row["time_type"] == "day" else "the last two years"
    first, within = row["expected_first_day"], row["alarm_days"]
    above = words.amount(float(str(row["threshold"])), statistic=statistic)
    when = "" if first is None else f" If it comes within {within} days, it begins around {first:%d %b %Y}."
    return f"High means {what} above {above}, the level that one in ten passed in {year}.{when}"


def _peak_row(row: dict[str, object]) -> dict[str, str]:
    return {
        "Within": f"{row['horizon_days']} days",
        "Chance": _percent(row["probability"]),
        "Usually": _percent(row["baseline_probability"]),
    }


def _percent(chance: object) -> str:
    """A chance is never called impossible or certain."""
    number = float(str(chance))
    return "under 1%" if number < 0.01 else "over 99%" if number > 0.99 else f"{number:.0%}"


def _numbers(publication: data.Publication, *, series: data.Series, quantiles: pl.DataFrame) -> None:
    statistic = publication.statistic(series.signal)
    levels = [
        level
        for level in ("0.025", "0.1", "0.25", "0.5", "0.75", "0.9", "0.975")
        if level in quantiles.columns
    ]
    rows = [
        {"For": f"{row['target_end_date']:%d %b %Y}"}
        | {_level_name(level): words.amount(row[level], statistic=statistic) for level in levels}
        for row in quantiles.iter_rows(named=True)
    ]
    with st.expander("All numbers"):
        shell.rows(rows, alt="Forecast quantiles")


def _level_name(level: str) -> str:
    return "Middle" if level == "0.5" else f"{float(level):.1%} below".replace(".0%", "%")


if __name__ == "__main__":
    shell.page("Outlook", body=body)
