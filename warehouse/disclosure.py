"""What may leave: suppress small cells, close the gaps that sums would open, round, and recompute.

Pure frames in, frames out; knows nothing of files. Everything downstream of here (forecasts, alerts, pages,
exports) reads what this returns, so nothing built on it can say more.

1. A cell needs `people_floor` people. A share also needs more than `numerator_floor` people with a hit, counted
   exactly and as rounded, unless nobody had one: so a published 0 is a true 0.
2. Complementary suppression (`complementary.py`): what the published cells of a family leave of their sum is no small
   cell, and no hidden cell that covers another can be worked out.
3. Days and weeks overlap. A week counts people, not people per day, so days do not add up to it; but posts do.
   A week's `n_posts` is therefore not published where people are counted.
4. Counts are rounded, shares recomputed from rounded counts, means and weighted values rounded to 1/n, errors
   computed from both, times the design effect (to one decimal) where people are weighted.
5. A weighted share says a second thing of the same people. It is published where no part of the cell is hidden for
   its hits; elsewhere `value` is the unweighted one.
6. What was published earlier stays known (`released.py`): a cell that covered another at an earlier issue stays hidden,
   and a 0 is not withdrawn because a few late posts had a hit.

What this stops and what it does not: docs/disclosure.md.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from warehouse.complementary import COMPLEMENTARY, HITS, PEOPLE_FLOOR, UNITS, close
from warehouse.config import DisclosureConfig
from warehouse.rounding import to_step
from warehouse.tables import CENSORED, NOT_APPLICABLE, NOT_MISSING

NUMERATOR = "numerator"
_COUNTS = [*UNITS, *HITS]


def disclose(cells: pl.DataFrame, *, config: DisclosureConfig, statistics: pl.DataFrame) -> pl.DataFrame:
    """The publishable form of complete periods of `core.signals`, with a `suppressed` reason (null = kept).

    `cells` holds every cell of each period it touches, and of each day of a week, or the complementary step
    would miss one. `statistics` maps signal → statistic (share or mean). Where `cells` has a column `covers`, its
    cells are hidden from the start, as those that cover others.
    """
    marked = _marked(cells, config=config, statistics=statistics)
    if "covers" in cells.columns:
        covering = pl.when("covers").then(pl.lit(COMPLEMENTARY))
        marked = marked.with_columns(suppressed=pl.coalesce("suppressed", covering)).drop("covers")
    return _published(close(marked, config=config)).drop(*_COUNTS, "posts_shown", "floor", "statistic")


def large_enough(cells: pl.DataFrame, *, config: DisclosureConfig, statistics: pl.DataFrame) -> pl.DataFrame:
    """The rows of `core.signals` that rule 1 lets through."""
    marked = _marked(cells, config=config, statistics=statistics)
    return marked.filter(pl.col("suppressed").is_null()).select(cells.columns)


def _marked(cells: pl.DataFrame, *, config: DisclosureConfig, statistics: pl.DataFrame) -> pl.DataFrame:
    """Cells with what is guarded, and `suppressed` by rule 1."""
    described = cells.join(statistics, on="signal", how="left", maintain_order="left")
    return _counted(described, config=config).with_columns(suppressed=_primary(config))


def _counted(cells: pl.DataFrame, *, config: DisclosureConfig) -> pl.DataFrame:
    """Add the counts that are guarded, and the floor for the people among them."""
    step, is_share = config.rounding, pl.col("statistic") == "share"
    units = pl.when("people_unknown").then("n_posts").otherwise("sample_size").fill_null(0)
    shown = to_step(units, step)
    return cells.with_columns(
        units=units,
        units_shown=shown,
        posts_shown=to_step(pl.col("n_posts"), step).cast(pl.Int64),
        hits=pl.when(is_share).then("numerator"),
        hits_shown=pl.when(is_share).then(to_step(pl.col("value_unweighted") * shown, step)),
        floor=pl.when("people_unknown").then(config.post_floor).otherwise(config.people_floor),
    )


def _primary(config: DisclosureConfig) -> pl.Expr:
    too_few = pl.min_horizontal(*UNITS) < pl.col("floor")
    few_hits = (pl.col("hits") > 0) & (pl.min_horizontal(*HITS) <= config.numerator_floor)
    return (
        pl.when(too_few.fill_null(True) | pl.col("value").is_null()).then(pl.lit(PEOPLE_FLOOR))
        .when(few_hits.fill_null(False)).then(pl.lit(NUMERATOR))
    )  # fmt: skip


# ------------------------------------------------------------------------------------------ rounding


def _published(cells: pl.DataFrame) -> pl.DataFrame:
    """Counts as rounded, shares recomputed from them, means to 1/n, errors from both."""
    kept, n = pl.col("suppressed").is_null(), pl.col("units_shown")
    hits = pl.coalesce("hits_shown", (pl.col("value_unweighted") * n).round())
    plain = pl.when(kept).then((hits / n).clip(0.0, 1.0))
    is_weighted = (pl.col("value") != pl.col("value_unweighted")) & ~_hides_hits_inside()
    value = (
        pl.when(kept & is_weighted).then(((pl.col("value") * n).round() / n).clip(0.0, 1.0)).otherwise(plain)
    )
    widened = pl.when(_hides_hits_inside()).then(1.0).otherwise((pl.col("design_effect") * 10).ceil() / 10)
    by_day = pl.col("people_unknown") | (pl.col("time_type") == "day")
    return cells.with_columns(
        value=value,
        value_unweighted=plain,
        value_corrected=pl.lit(None, dtype=pl.Float64),
        corrected_se=pl.lit(None, dtype=pl.Float64),
        se=pl.when(kept).then(published_error(value, n=n) * widened.sqrt()),
        sample_size=pl.when(kept & ~pl.col("people_unknown")).then(n.cast(pl.Int64)),
        n_posts=pl.when(kept & by_day).then("posts_shown"),
        reliability=pl.when(kept).then(pl.col("reliability").cast(pl.String)).otherwise(pl.lit("suppressed")),
        missing_value=_code(kept),
        missing_se=_code(kept),
        missing_sample_size=pl.when(kept & pl.col("people_unknown"))
        .then(NOT_APPLICABLE)
        .otherwise(_code(kept))
        .cast(pl.Int8),
    )


def _hides_hits_inside() -> pl.Expr:
    """Whether a share's cell has a smaller place or a slice in it that is hidden although it has enough people."""
    period = ["signal", "time_type", "time_value"]
    geo_type, population = pl.col("geo_type"), pl.col("population")
    enough = pl.min_horizontal(*UNITS) >= pl.col("floor")
    hidden = pl.col("hits").is_not_null() & pl.col("suppressed").is_not_null() & enough.fill_null(False)
    in_nation = (
        (hidden & (geo_type == "region")).any().over(*period, "population", pl.col("geo_value").str.head(2))
    )
    anywhere = (hidden & (geo_type != "all")).any().over(*period, "population")
    sliced = (
        (hidden & population.str.contains("=", literal=True)).any().over(*period, "geo_type", "geo_value")
    )
    inside = pl.when(geo_type == "all").then(anywhere).otherwise((geo_type == "nation") & in_nation)
    return inside | ((population == "all") & sliced)


