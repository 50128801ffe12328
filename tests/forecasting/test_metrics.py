"""Every vectorised score against two lines of plain Python."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.calibrate import LEVELS
from forecasting.leaderboard import leaderboard
from forecasting.metrics import COVERAGE_LEVELS, mase_scale, score, wis_array
from warehouse.tables import QUANTILES, Scores

NUMBERS = st.floats(-100, 100, allow_nan=False)


def _long(truth: float, quantiles: list[float]) -> pl.DataFrame:
    return pl.DataFrame({"g": 1, "truth": truth, "level": list(QUANTILES), "quantile": quantiles})


@given(truth=NUMBERS, quantiles=st.lists(NUMBERS, min_size=23, max_size=23))
@settings(max_examples=60, deadline=None)
def test_wis_is_the_mean_of_twice_the_pinball_loss(truth: float, quantiles: list[float]) -> None:
    quantiles = sorted(quantiles)
    losses = [max(p * (truth - q), (p - 1) * (truth - q)) for p, q in zip(QUANTILES, quantiles, strict=True)]
    found = score(_long(truth, quantiles), by=["g"])["wis"][0]
    assert found == pytest.approx(sum(2 * loss for loss in losses) / 23)
    assert wis_array(np.array(truth), quantiles=np.array(quantiles), levels=LEVELS) == pytest.approx(found)


@given(truth=NUMBERS, quantiles=st.lists(NUMBERS, min_size=23, max_size=23))
@settings(max_examples=60, deadline=None)
def test_coverage_and_error_read_the_right_levels(truth: float, quantiles: list[float]) -> None:
    at = dict(zip(QUANTILES, sorted(quantiles), strict=True))
    found = score(_long(truth, sorted(quantiles)), by=["g"]).row(0, named=True)
    assert found["ae"] == pytest.approx(abs(truth - at[0.5]))
    for percent, low, high in zip(
        COVERAGE_LEVELS, (0.25, 0.1, 0.05, 0.025), (0.75, 0.9, 0.95, 0.975), strict=True
    ):
        assert found[f"coverage_{percent}"] == float(at[low] <= truth <= at[high])


def test_mase_scale_skips_gaps_and_constant_series() -> None:
    values = np.array([[1.0, 2.0, np.nan, 5.0, 4.0], [3.0, 3.0, 3.0, 3.0, 3.0]])
    found = mase_scale(values, season=1)
    assert found[0] == pytest.approx((1 + 1) / 2)
    assert math.isnan(found[1])


def _scores(model: str, values: dict[str, list[float]]) -> pl.DataFrame:
    rows = [
        {
            "model_id": model,
            "location": place,
            "horizon": h + 1,
            "metric": metric,
            "value": v if metric == "wis" else 1.0,
        }
        for place, wis in values.items()
        for h, v in enumerate(wis)
        for metric in ("wis", "coverage_95")
    ]
    day = pl.lit("2024-01-01").str.to_date()
    frame = pl.DataFrame(rows).with_columns(
        task=pl.lit("t"), reference_date=day, target=pl.lit("x"), population=pl.lit("all"), geo_type=pl.lit("region"),
        truth_issue=day, n_train=pl.lit(30), task_hash=pl.lit("h"), pseudo_real_time=pl.lit(False),
        data_fingerprint=pl.lit("f"), trained_through=day,
    )  # fmt: skip
    return Scores.validate(frame.select(list(Scores.columns())), cast=True)


def test_relative_wis_is_the_geometric_mean_over_series() -> None:
    flat = _scores("flat_line", {"a": [1.0, 3.0], "b": [4.0, 4.0]})
    other = _scores("other", {"a": [0.5, 0.5], "b": [8.0, 8.0]})
    found = leaderboard(pl.concat([flat, other])).filter(pl.col("model_id") == "other").row(0, named=True)
    assert found["relative_wis"] == pytest.approx(math.sqrt((0.5 / 2.0) * (8.0 / 4.0)))
    assert (found["n_series"], found["win_rate"], found["coverage_95"]) == (2, 0.5, 1.0)
    assert found["coverage_50"] is None


def test_the_leaderboard_can_be_split_by_horizon() -> None:
    flat = _scores("flat_line", {"a": [1.0, 3.0]})
    found = leaderboard(flat, per_horizon=True)
    assert found["horizon"].to_list() == [1, 2]
    assert found["relative_wis"].to_list() == pytest.approx([1.0, 1.0])
