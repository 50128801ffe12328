"""The chance of a false alarm per test that keeps a week's false alerts within the configured number.

Not for deciding between series of one night: `fdr.py` does that.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from forecasting.alerts.cells import SERIES
from forecasting.alerts.prevalence import is_fresh
from forecasting.alerts.rises import DAILY, WEEKLY
from warehouse.config import AlertsConfig
from warehouse.tables import TABLES

NIGHTS = 7
AT_ALPHA = ("prevalence_high", "prevalence_rise")


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
    """How many tests of higher-is-worse series a week has, at tonight's number of series: of a high each, and of a rise
    where there is a season to hold it against."""
    worse = cells.filter(pl.col("direction").cast(pl.String) == "higher_is_worse")
    newest = worse.filter(is_fresh(cells)).select(SERIES).unique()
    sized = newest.join(worse.group_by(SERIES).len(), on=SERIES)
    of_weeks = pl.col("time_type") == "week"
    long = pl.col("len") >= pl.when(of_weeks).then(WEEKLY.run + WEEKLY.needs).otherwise(
        DAILY.run + DAILY.needs
    )
    tests = pl.when(long).then(len(AT_ALPHA)).otherwise(1) * pl.when(of_weeks).then(1).otherwise(NIGHTS)
    return int(sized.select(tests.sum()).item())


def night_tests(
    found: pl.DataFrame, *, alerts: pl.DataFrame, previous: pl.DataFrame, config: AlertsConfig, issue: dt.date
) -> pl.DataFrame:
    """Rows of `out.alert_tests`: per kind, what was tested tonight, at which alpha, and what was opened.

    `found` are tonight's candidates and `config` the night's own configuration, both as they decided `alerts`. Only
    unusual highs and rises are tested at alpha; the other kinds have counts alone.
    """
    tested = found.group_by("kind").agg(
        n_tests=pl.len(),
        weekly=pl.when(pl.col("time_type") == "week").then(1).otherwise(NIGHTS).sum(),
    )
    by_alpha = pl.col("kind").is_in(AT_ALPHA)
    rows = tested.with_columns(
        pl.lit(issue).alias("issue"),
        pl.lit(0).alias("opened"),
        pl.when(by_alpha).then(pl.lit(config.alpha)).alias("alpha"),
        pl.when(by_alpha).then(pl.lit(config.false_discovery_rate)).alias("false_discovery_rate"),
        pl.lit(config.budget_per_week, dtype=pl.Float64).alias("budget_per_week"),
        pl.when(by_alpha).then(pl.col("weekly") * config.alpha).alias("expected_false_per_week"),
    )
    table = TABLES["out.alert_tests"]
    made = table.schema.validate(rows.select(table.columns), cast=True).sort(table.key)
    return with_opened(made, alerts=alerts, previous=previous, issue=issue)


def with_opened(
    tests: pl.DataFrame, *, alerts: pl.DataFrame, previous: pl.DataFrame, issue: dt.date
) -> pl.DataFrame:
    """The rows with how many of `alerts` no issue before this one knew."""
    earlier = previous.filter(pl.col("issue") < issue).select("alert_id")
    opened = (
        alerts.join(earlier, on="alert_id", how="anti").group_by("kind").agg(opened=pl.len().cast(pl.Int64))
    )
    joined = tests.drop("opened").join(opened, on="kind", how="left", maintain_order="left")
    return joined.with_columns(pl.col("opened").fill_null(0)).select(tests.columns)


def night_notes(tests: pl.DataFrame) -> tuple[str, ...]:
    """What a reader of the receipt should know of a night's tests."""
    known = tests.filter(pl.col("alpha").is_not_null())
    if known.is_empty():
        return ()
    false, alpha, budget = (
        known["expected_false_per_week"].sum(), known["alpha"][0], known["budget_per_week"][0]
    )  # fmt: skip
    limit = "no budget is set" if budget is None else f"the budget is {budget:g}"
    return (
        f"{known['n_tests'].sum():,} tests at alpha {alpha:.2g}: at most {false:.2g} false alerts a week ({limit})",
    )
