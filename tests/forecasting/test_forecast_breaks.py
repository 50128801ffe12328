"""Forecasts after a break in the data: learnt from the new level alone, or marked until there is enough of it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from forecasting.breaks.find import FOUND
from forecasting.forecast import forecast_signals
from warehouse.config import ForecastConfig
from warehouse.tables import TABLES

START, DAYS, CHANGED = dt.date(2023, 1, 1), 200, 120
SIGNALS = TABLES["out.signals"]
CONFIG = ForecastConfig(models=("flat_line", "seasonal_naive"), horizon_days=4, backtest_origins=5)


def _signals() -> pl.DataFrame:
    """Two places whose share goes from .2 to .3 on day 120."""
    rng = np.random.default_rng(0)
    level = np.where(np.arange(DAYS) < CHANGED, 0.2, 0.3)
    rows = pl.concat(
        pl.DataFrame({"value": level + rng.normal(0, 0.01, DAYS)}).with_columns(
            time_value=pl.Series([START + dt.timedelta(days=day) for day in range(DAYS)]),
            geo_value=pl.lit(place),
        )
        for place in ("FR", "GB")
    )
    full = rows.with_columns(
        signal=pl.lit("s"), population=pl.lit("all"), geo_type=pl.lit("nation"), time_type=pl.lit("day"),
        issue=pl.col("time_value") + pl.duration(days=1), se=pl.lit(0.01), sample_size=pl.lit(500),
        n_posts=pl.lit(600), value_unweighted="value", value_corrected=pl.lit(None), corrected_se=pl.lit(None),
        reliability=pl.lit("high"), missing_value=pl.lit(0), missing_se=pl.lit(0),
        missing_sample_size=pl.lit(0), vintage=pl.lit("real"), people_unknown=pl.lit(False),
    )  # fmt: skip
    return SIGNALS.schema.validate(full.select(SIGNALS.columns), cast=True)


def _break(onset: int) -> pl.DataFrame:
    day = START + dt.timedelta(days=onset)
    row = {
        "population": "all", "geo_type": "nation", "geo_value": "GB", "what": "several_signals", "scorer": "x",
        "onset": day, "detected": day + dt.timedelta(days=5), "statistic": 5.0, "threshold": 4.5,
        "observed": 1.0, "expected": 0.0, "sample_size": 500, "platform_wide": False, "evidence": "x",
    }  # fmt: skip
    return pl.DataFrame([row], schema=FOUND)


def _forecasts(breaks: pl.DataFrame | None) -> pl.DataFrame:
    made = forecast_signals(
        _signals(), config=CONFIG, as_of=START + dt.timedelta(days=DAYS), seed=1, reporting_lag_days=1,
        people_floor=50, breaks=breaks,
    )  # fmt: skip
    return made.forecasts.filter(pl.col("model_id") == "ensemble")


def _width(rows: pl.DataFrame, *, place: str) -> float:
    of_place = rows.filter(pl.col("location") == place, pl.col("horizon") == 4)
    levels = dict(of_place.select(pl.col("output_type_id").round(3), "value").iter_rows())
    return float(levels[0.975] - levels[0.025])


def test_an_old_break_no_longer_widens_the_forecast_of_its_place() -> None:
    """Seventy-five days after the change, the jump itself is no part of what the model learns from."""
    with_it, cut = _forecasts(None), _forecasts(_break(CHANGED))
    assert _width(cut, place="GB") < 0.9 * _width(with_it, place="GB")
    assert not cut["limited_history"].any()
    assert set(cut["location"]) == {"FR", "GB"}


def test_a_recent_break_marks_the_forecasts_of_its_place_and_leaves_their_numbers() -> None:
    rows, plain = _forecasts(_break(170)), _forecasts(None)
    marked = dict(rows.group_by("location").agg(pl.col("limited_history").all()).iter_rows())
    assert marked == {"FR": False, "GB": True}
    assert rows.drop("limited_history").equals(plain.drop("limited_history"))
