"""Ten lines on what a night found, read from the publication alone. Not a report: the dashboard is that."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from warehouse.main_model import DEFAULTS, main_models, newest, nightly_skill, of_main
from warehouse.publish import Publication
from warehouse.skill import in_words, overall


def summarise(publication: Publication, *, dashboard: str) -> list[str]:
    """At most ten lines: what came in, what moved, what is alarming, how good forecasts are, what next."""
    tables = read_tables(publication)
    lines = [f"Issue {publication.issue}, version {publication.version}."]
    lines += [_intake_line(tables["accounting"]), _publish_line(tables["accounting"])]
    lines += _trend_lines(tables["signals"], catalogue=tables["signal_catalogue"], places=tables["places"])
    lines += _alert_lines(tables["alerts"])
    lines += [skill_line(tables), f"Open the dashboard: {dashboard}"]
    return lines[:10]


def read_tables(publication: Publication) -> dict[str, pl.DataFrame]:
    """Every table of a publication by its bare name."""
    return {path.stem: _read(path) for path in sorted(publication.folder.glob("*.parquet"))}


def _read(path: Path) -> pl.DataFrame:
    """A table with closed sets as text, however they were written."""
    return pl.read_parquet(path).with_columns(pl.col(pl.Enum).cast(pl.String))


def _intake_line(accounting: pl.DataFrame) -> str:
    totals = _totals(accounting, stage="intake")
    parts = ", ".join(f"{totals.get(name, 0):,} {name}" for name in ("posts", "duplicates", "quarantined"))
    return f"Received {totals.get('received', 0):,} records: {parts}."


def _publish_line(accounting: pl.DataFrame) -> str:
    totals = _totals(accounting, stage="publish")
    hidden = sum(n for reason, n in totals.items() if reason.startswith("suppressed"))
    return f"New cells: {totals.get('published', 0):,} published, {hidden:,} suppressed (too few people)."


def _totals(accounting: pl.DataFrame, *, stage: str) -> dict[str, int]:
    rows = accounting.filter(pl.col("stage") == stage).group_by("reason").agg(pl.col("n").sum())
    return dict(rows.iter_rows())


def _trend_lines(signals: pl.DataFrame, *, catalogue: pl.DataFrame, places: pl.DataFrame) -> list[str]:
    """The three changes over the last two published weeks that are largest against their own error."""
    plain = catalogue.filter((pl.col("smoothing") == "none") & (pl.col("statistic") == "share"))
    weeks = signals.filter(
        (pl.col("time_type") == "week") & (pl.col("population") == "all") & pl.col("value").is_not_null()
    ).join(plain.select("signal", "label_en", "unit"), on="signal")
    recent = weeks.filter(pl.col("time_value") == pl.col("time_value").max())
    before = weeks.with_columns(time_value=pl.col("time_value") + pl.duration(days=7))
    keys = ["signal", "geo_type", "geo_value", "time_value"]
    pairs = recent.join(before.select(*keys, value_before="value", se_before="se"), on=keys)
    error = (pl.col("se") ** 2 + pl.col("se_before") ** 2).sqrt()
    # Series made elsewhere may come without an error.
    moved = pairs.with_columns(change=pl.col("value") - pl.col("value_before"), error=error).filter(
        pl.col("error") > 0, pl.col("sample_size").is_not_null()
    )
    named = moved.join(places, on=["geo_type", "geo_value"], how="left")
    top = named.sort((pl.col("change") / pl.col("error")).abs(), *keys, descending=[True, *[False] * 4]).head(
        3
    )
    return [_trend_line(row) for row in top.iter_rows(named=True)] or [
        "No week has two published values in a row yet."
    ]


def _trend_line(row: dict[str, object]) -> str:
    value, before, change, error = (float(str(row[k])) for k in ("value", "value_before", "change", "error"))
    # Series made elsewhere may count something else than people.
    of = "of people" if row["unit"] == "share of people" else f"({row['unit']})"
    return (
        f"{row['label_en']}, {row['label']}: {value:.1%} {of} in the week to {row['time_value']}, "
        f"{before:.1%} the week before ({change:+.1%} ± {1.96 * error:.1%}, n={row['sample_size']})."
    )


def _alert_lines(alerts: pl.DataFrame) -> list[str]:
    alive = alerts.filter(pl.col("status").is_in(["open", "acknowledged"]))
    if alive.is_empty():
        return ["No open alerts."]
    rank = pl.col("severity").replace_strict({"high": 0, "medium": 1, "low": 2}, default=3)
    first = alive.sort(rank, "p_value", "alert_id", nulls_last=True)["message"][0]
    stories = alive["group_id"].n_unique()
    return [f"{alive.height} open alerts in {stories} stories, the clearest: {first.splitlines()[0]}"]


def skill_line(tables: dict[str, pl.DataFrame]) -> str:
    """How the forecasts that are shown, of whichever model each series uses, did against the flat line."""
    models = main_models(newest(tables["forecasts"]), choices=tables["model_choice"])
    series = of_main(nightly_skill(tables["scores"]), models=models)
    if series.is_empty():
        return "Forecast skill: not enough history to say."
    total = overall(series.with_columns(of=pl.lit("shown")), by=("of",)).row(0, named=True)
    others = models.filter(~pl.col("model_id").is_in(DEFAULTS)).height
    relative = total["relative_wis"]
    return (
        f"Forecasts: relative WIS {relative:.2f} over {total['n_series']} series: {in_words(relative)}. "
        f"{others} of {models.height} series use another model than the ensemble."
    )
