"""Which terms of a span of days may be shown where: floors, covers, and what place levels leave of each other.

Frames in, frames out. Not for shares or rounding: `term_weeks.py` has them.

Some terms of a span, its covers, are shown nowhere: whatever is added up or taken away, their use stays in it. So every
signal has a cover of its own that enough people used in each of its places, less the smaller places in it; a place
without one has no words of the signal. Any other term is shown where enough people used it, and what a place and the
smaller places in it that show it leave of each other is of nobody, or of enough. A term is shown in all signals of a
place or in none, and nothing is added to what an earlier form of the span showed.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

TERM = ["lexicon", "term"]
PLACE = ["geo_type", "geo_value"]
# With fewer words that could be shown, one of which has to be hidden, a place has none.
LEAST_WORDS = 2
_CELL = ["signal", "place"]
_USE = [*TERM, "place"]
_ALL = "all:all"


@dataclass(frozen=True)
class Shown:
    """`cells`: signal and place of those with words. `terms`: lexicon, term, place and n_people (at least)."""

    cells: pl.DataFrame
    terms: pl.DataFrame
    covers: tuple[str, ...]


def placed(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with their place in one column."""
    return rows.with_columns(
        place=pl.concat_str([pl.col(name).cast(pl.String) for name in PLACE], separator=":")
    )


def shown_terms(
    days: pl.DataFrame, *, before: pl.DataFrame, people: int, like: tuple[str, ...] = ()
) -> Shown:
    """What may be shown of a span of days.

    `days` has a row per signal, place, lexicon, term and day: n_posts, n_people and `people`, the first pseudonyms in
    order with blanks between, both null where people are unknown; of all scorers, and only places and signals that are
    published. `before` has signal, place, lexicon and term of the earlier form of the span, `(other)` too.
    `like` are covers of other spans, which are taken where they do, so that the same words are shown again and again.
    """
    uses = placed(days)
    each = uses.unique([*_USE, "time_value"], maintain_order=True).select(
        *_USE, "time_value", "n_posts", "n_people", "people"
    )
    sure = pl.max_horizontal(pl.col("n_people").max(), pl.col("people").str.split(" ").explode().n_unique())
    counted = each.group_by(_USE).agg(
        n_people=pl.when(pl.col("n_people").is_null().any()).then(None).otherwise(sure)
    )
    enough = counted.filter(pl.col("n_people") >= people)
    signals = uses.select("signal", *_USE).unique()
    allowed, cells = enough, signals.select(_CELL).unique()
    if before.height:
        allowed, cells = (
            rows.join(placed(before), on=on, how="semi") for rows, on in ((enough, _USE), (cells, _CELL))
        )
    hidden = enough.join(allowed, on="term", how="anti")["term"].unique().to_list()
    several = (
        signals.join(enough, on=_USE, how="semi").group_by(_CELL).len().filter(pl.col("len") >= LEAST_WORDS)
    )
    covers, cells = _covered(
        uses,
        cells=cells.join(several, on=_CELL, how="semi"),
        could=_could_cover(signals, enough=enough.join(before, on="term", how="anti")),
        covers=set(hidden),
        like=like,
        people=people,
    )
    open_ = allowed.filter(~pl.col("term").is_in(covers)).join(
        signals.join(cells, on=_CELL, how="semi"), on=_USE, how="semi"
    )
    terms = _without_small_rests(each, shown=open_.sort(_USE), people=people)
    return Shown(cells=cells.sort(_CELL), terms=terms, covers=covers)


def _without_small_rests(each: pl.DataFrame, *, shown: pl.DataFrame, people: int) -> pl.DataFrame:
    """The terms and places left when no rest is small and every list that has a term used in a place shows it."""
    while True:
        used = each.join(shown.select("term", "place").unique(), on=["term", "place"], how="semi")
        partly = used.join(shown, on=_USE, how="anti").select("term", "place")
        left = shown.join(partly, on=["term", "place"], how="anti", maintain_order="left")
        links = _links(left, key=TERM)
        larger = each.join(links.select(*TERM, place="parent").unique(), on=_USE, how="semi")
        rests = _rests(larger, each.join(links, on=_USE, how="inner"), key=TERM, people=people)
        small = links.join(
            rests.filter(pl.col("posts") > 0, pl.col("sure") < people), on=[*TERM, "parent"], how="semi"
        )
        if small.is_empty() and left.height == shown.height:
            return shown
        ordered = small.join(left, on=_USE, how="inner").sort(*TERM, "parent", "n_people", "place")
        fewest = ordered.unique([*TERM, "parent"], keep="first")
        shown = left.join(fewest, on=_USE, how="anti", maintain_order="left")


# ------------------------------------------------------------------------------------------------- covers


def _could_cover(signals: pl.DataFrame, *, enough: pl.DataFrame) -> pl.DataFrame:
    """signal, lexicon, term and place of the terms of enough people that no signal of fewer terms has.

    Signals share terms. One of the most terms less the others would be about what is only in it, so that has its cover.
    """
    by_size = (
        signals.group_by("signal")
        .agg(terms=pl.col("term").n_unique())
        .sort("terms", "signal")
        .with_row_index()
    )
    first = (
        signals.join(by_size, on="signal").sort("index").unique("term", keep="first").select("signal", "term")
    )
    return signals.join(first, on=["signal", "term"], how="semi").join(enough, on=_USE, how="semi")


