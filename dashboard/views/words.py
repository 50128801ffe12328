"""Words: which words moved a mood between any two windows of published weeks.

Not for why people used a word: parts are accounting, and every word has a crowd of its own.
"""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import polars as pl
import streamlit as st

from dashboard import controls, data, shell, word_chart, word_weeks, words
from dashboard.word_weeks import AT_MOST, Cell, Shift, Window
from warehouse import translation
from warehouse.spreadsheet import formula_safe
from warehouse.translation import date, mark, short_date, t, tn

LIMITS = mark(
    "The parts are accounting, not causes: they say which words the change is made of, not why people used them. A "
    "word counts as its list has it, so that irony and other meanings go wrong. Of many words some move by chance "
    "alone, and no error is known for a single one."
)
WITHHELD = mark(
    "A word is published for a period only where enough people used it, and a few of those are hidden so that the "
    "others cannot be worked out. All others of the period, and what rounding leaves, are “all other words”: how many "
    "they are is not published."
)


def body(publication: data.Publication) -> None:
    """Selectors, the change, the graph, all numbers; or the newest weeks where there are none to choose."""
    weeks, days = publication.tables["term_weeks"], publication.tables["word_shifts"]
    both = pl.concat([frame.select("signal", "geo_type", "geo_value") for frame in (weeks, days)]).unique()
    if both.is_empty():
        shell.empty(publication, table="term_weeks", what=t("No words are published for any mood."))
        st.caption(
            words.plain(t("Only moods that are read from a list of words have words. {why}", why=t(WITHHELD)))
        )
        return
    series = _series(publication, rows=both)
    known = word_weeks.cells(publication, series=series)
    if len(known) < 2:
        _too_few(known)
        _newest_days(publication, series=series)
    else:
        _compare(publication, series=series, known=known)
    shell.link(
        t("Timeline of this mood"),
        page="timelines",
        parameters={"signal": series.signal, "place": series.place},
    )
    st.caption(words.plain(t(LIMITS)))


def _series(publication: data.Publication, *, rows: pl.DataFrame) -> data.Series:
    first, second = st.columns(2)
    told = word_weeks.best_told(publication)
    with first:
        options = data.signals_of(rows["signal"].unique().to_list(), publication=publication)
        signal = controls.choice(t("Mood"), name="signal", options=options, default=next(iter(told), None))
    with second:
        places = data.places_of(rows.filter(pl.col("signal") == signal), publication=publication)
        place = controls.choice(t("Place"), name="place", options=places, default=told.get(signal))
    geo_type, _, geo_value = place.partition(":")
    return data.Series(signal=signal, geo_type=geo_type, geo_value=geo_value, time_type="week")


def _too_few(known: list[Cell]) -> None:
    if known:
        said = t(
            "Only one period is published with its words, {period}, and two are needed to compare.",
            period=_written(known[0].first, known[0].last),
        )
    else:
        said = t("No period is published with its words for this mood and place.")
    st.info(words.plain(said), icon=":material/inbox:")


# ---------------------------------------------------------------------------------------------- windows


def _compare(publication: data.Publication, *, series: data.Series, known: list[Cell]) -> None:
    window, reference = _windows(known)
    if window.overlaps(reference):
        said = t(
            "The two windows share weeks ({window} and {reference}), so nothing can be said of a change between them. "
            "Choose windows that do not share a week.",
            window=_written(window.first, window.last),
            reference=_written(reference.first, reference.last),
        )
        st.warning(words.plain(said), icon=":material/error:")
        return
    shift = word_weeks.shift(publication, series=series, window=window, reference=reference)
    _mood(window, reference=reference)
    if word_weeks.change(window, reference).size * (shift.after - shift.before) < 0:
        said = t(
            "The mood and the share of posts moved in opposite directions: some people post much, so do not read the "
            "words as what moved the mood."
        )
        st.warning(words.plain(said), icon=":material/swap_vert:")
    _graph(shift, basis=_basis(publication, series=series, window=window, reference=reference))
    if shift.parts.height:
        _explained(shift)
    _numbers(shift)


