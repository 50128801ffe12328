"""Everything that is said of a signal and a survey: levels and changes, both halves, lags, noise and rivals.

Not for deciding whether a signal is good enough: it reports, and what a figure is worth stands beside it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from forecasting.validity.agreement import Agreement, block_length, correlation, resampled
from forecasting.validity.scan import Chance, Scan, scan
from warehouse.errors import InputError

Numbers = NDArray[np.float64]
MINIMUM = 10
# Below this ceiling a correction multiplies the error of r by more than three and says nothing.
LOWEST_CEILING = 0.3
SCHEMA = {
    "part": pl.String, "of": pl.String, "statistic": pl.String, "lag": pl.Int32, "value": pl.Float64,
    "low": pl.Float64, "high": pl.Float64, "p_value": pl.Float64, "n": pl.Int64, "n_effective": pl.Float64,
    "block": pl.Int32, "first_day": pl.Date, "last_day": pl.Date,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A survey and a signal on one grid of n evenly spaced periods; nan is a gap.

    `days`: the last day of each period. `survey`: shares; `variance`: their sampling variance, nan where unknown.
    `signal`: n + 2·reach values, `reach` more before and after, so that a lag costs no pairs.
    """

    days: list[dt.date]
    survey: Numbers
    variance: Numbers
    signal: Numbers
    reach: int
    time_type: Literal["day", "week"]

    def at(self, lag: int) -> Numbers:
        """The signal `lag` periods before each period of the survey: n values."""
        return self.signal[self.reach - lag : self.reach - lag + self.survey.size]

    def part(self, start: int, stop: int) -> Pair:
        """Periods start … stop − 1."""
        return Pair(
            days=self.days[start:stop], survey=self.survey[start:stop], variance=self.variance[start:stop],
            signal=self.signal[start : stop + 2 * self.reach], reach=self.reach, time_type=self.time_type,
        )  # fmt: skip

    def changes(self) -> Pair:
        """First differences; a change next to a gap is a gap."""
        before = np.concatenate([[np.nan], self.variance[:-1]])
        return Pair(
            days=self.days, survey=_differences(self.survey), variance=self.variance + before,
            signal=_differences(self.signal), reach=self.reach, time_type=self.time_type,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Spec:
    """`split`: the first day of the second part (None: half of the periods). Lags go up to the pair's reach."""

    split: dt.date | None = None
    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """`rows`: the figures (columns `part`, `of`, `statistic`, `lag`, `value`, …); `by_lag`: r and n of every lag."""

    rows: pl.DataFrame
    by_lag: pl.DataFrame
    notes: list[str] = field(default_factory=list)


def assess(pair: Pair, *, spec: Spec) -> Assessment:
    """All figures of a pair; `InputError` where fewer than ten periods have both.

    What cannot be computed (a part with fewer than ten pairs, a constant) has no row, and a note says so.
    """
    both = int((np.isfinite(pair.survey) & np.isfinite(pair.at(0))).sum())
    if both < MINIMUM:
        raise InputError(
            f"the survey and the signal have {both} periods in common; at least {MINIMUM} are needed. The survey "
            f"runs from {pair.days[0]} to {pair.days[-1]}. Check the dates of both."
        )
    cut = _cut(pair, split=spec.split)
    parts = {"all": pair, "first": pair.part(0, cut), "second": pair.part(cut, len(pair.days))}
    rows: list[dict[str, Any]] = []
    for name, part in parts.items():
        for of, series in (("level", part), ("change", part.changes())):
            rows += [_row(series, name, of, **found) for found in _figures(series, of=of, spec=spec)]
    scans = {of: _scan(p, spec=spec) for of, p in (("level", pair), ("change", pair.changes()))}
    rows += [_row(pair, "all", of, **_strongest(s, "strongest_lag")) for of, s in scans.items() if s]
    rows += list(_out_of_period(parts, cut=cut, spec=spec))
    frame = pl.DataFrame(rows, schema=SCHEMA)
    return Assessment(rows=frame, by_lag=_by_lag(scans), notes=_notes(frame, parts=parts))


def _cut(pair: Pair, *, split: dt.date | None) -> int:
    if split is None:
        return len(pair.days) // 2
    cut = sum(day < split for day in pair.days)
    if cut == 0 or cut == len(pair.days):
        raise InputError(
            f"the split at {split} leaves one part empty: the survey runs from {pair.days[0]} to {pair.days[-1]}. "
            "Choose a day between them."
        )
    return cut


def _row(pair: Pair, part: str, of: str, **found: Any) -> dict[str, Any]:
    empty = {"lag": 0, "low": None, "high": None, "p_value": None, "n_effective": None, "block": None}
    return (
        empty
        | {"part": part, "of": of, "first_day": pair.days[0], "last_day": pair.days[-1]}
        | {name: value for name, value in found.items() if name != "r"}
    )


def _figures(pair: Pair, *, of: str, spec: Spec) -> Iterator[dict[str, Any]]:
    """The figures of one part that need no choice: agreement at lag 0, noise, and what rivals do."""
    survey, signal = pair.survey, pair.at(0)
    last = np.concatenate([[np.nan], survey[:-1]])
    time = np.arange(survey.size, dtype=np.float64)
    pearson = _agreement(survey, signal, spec=spec)
    ceiling = _ceiling(pair, spec=spec)
    wanted = {
        "pearson": pearson,
        "spearman": _agreement(survey, signal, spec=spec, ranks=True),
        "last_value": _agreement(survey, last, spec=spec),
        "pearson_beyond_last_value": _agreement(*_beyond(survey, signal, last), spec=spec),
    }
    if of == "level":
        wanted["pearson_beyond_trend"] = _agreement(*_beyond(survey, signal, time), spec=spec)
    for statistic, found in wanted.items():
        if found is not None:
            yield {"statistic": statistic, **vars(found)}
    line = _agreement(survey, time, spec=spec) if of == "level" else None
    if line is not None:
        # Time is not drawn at random, so that an interval would mean nothing.
        yield {"statistic": "trend", "value": line.value, "n": line.n}
    if ceiling is not None:
        yield {"statistic": "noise_ceiling", **ceiling}
        if pearson is not None and ceiling["value"] >= LOWEST_CEILING:
            yield {"statistic": "pearson_corrected", **_scaled(pearson, by=1.0 / ceiling["value"])}


def _agreement(x: Numbers, y: Numbers, *, spec: Spec, ranks: bool = False) -> Agreement | None:
    if (np.isfinite(x) & np.isfinite(y)).sum() < MINIMUM:
        return None
    return correlation(x, y, ranks=ranks, resamples=spec.resamples, seed=spec.seed)


def _beyond(survey: Numbers, signal: Numbers, rival: Numbers) -> tuple[Numbers, Numbers]:
    """What is left of both once a straight line on the rival is taken out: their correlation is the partial one."""
    there = np.isfinite(survey) & np.isfinite(signal) & np.isfinite(rival)
    left = []
    for series in (survey, signal):
        rest = np.where(there, series - _line(rival[there], series[there])(rival), np.nan)
        # Where the rival explains a series wholly, rounding errors are left, which must not be correlated.
        if not there.any() or np.nanstd(rest) < 1e-9 * np.nanstd(series):
            rest = np.full_like(survey, np.nan)
        left.append(rest)
    return left[0], left[1]


def _line(x: Numbers, y: Numbers) -> Any:
    """The least-squares line of y on x as a function; flat where x does not vary."""
    if x.size == 0:
        return lambda at: at * np.nan
    centred = x - x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ (y - y.mean())) / spread if spread > 0.0 else 0.0
    return lambda at: y.mean() + slope * (at - x.mean())


