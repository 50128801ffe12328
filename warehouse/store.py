"""The one door to the warehouse, of whatever kind: written through the contracts only.

Not for computing anything: stages bring finished frames, or SQL over tables that already passed the door. How a kind is
opened stands in `opening.py`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import dataframely as dy
import duckdb
import polars as pl

from warehouse.config import WarehouseConfig
from warehouse.errors import ContractError
from warehouse.lake_catalogue import Turn
from warehouse.migrations import VERSION, columns_of, columns_of_all, version_of
from warehouse.opening import connected_in_turn, errors_withheld, name_of, nobody_else
from warehouse.tables import TABLES, Table

_SQL_TYPES: dict[type[pl.DataType], str] = {
    pl.String: "VARCHAR",
    pl.Enum: "VARCHAR",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMPTZ",
    pl.Float64: "DOUBLE",
    pl.Float32: "FLOAT",
    pl.Int8: "TINYINT",
    pl.Int32: "INTEGER",
    pl.Int64: "BIGINT",
    pl.Boolean: "BOOLEAN",
}


@dataclass(frozen=True)
class Receipt:
    """What a stage did: counts only, safe to log and to hand to an orchestrator."""

    stage: str
    rows_in: int = 0
    rows_out: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    publication: str = ""
    seconds: float = 0.0

    @property
    def rows_dropped(self) -> int:
        return sum(self.reasons.values())

    def __add__(self, other: Receipt) -> Receipt:
        """Both as one, under the name of the first."""
        names = [*self.reasons, *other.reasons]
        return Receipt(
            self.stage,
            rows_in=self.rows_in + other.rows_in,
            rows_out=self.rows_out + other.rows_out,
            reasons={name: self.reasons.get(name, 0) + other.reasons.get(name, 0) for name in names},
            notes=self.notes + other.notes,
            problems=self.problems + other.problems,
        )


class Store:
    """An open warehouse. Use `open_store`; everything written inside `transaction` lands together.

    `turn` is what every transaction waits for and holds, where several processes may write.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, turn: Turn = nobody_else) -> None:
        self.connection = connection
        self._turn = turn
        self._inside = False
        # One look at all of them: a warehouse is opened by every stage.
        known = columns_of_all(connection)
        if all(known.get(table.name) == list(_all_types(table)) for table in TABLES.values()) and (
            self.identity("schema_version") is not None
        ):
            return
        with self.transaction():
            # Another process may have had its turn meanwhile.
            known = columns_of_all(connection)
            for name in ("raw", "core", "out"):
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name}")
            for table in TABLES.values():
                self._create(table, known=known.get(table.name, []))
            if self.identity("schema_version") is None:
                self.identify("schema_version", str(VERSION))

    def create(self, table: Table) -> None:
        """Create a contract's table if it is not there; private rows also carry `run_id`.

        One with other columns, of an earlier version, is made anew if it is empty or can be computed again, and
        refused with `ContractError` otherwise.
        """
        if columns_of(self.connection, table=table.name) != list(_all_types(table)):
            with errors_withheld(table.name), self._whole():
                self._create(table, known=columns_of(self.connection, table=table.name))

    def _create(self, table: Table, *, known: list[str]) -> None:
        types = _all_types(table)
        if known == list(types):
            return
        if known:
            self._remove_outdated(table, known=known)
        columns = ", ".join(f'"{name}" {sql_type}' for name, sql_type in types.items())
        self.connection.execute(f"CREATE TABLE IF NOT EXISTS {table.name} ({columns})")

    def _remove_outdated(self, table: Table, *, known: list[str]) -> None:
        rows = self._count(f"SELECT count(*) FROM {table.name}")
        if rows and not table.derived:
            raise ContractError(
                f"{table.name} holds {rows:,} rows with the columns {', '.join(known)}, as another version of the "
                f"program wrote them. Expected {', '.join(_dtypes(table))}. Use that version, or start a new warehouse."
            )
        self.connection.execute(f"DROP TABLE {table.name}")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the writes inside, or none. `StoreError` where the locks of a DuckLake were lost meanwhile."""
        with self._turn() as refuse_lost:
            self.connection.execute("BEGIN")
            self._inside = True
            try:
                yield
                refuse_lost()
            except BaseException:
                # After a fault of the disk or of PostgreSQL there may be no transaction left to undo.
                with contextlib.suppress(duckdb.Error):
                    self.connection.execute("ROLLBACK")
                raise
            finally:
                self._inside = False
            with errors_withheld("a write"):
                self.connection.execute("COMMIT")

    def _whole(self) -> contextlib.AbstractContextManager[None]:
        """A write outside of a transaction is one by itself."""
        return contextlib.nullcontext() if self._inside else self.transaction()

    def append(self, table: Table, frame: pl.DataFrame, *, run_id: str) -> int:
        """Add rows whose keys must all be new; returns how many. `ContractError` otherwise."""
        checked = check(table, frame)
        with errors_withheld(table.name), self._whole(), self._staged(checked, run_id=run_id) as staged:
            clash = self._count(f"SELECT count(*) FROM {staged} JOIN {table.name} USING ({_keys(table)})")
            if clash:
                raise ContractError(
                    f"{table.name}: {clash} rows have a key ({', '.join(table.key)}) that is already there. "
                    "A stage must replace its own rows, not add them twice."
                )
            self._insert(table, staged)
        return checked.height

    def append_new(self, table: Table, frame: pl.DataFrame, *, run_id: str) -> int:
        """Add only the rows whose key is not there yet; returns how many were added."""
        checked = check(table, frame)
        with errors_withheld(table.name), self._whole(), self._staged(checked, run_id=run_id) as staged:
            before = self.count(table)
            self._insert(table, f"{staged} ANTI JOIN {table.name} USING ({_keys(table)})", alias=staged)
            return self.count(table) - before

    def put(self, table: Table, frame: pl.DataFrame, *, run_id: str) -> int:
        """Add rows, replacing those with the same key; returns how many were written."""
        checked = check(table, frame)
        with errors_withheld(table.name), self._whole(), self._staged(checked, run_id=run_id) as staged:
            match = " AND ".join(f'{table.name}."{key}" = {staged}."{key}"' for key in table.key)
            self.connection.execute(f"DELETE FROM {table.name} USING {staged} WHERE {match}")
            self._insert(table, staged)
        return checked.height

    def delete(self, table: Table, *, where: str, parameters: list[object] | None = None) -> None:
        """Remove the rows that match a condition on the table's own columns."""
        with errors_withheld(table.name), self._whole():
            self.connection.execute(f"DELETE FROM {table.name} WHERE {where}", parameters or [])

    def blank(self, table: Table, *, column: str, where: str, parameters: list[object] | None = None) -> None:
        """Set a nullable column to null in the rows that match a condition on the table's own columns."""
        with errors_withheld(table.name), self._whole():
            self.connection.execute(
                f'UPDATE {table.name} SET "{column}" = NULL WHERE {where}', parameters or []
            )

    def rewrite(self, table: str, *, columns: dict[str, str]) -> None:
        """Write a table anew, in which these columns are what an SQL expression over its rows says.

        Memory is bounded whatever the table's size, which an UPDATE of every row is not.
        """
        new, bare = f"{table}_new", table.split(".")[1]
        replaced = ", ".join(f'{made} AS "{column}"' for column, made in columns.items())
        with errors_withheld(table), self._whole():
            self.connection.execute(f"CREATE TABLE {new} AS SELECT * REPLACE ({replaced}) FROM {table}")
            self.connection.execute(f"DROP TABLE {table}")
            self.connection.execute(f"ALTER TABLE {new} RENAME TO {bare}")

    def read(
        self, table: Table, *, where: str = "true", parameters: list[object] | None = None
    ) -> pl.DataFrame:
        """The rows that match, in the contract's columns and types, sorted by key."""
        names = ", ".join(f'"{name}"' for name in table.columns)
        query = f"SELECT {names} FROM {table.name} WHERE {where}"
        with errors_withheld(table.name):
            frame = self.connection.execute(query, parameters or []).pl()
        return _conform(table, frame).sort(table.key)

    def existing_keys(self, table: Table, keys: pl.DataFrame) -> pl.DataFrame:
        """Those rows of `keys` (some of the table's key columns) that the table already has, each once, in order."""
        columns = ", ".join(f'"{name}"' for name in keys.columns)
        with self._staged(keys, run_id="") as staged:
            # The table on the left: what is staged then filters its scan, which is four times as fast as the reverse.
            return self.query(
                f"SELECT DISTINCT {columns} FROM {table.name} SEMI JOIN {staged} USING ({columns}) ORDER BY ALL"
            )

    def hash_rows(self, frame: pl.DataFrame) -> pl.Series:
        """A stable 128-bit hash (hex) of each row's string columns, in order; null differs from empty."""
        parts = ", ".join(f"coalesce('=' || \"{name}\", '-')" for name in frame.columns)
        with self._staged(frame.with_row_index("row"), run_id="") as staged:
            sql = f"SELECT md5(concat_ws(chr(31), {parts})) AS hash FROM {staged} ORDER BY row"
            return self.query(sql)["hash"]

    def identity(self, name: str) -> str | None:
        """What `core.identity` says of this warehouse; None where it says nothing."""
        found: list[str] = self.query("SELECT value FROM core.identity WHERE name = ?", [name])[
            "value"
        ].to_list()
        return found[0] if found else None

    def identify(self, name: str, value: str) -> None:
        """Say something of this warehouse in `core.identity`."""
        self.put(TABLES["core.identity"], pl.DataFrame({"name": [name], "value": [value]}), run_id="")

    def query(self, sql: str, parameters: list[object] | None = None) -> pl.DataFrame:
        """Any SELECT, as a Polars frame."""
        with errors_withheld("a query"):
            return self.connection.execute(sql, parameters or []).pl()

    def count(self, table: Table) -> int:
        """How many rows a table has."""
        return self._count(f"SELECT count(*) FROM {table.name}")

    def has(self, table: Table) -> bool:
        """Whether the table exists: score tables appear with their scorer's first run."""
        schema, name = table.name.split(".")
        query = "SELECT count(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = ?"
        return self._count(query, [schema, name]) > 0

    def _count(self, sql: str, parameters: list[object] | None = None) -> int:
        row = self.connection.execute(sql, parameters or []).fetchone()
        return int(row[0]) if row else 0

    def _insert(self, table: Table, origin: str, *, alias: str | None = None) -> None:
        columns = list(dict.fromkeys([*table.columns, "run_id"]))
        names = ", ".join(f'"{name}"' for name in columns)
        chosen = ", ".join(f'{alias or origin}."{name}"' for name in columns)
        self.connection.execute(f"INSERT INTO {table.name} ({names}) SELECT {chosen} FROM {origin}")

    @contextlib.contextmanager
    def _staged(self, frame: pl.DataFrame, *, run_id: str) -> Iterator[str]:
        strings = frame.with_columns(pl.col(pl.Enum).cast(pl.String), run_id=pl.lit(run_id, dtype=pl.String))
        self.connection.register("staged", strings.to_arrow())
        try:
            yield "staged"
        finally:
            self.connection.unregister("staged")


