"""Complementary suppression: hide further cells, so that sums of the published ones do not give back a hidden one.

Cells belong to families that sum: the regions of a nation, the nations of everything, the slices of a population
(`lang=…`), the days of a week. The reader to be stopped is the strongest one: somebody who knows that nobody is in
two places, writes in two languages or posts on two days, so that every family adds up exactly.

Counts of people are shared by all signals of a cell, so they are closed for all signals together; people with a hit
belong to one signal. Not for deciding which cells are small, nor for rounding: `disclosure.py` does both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from warehouse.config import DisclosureConfig

COMPLEMENTARY, PEOPLE_FLOOR = "complementary", "people_floor"
PLACE = ["geo_type", "geo_value"]
_PERIOD = ["signal", "time_type", "time_value"]
_CELL = ["population", *PLACE, "time_type", "time_value"]
# People (or posts that stand in for them) and people with a hit: exact, and as published.
UNITS, HITS = ("units", "units_shown"), ("hits", "hits_shown")
Closing = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True, kw_only=True)
class _Families:
    """Which cells sum to which: `family` (null: none), `is_parent`, and what else a family shares.

    `counts_once`: hidden children that are not there a second time as smaller parts of themselves.
    """

    family: pl.Expr
    is_parent: pl.Expr
    shared: list[str]
    counts_once: pl.Expr


@dataclass(frozen=True, kw_only=True)
class _Guard:
    """What a pass protects: `counts` (exact, as published), each against values from 1 to below `floor`."""

    counts: tuple[str, str]
    floor: pl.Expr


def close(cells: pl.DataFrame, *, config: DisclosureConfig) -> pl.DataFrame:
    """`cells` with `suppressed` set to `complementary` where a published cell would give a hidden one back.

    Needs the key of `core.signals` but for the issue, `floor`, the columns of `UNITS` and `HITS` and `suppressed`
    (null: published). People first, for all signals that count the same people in every cell together; then hits.
    """
    if cells["suppressed"].null_count() == cells.height:
        return cells
    people = _Guard(counts=UNITS, floor=pl.col("floor"))
    hits = _Guard(counts=HITS, floor=pl.lit(config.numerator_floor + 1))
    return _until_stable(_close_people(cells, guard=people), closing=lambda rows: _round(rows, guard=hits))


def _until_stable(cells: pl.DataFrame, *, closing: Closing) -> pl.DataFrame:
    """Hiding a cell can open a gap elsewhere, so it is gone over until no cell is hidden."""
    while True:
        before = cells["suppressed"].null_count()
        cells = closing(cells)
        if cells["suppressed"].null_count() == before:
            return cells


def _round(cells: pl.DataFrame, *, guard: _Guard) -> pl.DataFrame:
    """Every family once."""
    kinds = cells.select(pl.col("population").str.split("=").list.first().unique().sort()).to_series()
    cells = _close(cells, families=_regions_of_nations(), guard=guard)
    cells = _close(cells, families=_nations_of_everything(), guard=guard)
    cells = _close(_with_open_regions(cells), families=_parts_of_everything(), guard=guard)
    cells = cells.drop("open", "in_parts")
    for kind in kinds.filter(~kinds.is_in(["all", "amplified"])):
        cells = _close(cells, families=_slices(kind), guard=guard)
    return _close_weeks(_hide_slices_of_hidden(cells), guard=guard)


# ------------------------------------------------------------------------------- people, across signals


def _close_people(cells: pl.DataFrame, *, guard: _Guard) -> pl.DataFrame:
    """Hide for their people, in all signals at once: what one signal tells of a cell's people, it tells of all."""
    groups = _groups(cells)
    marked = cells.join(groups, on="signal", how="left", maintain_order="left")
    # A cell that is hidden for its hits may tell its people by another signal: it counts as published here.
    few = pl.when((pl.col("suppressed") == PEOPLE_FLOOR).any()).then(pl.lit(PEOPLE_FLOOR))
    nowhere = pl.col("suppressed").is_not_null().all() & (pl.col("suppressed") == COMPLEMENTARY).any()
    covers = pl.when(nowhere).then(pl.lit(COMPLEMENTARY))
    one_each = (
        marked.group_by("group", *_CELL, maintain_order=True)
        .agg(pl.col("floor", *UNITS).first(), suppressed=pl.coalesce(few, covers))
        .rename({"group": "signal"})
    )
    closed = _until_stable(one_each, closing=lambda rows: _together(_round(rows, guard=guard)))
    hidden = closed.filter(pl.col("suppressed") == COMPLEMENTARY).select("signal", *_CELL, covers=True)
    both = marked.join(
        hidden, left_on=["group", *_CELL], right_on=["signal", *_CELL], how="left", maintain_order="left"
    )
    hide = pl.col("covers").is_not_null() & pl.col("suppressed").is_null()
    return both.with_columns(_hidden_where(hide)).drop("group", "covers")


