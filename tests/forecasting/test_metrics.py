"""Every vectorised score against two lines of plain Python."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.calibrate import LEVELS
from forecasting.leaderboard import BOARD, board_rows, leaderboard
from forecasting.metrics import COVERAGE_LEVELS, mase_scale, score, wis_array
from forecasting.tasks import read_tasks
from warehouse.skill import DRAWS, LEAST_ORIGINS, SEED
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


def _rolling(rng: np.random.Generator, *, origins: int, missing: int = 0) -> pl.DataFrame:
    """Two models on three series, `origins` days; the first `missing` origins lack the last series."""
    frames = []
    for at in range(origins):
        places = ("a", "b", "c")[: 2 if at < missing else 3]
        for model in ("flat_line", "other"):
            drawn = {place: rng.lognormal(0.0, 0.8, 2).tolist() for place in places}
            day = dt.date(2024, 1, 1) + dt.timedelta(days=at)
            frames.append(_scores(model, drawn).with_columns(reference_date=pl.lit(day)))
    return pl.concat(frames)


def _reference_range(scores: pl.DataFrame, *, steps: tuple[int, ...]) -> tuple[float, float]:
    """The interval in plain Python: draw days, take the ratios of the means, average their logs."""
    wis = scores.filter(pl.col("metric") == "wis", pl.col("horizon").is_in(steps))
    found: dict[tuple[str, str, dt.date], list[float]] = {}
    for model, place, day, value in wis.select("model_id", "location", "reference_date", "value").iter_rows():
        found.setdefault((model, place, day), []).append(value)
    days = sorted({day for _, _, day in found})
    rng, means = np.random.default_rng(SEED), []
    for times in rng.multinomial(len(days), [1 / len(days)] * len(days), size=DRAWS):
        logs = []
        for place in ("a", "b", "c"):
            own, flat = (
                [
                    v
                    for day, n in zip(days, times, strict=True)
                    for v in n * found.get((model, place, day), [])
                ]
                for model in ("other", "flat_line")
            )
            if own:
                logs.append(math.log((sum(own) / len(own)) / (sum(flat) / len(flat))))
        means.append(math.exp(sum(logs) / len(logs)))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


@pytest.mark.parametrize("missing", [0, 5])
def test_the_interval_is_that_of_drawing_origins_with_all_their_series(missing: int) -> None:
    scores = _rolling(np.random.default_rng(3), origins=8, missing=missing)
    row = leaderboard(scores).row(by_predicate=pl.col("model_id") == "other", named=True)
    wanted = _reference_range(scores, steps=(1, 2))
    assert (row["relative_wis_low"], row["relative_wis_high"]) == pytest.approx(wanted, rel=1e-9)
    assert row["relative_wis_low"] < row["relative_wis"] < row["relative_wis_high"]
    assert row["n_origins"] == 8
    per_step = leaderboard(scores, per_horizon=True).filter(pl.col("model_id") == "other")
    for row in per_step.iter_rows(named=True):
        wanted = _reference_range(scores, steps=(row["horizon"],))
        assert (row["relative_wis_low"], row["relative_wis_high"]) == pytest.approx(wanted, rel=1e-9)


def test_the_flat_line_is_one_with_certainty_and_few_origins_have_no_interval() -> None:
    many = leaderboard(_rolling(np.random.default_rng(1), origins=LEAST_ORIGINS))
    flat = many.row(by_predicate=pl.col("model_id") == "flat_line", named=True)
    assert (flat["relative_wis_low"], flat["relative_wis_high"]) == pytest.approx((1.0, 1.0))
    few = leaderboard(_rolling(np.random.default_rng(1), origins=LEAST_ORIGINS - 1))
    assert few["relative_wis_low"].null_count() == few["relative_wis_high"].null_count() == few.height
    assert few["n_origins"].to_list() == [LEAST_ORIGINS - 1] * 2


def test_the_interval_is_the_same_whatever_the_order_of_the_rows() -> None:
    scores = _rolling(np.random.default_rng(5), origins=9)
    other = leaderboard(scores.sample(fraction=1.0, shuffle=True, seed=1))
    for name in ("relative_wis", "relative_wis_low", "relative_wis_high"):
        assert other[name].to_list() == pytest.approx(leaderboard(scores)[name].to_list())


def test_no_scores_give_an_empty_board() -> None:
    assert leaderboard(Scores.create_empty()).is_empty()


def test_a_kept_board_says_what_it_was_earned_on_and_holds_no_value_of_a_series() -> None:
    task = replace(read_tasks()["daily_7"].over(6), name="t", known_days="k")
    found = board_rows(_rolling(np.random.default_rng(1), origins=6), task=task)
    assert found.columns == BOARD
    assert set(found.select("task_hash", "origins", "known_days").iter_rows()) == {("h", 6, "k")}
    assert found["relative_wis"].is_sorted()
