"""Tonight's test of every signal: is its newest value higher than its own past leads one to expect?

Not for life cycles. Decides by false-discovery rate over all signals tested tonight.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from forecasting.alerts.cells import SERIES, candidates
from forecasting.alerts.detectors import DETECTOR, Judged, daily_frame, judge, weekly_frame
from forecasting.alerts.fdr import q_column
from forecasting.alerts.grid import Frequency, Grid, make_grid
from warehouse.config import AlertsConfig

JUDGED_PERIODS, FRESH_PERIODS, QUIET_PERIODS = 120, 3, 3
FEWEST_PAST_ALARMS, CONFIRMED_AT = 5, 0.05
RATIO_WINDOW = 28


def prevalence_candidates(cells: pl.DataFrame, *, config: AlertsConfig) -> pl.DataFrame:
    """One candidate per series whose direction is higher_is_worse and that has a fresh value.

    A series fires when p <= alpha and its Benjamini–Hochberg q over tonight's family is at most the
    configured rate; it exceeds when p <= alpha.
    """
    judged = judged_cells(
        cells.filter(pl.col("direction").cast(pl.String) == "higher_is_worse"), config=config
    )
    newest = judged.filter(pl.col("time_value") == pl.col("time_value").max().over(SERIES))
    fresh = newest.filter(pl.col("p_value").is_not_null(), is_fresh(cells))
    decided = fresh.with_columns(q_column().alias("q_value")).with_columns(
        (pl.col("p_value") <= config.alpha).alias("exceeds"),
        ((pl.col("p_value") <= config.alpha) & (pl.col("q_value") <= config.false_discovery_rate)).alias(
            "fires"
        ),
    )
    return candidates(decided.with_columns(_severity(), *_names()))


def is_fresh(cells: pl.DataFrame) -> pl.Expr:
    """Whether a row lies within the last three periods of the newest reported day in the cells."""
    step = pl.when(pl.col("time_type") == "week").then(7).otherwise(1)
    age = (newest_day(cells) - pl.col("time_value")).dt.total_days()
    return age < FRESH_PERIODS * step + (step - 1)


def newest_day(cells: pl.DataFrame) -> pl.Expr:
    """The newest reported day in the cells, as a literal."""
    return pl.lit(cells["time_value"].max(), dtype=pl.Date)


def judged_cells(cells: pl.DataFrame, *, config: AlertsConfig) -> pl.DataFrame:
    """The cells of the last `JUDGED_PERIODS` periods with expected, threshold, p_value, score, onset and
    past_precision, each period judged by the values before it (as they are known tonight)."""
    parts = [
        _judged_family(group, frequency=frequency, counts=counts, config=config)
        for frequency in ("day", "week")
        for counts in (False, True)
        if not (group := _family(cells, frequency=frequency, counts=counts)).is_empty()
    ]
    if parts:
        return pl.concat(parts)
    return cells.with_columns(
        *(pl.lit(None, dtype=pl.Float64).alias(c) for c in ("expected", "threshold", "p_value", "score")),
        pl.lit(None, dtype=pl.Date).alias("onset"),
        pl.lit(None, dtype=pl.Float64).alias("past_precision"),
    )


def _family(cells: pl.DataFrame, *, frequency: str, counts: bool) -> pl.DataFrame:
    is_count = pl.col("statistic").cast(pl.String) == "count"
    return cells.filter(pl.col("time_type") == frequency, is_count if counts else ~is_count)


def _judged_family(
    cells: pl.DataFrame, *, frequency: Frequency, counts: bool, config: AlertsConfig
) -> pl.DataFrame:
    grid = make_grid(cells, keys=SERIES, day="time_value", frequency=frequency)
    frame = (daily_frame if frequency == "day" else weekly_frame)(config.lookback_days)
    values = grid.spread(cells["value"])
    trials = None if counts else _effective_trials(cells, grid=grid)
    first = max(0, grid.shape[1] - JUDGED_PERIODS)
    judged = judge(values, trials=trials, frame=frame, alpha=config.alpha, first=first)
    return _with_history(cells, grid=grid, judged=judged, alpha=config.alpha)


def _effective_trials(cells: pl.DataFrame, *, grid: Grid) -> np.ndarray:
    """People behind each value, scaled so that p(1 - p)/n is the published sampling error.

    A mean of scores varies less than a yes/no answer; the ratio is the median of the cells so far.
    """
    unit = pl.col("value") * (1 - pl.col("value")) / pl.col("people")
    ratio = pl.when((unit > 0) & (pl.col("se") > 0)).then(pl.col("se") ** 2 / unit)
    smooth = ratio.rolling_median(RATIO_WINDOW, min_samples=1).over(SERIES).clip(0.01, 10.0)
    people = cells.with_columns((pl.col("people") / smooth.fill_null(1.0)).alias("effective"))["effective"]
    trials = grid.spread(people)
    return np.where(trials > 0, trials, 1.0)


def _with_history(cells: pl.DataFrame, *, grid: Grid, judged: Judged, alpha: float) -> pl.DataFrame:
    onset = episode_onsets(judged.p_value <= alpha)
    precision = past_precision(judged.p_value, alpha=alpha)
    since = pl.Series("_back", (grid.column - onset[grid.row, grid.column]), dtype=pl.Int64)
    step = pl.when(pl.col("time_type") == "week").then(7).otherwise(1)
    kept = cells.with_columns(
        *(
            grid.gather(getattr(judged, name), name=name)
            for name in ("expected", "threshold", "p_value", "score")
        ),
        grid.gather(np.broadcast_to(precision[:, None], grid.shape), name="past_precision"),
        since,
    )
    return kept.with_columns(
        (pl.col("time_value") - pl.duration(days=pl.col("_back") * step)).alias("onset")
    ).drop("_back")


def episode_onsets(exceeds: np.ndarray) -> np.ndarray:
    """For each period, the first exceedance of the episode it is in (itself if it is in none).

    `exceeds` is (series, periods). An episode ends after `QUIET_PERIODS` periods without exceedance.
    """
    onset = np.full(exceeds.shape[0], -1)
    last = np.full(exceeds.shape[0], -QUIET_PERIODS - 1)
    out = np.empty(exceeds.shape, dtype=np.int64)
    for period in range(exceeds.shape[1]):
        over = last < period - QUIET_PERIODS
        onset = np.where(over | (onset < 0), period, onset)
        out[:, period] = onset
        last = np.where(exceeds[:, period], period, last)
        onset = np.where((last < 0) | (last < period - QUIET_PERIODS), -1, onset)
    return out


def past_precision(p_value: np.ndarray, *, alpha: float) -> np.ndarray:
    """Per series, the share of past alarms that were confirmed; NaN with fewer than five.

    A past alarm is the first exceedance of an episode that began more than `QUIET_PERIODS` periods
    before the last one. It is confirmed when one of the next `QUIET_PERIODS` judged periods had
    p <= .05 as well. Without any true rise about one alarm in seven is confirmed by chance.
    """
    exceeds = p_value <= alpha
    first = exceeds & (episode_onsets(exceeds) == np.arange(p_value.shape[1]))
    first[:, max(0, p_value.shape[1] - 1 - QUIET_PERIODS) :] = False
    again = np.zeros_like(first)
    for later in range(1, QUIET_PERIODS + 1):
        again[:, :-later] |= p_value[:, later:] <= CONFIRMED_AT
    alarms = first.sum(axis=1)
    share = (first & again).sum(axis=1) / np.maximum(alarms, 1)
    return np.where(alarms >= FEWEST_PAST_ALARMS, share, np.nan)


def _severity() -> pl.Expr:
    """How far above: excess over the expected value, in units of the threshold's excess."""
    excess = (pl.col("value") - pl.col("expected")) / (pl.col("threshold") - pl.col("expected"))
    sure = pl.col("reliability") == "high"
    return (
        pl.when(sure & (excess >= 2.5))
        .then(pl.lit("high"))
        .when(excess >= 1.5)
        .then(pl.lit("medium"))
        .otherwise(pl.lit("low"))
        .alias("severity")
    )


def _names() -> list[pl.Expr]:
    return [
        pl.lit("prevalence_high").alias("kind"),
        pl.col("geo_value").alias("location"),
        pl.col("value").alias("observed"),
        pl.lit(DETECTOR).alias("detector"),
    ]
