"""Did the data change rather than the mood? Volume that changed level, or all signals moving as one.

Not for mood: a data break asks for a look at the source.
"""

from __future__ import annotations

import math

import polars as pl

from forecasting.alerts.cells import candidates

PLACE = ["population", "geo_type", "geo_value"]
RECENT_DAYS, BASE_DAYS = 7, 28
LEAST_RECENT, LEAST_BASE = 5, 20
LEAST_RATIO, LEAST_Z = 1.5, 4.0
SIGNAL_Z, LEAST_SIGNALS, TOGETHER = 4.0, 4, 0.75
# Efficiency of a median against a mean, and the normal equivalent of the median absolute deviation.
MEDIAN_SE, MAD_SD = 1.2533, 1.4826
VOLUME, SEVERAL = "post_volume", "several_signals"


def break_candidates(cells: pl.DataFrame) -> pl.DataFrame:
    """Candidates of kind data_break, from daily cells: one per place and population for volume, and one
    where most signals moved the same way together, whatever their meaning."""
    daily = cells.filter(pl.col("time_type") == "day")
    if daily.is_empty():
        return candidates(daily.with_columns(pl.col("geo_value").alias("location")).clear())
    return pl.concat([_volume(daily), _together(daily)])


def level_shift(frame: pl.DataFrame, *, by: list[str], value: str) -> pl.DataFrame:
    """Compare the last 7 days' median with the 28 days' before; `value` on an additive scale.

    One row per group: base, recent (medians), z (shift in units of its robust error), onset (first day
    of the last 7), time_value. Weekday effects are removed with the base period's weekday medians.
    """
    last = pl.col("time_value").max().over(by)
    age = (last - pl.col("time_value")).dt.total_days()
    recent, base = age < RECENT_DAYS, (age >= RECENT_DAYS) & (age < RECENT_DAYS + BASE_DAYS)
    window = frame.with_columns(recent.alias("recent"), base.alias("base")).filter(recent | base)
    weekday = pl.col("time_value").dt.weekday()
    usual = pl.col(value).filter("base").median().over([*by, weekday])
    overall = pl.col(value).filter("base").median().over(by)
    flat = window.with_columns((pl.col(value) - usual.fill_null(overall) + overall).alias("flat"))
    spread = (pl.col("flat") - pl.col("flat").filter("base").median()).abs().filter("base").median() * MAD_SD
    groups = flat.group_by(by, maintain_order=True).agg(
        pl.col("flat").filter("base").median().alias("base"),
        pl.col("flat").filter("recent").median().alias("now"),
        spread.alias("sd"),
        pl.col("base").sum().alias("n_base"),
        pl.col("recent").sum().alias("n_recent"),
        pl.col("time_value").max(),
        pl.col("time_value").filter("recent").min().alias("onset"),
    )
    error = MEDIAN_SE * pl.col("sd") * (1 / pl.col("n_recent") + 1 / pl.col("n_base")).sqrt()
    return groups.filter(pl.col("n_base") >= LEAST_BASE, pl.col("n_recent") >= LEAST_RECENT).with_columns(
        ((pl.col("now") - pl.col("base")) / error.clip(lower_bound=1e-6)).alias("z")
    )


def _volume(daily: pl.DataFrame) -> pl.DataFrame:
    volume = daily.group_by([*PLACE, "time_type", "time_value"]).agg(
        pl.coalesce("n_posts", "people").max().alias("volume"), pl.col("people").max()
    )
    shifts = level_shift(
        volume.sort([*PLACE, "time_value"]).with_columns(pl.col("volume").log1p().alias("log")),
        by=PLACE,
        value="log",
    ).join(_newest_people(daily), on=PLACE, how="left")
    large = ((pl.col("now") - pl.col("base")).abs() >= math.log(LEAST_RATIO)) & (pl.col("z").abs() >= LEAST_Z)
    return _rows(
        shifts.with_columns(
            pl.lit(VOLUME).alias("signal"),
            pl.col("now").exp().sub(1).alias("observed"),
            pl.col("base").exp().sub(1).alias("expected"),
            (pl.col("base") + (pl.col("now") - pl.col("base")).sign() * math.log(LEAST_RATIO))
            .exp()
            .sub(1)
            .alias("threshold"),
            large.alias("fires"),
        ),
        detector="volume_level_1",
    )


def _newest_people(daily: pl.DataFrame) -> pl.DataFrame:
    newest = daily.filter(pl.col("time_value") == pl.col("time_value").max().over(PLACE))
    return newest.group_by(PLACE).agg(pl.col("people").max().alias("sample_size"))


def _together(daily: pl.DataFrame) -> pl.DataFrame:
    """Share of signals that moved the same way; needs signals that are not all of one direction."""
    shares = daily.filter(pl.col("statistic").cast(pl.String) != "count")
    clipped = pl.col("value").clip(1e-6, 1 - 1e-6)
    logits = shares.with_columns((clipped / (1 - clipped)).log().alias("logit"))
    moved = level_shift(logits, by=[*PLACE, "signal", "direction"], value="logit")
    up, down = pl.col("z") >= SIGNAL_Z, pl.col("z") <= -SIGNAL_Z
    together = (
        moved.group_by(PLACE, maintain_order=True)
        .agg(
            pl.max_horizontal(up.mean(), down.mean()).alias("observed"),
            pl.len().alias("n_signals"),
            pl.col("direction").filter(up | down).n_unique().alias("directions"),
            pl.col("time_value").max(),
            pl.col("onset").min(),
        )
        .join(_newest_people(daily), on=PLACE, how="left")
    )
    enough = (pl.col("n_signals") >= LEAST_SIGNALS) & (pl.col("directions") >= 2)
    return _rows(
        together.with_columns(
            pl.lit(SEVERAL).alias("signal"),
            pl.lit(0.0).alias("expected"),
            pl.lit(TOGETHER).alias("threshold"),
            (enough & (pl.col("observed") >= TOGETHER)).alias("fires"),
        ),
        detector="common_shift_1",
    )


def _rows(frame: pl.DataFrame, *, detector: str) -> pl.DataFrame:
    return candidates(
        frame.with_columns(
            pl.lit("data_break").alias("kind"),
            pl.col("geo_value").alias("location"),
            pl.lit("day").alias("time_type"),
            pl.lit(detector).alias("detector"),
            pl.lit("medium").alias("severity"),
            pl.col("fires").alias("exceeds"),
        )
    )
