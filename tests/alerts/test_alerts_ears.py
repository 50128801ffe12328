"""EARS C1–C3 against their definitions, one period at a time."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats

from forecasting.alerts.ears import PUBLISHED_ALPHA, Variant, ears
from forecasting.alerts.series_file import alerts_file

COUNTS = np.random.default_rng(0).poisson(9.0, (4, 60)).astype(float)
COUNTS[1, 40:43] += 12
PUBLISHED = {"ears_c1": 3.0, "ears_c2": 3.0, "ears_c3": 2.0}


def _c(y: NDArray[np.float64], t: int, *, gap: int) -> float:
    base = y[t - gap - 7 : t - gap]
    return float((y[t] - base.mean()) / base.std(ddof=1))


def _brute(y: NDArray[np.float64], t: int, *, variant: str) -> float:
    if variant == "ears_c3":
        return sum(max(0.0, _c(y, day, gap=2) - 1.0) for day in (t, t - 1, t - 2))
    return _c(y, t, gap=0 if variant == "ears_c1" else 2)


@pytest.mark.parametrize("variant", ["ears_c1", "ears_c2", "ears_c3"])
def test_ears_alarms_where_its_definition_does(variant: Variant) -> None:
    _, threshold, p_value = ears(COUNTS, variant=variant)
    for row, y in enumerate(COUNTS):
        for t in range(11, 60):
            c = _brute(y, t, variant=variant)
            tail = stats.norm.sf(c + 1.0 if variant == "ears_c3" else c)
            assert p_value[row, t] == pytest.approx(tail, rel=1e-9)
            assert (p_value[row, t] < PUBLISHED_ALPHA) == (c > PUBLISHED[variant])
            if variant != "ears_c3" or c > 0:
                assert (y[t] > threshold[row, t]) == (c > PUBLISHED[variant])


def test_the_first_periods_and_gaps_in_the_baseline_are_not_judged() -> None:
    values = COUNTS.copy()
    values[0, 30] = np.nan
    for variant, first, after in (("ears_c1", 7, 38), ("ears_c2", 9, 40)):
        p_value = ears(values, variant=variant)[2]  # type: ignore[arg-type]
        assert np.isnan(p_value[:, :first]).all()
        assert np.isfinite(p_value[1:, first:]).all()
        assert np.isnan(p_value[0, 30])
        assert np.isnan(p_value[0, after - 1])
        assert np.isfinite(p_value[0, after])


def test_a_flat_baseline_alarms_at_any_rise_and_at_nothing_else() -> None:
    values = np.full((1, 20), 4.0)
    values[0, 15] = 5.0
    _, threshold, p_value = ears(values, variant="ears_c1")
    assert p_value[0, 14] == pytest.approx(0.5)
    assert p_value[0, 15] == 0.0
    assert threshold[0, 15] == 4.0


def test_a_file_is_judged_by_the_named_detector_at_its_published_bound() -> None:
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=k) for k in range(60)]
    table = pl.DataFrame({"series_id": "a", "time_value": days, "value": COUNTS[1].astype(int)})
    out = alerts_file(table, detector="ears_c2")
    assert out["time_value"][0] == days[9]
    expected = [_c(COUNTS[1], t, gap=2) > 3.0 for t in range(9, 60)]
    assert out["alarm"].to_list() == expected
    looser = alerts_file(table, detector="ears_c2", alpha=0.05)
    assert looser["alarm"].sum() > out["alarm"].sum()


def test_no_threshold_of_a_file_is_infinite() -> None:
    """C3 alarms on whatever comes after two days far above; then there is no bound to name."""
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=k) for k in range(30)]
    values = [10 + k % 3 for k in range(27)] + [90, 95, 10]
    series = pl.DataFrame({"series_id": "a", "time_value": days, "value": values})
    judged = alerts_file(series, detector="ears_c3")
    last = judged.row(-1, named=True)
    assert last["alarm"]
    assert last["threshold"] is None
    assert judged["threshold"].drop_nulls().is_finite().all()
