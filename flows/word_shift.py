"""The words behind a change, from a plain file of posts. The nightly ones are made by the stage `words`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from flows.score_file import languages_of
from lexicons.grow import POST_FLOOR
from lexicons.score import LexiconScorer
from warehouse.errors import InputError, UsageError
from warehouse.intake.privacy import clean_text, mask_text
from warehouse.shift import Totals, mean_shift, share_shift, with_floor

CHUNK = 20_000
TYPE = ["term", "negated"]


@dataclass(frozen=True, kw_only=True)
class ShiftSpec:
    """Which change is explained: two spans of days, both ends included."""

    measure: str
    window: tuple[dt.date, dt.date]
    reference: tuple[dt.date, dt.date]
    language: str = "auto"
    people: int = 50


@dataclass(frozen=True)
class Shift:
    """The rows of `warehouse.shift`, the change they add up to, and sentences on what was left out."""

    rows: pl.DataFrame
    change: float
    notes: tuple[str, ...]


def shift_posts(
    posts: pl.DataFrame, *, scorer: LexiconScorer, spec: ShiftSpec, tell: Callable[[str, int], None]
) -> Shift:
    """Decompose a change between two spans over words.

    `posts` has text, created_at (a date, a time, or text that begins with YYYY-MM-DD) and perhaps author. A
    share is one of posts, a rate one of tokens, a mean one of graded words: everybody's posts count alike.

    Raises:
        UsageError: the scorer has no such measure, or it is made of sets, or the spans share days.
        InputError: a span has no post that is scored.
    """
    _check(scorer, spec=spec)
    sided, notes = _sided(posts, spec=spec)
    hits, tokens, scored = _counted(sided, scorer=scorer, spec=spec, tell=tell)
    has_people = "author" in posts.columns
    types = {
        side: _types(hits.filter(pl.col("side") == side), has_people=has_people)
        for side in ("after", "before")
    }
    totals = tokens if scorer.entry.scale == "rate" else scored
    for side, span in (("after", spec.window), ("before", spec.reference)):
        if not scored.get(side):
            raise InputError(
                f"No post from {span[0]} to {span[1]} could be scored. Expected some in a language of {scorer.name} "
                f"({', '.join(scorer.languages)}). Choose other days, or check the columns."
            )
    rows = _shift(scorer, types=types, totals=Totals(window=totals["after"], reference=totals["before"]))
    change = float(rows["contribution"].sum())
    if not has_people:
        notes += (f"There are no authors: a word is shown from {max(POST_FLOOR, spec.people)} posts on.",)
    floor = spec.people if has_people else max(POST_FLOOR, spec.people)
    _check_people(sided, spec=spec, floor=floor)
    return Shift(with_floor(rows, people=floor), change, notes)


def _check(scorer: LexiconScorer, *, spec: ShiftSpec) -> None:
    if scorer.entry.scale == "sets" or spec.measure not in scorer.measures:
        raise UsageError(
            f"--measure: {scorer.name} has no words for '{spec.measure}'. Expected a scorer of scale presence, rate "
            f"or mean and one of its measures: {', '.join(scorer.measures)}."
        )
    if spec.window[0] <= spec.reference[1] and spec.reference[0] <= spec.window[1]:
        raise UsageError(
            f"--window and --reference: {max(spec.window[0], spec.reference[0])} is in both. Choose days apart."
        )


def _check_people(sided: pl.DataFrame, *, spec: ShiftSpec, floor: int) -> None:
    """The change itself is about the people of both spans: so many are needed in each."""
    who = pl.col("author").drop_nulls().n_unique() if "author" in sided.columns else pl.len()
    found = dict(sided.group_by("side").agg(n=who).iter_rows())
    for side, span in (("after", spec.window), ("before", spec.reference)):
        if found.get(side, 0) < floor:
            what = "people" if "author" in sided.columns else "posts"
            raise InputError(
                f"From {span[0]} to {span[1]} there are fewer than {floor} {what}: too few to say anything about. "
                "Choose a longer span."
            )


def _sided(posts: pl.DataFrame, *, spec: ShiftSpec) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The posts of the two spans with their `side`; the others and those without a day are counted."""
    created = posts["created_at"]
    day = created.cast(pl.String).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    undated = int(day.null_count())
    side = (
        pl.when(pl.col("day").is_between(*spec.window)).then(pl.lit("after"))
        .when(pl.col("day").is_between(*spec.reference)).then(pl.lit("before"))
    )  # fmt: skip
    sided = posts.with_columns(day.alias("day")).with_columns(side=side).filter(pl.col("side").is_not_null())
    notes = (f"{undated} rows have no day that begins with YYYY-MM-DD and were left out.",) if undated else ()
    outside = posts.height - undated - sided.height
    return sided, notes + ((f"{outside} rows lie outside both spans.",) if outside else ())


