"""Outlook: what is expected next, how wide the range is, and how good such forecasts were.

Not for the past on its own: the Timelines page has it.
"""

from __future__ import annotations

from typing import Any

import polars as pl
import streamlit as st

from dashboard import cards, charts, choices, controls, data, glossary, shell, verification, weekly, words
from warehouse.translation import date, percent, t

HISTORY = {"day": 90, "week": 52}
PEAK_DAYS = (3, 7, 14, 21, 28)


def body(publication: data.Publication) -> None:
    """Selectors, the answer in words, the fan, the chance of a high and the numbers."""
    if publication.models.is_empty():
        shell.empty(publication, table="forecasts", what=t("There is nothing to show ahead."))
        return
    series = _select(publication, rows=publication.models)
    quantiles = data.wide_quantiles(data.forecast_of(publication, series=series))
    history = data.timeline(publication, series=series).tail(HISTORY.get(series.time_type, 90))
    _in_words(publication, series=series, quantiles=quantiles, history=history)
    _fan(publication, series=series, quantiles=quantiles, history=history)
    which = choices.sentence(publication, series=series)
    st.caption(words.plain(f"{which} {_provenance(quantiles)}"))
    _earlier(publication, series=series)
    _peak(publication, series=series)
    _numbers(publication, series=series, quantiles=quantiles)


def _select(publication: data.Publication, *, rows: pl.DataFrame) -> data.Series:
    columns = st.columns(4)
    with columns[0]:
        names = rows.get_column("target").unique().to_list()
        options = data.signals_of(names, publication=publication)
        moved = weekly.most_moved_signal(publication)
        signal = controls.choice(t("Mood"), name="signal", options=options, default=moved)
    rows = rows.filter(pl.col("target") == signal)
    with columns[1]:
        places = data.places_of(rows, publication=publication, column="location")
        kind, _, value = controls.choice(
            t("Place"),
            name="place",
            options=places,
            default=weekly.place_that_moved(publication, signal=signal),
        ).partition(":")
    rows = rows.filter(pl.col("geo_type") == kind, pl.col("location") == value)
    with columns[2]:
        populations = {
            name: words.population(name) for name in sorted(rows.get_column("population").unique())
        }
        whose = controls.choice(t("Whose"), name="population", options=populations, default="all")
    rows = rows.filter(pl.col("population") == whose)
    with columns[3]:
        periods = sorted(rows.get_column("time_type").unique(), reverse=True)
        options = {name: words.told(words.TIME_TYPES, name) for name in periods}
        time_type = controls.choice(t("Period"), name="period", options=options)
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
    known = {"day": date(step["target_end_date"]), "middle": middle, "low": low, "high": high}
    if series.time_type == "week":
        expected = t(
            "For the week ending {day} we expect {middle}; with 80% probability between {low} and {high}.",
            **known,
        )
    else:
        expected = t(
            "For the day of {day} we expect {middle}; with 80% probability between {low} and {high}.", **known
        )
    past = t("Past forecasts of this series: {skill}.", skill=cards.skill_words(publication, series=series))
    st.subheader(words.plain(f"{publication.label(series.signal)}, {where}"))
    st.markdown(words.plain(f"{expected} {_now(history, statistic=statistic)} {past}"))


def _now(history: pl.DataFrame, *, statistic: str) -> str:
    known = history.filter(pl.col("value").is_not_null())
    if known.is_empty():
        return t("The observed past is withheld.")
    row = known.row(-1, named=True)
    level = (
        f"{words.amount(row['value'], statistic=statistic)} {words.margin(row['se'], statistic=statistic)}"
    )
    return t(
        "Last observed: {level} on {day} ({people}).",
        level=level,
        day=row["time_value"],
        people=words.people(row["sample_size"]),
    )


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
        of_threshold=t("unusually high mean of seven days")
        if series.time_type == "day"
        else t("unusually high"),
    )
    alt = t("Observed past and forecast of {mood}", mood=publication.label(series.signal))
    st.plotly_chart(figure, key="fan", config={"displayModeBar": False}, alt=alt)


def _provenance(quantiles: pl.DataFrame) -> str:
    row = quantiles.row(0, named=True)
    parts = [t("Made from data up to {day}.", day=row["reference_date"])]
    if row["is_fallback"]:
        parts.append(t("No model could be fitted: this is a flat line with the spread of its own past."))
    if row["limited_history"]:
        parts.append(t("Little history: the ranges are rougher than they look."))
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


