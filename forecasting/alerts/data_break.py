"""Breaks as alerts of their own, and the doubt that they cast on alerts about moods.

Not for finding breaks: `forecasting/breaks` does that. A data break asks for a look at the source.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from forecasting.alerts.cells import CANDIDATE, candidates
from forecasting.breaks.find import (
    COVERAGE,
    EVERY,
    LENGTH,
    MATCHED,
    PEOPLE,
    QUERY,
    SEVERAL,
    VERSION,
    VOLUME,
    find_breaks,
)

# A break stays an open alert for as long as the days before it are what the days after it are held against.
OPEN_DAYS, KEPT_DAYS = 28, 60
LABELS = {
    VOLUME: "The number of posts",
    PEOPLE: "The number of people who post",
    LENGTH: "The length of posts in words",
    COVERAGE: "The share of posts that can be scored",
    MATCHED: "The share of posts with a word of the lexicons",
    SEVERAL: "The share of signals that moved the same way",
}
STATISTICS = {VOLUME: "count", PEOPLE: "count", LENGTH: "mean"}
DETECTORS = {SEVERAL: "common_shift_2", VERSION: "known_version_1", QUERY: "known_query_1"}
# Days before a judged one that it is compared with, beside `alerts.lookback_days`: the guard band.
GUARD_DAYS, RISE_DAYS = 7, 42


def known_breaks(cells: pl.DataFrame, *, breaks: pl.DataFrame | None) -> pl.DataFrame:
    """The breaks that the newest day of `cells` could know: of `out.breaks`, or where that is None found in `cells`."""
    if cells.is_empty():
        return find_breaks(cells)
    found = find_breaks(cells) if breaks is None else breaks
    typed = found.with_columns(pl.col("geo_type", "what").cast(pl.String))
    return typed.filter(pl.col("detected") <= pl.lit(cells["time_value"].max()))


def break_candidates(cells: pl.DataFrame, *, breaks: pl.DataFrame | None = None) -> pl.DataFrame:
    """Candidates of kind data_break: the newest break of each kind in each place, of the last 60 days.

    It fires for 28 days from its onset. Of several scorers' breaks of one kind the strongest stands for all;
    a scorer's new version is an alert of its own, named by the scorer.
    """
    known = known_breaks(cells, breaks=breaks)
    if known.is_empty():
        return candidates(pl.DataFrame(schema=CANDIDATE))
    day = pl.lit(cells["time_value"].max())
    age = (day - pl.col("onset")).dt.total_days()
    named = known.filter(age < KEPT_DAYS).with_columns(
        signal=pl.when(pl.col("what") == VERSION).then("scorer").otherwise("what")
    )
    strongest = named.sort("onset", pl.col("statistic").abs().fill_null(0.0)).unique(
        ["population", "geo_type", "geo_value", "what", "signal"], keep="last", maintain_order=True
    )
    is_known = pl.col("what").is_in([VERSION, QUERY])
    return candidates(
        strongest.select(
            "signal", "population", "geo_type", "onset", "observed", "expected", "threshold", "sample_size",
            kind=pl.lit("data_break"), location="geo_value", time_type=pl.lit("day"), time_value=day,
            detector=pl.col("what").replace_strict(DETECTORS, default="level_shift_2"),
            severity=pl.when(is_known).then(pl.lit("low")).otherwise(pl.lit("medium")),
            fires=age < OPEN_DAYS, exceeds=age < OPEN_DAYS,
        )
    )  # fmt: skip


def doubted(
    found: pl.DataFrame,
    *,
    breaks: pl.DataFrame,
    catalogue: pl.DataFrame,
    lookback_days: int,
    unconcerned: Sequence[str] = (),
) -> pl.DataFrame:
    """Candidates with `broken`, the onset of the newest break that a mood alert's comparison spans (else null).

    Spanned: within the days a verdict looks back; a rise looks further back than a high, since its run is no part of
    what it is held against. Such an alert is of low severity: the level it is held
    against may be another measurement's. It is not held back, because a mood may rise in those weeks too. Signals that
    are `unconcerned` were not made from posts.
    """
    of_place = breaks.filter(pl.col("what") != VERSION, pl.col("population") == EVERY)
    of_scorer = breaks.filter(pl.col("what") == VERSION).join(
        catalogue.select("scorer", "signal"), on="scorer", how="inner"
    )
    mood = found.filter(
        pl.col("kind").is_in(["prevalence_high", "prevalence_rise"]), ~pl.col("signal").is_in(unconcerned)
    )
    guard = pl.when(pl.col("kind") == "prevalence_rise").then(RISE_DAYS).otherwise(GUARD_DAYS)
    spans = pl.concat([
        mood.join(
            of_place.select("geo_type", location="geo_value", onset_of="onset"), on=["geo_type", "location"]
        ),
        mood.join(of_scorer.select("signal", onset_of="onset"), on="signal"),
    ]).filter(
        pl.col("onset_of") <= pl.col("time_value"),
        pl.col("onset_of") > pl.col("time_value") - pl.duration(days=lookback_days + guard),
    )  # fmt: skip
    key = ["kind", "signal", "population", "geo_type", "location", "time_type"]
    newest = spans.group_by(key).agg(broken=pl.col("onset_of").max())
    joined = found.join(newest, on=key, how="left", maintain_order="left")
    low = pl.when(pl.col("broken").is_not_null()).then(pl.lit("low")).otherwise("severity")
    return joined.with_columns(severity=low)
