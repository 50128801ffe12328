"""Branching ratios between emotions from the times of posts, or why they cannot be known.

Not for the fit itself (`hawkes.py`) and not for claims of cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from forecasting.contagion.hawkes import DELAYS, Events, HawkesFit, fit_hawkes
from forecasting.contagion.ledger import HOUR_MS, milliseconds
from forecasting.contagion.states import NO_MEASURE, state_of
from warehouse.rounding import to_step

OTHER = "other"
LEAST_EVENTS, MOST_EVENTS, MOST_MEASURES = 200, 20_000, 5
LEAST_HOURS = 72.0
WIDEST, REJECTED = 0.5, 0.01
FEW = "fewer than 200 events"
ESTIMATED, NOT_IDENTIFIABLE = "estimated", "not identifiable"
SCHEMA = {
    "target": pl.String, "source": pl.String, "branching_ratio": pl.Float64, "branching_low": pl.Float64,
    "branching_high": pl.Float64, "spectral_radius": pl.Float64, "mean_delay_hours": pl.Float64, "fit_p": pl.Float64,
    "n_events": pl.Int64, "verdict": pl.String, "reason": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class Floors:
    """People (posts, where nobody is known) that must stand behind a number, and the step counts are rounded to."""

    people: int
    posts: int | None
    step: int

    def rounded(self, count: pl.Expr) -> pl.Expr:
        """Rounded as every published count is."""
        return to_step(count, self.step).cast(pl.Int64)

    def allow(self, *, people: int | None, posts: int) -> bool:
        """Whether that many are enough; without people, only where a floor for posts is set."""
        if people is None:
            return self.posts is not None and posts >= self.posts
        return people >= self.people


def branching(
    posts: pl.DataFrame, *, measures: tuple[str, ...], thresholds: dict[str, float], floors: Floors
) -> pl.DataFrame:
    """One row per target and source kind (the measures, and `other` for all other scored posts), as in `SCHEMA`.

    `posts` has author_key, created_at and a 0–1 column per measure. A person's posts of one kind within an hour of
    each other are one event. Numbers are null where the verdict is `not identifiable`; `reason` says why: times
    known to the day or hour only, fewer than 200 events, too few people, an interval wider than .5, gaps that the
    fit does not explain (p < .01), or a ratio that a drifting level would give as well. `n_events` is null where too
    few people are behind them. At most the newest 20,000 events are used, and no fewer than three days.
    """
    events = _events(posts, measures=measures, thresholds=thresholds)
    counts = events.group_by("kind").agg(
        pl.len().alias("n"), pl.col("author_key").drop_nulls().n_unique().alias("p")
    )
    names = _names(counts, measures=measures)
    coarse = _coarse(posts["created_at"])
    if coarse or OTHER not in names or len(names) == 1:
        return _closed(measures, counts=counts, reason=coarse or FEW, floors=floors)
    kept = events.with_columns(
        pl.when(pl.col("kind").is_in(names)).then("kind").otherwise(pl.lit(OTHER)).alias("kind")
    )
    stream = _stream(kept.sort("created_at", "kind").tail(MOST_EVENTS), names=names)
    if stream.span[1] - stream.span[0] < LEAST_HOURS:
        return _closed(
            measures, counts=counts, reason="fewer than three days of posts are used", floors=floors
        )
    drifting, steady = fit_hawkes(stream, drifts=True), fit_hawkes(stream, drifts=False)
    known = events["author_key"].null_count() < len(events)
    rows = _rows(kept, names=names, fit=drifting, steady=steady, floors=floors, known=known)
    rare = tuple(name for name in measures if name not in names)
    return pl.concat([rows, _closed(rare, counts=counts, reason=FEW, floors=floors)])


def _events(posts: pl.DataFrame, *, measures: tuple[str, ...], thresholds: dict[str, float]) -> pl.DataFrame:
    """kind, author_key and created_at of scored posts, a person's bursts as one."""
    scored = (
        posts.select("author_key", "created_at", state_of(measures, thresholds=thresholds))
        .drop_nulls("state")
        .with_columns(pl.col("state").replace(NO_MEASURE, OTHER).alias("kind"))
        .sort("created_at")
    )
    since = pl.col("created_at").diff().over("author_key", "kind")
    again = pl.col("author_key").is_not_null() & (since <= pl.duration(hours=1)).fill_null(False)
    return scored.filter(~again).select("kind", "author_key", "created_at")


