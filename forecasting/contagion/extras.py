"""What stands beside the contagion rows: branching ratios, diffusion what-ifs, transitions, the weak-tie comparison.

Not for the rows themselves (`api.py`), and nothing here is about single people.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from forecasting.contagion.branching import ESTIMATED, Floors, branching
from forecasting.contagion.diffusion import SCHEMA as DIFFUSION
from forecasting.contagion.diffusion import Spread, diffusion, graph_of
from forecasting.contagion.edges import answers, exposures
from forecasting.contagion.plain import interactions_of, posts_of
from forecasting.contagion.transitions import transitions
from forecasting.contagion.weak_ties import FIRST, SECOND, Followed, weaker_ties

THRESHOLD = 0.5


@dataclass(frozen=True)
class ContagionExtras:
    """Tables by name (`branching`, `diffusion`, `transitions`, perhaps `weak_ties`), and notes on them."""

    tables: dict[str, pl.DataFrame]
    notes: list[str] = field(default_factory=list)


def contagion_extras(
    posts: pl.DataFrame,
    *,
    measures: tuple[str, ...],
    window_hours: int,
    permutations: int,
    floors: Floors,
    seed: int,
) -> ContagionExtras:
    """All of it over the whole span of a table of posts as `contagion_file` takes it; .5 counts as expressed.

    Raises `InputError` for an unusable table.
    """
    table = posts_of(posts, measures=measures)
    edges = answers(interactions_of(table), posts=table, window_hours=window_hours)
    thresholds = dict.fromkeys(measures, THRESHOLD)
    tables = {
        "branching": branching(table, measures=measures, thresholds=thresholds, floors=floors),
        "diffusion": _diffusion(edges, floors=floors, seed=seed),
        "transitions": transitions(
            table, measures=measures, thresholds=thresholds, window_hours=window_hours, floors=floors
        ),
    }
    if {FIRST, SECOND} <= set(measures):
        first, second = (
            _followed(table, edges=edges, measure=name, window_hours=window_hours) for name in (FIRST, SECOND)
        )
        tables["weak_ties"] = weaker_ties(first, second, permutations=permutations, seed=seed, floors=floors)
    return ContagionExtras(tables=tables, notes=_notes(tables, floors=floors))


def with_branching(
    rows: pl.DataFrame, *, posts: pl.DataFrame, interactions: pl.DataFrame, scores: pl.DataFrame,
    measures: tuple[str, ...], floors: Floors,
) -> pl.DataFrame:  # fmt: skip
    """`out.contagion` rows with each measure's own branching ratio in its row of all ties, null where not identifiable.

    `posts`, `interactions` and `scores` as in `measure_contagion`, scores 0 or 1. A repost is no event.
    """
    kinds = interactions.select("post_id", pl.col("kind").cast(pl.String))
    reposts = kinds.filter(pl.col("kind") == "repost").select("post_id").unique()
    table = (
        posts.join(scores, on="post_id", how="inner").join(reposts, on="post_id", how="anti").sort("post_id")
    )
    found = branching(table, measures=measures, thresholds=dict.fromkeys(measures, THRESHOLD), floors=floors)
    names = ("branching_ratio", "branching_low", "branching_high")
    own = found.filter(pl.col("target") == pl.col("source"), pl.col("verdict") == ESTIMATED)
    at_all = own.select(pl.col("target").alias("measure"), pl.lit("all").alias("tie_bin"), *names)
    joined = rows.drop(names).join(at_all, on=["measure", "tie_bin"], how="left", maintain_order="left")
    return joined.select(rows.columns)


def _diffusion(edges: pl.DataFrame, *, floors: Floors, seed: int) -> pl.DataFrame:
    """Empty where too few people are tied."""
    people = pl.concat([edges["responder"].alias("p"), edges["source"].alias("p")]).drop_nulls().n_unique()
    if people < floors.people:
        return pl.DataFrame(schema=DIFFUSION)
    made = diffusion(graph_of(edges), spread_by=Spread(), seed=seed)
    return made.with_columns(
        floors.rounded(pl.col("n_people", "n_ties")), pl.col("^velocity.*$", "^coverage.*$").round(5)
    )


def _followed(table: pl.DataFrame, *, edges: pl.DataFrame, measure: str, window_hours: int) -> Followed:
    on = table.select("post_id", (pl.col(measure) >= THRESHOLD).alias("on")).drop_nulls()
    return Followed.of(exposures(edges, posts=table, expressed=on, window_hours=window_hours))


def _notes(tables: dict[str, pl.DataFrame], *, floors: Floors) -> list[str]:
    own = tables["branching"].filter(pl.col("target") == pl.col("source"))
    notes = [_branching_note(row) for row in own.iter_rows(named=True)]
    if tables["diffusion"].is_empty():
        notes.append(f"diffusion: fewer than {floors.people} people are tied, so nothing is simulated.")
    if tables["transitions"].is_empty():
        notes.append("transitions: no authors, so nobody's next post is known.")
    hidden = tables["transitions"]["suppressed"].is_not_null().sum()
    if hidden:
        notes.append(
            f"transitions: {hidden} of {tables['transitions'].height} cells are hidden; see docs/contagion.md."
        )
    return notes + [_ties_note(row, floors=floors) for row in _weak_rows(tables)]


def _branching_note(row: dict[str, object]) -> str:
    if row["reason"]:
        return f"branching of {row['target']}: not identifiable, {row['reason']}."
    return (
        f"branching of {row['target']}: {row['branching_ratio']:.2f} ({row['branching_low']:.2f} to "
        f"{row['branching_high']:.2f})."
    )


def _weak_rows(tables: dict[str, pl.DataFrame]) -> list[dict[str, object]]:
    return tables["weak_ties"].to_dicts() if "weak_ties" in tables else []


def _ties_note(row: dict[str, object], *, floors: Floors) -> str:
    if row["p_value"] is None:
        few = f"fewer than {floors.people} people followed {row['first']} or {row['second']}"
        return f"weak ties: not compared, as {few}."
    return (
        f"weak ties: mean overlap {row['mean_first']:.3f} under {row['first']}, {row['mean_second']:.3f} under "
        f"{row['second']}; one-sided p = {row['p_value']:.3f} for weaker ties under {row['first']}."
    )
