"""Tiny warehouses of this and of older versions, and what is in them. Used by the tests only."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl

from warehouse.config import Config, parse_config
from warehouse.migrations import contract
from warehouse.store import open_store
from warehouse.tables import TABLES

DAY = dt.date(2024, 1, 1)


def config_in(folder: Path, **sections: object) -> Config:
    paths = {
        "warehouse": str(folder / "state" / "w.duckdb"),
        "published": str(folder / "published"),
        "exports": str(folder / "exports"),
        "lexicons": str(folder / "state" / "lexicons"),
    }
    return parse_config({"run": {"as_of": "2024-01-02"}, "paths": paths} | sections, where="test")


def old_warehouse(path: Path, *, version: int = 1) -> None:
    """A warehouse with an alert and two signals, as a program of that version left it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        for schema in ("raw", "core", "out"):
            connection.execute(f"CREATE SCHEMA {schema}")
        for name, columns in contract(version).items():
            every = columns | {"run_id": "VARCHAR"}
            typed = ", ".join(f'"{column}" {kind}' for column, kind in every.items())
            connection.execute(f"CREATE TABLE {name} ({typed})")
        for days in range(2):
            _insert(connection, "core.signals", {**SIGNAL, "time_value": DAY + dt.timedelta(days=days)})
        _insert(connection, "out.alerts", ALERT)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, row: dict[str, object]) -> None:
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))


SIGNAL: dict[str, object] = {
    "signal": "lexicon_joy_share", "population": "all", "geo_type": "all", "geo_value": "all", "time_type": "day",
    "issue": DAY + dt.timedelta(days=2), "value": 0.5, "reliability": "high", "missing_value": 0, "missing_se": 0,
    "missing_sample_size": 0, "vintage": "real", "people_unknown": False, "run_id": "r",
}  # fmt: skip
ALERT: dict[str, object] = {
    "alert_id": "a1", "kind": "prevalence_high", "signal": "lexicon_joy_share", "population": "all", "geo_type": "all",
    "location": "all", "time_type": "day", "time_value": DAY, "issue": DAY + dt.timedelta(days=2), "detector": "d",
    "severity": "low", "status": "open", "message": "a message", "run_id": "r",
}  # fmt: skip


def new_warehouse(config: Config, *, refused: int = 3, first: int = 0) -> None:
    """One of this version with a few rows."""
    rows = pl.DataFrame({"record_hash": [f"h{first + number}" for number in range(refused)]}).with_columns(
        source=pl.lit("made"), reason=pl.lit("bad"), detail=pl.lit("a detail"), received_at=DAY
    )
    with open_store(config.paths.warehouse, config=config.warehouse) as store:
        store.append(TABLES["raw.quarantine"], rows, run_id="r")


def killed(config: Config, *, job: str, at: str, archive: str = "-") -> subprocess.CompletedProcess[str]:
    """Do a job (migrate, backup, restore) in a process of its own that is killed at a point of `kill_care.py`."""
    path = config.paths.published.parent / "config.toml"
    lines = [f"{name} = {json.dumps(str(value))}" for name, value in config.paths]
    path.write_text("\n".join(["[paths]", *lines]) + "\n", encoding="utf-8")
    command = [sys.executable, str(Path(__file__).with_name("kill_care.py")), str(path), job, archive, at]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    sql = "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY 1"
    with contextlib.closing(duckdb.connect(str(path), read_only=True)) as connection:
        names = [row[0] for row in connection.execute(sql).fetchall()]
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in names}
