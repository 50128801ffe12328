"""An older warehouse made one of this version, after a verified copy of it was put beside it; copies are DuckDB files.

Killed anywhere and run again, it comes to the same. Not for what changes: `migrations.py` says that.
"""

from __future__ import annotations

import stat
from pathlib import Path

import duckdb

from warehouse import ducklake
from warehouse.config import Config
from warehouse.copies import appearing, copy_file, full_disk_told, need_space, unused
from warehouse.errors import StoreError
from warehouse.migrations import VERSION, columns_of_all, migrate, version_of
from warehouse.opening import (
    connected,
    connected_file,
    errors_withheld,
    exists,
    name_of,
    size_of,
)
from warehouse.store import other_version

# What `core.identity` says between a change that must be in no file any more and `compact`.
COMPACT_PENDING = "compact_pending"
_NOTHING_PENDING = f"DELETE FROM core.identity WHERE name = '{COMPACT_PENDING}'"


def row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many rows every table of an open warehouse has."""
    with errors_withheld("a count of rows"):
        counted = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()
            for name in columns_of_all(connection)
            if name.split(".")[0] in {"raw", "core", "out"}
        }
    return {name: int(row[0]) for name, row in counted.items() if row}


def copy_database(connection: duckdb.DuckDBPyConnection, *, target: Path) -> dict[str, int]:
    """Write every table of an open warehouse into a new file, without what was deleted; returns rows per table."""
    counts = row_counts(connection)
    here = connection.sql("SELECT current_database()").fetchall()[0][0]
    there = str(target).replace("'", "''")
    with errors_withheld("the copy of the warehouse"):
        connection.execute(f"ATTACH '{there}' AS fresh_copy")
        connection.execute(f'COPY FROM DATABASE "{here}" TO fresh_copy')
        connection.execute("DETACH fresh_copy")
    return counts


def check_copy(path: Path, *, config: Config, version: int | None, counts: dict[str, int]) -> None:
    """`StoreError` where a file does not open as a warehouse of this version with these rows."""
    with connected_file(path, config=config.warehouse, read_only=True) as connection:
        if version_of(connection) != version or row_counts(connection) != counts:
            raise StoreError(
                f"{path}: this copy of the warehouse does not hold what it should. Check the disk, then run again."
            )


def compact(config: Config) -> None:
    """Write the warehouse anew, so that what was deleted is no longer in its files. The caller holds the run's lock.

    A file keeps its permissions. Afterwards nothing is noted as `COMPACT_PENDING`.
    """
    path = config.paths.warehouse
    if config.warehouse.is_lake:
        with connected(path, config=config.warehouse, alone=True) as connection, errors_withheld("tidying"):
            ducklake.tidy(connection)
            connection.execute(_NOTHING_PENDING)
        return
    held = path.stat()
    need_space(path.parent, size=held.st_size, what="writing the warehouse anew")
    with appearing(path, mode=stat.S_IMODE(held.st_mode)) as fresh:
        with connected(path, config=config.warehouse) as connection:
            version = version_of(connection)
            counts = copy_database(connection, target=fresh)
        check_copy(fresh, config=config, version=version, counts=counts)
        with connected_file(fresh, config=config.warehouse) as connection, errors_withheld("the new file"):
            connection.execute(_NOTHING_PENDING)


def version_at(path: Path, *, config: Config) -> int | None:
    """The version of a warehouse, which is only read; None where it is not there or empty."""
    if not exists(path, config=config.warehouse):
        return None
    with connected(path, config=config.warehouse, read_only=True) as connection:
        return version_of(connection)


def bring_up_to_date(config: Config) -> str:
    """Migrate an older warehouse; returns what was done, or '' where nothing had to be.

    The caller holds the run's lock. `ContractError` for a version that this program does not know.
    """
    path, lake = config.paths.warehouse, config.warehouse.is_lake
    if not exists(path, config=config.warehouse):
        return ""
    name = name_of(path, config=config.warehouse)
    with connected(path, config=config.warehouse) as connection:
        found = version_of(connection)
        if found is None or found == VERSION:
            return ""
        if found > VERSION:
            raise other_version(name, found=found)
        if not lake:
            with errors_withheld("a checkpoint"):
                connection.execute("CHECKPOINT")
        before = row_counts(connection)
    size = size_of(path, config=config.warehouse)
    need_space(path.parent, size=2 * size, what=f"a migration to version {VERSION} with a copy before it")
    kept = _copy_before(path, config=config, found=found, counts=before)
    with connected(path, config=config.warehouse, alone=True) as connection, errors_withheld("the migration"):
        migrate(connection, found=found)
        if not lake:
            connection.execute("CHECKPOINT")
    return f"brought {name} from version {found} to {VERSION}; as it was before it lies in {kept.name}"


def _copy_before(path: Path, *, config: Config, found: int, counts: dict[str, int]) -> Path:
    """A copy that says the same as the warehouse: the one of a run that was killed, or a new one."""
    wanted = path.with_name(f"{path.name}.before-{VERSION}")
    if wanted.exists() and _says(wanted, config=config) == counts:
        return wanted
    target = unused(wanted)
    if config.warehouse.is_lake:
        copy_lake(target, config=config)
    else:
        copy_file(path, target)
    check_copy(target, config=config, version=found, counts=counts)
    return target


def copy_lake(target: Path, *, config: Config) -> None:
    """Write every table of a DuckLake into a DuckDB file that appears when it is whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        full_disk_told(target.parent),
        appearing(target) as fresh,
        connected(config.paths.warehouse, config=config.warehouse, read_only=True) as connection,
    ):
        copy_database(connection, target=fresh)


def _says(path: Path, *, config: Config) -> dict[str, int]:
    with connected_file(path, config=config.warehouse, read_only=True) as connection:
        return row_counts(connection)
