"""Tonight's tests of every signal: is its newest value, or the run of its last weeks, higher than its past leads one to
expect?

Not for life cycles. Decides by false-discovery rate over all tests of tonight.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from forecasting.alerts import rises as slow
from forecasting.alerts.cells import CANDIDATE, SERIES, candidates
from forecasting.alerts.detectors import DETECTOR, Judged, daily_frame, judge, weekly_frame
from forecasting.alerts.fdr import q_column
from forecasting.alerts.grid import Frequency, Grid, make_grid
from forecasting.alerts.holidays import (
    holiday_effects,
    last_end,
    places_of_rows,
    shifted,
    without_holidays,
)
from forecasting.alerts.regression import Floats
from warehouse.config import AlertsConfig

JUDGED_PERIODS, FRESH_PERIODS, QUIET_PERIODS = 120, 3, 3
FEWEST_PAST_ALARMS, CONFIRMED_AT = 5, 0.05
RATIO_WINDOW = 28
# A run whose mean is this share above what was expected is of medium severity.
GREAT_RISE = 0.25
_DECIDED = ("q_value", "lead_days", "forecast_p", "forecast_issued", "fires", "exceeds", "message")
_FREQUENCIES: tuple[Frequency, ...] = ("day", "week")
_TESTED = {name: CANDIDATE[name] for name in CANDIDATE if name not in _DECIDED}


@dataclass(frozen=True)
class Holidays:
    """Whether public holidays are known to the tests, and in which country series of all places are (ISO code)."""

    known: bool = True
    country_of_all: str | None = None

    def place(self) -> pl.Expr:
        """The place of a cell whose holidays count; null for none."""
        everywhere = pl.col("geo_type").cast(pl.String).is_in(["all", "none"])
        named = pl.when(everywhere).then(pl.lit(self.country_of_all)).otherwise("geo_value")
        return (named if self.known else pl.lit(None, dtype=pl.String)).alias("place")


def prevalence_candidates(
    cells: pl.DataFrame, *, config: AlertsConfig, holidays: Holidays = Holidays()
) -> pl.DataFrame:
    """Candidates of kinds prevalence_high and prevalence_rise, of series whose direction is higher_is_worse and that
    have a fresh value.

    A test fires when p <= alpha and its Benjamini–Hochberg q over all of tonight's tests of both kinds is at most the
    configured rate; it exceeds when p <= alpha.
    """
    worse = cells.filter(pl.col("direction").cast(pl.String) == "higher_is_worse")
    newest = (pl.col("time_value") == pl.col("time_value").max().over(SERIES)) & is_fresh(cells)
    tests = [pl.DataFrame(schema=_TESTED)]
    for family in _families(worse, holidays=holidays):
        judged = _judged_family(family, config=config).filter(newest)
        tests += [judged.with_columns(_severity(), *_names()), _risen_family(family).filter(newest)]
    typed = [test.select(pl.col(name).cast(dtype) for name, dtype in _TESTED.items()) for test in tests]
    known = pl.concat(typed).filter(pl.col("p_value").is_not_null())
    unlikely = pl.col("p_value") <= config.alpha
    decided = known.with_columns(q_column().alias("q_value")).with_columns(
        unlikely.alias("exceeds"),
        (unlikely & (pl.col("q_value") <= config.false_discovery_rate)).alias("fires"),
    )
    return candidates(decided)


def is_fresh(cells: pl.DataFrame) -> pl.Expr:
    """Whether a row lies within the last three periods of the newest reported day in the cells."""
    step = pl.when(pl.col("time_type") == "week").then(7).otherwise(1)
    age = (newest_day(cells) - pl.col("time_value")).dt.total_days()
    return age < FRESH_PERIODS * step + (step - 1)


def newest_day(cells: pl.DataFrame) -> pl.Expr:
    """The newest reported day in the cells, as a literal."""
    return pl.lit(cells["time_value"].max(), dtype=pl.Date)


@dataclass(frozen=True)
class _Family:
    """Series of one frequency and kind as matrices: values as on ordinary days, people (None for counts), and what
    holidays add."""

    cells: pl.DataFrame
    frequency: Frequency
    grid: Grid
    values: Floats
    trials: Floats | None
    effects: Floats

    @classmethod
    def of(cls, cells: pl.DataFrame, *, frequency: Frequency, counts: bool, holidays: Holidays) -> _Family:
        grid = make_grid(cells, keys=SERIES, day="time_value", frequency=frequency)
        trials = None if counts else _effective_trials(cells, grid=grid)
        values = grid.spread(cells["value"])
        places = places_of_rows(grid, places=cells.with_columns(holidays.place())["place"])
        effects = holiday_effects(
            values, trials=trials, places=places, frequency=frequency,
            last=last_end(cells["time_value"], frequency=frequency),
        )  # fmt: skip
        plain = without_holidays(values, trials=trials, effects=effects)
        return cls(cells, frequency, grid, plain, trials, effects)


def _families(cells: pl.DataFrame, *, holidays: Holidays) -> list[_Family]:
    """The cells by frequency and whether they are counts."""
    is_count = pl.col("statistic").cast(pl.String) == "count"
    chosen = [
        (frequency, counts, cells.filter(pl.col("time_type") == frequency, is_count if counts else ~is_count))
        for frequency in _FREQUENCIES
        for counts in (False, True)
    ]
    return [
        _Family.of(group, frequency=frequency, counts=counts, holidays=holidays)
        for frequency, counts, group in chosen
        if not group.is_empty()
    ]


def _judged_family(family: _Family, *, config: AlertsConfig) -> pl.DataFrame:
    """The cells with expected, threshold, p_value, score, onset and past_precision, in the last `JUDGED_PERIODS`
    periods; each is judged by the values before it (as they are known tonight)."""
    frame = (daily_frame if family.frequency == "day" else weekly_frame)(config.lookback_days)
    first = max(0, family.grid.shape[1] - JUDGED_PERIODS)
    judged = judge(
        family.values, trials=family.trials, frame=frame, alpha=config.alpha, first=first,
        refit=7 if family.frequency == "day" else 1,
    )  # fmt: skip
    back = {
        name: shifted(getattr(judged, name), trials=family.trials, by=family.effects)
        for name in ("expected", "threshold")
    }
    told = replace(judged, **back)
    return _with_history(family.cells, grid=family.grid, judged=told, alpha=config.alpha)


def _risen_family(family: _Family) -> pl.DataFrame:
    """One row per series whose season is known: the chance of its run of the last weeks, and since when it lasts.

    `observed` and `expected` are means over the run, with holidays taken out of both.
    """
    frame = slow.DAILY if family.frequency == "day" else slow.WEEKLY
    found = slow.rises(family.values, trials=family.trials, frame=frame)
    step = 1 if family.frequency == "day" else 7
    newest = pl.col("time_value") == pl.col("time_value").max().over(SERIES)
    end = family.cells["time_value"].max()
    columns = {
        name: pl.Series(name, getattr(found, name)[family.grid.row]).fill_nan(None)
        for name in ("p_value", "periods", "observed", "expected")
    }
    started = pl.lit(end, dtype=pl.Date) - pl.duration(days=(pl.col("periods") - 1).cast(pl.Int64) * step)
    excess = (pl.col("observed") - pl.col("expected")) / pl.col("expected").clip(1e-9)
    grade = pl.when(excess >= GREAT_RISE).then(pl.lit("medium")).otherwise(pl.lit("low"))
    return (
        family.cells.with_columns(**columns)
        .filter(newest)
        .with_columns(
            kind=pl.lit("prevalence_rise"), location="geo_value", detector=pl.lit(slow.DETECTOR),
            onset=started, threshold=pl.lit(None, dtype=pl.Float64), severity=grade,
            past_precision=pl.lit(None, dtype=pl.Float64),
        )
    )  # fmt: skip


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
