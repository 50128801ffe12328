"""How likely tonight's value was by the forecast that was issued a week before: evidence beside an alert.

Not a test of its own: a forecast's levels end at one in a hundred, and a second look at the same value would only spend
the night's false alarms twice.
"""

from __future__ import annotations

import polars as pl

from warehouse.main_model import default_models

SERIES = ["target", "population", "geo_type", "location", "time_type"]
# Periods that a forecast must lie ahead: the detectors' guard band, so that it knows nothing of the episode's start.
AHEAD = {"day": 7, "week": 3}
KIND = "prevalence_high"


def with_forecast(found: pl.DataFrame, *, forecasts: pl.DataFrame) -> pl.DataFrame:
    """The candidates with `forecast_p`, the chance of such a value or a higher one, and `forecast_issued`, its day.

    `forecasts` are rows of `out.forecasts` issued by tonight. Both are null for other kinds and where no forecast of
    that period was issued early enough. The chance is read between the forecast's levels; beyond the outermost it is
    that level's.
    """
    typed = forecasts.with_columns(pl.col("geo_type", "time_type", "output_type").cast(pl.String))
    least = pl.col("time_type").replace_strict(AHEAD, return_dtype=pl.Int32)
    early = typed.filter(pl.col("horizon") >= least).join(
        default_models(typed), on=[*SERIES, "model_id"], how="semi"
    )
    cell = [*SERIES, "target_end_date"]
    nearest = early.filter(pl.col("horizon") == pl.col("horizon").min().over(cell))
    value = found.filter(pl.col("kind") == KIND).select(
        "signal", *SERIES[1:], "time_value", "observed", target="signal", target_end_date="time_value"
    )
    levels = nearest.join(value.drop("signal", "time_value"), on=cell, how="inner")
    chance = levels.group_by(cell).agg(
        forecast_p=_at_least("observed"), forecast_issued=pl.col("reference_date").first()
    )
    named = chance.rename({"target": "signal", "target_end_date": "time_value"}).with_columns(
        kind=pl.lit(KIND)
    )
    keys = ["kind", "signal", *SERIES[1:], "time_value"]
    return found.drop("forecast_p", "forecast_issued").join(named, on=keys, how="left", maintain_order="left")


def _at_least(observed: str) -> pl.Expr:
    """P(value >= observed) of a group of quantiles, straight between neighbouring levels."""
    level, value, seen = pl.col("output_type_id"), pl.col("value"), pl.col(observed)
    below, above = level.filter(value <= seen).max(), level.filter(value > seen).min()
    low, high = value.filter(value <= seen).max(), value.filter(value > seen).min()
    part = (seen.first() - low) / (high - low)
    inside = below + part * (above - below)
    return 1.0 - pl.coalesce(inside, below, above)
