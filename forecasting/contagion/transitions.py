"""From what people expressed in one post to what they expressed in their next: counts over all people.

Not about anybody: a cell that few people stand behind is hidden, and another with it where it could be worked out.
"""

from __future__ import annotations

import polars as pl

from forecasting.contagion.branching import Floors
from forecasting.contagion.states import NO_MEASURE, state_of

PEOPLE_FLOOR, COMPLEMENTARY = "people_floor", "complementary"
SCHEMA = {
    "from_state": pl.String, "to_state": pl.String, "n_transitions": pl.Int64, "n_people": pl.Int64,
    "share": pl.Float64, "suppressed": pl.String,
}  # fmt: skip


def transitions(
    posts: pl.DataFrame,
    *,
    measures: tuple[str, ...],
    thresholds: dict[str, float],
    window_hours: int,
    floors: Floors,
) -> pl.DataFrame:
    """One row per pair of states (the measures and `none`), as in `SCHEMA`.

    `posts` has author_key, created_at, post_id and a 0–1 column per measure. A transition joins a scored post and its
    author's next one, at most `window_hours` later; posts without author or score are left out, and there is
    no row where nobody is known. Counts are rounded and
    `share` is computed from rounded counts. `suppressed` is `people_floor` where some but too few people stand behind
    a cell, `complementary` where it would show another; then numbers are null. A cell nobody is behind
    shows 0, unless all others of its row are hidden.
    """
    if posts["author_key"].null_count() == len(posts):
        return pl.DataFrame(schema=SCHEMA)
    states = (*measures, NO_MEASURE)
    steps = _steps(posts, measures=measures, thresholds=thresholds, window_hours=window_hours)
    cells = pl.DataFrame(
        [(a, b) for a in states for b in states], schema=["from_state", "to_state"], orient="row"
    )
    counted = cells.join(
        steps.group_by("from_state", "to_state").agg(
            pl.len().cast(pl.Int64).alias("n_transitions"), pl.col("author_key").unique().alias("people")
        ),
        on=["from_state", "to_state"],
        how="left",
        maintain_order="left",
    )
    parts = [
        _closed_row(row, floors=floors) for row in counted.partition_by("from_state", maintain_order=True)
    ]
    return _published(pl.concat(parts), floors=floors)


def _steps(
    posts: pl.DataFrame, *, measures: tuple[str, ...], thresholds: dict[str, float], window_hours: int
) -> pl.DataFrame:
    """author_key, from_state, to_state of consecutive posts."""
    scored = (
        posts.select("author_key", "created_at", "post_id", state_of(measures, thresholds=thresholds))
        .drop_nulls(["author_key", "state"])
        .sort("author_key", "created_at", "post_id")
    )
    following = scored.with_columns(
        pl.col("state").alias("from_state"),
        pl.col("state").shift(-1).over("author_key").alias("to_state"),
        (pl.col("created_at").shift(-1).over("author_key") - pl.col("created_at")).alias("gap"),
    )
    return following.filter(pl.col("gap") <= pl.duration(hours=window_hours)).select(
        "author_key", "from_state", "to_state"
    )


def _closed_row(row: pl.DataFrame, *, floors: Floors) -> pl.DataFrame:
    """`suppressed` for the cells of one `from_state`: too few people, then more until what is hidden is no small cell.

    The row's total is the sum of its shares, so what all hidden cells hold together can be worked out.
    """
    people = [set(cell) if cell is not None else set() for cell in row["people"].to_list()]
    reason: list[str | None] = [PEOPLE_FLOOR if 0 < len(cell) < floors.people else None for cell in people]
    shown = sorted(
        (k for k, cell in enumerate(people) if cell and reason[k] is None), key=lambda k: len(people[k])
    )
    while (
        any(reason)
        and shown
        and _is_small([p for p, r in zip(people, reason, strict=True) if r], floors=floors)
    ):
        reason[shown.pop(0)] = COMPLEMENTARY
    return row.with_columns(
        pl.Series("n_people", [len(cell) for cell in people], dtype=pl.Int64),
        pl.Series("suppressed", reason, dtype=pl.String),
        pl.col("n_transitions").fill_null(0),
    ).drop("people")


def _is_small(hidden: list[set[str]], *, floors: Floors) -> bool:
    """Whether hidden cells are one alone, or too few people together."""
    return len(hidden) < 2 or len(set().union(*hidden)) < floors.people


def _published(cells: pl.DataFrame, *, floors: Floors) -> pl.DataFrame:
    """Rounded counts of what is shown; the total a share is of includes what is hidden, and is rounded too."""
    total = floors.rounded(pl.col("n_transitions").sum().over("from_state"))
    is_hidden = pl.col("suppressed").is_not_null()
    hidden_row = (is_hidden.any() & (is_hidden | (pl.col("n_transitions") == 0)).all()).over("from_state")
    kept = ~is_hidden & ~hidden_row
    n = floors.rounded(pl.col("n_transitions"))
    return cells.select(
        "from_state",
        "to_state",
        pl.when(kept).then(n).alias("n_transitions"),
        pl.when(kept).then(floors.rounded(pl.col("n_people"))).alias("n_people"),
        pl.when(kept & (total > 0)).then((n / total).clip(0.0, 1.0)).alias("share"),
        pl.when(~kept).then(pl.coalesce("suppressed", pl.lit(PEOPLE_FLOOR))).alias("suppressed"),
    ).cast(SCHEMA)  # type: ignore[arg-type]
