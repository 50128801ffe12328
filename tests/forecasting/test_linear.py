"""The shared autoregression and the vector autoregression, on series whose rule is known."""

from __future__ import annotations

import numpy as np
import pytest

from forecasting.calibrate import one_step_sd
from forecasting.matrix import Floats
from forecasting.models import ModelInput, ModelOutput, create


def _run(name: str, values: Floats, *, horizon: int = 5, ids: tuple[str, ...] | None = None) -> ModelOutput:
    data = ModelInput(
        ids=ids or tuple(f"s{i}" for i in range(len(values))), values=values,
        sd=one_step_sd(values, noise=np.zeros(len(values))), sampling=np.zeros_like(values),
    )  # fmt: skip
    return create(name).fit_predict(data, horizon=horizon, frequency="day", seed=1)


def _autoregressive(*, series: int, periods: int, seed: int = 1) -> Floats:
    rng = np.random.default_rng(seed)
    values = np.zeros((series, periods))
    for t in range(1, periods):
        values[:, t] = 0.8 * values[:, t - 1] + rng.normal(0, 1, series)
    return values * np.arange(1, series + 1)[:, None] + 10.0


def test_a_short_series_borrows_the_rule_of_the_others() -> None:
    values = _autoregressive(series=20, periods=300)
    alone = values[[7]][:, -16:]
    values[7, :-16] = np.nan
    together = _run("global_linear", values)
    assert not together.fallback.any()
    assert _run("global_linear", alone).fallback.all()
    # Pulled back towards where it has been, further with every step.
    last, mean = values[7, -1], values[7, -14:].mean()
    pull = (together.points[7] - last) / (mean - last)
    assert (np.diff(pull) > 0).all()
    assert 0.05 < pull[0] < 0.6


def test_the_unit_and_level_of_a_series_do_not_matter_to_the_shared_rule() -> None:
    values = _autoregressive(series=6, periods=200)
    moved = values * 7.0 - 3.0
    assert _run("global_linear", moved).points == pytest.approx(
        _run("global_linear", values).points * 7.0 - 3.0
    )


def test_a_signal_that_follows_another_of_its_place_is_foreseen() -> None:
    rng = np.random.default_rng(4)
    leader = rng.normal(0, 1, 300)
    follower = np.concatenate([[0.0], leader[:-1]]) + rng.normal(0, 0.1, 300)
    values = np.stack([leader, follower])
    ids = ("fear|all|nation|GB", "anger|all|nation|GB")
    found = _run("ridge_var", values, ids=ids, horizon=2)
    assert found.points[1, 0] == pytest.approx(leader[-1], abs=0.35)
    assert abs(found.points[1, 1]) < 0.35
    # In different places they know nothing of each other.
    apart = _run("ridge_var", values, ids=("fear|all|nation|GB", "anger|all|nation|FR"), horizon=2)
    assert apart.fallback.all()


def test_gaps_and_a_late_end_are_joined_and_counted() -> None:
    values = _autoregressive(series=4, periods=120)
    values[:, 40:45] = np.nan
    values[:, -3:] = np.nan
    for name in ("global_linear", "ridge_var"):
        late = _run(name, values, horizon=4)
        assert not late.fallback.any()
        assert late.points == pytest.approx(_run(name, values[:, :-3], horizon=7).points[:, 3:])


def test_too_little_past_is_a_marked_flat_line() -> None:
    values = _autoregressive(series=3, periods=20)
    for name in ("global_linear", "ridge_var"):
        found = _run(name, values)
        assert found.fallback.all()
        assert found.points == pytest.approx(np.repeat(values[:, [-1]], 5, axis=1))


def test_one_young_signal_does_not_silence_its_place() -> None:
    values = _autoregressive(series=3, periods=200)
    values[2, :-20] = np.nan
    assert _run("ridge_var", values).fallback.tolist() == [False, False, True]


def test_a_series_that_ended_more_than_a_year_ago_stops_no_model() -> None:
    values = _autoregressive(series=3, periods=900)
    values[:2, -470:] = np.nan
    for name in ("ridge_var", "global_linear", "auto_ets", "dynamics"):
        found = _run(name, values, horizon=300)
        assert np.isfinite(found.points).all(), name
        last = values[0, -471]
        assert found.fallback[0] or name == "global_linear"
        if found.fallback[0]:
            assert found.points[0] == pytest.approx(np.full(300, last))
