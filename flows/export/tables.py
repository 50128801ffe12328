"""The tables of an export, by file name, from one publication. Not for writing files."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from flows.export.columns import (
    ALERT_COLUMNS,
    DICTIONARY,
    DICTIONARY_COLUMNS,
    FILES,
    HUB_COLUMNS,
    OBSERVED_COLUMNS,
    PREFIX,
    PURPOSES,
    SUMMARY_COLUMNS,
    TARGET_COLUMNS,
    WIDE_LEVELS,
)
from flows.export.source import Source
from warehouse.main_model import DEFAULTS, SERIES, main_models, newest, nightly_skill, of_main
from warehouse.skill import in_words

# What the forecast files are called by: the models that each night chose for each series.
MAIN = "main"
TASK = ["reference_date", "target", "location", "horizon"]

# Beyond this lies arithmetic noise, and files should not differ by it.
DECIMALS = 8


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Every table of an export: `files` by file name, `forecasts` by file name without its ending."""

    files: dict[str, pl.DataFrame]
    forecasts: dict[str, pl.DataFrame]
    model: str
    notes: tuple[str, ...]


def build_tables(source: Source, *, team: str) -> Tables:
    """The tables of the newest forecasts, by the model chosen for each series, and of what was observed."""
    models = shown_models(source)
    model = _model(models, chosen=source.tables["model_choice"].height > 0)
    forecasts = shown_forecasts(source)
    files = {
        "targets.csv": _targets(source, forecasts=forecasts),
        "policy_summary.csv": _summary(source, forecasts=forecasts),
        "observed.csv": _observed(source),
        "alerts.csv": _alerts(source),
        DICTIONARY: _dictionary(),
    }
    hub = _hub_files(source, forecasts=forecasts, name=f"{team}-{model}")
    return Tables(files=files, forecasts=hub, model=model, notes=_notes(models))


def shown_models(source: Source) -> pl.DataFrame:
    """The main model of every series that has a newest forecast: see `warehouse/main_model.py`."""
    return main_models(newest(source.tables["forecasts"]), choices=source.tables["model_choice"])


def _model(models: pl.DataFrame, *, chosen: bool) -> str:
    """What the forecast files are called by: `MAIN`, the same every night whatever was chosen.

    A publication of an earlier version chose nothing: its files go under the name of the one model in them.
    """
    names = models.get_column("model_id").unique().to_list()
    return MAIN if chosen or len(names) != 1 else str(names[0])


def _notes(models: pl.DataFrame) -> tuple[str, ...]:
    others = models.filter(~pl.col("model_id").is_in(DEFAULTS))
    if models.is_empty():
        return ("There was nothing to forecast: the forecast files hold their headings only.",)
    if others.is_empty():
        return ()
    names = ", ".join(others.get_column("model_id").unique().sort())
    return (
        f"{others.height} of {models.height} series are forecast by another model than the ensemble ({names}): "
        "policy_summary.csv names each one's.",
    )


def shown_forecasts(source: Source) -> pl.DataFrame:
    """The newest forecast of each series by its main model, with its hub target name as `hub_target`."""
    rows = of_main(newest(source.tables["forecasts"]), models=shown_models(source))
    whose = pl.when(pl.col("population") == "all").then(pl.lit("")).otherwise(" " + pl.col("population"))
    prefix = pl.col("time_type").replace_strict(PREFIX, return_dtype=pl.String)
    name = pl.concat_str(prefix, pl.lit(" "), "target", whose)
    return rows.with_columns(name.alias("hub_target"), pl.col("value").round(DECIMALS))


def _hub_files(source: Source, *, forecasts: pl.DataFrame, name: str) -> dict[str, pl.DataFrame]:
    """One table per reference date; one without rows where there is nothing to forecast."""
    rows = forecasts.with_columns(target=pl.col("hub_target")).select(list(HUB_COLUMNS))
    ordered = rows.sort(*TASK, "output_type_id")
    dates = ordered.get_column("reference_date").unique().sort().to_list() or [source.issue]
    return {
        f"model-output/{name}/{date}-{name}": ordered.filter(pl.col("reference_date") == date)
        for date in dates
    }


def _targets(source: Source, *, forecasts: pl.DataFrame) -> pl.DataFrame:
    known = source.tables["signal_catalogue"].select("signal", "statistic", "unit", signal_label="label_en")
    used = forecasts.select("population", "time_type", target="hub_target", signal="target").unique()
    joined = used.join(known, on="signal", how="left").with_columns(
        pl.col("signal_label").fill_null(pl.col("signal")),
        pl.col("statistic", "unit").fill_null("not in the catalogue"),
    )
    return joined.select(list(TARGET_COLUMNS)).sort("target")


def _summary(source: Source, *, forecasts: pl.DataFrame) -> pl.DataFrame:
    key = ["model_id", *SERIES, "reference_date", "horizon"]
    level = pl.col("output_type_id").round(3)
    quantiles = [
        pl.col("value").filter(level == float(name)).first().alias(f"q{name}") for name in WIDE_LEVELS
    ]
    flags = pl.col("target_end_date", "is_fallback", "limited_history").first()
    wide = (
        forecasts.group_by(key)
        .agg(*quantiles, flags)
        .with_columns(pl.col(f"q{name}").round(3).alias(f"q{name}_rounded") for name in WIDE_LEVELS)
    )
    skill = nightly_skill(source.tables["scores"]).select(*SERIES, "model_id", "relative_wis")
    why = source.tables["model_choice"].select(
        *SERIES, "model_id", model_since="since", model_reason="reason"
    )
    joined = wide.join(_last_observed(source), on=SERIES, how="left")
    for of_model in (skill, why):
        joined = joined.join(of_model, on=[*SERIES, "model_id"], how="left")
    named = source.named(joined, signal="target", place="location").with_columns(_skill_words())
    final = named.rename({"target": "signal", "model_id": "model"}).select(list(SUMMARY_COLUMNS))
    return final.sort("location", "signal", "population", "time_type", "horizon")


def _last_observed(source: Source) -> pl.DataFrame:
    seen = source.tables["signals"].filter(pl.col("value").is_not_null()).sort("time_value", "issue")
    columns = {"date": "time_value", "value": "value", "se": "se", "n": "sample_size", "issue": "issue"}
    renamed = seen.rename({"signal": "target", "geo_value": "location"})
    return renamed.group_by(SERIES).agg(
        pl.col(column).last().alias(f"last_observed_{name}") for name, column in columns.items()
    )


def _skill_words() -> pl.Expr:
    return (
        pl.col("relative_wis").map_elements(in_words, return_dtype=pl.String, skip_nulls=False).alias("skill")
    )


def _observed(source: Source) -> pl.DataFrame:
    named = source.named(source.tables["signals"], signal="signal", place="geo_value")
    final = named.rename({"geo_value": "location"}).select(list(OBSERVED_COLUMNS))
    return final.sort("location", "geo_type", "signal", "population", "time_type", "time_value", "issue")


def _alerts(source: Source) -> pl.DataFrame:
    named = source.named(source.tables["alerts"], signal="signal", place="location")
    return named.select(list(ALERT_COLUMNS)).sort("alert_id")


def _dictionary() -> pl.DataFrame:
    tables = {"model-output": HUB_COLUMNS} | FILES | {DICTIONARY: DICTIONARY_COLUMNS}
    rows = [
        (file, column, meaning)
        for file, purpose in PURPOSES.items()
        for column, meaning in ({"": purpose} | tables.get(file, {})).items()
    ]
    return pl.DataFrame(rows, schema=["file", "column", "meaning"], orient="row")
