"""Turns one publication into the files policy teams receive, checked before they are put in place.

Not for computing numbers: everything is taken as published. Layout and rules: docs/export.md.
"""

from __future__ import annotations

import codecs
import datetime as dt
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from flows.export.brief import Language, brief_pages
from flows.export.check import check_export
from flows.export.columns import BRIEFS, RECEIPT
from flows.export.source import Source, open_source
from flows.export.tables import DECIMALS, Tables, build_tables
from warehouse.errors import ContractError, UsageError
from warehouse.spreadsheet import formula_safe

NAME = re.compile(r"[A-Za-z0-9_]+")
Format = Literal["csv", "parquet", "both"]


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How to write: who by, whether CSV files start with a byte order mark, forecast formats, words of the briefs."""

    team: str = "affectcast"
    bom: bool = False
    forecasts: Format = "both"
    language: Language = "en"


@dataclass(frozen=True, kw_only=True)
class ExportReceipt:
    """What was written: data rows per table, the briefs, and what the reader should know."""

    folder: Path
    issue: dt.date
    version: str
    model: str
    files: dict[str, int]
    briefs: tuple[str, ...]
    notes: tuple[str, ...]


def export_publication(
    published: Path, *, issue: dt.date | None, to: Path, options: ExportOptions | None = None
) -> ExportReceipt:
    """Write the export of `issue` (None: the current one) into the folder `to`, which is replaced as a whole.

    Raises `UsageError` for a bad team name or a `to` that holds other files, `InputError` where there is no
    such publication, and `ContractError` where the result breaks a rule of the check; `to` is then left alone.
    """
    chosen = options or ExportOptions()
    if not NAME.fullmatch(chosen.team):
        raise UsageError(f"team {chosen.team!r}: expected letters, digits and underscores only.")
    _refuse_foreign_folder(to)
    source = open_source(published, issue=issue)
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent, prefix=".export-") as scratch:
        draft = Path(scratch) / "export"
        receipt = checked_draft(source, to=draft, options=chosen, final=to)
        if to.exists():
            to.rename(Path(scratch) / "previous")
        draft.rename(to)
    return receipt


def checked_draft(source: Source, *, to: Path, options: ExportOptions, final: Path) -> ExportReceipt:
    """Write every file below `to`, from where they go to `final`, and check them; `ContractError` says what broke."""
    receipt = _write_all(source, to=to, options=options, final=final)
    problems = check_export(to)
    if problems:
        raise ContractError(f"export of issue {source.issue} was not written:\n" + "\n".join(problems))
    return receipt


def _refuse_foreign_folder(to: Path) -> None:
    if to.exists() and not to.is_dir():
        raise UsageError(f"{to} is a file. Give a folder.")
    if to.is_dir() and any(to.iterdir()) and not (to / RECEIPT).is_file():
        raise UsageError(f"{to} holds files that are not an export. Give an empty or new folder.")


def _write_all(source: Source, *, to: Path, options: ExportOptions, final: Path) -> ExportReceipt:
    tables = build_tables(source, team=options.team)
    rows = _write_tables(tables, to=to, options=options)
    pages = brief_pages(source, language=options.language)
    for name, page in pages.items():
        _write_bytes(to / BRIEFS / name, page.encode())
    receipt = ExportReceipt(
        folder=final,
        issue=source.issue,
        version=source.version,
        model=tables.model,
        files=rows,
        briefs=tuple(f"{BRIEFS}/{name}" for name in pages),
        notes=tables.notes,
    )
    _write_receipt(receipt, to=to, language=options.language)
    return receipt


def _write_tables(tables: Tables, *, to: Path, options: ExportOptions) -> dict[str, int]:
    """Rows per file written."""
    csv = dict(tables.files)
    parquet = {}
    if options.forecasts in ("csv", "both"):
        csv |= {f"{name}.csv": frame for name, frame in tables.forecasts.items()}
    if options.forecasts in ("parquet", "both"):
        parquet = {f"{name}.parquet": frame for name, frame in tables.forecasts.items()}
    for name, frame in csv.items():
        mark = codecs.BOM_UTF8 if options.bom else b""
        _write_bytes(to / name, mark + _cells(frame).write_csv().encode())
    for name, frame in parquet.items():
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        _cells(frame).write_parquet(to / name, compression="zstd", statistics=True)
    return {name: frame.height for name, frame in (csv | parquet).items()}


def _cells(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as it is written, in every format: safe texts, numbers without arithmetic noise."""
    return frame.with_columns(formula_safe(pl.col(pl.String)), pl.col(pl.Float64).round(DECIMALS))


def _write_bytes(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_receipt(receipt: ExportReceipt, *, to: Path, language: Language) -> None:
    facts = {
        "issue": str(receipt.issue),
        "version": receipt.version,
        "model": receipt.model,
        "language": language,
        "rows": receipt.files,
        "briefs": list(receipt.briefs),
        "notes": list(receipt.notes),
    }
    _write_bytes(to / RECEIPT, (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode())
