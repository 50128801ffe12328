"""A page on a series that was not made from posts: whose numbers they are, what was done to them, what they are not.

Written from the configuration and what is published. Not for signals made from posts: `signal_pages.py`.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl

from flows.page_parts import as_typed, bullets, missing, revised_lines, section, unit_of
from warehouse import translation
from warehouse.config import DisclosureConfig, SeriesConfig
from warehouse.limits import MUST_NOT
from warehouse.translation import exact, mark, t, tn

_WHAT = {
    "share": mark("A share that others counted among those whom they asked or watched."),
    "mean": mark("A mean or an index that others made of answers or searches."),
}
_PERIODS = {
    "day": mark("Its rows are of days."),
    "week": mark("Its rows are of ISO weeks, each stored under its Sunday."),
}
_LIMITS = (
    mark(
        "It says what its makers asked or counted, in the people whom they reached, in their words and not in ours."
    ),
    mark(
        "What people search for is not what they feel; an index of searches is often scaled anew by its makers."
    ),
    mark(
        "Other questions, another sample or another scale look like a change of mood: no break is looked for in it, "
        "and breaks found in posts say nothing of it."
    ),
    mark("That it moves with a signal made from posts does not say that one of them is right."),
)


def series_page(
    row: dict[str, Any],
    *,
    series: SeriesConfig,
    disclosure: DisclosureConfig,
    issue: dt.date,
    cells: pl.DataFrame,
    revisions: pl.DataFrame,
) -> str:
    """The page in the current language. `row` is of the catalogue; `cells` and `revisions` hold this signal's rows."""
    basis = t("`{signal}` · in {unit} · issue {issue}", signal=row["signal"], unit=unit_of(row), issue=issue)
    parts = [
        f"# {as_typed(row[f'label_{translation.current()}'])}",
        basis,
        section(t("What it measures"), _meaning(series)),
        section(t("How it is estimated"), _estimation(series, disclosure=disclosure)),
        section(t("Error"), _error(series)),
        section(t("What is missing"), missing(cells)),
        section(t("Lag and revisions"), bullets([*_lag(series), *revised_lines(revisions)])),
        section(t("Limits"), bullets([t(text) for text in _LIMITS])),
        section(t("Licence"), _said(series.licence)),
        section(t("What it must not be used for"), bullets([t(text) for text in MUST_NOT])),
    ]
    return "\n\n".join(parts) + "\n"


def _meaning(series: SeriesConfig) -> str:
    return f"{t(_WHAT[series.statistic])} {t('Made by: {maker}', maker=_said(series.maker))}"


def _said(text: str) -> str:
    """What the configuration says, or that it says nothing."""
    plain = as_typed(text)
    return (plain if plain.endswith((".", "?")) else f"{plain}.") if plain else t("not stated.")


def _estimation(series: SeriesConfig, *, disclosure: DisclosureConfig) -> str:
    lines = [
        t(
            "Not from posts and not by this program: numbers come as their makers publish them, divided by {scale}.",
            scale=exact(series.scale),
        ),
        t(_PERIODS[series.time_type]),
    ]
    if series.columns.n is None:
        lines.append(
            t(
                "How many people stand behind a number is not stated: all are shown, none is forecast or watched for "
                "alerts, and all are of low reliability."
            )
        )
    else:
        lines.append(
            t(
                "A number is shown from {people} people and, for a share, more than {hits} with a hit; counts are "
                "rounded to {rounding}.",
                people=disclosure.people_floor,
                hits=disclosure.numerator_floor,
                rounding=disclosure.rounding,
            )
        )
    return bullets(lines)


def _error(series: SeriesConfig) -> str:
    if series.columns.se is None:
        return bullets([t("Its makers' file states no error, so `se` is empty and no range is drawn.")])
    return bullets(
        [
            t("`se` is the error that its makers state, to three figures; it was not checked here."),
            t("How people were chosen, asked and weighted is for its makers to say."),
        ]
    )


def _lag(series: SeriesConfig) -> list[str]:
    assumed = tn(
        "A number counts as known {n} day after its period ended.",
        "A number counts as known {n} days after its period ended.",
        n=series.lag_days,
    )
    if series.columns.published is None:
        return [assumed]
    return [
        t("A number is used from the day on which its makers published it."),
        t("Where that day is not said: {assumed}", assumed=assumed),
    ]
