"""What may leave: suppress small cells, close the gaps that sums would open, round, and recompute.

Pure frames in, frames out; knows nothing of files. Everything downstream of here (forecasts, alerts, pages,
exports) reads what this returns, so nothing built on it can say more.

1. A cell needs `people_floor` people. A share also needs more than `numerator_floor` people with a hit, counted
   exactly and as rounded, unless nobody had one: so a published 0 is a true 0.
2. Complementary suppression, repeated until nothing changes. What the published children leave unexplained of
   a published parent is compared, exactly and as rounded, with the same two floors as long as one child is
   hidden. Children: regions of a nation; nations of everything, with the published regions of those nations
   that are not published themselves; slices of a population (`lang=…`). The smallest children are hidden.
3. Days and weeks overlap. A week counts people, not people per day, so days do not add up to it; but posts do.
   A week's `n_posts` is therefore not published where people are counted. Where the days leave a small
   remainder of a week all the same (everybody posted once, or posts stand in for people), the week is hidden.
4. Counts are rounded, shares recomputed from rounded counts, means rounded to 1/n, errors computed from both.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from warehouse.config import DisclosureConfig
from warehouse.tables import CENSORED, NOT_APPLICABLE, NOT_MISSING

PEOPLE_FLOOR, NUMERATOR, COMPLEMENTARY = "people_floor", "numerator", "complementary"
_PERIOD = ["signal", "time_type", "time_value"]
_PLACE = ["geo_type", "geo_value"]
# People (or posts that stand in for them) and people with a hit: exact, and as published.
_UNITS, _HITS = ("units", "units_shown"), ("hits", "hits_shown")
_COUNTS = [*_UNITS, *_HITS]


@dataclass(frozen=True, kw_only=True)
class _Families:
    """Which cells sum to which: `family` (null: none), `is_parent`, and what else a family shares."""

    family: pl.Expr
    is_parent: pl.Expr
    shared: list[str]


def disclose(cells: pl.DataFrame, *, config: DisclosureConfig, statistics: pl.DataFrame) -> pl.DataFrame:
    """The publishable form of complete periods of `core.signals`, with a `suppressed` reason (null = kept).

    `cells` holds every cell of each period it touches, and of each day of a week, or the complementary step
    would miss one. `statistics` maps signal → statistic (share or mean).
    """
    described = cells.join(statistics, on="signal", how="left", maintain_order="left")
    marked = _counted(described, config=config).with_columns(suppressed=_primary(config))
    return _published(_close_all(marked, config=config)).drop(*_COUNTS, "posts_shown", "floor", "statistic")


def _counted(cells: pl.DataFrame, *, config: DisclosureConfig) -> pl.DataFrame:
    """Add the counts that are guarded, and the floor for the people among them."""
    step, is_share = config.rounding, pl.col("statistic") == "share"
    units = pl.when("people_unknown").then("n_posts").otherwise("sample_size").fill_null(0)
    shown = _to_step(units, step)
    return cells.with_columns(
        units=units,
        units_shown=shown,
        posts_shown=_to_step(pl.col("n_posts"), step).cast(pl.Int64),
        hits=pl.when(is_share).then("numerator"),
        hits_shown=pl.when(is_share).then(_to_step(pl.col("value") * shown, step)),
        floor=pl.when("people_unknown").then(config.post_floor).otherwise(config.people_floor),
    )


def _primary(config: DisclosureConfig) -> pl.Expr:
    too_few = pl.min_horizontal(*_UNITS) < pl.col("floor")
    few_hits = (pl.col("hits") > 0) & (pl.min_horizontal(*_HITS) <= config.numerator_floor)
    return (
        pl.when(too_few.fill_null(True) | pl.col("value").is_null()).then(pl.lit(PEOPLE_FLOOR))
        .when(few_hits.fill_null(False)).then(pl.lit(NUMERATOR))
    )  # fmt: skip


# -------------------------------------------------------------------------- complementary suppression


def _close_all(cells: pl.DataFrame, *, config: DisclosureConfig) -> pl.DataFrame:
    """Hiding a cell can open a gap elsewhere, so all families are gone over until no cell is hidden."""
    kinds = cells.select(pl.col("population").str.split("=").list.first().unique().sort()).to_series()
    while True:
        before = cells["suppressed"].null_count()
        cells = _close(cells, families=_regions_of_nations(), config=config)
        cells = _close(_with_open_regions(cells), families=_everywhere(), config=config).drop("open")
        for kind in kinds.filter(kinds != "all"):
            cells = _close(cells, families=_slices(kind), config=config)
        cells = _close_weeks(cells, config=config)
        if cells["suppressed"].null_count() == before:
            return cells


def _regions_of_nations() -> _Families:
    return _Families(
        family=pl.when(pl.col("geo_type").is_in(["nation", "region"])).then(pl.col("geo_value").str.head(2)),
        is_parent=pl.col("geo_type") == "nation",
        shared=[*_PERIOD, "population"],
    )


def _everywhere() -> _Families:
    inside = pl.col("geo_type").is_in(["all", "nation"]) | pl.col("open")
    return _Families(
        family=pl.when(inside).then(pl.lit("all")),
        is_parent=pl.col("geo_type") == "all",
        shared=[*_PERIOD, "population"],
    )


def _with_open_regions(cells: pl.DataFrame) -> pl.DataFrame:
    """Add `open`: a region whose nation is not published, so that it adds to what is known of everything."""
    nations = cells.filter(pl.col("geo_type") == "nation", pl.col("suppressed").is_null())
    keys = [*_PERIOD, "population", "nation"]
    shown = nations.select(*_PERIOD, "population", nation="geo_value", closed=True)
    joined = cells.with_columns(nation=pl.col("geo_value").str.head(2)).join(
        shown, on=keys, how="left", maintain_order="left"
    )
    is_open = (pl.col("geo_type") == "region") & pl.col("closed").is_null()
    return joined.with_columns(open=is_open).drop("nation", "closed")


def _slices(kind: str) -> _Families:
    whole = pl.col("population") == "all"
    return _Families(
        family=pl.when(whole | pl.col("population").str.starts_with(f"{kind}=")).then(pl.lit(kind)),
        is_parent=whole,
        shared=[*_PERIOD, *_PLACE],
    )


def _close(cells: pl.DataFrame, *, families: _Families, config: DisclosureConfig) -> pl.DataFrame:
    """Hide the smallest published children until what they hide from their parent is no small cell."""
    keys = [*families.shared, "family"]
    marked = cells.with_columns(family=families.family, is_parent=families.is_parent).with_row_index("row")
    inside = marked.filter(pl.col("family").is_not_null())
    gaps = _standing_in(_gaps(inside, keys=keys))
    children = inside.filter(~pl.col("is_parent"), pl.col("suppressed").is_null()).drop("floor")
    ranked = children.join(gaps, on=keys, how="inner").sort(*keys, "units", *_PLACE, "population")
    hidden = _smallest(ranked, keys=keys, config=config)
    hide = pl.col("row").is_in(hidden.implode())
    closed = marked.with_columns(suppressed=pl.when(hide).then(pl.lit(COMPLEMENTARY)).otherwise("suppressed"))
    return closed.drop("row", "family", "is_parent")


def _smallest(ranked: pl.DataFrame, *, keys: list[str], config: DisclosureConfig) -> pl.Series:
    """Rows of the children to hide: each family's first ones, up to where its gap is safe."""
    earlier = [
        (pl.col(f"{name}_gap") + pl.col(name).fill_null(0).cum_sum().over(keys) - pl.col(name).fill_null(0))
        for name in _COUNTS
    ]
    widened = ranked.with_columns(**{f"{name}_gap": gap for name, gap in zip(_COUNTS, earlier, strict=True)})
    exposed = widened.with_columns(exposed=_exposed(config).cast(pl.Int8))
    return exposed.filter(pl.col("exposed").cum_min().over(keys) == 1)["row"]