def _groups(cells: pl.DataFrame) -> pl.DataFrame:
    """`signal` → `group`, the first signal that counts the same units in the same cells."""
    counted = pl.struct(*_CELL, *UNITS, "floor").hash()
    signs = cells.group_by("signal").agg(sign=counted.sort().implode().hash().first()).sort("signal")
    return signs.select("signal", group=pl.col("signal").first().over("sign"))


def _together(cells: pl.DataFrame) -> pl.DataFrame:
    """A cell that covers another is also hidden in signals with fewer people, which would tell that it has no less."""
    covering = pl.when(pl.col("suppressed") == COMPLEMENTARY).then("units").max().over(_CELL)
    hide = pl.col("suppressed").is_null() & (pl.col("units") <= covering).fill_null(False)
    return cells.with_columns(_hidden_where(hide))


# ------------------------------------------------------------------------------------------- families


def _regions_of_nations() -> _Families:
    return _Families(
        family=pl.when(pl.col("geo_type").is_in(["nation", "region"])).then(pl.col("geo_value").str.head(2)),
        is_parent=pl.col("geo_type") == "nation",
        shared=[*_PERIOD, "population"],
        counts_once=pl.lit(True),
    )


def _nations_of_everything() -> _Families:
    return _Families(
        family=pl.when(pl.col("geo_type").is_in(["all", "nation"])).then(pl.lit("all")),
        is_parent=pl.col("geo_type") == "all",
        shared=[*_PERIOD, "population"],
        counts_once=pl.lit(True),
    )


def _parts_of_everything() -> _Families:
    """Nations, and the regions of those that are not published."""
    inside = pl.col("geo_type").is_in(["all", "nation"]) | pl.col("open")
    return _Families(
        family=pl.when(inside).then(pl.lit("all")),
        is_parent=pl.col("geo_type") == "all",
        shared=[*_PERIOD, "population"],
        counts_once=~pl.col("in_parts"),
    )


def _with_open_regions(cells: pl.DataFrame) -> pl.DataFrame:
    """Add `open`: a region whose nation is not published, so that it adds to what is known of everything; and
    `in_parts`: a hidden nation that has such regions."""
    keys = [*_PERIOD, "population", "nation"]
    named = cells.with_columns(nation=pl.col("geo_value").str.head(2))
    nations = named.filter(pl.col("geo_type") == "nation", pl.col("suppressed").is_null())
    shown = nations.select(*keys, closed=True)
    joined = named.join(shown, on=keys, how="left", maintain_order="left")
    is_region, hidden = pl.col("geo_type") == "region", pl.col("closed").is_null()
    parts = (pl.col("geo_type") == "nation") & hidden & is_region.any().over(keys)
    return joined.with_columns(open=is_region & hidden, in_parts=parts).drop("nation", "closed")


def _slices(kind: str) -> _Families:
    whole = pl.col("population") == "all"
    return _Families(
        family=pl.when(whole | pl.col("population").str.starts_with(f"{kind}=")).then(pl.lit(kind)),
        is_parent=whole,
        shared=[*_PERIOD, *PLACE],
        counts_once=pl.lit(True),
    )


