"""Arrays of quantiles to long frames in the unit of the series. Not for scoring them."""

from __future__ import annotations

import numpy as np
import polars as pl

from forecasting.calibrate import LEVELS
from forecasting.matrix import Floats, from_model_scale, usual_n
from forecasting.rolling import Run


def quantile_rows(run: Run, *, name: str, quantiles: Floats) -> pl.DataFrame:
    """Long frame series_id, horizon, target_end_date, level, quantile, model_id from [series, horizons, levels].

    `quantiles` are on the modelling scale; series with any NaN are absent.
    """
    natural = from_model_scale(quantiles, kind=run.matrix.kind, n=usual_n(run.matrix))
    present = np.flatnonzero(~np.isnan(natural).any(axis=(1, 2)))
    horizon = natural.shape[1]
    ids = np.array(run.matrix.ids, dtype=object)[present]
    steps = np.tile(np.repeat(np.arange(1, horizon + 1), len(LEVELS)), len(present))
    frame = pl.DataFrame(
        {
            "series_id": pl.Series(np.repeat(ids, horizon * len(LEVELS)).tolist(), dtype=pl.String),
            "horizon": pl.Series(steps, dtype=pl.Int32),
            "level": np.tile(LEVELS, len(present) * horizon),
            "quantile": natural[present].reshape(-1),
        }
    )
    ahead = pl.duration(days=pl.col("horizon").cast(pl.Int64) * run.matrix.step)
    return frame.with_columns(model_id=pl.lit(name), target_end_date=pl.lit(run.matrix.reference) + ahead)


def final_rows(run: Run, *, name: str, flat: Floats) -> pl.DataFrame:
    """A model's `quantile_rows` with is_fallback and limited_history; where it has nothing, the flat line, marked."""
    quantiles = run.quantiles[name]
    missing = np.asarray(np.any(np.isnan(quantiles), axis=(1, 2)))
    rows = quantile_rows(run, name=name, quantiles=np.where(missing[:, None, None], flat, quantiles))
    flags = pl.DataFrame(
        {
            "series_id": list(run.matrix.ids),
            "is_fallback": run.fallback[name] | missing,
            "limited_history": run.limited,
        }
    )
    return rows.join(flags, on="series_id", maintain_order="left")