def _gaps(inside: pl.DataFrame, *, keys: list[str]) -> pl.DataFrame:
    """Per published parent with a hidden child: each count less that of its published children (`_gap`), and
    the sum of the hidden children (`_hidden`)."""
    kept = pl.col("suppressed").is_null()
    parents = inside.filter(kept, "is_parent").select(*keys, "floor", *_COUNTS)
    sums = (
        inside.filter(~pl.col("is_parent"))
        .group_by(keys)
        .agg(
            *[pl.col(name).filter(kept).sum().alias(f"{name}_kept") for name in _COUNTS],
            *[pl.col(name).filter(~kept).sum().alias(f"{name}_hidden") for name in _COUNTS],
            some_hidden=(~kept).any(),
        )
    )
    both = parents.join(sums.filter("some_hidden"), on=keys, how="inner")
    gaps = [(pl.col(name).fill_null(0) - pl.col(f"{name}_kept")).alias(f"{name}_gap") for name in _COUNTS]
    return both.select(*keys, "floor", *gaps, *[f"{name}_hidden" for name in _COUNTS])


def _standing_in(gaps: pl.DataFrame) -> pl.DataFrame:
    """People in two places count once above and twice below, which can cover a gap: where the published
    children reach their parent, the hidden ones' own sum is taken for the gap."""
    return gaps.with_columns(
        pl.when(pl.col(f"{name}_gap") > 0)
        .then(f"{name}_gap")
        .otherwise(f"{name}_hidden")
        .alias(f"{name}_gap")
        for name in ("units", "hits")
    )


