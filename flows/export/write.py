"""Turns one publication into the files policy teams receive, checked before they are put in place.

Not for computing numbers: everything is taken as published. Layout and rules: docs/export.md.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from flows.export.check import check_export
from flows.export.columns import (
    ALERT_COLUMNS,
    DICTIONARY,
    FILES,
    FORMULA,
    HUB_COLUMNS,
    OBSERVED_COLUMNS,
    PREFIX,
    RECEIPT,
    SUMMARY_COLUMNS,
    TARGET_COLUMNS,
    WIDE_LEVELS,
)
from warehouse import publish
from warehouse.errors import ContractError, InputError, UsageError
from warehouse.main_model import DEFAULTS, SERIES, main_models, newest, nightly_skill, of_main
from warehouse.skill import in_words
from warehouse.tables import PUBLISHED, empty

# What the forecast files are called by: the models that each night chose for each series.
MAIN = "main"
TASK = ["reference_date", "target", "location", "horizon"]
NAME = re.compile(r"[A-Za-z0-9_]+")

# Beyond this lies arithmetic noise, and files should not differ by it.
DECIMALS = 8


@dataclass(frozen=True, kw_only=True)
class ExportReceipt:
    """What was written: data rows per file, and what the reader should know."""

    folder: Path
    issue: dt.date
    version: str
    model: str
    files: dict[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Source:
    """One publication's tables, with names for its signals and places."""

    issue: dt.date
    version: str
    tables: dict[str, pl.DataFrame]

    def named(self, frame: pl.DataFrame, *, signal: str, place: str) -> pl.DataFrame:
        """Add location_name and signal_label; a name that is not known is the bare code."""
        places = self.tables["places"].select(
            "geo_type", pl.col("geo_value").alias(place), location_name="label"
        )
        labels = self.tables["signal_catalogue"].select(
            pl.col("signal").alias(signal), signal_label="label_en"
        )
        joined = frame.join(places, on=["geo_type", place], how="left").join(labels, on=signal, how="left")
        return joined.with_columns(pl.coalesce("location_name", place), pl.coalesce("signal_label", signal))


def export_publication(
    published: Path, *, issue: dt.date | None, to: Path, team: str = "affectcast"
) -> ExportReceipt:
    """Write the export of `issue` (None: the current one) into the folder `to`, which is replaced as a whole.

    Raises `UsageError` for a bad team name or a `to` that holds other files, `InputError` where there is no
    such publication, and `ContractError` where the result breaks a hubverse rule; `to` is then left alone.
    """
    if not NAME.fullmatch(team):
        raise UsageError(f"team {team!r}: expected letters, digits and underscores only.")
    _refuse_foreign_folder(to)
    source = _open(published, issue=issue)
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=".export-") as scratch:
        draft = Path(scratch) / "export"
        receipt = _write_all(source, to=draft, team=team, final=to)
        problems = check_export(draft)
        if problems:
            raise ContractError(f"export of issue {source.issue} was not written:\n" + "\n".join(problems))
        if to.exists():
            to.rename(Path(scratch) / "previous")
        draft.rename(to)
    return receipt


def _refuse_foreign_folder(to: Path) -> None:
    if to.exists() and not to.is_dir():
        raise UsageError(f"{to} is a file. Give a folder.")
    if to.is_dir() and any(to.iterdir()) and not (to / RECEIPT).is_file():
        raise UsageError(f"{to} holds files that are not an export. Give an empty or new folder.")


# ----------------------------------------------------------------------------------------- reading


def _open(published: Path, *, issue: dt.date | None) -> _Source:
    folder = _folder(published, issue=issue)
    manifest = _json(folder / publish.MANIFEST)
    tables = {name: _table(folder, name=name) for name in PUBLISHED}
    return _Source(
        issue=dt.date.fromisoformat(str(manifest["issue"])), version=str(manifest["version"]), tables=tables
    )


def _folder(published: Path, *, issue: dt.date | None) -> Path:
    """The current publication, or the newest version of one issue."""
    if issue is None:
        return publish.current(published).folder
    if (published / publish.POINTER).is_file() and publish.current(published).issue == issue:
        return publish.current(published).folder
    return _of_issue(published, issue=issue)


def _of_issue(published: Path, *, issue: dt.date) -> Path:
    versions = sorted((published / f"issue={issue}").glob(f"version=*/{publish.MANIFEST}"))
    if not versions:
        known = ", ".join(sorted(path.name.removeprefix("issue=") for path in published.glob("issue=*")))
        raise InputError(f"{published} holds no issue {issue}. It holds: {known or 'nothing'}.")
    return max(versions, key=lambda path: (path.stat().st_mtime_ns, path.parent.name)).parent


def _json(path: Path) -> dict[str, object]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is missing or damaged. Run `affectcast publish` again.") from error
    if not isinstance(raw, dict):
        raise InputError(f"{path} is damaged: expected a JSON object. Run `affectcast publish` again.")
    return raw


