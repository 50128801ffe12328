"""Is a signal likely to be high soon, where such warnings have been worth something before?

Works from the night's outlook. Not for making it (`forecasting/peaks`).
"""

from __future__ import annotations

import polars as pl

from forecasting.alerts.cells import candidates

FORECAST_SERIES = ["target", "population", "geo_type", "location", "time_type"]
SURE = 0.9


def forecast_candidates(outlook: pl.DataFrame, *, cells: pl.DataFrame) -> pl.DataFrame:
    """One candidate per series of `out.peak_outlook` with direction higher_is_worse, at the horizon of its alarms.

    It fires where its chance reaches `alarm_from` and alarms on this series have shown skill: no skill, or too little
    past to tell, is no alert. `past_precision` goes with it.
    """
    rows = outlook.filter(pl.col("horizon_days") == pl.col("alarm_days")).with_columns(
        pl.col("geo_type", "time_type").cast(pl.String)
    )
    newest = rows.filter(pl.col("reference_date") == pl.col("reference_date").max().over(FORECAST_SERIES))
    joined = newest.join(_worse(cells), on=FORECAST_SERIES, how="inner")
    likely = pl.col("probability") >= pl.col("alarm_from")
    fires = likely & (pl.col("skill").cast(pl.String) == "yes")
    return candidates(
        joined.select(
            *FORECAST_SERIES[1:],
            kind=pl.lit("forecast_high"),
            signal="target",
            time_value="reference_date",
            onset="reference_date",
            detector=pl.format("{}_outlook_1", "model_id"),
            observed="probability",
            expected="baseline_probability",
            threshold="threshold",
            sample_size="sample_size",
            severity=pl.when(pl.col("probability") >= SURE).then(pl.lit("medium")).otherwise(pl.lit("low")),
            lead_days=(pl.col("expected_first_day") - pl.col("reference_date")).dt.total_days(),
            past_precision="past_precision",
            fires=fires,
            exceeds=fires,
        )
    )


def _worse(cells: pl.DataFrame) -> pl.DataFrame:
    """The series in which higher is worse, with the people behind their newest value."""
    named = cells.filter(pl.col("direction").cast(pl.String) == "higher_is_worse").rename(
        {"signal": "target", "geo_value": "location"}
    )
    newest = pl.col("people").sort_by("time_value").last()
    return named.group_by(FORECAST_SERIES).agg(sample_size=newest)