def _names(counts: pl.DataFrame, *, measures: tuple[str, ...]) -> list[str]:
    """The kinds that are fitted: measures with enough events, the most frequent first, and `other` last."""
    enough = dict(counts.filter(pl.col("n") >= LEAST_EVENTS).select("kind", "n").iter_rows())
    kept = sorted((name for name in measures if name in enough), key=lambda name: (-enough[name], name))
    kept = kept[:MOST_MEASURES]
    rest = counts.filter(~pl.col("kind").is_in(kept))["n"].sum()
    return [*kept, OTHER] if rest >= LEAST_EVENTS else kept


def _coarse(times: pl.Series) -> str | None:
    """Why such times say nothing about hours; None where they do."""
    if not len(times):
        return "no posts"
    within = milliseconds(times)
    for size, name in ((24 * HOUR_MS, "day"), (HOUR_MS, "hour")):
        if np.mean(within % size == 0) > 0.5:
            return f"times known to the {name} only"
    return None


def _stream(events: pl.DataFrame, *, names: list[str]) -> Events:
    first = events["created_at"].dt.date()[0]
    hours = (
        events["created_at"] - pl.Series([first]).cast(events["created_at"].dtype)[0]
    ).dt.total_microseconds()
    marks = events["kind"].replace_strict({name: k for k, name in enumerate(names)}, return_dtype=pl.Int64)
    return Events(hours.to_numpy() / (HOUR_MS * 1000), marks.to_numpy(), len(names), first.weekday())


def _rows(
    events: pl.DataFrame, *, names: list[str], fit: HawkesFit, steady: HawkesFit, floors: Floors, known: bool
) -> pl.DataFrame:
    sizes = {
        name: (part.height, part["author_key"].drop_nulls().n_unique() if known else None)
        for (name,), part in events.group_by("kind")
    }
    rows = []
    for i, target in enumerate(names):
        posts, people = sizes[str(target)]
        few = None if floors.allow(people=people, posts=posts) else "too few people"
        for j, source in enumerate(names):
            reason = few or _doubt(fit, steady=steady, at=(i, j))
            number = (None, None, None) if reason else (fit.ratios[i, j], fit.low[i, j], fit.high[i, j])
            verdict = NOT_IDENTIFIABLE if reason else ESTIMATED
            shown = None if few else posts
            rows.append((target, source, *number, None, fit.delays[i], fit.fit_p[i], shown, verdict, reason))
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    whole = (frame["verdict"] == ESTIMATED).all()
    own = (pl.col("verdict") == ESTIMATED) & (pl.col("branching_low") > 0)
    return frame.with_columns(
        pl.lit(fit.radius if whole else None, dtype=pl.Float64).alias("spectral_radius"),
        pl.when(own).then("mean_delay_hours"),
        floors.rounded(pl.col("n_events")),
    ).with_columns(pl.col("^branching_.*$", "spectral_radius", "fit_p").round(3))


def _doubt(fit: HawkesFit, *, steady: HawkesFit, at: tuple[int, int]) -> str | None:
    """Why the ratio is not known; None where it is."""
    low, high = fit.low[at], fit.high[at]
    if np.isnan(fit.fit_p[at[0]]) or fit.fit_p[at[0]] < REJECTED:
        return "the fit is rejected: the gaps between posts are not explained"
    if fit.is_drift[at] or (low == 0 and steady.low[at] > 0):
        return "not told apart from a level that drifts from day to day"
    if high - low > WIDEST:
        return "the interval is wider than .5"
    if low > 0 and fit.delays[at[0]] == DELAYS[-1]:
        return "the delay is too long to be told from a level that drifts"
    return None


def _closed(measures: tuple[str, ...], *, counts: pl.DataFrame, reason: str, floors: Floors) -> pl.DataFrame:
    """A row per measure without numbers."""
    known = counts["p"].sum() > 0
    sizes = {
        name: n if floors.allow(people=p if known else None, posts=n) else None
        for name, n, p in counts.iter_rows()
    }
    rows = [(name, name, *[None] * 6, sizes.get(name), NOT_IDENTIFIABLE, reason) for name in measures]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row").with_columns(floors.rounded(pl.col("n_events")))
