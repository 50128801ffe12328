"""What may leave: suppress small cells, close the gaps a sum would open, round, and recompute.

Pure frames in, frames out; knows nothing of files. Everything downstream of here (forecasts, alerts, pages,
exports) reads what this returns, so nothing built on it can say more.
"""

from __future__ import annotations

import polars as pl

from warehouse.config import DisclosureConfig
from warehouse.tables import CENSORED, NOT_APPLICABLE, NOT_MISSING

PEOPLE_FLOOR, NUMERATOR, COMPLEMENTARY = "people_floor", "numerator", "complementary"
_PERIOD = ["signal", "time_type", "time_value"]
_PARENT_LEVEL = {"region": "nation", "nation": "all"}


def disclose(cells: pl.DataFrame, *, config: DisclosureConfig, statistics: pl.DataFrame) -> pl.DataFrame:
    """The publishable form of complete periods of `core.signals`, with a `suppressed` reason (null = kept).

    `cells` holds every cell of each period it touches, or the complementary step would miss one.
    `statistics` maps signal → statistic (share or mean).
    """
    marked = cells.with_columns(suppressed=_primary(config))
    for children, parent in (("region", "nation"), ("nation", "all")):
        marked = _close_places(marked, children=children, parent=parent, config=config)
    marked = _close_populations(marked, config=config)
    return _rounded(marked.join(statistics, on="signal", how="left", maintain_order="left"), config=config)


def _primary(config: DisclosureConfig) -> pl.Expr:
    few_posts = pl.lit(True) if config.post_floor is None else pl.col("n_posts") < config.post_floor
    too_few = pl.when("people_unknown").then(few_posts).otherwise(pl.col("sample_size") < config.people_floor)
    few_hits = pl.col("numerator").is_between(1, config.numerator_floor)
    return (
        pl.when(too_few.fill_null(True)).then(pl.lit(PEOPLE_FLOOR))
        .when(few_hits.fill_null(False)).then(pl.lit(NUMERATOR))
    )  # fmt: skip


# -------------------------------------------------------------------------- complementary suppression


def _close_places(
    cells: pl.DataFrame, *, children: str, parent: str, config: DisclosureConfig
) -> pl.DataFrame:
    """Suppress the smallest published places until what they hide from their parent is no small cell."""
    above = pl.col("geo_value").str.slice(0, 2) if parent == "nation" else pl.lit("all")
    family = pl.when(pl.col("geo_type") == children).then(above)
    is_parent = pl.col("geo_type") == parent
    group = pl.coalesce(family, pl.when(is_parent).then("geo_value"))
    return _close(cells, family=group, is_parent=is_parent, extra=["population"], config=config)


def _close_populations(cells: pl.DataFrame, *, config: DisclosureConfig) -> pl.DataFrame:
    """The same for slices of a population (lang=…, community=…) against all of it."""
    kinds = cells.select(pl.col("population").str.split("=").list.first().unique())["population"].to_list()
    for kind in sorted(set(kinds) - {"all"}):
        is_parent = pl.col("population") == "all"
        is_child = pl.col("population").str.starts_with(f"{kind}=")
        group = pl.when(is_parent | is_child).then(pl.lit(kind))
        cells = _close(
            cells, family=group, is_parent=is_parent, extra=["geo_type", "geo_value"], config=config
        )
    return cells


def _close(
    cells: pl.DataFrame, *, family: pl.Expr, is_parent: pl.Expr, extra: list[str], config: DisclosureConfig
) -> pl.DataFrame:
    keys = [*_PERIOD, *extra, "family"]
    marked = cells.with_columns(family=family, is_parent=is_parent).with_row_index("row")
    inside = marked.filter(pl.col("family").is_not_null())
    parents = inside.filter("is_parent", pl.col("suppressed").is_null())
    hidden = _hidden(inside, parents=parents, keys=keys)
    children = inside.filter(~pl.col("is_parent"), pl.col("suppressed").is_null())
    ranked = children.join(hidden, on=keys, how="inner").sort([*keys, "sample_size", "row"])
    before = {
        name: (pl.col(name).fill_null(0).cum_sum() - pl.col(name).fill_null(0)).over(keys)
        for name in ("sample_size", "numerator")
    }
    people = pl.col("hidden_people") + before["sample_size"]
    hits = pl.col("hidden_hits") + before["numerator"]
    exposed = people.is_between(1, config.people_floor - 1) | hits.is_between(1, config.numerator_floor)
    extra_rows = ranked.filter(exposed)["row"]
    hide = pl.col("row").is_in(extra_rows.implode())
    closed = marked.with_columns(
        suppressed=pl.when(hide).then(pl.lit(COMPLEMENTARY)).otherwise(pl.col("suppressed"))
    )
    return closed.drop("row", "family", "is_parent")


