"""How the tables changed from one version to the next, and what an older warehouse's rows become.

A change of a contract that is not `derived` adds a step to `MIGRATIONS`; `python -m warehouse.migrations` then notes
the new columns in `contracts.json`. Not for opening or copying a warehouse: `upgrade.py` does that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

CONTRACTS = Path(__file__).with_name("contracts.json")


@dataclass(frozen=True, kw_only=True)
class Change:
    """A table with new columns: `fill` says what each is in an old row, as SQL over that row.

    Columns of the same name are kept. Without `keep`, rows that lack a column stay behind: every night makes its own.
    """

    table: str
    fill: dict[str, str] = field(default_factory=dict)
    keep: bool = True


# The first step makes version 2 of version 1, and so on. A table that is new needs no change, only a step.
MIGRATIONS: tuple[tuple[Change, ...], ...] = (
    (  # 0.1.0 knew no version number, so everything without one is version 1.
        Change(table="core.signals", fill={"main_lang": "NULL", "design_effect": "1.0"}),
        Change(
            table="out.alerts",
            fill={
                "group_id": "alert_id",
                "since": "time_value",
                "forecast_p": "NULL",
                "forecast_issued": "NULL",
                "ended": "NULL",
            },
        ),
        Change(
            table="out.contagion",
            fill=dict.fromkeys(("ratio_low", "ratio_high", "parts_above", "branching_reason"), "NULL"),
        ),
        Change(table="out.events", fill={"announced": "NULL"}),
        Change(table="out.peak_outlook", keep=False),
        Change(table="out.word_shifts", keep=False),
        Change(table="out.event_effects", keep=False),
    ),
    (),  # Platforms as sources: their cursors, questions and deleted posts are new tables.
)
VERSION = len(MIGRATIONS) + 1


def contract(version: int) -> dict[str, dict[str, str]]:
    """Columns and SQL types of every table that is not derived, as they were in a version."""
    layers: dict[str, dict[str, dict[str, str]]] = json.loads(CONTRACTS.read_text(encoding="utf-8"))
    tables: dict[str, dict[str, str]] = {}
    for number in range(1, version + 1):
        tables |= layers.get(str(number), {})
    return tables


def version_of(connection: duckdb.DuckDBPyConnection) -> int | None:
    """The version of an open warehouse's tables; None where there are none yet."""
    try:
        row = connection.execute("SELECT value FROM core.identity WHERE name = 'schema_version'").fetchone()
    except duckdb.CatalogException:
        return 1 if columns_of(connection, table="raw.posts") else None
    return int(row[0]) if row else None


def columns_of(connection: duckdb.DuckDBPyConnection, *, table: str) -> list[str]:
    """The columns of a table in order; empty where it does not exist."""
    return columns_of_all(connection).get(table, [])


def columns_of_all(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The columns of every table in order."""
    sql = (
        "SELECT schema_name || '.' || table_name, list(column_name ORDER BY column_index) FROM duckdb_columns() "
        "WHERE database_name = current_database() GROUP BY ALL ORDER BY 1"
    )
    return dict(connection.execute(sql).fetchall())


def migrate(connection: duckdb.DuckDBPyConnection, *, found: int) -> None:
    """Bring every table from version `found` to the newest, each step in one transaction."""
    for number in range(found + 1, VERSION + 1):
        columns = contract(number)
        connection.execute("BEGIN")
        try:
            for change in MIGRATIONS[number - 2]:
                _apply(connection, change=change, columns=columns[change.table])
            _note(connection, version=number)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _apply(connection: duckdb.DuckDBPyConnection, *, change: Change, columns: dict[str, str]) -> None:
    """Make the table anew in the given columns; nothing where it is not there or has them."""
    types = columns | {"run_id": "VARCHAR"}
    known = columns_of(connection, table=change.table)
    if not known or known == list(types):
        return
    new, (_, bare) = f"{change.table}_new", change.table.split(".")
    made = ", ".join(f'"{name}" {kind}' for name, kind in types.items())
    connection.execute(f"CREATE TABLE {new} ({made})")
    if change.keep:
        values = [f'"{name}"' if name in known else change.fill[name] for name in types]
        connection.execute(f"INSERT INTO {new} SELECT {', '.join(values)} FROM {change.table}")
    connection.execute(f"DROP TABLE {change.table}")
    connection.execute(f"ALTER TABLE {new} RENAME TO {bare}")


def _note(connection: duckdb.DuckDBPyConnection, *, version: int) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS core.identity (name VARCHAR, value VARCHAR, run_id VARCHAR)"
    )
    connection.execute("DELETE FROM core.identity WHERE name = 'schema_version'")
    connection.execute("INSERT INTO core.identity VALUES ('schema_version', ?, '')", [str(version)])


def tables_now() -> dict[str, dict[str, str]]:
    """Columns and SQL types of every table that is not derived, as the contracts say today."""
    from warehouse.store import sql_types
    from warehouse.tables import TABLES

    return {table.name: sql_types(table) for table in TABLES.values() if not table.derived}


def main() -> None:
    """Note the newest version's columns in `contracts.json`; what an older version had is never written again."""
    layers = json.loads(CONTRACTS.read_text(encoding="utf-8"))
    if str(VERSION) in layers:
        raise SystemExit(f"version {VERSION} is noted already: add a step to MIGRATIONS first")
    before = contract(VERSION - 1)
    now = tables_now()
    layers[str(VERSION)] = {name: columns for name, columns in now.items() if before.get(name) != columns}
    CONTRACTS.write_text(_text(layers), encoding="utf-8")


def _text(layers: dict[str, dict[str, dict[str, str]]]) -> str:
    """JSON with a line per table, so that a change shows as one."""
    parts = []
    for number, tables in layers.items():
        lines = [f"  {json.dumps(name)}: {json.dumps(columns)}" for name, columns in tables.items()]
        parts.append(f' "{number}": {{\n' + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main()