def _hide_slices_of_hidden(cells: pl.DataFrame) -> pl.DataFrame:
    """Slices add up to the whole, so they are hidden with it."""
    keys = [*_PERIOD, *PLACE]
    wholes = cells.filter(pl.col("population") == "all", pl.col("suppressed").is_not_null())
    joined = cells.join(wholes.select(*keys, gone=True), on=keys, how="left", maintain_order="left")
    hide = (
        pl.col("gone").is_not_null()
        & pl.col("population").str.contains("=", literal=True)
        & pl.col("suppressed").is_null()
    )
    return joined.with_columns(_hidden_where(hide)).drop("gone")


# --------------------------------------------------------------------------------- closing one family


def _close(cells: pl.DataFrame, *, families: _Families, guard: _Guard) -> pl.DataFrame:
    """Hide the smallest published children until what is hidden from their parent is no small cell, nor one alone;
    the parent, where no child is left."""
    keys = [*families.shared, "family"]
    marked = cells.with_columns(
        family=families.family, is_parent=families.is_parent, counts_once=families.counts_once
    ).with_row_index("row")
    inside = _guarded(marked, guard=guard).filter(pl.col("family").is_not_null())
    gaps = _standing_in(_gaps(inside, keys=keys, guard=guard), guard=guard)
    adds = pl.col(guard.counts[0]) > 0
    children = inside.filter(~pl.col("is_parent"), pl.col("suppressed").is_null(), adds).drop("floor")
    ranked = children.join(gaps, on=keys, how="inner").sort(*keys, "units", *PLACE, "population")
    rows = _smallest(ranked, keys=keys, guard=guard)
    bare = gaps.join(children, on=keys, how="anti").filter(_exposed(guard)).select(*keys, bare=True)
    parents = inside.filter("is_parent").join(bare, on=keys, how="semi")["row"]
    telling = _that_tell(inside, keys=keys, guard=guard)
    hide = pl.col("row").is_in(pl.concat([rows, parents, telling]).implode()) & pl.col("suppressed").is_null()
    closed = marked.with_columns(_hidden_where(hide))
    return closed.drop("row", "family", "is_parent", "counts_once")


def _guarded(cells: pl.DataFrame, *, guard: _Guard) -> pl.DataFrame:
    """Only cells that have what is guarded: a mean has no hits."""
    return cells.filter(pl.col(guard.counts[0]).is_not_null())


def _smallest(ranked: pl.DataFrame, *, keys: list[str], guard: _Guard) -> pl.Series:
    """Rows of the children to hide: each family's first ones, up to where its gap is safe."""
    earlier = [
        (pl.col(f"{name}_gap") + pl.col(name).cum_sum().over(keys) - pl.col(name)).alias(f"{name}_gap")
        for name in guard.counts
    ]
    more = pl.int_range(pl.len()).over(keys)
    counted = {"alone": pl.col("alone") & (more == 0), "others": pl.col("others") + more}
    exposed = ranked.with_columns(*earlier, **counted).with_columns(exposed=_exposed(guard).cast(pl.Int8))
    return exposed.filter(pl.col("exposed").cum_min().over(keys) == 1)["row"]


def _gaps(inside: pl.DataFrame, *, keys: list[str], guard: _Guard) -> pl.DataFrame:
    """Per published parent with a hidden child: each count less that of its published children (`_gap`), the sum
    of the hidden children (`_hidden`), whether there is one of these only (`alone`), and how many beside it."""
    kept = pl.col("suppressed").is_null()
    parents = inside.filter(kept, "is_parent").select(*keys, "floor", *guard.counts)
    once = ~kept & pl.col("counts_once")
    sums = (
        inside.filter(~pl.col("is_parent"))
        .group_by(keys)
        .agg(
            *[pl.col(name).filter(kept).sum().alias(f"{name}_kept") for name in guard.counts],
            *[pl.col(name).filter(once).sum().alias(f"{name}_hidden") for name in guard.counts],
            some_hidden=(~kept).any(),
            alone=once.sum() == 1,
            others=(once.sum().cast(pl.Int64) - 1).clip(lower_bound=0),
        )
    )
    both = parents.join(sums.filter("some_hidden"), on=keys, how="inner")
    gaps = [(pl.col(name) - pl.col(f"{name}_kept")).alias(f"{name}_gap") for name in guard.counts]
    return both.select(*keys, "floor", *gaps, *[f"{name}_hidden" for name in guard.counts], "alone", "others")