def _table(folder: Path, *, name: str) -> pl.DataFrame:
    path = folder / f"{name}.parquet"
    frame = pl.read_parquet(path, glob=False) if path.is_file() else empty(PUBLISHED[name])
    missing = [column for column in PUBLISHED[name].columns if column not in frame.columns]
    if missing:
        raise ContractError(f"{path} has no column {', '.join(missing)}. Run `affectcast publish` again.")
    closed = [column for column, kind in frame.schema.items() if isinstance(kind, (pl.Enum, pl.Categorical))]
    return frame.with_columns(pl.col(closed).cast(pl.String)) if closed else frame


# ----------------------------------------------------------------------------------------- writing


def _write_all(source: _Source, *, to: Path, team: str, final: Path) -> ExportReceipt:
    models = main_models(newest(source.tables["forecasts"]), choices=source.tables["model_choice"])
    model = _model(models, chosen=source.tables["model_choice"].height > 0)
    forecasts = _forecasts(source, models=models)
    frames = {
        "targets.csv": _targets(source, forecasts=forecasts),
        "policy_summary.csv": _summary(source, forecasts=forecasts),
        "observed.csv": _observed(source),
        "alerts.csv": _alerts(source),
    }
    frames |= _hub_files(source, forecasts=forecasts, name=f"{team}-{model}")
    frames[DICTIONARY] = _dictionary()
    for path, frame in frames.items():
        _write_csv(frame, path=to / path)
    notes = _notes(models)
    _write_text(to, source=source, model=model, notes=notes)
    rows = {path: frame.height for path, frame in frames.items()}
    return ExportReceipt(
        folder=final, issue=source.issue, version=source.version, model=model, files=rows, notes=notes
    )


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


def _forecasts(source: _Source, *, models: pl.DataFrame) -> pl.DataFrame:
    """The newest forecast of each series by its main model, with its hub target name as `hub_target`."""
    rows = of_main(newest(source.tables["forecasts"]), models=models)
    whose = pl.when(pl.col("population") == "all").then(pl.lit("")).otherwise(" " + pl.col("population"))
    prefix = pl.col("time_type").replace_strict(PREFIX, return_dtype=pl.String)
    name = pl.concat_str(prefix, pl.lit(" "), "target", whose)
    return rows.with_columns(name.alias("hub_target"), pl.col("value").round(DECIMALS))


def _hub_files(source: _Source, *, forecasts: pl.DataFrame, name: str) -> dict[str, pl.DataFrame]:
    """One file per reference date; a file with headings only where there is nothing to forecast."""
    rows = forecasts.with_columns(target=pl.col("hub_target")).select(list(HUB_COLUMNS))
    ordered = rows.sort(*TASK, "output_type_id")
    dates = ordered.get_column("reference_date").unique().sort().to_list() or [source.issue]
    return {
        f"model-output/{name}/{date}-{name}.csv": ordered.filter(pl.col("reference_date") == date)
        for date in dates
    }


def _targets(source: _Source, *, forecasts: pl.DataFrame) -> pl.DataFrame:
    known = source.tables["signal_catalogue"].select("signal", "statistic", "unit", signal_label="label_en")
    used = forecasts.select("population", "time_type", target="hub_target", signal="target").unique()
    joined = used.join(known, on="signal", how="left").with_columns(
        pl.col("signal_label").fill_null(pl.col("signal")),
        pl.col("statistic", "unit").fill_null("not in the catalogue"),
    )
    return joined.select(list(TARGET_COLUMNS)).sort("target")


def _summary(source: _Source, *, forecasts: pl.DataFrame) -> pl.DataFrame:
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


def _last_observed(source: _Source) -> pl.DataFrame:
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


def _observed(source: _Source) -> pl.DataFrame:
    named = source.named(source.tables["signals"], signal="signal", place="geo_value")
    final = named.rename({"geo_value": "location"}).select(list(OBSERVED_COLUMNS))
    return final.sort("location", "geo_type", "signal", "population", "time_type", "time_value", "issue")


def _alerts(source: _Source) -> pl.DataFrame:
    named = source.named(source.tables["alerts"], signal="signal", place="location")
    return named.select(list(ALERT_COLUMNS)).sort("alert_id")


def _dictionary() -> pl.DataFrame:
    tables = {"model-output": HUB_COLUMNS} | FILES
    rows = [
        (file, column, meaning) for file, columns in tables.items() for column, meaning in columns.items()
    ]
    return pl.DataFrame(rows, schema=["file", "column", "meaning"], orient="row")


def _write_csv(frame: pl.DataFrame, *, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.with_columns(_formula_safe(pl.col(pl.String)), pl.col(pl.Float64).round(DECIMALS)).write_csv(path)


def _formula_safe(text: pl.Expr) -> pl.Expr:
    """One line, with `'` before a text that a spreadsheet would run as a formula."""
    line = text.str.replace_all(r"\s*[\r\n]+\s*", " ")
    return pl.when(text.str.contains(FORMULA)).then("'" + line).otherwise(line).name.keep()


def _write_text(to: Path, *, source: _Source, model: str, notes: tuple[str, ...]) -> None:
    facts = {"issue": str(source.issue), "version": source.version, "model": model, "notes": list(notes)}
    (to / RECEIPT).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
