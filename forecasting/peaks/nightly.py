"""The night's outlook: a panel of series → rows of `out.peak_outlook`, and of `out.scores` on what they were worth.

Not for the chances (`outlook.py`), nor for alerts made of them.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from forecasting.matrix import STEP_DAYS, Floats, Frequency, Matrix
from forecasting.peaks.judge import (
    Hits,
    alarms,
    best_least,
    calendar_f1,
    matched,
    onsets,
    random_f1,
    shift_p_value,
)
from forecasting.peaks.outlook import HISTORY, RARE, WIDTH, Outlook, outlook
from warehouse.tables import TABLES

MODEL = "dynamics"
STEPS: dict[Frequency, int] = {"day": 14, "week": 4}
# The horizon that alarms are raised, and judged, for.
ALARM_STEPS: dict[Frequency, int] = {"day": 7, "week": 4}
# Periods without a high after which another one is an onset.
QUIET: dict[Frequency, int] = {"day": 7, "week": 2}
ORIGINS: dict[Frequency, int] = {"day": 540, "week": 156}
LEAST_ONSETS = 5
# One sure word that was wrong would otherwise be the whole log score.
SUREST = 0.999
OVER_RANDOM, OVER_CALENDAR, LEAST_LEAD, ALPHA = 0.2, 0.1, 2.0, 0.05
OUTLOOK, SCORES = TABLES["out.peak_outlook"], TABLES["out.scores"]


@dataclass(frozen=True, kw_only=True)
class OutlookTask:
    """What an outlook is asked and judged on; its hash covers every field."""

    name: str
    frequency: Frequency
    steps: int
    alarm_steps: int
    origins: int
    lag: int
    width: int
    rare: float
    history: int
    quiet: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What chances came to on the newer half of a series' past, with alarms from the chance that did best on the older
    half of all series. Brier and log scores of the newer half; NaN where nothing could be judged."""

    hits: Hits
    brier: float
    brier_base: float
    log: float
    log_base: float
    f1_random: float
    f1_calendar: float
    p_value: float
    periods: int

    @property
    def lead(self) -> float:
        return float(np.median(self.hits.leads)) if self.hits.leads else np.nan

    @property
    def skill(self) -> str:
        """`yes`: better than the base rate, alarms early, better than random and calendar ones,
        by a margin, and better than themselves shifted."""
        if self.hits.onsets < LEAST_ONSETS or not np.isfinite(self.brier):
            return "unknown"
        better = (
            self.brier < self.brier_base
            and self.hits.f1 >= self.f1_random + OVER_RANDOM
            and self.hits.f1 >= self.f1_calendar + OVER_CALENDAR
            and self.lead >= LEAST_LEAD
            and self.p_value <= ALPHA
        )
        return "yes" if better else "no"