def _windows(known: list[Cell]) -> tuple[Window, Window]:
    usual = word_weeks.usual(known)
    names = (
        (t("From"), "from", t("To"), "to"),
        (t("Against, from"), "against_from", t("Against, to"), "against_to"),
    )
    columns = st.columns(4)
    made = []
    for number, (default, labels) in enumerate(zip(usual, names, strict=True)):
        with columns[2 * number]:
            first = _week(labels[0], name=labels[1], cells=known, default=default.cells[0].last)
        run = word_weeks.run_from(known, first=first)
        with columns[2 * number + 1]:
            last = _week(labels[2], name=labels[3], cells=run, default=default.last)
        made.append(Window(tuple(cell for cell in run if cell.last <= last)))
    said = tn(
        "Words are published for periods of {n} week.",
        "Words are published for periods of {n} weeks.",
        n=known[-1].weeks,
    )
    if any((after.first - before.last).days > 1 for before, after in pairwise(known)):
        said += " " + t("A window ends before the next period that is not published with its words.")
    st.caption(words.plain(said))
    return made[0], made[1]


def _week(label: str, *, name: str, cells: list[Cell], default: dt.date) -> dt.date:
    """The last day of a chosen cell, the newest first; its query parameter is that day."""
    options = {cell.last.isoformat(): _written(cell.first, cell.last) for cell in reversed(cells)}
    first = cells[0].last.isoformat()
    chosen = default.isoformat() if default.isoformat() in options else first
    return dt.date.fromisoformat(controls.choice(label, name=name, options=options, default=chosen))


def _written(first: dt.date, last: dt.date) -> str:
    return t("{start} to {end}", start=short_date(first), end=date(last))


# ------------------------------------------------------------------------------------------ what is said


def _mood(window: Window, *, reference: Window) -> None:
    """The change of the mood itself, with its error and the people behind it."""
    change = word_weeks.change(window, reference)
    said = t(
        "The mood went from {before} to {after} of people: {change} {margin}, {noise}.",
        before=words.amount(change.before, statistic="share"),
        after=words.amount(change.after, statistic="share"),
        change=words.difference(change.size, statistic="share"),
        margin=words.margin(change.error_if_same, statistic="share"),
        noise=_noise(change),
    )
    st.markdown(f"**{words.plain(said)}**")
    basis = t(
        "n = {window} people in {after} and {reference} in {before}.",
        window=words.count(window.people),
        after=_written(window.first, window.last),
        reference=words.count(reference.people),
        before=_written(reference.first, reference.last),
    )
    if (window.last - window.first).days > 6 or (reference.last - reference.first).days > 6:
        basis += " " + t(
            "The people of each week are added up. ± is as if the same people posted in every week of a window; with "
            "other people each week it would be {margin}.",
            margin=words.margin(change.error, statistic="share"),
        )
    st.caption(words.plain(basis))


def _noise(change: word_weeks.Change) -> str:
    """Against both errors, where they say different things."""
    errors = (change.error_if_same, change.error)
    cautious, bold = (words.noise(change.size / error if error else None) for error in errors)
    if cautious == bold:
        return cautious
    return t(
        "{cautious} if the same people post every week, {bold} if others do", cautious=cautious, bold=bold
    )


def _basis(publication: data.Publication, *, series: data.Series, window: Window, reference: Window) -> str:
    used = [cell.last for side in (window, reference) for cell in side.cells]
    rows = publication.tables["term_weeks"].filter(
        pl.col("signal") == series.signal,
        pl.col("geo_type") == series.geo_type,
        pl.col("geo_value") == series.geo_value,
        pl.col("time_value").is_in(used),
    )
    return t(
        "{mood}, {place}: {window} against {reference}, as known for issue {issue}; the words of these weeks last "
        "changed at issue {changed}.",
        mood=publication.label(series.signal),
        place=publication.place(series.geo_type, series.geo_value),
        window=_written(window.first, window.last),
        reference=_written(reference.first, reference.last),
        issue=publication.issue,
        changed=max(rows["issue"].to_list()),
    )


def _graph(shift: Shift, *, basis: str) -> None:
    st.subheader(t("Words that moved it"))
    said = t(
        "Posts with such a word went from {before} to {after} of posts: {change}. This is the change that the words "
        "make up. It counts posts and the mood counts people, so the two differ where some people post much.",
        before=words.amount(shift.before, statistic="share"),
        after=words.amount(shift.after, statistic="share"),
        change=words.difference(shift.after - shift.before, statistic="share"),
    )
    st.markdown(words.plain(said))
    if shift.parts.is_empty():
        nobody = t("No word was used by enough people in every period of a window. {why}", why=t(WITHHELD))
        st.info(words.plain(nobody), icon=":material/lock:")
        return
    figure = word_chart.shift_figure(shift)
    alt = t("Word shift: the largest part is {word}", word=shift.parts["term"][0])
    st.plotly_chart(figure, key="word_shift", config={"displayModeBar": False}, alt=alt)
    st.caption(words.plain(f"{basis} {_marks(shift)}"))