def _hidden(inside: pl.DataFrame, *, parents: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Per published parent: the people and hits that its published children leave unexplained."""
    shown = (
        inside.filter(~pl.col("is_parent"), pl.col("suppressed").is_null())
        .group_by(keys)
        .agg(shown_people=pl.col("sample_size").sum(), shown_hits=pl.col("numerator").sum())
    )
    some_hidden = (
        inside.filter(~pl.col("is_parent"), pl.col("suppressed").is_not_null()).select(keys).unique()
    )
    hidden_now = (
        inside.filter(~pl.col("is_parent"), pl.col("suppressed").is_not_null())
        .group_by(keys)
        .agg(low_people=pl.col("sample_size").sum(), low_hits=pl.col("numerator").sum())
    )
    joined = parents.select(*keys, "sample_size", "numerator").join(some_hidden, on=keys, how="semi")
    both = joined.join(shown, on=keys, how="left").join(hidden_now, on=keys, how="left").fill_null(0)
    # People who are in two places count once above and twice below, so the hidden cells' own sums decide
    # where they are larger.
    return both.select(
        *keys,
        hidden_people=pl.max_horizontal(pl.col("sample_size") - pl.col("shown_people"), "low_people"),
        hidden_hits=pl.max_horizontal(pl.col("numerator") - pl.col("shown_hits"), "low_hits"),
    )


# ------------------------------------------------------------------------------------------ rounding


def _rounded(cells: pl.DataFrame, *, config: DisclosureConfig) -> pl.DataFrame:
    """Counts to the nearest step, shares recomputed from rounded counts, means to 1/n, errors from both."""
    step = config.rounding
    kept = pl.col("suppressed").is_null()
    n = pl.when("people_unknown").then("n_posts").otherwise("sample_size")
    counts = cells.with_columns(shown=_to_step(n, step))
    hits = _to_step(pl.col("value") * pl.col("shown"), step)
    mean = (pl.col("value") * pl.col("shown")).round() / pl.col("shown")
    value = (
        pl.when(pl.col("statistic") == "share").then(hits / pl.col("shown")).otherwise(mean).clip(0.0, 1.0)
    )
    valued = counts.with_columns(value=pl.when(kept).then(value))
    error = published_error(pl.col("value"), n=pl.col("shown"))
    return valued.with_columns(
        se=pl.when(kept).then(error),
        sample_size=pl.when(kept & ~pl.col("people_unknown")).then(pl.col("shown").cast(pl.Int64)),
        n_posts=pl.when(kept).then(_to_step(pl.col("n_posts"), step).cast(pl.Int64)),
        value_unweighted=pl.when(kept).then("value"),
        value_corrected=pl.lit(None, dtype=pl.Float64),
        corrected_se=pl.lit(None, dtype=pl.Float64),
        reliability=pl.when(kept).then(pl.col("reliability").cast(pl.String)).otherwise(pl.lit("suppressed")),
        missing_value=_code(kept),
        missing_se=_code(kept),
        missing_sample_size=pl.when("people_unknown")
        .then(NOT_APPLICABLE)
        .otherwise(_code(kept))
        .cast(pl.Int8),
    ).drop("shown", "statistic")


def published_error(value: pl.Expr, *, n: pl.Expr) -> pl.Expr:
    """Standard error from what is published: half a person is added on either side, so that it is never 0."""
    smoothed = (value * n + 0.5) / (n + 1.0)
    return (smoothed * (1.0 - smoothed) / n).sqrt()


def _to_step(count: pl.Expr, step: int) -> pl.Expr:
    return (count / step).round() * step


def _code(kept: pl.Expr) -> pl.Expr:
    return pl.when(kept).then(NOT_MISSING).otherwise(CENSORED).cast(pl.Int8)


def disclose_contagion(rows: pl.DataFrame, *, config: DisclosureConfig) -> pl.DataFrame:
    """Rows of `out.contagion` with every rate removed where too few people or events stand behind it."""
    events = pl.col("follow_rate") * pl.col("n_edges")
    few = (pl.col("n_people") < config.people_floor) | events.is_between(
        0, config.numerator_floor, closed="right"
    )
    known = pl.col("n_people").is_not_null()
    posts_only = ~known & (pl.col("n_edges") < (config.post_floor or 10**9))
    hide = ((few & known) | posts_only).fill_null(True)
    numbers = [name for name in rows.columns if rows.schema[name] == pl.Float64]
    return rows.with_columns(
        *[pl.when(~hide).then(pl.col(name).round(3)).alias(name) for name in numbers],
        n_edges=_to_step(pl.col("n_edges"), config.rounding).cast(pl.Int64),
        n_people=pl.when(~hide).then(_to_step(pl.col("n_people"), config.rounding).cast(pl.Int64)),
    )


def breaches(signals: pl.DataFrame, *, config: DisclosureConfig) -> list[str]:
    """What in a frame of published signals breaks the rules; empty when nothing does."""
    rules = {
        f"sample_size below {config.people_floor}": pl.col("sample_size") < config.people_floor,
        "a suppressed cell with a value": (pl.col("reliability") == "suppressed")
        & pl.col("value").is_not_null(),
        "a count off its rounding step": pl.col("sample_size") % config.rounding != 0,
        "a value without people or a post floor": pl.col("value").is_not_null()
        & pl.col("sample_size").is_null()
        & pl.lit(config.post_floor is None),
    }
    counted = {name: signals.filter(rule.fill_null(False)).height for name, rule in rules.items()}
    return [f"{name}: {count} rows" for name, count in counted.items() if count]
