"""The calendar judged on published signals: rows of `out.event_effects` and `out.event_tests` for one issue.

Reads nothing and writes nothing: the stage brings what was known and stores what comes back.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import polars as pl

from forecasting.events.calendar import concerns
from forecasting.events.permutation import calendar_tests
from forecasting.events.study import StudySpec, event_effects
from forecasting.matrix import Matrix, to_matrix
from forecasting.series import KEY, series_id
from warehouse.tables import TABLES, empty

EFFECTS, TESTS = TABLES["out.event_effects"], TABLES["out.event_tests"]
DECIMALS = 6
# A series is judged where it is published, above 0, on so much of the days on which anything of its place is.
FAIRLY_SHOWN = 0.8
_PLACE = ["geo_type", "geo_value"]


@dataclass(frozen=True)
class Judged:
    """Rows of the two tables, and how many series were left out because many of their days are hidden."""

    effects: pl.DataFrame
    tests: pl.DataFrame
    n_hidden: int = 0


def judge_calendar(
    signals: pl.DataFrame,
    *,
    events: pl.DataFrame,
    issue: dt.date,
    last_day: dt.date,
    spec: StudySpec,
    seed: int,
) -> Judged:
    """Judge every event that has begun by `last_day` on every series of its place.

    A series that is hidden or 0 on more than a fifth of the days on which others of its place are shown is left out:
    days with few hits are hidden, so what is left is no fair sample of its days.

    `signals` has the newest row of each cell of `out.signals` (days, unsmoothed, one population), `events` the columns
    of `calendar.SCHEMA`. Shares and means lie in 0 to 1, so effects are in points of that.
    """
    every = signals.filter(pl.col("value").is_not_null(), pl.col("time_value") <= last_day)
    shown = _fairly_shown(every)
    begun = events.filter(pl.col("start") <= last_day)
    if shown.is_empty() or begun.is_empty():
        return Judged(empty(EFFECTS), empty(TESTS))
    named = shown.with_columns(series_id())
    n_hidden = every.select(KEY).n_unique() - shown.select(KEY).n_unique()
    keys = named.select("series_id", *KEY).unique().sort("series_id")
    effects, tests = [], []
    for (geo_type, place), part in named.group_by(_PLACE, maintain_order=True):
        own = begun.filter(concerns(geo_type=str(geo_type), place=str(place)))
        matrix = share_matrix(part, last_day=last_day)
        effects.append(event_effects(matrix, events=own, spec=spec))
        starts = dict.fromkeys(matrix.ids, own["start"].to_list())
        tests.append(calendar_tests(matrix, starts=starts, spec=spec, seed=seed).drop("q_value"))
    return Judged(
        _as_rows(pl.concat(effects), keys=keys, issue=issue).select(EFFECTS.columns),
        _as_rows(_with_q(pl.concat(tests)), keys=keys, issue=issue).select(TESTS.columns),
        n_hidden,
    )


def _fairly_shown(shown: pl.DataFrame) -> pl.DataFrame:
    hits = (pl.col("value") > 0).sum().over(KEY)
    return shown.filter(hits >= FAIRLY_SHOWN * pl.col("time_value").n_unique().over(_PLACE))


def share_matrix(long: pl.DataFrame, *, last_day: dt.date) -> Matrix:
    """Daily series in [0, 1] (series_id, time_value, value, sample_size) on one grid that ends on `last_day`."""
    first: dt.date = long.select(pl.col("time_value").min()).item()
    return to_matrix(
        long.rename({"sample_size": "n"}), ids=tuple(long["series_id"].unique().sort().to_list()),
        reference=last_day, periods=(last_day - first).days + 1, frequency="day", kind="share",
    )  # fmt: skip


def _with_q(tests: pl.DataFrame) -> pl.DataFrame:
    """One family over all places: whoever looks for what stands out looks at all of them."""
    from forecasting.alerts.fdr import q_column

    return tests.with_columns(q_value=q_column())


def _as_rows(rows: pl.DataFrame, *, keys: pl.DataFrame, issue: dt.date) -> pl.DataFrame:
    """With the columns of the series' keys; rounded, so that sums in another order give the same row."""
    named = rows.join(keys, on="series_id", how="left", maintain_order="left").rename(
        {"geo_value": "location"}
    )
    return named.with_columns(pl.col(pl.Float64).round(DECIMALS), issue=pl.lit(issue))
