"""An older warehouse made one of this version, after a verified copy of it was put beside it.

Killed anywhere and run again, it comes to the same. Not for what changes: `migrations.py` says that.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from warehouse.config import Config
from warehouse.copies import copy_file, need_space, unused
from warehouse.errors import StoreError
from warehouse.migrations import VERSION, columns_of_all, migrate, version_of
from warehouse.store import connected, errors_withheld, other_version


def row_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many rows every table of an open warehouse has."""
    with errors_withheld("a count of rows"):
        counted = {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()
            for name in columns_of_all(connection)
            if name.split(".")[0] in {"raw", "core", "out"}
        }
    return {name: int(row[0]) for name, row in counted.items() if row}


def version_at(path: Path, *, config: Config) -> int | None:
    """The version of the warehouse in a file, which is only read; None where it is not there or empty."""
    if not path.exists():
        return None
    with connected(path, config=config.warehouse, read_only=True) as connection:
        return version_of(connection)


def bring_up_to_date(config: Config) -> str:
    """Migrate an older warehouse; returns what was done, or '' where nothing had to be.

    The caller holds the run's lock. `ContractError` for a version that this program does not know.
    """
    path = config.paths.warehouse
    if not path.exists():
        return ""
    with connected(path, config=config.warehouse) as connection:
        found = version_of(connection)
        if found is None or found == VERSION:
            return ""
        if found > VERSION:
            raise other_version(path, found=found)
        with errors_withheld("a checkpoint"):
            connection.execute("CHECKPOINT")
        before = row_counts(connection)
    size = path.stat().st_size
    need_space(path.parent, size=2 * size, what=f"a migration to version {VERSION} with a copy before it")
    kept = _copy_before(path, config=config, counts=before)
    with connected(path, config=config.warehouse) as connection, errors_withheld("the migration"):
        migrate(connection, found=found)
        connection.execute("CHECKPOINT")
    return f"brought {path} from version {found} to {VERSION}; as it was before it lies in {kept.name}"


def _copy_before(path: Path, *, config: Config, counts: dict[str, int]) -> Path:
    """A copy that says the same as the warehouse: the one of a run that was killed, or a new one."""
    wanted = path.with_name(f"{path.name}.before-{VERSION}")
    if wanted.exists() and _says(wanted, config=config) == counts:
        return wanted
    target = unused(wanted)
    copy_file(path, target)
    if _says(target, config=config) != counts:
        raise StoreError(f"{target}: does not hold what {path} holds. Check the disk, then run again.")
    return target


def _says(path: Path, *, config: Config) -> dict[str, int]:
    with connected(path, config=config.warehouse, read_only=True) as connection:
        return row_counts(connection)
