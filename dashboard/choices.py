"""Which model is shown for each series, since when and why, in words. Not for choosing: the night does that."""

from __future__ import annotations

from typing import Any

import polars as pl

from dashboard import data, words
from warehouse.main_model import CHANCE, DEFAULTS, MARGIN, MIN_ORIGINS, SERIES

RULE = (
    f"Every night a model takes over a series where, over at least {MIN_ORIGINS} past forecasts of both, its error was "
    f"at least {MARGIN:.0%} below that of the model shown, and lower so often that luck would give it to any of the "
    f"models with a probability of {CHANCE:.0%} at most. The ensemble is back as soon as it is no worse. So the best "
    "other model may have a lower mean error and still not be shown: the difference is too small, or rests on too few "
    "of the forecasts. Relative error: the flat line is 1. A model which took over looks somewhat better than it is, "
    "because the choice rests on the same figures."
)
REASONS = {
    "default": "too few past forecasts were judged to compare models, so the ensemble",
    "kept": "no other model was clearly better",
    "better": "took over this night: clearly better than the model shown before",
    "returned": "the model shown before was no longer better than the ensemble",
    "fallback": "the model shown before could not forecast, so the ensemble stands in",
}
UNTOLD = "not told: this publication holds no choice for it"


def reason(row: dict[str, Any]) -> str:
    """Why a model is shown, from its row of the choice."""
    if row["reason"] == "kept" and row["model_id"] not in DEFAULTS:
        return "still better than the ensemble, and no other model clearly better"
    return REASONS.get(row["reason"], row["reason"])


def sentence(publication: data.Publication, *, series: data.Series) -> str:
    """Which model is shown for a series, since when and why."""
    model = words.model(data.shown_model(publication, series=series) or "")
    row: dict[str, Any] | None = data.choice_of(publication, series=series)
    if row is None:
        return f"Model: {model}."
    return f"Model: {model}, shown since {row['since']:%d %b %Y}: {reason(row)}."


def summary(publication: data.Publication) -> str:
    """How many series use the ensemble, and how many another model."""
    ensemble = publication.models.filter(pl.col("model_id").is_in(DEFAULTS)).height
    others = publication.models.height - ensemble
    shown = words.plural(ensemble, one="series shows", many="series show")
    return f"{shown} the ensemble, {others:,} another model."


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
        "Mood": publication.label(row["target"]) + whose,
        "Place": place,
        "By": row["time_type"],
        "Model": words.model(row["model_id"]),
        "Since": f"{row['since']:%d %b %Y}" if told else words.NOTHING,
        "Relative error (forecasts judged)": _judged(row),
        "Best other model": _best_other(row),
        "Why": reason(row) if told else UNTOLD,
    }


def _judged(row: dict[str, Any]) -> str:
    error = words.NOTHING if row["relative_wis"] is None else f"{row['relative_wis']:.2f}"
    return f"{error} ({row['n_origins'] or 0})"


def _best_other(row: dict[str, Any]) -> str:
    if row["runner_up"] is None:
        return words.NOTHING
    return f"{words.model(row['runner_up'])}, {row['runner_up_relative_wis']:.2f}"
