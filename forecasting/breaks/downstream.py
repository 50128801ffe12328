"""What other stages do with a break: which history still counts, and since when a place's data are doubtful.

Not for finding breaks (`find.py`), nor for wording.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import polars as pl

from forecasting.breaks.find import EVERY, PEOPLE, VERSION, VOLUME

# After this many days a series is long enough to start anew from the break.
ENOUGH_DAYS = 56
# A change in volume alone leaves what is measured as it was, and a new version scores the past again.
KEEPS_HISTORY = (VOLUME, PEOPLE, VERSION)


def newest_breaks(breaks: pl.DataFrame, *, as_of: dt.date, cutting: bool = False) -> pl.DataFrame:
    """geo_type, geo_value, break_onset: the newest break of each place detected by `as_of`.

    With `cutting` only those after which numbers mean something else than before.
    """
    known = breaks.with_columns(pl.col("geo_type", "what").cast(pl.String)).filter(
        pl.col("detected") <= as_of, pl.col("population") == EVERY, pl.col("what") != VERSION
    )
    if cutting:
        known = known.filter(~pl.col("what").is_in(KEEPS_HISTORY))
    return known.group_by("geo_type", "geo_value").agg(break_onset=pl.col("onset").max())


def since_break(
    signals: pl.DataFrame, *, breaks: pl.DataFrame, as_of: dt.date, unconcerned: Sequence[str] = ()
) -> pl.DataFrame:
    """The rows of `out.signals` that a forecast may learn from: of a place whose newest cutting break is at
    least 56 days old, those from its onset on (a week with a day before it is left out); else all, and all of
    signals that are `unconcerned`: not made from posts."""
    cuts = newest_breaks(breaks, as_of=as_of, cutting=True).filter(
        pl.col("break_onset") <= as_of - dt.timedelta(days=ENOUGH_DAYS)
    )
    joined = _with_break(signals, cuts=cuts)
    begins = pl.col("time_value") - pl.when(pl.col("time_type").cast(pl.String) == "week").then(
        pl.duration(days=6)
    ).otherwise(pl.duration(days=0))
    whole = pl.col("break_onset").is_null() | pl.col("signal").is_in(unconcerned)
    kept = whole | (begins >= pl.col("break_onset"))
    return joined.filter(kept).drop("break_onset")


def recent_break(breaks: pl.DataFrame, *, as_of: dt.date) -> pl.Expr:
    """Whether a row's place (geo_type, location) had any break in the last 56 days."""
    recent = newest_breaks(breaks, as_of=as_of).filter(
        pl.col("break_onset") > as_of - dt.timedelta(days=ENOUGH_DAYS)
    )
    names = (recent["geo_type"] + "\x1f" + recent["geo_value"]).implode()
    return pl.concat_str(pl.col("geo_type").cast(pl.String), pl.lit("\x1f"), pl.col("location")).is_in(names)


def _with_break(signals: pl.DataFrame, *, cuts: pl.DataFrame) -> pl.DataFrame:
    typed = cuts.with_columns(pl.col("geo_type").cast(signals.schema["geo_type"]))
    return signals.join(typed, on=["geo_type", "geo_value"], how="left", maintain_order="left")
