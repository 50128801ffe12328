"""A page on every signal, as Markdown: what it is, how sure it is, how late, and what it must not be used for.

Made anew each night from what is published, the configuration and the scorers' own descriptions, so that it cannot
disagree with them. Not for the numbers themselves.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from warehouse.config import Config
from warehouse.limits import MUST_NOT
from warehouse.scoring import Scorer
from warehouse.store import Store
from warehouse.tables import TABLES

PAGES = TABLES["out.signal_pages"]
_RECENT_DAYS = 90
_AGREEMENT = ("f1", "roc_auc", "precision", "recall", "sensitivity", "specificity", "calibration_error")
_LEVELS = {"all": "everywhere", "nation": "nations", "region": "regions"}
_LIMITS = {
    "lexicon": (
        "A word is counted whatever is meant by it: irony, quotations, titles and names count too.",
        "The list is ours and was not written for your population; young people and dialects have other words.",
        "Its level depends on how long posts are and what people write about; only changes in one place are telling.",
    ),
    "classifier": (
        "It says how a text reads to annotators like those of its training sets, not what its writer feels or has.",
        "Its share of positives is not a prevalence: see the corrected value, which is right only where the error "
        "rates measured on those sets hold for these posts.",
        "Most training texts are some years old; new words and new topics are read worse.",
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
    """Rows of `out.signal_pages`: one per signal of the catalogue that these scorers make."""
    cards = {scorer.name: scorer.describe() for scorer in scorers}
    catalogue = store.read(TABLES["out.signal_catalogue"]).filter(pl.col("scorer").is_in(list(cards)))
    quality, changes = (store.read(TABLES[name]) for name in ("out.measure_quality", "out.revisions"))
    cells = _published_cells(store, issue=issue)
    rows = []
    for row in catalogue.iter_rows(named=True):
        of_measure = (pl.col("scorer") == row["scorer"]) & (pl.col("measure") == row["measure"])
        of_signal = pl.col("signal") == row["signal"]
        facts = _Facts(
            row=row, card=cards[row["scorer"]], config=config, issue=issue, quality=quality.filter(of_measure),
            cells=cells.filter(of_signal), revisions=changes.filter(of_signal),
        )  # fmt: skip
        rows.append({"signal": row["signal"], "page": page(facts)})
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
        [issue, _RECENT_DAYS],
    )


def page(facts: _Facts) -> str:
    """The whole page."""
    row = facts.row
    parts = [
        f"# {_plain(row['label_en'])}",
        f"`{row['signal']}` · in {_plain(row['unit'])} · issue {facts.issue:%d %b %Y}",
        _section("What it measures", _meaning(facts)),
        _section("How it is estimated", _estimation(facts)),
        _section("Error", _error(facts)),
        _section("Agreement with people's labels", _agreement(facts)),
        _section("What is missing", _missing(facts)),
        _section("Lag and revisions", _lag(facts)),
        _section("Limits", _bullets(_LIMITS[facts.kind])),
        _section("Licence", f"Scorer `{row['scorer']}`: {_plain(facts.card['licence'])}."),
        _section("What it must not be used for", _bullets(MUST_NOT)),
    ]
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """A name that somebody gave, so that Markdown shows it as typed."""
    return re.sub(r"([\\`*_\[\]<>|#:$~!])", r"\\\1", " ".join(text.split()))


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"* {line}" for line in lines)


def _meaning(facts: _Facts) -> str:
    measure, scorer = _plain(facts.row["measure"].replace("_", " ")), facts.row["scorer"]
    languages = ", ".join(facts.card["languages"])
    if facts.kind == "lexicon":
        how = f"words that the list `{scorer}` has under *{measure}*"
    else:
        how = f"the classifier `{scorer}`, which says how much a post reads like *{measure}*"
    if facts.row["statistic"] == "share":
        what = "The share of posts that express it, as a mean over people of each person's own share; by "
    else:
        what = "The mean score of posts, as a mean over people of each person's own mean; by "
    return f"{what}{how}. Languages: {languages}; posts in others are in no number."


def _estimation(facts: _Facts) -> str:
    signals, disclosure = facts.config.signals, facts.config.disclosure
    lines = [
        "One person, one vote: a person's posts of a day (or ISO week) are averaged first, then people are.",
        f"Posts that count: {', '.join(signals.kinds)}. Left out and shown apart as *amplified*: "
        f"{', '.join(signals.exclude).replace('_', ' ') or 'none'}.",
        _weighting(facts.config),
        f"A number is shown from {disclosure.people_floor} people and, for a share, more than "
        f"{disclosure.numerator_floor} with a hit; counts are rounded to {disclosure.rounding}.",
    ]
    if facts.smoothed:
        lines.append(
            "This is the mean of the published days among the last seven, never of days to come, where at least "
            f"{signals.minimum_days_of_seven} are published."
        )
    return _bullets(lines)


def _weighting(config: Config) -> str:
    if config.weights.margins is None:
        return "People are not weighted: who posts more readily as a group counts more as a group."
    return (
        "Places in the margin table are weighted to their population (raking over bins of at least "
        f"{config.weights.minimum_bin} people); `value_unweighted` stands beside."
    )


def _error(facts: _Facts) -> str:
    lines = [
        "`se` is the standard error over people, so it holds where a few people post most; it is never 0.",
        "It knows chance in who was seen, not that people who post differ from those who do not.",
    ]
    if facts.smoothed:
        lines.append(
            "Days are not taken as independent: it is widened by how many days the same people post on."
        )
    rates = facts.quality.filter(pl.col("metric").is_in(["sensitivity", "specificity"]))
    if facts.row["statistic"] == "share" and rates.height:
        lines.append(
            "`value_corrected` undoes the measured error rates, with `corrected_se` for both kinds of doubt; it is "
            "null where languages are mixed or the rates tell too little."
        )
    return _bullets(lines)


def _agreement(facts: _Facts) -> str:
    rows = facts.quality.filter(pl.col("metric").is_in(_AGREEMENT)).sort("lang", "dataset", "metric")
    if rows.is_empty():
        return "Not compared with people's labels. Treat it as unproven."
    head = "| language | data set | figure | value | 95 % interval | n |\n|---|---|---|---|---|---|\n"
    return head + "\n".join(_agreement_row(row) for row in rows.iter_rows(named=True))


def _agreement_row(row: dict[str, Any]) -> str:
    known = row["low"] is not None and row["high"] is not None
    interval = f"{row['low']:.2f} to {row['high']:.2f}" if known else "–"
    n = "–" if row["n"] is None else f"{row['n']:,}"
    figure = row["metric"].replace("_", " ")
    return f"| {row['lang']} | {_plain(row['dataset'])} | {figure} | {row['value']:.2f} | {interval} | {n} |"


def _missing(facts: _Facts) -> str:
    lines = list(_missing_lines(facts.cells))
    return _bullets(lines) if lines else f"Nothing was described in the last {_RECENT_DAYS} days."


def _missing_lines(cells: pl.DataFrame) -> Iterator[str]:
    for row in cells.iter_rows(named=True):
        where, share = _LEVELS.get(row["geo_type"], row["geo_type"]), row["published"] / row["cells"]
        people = "" if row["people"] is None else f"; {row['people']:,.0f} people in the middle one"
        yield (
            f"{where.capitalize()}, by {row['time_type']}: {row['published']:,} of {row['cells']:,} cells of the last "
            f"{_RECENT_DAYS} days published ({share:.0%}){people}. The others are withheld."
        )


def _lag(facts: _Facts) -> str:
    days = facts.config.signals.reporting_lag_days
    lines = [
        f"A day is described {days} day{'s' if days != 1 else ''} after it ended, a week after its Sunday."
    ]
    if facts.revisions.is_empty():
        lines.append(
            "No cell of the last year was issued on its own night yet, so nothing is known of revisions."
        )
    for row in facts.revisions.iter_rows(named=True):
        where = _LEVELS.get(row["geo_type"], row["geo_type"]).capitalize()
        text = f"{where}, by {row['time_type']}: {row['n_revised']:,} of {row['n_cells']:,} numbers changed"
        if row["n_revised"]:
            text += (
                f", by {row['mean_change']:.4f} on average and {row['largest_change']:.4f} at most, the last one "
                f"{row['last_after_days']} days after"
            )
        lines.append(text + ".")
    return _bullets(lines)
