"""What a night's forecasts cost: drawn daily series, every configured model, the outlook; the first night and the next.

`python benchmarks/forecast_speed.py [SERIES] [DAYS] [WORKERS]` (500, 1461 and 2). A nation and its 49
regions, with as many signals as make up the series. The second night finds in its memo what models said before.
"""

from __future__ import annotations

import datetime as dt
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from forecasting.forecast import forecast_signals
from forecasting.memo import Memo
from warehouse.config import EngineConfig, ForecastConfig
from warehouse.engine import engine_of
from warehouse.tables import TABLES

START = dt.date(2020, 1, 1)
REGIONS = ["US", *(f"US-{number:02d}" for number in range(1, 50))]


def signals(*, series: int, days: int) -> pl.DataFrame:
    """`out.signals` rows, each issued a day after it happened."""
    rng = np.random.default_rng(1)
    walk = np.zeros((series, days))
    for t in range(1, days):
        walk[:, t] = 0.9 * walk[:, t - 1] + rng.normal(0, 0.1, series)
    logit = -2.0 + walk + 0.2 * np.sin(2 * np.pi * np.arange(days) / 7) + rng.normal(0, 0.1, (series, days))
    value = np.round(1 / (1 + np.exp(-logit)), 4)
    day = [START + dt.timedelta(days=t) for t in range(days)]
    frame = pl.DataFrame(
        {"geo_value": np.repeat([REGIONS[i % len(REGIONS)] for i in range(series)], days),
         "signal": np.repeat([f"drawn{i // len(REGIONS)}_share" for i in range(series)], days),
         "time_value": day * series, "value": value.ravel()}
    )  # fmt: skip
    table = TABLES["out.signals"]
    full = frame.with_columns(
        population=pl.lit("all"), time_type=pl.lit("day"),
        geo_type=pl.when(pl.col("geo_value") == "US").then(pl.lit("nation")).otherwise(pl.lit("region")),
        issue=pl.col("time_value") + pl.duration(days=1), se=pl.lit(0.01), sample_size=pl.lit(1000),
        n_posts=pl.lit(1500), value_unweighted=pl.col("value"), value_corrected=pl.lit(None, dtype=pl.Float64),
        corrected_se=pl.lit(None, dtype=pl.Float64), reliability=pl.lit("high"), missing_value=pl.lit(0),
        missing_se=pl.lit(0), missing_sample_size=pl.lit(0), vintage=pl.lit("real"), people_unknown=pl.lit(False),
    )  # fmt: skip
    return table.schema.validate(full.select(table.columns), cast=True)


def main() -> None:
    series, days, workers = (int(a) for a in (*sys.argv[1:], *("500", "1461", "2")[len(sys.argv) - 1 :]))
    frame = signals(series=series, days=days + 2)
    config = ForecastConfig(max_series=series, horizon_days=28)
    with tempfile.TemporaryDirectory() as folder, engine_of(EngineConfig(workers=workers)) as found:
        memo = Memo(Path(folder), engine=found)
        for night in (0, 1):
            as_of = START + dt.timedelta(days=days + night)
            start, used = time.perf_counter(), time.process_time()
            made = forecast_signals(
                frame, config=config, as_of=as_of, seed=1, reporting_lag_days=1, people_floor=50, memo=memo
            )
            print(
                f"night {night + 1}: {series} series, {made.forecasts.height:,} rows, "
                f"{made.outlook.height:,} of outlook: "
                f"{time.perf_counter() - start:.0f} s, {time.process_time() - used:.0f} s of processor",
                flush=True,
            )


if __name__ == "__main__":
    main()
