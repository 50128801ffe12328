"""Measure contagion on the warehouse's tables, or on a plain table of posts.

Not for claims of cause: a verdict says that answers go along with what they answer, beyond what people,
day and thread explain.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecasting.alerts.fdr import q_values
from forecasting.contagion.edges import Exposures, answers, exposures
from forecasting.contagion.follow import PARTS, Verdict, follow_test
from forecasting.contagion.plain import interactions_of, posts_of
from forecasting.contagion.ties import tie_strength
from warehouse.config import ContagionConfig
from warehouse.tables import TABLES, empty

CONTAGION = TABLES["out.contagion"]
NO_AUTHORS = (
    "No authors: exposures run from post to post, are shuffled within threads, and there are no tie bins "
    "and no counts of people."
)


@dataclass(frozen=True)
class ContagionFileResult:
    """Rows in the Contagion contract, and what a reader must know about them."""

    rows: pl.DataFrame
    notes: list[str] = field(default_factory=list)


def measure_contagion(
    interactions: pl.DataFrame,
    posts: pl.DataFrame,
    scores: pl.DataFrame,
    *,
    measures: tuple[str, ...],
    thresholds: dict[str, float],
    config: ContagionConfig,
    window_start: dt.date,
    window_end: dt.date,
    seed: int,
) -> pl.DataFrame:
    """One row per measure and tie bin in the Contagion contract, at location all/all, sorted by key.

    `posts` has post_id, author_key, created_at, thread_id; `scores` post_id and a 0–1 column per
    measure, expressed at or above its threshold. Days from `window_start` to `window_end` count, both
    included. A verdict is q_value < .05 with ratio > 1; q is Benjamini–Hochberg over measures and bins.
    """
    day = pl.col("created_at").dt.date()
    inside = posts.filter(day.is_between(window_start, window_end))
    edges = answers(interactions, posts=inside, window_hours=config.window_hours)
    parts: list[pl.DataFrame] = []
    for measure in measures:
        on = scores.select("post_id", (pl.col(measure) >= thresholds[measure]).alias("on")).drop_nulls()
        found = exposures(edges, posts=inside, expressed=on, window_hours=config.window_hours)
        if not found.frame.is_empty():
            part = _third(found.frame["day"], start=window_start, end=window_end)
            parts.append(
                _rows(found, measure=measure, part=part, permutations=config.permutations, seed=seed)
            )
    if not parts:
        return empty(CONTAGION)
    return _contract(pl.concat(parts), window_start=window_start, window_end=window_end)


def contagion_file(
    posts: pl.DataFrame, *, measures: tuple[str, ...], window_hours: int, permutations: int, seed: int
) -> ContagionFileResult:
    """Contagion over the whole span of a table of posts; a score of .5 or more counts as expressed.

    `posts` has post_id, created_at, parent_id and/or reply_to_author, author (optional) and a numeric
    0–1 column per measure. No row is dropped for its text. Raises `InputError` for an unusable table.
    """
    table = posts_of(posts, measures=measures)
    links = interactions_of(table)
    rows = measure_contagion(
        links,
        table,
        table.select("post_id", *measures),
        measures=measures,
        thresholds=dict.fromkeys(measures, 0.5),
        config=ContagionConfig(
            window_hours=window_hours, permutations=max(permutations, 100), measures=measures
        ),
        window_start=table["created_at"].dt.date().min() or dt.date(1970, 1, 1),  # type: ignore[arg-type]
        window_end=table["created_at"].dt.date().max() or dt.date(1970, 1, 1),  # type: ignore[arg-type]
        seed=seed,
    )
    return ContagionFileResult(rows=rows, notes=_notes(table, rows=rows, permutations=permutations))


def _notes(table: pl.DataFrame, *, rows: pl.DataFrame, permutations: int) -> list[str]:
    notes = [NO_AUTHORS] if table["author_key"].null_count() == len(table) else []
    asked = int(
        table.select(pl.any_horizontal(pl.col("parent_id", "reply_to_author").is_not_null()).sum()).item()
    )
    whole = rows.filter(pl.col("tie_bin") == "all")["n_edges"].to_list()
    used = max(whole, default=0)
    if 0 < used < asked:
        notes.append(
            f"{used} of {asked} answers are measured: the others answer a post or person that is not in the "
            "table or their own, or stand alone, with no other post that could have been shown instead."
        )
    if rows.is_empty():
        notes.append("No answer to a post of this table was found: there is nothing to measure.")
    if permutations < 100:
        notes.append(f"{permutations} shuffles are too few; 100 were made.")
    return notes


def _third(day: pl.Series, *, start: dt.date, end: dt.date) -> NDArray[np.int64]:
    """In which of three equal parts of the window's days, from 0."""
    since = (day - pl.Series([start])[0]).dt.total_days().to_numpy().astype(np.int64)
    return since * PARTS // ((end - start).days + 1)


