"""Peaks of a dimension of markers, by the protocol of a published study and by one that knows only the past.

For the retrospective report. Not an alarm, and not the outlook of the nightly forecasts.

Both smooth each marker over 7 days, take the day-to-day gradient, average it over the dimension's markers and call a
local maximum a peak when its prominence exceeds the 80th percentile (Tommasel, Diaz-Pace, Rodriguez and Godoy 2021,
on Argentine tweets). `study` does so with everything: a centred mean, and prominences and their percentile over the
whole span, so that a peak may hang on days after it. `causal` smooths trailing days, takes the prominence from the
days before, the percentile from earlier maxima, and says on which day the peak could be called.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.signal import find_peaks, peak_prominences

from forecasting.matrix import Floats, Frequency, Matrix

Protocol = Literal["study", "causal"]
PROTOCOLS: tuple[Protocol, ...] = ("study", "causal")
# How many periods are averaged, and how many of them are needed; a week is an average already.
SMOOTHED: dict[Frequency, int] = {"day": 7, "week": 1}
PERCENTILE = 0.8
LEAST_EARLIER = 5
Z_NOISE = 2.0
SCHEMA = pl.Schema(
    {"protocol": pl.String(), "day": pl.Date(), "known_on": pl.Date(), "rise": pl.Float64(),
     "rise_se": pl.Float64(), "prominence": pl.Float64(), "threshold": pl.Float64(),
     "within_sampling_error": pl.Boolean()}
)  # fmt: skip


def rise(matrix: Matrix, *, protocol: Protocol) -> Floats:
    """[days] mean over the markers (the series of `matrix`) of the change per day of their 7-day mean.

    A mean needs four of its days. Changes are averaged, not levels, so that a marker that is hidden for some days
    makes no step; half of the markers are needed. Weekly series are not smoothed, and changes are per week.
    """
    if matrix.periods < 2:
        return np.full(matrix.periods, np.nan)
    smooth = _smoothed(matrix, ahead=SMOOTHED[matrix.frequency] // 2 if protocol == "study" else 0)
    steep = np.gradient(smooth, axis=1) if protocol == "study" else np.diff(smooth, axis=1, prepend=np.nan)
    seen = (~np.isnan(steep)).sum(axis=0)
    enough = 2 * seen >= max(len(matrix.ids), 1)
    return np.where(enough, np.nansum(steep, axis=0) / np.maximum(seen, 1), np.nan)


def peaks(matrix: Matrix, *, errors: Floats, protocol: Protocol) -> pl.DataFrame:
    """Peaks of one dimension, whose markers are the series of `matrix`; `errors` are their standard errors.

    Returns the columns of `SCHEMA`. `rise_se` is what the sampling of people alone gives the rise, were it the same
    for all markers, which share their people; `within_sampling_error`: the rise is below twice that, so that the
    peak may be nothing. Unknown errors leave both null.
    """
    steep = rise(matrix, protocol=protocol)
    noise = _noise(errors, length=SMOOTHED[matrix.frequency])
    found = _study(steep) if protocol == "study" else _causal(steep)
    days = [
        matrix.reference - dt.timedelta(days=(matrix.periods - 1 - at) * matrix.step)
        for at in range(matrix.periods)
    ]
    rows = [
        (
            protocol, days[at], days[known], float(steep[at]),
            _number(noise[at]), prominence, threshold,
            bool(steep[at] < Z_NOISE * noise[at]) if np.isfinite(noise[at]) else None,
        )
        for at, known, prominence, threshold in found
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _study(steep: Floats) -> list[tuple[int, int, float, float]]:
    """Place, day on which all it needs is there (the last one), prominence and threshold."""
    at, prominences = [], []
    for start, stop in _runs(steep):
        tops, _ = find_peaks(steep[start:stop])
        at += (tops + start).tolist()
        prominences += peak_prominences(steep[start:stop], tops)[0].tolist()
    if not at:
        return []
    threshold = float(np.quantile(prominences, PERCENTILE))
    last = len(steep) - 1
    return [
        (place, last, size, threshold)
        for place, size in zip(at, prominences, strict=True)
        if size > threshold
    ]


def _causal(steep: Floats) -> list[tuple[int, int, float, float]]:
    """A maximum is known one day after it, when the rise has become less."""
    earlier: list[float] = []
    found = []
    for start, stop in _runs(steep):
        tops, _ = find_peaks(steep[start:stop], plateau_size=(1, 1))
        for top in tops:
            size = _prominence_before(steep[start : start + top + 1])
            if len(earlier) >= LEAST_EARLIER:
                threshold = float(np.quantile(earlier, PERCENTILE))
                if size > threshold:
                    found.append((int(start + top), int(start + top + 1), size, threshold))
            earlier.append(size)
    return found


def _prominence_before(steep: Floats) -> float:
    """Height of the last value over the lowest one since the last higher value."""
    higher = np.flatnonzero(steep[:-1] > steep[-1])
    return float(steep[-1] - steep[(higher[-1] if higher.size else 0) :].min())


def _runs(values: Floats) -> list[tuple[int, int]]:
    """Stretches without a gap."""
    seen = np.concatenate([[False], np.isfinite(values), [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(seen))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _smoothed(matrix: Matrix, *, ahead: int) -> Floats:
    length = SMOOTHED[matrix.frequency]
    windows = _windows(matrix.values, length=length, ahead=ahead)
    seen = (~np.isnan(windows)).sum(axis=-1)
    return np.where(2 * seen > length, np.nansum(windows, axis=-1) / np.maximum(seen, 1), np.nan)


def _windows(values: Floats, *, length: int, ahead: int) -> NDArray[np.float64]:
    padded = np.pad(values, ((0, 0), (length - 1 - ahead, ahead)), constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, length, axis=1)


def _noise(errors: Floats, *, length: int) -> Floats:
    """[days] error of the rise: that of two days `length` apart, over `length`, which the change of a mean is; from
    the mean square error of the last days and all markers, NaN where none is known."""
    windows = _windows(errors, length=length, ahead=0) ** 2
    seen = (~np.isnan(windows)).sum(axis=(0, 2))
    usual = np.where(seen > 0, np.nansum(windows, axis=(0, 2)) / np.maximum(seen, 1), np.nan)
    return np.asarray(np.sqrt(2.0 * usual) / length)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def near_events(
    days: list[dt.date], *, starts: list[dt.date], span: tuple[dt.date, dt.date], within: int
) -> dict[str, float | int | None]:
    """How many of `days` lie 0 to `within` days after an event's start, against dumb calendars.

    `shifted`: the mean over all circular shifts of the events in `span`, with `p_value` (1 + k) / (1 + n), one-sided;
    `evenly`: as many days set evenly over the span. Null where there is nothing to compare.
    """
    length = (span[1] - span[0]).days + 1
    at = np.array(sorted({(day - span[0]).days for day in days if span[0] <= day <= span[1]}), dtype=np.int64)
    events = np.array([(day - span[0]).days for day in starts if span[0] <= day <= span[1]], dtype=np.int64)
    if not at.size or not events.size or length < 2:
        return {"n_peaks": len(at), "near": None, "shifted": None, "evenly": None, "p_value": None}
    marked = np.zeros(length, dtype=bool)
    marked[((events[:, None] + np.arange(within + 1)) % length).ravel()] = True
    hits = np.array([int(np.roll(marked, shift)[at].sum()) for shift in range(length)])
    even = np.linspace(0, length, len(at), endpoint=False).astype(np.int64) + length // (2 * len(at))
    p_value = float((1 + (hits[1:] >= hits[0]).sum()) / length)
    return {
        "n_peaks": len(at), "near": int(hits[0]), "shifted": float(hits[1:].mean()),
        "evenly": int(marked[even % length].sum()), "p_value": p_value,
    }  # fmt: skip
