"""Reads one publication for the export. Not for computing or writing anything."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from warehouse import publish
from warehouse.errors import ContractError, InputError
from warehouse.newest_version import newest_version
from warehouse.places import help_line_of
from warehouse.tables import PUBLISHED, empty

# All that an export is made of.
READ = (
    "signals", "signal_catalogue", "places", "forecasts", "model_choice", "scores", "peak_outlook", "alerts",
    "alert_tests", "breaks", "revisions",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Source:
    """One publication's tables, with names for its signals and places."""

    issue: dt.date
    version: str
    tables: dict[str, pl.DataFrame]
    manifest: dict[str, object]

    def help_line(self, location: str) -> str:
        """The help line of a place's country, or else the usual one; empty where there is none."""
        given = self.manifest.get("help_lines")
        lines = {str(code): str(line) for code, line in given.items()} if isinstance(given, dict) else {}
        return help_line_of(location, lines=lines, usual=str(self.manifest.get("help_line", "")))

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


def open_source(published: Path, *, issue: dt.date | None) -> Source:
    """The tables in `READ` of `issue` (None: of the current one), newest version; one that it lacks is empty.

    Raises `InputError` where there is no such issue and `ContractError` where a table lacks a column.
    """
    return read_source(_folder(published, issue=issue))


def read_source(folder: Path) -> Source:
    """The tables in `READ` of the publication in `folder`; one that it lacks is empty."""
    manifest = _json(folder / publish.MANIFEST)
    tables = {name: _table(folder, name=name) for name in READ}
    return Source(
        issue=dt.date.fromisoformat(str(manifest["issue"])),
        version=str(manifest["version"]),
        tables=tables,
        manifest=manifest,
    )


def _folder(published: Path, *, issue: dt.date | None) -> Path:
    """The current publication, or the newest version of one issue."""
    if issue is None:
        return publish.current(published).folder
    if (published / publish.POINTER).is_file() and publish.current(published).issue == issue:
        return publish.current(published).folder
    return _of_issue(published, issue=issue)


def _of_issue(published: Path, *, issue: dt.date) -> Path:
    newest = newest_version(published / f"issue={issue}")
    if newest is None:
        known = ", ".join(sorted(path.name.removeprefix("issue=") for path in published.glob("issue=*")))
        raise InputError(f"{published} holds no issue {issue}. It holds: {known or 'nothing'}.")
    return newest


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
