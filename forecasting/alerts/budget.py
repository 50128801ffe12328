"""The chance of a false alarm per test that keeps a week's false alerts within the configured number.

Not for deciding between series of one night: `fdr.py` does that.
"""

from __future__ import annotations

import polars as pl

from forecasting.alerts.cells import SERIES
from forecasting.alerts.prevalence import is_fresh
from warehouse.config import AlertsConfig

NIGHTS = 7


def within_budget(cells: pl.DataFrame, *, config: AlertsConfig) -> AlertsConfig:
    """The configuration with the night's own alpha: the configured one, or lower where the budget asks for it.

    A daily series is tested seven times a week and a weekly one once, so that tests x alpha is the number of
    false alerts expected in a week. Series with a fresh value count, also where they turn out too short to judge.
    """
    if config.budget_per_week is None:
        return config
    tests = weekly_tests(cells)
    return config.model_copy(update={"alpha": min(config.alpha, config.budget_per_week / max(tests, 1))})


def weekly_tests(cells: pl.DataFrame) -> int:
    """How many tests of a higher-is-worse series a week has, at tonight's number of series."""
    worse = cells.filter(pl.col("direction").cast(pl.String) == "higher_is_worse")
    newest = worse.filter(is_fresh(cells)).select(SERIES).unique()
    daily = newest.filter(pl.col("time_type") == "day").height
    return daily * NIGHTS + newest.height - daily


def budget_note(cells: pl.DataFrame, *, config: AlertsConfig) -> str:
    """What the budget did tonight, for the receipt; empty where there is none."""
    if config.budget_per_week is None:
        return ""
    night = within_budget(cells, config=config)
    return (
        f"at most {config.budget_per_week:g} false alerts a week over {weekly_tests(cells):,} tests: "
        f"alpha {night.alpha:.2g} per test (configured {config.alpha:g})"
    )