def _ceiling(pair: Pair, *, spec: Spec) -> dict[str, Any] | None:
    """√reliability: the r that a signal without any error would reach, were the survey's sampling its only noise.

    Reliability is 1 − mean sampling variance / observed variance (Spearman 1904), not below 0. The interval is the
    middle 95 % of circular block resamples.
    """
    there = np.isfinite(pair.survey) & np.isfinite(pair.variance)
    y, noise = pair.survey[there], pair.variance[there]
    if y.size < MINIMUM or np.ptp(y) == 0.0:
        return None
    drawn = resampled(y.size, block=block_length(y, y), count=spec.resamples, seed=spec.seed)
    spread = y[drawn].var(axis=1, ddof=1)
    ratio = noise[drawn].mean(axis=1) / np.where(spread > 0.0, spread, np.nan)
    low, high = np.nanquantile(np.sqrt(np.clip(1.0 - ratio, 0.0, 1.0)), [0.025, 0.975])
    value = float(np.sqrt(max(1.0 - noise.mean() / y.var(ddof=1), 0.0)))
    return {"value": value, "low": float(low), "high": float(high), "n": y.size}


def _scaled(found: Agreement, *, by: float) -> dict[str, Any]:
    """r and its interval over the ceiling; can pass 1. The ceiling's own error is not in the interval."""
    ends = {
        name: None if end is None else end * by for name, end in (("low", found.low), ("high", found.high))
    }
    return {
        "value": found.value * by,
        **ends,
        "n": found.n,
        "n_effective": found.n_effective,
        "block": found.block,
    }


