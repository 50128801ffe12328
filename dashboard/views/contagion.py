"""Contagion: what goes along with what it answers, what was not found, and what-ifs; no claim that a mood spreads.

Not for single people or accounts: the network shows as counts only.
"""

from __future__ import annotations

import polars as pl
import streamlit as st

from dashboard import co_movement, contagion, contagion_charts, controls, data, glossary, shell, words
from warehouse.translation import mark, number, t

ANY = "any"
MANY = 10
MARKS = {
    contagion.FOUND: ":material/check_circle:", contagion.NOT_FOUND: ":material/remove_circle:",
    contagion.TOO_FEW: ":material/visibility_off:",
}  # fmt: skip
ASSUMED = (
    mark("**Nothing here is measured but the ties**: it does not look at what anybody expressed."),
    mark(
        "People are those who answered or were answered in the window; a tie goes both ways. Who only reads is not in "
        "it."
    ),
    mark(
        "It begins with .1% of the people, drawn by chance. One step after being reached, each person calls up to 4 "
        "different neighbours once; one who is called catches it with chance .5, the same for all, and keeps it. "
        "Nobody forgets, and nothing comes from outside."
    ),
    mark(
        "Alpha says which neighbours are called: below 0 rather those with few common contacts (weak ties), above 0 "
        "rather those with many. Which alpha is true is not known; Fan, Xu and Zhao (2020) found anger on weaker ties "
        "than joy on one platform."
    ),
    mark(
        "Ranges are the 5th and 95th percentile of seeded runs: chance within the model, not whether the model is "
        "right."
    ),
    mark(
        "Other assumptions change the order of the scenarios. `affectcast contagion --what-if` makes your own."
    ),
)
APART = mark(
    "How many posts of a kind one such post sets off on average, from times alone, if nothing quicker than a day "
    "drives them all. It looks at no ties and is not the ratio above. It is known only with exact times, at least 200 "
    "posts and the floor of people, where the fit explains the gaps between posts and no level that drifts from day "
    "to day would do as well."
)


def body(publication: data.Publication) -> None:
    """Findings, evidence, ties, what-ifs, transitions, co-movement, history, limits."""
    st.markdown(
        t(
            "Does a mood go along with answering a post that expresses it, more often than chance, likeness of friends "
            "and the day's mood allow? Co-movement along replies, never a proof that one caused the other."
        )
    )
    rows = publication.tables["contagion"]
    if rows.is_empty():
        shell.empty(publication, table="contagion", what=t("Nothing was followed along replies."))
    else:
        windows = contagion.windows(rows)
        window = controls.choice(t("Window"), name="window", options=windows)
        chosen = contagion.of_window(rows, window=window)
        basis = t(
            "Answers of {span}, as known for issue {issue}.", span=windows[window], issue=publication.issue
        )
        _findings(chosen.filter(pl.col("tie_bin") == "all"), basis=basis)
        _evidence(chosen, basis=basis)
        _branching(chosen.filter(pl.col("tie_bin") == "all"), basis=basis)
        _tie_bins(chosen, basis=basis)
    _weak_ties(publication)
    _what_ifs(publication)
    _transitions(publication)
    _places(publication)
    _history(rows)
    _limits()


def _findings(whole: pl.DataFrame, *, basis: str) -> None:
    st.header(t("What was found, and what not"))
    for row in whole.iter_rows(named=True):
        head, rest = words.plain(contagion.headline(row)), words.plain(contagion.sentence(row))
        st.markdown(f"{MARKS[contagion.outcome(row)]} **{head}** {rest}")
    found = t(
        "Found means q below {q} and a ratio above 1, over all ties.", q=number(contagion.Q, decimals=2)
    )
    st.caption(words.plain(f"{basis} {found}"))


def _evidence(rows: pl.DataFrame, *, basis: str) -> None:
    st.header(t("Followed against expected"), help=glossary.help_of("follow_rate"))
    if rows["ratio"].drop_nulls().is_empty():
        st.info(t("Too few people answered for any number to be shown."), icon=":material/visibility_off:")
        return
    left, right = st.columns(2)
    with left:
        figure = contagion_charts.rates(rows)
        st.plotly_chart(figure, key="rates", config={"displayModeBar": False}, alt=t("Follow rates"))
    with right:
        figure = contagion_charts.ratios(rows)
        st.plotly_chart(figure, key="ratios", config={"displayModeBar": False}, alt=t("Ratios"))
    with st.expander(t("All numbers")):
        shell.rows(
            [contagion.follow_row(row) for row in rows.iter_rows(named=True)], alt=t("Followed and expected")
        )
    st.caption(words.plain(f"{basis} {t(contagion.EVIDENCE)}"))


def _branching(whole: pl.DataFrame, *, basis: str) -> None:
    st.header(t("Posts that come after posts"))
    shell.rows(
        [contagion.branching_row(row) for row in whole.iter_rows(named=True)], alt=t("Branching ratios")
    )
    st.caption(words.plain(f"{basis} {t(APART)}"))


def _tie_bins(rows: pl.DataFrame, *, basis: str) -> None:
    st.header(t("Weak and strong ties"))
    series = rows.partition_by("population", "geo_type", "location", "measure", maintain_order=True)
    st.markdown("\n".join(f"- {words.plain(contagion.bins_sentence(part))}" for part in series))
    weak = t(
        "A tie is weak at or below the median of shared contacts, answers in both directions and earlier answers."
    )
    st.caption(words.plain(f"{basis} {weak}"))


