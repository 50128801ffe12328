"""Which terms of a span of days may be shown where: floors, covers, and what place levels leave of each other.

Frames in, frames out. Not for shares or rounding: `term_weeks.py` has them.

A term is hidden in a place where too few people used it; where one is, another one that enough people used is hidden
with it, or `(other)` would be about the few. A place that shows a term and the smaller places in it that show it too
leave a rest; where somebody used the term there, but too few are sure, the smaller place with the fewest people hides
it. Who a term's people are is the same in all signals, so that a term is hidden in all signals of a place or in none.
"""

from __future__ import annotations

import polars as pl

TERM = ["lexicon", "term"]
PLACE = ["geo_type", "geo_value"]
_USE = [*TERM, "place"]
_DAY = [*TERM, "parent", "time_value"]
_ALL = "all:all"


def shown_terms(days: pl.DataFrame, *, people: int) -> pl.DataFrame:
    """lexicon, term, place and n_people (at least) of what may be shown.

    `days` has a row per signal, place, lexicon, term and day: n_posts, n_people and `people`, the first pseudonyms in
    order with blanks between, both null where people are unknown; only places and signals that are published.
    """
    placed = days.with_columns(place=pl.concat_str(PLACE, separator=":"))
    each = placed.unique([*_USE, "time_value"], maintain_order=True).select(
        *_USE, "time_value", "n_posts", "n_people", "people"
    )
    sure = pl.max_horizontal(pl.col("n_people").max(), pl.col("people").str.split(" ").explode().n_unique())
    counted = each.group_by(_USE).agg(
        n_people=pl.when(pl.col("n_people").is_null().any()).then(None).otherwise(sure)
    )
    enough = counted.filter(pl.col("n_people") >= people)
    signals = placed.select("signal", *_USE).unique()
    shown = enough.join(_covers(signals, enough=enough), on=_USE, how="anti").sort(_USE)
    while True:
        rests = _small_rests(each, shown=shown, people=people)
        if rests.is_empty():
            return shown
        shown = shown.join(rests, on=_USE, how="anti", maintain_order="left")


def _covers(signals: pl.DataFrame, *, enough: pl.DataFrame) -> pl.DataFrame:
    """Per signal and place with a hidden term, the one with the fewest people of those that could be shown."""
    joined = signals.join(enough, on=_USE, how="left")
    cell = ["signal", "place"]
    open_ = joined.filter(pl.col("n_people").is_null().any().over(cell), pl.col("n_people").is_not_null())
    return open_.sort(*cell, "n_people", *TERM).unique(cell, keep="first").select(_USE).unique()


# --------------------------------------------------------------------------------- smaller places in larger ones


def _small_rests(each: pl.DataFrame, *, shown: pl.DataFrame, people: int) -> pl.DataFrame:
    """The terms and smaller places to hide: of those whose larger place has a small rest, the one of fewest people.

    At least as many people are in a rest as the largest difference of a day's people, and as there are people among
    the first of a day's in the larger place who are not among the first of the smaller ones. The first of the larger
    place are in order, so one who is in a smaller place is among its first too.
    """
    links = _links(shown)
    larger = each.join(
        links.select(*TERM, place="parent").unique(), on=_USE, how="semi"
    ).rename({"place": "parent"})  # fmt: skip
    smaller = each.join(links, on=_USE, how="inner")
    sums = smaller.group_by(_DAY).agg(posts=pl.col("n_posts").sum(), others=pl.col("n_people").sum())
    rest = larger.join(sums, on=_DAY, how="left").with_columns(pl.col("posts", "others").fill_null(0))
    parent = [*TERM, "parent"]
    doubtful = (
        rest.group_by(parent)
        .agg(
            posts=(pl.col("n_posts") - pl.col("posts")).sum(),
            sure=(pl.col("n_people") - pl.col("others")).max(),
        )
        .filter(pl.col("posts") > 0, pl.col("sure") < people)
    )
    known = _people(larger.join(doubtful, on=parent, how="semi")).join(
        _people(smaller.join(doubtful, on=parent, how="semi")), on=[*_DAY, "people"], how="anti"
    )
    enough = known.group_by(parent).agg(n=pl.col("people").n_unique()).filter(pl.col("n") >= people)
    small = links.join(doubtful.join(enough, on=parent, how="anti"), on=parent, how="semi")
    ordered = small.join(shown, on=_USE, how="inner").sort(*parent, "n_people", "place")
    return ordered.unique(parent, keep="first").select(_USE).unique()


def _people(days: pl.DataFrame) -> pl.DataFrame:
    return days.select(*_DAY, pl.col("people").str.split(" ")).explode("people")


def _links(shown: pl.DataFrame) -> pl.DataFrame:
    """lexicon, term, place and `parent`: the smallest larger place that shows the term too."""
    level = pl.col("place").str.split(":").list.first()
    nations = shown.filter(level == "nation")
    regions = shown.filter(level == "region").with_columns(
        parent=pl.lit("nation:") + pl.col("place").str.split(":").list.last().str.head(2)
    )
    in_nation = regions.join(
        nations.select(*TERM, parent="place"), on=[*TERM, "parent"], how="semi"
    )  # fmt: skip
    loose = regions.join(in_nation, on=_USE, how="anti").drop("parent")
    everywhere = shown.filter(pl.col("place") == _ALL).select(TERM)
    on_top = pl.concat([nations, loose]).join(everywhere, on=TERM, how="semi")
    parts = [in_nation.select(*_USE, "parent"), on_top.select(*_USE, parent=pl.lit(_ALL))]
    return pl.concat(parts)
