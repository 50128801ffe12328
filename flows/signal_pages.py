"""A page on every signal in every language, as Markdown: what it is, how sure, how late, and what it is not for.

Made anew each night from what is published, the configuration and the scorers' own descriptions, so that it cannot
disagree with them. Not for the numbers themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from flows.page_parts import RECENT_DAYS, as_typed, bullets, missing, revised_lines, section, unit_of
from flows.series_pages import series_page
from warehouse import translation
from warehouse.config import Config
from warehouse.labels import spoken
from warehouse.limits import MUST_NOT
from warehouse.scoring import Scorer
from warehouse.signals import SERIES_SCORER
from warehouse.store import Store
from warehouse.tables import TABLES
from warehouse.translation import mark, number, t, tn

PAGES = TABLES["out.signal_pages"]
_AGREEMENT = ("f1", "roc_auc", "precision", "recall", "sensitivity", "specificity", "calibration_error")
_FIGURES = {
    "precision": mark("precision"), "recall": mark("recall"), "sensitivity": mark("sensitivity"),
    "specificity": mark("specificity"), "calibration_error": mark("calibration error"),
}  # fmt: skip
_LIMITS = {
    "lexicon": (
        mark("A word is counted whatever is meant by it: irony, quotations, titles and names count too."),
        mark("The list is ours and was not written for your population; young people and dialects have other words."),
        mark(
            "Its level depends on how long posts are and what people write about; only changes in one place are "
            "telling."
        ),
    ),
    "classifier": (
        mark(
            "It says how a text reads to annotators like those of its training sets, not what its writer feels or "
            "has."
        ),
        mark(
            "Its share of positives is not a prevalence: see the corrected value, which is right only where the error "
            "rates measured on those sets hold for these posts."
        ),
        mark("Most training texts are some years old; new words and new topics are read worse."),
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What a page is written from: rows of the published tables of one signal, and the scorer's description."""

    row: dict[str, Any]
    card: dict[str, Any]
    config: Config
    issue: dt.date
    quality: pl.DataFrame
    cells: pl.DataFrame
    revisions: pl.DataFrame

    @property
    def kind(self) -> str:
        return "lexicon" if self.card["tier"] == "lexicon" else "classifier"

    @property
    def smoothed(self) -> bool:
        return bool(self.row["smoothing"] != "none")


def signal_pages(store: Store, *, scorers: Sequence[Scorer], config: Config, issue: dt.date) -> pl.DataFrame:
    """Rows of `out.signal_pages`: one per language and signal of the catalogue that these scorers, or `[[series]]`,
    bring."""
    cards = {scorer.name: scorer.describe() for scorer in scorers}
    elsewhere = {series.name: series for series in config.series}
    known = (pl.col("scorer") == SERIES_SCORER) & pl.col("signal").is_in(list(elsewhere))
    catalogue = store.read(TABLES["out.signal_catalogue"]).filter(pl.col("scorer").is_in(list(cards)) | known)
    quality, changes = (store.read(TABLES[name]) for name in ("out.measure_quality", "out.revisions"))
    cells = _published_cells(store, issue=issue)
    rows = []
    for row in catalogue.iter_rows(named=True):
        of_measure = (pl.col("scorer") == row["scorer"]) & (pl.col("measure") == row["measure"])
        of_signal = pl.col("signal") == row["signal"]
        published = {"cells": cells.filter(of_signal), "revisions": changes.filter(of_signal)}
        if row["scorer"] == SERIES_SCORER:
            series, disclosure = elsewhere[row["signal"]], config.disclosure
            write = partial(series_page, row, series=series, disclosure=disclosure, issue=issue, **published)
        else:
            card, measured = cards[row["scorer"]], quality.filter(of_measure)
            facts = _Facts(row=row, card=card, config=config, issue=issue, quality=measured, **published)
            write = partial(page, facts)
        for language in translation.LANGUAGES:
            with translation.speaking(language):
                rows.append({"signal": row["signal"], "language": language, "page": write()})
    return pl.DataFrame(rows, schema=PAGES.schema.create_empty().schema)


def _published_cells(store: Store, *, issue: dt.date) -> pl.DataFrame:
    """Per signal, level and time type: cells of the last days, those published, and the median people in them."""
    return store.query(
        """
        WITH newest AS (
            SELECT signal, geo_type, geo_value, time_type, time_value, arg_max(reliability, issue) AS tier,
                   arg_max_null(sample_size, issue) AS people
            FROM out.signals WHERE issue <= $1 AND time_value > $1::DATE - $2::INTEGER AND population = 'all'
            GROUP BY signal, geo_type, geo_value, time_type, time_value
        )
        SELECT signal, geo_type, time_type, count(*) AS cells, count(*) FILTER (tier <> 'suppressed') AS published,
               median(people) AS people
        FROM newest GROUP BY ALL ORDER BY ALL
        """,
        [issue, RECENT_DAYS],
    )


