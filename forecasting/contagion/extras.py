"""What stands beside the contagion rows: branching ratios, diffusion what-ifs, transitions, the weak-tie comparison.

Not for the rows themselves (`api.py`), and nothing here is about single people.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from forecasting.contagion.branching import Floors, branching
from forecasting.contagion.diffusion import SCENARIOS, Plan, diffusion, graph_of
from forecasting.contagion.diffusion import SCHEMA as DIFFUSION
from forecasting.contagion.edges import answers, exposures
from forecasting.contagion.plain import interactions_of, posts_of
from forecasting.contagion.transitions import transitions
from forecasting.contagion.weak_ties import FIRST, SECOND, Followed, weaker_ties

THRESHOLD = 0.5
# Which ties are preferred in the what-if that stands in a row.
BIN_ALPHAS = {"all": 0.0, "weak": -1.0, "strong": 1.0}


@dataclass(frozen=True, kw_only=True)
class ExtrasSpec:
    """What all of it shares. `plan` says what is simulated; `permutations` are of the weak-tie comparison."""

    measures: tuple[str, ...]
    window_hours: int
    permutations: int
    floors: Floors
    seed: int
    plan: Plan = field(default_factory=Plan)


@dataclass(frozen=True)
class ContagionExtras:
    """Tables by name (`branching`, `diffusion`, `transitions`, perhaps `weak_ties`), and notes on them."""

    tables: dict[str, pl.DataFrame]
    notes: list[str] = field(default_factory=list)


def contagion_extras(posts: pl.DataFrame, *, spec: ExtrasSpec) -> ContagionExtras:
    """All of it over the whole span of a table of posts as `contagion_file` takes it; .5 counts as expressed.

    Raises `InputError` for an unusable table.
    """
    table = posts_of(posts, measures=spec.measures)
    thresholds = dict.fromkeys(spec.measures, THRESHOLD)
    found = branching(table, measures=spec.measures, thresholds=thresholds, floors=spec.floors)
    tables = {"branching": found} | along_ties(table, interactions=interactions_of(table), spec=spec)
    return ContagionExtras(tables=tables, notes=_notes(tables, floors=spec.floors))


def along_ties(
    table: pl.DataFrame, *, interactions: pl.DataFrame, spec: ExtrasSpec
) -> dict[str, pl.DataFrame]:
    """`diffusion`, `transitions` and, with anger and joy among the measures, `weak_ties`, all fit to be shown.

    `table` has post_id, author_key, created_at, thread_id and a 0–1 column per measure, null where there is no score.
    """
    edges = answers(interactions, posts=table, window_hours=spec.window_hours)
    own = _without_reposts(table, interactions=interactions)
    tables = {
        "diffusion": _diffusion(edges, spec=spec),
        "transitions": transitions(
            own, measures=spec.measures, thresholds=dict.fromkeys(spec.measures, THRESHOLD),
            window_hours=spec.window_hours, floors=spec.floors,
        ),
    }  # fmt: skip
    if {FIRST, SECOND} <= set(spec.measures):
        first, second = (
            _followed(table, edges=edges, measure=name, window_hours=spec.window_hours) for name in (FIRST, SECOND)
        )  # fmt: skip
        tables["weak_ties"] = weaker_ties(
            first, second, permutations=spec.permutations, seed=spec.seed, floors=spec.floors
        )
    return tables


def with_what_if(rows: pl.DataFrame, *, diffusion: pl.DataFrame) -> pl.DataFrame:
    """`out.contagion` rows with velocity and coverage of the ties as they are, null where nothing is simulated.

    They are the same for every measure: no tie is preferred in the rows of all ties (alpha 0), weak ones in those of
    weak ties (alpha -1) and strong ones in those of strong ties (alpha 1).
    """
    names = ("velocity", "coverage")
    bins = {alpha: name for name, alpha in BIN_ALPHAS.items()}
    as_is = diffusion.filter(pl.col("scenario") == SCENARIOS[0].name, pl.col("alpha").is_in(list(bins)))
    known = as_is.select(
        pl.col("alpha").replace_strict(bins, return_dtype=pl.String).alias("tie_bin"), *names
    )
    return rows.drop(names).join(known, on="tie_bin", how="left", maintain_order="left").select(rows.columns)


def _without_reposts(table: pl.DataFrame, *, interactions: pl.DataFrame) -> pl.DataFrame:
    kinds = interactions.select("post_id", pl.col("kind").cast(pl.String))
    reposts = kinds.filter(pl.col("kind") == "repost").select("post_id").unique()
    return table.join(reposts, on="post_id", how="anti").sort("post_id")


def with_branching(
    rows: pl.DataFrame, *, posts: pl.DataFrame, interactions: pl.DataFrame, scores: pl.DataFrame,
    measures: tuple[str, ...], floors: Floors,
) -> pl.DataFrame:  # fmt: skip
    """`out.contagion` rows with each measure's own branching ratio in its row of all ties, or why there is none.

    `posts`, `interactions` and `scores` as in `measure_contagion`, scores 0 or 1. A repost is no event.
    """
    table = _without_reposts(posts.join(scores, on="post_id", how="inner"), interactions=interactions)
    found = branching(table, measures=measures, thresholds=dict.fromkeys(measures, THRESHOLD), floors=floors)
    names = ("branching_ratio", "branching_low", "branching_high")
    own = found.filter(pl.col("target") == pl.col("source"))
    at_all = own.select(
        pl.col("target").alias("measure"),
        pl.lit("all").alias("tie_bin"),
        *names,
        pl.col("reason").alias("branching_reason"),
    )
    joined = rows.drop(*names, "branching_reason").join(
        at_all, on=["measure", "tie_bin"], how="left", maintain_order="left"
    )
    return joined.select(rows.columns)


def _diffusion(edges: pl.DataFrame, *, spec: ExtrasSpec) -> pl.DataFrame:
    """Empty where too few people are tied; who answers or is answered by somebody unknown has no tie by it."""
    graph = graph_of(edges)
    if graph.people < spec.floors.people:
        return pl.DataFrame(schema=DIFFUSION)
    made = diffusion(graph, plan=spec.plan, seed=spec.seed)
    return made.with_columns(
        spec.floors.rounded(pl.col("n_people", "n_ties")), pl.col("^velocity.*$", "^coverage.*$").round(5)
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