@contextlib.contextmanager
def open_store(path: Path, *, config: WarehouseConfig) -> Iterator[Store]:
    """Open the warehouse for writing; `BusyError` when another process has its file open, or is tidying a DuckLake.

    `ContractError` where its tables are those of another version: `upgrade.py` brings older ones up to date.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with connected_in_turn(path, config=config) as (connection, turn):
        found = version_of(connection)
        if found is not None and found != VERSION:
            raise other_version(name_of(path, config=config), found=found)
        yield Store(connection, turn=turn)


def other_version(path: Path | str, *, found: int) -> ContractError:
    """The error for a warehouse that this program must not write to as it is."""
    if found > VERSION:
        return ContractError(
            f"{path}: its tables are of version {found}; this program knows versions up to {VERSION}. Use the newer "
            "program that wrote it, or restore a backup of before."
        )
    return ContractError(
        f"{path}: its tables are of version {found}; this program needs version {VERSION}. Run `affectcast migrate` "
        "or the next night: a copy is made before."
    )


def check(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame in the contract's columns, types and rules; `ContractError` names table, rule and row count."""
    missing = [name for name in table.columns if name not in frame.columns]
    if missing:
        raise ContractError(f"{table.name}: columns missing: {', '.join(missing)}.")
    typed = _conform(table, frame)
    _, failures = table.schema.filter(typed)
    counts = failures.counts()
    if counts:
        broken = ", ".join(f"{rule}: {count} rows" for rule, count in sorted(counts.items()))
        raise ContractError(
            f"{table.name}: {len(failures)} of {frame.height} rows break the contract ({broken})."
        )
    return typed