def _exposed(config: DisclosureConfig) -> pl.Expr:
    """Whether a gap is a small cell, in exact or in published numbers."""
    few = [pl.col(f"{name}_gap").is_between(0, pl.col("floor"), closed="none") for name in _UNITS]
    few_hits = [pl.col(f"{name}_gap").is_between(0, config.numerator_floor, closed="right") for name in _HITS]
    return pl.any_horizontal(*few, *few_hits).fill_null(False)


def _close_weeks(cells: pl.DataFrame, *, config: DisclosureConfig) -> pl.DataFrame:
    """Hide a week when its published days leave a small remainder of it for the hidden ones."""
    keys = ["signal", "population", *_PLACE, "week"]
    end = pl.col("time_value") + pl.duration(days=7 - pl.col("time_value").dt.weekday().cast(pl.Int64))
    marked = cells.with_columns(week=end, is_parent=pl.col("time_type") == "week")
    exposed = _gaps(marked, keys=keys).filter(_exposed(config)).select(*keys, exposed=True)
    joined = marked.join(exposed, on=keys, how="left", maintain_order="left")
    hide = pl.col("is_parent") & pl.col("exposed").is_not_null() & pl.col("suppressed").is_null()
    closed = joined.with_columns(suppressed=pl.when(hide).then(pl.lit(COMPLEMENTARY)).otherwise("suppressed"))
    return closed.drop("week", "is_parent", "exposed")


# ------------------------------------------------------------------------------------------ rounding


def _published(cells: pl.DataFrame) -> pl.DataFrame:
    """Counts as rounded, shares recomputed from them, means to 1/n, errors from both."""
    kept, n = pl.col("suppressed").is_null(), pl.col("units_shown")
    hits = pl.coalesce("hits_shown", (pl.col("value") * n).round())
    value = pl.when(kept).then((hits / n).clip(0.0, 1.0))
    by_day = pl.col("people_unknown") | (pl.col("time_type") == "day")
    return cells.with_columns(
        value=value,
        value_unweighted=value,
        value_corrected=pl.lit(None, dtype=pl.Float64),
        corrected_se=pl.lit(None, dtype=pl.Float64),
        se=pl.when(kept).then(published_error(value, n=n)),
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


def published_error(value: pl.Expr, *, n: pl.Expr) -> pl.Expr:
    """Standard error from what is published: half a person is added on either side, so that it is never 0."""
    smoothed = (value * n + 0.5) / (n + 1.0)
    return (smoothed * (1.0 - smoothed) / n).sqrt()


def _to_step(count: pl.Expr, step: int) -> pl.Expr:
    return (count / step).round() * step


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
        *[pl.when(~hide).then(pl.col(name).round(3)).alias(name) for name in numbers],
        n_edges=_to_step(pl.col("n_edges"), config.rounding).cast(pl.Int64),
        n_people=pl.when(~hide).then(_to_step(pl.col("n_people"), config.rounding).cast(pl.Int64)),
    )


def _too_few(config: DisclosureConfig) -> pl.Expr:
    events = pl.col("follow_rate") * pl.col("n_edges")
    few_events = events.is_between(0, config.numerator_floor + 0.5, closed="none")
    people, posts = pl.col("n_people"), pl.col("n_edges")
    few_posts = pl.lit(True) if config.post_floor is None else posts < config.post_floor
    few = pl.when(people.is_null()).then(few_posts).otherwise(people < config.people_floor)
    return (few | few_events).fill_null(True)


# ---------------------------------------------------------------------------------------- last check


def breaches(signals: pl.DataFrame, *, config: DisclosureConfig, shares: list[str]) -> list[str]:
    """What in a frame of published signals breaks the rules; empty when nothing does.

    `shares` names the unsmoothed signals whose value is a share of people.
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
        "a value without people or a post floor": value.is_not_null() & n.is_null() & few_posts,
    }
    counted = {name: signals.filter(rule.fill_null(False)).height for name, rule in rules.items()}
    return [f"{name}: {count} rows" for name, count in counted.items() if count]