def published_error(value: pl.Expr, *, n: pl.Expr) -> pl.Expr:
    """Standard error from what is published: half a person is added on either side, so that it is never 0."""
    smoothed = (value * n + 0.5) / (n + 1.0)
    return (smoothed * (1.0 - smoothed) / n).sqrt()


def _code(kept: pl.Expr) -> pl.Expr:
    return pl.when(kept).then(NOT_MISSING).otherwise(CENSORED).cast(pl.Int8)


# ----------------------------------------------------------------------------------------- contagion

_BINS = ["measure", "population", "geo_type", "location", "window_start", "window_end"]


def disclose_contagion(rows: pl.DataFrame, *, config: DisclosureConfig) -> pl.DataFrame:
    """Rows of `out.contagion` with every rate removed where too few people or events stand behind it.

    Tie bins add up to `all`, so they are shown together or not at all.
    """
    is_bin = pl.col("tie_bin") != "all"
    one_hidden = (_too_few(config) & is_bin).any().over(_BINS) & is_bin
    hide = _too_few(config) | one_hidden
    numbers = [name for name in rows.columns if rows.schema[name] == pl.Float64]
    return rows.with_columns(
        pl.when(~hide).then("parts_above").alias("parts_above"),
        *[pl.when(~hide).then(pl.col(name).round(3)).alias(name) for name in numbers],
        n_edges=to_step(pl.col("n_edges"), config.rounding).cast(pl.Int64),
        n_people=pl.when(~hide).then(to_step(pl.col("n_people"), config.rounding).cast(pl.Int64)),
    )


def _too_few(config: DisclosureConfig) -> pl.Expr:
    events = pl.col("follow_rate") * pl.col("n_edges")
    few_events = events.is_between(0, config.numerator_floor + 0.5, closed="none")
    people, posts = pl.col("n_people"), pl.col("n_edges")
    few_posts = pl.lit(True) if config.post_floor is None else posts < config.post_floor
    few = pl.when(people.is_null()).then(few_posts).otherwise(people < config.people_floor)
    return (few | few_events).fill_null(True)


# ---------------------------------------------------------------------------------------- last check


def breaches(
    signals: pl.DataFrame, *, config: DisclosureConfig, shares: list[str], elsewhere: Sequence[str] = ()
) -> list[str]:
    """What in a frame of published signals breaks the rules; empty when nothing does.

    `shares` names the unsmoothed signals whose value is a share of people, `elsewhere` series that were not made from
    posts: their makers may not say how many people answered.
    """
    n, value = pl.col("sample_size"), pl.col("value")
    suppressed = pl.col("reliability") == "suppressed"
    hits = (value * pl.coalesce("sample_size", "n_posts")).round(6)
    few_posts = pl.lit(True) if config.post_floor is None else pl.col("n_posts") < config.post_floor
    numbers = pl.any_horizontal(
        pl.col(name).is_not_null() for name in ("value", "se", "sample_size", "n_posts")
    )
    rules = {
        f"sample_size below {config.people_floor}": n < config.people_floor,
        f"a share with 1 to {config.numerator_floor} people behind it": pl.col("signal").is_in(shares)
        & hits.is_between(0, config.numerator_floor, closed="right"),
        "a suppressed cell with numbers": suppressed & numbers,
        "an empty cell that is not called suppressed": ~suppressed & value.is_null(),
        "a count off its rounding step": (n % config.rounding != 0)
        | (pl.col("n_posts") % config.rounding != 0),
        "a value without people or a post floor": value.is_not_null()
        & n.is_null()
        & few_posts
        & ~(pl.col("signal").is_in(elsewhere) & pl.col("people_unknown")),
    }
    counted = {name: signals.filter(rule.fill_null(False)).height for name, rule in rules.items()}
    return [f"{name}: {count} rows" for name, count in counted.items() if count]