def _marks(shift: Shift) -> str:
    said = t("▲ and to the right: the word made the share larger; ▼ and to the left: smaller.")
    if shift.parts["lexicon"].n_unique() > 1:
        said += " " + t(
            "Words of another list than {name} are marked with it.", name=word_chart.usual_list(shift)
        )
    if shift.parts.filter(pl.col("known") == AT_MOST).height:
        said += " " + t(
            "≤ and hatched: the word is not published for some period of one window, so the bar is the most that its "
            "part can be; it is in no sum, and the word counts among all other words."
        )
    return said


def _explained(shift: Shift) -> None:
    """How much the words make up, and how many are not shown, and why."""
    exact, bounds = shift.exact, shift.parts.height - shift.exact.height
    drawn = shift.parts.head(word_chart.MOST_BARS).height
    sentences = [
        tn(
            "{n} word is known in every period of both windows and makes up {part} of {change}; all others {rest}.",
            "{n} words are known in every period of both windows and make up {part} of {change}; all others {rest}.",
            n=exact.height,
            part=words.difference(float(exact["contribution"].sum()), statistic="share"),
            change=words.difference(shift.after - shift.before, statistic="share"),
            rest=words.difference(shift.unexplained, statistic="share"),
        )
    ]
    if bounds:
        sentences.append(
            tn(
                "{n} word is known in every period of one window only.",
                "{n} words are known in every period of one window only.",
                n=bounds,
            )
        )
    if shift.partly:
        sentences.append(
            tn(
                "{n} word is left out because it is published in some of the periods only.",
                "{n} words are left out because they are published in some of the periods only.",
                n=shift.partly,
            )
        )
    if shift.parts.height > drawn:
        sentences.append(
            t("The graph has the {n} largest, the table below all of them.", n=drawn)
        )  # fmt: skip
    sentences.append(t(WITHHELD))
    if shift.step is not None:
        step = t("{size} points", size=translation.exact(shift.step * 100))
        sentences.append(
            t("Shares are rounded to steps of {step} at most; a part below that is rounding.", step=step)
        )
    st.markdown(words.plain(" ".join(sentences)))


def _numbers(shift: Shift) -> None:
    with st.expander(t("All numbers")):
        # The table's own toolbar hands it out as CSV.
        st.dataframe(_table(shift).with_columns(formula_safe(pl.col(pl.String))).to_arrow(), hide_index=True)


def _table(shift: Shift) -> pl.DataFrame:
    """Every word with its part, in points, and all others together."""
    rest = pl.DataFrame(
        {"lexicon": [""], "term": [t("all other words")], "known": ["exact"], "contribution": [shift.unexplained],
         "before": [shift.other[0]], "after": [shift.other[1]], "n_people": [None]},
        schema=shift.parts.schema,
    )  # fmt: skip
    told = {word_weeks.EXACT: t("exact"), AT_MOST: t("at most")}
    every = pl.concat([shift.parts, rest])
    return every.select(
        pl.col("term").alias(t("Word")),
        pl.col("lexicon").alias(t("Word list")),
        (100 * pl.col("contribution")).round(3).alias(t("Part of the change (points)")),
        pl.col("known").replace_strict(told, return_dtype=pl.String).alias(t("Known")),
        (100 * pl.col("before")).round(3).alias(t("Before (% of posts)")),
        (100 * pl.col("after")).round(3).alias(t("After (% of posts)")),
        pl.col("n_people").alias(t("People in the least period, at least")),
    )


# ------------------------------------------------------------------------------------------ newest weeks


def _newest_days(publication: data.Publication, *, series: data.Series) -> None:
    """The shift of the newest weeks, where there are no weeks to choose."""
    found = word_weeks.newest_days(publication, series=series)
    if found is None:
        return
    shift, row = found
    basis = t(
        "{mood}, {place}: {window} against {reference}, as known for issue {issue}.",
        mood=publication.label(series.signal),
        place=publication.place(series.geo_type, series.geo_value),
        window=_written(row["window_start"], row["window_end"]),
        reference=_written(row["reference_start"], row["reference_end"]),
        issue=publication.issue,
    )
    st.markdown(words.plain(t("The newest weeks against those before them:")))
    _graph(shift, basis=basis)
    _numbers(shift)


if __name__ == "__main__":
    shell.page(mark("Words"), body=body)