def _covered(
    uses: pl.DataFrame,
    *,
    cells: pl.DataFrame,
    could: pl.DataFrame,
    covers: set[str],
    like: tuple[str, ...],
    people: int,
) -> tuple[tuple[str, ...], pl.DataFrame]:
    """The covers, and the signals and places that they cover, less the smaller ones.

    Where no term could cover what the smaller places leave of one, the one of the fewest posts has no words.
    """
    while True:
        links = _links(cells, key=["signal"])
        own = uses.join(cells, on=_CELL, how="semi")
        smaller = own.join(links, on=_CELL, how="inner")
        key = ["signal", *TERM]
        rests = _rests(own.join(could, on=["signal", *_USE], how="semi"), smaller, key=key, people=people)
        able = rests.filter(pl.col("sure") >= people).rename({"parent": "place"})
        posts = own.group_by(_CELL).agg(pl.col("n_posts").sum())
        inside = smaller.group_by("signal", place="parent").agg(inside=pl.col("n_posts").sum())
        left = posts.join(inside, on=_CELL, how="left").filter(
            pl.col("n_posts") > pl.col("inside").fill_null(0)
        )
        bare = left.join(able, on=_CELL, how="anti").select("signal", parent="place")
        if bare.is_empty():
            return _chosen(able.join(left, on=_CELL, how="semi"), covers=covers, like=like), cells
        of_bare = links.join(bare, on=["signal", "parent"], how="semi").join(posts, on=_CELL, how="inner")
        dropped = of_bare.sort("signal", "parent", "n_posts", "place").unique(
            ["signal", "parent"], keep="first"
        )
        childless = bare.join(links, on=["signal", "parent"], how="anti").select("signal", place="parent")
        cells = cells.join(pl.concat([dropped.select(_CELL), childless]), on=_CELL, how="anti")


def _chosen(able: pl.DataFrame, *, covers: set[str], like: tuple[str, ...]) -> tuple[str, ...]:
    """The covers and as many more as it takes: of the fewest posts there, where there is the least choice first."""
    ordered = able.sort(~pl.col("term").is_in(list(like)), "posts", *TERM)
    choices = ordered.group_by(_CELL, maintain_order=True).agg("term")
    for terms in choices.sort(pl.col("term").list.len(), *_CELL)["term"].to_list():
        if covers.isdisjoint(terms):
            covers = covers | {terms[0]}
    return tuple(sorted(covers))


# --------------------------------------------------------------------------------- smaller places in larger ones


def _rests(larger: pl.DataFrame, smaller: pl.DataFrame, *, key: list[str], people: int) -> pl.DataFrame:
    """Per key and `parent`: the posts of the larger place that are in no smaller one, and how many people are `sure`.

    At least as many people are in a rest as the largest difference of a day's people, and as there are people among
    the first of a day's in the larger place who are not among the first of the smaller ones. The first of the larger
    place are in order, so one who is in a smaller place is among its first too.
    """
    each, day = [*key, "parent"], [*key, "parent", "time_value"]
    whole = larger.rename({"place": "parent"})
    sums = smaller.group_by(day).agg(
        inside=pl.col("n_posts").sum(),
        others=pl.col("n_people").sum(),
        unknown=pl.col("n_people").is_null().any(),
    )
    rest = whole.join(sums, on=day, how="left").with_columns(
        pl.col("inside", "others").fill_null(0), pl.col("unknown").fill_null(value=False)
    )
    alone = pl.when(~pl.col("unknown")).then(pl.col("n_people") - pl.col("others"))
    made = rest.group_by(each).agg(
        posts=(pl.col("n_posts") - pl.col("inside")).sum(), sure=alone.max().fill_null(0)
    )
    doubtful = made.filter(pl.col("posts") > 0, pl.col("sure") < people)
    names = [
        rows.join(doubtful, on=each, how="semi")
        .select(*day, pl.col("people").str.split(" "))
        .explode("people")
        for rows in (rest.filter(~pl.col("unknown")), smaller)
    ]
    only = names[0].join(names[1], on=[*day, "people"], how="anti")
    known = only.group_by(each).agg(known=pl.col("people").drop_nulls().n_unique())
    return made.join(known, on=each, how="left").with_columns(
        sure=pl.max_horizontal("sure", pl.col("known").fill_null(0))
    ).drop("known")  # fmt: skip


def _links(shown: pl.DataFrame, *, key: list[str]) -> pl.DataFrame:
    """Key, place and `parent`: the smallest larger place of the same key."""
    level = pl.col("place").str.split(":").list.first()
    nations = shown.filter(level == "nation")
    regions = shown.filter(level == "region").with_columns(
        parent=pl.lit("nation:") + pl.col("place").str.split(":").list.last().str.head(2)
    )
    in_nation = regions.join(
        nations.select(*key, parent="place"), on=[*key, "parent"], how="semi"
    )  # fmt: skip
    loose = regions.join(in_nation, on=[*key, "place"], how="anti").drop("parent")
    everywhere = shown.filter(pl.col("place") == _ALL).select(key)
    on_top = pl.concat([nations, loose]).join(everywhere, on=key, how="semi")
    parts = [in_nation.select(*key, "place", "parent"), on_top.select(*key, "place", parent=pl.lit(_ALL))]
    return pl.concat(parts)
