"""Which model is shown for each series, since when and why, in words. Not for choosing: the night does that."""

from __future__ import annotations

from typing import Any

import polars as pl

from dashboard import data, words
from warehouse.main_model import CHANCE, DEFAULTS, MARGIN, MIN_ORIGINS, SERIES
from warehouse.translation import date, mark, number, percent, t, tn

RULE = mark(
    "Every night a model takes over a series where, over at least {n} past forecasts of both, its error was at least "
    "{margin} below that of the model shown, and lower so often that luck would give it to any of the models with a "
    "probability of {chance} at most. The ensemble is back as soon as it is no worse. So the best "
    "other model may have a lower mean error and still not be shown: the difference is too small, or rests on too few "
    "of the forecasts. Relative error: the flat line is 1. A model which took over looks somewhat better than it is, "
    "because the choice rests on the same figures."
)
REASONS = {
    "default": mark("too few past forecasts were judged to compare models, so the ensemble"),
    "kept": mark("no other model was clearly better"),
    "better": mark("took over this night: clearly better than the model shown before"),
    "returned": mark("the model shown before was no longer better than the ensemble"),
    "fallback": mark("the model shown before could not forecast, so the ensemble stands in"),
}
UNTOLD = mark("not told: this publication holds no choice for it")


def rule() -> str:
    """How the night chooses."""
    return t(RULE, n=MIN_ORIGINS, margin=percent(MARGIN, decimals=0), chance=percent(CHANCE, decimals=0))


def reason(row: dict[str, Any]) -> str:
    """Why a model is shown, from its row of the choice."""
    if row["reason"] == "kept" and row["model_id"] not in DEFAULTS:
        return t("still better than the ensemble, and no other model clearly better")
    return words.told(REASONS, row["reason"])


def sentence(publication: data.Publication, *, series: data.Series) -> str:
    """Which model is shown for a series, since when and why."""
    model = words.model(data.shown_model(publication, series=series) or "")
    row: dict[str, Any] | None = data.choice_of(publication, series=series)
    if row is None:
        return t("Model: {model}.", model=model)
    return t(
        "Model: {model}, shown since {day}: {reason}.", model=model, day=row["since"], reason=reason(row)
    )


def summary(publication: data.Publication) -> str:
    """How many series use the ensemble, and how many another model."""
    ensemble = publication.models.filter(pl.col("model_id").is_in(DEFAULTS)).height
    others = publication.models.height - ensemble
    return tn(
        "{n} series shows the ensemble, {others} another model.",
        "{n} series show the ensemble, {others} another model.",
        n=ensemble,
        others=others,
    )


def usual_model(publication: data.Publication) -> str | None:
    """The model that most series show, the first by name among equals."""
    counts = publication.models.group_by("model_id").len().sort("len", "model_id", descending=[True, False])
    return str(counts.get_column("model_id")[0]) if counts.height else None


def table(publication: data.Publication) -> list[dict[str, str]]:
    """One line per series that is forecast: other models first, then by mood and place."""
    known = publication.tables["model_choice"]
    joined = publication.models.join(known, on=[*SERIES, "model_id"], how="left")
    rows = sorted(
        joined.iter_rows(named=True),
        key=lambda row: (
            row["model_id"] in DEFAULTS,
            publication.label(row["target"]),
            data.WIDEST_FIRST.get(row["geo_type"], 9),
            *(row[name] for name in SERIES),
        ),
    )
    return [_line(row, publication=publication) for row in rows]


def _line(row: dict[str, Any], *, publication: data.Publication) -> dict[str, str]:
    told = row["reason"] is not None
    place = publication.place(row["geo_type"], row["location"])
    whose = "" if row["population"] == "all" else f", {words.population(row['population'])}"
    return {
        t("Mood"): publication.label(row["target"]) + whose,
        t("Place"): place,
        t("By"): words.told(words.PERIODS, row["time_type"]),
        t("Model"): words.model(row["model_id"]),
        t("Since"): date(row["since"]) if told else words.NOTHING,
        t("Relative error (forecasts judged)"): _judged(row),
        t("Best other model"): _best_other(row),
        t("Why"): reason(row) if told else t(UNTOLD),
    }


def _judged(row: dict[str, Any]) -> str:
    error = words.NOTHING if row["relative_wis"] is None else number(row["relative_wis"], decimals=2)
    return f"{error} ({number(row['n_origins'] or 0)})"


def _best_other(row: dict[str, Any]) -> str:
    if row["runner_up"] is None:
        return words.NOTHING
    return f"{words.model(row['runner_up'])}, {number(row['runner_up_relative_wis'], decimals=2)}"