def page(facts: _Facts) -> str:
    """The whole page in the current language."""
    row = facts.row
    basis = t(
        "`{signal}` · in {unit} · issue {issue}", signal=row["signal"], unit=unit_of(row), issue=facts.issue
    )
    parts = [
        f"# {as_typed(row[f'label_{translation.current()}'])}",
        basis,
        section(t("What it measures"), _meaning(facts)),
        section(t("How it is estimated"), _estimation(facts)),
        section(t("Error"), _error(facts)),
        section(t("Agreement with people's labels"), _agreement(facts)),
        section(t("What is missing"), missing(facts.cells)),
        section(t("Lag and revisions"), _lag(facts)),
        section(t("Limits"), bullets([t(text) for text in _LIMITS[facts.kind]])),
        section(t("Licence"), _licence(facts)),
        section(t("What it must not be used for"), bullets([t(text) for text in MUST_NOT])),
    ]
    return "\n\n".join(parts) + "\n"


def _licence(facts: _Facts) -> str:
    return t(
        "Scorer `{scorer}`: {licence}.", scorer=facts.row["scorer"], licence=as_typed(facts.card["licence"])
    )


def _meaning(facts: _Facts) -> str:
    measure = as_typed(spoken(facts.row["measure"], language=translation.current()))
    scorer, languages = facts.row["scorer"], ", ".join(facts.card["languages"])
    if facts.kind == "lexicon":
        how = t("words that the list `{scorer}` has under *{measure}*", scorer=scorer, measure=measure)
    else:
        how = t(
            "the classifier `{scorer}`, which says how much a post reads like *{measure}*",
            scorer=scorer,
            measure=measure,
        )
    if facts.row["statistic"] == "share":
        what = t(
            "The share of posts that express it, as a mean over people of each person's own share; by {how}.",
            how=how,
        )
    else:
        what = t(
            "The mean score of posts, as a mean over people of each person's own mean; by {how}.", how=how
        )
    return f"{what} {t('Languages: {languages}; posts in others are in no number.', languages=languages)}"


def _estimation(facts: _Facts) -> str:
    signals, disclosure = facts.config.signals, facts.config.disclosure
    lines = [
        t(
            "One person, one vote: a person's posts of a day (or ISO week) are averaged first, then people are."
        ),
        t(
            "Posts that count: {kinds}. Left out and shown apart as *amplified*: {excluded}.",
            kinds=", ".join(signals.kinds),
            excluded=", ".join(signals.exclude).replace("_", " ") or t("none"),
        ),
        _weighting(facts.config),
        t(
            "A number is shown from {people} people and, for a share, more than {hits} with a hit; counts are rounded "
            "to {rounding}.",
            people=disclosure.people_floor,
            hits=disclosure.numerator_floor,
            rounding=disclosure.rounding,
        ),
    ]
    if facts.smoothed:
        lines.append(
            t(
                "This is the mean of the published days among the last seven, never of days to come, where at least "
                "{n} are published.",
                n=signals.minimum_days_of_seven,
            )
        )
    return bullets(lines)


def _weighting(config: Config) -> str:
    if config.weights.margins is None:
        return t("People are not weighted: who posts more readily as a group counts more as a group.")
    return t(
        "Places in the margin table are weighted to their population (raking over bins of at least {n} people); "
        "`value_unweighted` stands beside.",
        n=config.weights.minimum_bin,
    )


def _error(facts: _Facts) -> str:
    lines = [
        t("`se` is the standard error over people, so it holds where a few people post most; it is never 0."),
        t("It knows chance in who was seen, not that people who post differ from those who do not."),
    ]
    if facts.smoothed:
        lines.append(
            t("Days are not taken as independent: it is widened by how many days the same people post on.")
        )
    rates = facts.quality.filter(pl.col("metric").is_in(["sensitivity", "specificity"]))
    if facts.row["statistic"] == "share" and rates.height:
        lines.append(
            t(
                "`value_corrected` undoes the measured error rates, with `corrected_se` for both kinds of doubt; it is "
                "null where languages are mixed or the rates tell too little."
            )
        )
    return bullets(lines)


def _agreement(facts: _Facts) -> str:
    rows = facts.quality.filter(pl.col("metric").is_in(_AGREEMENT)).sort("lang", "dataset", "metric")
    if rows.is_empty():
        return t("Not compared with people's labels. Treat it as unproven.")
    names = (t("language"), t("data set"), t("figure"), t("value"), t("95% interval"), "n")
    head = f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n"
    return head + "\n".join(_agreement_row(row) for row in rows.iter_rows(named=True))


def _agreement_row(row: dict[str, Any]) -> str:
    known = row["low"] is not None and row["high"] is not None
    low, high = (number(row[name], decimals=2) if known else "" for name in ("low", "high"))
    interval = t("{low} to {high}", low=low, high=high) if known else "–"
    n = "–" if row["n"] is None else number(row["n"])
    figure = t(_FIGURES[row["metric"]]) if row["metric"] in _FIGURES else row["metric"].replace("_", " ")
    value = number(row["value"], decimals=2)
    return f"| {row['lang']} | {as_typed(row['dataset'])} | {figure} | {value} | {interval} | {n} |"


def _lag(facts: _Facts) -> str:
    lines = [
        tn(
            "A day is described {n} day after it ended, a week after its Sunday.",
            "A day is described {n} days after it ended, a week after its Sunday.",
            n=facts.config.signals.reporting_lag_days,
        )
    ]
    return bullets([*lines, *revised_lines(facts.revisions)])