def _standing_in(gaps: pl.DataFrame, *, guard: _Guard) -> pl.DataFrame:
    """People in two places count once above and twice below, which can cover a gap: where the published
    children reach their parent, the hidden ones' own sum is taken for the gap."""
    exact = guard.counts[0]
    gap, hidden = pl.col(f"{exact}_gap"), pl.col(f"{exact}_hidden")
    return gaps.with_columns(pl.when(gap > 0).then(gap).otherwise(hidden).alias(f"{exact}_gap"))


def _exposed(guard: _Guard) -> pl.Expr:
    """Whether a gap is a small cell, in exact or in published numbers; or one big hidden cell, which then covers
    nothing elsewhere. A gap much wider than that cell holds people without a child and tells nothing of it."""
    # A hidden cell has at least one, so of many hidden cells none can have all of the gap.
    least = guard.floor + pl.col("others")
    few = [pl.col(f"{name}_gap").is_between(0, least, closed="none") for name in guard.counts]
    gap, hidden = pl.col(f"{guard.counts[0]}_gap"), pl.col(f"{guard.counts[0]}_hidden")
    big = (gap > 0) & (hidden >= guard.floor) & (gap - hidden < guard.floor)
    return pl.any_horizontal(*few, pl.col("alone") & big).fill_null(False)


def _close_weeks(cells: pl.DataFrame, *, guard: _Guard) -> pl.DataFrame:
    """Hide a week when its published days leave little of it for the hidden ones, or one hidden day alone; and the
    smallest day of a hidden week that its days would give back."""
    keys = ["signal", "population", *PLACE, "week"]
    end = pl.col("time_value") + pl.duration(days=7 - pl.col("time_value").dt.weekday().cast(pl.Int64))
    is_week = pl.col("time_type") == "week"
    marked = cells.with_columns(week=end, is_parent=is_week, counts_once=True).with_row_index("row")
    inside = _guarded(marked, guard=guard)
    told = _gaps(inside, keys=keys, guard=guard).filter(_exposed(guard))
    weeks = inside.filter("is_parent").join(told, on=keys, how="semi")["row"]
    rows = pl.concat([weeks, _that_tell(inside, keys=keys, guard=guard)])
    hide = pl.col("row").is_in(rows.implode()) & pl.col("suppressed").is_null()
    return marked.with_columns(_hidden_where(hide)).drop("week", "is_parent", "counts_once", "row")


def _that_tell(inside: pl.DataFrame, *, keys: list[str], guard: _Guard) -> pl.Series:
    """The smallest child of each hidden parent whose children are all published and add up to little more than it."""
    count = guard.counts[0]
    parents = inside.filter("is_parent", pl.col("suppressed").is_not_null()).select(
        *keys, "floor", whole=pl.col(count)
    )
    children = inside.filter(~pl.col("is_parent")).sort(*keys, "units", *PLACE, "population", "time_value")
    sums = children.group_by(keys, maintain_order=True).agg(
        pl.col("row").first(), total=pl.col(count).sum(), shown=pl.col("suppressed").is_null().all()
    )
    both = sums.filter("shown").join(parents, on=keys, how="inner")
    return both.filter((pl.col("total") - pl.col("whole")).abs() < guard.floor)["row"]


def _hidden_where(hide: pl.Expr) -> pl.Expr:
    return pl.when(hide).then(pl.lit(COMPLEMENTARY)).otherwise("suppressed").alias("suppressed")
