"""Tiny drawn series for the forecasting tests."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl

from warehouse.tables import PrivateSignals

START = dt.date(2024, 1, 1)


def file_series(*, series: int = 3, days: int = 120, seed: int = 7, step: int = 1) -> pl.DataFrame:
    """Shares around a weekly cycle and a slow walk, with n, as a plain file holds them."""
    rng = np.random.default_rng(seed)
    frames = []
    for number in range(series):
        walk = np.cumsum(rng.normal(0, 0.05, days)) + 0.2 * np.sin(2 * np.pi * np.arange(days) / 7) - 1.5
        n = rng.integers(150, 400, days)
        value = rng.binomial(n, 1 / (1 + np.exp(-walk))) / n
        dates = [START + dt.timedelta(days=step * day) for day in range(days)]
        frames.append(pl.DataFrame({"series_id": f"s{number}", "time_value": dates, "value": value, "n": n}))
    return pl.concat(frames)


def signal_frame(
    long: pl.DataFrame, *, time_type: str, issue: dt.date | None, vintage: str = "real"
) -> pl.DataFrame:
    """`core.signals` rows from a plain long frame; a series id becomes the place; issue None = a day later."""
    table = PrivateSignals
    issued = pl.col("time_value") + pl.duration(days=1) if issue is None else pl.lit(issue)
    rows = long.select(
        signal=pl.lit("lexicon_anger_share"),
        population=pl.lit("all"),
        geo_type=pl.lit("region"),
        geo_value="series_id",
        time_type=pl.lit(time_type),
        time_value="time_value",
        issue=issued,
        value="value",
        se=pl.lit(0.01),
        sample_size="n",
        n_posts="n",
        value_unweighted="value",
        value_corrected=pl.lit(None, dtype=pl.Float64),
        corrected_se=pl.lit(None, dtype=pl.Float64),
        reliability=pl.lit("high"),
        missing_value=pl.lit(0),
        missing_se=pl.lit(0),
        missing_sample_size=pl.lit(0),
        vintage=pl.lit(vintage),
        people_unknown=pl.lit(False),
        numerator=(pl.col("value") * pl.col("n")).round().cast(pl.Int64),
        design_effect=pl.lit(1.0),
        main_lang=pl.lit(None, dtype=pl.String),
    )
    return table.validate(rows, cast=True)
