"""Smaller made-up publications for the export's tests."""

from __future__ import annotations

import polars as pl
import publication as made_up


def small_tables() -> dict[str, pl.DataFrame]:
    """The made-up publication with two months of values and the forecast of one series, three days ahead."""
    tables = made_up.frames()
    one = (pl.col("target") == "emotion_fear_share") & (pl.col("location") == "all")
    few = one & (pl.col("time_type") == "day") & (pl.col("horizon") <= 3)
    recent = pl.col("time_value") > pl.col("time_value").max() - pl.duration(days=60)
    return tables | {
        "forecasts": tables["forecasts"].filter(few),
        "signals": tables["signals"].filter(recent),
        "scores": tables["scores"].filter(one),
    }