def _weak_ties(publication: data.Publication) -> None:
    st.subheader(t("Does one mood go along weaker ties than another?"))
    compared = publication.tables["weak_ties"]
    if compared.is_empty():
        shell.empty(publication, table="weak_ties", what=t("Ties were not compared."))
        return
    st.markdown(
        "\n".join(words.plain(contagion.weak_sentence(row)) for row in compared.iter_rows(named=True))
    )
    st.caption(
        t("Overlap is the share of two people's contacts that both have. Fewer in common is a weaker tie.")
    )


def _what_ifs(publication: data.Publication) -> None:
    st.header(t("What if something spread over these ties?"))
    rows = publication.tables["diffusion"]
    if rows.is_empty():
        shell.empty(publication, table="diffusion", what=t("Nothing was simulated: too few people are tied."))
        return
    st.warning(t("A what-if, not a forecast."), icon=":material/science:")
    axes = {name: t(contagion_charts.AXES[name]) for name in contagion_charts.AXES}
    order = {name: k for k, name in enumerate(_standard(rows))}
    ordered = rows.sort(pl.col("scenario").replace_strict(order, return_dtype=pl.Int32), "alpha")
    shown = controls.choice(t("Show"), name="shown", options=axes)
    figure = contagion_charts.what_if(ordered, shown=shown)
    st.plotly_chart(figure, key="what_if", config={"displayModeBar": False}, alt=t("What-ifs"))
    st.caption(words.plain(contagion.seen_ties(rows)))
    with st.expander(t("What it assumes")):
        st.markdown("\n".join(f"- {t(line)}" for line in ASSUMED))
    with st.expander(t("All numbers of the what-ifs")):
        shell.rows([contagion.what_if_row(row) for row in ordered.iter_rows(named=True)], alt=t("What-ifs"))


def _standard(rows: pl.DataFrame) -> list[str]:
    """`as it is` first, then the others by name."""
    names = rows["scenario"].unique().sort().to_list()
    return sorted(names, key=lambda name: name != "as it is")


def _transitions(publication: data.Publication) -> None:
    st.header(t("What people post next"))
    rows = publication.tables["transitions"]
    if rows.is_empty():
        shell.empty(publication, table="transitions", what=t("Nobody's next post is known."))
        return
    figure = contagion_charts.transitions(rows)
    st.plotly_chart(figure, key="transitions", config={"displayModeBar": False}, alt=t("Transitions"))
    hidden = rows["suppressed"].is_not_null().sum()
    counted = int(rows["n_transitions"].sum())
    st.caption(
        words.plain(
            t(
                "Shares of a row, over all people: {n} pairs of posts are counted in the cells shown, {span}. × is "
                "hidden ({hidden} of {cells} cells): too few people, or it would give another one away. What people "
                "post next is not how they feel next.",
                n=counted,
                span=contagion.span(rows.row(0, named=True)),
                hidden=int(hidden),
                cells=rows.height,
            )
        )
    )


def _places(publication: data.Publication) -> None:
    st.header(t("Places and moods that move"))
    options = {ANY: t("All moods")} | co_movement.signals_of(publication)
    chosen = controls.choice(t("Moods"), name="mood", options=options)
    kept = pl.lit(value=True) if chosen == ANY else pl.col("signal") == chosen
    _lead_lag(publication, rows=publication.tables["lead_lag"].filter(kept))
    _growth(publication, rows=publication.tables["growth"].filter(kept))


def _lead_lag(publication: data.Publication, *, rows: pl.DataFrame) -> None:
    st.subheader(t("Do places move after each other?"))
    if rows.is_empty():
        shell.empty(publication, table="lead_lag", what=t("No two places could be compared."))
        return
    st.markdown(words.plain(co_movement.lead_lag_summary(rows)))
    with st.container(height=420 if rows.height > MANY else "content"):
        shell.rows(
            co_movement.lead_lag_rows(rows, publication=publication), alt=t("Places that move together")
        )
    st.caption(words.plain(t(co_movement.LEAD_LAG_BASIS)))


def _growth(publication: data.Publication, *, rows: pl.DataFrame) -> None:
    st.subheader(t("What grows?"))
    if rows.is_empty():
        shell.empty(publication, table="growth", what=t("No growth was measured."))
        return
    st.markdown(words.plain(co_movement.growth_summary(rows)))
    with st.container(height=420 if rows.height > MANY else "content"):
        shell.rows(co_movement.growth_rows(rows, publication=publication), alt=t("Growth"))
    st.caption(words.plain(t(co_movement.GROWTH_BASIS)))


def _history(rows: pl.DataFrame) -> None:
    known = rows.filter(pl.col("tie_bin") == "all", pl.col("ratio").is_not_null())
    if known["window_end"].n_unique() < 2:
        return
    st.header(t("How it changed"))
    figure = contagion_charts.history(known)
    st.plotly_chart(figure, key="history", config={"displayModeBar": False}, alt=t("Ratios over time"))
    days = known.select((pl.col("window_end") - pl.col("window_start")).dt.total_days().max() + 1).item()
    st.caption(
        t(
            "Follow rate over expected, by the last day of each window. All ties; {n} published windows of up to "
            "{days} days. Windows that overlap share most of their answers: neighbouring points are not independent.",
            n=known["window_end"].n_unique(),
            days=days,
        )
    )


def _limits() -> None:
    st.header(t("What this must not be used for"))
    st.markdown("\n".join(f"- {words.plain(t(line))}" for line in contagion.MUST_NOT))


if __name__ == "__main__":
    shell.page("Contagion", body=body)