def panel_outlook(
    matrix: Matrix, *, keys: pl.DataFrame, truth: pl.DataFrame, known_until: dt.date, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of `out.peak_outlook` and `out.scores` at the matrix's reference, from values up to `known_until`.

    `keys`: series_id → target, population, geo_type, location; `truth`: the values' fingerprint and issue are taken
    from its columns series_id, time_value, value, n, issue. A series that is above its threshold already, or has too
    short a past for one, has no row.
    """
    lag = max((matrix.reference - known_until).days, 0)
    lag = -(-lag // matrix.step)
    known = matrix.until(lag)
    task = _task(matrix.frequency, lag=lag, periods=known.periods)
    if task.origins < 2 * (task.steps + lag) or not matrix.ids:
        return OUTLOOK.schema.create_empty(), SCORES.schema.create_empty()
    made = outlook(known, origins=task.origins, steps=task.steps, lag=lag, seed=seed)
    least, worths = assess(made, task=task, seed=seed)
    named = keys.select("series_id", "target", "population", "geo_type", "location")
    rows = _rows(made, matrix=matrix, least=least, worths=worths).join(named, on="series_id")
    scores = _scores(worths, matrix=matrix, task=task, truth=truth).join(named, on="series_id")
    return (
        OUTLOOK.schema.validate(rows.select(OUTLOOK.columns), cast=True).sort(OUTLOOK.key),
        SCORES.schema.validate(scores.select(SCORES.columns), cast=True).sort(SCORES.key),
    )


def _task(frequency: Frequency, *, lag: int, periods: int) -> OutlookTask:
    return OutlookTask(
        name=f"outlook_{frequency}", frequency=frequency, steps=STEPS[frequency],
        alarm_steps=ALARM_STEPS[frequency], origins=min(ORIGINS[frequency], periods), lag=lag,
        width=WIDTH if frequency == "day" else 1, rare=RARE, history=HISTORY[frequency], quiet=QUIET[frequency],
    )  # fmt: skip


def assess(made: Outlook, *, task: OutlookTask, seed: int) -> tuple[float, list[Worth]]:
    """The chance from which alarms did best on the older half of the origins, and what they came to on the newer."""
    steps, lag, half = task.alarm_steps, task.lag, made.raw.shape[1] // 2
    chance = made.chance[:, :, steps - 1]
    least = best_least(chance[:, :half], above=made.above[:, :half], steps=steps, lag=lag, quiet=task.quiet)
    return least, [
        _worth(made, row=row, half=half, least=least, task=task, seed=seed) for row in range(len(chance))
    ]


def _worth(made: Outlook, *, row: int, half: int, least: float, task: OutlookTask, seed: int) -> Worth:
    steps, lag = task.alarm_steps, task.lag
    chance, base, happened = (part[row, half:, steps - 1] for part in (made.chance, made.base, made.happened))
    # Alarms whose window is not over can be neither right nor wrong yet.
    judged = np.where(np.arange(chance.size) < chance.size - steps - lag, chance, np.nan)
    begins = onsets(made.above[row], quiet=task.quiet) - half
    # Only the days on which there could be an alarm, and those that one could foresee, so that no rule gains by a gap.
    possible = np.flatnonzero(~np.isnan(judged))
    first, last = (int(possible[0]), int(possible[-1])) if possible.size else (0, -1)
    periods = last - first + 1
    judged = judged[first : last + 1]
    begins = begins[(begins > first + lag) & (begins <= last + lag + steps)] - first
    raised = alarms(judged, least=least, begins=begins, steps=steps, lag=lag)
    hits, count = matched(raised, begins=begins, steps=steps, lag=lag), len(raised)
    return Worth(
        hits=hits, brier=_brier(chance, happened), brier_base=_brier(base, happened),
        log=_log(chance, happened), log_base=_log(base, happened),
        f1_random=random_f1(
            ~np.isnan(judged), count=count, begins=begins, steps=steps, lag=lag, seed=seed
        ),
        f1_calendar=calendar_f1(periods, count=count, begins=begins, steps=steps, lag=lag),
        p_value=shift_p_value(raised, periods=periods, begins=begins, steps=steps, lag=lag), periods=periods,
    )  # fmt: skip


def _brier(chance: Floats, happened: Floats) -> float:
    known = ~np.isnan(happened) & ~np.isnan(chance)
    return float(np.mean((chance[known] - happened[known]) ** 2)) if known.any() else np.nan


def _log(chance: Floats, happened: Floats) -> float:
    """Mean of −log of what was said of what happened. No chance counts as surer than `SUREST`."""
    known = ~np.isnan(happened) & ~np.isnan(chance)
    said = np.clip(chance[known], 1.0 - SUREST, SUREST)
    return (
        float(-np.mean(np.log(np.where(happened[known] > 0.5, said, 1.0 - said)))) if known.any() else np.nan
    )


def _rows(made: Outlook, *, matrix: Matrix, least: float, worths: list[Worth]) -> pl.DataFrame:
    steps = made.chance.shape[2]
    asked = np.flatnonzero(np.isfinite(made.chance[:, -1]).all(axis=1))
    days = np.arange(1, steps + 1) * STEP_DAYS[matrix.frequency]
    chance = made.chance[asked, -1]
    whole = chance[:, [ALARM_STEPS[matrix.frequency] - 1]]
    half_way = (chance >= whole / 2.0).argmax(axis=1)
    frame = pl.DataFrame(
        {
            "series_id": np.repeat(np.array(matrix.ids, dtype=object)[asked], steps).tolist(),
            "horizon_days": np.tile(days, len(asked)),
            "probability": chance.reshape(-1),
            "baseline_probability": made.base[asked, -1].reshape(-1),
            "threshold": np.repeat(made.threshold[asked, -1], steps),
            "ahead": np.repeat(days[half_way], steps),
            "skill": np.repeat([worths[i].skill for i in asked], steps).tolist(),
            "past_precision": np.repeat([worths[i].hits.precision for i in asked], steps),
            "n_onsets": np.repeat([worths[i].hits.onsets for i in asked], steps),
        },
        schema_overrides={"series_id": pl.String, "skill": pl.String, "past_precision": pl.Float64,
                          "n_onsets": pl.Int64, "horizon_days": pl.Int32, "ahead": pl.Int64},
    )  # fmt: skip
    return frame.with_columns(
        pl.col("past_precision").fill_nan(None), model_id=pl.lit(MODEL), reference_date=pl.lit(matrix.reference),
        expected_first_day=pl.lit(matrix.reference) + pl.duration(days="ahead"), alarm_from=pl.lit(least),
        time_type=pl.lit(matrix.frequency), alarm_days=pl.lit(ALARM_STEPS[matrix.frequency] * matrix.step),
    )  # fmt: skip


def _scores(worths: list[Worth], *, matrix: Matrix, task: OutlookTask, truth: pl.DataFrame) -> pl.DataFrame:
    from forecasting.backtest import fingerprint

    months = np.maximum([w.periods for w in worths], 1) * matrix.step / 30.4375
    metrics = {
        "brier": [w.brier for w in worths],
        "brier_base": [w.brier_base for w in worths],
        "log_score": [w.log for w in worths],
        "log_score_base": [w.log_base for w in worths],
        "alarm_f1": [w.hits.f1 for w in worths],
        "alarm_f1_random": [w.f1_random for w in worths],
        "alarm_f1_calendar": [w.f1_calendar for w in worths],
        "alarm_precision": [w.hits.precision for w in worths],
        "alarm_recall": [w.hits.recall for w in worths],
        "alarm_lead": [w.lead for w in worths],
        "false_alarms_per_month": [
            (w.hits.alarms - len(w.hits.leads)) / m for w, m in zip(worths, months, strict=True)
        ],
    }
    wide = pl.DataFrame(
        {"series_id": list(matrix.ids), "n_train": np.sum(~np.isnan(matrix.values), axis=1)} | metrics
    )
    newest = truth.drop_nulls("value").group_by("series_id").agg(truth_issue=pl.col("issue").max())
    long = wide.unpivot(index=["series_id", "n_train"], variable_name="metric", value_name="value")
    return (
        long.with_columns(pl.col("value").fill_nan(None))
        .drop_nulls("value")
        .filter((pl.col("metric") == "brier").any().over("series_id"))
        .join(newest, on="series_id")
        .with_columns(
            model_id=pl.lit(MODEL), task=pl.lit(task.name), reference_date=pl.lit(matrix.reference),
            horizon=pl.lit(task.alarm_steps), task_hash=pl.lit(task.sha256), pseudo_real_time=pl.lit(True),
            data_fingerprint=pl.lit(fingerprint(truth)), trained_through=pl.lit(matrix.reference),
        )
    )  # fmt: skip