def _rows(
    found: Exposures, *, measure: str, part: NDArray[np.int64], permutations: int, seed: int
) -> pl.DataFrame:
    frame = found.frame
    everyone = np.ones(len(frame), dtype=bool)
    groups: dict[str, NDArray[np.bool_]] = {"all": everyone}
    overlap: NDArray[np.float64] | None = None
    if found.has_people:
        ties = tie_strength(frame)
        weak = ties["weak"].to_numpy()
        groups |= {"strong": ~weak, "weak": weak}
        overlap = ties["overlap"].to_numpy()
    verdicts = follow_test(
        found, groups=list(groups.values()), part=part, permutations=permutations, seed=seed
    )
    rows = [
        {"measure": measure, "tie_bin": name}
        | _numbers(verdict)
        | {"n_people": _people(frame, group=group, known=found.has_people)}
        | {"mean_tie_strength": _mean_strength(frame, group=group, overlap=overlap)}
        for (name, group), verdict in zip(groups.items(), verdicts, strict=True)
    ]
    whole = dict.fromkeys(("n_people", "parts_above"), pl.Int64)
    return pl.DataFrame(rows, schema_overrides=whole | dict.fromkeys(_REALS, pl.Float64))


_REALS = ("follow_rate", "null_rate", "ratio", "ratio_low", "ratio_high", "p_value", "mean_tie_strength")


def _numbers(verdict: Verdict) -> dict[str, object]:
    return {
        "n_edges": verdict.n_edges,
        "follow_rate": verdict.follow_rate,
        "null_rate": verdict.null_rate,
        "ratio": verdict.ratio,
        "ratio_low": verdict.ratio_low,
        "ratio_high": verdict.ratio_high,
        "parts_above": verdict.parts_above,
        "p_value": verdict.p_value,
    }


def _people(frame: pl.DataFrame, *, group: NDArray[np.bool_], known: bool) -> int | None:
    if not known:
        return None
    part = frame.filter(pl.Series(group))
    return pl.concat([part["responder"].alias("p"), part["source"].alias("p")]).drop_nulls().n_unique()


def _mean_strength(
    frame: pl.DataFrame, *, group: NDArray[np.bool_], overlap: NDArray[np.float64] | None
) -> float | None:
    """Mean overlap of the ties along which the emotion was followed; None where there are none."""
    if overlap is None:
        return None
    spread = group & frame["exposed"].to_numpy() & frame["followed"].to_numpy()
    return float(overlap[spread].mean()) if spread.any() else None


def _contract(rows: pl.DataFrame, *, window_start: dt.date, window_end: dt.date) -> pl.DataFrame:
    p_value = rows["p_value"].fill_null(float("nan")).to_numpy()
    full = rows.with_columns(
        pl.Series("q_value", q_values(p_value)).fill_nan(None),
        *(pl.lit("all").alias(column) for column in ("population", "geo_type", "location")),
        pl.lit(window_start).alias("window_start"),
        pl.lit(window_end).alias("window_end"),
        *(
            pl.lit(None, dtype=pl.Float64).alias(column)
            for column in ("branching_ratio", "branching_low", "branching_high", "velocity", "coverage")
        ),
        pl.lit(None, dtype=pl.String).alias("branching_reason"),
    )
    return CONTAGION.schema.validate(full.select(CONTAGION.columns), cast=True).sort(CONTAGION.key)