# ------------------------------------------------------------------------------------------- lags


def _scan(pair: Pair, *, spec: Spec, forward: bool = False) -> Scan | None:
    lags = range(0 if forward else -pair.reach, pair.reach + 1)
    chance = Chance(surrogates=spec.resamples - 1, seed=spec.seed)
    return scan(pair.survey, pair.signal, lags=lags, reach=pair.reach, minimum=MINIMUM, chance=chance)


def _strongest(found: Scan, statistic: str) -> dict[str, Any]:
    best = int(np.flatnonzero(found.lags == found.best_lag)[0])
    return {
        "statistic": statistic, "lag": found.best_lag, "value": found.best_r, "p_value": found.p_value,
        "n": int(found.n[best]),
    }  # fmt: skip


def _by_lag(scans: dict[str, Scan | None]) -> pl.DataFrame:
    schema = {"of": pl.String, "lag": pl.Int32, "value": pl.Float64, "n": pl.Int64}
    frames = [
        pl.DataFrame(
            {"of": [of] * s.lags.size, "lag": s.lags, "value": s.r, "n": s.n}, schema_overrides=schema
        )
        for of, s in scans.items()
        if s is not None
    ]
    found = pl.concat(frames) if frames else pl.DataFrame(schema=schema)
    return found.with_columns(pl.col("value").fill_nan(None))


def _out_of_period(parts: dict[str, Pair], *, cut: int, spec: Spec) -> Iterator[dict[str, Any]]:
    """The lag is chosen in the first part, among those at which the signal comes first; the second only judges it."""
    for of in ("level", "change"):
        first, second = ((parts[p] if of == "level" else parts[p].changes()) for p in ("first", "second"))
        chosen = _scan(first, spec=spec, forward=True)
        if chosen is None:
            continue
        yield _row(first, "first", of, **_strongest(chosen, "chosen_lag"))
        found = _agreement(second.survey, second.at(chosen.best_lag), spec=spec)
        if found is not None:
            name = "pearson_at_chosen_lag"
            yield _row(second, "second", of, statistic=name, lag=chosen.best_lag, **vars(found))
    for row in _errors(parts["all"], cut=cut, spec=spec):
        yield _row(parts["second"], "second", "level", **row)


def _errors(pair: Pair, *, cut: int, spec: Spec) -> Iterator[dict[str, Any]]:
    """Mean absolute error in the second part of a line on the signal over that of each rival; below 1 is better.

    The lines and the mean are fitted on the first part; the signal is that of the same period. The last value knows
    the survey of the period before.
    """
    survey, signal = pair.survey, pair.at(0)
    time = np.arange(survey.size, dtype=np.float64)
    known = np.isfinite(survey[:cut]) & np.isfinite(signal[:cut])
    y = survey[:cut][known]
    if y.size < MINIMUM:
        return
    guess = _line(signal[:cut][known], y)(signal)
    rivals = {
        "error_against_first_mean": np.full_like(survey, y.mean()),
        "error_against_last_value": np.concatenate([[np.nan], survey[:-1]]),
        "error_against_trend": _line(time[:cut][known], y)(time),
    }
    for statistic, rival in rivals.items():
        own, other = np.abs(guess - survey)[cut:], np.abs(rival - survey)[cut:]
        there = np.isfinite(own) & np.isfinite(other)
        own, other = own[there], other[there]
        if own.size >= MINIMUM and other.sum() > 0.0:
            block = block_length(own, other)
            drawn = resampled(own.size, block=block, count=spec.resamples, seed=spec.seed)
            below = other[drawn].sum(axis=1)
            ratios = own[drawn].sum(axis=1) / np.where(below > 0.0, below, np.nan)
            low, high = np.nanquantile(ratios, [0.025, 0.975])
            yield {"statistic": statistic, "value": float(own.sum() / other.sum()), "low": float(low),
                   "high": float(high), "n": own.size, "block": block}  # fmt: skip


def _notes(rows: pl.DataFrame, *, parts: dict[str, Pair]) -> list[str]:
    notes = []
    for part, pair in parts.items():
        for of in ("level", "change"):
            if rows.filter(part=part, of=of, statistic="pearson").is_empty():
                notes.append(
                    f"{part} part ({pair.days[0]} to {pair.days[-1]}), {of}s: no correlation, because fewer than "
                    f"{MINIMUM} periods have both or one of the two is constant"
                )
    if rows.filter(statistic="noise_ceiling").is_empty():
        notes.append(
            "no noise ceiling: fewer than ten periods of the survey have an n or se, or it is constant"
        )
    return notes


def _differences(x: Numbers) -> Numbers:
    return np.concatenate([[np.nan], np.diff(x)])