def _conform(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    casts = [pl.col(name).cast(dtype) for name, dtype in _dtypes(table).items()]
    try:
        return frame.select(casts)
    except pl.exceptions.PolarsError:
        # Without the cause, which would quote the values that do not fit.
        raise ContractError(f"{table.name}: a column does not have its contract's type.") from None


def _dtypes(table: Table) -> dict[str, pl.DataType]:
    columns: dict[str, dy.Column] = table.schema.columns()
    return {name: column.dtype for name, column in columns.items()}


def sql_types(table: Table) -> dict[str, str]:
    """The columns of a table and the types that the database knows them by."""
    return {name: _SQL_TYPES[type(dtype)] for name, dtype in _dtypes(table).items()}


def _all_types(table: Table) -> dict[str, str]:
    return sql_types(table) | {"run_id": "VARCHAR"}


def _keys(table: Table) -> str:
    return ", ".join(f'"{key}"' for key in table.key)


def batched(counts: pl.DataFrame, *, size: int) -> Iterator[pl.DataFrame]:
    """Consecutive parts of `counts` in which column `n` adds up to about `size`; a row is never cut."""
    cut = counts.with_columns(_batch=(pl.col("n").cum_sum() - pl.col("n")) // size)
    for _, part in cut.group_by("_batch", maintain_order=True):
        yield part.drop("_batch")


def run_identity(command: str, *, issue: str, config_sha256: str, inputs: object) -> str:
    """A hash of what was asked, so that a rerun of the same thing has the same id."""
    body = json.dumps([command, issue, config_sha256, inputs], sort_keys=True, default=str)
    return hashlib.sha256(body.encode()).hexdigest()[:16]