def _counted(
    sided: pl.DataFrame, *, scorer: LexiconScorer, spec: ShiftSpec, tell: Callable[[str, int], None]
) -> tuple[pl.DataFrame, dict[str, int], dict[str, int]]:
    """Hits of the measure with `side` and `who`, and the tokens and scored posts of each side."""
    text = sided.select(text=mask_text(clean_text(pl.col("text").cast(pl.String))))["text"]
    who = (
        sided["author"].cast(pl.String)
        if "author" in sided.columns
        else pl.Series(range(sided.height)).cast(pl.String)
    )
    frame = pl.DataFrame(
        {"text": text, "lang": languages_of(text, language=spec.language), "side": sided["side"], "who": who}
    )
    hits, sizes = [], []
    for start in range(0, max(frame.height, 1), CHUNK):
        piece = frame.slice(start, CHUNK)
        found = scorer.term_hits(piece, keys=["side", "who"])
        hits.append(found.filter(pl.col("dimension") == spec.measure))
        scores = scorer.score(piece.select("text", "lang")).with_columns(piece["side"])
        sizes.append(scores.filter(pl.col("missing") == 0).select("side", "n_tokens"))
        tell(f"words {scorer.name}", piece.height)
    size = pl.concat(sizes).group_by("side").agg(tokens=pl.col("n_tokens").sum(), posts=pl.len())
    return (
        pl.concat(hits),
        dict(size.select("side", "tokens").iter_rows()),
        dict(size.select("side", "posts").iter_rows()),
    )


def _types(hits: pl.DataFrame, *, has_people: bool) -> pl.DataFrame:
    """One row per term, negated or not: credit, hits, mean weight of a hit, and people (or posts without authors)."""
    # A word that only posts without an author hold has no number of people: it is not shown.
    known = pl.col("who").drop_nulls().n_unique()
    people = pl.when(known > 0).then(known) if has_people else pl.len()
    return hits.group_by(TYPE).agg(
        credit=pl.col("credit").sum(), total=pl.col("hits").sum(),
        weight=(pl.col("weight") * pl.col("hits")).sum() / pl.col("hits").sum(), n_people=people.cast(pl.Int64),
    ).rename({"total": "hits"}).sort(TYPE)  # fmt: skip


def _shift(scorer: LexiconScorer, *, types: dict[str, pl.DataFrame], totals: Totals) -> pl.DataFrame:
    if scorer.entry.scale == "mean":
        columns = [*TYPE, "hits", "weight", "n_people"]
        return mean_shift(types["after"].select(columns), types["before"].select(columns))
    plain = {side: frame.filter(~pl.col("negated")) for side, frame in types.items()}
    if scorer.entry.scale == "rate":  # what is shared out are the weighted hits, over tokens
        plain = {
            side: frame.with_columns(credit=pl.col("weight") * pl.col("hits"))
            for side, frame in plain.items()
        }
    columns = ["term", "credit", "n_people"]
    return share_shift(plain["after"].select(columns), plain["before"].select(columns), totals=totals)