def _earlier(publication: data.Publication, *, series: data.Series) -> None:
    st.subheader(t("Earlier forecasts against what happened"))
    rows = verification.verified(publication, series=series)
    steps = verification.steps(rows, time_type=series.time_type)
    if not steps:
        what = t("No forecast of an earlier night has been overtaken yet; they gather night by night.")
        st.info(what, icon=":material/inbox:")
        return
    step = int(controls.choice(t("Made"), name="ahead", options=steps))
    chosen = rows.filter(pl.col("horizon") == step)
    st.markdown(words.plain(verification.sentence(chosen)))
    figure = verification.figure(chosen, statistic=publication.statistic(series.signal))
    alt = t("Earlier forecasts of {mood} and what happened", mood=publication.label(series.signal))
    st.plotly_chart(figure, key="verification", config={"displayModeBar": False}, alt=alt)
    st.caption(
        t(
            "As issued on their nights, by the model shown now; observed as known for issue {issue}. × lies outside "
            "the range.",
            issue=publication.issue,
        )
    )


def _peak(publication: data.Publication, *, series: data.Series) -> None:
    st.subheader(t("Chance of an unusual high"), help=glossary.help_of("unusual_high"))
    rows = _outlook_rows(publication, series=series)
    if rows.is_empty():
        what = t("No chance was computed for this series: it is high already, or its past is too short.")
        shell.empty(publication, table="peak_outlook", what=what)
        return
    statistic = publication.statistic(series.signal)
    newest = rows.row(-1, named=True)
    st.markdown(words.plain(f"{_worth(newest)} {_meaning(newest, statistic=statistic)}"))
    shown = rows.filter(pl.col("horizon_days").is_in(PEAK_DAYS))
    shell.rows([_peak_row(row) for row in shown.iter_rows(named=True)], alt=t("Highs"))
    st.caption(
        t(
            "“Usually” is how often a stretch of this length brought a high in this series' past, from days that were "
            "not high themselves."
        )
    )


def _worth(row: dict[str, Any]) -> str:
    """Whether such chances were worth anything on this series."""
    if row["skill"] == "unknown":
        return t(
            "Too few highs in this series' past ({n}) to tell what such chances are worth.", n=row["n_onsets"]
        )
    if row["skill"] == "no":
        return t(
            "No skill: on this series' past such chances did no better than simple rules. Do not act on them."
        )
    return t(
        "On this series' past such chances did better than its base rate and than alarms at random or on a calendar; "
        "{share} of alarms {days} days ahead were followed by a high ({n} highs).",
        share=percent(row["past_precision"], decimals=0),
        days=row["alarm_days"],
        n=row["n_onsets"],
    )


def _meaning(row: dict[str, Any], *, statistic: str) -> str:
    first, above = row["expected_first_day"], words.amount(row["threshold"], statistic=statistic)
    if row["time_type"] == "day":
        high = t(
            "High means the mean of seven days above {level}, the level that one in ten passed in the last year.",
            level=above,
        )
    else:
        high = t(
            "High means a week above {level}, the level that one in ten passed in the last two years.",
            level=above,
        )
    if first is None:
        return high
    when = t("If it comes within {n} days, it begins around {day}.", n=row["alarm_days"], day=first)
    return f"{high} {when}"


def _peak_row(row: dict[str, Any]) -> dict[str, str]:
    return {
        t("Within"): words.days(row["horizon_days"]),
        t("Chance"): _percent(row["probability"]),
        t("Usually"): _percent(row["baseline_probability"]),
    }


def _percent(chance: float) -> str:
    """A chance is never called impossible or certain."""
    if chance < 0.01:
        return t("under {n}", n=percent(0.01, decimals=0))
    if chance > 0.99:
        return t("over {n}", n=percent(0.99, decimals=0))
    return percent(chance, decimals=0)


def _numbers(publication: data.Publication, *, series: data.Series, quantiles: pl.DataFrame) -> None:
    statistic = publication.statistic(series.signal)
    levels = [
        level
        for level in ("0.025", "0.1", "0.25", "0.5", "0.75", "0.9", "0.975")
        if level in quantiles.columns
    ]
    rows = [
        {t("For"): date(row["target_end_date"])}
        | {_level_name(level): words.amount(row[level], statistic=statistic) for level in levels}
        for row in quantiles.iter_rows(named=True)
    ]
    with st.expander(t("All numbers")):
        shell.rows(rows, alt=t("Forecast quantiles"))


def _level_name(level: str) -> str:
    if level == "0.5":
        return t("Middle")
    decimals = 0 if float(level) * 100 % 1 == 0 else 1
    return t("{share} below", share=percent(float(level), decimals=decimals))


if __name__ == "__main__":
    shell.page("Outlook", body=body)
